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
  name: string;
  roles: string[];
  permissions: string[];
  csrf: string;
  idle_seconds: number;
  language?: string | null;
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

export interface OrderChange { path: string; from: Value; to: Value; layer?: string | null; clause?: string | null }
export interface OrderSignature { signer: string; role: string; factor: string; at: string; statement: number }
export interface OrderProblem { path: string; layer: string; clause?: string | null; message: string }
export interface Guard { minutes: number; decline_percent?: number | null; code?: string | null; code_percent?: number | null }

/** A change order. */
export interface Order {
  id: string | number;
  kind: string;
  title: string;
  reason: string;
  status: string;
  revision: number;
  risk: string;
  maker: string;
  checker?: string | null;
  created_at: string;
  effective_at?: string | null;
  activated_at?: string | null;
  activated_sequence?: string | number | null;
  digest: string;
  base_version: string;
  version?: string | null;
  changes: OrderChange[];
  signatures: OrderSignature[];
  guard?: Guard | null;
  problems: OrderProblem[];
}
