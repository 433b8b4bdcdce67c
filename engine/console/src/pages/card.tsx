/** A card: its state now or as of any moment, blocks, counters, settings, last transactions. */

import { Alert, Button, Grid, Group, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import { call } from '@/api/client';
import type { Card as CardView, Transaction } from '@/api/types';
import { inZone, offset, wall } from '@/lib/time';
import { Facts, Head, Paper, To, When } from '@/parts/basics';
import { Deeds } from '@/parts/deeds';
import { useParts, withParams } from '@/parts/lists';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { Blocks } from './cards/blocking';
import { Counters } from './cards/counters';
import { Settings } from './cards/settings';
import { Status } from './cards/status';
import { useTransactionColumns } from './transactions';

function expiry(yymm: string): string {
  return `${yymm.slice(2, 4)}/${yymm.slice(0, 2)}`;
}

function AsOf({ now, at, set }: { now: string; at: string | null; set: (at: string | null) => void }) {
  const { t } = useTranslation();
  const zone = offset(now) ?? '+06:00';
  const [local, setLocal] = useState(() => (at ? at.slice(0, 16) : wall(Date.parse(now), zone)));
  return (
    <form onSubmit={(event) => { event.preventDefault(); set(inZone(local, zone)); }}>
      <Group gap="xs">
        <TextInput type="datetime-local" aria-label={t('card.asOf')} value={local} onChange={(event) => setLocal(event.currentTarget.value)} />
        <Button type="submit" variant="default">{t('card.asOf')}</Button>
        {at ? <Button variant="subtle" onClick={() => set(null)}>{t('card.now')}</Button> : null}
      </Group>
    </form>
  );
}

function Facets({ card }: { card: CardView }) {
  const { t } = useTranslation();
  return (
    <Paper title={t('card.facts')}>
      <Facts
        items={[
          [t('card.number'), <span key="n" className="mono">{card.pan}</span>],
          [t('card.expiry'), expiry(card.expiry)],
          [t('card.account'), <To key="a" to={`/accounts/${card.account}`}>{card.account}</To>],
          [t('card.holder'), card.holder],
          [t('card.pinTries'), t('card.wrongPins', { count: card.pin_tries })],
          [t('card.net'), t(card.ecommerce ? 'common.on' : 'common.off')],
          [t('card.moto'), t(card.moto ? 'common.on' : 'common.off')],
          [t('card.atc'), card.atc ?? '—'],
          [t('card.scripts'), card.scripts_pending],
          ...(card.supplementary_of ? [[t('card.supplementary'), <To key="s" to={`/cards/${card.supplementary_of}`}>{card.supplementary_of}</To>] as [string, React.ReactNode]] : []),
          ...(card.loss_reported_at ? [[t('card.lossReported'), <When key="l" at={card.loss_reported_at} />] as [string, React.ReactNode]] : []),
          ...(card.overdraft_exempt_until ? [[t('card.exempt'), card.overdraft_exempt_until] as [string, React.ReactNode]] : []),
        ]}
      />
    </Paper>
  );
}

function Recent({ card }: { card: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const columns = useTransactionColumns();
  const { query, rows, more } = useParts<Transaction>('/transactions', { card, limit: '10' });
  return (
    <Paper flush title={t('card.recent')}>
      <Asked query={query}>
        {() => <Rows label={t('card.recent')} rows={rows} columns={columns} id={(row) => row.id} open={(row) => void navigate(`/transactions/${row.id}`)} empty={{ title: t('tx.none') }} more={more} />}
      </Asked>
    </Paper>
  );
}

export default function Card() {
  const { t } = useTranslation();
  const { id = '' } = useParams();
  const [params, setParams] = useSearchParams();
  const at = params.get('at');
  const asked = useQuery({
    queryKey: ['card', id, at],
    queryFn: () => call<CardView>('GET', withParams(`/cards/${encodeURIComponent(id)}`, { at })),
    // Each look is journaled, so the page does not look by itself.
    refetchOnWindowFocus: false,
  });
  return (
    <Asked query={asked} rows={10}>
      {(card) => (
        <Stack gap="md">
          <Head title={<Group gap="sm"><span className="mono">{card.pan}</span><Status status={card.status} /></Group>} about={`${card.id} · ${t('card.trueAt')} ${card.as_of.slice(11, 19)}`}>
            {at ? null : <Deeds of="card" id={card.id} zone={offset(card.as_of) ?? '+06:00'} stale={[['card', card.id]]} />}
            <AsOf key={at ?? 'now'} now={card.as_of} at={at} set={(next) => setParams(next ? { at: next } : {})} />
          </Head>
          {at ? <Alert color="yellow" variant="light">{t('card.past')} <When at={card.as_of} /></Alert> : null}
          <Grid gap="md">
            <Grid.Col span={{ base: 12, lg: 5 }}>
              <Stack gap="md"><Blocks card={card} /><Facets card={card} /></Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 7 }}>
              <Stack gap="md">
                <Paper flush title={t('counters.title')}><Counters counters={card.counters} /></Paper>
                <Settings card={card.id} />
              </Stack>
            </Grid.Col>
          </Grid>
          <Recent card={card.id} />
        </Stack>
      )}
    </Asked>
  );
}
