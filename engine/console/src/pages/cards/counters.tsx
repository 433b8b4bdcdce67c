/** What rules count for a card: used, ceiling, when it starts anew (LIM-5). */

import { Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Counter } from '@/api/types';
import { count, share } from '@/lib/money';
import { Money, Rule, When } from '@/parts/basics';
import { Empty } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';

function Amount({ counter, which }: { counter: Counter; which: 'used' | 'ceiling' }) {
  const [language] = useLanguage();
  const value = counter[which];
  return typeof value === 'string' ? <Money value={value} /> : <span className="num">{count(value, language)}</span>;
}

export function Bar({ used, ceiling, label }: { used: string | number; ceiling: string | number; label: string }) {
  const percent = share(String(used), String(ceiling));
  return (
    <div className="bar" data-full={percent >= 100} role="meter" aria-label={label} aria-valuenow={Math.round(percent)} aria-valuemin={0} aria-valuemax={100}>
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

export function Counters({ counters }: { counters: readonly Counter[] }) {
  const { t } = useTranslation();
  if (counters.length === 0) return <Empty title={t('counters.none')}>{t('counters.noneHint')}</Empty>;
  return (
    <Stack gap={0}>
      {counters.map((counter, at) => {
        const name = counter.limit ?? t(`counters.${counter.figure}` as 'counters.per_day', counter.figure);
        const scope = counter.scope.map((one) => t(`scopes.${one}` as 'scopes.card', one)).join(' × ');
        return (
          <div key={`${counter.rule}-${counter.limit ?? ''}-${counter.figure}-${counter.of ?? ''}-${at}`} style={{ padding: '0.65rem 1rem', borderTop: at > 0 ? '1px solid var(--tone-line)' : undefined }}>
            <Group justify="space-between" gap="sm" mb={5}>
              <Group gap={8}>
                <Rule id={counter.rule} />
                <Text size="sm" fw={500}>{name}</Text>
                <Text size="sm" className="quiet">{scope}{counter.of ? ` ${counter.of}` : ''} · {t(`windows.${counter.window}` as 'windows.day', counter.window)}</Text>
              </Group>
              <span className="num"><Amount counter={counter} which="used" /> <span className="quiet">/</span> <Amount counter={counter} which="ceiling" /></span>
            </Group>
            <Bar used={counter.used} ceiling={counter.ceiling} label={name} />
            {counter.resets_at ? <Text size="xs" className="quiet" mt={4}>{t('counters.resets')} <When at={counter.resets_at} /></Text> : null}
          </div>
        );
      })}
    </Stack>
  );
}
