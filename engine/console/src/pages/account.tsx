/** An account: balances, holds, overdrafts, arrest, and what was posted. */

import { Alert, Badge, Button, Grid, Group, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { call } from '@/api/client';
import type { Account as AccountView, Line, Statement } from '@/api/types';
import { Act } from '@/parts/act';
import { Day, Facts, Figure, Head, Money, Paper, Rule, When } from '@/parts/basics';
import { Deeds } from '@/parts/deeds';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useSession } from '@/shell/session';

function Arrest({ account }: { account: AccountView }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const [isOpen, setOpen] = useState(false);
  const [form, setForm] = useState({ authority: '', document: '' });
  if (!may('accounts.arrest')) return null;
  const method = account.arrested ? 'DELETE' : 'PUT';
  const word = t(account.arrested ? 'account.liftArrest' : 'account.arrest');
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>{word}</Button>
      <Act title={word} opened={isOpen} close={() => setOpen(false)} action={word} danger={!account.arrested} run={() => call(method, `/accounts/${encodeURIComponent(account.id)}/arrest`, form)} done={t('account.arrestDone')} stale={[['account', account.id]]}>
        <TextInput label={t('account.authority')} value={form.authority} onChange={(e) => setForm({ ...form, authority: e.currentTarget.value })} required withAsterisk={false} data-autofocus />
        <TextInput label={t('account.document')} value={form.document} onChange={(e) => setForm({ ...form, document: e.currentTarget.value })} required withAsterisk={false} />
      </Act>
    </>
  );
}

function Technical({ account }: { account: AccountView }) {
  const { t } = useTranslation();
  const debt = account.technical_overdraft;
  const { currency } = account;
  return (
    <Paper title={t('overdraft.title')} aside={<Rule id="TOD-2" />}>
      <Facts
        items={[
          [t('overdraft.toRepay'), <Money key="r" value={debt.to_repay} currency={currency} {...(debt.opened_at ? { tone: 'bad' as const } : {})} />],
          [t('overdraft.amount'), <Money key="a" value={debt.amount} currency={currency} />],
          [t('overdraft.interest'), <Money key="i" value={debt.interest} currency={currency} />],
          [t('overdraft.penalty'), <Money key="p" value={debt.penalty} currency={currency} />],
          [t('overdraft.opened'), <When key="o" at={debt.opened_at} />],
          [t('overdraft.due'), <Group key="d" gap={8}><Day on={debt.due_on} />{debt.overdue ? <Badge color="red">{t('overdraft.overdue')}</Badge> : null}</Group>],
          [t('overdraft.agreed'), <span key="u"><Money value={account.overdraft.used} /> / <Money value={account.overdraft.limit} currency={currency} /></span>],
        ]}
      />
    </Paper>
  );
}

const column = createColumnHelper<Line>();

function Posted({ account }: { account: AccountView }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const from = account.as_of.slice(0, 8) + '01';
  const asked = useQuery({
    queryKey: ['account', account.id, 'statement', from],
    queryFn: () => call<Statement>('GET', `/accounts/${encodeURIComponent(account.id)}/statement?from=${from}&limit=200`),
  });
  const columns = useMemo(
    () => [
      column.accessor('at', { header: t('tx.at'), cell: (c) => <When at={c.getValue()} /> }),
      column.accessor('what', { header: t('account.what'), cell: (c) => t(`postings.${c.getValue()}` as 'postings.purchase', c.getValue().replaceAll('_', ' ')) }),
      column.accessor('description', { header: t('account.description') }),
      column.accessor('amount', { header: t('tx.amount'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} tone={c.getValue().startsWith('-') ? undefined! : 'good'} /> }),
      column.accessor('balance', { header: t('account.balanceAfter'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Paper flush title={t('account.statement')} aside={<Day on={from} />}>
      <Asked query={asked}>
        {({ lines }) => <Rows label={t('account.statement')} rows={[...lines].reverse()} columns={columns} id={(line) => line.posting} open={(line) => line.transaction && void navigate(`/transactions/${line.transaction}`)} empty={{ title: t('account.noLines') }} />}
      </Asked>
    </Paper>
  );
}

export default function Account() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const asked = useQuery({ queryKey: ['account', id], queryFn: () => call<AccountView>('GET', `/accounts/${encodeURIComponent(id)}`) });
  return (
    <Asked query={asked}>
      {(account) => (
        <Stack gap="md">
          <Head title={`${t('account.title')} ${account.id}`} about={`${account.product} · ${account.customer} · ${account.currency}`}><Deeds of="customer" id={account.customer} label={t('deeds.columns.customer')} stale={[['account', account.id]]} /><Deeds of="account" id={account.id} stale={[['account', account.id]]} /><Arrest account={account} /></Head>
          {account.arrested ? <Alert color="red" variant="light" title={t('account.arrested')}>{t('account.arrestedHint')} <Rule id="BAL-6" /></Alert> : null}
          {account.closed ? <Alert color="gray" title={t('account.closed')} /> : null}
          <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
            <Figure name={t('account.available')} note="BAL-1"><Money value={account.available} currency={account.currency} /></Figure>
            <Figure name={t('account.ledger')}><Money value={account.ledger_balance} currency={account.currency} /></Figure>
            <Figure name={t('account.holds')}><Money value={account.holds} currency={account.currency} /></Figure>
            <Figure name={t('account.minimum')} note={account.minimum_balance_refill ? <>{t('account.refill')} <Money value={account.minimum_balance_refill.missing} /> <Day on={account.minimum_balance_refill.due_on} /></> : undefined}><Money value={account.minimum_balance} currency={account.currency} /></Figure>
          </SimpleGrid>
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 4 }}><Technical account={account} /></Grid.Col>
            <Grid.Col span={{ base: 12, lg: 8 }}><Posted account={account} /></Grid.Col>
          </Grid>
        </Stack>
      )}
    </Asked>
  );
}
