//! The outcome of a load, for people and for scripts.

use super::stats::Tally;
use super::{Arrivals, Settings};
use crate::exchange::approves;
use crate::traffic::meaning;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Latency {
    /// The shortest.
    pub min: f64,
    /// Half were no longer.
    pub p50: f64,
    /// 90 % were no longer.
    pub p90: f64,
    /// 99 % were no longer.
    pub p99: f64,
    /// 99.9 % were no longer.
    pub p999: f64,
    /// 99.99 % were no longer.
    pub p9999: f64,
    /// The longest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// One second of a load.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Second {
    /// Since the start, in seconds.
    pub at: f64,
    /// Answers a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Not counted yet.
    pub warming_up: bool,
}

/// How often a code came back for an operation.
#[derive(Debug, Clone, Serialize)]
pub struct CodeCount {
    /// What was asked for.
    pub operation: &'static str,
    /// DE 39.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What a load came to.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// Host and port.
    pub target: String,
    /// `open` or `closed`.
    pub loop_kind: &'static str,
    /// Messages a second asked for, in an open loop.
    pub offered_rate: Option<f64>,
    /// `poisson` or `fixed`, in an open loop.
    pub arrivals: Option<&'static str>,
    /// How many connections.
    pub connections: usize,
    /// In flight on each at most.
    pub in_flight: Option<u32>,
    /// Seconds measured.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that were due and found no room to be sent.
    pub unsent: u64,
    /// Messages answered in time.
    pub answered: u64,
    /// Answers a second.
    pub rate: f64,
    /// Messages without an answer by the deadline.
    pub timeouts: u64,
    /// Answers after the deadline.
    pub late: u64,
    /// Messages on a connection that broke.
    pub lost: u64,
    /// Connections that broke.
    pub disconnects: u64,
    /// Frames that answer nothing.
    pub strange: u64,
    /// Share of the answers that approve.
    pub approved: f64,
    /// Milliseconds from the moment a message was due (closed loop: sent) to its answer; messages
    /// without an answer count with the time waited.
    pub latency_ms: Latency,
    /// Milliseconds from the moment a message was due to its sending, in an open loop: what of the
    /// latency is the generator's own lateness, or waiting for room under `in_flight`.
    pub sent_late_ms: Option<Latency>,
    /// By operation and code.
    pub codes: Vec<CodeCount>,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// Cards of the portfolio that were not used.
    pub cards_left_out: usize,
}

impl Latency {
    fn of(times: &Histogram<u64>) -> Self {
        let at = |quantile| ms(times.value_at_quantile(quantile));
        if times.is_empty() {
            return Self::default();
        }
        Self {
            min: ms(times.min()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: ms(times.max()),
            mean: times.mean() / 1e6,
        }
    }
}

impl Second {
    pub(super) fn new(
        now_ns: u64,
        passed_ns: u64,
        answered: u64,
        recent: &Histogram<u64>,
        warming_up: bool,
    ) -> Self {
        let latency = Latency::of(recent);
        Self {
            at: ms(now_ns) / 1000.0,
            rate: ratio(answered, passed_ns.max(1)) * 1e9,
            p50: latency.p50,
            p99: latency.p99,
            warming_up,
        }
    }
}

impl LoadReport {
    pub(super) fn new(
        settings: &Settings,
        tally: &Tally,
        measured: Duration,
        timeline: Vec<Second>,
        cards_left_out: usize,
    ) -> Self {
        let mut approved = 0;
        let mut codes = Vec::new();
        for ((operation, code), count) in &tally.codes {
            let code = String::from_utf8_lossy(code).trim_end_matches('\0').to_owned();
            approved += if approves(&code) { *count } else { 0 };
            codes.push(CodeCount { operation: operation.name(), code, count: *count });
        }
        let seconds = measured.as_secs_f64();
        let answers = ratio(tally.answered, 1);
        let arrivals = match settings.arrivals {
            Arrivals::Poisson => "poisson",
            Arrivals::Fixed => "fixed",
        };
        Self {
            target: settings.endpoint.target().to_owned(),
            loop_kind: if settings.rate.is_some() { "open" } else { "closed" },
            offered_rate: settings.rate,
            arrivals: settings.rate.map(|_| arrivals),
            connections: settings.connections,
            in_flight: settings.in_flight,
            seconds,
            sent: tally.sent,
            unsent: tally.unsent,
            answered: tally.answered,
            rate: if seconds > 0.0 { answers / seconds } else { 0.0 },
            timeouts: tally.timeouts,
            late: tally.late,
            lost: tally.lost,
            disconnects: tally.disconnects,
            strange: tally.strange,
            approved: ratio(approved, tally.answered.max(1)),
            latency_ms: Latency::of(&tally.latency),
            sent_late_ms: settings.rate.map(|_| Latency::of(&tally.lag)),
            codes,
            timeline,
            cards_left_out,
        }
    }

    /// Whether every message sent was answered, and nothing came that should not.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.answered > 0
            && self.unsent + self.timeouts + self.lost + self.strange + self.disconnects == 0
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_flight = self.in_flight.map_or_else(String::new, |count| format!(" × {count}"));
        let rate = self.offered_rate.map_or_else(String::new, |rate| {
            format!(", {} a second offered ({})", grouped(rate), self.arrivals.unwrap_or_default())
        });
        let (loop_kind, connections) = (self.loop_kind, self.connections);
        writeln!(f, "{}: {loop_kind} loop, {connections}{in_flight}{rate}", self.target)?;
        writeln!(f)?;
        let counts = [
            ("measured", self.seconds, "s"),
            ("sent", float(self.sent), ""),
            ("answered", float(self.answered), ""),
            ("answers a second", self.rate, ""),
            ("approved", self.approved * 100.0, "%"),
        ];
        for (name, value, unit) in counts {
            let value = if unit.is_empty() { grouped(value) } else { format!("{value:.2}") };
            writeln!(f, "  {name:<18} {value:>13} {unit}")?;
        }
        let troubles = [
            ("never sent", self.unsent),
            ("not answered", self.timeouts),
            ("answered too late", self.late),
            ("lost", self.lost),
            ("disconnects", self.disconnects),
            ("strange frames", self.strange),
        ];
        for (name, count) in troubles.iter().filter(|(_, count)| *count > 0) {
            writeln!(f, "  {name:<18} {:>13}", grouped(float(*count)))?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "  {:<10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max"
        )?;
        let rows = [("latency", Some(self.latency_ms)), ("sent late", self.sent_late_ms)];
        for (name, times) in rows {
            let Some(t) = times else { continue };
            write!(f, "  {name:<10}")?;
            for value in [t.min, t.p50, t.p90, t.p99, t.p999, t.p9999, t.max] {
                write!(f, "{value:>10.3}")?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for CodeCount { operation, code, count } in &self.codes {
            let meaning = if code == "echo" { "" } else { meaning(code) };
            let count = grouped(float(*count));
            writeln!(f, "  {operation:<10} {code:<4} {meaning:<24} {count:>14}")?;
        }
        if self.cards_left_out > 0 {
            let left_out = self.cards_left_out;
            writeln!(
                f,
                "\n  {left_out} cards of the portfolio were not used (blocked, expired, or no PIN)"
            )?;
        }
        Ok(())
    }
}

fn ms(ns: u64) -> f64 {
    float(ns) / 1e6
}

fn ratio(part: u64, whole: u64) -> f64 {
    float(part) / float(whole)
}

/// For people and quotients; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [(0.0, "0"), (999.4, "999"), (1e3, "1 000"), (12_345_678.0, "12 345 678")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
