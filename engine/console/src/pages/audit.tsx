/** Who changed or looked at what, and what was refused. */

import { Badge, Button, Drawer, Group, Select, Stack, TextInput } from '@mantine/core';
import { createColumnHelper } from '@tanstack/react-table';
import { type FormEvent, useMemo, useState } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import type { AuditEntry } from '@/api/types';
import { Facts, Head, Paper, To, When } from '@/parts/basics';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { actOf, refusalWord } from '@/lib/refusal';
import { line, type Value } from '@/lib/rules';

const column = createColumnHelper<AuditEntry>();
const SUBJECTS = ['card', 'account', 'customer', 'terminal', 'user'] as const;

/** The words for a refusal, or the engine's own. */
function Why({ told }: { told: string }) {
  const { t, i18n } = useTranslation();
  const word = refusalWord(told);
  const isKnown = word !== undefined && i18n.exists(`refusals.${word}`);
  return <Badge color="red" title={told} styles={{ root: { textTransform: 'none', maxWidth: '100%' } }}>{isKnown ? t(`refusals.${word}` as 'refusals.code') : told}</Badge>;
}

function detail(entry: AuditEntry, name: string): unknown {
  return ((entry.details ?? {}) as Record<string, unknown>)[name];
}

/** Why it was refused: as a command, or a login or look that the engine did not let in. */
function refused(entry: AuditEntry): string | undefined {
  const because = detail(entry, 'because');
  return entry.refused ?? (typeof because === 'string' ? because : undefined);
}

/** What a code, a key or a password was for. */
function given(entry: AuditEntry, t: TFunction): string | undefined {
  const purpose = detail(entry, 'for');
  if (typeof purpose !== 'string') return undefined;
  const text = (name: string) => String(detail(entry, name) ?? '');
  return t(`given.${purpose}` as 'given.approval', { defaultValue: purpose, order: text('order'), with: text('with'), asked: text('asked') });
}

/** What the drawer says already, in words. */
const ABOVE = ['because', 'order', 'users'];

/** The rest of an entry by the names that there are words for, else by the engine's own. */
function useDetails() {
  const { t } = useTranslation();
  return (entry: AuditEntry) => Object.entries((entry.details ?? {}) as Record<string, Value>).filter(([name]) => !ABOVE.includes(name)).map(([name, value]): [string, string] => {
    const said = name === 'for' ? given(entry, t) : undefined;
    return [t(`facts.${name}` as 'facts.order', name.replaceAll('_', ' ')), said ?? line(value)];
  });
}

function useActs() {
  const { t } = useTranslation();
  return (entry: AuditEntry) => {
    const act = actOf(entry.action, detail(entry, 'because'));
    const said = t(`actions.${act}` as 'actions.block', act.replaceAll('_', ' '));
    const purpose = entry.action === 'login_refused' ? undefined : given(entry, t);
    return purpose ? `${said}, ${purpose}` : said;
  };
}

/** Whom or what it was about; an order leads to its page. */
function Subject({ entry }: { entry: AuditEntry }) {
  const { t } = useTranslation();
  const order = detail(entry, 'order');
  const whose = subject(entry);
  return (
    <>
      {whose ? <span className="mono">{whose}</span> : null}
      {typeof order === 'number' ? <>{whose ? ' · ' : null}<span onClick={(event) => event.stopPropagation()}><To to={`/orders/${order}`}>{t('hints.order', { id: order })}</To></span></> : null}
      {whose || typeof order === 'number' ? null : '—'}
    </>
  );
}

/** What it was about; of an order about rights everybody whose they are. */
function subject(entry: AuditEntry): string | undefined {
  const users = detail(entry, 'users');
  return entry.card ?? entry.account ?? entry.customer ?? entry.terminal ?? entry.user ?? (Array.isArray(users) ? users.join(', ') : undefined);
}

export default function Audit() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const kind = SUBJECTS.find((one) => params.has(one)) ?? 'card';
  const [form, setForm] = useState<{ kind: string; id: string }>({ kind, id: params.get(kind) ?? '' });
  const [entry, setEntry] = useState<AuditEntry>();
  const acts = useActs();
  const details = useDetails();
  const { query, rows, more } = useParts<AuditEntry>('/audit', { [kind]: params.get(kind) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParams(form.id.trim() === '' ? {} : { [form.kind]: form.id.trim() });
  };
  const columns = useMemo(
    () => [
      column.accessor('at', { header: t('tx.at'), cell: (c) => <When at={c.getValue()} /> }),
      column.accessor('entered_by', { header: t('audit.who'), cell: (c) => c.getValue() ?? <span className="quiet">{t('audit.engine')}</span> }),
      column.accessor('action', { header: t('audit.action'), cell: (c) => acts(c.row.original) }),
      column.display({ id: 'subject', header: t('audit.subject'), cell: (c) => <Subject entry={c.row.original} /> }),
      column.accessor((entry) => refused(entry) ?? '', { id: 'refused', header: t('audit.refused'), cell: (c) => (c.getValue() ? <Why told={c.getValue()} /> : '—') }),
      column.accessor('id', { header: t('audit.record'), meta: { right: true }, enableSorting: false }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.audit')} about={t('audit.about')} />
      <Paper>
        <form onSubmit={submit} role="search">
          <Group gap="sm" align="flex-end">
            <Select label={t('audit.about2')} w={150} data={SUBJECTS.map((value) => ({ value, label: t(`audit.subjects.${value}`) }))} value={form.kind} onChange={(value) => setForm({ ...form, kind: value ?? 'card' })} />
            <TextInput label={t('audit.id')} w={200} value={form.id} onChange={(event) => setForm({ ...form, id: event.currentTarget.value })} />
            <Button type="submit">{t('common.find')}</Button>
            <Button variant="subtle" color="gray" onClick={() => { setForm({ kind: 'card', id: '' }); setParams({}); }}>{t('common.clear')}</Button>
          </Group>
        </form>
      </Paper>
      <Paper flush>
        <Asked query={query} rows={10}>
          {() => <Rows label={t('pages.audit')} rows={rows} columns={columns} id={(row) => row.id} open={setEntry} empty={{ title: t('audit.none'), hint: t('audit.noneHint') }} more={more} />}
        </Asked>
      </Paper>
      <Drawer opened={entry !== undefined} onClose={() => setEntry(undefined)} position="right" title={t('audit.record')} closeButtonProps={{ 'aria-label': t('common.close') }}>
        {entry ? (
          <Facts
            items={[
              [t('audit.record'), entry.id],
              [t('tx.at'), <When key="w" at={entry.at} />],
              [t('audit.who'), entry.entered_by ?? t('audit.engine')],
              [t('audit.action'), acts(entry)],
              [t('audit.subject'), <Subject key="s" entry={entry} />],
              [t('audit.refused'), refused(entry) ? <Why key="r" told={refused(entry) ?? ''} /> : '—'],
              ...details(entry),
            ]}
          />
        ) : null}
      </Drawer>
    </Stack>
  );
}
