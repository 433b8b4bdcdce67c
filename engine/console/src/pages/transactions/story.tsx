/** The story of a decision, as the engine tells it in the reader's language. */

import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { StoryView } from '@/api/types';
import { amountsIn } from '@/lib/money';
import { micros } from '@/lib/time';
import { Rule, type Tone } from '@/parts/basics';
import { Asked } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';

const TONES: Record<string, Tone> = { pass: 'good', decline: 'bad', ask_pin: 'warn' };

function Stages({ stages }: { stages: NonNullable<StoryView['stages']> }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const all: [string, number][] = [
    [t('tx.waited'), stages.waited_us],
    [t('tx.decidedIn'), stages.decided_us],
    [t('tx.committed'), stages.committed_us],
  ];
  return <Text size="sm" className="quiet" mt="sm">{all.map(([name, us]) => `${name} ${micros(us, language)}`).join(' · ')}</Text>;
}

export function Story({ id }: { id: string }) {
  const { t } = useTranslation();
  const [language] = useLanguage();
  const asked = useQuery({ queryKey: ['story', id, language], queryFn: () => call<StoryView>('GET', `/transactions/${encodeURIComponent(id)}/story?language=${language}`) });
  return (
    <Asked query={asked}>
      {(story) => (
        <>
          <Text mb="md" fw={500}>{amountsIn(story.summary, language)}</Text>
          <ol className="story">
            {story.steps.filter((step) => step.verdict !== 'not_applicable').map((step, at) => (
              <li key={at}>
                <span className="lights" data-state={TONES[step.verdict] ?? 'none'} aria-hidden />
                <Text size="sm" fw={step.decisive ? 560 : 400} component="div">
                  {amountsIn(step.text, language)} <Rule id={step.rule} />
                  {step.edition ? <span className="quiet"> {t('limits.edition')} {step.edition}</span> : null}
                </Text>
              </li>
            ))}
          </ol>
          {story.stages ? <Stages stages={story.stages} /> : null}
        </>
      )}
    </Asked>
  );
}
