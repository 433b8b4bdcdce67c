import { describe, expect, it } from 'vitest';
import type { KeysView } from '@/api/types';
import { kindsFor } from '@/lib/draft';
import { blockChanges, keyChange, type KeyPick, listChange, listsOf, userChange, versionsFor, words } from '@/lib/templates';

describe('a user that is picked', () => {
  it('has a name the engine takes and a role', () => {
    expect(userChange({ user: 'eldar', roles: ['checker', 'operator'], active: true })).toEqual({ path: 'user[eldar]', to: { roles: ['operator', 'checker'], active: true } });
    for (const user of ['', 'E', 'Eldar', '1ab', 'a'.repeat(40)]) expect(userChange({ user, roles: ['operator'], active: true }), user).toBeUndefined();
    expect(userChange({ user: 'eldar', roles: [], active: false })).toBeUndefined();
  });
});

describe('cards to block', () => {
  it('are taken once each, however they are written', () => {
    expect(words(' K01,K02\nK01;K03  ')).toEqual(['K01', 'K02', 'K03']);
    expect(blockChanges('K01 K02', 'lost', false)).toEqual([{ path: 'card[K01].block.lost', to: true }, { path: 'card[K02].block.lost', to: true }]);
    expect(blockChanges('K01', 'suspected_fraud', true)).toEqual([{ path: 'card[K01].block.suspected_fraud', to: null }]);
  });

  it('never are card numbers or parts of paths', () => {
    expect(blockChanges('9417000000000016 K1].block.lost', 'lost', false)).toEqual([]);
  });
});

const version = (number: number, state: string, more = {}) => ({ version: number, state, check_value: `00000${number}`, bits: 128, created_at: '2026-01-01T00:00:00.000+06:00', ...more });
const keys = [{ name: 'pvk', usage: 'pin-verification-visa', algorithm: 'tdes', versions: [version(1, 'destroyed'), version(2, 'retired'), version(3, 'accepted', { accepted_until: '2027-07-01T00:00:00.000+06:00', expires_on: '2026-12-31' }), version(4, 'current')] }] as unknown as KeysView['keys'];
const pick = (more: Partial<KeyPick>): KeyPick => ({ deed: 'rotate', name: 'pvk', version: undefined, usage: '', until: '', expires: '', ...more });

describe('a key that is picked', () => {
  it('is rotated with an overlap, never without', () => {
    expect(keyChange(pick({}), keys)).toBeUndefined();
    expect(keyChange(pick({ until: '2027-06-30', expires: '2031-12-31' }), keys)).toEqual({ path: 'key[pvk].current', to: { accept_old_until: '2027-06-30', expires_on: '2031-12-31' } });
    expect(keyChange(pick({ name: 'none', until: '2027-06-30' }), keys)).toBeUndefined();
  });

  it('is made under a name that is free', () => {
    expect(keyChange(pick({ deed: 'new', usage: 'card-verification' }), keys)).toBeUndefined();
    expect(keyChange(pick({ deed: 'new', name: 'cvk', usage: 'card-verification' }), keys)).toEqual({ path: 'key[cvk].current', to: { usage: 'card-verification' } });
  });

  it('offers the versions that it can be done to, and says which by its check value', () => {
    const numbers = (deed: KeyPick['deed']) => versionsFor(deed, keys[0]).map((one) => one.version);
    expect([numbers('retire'), numbers('destroy'), numbers('accept'), numbers('date')]).toEqual([[3, 4], [2], [2, 3], [3, 4]]);
    expect(keyChange(pick({ deed: 'retire', version: 4 }), keys)).toEqual({ path: 'key[pvk].version[4]', to: { check_value: '000004', state: 'retired' } });
    expect(keyChange(pick({ deed: 'destroy', version: 4 }), keys)).toBeUndefined();
    expect(keyChange(pick({ deed: 'accept', version: 3, until: '2027-01-31' }), keys)).toEqual({ path: 'key[pvk].version[3]', to: { check_value: '000003', state: 'accepted', accepted_until: '2027-01-31', expires_on: '2026-12-31' } });
  });

  it('keeps how it is when its date changes', () => {
    expect(keyChange(pick({ deed: 'date', version: 3, expires: '2028-01-01' }), keys)).toEqual({ path: 'key[pvk].version[3]', to: { check_value: '000003', state: 'accepted', accepted_until: '2027-07-01T00:00:00.000+06:00', expires_on: '2028-01-01' } });
  });
});

describe('a list of the rule set', () => {
  const leaves = [{ path: 'restricted.countries', value: ['643', '112'] }, { path: 'restricted.mcc', value: [7995] }, { path: 'limit[a].ceiling', value: '1.00' }];
  it('is offered where its values are plain', () => {
    expect(listsOf(leaves, () => true).map((one) => one.path)).toEqual(['restricted.countries', 'restricted.mcc']);
    expect(listsOf(leaves, (path) => path.startsWith('limit'))).toEqual([]);
  });
  it('changes only where it differs, and keeps numbers numbers', () => {
    expect(listChange(leaves[0], ['643', '112'])).toBeUndefined();
    expect(listChange(leaves[0], ['643'])).toEqual({ path: 'restricted.countries', to: ['643'] });
    expect(listChange(leaves[1], ['7995', '5411'])).toEqual({ path: 'restricted.mcc', to: [7995, 5411] });
  });
});

it('orders about keys are offered to custodians, all others to operators', () => {
  expect(kindsFor(['key_custodian'])).toEqual(['keys']);
  expect(kindsFor(['operator'])).not.toContain('keys');
  expect(kindsFor(['auditor'])).toEqual([]);
});
