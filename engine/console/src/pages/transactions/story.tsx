/** The story of a decision, as the engine tells it in the reader's language. */

import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { call } from '@/api/client';
import { Rule, type Tone } from '@/parts/basics';
import { Asked } from '@/parts/states';
import { useLanguage } from '@/shell/preferences';

interface StoryLine { rule?: string | null; verdict: string; text: string }

const TONES: Record<string, Tone> = { pass: 'good', decline: 'bad', ask_pin: 'warn' };

export function Story({ id }: { id: string }) {
  const [language] = useLanguage();
  const asked = useQuery({ queryKey: ['story', id, language], queryFn: () => call<{ lines: StoryLine[] }>('GET', `/transactions/${encodeURIComponent(id)}/story?language=${language}`) });
  return (
    <Asked query={asked}>
      {({ lines }) => (
        <ol className="story">
          {lines.map((line, at) => (
            <li key={at}>
              <span className="lights" data-state={TONES[line.verdict] ?? 'none'} aria-hidden />
              <Text size="sm">{line.text} {line.rule ? <Rule id={line.rule} /> : null}</Text>
            </li>
          ))}
        </ol>
      )}
    </Asked>
  );
}
