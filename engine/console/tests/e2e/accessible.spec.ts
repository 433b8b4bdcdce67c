/** Every page by axe, light and dark: WCAG 2.1 A and AA. */

import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { login, pay, person } from './engine';

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
      await login(page, person('aida'));
      const broken: Record<string, unknown[]> = {};
      for (const path of PAGES) {
        await page.goto(path);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await expect(page.getByRole('status', { name: 'Loading' })).toHaveCount(0);
        const found = await judged(page);
        if (found.length > 0) broken[path] = found;
      }
      expect(broken).toEqual({});
    });
  });
}
