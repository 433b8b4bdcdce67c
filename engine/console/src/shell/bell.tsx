/** The bell: what an operator has to know, and how much of it is new to him in this browser. */

import { ActionIcon, Button, Indicator, Popover, ScrollArea, Text, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '@/api/client';
import type { AlertView, Order } from '@/api/types';
import { type Notice, noticesOf, unread } from '@/lib/bell';
import { Light, When } from '@/parts/basics';
import { IconBell } from '@/parts/icons';
import { Empty, Trouble } from '@/parts/states';
import { useSession } from './session';

const ASK_MS = 20_000;
const SHOWN_MOST = 30;

/** The names of what the bell asks for, so that others can say that there is news. */
export const BELL = ['bell'] as const;

function useNotices(): { notices: Notice[]; error: unknown } {
  const { session, shut, may } = useSession();
  const user = session?.user ?? '';
  const often = { refetchInterval: ASK_MS, retry: 0 };
  const alerts = useQuery({
    queryKey: [...BELL, 'alerts', user],
    queryFn: () => call<{ alerts: AlertView[] }>('GET', '/alerts'),
    enabled: shut === undefined && may('alerts.see'),
    ...often,
  });
  const orders = useQuery({
    queryKey: [...BELL, 'orders', user],
    queryFn: () => call<{ items: Order[] }>('GET', '/orders?limit=200'),
    enabled: shut === undefined && may('orders.see'),
    ...often,
  });
  const notices = noticesOf(alerts.data?.alerts ?? [], orders.data?.items ?? [], user, may);
  return { notices, error: alerts.error ?? orders.error };
}

/** Up to when this person has seen what there is, in this browser. */
function useSeen(user: string): [string | null, (at: string) => void] {
  const place = `tamga.seen.${user}`;
  const [, renew] = useState(0);
  const set = (at: string) => {
    localStorage.setItem(place, at);
    renew((times) => times + 1);
  };
  return [localStorage.getItem(place), set];
}

function Row({ notice, isNew, close }: { notice: Notice; isNew: boolean; close: () => void }) {
  const { t } = useTranslation();
  const tone = notice.kind === 'failed' || notice.kind === 'guard' || notice.kind === 'stands' ? 'bad' : notice.kind === 'access' ? 'warn' : 'none';
  const name = notice.kind === 'access' ? t(`users.alertKinds.${notice.name}` as 'users.alertKinds.locked', notice.name) : notice.name;
  return (
    <UnstyledButton component={Link} to={notice.to} onClick={close} className="notice" data-new={isNew || undefined}>
      <Text size="xs" className="quiet" component="span" display="flex" style={{ justifyContent: 'space-between', gap: '1rem' }}>
        <Light tone={tone}>{t(`bell.kinds.${notice.kind}`)}</Light>
        <When at={notice.at} />
      </Text>
      <Text size="sm" fw={560} component="span" display="block">{name}</Text>
      <Text size="sm" className="quiet" component="span" display="block">{notice.detail}</Text>
    </UnstyledButton>
  );
}

export function Bell() {
  const { t } = useTranslation();
  const { session, may } = useSession();
  const [isOpen, setOpen] = useState(false);
  /** What was new when the list was opened stays marked while it is open. */
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const [seen, setSeen] = useSeen(session?.user ?? '');
  const { notices, error } = useNotices();
  const news = unread(notices, seen);
  const close = () => setOpen(false);
  const toggle = () => {
    if (!isOpen) setFresh(new Set(news.map(({ id }) => id)));
    setOpen(!isOpen);
    const newest = notices[0];
    if (newest) setSeen(newest.at);
  };
  if (!may('alerts.see') && !may('orders.see')) return null;
  const label = t('bell.label', { count: news.length });
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" shadow="md" width={380} trapFocus returnFocus>
      <Indicator label={news.length > 99 ? '99+' : news.length} disabled={news.length === 0} size={16} color="red.9" offset={4}>
        <Popover.Target>
          <ActionIcon variant="subtle" color="gray" onClick={toggle} aria-label={label} title={label}><IconBell size={17} /></ActionIcon>
        </Popover.Target>
      </Indicator>
      <Popover.Dropdown p={0} aria-label={t('bell.title')}>
        <ScrollArea.Autosize mah={420} type="auto">
          {notices.length === 0 ? (
            error ? <Trouble error={error} /> : <Empty title={t('bell.none')}>{t('bell.noneHint')}</Empty>
          ) : (
            notices.slice(0, SHOWN_MOST).map((one) => <Row key={one.id} notice={one} isNew={fresh.has(one.id)} close={close} />)
          )}
        </ScrollArea.Autosize>
        {may('alerts.see') ? <Button component={Link} to="/users#alerts" variant="subtle" fullWidth radius={0} onClick={close}>{t('bell.all')}</Button> : null}
      </Popover.Dropdown>
    </Popover>
  );
}
