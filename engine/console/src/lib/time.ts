/**
 * Instants as the API gives them: RFC 3339 with the bank's own offset. They are shown as they stand
 * in the text, so that everybody sees the bank's time wherever the browser is.
 */

import { fixed } from './money';

const INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/** `23.11.2026`, or in English `2026-11-23`; other texts stay as they are. */
export function day(text: string, language: string): string {
  const match = DAY.exec(text.slice(0, 10));
  if (!match) return text;
  return language === 'en' ? match[0] : `${match[3]}.${match[2]}.${match[1]}`;
}

/** `10:04:05` in the bank's zone. */
export function clock(text: string): string {
  const match = INSTANT.exec(text);
  return match ? `${match[4]}:${match[5]}:${match[6]}` : text;
}

/** Day and time in the bank's zone. */
export function instant(text: string, language: string): string {
  return INSTANT.test(text) ? `${day(text, language)} ${clock(text)}` : text;
}

/** Milliseconds since 1970, for plots and for "how long ago"; `undefined` for other texts. */
export function epoch(text: string): number | undefined {
  const at = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** The offset of an instant, `+06:00`. */
export function offset(text: string): string | undefined {
  return INSTANT.exec(text)?.[8];
}

/** A wall clock of the bank, `2026-11-23T10:00`, with the bank's offset: an instant of the API. */
export function inZone(local: string, zone: string): string {
  return `${local.length === 16 ? `${local}:00` : local}${zone}`;
}

/** The bank's wall clock of a moment, `2026-11-23T10:00`, for an input field. */
export function wall(at: number, zone: string): string {
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d{2}):(\d{2})$/.exec(zone) ?? [];
  const shift = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  return new Date(at + shift * 60_000).toISOString().slice(0, 16);
}

/** The wall clock of an instant to its last digit, for an input field; `inZone` turns it back. */
export function wallOf(instant: string): string {
  return instant.replace(/(\.0+)?(Z|[+-]\d{2}:\d{2})$/, '');
}

const UNITS: Record<string, readonly [string, string]> = { en: ['µs', 'ms'], ru: ['мкс', 'мс'], ky: ['мкс', 'мс'] };

/** Microseconds for reading: `840 µs`, `1.3 ms`; in Russian and Kyrgyz `1,3 мс`. */
export function micros(us: number, language: string): string {
  const [small, large] = UNITS[language] ?? ['µs', 'ms'];
  return us < 1000 ? `${Math.round(us)}\u00a0${small}` : `${fixed(us / 1000, us < 10_000 ? 1 : 0, language)}\u00a0${large}`;
}

/** Seconds as `1:05`, for how long something lasts. */
export function lasting(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
