/** Resets of lost factors that wait for a second person (SIG-1, SIG-4). */

import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { UserView } from '@/api/types';
import { Act } from '@/parts/act';
import { Paper, When } from '@/parts/basics';
import { useSession } from '@/shell/session';

const STALE = [['users'], ['bell']];

interface Begun { user: string; temporary_password: string | null }

/** A password that is shown this once. */
function Temporary({ begun, close }: { begun: Begun | undefined; close: () => void }) {
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
