/**
 * What an operator has to know wherever he is in the console: unusual access (PII-2), orders that
 * their guard undid or could not undo, or that could not take effect, and orders that wait for him
 * (SIG-1). Messages to
 * customers are another thing: the outbox, on a page of its own.
 */

import type { AlertView, Order } from '@/api/types';
import { type May, steps } from './orders';

export interface Notice {
  id: string;
  at: string;
  kind: 'access' | 'guard' | 'stands' | 'failed' | 'waits';
  /** The page to go to. */
  to: string;
  /** What of: an alert's kind, or an order's title. */
  name: string;
  /** More, in the engine's words. */
  detail: string;
}

function ofAlert(alert: AlertView): Notice {
  const detail = [alert.user, alert.detail].filter(Boolean).join(': ');
  return { id: `alert ${alert.id}`, at: alert.at, kind: 'access', to: '/users#alerts', name: alert.kind, detail };
}

function ofOrder(order: Order, user: string, may: May): Notice | undefined {
  const about = { id: `order ${order.id} ${order.status}`, to: `/orders/${order.id}`, name: order.title };
  const { ended } = order;
  if (order.status === 'rolled_back' && ended?.by === 'guard') return { ...about, at: ended.at, kind: 'guard', detail: ended.reason };
  // Until somebody undid it another way, whoever looked before: it does what its guard was to stop.
  if (order.guard_stands && (order.status === 'active' || order.status === 'superseded')) return { ...about, id: `order ${order.id} stands`, at: order.guard_stands.at, kind: 'stands', detail: order.guard_stands.reason };
  if (order.status === 'failed' && ended) return { ...about, at: ended.at, kind: 'failed', detail: ended.reason };
  if (!steps(order, user, may).includes('approve')) return undefined;
  return { ...about, at: order.signatures.at(-1)?.at ?? order.revised_at, kind: 'waits', detail: order.maker };
}

/** Everything there is, newest first. */
export function noticesOf(alerts: readonly AlertView[], orders: readonly Order[], user: string, may: May): Notice[] {
  // An order that stands against its guard comes with the orders, which more people see.
  const access = alerts.filter(({ kind }) => kind !== 'guard_stands');
  const found = [...access.map(ofAlert), ...orders.flatMap((order) => ofOrder(order, user, may) ?? [])];
  return found.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

/** What came after the last look at the list; all of it where there was none. */
export function unread(notices: readonly Notice[], seen: string | null): Notice[] {
  const last = seen === null ? Number.NaN : Date.parse(seen);
  return notices.filter(({ at }) => !(Date.parse(at) <= last));
}
