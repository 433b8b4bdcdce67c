import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from '@/i18n/en';
import { ky } from '@/i18n/ky';
import { ru } from '@/i18n/ru';

type Tree = { [key: string]: string | Tree };

function texts(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value] as [string, string]] : texts(value, `${path}${key}.`),
  );
}

const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
const english = new Map(texts(en));
/** The same in every language: abbreviations, signs and examples. */
const SAME = /^(tx\.example|cards\.example|order\.(pickHint|capSum)|live\.(perSecond)|roles\.|scopes\.|card\.id|audit\.id|categories\.|tx\.filter)/;

describe.each([['ru', ru], ['ky', ky]] as const)('%s', (_, language) => {
  const all = new Map(texts(language));

  it('says everything that English says, and nothing else', () => {
    expect([...all.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('leaves no text empty and fills the same holes', () => {
    for (const [key, text] of all) {
      expect(text.trim(), key).not.toBe('');
      expect(holes(text), key).toEqual(holes(english.get(key) ?? ''));
    }
  });

  it('is written in Cyrillic where English is words', () => {
    const left = [...all].filter(([key, text]) => text === english.get(key) && /[a-z]{4}/i.test(text) && !SAME.test(key));
    expect(left).toEqual([]);
  });

  it('has no Latin letter that only looks Cyrillic', () => {
    const mixed = [...all].filter(([, text]) => /[а-яёөүң][a-z]|[a-z][а-яёөүң]/i.test(text.replaceAll(/\{\{\w+\}\}|\bid\b/gi, ' ')));
    expect(mixed).toEqual([]);
  });
});

it('Kyrgyz is not Russian', () => {
  const both = texts(ky).filter(([key, text]) => text === new Map(texts(ru)).get(key) && text.length > 14);
  expect(both.length).toBeLessThan(12);
});

/** The words that the engine's read model writes, from its own source. */
function written(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../../history/src', file), 'utf8').split('#[cfg(test)]')[0] ?? '';
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

it('has words for everything that can stand in the audit', () => {
  const subjects = ['account', 'card', 'customer', 'terminal', 'user'];
  const action = /(?:action: |= if [^{]*\{ |else \{ |\(\s*)"([a-z_]+)"/g;
  const actions = ['access.rs', 'orders.rs', 'administration.rs'].flatMap((file) => written(file, action));
  const named = new Set(actions.filter((name) => !subjects.includes(name)));
  expect(named.size).toBeGreaterThan(50);
  expect([...named].filter((name) => !(name in en.actions))).toEqual([]);
});

it('has words for what became of a PIN', () => {
  const facts = written('names.rs', /PinFact::\w+ => "([a-z_]+)"/g);
  expect(facts.length).toBe(7);
  expect(facts.filter((name) => !(name in en.pin))).toEqual([]);
});

/** Names in the engine's own source, from one of its crates. */
function engine(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8').split('#[cfg(test)]')[0] ?? '';
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

it('has words for every refusal that the engine names', () => {
  const files = ['order_refusals', 'users', 'signing', 'factors', 'orders'].map((name) => `server/src/http/${name}.rs`);
  const named = new Set(files.flatMap((file) => [...engine(file, /coded\(\s*"([a-z_]+)"/g), ...engine(file, /\("(needs_[a-z]+)", "sign/g), ...engine(file, /"((?:code_used|wrong_code))"/g)]));
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((name) => !(name in en.said))).toEqual([]);
  expect(Object.keys(en.said).filter((name) => !named.has(name))).toEqual([]);
  const ofOrders = ['steps', 'things'].flatMap((file) => engine(`authorization/src/orders/${file}.rs`, /coded\("([a-z_]+)"\)|=> "(last_[a-z]+)"/g)).filter(Boolean);
  expect(ofOrders.length).toBeGreaterThan(2);
  expect(ofOrders.filter((name) => !(name in en.saidOfOrder))).toEqual([]);
});

it('has words for what a code was for, and for every alert', () => {
  const purposes = engine('authorization/src/access/command.rs', /Self::(?:Login|Unlock|Password|Enrolment|PersonalKey|Signature \{ role[^}]*\}|Approval[^=]*) => "([a-z_]+)"/g);
  expect([...new Set(purposes)].filter((name) => !(name in en.given) && !(name in en.refusals) && !['login', 'totp'].includes(name))).toEqual([]);
  expect(purposes).toEqual(expect.arrayContaining(Object.keys(en.given)));
  const alerts = engine('authorization/src/access/user.rs', /Self::[A-Z]\w+ => "([a-z_]+)"/g);
  expect(alerts.sort()).toEqual(Object.keys(en.users.alertKinds).sort());
});

it('has words for why access was denied', () => {
  const denied = engine('server/src/http/gate.rs', /"(foreign_origin|csrf_token|token|nobody|unknown_session|role)"/g);
  const ended = engine('authorization/src/access/command.rs', /Self::(?:Asked|Replaced|Expired|Ended|Stolen) => "([a-z]+)"/g).map((reason) => `session_${reason}`);
  expect([denied.length > 5, ended.length]).toEqual([true, 5]);
  expect([...denied, ...ended].filter((name) => !(name in en.refusals))).toEqual([]);
});
