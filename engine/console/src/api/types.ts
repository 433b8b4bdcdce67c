/** Names for the engine's answers; the shapes come from its OpenAPI document. */

import type { Value } from '@/lib/rules';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type Card = Schemas['Card'];
export type Counter = Schemas['Counter'];
export type Transaction = Schemas['Transaction'];
export type TransactionDetail = Schemas['TransactionDetail'];
export type TraceLine = Schemas['TraceLine'];
export type ListedOverdraft = Schemas['ListedOverdraft'];
export type Notification = Schemas['Notification'];
export type AuditEntry = Schemas['AuditEntry'];
export type Rules = Schemas['Rules'];
export type Limit = Schemas['Limit'];
export type KeysView = Schemas['KeysView'];

/** `GET /session`. */
export interface Session {
  user: string;
  roles: string[];
  /** Method and path of everything these roles may do. */
  permissions: string[];
  csrf: string;
  needs?: 'code' | 'enrol' | 'password' | null;
  locked: boolean;
  idle_seconds: number;
  life_seconds: number;
  language: string;
  last_login?: string | null;
  ended_other_session: boolean;
  test_mode: boolean;
  /** Public keys, hex, that sign for this person. */
  keys: string[];
}

export type CardSettings = Schemas['CardSettings'];
export type Statement = Schemas['Statement'];
export type Line = Schemas['Line'];
export type DisputeView = Schemas['DisputeView'];
export type OverdraftList = Schemas['OverdraftList'];

/** `POST /cards/find`. */
export interface FoundCard {
  id: string;
  pan: string;
  expiry: string;
  status: string;
  account: string;
  holder: string;
}

export interface OrderChange { path: string; from: Value; to: Value; layer: string; clause: string }
export interface OrderSignature { signer: string; role: string; factor: string; strength: string; at: string; statement: number; key?: string | null }
export interface OrderProblem { path: string; layer: string; clause?: string | null; code: string; detail: string }
export interface Guard { minutes: number; decline_percent?: number | null; code?: string | null; code_percent?: number | null }

/** A change order. */
export interface Order {
  id: number;
  kind: string;
  title: string;
  reason: string;
  status: string;
  revision: number;
  risk: string;
  /** `simple` or `strengthened`. */
  needs: string;
  maker: string;
  authors: string[];
  checker?: string | null;
  created_at: string;
  revised_at: string;
  effective_at?: string | null;
  activated_at?: string | null;
  activated_sequence?: number | null;
  digest: string;
  content: string;
  rollback_digest: string;
  statement: string;
  base_version: string;
  version?: string | null;
  changes: OrderChange[];
  signatures: OrderSignature[];
  guard?: Guard | null;
  ended?: { at: string; by: string; reason: string } | null;
  /** Its guard tripped, and it could not be rolled back. */
  guard_stands?: { at: string; reason: string } | null;
  superseded_by?: number | null;
  problems: OrderProblem[];
  /** What the last preview came to. */
  preview?: { void: boolean; days: number; decisions: number; would_decline: EffectSum; would_approve: EffectSum } | null;
}

export interface OrderStep { number: number; sequence: number; at: string; act: string; revision?: number | null; by: string; factor?: string | null; detail: string; hash: string }

/** `GET /transactions/{id}/story`. */
export interface StoryView {
  id: string;
  summary: string;
  approved: boolean;
  code: string;
  rules: string;
  steps: { rule: string; verdict: string; decisive: boolean; edition?: string | null; limit?: string | null; text: string }[];
  stages?: { waited_us: number; decided_us: number; committed_us: number; records: number } | null;
}

export interface EffectSum { count: number; amounts: Record<string, string> }
export interface EffectSide { code: string; result: string; rule?: string | null }
export interface Affected { id: string; at: string; terminal: string; agent?: string | null; card?: string | null; pan?: string | null; type: string; amount: string; currency: string; was: EffectSide; would_be: EffectSide }

/** What candidate rules would change. */
export interface Effect {
  decisions: number;
  would_decline: EffectSum;
  would_approve: EffectSum;
  would_differ: EffectSum;
  cards: number;
  customers: number;
  terminals: number;
  agents: number;
  by: { was: string; was_code: string; would_be: string; would_be_code: string; rule: string; sum: EffectSum }[];
  top_cards: { id: string; sum: EffectSum }[];
  top_customers: { id: string; sum: EffectSum }[];
  top_terminals: { id: string; sum: EffectSum }[];
  top_agents: { id: string; sum: EffectSum }[];
  transactions: Affected[];
  more: boolean;
}

export interface AgentDay { requests: number; reversals: number; repeats: number; reversal_share: number | null; repeat_share: number | null; stans_missing: number }
export interface DeviceBatch { number: number; debits: string; credits: string; net: string }
export interface TerminalView { id: string; category: string; merchant?: string | null; agent?: string | null; listener: string; online: boolean; last_seen?: string | null; last_stan?: string | null; clock_skew_seconds?: number | null; today?: AgentDay | null; batch: DeviceBatch }
export interface AgentView { id: string; name: string; devices: number; online: number; last_seen?: string | null; today: AgentDay; batch: DeviceBatch; cap: string; cap_rule: string }
export interface CapLeft { card: string; pan: string; terminal?: string | null; rule: string; used: string; cap: string; left: string }
export interface AgentDetail extends AgentView { terminals: TerminalView[]; cards: CapLeft[] }

/** `GET /orders/{id}/preview`. */
export interface PreviewView {
  status: 'none' | 'running' | 'done' | 'cancelled' | 'failed';
  done_records: number;
  all_records: number;
  error?: string | null;
  /** Of an earlier revision of the order. */
  void: boolean;
  preview?: { days: number; from: string; to: string; digest: string; records: number; took_ms: number; per_second: number; effect: Effect } | null;
}

/** `GET /orders/{id}/shadow`. */
export interface ShadowView { order: number; void: boolean; since: string; running: boolean; stopped?: string | null; behind: number; effect: Effect }

/** `GET /transactions/{id}/under`. */
export interface UnderView { id: string; order: number; same: boolean; was: EffectSide; would_be: EffectSide & { trace: TraceLine[] } }

/** A row of `GET /users`. */
export interface UserView {
  user: string;
  roles: string[];
  active: boolean;
  temporary_password: boolean;
  second_factor: boolean;
  locked_until?: string | null;
  last_login?: string | null;
  /** A reset that waits for another person. */
  reset_asked?: { what: string; by: string; at: string } | null;
  keys: { key: string; label: string; standing: string; added_at: string }[];
  added_at: string;
  added_by: string;
}

/** A row of `GET /permissions`. */
export interface PermissionView { method: string; path: string; who: string; roles: string[]; journaled_look: boolean }

/** A row of `GET /alerts`. */
export interface AlertView { id: string; at: string; kind: string; user?: string | null; order?: number | null; detail: string }
