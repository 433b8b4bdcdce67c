/** An answer of the engine as it is: names with their values, lists as tables. */

import { Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Facts, Money, When } from './basics';

type Row = Record<string, unknown>;

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Columns of amounts, which stand right with their tyiyn. */
const AMOUNTS = new Set(['opening', 'debit', 'credit', 'closing', 'balance', 'amount', 'cap', 'used', 'left']);
const isAmount = (column: string, value: unknown): value is string => AMOUNTS.has(column) && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/** A field's name for people; the engine's own where there is no other. */
export function useName(): (name: string) => string {
  const { t } = useTranslation();
  return (name) => t([`deeds.fields.${name}`, `deeds.columns.${name}`] as unknown as 'deeds.fields.note', name.replaceAll('_', ' '));
}

function Cell({ value }: { value: unknown }) {
  const { t } = useTranslation();
  if (value === null || value === undefined || value === '') return <>—</>;
  if (typeof value === 'boolean') return <>{t(value ? 'common.yes' : 'common.no')}</>;
  if (typeof value === 'string') return INSTANT.test(value) ? <When at={value} /> : <>{value}</>;
  if (Array.isArray(value) && value.every((one) => !isRow(one))) return <>{value.join(', ') || '—'}</>;
  return typeof value === 'number' ? <>{value}</> : <Told value={value} />;
}

export function Listed({ rows, only, label }: { rows: readonly Row[]; only?: readonly string[]; label: string }) {
  const name = useName();
  const columns = only ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <Table.ScrollContainer minWidth={500} type="native" tabIndex={0} role="region" aria-label={label}>
      <Table className="rows" aria-label={label}>
        <Table.Thead><Table.Tr>{columns.map((column) => <Table.Th key={column} ta={AMOUNTS.has(column) ? 'right' : undefined}>{name(column)}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{rows.map((row, at) => <Table.Tr key={at}>{columns.map((column) => <Table.Td key={column} ta={AMOUNTS.has(column) ? 'right' : undefined}>{isAmount(column, row[column]) ? <Money value={String(row[column])} /> : <Cell value={row[column]} />}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export function Told({ value }: { value: unknown }) {
  const name = useName();
  if (Array.isArray(value) && value.length > 0 && value.every(isRow)) return <Listed rows={value} label="" />;
  if (!isRow(value)) return <Cell value={value} />;
  return <Facts items={Object.entries(value).map(([key, one]) => [name(key), <Cell key={key} value={one} />])} />;
}
