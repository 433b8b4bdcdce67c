/** People: a strengthened signature, a stolen session, two at one order, a lost second factor. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, expect, type Page, test } from '@playwright/test';
import { code, login, person, type, URL } from './engine';

async function comeIn(browser: Browser, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await login(page, person(name));
  return page;
}

/** A key of one's own, made in the browser, and good once another person approved it. */
async function makeKey(page: Page, name: string, officer: Page): Promise<string> {
  await page.goto('/me');
  await page.getByRole('button', { name: 'Make a key in this browser' }).click();
  await expect(page.getByText('This browser holds a key of yours')).toBeVisible();
  const key = (await page.locator('.mono').filter({ hasText: /^[0-9a-f]{64}$/ }).innerText()).trim();
  await officer.goto('/users');
  const waiting = officer.locator('section', { hasText: 'Personal keys waiting' });
  await expect(waiting).toContainText(key);
  await expect(waiting).toContainText(name);
  await waiting.getByRole('button', { name: 'Approve' }).click();
  await expect(waiting).toBeHidden();
  return key;
}

async function signWithKey(page: Page, button: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('radio', { name: 'One-time code' })).toBeDisabled();
  await dialog.getByLabel(/legal force/).check();
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await expect(dialog).toBeHidden();
}

async function draft(page: Page, kind: string, path: string, value: string, title: string): Promise<string> {
  await page.goto(`/orders/new?kind=${kind}`);
  await page.getByLabel('Path', { exact: true }).fill(path);
  await page.getByLabel('Value', { exact: true }).fill(value);
  await page.getByRole('button', { name: 'Add' }).last().click();
  await page.getByLabel('Title').fill(title);
  await page.getByLabel('Reason').fill('As decided on Monday');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(page).toHaveURL(/\/orders\/\d+$/);
  return /\d+$/.exec(page.url())?.[0] ?? '';
}

/** `tamga verify-order` on an export alone: neither engine nor data directory. */
function verify(order: string, file: string): string {
  const program = join(process.env['TAMGA_E2E_BIN'] ?? '', 'tamga');
  return execFileSync(program, ['verify-order', order, '--export', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('an order of higher risk: keys in the browser sign and approve it, and the export proves it', async ({ browser }) => {
  test.setTimeout(100_000);
  const [maker, checker, officer] = [await comeIn(browser, 'aida'), await comeIn(browser, 'bakyt'), await comeIn(browser, 'chynara')];
  const keyOfMaker = await makeKey(maker, 'aida', officer);
  const keyOfChecker = await makeKey(checker, 'bakyt', officer);
  const order = await draft(maker, 'fees', 'fee[pin-change].fixed', '12.00', 'A new PIN costs more');
  await signWithKey(maker, 'Sign');
  // The checker hears of it wherever he is.
  await checker.goto('/transactions');
  const bell = checker.getByRole('button', { name: /Alerts and orders for you, unread: [1-9]/ });
  await expect(bell).toBeVisible({ timeout: 30_000 });
  await bell.click();
  await checker.getByRole('link', { name: /A new PIN costs more/ }).click();
  await expect(checker).toHaveURL(new RegExp(`/orders/${order}$`));
  await expect(checker.getByRole('button', { name: /unread: 0/ })).toBeVisible();
  await signWithKey(checker, 'Approve');
  await expect(checker.getByText(/In force for every request since record \d+/)).toBeVisible();
  await expect(checker.locator('section', { hasText: 'Signatures' }).getByText('personal key')).toHaveCount(2);

  await officer.goto('/orders');
  const [download] = await Promise.all([officer.waitForEvent('download'), officer.getByRole('link', { name: 'Register' }).click()]);
  const file = join(process.env['TAMGA_E2E_FOLDER'] ?? '', 'register.jsonl');
  await download.saveAs(file);
  const proof = verify(order, file);
  expect(proof).toMatch(/the chain is unbroken/);
  expect(proof).toMatch(new RegExp(`signed .* aida, with the personal key ${keyOfMaker.slice(0, 8)}`));
  expect(proof).toMatch(new RegExp(`approved .* bakyt, with the personal key ${keyOfChecker.slice(0, 8)}`));
  // Another amount than the one they signed is found out.
  const forged = join(process.env['TAMGA_E2E_FOLDER'] ?? '', 'forged.jsonl');
  writeFileSync(forged, readFileSync(file, 'utf8').replace('12.00', '92.00'));
  expect(() => verify(order, forged)).toThrow();
});

test('a stolen session ends for both, and the officer hears of it', async ({ browser }) => {
  test.setTimeout(90_000);
  const owner = await comeIn(browser, 'jyldyz');
  await owner.goto('/live');
  await expect(owner.getByText('Decisions', { exact: true }).first()).toBeVisible();
  const cookies = await owner.context().cookies();
  const thief = await browser.newContext({ userAgent: 'Mozilla/5.0 (another machine)' });
  await thief.addCookies(cookies);
  const answer = await thief.request.get(`${URL}/api/v1/accounts/A01`);
  expect(answer.status()).toBe(401);
  const page = await thief.newPage();
  await page.goto('/');
  await expect(page.getByLabel('User')).toBeVisible();
  // The stream ends with the session, so the owner learns it at once.
  await expect(owner.getByRole('heading', { name: 'Locked' })).toBeVisible({ timeout: 8_000 });
  const officer = await comeIn(browser, 'chynara');
  await officer.getByRole('button', { name: /unread: [1-9]/ }).click();
  await expect(officer.getByRole('link', { name: /stolen session/ }).first()).toContainText('jyldyz');
  await officer.getByRole('link', { name: 'All alerts' }).click();
  await expect(officer.getByRole('table', { name: 'Alerts' })).toContainText('stolen session');
});

test('two people at the same order: the second is told, and loses nothing', async ({ browser }) => {
  const [first, second] = [await comeIn(browser, 'aida'), await comeIn(browser, 'jyldyz')];
  const order = await draft(first, 'fees', 'fee[pin-change].fixed', '11.00', 'Whose title stands');
  await first.goto(`/orders/${order}/edit`);
  await second.goto(`/orders/${order}/edit`);
  await expect(second.getByLabel('Title')).toHaveValue('Whose title stands');
  await first.getByLabel('Title').fill('The first one’s');
  await first.getByRole('button', { name: 'Save the draft' }).click();
  await expect(first).toHaveURL(/\/orders\/\d+$/);
  await second.getByLabel('Title').fill('The second one’s');
  await second.getByRole('button', { name: 'Save the draft' }).click();
  const told = second.getByRole('alert');
  await expect(told).toContainText('Somebody else changed this order meanwhile');
  await expect(told).toContainText('aida');
  await expect(second.getByLabel('Title')).toHaveValue('The second one’s');
  await told.getByRole('button', { name: 'Load anew' }).click();
  await expect(second.getByLabel('Title')).toHaveValue('The first one’s');
  // On what stands now it can be saved, and then both wrote it: neither may approve.
  await second.getByLabel('Reason').fill('Seen by both');
  await second.getByRole('button', { name: 'Save the draft' }).click();
  await expect(second.getByText('Seen by both')).toBeVisible();
});

test('a lost second factor: an officer asks, another person approves, a new one is enrolled', async ({ browser }) => {
  test.setTimeout(90_000);
  const [officer, checker] = [await comeIn(browser, 'chynara'), await comeIn(browser, 'bakyt')];
  await officer.goto('/users');
  await officer.getByRole('row', { name: /jyldyz/ }).getByRole('button', { name: 'More' }).click();
  await officer.getByRole('menuitem', { name: 'Ask for a reset' }).click();
  const form = officer.getByRole('dialog');
  await form.getByRole('combobox').click();
  await officer.getByRole('option', { name: 'second factor' }).click();
  await form.getByRole('button', { name: 'Ask for a reset' }).click();
  await expect(form).toBeHidden();
  const asked = officer.locator('section', { hasText: 'Resets waiting for a second person' });
  await expect(asked).toContainText('asked by chynara');
  await expect(asked.getByRole('button', { name: 'Approve' })).toHaveCount(0);
  await checker.goto('/users');
  await checker.locator('section', { hasText: 'Resets waiting' }).getByRole('button', { name: 'Approve' }).click();
  await checker.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await expect(checker.getByRole('dialog')).toBeHidden();

  const jyldyz = person('jyldyz');
  const page = await (await browser.newContext()).newPage();
  await page.goto('/');
  await page.getByLabel('User').fill('jyldyz');
  await page.getByLabel('Password', { exact: true }).fill(jyldyz.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByAltText('QR code for the authenticator app')).toBeVisible();
  const secret = await page.locator('code').first().innerText();
  expect(secret.replaceAll(/\s/g, '')).not.toBe(jyldyz.secret);
  await type(page, await code(secret));
  await expect(page.getByRole('navigation', { name: 'Menu' })).toBeVisible();
});

test('a wrong code says in the audit what it was for, and nobody shuts the last checker out alone', async ({ browser }) => {
  const [maker, officer] = [await comeIn(browser, 'aida'), await comeIn(browser, 'chynara')];
  const order = await draft(maker, 'agent_caps', 'agent_cash.cap_indicators', '141', 'A cap for all');
  await maker.getByRole('button', { name: 'Sign', exact: true }).click();
  const dialog = maker.getByRole('dialog');
  await dialog.getByLabel(/legal force/).check();
  await type(maker, '000000');
  await dialog.getByRole('button', { name: 'Sign', exact: true }).click();
  await expect(dialog.getByRole('alert').last()).toContainText('The code is not right, or you are locked');

  await officer.goto('/audit?user=aida');
  const refused = officer.getByRole('row', { name: new RegExp(`is refused: code or password, to sign order ${order}`) });
  await expect(refused).toContainText('the code is not right');
  await expect(refused.getByRole('link', { name: `Order ${order}` })).toBeVisible();
  await expect(officer.getByLabel('About').first()).toHaveValue('User');

  await officer.evaluate(() => localStorage.setItem('tamga.language', 'ru'));
  await officer.goto('/users');
  const row = officer.getByRole('row', { name: /bakyt/ });
  await row.getByRole('button', { name: 'Ещё' }).click();
  await officer.getByRole('menuitem', { name: /Впустить/ }).click();
  const shut = officer.getByRole('dialog');
  await shut.getByRole('switch').uncheck();
  await shut.getByRole('button').last().click();
  await expect(shut.getByRole('alert').last()).toContainText('Тогда некому будет утвердить распоряжение о пользователях');
});
