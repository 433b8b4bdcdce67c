/** The small things every page uses: money, moments, codes, figures, lights. */

import { Badge, Group, Skeleton, Stack, Text, Title, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { shown } from '@/lib/money';
import * as time from '@/lib/time';
import { useLanguage } from '@/shell/preferences';

/** An amount, never rounded, with its currency in a quiet tone. */
export function Money({ value, currency, tone }: { value: string | null | undefined; currency?: string; tone?: 'bad' | 'good' }) {
  const [language] = useLanguage();
  if (value === null || value === undefined) return <span className="num quiet">—</span>;
  return (
    <span className={`num ${tone ?? ''}`}>
      {shown(value, language)}
      {currency ? <span className="quiet"> {currency}</span> : null}
    </span>
  );
}

/** A moment in the bank's zone; the text as it came is in the tooltip. */
export function When({ at, short }: { at: string | null | undefined; short?: boolean }) {
  const [language] = useLanguage();
  if (!at) return <span className="quiet">—</span>;
  return (
    <time dateTime={at} title={at} className="nowrap">
      {short ? time.clock(at) : time.instant(at, language)}
    </time>
  );
}

export function Day({ on }: { on: string | null | undefined }) {
  const [language] = useLanguage();
  return on ? <time dateTime={on} className="nowrap">{time.day(on, language)}</time> : <span className="quiet">—</span>;
}

const GOOD = new Set(['00', '10', '85', '08', '11']);

/** DE 39 with its meaning. */
export function Code({ code }: { code: string }) {
  const { t, i18n } = useTranslation();
  const known = i18n.exists(`codes.${code}`);
  const colour = GOOD.has(code) ? 'green' : code === '70' || code === '65' ? 'yellow' : 'red';
  const badge = (
    <Badge color={colour} className="mono" autoContrast style={{ flex: 'none' }} styles={{ label: { overflow: 'visible' } }}>
      {code}
    </Badge>
  );
  return known ? <Tooltip label={t(`codes.${code}` as 'codes.00')}>{badge}</Tooltip> : badge;
}

/** The id of a rule of the rule book. */
export function Rule({ id }: { id: string }) {
  return <span className="rule">{id}</span>;
}

export type Tone = 'good' | 'bad' | 'warn' | 'none';

/** A light with words, since colour alone says nothing to some. */
export function Light({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <Group gap={7} wrap="nowrap" component="span" display="inline-flex">
      <span className="lights" data-state={tone} aria-hidden />
      <span className="nowrap">{children}</span>
    </Group>
  );
}

/** The head of a page: its name, one line about it, what can be done. */
export function Head({ title, about, children }: { title: ReactNode; about?: ReactNode; children?: ReactNode }) {
  return (
    <Group justify="space-between" align="flex-end" gap="md" mih={50}>
      <div style={{ flex: '1 1 14rem' }}>
        <Title order={1}>{title}</Title>
        {about ? <Text className="quiet" size="sm" mt={2}>{about}</Text> : null}
      </div>
      <Group gap="xs" wrap="nowrap" style={{ flex: 'none' }}>{children}</Group>
    </Group>
  );
}

/** A sheet of paper with a head. */
export function Paper({ title, aside, children, flush }: { title?: ReactNode; aside?: ReactNode; children: ReactNode; flush?: boolean }) {
  return (
    <section className="paper">
      {title || aside ? (
        <Group className="paper-head" justify="space-between" gap="sm">
          <Title order={2}>{title}</Title>
          {aside}
        </Group>
      ) : null}
      <div className={flush ? undefined : 'paper-body'}>{children}</div>
    </section>
  );
}

/** A large figure with its name. */
export function Figure({ name, children, note }: { name: string; children: ReactNode; note?: ReactNode }) {
  return (
    <div className="paper paper-body">
      <Text size="xs" className="quiet">{name}</Text>
      <div className="figure">{children}</div>
      {note ? <Text size="xs" className="quiet" mt={2}>{note}</Text> : null}
    </div>
  );
}

/** Names with their values, in two columns. */
export function Facts({ items }: { items: [ReactNode, ReactNode][] }) {
  return (
    <dl style={{ margin: 0, display: 'grid', gridTemplateColumns: 'minmax(7rem, auto) 1fr', gap: '0.45rem 1rem', fontSize: '0.8125rem' }}>
      {items.map(([name, value], at) => (
        <div key={at} style={{ display: 'contents' }}>
          <dt className="quiet">{name}</dt>
          <dd style={{ margin: 0, overflowWrap: 'anywhere' }}>{value ?? '—'}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Whose page this leads to. */
export function To({ to, children }: { to: string; children: ReactNode }) {
  return <Link to={to} style={{ color: 'var(--mantine-color-anchor)' }}>{children}</Link>;
}

export function Waiting({ rows = 6 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs" p="md" role="status" aria-label={t('common.loading')}>
      {Array.from({ length: rows }, (_, at) => <Skeleton key={at} height={18} radius="sm" />)}
    </Stack>
  );
}
