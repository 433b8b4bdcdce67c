/**
 * What a browser loads before the first page, and when it paints: `node measure.mjs [URL]` against a
 * running engine. Every run has a browser profile of its own, so nothing is in a cache.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chromium } from '@playwright/test';

const url = process.argv[2] ?? 'http://127.0.0.1:8580';
const RUNS = 15;
const kb = (bytes) => `${(bytes / 1024).toFixed(0)} KB`;
const dist = new URL('dist/', import.meta.url);

const page = readFileSync(new URL('index.html', dist), 'utf8');
const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
const size = (name) => statSync(new URL(name, dist)).size;
const sum = (names, suffix) => names.reduce((total, name) => total + size(name + suffix), 0);
const all = readdirSync(new URL('assets/', dist)).filter((name) => /\.(js|css)$/.test(name)).map((name) => `assets/${name}`);
console.log(`first page: ${first.length} files, ${kb(sum(first, ''))}, gzip ${kb(sum(first, '.gz'))}`);
console.log(`all pages, three languages: ${all.length} files, ${kb(sum(all, ''))}, gzip ${kb(sum(all, '.gz'))}`);

const browser = await chromium.launch({ executablePath: process.env.TAMGA_BROWSER ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const paints = [];
const ready = [];
for (let run = 0; run < RUNS; run += 1) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.locator('input').first().waitFor();
  const { paint, now } = await tab.evaluate(() => ({
    paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
    now: performance.now(),
  }));
  paints.push(paint);
  ready.push(now);
  await context.close();
}
await browser.close();
const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(`first contentful paint, median of ${RUNS} cold loads: ${middle(paints).toFixed(0)} ms; login ready: ${middle(ready).toFixed(0)} ms`);
