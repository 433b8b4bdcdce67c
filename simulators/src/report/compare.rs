//! Two reports beside each other: what got better, what got worse.

use super::chart::{Axis, Chart, Series, Stroke, push};
use super::page::{card, escape, shell, table};
use super::plots::{distribution, measured, percentile_axis, time_axis};
use super::{LoadReport, float, grouped, milliseconds};
use serde_json::json;
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

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Same => "same",
        }
    }
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

    /// The comparison as data.
    #[must_use]
    pub fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows()
            .iter()
            .map(|row| {
                let [was, is] = row.values;
                let word = row.change().word();
                json!({"name": row.name, "was": was, "is": is, "change": word})
            })
            .collect();
        let [was, is] = &self.names;
        let whole = json!({
            "was": was, "is": is, "worse": self.is_worse(), "rows": rows,
            "notes": self.warnings(),
        });
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    }

    /// The comparison as one page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut rows = String::new();
        for row in self.rows() {
            let (class, word) = match row.change() {
                Change::Better => ("up", "▲ better"),
                Change::Worse => ("down", "▼ worse"),
                Change::Same => ("soft", "same"),
            };
            let ([a, b], percent) = (row.shown(), row.percent());
            let name = row.name;
            push(
                &mut rows,
                format_args!(
                    "<tr><th scope=\"row\">{name}</th><td>{a}</td><td>{b}</td><td>{percent}</td>\
                     <td class=\"{class}\">{word}</td></tr>"
                ),
            );
        }
        let [was, is] = &self.names;
        let figures = table(&["", was, is, "change", ""], &rows);
        let warnings = self.warnings();
        let mut mind: String = warnings
            .iter()
            .map(|text| format!("<li class=\"mind\">{}</li>", escape(text)))
            .collect();
        if !mind.is_empty() {
            mind = format!("<ul class=\"checks\">{mind}</ul>");
        }
        let (kind, mark) =
            if self.is_worse() { ("warn", "! worse") } else { ("good", "✓ no worse") };
        let note = "A difference of 5 % or less is called the same: two runs of one host differ by \
                    as much.";
        let body = format!(
            "<header><div class=\"brand\">Two loads compared</div>\
             <p class=\"verdict {kind}\">{mark}</p><h1>{}</h1><p class=\"lead\">{}</p></header>{}\
             <div class=\"two\">{}{}</div>{}",
            escape(&self.headline()),
            escape(&self.sentence()),
            card("In figures", note, &(figures + &mind)),
            self.percentiles(),
            self.rates(),
            self.circumstances(),
        );
        shell("Two loads compared", &body)
    }

    /// The change that matters most, in words.
    fn headline(&self) -> String {
        let [was, is] = &self.reports;
        let wrong = |report: &LoadReport| report.oracle.as_ref().map_or(0, |oracle| oracle.wrong);
        if wrong(is) > 0 {
            return format!("{} answers are wrong.", grouped(float(wrong(is))));
        }
        if is.errors() > was.errors() {
            return format!("{} messages fail.", grouped(float(is.errors())));
        }
        let rows = self.rows();
        let of = |name: &str| rows.iter().find(|row| row.name == name).map(Row::change);
        let [before, now] =
            [was, is].map(|report| format!("{} ms", milliseconds(report.latency_ms.p99)));
        let within = format!("99 of 100 answers come within {now} instead of {before}.");
        match (of("p99 ms"), of("p50 ms"), of("answers a second")) {
            (Some(Change::Worse), ..) => format!("Slower: {within}"),
            (Some(Change::Better), ..) => format!("Faster: {within}"),
            (_, Some(Change::Worse), _) => "Typical answers are slower.".to_owned(),
            (_, Some(Change::Better), _) => "Typical answers are faster.".to_owned(),
            (.., Some(Change::Worse)) => "Fewer answers a second.".to_owned(),
            (.., Some(Change::Better)) => "More answers a second.".to_owned(),
            _ if self.is_worse() => "Worse in what is rarer than one in a hundred.".to_owned(),
            _ => "No difference beyond noise.".to_owned(),
        }
    }

    /// All that changed.
    fn sentence(&self) -> String {
        let rows = self.rows();
        let of = |change: Change, word: &str| {
            let names = rows.iter().filter(|row| row.change() == change);
            let names: Vec<_> =
                names.map(|row| format!("{} {}", row.name, row.percent())).collect();
            (!names.is_empty()).then(|| format!("{word}: {}.", names.join(", ")))
        };
        let both = [of(Change::Worse, "Worse"), of(Change::Better, "Better")];
        let said: Vec<_> = both.into_iter().flatten().collect();
        if said.is_empty() { "Every figure is the same.".to_owned() } else { said.join(" ") }
    }

    /// What was compared.
    fn circumstances(&self) -> String {
        let row = |name: &str, value: fn(&LoadReport) -> String| {
            let [a, b] = self.reports.each_ref().map(|report| escape(&value(report)));
            format!(
                "<tr><th scope=\"row\">{name}</th><td class=\"l\">{a}</td><td class=\"l\">{b}</td></tr>"
            )
        };
        let rows = row("began", |report| report.started_at.clone())
            + &row("host", |report| report.target.clone())
            + &row("machine", |report| {
                format!("{}, {} cores", report.machine.processor, report.machine.cores)
            })
            + &row("program", |report| report.program.clone())
            + &row("measured", |report| format!("{:.0} s", report.seconds))
            + &row("loop", |report| {
                format!("{}, {} connections", report.loop_kind, report.connections)
            })
            + &row("rate asked for", |report| {
                report.shape.clone().unwrap_or_else(|| "as fast as answers come".to_owned())
            })
            + &row("mix", |report| report.mix.clone());
        let [was, is] = self.names.each_ref().map(|name| format!("<{name}"));
        card("What was compared", "", &table(&["", &was, &is], &rows))
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
            ..Chart::default()
        };
        let note = "How many answers were faster. Further right is rarer.";
        card("Latency by percentile", note, &chart.html())
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
            ..Chart::default()
        };
        card("Answers a second", "Over the time that was measured.", &chart.html())
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
            let word = Some(row.change()).filter(|change| *change != Change::Same);
            let word = word.map_or("", Change::word);
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
        let page = slower.html();
        assert!(page.contains("Worse: p99 ms +80.0 %"));
        assert!(page.contains("Slower: 99 of 100 answers come within 9.00 ms instead of 5.00 ms."));
        let data: serde_json::Value = serde_json::from_str(&slower.json()).unwrap();
        assert_eq!(data["worse"], true);
        let row = data["rows"].as_array().unwrap().iter().find(|row| row["name"] == "p99 ms");
        assert_eq!(
            row.unwrap(),
            &json!({"name": "p99 ms", "was": 5.0, "is": 9.0, "change": "worse"})
        );
        let faster = compare(report(1000.0, 9.0), report(2000.0, 5.0));
        assert!(!faster.is_worse() && faster.to_string().matches("better").count() == 2);
        let mut other = report(1000.0, 5.0);
        other.connections = 9;
        assert!(
            compare(report(1000.0, 5.0), other).to_string().contains("connections differs: 0, 9")
        );
    }
}
