import { defineConfig } from '@playwright/test';

/** The system's browser; nothing is downloaded. */
const executablePath = process.env['TAMGA_BROWSER'] ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: 'tests/e2e',
  testIgnore: process.env['TAMGA_PICTURES'] ? [] : ['**/pictures.spec.ts', '**/looks.spec.ts'],
  outputDir: 'node_modules/.cache/e2e',
  globalSetup: './tests/e2e/setup.ts',
  timeout: 60_000,
  globalTimeout: 420_000,
  // One engine with one journal: the stories come after each other.
  workers: 1,
  fullyParallel: false,
  reporter: [['list']],
  use: {
    baseURL: process.env['TAMGA_E2E_URL'] ?? 'http://127.0.0.1:18580',
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    launchOptions: { executablePath, args: ['--no-sandbox'] },
    actionTimeout: 10_000,
    screenshot: 'only-on-failure',
  },
});
