/**
 * A real engine for the stories: the demo's portfolio and rules on ports of its own, users made by
 * `tamga user`, a test clock so that one-time codes can be had without waiting.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { enrol, type Person, URL } from './engine';

const ROOT = resolve(import.meta.dirname, '../../../..');
const BINARIES = process.env['TAMGA_BIN'] ?? join(ROOT, 'target/debug');
/** A Monday; on pictures the machine's own time, which the plots show. */
const BEGIN = process.env['TAMGA_PICTURES'] ? new Date().toISOString() : '2026-11-23T10:00:00+06:00';
const PATIENCE_MS = 60_000;

const USERS = { aida: 'operator', bakyt: 'checker', chynara: 'auditor,security_officer', eldar: 'operator', damira: 'key_custodian', gulnara: 'security_officer', jyldyz: 'operator' } as const;

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then((answer) => answer.ok, () => false);
}

/** Ports beside the demo's, so that both can run. */
function moved(text: string): string {
  return text.replaceAll(/127\.0\.0\.1:(858\d)/g, '127.0.0.1:1$1');
}

/** Waits for the engine, and for the console that is in it: not a page that says how to build it. */
async function ready(ended: () => string | undefined): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  while (!(await isReady(URL))) {
    const log = ended();
    if (log !== undefined || Date.now() > until) throw new Error(`the engine did not start:\n${log ?? ''}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const page = await (await fetch(URL)).text();
  if (!page.includes('/assets/')) throw new Error('the engine was built without the console: make console');
}

export default async function setup(): Promise<() => Promise<void>> {
  if (await isReady(URL)) throw new Error(`something listens at ${URL} already`);
  const folder = mkdtempSync(join(tmpdir(), 'tamga-console-'));
  cpSync(join(ROOT, 'deploy/demo'), folder, { recursive: true });
  const config = join(folder, 'tamga.toml');
  // Everybody logs in from this machine, more often than people do.
  writeFileSync(config, `${moved(readFileSync(config, 'utf8'))}\n[access]\nattempts_per_minute = 1000\n`);
  const tamga = (...args: string[]) => execFileSync(join(BINARIES, 'tamga'), args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const at = ['--config', config, '--test-clock', BEGIN];
  tamga('import', ...at, join(folder, 'portfolio.jsonl'));
  const passwords: Record<string, string> = {};
  for (const [user, roles] of Object.entries(USERS)) {
    const said = tamga('user', 'add', user, '--roles', roles, ...at, '--by', 'setup');
    const password = said.trim().split('\n').at(-1);
    if (!password) throw new Error(`no password in: ${said}`);
    passwords[user] = password;
  }
  tamga('key', 'generate', 'pvk', '--usage', 'pin-verification-visa', ...at, '--by', 'setup');
  const engine = spawn(join(BINARIES, 'tamga'), ['serve', ...at], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  engine.stderr.on('data', (part: Buffer) => { log = (log + part.toString()).slice(-20_000); });
  const stop = async () => {
    const ended = engine.exitCode === null ? once(engine, 'exit') : undefined;
    engine.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  process.env['TAMGA_E2E_PASSWORDS'] = JSON.stringify(passwords);
  process.env['TAMGA_E2E_FOLDER'] = folder;
  process.env['TAMGA_E2E_BIN'] = BINARIES;
  try {
    await ready(() => (engine.exitCode === null ? undefined : log));
    const people: Record<string, Person> = {};
    for (const user of ['aida', 'bakyt', 'chynara', 'damira', 'gulnara', 'jyldyz']) people[user] = await enrol(user, passwords[user] ?? '');
    process.env['TAMGA_E2E_PEOPLE'] = JSON.stringify(people);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}
