/** Who is at the console: the session, its end, and the lock in front of the page. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { call, isByItself, setCsrf, touched, whenSessionEnds } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Session } from '@/api/types';

/** What the console offers, by the row of the engine's own table of permissions. */
const PERMITS = {
  'cards.block': 'POST /cards/{id}/blocks',
  'cards.unblock': 'DELETE /cards/{id}/blocks/{reason}',
  'accounts.arrest': 'PUT /accounts/{id}/arrest',
  'disputes.open': 'POST /disputes',
  'disputes.decide': 'POST /disputes/{id}/decision',
  'orders.draft': 'POST /orders',
  'orders.sign': 'POST /orders/{id}/sign',
  'orders.approve': 'POST /orders/{id}/approve',
  'orders.rollback': 'POST /orders/{id}/rollback',
  'orders.preview': 'POST /orders/{id}/preview',
  'orders.preview.see': 'GET /orders/{id}/preview',
  'orders.shadow.see': 'GET /orders/{id}/shadow',
  'orders.shadow': 'PUT /orders/{id}/shadow',
  'orders.see': 'GET /orders',
  'story.see': 'GET /transactions/{id}/story',
  'under.see': 'GET /transactions/{id}/under',
  'users.see': 'GET /users',
  'alerts.see': 'GET /alerts',
  'keys.change': 'POST /keys',
  'users.reset.approve': 'POST /users/{id}/reset/approval',
  'keys.approve': 'POST /users/{id}/keys/{key}/approval',
  'transactions.see': 'GET /transactions',
} as const;

export type Permit = keyof typeof PERMITS;

/** `unlock`: the password opens it again. `login`: the session is over, but its page is kept. */
export type Shut = 'unlock' | 'login' | undefined;

interface Known {
  session: Session | undefined;
  /** A login that was begun and not finished, in another tab or before a reload. */
  begun: Session['needs'];
  isLoading: boolean;
  /** The engine can't be asked who this is. */
  failure: unknown;
  /** The page stays as it is, but nobody may see or touch it. */
  shut: Shut;
  lock: () => void;
  /** Asks again, after a login or an unlock. */
  renew: () => Promise<void>;
  leave: () => Promise<void>;
  may: (permit: Permit) => boolean;
}

const Context = createContext<Known | undefined>(undefined);

export const SESSION = ['session'] as const;

/** How often the page looks whether the session is still open. */
const LOOK_MS = 20_000;

async function whoAmI(): Promise<Session | null> {
  try {
    const session = await call<Session>('GET', '/session');
    setCsrf(session.csrf);
    return session;
  } catch (error) {
    if (asProblem(error).status === 401) return null;
    throw error;
  }
}

/** Marks keys and pointers, and keeps the session open while somebody writes a long draft. */
function useSignsOfLife(isOpen: boolean, look: () => void) {
  useEffect(() => {
    const names = ['keydown', 'pointerdown', 'wheel'] as const;
    for (const name of names) window.addEventListener(name, touched, { passive: true });
    const timer = setInterval(() => {
      if (!isOpen) return;
      // Any request is a sign of life but `GET /session`, which only looks.
      const alive = isByItself() ? Promise.resolve() : call('GET', '/permissions').catch(() => undefined);
      void alive.then(look);
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
      for (const name of names) window.removeEventListener(name, touched);
    };
  }, [isOpen, look]);
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const asked = useQuery({ queryKey: SESSION, queryFn: whoAmI, retry: 1, staleTime: Infinity, refetchOnWindowFocus: true });
  // Whose page is on the screen: stays when the session behind it is gone.
  const [shown, setShown] = useState<Session>();
  const [isAsked, setAsked] = useState(false);
  const now = asked.data ?? undefined;
  const isOpen = now !== undefined && !now.needs;

  useEffect(() => {
    if (now && !now.needs) setShown(now);
  }, [now]);

  const look = useCallback(() => void queries.invalidateQueries({ queryKey: SESSION }), [queries]);
  useSignsOfLife(isOpen && !now?.locked, look);
  useEffect(() => whenSessionEnds(look), [look]);

  const renew = useCallback(async () => {
    await queries.fetchQuery({ queryKey: SESSION, queryFn: whoAmI, staleTime: 0 });
    setAsked(false);
    await queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
  }, [queries]);

  const lock = useCallback(() => {
    setAsked(true);
    void call('POST', '/session/lock').catch(() => undefined).then(look);
  }, [look]);

  const leave = useCallback(async () => {
    await call('DELETE', '/session').catch(() => undefined);
    setCsrf(undefined);
    setShown(undefined);
    setAsked(false);
    queries.clear();
    queries.setQueryData(SESSION, null);
  }, [queries]);

  const session = isOpen ? now : shown;
  const isOther = isOpen && shown !== undefined && now.user !== shown.user;
  const shut: Shut = shown === undefined || isOther ? undefined : !isOpen && asked.data !== undefined ? 'login' : now?.locked || isAsked ? 'unlock' : undefined;

  const value = useMemo<Known>(
    () => ({
      session,
      begun: now?.needs,
      isLoading: asked.isPending,
      failure: asked.error,
      shut,
      lock,
      renew,
      leave,
      may: (permit) => session?.permissions.includes(PERMITS[permit]) ?? false,
    }),
    [session, now?.needs, asked.isPending, asked.error, shut, lock, renew, leave],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): Known {
  const known = useContext(Context);
  if (!known) throw new Error('no session around');
  return known;
}
