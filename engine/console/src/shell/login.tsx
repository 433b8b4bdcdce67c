/**
 * Logging in: password, then the one-time code; the first time, a password of one's own and the
 * enrolment of a second factor. The same steps behind the lock.
 */

import { Alert, Box, Button, Center, Code, Group, PasswordInput, PinInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { Session } from '@/api/types';
import { When } from '@/parts/basics';
import { Trouble } from '@/parts/states';
import { Colours } from './layout';
import { LANGUAGES, type Language, useLanguage } from './preferences';
import { useSession } from './session';

/** What the engine wants next; nothing when it is satisfied. */
type Needs = Session['needs'];

/** What a step is answered with: the next one, or the session. */
type Next = { needs?: Needs; last_login?: string | null; ended_other_session?: boolean } | undefined;

interface Step {
  done: (next: Next) => void;
}

function Form({ submit, pending, error, children, action }: { submit: () => void; pending: boolean; error: unknown; children: ReactNode; action: string }) {
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    submit();
  };
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="sm">
        {children}
        <Trouble error={error} />
        <Button type="submit" size="md" fullWidth loading={pending}>{action}</Button>
      </Stack>
    </form>
  );
}

function Password({ done, user: known }: Step & { user?: string }) {
  const { t } = useTranslation();
  const [user, setUser] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const enter = useMutation({
    mutationFn: () => call<Next>('POST', '/session', { user, password }),
    onSuccess: done,
    onError: () => setPassword(''),
  });
  return (
    <Form submit={() => enter.mutate()} pending={enter.isPending} error={enter.error} action={t('login.next')}>
      <TextInput size="md" label={t('login.user')} value={user} onChange={(e) => setUser(e.currentTarget.value)} autoComplete="username" autoCapitalize="none" spellCheck={false} required withAsterisk={false} disabled={known !== undefined} data-autofocus autoFocus={known === undefined} />
      <PasswordInput size="md" label={t('login.password')} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="current-password" required withAsterisk={false} autoFocus={known !== undefined} />
    </Form>
  );
}

export function Digits({ value, set, label, full, focus = true }: { value: string; set: (code: string) => void; label: string; full?: (code: string) => void; focus?: boolean }) {
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>{label}</Text>
      <PinInput length={6} type="number" oneTimeCode autoFocus={focus} value={value} onChange={set} {...(full ? { onComplete: full } : {})} aria-label={label} size="md" getInputProps={(at) => ({ 'aria-label': `${label} ${at + 1}` })} />
    </div>
  );
}

function OneTimeCode({ done, path, about }: Step & { path: string; about?: string }) {
  const { t } = useTranslation();
  const [code, setCode] = useState('');
  const enter = useMutation({
    mutationFn: (digits: string) => call<Next>('POST', path, { code: digits }),
    onSuccess: done,
    onError: () => setCode(''),
  });
  return (
    <Form submit={() => enter.mutate(code)} pending={enter.isPending} error={enter.error} action={t('login.enter')}>
      {about ? <Text size="sm" className="quiet">{about}</Text> : null}
      <Digits value={code} set={setCode} label={t('login.code')} full={(digits) => enter.mutate(digits)} />
    </Form>
  );
}

export function NewPassword({ done, isFirst }: Step & { isFirst?: boolean }) {
  const { t } = useTranslation();
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const change = useMutation({
    mutationFn: () => call<Next>('POST', '/session/password', isFirst ? { new: password } : { current, new: password }),
    onSuccess: (next) => {
      setCurrent('');
      setPassword('');
      done(next);
    },
  });
  return (
    <Form submit={() => change.mutate()} pending={change.isPending} error={change.error} action={t('login.change')}>
      {isFirst ? <Text size="sm" className="quiet">{t('login.newPassword')}</Text> : <PasswordInput label={t('login.current')} value={current} onChange={(e) => setCurrent(e.currentTarget.value)} autoComplete="current-password" required withAsterisk={false} />}
      <PasswordInput label={t('login.chosen')} description={t('login.rules')} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="new-password" required withAsterisk={false} autoFocus={isFirst ?? false} />
    </Form>
  );
}

interface Enrolment {
  uri: string;
  secret: string;
  qr: string;
}

/** Begins the enrolment of a second factor once, and has it confirmed by a first code. */
function Enrol({ done }: Step) {
  const { t } = useTranslation();
  const begun = useQuery({
    queryKey: ['session', 'enrolment'],
    queryFn: () => call<Enrolment>('POST', '/session/enrolment'),
    staleTime: Infinity,
    gcTime: 0,
    retry: 0,
  });
  const secret = begun.data?.secret;
  return (
    <Stack gap="sm">
      <Text size="sm">{t('login.enrol')}</Text>
      <Trouble error={begun.error} />
      {begun.data ? (
        <Center p="sm" bg="white" style={{ borderRadius: 8 }}>
          <img alt={t('login.qr')} width={196} height={196} src={`data:image/svg+xml;utf8,${encodeURIComponent(begun.data.qr)}`} />
        </Center>
      ) : null}
      {secret ? <Text size="xs" className="quiet">{t('login.byHand')} <Code>{secret.replace(/(.{4})(?=.)/g, '$1 ')}</Code></Text> : null}
      {begun.data ? <OneTimeCode done={done} path="/session/enrolment/confirm" /> : null}
    </Stack>
  );
}

/** The password alone, for a session that was only locked. */
export function Unlock({ unlocked }: { unlocked: () => void }) {
  const { t } = useTranslation();
  const [password, setPassword] = useState('');
  const unlock = useMutation({
    mutationFn: () => call('POST', '/session/unlock', { password }),
    onSuccess: unlocked,
    onError: () => setPassword(''),
  });
  return (
    <Form submit={() => unlock.mutate()} pending={unlock.isPending} error={unlock.error} action={t('lock.unlock')}>
      <PasswordInput size="md" label={t('login.password')} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="current-password" required withAsterisk={false} autoFocus />
    </Form>
  );
}

/** All steps until the engine wants no more. */
export function Steps({ user, entered, first }: { user?: string; entered: () => void; first?: Needs }) {
  const { t } = useTranslation();
  const [needs, setNeeds] = useState<Needs | 'start'>(first ?? 'start');
  const done = (next: Next) => {
    if (next?.needs) {
      setNeeds(next.needs);
      return;
    }
    // So that somebody notices a login that was not theirs.
    if (next?.last_login) notifications.show({ title: t('login.last'), message: <When at={next.last_login} />, color: 'petrol' });
    if (next?.ended_other_session) notifications.show({ message: t('login.endedOther'), color: 'yellow' });
    entered();
  };
  if (needs === 'code') return <OneTimeCode done={done} path="/session/code" />;
  if (needs === 'password') return <NewPassword done={done} isFirst />;
  if (needs === 'enrol') return <Enrol done={done} />;
  return <Password done={done} {...(user === undefined ? {} : { user })} />;
}

export function Login() {
  const { t } = useTranslation();
  const { renew, failure, begun } = useSession();
  const [language, setLanguage] = useLanguage();
  return (
    <Center mih="100vh" p="md" component="main">
      <Box w={380}>
        <Group gap="sm" mb="lg">
          <img src="/seal.svg" width={40} height={40} alt="" />
          <div>
            <Title order={1}>Tamga</Title>
            <Text size="sm" className="quiet">{t('login.about')}</Text>
          </div>
        </Group>
        <div className="paper paper-body">
          {failure ? <Alert color="red" title={t('problem.title.offline')} mb="sm">{t('problem.advice.offline')}</Alert> : null}
          <Steps entered={() => void renew()} first={begun} />
        </div>
        <Group justify="center" gap="xs" mt="md">
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <Button key={code} variant={code === language ? 'light' : 'subtle'} color={code === language ? 'petrol' : 'gray'} size="compact-sm" lang={code} onClick={() => setLanguage(code as Language)} aria-pressed={code === language}>
              {name}
            </Button>
          ))}
          <Colours />
        </Group>
      </Box>
    </Center>
  );
}
