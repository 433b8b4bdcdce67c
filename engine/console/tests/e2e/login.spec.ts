/** Logging in, the lock, and what must not be lost on the way. */

import { expect, test } from '@playwright/test';
import { code, login, passwordOf, person, type } from './engine';

test('a first login: a password of one’s own, a second factor, then the console', async ({ page }) => {
  const passwords = JSON.parse(process.env['TAMGA_E2E_PASSWORDS'] ?? '{}') as Record<string, string>;
  await page.goto('/');
  await page.getByLabel('User').fill('eldar');
  await page.getByLabel('Password', { exact: true }).fill('not this one');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('alert')).toContainText('Name, password or code is not right');
  await page.getByLabel('Password', { exact: true }).fill(passwords['eldar'] ?? '');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('New password').fill('password1234');
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('New password').fill(passwordOf('eldar'));
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByAltText('QR code for the authenticator app')).toBeVisible();
  const secret = await page.locator('code').first().innerText();
  await type(page, await code(secret));
  await expect(page.getByRole('navigation', { name: 'Menu' })).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Live');
});

test('the lock hides the page and keeps the draft behind it', async ({ page }) => {
  const aida = person('aida');
  await login(page, aida);
  await page.goto('/orders/new?kind=limits');
  const title = page.getByLabel('Title');
  await title.fill('A draft that must not be lost');
  await page.getByRole('button', { name: 'aida' }).click();
  await page.getByRole('menuitem', { name: 'Lock' }).click();
  await expect(page.getByRole('heading', { name: 'Locked' })).toBeVisible();
  await expect(title).toBeHidden();
  await page.getByLabel('Password', { exact: true }).fill(aida.password);
  await page.getByRole('button', { name: 'Unlock' }).click();
  await expect(title).toHaveValue('A draft that must not be lost');
});

test('a session that ended elsewhere asks for a login and keeps the draft', async ({ page, browser }) => {
  const aida = person('aida');
  await login(page, aida);
  await page.goto('/orders/new?kind=limits');
  const title = page.getByLabel('Title');
  await title.fill('Written before the other login');
  const other = await browser.newPage();
  await login(other, aida);
  // One user has one session: the first page learns it by itself.
  await expect(page.getByRole('heading', { name: 'Locked' })).toBeVisible({ timeout: 40_000 });
  await page.getByLabel('Password', { exact: true }).fill(aida.password);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByLabel('One-time code 1')).toBeVisible();
  await type(page, await code(aida.secret));
  await expect(title).toHaveValue('Written before the other login');
  await other.close();
});

test('the keyboard alone leads everywhere', async ({ page }) => {
  await login(page, person('chynara'));
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await expect(page).toHaveURL(/\/transactions$/);
  await page.keyboard.press('Control+k');
  await expect(page.getByPlaceholder(/A page, a command/)).toBeFocused();
  await page.keyboard.type('audit');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/audit$/);
  await expect(page.getByPlaceholder(/A page, a command/)).toBeHidden();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('Walk through a list');
});

test('the console speaks three languages', async ({ page }) => {
  await login(page, person('chynara'));
  for (const [name, heading] of [['Кыргызча', 'Азыр'], ['Русский', 'Сейчас'], ['English', 'Live']] as const) {
    await page.locator('header').getByRole('button', { name: /Language|Язык|Тил/ }).click();
    await page.getByRole('menuitem', { name }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(heading);
  }
});
