import { describe, expect, it } from 'vitest';
import { blank, DEEDS, type Deed, type DeedId, request } from '@/lib/deeds';
import { en } from '@/i18n/en';

const all: readonly Deed[] = Object.values(DEEDS).flat();
const deed = (id: DeedId) => all.find((one) => one.id === id) as Deed;

describe('what can be done to a thing', () => {
  it('has a word for each, and for each of its fields', () => {
    const words = en.deeds as unknown as Record<string, unknown>;
    expect(all.filter((one) => typeof words[one.id] !== 'string').map((one) => one.id)).toEqual([]);
    const fields = new Set(all.flatMap((one) => one.fields.map((field) => field.name)));
    expect([...fields].filter((name) => !(name in en.deeds.fields))).toEqual([]);
    expect(new Set(all.map((one) => one.id)).size).toBe(all.length);
  });

  it('fills every hole of its address', () => {
    for (const one of all) {
      const filled = { ...blank(one), ...Object.fromEntries(one.fields.filter((field) => field.inPath).map((field) => [field.name, 'x/y'])) };
      expect(request(one, 'K 1', filled, '+06:00').path, one.id).not.toMatch(/[{} ]/);
    }
  });

  it('leaves out what was left empty, and says moments in the bank’s zone', () => {
    const filled = { ...blank(deed('raise')), limit: 'atm-day', ceiling: '100.00', until: '2026-12-01T10:00', reason: 'a journey' };
    expect(request(deed('raise'), 'K1', filled, '+06:00', { user: ' bakyt ', code: '123 456' })).toEqual({
      method: 'POST', path: '/cards/K1/raises', headers: { 'Approved-By': 'Code bakyt 123456' },
      body: { limit: 'atm-day', ceiling: '100.00', until: '2026-12-01T10:00:00+06:00', reason: 'a journey' },
    });
  });

  it('puts a question into the address, a rate into a list, a file as it is', () => {
    expect(request(deed('report'), 'C1', { reason: 'he asks' }, '').path).toBe('/customers/C1/data-report?reason=he+asks');
    expect(request(deed('endRaise'), 'K1', { limit: 'atm-day' }, '')).toMatchObject({ path: '/cards/K1/raises/atm-day', body: undefined });
    expect(request(deed('rate'), '', { from: 'USD', to: 'KGS', value: '87.4', margin_percent: '', valid_from: '2026-12-01T00:00' }, '+06:00').body).toEqual({ rates: [{ from: 'USD', to: 'KGS', value: '87.4', valid_from: '2026-12-01T00:00:00+06:00' }] });
    expect(request(deed('stop'), '', { file: 'nov.csv', entries: 'card,K1' }, '')).toMatchObject({ path: '/stop-list?file=nov.csv', body: 'card,K1', headers: { 'Content-Type': 'text/csv' } });
    expect(request(deed('letIn'), 'eldar', { active: false }, '').body).toEqual({ active: false });
  });
});
