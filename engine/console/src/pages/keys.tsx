/** Keys by name: check values and how long they last. Never key material. */

import { Badge, Button, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '@/api/client';
import type { KeysView } from '@/api/types';
import { Day, Facts, Head, Paper, When } from '@/parts/basics';
import { Rows } from '@/parts/rows';
import { Asked } from '@/parts/states';
import { useSession } from '@/shell/session';

type Key = KeysView['keys'][number];
type Row = Key['versions'][number] & Pick<Key, 'name' | 'usage' | 'algorithm'>;

const column = createColumnHelper<Row>();

function Left({ days }: { days: number | null | undefined }) {
  const { t } = useTranslation();
  if (days === null || days === undefined) return <span className="quiet">—</span>;
  const colour = days < 0 ? 'red' : days < 30 ? 'yellow' : 'gray';
  return <Badge color={colour}>{days < 0 ? t('key.over', { count: -days }) : t('key.left', { count: days })}</Badge>;
}

export default function Keys() {
  const { t } = useTranslation();
  const { session } = useSession();
  const asked = useQuery({ queryKey: ['keys'], queryFn: () => call<KeysView>('GET', '/keys') });
  const columns = useMemo(
    () => [
      column.accessor('name', { header: t('key.name'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('usage', { header: t('key.usage') }),
      column.accessor('algorithm', { header: t('key.algorithm'), cell: (c) => `${c.getValue()} · ${c.row.original.bits}` }),
      column.accessor('version', { header: t('key.version'), meta: { right: true } }),
      column.accessor('check_value', { header: t('key.check'), cell: (c) => <span className="mono">{c.getValue()}</span> }),
      column.accessor('state', { header: t('key.state'), cell: (c) => <Badge color={c.getValue() === 'current' ? 'green' : 'gray'}>{t(`key.states.${c.getValue()}` as 'key.states.current', c.getValue())}</Badge> }),
      column.accessor('expires_on', { header: t('key.expires'), cell: (c) => <Day on={c.getValue()} /> }),
      column.accessor('days_left', { header: t('key.leftHead'), cell: (c) => <Left days={c.getValue()} /> }),
    ],
    [t],
  );
  return (
    <Stack gap="md">
      <Head title={t('pages.keys')} about={t('key.about')}>
        {session?.roles.includes('key_custodian') ? <Button component={Link} to="/orders/new?kind=keys">{t('order.draft')}</Button> : null}
      </Head>
      <Asked query={asked}>
        {({ keys, ceremonies }) => (
          <>
            {ceremonies.map((one) => (
              <Paper key={one.name} title={t('key.ceremony', { name: one.name })}>
                <Facts items={[[t('key.usage'), one.usage], [t('key.check'), one.check_value], [t('key.begun'), <When key="b" at={one.begun_at} />], [t('key.components'), `${one.given_by.length} / ${one.components}: ${one.given_by.join(', ')}`]]} />
              </Paper>
            ))}
            <Paper flush>
              <Rows
                label={t('pages.keys')}
                rows={keys.flatMap(({ versions, ...key }) => versions.map((version) => ({ ...version, ...key })))}
                columns={columns}
                id={(row) => `${row.name}-${row.version}`}
                empty={session?.test_mode ? { title: t('hints.testKeys'), hint: t('hints.testKeysHint') } : { title: t('key.none'), hint: t('key.noneHint') }}
              />
            </Paper>
          </>
        )}
      </Asked>
    </Stack>
  );
}
