/** The command palette: pages, what can be begun, and a card, account or transaction by its id. */

import { useMantineColorScheme } from '@mantine/core';
import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { hasCardNumber } from '@/lib/filters';
import { IconCards, IconLeave, IconLock, IconMoon, IconPlus, IconSearch, IconTransactions } from '@/parts/icons';
import { pagesFor } from './pages';
import { useSession } from './session';

export function Palette() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { session, lock, leave, may } = useSession();
  const { toggleColorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState('');
  const asked = query.trim();
  // A whole card number never goes into an address.
  const isId = /^[\w-]{1,40}$/.test(asked) && !hasCardNumber(asked);

  const found: SpotlightActionData[] = !isId ? [] : [
    { id: 'card', label: t('palette.card', { id: asked }), leftSection: <IconCards size={18} />, onClick: () => void navigate(`/cards/${encodeURIComponent(asked)}`) },
    { id: 'account', label: t('palette.account', { id: asked }), leftSection: <IconCards size={18} />, onClick: () => void navigate(`/accounts/${encodeURIComponent(asked)}`) },
    { id: 'transaction', label: t('palette.transaction', { id: asked }), leftSection: <IconTransactions size={18} />, onClick: () => void navigate(`/transactions/${encodeURIComponent(asked)}`) },
  ].filter((one) => one.id !== 'transaction' || /^\d+$/.test(asked));
  const pages: SpotlightActionData[] = pagesFor(session?.permissions ?? []).map(({ path, name, icon: Icon, key }) => ({
    id: path,
    label: t(`pages.${name}`),
    leftSection: <Icon size={18} stroke={1.6} />,
    rightSection: <kbd>{`g ${key}`}</kbd>,
    onClick: () => void navigate(path),
  }));
  const doings: SpotlightActionData[] = [
    ...(may('orders.draft') ? [{ id: 'draft', label: t('palette.draft'), leftSection: <IconPlus size={18} />, onClick: () => void navigate('/orders/new') }] : []),
    { id: 'colours', label: t('palette.colours'), leftSection: <IconMoon size={18} />, onClick: toggleColorScheme },
    { id: 'lock', label: t('shell.lock'), leftSection: <IconLock size={18} />, onClick: lock },
    { id: 'leave', label: t('shell.leave'), leftSection: <IconLeave size={18} />, onClick: () => void leave() },
  ];
  const matches = (label?: string) => (label ?? '').toLowerCase().includes(asked.toLowerCase());
  // What is named so comes before what might have that id.
  const actions = [...[...pages, ...doings].filter((one) => matches(one.label)), ...found];
  return (
    <Spotlight.Root query={query} onQueryChange={setQuery} shortcut={['mod + K', '/']} clearQueryOnClose>
      <Spotlight.Search placeholder={t('palette.hint')} aria-label={t('palette.hint')} leftSection={<IconSearch size={18} />} />
      <Spotlight.ActionsList {...{ viewportProps: { tabIndex: 0 } }}>
        {actions.length > 0
          ? actions.map((one) => <Spotlight.Action key={one.id} {...one} />)
          : <Spotlight.Empty>{t('palette.nothing')}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
