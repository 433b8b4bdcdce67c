/** Whole stories, with a real engine and terminals that pay meanwhile. */

import { expect, type Page, test } from '@playwright/test';
import { code, login, pay, person, type } from './engine';

const CASH = ['agent', 'cash-out', '--terminal', 'AGT00001'] as const;

async function confirm(page: Page, name: string, button: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/legal force/).check();
  await type(page, await code(person(name).secret));
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await expect(dialog).toBeHidden();
}

test('a lower cap for one agent: preview, sign, approve as another, bite, roll back', async ({ browser }) => {
  test.setTimeout(100_000);
  const maker = await (await browser.newContext()).newPage();
  const checker = await (await browser.newContext()).newPage();
  // What the preview has to find: cash above the cap that is to come.
  expect(await pay(CASH, 'K05', '12000.00')).toBe('00');
  await login(maker, person('aida'));
  await maker.goto('/agents/G1');
  await maker.getByRole('link', { name: 'Change the cap' }).click();
  await maker.getByLabel('Indicators a day').fill('100');
  await maker.getByRole('button', { name: 'Add' }).first().click();
  await expect(maker.getByRole('table', { name: 'Changes' })).toContainText('agent_cash.agent[G1].cap_indicators');
  await maker.getByLabel('Reason').fill('Complaints of the last week');
  await maker.getByRole('button', { name: 'Save the draft' }).click();
  await expect(maker).toHaveURL(/\/orders\/\d+$/);
  const order = maker.url();

  await maker.getByRole('button', { name: 'Calculate' }).click();
  await expect(maker.getByText('would be declined')).toBeVisible({ timeout: 30_000 });
  await expect(maker.getByRole('table', { name: 'Examples' })).toContainText('AGT00001');

  await maker.getByRole('button', { name: 'Sign', exact: true }).click();
  await confirm(maker, 'aida', 'Sign');
  await expect(maker.getByText('You made this order; somebody else approves it')).toBeVisible();
  await expect(maker.getByRole('button', { name: 'Approve' })).toHaveCount(0);

  await login(checker, person('bakyt'));
  await checker.goto(order);
  await checker.getByRole('button', { name: 'Approve', exact: true }).click();
  await confirm(checker, 'bakyt', 'Approve');
  await expect(checker.getByText(/In force for every request since record \d+/)).toBeVisible();

  expect(await pay(CASH, 'K06', '12000.00')).toBe('61');
  await maker.goto('/transactions?terminal=AGT00001&code=61');
  await maker.getByRole('row').nth(1).click();
  await expect(maker.getByRole('list')).toContainText('AGT');

  await maker.goto('/live');
  await expect(maker.getByText('Live', { exact: true }).first()).toBeVisible();
  // The feed shows what is decided while it is open, which takes it a moment.
  const declined = maker.getByRole('row').filter({ hasText: 'AGT00001' }).filter({ hasText: '61' }).first();
  await expect(async () => {
    expect(await pay(CASH, 'K07', '12000.00')).toBe('61');
    await expect(declined).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 20_000 });

  await maker.goto(order);
  await maker.getByRole('button', { name: 'Roll back' }).click();
  await maker.getByLabel('Why').fill('The complaints were about another agent');
  await confirm(maker, 'aida', 'Roll back');
  await expect(maker.getByText('rolled back').first()).toBeVisible();
  expect(await pay(CASH, 'K08', '12000.00')).toBe('00');
});

test('a card is blocked while its holder pays, and an auditor finds out why', async ({ browser }) => {
  const POS = ['pos', '--entry', 'insert'] as const;
  expect(await pay(POS, 'K02', '150.00')).toBe('00');
  const operator = await (await browser.newContext()).newPage();
  await login(operator, person('aida'));
  await operator.goto('/cards');
  await operator.getByText('Card id').click();
  await operator.getByRole('textbox').fill('K02');
  await operator.getByRole('button', { name: 'Find' }).click();
  await expect(operator).toHaveURL(/\/cards\/K02/);
  await operator.getByRole('button', { name: 'Block', exact: true }).click();
  const dialog = operator.getByRole('dialog');
  await dialog.getByLabel('Reason').first().click();
  await operator.getByRole('option', { name: 'lost', exact: true }).click();
  await dialog.getByLabel('On whose request').fill('cardholder');
  await dialog.getByLabel('How the person was identified').fill('code word');
  await dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await expect(operator.getByText('nobody lifts it')).toBeVisible();
  expect(await pay(POS, 'K02', '150.00')).toBe('41');

  const auditor = await (await browser.newContext()).newPage();
  await login(auditor, person('chynara'));
  await auditor.goto('/transactions?card=K02');
  await auditor.getByRole('row').filter({ hasText: '41' }).first().click();
  await expect(auditor.getByRole('heading', { level: 1 })).toContainText('41');
  await expect(auditor.getByRole('list').last()).toContainText('BLK-2');
  await auditor.goto('/audit?card=K02');
  await expect(auditor.getByRole('row').filter({ hasText: 'blocks a card' }).first()).toContainText('aida');
  await auditor.goto('/cards/K02');
  await expect(auditor.getByText('nobody lifts it')).toBeVisible();
  await expect(auditor.getByRole('button', { name: 'Block', exact: true })).toHaveCount(0);
});

test('an order that would loosen the regulation is refused with the clause', async ({ page }) => {
  await login(page, person('aida'));
  await page.goto('/orders/new?kind=agent_caps');
  await page.getByLabel('Path', { exact: true }).fill('agent_cash.cap_indicators');
  await page.getByLabel('Value', { exact: true }).fill('200');
  await page.getByRole('button', { name: 'Add' }).last().click();
  await page.getByLabel('Title').fill('More cash');
  await page.getByLabel('Reason').fill('The agents ask for it');
  await page.getByRole('button', { name: 'Save the draft' }).click();
  await expect(page.getByRole('alert')).toContainText('It can’t be so');
  await expect(page.getByRole('alert')).toContainText('AGT-7');
});
