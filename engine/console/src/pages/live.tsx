/** What happens now: rate, approvals, codes, times, listeners, journal, and decisions as they fall. */

import { Autocomplete, Badge, Button, Grid, Group, SegmentedControl, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { call } from '@/api/client';
import type { AgentDetail, AgentView } from '@/api/types';
import { columns, type Decision, figures, matching, type Second } from '@/lib/live';
import { count, fixed, percent } from '@/lib/money';
import { micros, offset } from '@/lib/time';
import { Code, Figure, Head, Light, Money, Paper, Rule, To, When } from '@/parts/basics';
import { Plot } from '@/parts/plot';
import { Empty } from '@/parts/states';
import { direction } from '@/parts/walk';
import { useReadiness } from '@/shell/health';
import { useLanguage } from '@/shell/preferences';
import { useLive } from './live/feed';

const SPANS = { '300': 300, '900': 900, '3600': 3600 } as const;
/** Seconds that the large figures look back. */
const RECENT = 10;
/** Decisions on the page. */
const SHOWN = 14;

function zoneMinutes(second: Second | undefined): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d+):(\d+)$/.exec(offset(second?.at ?? '') ?? '+06:00') ?? [];
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
}

function Listeners({ second }: { second: Second | undefined }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  return (
    <Table className="rows" horizontalSpacing={9}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('live.listener')}</Table.Th>
          <Table.Th ta="right">{t('live.perSecond')}</Table.Th>
          <Table.Th ta="right">p50</Table.Th>
          <Table.Th ta="right">p99</Table.Th>
          <Table.Th ta="right">{t('live.connections')}</Table.Th>
          <Table.Th ta="right">{t('live.terminals')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {(second?.listeners ?? []).map((one) => (
          <Table.Tr key={one.name}>
            <Table.Td><Light tone={one.connections > 0 ? 'good' : 'none'}>{one.name}</Light></Table.Td>
            <Table.Td className="num">{one.per_second}</Table.Td>
            <Table.Td className="num">{one.p50_us ? micros(one.p50_us, language) : '—'}</Table.Td>
            <Table.Td className="num">{one.p99_us ? micros(one.p99_us, language) : '—'}</Table.Td>
            <Table.Td className="num">{one.connections}</Table.Td>
            <Table.Td className="num">{one.terminals}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Inside({ second }: { second: Second | undefined }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const { data } = useReadiness();
  const behind = second && data?.read_model ? Math.max(0, second.journal.durable - data.read_model.position) : 0;
  const rows: [string, React.ReactNode][] = [
    [t('live.durable'), second ? count(second.journal.durable, language) : '—'],
    [t('live.commit'), second ? micros(second.journal.commit_us, language) : '—'],
    [t('live.queue'), second?.queue ?? '—'],
    [t('live.readModel'), <Light key="r" tone={data?.read_model?.failure ? 'bad' : behind > 5000 ? 'warn' : 'good'}>{data?.read_model?.failure ?? t('live.behind', { count: behind })}</Light>],
    [t('live.module'), <Light key="m" tone={data?.security_module?.status === 'ready' ? 'good' : 'warn'}><span title={data?.security_module?.kind}>{data?.security_module ? t(`health.${data.security_module.status}` as 'health.ready', data.security_module.status) : '—'}</span></Light>],
  ];
  return (
    <Stack gap={8}>
      {rows.map(([name, value]) => (
        <Group key={name} justify="space-between" wrap="nowrap"><Text size="sm" className="quiet">{name}</Text><Text size="sm" component="div" ta="right" style={{ flex: 'none', maxWidth: '60%' }}>{value}</Text></Group>
      ))}
    </Stack>
  );
}

function Codes({ codes }: { codes: [string, number][] }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const total = codes.reduce((sum, [, times]) => sum + times, 0);
  if (total === 0) return <Empty title={t('live.noCodes')} />;
  return (
    <Stack gap={9}>
      {codes.slice(0, 8).map(([code, times]) => (
        <div key={code}>
          <Group justify="space-between" mb={3} wrap="nowrap">
            <Group gap={8} wrap="nowrap" style={{ minWidth: 0 }}><Code code={code} /><Text size="sm" truncate>{t(`codes.${code}` as 'codes.00', '')}</Text></Group>
            <Text size="sm" className="num nowrap" component="span">{count(times, language)} <span className="quiet">{percent(times / total, language)}</span></Text>
          </Group>
          <div className="bar" aria-hidden><span style={{ width: `${(times * 100) / total}%`, background: code === '00' ? 'var(--plot-good)' : 'var(--plot-second)' }} /></div>
        </div>
      ))}
    </Stack>
  );
}

/** The terminals of the agent whose id somebody typed; none where it is no agent's. */
function useTerminalsOf(text: string, agents: readonly AgentView[]): readonly string[] {
  const agent = agents.find(({ id, name }) => [id, name, `${id} · ${name}`].some((one) => one.toUpperCase() === text.trim().toUpperCase()))?.id;
  const asked = useQuery({ queryKey: ['/agents', agent], queryFn: () => call<AgentDetail>('GET', `/agents/${encodeURIComponent(String(agent))}`), enabled: agent !== undefined });
  return useMemo(() => (agent === undefined ? [] : (asked.data?.terminals ?? []).map(({ id }) => id)), [agent, asked.data]);
}

function Decisions({ all, isHeld, hold, focus }: { all: readonly Decision[]; isHeld: boolean; hold: () => void; focus: (isInside: boolean) => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [language] = useLanguage();
  const [text, setText] = useState('');
  const agents = useQuery({ queryKey: ['/agents', 'all'], queryFn: () => call<{ items: AgentView[] }>('GET', '/agents') }).data?.items ?? [];
  const ofAgent = useTerminalsOf(text, agents);
  const decisions = matching(all, text, ofAgent);
  const isFiltered = text.trim() !== '';
  const open = (one: Decision) => void navigate(`/transactions/${one.sequence}`);
  const walk = (event: KeyboardEvent<HTMLTableRowElement>, one: Decision) => {
    if (event.key === 'Enter') open(one);
    const to = direction(event);
    const row = to === 'down' ? event.currentTarget.nextElementSibling : to === 'up' ? event.currentTarget.previousElementSibling : null;
    if (row instanceof HTMLElement) {
      row.focus();
      event.preventDefault();
    }
  };
  const aside = (
    <Group gap="xs">
      {isFiltered ? <Text size="sm" className="quiet">{t('hints.sampled', { shown: decisions.length, count: all.length })}</Text> : null}
      <Autocomplete size="xs" w={190} value={text} onChange={setText} data={agents.map(({ id, name }) => `${id} · ${name}`)} placeholder={t('hints.filter')} aria-label={t('hints.filter')} clearable />
      <Button size="compact-sm" variant="default" onClick={hold} aria-pressed={isHeld}>{t(isHeld ? 'live.go' : 'live.hold')}</Button>
    </Group>
  );
  return (
    <Paper flush title={t('live.decisions')} aside={aside}>
      {decisions.length === 0 ? (isFiltered && all.length > 0 ? (
        <Empty title={t('hints.filterNone', { count: all.length })}><To to={ofAgent.length > 0 ? '/transactions' : `/transactions?terminal=${encodeURIComponent(text.trim().toUpperCase())}`}>{t('hints.filterAll')}</To></Empty>
      ) : <Empty title={t('live.quiet')}>{t('live.quietHint')}</Empty>) : (
        <Table.ScrollContainer minWidth={640} type="native">
          <Table className="rows" aria-label={t('live.decisions')}>
            <Table.Thead>
              <Table.Tr>
                {(['at', 'terminal', 'operation', 'card', 'amount', 'code'] as const).map((name) => <Table.Th key={name} ta={name === 'amount' ? 'right' : 'left'}>{t(`tx.${name}`)}</Table.Th>)}
                <Table.Th>{t('trace.rule')}</Table.Th>
                <Table.Th ta="right">{t('live.took')}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody onFocus={() => focus(true)} onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) focus(false); }}>
              {decisions.slice(0, SHOWN).map((one) => (
                <Table.Tr key={one.sequence} tabIndex={0} data-opens onClick={() => open(one)} onKeyDown={(event) => walk(event, one)}>
                  <Table.Td><When at={one.at} short /></Table.Td>
                  <Table.Td className="mono">{one.terminal}</Table.Td>
                  <Table.Td>{t(`operations.${one.type}` as 'operations.purchase', one.type)}</Table.Td>
                  <Table.Td className="mono">{one.card ?? '—'}</Table.Td>
                  <Table.Td className="num"><Money value={one.amount} currency={one.currency} /></Table.Td>
                  <Table.Td><Code code={one.code} /></Table.Td>
                  <Table.Td>{one.rule ? <Rule id={one.rule} /> : '—'}</Table.Td>
                  <Table.Td className="num quiet">{micros(one.took_us, language)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}

export default function Live() {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const [span, setSpan] = useState<keyof typeof SPANS>('300');
  const [held, setHeld] = useState<readonly Decision[]>();
  // Rows stay where they are while somebody walks through them by keys.
  const [walked, setWalked] = useState<readonly Decision[]>();
  const { state, connection } = useLive();
  const last = state.seconds.at(-1);
  const now = useMemo(() => figures(state, RECENT), [state]);
  const longer = useMemo(() => figures(state, SPANS[span]), [state, span]);
  const shown = useMemo(() => state.seconds.slice(-SPANS[span]), [state.seconds, span]);
  const rates = useMemo(() => columns(shown, [(s) => s.approved, (s) => s.declined]), [shown]);
  const times = useMemo(() => columns(shown, [(s) => s.p50_us, (s) => s.p99_us]), [shown]);
  const zone = zoneMinutes(last);
  const tone = connection === 'open' ? 'good' : connection === 'lost' ? 'bad' : 'none';
  return (
    <Stack gap="md">
      <Head title={t('pages.live')} about={<Group gap="md"><Light tone={tone}>{t(`live.connection.${connection}`)}</Light>{last ? <span>{t('live.bankTime')} <When at={last.at} /></span> : null}</Group>}>
        <SegmentedControl value={span} onChange={(value) => setSpan(value as keyof typeof SPANS)} data={[{ value: '300', label: t('live.minutes', { count: 5 }) }, { value: '900', label: t('live.minutes', { count: 15 }) }, { value: '3600', label: t('live.hour') }]} aria-label={t('live.span')} />
      </Head>
      <SimpleGrid cols={{ base: 2, md: 5 }} spacing="md">
        <Figure name={t('live.rate')} note={t('live.last', { count: RECENT })}>{fixed(now.perSecond, now.perSecond < 10 ? 1 : 0, language)} <small className="quiet">/{t('live.s')}</small></Figure>
        <Figure name={t('live.approved')} note={t('live.of', { count: count(longer.approved + longer.declined, language) })}>{longer.approvalShare === undefined ? '—' : percent(longer.approvalShare / 100, language)}</Figure>
        <Figure name="p50" note={t('live.last', { count: RECENT })}>{now.p50 === undefined ? '—' : micros(now.p50, language)}</Figure>
        <Figure name="p99" note={t('live.worst', { count: RECENT })}>{now.p99 === undefined ? '—' : micros(now.p99, language)}</Figure>
        <Figure name={t('live.terminals')} note={t('live.online')}>{last?.terminals_online ?? '—'}</Figure>
      </SimpleGrid>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Paper title={t('live.rate')} aside={<Group gap="xs"><Badge color="green" variant="dot">{t('live.approvedOnes')}</Badge><Badge color="red" variant="dot">{t('live.declinedOnes')}</Badge></Group>}>
            <Plot label={t('live.ratePlot')} data={rates} span={SPANS[span]} zone={zone} format={(value) => count(value, language)} series={[{ label: 'approved', colour: '--plot-good', fill: true }, { label: 'declined', colour: '--plot-bad' }]} />
          </Paper>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Paper title={t('live.times')} aside={<Group gap="xs"><Badge color="petrol" variant="dot">p50</Badge><Badge color="yellow" variant="dot">p99</Badge></Group>}>
            <Plot label={t('live.timesPlot')} data={times} span={SPANS[span]} zone={zone} format={(value) => micros(value, language)} series={[{ label: 'p50', colour: '--plot-first' }, { label: 'p99', colour: '--plot-second' }]} />
          </Paper>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6, lg: 5 }}><Paper flush title={t('live.listeners')}><Listeners second={last} /></Paper></Grid.Col>
        <Grid.Col span={{ base: 12, sm: 6, md: 6, lg: 3 }}><Paper title={t('live.inside')}><Inside second={last} /></Paper></Grid.Col>
        <Grid.Col span={{ base: 12, sm: 6, md: 12, lg: 4 }}><Paper title={t('live.codes')}><Codes codes={longer.codes} /></Paper></Grid.Col>
      </Grid>
      <Decisions all={held ?? walked ?? state.decisions} focus={(isInside) => setWalked((now) => (isInside ? now ?? state.decisions : undefined))} isHeld={held !== undefined || walked !== undefined} hold={() => { setHeld(held ?? walked ? undefined : state.decisions); setWalked(undefined); }} />
    </Stack>
  );
}
