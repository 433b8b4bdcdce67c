//! Two reports beside each other: what got better, what got worse.

use super::chart::{Axis, Chart, Series, Stroke, push};
use super::html::{distribution, measured, percentile_axis, time_axis};
use super::page::{escape, shell};
use super::{LoadReport, float, grouped};
use std::fmt;

/// A change below this is called none: two runs of the same differ by as much.
const NOISE: f64 = 0.05;

/// Two reports with their names.
pub struct Comparison {
    names: [String; 2],
    reports: [LoadReport; 2],
}

/// What a change is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Better,
    Worse,
    Same,
}

struct Row {
    name: &'static str,
    values: [f64; 2],
    more_is_better: bool,
    whole: bool,
}

impl Row {
    fn change(&self) -> Change {
        let [a, b] = self.values;
        let most = a.abs().max(b.abs());
        if (b - a).abs() <= most * NOISE {
            return Change::Same;
        }
        if (b > a) == self.more_is_better { Change::Better } else { Change::Worse }
    }

    fn percent(&self) -> String {
        let [a, b] = self.values;
        if a.abs() < 1e-12 {
            return if b.abs() < 1e-12 { "0 %".to_owned() } else { "new".to_owned() };
        }
        format!("{:+.1} %", (b / a - 1.0) * 100.0)
    }

    fn shown(&self) -> [String; 2] {
        self.values.map(|value| if self.whole { grouped(value) } else { format!("{value:.3}") })
    }
}

impl Comparison {
    /// The first is what was, the second what is.
    #[must_use]
    pub fn new(was: (String, LoadReport), is: (String, LoadReport)) -> Self {
        Self { names: [was.0, is.0], reports: [was.1, is.1] }
    }

    /// Whether anything is worse by more than noise.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.rows().iter().any(|row| row.change() == Change::Worse)
    }

    fn rows(&self) -> Vec<Row> {
        let each = |value: fn(&LoadReport) -> f64| {
            let [a, b] = &self.reports;
            [value(a), value(b)]
        };
        let row = |name, more_is_better, whole, value: fn(&LoadReport) -> f64| Row {
            name,
            values: each(value),
            more_is_better,
            whole,
        };
        vec![
            row("answers a second", true, true, |report| report.rate),
            row("p50 ms", false, false, |report| report.latency_ms.p50),
            row("p90 ms", false, false, |report| report.latency_ms.p90),
            row("p99 ms", false, false, |report| report.latency_ms.p99),
            row("p99.9 ms", false, false, |report| report.latency_ms.p999),
            row("longest ms", false, false, |report| report.latency_ms.max),
            row("approved %", true, false, |report| report.approved * 100.0),
            row("failed", false, true, |report| float(report.errors())),
            row("wrong", false, true, |report| {
                float(report.oracle.as_ref().map_or(0, |oracle| oracle.wrong))
            }),
        ]
    }

    /// What makes the two hard to compare.
    fn warnings(&self) -> Vec<String> {
        let [a, b] = &self.reports;
        let mut warnings = Vec::new();
        let mut differ = |name: &str, a: String, b: String| {
            if a != b {
                warnings.push(format!("{name} differs: {a}, {b}"));
            }
        };
        differ("the machine", a.machine.processor.clone(), b.machine.processor.clone());
        differ("the number of cores", a.machine.cores.to_string(), b.machine.cores.to_string());
        differ("the loop", a.loop_kind.clone(), b.loop_kind.clone());
        differ("the number of connections", a.connections.to_string(), b.connections.to_string());
        differ("the mix", a.mix.clone(), b.mix.clone());
        let rate = |report: &LoadReport| report.shape.clone().unwrap_or_else(|| "none".to_owned());
        differ("the rate asked for", rate(a), rate(b));
        warnings
    }

    /// The comparison as one page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut table = String::from("<table><tr><th></th>");
        for name in &self.names {
            push(&mut table, format_args!("<th>{}</th>", escape(name)));
        }
        table += "<th>change</th></tr>";
        for row in self.rows() {
            let class = match row.change() {
                Change::Better => "up",
                Change::Worse => "down",
                Change::Same => "same",
            };
            let ([a, b], percent) = (row.shown(), row.percent());
            let name = row.name;
            push(
                &mut table,
                format_args!(
                    "<tr><td>{name}</td><td>{a}</td><td>{b}</td><td class=\"{class}\">{percent}</td></tr>"
                ),
            );
        }
        table += "</table>";
        let warnings = self.warnings();
        let warnings =
            warnings.iter().map(|text| format!("<li class=\"no\">{}</li>", escape(text)));
        let (kind, mark) =
            if self.is_worse() { ("warn", "! worse") } else { ("good", "✓ no worse") };
        let body = format!(
            "<div class=\"brand\">Two loads compared</div><h1>{}</h1>\
             <p class=\"sub\"><span class=\"verdict {kind}\">{mark}</span></p>\
             <div class=\"card\">{table}<ul class=\"checks\">{}</ul></div>\
             <div class=\"two\">{}{}</div>",
            escape(&self.sentence()),
            warnings.collect::<String>(),
            self.percentiles(),
            self.rates(),
        );
        shell("Two loads compared", &body)
    }

    fn sentence(&self) -> String {
        let rows = self.rows();
        let of = |change: Change| {
            let names = rows.iter().filter(|row| row.change() == change);
            names.map(|row| format!("{} {}", row.name, row.percent())).collect::<Vec<_>>()
        };
        let (worse, better) = (of(Change::Worse), of(Change::Better));
        match (worse.is_empty(), better.is_empty()) {
            (true, true) => "No difference beyond noise.".to_owned(),
            (true, false) => format!("Better: {}.", better.join(", ")),
            (false, _) => format!("Worse: {}.", worse.join(", ")),
        }
    }

    fn percentiles(&self) -> String {
        let [(was, most), (is, also)] =
            self.reports.each_ref().map(|report| distribution(&report.percentiles.latency));
        let values = || was.iter().chain(&is).map(|(_, ms)| *ms);
        let (least, greatest) = (values().fold(1.0, f64::min), values().fold(0.0, f64::max));
        let chart = Chart {
            label: "latency by percentile".into(),
            x: percentile_axis(most.max(also)),
            y: Axis::log(least, greatest, |ms| format!("{ms} ms")),
            series: self.pair([was, is]),
            hover: Vec::new(),
        };
        format!("<div class=\"card\"><h2>Latency by percentile</h2>{}</div>", chart.html())
    }

    fn rates(&self) -> String {
        let points = self.reports.each_ref().map(|report| {
            measured(report).iter().map(|second| (second.at, second.rate)).collect::<Vec<_>>()
        });
        let all = || points.iter().flatten();
        let chart = Chart {
            label: "rate over time".into(),
            x: time_axis(all().map(|(at, _)| *at).fold(1.0, f64::max)),
            y: Axis::linear(all().map(|(_, rate)| *rate).fold(1.0, f64::max), grouped),
            series: self.pair(points.clone()),
            hover: Vec::new(),
        };
        format!("<div class=\"card\"><h2>Answers a second</h2>{}</div>", chart.html())
    }

    fn pair(&self, points: [Vec<(f64, f64)>; 2]) -> Vec<Series> {
        let strokes = [(0, Stroke::Dashed), (1, Stroke::Line)];
        let both = points.into_iter().zip(&self.names).zip(strokes);
        both.map(|((points, name), (colour, stroke))| Series {
            name: name.clone(),
            colour,
            stroke,
            points,
        })
        .collect()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.names.each_ref().map(|name| {
            let skip = name.chars().count().saturating_sub(16);
            name.chars().skip(skip).collect::<String>()
        });
        writeln!(f, "{:<18}{a:>18}{b:>18}{:>12}", "", "change")?;
        for row in self.rows() {
            let ([a, b], percent) = (row.shown(), row.percent());
            let word = match row.change() {
                Change::Better => "better",
                Change::Worse => "worse",
                Change::Same => "",
            };
            let line = format!("{:<18}{a:>18}{b:>18}{percent:>12}  {word}", row.name);
            writeln!(f, "{}", line.trim_end())?;
        }
        for warning in self.warnings() {
            writeln!(f, "note: {warning}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rate: f64, p99: f64) -> LoadReport {
        let mut report = LoadReport { rate, loop_kind: "open".into(), ..LoadReport::default() };
        report.latency_ms.p99 = p99;
        report
    }

    #[test]
    fn what_is_worse_is_told_and_noise_is_not() {
        let compare = |was, is| Comparison::new(("a.json".into(), was), ("b.json".into(), is));
        let same = compare(report(1000.0, 5.0), report(990.0, 5.1));
        assert!(!same.is_worse() && !same.to_string().contains("worse"), "{same}");
        let slower = compare(report(1000.0, 5.0), report(1000.0, 9.0));
        assert!(slower.is_worse());
        assert!(slower.to_string().contains("+80.0 %  worse"), "{slower}");
        assert!(slower.html().contains("Worse: p99 ms +80.0 %"));
        let faster = compare(report(1000.0, 9.0), report(2000.0, 5.0));
        assert!(!faster.is_worse() && faster.to_string().matches("better").count() == 2);
        let mut other = report(1000.0, 5.0);
        other.connections = 9;
        assert!(
            compare(report(1000.0, 5.0), other).to_string().contains("connections differs: 0, 9")
        );
    }
}
