/**
 * Signing (SIG-2): the statement of legal force, then a one-time code or the personal key in this
 * browser. The digest that is signed is shown; whoever wants can compute it from the content.
 */

import { Alert, Checkbox, Code, SegmentedControl, Spoiler, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import * as keys from '@/api/keys';
import type { Order } from '@/api/types';
import { Act } from '@/parts/act';
import { Facts } from '@/parts/basics';
import { Digits } from '@/shell/login';
import { useSession } from '@/shell/session';

export type Signed = 'sign' | 'approve' | 'rollback';

interface Form {
  confirmed: boolean;
  code: string;
  reason: string;
}

const BLANK: Form = { confirmed: false, code: '', reason: '' };

async function factor(order: Order, step: Signed, way: 'code' | 'key', code: string, user: string): Promise<Record<string, string>> {
  if (way === 'code') return { code };
  const key = await keys.kept(user);
  if (!key) throw new Error('no key');
  const digest = step === 'rollback' ? order.rollback_digest : order.digest;
  return { key: key.publicKey, signature: await keys.signDigest(key.privateKey, digest) };
}

export function Signing({ order, step, close }: { order: Order; step: Signed; close: () => void }) {
  const { t } = useTranslation();
  const { session } = useSession();
  const user = session?.user ?? '';
  const [form, setForm] = useState(BLANK);
  const [way, setWay] = useState<'code' | 'key'>(order.needs === 'strengthened' ? 'key' : 'code');
  const kept = useQuery({ queryKey: ['personal key', user], queryFn: async () => (await keys.kept(user)) ?? null });
  const isRollback = step === 'rollback';
  const names = { sign: ['order.signTitle', 'order.sign'], approve: ['order.approveTitle', 'order.approve'], rollback: ['order.rollBackTitle', 'order.rollBack'] } as const;
  const [title, action] = names[step];
  const hasFactor = way === 'code' ? form.code.length === 6 : Boolean(kept.data);
  const ready = form.confirmed && hasFactor && (!isRollback || form.reason.trim() !== '');
  const run = async (key: string) => {
    const given = await factor(order, step, way, form.code, user);
    const about = isRollback ? { reason: form.reason } : { revision: order.revision };
    return call<Order>('POST', `/orders/${order.id}/${step}`, { ...about, statement_confirmed: form.confirmed, ...given }, { 'Idempotency-Key': key });
  };
  return (
    <Act title={t(title, { id: order.id })} opened close={close} action={t(action)} danger={isRollback} disabled={!ready} run={run} done={t(`order.done.${step}`)} stale={[['order', String(order.id)], ['/orders'], ['orders'], ['rules']]} size="lg">
      <Text fw={560}>{order.title}</Text>
      <Facts items={[[t('order.digest'), <Code key="d" style={{ overflowWrap: 'anywhere' }}>{isRollback ? order.rollback_digest : order.digest}</Code>], [t('order.risk'), `${t(`order.risks.${order.risk}` as 'order.risks.low')}: ${t(`order.needs.${order.risk}` as 'order.needs.low')}`]]} />
      {isRollback ? null : (
        <Spoiler maxHeight={0} showLabel={t('order.showContent')} hideLabel={t('order.hideContent')}>
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{order.content}</Code>
        </Spoiler>
      )}
      {isRollback ? <Textarea label={t('order.why')} value={form.reason} onChange={(event) => setForm({ ...form, reason: event.currentTarget.value })} required withAsterisk={false} autosize minRows={2} data-autofocus /> : null}
      <Alert color="petrol" variant="light">
        <Checkbox checked={form.confirmed} onChange={(event) => setForm({ ...form, confirmed: event.currentTarget.checked })} label={t('order.statement')} description={order.statement} />
      </Alert>
      <SegmentedControl value={way} onChange={(value) => setWay(value as 'code' | 'key')} data={[{ value: 'code', label: t('order.byCode'), disabled: order.needs === 'strengthened' }, { value: 'key', label: t('order.byKey') }]} aria-label={t('order.sign')} />
      {way === 'code' ? <Digits value={form.code} set={(code) => setForm({ ...form, code })} label={t('order.code')} focus={false} /> : null}
      {way === 'key' ? (
        <Stack gap={4}>
          {kept.data ? <Text size="sm" className="mono" style={{ overflowWrap: 'anywhere' }}>{kept.data.publicKey}</Text> : <Alert color="yellow">{t('order.noKeyHere')}</Alert>}
        </Stack>
      ) : null}
    </Act>
  );
}

/** Turning down and taking back need a reason, not a signature. */
export function Ending({ order, step, close }: { order: Order; step: 'reject' | 'withdraw'; close: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState('');
  const body = step === 'reject' ? { revision: order.revision, reason } : { reason };
  return (
    <Act title={t(`order.${step}Title`, { id: order.id })} opened close={close} action={t(`order.${step}`)} danger disabled={reason.trim() === ''} run={(key) => call('POST', `/orders/${order.id}/${step}`, body, { 'Idempotency-Key': key })} done={t(`order.done.${step}`)} stale={[['order', String(order.id)], ['/orders'], ['orders']]}>
      <Textarea label={t('order.why')} value={reason} onChange={(event) => setReason(event.currentTarget.value)} required withAsterisk={false} autosize minRows={2} data-autofocus />
    </Act>
  );
}
