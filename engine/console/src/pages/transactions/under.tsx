/** What it would have been under a change order: the same moment, decided by the order's rules. */

import { Alert, Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { call } from '@/api/client';
import type { UnderView } from '@/api/types';
import { Code, Paper, Rule, Waiting } from '@/parts/basics';
import { Trouble } from '@/parts/states';
import { Trace } from './trace';

export function Under({ id }: { id: string }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const order = params.get('under');
  const [picked, setPicked] = useState<string | number>(order ?? '');
  const asked = useQuery({
    queryKey: ['under', id, order],
    queryFn: () => call<UnderView>('GET', `/transactions/${encodeURIComponent(id)}/under?order=${order}`),
    enabled: order !== null,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParams(picked === '' ? {} : { under: String(picked) });
  };
  const view = asked.data;
  return (
    <Paper
      title={t('tx.under')}
      aside={
        <form onSubmit={submit}>
          <Group gap="xs">
            <NumberInput size="xs" w={160} min={1} clampBehavior="none" allowNegative={false} allowDecimal={false} placeholder={t('tx.underPick')} aria-label={t('tx.underPick')} value={picked} onChange={setPicked} />
            <Button size="xs" variant="light" type="submit">{t('common.find')}</Button>
          </Group>
        </form>
      }
    >
      <Stack gap="sm">
        <Trouble error={asked.error} />
        {order === null ? <Text size="sm" className="quiet">{t('tx.underAbout')}</Text> : null}
        {order !== null && asked.isPending ? <Waiting rows={2} /> : null}
        {view ? (
          <>
            <Alert color={view.same ? 'gray' : 'yellow'} variant="light">
              <Group gap={8}>
                <Code code={view.was.code} /><span aria-hidden>→</span><Code code={view.would_be.code} />
                {t(view.same ? 'tx.same' : 'tx.would', { code: view.would_be.code })}
                {view.would_be.rule ? <Rule id={view.would_be.rule} /> : null}
              </Group>
            </Alert>
            <Trace lines={view.would_be.trace} />
          </>
        ) : null}
      </Stack>
    </Paper>
  );
}
