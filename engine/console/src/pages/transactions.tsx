/** Transactions: a search with saved filters. */

import { ActionIcon, Button, Group, Menu, Stack, TextInput } from '@mantine/core';
import { createColumnHelper } from '@tanstack/react-table';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useSearchParams } from 'react-router';
import type { Transaction } from '@/api/types';
import * as filters from '@/lib/filters';
import { Code, Head, Money, Paper, Waiting, When } from '@/parts/basics';
import { IconStar, IconTrash } from '@/parts/icons';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Trouble } from '@/parts/states';
import { useSession } from '@/shell/session';

const FIELDS = ['card', 'account', 'terminal', 'code', 'from', 'to'] as const;
type Field = (typeof FIELDS)[number];
type Values = Partial<Record<Field, string>>;

const column = createColumnHelper<Transaction>();

export function useTransactionColumns() {
  const { t } = useTranslation();
  return useMemo(
    () => [
      column.accessor('at', { header: t('tx.at'), cell: (c) => <When at={c.getValue()} /> }),
      column.accessor('terminal', { header: t('tx.terminal'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('operation', { header: t('tx.operation'), cell: (c) => t(`operations.${c.getValue()}` as 'operations.purchase', c.getValue()) }),
      column.accessor('pan', { header: t('tx.card'), cell: (c) => <span className="mono">{c.getValue() ?? '—'}</span> }),
      column.accessor('amount', { header: t('tx.amount'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency={c.row.original.currency} /> }),
      column.accessor('code', { header: t('tx.code'), cell: (c) => <Code code={c.getValue()} /> }),
      column.accessor('result', { header: t('tx.result'), cell: (c) => t(`results.${c.getValue()}` as 'results.approved', c.getValue().replaceAll('_', ' ')) }),
    ],
    [t],
  );
}

function Filters({ values, apply }: { values: Values; apply: (values: Values) => void }) {
  const { t } = useTranslation();
  const [draft, setDraft] = useState<Values>(values);
  const [wrong, setWrong] = useState<Field>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const bad = FIELDS.find((field) => filters.hasCardNumber(draft[field] ?? ''));
    setWrong(bad);
    if (!bad) apply(draft);
  };
  return (
    <form onSubmit={submit} role="search">
      <Group align="flex-start" gap="xs">
        {FIELDS.map((field) => (
          <TextInput
            key={field}
            label={t(`tx.filter.${field}`)}
            placeholder={t(`tx.example.${field}`)}
            value={draft[field] ?? ''}
            w={field === 'code' ? 70 : field === 'from' || field === 'to' ? 124 : 112}
            error={wrong === field ? t('tx.noPan') : undefined}
            onChange={(event) => setDraft({ ...draft, [field]: event.currentTarget.value })}
          />
        ))}
        <Group mt={22} gap={4}>
          <Button type="submit">{t('common.find')}</Button>
          <Button variant="subtle" color="gray" onClick={() => { setDraft({}); apply({}); }}>{t('common.clear')}</Button>
        </Group>
      </Group>
    </form>
  );
}

function SavedFilters({ query, open }: { query: string; open: (query: string) => void }) {
  const { t } = useTranslation();
  const { session } = useSession();
  const user = session?.user ?? '';
  const [all, setAll] = useState(() => filters.saved(localStorage, user));
  const [name, setName] = useState('');
  return (
    <Menu shadow="md" position="bottom-end" width={270} closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconStar size={16} aria-hidden />}>{t('tx.saved')}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {all.length === 0 ? <Menu.Label>{t('tx.noneSaved')}</Menu.Label> : null}
        {all.map((one) => (
          <Group key={one.name} gap={2} wrap="nowrap">
            <Menu.Item onClick={() => open(one.query)}>{one.name}</Menu.Item>
            <ActionIcon variant="subtle" color="gray" aria-label={t('tx.forget', { name: one.name })} onClick={() => setAll(filters.forget(localStorage, user, one.name))}>
              <IconTrash size={15} />
            </ActionIcon>
          </Group>
        ))}
        <Menu.Divider />
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== '') setAll(filters.save(localStorage, user, { name: name.trim(), query }));
            setName('');
          }}
        >
          <Group gap="xs" p={6} wrap="nowrap">
            <TextInput size="xs" aria-label={t('tx.saveAs')} placeholder={t('tx.saveAs')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <Button size="xs" type="submit" variant="light">{t('common.save')}</Button>
          </Group>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}

export default function Transactions() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const query = params.toString();
  const values = Object.fromEntries(FIELDS.map((field) => [field, params.get(field) ?? ''])) as Values;
  const { query: asked, rows, more } = useParts<Transaction>('/transactions', values);
  const columns = useTransactionColumns();
  const apply = (next: Values) =>
    setParams(Object.entries(next).filter((pair): pair is [Field, string] => Boolean(pair[1]?.trim())));
  return (
    <Stack gap="md">
      <Head title={t('pages.transactions')} about={t('tx.about')}>
        <SavedFilters query={query} open={(saved) => setParams(new URLSearchParams(saved))} />
      </Head>
      <Paper><Filters key={query} values={values} apply={apply} /></Paper>
      <Trouble error={asked.error} again={() => void asked.refetch()} />
      <Paper flush>
        {asked.isPending ? <Waiting rows={10} /> : (
          <Rows
            label={t('pages.transactions')}
            rows={rows}
            columns={columns}
            id={(row) => row.id}
            open={(row) => void navigate(`/transactions/${row.id}`)}
            empty={{ title: t('tx.none'), hint: t('tx.noneHint') }}
            more={more}
          />
        )}
      </Paper>
    </Stack>
  );
}
