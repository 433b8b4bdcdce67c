/**
 * The lock: after idle minutes, on demand, or when the session ended. The page behind it stays
 * mounted, so that a draft is as it was; it can't be seen, reached or read out meanwhile.
 */

import { Button, Center, Group, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconShield } from '@/parts/icons';
import { Steps, Unlock } from './login';
import { useSession } from './session';

export function Lockable({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const { session, shut, renew, leave } = useSession();
  const user = session?.user ?? '';
  return (
    <>
      <div key={user} inert={shut !== undefined} aria-hidden={shut !== undefined} style={shut ? { visibility: 'hidden' } : undefined}>{children}</div>
      {shut ? (
        <Center pos="fixed" inset={0} p="md" component="main" style={{ zIndex: 1000, background: 'var(--mantine-color-body)' }}>
          <Stack w={380} gap="md">
            <Group gap="sm" wrap="nowrap">
              <IconShield size={34} stroke={1.4} aria-hidden />
              <div>
                <Title order={1}>{t('lock.title')}</Title>
                <Text size="sm" className="quiet">{user} · {t('lock.about')}</Text>
              </div>
            </Group>
            <div className="paper paper-body">
              {shut === 'unlock' ? <Unlock unlocked={() => void renew()} /> : <Steps user={user} entered={() => void renew()} />}
            </div>
            <Button variant="subtle" color="gray" onClick={() => void leave()}>{t('lock.other')}</Button>
          </Stack>
        </Center>
      ) : null}
    </>
  );
}
