/** Agents and devices: who is online, and what looks odd. */

import { SegmentedControl, Stack, TextInput, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { call } from '@/api/client';
import type { AgentView, TerminalView } from '@/api/types';
import { count, percent } from '@/lib/money';
import { Head, Light, Money, Paper, Rule, When } from '@/parts/basics';
import { Deeds } from '@/parts/deeds';
import { useParts } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';

const agent = createColumnHelper<AgentView>();
const device = createColumnHelper<TerminalView>();
const KINDS = ['', 'agent', 'merchant', 'atm', 'branch', 'ecommerce'] as const;
const EVERY_MS = 10_000;
/** A device's clock may be off by so many seconds before it looks odd. */
const SKEW_SECONDS = 60;
/** More reversals or repeats than this look odd. */
const SHARE = 0.05;

export function Skew({ seconds }: { seconds: number | null | undefined }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  if (seconds === null || seconds === undefined) return <span className="quiet">—</span>;
  if (Math.abs(seconds) < 2) return <>{t('agents.exact')}</>;
  const text = seconds > 0 ? t('agents.ahead', { seconds: count(seconds, language) }) : t('agents.behind', { seconds: count(-seconds, language) });
  return <span className={Math.abs(seconds) > SKEW_SECONDS ? 'warn' : undefined}>{text}</span>;
}

export function Share({ share }: { share: number | null | undefined }) {
  const [language] = useLanguage();
  if (share === null || share === undefined) return <span className="quiet">—</span>;
  return <span className={`num ${share > SHARE ? 'warn' : ''}`}>{percent(share, language)}</span>;
}

/** The names of agents by id; of shops the engine tells only the id. */
function useAgentNames(): ReadonlyMap<string, string> {
  const asked = useQuery({ queryKey: ['/agents', 'all'], queryFn: () => call<{ items: AgentView[] }>('GET', '/agents'), staleTime: 60_000 });
  return useMemo(() => new Map((asked.data?.items ?? []).map(({ id, name }) => [id, name])), [asked.data]);
}

/** What the float of an agent is, told where its name is pointed at. */
function FloatHead() {
  const { t } = useTranslation();
  return <Tooltip label={t('hints.float')} multiline w={300}><span className="explained">{t('agents.float')}</span></Tooltip>;
}

export function useDeviceColumns() {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const names = useAgentNames();
  return useMemo(
    () => [
      device.accessor('id', { header: t('agents.device'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      device.accessor('online', { header: t('card.status'), cell: (c) => <Light tone={c.getValue() ? 'good' : 'none'}>{t(c.getValue() ? 'agents.online' : 'agents.offline')}</Light> }),
      device.accessor('category', { header: t('agents.category'), cell: (c) => <span className="nowrap">{t(`categories.${c.getValue()}` as 'categories.atm', c.getValue())}</span> }),
      device.accessor((row) => (row.agent ? (names.get(row.agent) ?? row.agent) : (row.merchant ?? '')), { id: 'owner', header: t('hints.owner'), cell: (c) => <>{c.getValue()}{c.row.original.agent && names.has(c.row.original.agent) ? <span className="quiet"> {c.row.original.agent}</span> : null}</> }),
      device.accessor('last_seen', { header: t('agents.lastSeen'), cell: (c) => <When at={c.getValue()} short /> }),
      device.accessor((row) => row.today?.requests ?? 0, { id: 'requests', header: t('agents.requests'), meta: { right: true }, cell: (c) => count(c.getValue(), language) }),
      device.accessor((row) => row.today?.reversal_share ?? null, { id: 'reversals', header: t('agents.reversals'), meta: { right: true }, cell: (c) => <Share share={c.getValue()} /> }),
      device.accessor((row) => row.today?.repeat_share ?? null, { id: 'repeats', header: t('agents.repeats'), meta: { right: true }, cell: (c) => <Share share={c.getValue()} /> }),
      device.accessor((row) => row.today?.stans_missing ?? 0, { id: 'stans', header: t('agents.stanGaps'), meta: { right: true }, cell: (c) => count(c.getValue(), language) }),
      device.accessor('clock_skew_seconds', { header: t('agents.skew'), cell: (c) => <Skew seconds={c.getValue()} /> }),
      device.display({ id: 'deeds', cell: (c) => <Deeds small of="terminal" id={c.row.original.id} stale={[['/terminals']]} /> }),
    ],
    [t, names, language],
  );
}

function Agents() {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const navigate = useNavigate();
  const asked = useQuery({ queryKey: ['/agents'], queryFn: () => call<{ items: AgentView[] }>('GET', '/agents'), refetchInterval: EVERY_MS });
  const columns = useMemo(
    () => [
      agent.accessor('id', { header: t('agents.agent'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      agent.accessor('name', { header: t('agents.name') }),
      agent.accessor('online', { header: t('agents.devices'), cell: (c) => <Light tone={c.getValue() > 0 ? 'good' : 'none'}>{`${c.getValue()} / ${c.row.original.devices}`}</Light> }),
      agent.accessor('cap', { header: t('agents.cap'), meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} currency="KGS" /> }),
      agent.accessor('cap_rule', { header: t('agents.capRule'), cell: (c) => <Rule id={c.getValue()} /> }),
      agent.accessor((row) => row.batch.net, { id: 'net', header: () => <FloatHead />, meta: { right: true }, enableSorting: false, cell: (c) => <Money value={c.getValue()} /> }),
      agent.accessor((row) => row.today.requests, { id: 'requests', header: t('agents.requests'), meta: { right: true }, cell: (c) => count(c.getValue(), language) }),
      agent.accessor((row) => row.today.reversal_share, { id: 'reversals', header: t('agents.reversals'), meta: { right: true }, cell: (c) => <Share share={c.getValue()} /> }),
      agent.accessor('last_seen', { header: t('agents.lastSeen'), cell: (c) => (c.getValue() ? <When at={c.getValue()} short /> : <span className="quiet">{t('agents.never')}</span>) }),
    ],
    [t, language],
  );
  return (
    <Paper flush title={t('agents.agents')}>
      <Asked query={asked}>
        {({ items }) => <Rows label={t('agents.agents')} rows={items} columns={columns} id={(row) => row.id} open={(row) => void navigate(`/agents/${row.id}`)} empty={{ title: t('agents.none'), hint: t('agents.noneHint') }} />}
      </Asked>
    </Paper>
  );
}

export default function AgentsAndDevices() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [kind, setKind] = useState<string>('');
  const [search, setSearch] = useState('');
  const { query, rows, more } = useParts<TerminalView>('/terminals', { category: kind, search }, { refetchInterval: EVERY_MS });
  const columns = useDeviceColumns();
  return (
    <Stack gap="md">
      <Head title={t('pages.agents')} about={t('agents.about')} />
      <Agents />
      <Paper
        flush
        title={t('agents.terminals')}
        aside={<><SegmentedControl size="xs" value={kind} onChange={setKind} data={KINDS.map((value) => ({ value, label: value === '' ? t('agents.all') : t(`categories.${value}`) }))} aria-label={t('agents.category')} /><TextInput size="xs" placeholder={t('agents.search')} aria-label={t('agents.search')} value={search} onChange={(event) => setSearch(event.currentTarget.value)} /></>}
      >
        <Asked query={query}>
          {() => <Rows label={t('agents.terminals')} rows={rows} columns={columns} id={(row) => row.id} open={(row) => void navigate(row.agent ? `/agents/${row.agent}` : `/transactions?terminal=${row.id}`)} empty={{ title: t('agents.noDevices') }} more={more} />}
        </Asked>
      </Paper>
    </Stack>
  );
}
