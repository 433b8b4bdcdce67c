/** Orders that are picked instead of typed, personal keys, and a second person at the desk. */

import { type Browser, expect, type Page, test } from '@playwright/test';
import { code, login, person } from './engine';

async function desk(browser: Browser, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await login(page, person(name));
  return page;
}

/** Keeps a picture where somebody wants to look. */
async function look(page: Page, name: string): Promise<void> {
  const folder = process.env['TAMGA_LOOK'];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

/** A personal key of this browser, which the officer approves. */
async function key(page: Page, officer: Page): Promise<void> {
  await page.goto('/me');
  await page.getByRole('button', { name: 'Make a key in this browser' }).click();
  await expect(page.getByText('This browser holds a key of yours:')).toBeVisible();
  await officer.goto('/users');
  await officer.getByRole('button', { name: 'Approve', exact: true }).click();
  await expect(officer.getByText('Personal keys waiting for a second person')).toHaveCount(0);
}

/** Signs with the browser's own key. */
async function sign(page: Page, button: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/legal force/).check();
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await expect(dialog).toBeHidden();
}

test('a custodian rotates a key by an order that a checker approves, both with personal keys', async ({ browser }) => {
  test.setTimeout(100_000);
  const [officer, custodian, checker] = [await desk(browser, 'gulnara'), await desk(browser, 'damira'), await desk(browser, 'bakyt')];
  await key(custodian, officer);
  await key(checker, officer);
  await custodian.goto('/keys');
  await custodian.getByRole('link', { name: 'Draft an order' }).click();
  await custodian.getByRole('combobox', { name: 'Name' }).click();
  await custodian.getByRole('option', { name: /^pvk/ }).click();
  await custodian.getByLabel('Old one accepted until').fill('2027-06-30');
  await custodian.getByLabel('Expires').fill('2031-12-31');
  await custodian.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(custodian.getByRole('table', { name: 'Changes' })).toContainText('key[pvk].current');
  await custodian.getByLabel('Title').fill('A new PIN verification key');
  await custodian.getByLabel('Reason').fill('Its year is over');
  await look(custodian, 'keys-draft');
  await custodian.getByRole('button', { name: 'Save the draft' }).click();
  await expect(custodian).toHaveURL(/\/orders\/\d+$/);
  await custodian.getByRole('button', { name: 'Sign', exact: true }).click();
  await sign(custodian, 'Sign');
  await checker.goto(custodian.url());
  await checker.getByRole('button', { name: 'Approve', exact: true }).click();
  await sign(checker, 'Approve');
  await expect(checker.getByText(/In force for every request since record \d+/)).toBeVisible();
  await look(checker, 'keys-order');
  await custodian.goto('/keys');
  const keys = custodian.getByRole('table', { name: 'Keys' });
  await expect(keys.getByRole('row').filter({ hasText: 'pvk' }).filter({ hasText: 'still accepted' })).toHaveCount(1);
  await expect(keys.getByRole('row').filter({ hasText: 'pvk' }).filter({ hasText: 'current' })).toHaveCount(1);
  await look(custodian, 'keys');
});

test('a user is picked, with roles', async ({ browser }) => {
  const maker = await desk(browser, 'aida');
  await maker.goto('/orders/new?kind=users');
  await maker.getByRole('combobox', { name: 'User' }).fill('nurlan');
  await maker.getByLabel('Roles').first().click({ force: true });
  await maker.getByRole('option', { name: 'auditor' }).click();
  await maker.keyboard.press('Escape');
  await maker.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(maker.getByRole('table', { name: 'Changes' })).toContainText('user[nurlan]');
  await look(maker, 'users-draft');
});

test('a second person approves at a colleague’s desk', async ({ browser }) => {
  const maker = await desk(browser, 'aida');
  await maker.goto('/cards/K18');
  await maker.getByRole('button', { name: 'Block', exact: true }).click();
  await maker.getByRole('dialog').getByLabel('Reason').click();
  await maker.getByRole('option', { name: 'suspected fraud' }).click();
  await maker.getByLabel('On whose request').fill('the fraud desk');
  await maker.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
  await expect(maker.getByRole('dialog')).toBeHidden();
  await maker.getByRole('button', { name: 'Lift' }).click();
  await maker.getByLabel('On whose request').fill('the fraud desk');
  await maker.getByLabel('Second person (a checker)').fill('bakyt');
  await maker.getByLabel('One-time code', { exact: true }).fill('000000');
  await maker.getByRole('dialog').getByRole('button', { name: 'Lift' }).click();
  await expect(maker.getByRole('dialog')).toContainText('The code is not right');
  await maker.getByLabel('One-time code', { exact: true }).fill(await code(person('bakyt').secret));
  await look(maker, 'second');
  await maker.getByRole('dialog').getByRole('button', { name: 'Lift' }).click();
  await expect(maker.getByRole('dialog')).toBeHidden();
  await maker.getByRole('button', { name: 'More' }).click();
  await look(maker, 'more');
  await maker.goto('/bank');
  await expect(maker.getByText('Networks', { exact: true })).toBeVisible();
  await expect(maker.getByRole('status', { name: 'Loading' })).toHaveCount(0);
  await look(maker, 'bank');
});
