/**
 * The lock: after idle minutes, on demand, or when the session ended. The page behind it stays
 * mounted, so that a draft is as it was; it can't be seen, reached or read out meanwhile.
 */

import { Button, Center, Group, Stack, Text, Title } from '@mantine/core';
import { useIdle } from '@mantine/hooks';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import { IconShield } from '@/parts/icons';
import { Steps } from './login';
import { useSession } from './session';

const MARGIN_SECONDS = 5;

export function Lockable({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const { session, isLocked, lock, renew, leave } = useSession();
  // A little before the engine does it, so that nobody works on into a refusal.
  const patience = Math.max(30, (session?.idle_seconds ?? 600) - MARGIN_SECONDS) * 1000;
  const isIdle = useIdle(patience, { initialState: false });

  useEffect(() => {
    if (isIdle) lock();
  }, [isIdle, lock]);

  return (
    <>
      <div inert={isLocked} aria-hidden={isLocked} style={isLocked ? { visibility: 'hidden' } : undefined}>{children}</div>
      {isLocked ? (
        <Center pos="fixed" inset={0} p="md" component="main" style={{ zIndex: 1000, background: 'var(--mantine-color-body)' }}>
          <Stack w={380} gap="md">
            <Group gap="sm" wrap="nowrap">
              <IconShield size={34} stroke={1.4} aria-hidden />
              <div>
                <Title order={1}>{t('lock.title')}</Title>
                <Text size="sm" className="quiet">{t('lock.about')}</Text>
              </div>
            </Group>
            <div className="paper paper-body">
              <Steps {...(session ? { user: session.name } : {})} entered={() => void renew()} />
            </div>
            <Button variant="subtle" color="gray" onClick={() => void leave()}>{t('lock.other')}</Button>
          </Stack>
        </Center>
      ) : null}
    </>
  );
}

/** Tells the engine that somebody is here, so that its own idle clock agrees with this one. */
export function beat(): Promise<unknown> {
  return call('GET', '/session');
}
