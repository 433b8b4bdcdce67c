/** A draft of an order as the editor holds it, and as the API takes it. */

import type { Guard, Order } from '@/api/types';
import type { Change } from './rules';
import { inZone, wallOf } from './time';

/** Kinds that the editor offers. */
export const KINDS = [
  'limits', 'contactless_tiers', 'agent_caps', 'editions', 'indicator', 'fees', 'rates', 'networks', 'calendar',
  'overdraft_policy', 'block_policy', 'lists', 'overdraft_limits', 'card_blocks', 'users', 'keys', 'rules',
] as const;

/** The kinds that somebody may draft: keys are their custodians', all others operators' (SIG-1). */
export function kindsFor(roles: readonly string[]): (typeof KINDS)[number][] {
  return KINDS.filter((kind) => roles.includes(kind === 'keys' ? 'key_custodian' : 'operator'));
}

/** The first keys of the paths that a kind may change; none for any. */
export const ROOTS: Record<string, readonly string[]> = {
  limits: ['limit', 'mcc_group', 'country_group'],
  contactless_tiers: ['contactless'],
  agent_caps: ['agent_cash'],
  editions: ['edition'],
  indicator: ['indicator'],
  fees: ['fee', 'notification_fee'],
  rates: ['rate', 'conversion'],
  networks: ['network', 'transfer_operator'],
  calendar: ['calendar'],
  overdraft_policy: ['technical_overdraft'],
  block_policy: ['technical_overdraft', 'scripts'],
  lists: ['restricted', 'mcc_group', 'country_group'],
  rules: [],
};

/** Where an order of a kind that is not about the rule set changes something. */
export const EXAMPLES: Record<string, string> = {
  limits: 'limit[atm-day].ceiling',
  contactless_tiers: 'contactless.tier.low.per_day',
  agent_caps: 'agent_cash.agent[G1].cap_indicators',
  editions: 'edition[agent_cash@2021-01-01].name',
  indicator: 'indicator[2027-01-01].value',
  fees: 'fee[pin-change].fixed',
  rates: 'conversion.stale_after_days',
  networks: 'network[Elcart].cancelled_at',
  calendar: 'calendar.holidays',
  overdraft_policy: 'technical_overdraft.annual_rate',
  block_policy: 'technical_overdraft.block.amount_above',
  lists: 'restricted.countries',
  overdraft_limits: 'account[A01].overdraft_limit',
  card_blocks: 'card[K01].block.suspected_fraud',
  users: 'user[aida]',
  keys: 'key[pvk].current',
  rules: 'limit[atm-day].ceiling',
};

export interface Draft {
  kind: string;
  title: string;
  reason: string;
  changes: Change[];
  /** The bank's wall clock; null for as soon as approved. */
  effective: string | null;
  guard: Guard | null;
  /** A path to begin with. */
  picked?: string;
  /** An agent to begin with. */
  agent?: string;
}

export function emptyDraft(kind = 'limits'): Draft {
  return { kind, title: '', reason: '', changes: [], effective: null, guard: null };
}

/** An order as a draft, to be written anew. */
export function draftOf(order: Order): Draft {
  return {
    kind: order.kind,
    title: order.title,
    reason: order.reason,
    changes: order.changes.map(({ path, to }) => ({ path, to })),
    effective: order.effective_at ? wallOf(order.effective_at) : null,
    guard: order.guard ?? null,
  };
}

/** What the API takes. */
export function formOf(draft: Draft, zone: string | undefined): Record<string, unknown> {
  const form: Record<string, unknown> = {
    kind: draft.kind,
    title: draft.title.trim(),
    reason: draft.reason.trim(),
    changes: draft.changes,
  };
  if (draft.effective) form['effective_at'] = inZone(draft.effective, zone ?? '+06:00');
  if (draft.guard) {
    form['guard'] = Object.fromEntries(Object.entries(draft.guard).filter(([, value]) => value !== null && value !== undefined && value !== ''));
  }
  return form;
}

/** A draft with a change put in, or taken out where `to` is undefined. */
export function withChange(draft: Draft, path: string, to: Change['to'] | undefined): Draft {
  const others = draft.changes.filter((change) => change.path !== path);
  return { ...draft, changes: to === undefined ? others : [...others, { path, to }] };
}

/** A change that stands in the fields and was not added yet. */
export interface Typed {
  change: Change;
  /** A title, where nobody gave one. */
  title?: string;
}

/** The draft with what still stands in its fields: who fills a field means it. */
export function withTyped(draft: Draft, typed: readonly (Typed | undefined)[]): Draft {
  return typed.reduce<Draft>((all, one) => (one ? { ...withChange(all, one.change.path, one.change.to), title: all.title.trim() === '' ? (one.title ?? '') : all.title } : all), draft);
}

/** Whether a kind may change a path. */
export function belongs(kind: string, path: string): boolean {
  const roots = ROOTS[kind];
  const first = path.split(/[.[]/)[0] ?? '';
  return roots === undefined || roots.length === 0 || roots.includes(first);
}
