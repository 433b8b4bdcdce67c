/** One's own account: roles, the personal key in this browser, the password. */

import { Alert, Badge, Button, Group, Spoiler, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import * as keys from '@/api/keys';
import { Facts, Head, Paper } from '@/parts/basics';
import { Trouble } from '@/parts/states';
import { NewPassword } from '@/shell/login';
import { SESSION, useSession } from '@/shell/session';

function PersonalKey({ user, registered }: { user: string; registered: string[] }) {
  const { t } = useTranslation();
  const kept = useQuery({ queryKey: ['personal key', user], queryFn: async () => (await keys.kept(user)) ?? null });
  const make = useMutation({
    mutationFn: async () => {
      const made = await keys.generate(user);
      await call('POST', '/session/keys', { key: made.publicKey, label: 'console', proof: await keys.prove(made) });
      await keys.keep(made);
    },
    onSuccess: () => kept.refetch(),
  });
  const queries = useQueryClient();
  const withdraw = useMutation({ mutationFn: (key: string) => call('DELETE', `/session/keys/${key}`), onSuccess: () => queries.invalidateQueries({ queryKey: SESSION }) });
  const forget = useMutation({ mutationFn: () => keys.drop(user), onSuccess: () => kept.refetch() });
  return (
    <Paper title={t('me.key')}>
      <Stack gap="sm">
        <Text size="sm">{t('me.keyAbout')}</Text>
        {make.error instanceof DOMException ? <Alert color="yellow">{t('me.unsupported')}</Alert> : <Trouble error={make.error} />}
        {registered.length > 0 ? <Text size="sm" className="quiet">{t('me.registered', { count: registered.length })}</Text> : null}
        {registered.map((key) => (
          <Group key={key} justify="space-between" wrap="nowrap">
            <span className="mono" style={{ overflowWrap: 'anywhere' }}>{key}</span>
            <Button size="xs" variant="default" color="red" onClick={() => withdraw.mutate(key)}>{t('deeds.endKey')}</Button>
          </Group>
        ))}
        <Trouble error={withdraw.error} />
        {kept.data ? (
          <>
            <Text size="sm">{t('me.hasKey')}:<br /><span className="mono" style={{ overflowWrap: 'anywhere' }}>{kept.data.publicKey}</span></Text>
            <Group><Button variant="default" onClick={() => forget.mutate()}>{t('me.forget')}</Button></Group>
          </>
        ) : (
          <Group><Button onClick={() => make.mutate()} loading={make.isPending}>{t('me.make')}</Button><Text size="sm" className="quiet">{t('me.noKey')}</Text></Group>
        )}
      </Stack>
    </Paper>
  );
}

export default function Me() {
  const { t } = useTranslation();
  const { session } = useSession();
  if (!session) return null;
  return (
    <Stack gap="md" maw={760}>
      <Head title={session.user} about={t('me.about')} />
      <Paper title={t('me.roles')}>
        <Facts
          items={[
            [t('me.roles'), <Group key="r" gap={6}>{session.roles.map((role) => <Badge key={role}>{t(`roles.${role}` as 'roles.operator', role)}</Badge>)}</Group>],
            [t('me.permissions'), <Spoiler key="p" maxHeight={84} showLabel={t('common.more')} hideLabel={t('order.hideContent')}><Group gap={6}>{session.permissions.map((one) => <span key={one} className="rule">{one}</span>)}</Group></Spoiler>],
            [t('me.idle'), t('me.minutes', { count: Math.round(session.idle_seconds / 60) })],
          ]}
        />
      </Paper>
      <PersonalKey user={session.user} registered={session.keys} />
      <Paper title={t('me.password')}><NewPassword done={() => notifications.show({ message: t('me.changed'), color: 'green' })} /></Paper>
    </Stack>
  );
}
