import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

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
