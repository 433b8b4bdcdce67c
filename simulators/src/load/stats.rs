//! Counting answers and their times.

use super::operation::Operation;
use crate::SimError;
use crate::oracle::Checks;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Times are kept from a microsecond's fraction to this, with three digits.
const LONGEST_NS: u64 = 120_000_000_000;

/// A response code as on the wire, padded with zero bytes.
pub(crate) type Code = [u8; 4];

/// A histogram of nanoseconds.
///
/// # Errors
/// None in practice: the bounds are fixed.
pub(crate) fn histogram() -> Result<Histogram<u64>, SimError> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3)
        .map_err(|error| SimError::Setting(error.to_string()))
}

/// What happened, as far as it is measured. Adding up two is exact.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// From the intended moment to the answer; a message without an answer counts with the
    /// deadline, so that losing the slow ones does not make the rest look better.
    pub(crate) latency: Histogram<u64>,
    /// From the intended moment to the sending: the generator's own lateness, and waiting for room.
    pub(crate) lag: Histogram<u64>,
    /// From the sending to the answer: what one would measure who leaves out the waiting.
    pub(crate) service: Histogram<u64>,
    pub(crate) sent: u64,
    /// Due, and never sent, since everything allowed was in flight.
    pub(crate) unsent: u64,
    pub(crate) answered: u64,
    /// Of these, answered after the sending had ended: no part of the rate.
    pub(crate) after_end: u64,
    /// No answer by the deadline.
    pub(crate) timeouts: u64,
    /// Answers after the deadline.
    pub(crate) late: u64,
    /// In flight on a connection that broke.
    pub(crate) lost: u64,
    pub(crate) disconnects: u64,
    /// Frames that are no answer to anything, or no message.
    pub(crate) strange: u64,
    /// Messages that chaos laid hands on: judged, not timed.
    pub(crate) disturbed: u64,
    pub(crate) codes: BTreeMap<(Operation, Code), u64>,
    /// What the oracle found.
    pub(crate) checks: Checks,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, SimError> {
        Ok(Self {
            latency: histogram()?,
            lag: histogram()?,
            service: histogram()?,
            sent: 0,
            unsent: 0,
            answered: 0,
            after_end: 0,
            timeouts: 0,
            late: 0,
            lost: 0,
            disconnects: 0,
            strange: 0,
            disturbed: 0,
            checks: Checks::default(),
            codes: BTreeMap::new(),
        })
    }

    pub(crate) fn answer(
        &mut self,
        operation: Operation,
        code: Code,
        latency_ns: u64,
        lag_ns: u64,
    ) {
        self.answered += 1;
        self.service.saturating_record(latency_ns.saturating_sub(lag_ns).max(1));
        self.latency.saturating_record(latency_ns.max(1));
        *self.codes.entry((operation, code)).or_default() += 1;
    }

    pub(crate) fn send(&mut self, lag_ns: u64) {
        self.sent += 1;
        self.lag.saturating_record(lag_ns.max(1));
    }

    pub(crate) fn timeout(&mut self, waited_ns: u64) {
        self.timeouts += 1;
        self.latency.saturating_record(waited_ns.max(1));
    }

    pub(crate) fn loss(&mut self, waited_ns: u64) {
        self.lost += 1;
        self.latency.saturating_record(waited_ns.max(1));
    }

    /// Adds another's counts and empties the other.
    pub(crate) fn take(&mut self, other: &mut Self) {
        // Same bounds, so nothing can be out of range.
        let histograms = [
            (&mut self.latency, &mut other.latency),
            (&mut self.lag, &mut other.lag),
            (&mut self.service, &mut other.service),
        ];
        for (mine, theirs) in histograms {
            if theirs.is_empty() {
                continue;
            }
            mine.add(&*theirs).unwrap_or_default();
            theirs.reset();
        }
        for (key, count) in std::mem::take(&mut other.codes) {
            *self.codes.entry(key).or_default() += count;
        }
        self.checks.take(&mut other.checks);
        let counters = [
            (&mut self.sent, &mut other.sent),
            (&mut self.unsent, &mut other.unsent),
            (&mut self.answered, &mut other.answered),
            (&mut self.after_end, &mut other.after_end),
            (&mut self.timeouts, &mut other.timeouts),
            (&mut self.late, &mut other.late),
            (&mut self.lost, &mut other.lost),
            (&mut self.disconnects, &mut other.disconnects),
            (&mut self.strange, &mut other.strange),
            (&mut self.disturbed, &mut other.disturbed),
        ];
        for (mine, theirs) in counters {
            *mine += std::mem::take(theirs);
        }
    }
}

/// The code of a text, cut to four characters.
pub(crate) fn code(text: &[u8]) -> Code {
    let mut code = Code::default();
    for (to, from) in code.iter_mut().zip(text) {
        *to = *from;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_up_loses_nothing() {
        let (mut all, mut part) = (Tally::new().unwrap(), Tally::new().unwrap());
        for round in 0..3u64 {
            (0..12).for_each(|lag| part.send(lag));
            for at in 1..=10 {
                part.answer(Operation::Tap, code(b"00"), at * 1000 + round, 500);
            }
            part.answer(Operation::Cash, code(b"61"), 1, 0);
            part.timeout(5_000_000_000);
            all.take(&mut part);
            assert_eq!((part.sent, part.latency.len()), (0, 0));
        }
        assert_eq!((all.sent, all.answered, all.timeouts), (36, 33, 3));
        assert_eq!((all.lag.len(), all.service.len()), (36, 33));
        assert!(all.service.max() < 10_000);
        assert_eq!(all.latency.len(), 36, "a message without an answer counts in the latency");
        assert_eq!(all.codes[&(Operation::Tap, *b"00\0\0")], 30);
        assert!(all.latency.max() >= 5_000_000_000);
    }
}
