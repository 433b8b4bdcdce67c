/** The highest layer: which edition is in force, and what it allows. */

import { Badge, Group, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Rules } from '@/api/types';
import { decimal, minor } from '@/lib/money';
import { Money, Rule } from '@/parts/basics';

/** Indicators the regulation allows: 001 ch. 1 and 004 §33; 004 §15-1. */
const TAP_INDICATORS = 30n;
const AGENT_INDICATORS = 150n;

function times(indicator: string, by: bigint): string {
  return decimal((minor(indicator) ?? 0n) * by);
}

export function Regulation({ rules }: { rules: Rules }) {
  const { t } = useTranslation();
  const { contactless, agent_cash: agent } = rules.editions;
  const isOldTap = contactless === '76/8-2015';
  const isOldAgent = agent === '76/8-2015';
  return (
    <Table className="rows">
      <Table.Tbody>
        <Table.Tr>
          <Table.Td w={80}><Rule id={isOldTap ? 'CTL-1' : 'CTL-2'} /></Table.Td>
          <Table.Td><Group gap={8}>{t('limits.contactless')}<Badge color="gray">{t('limits.edition')} {contactless}</Badge></Group></Table.Td>
          <Table.Td>{isOldTap ? `${t('limits.indicators', { count: Number(TAP_INDICATORS) })}, ${t('limits.perTransaction')}` : t('limits.ownTiers')}</Table.Td>
          <Table.Td className="num">{isOldTap ? <Money value={times(rules.indicator, TAP_INDICATORS)} currency="KGS" /> : '—'}</Table.Td>
        </Table.Tr>
        <Table.Tr>
          <Table.Td><Rule id={isOldAgent ? 'AGT-1' : 'AGT-2'} /></Table.Td>
          <Table.Td><Group gap={8}>{t('limits.agentCash')}<Badge color="gray">{t('limits.edition')} {agent}</Badge></Group></Table.Td>
          <Table.Td>{t('limits.indicators', { count: Number(AGENT_INDICATORS) })}, {t(isOldAgent ? 'limits.perHolderDay' : 'limits.perCardDevice')}</Table.Td>
          <Table.Td className="num"><Money value={times(rules.indicator, AGENT_INDICATORS)} currency="KGS" /></Table.Td>
        </Table.Tr>
        <Table.Tr>
          <Table.Td />
          <Table.Td colSpan={2}>{t('limits.indicator')}</Table.Td>
          <Table.Td className="num"><Money value={rules.indicator} currency="KGS" /></Table.Td>
        </Table.Tr>
      </Table.Tbody>
    </Table>
  );
}
