/**
 * The rule set as an order sees it: canonical paths (`limit[atm-day].ceiling`) with their values, so
 * that an editor can offer them and a change can be shown as what was and what will be.
 */

export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

/** One value of the rule set. */
export interface Leaf {
  path: string;
  value: Value;
}

/** A change as an order carries it; `to: null` removes. */
export interface Change {
  path: string;
  to: Value;
}

/** The lists of tables, and what tells their entries apart, as the engine writes paths. */
const ENTRIES: Record<string, readonly string[]> = {
  indicator: ['valid_from'],
  edition: ['rule', 'in_force_from'],
  'agent_cash.lower': ['scope', 'id'],
  'agent_cash.agent': ['id'],
  limit: ['id'],
  mcc_group: ['id'],
  country_group: ['id'],
  'technical_overdraft.product': ['id'],
  network: ['name'],
  transfer_operator: ['name'],
  rate: ['from', 'to', 'valid_from'],
  fee: ['id'],
  chip_check: ['id'],
  stand_in: ['product'],
};

function isTable(value: Value | undefined): value is { [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands in the brackets of an entry: what tells it apart, `*` for what it does not say. */
function named(list: string, item: Value, at: number): string {
  const keys = ENTRIES[list];
  if (!keys || !isTable(item)) return String(at);
  return keys.map((key) => (item[key] === undefined ? '*' : line(item[key]))).join('@');
}

/** Plain values of what a TOML parser gives: dates become their texts. */
export function plain(value: unknown): Value {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  }
  return value as Value;
}

/** Every value below `value`, by path; lists of plain values count as one value. */
export function leaves(value: Value, path = ''): Leaf[] {
  if (Array.isArray(value) && value.some(isTable)) {
    const list = path.replace(/\[[^\]]*\]/g, '');
    return value.flatMap((item, at) => leaves(item, `${path}[${named(list, item, at)}]`));
  }
  if (isTable(value)) {
    const inside = (key: string) => (path === '' ? key : `${path}.${key}`);
    return Object.entries(value).flatMap(([key, one]) => leaves(one, inside(key)));
  }
  return [{ path, value }];
}

/** What a change would do, in words for a badge. */
export function kindOf(from: Value | undefined, to: Value): 'add' | 'remove' | 'replace' | 'same' {
  if (to === null) return from === undefined || from === null ? 'same' : 'remove';
  if (from === undefined || from === null) return 'add';
  return JSON.stringify(from) === JSON.stringify(to) ? 'same' : 'replace';
}

/** A value on one line. */
export function line(value: Value | undefined): string {
  if (value === undefined || value === null) return '—';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * What somebody typed into a field of the editor, by what stood there: a number stays a number, a
 * text a text. Without anything before, JSON is taken as such and the rest as text.
 */
export function parsed(text: string, before: Value | undefined): Value {
  const trimmed = text.trim();
  if (typeof before === 'string') return trimmed;
  // A number with more digits than the browser can hold stays as it was typed: no figure changes by itself.
  if (/^-?\d+$/.test(trimmed) && !Number.isSafeInteger(Number(trimmed))) return trimmed;
  if (/^[[{]/.test(trimmed) || /^(true|false|-?\d+)$/.test(trimmed)) {
    try {
      return JSON.parse(trimmed) as Value;
    } catch {
      return trimmed;
    }
  }
  return trimmed;
}

/** Joins changes: a later one about the same path replaces the earlier, what changes nothing goes. */
export function merged(changes: readonly Change[], rules: readonly Leaf[]): Change[] {
  const now = new Map(rules.map((leaf) => [leaf.path, leaf.value]));
  const last = new Map(changes.map((change) => [change.path, change]));
  return [...last.values()].filter((change) => kindOf(now.get(change.path), change.to) !== 'same');
}

/** Indicators a day that the regulation allows for cash at agents (004 §15-1); the bank may set less. */
export const MOST_INDICATORS = 150;

const OWN_CAP = /^agent_cash\.agent\[.+\]\.cap_indicators$/;

/** Whether a path is the cap of one agent. */
export function isOwnCap(path: string): boolean {
  return OWN_CAP.test(path);
}

/** What holds for an agent without a cap of its own: the bank's, else the regulation's. */
export function capOfAll(rules: readonly Leaf[]): number {
  const bank = rules.find((leaf) => leaf.path === 'agent_cash.cap_indicators')?.value;
  return typeof bank === 'number' ? bank : MOST_INDICATORS;
}

/** A figure of a fee (AMT-4). */
export interface FeeFigure {
  id: string;
  what: 'fixed' | 'percent' | 'min' | 'max';
}

/** Which figure of a fee a path is; nothing where it only says what the fee is for. */
export function feeFigure(path: string): FeeFigure | undefined {
  const [, id, what] = /^fee\[(.+)\]\.(fixed|percent|min|max)$/.exec(path) ?? [];
  return id === undefined ? undefined : { id, what: what as FeeFigure['what'] };
}
