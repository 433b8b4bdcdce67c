//! How fast the read model may follow the journal.
//!
//! Writing a transaction into SQL costs several times what deciding it costs, and its pages go to
//! the same disk the journal is flushed to. So while the shard is very busy the read model is held
//! back to a trickle and catches up afterwards: searches lag behind, answers to terminals don't
//! (ARCHITECTURE.md decision 5).

use crate::shard::Shard;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// From so many records a second on, the read model is held back.
const BUSY_PER_SECOND: u64 = 10_000;
/// What it may take then, records a second.
const TRICKLE_PER_SECOND: u64 = 500;
/// It takes that in steps: a transaction of a few records costs nearly as much as one of many.
const STEP: u64 = 125;
/// Over how long the rate is measured.
const WINDOW: Duration = Duration::from_millis(100);

/// Tells the projector how far it may read.
pub(crate) struct Pace {
    shard: Shard,
    measured: Cell<Measured>,
}

#[derive(Clone, Copy)]
struct Measured {
    since: Instant,
    /// What was durable then.
    durable: u64,
    busy: bool,
    /// When `allowed` was raised last, and to what.
    raised: Instant,
    allowed: u64,
}

impl Pace {
    pub(crate) fn new(shard: Shard) -> Self {
        let (now, durable) = (Instant::now(), shard.durable());
        let measured = Measured { since: now, durable, busy: false, raised: now, allowed: durable };
        Self { shard, measured: Cell::new(measured) }
    }

    /// The highest sequence the read model may take in now; never above what is durable.
    pub(crate) fn watermark(&self) -> u64 {
        let next = self.measured.get().at(Instant::now(), self.shard.durable());
        self.measured.set(next);
        next.allowed
    }
}

impl Measured {
    fn at(self, now: Instant, durable: u64) -> Self {
        let mut next = self;
        let passed = now.saturating_duration_since(self.since);
        if passed >= WINDOW {
            let records = durable.saturating_sub(self.durable);
            let busy = records > per(BUSY_PER_SECOND, passed);
            next = Self { since: now, durable, busy, ..self };
        }
        let trickle = per(TRICKLE_PER_SECOND, now.saturating_duration_since(self.raised));
        if !next.busy {
            (next.raised, next.allowed) = (now, durable);
        } else if trickle >= STEP {
            (next.raised, next.allowed) = (now, self.allowed.saturating_add(trickle).min(durable));
        }
        next
    }
}

/// So many a second, in this time.
fn per(a_second: u64, time: Duration) -> u64 {
    let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    a_second.saturating_mul(us) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_shard_holds_it_back_and_a_quiet_one_lets_it_catch_up() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut pace =
            Measured { since: start, durable: 0, busy: false, raised: start, allowed: 0 };
        // 5 000 a second: it follows at once.
        pace = pace.at(ms(100), 500);
        assert_eq!(pace.allowed, 500);
        // 50 000 a second: 125 each quarter of a second.
        pace = pace.at(ms(200), 5_500);
        assert_eq!(pace.allowed, 500);
        pace = pace.at(ms(350), 13_000);
        assert_eq!(pace.allowed, 625);
        pace = pace.at(ms(500), 20_500);
        assert_eq!(pace.allowed, 625);
        pace = pace.at(ms(600), 25_500);
        assert_eq!(pace.allowed, 750);
        // Quiet again: all of it.
        pace = pace.at(ms(700), 25_500);
        assert_eq!(pace.allowed, 25_500);
    }

    #[test]
    fn it_never_runs_ahead_of_what_is_durable() {
        let start = Instant::now();
        let pace = Measured { since: start, durable: 0, busy: true, raised: start, allowed: 90 };
        assert_eq!(pace.at(start + Duration::from_millis(50), 100).allowed, 90);
        let later = pace.at(start + Duration::from_secs(60), 2_000_000);
        assert_eq!(later.allowed, 30_090);
        let more = Measured { busy: true, since: later.raised, ..later };
        assert_eq!(more.at(later.raised + Duration::from_millis(90), 30_100).allowed, 30_090);
        assert_eq!(more.at(later.raised + Duration::from_secs(60), 2_600_100).allowed, 60_090);
        assert_eq!(more.at(later.raised + Duration::from_secs(600), 90_000_000).allowed, 330_090);
    }
}
