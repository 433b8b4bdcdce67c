import { expect, it } from 'vitest';
import type { AlertView, Order } from '@/api/types';
import { noticesOf, unread } from '@/lib/bell';

const alert = (id: string, at: string): AlertView => ({ id, at, kind: 'at_night', user: 'aida', detail: 'card K1' });
const order = (id: number, more: Partial<Order>): Order =>
  ({ id, title: `Order ${id}`, maker: 'aida', authors: ['aida'], status: 'active', signatures: [], revised_at: '2026-11-23T09:00:00+06:00', ended: null, ...more }) as Order;
const ended = (by: string, at: string) => ({ at, by, reason: 'because' });
const ALL = () => true;

it('has unusual access, what a guard undid or what failed, and what waits for this person', () => {
  const orders = [
    order(1, { status: 'rolled_back', ended: ended('guard', '2026-11-23T10:01:00+06:00') }),
    order(2, { status: 'rolled_back', ended: ended('bakyt', '2026-11-23T10:02:00+06:00') }),
    order(3, { status: 'failed', ended: ended('engine', '2026-11-23T10:03:00+06:00') }),
    order(4, { status: 'signed' }),
    order(5, {}),
  ];
  const alerts = [alert('77', '2026-11-23T04:02:00Z')];
  const found = noticesOf(alerts, orders, 'bakyt', ALL);
  // By the instant, whatever the zone it is told in.
  expect(found.map(({ kind, to }) => [kind, to])).toEqual([
    ['failed', '/orders/3'], ['access', '/users#alerts'], ['guard', '/orders/1'], ['waits', '/orders/4'],
  ]);
  expect(noticesOf([], orders, 'aida', ALL).map(({ kind }) => kind)).toEqual(['failed', 'guard']);
  expect(noticesOf([], orders, 'bakyt', () => false).some(({ kind }) => kind === 'waits')).toBe(false);
});

it('is unread what came after the last look', () => {
  const found = noticesOf([alert('1', '2026-11-23T10:00:00+06:00'), alert('2', '2026-11-23T10:05:00+06:00')], [], 'x', ALL);
  expect(unread(found, null)).toHaveLength(2);
  expect(unread(found, '2026-11-23T04:00:00Z').map(({ id }) => id)).toEqual(['alert 2']);
  expect(unread(found, '2026-11-23T04:05:00Z')).toEqual([]);
  expect(unread(found, 'no time')).toHaveLength(2);
});

it('keeps an order that stands against its guard, once, until somebody undid it', () => {
  const stands = { guard_stands: { at: '2026-11-23T10:01:00+06:00', reason: '21 of 100 requests were declined' } };
  const alerts = [{ ...alert('9', '2026-11-23T10:01:00+06:00'), kind: 'guard_stands', user: null, order: 1 }];
  const told = (status: string) => noticesOf(alerts, [order(1, { status, ...stands })], 'x', ALL).map(({ kind, to }) => [kind, to]);
  expect(told('active')).toEqual([['stands', '/orders/1']]);
  expect(told('rolled_back')).toEqual([]);
});
