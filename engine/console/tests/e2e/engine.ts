/** What the stories need besides a browser: terminals that pay, the clock, one-time codes. */

import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, type Page } from '@playwright/test';

export const URL = process.env['TAMGA_E2E_URL'] ?? 'http://127.0.0.1:18580';
const TOKEN = 'tamga-demo';
const STEP_SECONDS = 30;
const run = promisify(execFile);

/** The API with the demo's service token, for what the stories look up or set up. */
export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${URL}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** A one-time code that was not used before: of the next half minute of the engine's clock. */
export async function code(secret: string): Promise<string> {
  const { as_of: now } = await request<{ as_of: string }>('GET', '/accounts/A01');
  const then = Date.parse(now) + STEP_SECONDS * 1000;
  await request('POST', '/test-clock', { to: new Date(then).toISOString() });
  return totp(secret, then);
}

/** RFC 6238 with SHA-1 and six digits. */
export function totp(secret: string, at: number): string {
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 1000 / STEP_SECONDS)));
  const digest = createHmac('sha1', base32(secret)).update(step).digest();
  const from = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

function base32(text: string): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const letter of text.replaceAll(/[\s=]/g, '').toUpperCase()) bits += letters.indexOf(letter).toString(2).padStart(5, '0');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** The PIN of a test card, as the portfolio has it. */
function pin(card: string): string {
  const portfolio = readFileSync(join(process.env['TAMGA_E2E_FOLDER'] ?? '', 'portfolio.jsonl'), 'utf8');
  const row = portfolio.split('\n').find((line) => line.includes(`"id": "${card}"`)) ?? '{}';
  return (JSON.parse(row) as { test_pin?: string }).test_pin ?? '';
}

/** A terminal asks, with the card's PIN unless it is tapped; the response code it got. */
export async function pay(kind: readonly string[], card: string, amount: string): Promise<string> {
  const program = join(process.env['TAMGA_E2E_BIN'] ?? '', 'tamga-sim');
  const portfolio = join(process.env['TAMGA_E2E_FOLDER'] ?? '', 'portfolio.jsonl');
  const args = [...kind, '--target', '127.0.0.1:18583', '--portfolio', portfolio, '--card', card, '--amount', amount, ...(kind.includes('tap') ? [] : ['--pin', pin(card)])];
  // A decline may be told by the exit code, too.
  const folder = process.env['TAMGA_E2E_FOLDER'] ?? '';
  // The simulator's wallet of chips is the test's own, too.
  const env = { ...process.env, HOME: folder, XDG_STATE_HOME: folder };
  const { stdout } = await run(program, args, { env }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  const found = /^\s*39\s+.*?(\w\w)\s*$/m.exec(stdout)?.[1];
  if (!found) throw new Error(`no response code in:\n${stdout}`);
  return found;
}

export interface Person {
  name: string;
  password: string;
  secret: string;
}

/** Who is about, from the setup. */
export function person(name: string): Person {
  const people = JSON.parse(process.env['TAMGA_E2E_PEOPLE'] ?? '{}') as Record<string, Person>;
  const found = people[name];
  if (!found) throw new Error(`nobody is called ${name}`);
  return found;
}

export function passwordOf(name: string): string {
  return `${name.length} quiet rivers, ${name.charCodeAt(0)} seals at dawn`;
}

/** The first login over the API: a password of one's own and a second factor. */
export async function enrol(name: string, temporary: string): Promise<Person> {
  let cookie = '';
  let csrf = '';
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = { 'Content-Type': 'application/json', Cookie: cookie, 'X-CSRF-Token': csrf };
    const answer = await fetch(`${URL}/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  };
  const password = passwordOf(name);
  await ask('POST', '/session', { user: name, password: temporary });
  await ask('POST', '/session/password', { new: password });
  const { secret } = await ask<{ secret: string }>('POST', '/session/enrolment');
  const view = await ask<{ csrf: string }>('POST', '/session/enrolment/confirm', { code: await code(secret) });
  csrf = view.csrf;
  await ask('DELETE', '/session');
  return { name, password, secret };
}

export async function login(page: Page, person: Person): Promise<void> {
  await page.goto('/');
  await page.getByLabel('User').fill(person.name);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByLabel('One-time code 1')).toBeVisible();
  await type(page, await code(person.secret));
  await expect(page.getByRole('navigation')).toBeVisible();
}

/** Types a one-time code into its six fields. */
export async function type(page: Page, digits: string): Promise<void> {
  await page.getByLabel('One-time code 1').click();
  await page.keyboard.type(digits);
}
