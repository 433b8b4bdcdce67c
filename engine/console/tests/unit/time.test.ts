import { describe, expect, it } from 'vitest';
import { clock, day, epoch, instant, inZone, lasting, micros, offset, wall } from '@/lib/time';

const AT = '2026-11-23T00:00:01.250+06:00';

describe('the bank’s time, wherever the browser is', () => {
  it('shows the day and hour that stand in the text', () => {
    expect(day(AT, 'ru')).toBe('23.11.2026');
    expect(day(AT, 'en')).toBe('2026-11-23');
    expect(clock(AT)).toBe('00:00:01');
    expect(instant(AT, 'ky')).toBe('23.11.2026 00:00:01');
    expect(instant('always', 'en')).toBe('always');
  });

  it('knows moments and offsets', () => {
    expect(epoch(AT)).toBe(Date.UTC(2026, 10, 22, 18, 0, 1, 250));
    expect(offset(AT)).toBe('+06:00');
    expect(epoch('yesterday')).toBeUndefined();
  });

  it('turns a wall clock into an instant and back', () => {
    expect(inZone('2026-11-23T10:00', '+06:00')).toBe('2026-11-23T10:00:00+06:00');
    expect(wall(Date.UTC(2026, 10, 22, 18, 0), '+06:00')).toBe('2026-11-23T00:00');
    expect(wall(Date.UTC(2026, 0, 1, 0, 30), '-03:30')).toBe('2025-12-31T21:00');
  });

  it('says how long', () => {
    expect(micros(840, 'en')).toBe('840\u00a0µs');
    expect(micros(1260, 'en')).toBe('1.3\u00a0ms');
    expect(micros(1260, 'ru')).toBe('1,3\u00a0мс');
    expect(micros(840, 'ky')).toBe('840\u00a0мкс');
    expect(micros(156_000, 'en')).toBe('156\u00a0ms');
    expect(lasting(65)).toBe('1:05');
  });
});
