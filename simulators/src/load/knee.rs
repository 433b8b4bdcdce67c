//! Where a host's latency gives way: the rate is raised until the goal breaks.

use super::{Settings, Shape, run};
use crate::SimError;
use crate::report::{Latency, LoadReport, float, grouped};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The latency to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goal {
    quantile: Quantile,
    /// Milliseconds.
    below: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Quantile {
    P50,
    P90,
    P99,
    P999,
    Max,
}

const QUANTILES: [(&str, Quantile); 5] = [
    ("p50", Quantile::P50),
    ("p90", Quantile::P90),
    ("p99", Quantile::P99),
    ("p99.9", Quantile::P999),
    ("max", Quantile::Max),
];

impl Goal {
    fn of(&self, latency: &Latency) -> f64 {
        match self.quantile {
            Quantile::P50 => latency.p50,
            Quantile::P90 => latency.p90,
            Quantile::P99 => latency.p99,
            Quantile::P999 => latency.p999,
            Quantile::Max => latency.max,
        }
    }

    /// The milliseconds it allows.
    #[must_use]
    pub const fn below(&self) -> f64 {
        self.below
    }
}

impl FromStr for Goal {
    type Err = SimError;

    /// Reads `p99<10ms`.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let wrong = || SimError::Setting(format!("goal {text:?} is not like p99<10ms"));
        let (name, below) = text.split_once('<').ok_or_else(wrong)?;
        let quantile = QUANTILES.iter().find(|(known, _)| *known == name.trim());
        let (_, quantile) = quantile.ok_or_else(wrong)?;
        let below = below.trim().trim_end_matches("ms").trim_end().parse::<f64>().ok();
        let below = below.filter(|below| below.is_finite() && *below > 0.0).ok_or_else(wrong)?;
        Ok(Self { quantile: *quantile, below })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = QUANTILES.iter().find(|(_, quantile)| *quantile == self.quantile);
        write!(f, "{} < {} ms", name.map_or("", |(name, _)| name), self.below)
    }
}

/// How to look for the knee.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// What must hold.
    pub goal: Goal,
    /// The first rate.
    pub from: f64,
    /// The greatest rate to try.
    pub most: f64,
    /// How long each step is measured.
    pub step: Duration,
    /// By how much the rate grows until the goal breaks.
    pub factor: f64,
    /// The gap that is narrow enough, as a share of the rate.
    pub precision: f64,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            goal: Goal { quantile: Quantile::P99, below: 10.0 },
            from: 500.0,
            most: 1e6,
            step: Duration::from_secs(5),
            factor: 1.5,
            precision: 0.06,
        }
    }
}

/// One rate that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Messages a second asked for.
    pub offered: f64,
    /// Answers a second.
    pub answered: f64,
    /// Milliseconds.
    pub latency_ms: Latency,
    /// Milliseconds of the goal's quantile.
    pub value: f64,
    /// Why the goal is missed; nothing where it holds.
    pub missed: Option<String>,
}

/// A step with fewer messages says nothing of percentiles.
const MESSAGES_LEAST: f64 = 10.0;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Knee {
    /// What must hold.
    pub goal: Goal,
    /// The greatest rate at which it did.
    pub holds_at: Option<f64>,
    /// The least rate above at which it did not.
    pub breaks_at: Option<f64>,
    /// All that was tried, in order.
    pub steps: Vec<Step>,
}

/// Looks for the knee; `told` hears of every step.
///
/// # Errors
/// What [`run`] says; [`SimError::Setting`] for rates that cannot be.
pub fn find(
    settings: &Settings,
    search: &Search,
    mut told: impl FnMut(&Step),
) -> Result<Knee, SimError> {
    if !(search.from > 0.0 && search.most >= search.from) {
        return Err(SimError::Setting("the first rate is above 0 and not above --most".to_owned()));
    }
    let mut knee = Knee { goal: search.goal, holds_at: None, breaks_at: None, steps: Vec::new() };
    let mut rate = search.from;
    while !settings.stop.is_set() {
        let holds = holds(settings, search, rate, |step| {
            told(&step);
            knee.steps.push(step);
        })?;
        if settings.stop.is_set() {
            break;
        }
        *(if holds { &mut knee.holds_at } else { &mut knee.breaks_at }) = Some(rate);
        rate = match (knee.holds_at, knee.breaks_at) {
            (Some(holds), Some(breaks)) if breaks / holds > 1.0 + search.precision => {
                (holds * breaks).sqrt()
            }
            (Some(_), Some(_)) => break,
            (Some(holds), None) if holds >= search.most => break,
            (Some(holds), None) => (holds * search.factor).min(search.most),
            // It never held: one looks below, but not for ever.
            (None, _) if rate < search.from / 100.0 => break,
            (None, _) if rate / 2.0 * search.step.as_secs_f64() < MESSAGES_LEAST => break,
            (None, _) => rate / 2.0,
        };
    }
    Ok(knee)
}

/// Whether the goal holds at a rate; a step that misses it is given a second chance, since one bad
/// second of the machine is no knee.
fn holds(
    settings: &Settings,
    search: &Search,
    rate: f64,
    mut told: impl FnMut(Step),
) -> Result<bool, SimError> {
    for _ in 0..2 {
        let mut settings = settings.clone();
        settings.shape = Some(Shape::constant(rate));
        (settings.duration, settings.count) = (Some(search.step), None);
        settings.warm_up = settings.warm_up.max(search.step / 5);
        let report = run(&settings, |_| {})?;
        let step = Step::of(&report, rate, search.goal);
        let holds = step.missed.is_none();
        told(step);
        if holds {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Step {
    fn of(report: &LoadReport, offered: f64, goal: Goal) -> Self {
        let value = goal.of(&report.latency_ms);
        let failed = report.errors();
        let missed = if failed > 0 {
            Some(format!("{failed} messages failed"))
        } else if report.shed() > 0 {
            Some(format!("{} were answered 91, too busy", grouped(float(report.shed()))))
        } else if report.rate < offered * 0.9 {
            Some(format!("only {} a second answered", grouped(report.rate)))
        } else if value >= goal.below {
            Some(format!("{value:.2} ms"))
        } else {
            None
        };
        let (answered, latency_ms) = (report.rate, report.latency_ms);
        Self { offered, answered, latency_ms, value, missed }
    }
}

impl Knee {
    /// Whether the goal held somewhere and broke somewhere above.
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.holds_at.is_some() && self.breaks_at.is_some()
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p99, p999, .. } = self.latency_ms;
        let verdict =
            self.missed.as_ref().map_or_else(|| "holds".to_owned(), |why| format!("misses: {why}"));
        write!(
            f,
            "{:>9}/s  answered {:>9}/s  p50 {p50:>8.2}  p99 {p99:>8.2}  p99.9 {p999:>8.2} ms  {verdict}",
            grouped(self.offered),
            grouped(self.answered),
        )
    }
}

impl fmt::Display for Knee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = self.goal;
        match (self.holds_at, self.breaks_at) {
            (Some(holds), Some(breaks)) => {
                let (holds, breaks) = (grouped(holds), grouped(breaks));
                writeln!(f, "{goal} holds at {holds} a second and breaks at {breaks}")
            }
            (Some(holds), None) => writeln!(f, "{goal} holds up to {} a second", grouped(holds)),
            (None, Some(breaks)) => {
                writeln!(f, "{goal} does not hold at {} either", grouped(breaks))
            }
            (None, None) => writeln!(f, "nothing was measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CodeCount;

    #[test]
    fn goals_are_read() {
        let goal: Goal = "p99.9 < 2.5ms".parse().unwrap();
        assert_eq!(goal.to_string(), "p99.9 < 2.5 ms");
        assert!("p98<3ms".parse::<Goal>().is_err() && "p99<0".parse::<Goal>().is_err());
        assert!("p99>3".parse::<Goal>().is_err());
    }

    #[test]
    fn a_step_that_answers_too_little_misses() {
        let goal = Search::default().goal;
        let mut report = LoadReport { rate: 800.0, ..LoadReport::default() };
        assert!(Step::of(&report, 1000.0, goal).missed.unwrap().contains("only 800"));
        report.rate = 990.0;
        assert_eq!(Step::of(&report, 1000.0, goal).missed, None);
        report.codes = vec![CodeCount { code: "91".to_owned(), count: 3, ..CodeCount::default() }];
        assert!(Step::of(&report, 1000.0, goal).missed.unwrap().contains("3 were answered 91"));
        report.codes.clear();
        report.latency_ms.p99 = 10.0;
        assert!(Step::of(&report, 1000.0, goal).missed.unwrap().contains("10.00 ms"));
        report.timeouts = 1;
        assert!(Step::of(&report, 1000.0, goal).missed.unwrap().contains("failed"));
    }
}
