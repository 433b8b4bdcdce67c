/** Saved searches: kept in this browser for the person who saved them, never card numbers. */

export interface Saved {
  name: string;
  query: string;
}

/** The part of `Storage` that is used, so that tests need no browser. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const place = (user: string) => `tamga.filters.${user}`;

export function saved(shelf: Shelf, user: string): Saved[] {
  try {
    const found: unknown = JSON.parse(shelf.getItem(place(user)) ?? '[]');
    if (!Array.isArray(found)) return [];
    return found.filter((one): one is Saved => {
      const { name, query } = (one ?? {}) as Partial<Saved>;
      return typeof name === 'string' && typeof query === 'string';
    });
  } catch {
    return [];
  }
}

/** Saves under a name; the same name again replaces. */
export function save(shelf: Shelf, user: string, filter: Saved): Saved[] {
  const others = saved(shelf, user).filter((one) => one.name !== filter.name);
  const all = [...others, filter].sort((a, b) => a.name.localeCompare(b.name));
  shelf.setItem(place(user), JSON.stringify(all));
  return all;
}

export function forget(shelf: Shelf, user: string, name: string): Saved[] {
  const rest = saved(shelf, user).filter((one) => one.name !== name);
  shelf.setItem(place(user), JSON.stringify(rest));
  return rest;
}

/** Whether a text holds what looks like a whole card number, which may not be kept or sent. */
export function hasCardNumber(text: string): boolean {
  return text.split(/[^\d\s-]+/).some((part) => {
    const digits = part.replace(/[\s-]/g, '');
    return digits.length >= 13 && digits.length <= 19 && luhn(digits);
  });
}

function luhn(digits: string): boolean {
  let total = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = Number(digits[digits.length - 1 - at]);
    const doubled = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    total += at % 2 === 1 ? doubled : digit;
  }
  return total % 10 === 0;
}
