/** The order running beside the live rules, nobody asked: what it would decide otherwise, now. */

import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Order, ShadowView } from '@/api/types';
import { Light, Paper, When } from '@/parts/basics';
import { Empty, Trouble } from '@/parts/states';
import { useSession } from '@/shell/session';
import { Effect } from './effect';

async function current(id: number): Promise<ShadowView | null> {
  try {
    return await call<ShadowView>('GET', `/orders/${id}/shadow`);
  } catch (error) {
    if (asProblem(error).status === 404) return null;
    throw error;
  }
}

export function Shadow({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const asked = useQuery({ queryKey: ['order', String(order.id), 'shadow'], queryFn: () => current(order.id), refetchInterval: (query) => (query.state.data?.running ? 1000 : false) });
  const change = useMutation({
    mutationFn: (method: 'PUT' | 'DELETE') => call(method, `/orders/${order.id}/shadow`),
    onSuccess: () => asked.refetch(),
  });
  const shadow = asked.data;
  return (
    <Paper
      title={t('order.shadow')}
      aside={may('orders.shadow') ? <Button size="xs" variant="light" loading={change.isPending} onClick={() => change.mutate(shadow ? 'DELETE' : 'PUT')}>{t(shadow ? 'order.shadowStop' : 'order.shadowStart')}</Button> : null}
    >
      <Stack gap="md">
        <Trouble error={change.error ?? asked.error} />
        {shadow ? (
          <>
            <Group gap="md"><Light tone={shadow.running ? 'good' : 'warn'}>{shadow.stopped ?? <When at={shadow.since} />}</Light><Text size="sm" className="quiet">{shadow.void ? `${t('order.previewOld')} · ` : ''}{t('live.behind', { count: shadow.behind })}</Text></Group>
            <Effect effect={shadow.effect} order={order.id} />
          </>
        ) : <Empty title={t('order.shadowOff')}>{t('order.shadowAbout')}</Empty>}
      </Stack>
    </Paper>
  );
}
