/** Drafting an order: what it is about, its changes over the rule paths, when, and its guard. */

import { Alert, Button, Grid, Group, NumberInput, Select, Stack, Switch, Text, Textarea, TextInput, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useCallback, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { call, newKey } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Order, Rules } from '@/api/types';
import { type Draft, draftOf, emptyDraft, formOf, kindsFor, type Typed, withTyped } from '@/lib/draft';
import { kindOfPath } from '@/lib/orders';
import { offset } from '@/lib/time';
import { Head, Paper } from '@/parts/basics';
import { Asked, Trouble } from '@/parts/states';
import { useSession } from '@/shell/session';
import { useRuleLeaves } from '../limits/bank';
import { ChangesEditor } from './changes-editor';
import { Problems } from './changes';

/** A figure out of its bounds is told, never put right behind somebody's back. */
function isOut(value: number | null | undefined, from: number, to: number): boolean {
  return value !== null && value !== undefined && !(value >= from && value <= to);
}

function GuardFields({ draft, set }: { draft: Draft; set: (draft: Draft) => void }) {
  const { t } = useTranslation();
  const { guard } = draft;
  return (
    <Paper title={t('order.guard')}>
      <Stack gap="sm">
        <Text size="sm" className="quiet">{t('order.guardAbout')}</Text>
        <Switch label={t('order.guardOn')} checked={guard !== null} onChange={(event) => set({ ...draft, guard: event.currentTarget.checked ? { minutes: 15, decline_percent: 30 } : null })} />
        {guard ? (
          <Group grow>
            <NumberInput label={t('order.guardMinutes')} min={1} max={1440} clampBehavior="none" allowNegative={false} allowDecimal={false} value={guard.minutes || ''} error={isOut(guard.minutes, 1, 1440) ? t('hints.between', { from: 1, to: 1440 }) : undefined} onChange={(value) => set({ ...draft, guard: { ...guard, minutes: Number(value) } })} />
            <NumberInput label={t('order.guardPercent')} min={1} max={100} clampBehavior="none" allowNegative={false} allowDecimal={false} error={isOut(guard.decline_percent, 1, 100) ? t('hints.between', { from: 1, to: 100 }) : undefined} value={guard.decline_percent ?? ''} onChange={(value) => set({ ...draft, guard: { ...guard, decline_percent: value === '' ? null : Number(value) } })} />
          </Group>
        ) : null}
      </Stack>
    </Paper>
  );
}

function Form({ start, order, rules }: { start: Draft; order?: Order; rules: Rules }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [draft, set] = useState(start);
  const [fields, setFields] = useState<Partial<Record<'cap' | 'value', Typed>>>({});
  const typed = useCallback((field: 'cap' | 'value', what: Typed | undefined) => setFields((all) => ({ ...all, [field]: what })), []);
  const whole = withTyped(draft, [fields.cap, fields.value]);
  const leaves = useRuleLeaves(rules.text);
  const kinds = kindsFor(useSession().session?.roles ?? []);
  // The offset of the bank, as any of its instants carries it.
  const zone = offset(rules.history[0]?.at ?? order?.created_at ?? '');
  const save = useMutation({
    mutationFn: () => {
      const form = formOf(whole, zone);
      return order ? call<Order>('PUT', `/orders/${order.id}`, { ...form, revision: order.revision }) : call<Order>('POST', '/orders', form, { 'Idempotency-Key': newKey() });
    },
    onSuccess: async (saved) => {
      notifications.show({ message: t('order.saved'), color: 'green' });
      await queries.invalidateQueries({ queryKey: ['order', String(saved.id)] });
      await queries.invalidateQueries({ queryKey: ['/orders'] });
      void navigate(`/orders/${saved.id}`);
    },
  });
  const problem = save.error ? asProblem(save.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whole.changes.length > 0) save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Head title={order ? t('order.number', { id: order.id }) : t('order.draft')} about={t('order.about')}>
          <Button variant="default" onClick={() => void navigate(order ? `/orders/${order.id}` : '/orders')}>{t('common.cancel')}</Button>
          <Tooltip label={t('hints.saveWhy')} disabled={whole.changes.length > 0} multiline w={260}>
            <Button type="submit" loading={save.isPending} data-disabled={whole.changes.length === 0 || undefined} aria-disabled={whole.changes.length === 0} onClick={(event) => { if (whole.changes.length === 0) event.preventDefault(); }}>{t('order.saveDraft')}</Button>
          </Tooltip>
        </Head>
        {problem?.status === 409 ? <Alert color="yellow" title={t('order.editedElse')} role="alert"><Group justify="space-between">{problem.body.detail}<Button size="xs" variant="default" onClick={() => window.location.reload()}>{t('order.reload')}</Button></Group></Alert> : null}
        {problem?.body.problems ? <Problems problems={problem.body.problems} /> : null}
        {problem && !problem.body.problems && problem.status !== 409 ? <Trouble error={problem} /> : null}
        <Grid gap="md">
          <Grid.Col span={{ base: 12, lg: 8 }}>
            <ChangesEditor draft={draft} set={set} leaves={leaves} indicator={rules.indicator} problems={problem?.body.problems ?? []} typed={typed} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, lg: 4 }}>
            <Stack gap="md">
              <Paper>
                <Stack gap="sm">
                  <Select label={t('order.kind')} data={kinds.map((value) => ({ value, label: t(`order.kinds.${value}`) }))} value={draft.kind} onChange={(kind) => set({ ...draft, kind: kind ?? 'limits', changes: [] })} maxDropdownHeight={320} />
                  <TextInput label={t('order.title')} placeholder={whole.title || t('order.titleHint')} value={draft.title} onChange={(event) => set({ ...draft, title: event.currentTarget.value })} required={whole.title.trim() === ''} withAsterisk={false} />
                  <Textarea label={t('order.reason')} placeholder={t('order.reasonHint')} value={draft.reason} onChange={(event) => set({ ...draft, reason: event.currentTarget.value })} required withAsterisk={false} autosize minRows={3} />
                  <Switch label={t('order.effectiveAt')} checked={draft.effective !== null} onChange={(event) => set({ ...draft, effective: event.currentTarget.checked ? '' : null })} />
                  {draft.effective !== null ? <TextInput type="datetime-local" step={1} aria-label={t('order.effectiveAt')} value={draft.effective} onChange={(event) => set({ ...draft, effective: event.currentTarget.value })} required /> : <Text size="sm" className="quiet">{t('order.effectiveNow')}</Text>}
                </Stack>
              </Paper>
              <GuardFields draft={draft} set={set} />
            </Stack>
          </Grid.Col>
        </Grid>
      </Stack>
    </form>
  );
}

export default function Editor() {
  const { id } = useParams();
  const [params] = useSearchParams();
  const rules = useQuery({ queryKey: ['rules'], queryFn: () => call<Rules>('GET', '/rules') });
  const order = useQuery({ queryKey: ['order', id, 'to edit'], queryFn: () => call<Order>('GET', `/orders/${id}`), enabled: id !== undefined, gcTime: 0, refetchOnWindowFocus: false });
  const path = params.get('path') ?? '';
  const [first] = kindsFor(useSession().session?.roles ?? []);
  const start = { ...emptyDraft(), kind: params.get('kind') ?? (path ? kindOfPath(path) : first ?? 'limits'), picked: path, agent: params.get('agent') ?? '' };
  return (
    <Asked query={rules}>
      {(known) => (id ? <Asked query={order}>{(found) => <Form start={draftOf(found)} order={found} rules={known} />}</Asked> : <Form start={start} rules={known} />)}
    </Asked>
  );
}
