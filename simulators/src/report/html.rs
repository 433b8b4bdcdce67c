//! The report as one page: what a manager asks first, then what an engineer asks.

use super::chart::{Axis, Chart, Series, Stroke, push};
use super::page::{escape, shell};
use super::{CodeCount, LoadReport, OracleReport, Second, float, grouped, milliseconds};
use crate::traffic::meaning;
use std::collections::BTreeMap;

/// Codes that have a colour of their own; the rest is one grey.
const CODES_SHOWN: usize = 7;

/// The page of a report.
#[must_use]
pub fn page(report: &LoadReport) -> String {
    let mut body = head(report);
    body.push_str(&tiles(report));
    body.push_str(&oracle(report));
    push(
        &mut body,
        format_args!(
            "<div class=\"two\">{}{}</div><div class=\"two\">{}{}</div>",
            percentiles(report),
            latency_over_time(report),
            rate_over_time(report),
            codes_over_time(report),
        ),
    );
    push(
        &mut body,
        format_args!("<div class=\"two\">{}{}</div>", trouble_over_time(report), chaos(report)),
    );
    body.push_str(&tables(report));
    body.push_str(&circumstances(report));
    shell(&format!("Load report, {}", report.started_at), &body)
}

fn head(report: &LoadReport) -> String {
    let (kind, mark, verdict) = verdict(report);
    let length = format!("{:.0} seconds", report.seconds);
    let early = if report.interrupted { ", ended by hand" } else { "" };
    let chaos = if report.chaos.is_some() { " with faults injected on purpose" } else { "" };
    format!(
        "<div class=\"brand\">Load report</div><h1>{}</h1>\
         <p class=\"sub\">{} · {length}{chaos}{early} · {}<br>\
         <span class=\"verdict {kind}\">{mark}</span></p>",
        escape(&verdict),
        escape(&report.started_at),
        escape(&report.target),
    )
}

/// The class, the badge and the sentence that says it all.
fn verdict(report: &LoadReport) -> (&'static str, &'static str, String) {
    let answers = |count: u64| grouped(float(count));
    let wrong = report.oracle.as_ref().map_or(0, |oracle| oracle.wrong);
    if wrong > 0 {
        let few = if wrong == 1 { "answer was" } else { "answers were" };
        return ("bad", "✕ not correct", format!("{} {few} wrong.", answers(wrong)));
    }
    if let Some(oracle) = report.oracle.as_ref().filter(|oracle| !oracle.is_clean()) {
        if oracle.verified == Some(false) {
            let text = "The engine's journal and its books do not agree.".to_owned();
            return ("bad", "✕ not correct", text);
        }
        let differences = oracle.money.as_ref().map_or(0, |money| money.differences);
        let text = if differences > 0 {
            format!("The books are off in {} places.", answers(differences))
        } else {
            format!("Of {} messages nobody knows what they did.", answers(oracle.unresolved))
        };
        return ("bad", "✕ not correct", text);
    }
    let errors = report.errors();
    if errors > 0 || report.answered == 0 {
        let text = format!("{} of {} messages failed.", answers(errors), answers(report.sent));
        return ("warn", "! not all answered", text);
    }
    let p99 = milliseconds(report.latency_ms.p99);
    match &report.oracle {
        Some(oracle) if oracle.money.is_some() => {
            let judged = answers(oracle.judged);
            let text = format!(
                "Every one of {judged} answers was right, and the books agree to the last tyiyn."
            );
            ("good", "✓ correct under load", text)
        }
        Some(oracle) => {
            let text = format!("Every one of {} answers was right.", answers(oracle.judged));
            ("good", "✓ correct under load", text)
        }
        None => {
            let all = answers(report.answered);
            let text = format!("All {all} messages were answered, 99 of 100 within {p99} ms.");
            ("good", "✓ all answered", text)
        }
    }
}

fn tile(name: &str, value: &str, unit: &str, note: &str) -> String {
    let (name, note) = (escape(name), escape(note));
    format!(
        "<div class=\"tile\"><em>{name}</em><b>{value} <small>{unit}</small></b><span>{note}</span></div>"
    )
}

fn tiles(report: &LoadReport) -> String {
    let latency = report.latency_ms;
    let asked = match (&report.offered_rate, report.loop_kind.as_str()) {
        (Some(rate), _) => format!("up to {} asked for", grouped(*rate)),
        _ => format!("{} connections, one after another", report.connections),
    };
    let answered = format!("{} in all", grouped(float(report.answered)));
    let mut text = String::from("<div class=\"tiles\">");
    text += &tile("Throughput", &grouped(report.rate), "/s", &asked);
    text += &tile("Typical answer", &milliseconds(latency.p50), "ms", "half are faster");
    text += &tile("Slow answer", &milliseconds(latency.p99), "ms", "99 of 100 are faster");
    let longest = format!("longest {} ms", milliseconds(latency.max));
    text += &tile("Slowest", &milliseconds(latency.p999), "ms", &format!("1 in 1000; {longest}"));
    text += &tile("Approved", &format!("{:.1}", report.approved * 100.0), "%", &answered);
    let failed = grouped(float(report.errors()));
    text += &tile("Failed", &failed, "", "no answer, or none that fits");
    if let Some(oracle) = &report.oracle {
        let judged = format!("of {} judged", grouped(float(oracle.judged)));
        text += &tile("Wrong answers", &grouped(float(oracle.wrong)), "", &judged);
    }
    text + "</div>"
}

fn check(good: Option<bool>, text: &str) -> String {
    let class = match good {
        Some(true) => "",
        Some(false) => " class=\"no\"",
        None => " class=\"so\"",
    };
    format!("<li{class}>{text}</li>")
}

fn oracle(report: &LoadReport) -> String {
    let Some(oracle) = &report.oracle else { return String::new() };
    let number = |count: u64| grouped(float(count));
    let mut list = check(
        Some(oracle.wrong == 0),
        &format!(
            "{} answers compared with what the rules say, {} of them with exactly one right answer; \
             {} wrong",
            number(oracle.judged),
            number(oracle.certain),
            number(oracle.wrong)
        ),
    );
    if oracle.uncertain > 0 {
        let text = "answers where several were possible, since others were on their way to the same \
                    account: each was one of them";
        list += &check(None, &format!("{} {text}", number(oracle.uncertain)));
    }
    if oracle.repeats > 0 {
        let text = "second answers to the same message, each the first one again (TXN-1)";
        list += &check(Some(true), &format!("{} {text}", number(oracle.repeats)));
    }
    let lost = oracle.repeated + oracle.taken_back;
    if lost + oracle.unresolved > 0 {
        let text = format!(
            "{} lost answers: {} messages repeated, {} taken back, {} never resolved",
            number(lost),
            number(oracle.repeated),
            number(oracle.taken_back),
            number(oracle.unresolved)
        );
        list += &check(Some(oracle.unresolved == 0), &text);
    }
    if oracle.shed > 0 {
        list += &check(None, &format!("{} times the host was too busy (91)", number(oracle.shed)));
    }
    list += &match &oracle.money {
        Some(money) => {
            let text = format!(
                "Books of {} accounts and {} cards: balances sum to {} (expected {}), {} \
                 differences in balances, holds, counters and blocks",
                number(money.accounts),
                number(money.cards),
                money.found,
                money.expected,
                number(money.differences)
            );
            let examples: String =
                money.examples.iter().map(|line| format!("<br>{}", escape(line))).collect();
            check(Some(money.differences == 0), &(escape(&text) + &examples))
        }
        None => check(None, "The books were not looked at"),
    };
    if let Some(verified) = oracle.verified {
        let text = "The engine's own verification after it was stopped: ledger, counters and snapshot \
                    against the journal";
        list += &check(Some(verified), text);
    }
    let rules = escape(&oracle.rules.join(" · "));
    format!(
        "<div class=\"card\"><h2>Was it right?</h2><p class=\"note\">The bench keeps a small model of \
         the bank of its own and knows what each answer must be. It knows: {rules}</p>\
         <ul class=\"checks\">{list}</ul>{}</div>",
        first_wrong(oracle)
    )
}

fn first_wrong(oracle: &OracleReport) -> String {
    let Some(finding) = &oracle.first_wrong else { return String::new() };
    format!(
        "<p><b>The first wrong answer:</b> {}. Expected {}, because {}</p><pre>{}</pre>",
        escape(&finding.what),
        escape(&finding.expected),
        escape(&finding.because),
        escape(&finding.messages)
    )
}

fn card(title: &str, note: &str, inside: &str) -> String {
    let (title, note) = (escape(title), escape(note));
    format!("<div class=\"card\"><h2>{title}</h2><p class=\"note\">{note}</p>{inside}</div>")
}

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

fn percentiles(report: &LoadReport) -> String {
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

fn last(seconds: &[&Second]) -> f64 {
    seconds.last().map_or(1.0, |second| second.at.max(1.0))
}

fn latency_over_time(report: &LoadReport) -> String {
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
    };
    card("Latency over time", "Second by second, on a scale of powers of ten.", &chart.html())
}

fn rate_over_time(report: &LoadReport) -> String {
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
        series,
    };
    card("Rate over time", "Answers that came, and messages that fell due.", &chart.html())
}

fn codes_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in seconds.iter().flat_map(|second| &second.codes) {
        *totals.entry(code).or_default() += count;
    }
    let mut codes: Vec<_> = totals.into_iter().collect();
    codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<&str> = codes.iter().take(CODES_SHOWN).map(|(code, _)| *code).collect();
    let per_second = |second: &Second, count: u64| float(count) / second.seconds.max(1e-9);
    let mut series: Vec<Series> = (0..)
        .zip(&shown)
        .map(|(at, code)| Series {
            name: format!("{code} {}", meaning(code)),
            colour: [5, 2, 3, 6, 1, 8, 7].get(at).copied().unwrap_or_default(),
            stroke: Stroke::Stacked,
            points: over_time(&seconds, |second| {
                per_second(second, second.codes.get(*code).copied().unwrap_or_default())
            }),
        })
        .collect();
    if codes.len() > shown.len() {
        let others = |second: &Second| {
            let others = second.codes.iter().filter(|(code, _)| !shown.contains(&code.as_str()));
            per_second(second, others.map(|(_, count)| *count).sum())
        };
        let (name, points) = ("others".to_owned(), over_time(&seconds, others));
        series.push(Series { name, colour: 0, stroke: Stroke::Stacked, points });
    }
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
    };
    card("What the answers said", "Response codes (DE 39) a second.", &chart.html())
}

fn trouble_over_time(report: &LoadReport) -> String {
    let seconds = measured(report);
    let line = |name: &str, colour, value: fn(&Second) -> u64| Series {
        name: name.to_owned(),
        colour,
        stroke: Stroke::Area,
        points: over_time(&seconds, |second| float(value(second))),
    };
    let mut series = vec![line("failed", 4, |second| second.errors)];
    if report.chaos.is_some() {
        series.push(line("disturbed by chaos", 3, |second| second.disturbed));
    }
    if report.oracle.is_some() {
        series.push(line("wrong", 2, |second| second.wrong));
    }
    let most = series.iter().flat_map(|series| &series.points).map(|(_, count)| *count);
    let hover = seconds.iter().map(|second| {
        let Second { at, errors, disturbed, wrong, .. } = second;
        (*at, format!("{at:.0} s\n{errors} failed\n{disturbed} disturbed\n{wrong} wrong"))
    });
    let chart = Chart {
        label: "errors over time".into(),
        x: time_axis(last(&seconds)),
        y: Axis::linear(most.fold(4.0, f64::max), grouped),
        hover: hover.collect(),
        series,
    };
    let note = "Messages a second without the answer they should have had, and those disturbed on \
                purpose.";
    card("Errors over time", note, &chart.html())
}

fn chaos(report: &LoadReport) -> String {
    let counts = |rows: Vec<(String, u64)>| {
        let rows = rows.into_iter().map(|(name, count)| {
            format!("<tr><td>{}</td><td>{}</td></tr>", escape(&name), grouped(float(count)))
        });
        format!("<table>{}</table>", rows.collect::<String>())
    };
    if let Some(chaos) = &report.chaos {
        let rows = chaos.faults.iter().map(|(name, count)| (name.clone(), *count)).collect();
        let note = format!("Faults injected on purpose; seed {} repeats them.", chaos.seed);
        return card("Chaos", &note, &counts(rows));
    }
    let rows = [
        ("not answered by the deadline", report.timeouts),
        ("answered after it", report.late),
        ("lost with a connection", report.lost),
        ("connections that broke", report.disconnects),
        ("frames that answer nothing", report.strange),
        ("never sent for lack of room", report.unsent),
    ];
    let rows = rows.map(|(name, count)| (name.to_owned(), count)).to_vec();
    card(
        "Failures by kind",
        "All of them count in the latency with the time waited.",
        &counts(rows),
    )
}

fn tables(report: &LoadReport) -> String {
    let row = |name: &str, t: super::Latency| {
        let cells = [t.min, t.p50, t.p90, t.p99, t.p999, t.p9999, t.max, t.mean];
        let cells = cells.map(|ms| format!("<td>{ms:.3}</td>")).concat();
        format!("<tr><td>{name}</td>{cells}</tr>")
    };
    let mut times = String::from(
        "<table><tr><th>milliseconds</th><th>least</th><th>50 %</th><th>90 %</th><th>99 %</th>\
         <th>99.9 %</th><th>99.99 %</th><th>longest</th><th>mean</th></tr>",
    );
    times += &row("latency", report.latency_ms);
    if let Some(late) = report.sent_late_ms {
        times += &row("from its sending", report.service_ms);
        times += &row("sent late by", late);
    }
    times += "</table>";
    let mut codes = String::from(
        "<table><tr><th>operation</th><th class=\"l\">code</th><th class=\"l\">meaning</th>\
         <th>answers</th></tr>",
    );
    for CodeCount { operation, code, count } in &report.codes {
        let (operation, meaning) = (escape(operation), escape(meaning(code)));
        let (code, count) = (escape(code), grouped(float(*count)));
        push(
            &mut codes,
            format_args!(
                "<tr><td>{operation}</td><td class=\"l\">{code}</td><td class=\"l\">{meaning}</td>\
                 <td>{count}</td></tr>"
            ),
        );
    }
    codes += "</table>";
    let note = "Latency counts from the moment a message was due, so that a host that stalls cannot \
                hide it.";
    card("Times", note, &times) + &card("Answers by operation", "", &codes)
}

fn circumstances(report: &LoadReport) -> String {
    let machine = &report.machine;
    let mut rows = vec![
        (
            "machine",
            format!("{}, {} cores, {} GiB", machine.processor, machine.cores, machine.memory_gib),
        ),
        ("system", machine.system.clone()),
        ("program", report.program.clone()),
        ("loop", format!("{}, {} connections", report.loop_kind, report.connections)),
        ("mix", report.mix.clone()),
    ];
    if let Some(shape) = &report.shape {
        let arrivals = report.arrivals.clone().unwrap_or_default();
        rows.push(("rate", format!("{shape} ({arrivals})")));
    }
    if let Some(chaos) = &report.chaos {
        rows.push(("chaos", chaos.plan.clone()));
    }
    let rows =
        rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value)));
    let rows = rows.collect::<String>();
    let command = escape(&report.command);
    let inside = format!("<dl>{rows}</dl><pre class=\"wrap\">{command}</pre>");
    card("How it was measured", "", &inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ChaosReport, Finding, MoneyReport};

    fn report() -> LoadReport {
        let second = |at: u32| Second {
            at: f64::from(at),
            seconds: 1.0,
            rate: 1000.0,
            p50: 0.5,
            p99: 3.0,
            max: 9.0,
            codes: BTreeMap::from([("00".to_owned(), 900), ("51".to_owned(), 100)]),
            ..Second::default()
        };
        LoadReport {
            loop_kind: "open".into(),
            answered: 3000,
            sent: 3000,
            rate: 1000.0,
            command: "tamga-sim load --mix '<b>'".into(),
            timeline: (1..=3).map(second).collect(),
            percentiles: super::super::Percentiles {
                latency: vec![(0.0, 0.4), (0.9, 1.0), (0.99, 3.0), (1.0, 9.0)],
                service: vec![(0.0, 0.3), (1.0, 2.0)],
            },
            ..LoadReport::default()
        }
    }

    #[test]
    fn the_first_sentence_says_how_it_went() {
        let mut report = report();
        assert!(page(&report).contains("All 3 000 messages were answered"));
        report.timeouts = 12;
        assert!(page(&report).contains("12 of 3 000 messages failed"));
        report.timeouts = 0;
        let money = MoneyReport { accounts: 5, ..MoneyReport::default() };
        let mut oracle =
            OracleReport { judged: 2990, money: Some(money), ..OracleReport::default() };
        report.oracle = Some(oracle.clone());
        assert!(page(&report).contains("Every one of 2 990 answers was right, and the books"));
        oracle.wrong = 1;
        let messages = "  4 amount <1>".to_owned();
        oracle.first_wrong = Some(Finding { messages, ..Finding::default() });
        report.oracle = Some(oracle);
        let page = page(&report);
        assert!(page.contains("1 answer was wrong.") && page.contains("amount &lt;1&gt;"));
    }

    #[test]
    fn everything_has_its_plot_and_nothing_is_markup_that_should_not_be() {
        let mut report = report();
        let faults = BTreeMap::from([("drop".to_owned(), 7)]);
        report.chaos = Some(ChaosReport { faults, seed: 42, ..ChaosReport::default() });
        let page = page(&report);
        assert_eq!(page.matches("<svg").count(), 5);
        assert!(page.contains("seed 42") && !page.contains("<b>'") && page.contains("&lt;b&gt;"));
        assert!(!page.contains("NaN") && !page.contains("inf"), "a figure is none");
        let empty = super::page(&LoadReport::default());
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "an empty report has a page too");
    }
}
