/** Forms for changes that are picked: a user, a key, cards to block, a list of the rule set. */

import { Alert, Button, Group, MultiSelect, SegmentedControl, Select, Stack, Switch, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '@/api/client';
import type { KeysView, UserView } from '@/api/types';
import { belongs, type Draft, withChange } from '@/lib/draft';
import type { Leaf } from '@/lib/rules';
import { blockChanges, KEY_DEEDS, type KeyDeed, type KeyPick, keyChange, listChange, listsOf, ROLES, userChange, versionsFor } from '@/lib/templates';
import { useSession } from '@/shell/session';
import { SETTABLE } from '../cards/status';

interface Props {
  draft: Draft;
  set: (draft: Draft) => void;
}

const USAGES = [
  'pin-verification-visa', 'pin-verification-ibm', 'card-verification', 'cardholder-authentication', 'accountholder-authentication', 'card-dynamic', 'chip-cryptogram',
  'chip-script-mac', 'chip-script-confidentiality', 'terminal-master', 'pin-encryption', 'mac-terminal', 'base-derivation-tdes', 'base-derivation-aes', 'key-block-protection', 'zone-pin', 'zone-mac',
];

function UserForm({ draft, set }: Props) {
  const { t } = useTranslation();
  const { may } = useSession();
  const users = useQuery({ queryKey: ['users'], queryFn: () => call<{ users: UserView[] }>('GET', '/users'), enabled: may('users.see') });
  const [pick, setPick] = useState({ user: '', roles: [] as string[], active: true });
  const change = userChange(pick);
  const choose = (user: string) => {
    const known = users.data?.users.find((one) => one.user === user);
    setPick(known ? { user, roles: known.roles, active: known.active } : { ...pick, user });
  };
  return (
    <Group align="flex-end" gap="sm">
      <TextInput label={t('order.user')} description={t('tpl.userHint')} list="known-users" value={pick.user} onChange={(event) => choose(event.currentTarget.value)} w={200} />
      <datalist id="known-users">{(users.data?.users ?? []).map(({ user }) => <option key={user} value={user} />)}</datalist>
      <MultiSelect label={t('users.roles')} data={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))} value={pick.roles} onChange={(roles) => setPick({ ...pick, roles })} style={{ flex: '1 1 260px' }} />
      <Switch label={t('tpl.mayLogIn')} checked={pick.active} onChange={(event) => setPick({ ...pick, active: event.currentTarget.checked })} pb={8} />
      <Button variant="light" disabled={!change} onClick={() => { if (change) { set(withChange(draft, change.path, change.to)); setPick({ user: '', roles: [], active: true }); } }}>{t('order.addValue')}</Button>
    </Group>
  );
}

function BlocksForm({ draft, set }: Props) {
  const { t } = useTranslation();
  const [cards, setCards] = useState('');
  const [reason, setReason] = useState<string>('suspected_fraud');
  const [lift, setLift] = useState(false);
  const changes = blockChanges(cards, reason, lift);
  const add = () => {
    set(changes.reduce((all, change) => withChange(all, change.path, change.to), draft));
    setCards('');
  };
  return (
    <Stack gap="sm">
      <Textarea label={t('tpl.cards')} description={t('tpl.cardsHint')} classNames={{ input: 'mono' }} value={cards} onChange={(event) => setCards(event.currentTarget.value)} autosize minRows={3} maxRows={8} />
      <Group align="flex-end" gap="sm">
        <SegmentedControl value={lift ? 'lift' : 'set'} onChange={(value) => setLift(value === 'lift')} data={[{ value: 'set', label: t('block.set') }, { value: 'lift', label: t('block.lift') }]} aria-label={t('block.title')} />
        <Select label={t('block.reason')} data={SETTABLE.map((value) => ({ value, label: t(`blocks.${value}`) }))} value={reason} onChange={(value) => setReason(value ?? reason)} w={270} />
        <Button variant="light" disabled={changes.length === 0} onClick={add}>{t('tpl.addCards', { count: changes.length })}</Button>
      </Group>
    </Stack>
  );
}

const NO_PICK: KeyPick = { deed: 'rotate', name: '', version: undefined, usage: '', until: '', expires: '' };

function KeyForm({ draft, set }: Props) {
  const { t } = useTranslation();
  const keys = useQuery({ queryKey: ['keys'], queryFn: () => call<KeysView>('GET', '/keys') });
  const [pick, setPick] = useState(NO_PICK);
  const all = keys.data?.keys ?? [];
  const { deed } = pick;
  const key = all.find((one) => one.name === pick.name);
  const versions = versionsFor(deed, key);
  const change = keyChange(pick, all);
  return (
    <Stack gap="sm">
      <Text size="sm" className="quiet">{t('tpl.keyAbout')}</Text>
      <Group align="flex-end" gap="sm">
        <Select label={t('tpl.keyDeed')} data={KEY_DEEDS.map((value) => ({ value, label: t(`tpl.keyDeeds.${value}`) }))} value={deed} onChange={(value) => setPick({ ...NO_PICK, deed: (value ?? 'rotate') as KeyDeed })} w={220} />
        {deed === 'new' ? (
          <>
            <TextInput label={t('key.name')} classNames={{ input: 'mono' }} value={pick.name} onChange={(event) => setPick({ ...pick, name: event.currentTarget.value })} w={180} />
            <Select label={t('key.usage')} searchable data={USAGES} value={pick.usage || null} onChange={(value) => setPick({ ...pick, usage: value ?? '' })} w={260} />
          </>
        ) : (
          <Select label={t('key.name')} searchable data={all.map(({ name, usage }) => ({ value: name, label: `${name} · ${usage}` }))} value={pick.name || null} onChange={(value) => setPick({ ...pick, name: value ?? '', version: undefined })} w={260} />
        )}
        {deed !== 'new' && deed !== 'rotate' ? (
          <Select label={t('key.version')} data={versions.map((one) => ({ value: String(one.version), label: `${one.version} · ${one.check_value} · ${t(`key.states.${one.state}` as 'key.states.current', one.state)}` }))} value={pick.version === undefined ? null : String(pick.version)} onChange={(value) => setPick({ ...pick, version: value === null ? undefined : Number(value) })} w={240} placeholder={key && versions.length === 0 ? t('tpl.noVersion') : ''} />
        ) : null}
        {deed === 'rotate' || deed === 'accept' ? <TextInput type="date" label={t(deed === 'rotate' ? 'tpl.acceptOld' : 'tpl.keyDeeds.accept')} value={pick.until} onChange={(event) => setPick({ ...pick, until: event.currentTarget.value })} w={190} /> : null}
        {deed === 'rotate' || deed === 'new' || deed === 'date' ? <TextInput type="date" label={t('key.expires')} value={pick.expires} onChange={(event) => setPick({ ...pick, expires: event.currentTarget.value })} w={170} /> : null}
        <Button variant="light" disabled={!change} onClick={() => { if (change) set({ ...draft, changes: [change] }); }}>{t('order.addValue')}</Button>
      </Group>
      {deed === 'rotate' || deed === 'new' || deed === 'destroy' ? <Alert color="yellow" variant="light">{t('tpl.noWayBack')}</Alert> : null}
    </Stack>
  );
}

function ListForm({ draft, set, leaves }: Props & { leaves: readonly Leaf[] }) {
  const { t } = useTranslation();
  const lists = useMemo(() => listsOf(leaves, (path) => belongs(draft.kind, path)), [leaves, draft.kind]);
  const [path, setPath] = useState('');
  const list = lists.find((one) => one.path === path);
  const planned = draft.changes.find((change) => change.path === path)?.to ?? list?.value;
  const values = Array.isArray(planned) ? planned.map(String) : [];
  if (lists.length === 0) return null;
  const put = (next: string[]) => {
    const change = listChange(list, next);
    set(withChange(draft, path, change ? change.to : undefined));
  };
  return (
    <Group align="flex-start" gap="sm">
      <Select label={t('tpl.list')} searchable data={lists.map((one) => one.path)} value={path || null} onChange={(value) => setPath(value ?? '')} w={280} classNames={{ input: 'mono' }} />
      {list ? <TagsInput label={t('tpl.values')} description={t('tpl.valuesHint')} value={values} onChange={put} splitChars={[',', ' ', ';']} style={{ flex: '1 1 320px' }} clearable /> : null}
    </Group>
  );
}

/** The form of a kind, where it has one. */
export function Template({ draft, set, leaves }: Props & { leaves: readonly Leaf[] }) {
  switch (draft.kind) {
    case 'users': return <UserForm draft={draft} set={set} />;
    case 'keys': return <KeyForm draft={draft} set={set} />;
    case 'card_blocks': return <BlocksForm draft={draft} set={set} />;
    case 'lists': case 'limits': case 'calendar': return <ListForm key={draft.kind} draft={draft} set={set} leaves={leaves} />;
    default: return null;
  }
}
