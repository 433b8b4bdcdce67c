/**
 * Money as decimal strings in major units, exactly as the API carries it. Nothing here ever makes a
 * floating-point number of an amount: sums and comparisons are done on whole minor units.
 */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** An amount as whole minor units; `undefined` for what is not a decimal with that many digits. */
export function minor(amount: string, digits = 2): bigint | undefined {
  const match = DECIMAL.exec(amount.trim());
  if (!match) return undefined;
  const [, sign, whole = '0', fraction = ''] = match;
  if (fraction.length > digits) return undefined;
  const units = BigInt(whole + fraction.padEnd(digits, '0'));
  return sign === '-' ? -units : units;
}

/** Whole minor units as a decimal string. */
export function decimal(units: bigint, digits = 2): string {
  const negative = units < 0n;
  const text = (negative ? -units : units).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = digits > 0 ? `.${text.slice(text.length - digits)}` : '';
  return `${negative ? '-' : ''}${whole}${fraction}`;
}

/** How a language writes numbers: what stands between thousands, and before the fraction. */
const MARKS: Record<string, { group: string; point: string }> = {
  en: { group: ',', point: '.' },
  ru: { group: '\u202f', point: ',' },
  ky: { group: '\u202f', point: ',' },
};

/** A decimal string for reading: thousands apart, a real minus sign, the language's point. */
export function shown(amount: string, language: string): string {
  const match = DECIMAL.exec(amount.trim());
  if (!match) return amount;
  const [, sign, whole = '0', fraction] = match;
  const { group, point } = MARKS[language] ?? { group: '\u202f', point: '.' };
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return `${sign === '-' ? '\u2212' : ''}${grouped}${fraction === undefined ? '' : point + fraction}`;
}

/** A whole count for reading. */
export function count(value: number, language: string): string {
  return shown(Math.trunc(value).toString(), language);
}

/**
 * What a person typed as an amount, as the API takes it: blanks between thousands and a comma are
 * understood. `undefined` if it is not an amount with at most two decimals.
 */
export function typed(text: string): string | undefined {
  const clean = text.trim().replace(/[\s\u00a0\u202f]/g, '').replace(',', '.');
  const units = minor(clean);
  return units === undefined ? undefined : decimal(units);
}

/** How much of a ceiling is used, in percent from 0 to 100, for a bar. */
export function share(used: string, ceiling: string): number {
  const [a, b] = [minor(used, 9), minor(ceiling, 9)];
  if (a === undefined || b === undefined || b <= 0n) return 0;
  const permille = Number((a * 1000n) / b);
  return Math.max(0, Math.min(100, permille / 10));
}

/** Sums of decimal strings, exactly. */
export function sum(amounts: readonly string[], digits = 2): string {
  return decimal(amounts.reduce((total, one) => total + (minor(one, digits) ?? 0n), 0n), digits);
}

/** A measured figure (a rate, a share; never money) with so many decimals, as the language does. */
export function fixed(value: number, digits: number, language: string): string {
  return shown(value.toFixed(digits), language);
}

/** A share from 0 to 1 as a percentage with one decimal. */
export function percent(share: number, language: string): string {
  return `${fixed(share * 100, 1, language)}\u00a0%`;
}

/** Amounts inside a sentence of the engine (`15000.00`), as the language writes them. */
export function amountsIn(text: string, language: string): string {
  return text.replace(/(?<![\w.,/-])\d+\.\d{2}(?![\w/]|[.,]\d)/g, (amount) => shown(amount, language));
}
