//! The outcome of a load: as JSON for scripts, as text for the terminal, as a page for people.
//!
//! The JSON is the report; the text, the page and the comparison are made from it and from nothing
//! else, so that they can be made again later.

mod chart;
mod compare;
mod html;
mod knee;
mod machine;
mod page;
mod plots;
mod text;

pub use compare::Comparison;
pub use html::page as html;
pub use machine::Machine;

use crate::SimError;
use crate::exchange::approves;
use crate::load::stats::Tally;
use crate::load::{Arrivals, Settings};
use hdrhistogram::Histogram;
use payment_types::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// Its end, in seconds since measuring began; below 0 while warming up.
    pub at: f64,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// Messages a second asked for, in an open loop.
    pub offered: Option<f64>,
    /// Messages sent in it.
    pub sent: u64,
    /// Answers a second.
    pub rate: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p90: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Milliseconds.
    pub p999: f64,
    /// Milliseconds.
    pub max: f64,
    /// Messages without an answer, frames that answer nothing, connections that broke.
    pub errors: u64,
    /// Messages that chaos laid hands on.
    pub disturbed: u64,
    /// Answers that were wrong.
    pub wrong: u64,
    /// Answers by DE 39.
    pub codes: BTreeMap<String, u64>,
    /// What chaos did in it, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Not counted yet.
    pub warming_up: bool,
}

/// How often a code came back for an operation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CodeCount {
    /// What was asked for.
    pub operation: String,
    /// DE 39.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// Points of the distribution: the share of messages, and the milliseconds it took no longer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    /// From the moment a message was due.
    pub latency: Vec<(f64, f64)>,
    /// From the moment it was sent: what one would see who leaves out the waiting.
    pub service: Vec<(f64, f64)>,
}

/// A wrong answer, with everything one needs to look into it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Finding {
    /// What was wrong, in a line.
    pub what: String,
    /// What it should have been.
    pub expected: String,
    /// What the oracle went by.
    pub because: String,
    /// Request and answer side by side, decoded and masked.
    pub messages: String,
}

/// What the oracle came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OracleReport {
    /// Answers that were judged.
    pub judged: u64,
    /// Answers of which only one was right.
    pub certain: u64,
    /// Answers of which several were possible, since others were on their way to the same account.
    pub uncertain: u64,
    /// Answers that were wrong.
    pub wrong: u64,
    /// Answers 91: the host was too busy; nothing may have happened then.
    pub shed: u64,
    /// Second answers that had to be the first one again.
    pub repeats: u64,
    /// Messages whose answer was lost: repeated until it came.
    pub repeated: u64,
    /// Messages whose answer was lost: taken back until that was answered.
    pub taken_back: u64,
    /// Messages of which it never became known whether they had happened.
    pub unresolved: u64,
    /// Authentication codes and issuer's cryptograms on answers that were right.
    pub proofs: u64,
    /// The first wrong answer.
    pub first_wrong: Option<Finding>,
    /// The rules the oracle knows of the rule set.
    pub rules: Vec<String>,
    /// What the books said in the end.
    pub money: Option<MoneyReport>,
    /// Whether the engine's own verification (journal against ledger, counters, snapshot) held.
    pub verified: Option<bool>,
}

/// The books at the end, against what the oracle believes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MoneyReport {
    /// Accounts that were looked at.
    pub accounts: u64,
    /// Cards whose counters and blocks were looked at.
    pub cards: u64,
    /// The sum of the balances of these accounts as the oracle has it.
    pub expected: String,
    /// As the host has it.
    pub found: String,
    /// How many values were not as they should be.
    pub differences: u64,
    /// The first of them in words.
    pub examples: Vec<String>,
}

/// What chaos did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChaosReport {
    /// The kinds and rates asked for.
    pub plan: String,
    /// The seed that repeats it.
    pub seed: u64,
    /// How often each was done.
    pub faults: BTreeMap<String, u64>,
}

/// What a load came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LoadReport {
    /// When it began.
    pub started_at: String,
    /// The command line.
    pub command: String,
    /// Name and version of this program.
    pub program: String,
    /// Where it ran.
    pub machine: Machine,
    /// Host and port.
    pub target: String,
    /// `open` or `closed`.
    pub loop_kind: String,
    /// The greatest number of messages a second asked for, in an open loop.
    pub offered_rate: Option<f64>,
    /// How the rate goes over time, in an open loop.
    pub shape: Option<String>,
    /// `poisson` or `fixed`, in an open loop.
    pub arrivals: Option<String>,
    /// What was sent, in shares.
    pub mix: String,
    /// How many connections.
    pub connections: usize,
    /// In flight on each at most.
    pub in_flight: Option<u32>,
    /// Ended by hand before its time.
    pub interrupted: bool,
    /// Seconds measured.
    pub seconds: f64,
    /// Messages sent.
    pub sent: u64,
    /// Messages that were due and found no room to be sent.
    pub unsent: u64,
    /// Messages answered in time.
    pub answered: u64,
    /// Answers a second while messages were sent; those that came after are not in it.
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
    /// Messages that chaos laid hands on: judged, not timed.
    pub disturbed: u64,
    /// Share of the answers that approve.
    pub approved: f64,
    /// Milliseconds from the moment a message was due (closed loop: sent) to its answer; messages
    /// without an answer count with the time waited.
    pub latency_ms: Latency,
    /// Milliseconds from the moment a message was sent to its answer.
    pub service_ms: Latency,
    /// Milliseconds from the moment a message was due to its sending, in an open loop: what of the
    /// latency is the generator's own lateness, or waiting for room under `in_flight`.
    pub sent_late_ms: Option<Latency>,
    /// The distributions.
    pub percentiles: Percentiles,
    /// By operation and code.
    pub codes: Vec<CodeCount>,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// Cards of the portfolio that were not used.
    pub cards_left_out: usize,
    /// What the oracle came to, where there was one.
    pub oracle: Option<OracleReport>,
    /// What chaos did, where there was some.
    pub chaos: Option<ChaosReport>,
}

impl Latency {
    pub(crate) fn of(times: &Histogram<u64>) -> Self {
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

/// Points that stand evenly where the axis halves what is left at each step.
fn percentiles(times: &Histogram<u64>) -> Vec<(f64, f64)> {
    if times.is_empty() {
        return Vec::new();
    }
    let last = float(times.len()).log10();
    let steps = (0..).map(|step| f64::from(step) / 12.0).take_while(|step| *step < last + 1e-9);
    let point = |nines: f64| {
        let share = 1.0 - 10f64.powf(-nines);
        (share, ms(times.value_at_quantile(share)))
    };
    steps.map(point).chain(std::iter::once((1.0, ms(times.max())))).collect()
}

/// What a run left, before it is a report.
pub(crate) struct Outcome<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) measured: Duration,
    pub(crate) timeline: Vec<Second>,
    pub(crate) left_out: usize,
    pub(crate) started_at: Moment,
    pub(crate) judged: Option<(OracleReport, Option<ChaosReport>)>,
}

impl Outcome<'_> {
    pub(crate) fn report(self, settings: &Settings) -> LoadReport {
        let tally = self.tally;
        let mut approved = 0;
        let mut codes = Vec::new();
        for ((operation, code), count) in &tally.codes {
            let code = String::from_utf8_lossy(code).trim_end_matches('\0').to_owned();
            approved += if approves(&code) { *count } else { 0 };
            codes.push(CodeCount { operation: operation.name().to_owned(), code, count: *count });
        }
        let seconds = self.measured.as_secs_f64();
        let answers = ratio(tally.answered.saturating_sub(tally.after_end), 1);
        let shape = settings.shape.as_ref();
        let arrivals = match settings.arrivals {
            Arrivals::Poisson => "poisson",
            Arrivals::Fixed => "fixed",
        };
        let (oracle, chaos) = self.judged.map_or((None, None), |(o, chaos)| (Some(o), chaos));
        LoadReport {
            started_at: machine::readable(self.started_at),
            command: machine::command(),
            program: concat!("tamga-sim ", env!("CARGO_PKG_VERSION")).to_owned(),
            machine: Machine::this(),
            target: settings.endpoint.target().to_owned(),
            loop_kind: if shape.is_some() { "open" } else { "closed" }.to_owned(),
            offered_rate: shape.map(crate::load::Shape::peak),
            shape: shape.map(|shape| shape.text().to_owned()),
            arrivals: shape.map(|_| arrivals.to_owned()),
            mix: settings.mix.to_string(),
            connections: settings.connections,
            in_flight: settings.in_flight,
            interrupted: settings.stop.is_set(),
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
            disturbed: tally.disturbed,
            approved: ratio(approved, tally.answered.max(1)),
            latency_ms: Latency::of(&tally.latency),
            service_ms: Latency::of(&tally.service),
            sent_late_ms: shape.map(|_| Latency::of(&tally.lag)),
            percentiles: Percentiles {
                latency: percentiles(&tally.latency),
                service: percentiles(&tally.service),
            },
            codes,
            timeline: self.timeline,
            cards_left_out: self.left_out,
            oracle,
            chaos,
        }
    }
}

impl LoadReport {
    /// Whether every message sent was answered as it should be, and nothing came that should not.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.answered > 0
            && self.unsent + self.timeouts + self.lost + self.strange + self.disconnects == 0
            && self.oracle.as_ref().is_none_or(OracleReport::is_clean)
    }

    /// Messages that went wrong without anybody's doing.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.unsent + self.timeouts + self.lost + self.strange
    }

    /// Answers that say only that the host is too busy (DE 39 91, action code 907): they come
    /// fast and serve nobody.
    #[must_use]
    pub fn shed(&self) -> u64 {
        let shed = self.codes.iter().filter(|row| matches!(&*row.code, "91" | "907"));
        shed.map(|row| row.count).sum()
    }

    /// The report as JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads a report that was written as JSON.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::Setting`] with the place where it is no report.
    pub fn read(path: &Path) -> Result<Self, SimError> {
        let text = std::fs::read_to_string(path).map_err(SimError::file(path))?;
        let wrong = |cause: &dyn std::fmt::Display| {
            SimError::Setting(format!("{}: no report of a load: {cause}", path.display()))
        };
        let report: Self = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        if report.loop_kind.is_empty() {
            return Err(wrong(&"it does not say which loop it was"));
        }
        Ok(report)
    }
}

impl OracleReport {
    /// Whether something was judged and nothing was wrong, neither an answer nor the books.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.judged > 0
            && self.wrong + self.unresolved == 0
            && self.verified != Some(false)
            && self.money.as_ref().is_none_or(|money| money.differences == 0)
    }
}

pub(crate) fn ms(ns: u64) -> f64 {
    float(ns) / 1e6
}

pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    float(part) / float(whole)
}

/// For people and quotients; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
pub(crate) const fn float(count: u64) -> f64 {
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

/// An amount of money with its thousands apart.
pub(crate) fn amount(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let mut shown = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    rest.map_or_else(|| shown.clone(), |rest| format!("{shown}.{rest}"))
}

/// Milliseconds as people read them: three digits that say something.
pub(crate) fn milliseconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => grouped(value),
    }
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
        for (text, shown) in
            [("48630482.32", "48 630 482.32"), ("-1000.00", "−1 000.00"), ("7", "7"), ("", "")]
        {
            assert_eq!(amount(text), shown);
        }
        let times = [0.123, 12.34, 123.4, 12_345.0].map(milliseconds);
        assert_eq!(times, ["0.12", "12.3", "123", "12 345"]);
    }

    #[test]
    fn percentiles_reach_to_the_longest() {
        let mut times = Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        (1..=1000).for_each(|ms| times.record(ms * 1_000_000).unwrap());
        let points = percentiles(&times);
        let at = |nines: usize| points[nines * 12];
        assert!((at(1).0 - 0.9).abs() < 1e-9 && (at(1).1 - 900.0).abs() < 1.0, "{points:?}");
        assert!((at(2).1 - 990.0).abs() < 1.0 && points.last().unwrap().1 >= 1000.0);
        assert!(points.windows(2).all(|pair| pair[0].1 <= pair[1].1));
        assert!(percentiles(&Histogram::new_with_bounds(1, 10, 3).unwrap()).is_empty());
    }

    #[test]
    fn a_report_is_read_back_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.json");
        let report = LoadReport { loop_kind: "open".into(), rate: 5.5, ..LoadReport::default() };
        std::fs::write(&path, report.json()).unwrap();
        assert_eq!(LoadReport::read(&path).unwrap().json(), report.json());
        for bad in ["{}", "[", "{\"rate\":\"x\"}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(LoadReport::read(&path).unwrap_err().to_string().contains("no report"));
        }
    }
}
