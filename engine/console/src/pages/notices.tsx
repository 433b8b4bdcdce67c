/** The outbox: what customers are told. */

import { Stack } from '@mantine/core';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Notification } from '@/api/types';
import { Day, Head, Money, Paper, When } from '@/parts/basics';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';

const column = createColumnHelper<Notification>();

export default function Notices() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { query, rows, more } = useParts<Notification>('/notifications', {});
  const columns = useMemo(
    () => [
      column.accessor('at', { header: t('tx.at'), cell: (c) => <When at={c.getValue()} /> }),
      column.accessor('kind', { header: t('notice.kind'), cell: (c) => t(`notice.kinds.${c.getValue()}` as 'notice.kinds.technical_overdraft', c.getValue().replaceAll('_', ' ')) }),
      column.accessor('account', { header: t('card.account'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('customer', { header: t('card.holder') }),
      column.accessor('amount', { header: t('tx.amount'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency={c.row.original.currency} /> }),
      column.accessor('due_on', { header: t('overdraft.due'), cell: (c) => <Day on={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.notices')} about={t('notice.about')} />
      <Paper flush>
        <Asked query={query}>
          {() => <Rows label={t('pages.notices')} rows={rows} columns={columns} id={(row) => row.id} open={(row) => void navigate(`/accounts/${row.account}`)} empty={{ title: t('notice.none'), hint: t('notice.noneHint') }} more={more} />}
        </Asked>
      </Paper>
    </Stack>
  );
}
