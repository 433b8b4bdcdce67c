/** What a security officer does with a user, and what another person then approves (SIG-1, SIG-4). */

import { ActionIcon, Alert, Button, Code, Group, Menu, Modal, MultiSelect, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { UserView } from '@/api/types';
import { Act } from '@/parts/act';
import { Paper, When } from '@/parts/basics';
import { IconMore } from '@/parts/icons';
import { useSession } from '@/shell/session';

const ROLES = ['operator', 'checker', 'auditor', 'privacy', 'key_custodian', 'security_officer'] as const;
const STALE = [['users'], ['bell']];

interface Begun { user: string; temporary_password: string | null }

/** A password that is shown this once. */
export function Temporary({ begun, close }: { begun: Begun | undefined; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={Boolean(begun?.temporary_password)} onClose={close} title={t('users.temporary', { user: begun?.user })} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <Stack gap="sm">
        <Code block fz="lg">{begun?.temporary_password}</Code>
        <Text size="sm">{t('users.temporaryAbout')}</Text>
        <Group justify="flex-end"><Button onClick={close}>{t('common.close')}</Button></Group>
      </Stack>
    </Modal>
  );
}

type Doing = 'totp' | 'password' | 'deactivate';

/** The menu at a user's row. */
export function UserMenu({ user }: { user: UserView }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const [doing, setDoing] = useState<Doing>();
  if (!may('users.reset') && !may('users.active')) return null;
  const id = encodeURIComponent(user.user);
  const run = (key: string) =>
    doing === 'deactivate'
      ? call('POST', `/users/${id}/active`, { active: false }, { 'Idempotency-Key': key })
      : call('POST', `/users/${id}/reset`, { what: doing }, { 'Idempotency-Key': key });
  const close = () => setDoing(undefined);
  return (
    <>
      <Menu shadow="md" position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('users.doWith', { user: user.user })}><IconMore size={17} /></ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {may('users.reset') ? <Menu.Item onClick={() => setDoing('totp')}>{t('users.resetTotp')}</Menu.Item> : null}
          {may('users.reset') ? <Menu.Item onClick={() => setDoing('password')}>{t('users.resetPassword')}</Menu.Item> : null}
          {may('users.active') && user.active ? <Menu.Item color="red" onClick={() => setDoing('deactivate')}>{t('users.deactivate')}</Menu.Item> : null}
        </Menu.Dropdown>
      </Menu>
      {doing ? (
        <Act
          title={doing === 'deactivate' ? t('users.deactivateTitle', { user: user.user }) : t(doing === 'totp' ? 'users.resetTotpTitle' : 'users.resetPasswordTitle', { user: user.user })}
          opened
          close={close}
          action={t(doing === 'deactivate' ? 'users.deactivate' : 'users.ask')}
          danger={doing === 'deactivate'}
          run={run}
          done={t(doing === 'deactivate' ? 'users.deactivated' : 'users.asked')}
          stale={STALE}
        >
          <Text size="sm">{t(doing === 'deactivate' ? 'users.deactivateAbout' : 'users.resetAbout')}</Text>
        </Act>
      ) : null}
    </>
  );
}

/** Resets that were asked for and wait for a second person. */
export function WaitingResets({ users }: { users: readonly UserView[] }) {
  const { t } = useTranslation();
  const { session, may } = useSession();
  const [approving, setApproving] = useState<UserView>();
  const [begun, setBegun] = useState<Begun>();
  const waiting = users.flatMap((user) => (user.reset_asked ? [{ user, asked: user.reset_asked }] : []));
  const what = (asked: NonNullable<UserView['reset_asked']>) => t(asked.what === 'totp' ? 'users.resetTotp' : 'users.resetPassword');
  return (
    <>
      {waiting.length === 0 ? null : (
        <Paper title={t('users.waitingResets')}>
          <Stack gap="sm">
            {waiting.map(({ user, asked }) => (
              <Group key={user.user} justify="space-between" wrap="nowrap">
                <Text size="sm"><b>{user.user}</b> · {what(asked)} · {t('users.askedBy', { user: asked.by })} · <When at={asked.at} /></Text>
                {may('users.reset.approve') && asked.by !== session?.user && user.user !== session?.user ? <Button size="xs" variant="light" onClick={() => setApproving(user)}>{t('order.approve')}</Button> : null}
              </Group>
            ))}
          </Stack>
        </Paper>
      )}
      {approving ? (
        <Act
          title={t('users.approveReset', { user: approving.user })}
          opened
          close={() => setApproving(undefined)}
          action={t('order.approve')}
          run={(key) => call<Begun>('POST', `/users/${encodeURIComponent(approving.user)}/reset/approval`, {}, { 'Idempotency-Key': key })}
          then={setBegun}
          done={t('users.resetDone')}
          stale={STALE}
        >
          <Alert color="yellow" variant="light">{t('users.approveResetAbout')}</Alert>
        </Act>
      ) : null}
      <Temporary begun={begun} close={() => setBegun(undefined)} />
    </>
  );
}

/** A new user; after the first ones it takes an order. */
export function NewUser() {
  const { t } = useTranslation();
  const { may } = useSession();
  const [isOpen, setOpen] = useState(false);
  const [form, setForm] = useState<{ user: string; roles: string[] }>({ user: '', roles: [] });
  const [begun, setBegun] = useState<Begun>();
  if (!may('users.add')) return null;
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>{t('users.add')}</Button>
      <Act
        title={t('users.add')}
        opened={isOpen}
        close={() => setOpen(false)}
        action={t('users.add')}
        disabled={form.user.trim() === '' || form.roles.length === 0}
        run={(key) => call<Begun>('POST', '/users', { user: form.user.trim(), roles: form.roles }, { 'Idempotency-Key': key })}
        then={setBegun}
        done={t('users.added')}
        stale={STALE}
      >
        <Text size="sm" className="quiet">{t('users.addAbout')}</Text>
        <TextInput label={t('users.user')} value={form.user} onChange={(event) => setForm({ ...form, user: event.currentTarget.value })} autoComplete="off" data-autofocus />
        <MultiSelect label={t('users.roles')} data={ROLES.map((role) => ({ value: role, label: t(`roles.${role}`) }))} value={form.roles} onChange={(roles) => setForm({ ...form, roles })} />
      </Act>
      <Temporary begun={begun} close={() => setBegun(undefined)} />
    </>
  );
}
