/** Looking up a card or an account: by id, by the whole number, or by its last four digits. */

import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { call } from '@/api/client';
import type { FoundCard } from '@/api/types';
import { Head, Paper } from '@/parts/basics';
import { Rows } from '@/parts/rows';
import { Trouble } from '@/parts/states';
import { Status } from './cards/status';

type By = 'id' | 'last_four' | 'pan' | 'account';

const column = createColumnHelper<FoundCard>();

export default function Cards() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [by, setBy] = useState<By>('last_four');
  const [text, setText] = useState('');
  const find = useMutation({
    // The number goes in the body, never in an address.
    mutationFn: () => call<{ items: FoundCard[] }>('POST', '/cards/find', { [by]: text.replace(/[\s-]/g, '') }),
    onSuccess: ({ items }) => {
      if (by === 'pan') setText('');
      const [only] = items;
      if (items.length === 1 && only) void navigate(`/cards/${only.id}`);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (by === 'account') void navigate(`/accounts/${encodeURIComponent(text.trim())}`);
    else find.mutate();
  };
  const columns = useMemo(
    () => [
      column.accessor('pan', { header: t('card.number'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('id', { header: t('card.id'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('account', { header: t('card.account') }),
      column.accessor('expiry', { header: t('card.expiry') }),
      column.accessor('status', { header: t('card.status'), cell: (c) => <Status status={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.cards')} about={t('cards.about')} />
      <Paper>
        <form onSubmit={submit} role="search">
          <Stack gap="sm">
            <SegmentedControl
              w="fit-content"
              value={by}
              onChange={(value) => { setBy(value as By); setText(''); find.reset(); }}
              data={(['last_four', 'id', 'pan', 'account'] as const).map((value) => ({ value, label: t(`cards.by.${value}`) }))}
              aria-label={t('cards.by.label')}
            />
            <Group align="flex-start">
              <TextInput
                value={text}
                onChange={(event) => setText(event.currentTarget.value)}
                aria-label={t(`cards.by.${by}`)}
                placeholder={t(`cards.example.${by}`)}
                inputMode={by === 'last_four' || by === 'pan' ? 'numeric' : 'text'}
                autoComplete="off"
                spellCheck={false}
                w={320}
                required
                autoFocus
              />
              <Button type="submit" loading={find.isPending}>{t('common.find')}</Button>
            </Group>
            <Text size="sm" className="quiet">{t('cards.journaled')}</Text>
          </Stack>
        </form>
      </Paper>
      <Trouble error={find.error} />
      {find.data ? (
        <Paper flush title={t('cards.found', { count: find.data.items.length })}>
          <Rows label={t('pages.cards')} rows={find.data.items} columns={columns} id={(row) => row.id} open={(row) => void navigate(`/cards/${row.id}`)} empty={{ title: t('cards.none'), hint: t('cards.noneHint') }} />
        </Paper>
      ) : null}
    </Stack>
  );
}
