//! The plots of a report.

use super::chart::{Axis, Chart, Mark, Series, Stroke};
use super::page::card;
use super::{LoadReport, Second, float, grouped, milliseconds};
use crate::chaos::{Fault, Storm};
use crate::exchange::approves;
use crate::traffic::meaning;
use std::collections::BTreeMap;

/// Codes that have a colour of their own; the rest is one grey.
const CODES_SHOWN: usize = 7;
/// Heads of the lines that mark storms.
const STORMS: [(Storm, &str); 2] = [(Storm::Reconnect, "▼"), (Storm::Reversal, "◆")];
/// Faults that are alike, with their colour.
const ALIKE: [(&str, usize, &[Fault]); 5] = [
    ("lost on the way", 4, &[Fault::Drop, Fault::Lose]),
    ("late, twice, overtaken", 3, &[Fault::Delay, Fault::Duplicate, Fault::Reorder]),
    ("broken bytes", 2, &[Fault::Truncate, Fault::Corrupt]),
    ("broken connections", 1, &[Fault::HalfOpen, Fault::SlowReader, Fault::Disconnect]),
    ("wrong clocks", 6, &[Fault::ClockSkew]),
];

/// A point of the percentile axis: how many nines.
fn nines(share: f64, most: f64) -> f64 {
    if share >= 1.0 { most } else { -(1.0 - share).log10() }
}

/// The marks of the percentile axis.
pub(super) fn percentile_axis(most: f64) -> Axis {
    let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "7 nines"];
    let marks = (0u32..).zip(names).map(|(at, name)| (f64::from(at), name.to_owned()));
    Axis::marked(0.0, most, marks.take_while(|(at, _)| *at <= most + 1e-9).collect())
}

/// A distribution on the percentile axis, and how many nines it reaches.
pub(super) fn distribution(points: &[(f64, f64)]) -> (Vec<(f64, f64)>, f64) {
    let shares = points.iter().filter(|(share, _)| *share < 1.0);
    let last = shares.map(|(share, _)| nines(*share, 0.0)).fold(1.0, f64::max);
    (points.iter().map(|(share, ms)| (nines(*share, last), *ms)).collect(), last)
}

pub(super) fn percentiles(report: &LoadReport) -> String {
    let (latency, most) = distribution(&report.percentiles.latency);
    let (service, _) = distribution(&report.percentiles.service);
    let all = || latency.iter().chain(&service).map(|(_, ms)| *ms);
    let hover = report.percentiles.latency.iter().zip(&latency).map(|((share, ms), (x, _))| {
        (*x, format!("{:.3} % within {} ms", share * 100.0, milliseconds(*ms)))
    });
    let is_open = report.loop_kind == "open";
    let mut series = vec![Series {
        name: if is_open { "since it was due" } else { "since it was sent" }.to_owned(),
        colour: 1,
        stroke: Stroke::Area,
        points: latency.clone(),
    }];
    if is_open {
        let name = "since it was sent (hides the waiting)".to_owned();
        series.push(Series { name, colour: 0, stroke: Stroke::Dashed, points: service.clone() });
    }
    let chart = Chart {
        label: "latency by percentile".into(),
        x: percentile_axis(most),
        y: Axis::log(
            all().fold(f64::INFINITY, f64::min).min(1.0),
            all().fold(0.0, f64::max),
            |ms| format!("{ms} ms"),
        ),
        series,
        hover: hover.collect(),
        ..Chart::default()
    };
    let note =
        "How many answers were faster. Further right is rarer; each step is ten times rarer.";
    card("Latency by percentile", note, &chart.html())
}

/// The seconds of a timeline that were measured; one that is too short says nothing of a rate.
pub(super) fn measured(report: &LoadReport) -> Vec<&Second> {
    report.timeline.iter().filter(|second| !second.warming_up && second.seconds > 0.5).collect()
}

/// Seconds along the bottom.
pub(super) fn time_axis(last: f64) -> Axis {
    let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    let step = step.into_iter().find(|step| last / step <= 8.0).unwrap_or(7200.0);
    let marks = (0..=16).map(|at| f64::from(at) * step).take_while(|at| *at <= last);
    Axis::marked(0.0, last, marks.map(|at| (at, format!("{at} s"))).collect())
}

fn over_time(seconds: &[&Second], value: impl Fn(&Second) -> f64) -> Vec<(f64, f64)> {
    seconds.iter().map(|second| (second.at, value(second))).collect()
}

/// The storms that came, each at its second.
fn storms(seconds: &[&Second]) -> Vec<Mark> {
    let of = |second: &&Second| {
        let (at, faults) = (second.at - second.seconds / 2.0, second.faults.clone());
        let came = STORMS.into_iter().filter(move |(storm, _)| faults.contains_key(storm.name()));
        came.map(move |(_, head)| Mark { at, text: head.to_owned() })
    };
    seconds.iter().flat_map(of).collect()
}

/// What a plot shows, and what the marks in it are.
fn noted(note: &str, seconds: &[&Second]) -> String {
    let came = |storm: Storm| seconds.iter().any(|second| second.faults.contains_key(storm.name()));
    let marks = STORMS.into_iter().filter(|(storm, _)| came(*storm));
    let marks = marks.map(|(storm, head)| format!(" {head} {}.", storm.described()));
    marks.fold(note.to_owned(), |note, mark| note + &mark)
}

fn last(seconds: &[&Second]) -> f64 {
    seconds.last().map_or(1.0, |second| second.at.max(1.0))
}

pub(super) fn latency_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let line = |name: &str, colour, stroke, value: fn(&Second) -> f64| Series {
        name: name.to_owned(),
        colour,
        stroke,
        points: over_time(&seconds, value),
    };
    let busy = || seconds.iter().filter(|second| second.p50 > 0.0);
    let hover = seconds.iter().map(|second| {
        let Second { at, p50, p99, p999, max, .. } = second;
        let text = [("p50", p50), ("p99", p99), ("p99.9", p999), ("max", max)]
            .map(|(name, ms)| format!("{name} {} ms", milliseconds(*ms)));
        (*at, format!("{at:.0} s\n{}", text.join("\n")))
    });
    let chart = Chart {
        label: "latency over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::log(
            busy().map(|second| second.p50).fold(1.0, f64::min),
            busy().map(|second| second.max).fold(0.0, f64::max),
            |ms| format!("{ms} ms"),
        ),
        series: vec![
            line("half faster", 1, Stroke::Line, |second| second.p50),
            line("99 of 100 faster", 2, Stroke::Line, |second| second.p99),
            line("slowest", 4, Stroke::Dashed, |second| second.max),
        ],
        hover: hover.collect(),
        marks: storms(&seconds),
        is_wide: false,
    };
    let note = noted("Second by second, on a scale of powers of ten.", &seconds);
    card("Latency over time", &note, &chart.html())
}

pub(super) fn rate_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let mut series = vec![Series {
        name: "answers a second".into(),
        colour: 1,
        stroke: Stroke::Area,
        points: over_time(&seconds, |second| second.rate),
    }];
    if report.loop_kind == "open" {
        series.push(Series {
            name: "asked for".into(),
            colour: 2,
            stroke: Stroke::Dashed,
            points: over_time(&seconds, |second| second.offered.unwrap_or_default()),
        });
    }
    let most = series.iter().flat_map(|series| &series.points).map(|(_, rate)| *rate);
    let hover = seconds.iter().map(|second| {
        let asked = second
            .offered
            .map_or_else(String::new, |rate| format!("\n{} a second asked for", grouped(rate)));
        (second.at, format!("{:.0} s\n{} answers a second{asked}", second.at, grouped(second.rate)))
    });
    let chart = Chart {
        label: "rate over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::linear(most.fold(1.0, f64::max), grouped),
        hover: hover.collect(),
        marks: storms(&seconds),
        is_wide: false,
        series,
    };
    let note = noted("Answers that came, and messages that fell due.", &seconds);
    card("Rate over time", &note, &chart.html())
}

/// Declines at the bottom, the rarer the higher, and approvals on top of them all.
fn stack_of_codes(seconds: &[&Second]) -> Vec<Series> {
    const COLOURS: [usize; CODES_SHOWN] = [2, 3, 6, 1, 8, 7, 4];
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in seconds.iter().flat_map(|second| &second.codes) {
        *totals.entry(code).or_default() += count;
    }
    let mut codes: Vec<_> = totals.into_iter().collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let codes = codes.into_iter().map(|(code, _)| code);
    let (approvals, declines): (Vec<&str>, Vec<&str>) = codes.partition(|code| approves(code));
    let series = |name: String, colour: usize, codes: &[&str]| Series {
        name,
        colour,
        stroke: Stroke::Stacked,
        points: over_time(seconds, |second| {
            let counts = codes.iter().filter_map(|code| second.codes.get(*code));
            float(counts.sum::<u64>()) / second.seconds.max(1e-9)
        }),
    };
    let named = |code: &str| format!("{code} {}", meaning(code));
    let mut stack: Vec<Series> = declines
        .iter()
        .zip(COLOURS)
        .map(|(code, colour)| series(named(code), colour, &[code]))
        .collect();
    if let Some(rest) = declines.get(CODES_SHOWN..).filter(|rest| !rest.is_empty()) {
        stack.push(series("others".to_owned(), 0, rest));
    }
    stack.extend(approvals.iter().map(|code| series(named(code), 5, &[code])));
    stack
}

pub(super) fn codes_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let series = stack_of_codes(&seconds);
    let hover = seconds.iter().map(|second| {
        let mut counts: Vec<_> = second.codes.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let lines =
            counts.iter().map(|(code, count)| format!("\n{code}  {}", grouped(float(**count))));
        (second.at, format!("{:.0} s{}", second.at, lines.collect::<String>()))
    });
    let most = seconds.iter().map(|second| second.rate).fold(1.0, f64::max);
    let chart = Chart {
        label: "response codes over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::linear(most, grouped),
        hover: hover.collect(),
        series,
        ..Chart::default()
    };
    card("What the answers said", "Response codes (DE 39) a second.", &chart.html())
}

/// What went wrong by itself.
pub(super) fn trouble_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let line = |name: &str, colour, stroke, value: fn(&Second) -> u64| Series {
        name: name.to_owned(),
        colour,
        stroke,
        points: over_time(&seconds, |second| float(value(second))),
    };
    let mut series = vec![line("not answered", 4, Stroke::Area, |second| second.errors)];
    if report.oracle.is_some() {
        series.push(line("wrong", 2, Stroke::Line, |second| second.wrong));
    }
    let most = series.iter().flat_map(|series| &series.points).map(|(_, count)| *count);
    let hover = seconds.iter().map(|second| {
        let Second { at, errors, wrong, .. } = second;
        (*at, format!("{at:.0} s\n{errors} not answered\n{wrong} wrong"))
    });
    let chart = Chart {
        label: "errors over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::linear(most.fold(4.0, f64::max), grouped),
        hover: hover.collect(),
        marks: storms(&seconds),
        is_wide: false,
        series,
    };
    let note = match report.chaos {
        Some(_) => {
            "Messages without the answer they should have had; those that were disturbed on \
                    purpose are below."
        }
        None => "Messages without the answer they should have had.",
    };
    card("Errors over time", note, &chart.html())
}

/// What was done on purpose.
pub(super) fn chaos_over_time(report: &LoadReport) -> String {
    if report.chaos.is_none() {
        return String::new();
    }
    let seconds = measured(report);
    let of = |second: &Second, faults: &[Fault]| {
        let counts = faults.iter().filter_map(|fault| second.faults.get(fault.name()));
        float(counts.sum::<u64>()) / second.seconds.max(1e-9)
    };
    let series = ALIKE.map(|(name, colour, faults)| Series {
        name: name.to_owned(),
        colour,
        stroke: Stroke::Stacked,
        points: over_time(&seconds, |second| of(second, faults)),
    });
    let all = |second: &&Second| ALIKE.iter().map(|(_, _, faults)| of(second, faults)).sum::<f64>();
    let hover = seconds.iter().map(|second| {
        let lines = second.faults.iter().map(|(name, count)| format!("\n{name}  {count}"));
        (second.at, format!("{:.0} s{}", second.at, lines.collect::<String>()))
    });
    let chart = Chart {
        label: "faults on purpose over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::linear(seconds.iter().map(all).fold(4.0, f64::max), grouped),
        hover: hover.collect(),
        marks: storms(&seconds),
        is_wide: false,
        series: series.into(),
    };
    let note = noted("Faults a second, drawn from the seed.", &seconds);
    card("Chaos over time", &note, &chart.html())
}
