/** The pictures of the book, taken from the real thing: `TAMGA_PICTURES=1 npm run e2e pictures`. */

import { join } from 'node:path';
import { type Page, test } from '@playwright/test';
import { login, pay, person } from './engine';

const FOLDER = join(import.meta.dirname, '../../../../deploy/docs/images');

async function take(page: Page, name: string): Promise<void> {
  // Fonts and the last answers.
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.screenshot({ path: join(FOLDER, `console-${name}.png`) });
}

test('pictures', async ({ page }) => {
  test.setTimeout(160_000);
  await page.goto('/');
  await page.getByLabel('User').waitFor();
  await page.screenshot({ path: join(FOLDER, 'console-login.png') });
  await login(page, person('aida'));
  const cards = ['K01', 'K03', 'K04', 'K09', 'K10', 'K11', 'K12'];
  await page.goto('/live');
  for (let round = 0; round < 6; round += 1) {
    await Promise.all(cards.map((card, at) => pay(['pos', '--entry', 'insert', '--terminal', `POS0000${at + 1}`], card, `${150 + round * 37 + at * 11}.00`).catch(() => '')));
    await pay(['agent', 'cash-out', '--terminal', 'AGT00003'], 'K13', '6500.00').catch(() => '');
    await pay(['pos', '--entry', 'tap', '--terminal', 'POS00002'], 'K14', '3400.00').catch(() => '');
  }
  await page.screenshot({ path: join(FOLDER, 'console-live.png') });
  await page.goto('/cards/K13');
  await page.getByText('AGT-1').first().waitFor();
  await take(page, 'card');
  await page.goto('/transactions?card=K13&code=61');
  await page.getByRole('row').nth(1).click();
  await page.getByRole('list').waitFor();
  await take(page, 'why');
  await page.goto('/orders');
  await page.getByRole('row').nth(1).click().catch(() => undefined);
  await page.getByText('Signatures').waitFor();
  await take(page, 'order');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto('/limits?card=K13');
  await page.getByText('AGT-1').first().waitFor();
  await take(page, 'limits-dark');
});
