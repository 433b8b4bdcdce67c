import { describe, expect, it } from 'vitest';
import { isByItself, touched } from '@/api/client';
import { pause, payload } from '@/api/events';
import { base64, bytesOf, signDigest } from '@/api/keys';
import { ApiProblem, advice, asProblem, problemOf } from '@/api/problem';
import { en } from '@/i18n/en';
import * as filters from '@/lib/filters';
import { withParams } from '@/parts/lists';

describe('problems', () => {
  it('always have something to do about them, in words', () => {
    for (const status of [0, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503]) {
      const what = advice(new ApiProblem(problemOf(status, undefined)));
      expect(en.problem.advice[what].length, `${status}`).toBeGreaterThan(10);
    }
    expect(advice(new ApiProblem(problemOf(429, {})))).toBe('wait');
    expect(advice(asProblem(new TypeError('Failed to fetch')))).toBe('offline');
  });

  it('keep what the engine said', () => {
    const body = problemOf(422, { type: 'urn:tamga:problem:invalid-field', detail: 'D', field: 'amount', problems: [{ path: 'p', layer: 'regulation', detail: 'd' }] });
    expect(body).toMatchObject({ detail: 'D', field: 'amount', rule: null });
    expect(body.problems).toHaveLength(1);
  });
});

describe('events', () => {
  it('connect again later each time, not never', () => {
    expect([1, 2, 3, 4, 5, 20].map(pause)).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  it('that are not JSON are nothing', () => {
    expect(payload('{"a":1}')).toEqual({ a: 1 });
    expect(payload('{')).toBeUndefined();
  });
});

describe('saved filters', () => {
  const shelf = () => {
    const kept = new Map<string, string>();
    return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  };

  it('belong to one person, and the same name replaces', () => {
    const place = shelf();
    filters.save(place, 'aida', { name: 'a', query: 'code=61' });
    filters.save(place, 'aida', { name: 'a', query: 'code=51' });
    expect(filters.saved(place, 'aida')).toEqual([{ name: 'a', query: 'code=51' }]);
    expect(filters.saved(place, 'bakyt')).toEqual([]);
    expect(filters.forget(place, 'aida', 'a')).toEqual([]);
  });

  it('survive what somebody else wrote there', () => {
    expect(filters.saved({ getItem: () => '{"x":', setItem: () => undefined }, 'a')).toEqual([]);
    expect(filters.saved({ getItem: () => '[1,{"name":"n","query":"q"}]', setItem: () => undefined }, 'a')).toHaveLength(1);
  });

  it('never hold a card number', () => {
    for (const pan of ['9417000000000016', '9417 0000 0000 0016', 'K 9417-0000-0000-0016']) expect(filters.hasCardNumber(pan), pan).toBe(true);
    for (const other of ['K01', '2026-11-22', '9417000000000017', '61', '']) expect(filters.hasCardNumber(other), other).toBe(false);
  });
});

it('addresses carry only what was said', () => {
  expect(withParams('/transactions', { card: ' K01 ', code: '', cursor: null })).toBe('/transactions?card=K01');
  expect(withParams('/rules', {})).toBe('/rules');
});

it('a page that nobody touches says so', () => {
  touched();
  expect(isByItself()).toBe(false);
  expect(isByItself(Date.now() + 60_000)).toBe(true);
});

it('a personal key signs a digest that its public half verifies', async () => {
  const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  const digest = 'ab'.repeat(32);
  const signature = await signDigest(pair.privateKey, digest);
  const raw = Uint8Array.from(atob(signature), (letter) => letter.charCodeAt(0));
  expect(raw).toHaveLength(64);
  expect(await crypto.subtle.verify('Ed25519', pair.publicKey, raw, bytesOf(digest))).toBe(true);
  expect(await crypto.subtle.verify('Ed25519', pair.publicKey, raw, bytesOf('ac'.repeat(32)))).toBe(false);
  await expect(crypto.subtle.exportKey('pkcs8', pair.privateKey)).rejects.toThrow();
  expect(base64(new Uint8Array([255, 0]).buffer)).toBe('/wA=');
});
