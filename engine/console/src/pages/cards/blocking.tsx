/** Setting and lifting a block; each reason apart, the most severe answers. */

import { Button, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { Card } from '@/api/types';
import { Act } from '@/parts/act';
import { Code, Paper } from '@/parts/basics';
import { Second } from '@/parts/deeds';
import { Empty } from '@/parts/states';
import { useSession } from '@/shell/session';
import { ANSWERS, FINAL, SETTABLE, Status, severity } from './status';

interface Form {
  requested_by: string;
  identified_by: string;
  note: string;
}

const BLANK: Form = { requested_by: '', identified_by: '', note: '' };

/** What is sent: without what was left empty. */
function told(form: Form): Partial<Form> {
  return Object.fromEntries(Object.entries(form).filter(([, value]) => value.trim() !== ''));
}

function Who({ form, set }: { form: Form; set: (form: Form) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <TextInput label={t('block.requestedBy')} placeholder={t('block.requestedByHint')} value={form.requested_by} onChange={(e) => set({ ...form, requested_by: e.currentTarget.value })} required withAsterisk={false} />
      <TextInput label={t('block.identifiedBy')} placeholder={t('block.identifiedByHint')} value={form.identified_by} onChange={(e) => set({ ...form, identified_by: e.currentTarget.value })} />
      <Textarea label={t('block.note')} value={form.note} onChange={(e) => set({ ...form, note: e.currentTarget.value })} autosize minRows={2} />
    </>
  );
}

export function Blocks({ card }: { card: Card }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const [isBlocking, setBlocking] = useState(false);
  const [lifting, setLifting] = useState<string>();
  const [reason, setReason] = useState<string>('holder_request');
  const [form, setForm] = useState(BLANK);
  const [second, setSecond] = useState({ user: '', code: '' });
  const path = `/cards/${encodeURIComponent(card.id)}/blocks`;
  const stale = [['card', card.id]];
  const sorted = [...card.blocks].sort((a, b) => severity(a) - severity(b));
  const close = () => {
    setBlocking(false);
    setLifting(undefined);
    setForm(BLANK);
    setSecond({ user: '', code: '' });
  };
  return (
    <Paper
      flush
      title={t('block.title')}
      aside={may('cards.block') ? <Button size="xs" color="red" variant="light" onClick={() => setBlocking(true)}>{t('block.set')}</Button> : null}
    >
      {sorted.length === 0 ? <Empty title={t('block.none')}>{t('block.noneHint')}</Empty> : (
        <Stack gap={0}>
          {sorted.map((one, at) => (
            <Group key={one} justify="space-between" px="md" py="sm" style={{ borderTop: at > 0 ? '1px solid var(--tone-line)' : undefined }}>
              <Group gap="sm">
                <Status status={one} />
                <Code code={ANSWERS[one] ?? '62'} />
                <Text size="sm" className="quiet">{at === 0 ? t('block.answers') : t('block.behind')}</Text>
              </Group>
              {FINAL.includes(one) ? <Text size="sm" className="quiet">{t('block.final')}</Text> : null}
              {!FINAL.includes(one) && may('cards.unblock') ? <Button size="xs" variant="default" onClick={() => setLifting(one)}>{t('block.lift')}</Button> : null}
            </Group>
          ))}
        </Stack>
      )}
      <Act
        title={t('block.setTitle', { card: card.pan })}
        opened={isBlocking}
        close={close}
        action={t('block.set')}
        danger
        run={(key) => call('POST', path, { reason, ...told(form) }, { 'Idempotency-Key': key })}
        done={t('block.done')}
        stale={stale}
      >
        <Select
          label={t('block.reason')}
          data={SETTABLE.map((value) => ({ value, label: t(`blocks.${value}`) }))}
          value={reason}
          onChange={(value) => setReason(value ?? 'holder_request')}
          description={FINAL.includes(reason) ? t('block.finalHint') : t('block.answersWith', { code: ANSWERS[reason] ?? '62' })}
          data-autofocus
        />
        <Who form={form} set={setForm} />
      </Act>
      <Act
        title={t('block.liftTitle', { reason: t(`blocks.${lifting ?? 'lost'}` as 'blocks.lost', lifting ?? '') })}
        opened={lifting !== undefined}
        close={close}
        action={t('block.lift')}
        run={() => call('DELETE', `${path}/${lifting}`, told(form), lifting === 'suspected_fraud' ? { 'Approved-By': `Code ${second.user.trim()} ${second.code.replaceAll(/\s/g, '')}` } : {})}
        done={t('block.lifted')}
        stale={stale}
      >
        <Who form={form} set={setForm} />
        {lifting === 'suspected_fraud' ? <Second second={second} set={setSecond} /> : null}
      </Act>
    </Paper>
  );
}
