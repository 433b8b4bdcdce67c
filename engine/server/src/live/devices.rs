//! What the edge sees of each device: when it was last heard, by which listener, and how well its
//! counters and its clock run. Kept beside the decisions, never used for one; it begins anew when
//! the engine starts, and its counts of a day with the day.

use authorization::Request;
use dashmap::DashMap;
use payment_types::{BusinessDate, Class, Moment, TerminalId, Timestamp, WireDateTime};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A device that was heard so long ago, or less, is online.
const ONLINE_MS: i64 = 10 * 60_000;
/// A STAN so far ahead is a gap; further, the device began anew somewhere.
const GAP_MOST: u32 = 1000;
/// So far behind, a STAN is one that was overtaken on the way.
const OVERTAKEN_MOST: u32 = 32;
/// A wrong clock is shown up to so much.
const HALF_DAY_S: i64 = 12 * 3600;

/// What is known of a device.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// By which listener.
    pub(crate) listener: Arc<str>,
    /// When last.
    pub(crate) last_seen: Timestamp,
    /// From when on the counts are: the engine's start, or the day's.
    pub(crate) since: Timestamp,
    /// Requests today.
    pub(crate) requests: u32,
    /// Of these reversals and their advices.
    pub(crate) reversals: u32,
    /// Of these sent again (the repeat MTI).
    pub(crate) repeats: u32,
    /// The last STAN, but for repeats and reversals.
    pub(crate) last_stan: u32,
    /// STANs left out today.
    pub(crate) stans_missing: u32,
    /// How often today the STANs began anew somewhere.
    pub(crate) stan_jumps: u32,
    /// DE 13 and 12 less the engine's time, seconds; of the last message that told it.
    pub(crate) clock_skew: Option<i64>,
    /// The day of the counts.
    pub(crate) day: BusinessDate,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Devices {
    heard: DashMap<TerminalId, Heard>,
}

impl Devices {
    /// A device has sent a request. `is_known` is asked once for each device, so that made-up ids
    /// fill nothing.
    pub(crate) fn heard(
        &self,
        listener: &Arc<str>,
        request: &Request,
        now: Moment,
        is_known: impl FnOnce() -> bool,
    ) {
        if let Some(mut heard) = self.heard.get_mut(&request.terminal) {
            return heard.take(listener, request, now);
        }
        if is_known() {
            let mut heard = Heard::first(listener, now);
            heard.take(listener, request, now);
            self.heard.insert(request.terminal, heard);
        }
    }

    /// What is known of one.
    pub(crate) fn of(&self, id: &TerminalId) -> Option<Heard> {
        self.heard.get(id).map(|heard| heard.clone())
    }

    /// How many are online, by listener.
    pub(crate) fn online(&self, now: Timestamp) -> BTreeMap<Arc<str>, usize> {
        let mut online = BTreeMap::<_, usize>::new();
        for heard in self.heard.iter().filter(|heard| heard.is_online(now)) {
            *online.entry(Arc::clone(&heard.listener)).or_default() += 1;
        }
        online
    }
}

impl Heard {
    fn first(listener: &Arc<str>, now: Moment) -> Self {
        Self {
            listener: Arc::clone(listener),
            last_seen: now.at,
            since: now.at,
            requests: 0,
            reversals: 0,
            repeats: 0,
            last_stan: 0,
            stans_missing: 0,
            stan_jumps: 0,
            clock_skew: None,
            day: now.business_date(),
        }
    }

    /// Whether it was heard lately.
    pub(crate) fn is_online(&self, now: Timestamp) -> bool {
        now.ms_since(self.last_seen) <= ONLINE_MS
    }

    fn take(&mut self, listener: &Arc<str>, request: &Request, now: Moment) {
        let day = now.business_date();
        if day != self.day {
            let (last_stan, clock_skew) = (self.last_stan, self.clock_skew);
            *self = Self { last_stan, clock_skew, ..Self::first(listener, now) };
            self.since = day.start(now.offset);
        }
        if !Arc::ptr_eq(&self.listener, listener) {
            self.listener = Arc::clone(listener);
        }
        self.last_seen = now.at;
        self.requests = self.requests.saturating_add(1);
        let is_reversal = request.mti.class() == Class::Reversal;
        self.reversals = self.reversals.saturating_add(u32::from(is_reversal));
        self.repeats = self.repeats.saturating_add(u32::from(request.mti.is_repeat()));
        if !is_reversal && !request.mti.is_repeat() {
            self.take_stan(request.stan.number());
        }
        if request.local != WireDateTime::default() {
            self.clock_skew = skew(request.local, now);
        }
    }

    fn take_stan(&mut self, stan: u32) {
        let last = std::mem::replace(&mut self.last_stan, stan);
        let is_first = last == 0;
        let ahead = stan.saturating_sub(last);
        let behind = last.saturating_sub(stan);
        if is_first || ahead == 1 || (last == 999_999 && stan <= 1) {
            return;
        }
        if behind > 0 && behind <= OVERTAKEN_MOST && self.stans_missing > 0 {
            // One of those that seemed to be missing.
            self.stans_missing -= 1;
            self.last_stan = last;
        } else if ahead > 1 && ahead <= GAP_MOST {
            self.stans_missing = self.stans_missing.saturating_add(ahead - 1);
        } else {
            self.stan_jumps = self.stan_jumps.saturating_add(1);
        }
    }
}

/// How many seconds a device's clock is ahead of ours. The wire tells no year, so the nearest one
/// is taken; more than half a day is told as half a day.
fn skew(local: WireDateTime, now: Moment) -> Option<i64> {
    let (year, _, _) = now.business_date().ymd();
    let (month, day) = (local.date() / 100, local.date() % 100);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let time = i64::from(local.time());
    let second_of_day = time / 10_000 * 3600 + time / 100 % 100 * 60 + time % 100;
    let nearest = [year - 1, year, year + 1]
        .into_iter()
        .filter_map(|year| BusinessDate::from_ymd(year, month, day))
        .map(|date| date.start(now.offset).plus_ms(second_of_day * 1000).ms_since(now.at) / 1000)
        .min_by_key(|seconds| seconds.abs())?;
    Some(nearest.clamp(-HALF_DAY_S, HALF_DAY_S))
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment_types::UtcOffset;

    fn moment(text: &str) -> Moment {
        Moment::new(crate::clock::parse_rfc3339(text).unwrap(), UtcOffset(360))
    }

    #[test]
    fn a_clock_is_compared_with_the_nearest_year() {
        let wire = |number| WireDateTime::from_number(number).unwrap();
        let monday = moment("2026-11-23T10:00:00+06:00");
        assert_eq!(skew(wire(1_123_100_000), monday), Some(0));
        assert_eq!(skew(wire(1_123_095_930), monday), Some(-30));
        assert_eq!(skew(wire(1_122_100_000), monday), Some(-HALF_DAY_S));
        let new_year = moment("2026-12-31T23:59:50+06:00");
        assert_eq!(skew(wire(101_000_010), new_year), Some(20));
    }

    #[test]
    fn stans_left_out_are_counted_and_those_overtaken_are_not() {
        let listener = Arc::from("pos");
        let mut heard = Heard::first(&listener, moment("2026-11-23T10:00:00+06:00"));
        for stan in [10, 11, 14, 12, 13, 15] {
            heard.take_stan(stan);
        }
        assert_eq!((heard.stans_missing, heard.stan_jumps), (0, 0));
        heard.take_stan(18);
        assert_eq!((heard.stans_missing, heard.stan_jumps), (2, 0));
        heard.take_stan(500_000);
        assert_eq!((heard.stans_missing, heard.stan_jumps), (2, 1));
        heard.take_stan(999_999);
        heard.take_stan(1);
        assert_eq!((heard.stans_missing, heard.stan_jumps), (2, 2));
    }
}
