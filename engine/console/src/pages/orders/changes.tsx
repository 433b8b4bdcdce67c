/** What an order changes: what stands there and what will, with the rule it is about. */

import { Alert, Badge, Group, List, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { OrderChange, OrderProblem, Rules } from '@/api/types';
import { capOfAll, isOwnCap, kindOf, line, type Value } from '@/lib/rules';
import { IconAlert } from '@/parts/icons';
import { Empty } from '@/parts/states';
import { useOrderProblem } from '@/parts/words';
import { useRuleLeaves } from '../limits/bank';

export function Problems({ problems }: { problems: readonly OrderProblem[] }) {
  const { t } = useTranslation();
  const say = useOrderProblem();
  if (problems.length === 0) return null;
  return (
    <Alert color="red" variant="light" icon={<IconAlert aria-hidden />} title={t('order.problems')} role="alert">
      <List size="sm" spacing={4}>
        {problems.map((problem, at) => {
          const { text, more } = say(problem);
          return (
            <List.Item key={at}>
              {problem.path ? <><b className="mono">{problem.path}</b>: </> : null}
              {text} <span className="quiet">{[t(`layers.${problem.layer}` as 'layers.bank', problem.layer), problem.clause].filter(Boolean).join(' · ')}</span>
              {more && more !== text ? <Text size="sm" className="quiet" lang="en">{more}</Text> : null}
            </List.Item>
          );
        })}
      </List>
    </Alert>
  );
}

/** A value of a change: a table by its names, all else on one line. */
export function Plain({ value }: { value: Value | undefined }) {
  const { t } = useTranslation();
  const named = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!named) return <span className="mono" style={{ overflowWrap: 'anywhere' }}>{line(value)}</span>;
  const name = (key: string) => t([`tpl.names.${key}`, `deeds.fields.${key}`] as unknown as 'deeds.fields.note', key.replaceAll('_', ' '));
  const said = (one: Value) => (typeof one === 'boolean' ? t(one ? 'common.yes' : 'common.no') : Array.isArray(one) ? one.map((part) => t(`roles.${String(part)}` as 'roles.operator', line(part))).join(', ') : line(one));
  return (
    <span style={{ display: 'inline-block' }}>
      {Object.entries(value).map(([key, one]) => <span key={key} style={{ display: 'block', fontWeight: 'normal' }}><span className="quiet">{name(key)}</span> <span className="mono">{said(one)}</span></span>)}
    </span>
  );
}

/** `instead`: what held where nothing stood of its own. */
export function Difference({ from, to, instead }: { from: OrderChange['from'] | undefined; to: OrderChange['to']; instead?: string | undefined }) {
  const { t } = useTranslation();
  const kind = kindOf(from, to);
  return (
    <Group gap={8} wrap="nowrap">
      {kind === 'add' && instead ? <span className="quiet">{instead}</span> : <span className="mono" style={{ textDecoration: kind === 'replace' || kind === 'remove' ? 'line-through' : undefined }}><Plain value={from ?? undefined} /></span>}
      <span aria-hidden className="quiet">→</span>
      {kind === 'remove' ? <Badge color="red">{t('order.removed')}</Badge> : <b className="mono"><Plain value={to} /></b>}
      {kind === 'add' && !instead ? <Badge color="green">{t('order.added')}</Badge> : null}
    </Group>
  );
}

/** States before which an order changed nothing: what is in force now is what it would change. */
const BEFORE = ['draft', 'signed', 'approved', 'scheduled'];

export function Changes({ changes, status }: { changes: readonly OrderChange[]; status: string }) {
  const { t } = useTranslation();
  const hasCap = changes.some(({ path, from }) => isOwnCap(path) && (from === null || from === undefined));
  const rules = useQuery({ queryKey: ['rules'], queryFn: () => call<Rules>('GET', '/rules'), enabled: hasCap && BEFORE.includes(status) });
  const leaves = useRuleLeaves(rules.data?.text);
  const cap = rules.data && BEFORE.includes(status) ? t('hints.bankCap', { count: capOfAll(leaves) }) : t('hints.noOwnCap');
  if (changes.length === 0) return <Empty title={t('order.noChanges')} />;
  return (
    <Table.ScrollContainer minWidth={480} type="native">
      <Table className="rows" aria-label={t('order.changes')}>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.path}>
              <Table.Td><Text size="sm" className="mono" style={{ overflowWrap: 'anywhere', minWidth: '9rem' }}>{change.path}</Text></Table.Td>
              <Table.Td><Difference from={change.from} to={change.to} instead={isOwnCap(change.path) ? cap : undefined} /></Table.Td>
              <Table.Td className="quiet nowrap">{change.clause}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
