import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

it('has the library’s style of each of its components that is used', () => {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'));
  const imports = files.flatMap((name) => [...readFileSync(join(ROOT, 'src', name), 'utf8').matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)]);
  const used = new Set(imports.flatMap((found) => (found[1] ?? '').split(',').map((name) => name.trim().split(' ')[0] ?? '')));
  const styles = readFileSync(join(ROOT, 'src/library.css'), 'utf8');
  const styled = [...used].filter((name) => existsSync(join(ROOT, `node_modules/@mantine/core/styles/${name}.css`)));
  expect(styled.length).toBeGreaterThan(30);
  expect(styled.filter((name) => !styles.includes(`/${name}.css'`))).toEqual([]);
});
