/** The pictures of the book, taken from the real thing: `TAMGA_PICTURES=1 npm run e2e pictures`. */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Browser, expect, type Page, test } from '@playwright/test';
import { code, login, pay, person, type } from './engine';

const FOLDER = join(import.meta.dirname, '../../../../deploy/docs/images');
const CASH = ['agent', 'cash-out', '--terminal', 'AGT00001'] as const;

async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(FOLDER, `console-${name}.png`) });
}

/** Terminals that ask as on any day. */
function traffic(seconds: number): ChildProcess {
  const folder = process.env['TAMGA_E2E_FOLDER'] ?? '';
  const mix = 'purchase=55,tap=25,cash=10,balance=5,near-cap=5';
  const args = ['load', '--target', '127.0.0.1:18583', '--portfolio', join(folder, 'portfolio.jsonl'), '--rate', '9', '--connections', '4', '--duration', `${seconds}s`, '--mix', mix, '--amount', '100-4500', '--chip', '100'];
  const env = { ...process.env, HOME: folder, XDG_STATE_HOME: folder };
  return spawn(join(process.env['TAMGA_E2E_BIN'] ?? '', 'tamga-sim'), args, { stdio: 'ignore', env });
}

async function sign(page: Page, name: string, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/legal force/).check();
  await type(page, await code(person(name).secret));
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await expect(dialog).toBeHidden();
}

async function comeIn(browser: Browser, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await login(page, person(name));
  return page;
}

/** The README's tour: a lower cap for one agent, with its effect on what was paid before. */
async function lowerTheCap(maker: Page, checker: Page): Promise<string> {
  await maker.goto('/agents/G1');
  await maker.getByRole('link', { name: 'Change the cap' }).click();
  await maker.getByLabel('Indicators a day').fill('100');
  await maker.getByRole('button', { name: 'Add' }).first().click();
  await maker.getByLabel('Title').fill('Naryn Post Agent: 100 indicators a day');
  await maker.getByLabel('Reason').fill('Complaints of the last week: cash taken in parts at one agent');
  await maker.getByRole('button', { name: 'Save the draft' }).click();
  await expect(maker).toHaveURL(/\/orders\/\d+$/);
  await maker.getByRole('button', { name: 'Calculate' }).click();
  await expect(maker.getByText('would be declined')).toBeVisible({ timeout: 30_000 });
  await sign(maker, 'aida', 'Sign');
  await checker.goto('/live');
  await expect(checker.getByRole('button', { name: /unread: [1-9]/ })).toBeVisible({ timeout: 30_000 });
  await checker.getByRole('button', { name: /unread: [1-9]/ }).click();
  await expect(checker.getByRole('link', { name: /Naryn Post Agent/ })).toBeVisible();
  await take(checker, 'bell');
  await checker.goto(maker.url());
  await sign(checker, 'bakyt', 'Approve');
  return maker.url();
}

test('pictures', async ({ page, browser }) => {
  test.setTimeout(240_000);
  await page.goto('/');
  await page.getByLabel('User').waitFor();
  await take(page, 'login');
  const [maker, checker] = [await comeIn(browser, 'aida'), await comeIn(browser, 'bakyt')];
  for (const card of ['K05', 'K06']) await pay(CASH, card, '12000.00');
  await pay(CASH, 'K13', '6500.00');
  const load = traffic(100);
  await maker.goto('/live');
  const order = await lowerTheCap(maker, checker);
  expect(await pay(CASH, 'K13', '9500.00')).toBe('61');
  await maker.goto(order);
  await expect(maker.getByText(/In force for every request/)).toBeVisible();
  await expect(maker.getByText('would be declined')).toBeVisible();
  await take(maker, 'order');
  await maker.goto('/transactions?card=K13&code=61');
  await maker.getByRole('row').nth(1).click();
  await maker.getByRole('list').waitFor();
  await take(maker, 'why');
  await maker.goto('/cards/K13');
  await maker.getByText('AGT-1').first().waitFor();
  await take(maker, 'card');
  await maker.goto('/live');
  await maker.waitForTimeout(45_000);
  await take(maker, 'live');
  await maker.emulateMedia({ colorScheme: 'dark' });
  await maker.waitForTimeout(1500);
  await take(maker, 'live-dark');
  load.kill();
});
