/** Who is at the console: the session, its end, and the lock in front of the page. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { call, setCsrf, whenSessionEnds } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { Session } from '@/api/types';

/** What the console offers, by the row of the engine's own table of permissions. */
const PERMITS = {
  'cards.block': 'POST /cards/{id}/blocks',
  'cards.unblock': 'DELETE /cards/{id}/blocks/{reason}',
  'cards.exempt': 'PUT /cards/{id}/overdraft-exemption',
  'accounts.arrest': 'PUT /accounts/{id}/arrest',
  'disputes.open': 'POST /disputes',
  'disputes.decide': 'POST /disputes/{id}/decision',
  'orders.draft': 'POST /orders',
  'orders.sign': 'POST /orders/{id}/sign',
  'orders.approve': 'POST /orders/{id}/approve',
  'orders.rollback': 'POST /orders/{id}/rollback',
  'orders.preview': 'POST /orders/{id}/preview',
  'orders.shadow': 'PUT /orders/{id}/shadow',
  'users.see': 'GET /users',
  'transactions.see': 'GET /transactions',
} as const;

export type Permit = keyof typeof PERMITS;

interface Known {
  session: Session | undefined;
  /** Waiting for the first answer. */
  isLoading: boolean;
  /** The engine can't be asked who this is. */
  failure: unknown;
  /** The page stays as it is, but nobody may see or touch it. */
  isLocked: boolean;
  lock: () => void;
  /** Asks again, after a login or an unlock. */
  renew: () => Promise<void>;
  leave: () => Promise<void>;
  may: (permit: Permit) => boolean;
}

const Context = createContext<Known | undefined>(undefined);

export const SESSION = ['session'] as const;

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

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const asked = useQuery({ queryKey: SESSION, queryFn: whoAmI, retry: 1, staleTime: Infinity });
  const [isLocked, setLocked] = useState(false);
  const session = asked.data ?? undefined;
  const isHere = session !== undefined;

  useEffect(() => whenSessionEnds(() => setLocked(true)), []);

  const renew = useCallback(async () => {
    await queries.fetchQuery({ queryKey: SESSION, queryFn: whoAmI, staleTime: 0 });
    setLocked(false);
    await queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
  }, [queries]);

  const leave = useCallback(async () => {
    await call('DELETE', '/session').catch(() => undefined);
    setCsrf(undefined);
    queries.clear();
    queries.setQueryData(SESSION, null);
    setLocked(false);
  }, [queries]);

  const value = useMemo<Known>(
    () => ({
      session,
      isLoading: asked.isPending,
      failure: asked.error,
      isLocked: isLocked && isHere,
      lock: () => setLocked(true),
      renew,
      leave,
      may: (permit) => session?.permissions.includes(PERMITS[permit]) ?? false,
    }),
    [session, asked.isPending, asked.error, isLocked, isHere, renew, leave],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): Known {
  const known = useContext(Context);
  if (!known) throw new Error('no session around');
  return known;
}
