/** Why: a transaction as a readable story, with what it did to the books and what came of it. */

import { Badge, Button, Grid, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useParams } from 'react-router';
import { call } from '@/api/client';
import type { TransactionDetail } from '@/api/types';
import { Code, Facts, Head, Money, Paper, To, When } from '@/parts/basics';
import { Asked, Empty } from '@/parts/states';
import { useSession } from '@/shell/session';
import { Story } from './transactions/story';
import { Trace } from './transactions/trace';
import { Under } from './transactions/under';

function Request({ tx }: { tx: TransactionDetail }) {
  const { t } = useTranslation();
  return (
    <Paper title={t('tx.request')}>
      <Facts
        items={[
          [t('tx.at'), <When key="w" at={tx.at} />],
          [t('tx.operation'), `${t(`operations.${tx.operation}` as 'operations.purchase', tx.operation)} (${tx.mti} ${tx.processing_code})`],
          [t('tx.amount'), <Money key="a" value={tx.amount} currency={tx.currency} />],
          ...(tx.handed_out ? [[t('tx.handedOut'), <Money key="h" value={tx.handed_out} currency={tx.currency} />] as [string, React.ReactNode]] : []),
          [t('tx.card'), tx.card ? <To key="c" to={`/cards/${tx.card}`}>{tx.pan ?? tx.card}</To> : (tx.pan ?? '—')],
          [t('card.account'), tx.account ? <To key="k" to={`/accounts/${tx.account}`}>{tx.account}</To> : '—'],
          [t('tx.terminal'), `${tx.terminal}${tx.agent ? ` · ${tx.agent}` : ''}${tx.merchant ? ` · ${tx.merchant}` : ''}`],
          [t('tx.entry'), tx.entry_mode],
          [t('tx.pin'), t(`pin.${tx.pin}` as 'pin.none', tx.pin.replaceAll('_', ' '))],
          ['STAN · RRN', <span key="s" className="mono">{tx.stan} · {tx.rrn}</span>],
          [t('tx.auth'), <span key="u" className="mono">{tx.auth_code ?? '—'}</span>],
          [t('tx.liability'), t(`liability.${tx.liability}` as 'liability.issuer', tx.liability)],
          [t('tx.rules'), tx.rules],
          ...(tx.retransmissions.length > 0 ? [[t('tx.again'), String(tx.retransmissions.length)] as [string, string]] : []),
        ]}
      />
    </Paper>
  );
}

function Books({ tx }: { tx: TransactionDetail }) {
  const { t } = useTranslation();
  return (
    <Paper title={t('tx.books')}>
      {tx.postings.length === 0 && !tx.hold ? <Empty title={t('tx.noPostings')} /> : null}
      <Stack gap={6}>
        {tx.hold ? <Group justify="space-between"><Text size="sm">{t(`holds.${tx.hold.change}` as 'holds.placed', tx.hold.change)}</Text><Money value={tx.hold.amount ?? null} currency={tx.currency} /></Group> : null}
        {tx.postings.map((posting, at) => (
          <Group key={at} justify="space-between">
            <Text size="sm">{posting.account ?? t(`general.${posting.general}` as 'general.cash', (posting.general ?? '').replaceAll('_', ' '))}</Text>
            <Money value={posting.amount} currency={posting.currency} />
          </Group>
        ))}
      </Stack>
    </Paper>
  );
}

function Related({ tx }: { tx: TransactionDetail }) {
  const { t } = useTranslation();
  const all = [...(tx.original_transaction ? [tx.original_transaction] : []), ...tx.followers];
  if (all.length === 0) return null;
  return (
    <Paper title={t('tx.related')}>
      <Stack gap={6}>
        {all.map((one) => (
          <Group key={one.id} justify="space-between">
            <Group gap={8}><Code code={one.code} /><To to={`/transactions/${one.id}`}>{one.mti} №{one.id}</To><When at={one.at} short /></Group>
            <Money value={one.amount} currency={one.currency} />
          </Group>
        ))}
      </Stack>
    </Paper>
  );
}

export default function Transaction() {
  const { t } = useTranslation();
  const { may } = useSession();
  const { id = '' } = useParams();
  const [view, setView] = useState(may('story.see') ? 'story' : 'trace');
  const asked = useQuery({ queryKey: ['transaction', id], queryFn: () => call<TransactionDetail>('GET', `/transactions/${encodeURIComponent(id)}`) });
  return (
    <Asked query={asked} rows={12}>
      {(tx) => (
        <Stack gap="md">
          <Head
            title={<Group gap="sm">{t('tx.number', { id: tx.id })}<Code code={tx.code} /><Badge color={tx.approved ? 'green' : 'red'}>{t(`results.${tx.result}` as 'results.approved', tx.result.replaceAll('_', ' '))}</Badge></Group>}
            about={<><When at={tx.at} /> · <Money value={tx.amount} currency={tx.currency} /> · {tx.terminal}</>}
          >
            {may('disputes.open') && tx.approved ? <Button component={Link} variant="default" to={`/disputes?transaction=${tx.id}`}>{t('dispute.take')}</Button> : null}
          </Head>
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 7 }}>
              <Stack gap="md">
              <Paper
                title={t('tx.why')}
                aside={may('story.see') && <SegmentedControl size="xs" value={view} onChange={setView} data={[{ value: 'story', label: t('tx.story') }, { value: 'trace', label: t('tx.trace') }]} />}
              >
                {view === 'story' ? <Story id={tx.id} /> : <Trace lines={tx.trace} />}
              </Paper>
              {may('under.see') ? <Under id={tx.id} /> : null}
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 5 }}>
              <Stack gap="md"><Request tx={tx} /><Books tx={tx} /><Related tx={tx} /></Stack>
            </Grid.Col>
          </Grid>
        </Stack>
      )}
    </Asked>
  );
}
