/** The changes of a draft: values of the rule set to pick from, paths to add, one agent's cap. */

import { ActionIcon, Badge, Button, Group, NumberInput, Select, Stack, Table, Text, TextInput, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { AgentView, OrderProblem } from '@/api/types';
import { belongs, type Draft, EXAMPLES, type Typed, withChange } from '@/lib/draft';
import { decimal, minor, shown } from '@/lib/money';
import { within } from '@/lib/orders';
import { capOfAll, isOwnCap, kindOf, type Leaf, line, MOST_INDICATORS, parsed, type Value } from '@/lib/rules';
import { Paper } from '@/parts/basics';
import { IconTrash } from '@/parts/icons';
import { Empty } from '@/parts/states';
import { useOrderProblem } from '@/parts/words';
import { useLanguage } from '@/shell/preferences';
import { Plain } from './changes';
import { Template } from './templates';

interface Props {
  draft: Draft;
  set: (draft: Draft) => void;
  leaves: readonly Leaf[];
  indicator: string;
  problems: readonly OrderProblem[];
  /** Tells what stands in a field and was not added yet. */
  typed: (field: 'cap' | 'value', what: Typed | undefined) => void;
}

function about(path: string, problems: readonly OrderProblem[]): OrderProblem | undefined {
  return problems.find((one) => one.path !== '' && (within(path, one.path) || within(one.path, path)));
}

function AgentCap({ draft, set, leaves, indicator, problems, typed }: Props) {
  const { t } = useTranslation();
  const say = useOrderProblem();
  const [language] = useLanguage();
  const agents = useQuery({ queryKey: ['/agents', 'all'], queryFn: () => call<{ items: AgentView[] }>('GET', '/agents') });
  const [agent, setAgent] = useState(draft.agent ?? '');
  const [count, setCount] = useState<number | ''>('');
  const path = `agent_cash.agent[${agent}].cap_indicators`;
  const now = leaves.find((leaf) => leaf.path === path)?.value ?? capOfAll(leaves);
  const isWhole = count !== '' && Number.isSafeInteger(count);
  const sum = shown(decimal((minor(indicator) ?? 0n) * BigInt(isWhole ? count : 0)), language);
  const title = t('order.agentTitle', { agent, count: count === '' ? 0 : count });
  const isFilled = agent !== '' && isWhole;
  useEffect(() => {
    typed('cap', isFilled ? { change: { path, to: count }, title } : undefined);
    return () => typed('cap', undefined);
  }, [typed, isFilled, path, count, title]);
  const wrong = isFilled ? about(path, problems) : undefined;
  const refused = isWhole && count > MOST_INDICATORS ? t('hints.aboveRegulation', { count, most: MOST_INDICATORS }) : wrong && say(wrong).text;
  const add = () => {
    set(withChange({ ...draft, title: draft.title || title }, path, count === '' ? undefined : count));
    setCount('');
  };
  return (
    <Group align="flex-start" gap="sm">
      <Select label={t('order.agent')} searchable data={(agents.data?.items ?? []).map(({ id, name }) => ({ value: id, label: `${id} · ${name}` }))} value={agent || null} onChange={(value) => setAgent(value ?? '')} w={230} />
      <NumberInput label={t('order.capIndicators')} min={0} clampBehavior="none" allowNegative={false} allowDecimal={false} error={refused} value={count} onChange={(value) => setCount(value === '' ? '' : Number(value))} w={190} placeholder={String(now)} description={count === '' ? undefined : t('order.capSum', { sum })} inputWrapperOrder={['label', 'input', 'error', 'description']} />
      <Button mt={24} variant="light" disabled={!isFilled} onClick={add}>{t('order.addValue')}</Button>
    </Group>
  );
}

function Row({ isThing, change, from, cap, set, remove, problem }: { isThing: boolean; change: { path: string; to: Value }; from: Value | undefined; cap: number; set: (to: Value) => void; remove: () => void; problem: OrderProblem | undefined }) {
  const { t } = useTranslation();
  const say = useOrderProblem();
  const [text, setText] = useState(change.to === null ? '' : line(change.to));
  const kind = change.to === null ? 'remove' : kindOf(from, change.to);
  const isTable = typeof change.to === 'object' && change.to !== null && !Array.isArray(change.to);
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" className="mono">{change.path}</Text></Table.Td>
      <Table.Td>{from === undefined && isOwnCap(change.path) ? t('hints.bankCap', { count: cap }) : <span className="mono">{isThing ? '' : line(from)}</span>}</Table.Td>
      <Table.Td>
        {kind === 'remove' ? <Badge color="red">{t('order.removed')}</Badge> : isTable ? <Plain value={change.to} /> : (
          <TextInput key={Array.isArray(change.to) ? line(change.to) : 'typed'} size="xs" classNames={{ input: 'mono' }} aria-label={`${t('order.to')}: ${change.path}`} value={text} error={problem && say(problem).text} onChange={(event) => { setText(event.currentTarget.value); set(parsed(event.currentTarget.value, from)); }} />
        )}
      </Table.Td>
      <Table.Td ta="right">
        <Tooltip label={t('order.restore')}><ActionIcon variant="subtle" color="gray" aria-label={`${t('order.restore')}: ${change.path}`} onClick={remove}><IconTrash size={16} /></ActionIcon></Tooltip>
      </Table.Td>
    </Table.Tr>
  );
}

function Pick({ draft, set, leaves, typed }: Pick<Props, 'draft' | 'set' | 'leaves' | 'typed'>) {
  const { t } = useTranslation();
  const offered = useMemo(() => leaves.filter((leaf) => belongs(draft.kind, leaf.path)), [leaves, draft.kind]);
  const [path, setPath] = useState(draft.picked ?? '');
  const [text, setText] = useState('');
  const from = offered.find((leaf) => leaf.path === path)?.value;
  const isFilled = path.trim() !== '' && text.trim() !== '';
  useEffect(() => {
    typed('value', isFilled ? { change: { path: path.trim(), to: parsed(text, from) } } : undefined);
    return () => typed('value', undefined);
  }, [typed, isFilled, path, text, from]);
  const add = () => {
    if (path.trim() === '') return;
    set(withChange(draft, path.trim(), parsed(text, from)));
    setPath('');
    setText('');
  };
  return (
    <Group align="flex-end" gap="sm">
      <TextInput label={t('order.newPath')} classNames={{ input: 'mono' }} list="rule-paths" placeholder={EXAMPLES[draft.kind] ?? t('order.pickHint')} value={path} onChange={(event) => setPath(event.currentTarget.value)} style={{ flex: '2 1 260px' }} description={from === undefined ? undefined : `${t('order.from')}: ${line(from)}`} inputWrapperOrder={['label', 'input', 'description']} />
      <datalist id="rule-paths">{offered.map((leaf) => <option key={leaf.path} value={leaf.path}>{line(leaf.value)}</option>)}</datalist>
      <TextInput label={t('order.newValue')} classNames={{ input: 'mono' }} value={text} onChange={(event) => setText(event.currentTarget.value)} style={{ flex: '1 1 140px' }} onKeyDown={(event) => { if (event.key === 'Enter') { event.preventDefault(); add(); } }} />
      <Button variant="light" disabled={!isFilled} onClick={add}>{t('order.addValue')}</Button>
      <Button variant="subtle" color="red" disabled={from === undefined} onClick={() => { set(withChange(draft, path.trim(), null)); setPath(''); }}>{t('order.remove')}</Button>
    </Group>
  );
}

/** Kinds whose changes are only picked. */
const TEMPLATE_ONLY = ['users', 'keys', 'card_blocks'];

export function ChangesEditor(props: Props) {
  const { draft, set, leaves, problems } = props;
  const { t } = useTranslation();
  const now = useMemo(() => new Map(leaves.map((leaf) => [leaf.path, leaf.value])), [leaves]);
  return (
    <Paper flush title={t('order.changes')}>
      {draft.changes.length === 0 ? <Empty title={t('order.noChanges')}>{t(TEMPLATE_ONLY.includes(draft.kind) ? 'order.noChangesForm' : 'order.noChangesHint')}</Empty> : (
        <Table className="rows" aria-label={t('order.changes')}>
          <Table.Thead><Table.Tr><Table.Th>{t('order.path')}</Table.Th><Table.Th>{TEMPLATE_ONLY.includes(draft.kind) ? '' : t('order.from')}</Table.Th><Table.Th>{t('order.to')}</Table.Th><Table.Th /></Table.Tr></Table.Thead>
          <Table.Tbody>
            {draft.changes.map((change) => (
              <Row key={change.path} isThing={TEMPLATE_ONLY.includes(draft.kind)} change={change} from={now.get(change.path)} cap={capOfAll(leaves)} problem={about(change.path, problems)} set={(to) => set({ ...draft, changes: draft.changes.map((one) => (one.path === change.path ? { ...one, to } : one)) })} remove={() => set(withChange(draft, change.path, undefined))} />
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Stack gap="md" p="md" style={{ borderTop: '1px solid var(--tone-line)' }}>
        {draft.kind === 'agent_caps' ? <AgentCap {...props} /> : null}
        <Template draft={draft} set={set} leaves={leaves} />
        {TEMPLATE_ONLY.includes(draft.kind) ? null : <Pick key={draft.kind} draft={draft} set={set} leaves={leaves} typed={props.typed} />}
      </Stack>
    </Paper>
  );
}
