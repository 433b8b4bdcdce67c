/**
 * A table of rows by TanStack Table: sorted by its heads, opened with Enter or a click, walked with
 * the arrows or j and k.
 */

import { Button, Group, Table } from '@mantine/core';
import { type ColumnDef, flexRender, getCoreRowModel, getSortedRowModel, type SortingState, useReactTable } from '@tanstack/react-table';
import { type KeyboardEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Empty } from './states';
import { direction } from './walk';

declare module '@tanstack/react-table' {
  // biome-ignore lint: the library's own way to extend columns
  interface ColumnMeta<TData, TValue> {
    /** Figures stand to the right. */
    right?: boolean;
    /** Used by the types of the library only. */
    _?: [TData, TValue];
  }
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  // The value's type differs by column.
  columns: ColumnDef<T, any>[];
  id: (row: T) => string;
  open?: (row: T) => void;
  empty: { title: string; hint?: ReactNode };
  more?: { has: boolean; isLoading: boolean; load: () => void };
}

function walk(event: KeyboardEvent<HTMLTableRowElement>, open: (() => void) | undefined) {
  const row = event.currentTarget;
  const go = (to: Element | null) => {
    if (to instanceof HTMLElement) {
      to.focus();
      event.preventDefault();
    }
  };
  if (event.target !== row) return;
  if (event.key === 'Enter') open?.();
  const to = direction(event);
  if (to === 'down') go(row.nextElementSibling);
  if (to === 'up') go(row.previousElementSibling);
}

export function Rows<T>({ label, rows, columns, id, open, empty, more }: Props<T>) {
  const { t } = useTranslation();
  const [sorting, onSortingChange] = useState<SortingState>([]);
  const table = useReactTable({
    data: rows as T[],
    columns,
    state: { sorting },
    onSortingChange,
    getRowId: id,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
  });
  if (rows.length === 0) return <Empty title={empty.title}>{empty.hint}</Empty>;
  return (
    <>
      <Table.ScrollContainer minWidth={480} type="native" tabIndex={0} role="region" aria-label={label}>
        <Table className="rows" aria-label={label}>
          <Table.Thead>
            {table.getHeaderGroups().map((group) => (
              <Table.Tr key={group.id}>
                {group.headers.map((head) => {
                  const { column } = head;
                  const sorted = column.getIsSorted();
                  const content = flexRender(column.columnDef.header, head.getContext());
                  const right = column.columnDef.meta?.right;
                  return (
                    <Table.Th
                      key={head.id}
                      ta={right ? 'right' : 'left'}
                      aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : undefined}
                    >
                      {column.getCanSort() ? (
                        <button type="button" className="sorter" onClick={column.getToggleSortingHandler()}>
                          {content}
                          <span aria-hidden>{sorted === 'asc' ? ' ↑' : sorted === 'desc' ? ' ↓' : ''}</span>
                        </button>
                      ) : content}
                    </Table.Th>
                  );
                })}
              </Table.Tr>
            ))}
          </Table.Thead>
          <Table.Tbody>
            {table.getRowModel().rows.map((row) => {
              const opens = open ? () => open(row.original) : undefined;
              return (
                <Table.Tr
                  key={row.id}
                  tabIndex={opens ? 0 : undefined}
                  data-opens={opens ? true : undefined}
                  onClick={opens}
                  onKeyDown={(event) => walk(event, opens)}
                >
                  {row.getVisibleCells().map((cell) => (
                    <Table.Td key={cell.id} className={cell.column.columnDef.meta?.right ? 'num' : undefined}>
                      {flexRender(cell.column.columnDef.cell, cell.getContext())}
                    </Table.Td>
                  ))}
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more?.has ? (
        <Group justify="center" p="sm">
          <Button variant="default" size="xs" loading={more.isLoading} onClick={more.load}>{t('common.more')}</Button>
        </Group>
      ) : null}
    </>
  );
}
