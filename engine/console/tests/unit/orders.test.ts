import { describe, expect, it } from 'vitest';
import type { Order } from '@/api/types';
import { belongs, draftOf, emptyDraft, formOf, withChange, withTyped } from '@/lib/draft';
import { kindOfPath, setBy, steps, waitsFor, within } from '@/lib/orders';
import { capOfAll, isOwnCap, kindOf, leaves, line, merged, parsed, plain } from '@/lib/rules';
import { parse } from 'smol-toml';

const RULES = `
version = "demo"
[[limit]]
id = "atm-day"
scope = ["card", "device"]
ceiling = "50000.00"
[[edition]]
rule = "agent_cash"
name = "76/8-2015"
in_force_from = 2015-12-09
[agent_cash]
cap_indicators = 150
[[agent_cash.agent]]
id = "G1"
cap_indicators = 100
[calendar]
holidays = [2026-12-31, 2027-01-01]
`;

const paths = leaves(plain(parse(RULES)));
const at = (path: string) => paths.find((leaf) => leaf.path === path)?.value;

describe('the rule set by paths', () => {
  it('names entries by what tells them apart', () => {
    expect(at('limit[atm-day].ceiling')).toBe('50000.00');
    expect(at('limit[atm-day].scope')).toEqual(['card', 'device']);
    expect(at('agent_cash.agent[G1].cap_indicators')).toBe(100);
    expect(at('edition[agent_cash@2015-12-09].name')).toBe('76/8-2015');
    expect(at('calendar.holidays')).toEqual(['2026-12-31', '2027-01-01']);
  });

  it('keeps a number a number and a text a text', () => {
    expect(parsed('100', 150)).toBe(100);
    expect(parsed('40000.00', '50000.00')).toBe('40000.00');
    expect(parsed('100', '150')).toBe('100');
    expect(parsed('["643"]', undefined)).toEqual(['643']);
    expect(parsed('{broken', undefined)).toBe('{broken');
    expect(parsed('12.50', undefined)).toBe('12.50');
  });

  it('knows what a change does', () => {
    expect(kindOf(undefined, 1)).toBe('add');
    expect(kindOf(1, null)).toBe('remove');
    expect(kindOf(1, 2)).toBe('replace');
    expect(kindOf(['a'], ['a'])).toBe('same');
    expect(kindOf(undefined, null)).toBe('same');
    expect(line(null)).toBe('—');
  });

  it('keeps the last change of a path and drops what changes nothing', () => {
    const changes = [{ path: 'limit[atm-day].ceiling', to: '1' }, { path: 'limit[atm-day].ceiling', to: '2' }, { path: 'agent_cash.cap_indicators', to: 150 }];
    expect(merged(changes, paths)).toEqual([{ path: 'limit[atm-day].ceiling', to: '2' }]);
  });
});

const order = (more: Partial<Order>): Order => ({
  id: 7, kind: 'agent_caps', title: 'T', reason: 'R', status: 'draft', revision: 2, risk: 'low', needs: 'simple', maker: 'aida', authors: ['aida'], created_at: '2026-11-23T10:00:00+06:00',
  revised_at: '', digest: '', content: '', rollback_digest: '', statement: '', base_version: 'demo', changes: [], signatures: [], problems: [], ...more,
});

const may = () => true;

describe('who may do what with an order', () => {
  it('lets nobody approve his own', () => {
    const signed = order({ status: 'signed' });
    expect(steps(signed, 'aida', may)).not.toContain('approve');
    expect(steps(order({ status: 'signed', authors: ['aida', 'bakyt'] }), 'bakyt', may)).not.toContain('approve');
    expect(steps(signed, 'chynara', may)).toContain('approve');
    expect(waitsFor(signed, 'chynara', may)).toBe(true);
    expect(waitsFor(signed, 'aida', may)).toBe(false);
  });

  it('offers nothing without the permission or after the end', () => {
    expect(steps(order({ status: 'signed' }), 'chynara', () => false)).toEqual([]);
    expect(steps(order({ status: 'rolled_back' }), 'aida', may)).toEqual([]);
    expect(steps(order({ status: 'active' }), 'bakyt', may)).toEqual(['rollback']);
  });

  it('offers what is about keys to custodians, and all else to operators', () => {
    const custodian = (permit: string) => permit !== 'cards.block' && permit !== 'orders.approve';
    const operator = (permit: string) => permit !== 'keys.change' && permit !== 'orders.approve';
    for (const [kind, who, other] of [['keys', custodian, operator], ['limits', operator, custodian]] as const) {
      expect(steps(order({ kind }), 'aida', who)).toEqual(['edit', 'sign', 'withdraw']);
      expect(steps(order({ kind }), 'bakyt', other)).toEqual([]);
      expect(steps(order({ kind, status: 'active' }), 'bakyt', other)).toEqual([]);
    }
    expect(steps(order({ kind: 'keys', status: 'active' }), 'bakyt', (permit) => permit !== 'cards.block' && permit !== 'keys.change')).toEqual(['rollback']);
  });

  it('finds which order set a value', () => {
    const set = (id: number, path: string, sequence: number) => order({ id, activated_sequence: sequence, changes: [{ path, from: null, to: 1, layer: 'bank', clause: '' }] });
    const orders = [set(1, 'limit[a].ceiling', 10), set(2, 'limit[a]', 20), set(3, 'limit[ab].ceiling', 30)];
    expect(setBy(orders, 'limit[a].ceiling')).toBe('2');
    expect(setBy(orders, 'limit[b].ceiling')).toBeUndefined();
    expect(within('limit[ab]', 'limit[a]')).toBe(false);
  });
});

describe('drafts', () => {
  it('belong to the kind that may change the path', () => {
    expect(kindOfPath('agent_cash.agent[G1].cap_indicators')).toBe('agent_caps');
    expect(kindOfPath('technical_overdraft.block.openings')).toBe('block_policy');
    expect(kindOfPath('stand_in[elcart]')).toBe('rules');
    expect(belongs('limits', 'limit[x].ceiling')).toBe(true);
    expect(belongs('limits', 'fee[x].fixed')).toBe(false);
    expect(belongs('rules', 'fee[x].fixed')).toBe(true);
  });

  it('become what the API takes, in the bank’s time', () => {
    const draft = { ...withChange(emptyDraft(), 'limit[a].ceiling', '1.00'), title: ' T ', reason: 'R', effective: '2026-11-24T09:00', guard: { minutes: 15, decline_percent: null, code: '61', code_percent: 5 } };
    expect(formOf(draft, '+06:00')).toEqual({
      kind: 'limits', title: 'T', reason: 'R', changes: [{ path: 'limit[a].ceiling', to: '1.00' }],
      effective_at: '2026-11-24T09:00:00+06:00', guard: { minutes: 15, code: '61', code_percent: 5 },
    });
    expect(withChange(draft, 'limit[a].ceiling', undefined).changes).toEqual([]);
    expect(formOf(emptyDraft(), undefined)).not.toHaveProperty('effective_at');
  });

  it('keeps the moment of an order that is revised to its last digit', () => {
    for (const [at, kept] of [['2026-11-24T09:00:37.000+06:00', '2026-11-24T09:00:37'], ['2026-11-24T09:00:37.250+06:00', '2026-11-24T09:00:37.250'], ['2026-11-24T09:00:00Z', '2026-11-24T09:00:00']] as const) {
      const draft = draftOf(order({ effective_at: at }));
      expect(draft.effective).toBe(kept);
      expect(Date.parse(String(formOf(draft, at.endsWith('Z') ? 'Z' : '+06:00')['effective_at']))).toBe(Date.parse(at));
    }
  });

  it('hold what stands in a field and was not added', () => {
    const path = 'agent_cash.agent[G1].cap_indicators';
    const typed = { change: { path, to: 200 }, title: 'Cap of agent G1: 200 indicators' };
    expect(withTyped(emptyDraft(), [undefined, undefined]).changes).toEqual([]);
    const whole = withTyped(emptyDraft(), [typed, undefined]);
    // No figure is put right behind somebody's back: the engine refuses what is above AGT-7.
    expect(whole).toMatchObject({ title: typed.title, changes: [{ path, to: 200 }] });
    expect(withTyped({ ...emptyDraft(), title: 'Mine' }, [typed]).title).toBe('Mine');
    expect(withTyped(withChange(emptyDraft(), path, 100), [typed]).changes).toEqual([{ path, to: 200 }]);
    expect(parsed('12345678901234567890', undefined)).toBe('12345678901234567890');
  });

  it('say what holds for an agent without a cap of its own', () => {
    expect(capOfAll([])).toBe(150);
    expect(capOfAll([{ path: 'agent_cash.cap_indicators', value: 120 }])).toBe(120);
    expect(isOwnCap('agent_cash.agent[G1].cap_indicators')).toBe(true);
    expect(isOwnCap('agent_cash.cap_indicators')).toBe(false);
  });

  it('come back from an order as they were', () => {
    const draft = draftOf(order({ effective_at: '2026-11-24T09:00:00.000+06:00', changes: [{ path: 'a', from: 1, to: null, layer: '', clause: '' }] }));
    expect(draft).toMatchObject({ effective: '2026-11-24T09:00:00', changes: [{ path: 'a', to: null }], guard: null });
  });
});
