/** Change orders: what may be done with one now, and by whom (SIG-1). */

import type { Order } from '@/api/types';

export type Step = 'edit' | 'sign' | 'approve' | 'reject' | 'withdraw' | 'rollback';

/** The first key of a path: what part of the rules it is about. */
export function root(path: string): string {
  return path.split(/[.[]/)[0] ?? '';
}

/** The kind of order that may change a path; the whole rule set where no other fits. */
export function kindOfPath(path: string): string {
  if (path.startsWith('technical_overdraft.block') || path.startsWith('scripts')) return 'block_policy';
  const kinds: Record<string, string> = {
    limit: 'limits', mcc_group: 'limits', country_group: 'limits', contactless: 'contactless_tiers', agent_cash: 'agent_caps',
    edition: 'editions', indicator: 'indicator', fee: 'fees', notification_fee: 'fees', rate: 'rates', conversion: 'rates',
    network: 'networks', transfer_operator: 'networks', calendar: 'calendar', technical_overdraft: 'overdraft_policy',
    restricted: 'lists', account: 'overdraft_limits', card: 'card_blocks', user: 'users', key: 'keys',
  };
  return kinds[root(path)] ?? 'rules';
}

/** Whether an order of a kind changes rules, by which the past can be decided anew. */
export function isOfRules(kind: string): boolean {
  return !['overdraft_limits', 'card_blocks', 'users', 'keys'].includes(kind);
}

/** Whether a path lies at or below another. */
export function within(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}

/** The newest active order that set a path. */
export function setBy(orders: readonly Order[], path: string): string | undefined {
  const all = orders.filter((order) => order.changes.some((change) => within(path, change.path)));
  all.sort((a, b) => Number(b.activated_sequence ?? 0) - Number(a.activated_sequence ?? 0));
  return all[0] === undefined ? undefined : String(all[0].id);
}

export type May = (permit: 'orders.draft' | 'orders.sign' | 'orders.approve' | 'orders.rollback' | 'keys.change' | 'cards.block') => boolean;
type Judged = Pick<Order, 'kind' | 'status' | 'maker' | 'authors'>;

/** What this person could do with an order in its state; the engine has the last word. */
export function steps(order: Judged, user: string, may: May): Step[] {
  const isMaker = order.maker === user;
  // Whoever wrote a revision may not approve the order (SIG-1).
  const isAuthor = isMaker || order.authors.includes(user);
  // Orders about keys are their custodians', all others operators'.
  const writes = may('orders.draft') && may(order.kind === 'keys' ? 'keys.change' : 'cards.block');
  switch (order.status) {
    case 'draft':
      return [
        ...(writes ? (['edit'] as const) : []),
        ...(may('orders.sign') && isAuthor ? (['sign'] as const) : []),
        ...(writes && isAuthor ? (['withdraw'] as const) : []),
      ];
    case 'signed':
      return [
        ...(may('orders.approve') && !isAuthor ? (['approve', 'reject'] as const) : []),
        ...(writes ? (['edit'] as const) : []),
        ...(writes && isAuthor ? (['withdraw'] as const) : []),
      ];
    case 'approved':
    case 'scheduled':
      return writes && isAuthor ? ['withdraw'] : [];
    case 'active':
      return may('orders.rollback') && (writes || may('orders.approve')) ? ['rollback'] : [];
    default:
      return [];
  }
}

/** Whether an order waits for this person. */
export function waitsFor(order: Judged, user: string, may: May): boolean {
  const possible = steps(order, user, may);
  return possible.includes('sign') || possible.includes('approve');
}
