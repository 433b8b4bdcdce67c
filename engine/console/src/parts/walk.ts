/** Walking through lists by keys: rows that open are marked with `data-opens`. */

type Pressed = Pick<KeyboardEvent, 'key' | 'code'>;

/** One row down, one up, or neither; letters by their place, so that a Cyrillic layout does, too. */
export function direction({ key, code }: Pressed): 'down' | 'up' | undefined {
  if (key === 'ArrowDown' || code === 'KeyJ') return 'down';
  if (key === 'ArrowUp' || code === 'KeyK') return 'up';
  return undefined;
}

/** `j` or `k` from anywhere on the page: into its list, or on from the row that has the focus. */
export function entered(event: KeyboardEvent): boolean {
  if (event.code !== 'KeyJ' && event.code !== 'KeyK') return false;
  if (document.querySelector('[role="dialog"]')) return false;
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-opens]')];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? rows[0] : rows[at + (event.code === 'KeyJ' ? 1 : -1)];
  next?.focus();
  return next !== undefined;
}
