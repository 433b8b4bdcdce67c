/**
 * Every page in every language, light and dark, as pictures to be looked at, with what a program can
 * see by itself: nothing wider than the window, no name of a text in place of the text, nothing that
 * the page's own policy forbids. `TAMGA_PICTURES=1 npm run e2e looks`; they lie in `node_modules/.cache/looks`.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { login, pay, person, request } from './engine';

const FOLDER = join(import.meta.dirname, '../../node_modules/.cache/looks');

const PAGES = {
  live: '/live', transactions: '/transactions', cards: '/cards', card: '/cards/K13', account: '/accounts/A13',
  limits: '/limits?card=K13', orders: '/orders', order: '/orders/1', 'order-new': '/orders/new?kind=agent_caps', 'order-edit': '/orders/2/edit',
  agents: '/agents', agent: '/agents/G1', overdrafts: '/overdrafts', disputes: '/disputes', notices: '/notices', audit: '/audit',
  users: '/users', keys: '/keys', bank: '/bank', me: '/me', missing: '/nowhere',
} as const;

const limit = (ceiling: string) => ({ path: 'limit[pos-day]', to: { scope: 'card', counts: 'purchase', window: 'day', ceiling } });

/** Something on each page. */
async function prepare(): Promise<string> {
  await pay(['pos', '--entry', 'insert'], 'K13', '150.00');
  await pay(['agent', 'cash-out', '--terminal', 'AGT00003'], 'K13', '6500.00');
  await pay(['agent', 'cash-out', '--terminal', 'AGT00003'], 'K13', '9500.00');
  const order = { kind: 'limits', title: 'Purchases a day', reason: 'Fraud in the neighbourhood', changes: [limit('90000.00')] };
  await request('POST', '/orders', order);
  await request('POST', '/orders/1/sign', { revision: 1, statement_confirmed: true });
  await request('POST', '/orders', { ...order, title: 'Purchases a day, lower', changes: [limit('80000.00')] });
  const { items } = await request<{ items: { id: string }[] }>('GET', '/transactions?card=K13&code=61');
  const { items: paid } = await request<{ items: { id: string }[] }>('GET', '/transactions?card=K13&code=00');
  await request('POST', '/disputes', { transaction: paid[0]?.id, kind: 'not_mine', reason: 'I was not there' }).catch(() => undefined);
  return items[0]?.id ?? '1';
}

async function seen(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wrong: string[] = [];
    if (document.documentElement.scrollWidth > window.innerWidth) wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent?.trim() ?? '';
      const shown = (node.parentElement as HTMLElement | null)?.offsetParent;
      if (!shown) continue;
      if (/^(shell|pages|common|order|orders|users|live|card|cards|tx|audit|key|notice|dispute|overdraft|agents|limits|me|bell|health|roles|problem)\.[a-zA-Z.]+$/.test(text)) wrong.push(`no text: ${text}`);
      if (/\{\{|undefined|\[object|NaN/.test(text)) wrong.push(`not filled in: ${text.slice(0, 60)}`);
    }
    return wrong;
  });
}

test('every page, three languages, light and dark', async ({ browser }) => {
  test.setTimeout(165_000);
  mkdirSync(FOLDER, { recursive: true });
  const declined = await prepare();
  const pages = { ...PAGES, why: `/transactions/${declined}` };
  const wrong: Record<string, string[]> = {};
  for (const name of ['aida', 'chynara'] as const) {
    const page = await (await browser.newContext()).newPage();
    const forbidden: string[] = [];
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) forbidden.push(message.text().slice(0, 200));
    });
    await login(page, person(name));
    // The officer sees more on some pages only.
    const some = Object.entries(pages).filter(([page]) => name === 'aida' || ['users', 'audit', 'keys'].includes(page));
    for (const language of ['ky', 'ru', 'en']) {
      for (const colours of ['light', 'dark']) {
        await page.evaluate(([language, colours]) => {
          localStorage.setItem('tamga.language', language ?? '');
          localStorage.setItem('mantine-color-scheme-value', colours ?? '');
        }, [language, colours]);
        for (const [title, path] of some) {
          await page.goto(path);
          await expect(page.getByRole('main')).toBeVisible();
          await expect(page.locator('[role=status][aria-label]')).toHaveCount(0);
          await page.waitForTimeout(title === 'live' ? 1500 : 120);
          const key = `${title}-${name}-${language}-${colours}`;
          await page.screenshot({ path: join(FOLDER, `${key}.png`), fullPage: true });
          const found = [...(await seen(page)), ...forbidden.splice(0)];
          if (found.length > 0) wrong[key] = found;
        }
      }
    }
    await page.context().close();
  }
  expect(wrong).toEqual({});
});
