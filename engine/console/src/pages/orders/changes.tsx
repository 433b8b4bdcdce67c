/** What an order changes: what stands there and what will, with the rule it is about. */

import { Alert, Badge, Group, List, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { OrderChange, OrderProblem } from '@/api/types';
import { kindOf, line } from '@/lib/rules';
import { IconAlert } from '@/parts/icons';
import { Empty } from '@/parts/states';

export function Problems({ problems }: { problems: readonly OrderProblem[] }) {
  const { t } = useTranslation();
  if (problems.length === 0) return null;
  return (
    <Alert color="red" variant="light" icon={<IconAlert aria-hidden />} title={t('order.problems')} role="alert">
      <List size="sm" spacing={4}>
        {problems.map((problem, at) => (
          <List.Item key={at}>
            {problem.path ? <><b className="mono">{problem.path}</b>: </> : null}
            {problem.detail} <span className="quiet">{[problem.layer, problem.clause].filter(Boolean).join(' · ')}</span>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

export function Difference({ from, to }: { from: OrderChange['from'] | undefined; to: OrderChange['to'] }) {
  const { t } = useTranslation();
  const kind = kindOf(from, to);
  return (
    <Group gap={8} wrap="nowrap">
      <span className="mono" style={{ textDecoration: kind === 'replace' || kind === 'remove' ? 'line-through' : undefined }}>{line(from)}</span>
      <span aria-hidden className="quiet">→</span>
      {kind === 'remove' ? <Badge color="red">{t('order.removed')}</Badge> : <b className="mono">{line(to)}</b>}
      {kind === 'add' ? <Badge color="green">{t('order.added')}</Badge> : null}
    </Group>
  );
}

export function Changes({ changes }: { changes: readonly OrderChange[] }) {
  const { t } = useTranslation();
  if (changes.length === 0) return <Empty title={t('order.noChanges')} />;
  return (
    <Table.ScrollContainer minWidth={480} type="native">
      <Table className="rows" aria-label={t('order.changes')}>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.path}>
              <Table.Td><Text size="sm" className="mono">{change.path}</Text></Table.Td>
              <Table.Td><Difference from={change.from} to={change.to} /></Table.Td>
              <Table.Td className="quiet nowrap">{change.clause}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
