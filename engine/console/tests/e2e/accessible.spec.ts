/** Every page by axe, light and dark: WCAG 2.1 A and AA. */

import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { login, pay, person, request } from './engine';

const PAGES = [
  '/live', '/transactions', '/cards', '/cards/K01', '/accounts/A01', '/limits?card=K01', '/orders', '/orders/new?kind=agent_caps', '/orders/new?kind=users', '/orders/new?kind=card_blocks', '/orders/new?kind=lists', '/bank',
  '/agents', '/agents/G1', '/overdrafts', '/disputes', '/notices', '/audit', '/users', '/keys', '/me',
];

async function judged(page: Page): Promise<unknown[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  return violations.map(({ id, nodes }) => ({ id, where: nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary?.slice(0, 200)}`).slice(0, 3) }));
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test('the login', async ({ page }) => {
      await page.goto('/');
      await expect(page.getByLabel('User')).toBeVisible();
      expect(await judged(page)).toEqual([]);
    });

    test('every page', async ({ page }) => {
      test.setTimeout(90_000);
      await pay(['pos', '--entry', 'insert'], 'K01', '120.00');
      const limit = { scope: 'card', counts: 'purchase', window: 'day', ceiling: '90000.00' };
      const order = await request<{ id: number }>('POST', '/orders', { kind: 'limits', title: 'Purchases a day', reason: 'Fraud', changes: [{ path: 'limit[pos-day]', to: limit }] });
      const paid = await request<{ items: { id: string }[] }>('GET', '/transactions?card=K01');
      await login(page, person('aida'));
      const broken: Record<string, unknown[]> = {};
      for (const path of [...PAGES, `/orders/${order.id}`, `/orders/${order.id}/edit`, `/transactions/${paid.items[0]?.id}`, '/nowhere']) {
        await page.goto(path);
        await expect(page.getByRole('main')).toBeVisible();
        if (path !== '/nowhere') await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
        const found = await judged(page);
        if (found.length > 0) broken[path] = found;
      }
      expect(broken).toEqual({});
    });

    test('what opens over a page: the bell, a signature, the palette', async ({ page }) => {
      await request('POST', '/orders', { kind: 'limits', title: 'For the bell', reason: 'To be approved', changes: [{ path: 'limit[bell]', to: { scope: 'card', counts: 'purchase', window: 'day', ceiling: '1.00' } }] })
        .then((order) => request('POST', `/orders/${(order as { id: number }).id}/sign`, { revision: 1, statement_confirmed: true }));
      await login(page, person('bakyt'));
      const broken: Record<string, unknown[]> = {};
      const judge = async (name: string) => {
        const found = await judged(page);
        if (found.length > 0) broken[name] = found;
      };
      await page.goto('/orders');
      await page.getByRole('button', { name: /unread: [1-9]/ }).click();
      await expect(page.getByRole('link', { name: /For the bell/ }).first()).toBeVisible();
      await judge('bell');
      await page.getByRole('link', { name: /For the bell/ }).first().click();
      await page.getByRole('button', { name: 'Approve', exact: true }).click();
      await expect(page.getByRole('dialog', { name: 'Approve order' })).toBeVisible();
      // The bell's own window takes a moment to close.
      await expect(page.getByRole('dialog')).toHaveCount(1);
      await judge('signature');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await expect(page.getByPlaceholder(/A page, a command/)).toBeFocused();
      await judge('palette');
      expect(broken).toEqual({});
    });

    test('what an officer does with users', async ({ page }) => {
      await login(page, person('chynara'));
      await page.goto('/users');
      const row = page.getByRole('row', { name: /eldar/ });
      await expect(row).toBeVisible();
      expect(await judged(page)).toEqual([]);
      await row.getByRole('button', { name: 'More' }).click();
      await page.getByRole('menuitem', { name: 'Ask for a reset' }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await page.waitForTimeout(300);
      expect(await judged(page)).toEqual([]);
    });
  });
}
