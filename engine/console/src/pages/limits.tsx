/** Limits as a tree by layer: the strictest wins, and who set each. */

import { Badge, Button, Code as Pre, Collapse, Group, Stack, Table, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { call } from '@/api/client';
import type { Card, CardSettings, Limit, Rules } from '@/api/types';
import { count } from '@/lib/money';
import { Head, Money, Paper, Rule, To, When } from '@/parts/basics';
import { Asked, Empty, Trouble } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';
import { useSession } from '@/shell/session';
import { Bar, Counters } from './cards/counters';
import { Bank } from './limits/bank';
import { Regulation } from './limits/regulation';

export function Layer({ name, about, children, depth }: { name: string; about: string; children: ReactNode; depth: number }) {
  return (
    <div style={{ marginLeft: depth * 18, borderLeft: depth > 0 ? '2px solid var(--tone-line)' : undefined, paddingLeft: depth > 0 ? 14 : 0 }}>
      <Paper flush title={<Group gap={10}>{name}<Text span size="sm" fw={400} className="quiet">{about}</Text></Group>}>{children}</Paper>
    </div>
  );
}

function Raises({ card }: { card: string }) {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['card', card, 'settings'], queryFn: () => call<CardSettings>('GET', `/cards/${encodeURIComponent(card)}/settings`) });
  return (
    <Asked query={asked} rows={2}>
      {({ raises, holder_limits: own }) => (
        <>
                    {raises.map((raise) => (
            <Group key={raise.limit} justify="space-between" p="sm"><Text size="sm">{t('settings.raise', { limit: raise.limit })} · {raise.reason} · {raise.entered_by}, {raise.approved_by}</Text><Group gap={8}><Money value={raise.ceiling} /><Badge color={raise.in_force ? 'petrol' : 'gray'}>{t('settings.until')} <When at={raise.until} /></Badge></Group></Group>
          ))}
          {own.map((limit) => (
            <Group key={limit.limit} justify="space-between" p="sm"><Text size="sm"><Rule id="LIM-3" /> {t('settings.holder', { limit: limit.limit })}</Text><Money value={limit.ceiling} /></Group>
          ))}
        </>
      )}
    </Asked>
  );
}

function OfCard({ id }: { id: string }) {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['card', id, null], queryFn: () => call<Card>('GET', `/cards/${encodeURIComponent(id)}`) });
  return (
    <Layer name={`${t('limits.card')}: ${id}`} about={t('limits.cardAbout')} depth={2}>
      <Raises card={id} />
      {asked.error ? <div style={{ padding: '1rem' }}><Trouble error={asked.error} /></div> : null}
      {asked.data ? <Counters counters={asked.data.counters} /> : null}
    </Layer>
  );
}

export { Bar };

export default function Limits() {
  const { t } = useTranslation();
  const { may } = useSession();
  const [params, setParams] = useSearchParams();
  const card = params.get('card') ?? '';
  const [text, setText] = useState(card);
  const [isText, showText] = useDisclosure();
  const asked = useQuery({ queryKey: ['rules'], queryFn: () => call<Rules>('GET', '/rules') });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParams(text.trim() === '' ? {} : { card: text.trim() });
  };
  return (
    <Stack gap="md">
      <Head title={t('pages.limits')} about={t('limits.about')}>
        <form onSubmit={submit} role="search">
          <Group gap="xs">
            <TextInput aria-label={t('limits.card')} placeholder={t('limits.cardHint')} value={text} onChange={(event) => setText(event.currentTarget.value)} w={130} />
            <Button type="submit" variant="default">{t('limits.lookUp')}</Button>
          </Group>
        </form>
        {may('orders.draft') ? <Button component={Link} to="/orders/new?kind=limits">{t('order.draft')}</Button> : null}
      </Head>
      <Asked query={asked}>
        {(rules) => (
          <>
            <Layer name={t('limits.regulation')} about={t('limits.regulationAbout')} depth={0}><Regulation rules={rules} /></Layer>
            <Layer name={t('limits.bank')} about={t('limits.bankAbout')} depth={1}><Bank rules={rules} /></Layer>
            {card ? <OfCard id={card} /> : <Layer name={t('limits.card')} about={t('limits.cardAbout')} depth={2}><Empty title={t('limits.lookFirst')} /></Layer>}
            <Paper flush title={t('limits.history')} aside={<Button size="compact-sm" variant="default" onClick={showText.toggle} aria-expanded={isText}>{t('limits.text')}</Button>}>
              <Table className="rows">
                <Table.Tbody>
                  {rules.history.slice(0, 10).map((one) => (
                    <Table.Tr key={one.id}><Table.Td>{one.version}</Table.Td><Table.Td>{t('limits.since')} <When at={one.at} /></Table.Td><Table.Td className="num quiet">{t('audit.record')} {one.id}</Table.Td></Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
              <Collapse expanded={isText}><Pre block style={{ maxHeight: 420, overflow: 'auto' }} tabIndex={0} aria-label={t('limits.text')}>{rules.text}</Pre></Collapse>
            </Paper>
          </>
        )}
      </Asked>
    </Stack>
  );
}

export function Ceiling({ limit }: { limit: Limit }) {
  const [language] = useLanguage();
  return typeof limit.ceiling === 'string' ? <Money value={limit.ceiling} currency="KGS" /> : <span className="num">{count(limit.ceiling, language)}</span>;
}

/** Which order set a value, as a link; the first rule set came with the engine. */
export function SetBy({ order }: { order: string | undefined }) {
  const { t } = useTranslation();
  return order ? <To to={`/orders/${order}`}>{t('limits.order', { id: order })}</To> : <span className="quiet">{t('limits.first')}</span>;
}
