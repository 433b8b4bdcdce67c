/** One agent: its devices, and what is left of the cap today for those who took cash there (AGT). */

import { Button, Group, SimpleGrid, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { call } from '@/api/client';
import type { AgentDetail, CapLeft } from '@/api/types';
import { Figure, Head, Money, Paper, Rule } from '@/parts/basics';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useSession } from '@/shell/session';
import { Share, useDeviceColumns } from './agents';
import { Bar } from './cards/counters';

const column = createColumnHelper<CapLeft>();

export default function Agent() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { id = '' } = useParams();
  const { may } = useSession();
  const devices = useDeviceColumns();
  const asked = useQuery({ queryKey: ['/agents', id], queryFn: () => call<AgentDetail>('GET', `/agents/${encodeURIComponent(id)}`), refetchInterval: 5000 });
  const columns = useMemo(
    () => [
      column.accessor('pan', { header: t('agents.card'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('terminal', { header: t('agents.device'), cell: (c) => c.getValue() ?? '—' }),
      column.accessor('rule', { header: t('agents.capRule'), cell: (c) => <Rule id={c.getValue()} /> }),
      column.accessor('used', { header: t('agents.used'), meta: { right: true }, enableSorting: false, cell: (c) => <><Money value={c.getValue()} /> / <Money value={c.row.original.cap} /></> }),
      column.display({ id: 'bar', cell: (c) => <div style={{ minWidth: 120 }}><Bar used={c.row.original.used} ceiling={c.row.original.cap} label={t('agents.used')} /></div> }),
      column.accessor('left', { header: t('agents.left'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency="KGS" /> }),
    ],
    [t],
  );
  return (
    <Asked query={asked}>
      {(agent) => (
        <Stack gap="md">
          <Head title={<Group gap="sm">{agent.name}<span className="quiet mono">{agent.id}</span></Group>} about={t('agents.about')}>
            <Button component={Link} variant="default" to={`/audit?terminal=${agent.terminals[0]?.id ?? ''}`}>{t('pages.audit')}</Button>
            {may('orders.draft') ? <Button component={Link} to={`/orders/new?kind=agent_caps&agent=${agent.id}`}>{t('agents.lower')}</Button> : null}
          </Head>
          <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
            <Figure name={t('agents.cap')} note={agent.cap_rule}><Money value={agent.cap} currency="KGS" /></Figure>
            <Figure name={t('agents.float')} note={t('hints.float')}><Money value={agent.batch.net} currency="KGS" /></Figure>
            <Figure name={t('agents.requests')} note={<>{t('agents.reversals')} <Share share={agent.today.reversal_share} /> · {t('agents.repeats')} <Share share={agent.today.repeat_share} /></>}>{agent.today.requests}</Figure>
            <Figure name={t('agents.devices')} note={t('agents.online')}>{agent.online} / {agent.devices}</Figure>
          </SimpleGrid>
          <Paper flush title={t('agents.leftTitle')}>
            <Rows label={t('agents.leftTitle')} rows={agent.cards} columns={columns} id={(row) => `${row.card}-${row.terminal ?? ''}`} open={(row) => void navigate(`/cards/${row.card}`)} empty={{ title: t('agents.noneLeft') }} />
          </Paper>
          <Paper flush title={t('agents.terminals')}>
            <Rows label={t('agents.terminals')} rows={agent.terminals} columns={devices} id={(row) => row.id} open={(row) => void navigate(`/transactions?terminal=${row.id}`)} empty={{ title: t('agents.noDevices') }} />
          </Paper>
        </Stack>
      )}
    </Asked>
  );
}
