/**
 * Server-sent events with reconnecting. The browser connects again by itself after a lost
 * connection; after a refusal (a restart behind a balancer, a session that ended) it does not, so
 * this does, later each time. The engine ends the stream with the session behind it, and says so:
 * then the page learns at once how its session is.
 */

import { API, sessionEnded } from './client';

export type Connection = 'connecting' | 'open' | 'lost';

export type Listeners = Record<string, (data: unknown) => void>;

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** Longer than the question takes how the session is. */
const AFTER_THE_END_MS = 5000;

/** How long to wait before the n-th attempt after a refusal. */
export function pause(attempt: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, attempt - 1));
}

/** What an event carries; what is not JSON is nothing. */
export function payload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Listens until the returned function is called. */
export function listen(listeners: Listeners, state: (connection: Connection) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let stopped = false;

  const connect = () => {
    state('connecting');
    source = new EventSource(`${API}/events`);
    source.onopen = () => {
      attempt = 0;
      state('open');
    };
    source.onerror = () => {
      if (stopped) return;
      state('lost');
      if (source?.readyState !== EventSource.CLOSED) return;
      attempt += 1;
      timer = setTimeout(connect, pause(attempt));
    };
    source.addEventListener('ended', () => {
      source?.close();
      state('lost');
      // Whoever listens stops if the session is over; else, after a change of roles, it goes on.
      sessionEnded();
      timer = setTimeout(connect, AFTER_THE_END_MS);
    });
    for (const [name, heard] of Object.entries(listeners)) {
      source.addEventListener(name, (event) => {
        const data = payload((event as MessageEvent<string>).data);
        if (data !== undefined) heard(data);
      });
    }
  };

  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
