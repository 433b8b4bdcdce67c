import { describe, expect, it } from 'vitest';
import { direction } from '@/parts/walk';
import { columns, type Decision, DECISIONS_KEPT, figures, matching, NOTHING, type Second, WINDOW_SECONDS, withDecision, withHistory, withSecond } from '@/lib/live';

function second(tick: number, approved = 1, declined = 0, p99: number | null = 100): Second {
  return {
    at: '2026-11-23T10:00:00.000+06:00', tick, per_second: approved + declined, approved, declined,
    codes: { '00': approved, '61': declined }, p50_us: p99 === null ? null : p99 / 2, p99_us: p99,
    listeners: [], terminals_online: 3, queue: 0, journal: { durable: tick, commit_us: 10 },
  };
}

function decision(sequence: number): Decision {
  return { sequence, at: '', terminal: 'POS00001', type: 'purchase', amount: '1.00', currency: 'KGS', code: '00', rule: null, card: null, took_us: 1 };
}

describe('seconds', () => {
  it('come in order, once each, in a window', () => {
    let state = [1, 2, 4, 3, 4].map((tick) => second(tick)).reduce(withSecond, NOTHING);
    expect(state.seconds.map((one) => one.tick)).toEqual([1, 2, 3, 4]);
    for (let tick = 5; tick < WINDOW_SECONDS + 100; tick += 1) state = withSecond(state, second(tick));
    expect(state.seconds.length).toBe(WINDOW_SECONDS);
    expect(state.seconds.at(-1)?.tick).toBe(WINDOW_SECONDS + 99);
  });

  it('join what the engine remembered with what came meanwhile', () => {
    const state = withHistory(withSecond(NOTHING, second(5, 9)), [second(3), second(4), second(5, 1)]);
    expect(state.seconds.map((one) => one.tick)).toEqual([3, 4, 5]);
    expect(state.seconds.at(-1)?.approved).toBe(9);
  });
});

describe('figures', () => {
  it('are over the last seconds only', () => {
    const state = [second(1, 100, 0), second(2, 3, 1, 400), second(3, 3, 1, 800)].reduce(withSecond, NOTHING);
    const now = figures(state, 2);
    expect(now).toMatchObject({ perSecond: 4, approved: 6, declined: 2, approvalShare: 75, p99: 800 });
    expect(now.codes).toEqual([['00', 6], ['61', 2]]);
  });

  it('say nothing where nothing was decided', () => {
    expect(figures(NOTHING, 10)).toMatchObject({ perSecond: 0, approvalShare: undefined, p50: undefined, p99: undefined });
    expect(figures(withSecond(NOTHING, second(1, 0, 0, null)), 10).p99).toBeUndefined();
  });

  it('make columns with gaps', () => {
    const all = [second(1), second(2, 1, 0, null)];
    expect(columns(all, [(one) => one.p99_us])).toEqual([[1, 2], [100, null]]);
  });
});

it('decisions: the newest first, once each, not more than fit', () => {
  let state = [1, 2, 2].map(decision).reduce(withDecision, NOTHING);
  expect(state.decisions.map((one) => one.sequence)).toEqual([2, 1]);
  for (let at = 3; at < DECISIONS_KEPT + 40; at += 1) state = withDecision(state, decision(at));
  expect(state.decisions.length).toBe(DECISIONS_KEPT);
});

describe('one agent’s decisions among the sampled', () => {
  const decision = (sequence: number, terminal: string): Decision => ({ sequence, at: '', terminal, type: 'cash', amount: '1.00', currency: 'KGS', code: '00', rule: null, card: null, took_us: 1 });
  const all = [decision(3, 'AGT00003'), decision(2, 'POS00001'), decision(1, 'AGT00001')];

  it('are found by a part of the terminal’s id, or by all terminals of the agent', () => {
    const found = (text: string, ofAgent: string[] = []) => matching(all, text, ofAgent).map((one) => one.sequence);
    expect(found('')).toEqual([3, 2, 1]);
    expect(found(' agt ')).toEqual([3, 1]);
    expect(found('G1', ['AGT00001'])).toEqual([1]);
    expect(found('G7')).toEqual([]);
  });

  it('are walked by the place of the keys, whatever the layout', () => {
    expect(direction({ key: 'о', code: 'KeyJ' })).toBe('down');
    expect(direction({ key: 'k', code: 'KeyK' })).toBe('up');
    expect(direction({ key: 'ArrowUp', code: 'ArrowUp' })).toBe('up');
    expect(direction({ key: 'x', code: 'KeyX' })).toBeUndefined();
  });
});
