/**
 * The engine's API, typed from its own OpenAPI document. Every POST carries an Idempotency-Key, and
 * every change the session's CSRF token. A session that ended is told to whoever listens, so that
 * the page stays as it is behind the lock.
 */

import createClient, { type Middleware } from 'openapi-fetch';
import { ApiProblem, problemOf } from './problem';
import type { paths } from './schema';

export const API = '/api/v1';

let csrf: string | undefined;
const onEnded = new Set<() => void>();

/** The token that changes must carry; from `GET /session`. */
export function setCsrf(token: string | undefined): void {
  csrf = token;
}

/** Calls back when an answer says that the session is no more. */
export function whenSessionEnds(listener: () => void): () => void {
  onEnded.add(listener);
  return () => void onEnded.delete(listener);
}

export function sessionEnded(): void {
  for (const listener of onEnded) listener();
}

/** A new key for a change; the same change sent again keeps its own. */
export function newKey(): string {
  return crypto.randomUUID();
}

/** When somebody last touched a key or the pointer. */
let touchedAt = Date.now();

/** A page that asks by itself longer than this after the last touch says that it does. */
const BY_ITSELF_MS = 20_000;

/** Notes that somebody is here; called on input. */
export function touched(): void {
  touchedAt = Date.now();
}

/** Requests that nobody asked for must not keep a session alive. */
export function isByItself(now = Date.now()): boolean {
  return now - touchedAt > BY_ITSELF_MS;
}

const BACKGROUND = 'X-Tamga-Background';

const CHANGES = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);

const carried: Middleware = {
  onRequest({ request }) {
    const { method, headers } = request;
    if (isByItself()) headers.set(BACKGROUND, '1');
    if (CHANGES.has(method) && csrf !== undefined) headers.set('X-CSRF-Token', csrf);
    if (method === 'POST' && !headers.has('Idempotency-Key')) {
      headers.set('Idempotency-Key', newKey());
    }
    return request;
  },
};

export const client = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
client.use(carried);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or its problem thrown. */
export async function take<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) {
    const isLogin = response.url.includes(`${API}/session`);
    if (response.status === 401 && !isLogin) sessionEnded();
    throw new ApiProblem(problemOf(response.status, error));
  }
  return data as T;
}

/** As [`take`] for an address that is put together at run time. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const all: Record<string, string> = { Accept: 'application/json', ...headers };
  if (isByItself()) all[BACKGROUND] = '1';
  if (body !== undefined) all['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf !== undefined) all['X-CSRF-Token'] = csrf;
  if (method === 'POST') all['Idempotency-Key'] ??= newKey();
  const response = await fetch(`${API}${path}`, {
    method,
    headers: all,
    credentials: 'same-origin',
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  let told: unknown;
  try {
    told = text === '' ? undefined : JSON.parse(text);
  } catch {
    told = undefined;
  }
  const answer = response.ok ? { data: told as T, response } : { error: told, response };
  return take<T>(Promise.resolve(answer));
}
