/** The bank's layer: its limits, caps and tiers with the order that set each. */

import { Button, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { parse } from 'smol-toml';
import { call } from '@/api/client';
import type { Order, Rules } from '@/api/types';
import { minor, shown } from '@/lib/money';
import { feeFigure, type Leaf, leaves, line, plain } from '@/lib/rules';
import { setBy } from '@/lib/orders';
import { Money, Rule } from '@/parts/basics';
import { Empty } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';
import { useSession } from '@/shell/session';
import { Ceiling, SetBy } from '../limits';

/** Which rule of the rule book a path is about. */
const RULES: [prefix: string, rule: string][] = [
  ['agent_cash', 'AGT-7'],
  ['contactless', 'CTL-2'],
  ['restricted', 'LIM-6'],
  ['fee', 'AMT-4'],
];

export function useRuleLeaves(text: string | undefined): Leaf[] {
  return useMemo(() => {
    if (text === undefined) return [];
    try {
      return leaves(plain(parse(text)));
    } catch {
      return [];
    }
  }, [text]);
}

/** What a value is about: a fee in words, the rest by its path. */
function Name({ leaf, all }: { leaf: Leaf; all: readonly Leaf[] }) {
  const { t, i18n } = useTranslation();
  const fee = feeFigure(leaf.path);
  if (!fee) return <span className="mono">{leaf.path}</span>;
  const told = (key: string) => line(all.find(({ path }) => path === `fee[${fee.id}].${key}`)?.value);
  const operation = told('operation');
  const channel = told('channel');
  const section = i18n.exists(`counts.${operation}`) ? 'counts' : 'operations';
  const words = t(`${section}.${operation}` as 'counts.all', operation.replaceAll('_', ' '));
  const where = [t(`categories.${channel}` as 'categories.atm', channel), told('network'), told('product')].filter((one) => one !== '—');
  return <>{t('hints.fee', { id: fee.id })}: {t(`hints.${fee.what}`)} <span className="quiet">{[words, ...where].join(' · ')}</span></>;
}

function Figure({ leaf }: { leaf: Leaf }) {
  const [language] = useLanguage();
  const text = line(leaf.value);
  if (feeFigure(leaf.path)?.what === 'percent') return <span className="num">{shown(text, language)} %</span>;
  return typeof leaf.value === 'string' && minor(text) !== undefined ? <Money value={text} currency="KGS" /> : <>{text}</>;
}

export function Bank({ rules }: { rules: Rules }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const all = useRuleLeaves(rules.text);
  const active = useQuery({ queryKey: ['orders', 'active'], queryFn: () => call<{ items: Order[] }>('GET', '/orders?status=active&limit=200'), enabled: may('orders.see') });
  const orders = active.data?.items ?? [];
  const own = all.filter((leaf) => RULES.some(([prefix]) => leaf.path.startsWith(prefix)) && !/\.id$/.test(leaf.path) && (!leaf.path.startsWith('fee') || feeFigure(leaf.path) !== undefined));
  const change = (path: string) =>
    may('orders.draft') ? <Button component={Link} size="compact-xs" variant="subtle" to={`/orders/new?path=${encodeURIComponent(path)}`}>{t('limits.change')}</Button> : null;
  if (rules.limits.length + own.length === 0) return <Empty title={t('limits.none')}>{t('limits.noneBank')}</Empty>;
  return (
    <Table.ScrollContainer minWidth={720} type="native">
      <Table className="rows">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={80} />
            <Table.Th>{t('limits.name')}</Table.Th>
            <Table.Th>{t('limits.scope')}</Table.Th>
            <Table.Th>{t('limits.window')}</Table.Th>
            <Table.Th ta="right">{t('limits.ceiling')}</Table.Th>
            <Table.Th>{t('limits.setBy')}</Table.Th>
            <Table.Th />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rules.limits.map((limit) => (
            <Table.Tr key={limit.id}>
              <Table.Td><Rule id="LIM-1" /></Table.Td>
              <Table.Td>{limit.id} <span className="quiet">{t(`counts.${limit.counts}` as 'counts.all', limit.counts)}</span></Table.Td>
              <Table.Td>{limit.scope.map((one) => t(`scopes.${one}` as 'scopes.card', one)).join(' × ')}</Table.Td>
              <Table.Td>{t(`windows.${limit.window}` as 'windows.day', limit.window)}</Table.Td>
              <Table.Td className="num"><Ceiling limit={limit} /></Table.Td>
              <Table.Td><SetBy order={setBy(orders, `limit[${limit.id}].ceiling`)} /></Table.Td>
              <Table.Td ta="right">{change(`limit[${limit.id}].ceiling`)}</Table.Td>
            </Table.Tr>
          ))}
          {own.map((leaf) => (
            <Table.Tr key={leaf.path}>
              <Table.Td><Rule id={RULES.find(([prefix]) => leaf.path.startsWith(prefix))?.[1] ?? 'LIM-1'} /></Table.Td>
              <Table.Td colSpan={3}><Name leaf={leaf} all={all} /></Table.Td>
              <Table.Td className="num"><Figure leaf={leaf} /></Table.Td>
              <Table.Td><SetBy order={setBy(orders, leaf.path)} /></Table.Td>
              <Table.Td ta="right">{change(leaf.path)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
