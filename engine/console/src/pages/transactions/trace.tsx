/** The trace as it was recorded: each rule, what was asked, used before, and the ceiling (TXN-8). */

import { Badge, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TraceLine } from '@/api/types';
import { count } from '@/lib/money';
import { Money, Rule } from '@/parts/basics';
import { useLanguage } from '@/shell/preferences';

function Value({ value }: { value: string | number | null | undefined }) {
  const [language] = useLanguage();
  if (value === null || value === undefined) return <span className="quiet">—</span>;
  return typeof value === 'string' ? <Money value={value} /> : <span className="num">{count(value, language)}</span>;
}

const COLOURS: Record<string, string> = { pass: 'green', decline: 'red', ask_pin: 'yellow', note: 'gray', not_applicable: 'gray' };

export function Trace({ lines }: { lines: readonly TraceLine[] }) {
  const { t } = useTranslation();
  return (
    <Table.ScrollContainer minWidth={420} type="native">
      <Table className="rows">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('trace.rule')}</Table.Th>
            <Table.Th>{t('trace.verdict')}</Table.Th>
            <Table.Th ta="right">{t('trace.asked')}</Table.Th>
            <Table.Th ta="right">{t('trace.used')}</Table.Th>
            <Table.Th ta="right">{t('trace.ceiling')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {lines.map((line, at) => (
            <Table.Tr key={at}>
              <Table.Td><Rule id={line.rule} /> {line.limit}</Table.Td>
              <Table.Td><Badge color={COLOURS[line.verdict] ?? 'gray'}>{t(`verdicts.${line.verdict}` as 'verdicts.pass', line.verdict)}</Badge></Table.Td>
              <Table.Td className="num"><Value value={line.asked} /></Table.Td>
              <Table.Td className="num"><Value value={line.used} /></Table.Td>
              <Table.Td className="num"><Value value={line.ceiling} /></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
