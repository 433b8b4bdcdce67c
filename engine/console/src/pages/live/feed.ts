/** The feed of the live page: the last hour once, then each second as it comes. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useReducer, useState } from 'react';
import { call } from '@/api/client';
import { type Connection, listen } from '@/api/events';
import { type Decision, type LiveState, NOTHING, type Second, withDecision, withHistory, withSecond } from '@/lib/live';
import { BELL } from '@/shell/bell';
import { useSession } from '@/shell/session';
import { alarm, type AlertHeard } from './alarm';

type Heard = { second: Second } | { decision: Decision } | { past: Second[] };

function heard(state: LiveState, event: Heard): LiveState {
  if ('second' in event) return withSecond(state, event.second);
  if ('decision' in event) return withDecision(state, event.decision);
  return withHistory(state, event.past);
}

export function useLive(): { state: LiveState; connection: Connection } {
  const queries = useQueryClient();
  const { shut } = useSession();
  const [state, tell] = useReducer(heard, NOTHING);
  const [connection, setConnection] = useState<Connection>('connecting');
  // Asked again after each break, since seconds were missed.
  const past = useQuery({
    queryKey: ['live', 'past'],
    queryFn: () => call<{ seconds: Second[] }>('GET', '/live?minutes=60'),
    staleTime: Infinity,
  });
  useEffect(() => {
    if (past.data) tell({ past: past.data.seconds });
  }, [past.data]);
  useEffect(() => {
    // Behind the lock nothing is asked: it would be refused, and many refusals are an alert.
    if (shut) return undefined;
    let wasLost = false;
    return listen(
      {
        second: (data) => tell({ second: data as Second }),
        decision: (data) => tell({ decision: data as Decision }),
        order: () => {
          void queries.invalidateQueries({ queryKey: ['orders'] });
          void queries.invalidateQueries({ queryKey: BELL });
        },
        alert: (data) => {
          alarm(data as AlertHeard);
          void queries.invalidateQueries({ queryKey: BELL });
        },
      },
      (now) => {
        setConnection(now);
        if (now === 'open' && wasLost) void queries.invalidateQueries({ queryKey: ['live', 'past'] });
        wasLost = now === 'lost';
      },
    );
  }, [queries, shut]);
  return { state, connection };
}
