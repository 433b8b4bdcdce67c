/** What was agreed for one card: raises, travel notes, the primary holder's own limits. */

import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { CardSettings } from '@/api/types';
import { Day, Money, Paper, Rule, When } from '@/parts/basics';
import { Asked, Empty } from '@/parts/states';

export function Settings({ card }: { card: string }) {
  const { t } = useTranslation();
  const asked = useQuery({
    queryKey: ['card', card, 'settings'],
    queryFn: () => call<CardSettings>('GET', `/cards/${encodeURIComponent(card)}/settings`),
  });
  return (
    <Paper title={t('settings.title')}>
      <Asked query={asked} rows={2}>
        {({ raises, travel_notes: notes, holder_limits: own, off }) =>
          raises.length + notes.length + own.length + off.length === 0 ? <Empty title={t('settings.none')} /> : (
            <Stack gap="xs">
              {raises.map((raise) => (
                <Group key={`${raise.limit}-${raise.until}`} justify="space-between">
                  <Group gap={8}><Rule id="LIM-4" /><Text size="sm">{t('settings.raise', { limit: raise.limit })}</Text><Text size="sm" className="quiet">{raise.reason}</Text></Group>
                  <Group gap={8}><Money value={raise.ceiling} /><Badge color={raise.in_force ? 'petrol' : 'gray'}>{t('settings.until')} <When at={raise.until} /></Badge></Group>
                </Group>
              ))}
              {notes.map((note) => (
                <Group key={note.id} gap={8}><Rule id="LIM-6" /><Text size="sm">{t('settings.travel')} <Day on={note.from} /> – <Day on={note.until} /> {note.countries.join(', ')}</Text></Group>
              ))}
              {own.map((limit) => (
                <Group key={limit.limit} justify="space-between"><Group gap={8}><Rule id="LIM-3" /><Text size="sm">{t('settings.holder', { limit: limit.limit })}</Text></Group><Money value={limit.ceiling} /></Group>
              ))}
              {off.length > 0 ? <Text size="sm">{t('settings.off')}: {off.join(', ')}</Text> : null}
            </Stack>
          )
        }
      </Asked>
    </Paper>
  );
}
