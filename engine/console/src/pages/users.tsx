/** Users and what each role may do; alerts about unusual access (SIG-4, PII-2). */

import { Badge, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { createColumnHelper } from '@tanstack/react-table';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { call } from '@/api/client';
import type { AlertView, PermissionView, UserView } from '@/api/types';
import { Head, Light, Paper, To, When } from '@/parts/basics';
import { Deeds } from '@/parts/deeds';
import { IconCheck } from '@/parts/icons';
import { Rows } from '@/parts/rows';
import { Asked, Empty, Trouble } from '@/parts/states';
import { useSession } from '@/shell/session';
import { WaitingResets } from './users/resets';

const column = createColumnHelper<UserView>();
const ROLES = ['operator', 'checker', 'auditor', 'privacy', 'key_custodian', 'security_officer'] as const;

function Permissions() {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['permissions'], queryFn: () => call<{ permissions: PermissionView[] }>('GET', '/permissions') });
  return (
    <Paper flush title={t('users.permissions')}>
      <Asked query={asked}>
        {({ permissions }) => (
          <Table.ScrollContainer minWidth={820} type="native" mah={460} tabIndex={0} role="region" aria-label={t('users.permissions')}>
            <Table className="rows" stickyHeader verticalSpacing={4}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('users.permission')}</Table.Th>
                  {ROLES.map((role) => <Table.Th key={role} ta="center">{t(`roles.${role}`)}</Table.Th>)}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {permissions.filter((one) => one.who === 'roles').map((one) => (
                  <Table.Tr key={`${one.method} ${one.path}`}>
                    <Table.Td className="mono"><span className="quiet">{one.method}</span> {one.path}</Table.Td>
                    {ROLES.map((role) => <Table.Td key={role} ta="center">{one.roles.includes(role) ? <IconCheck size={16} aria-label={t('common.yes')} /> : null}</Table.Td>)}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Asked>
    </Paper>
  );
}

/** Personal keys that wait for a second person (SIG-2). */
function WaitingKeys({ users }: { users: readonly UserView[] }) {
  const { t } = useTranslation();
  const { session, may } = useSession();
  const queries = useQueryClient();
  const approve = useMutation({
    mutationFn: ({ user, key }: { user: string; key: string }) => call('POST', `/users/${encodeURIComponent(user)}/keys/${key}/approval`),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['users'] }),
  });
  const waiting = users.flatMap(({ user, keys }) => keys.filter((key) => key.standing === 'waiting').map((key) => ({ user, ...key })));
  if (waiting.length === 0) return null;
  return (
    <Paper title={t('users.waitingKeys')}>
      <Stack gap="sm">
        <Trouble error={approve.error} />
        {waiting.map((one) => (
          <Group key={one.key} justify="space-between" wrap="nowrap">
            <Text size="sm"><b>{one.user}</b> · {one.label} · <When at={one.added_at} /><br /><span className="mono quiet" style={{ overflowWrap: 'anywhere' }}>{one.key}</span></Text>
            {may('keys.approve') && one.user !== session?.user ? <Button size="xs" variant="light" onClick={() => approve.mutate(one)}>{t('order.approve')}</Button> : null}
          </Group>
        ))}
      </Stack>
    </Paper>
  );
}

function Alerts() {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['alerts'], queryFn: () => call<{ alerts: AlertView[] }>('GET', '/alerts') });
  return (
    <Paper flush title={<span id="alerts">{t('users.alerts')}</span>}>
      <Asked query={asked} rows={3}>
        {({ alerts }) =>
          alerts.length === 0 ? <Empty title={t('users.noAlerts')} /> : (
            <Table className="rows" aria-label={t('users.alerts')}>
              <Table.Tbody>
                {alerts.slice(0, 20).map((alert) => (
                  <Table.Tr key={alert.id}>
                    <Table.Td><When at={alert.at} /></Table.Td>
                    <Table.Td><Light tone={alert.kind === 'guard_stands' ? 'bad' : 'warn'}>{t(`users.alertKinds.${alert.kind}` as 'users.alertKinds.locked', alert.kind)}</Light></Table.Td>
                    <Table.Td>{typeof alert.order === 'number' ? <To to={`/orders/${alert.order}`}>{t('hints.order', { id: alert.order })}</To> : alert.user ?? '—'}</Table.Td>
                    <Table.Td className="quiet">{alert.detail}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )
        }
      </Asked>
    </Paper>
  );
}

function Users() {
  const { t } = useTranslation();
  const asked = useQuery({ queryKey: ['users'], queryFn: () => call<{ users: UserView[] }>('GET', '/users') });
  const columns = useMemo(
    () => [
      column.accessor('user', { header: t('users.user'), cell: (c) => <b>{c.getValue()}</b> }),
      column.accessor('roles', { header: t('users.roles'), enableSorting: false, cell: (c) => <Group gap={4}>{c.getValue().map((role) => <Badge key={role} color="gray">{t(`roles.${role}` as 'roles.operator', role)}</Badge>)}</Group> }),
      column.accessor('active', {
        header: t('users.state'),
        cell: (c) => (c.row.original.locked_until ? <Light tone="warn">{t('users.locked')}</Light> : <Light tone={c.getValue() ? 'good' : 'none'}>{t(c.getValue() ? 'users.isActive' : 'users.inactive')}</Light>),
      }),
      column.accessor('second_factor', { header: t('users.secondFactor'), cell: (c) => t(c.getValue() ? 'users.enrolled' : 'users.notEnrolled') }),
      column.accessor((row) => row.keys.filter((key) => key.standing === 'good').length, { id: 'keys', header: t('users.key'), meta: { right: true } }),
      column.accessor('last_login', { header: t('users.last'), cell: (c) => <When at={c.getValue()} /> }),
      column.display({ id: 'deeds', cell: (c) => <Deeds small of="user" id={c.row.original.user} stale={[['users']]} /> }),
    ],
    [t],
  );
  return (
    <>
      <Paper flush>
        <Asked query={asked}>
          {({ users }) => <Rows label={t('pages.users')} rows={users} columns={columns} id={(row) => row.user} empty={{ title: t('users.none'), hint: t('users.noneHint') }} />}
        </Asked>
      </Paper>
      <WaitingResets users={asked.data?.users ?? []} />
      <WaitingKeys users={asked.data?.users ?? []} />
    </>
  );
}

export default function UsersPage() {
  const { t } = useTranslation();
  const { may, session } = useSession();
  return (
    <Stack gap="md">
      <Head title={t('pages.users')} about={t('users.about')}>
        {may('orders.draft') && session?.roles.includes('operator') ? <Button component={Link} to="/orders/new?kind=users">{t('users.change')}</Button> : null}
      </Head>
      {may('users.see') ? <Users /> : <Paper><Text size="sm">{t('users.notYours')}</Text></Paper>}
      {may('alerts.see') ? <Alerts /> : null}
      <Permissions />
    </Stack>
  );
}
