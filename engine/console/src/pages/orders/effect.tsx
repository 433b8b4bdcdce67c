/** What rules would change, with exact counts and the most affected, each leading to its reasons. */

import { Group, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import type { Effect as EffectView, EffectSum } from '@/api/types';
import { count } from '@/lib/money';
import { Code, Money, Rule, When } from '@/parts/basics';
import { Empty } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';

function Amounts({ sum }: { sum: EffectSum }) {
  const all = Object.entries(sum.amounts);
  return all.length === 0 ? <span className="quiet">—</span> : all.map(([currency, amount]) => <div key={currency}><Money value={amount} currency={currency} /></div>);
}

function Headline({ name, sum, tone }: { name: string; sum: EffectSum; tone: 'bad' | 'good' }) {
  const [language] = useLanguage();
  return (
    <div>
      <div className={`figure ${sum.count > 0 ? tone : ''}`}>{count(sum.count, language)}</div>
      <Text size="sm" className="quiet">{name}</Text>
      <Text size="sm" component="div"><Amounts sum={sum} /></Text>
    </div>
  );
}

function Top({ name, rows, to }: { name: string; rows: { id: string; sum: EffectSum }[]; to?: (id: string) => string }) {
  const [language] = useLanguage();
  const navigate = useNavigate();
  if (rows.length === 0) return null;
  return (
    <div>
      <Title order={3} mb={4}>{name}</Title>
      <Table className="rows" verticalSpacing={4} aria-label={name}>
        <Table.Tbody>
          {rows.slice(0, 5).map(({ id, sum }) => (
            <Table.Tr key={id} data-opens={to ? true : undefined} tabIndex={to ? 0 : undefined} onClick={() => to && void navigate(to(id))} onKeyDown={(event) => { if (event.key === 'Enter' && to) void navigate(to(id)); }}>
              <Table.Td className="mono">{id}</Table.Td>
              <Table.Td className="num">{count(sum.count, language)}</Table.Td>
              <Table.Td className="num"><Amounts sum={sum} /></Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

export function Effect({ effect, order }: { effect: EffectView; order: number }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const navigate = useNavigate();
  const changed = effect.would_decline.count + effect.would_approve.count + effect.would_differ.count;
  const open = (id: string) => void navigate(`/transactions/${id}?under=${order}`);
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        <Headline name={t('order.wouldDecline')} sum={effect.would_decline} tone="bad" />
        <Headline name={t('order.wouldApprove')} sum={effect.would_approve} tone="good" />
        <div><div className="figure">{count(effect.decisions, language)}</div><Text size="sm" className="quiet">{t('order.decisions')}</Text></div>
        <Text size="sm" component="div">
          {t('order.agents')}: <b>{count(effect.agents, language)}</b><br />
          {t('order.customers')}: <b>{count(effect.customers, language)}</b><br />
          {t('order.cards')}: <b>{count(effect.cards, language)}</b>
        </Text>
      </SimpleGrid>
      {effect.would_decline.count > 0 && effect.would_approve.count > 0 ? <Text size="sm" className="quiet">{t('hints.whyApprove')}</Text> : null}
      {changed === 0 ? <Empty title={t('order.noEffect')} /> : (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <Top name={t('order.agents')} rows={effect.top_agents} to={(id) => `/agents/${id}`} />
            <Top name={t('order.customers')} rows={effect.top_customers} />
          </SimpleGrid>
          <div>
            <Title order={3} mb={4}>{t('order.examples')}</Title>
            <Table.ScrollContainer minWidth={480} type="native">
              <Table className="rows" verticalSpacing={4} horizontalSpacing={6} aria-label={t('order.examples')}>
                <Table.Tbody>
                  {effect.transactions.slice(0, 12).map((one) => (
                    <Table.Tr key={one.id} data-opens tabIndex={0} onClick={() => open(one.id)} onKeyDown={(event) => { if (event.key === 'Enter') open(one.id); }}>
                      <Table.Td><When at={one.at} /></Table.Td>
                      <Table.Td className="mono"><div>{one.terminal}</div><div className="quiet">{one.pan ?? '—'}</div></Table.Td>
                      <Table.Td className="num"><Money value={one.amount} currency={one.currency} /></Table.Td>
                      <Table.Td><Group gap={6} wrap="nowrap"><Code code={one.was.code} /><span aria-hidden className="quiet">→</span><Code code={one.would_be.code} />{one.would_be.rule ? <Rule id={one.would_be.rule} /> : null}</Group></Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </div>
        </>
      )}
    </Stack>
  );
}
