/**
 * What moves on the live page, as pure functions over the engine's server-sent events: seconds in a
 * window of fixed length, the newest sampled decisions, and figures over the last seconds.
 */

/** One second as the engine tells it. */
export interface Second {
  at: string;
  /** Seconds since 1970 by the machine's clock: its own for each, also under a test clock. */
  tick: number;
  per_second: number;
  approved: number;
  declined: number;
  codes: Record<string, number>;
  p50_us: number | null;
  p99_us: number | null;
  listeners: ListenerSecond[];
  terminals_online: number;
  queue: number;
  journal: { durable: number; commit_us: number };
}

export interface ListenerSecond {
  name: string;
  per_second: number;
  p50_us: number | null;
  p99_us: number | null;
  connections: number;
  terminals: number;
}

/** A decision, sampled. */
export interface Decision {
  sequence: number;
  at: string;
  terminal: string;
  type: string;
  amount: string;
  currency: string;
  code: string;
  rule: string | null;
  card: string | null;
  took_us: number;
}

export interface LiveState {
  seconds: Second[];
  decisions: Decision[];
}

export const NOTHING: LiveState = { seconds: [], decisions: [] };
export const WINDOW_SECONDS = 3600;
/** So many that one terminal's own can be found among everybody's. */
export const DECISIONS_KEPT = 500;

/** Puts a second where it belongs; one that came twice (after a reconnect) counts once. */
export function withSecond(state: LiveState, second: Second): LiveState {
  const last = state.seconds.at(-1);
  if (last !== undefined && last.tick >= second.tick) return withHistory(state, [second]);
  return { ...state, seconds: [...state.seconds, second].slice(-WINDOW_SECONDS) };
}

/** Joins the seconds that the engine remembered with those that came meanwhile. */
export function withHistory(state: LiveState, seconds: readonly Second[]): LiveState {
  const byTick = new Map([...seconds, ...state.seconds].map((second) => [second.tick, second]));
  const sorted = [...byTick.values()].sort((a, b) => a.tick - b.tick);
  return { ...state, seconds: sorted.slice(-WINDOW_SECONDS) };
}

/** The newest decision first; one that came twice counts once. */
export function withDecision(state: LiveState, decision: Decision): LiveState {
  if (state.decisions.some((one) => one.sequence === decision.sequence)) return state;
  const decisions = [decision, ...state.decisions].slice(0, DECISIONS_KEPT);
  return { ...state, decisions };
}

/** Those of one terminal (or of the terminals of an agent), by what somebody typed. */
export function matching(decisions: readonly Decision[], text: string, ofAgent: readonly string[]): readonly Decision[] {
  const wanted = text.trim().toUpperCase();
  if (wanted === '') return decisions;
  const terminals = new Set(ofAgent);
  return decisions.filter((one) => (terminals.size > 0 ? terminals.has(one.terminal) : one.terminal.toUpperCase().includes(wanted)));
}

export interface Figures {
  perSecond: number;
  approved: number;
  declined: number;
  /** Percent, or nothing where nothing was decided. */
  approvalShare: number | undefined;
  p50: number | undefined;
  p99: number | undefined;
  codes: [string, number][];
}

/** Figures over the last `span` seconds. */
export function figures(state: LiveState, span: number): Figures {
  const recent = state.seconds.slice(-span);
  const total = (pick: (second: Second) => number) => recent.reduce((sum, s) => sum + pick(s), 0);
  const [approved, declined] = [total((s) => s.approved), total((s) => s.declined)];
  const codes = new Map<string, number>();
  for (const second of recent) {
    for (const [code, times] of Object.entries(second.codes)) {
      codes.set(code, (codes.get(code) ?? 0) + times);
    }
  }
  const worst = (pick: (second: Second) => number | null) => {
    const known = recent.map(pick).filter((one): one is number => typeof one === 'number');
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const middle = recent.map((s) => s.p50_us).filter((p): p is number => typeof p === 'number');
  middle.sort((a, b) => a - b);
  return {
    perSecond: recent.length === 0 ? 0 : total((s) => s.per_second) / recent.length,
    approved,
    declined,
    approvalShare: approved + declined === 0 ? undefined : (approved * 100) / (approved + declined),
    p50: middle[Math.floor(middle.length / 2)],
    p99: worst((s) => s.p99_us),
    codes: [...codes.entries()].sort(([, a], [, b]) => b - a),
  };
}

/** Columns for a plot: seconds since 1970, then one column for each picked figure. */
export function columns(
  seconds: readonly Second[],
  picks: readonly ((second: Second) => number | null)[],
): (number | null)[][] {
  return [seconds.map((second) => second.tick), ...picks.map((pick) => seconds.map(pick))];
}
