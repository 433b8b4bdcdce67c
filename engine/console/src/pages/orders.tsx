/** Change orders: what was asked, how far it has come, and what waits for whom (SIG-1). */

import { Badge, Button, SegmentedControl, Stack } from '@mantine/core';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useSearchParams } from 'react-router';
import { API } from '@/api/client';
import type { Order } from '@/api/types';
import { count } from '@/lib/money';
import { waitsFor } from '@/lib/orders';
import { Head, Paper, When } from '@/parts/basics';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';
import { useSession } from '@/shell/session';

const column = createColumnHelper<Order>();
const FILTERS = ['all', 'mine', 'draft', 'signed', 'scheduled', 'active', 'rolled_back'] as const;
type Filter = (typeof FILTERS)[number];

const COLOURS: Record<string, string> = { draft: 'gray', signed: 'yellow', approved: 'petrol', scheduled: 'petrol', active: 'green', rejected: 'red', failed: 'red', rolled_back: 'orange' };

export function OrderStatus({ status }: { status: string }) {
  const { t } = useTranslation();
  return <Badge color={COLOURS[status] ?? 'gray'}>{t(`order.statuses.${status}` as 'order.statuses.draft', status)}</Badge>;
}

export function Risk({ risk }: { risk: string }) {
  const { t } = useTranslation();
  return <Badge variant="outline" color={risk === 'high' ? 'red' : risk === 'medium' ? 'yellow' : 'gray'}>{t(`order.risks.${risk}` as 'order.risks.low', risk)}</Badge>;
}

/** What the last preview came to, in a word. */
function Foreseen({ order: { preview } }: { order: Order }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  if (!preview || preview.void) return <span className="quiet">{preview ? t('order.previewOld') : '—'}</span>;
  const { would_decline: less, would_approve: more } = preview;
  if (less.count + more.count === 0) return <span className="quiet">0 / {count(preview.decisions, language)}</span>;
  return <span title={`${t('order.wouldDecline')}: ${less.count}, ${t('order.wouldApprove')}: ${more.count}`}>{less.count > 0 ? `−${count(less.count, language)}` : ''} {more.count > 0 ? `+${count(more.count, language)}` : ''} <span className="quiet">/ {count(preview.decisions, language)}</span></span>;
}

export default function Orders() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { session, may } = useSession();
  const [params, setParams] = useSearchParams();
  const filter = (params.get('show') ?? 'all') as Filter;
  const status = filter === 'all' || filter === 'mine' ? null : filter;
  const { query, rows, more } = useParts<Order>('/orders', { status });
  const shown = filter === 'mine' ? rows.filter((order) => waitsFor(order, session?.user ?? '', may)) : rows;
  const columns = useMemo(
    () => [
      column.accessor('id', { header: '№' }),
      column.accessor('title', { header: t('order.title') }),
      column.accessor('kind', { header: t('order.kind'), cell: (c) => t(`order.kinds.${c.getValue()}` as 'order.kinds.limits', c.getValue()) }),
      column.accessor('status', { header: t('order.status'), cell: (c) => <OrderStatus status={c.getValue()} /> }),
      column.accessor('risk', { header: t('order.risk'), cell: (c) => <Risk risk={c.getValue()} /> }),
      column.accessor((order) => order.preview?.would_decline.count ?? -1, { id: 'preview', header: t('order.preview'), cell: (c) => <Foreseen order={c.row.original} /> }),
      column.accessor('maker', { header: t('order.maker') }),
      column.accessor('checker', { header: t('order.checker'), cell: (c) => c.getValue() ?? '—' }),
      column.accessor((order) => order.activated_at ?? order.effective_at ?? order.created_at, { id: 'when', header: t('tx.at'), cell: (c) => <When at={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.orders')} about={t('order.about')}>
        <Button component="a" variant="default" href={`${API}/orders/register`} download="register.jsonl">{t('order.register')}</Button>
        {may('orders.draft') ? <Button component={Link} to="/orders/new">{t('order.draft')}</Button> : null}
      </Head>
      <SegmentedControl
        w="fit-content"
        value={filter}
        onChange={(value) => setParams(value === 'all' ? {} : { show: value })}
        data={FILTERS.map((value) => ({ value, label: value === 'all' || value === 'mine' ? t(`order.${value}`) : t(`order.statuses.${value}`) }))}
        aria-label={t('order.status')}
      />
      <Paper flush>
        <Asked query={query}>
          {() => <Rows label={t('pages.orders')} rows={shown} columns={columns} id={(row) => String(row.id)} open={(row) => void navigate(`/orders/${row.id}`)} empty={{ title: t('order.none'), hint: t('order.noneHint') }} more={more} />}
        </Asked>
      </Paper>
    </Stack>
  );
}
