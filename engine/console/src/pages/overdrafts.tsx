/** Technical overdrafts by due date, the overdue ones first (TOD-2). */

import { Badge, SimpleGrid, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { ListedOverdraft, OverdraftList } from '@/api/types';
import { call } from '@/api/client';
import { Day, Figure, Head, Money, Paper, Waiting } from '@/parts/basics';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Trouble } from '@/parts/states';

const column = createColumnHelper<ListedOverdraft>();
const AGES = ['working_days_1_to_5', 'overdue_1_to_30', 'overdue_over_30'] as const;

export default function Overdrafts() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { query, rows, more } = useParts<ListedOverdraft>('/technical-overdrafts', {});
  const totals = useQuery({ queryKey: ['overdraft totals'], queryFn: () => call<OverdraftList>('GET', '/technical-overdrafts?limit=1') });
  const columns = useMemo(
    () => [
      column.accessor('due_on', {
        header: t('overdraft.due'),
        cell: (c) => (
          <>
            <Day on={c.getValue()} />{' '}
            {c.row.original.overdue_days > 0 ? <Badge color="red">{t('overdraft.days', { count: c.row.original.overdue_days })}</Badge> : null}
          </>
        ),
      }),
      column.accessor('account', { header: t('card.account'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('customer', { header: t('card.holder') }),
      column.accessor('cause', { header: t('overdraft.cause'), cell: (c) => t(`causes.${c.getValue()}` as 'causes.fee', c.getValue() ?? '—') }),
      column.accessor('amount', { header: t('overdraft.amount'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} /> }),
      column.accessor('interest', { header: t('overdraft.interest'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} /> }),
      column.accessor('to_repay', { header: t('overdraft.toRepay'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency={c.row.original.currency} /> }),
      column.accessor('blocked', { header: t('overdraft.blocked'), cell: (c) => (c.getValue() ? <Badge color="red">{t('overdraft.isBlocked')}</Badge> : '—') }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.overdrafts')} about={t('overdraft.about')} />
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
        {AGES.map((age) => {
          const found = totals.data?.ageing.find((one) => one.age === age);
          const owed = Object.entries(found?.owed ?? {});
          return (
            <Figure key={age} name={t(`overdraft.ages.${age}`)} note={owed.length > 0 ? owed.map(([currency, amount]) => <Money key={currency} value={amount} currency={currency} />) : '—'}>
              {found?.count ?? 0}
            </Figure>
          );
        })}
      </SimpleGrid>
      <Trouble error={query.error} again={() => void query.refetch()} />
      <Paper flush>
        {query.isPending ? <Waiting /> : (
          <Rows label={t('pages.overdrafts')} rows={rows} columns={columns} id={(row) => row.account} open={(row) => void navigate(`/accounts/${row.account}`)} empty={{ title: t('overdraft.none'), hint: t('overdraft.noneHint') }} more={more} />
        )}
      </Paper>
    </Stack>
  );
}
