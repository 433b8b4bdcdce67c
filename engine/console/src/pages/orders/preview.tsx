/** The effect before approval: the order replayed over the last days of the journal. */

import { Button, Group, NumberInput, Progress, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Order, PreviewView } from '@/api/types';
import { count } from '@/lib/money';
import { Paper } from '@/parts/basics';
import { Empty, Trouble } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';
import { useSession } from '@/shell/session';
import { Effect } from './effect';

const POLL_MS = 700;

/** Not calculated yet is no error. */
async function last(id: number): Promise<PreviewView | null> {
  try {
    return await call<PreviewView>('GET', `/orders/${id}/preview`);
  } catch (error) {
    if (asProblem(error).status === 404) return null;
    throw error;
  }
}

export function Preview({ order }: { order: Order }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const { may } = useSession();
  const queries = useQueryClient();
  const [days, setDays] = useState<number | ''>(7);
  const key = ['order', String(order.id), 'preview'];
  const asked = useQuery({ queryKey: key, queryFn: () => last(order.id), refetchInterval: (query) => (query.state.data?.status === 'running' ? POLL_MS : false) });
  const start = useMutation({
    mutationFn: () => call('POST', `/orders/${order.id}/preview`, { days }),
    onSuccess: () => queries.invalidateQueries({ queryKey: key }),
  });
  const cancel = useMutation({ mutationFn: () => call('DELETE', `/orders/${order.id}/preview`), onSettled: () => queries.invalidateQueries({ queryKey: key }) });
  const view = asked.data;
  const isOut = days === '' || days < 1 || days > 90;
  const isRunning = view?.status === 'running';
  return (
    <Paper
      title={t('order.preview')}
      aside={may('orders.preview') ? (
        <Group gap="xs">
          <NumberInput size="xs" w={76} min={1} max={90} value={days} clampBehavior="none" allowNegative={false} allowDecimal={false} error={isOut} title={isOut ? t('hints.between', { from: 1, to: 90 }) : undefined} onChange={(value) => setDays(value === '' ? '' : Number(value))} aria-label={t('order.previewDays')} suffix={` ${t('order.daysShort')}`} />
          {isRunning ? <Button size="xs" variant="default" onClick={() => cancel.mutate()}>{t('common.cancel')}</Button> : null}
          <Button size="xs" variant="light" disabled={isOut} loading={start.isPending || isRunning} onClick={() => start.mutate()}>{t('order.previewRun')}</Button>
        </Group>
      ) : null}
    >
      <Stack gap="md">
        <Trouble error={start.error ?? asked.error} />
        {view?.status === 'failed' ? <Trouble error={new Error(view.error ?? '')} /> : null}
        {isRunning ? <div><Text size="sm" mb={6}>{t('order.previewRunning')}</Text><Progress value={(view.done_records * 100) / Math.max(1, view.all_records)} animated aria-label={t('order.previewRunning')} /></div> : null}
        {view?.preview ? (
          <>
            <Text size="sm" className="quiet">{t('hints.previewRead', { days: view.preview.days, records: count(view.preview.records, language), rate: count(view.preview.per_second, language) })}{view.void ? ` · ${t('order.previewOld')}` : ''}</Text>
            <Effect effect={view.preview.effect} order={order.id} />
          </>
        ) : null}
        {!view?.preview && !isRunning ? <Empty title={t('order.previewNone')}>{t('order.previewAbout')}</Empty> : null}
      </Stack>
    </Paper>
  );
}
