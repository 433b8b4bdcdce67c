/** Changes of orders that somebody picks instead of typing paths: users, keys, cards, lists. */

import type { KeysView } from '@/api/types';
import type { Change, Leaf, Value } from './rules';

export interface UserPick {
  user: string;
  roles: readonly string[];
  active: boolean;
}

export const ROLES = ['operator', 'checker', 'auditor', 'privacy', 'key_custodian', 'security_officer'] as const;

/** A user as he shall be; nothing while the pick is not whole. */
export function userChange({ user, roles, active }: UserPick): Change | undefined {
  const name = user.trim();
  if (!/^[a-z][a-z0-9._-]{1,31}$/.test(name) || roles.length === 0) return undefined;
  return { path: `user[${name}]`, to: { roles: ROLES.filter((role) => roles.includes(role)), active } };
}

/** What stands between commas, spaces and lines, each once. */
export function words(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((word) => word !== ''))];
}

/** One change for each card; what could not be a card's id is left out. */
export function blockChanges(cards: string, reason: string, lift: boolean): Change[] {
  const ids = words(cards).filter((id) => /^[A-Za-z0-9._-]+$/.test(id) && !/^\d{12,19}$/.test(id));
  return ids.map((id) => ({ path: `card[${id}].block.${reason}`, to: lift ? null : true }));
}

export const KEY_DEEDS = ['rotate', 'new', 'retire', 'accept', 'date', 'destroy'] as const;
export type KeyDeed = (typeof KEY_DEEDS)[number];
type Key = KeysView['keys'][number];
type Version = Key['versions'][number];

export interface KeyPick {
  deed: KeyDeed;
  name: string;
  version: number | undefined;
  usage: string;
  /** Days, `2027-06-30`. */
  until: string;
  expires: string;
}

/** Versions of a key of which a deed can be done. */
export function versionsFor(deed: KeyDeed, key: Key | undefined): Version[] {
  const states: Record<KeyDeed, readonly string[]> = {
    rotate: [], new: [], retire: ['current', 'accepted'], accept: ['accepted', 'retired'], date: ['current', 'accepted'], destroy: ['retired'],
  };
  return (key?.versions ?? []).filter((version) => states[deed].includes(version.state));
}

/** The one change of an order about a key; nothing while the pick is not whole. */
export function keyChange(pick: KeyPick, keys: readonly Key[]): Change | undefined {
  const { deed, name, until, expires } = pick;
  const dated: { [key: string]: Value } = expires === '' ? {} : { expires_on: expires };
  const key = keys.find((one) => one.name === name);
  if (deed === 'new') {
    const isName = /^[a-z][a-z0-9._-]{0,39}$/.test(name) && !key;
    return isName && pick.usage !== '' ? { path: `key[${name}].current`, to: { usage: pick.usage, ...dated } } : undefined;
  }
  if (!key) return undefined;
  if (deed === 'rotate') return until === '' ? undefined : { path: `key[${name}].current`, to: { accept_old_until: until, ...dated } };
  const version = versionsFor(deed, key).find((one) => one.version === pick.version);
  if (!version) return undefined;
  // What is not asked for stays as it is.
  const kept: { [key: string]: Value } = version.expires_on ? { expires_on: version.expires_on } : {};
  const of = (more: { [key: string]: Value }): Change => ({ path: `key[${name}].version[${version.version}]`, to: { check_value: version.check_value, ...more } });
  switch (deed) {
    case 'retire': return of({ state: 'retired', ...kept });
    case 'destroy': return of({ state: 'destroyed', ...kept });
    case 'accept': return until === '' ? undefined : of({ state: 'accepted', accepted_until: until, ...kept });
    case 'date': {
      const until: { [key: string]: Value } = version.accepted_until ? { accepted_until: version.accepted_until } : {};
      return of({ state: version.state, ...until, ...dated });
    }
  }
}

/** Lists of the rule set that an order of a kind may change: countries, categories, holidays. */
export function listsOf(leaves: readonly Leaf[], belongs: (path: string) => boolean): Leaf[] {
  return leaves.filter(({ path, value }) => belongs(path) && Array.isArray(value) && value.every((one) => typeof one !== 'object'));
}

/** A list with other values; nothing where it stays as it is. */
export function listChange(list: Leaf | undefined, values: readonly string[]): Change | undefined {
  if (!list || !Array.isArray(list.value)) return undefined;
  const same = JSON.stringify(list.value.map(String)) === JSON.stringify(values);
  const isNumbers = list.value.length > 0 && list.value.every((one) => typeof one === 'number');
  return same ? undefined : { path: list.path, to: isNumbers ? values.map(Number) : [...values] };
}
