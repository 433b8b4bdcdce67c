/** A menu of what can be done to a thing, each with a form made of its row in `lib/deeds.ts`. */

import { Button, FileInput, Group, Menu, Modal, MultiSelect, Select, Stack, Switch, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import type { QueryKey } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import { blank, DEEDS, type Deed, type Field, type Filled, permit, type Place, request } from '@/lib/deeds';
import { useSession } from '@/shell/session';
import { Act } from './act';
import { Told } from './told';

function Input({ field, value, set }: { field: Field; value: Filled[string] | undefined; set: (value: Filled[string]) => void }) {
  const { t } = useTranslation();
  const label = t(`deeds.fields.${field.label ?? field.name}` as 'deeds.fields.note', field.name);
  const words = typeof value === 'string' ? value : '';
  const many = Array.isArray(value) ? [...(value as readonly string[])] : [];
  const required = !field.optional;
  const word = (one: string) => t([`roles.${one}`, `deeds.words.${one}`] as unknown as 'roles.operator', one);
  switch (field.as) {
    case 'flag': return <Switch label={label} checked={value === true} onChange={(event) => set(event.currentTarget.checked)} />;
    case 'choice': return <Select label={label} data={(field.of ?? []).map((one) => ({ value: one, label: word(one) }))} value={words} onChange={(next) => set(next ?? '')} allowDeselect={false} />;
    case 'choices': return <MultiSelect label={label} data={(field.of ?? []).map((one) => ({ value: one, label: word(one) }))} value={many} onChange={set} />;
    case 'words': return <TagsInput label={label} value={many} onChange={set} splitChars={[',', ' ']} />;
    case 'long': return <Textarea label={label} value={words} onChange={(event) => set(event.currentTarget.value)} required={required} withAsterisk={false} autosize minRows={2} />;
    case 'file': return <FileInput label={label} accept=".csv,text/csv" required={required} withAsterisk={false} onChange={(file) => void file?.text().then(set)} placeholder="entries.csv" />;
    default: return <TextInput type={field.as === 'day' ? 'date' : field.as === 'instant' ? 'datetime-local' : 'text'} inputMode={field.as === 'amount' ? 'decimal' : undefined} label={label} value={words} onChange={(event) => set(event.currentTarget.value)} required={required} withAsterisk={false} />;
  }
}

interface Props {
  of: Place;
  /** The thing's id; empty for the bank. */
  id: string;
  stale: QueryKey[];
  /** The bank's offset, for moments on its clock. */
  zone?: string;
  label?: ReactNode;
  small?: boolean;
}

export function Deeds({ of, id, stale, zone = '+06:00', label, small }: Props) {
  const { t } = useTranslation();
  const { session } = useSession();
  const [doing, setDoing] = useState<Deed>();
  const [filled, setFilled] = useState<Filled>({});
  const [second, setSecond] = useState({ user: '', code: '' });
  const [answer, setAnswer] = useState<unknown>();
  const deeds: readonly Deed[] = DEEDS[of];
  const possible = deeds.filter((deed) => session?.permissions.includes(permit(deed)));
  if (possible.length === 0) return null;
  const name = (deed: Deed) => t(`deeds.${deed.id}` as 'deeds.raise', deed.id);
  const close = () => {
    setDoing(undefined);
    setSecond({ user: '', code: '' });
  };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target><Button variant="default" size={small ? 'xs' : 'sm'} onClick={(event) => event.stopPropagation()}>{label ?? t('deeds.more')}</Button></Menu.Target>
        <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
          {possible.map((deed) => (
            <Menu.Item key={deed.id} color={deed.danger ? 'red' : undefined} onClick={() => { setFilled(blank(deed)); setDoing(deed); }}>{name(deed)}</Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {doing ? (
        <Act
          title={id === '' ? name(doing) : `${name(doing)} · ${id}`}
          opened
          close={close}
          action={name(doing)}
          {...(doing.danger ? { danger: true } : {})}
          run={(key) => {
            const { method, path, body, headers } = request(doing, id, filled, zone, second);
            return call<unknown>(method, path, body, method === 'POST' ? { ...headers, 'Idempotency-Key': key } : headers);
          }}
          done={t('deeds.done')}
          stale={stale}
          then={(got) => { if (doing.shows) setAnswer(got); }}
        >
          {doing.fields.length === 0 && !doing.second ? <Text size="sm">{t('deeds.sure')}</Text> : null}
          {doing.fields.map((field) => <Input key={field.name} field={field} value={filled[field.name]} set={(value) => setFilled((before) => ({ ...before, [field.name]: value }))} />)}
          {doing.second ? <Second second={second} set={setSecond} /> : null}
        </Act>
      ) : null}
      <Modal opened={answer !== undefined} onClose={() => setAnswer(undefined)} title={t('deeds.answer')} size="lg" closeButtonProps={{ 'aria-label': t('common.close') }}>
        <Stack gap="sm" mah="70vh" style={{ overflow: 'auto' }} tabIndex={0}><Told value={answer} /></Stack>
      </Modal>
    </>
  );
}

/** The second person, who types his own code at this desk (SIG-1). */
export function Second({ second, set }: { second: { user: string; code: string }; set: (second: { user: string; code: string }) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      <Text size="sm" className="quiet">{t('deeds.secondHint')}</Text>
      <Group grow>
        <TextInput label={t('deeds.second')} value={second.user} onChange={(event) => set({ ...second, user: event.currentTarget.value })} required withAsterisk={false} autoComplete="off" />
        <TextInput label={t('order.code')} value={second.code} onChange={(event) => set({ ...second, code: event.currentTarget.value })} required withAsterisk={false} inputMode="numeric" autoComplete="off" />
      </Group>
    </Stack>
  );
}
