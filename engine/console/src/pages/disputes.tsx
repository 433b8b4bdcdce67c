/** Claims of cardholders (TXN-7): taken, decided, and who answers. */

import { Badge, Button, Select, SegmentedControl, Stack, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { call } from '@/api/client';
import type { DisputeView } from '@/api/types';
import { typed } from '@/lib/money';
import { Act } from '@/parts/act';
import { Facts, Head, Money, Paper, Rule, To, When } from '@/parts/basics';
import { withParams } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useSession } from '@/shell/session';

const column = createColumnHelper<DisputeView>();
const KINDS = ['short_dispense', 'over_dispense', 'not_mine', 'other'] as const;
const STATES = ['all', 'open', 'credited', 'collected', 'rejected'] as const;

function Claim({ opened, close, transaction }: { opened: boolean; close: () => void; transaction: string }) {
  const { t } = useTranslation();
  const blank = { transaction, kind: 'not_mine', amount: '', reason: '', requested_by: '', identified_by: '' };
  const [form, setForm] = useState(blank);
  const amount = form.amount.trim() === '' ? '' : typed(form.amount);
  const body = { ...form, amount: amount ?? '' };
  const told = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== ''));
  return (
    <Act title={t('dispute.take')} opened={opened} close={close} action={t('dispute.take')} disabled={amount === undefined} run={(key) => call('POST', '/disputes', told, { 'Idempotency-Key': key })} done={t('dispute.taken')} stale={[['disputes']]} then={() => setForm(blank)}>
      <TextInput label={t('dispute.transaction')} value={form.transaction} onChange={(e) => setForm({ ...form, transaction: e.currentTarget.value })} required withAsterisk={false} data-autofocus />
      <Select label={t('dispute.kind')} data={KINDS.map((value) => ({ value, label: t(`dispute.kinds.${value}`) }))} value={form.kind} onChange={(kind) => setForm({ ...form, kind: kind ?? 'other' })} />
      <TextInput label={t('dispute.amount')} description={t('dispute.amountHint')} value={form.amount} error={amount === undefined ? t('common.notAmount') : undefined} onChange={(e) => setForm({ ...form, amount: e.currentTarget.value })} />
      <Textarea label={t('dispute.reason')} value={form.reason} onChange={(e) => setForm({ ...form, reason: e.currentTarget.value })} required withAsterisk={false} autosize minRows={2} />
      <TextInput label={t('block.requestedBy')} value={form.requested_by} onChange={(e) => setForm({ ...form, requested_by: e.currentTarget.value })} required withAsterisk={false} />
      <TextInput label={t('block.identifiedBy')} placeholder={t('block.identifiedByHint')} value={form.identified_by} onChange={(e) => setForm({ ...form, identified_by: e.currentTarget.value })} />
    </Act>
  );
}

function Decide({ claim, close }: { claim: DisputeView; close: () => void }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const [form, setForm] = useState({ decision: 'accept', note: '' });
  const canDecide = claim.status === 'open' && may('disputes.decide');
  return (
    <Act title={t('dispute.number', { id: claim.id })} opened close={close} size="lg" action={t('dispute.decide')} disabled={!canDecide || form.note.trim() === ''} run={(key) => call('POST', `/disputes/${claim.id}/decision`, form, { 'Idempotency-Key': key })} done={t('dispute.decided')} stale={[['disputes']]}>
      <Facts
        items={[
          [t('dispute.kind'), t(`dispute.kinds.${claim.kind}` as 'dispute.kinds.other', claim.kind)],
          [t('dispute.transaction'), <span key="t"><To to={`/transactions/${claim.transaction}`}>{claim.transaction}</To> · <When at={claim.operation_at} /> · {claim.terminal}</span>],
          [t('card.number'), <To key="c" to={`/cards/${claim.card}`}>{claim.card}</To>],
          [t('dispute.amount'), <Money key="a" value={claim.amount} currency={claim.currency} />],
          [t('dispute.givenBack'), <Money key="g" value={claim.given_back} currency={claim.currency} />],
          [t('dispute.takenBack'), <Money key="b" value={claim.taken_back} currency={claim.currency} />],
          [t('dispute.reason'), claim.reason],
          [t('dispute.liability'), t(`dispute.who.${claim.liability}` as 'dispute.who.bank', claim.liability)],
          [t('dispute.status'), <State key="s" status={claim.status} />],
          [t('dispute.why'), claim.why || '—'],
        ]}
      />
      {canDecide ? (
        <>
          <SegmentedControl value={form.decision} onChange={(decision) => setForm({ ...form, decision })} data={[{ value: 'accept', label: t('dispute.accept') }, { value: 'reject', label: t('dispute.reject') }]} />
          <Textarea label={t('block.note')} value={form.note} onChange={(e) => setForm({ ...form, note: e.currentTarget.value })} autosize minRows={2} />
        </>
      ) : null}
    </Act>
  );
}

function State({ status }: { status: string }) {
  const { t } = useTranslation();
  const colour = { open: 'yellow', credited: 'green', collected: 'green', rejected: 'gray' }[status] ?? 'gray';
  return <Badge color={colour}>{t(`dispute.states.${status}` as 'dispute.states.open', status)}</Badge>;
}

export default function Disputes() {
  const { t } = useTranslation();
  const { may } = useSession();
  const [params] = useSearchParams();
  const transaction = params.get('transaction') ?? '';
  const [status, setStatus] = useState<string>('all');
  const [isTaking, setTaking] = useState(transaction !== '');
  const [claim, setClaim] = useState<DisputeView>();
  const asked = useQuery({
    queryKey: ['disputes', status],
    queryFn: () => call<{ items: DisputeView[] }>('GET', withParams('/disputes', { status: status === 'all' ? null : status })),
  });
  const columns = useMemo(
    () => [
      column.accessor('id', { header: '№' }),
      column.accessor('opened_at', { header: t('dispute.opened'), cell: (c) => <When at={c.getValue()} /> }),
      column.accessor('kind', { header: t('dispute.kind'), cell: (c) => t(`dispute.kinds.${c.getValue()}` as 'dispute.kinds.other', c.getValue()) }),
      column.accessor('card', { header: t('tx.card'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('terminal', { header: t('tx.terminal'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('amount', { header: t('dispute.amount'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency={c.row.original.currency} /> }),
      column.accessor('liability', { header: t('dispute.liability'), cell: (c) => t(`dispute.who.${c.getValue()}` as 'dispute.who.bank', c.getValue()) }),
      column.accessor('status', { header: t('dispute.status'), cell: (c) => <State status={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.disputes')} about={<>{t('dispute.about')} <Rule id="TXN-7" /></>}>
        {may('disputes.open') ? <Button onClick={() => setTaking(true)}>{t('dispute.take')}</Button> : null}
      </Head>
      <SegmentedControl w="fit-content" value={status} onChange={setStatus} data={STATES.map((value) => ({ value, label: value === 'all' ? t('common.all') : t(`dispute.states.${value}`) }))} aria-label={t('dispute.status')} />
      <Paper flush>
        <Asked query={asked}>
          {({ items }) => <Rows label={t('pages.disputes')} rows={items} columns={columns} id={(row) => String(row.id)} open={setClaim} empty={{ title: t('dispute.none'), hint: t('dispute.noneHint') }} />}
        </Asked>
      </Paper>
      <Claim opened={isTaking} close={() => setTaking(false)} transaction={transaction} />
      {claim ? <Decide claim={claim} close={() => setClaim(undefined)} /> : null}
    </Stack>
  );
}
