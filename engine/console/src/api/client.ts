/**
 * Asking the engine. What is asked and answered is typed by `types.ts`, from the engine's own OpenAPI
 * document; a test holds every address that is asked here against that document. Every POST carries an Idempotency-Key, and
 * every change the session's CSRF token. A session that ended is told to whoever listens, so that
 * the page stays as it is behind the lock.
 */

import { ApiProblem, problemOf } from './problem';

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

/** The answer's body, or its problem thrown; nothing where the answer has none. */
export async function call<T>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const all: Record<string, string> = { Accept: 'application/json', ...headers };
  if (isByItself()) all[BACKGROUND] = '1';
  if (body !== undefined) all['Content-Type'] ??= 'application/json';
  if (method !== 'GET' && csrf !== undefined) all['X-CSRF-Token'] = csrf;
  if (method === 'POST') all['Idempotency-Key'] ??= newKey();
  const response = await fetch(`${API}${path}`, {
    method,
    headers: all,
    credentials: 'same-origin',
    // A text is a file's, and goes as it is.
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let told: unknown;
  try {
    told = text === '' ? undefined : JSON.parse(text);
  } catch {
    told = undefined;
  }
  if (response.ok) return told as T;
  // The steps of a login are answered with 401 where they are wrong; that ends nothing.
  if (response.status === 401 && !path.startsWith('/session')) sessionEnded();
  throw new ApiProblem(problemOf(response.status, told));
}
