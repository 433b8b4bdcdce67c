import { describe, expect, it } from 'vitest';
import { amountsIn, decimal, fixed, minor, percent, share, shown, sum, typed } from '@/lib/money';

describe('money is never a float', () => {
  it('reads and writes whole minor units', () => {
    expect(minor('15000.00')).toBe(1_500_000n);
    expect(minor('-0.05')).toBe(-5n);
    expect(minor('90071992547409930.01')).toBe(9_007_199_254_740_993_001n);
    expect(decimal(9_007_199_254_740_993_001n)).toBe('90071992547409930.01');
    expect(decimal(-5n)).toBe('-0.05');
    expect(decimal(0n)).toBe('0.00');
    expect(decimal(7n, 0)).toBe('7');
  });

  it('refuses what is not an amount', () => {
    for (const text of ['', '.5', '1.', '1e3', '1,5', '0.005', 'NaN', '--1', '1 0']) expect(minor(text), text).toBeUndefined();
  });

  it('adds what floats would get wrong', () => {
    expect(sum(['0.10', '0.20'])).toBe('0.30');
    expect(sum(Array.from({ length: 1000 }, () => '0.01'))).toBe('10.00');
    expect(sum([])).toBe('0.00');
  });

  it('shows thousands and the fraction as the language does', () => {
    expect(shown('1234567.80', 'en')).toBe('1,234,567.80');
    expect(shown('1234567.80', 'ru')).toBe('1\u202f234\u202f567,80');
    expect(shown('-999.00', 'ky')).toBe('\u2212999,00');
    expect(shown('100.00', 'en')).toBe('100.00');
    expect(shown('n/a', 'en')).toBe('n/a');
  });

  it('takes what people type', () => {
    expect(typed('15 000,5')).toBe('15000.50');
    expect(typed('40000')).toBe('40000.00');
    expect(typed('1.234')).toBeUndefined();
    expect(typed('сто')).toBeUndefined();
  });

  it('fills a bar from nothing to full and no further', () => {
    expect(share('7500.00', '15000.00')).toBe(50);
    expect(share('20000.00', '15000.00')).toBe(100);
    expect(share('1', '3')).toBe(33.3);
    expect(share('5', '0')).toBe(0);
    expect(percent(0.0825, 'en')).toBe('8.3\u00a0%');
    expect(percent(0.0825, 'ru')).toBe('8,3\u00a0%');
    expect(fixed(12345.67, 1, 'ky')).toBe('12\u202f345,7');
  });

  it('writes amounts in the engine’s sentences, and leaves days and versions', () => {
    expect(amountsIn('G1 paid out 15000.00 KGS on 2026-11-23, under 1.10.2.', 'ru')).toBe('G1 paid out 15\u202f000,00 KGS on 2026-11-23, under 1.10.2.');
    expect(amountsIn('Used 1500.00, asked 14000.00.', 'en')).toBe('Used 1,500.00, asked 14,000.00.');
    expect(amountsIn('23.11.2026, 07.05', 'en')).toBe('23.11.2026, 07.05');
  });
});
