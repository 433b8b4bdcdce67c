/** Whether terminals are served, always in sight. */

import { Tooltip, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Light, type Tone } from '@/parts/basics';

export interface Readiness {
  status: string;
  reason?: string;
  engine?: { queue_depth: number; last_commit_us: number; durable: number; clock_behind_ms?: number };
  read_model?: { position: number; rebuilding: boolean; failure?: string };
  security_module?: { kind: string; status: string; reason?: string };
}

/** Also from an answer of 503, which says why. */
async function readiness(): Promise<Readiness> {
  const response = await fetch('/health/ready');
  return (await response.json()) as Readiness;
}

export function useReadiness() {
  return useQuery({ queryKey: ['ready'], queryFn: readiness, refetchInterval: 5000, retry: 0 });
}

/** Whole seconds that the clock was moved back behind what is recorded. */
function behind(ready: Readiness | undefined): number {
  return Math.floor((ready?.engine?.clock_behind_ms ?? 0) / 1000);
}

export function tone(ready: Readiness | undefined, failed: boolean): Tone {
  if (failed) return 'bad';
  if (!ready) return 'none';
  if (ready.status !== 'ready') return 'bad';
  const module = ready.security_module?.status;
  if (behind(ready) > 0) return 'warn';
  return ready.read_model?.failure || (module && module !== 'ready') ? 'warn' : 'good';
}

export function Health() {
  const { t } = useTranslation();
  const { data, isError } = useReadiness();
  const state = tone(data, isError);
  const word = isError ? t('health.unreachable') : t(`health.${data?.status ?? 'asking'}` as 'health.ready');
  const seconds = behind(data);
  const why = seconds > 0 ? t('health.clockBehind', { seconds }) : data?.reason ?? data?.security_module?.reason ?? data?.read_model?.failure ?? t('health.about');
  return (
    <Tooltip label={why}>
      <UnstyledButton px={8} fz="sm" aria-live="polite"><Light tone={state}>{word}</Light></UnstyledButton>
    </Tooltip>
  );
}
