/** The pages of the menu: address, name, icon, the key after `g`, and which permission shows it. */

import type { Icon } from '@tabler/icons-react';
import * as icons from '@/parts/icons';

export interface PageInfo {
  path: string;
  name: PageName;
  icon: Icon;
  key: string;
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
  | 'keys';

export const PAGES: readonly PageInfo[] = [
  { path: '/live', name: 'live', icon: icons.IconLive, key: 'v' },
  { path: '/transactions', name: 'transactions', icon: icons.IconTransactions, key: 't' },
  { path: '/cards', name: 'cards', icon: icons.IconCards, key: 'c' },
  { path: '/limits', name: 'limits', icon: icons.IconLimits, key: 'l' },
  { path: '/orders', name: 'orders', icon: icons.IconOrders, key: 'o' },
  { path: '/agents', name: 'agents', icon: icons.IconAgents, key: 'a' },
  { path: '/overdrafts', name: 'overdrafts', icon: icons.IconOverdrafts, key: 'd' },
  { path: '/disputes', name: 'disputes', icon: icons.IconDisputes, key: 's' },
  { path: '/notices', name: 'notices', icon: icons.IconNotices, key: 'n' },
  { path: '/audit', name: 'audit', icon: icons.IconAudit, key: 'j' },
  { path: '/users', name: 'users', icon: icons.IconUsers, key: 'u' },
  { path: '/keys', name: 'keys', icon: icons.IconKeys, key: 'k' },
];
