/** What concerns the whole bank: rates, networks, the stop-list, closures to approve, books, the day. */

import { Group, Stack, Table, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import { offset } from '@/lib/time';
import { Head, Money, Paper, To } from '@/parts/basics';
import { Deeds } from '@/parts/deeds';
import { withParams } from '@/parts/lists';
import { Asked, Empty } from '@/parts/states';
import { Listed, Told, useName } from '@/parts/told';
import { useSession } from '@/shell/session';

type Row = Record<string, unknown>;

/** A list of the engine under its own permission; nothing where that is not given. */
function Section<T>({ path, title, aside, children }: { path: string; title: (answer: T | undefined) => ReactNode; aside?: ReactNode; children: (answer: T) => ReactNode }) {
  const { session } = useSession();
  const isAllowed = session?.permissions.includes(`GET ${path.split('?')[0]}`) ?? false;
  const asked = useQuery({ queryKey: ['bank', path], queryFn: () => call<T>('GET', path), enabled: isAllowed });
  if (!isAllowed) return null;
  return <Paper flush title={title(asked.data)} aside={aside}><Asked query={asked} rows={2}>{children}</Asked></Paper>;
}

function Some({ rows, only, label }: { rows: readonly Row[]; only: readonly string[]; label: string }) {
  const { t } = useTranslation();
  return rows.length === 0 ? <Empty title={t('bank.none')} /> : <Listed rows={rows} only={only} label={label} />;
}

/** What the end of day listed, each with its approval. */
function ToApprove({ rows, by, of, label }: { rows: readonly Row[]; by: 'account' | 'card'; of: 'idle' | 'uncollected'; label: string }) {
  const { t } = useTranslation();
  const name = useName();
  if (rows.length === 0) return <Empty title={t('bank.none')} />;
  const columns = of === 'idle' ? ['customer', 'balance', 'last_operation', 'listed_on', 'goes_to'] : ['masked_pan', 'account', 'applied_on', 'listed_on'];
  return (
    <Table className="rows" aria-label={label}>
      <Table.Thead><Table.Tr><Table.Th>{name(by)}</Table.Th>{columns.map((one) => <Table.Th key={one}>{name(one)}</Table.Th>)}<Table.Th /></Table.Tr></Table.Thead>
      <Table.Tbody>
        {rows.map((row) => (
          <Table.Tr key={String(row[by])}>
            <Table.Td><To to={`/${by}s/${String(row[by])}`}>{String(row[by])}</To></Table.Td>
            {columns.map((one) => <Table.Td key={one}>{one === 'balance' ? <Money value={String(row[one])} currency={String(row['currency'])} /> : String(row[one] ?? '—')}</Table.Td>)}
            <Table.Td ta="right"><Deeds small of={of} id={String(row[by])} stale={[['bank']]} /></Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Books() {
  const { t } = useTranslation();
  const [date, setDate] = useState('');
  return (
    <Section<{ totals: Row[] }> path={withParams('/general-ledger', { date })} title={() => t('bank.books')} aside={<TextInput size="xs" type="date" aria-label={t('deeds.fields.date')} value={date} onChange={(event) => setDate(event.currentTarget.value)} />}>
      {({ totals }) => <Some label={t('bank.books')} rows={totals} only={['class', 'currency', 'opening', 'debit', 'credit', 'closing', 'postings']} />}
    </Section>
  );
}

export default function Bank() {
  const { t } = useTranslation();
  // The offset of the bank, as any of its instants carries it.
  const now = useQuery({ queryKey: ['bank', '/rates'], queryFn: () => call<{ as_of: string }>('GET', '/rates') });
  const zone = offset(now.data?.as_of ?? '') ?? '+06:00';
  return (
    <Stack gap="md">
      <Head title={t('pages.bank')} about={t('bank.about')}><Deeds of="bank" id="" zone={zone} stale={[['bank']]} /></Head>
      <Section<Row> path="/eod" title={() => t('bank.day')}>{(day) => <Group p="md"><Told value={day} /></Group>}</Section>
      <Section<{ items: Row[] }> path="/idle-accounts" title={() => t('bank.idle')}>{({ items }) => <ToApprove rows={items} by="account" of="idle" label={t('bank.idle')} />}</Section>
      <Section<{ items: Row[] }> path="/uncollected-cards" title={() => t('bank.uncollected')}>{({ items }) => <ToApprove rows={items} by="card" of="uncollected" label={t('bank.uncollected')} />}</Section>
      <Section<{ as_of: string; items: Row[] }> path="/rates" title={() => t('bank.rates')}>
        {({ items }) => <Some label={t('bank.rates')} rows={items} only={['from', 'to', 'value', 'margin_percent', 'valid_from', 'in_force', 'stale']} />}
      </Section>
      <Section<{ networks: Row[] }> path="/networks" title={() => t('bank.networks')}>{({ networks }) => <Some label={t('bank.networks')} rows={networks} only={['name', 'standing', 'registration', 'operator', 'valid_from', 'cancelled_at']} />}</Section>
      <Section<{ entries: number; items: Row[] }> path="/stop-list" title={(list) => t('bank.stop', { count: list?.entries ?? 0 })}>{({ items }) => <Some label={t('bank.stop', { count: items.length })} rows={items} only={['card', 'code', 'from', 'to', 'until']} />}</Section>
      <Section<{ items: Row[] }> path="/presentments" title={() => t('bank.presented')}>{({ items }) => <Some label={t('bank.presented')} rows={items} only={['at', 'file', 'line', 'masked_pan', 'operation', 'amount', 'currency', 'status', 'result']} />}</Section>
      <Books />
    </Stack>
  );
}
