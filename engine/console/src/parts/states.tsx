/** What a page says when there is nothing, or when something went wrong: and what to do then. */

import { Alert, Button, Center, Group, Stack, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { advice, asProblem } from '@/api/problem';
import { Rule, Waiting } from './basics';
import { IconAlert, IconEmpty } from './icons';
import { useSentence } from './words';

/** Nothing here, and how there could be something. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Center px="md" py="lg">
      <Stack align="center" gap={6} maw={420}>
        <IconEmpty size={24} stroke={1.4} aria-hidden className="quiet" />
        <Text size="sm" fw={560} ta="center">{title}</Text>
        {children ? <Text size="sm" className="quiet" ta="center" component="div">{children}</Text> : null}
      </Stack>
    </Center>
  );
}

/** A sentence begins with a capital. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Kinds of 401 that have their own words. */
const SIGNED_OUT = ['not-right', 'session-ended'] as const;

/** A problem in the engine's words, the rule that says so, and what to do. */
export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  const say = useSentence();
  if (!error) return null;
  const problem = asProblem(error);
  const { body } = problem;
  const signedOut = problem.status === 401 ? SIGNED_OUT.find((one) => one === problem.kind) : undefined;
  if (signedOut) {
    return (
      <Alert color="red" variant="light" icon={<IconAlert aria-hidden />} title={t(`signedOut.${signedOut}.title`)} role="alert">
        <Text size="sm">{t(`signedOut.${signedOut}.about`)}</Text>
      </Alert>
    );
  }
  return (
    <Alert color="red" variant="light" icon={<IconAlert aria-hidden />} title={t(`problem.title.${advice(problem)}`)} role="alert">
      <Stack gap={6}>
        {body.detail ? (
          <Text size="sm">
            {body.field && !body.code ? <><b className="mono">{body.field}</b>: </> : null}
            {body.field && !body.code ? body.detail : sentence(say(body))} {body.rule ? <Rule id={body.rule} /> : null}
          </Text>
        ) : null}
        <Text size="sm">{t(`problem.advice.${advice(problem)}`)}</Text>
        {again ? (
          <Group><Button size="xs" variant="default" onClick={again}>{t('common.again')}</Button></Group>
        ) : null}
      </Stack>
    </Alert>
  );
}

/** A question to the engine on the page: waiting, its problem, or what it said. */
export function Asked<T>({ query, children, rows }: { query: UseQueryResult<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <div style={{ padding: '1rem' }}><Trouble error={query.error} again={() => void query.refetch()} /></div>;
  return <Waiting rows={rows ?? 6} />;
}
