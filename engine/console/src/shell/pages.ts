/** The pages of the menu: address, name, icon, the key after `g`, and which permission shows it. */

import type { Icon } from '@tabler/icons-react';
import * as icons from '@/parts/icons';

export interface PageInfo {
  path: string;
  name: PageName;
  icon: Icon;
  key: string;
  /** The row of the engine's table of permissions without which it is not shown. */
  needs: string;
}

export type PageName =
  | 'live'
  | 'limits'
  | 'orders'
  | 'cards'
  | 'overdrafts'
  | 'agents'
  | 'transactions'
  | 'disputes'
  | 'notices'
  | 'audit'
  | 'users'
  | 'keys'
  | 'bank';

export const PAGES: readonly PageInfo[] = [
  { path: '/live', name: 'live', icon: icons.IconLive, key: 'v', needs: 'GET /live' },
  { path: '/transactions', name: 'transactions', icon: icons.IconTransactions, key: 't', needs: 'GET /transactions' },
  { path: '/cards', name: 'cards', icon: icons.IconCards, key: 'c', needs: 'POST /cards/find' },
  { path: '/limits', name: 'limits', icon: icons.IconLimits, key: 'l', needs: 'GET /rules' },
  { path: '/orders', name: 'orders', icon: icons.IconOrders, key: 'o', needs: 'GET /orders' },
  { path: '/agents', name: 'agents', icon: icons.IconAgents, key: 'a', needs: 'GET /agents' },
  { path: '/overdrafts', name: 'overdrafts', icon: icons.IconOverdrafts, key: 'd', needs: 'GET /technical-overdrafts' },
  { path: '/disputes', name: 'disputes', icon: icons.IconDisputes, key: 's', needs: 'GET /disputes' },
  { path: '/notices', name: 'notices', icon: icons.IconNotices, key: 'n', needs: 'GET /notifications' },
  { path: '/audit', name: 'audit', icon: icons.IconAudit, key: 'j', needs: 'GET /audit' },
  { path: '/users', name: 'users', icon: icons.IconUsers, key: 'u', needs: 'GET /permissions' },
  { path: '/keys', name: 'keys', icon: icons.IconKeys, key: 'k', needs: 'GET /keys' },
  { path: '/bank', name: 'bank', icon: icons.IconBank, key: 'b', needs: 'GET /rates' },
];

/** The pages that somebody with these permissions sees. */
export function pagesFor(permissions: readonly string[]): PageInfo[] {
  return PAGES.filter(({ needs }) => permissions.includes(needs));
}
