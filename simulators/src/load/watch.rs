//! Turns the running counts into seconds.

use super::shape::Shape;
use super::stats::{Code, Tally};
use super::{Live, Plan};
use crate::report::{Latency, Second};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What has been told so far.
#[derive(Default)]
pub(super) struct Watch {
    shape: Option<Shape>,
    last_ns: u64,
    before: Counts,
    codes: BTreeMap<Code, u64>,
    faults: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    sent: u64,
    answered: u64,
    errors: u64,
    disturbed: u64,
    wrong: u64,
}

impl Counts {
    fn of(tally: &Tally) -> Self {
        Self {
            sent: tally.sent,
            answered: tally.answered,
            errors: tally.timeouts + tally.lost + tally.strange + tally.unsent + tally.disconnects,
            disturbed: tally.disturbed,
            wrong: tally.checks.wrong,
        }
    }
}

impl Watch {
    pub(super) fn new(shape: Option<Shape>) -> Self {
        Self { shape, ..Self::default() }
    }

    /// The second that just ended, if one did (or, at the end, what there is of it).
    pub(super) fn look(&mut self, plan: &Plan, live: &Mutex<Live>, at_end: bool) -> Option<Second> {
        let now_ns = plan.now_ns();
        let passed_ns = now_ns.saturating_sub(self.last_ns);
        if passed_ns < 1_000_000_000 && !at_end {
            return None;
        }
        let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, before) = (Counts::of(&live.total), self.before);
        if at_end && now.answered == before.answered && now.errors == before.errors {
            return None;
        }
        let mut codes: BTreeMap<Code, u64> = BTreeMap::new();
        for ((_, code), count) in &live.total.codes {
            *codes.entry(*code).or_default() += count;
        }
        let grown = |code: &Code, count: u64| {
            let grown = count - self.codes.get(code).copied().unwrap_or_default();
            let text = String::from_utf8_lossy(code).trim_end_matches('\0').to_owned();
            (grown > 0).then_some((text, grown))
        };
        let faults = live.total.checks.faults.clone();
        let risen = |(name, count): (&&'static str, &u64)| {
            let risen = count - self.faults.get(name).copied().unwrap_or_default();
            (risen > 0).then(|| ((*name).to_owned(), risen))
        };
        let latency = Latency::of(&live.recent);
        let seconds = seconds(passed_ns).max(1e-9);
        let warm_up = plan.warm_up.as_secs_f64();
        // What was asked for in the middle of it.
        let middle = self::seconds(now_ns) - seconds / 2.0 - warm_up;
        let second = Second {
            at: self::seconds(now_ns) - warm_up,
            seconds,
            offered: self.shape.as_ref().map(|shape| shape.rate_at(middle.max(0.0))),
            sent: now.sent - before.sent,
            rate: count(now.answered - before.answered) / seconds,
            p50: latency.p50,
            p90: latency.p90,
            p99: latency.p99,
            p999: latency.p999,
            max: latency.max,
            errors: now.errors - before.errors,
            disturbed: now.disturbed - before.disturbed,
            wrong: now.wrong - before.wrong,
            codes: codes.iter().filter_map(|(code, count)| grown(code, *count)).collect(),
            faults: faults.iter().filter_map(risen).collect(),
            // The one in which the warm-up ended belongs to it.
            warming_up: now_ns.saturating_sub(passed_ns / 2) < plan.warm_up_ns(),
        };
        (self.before, self.codes, self.last_ns) = (now, codes, now_ns);
        self.faults = faults;
        live.recent.reset();
        Some(second)
    }
}

fn seconds(ns: u64) -> f64 {
    count(ns) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
fn count(count: u64) -> f64 {
    count as f64
}
