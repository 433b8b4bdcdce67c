import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DEEDS, type Deed, permit } from '@/lib/deeds';

const SOURCES = join(import.meta.dirname, '../../src');
const document = JSON.parse(readFileSync(join(SOURCES, '../openapi.json'), 'utf8')) as { paths: Record<string, Record<string, unknown>> };

/** `/cards/${id}/blocks?x=` and `/cards/{id}/blocks` as one form. */
function form(path: string): string {
  return path.replace(/\?.*$/, '').replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}|\{\w+\}/g, '*');
}

const known = new Set(
  Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${form(path.replace('/api/v1', ''))}`)),
);

/** Asked only where the engine's table of permissions names them. */
const GUARDED = ['/orders/*/preview', '/orders/*/shadow', '/transactions/*/story', '/transactions/*/under'];
const isKnown = (address: string) => known.has(address) || GUARDED.includes(address.split(' ')[1] ?? '');

function asked(): [string, string][] {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  return files.flatMap((name) => {
    const text = readFileSync(join(SOURCES, name), 'utf8');
    const calls = [...text.matchAll(/call(?:<[^(]*>)?\('(GET|POST|PUT|DELETE)', (?:withParams\()?['`]([^'`]+)['`]/g)];
    const lists = [...text.matchAll(/useParts<\w+>\('([^']+)'/g)].map((match) => ['', 'GET', match[1] ?? '']);
    return [...calls, ...lists].map(([, method, path]): [string, string] => [`${method} ${form(path ?? '')}`, name]);
  });
}

it('every address that the console asks is one of the engine’s', () => {
  const all = asked();
  expect(all.length).toBeGreaterThan(40);
  expect(all.filter(([address]) => !isKnown(address) && !/\/\*$/.test(address.split(' ')[1] ?? '') )).toEqual([]);
});

it('every permission that the console asks about is a route of the engine', () => {
  const text = readFileSync(join(SOURCES, 'shell/session.tsx'), 'utf8');
  const rows = [...text.matchAll(/'((?:GET|POST|PUT|DELETE) \/[^']+)'/g)].map((match) => match[1] ?? '');
  expect(rows.length).toBeGreaterThan(10);
  expect(rows.filter((row) => !isKnown(`${row.split(' ')[0]} ${form(row.split(' ')[1] ?? '')}`))).toEqual([]);
});

/** What the console does not ask, each with its reason. */
const NOT_ASKED: Record<string, string> = {
  'GET /metrics': 'for Prometheus',
  'GET /health/ready': 'for balancers; the light in the console’s head asks it, outside the API',
  'GET /health/live': 'for balancers',
  'GET /openapi.json': 'for programs',
  'POST /presentments': 'files of a clearing, in parts of megabytes, by `tamga clearing`',
  'GET /acquirers/*/period': 'for the acquirer’s own system, with its messages 05x0',
  'POST /test-clock': 'moves a test engine’s clock; there is none in a bank',
  'POST /keys': 'takes components and key blocks, which `tamga key` reads without showing them; the rest of a key’s life is an order of the kind keys',
  'POST /users': 'only in test mode and for the first users, by `tamga user add`; otherwise an order of the kind users',
  'GET /users/*': 'every user is in the list already',
  'GET /disputes/*': 'every claim is in the list already, with the same fields',
  'GET /signing/statement': 'the order says the statement that is to be confirmed, and the page says it in the reader’s language',
  'PUT /cards/*/holder-limits': 'the primary holder’s own limits, by the bank’s application for cardholders (LIM-3)',
};

/** Addresses that a component takes with a method or a step of its own. */
function built(): string[] {
  const read = (name: string) => readFileSync(join(SOURCES, name), 'utf8');
  const steps = (text: string) => [...text.matchAll(/'(sign|approve|rollback|reject|withdraw)'/g)].map((match) => `POST /orders/*/${match[1]}`);
  const has = (name: string, part: string, addresses: string[]) => (read(name).includes(part) ? addresses : []);
  return [
    ...steps(read('pages/orders/signing.tsx')),
    ...has('pages/orders/shadow.tsx', 'call(method, `/orders/${order.id}/shadow`)', ['PUT /orders/*/shadow', 'DELETE /orders/*/shadow']),
    ...has('pages/account.tsx', 'call(method, `/accounts/${encodeURIComponent(account.id)}/arrest`', ['PUT /accounts/*/arrest', 'DELETE /accounts/*/arrest']),
    ...has('pages/cards/blocking.tsx', "call('POST', path,", ['POST /cards/*/blocks']),
    ...has('pages/cards/blocking.tsx', "call('DELETE', `${path}/${lifting}`", ['DELETE /cards/*/blocks/*']),
    ...has('pages/orders.tsx', '${API}/orders/register', ['GET /orders/register']),
    ...has('api/events.ts', '${API}/events', ['GET /events']),
    ...[...read('pages/bank.tsx').matchAll(/path=(?:"|\{withParams\(')(\/[a-z-]+)/g)].map((match) => `GET ${match[1]}`),
    ...[...read('shell/login.tsx').matchAll(/path="(\/session\/[a-z/]+)"/g)].map((match) => `POST ${match[1]}`),
  ];
}

it('everything the API can do, the console can', () => {
  const deeds: readonly Deed[] = Object.values(DEEDS).flat();
  const done = new Set([...asked().map(([address]) => address), ...built(), ...deeds.map((deed) => form(permit(deed)))]);
  const missing = [...known].filter((address) => !done.has(address) && !(address in NOT_ASKED)).sort();
  expect(missing).toEqual([]);
  // A reason for what is asked after all, or is no route any more, is a mistake as well.
  expect(Object.keys(NOT_ASKED).filter((address) => done.has(address) || !known.has(address))).toEqual([]);
});

it('everything that can be done to a thing is a route of the engine', () => {
  const deeds: readonly Deed[] = Object.values(DEEDS).flat();
  expect(deeds.map((deed) => form(permit(deed))).filter((address) => !known.has(address))).toEqual([]);
});
