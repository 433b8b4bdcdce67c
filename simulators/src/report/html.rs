//! The report as one page: what a manager asks first, then what an engineer asks.

use super::chart::push;
use super::page::{card, escape, shell, table};
use super::plots::{
    chaos_over_time, codes_over_time, latency_over_time, measured, percentiles, rate_over_time,
    trouble_over_time,
};
use super::{CodeCount, LoadReport, OracleReport, Second, amount, float, grouped, milliseconds};
use crate::chaos::described;
use crate::traffic::meaning;

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
    let over_time = trouble_over_time(report) + &chaos_over_time(report);
    push(
        &mut body,
        format_args!("<div class=\"two\"><div>{over_time}</div>{}</div>", troubles(report)),
    );
    body.push_str(&tables(report));
    body.push_str(&circumstances(report));
    shell(&format!("Load report, {}", report.started_at), &body)
}

fn head(report: &LoadReport) -> String {
    let (kind, mark, verdict) = verdict(report);
    format!(
        "<header><div class=\"brand\">Load report</div>\
         <p class=\"verdict {kind}\">{mark}</p><h1>{}</h1><p class=\"lead\">{}</p>\
         <p class=\"sub\">{} · {}</p></header>",
        escape(&verdict),
        escape(&lead(report)),
        escape(&report.started_at),
        escape(&report.target),
    )
}

/// What was done and how it went, in three sentences.
fn lead(report: &LoadReport) -> String {
    let (seconds, connections) = (report.seconds, report.connections);
    let mut text = format!("For {seconds:.0} seconds, {} ", plural(connections, "connection"));
    text += &match report.offered_rate {
        Some(rate) => format!("put up to {} messages a second to the host", grouped(rate)),
        None => "sent one message after another to the host".to_owned(),
    };
    let all = report.sent.max(1);
    text += &match &report.chaos {
        Some(_) => {
            let share = super::ratio(report.disturbed, all) * 100.0;
            format!(", and {share:.1} % of them were disturbed on purpose.")
        }
        None => ".".to_owned(),
    };
    if report.interrupted {
        text += " It was ended by hand before its time.";
    }
    let (p50, p99) = (milliseconds(report.latency_ms.p50), milliseconds(report.latency_ms.p99));
    if report.answered > 0 {
        text += &format!(" Half of the answers came within {p50} ms, 99 of 100 within {p99} ms.");
    }
    text
}

fn plural(count: usize, name: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {name}{ending}", grouped(float(u64::try_from(count).unwrap_or(u64::MAX))))
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
        let text = if oracle.judged == 0 {
            format!("No answer could be judged; {} were 91, too busy.", answers(oracle.shed))
        } else if differences > 0 {
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
    if report.oracle.is_none() && report.shed() > 0 {
        let (shed, all) = (answers(report.shed()), answers(report.answered));
        let text = format!("{shed} of {all} answers were 91: the host was too busy.");
        return ("warn", "! not all served", text);
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
    let kind = |count: u64| if count == 0 { "tile good" } else { "tile bad" };
    let failed = tile("Failed", &failed, "", "no answer, or none that fits");
    text += &failed.replacen("tile", kind(report.errors()), 1);
    if let Some(oracle) = &report.oracle {
        let judged = format!("of {} judged", grouped(float(oracle.judged)));
        let wrong = tile("Wrong answers", &grouped(float(oracle.wrong)), "", &judged);
        text += &wrong.replacen("tile", kind(oracle.wrong), 1);
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
    list += &proofs(oracle.proofs);
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
                "Books of {} accounts and {} cards: balances sum to {} KGS (expected {}), {} \
                 differences in balances, holds, counters and blocks",
                number(money.accounts),
                number(money.cards),
                amount(&money.found),
                amount(&money.expected),
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
                    follow from the journal";
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

fn proofs(count: u64) -> String {
    if count == 0 {
        return String::new();
    }
    let text = "issuer's cryptograms and authentication codes on answers, each as chip and terminal \
                expect it (SEC-2, SEC-5)";
    check(Some(true), &format!("{} {text}", grouped(float(count))))
}

fn first_wrong(oracle: &OracleReport) -> String {
    let Some(finding) = &oracle.first_wrong else { return String::new() };
    format!(
        "<p><b>The first wrong answer:</b> {}. Expected {}, because {}</p><pre tabindex=\"0\">{}</pre>",
        escape(&finding.what),
        escape(&finding.expected),
        escape(&finding.because),
        escape(&finding.messages)
    )
}

/// What was done on purpose; where nothing was, what went wrong by itself.
fn troubles(report: &LoadReport) -> String {
    let row = |name: &str, note: &str, count: u64| {
        let (name, note, count) = (escape(name), escape(note), grouped(float(count)));
        format!(
            "<tr><th scope=\"row\">{name}</th><td class=\"l soft\">{note}</td><td>{count}</td></tr>"
        )
    };
    if let Some(chaos) = &report.chaos {
        let heads = ["fault", "<what happened", "times"];
        let rows = chaos.faults.iter().map(|(name, count)| row(name, described(name), *count));
        let note = format!("Drawn from seed {}, which does the same again.", chaos.seed);
        return card("Chaos, on purpose", &note, &table(&heads, &rows.collect::<String>()));
    }
    let rows = [
        ("not answered", "by the deadline", report.timeouts),
        ("late", "answered after the deadline", report.late),
        ("lost", "on their way when a connection broke", report.lost),
        ("disconnects", "connections that broke", report.disconnects),
        ("strange", "frames that answer nothing", report.strange),
        ("never sent", "due, and no room to send them", report.unsent),
    ];
    let rows = rows.map(|(name, note, count)| row(name, note, count)).concat();
    let note = "All of them count in the latency with the time waited.";
    card("Failures by kind", note, &table(&["failure", "<what happened", "times"], &rows))
}

fn tables(report: &LoadReport) -> String {
    let row = |name: &str, t: super::Latency| {
        let cells = [t.min, t.p50, t.p90, t.p99, t.p999, t.p9999, t.max, t.mean];
        let cells = cells.map(|ms| format!("<td>{ms:.3}</td>")).concat();
        format!("<tr><th scope=\"row\">{name}</th>{cells}</tr>")
    };
    let heads =
        ["milliseconds", "least", "50 %", "90 %", "99 %", "99.9 %", "99.99 %", "longest", "mean"];
    let mut times = row("latency", report.latency_ms);
    if let Some(late) = report.sent_late_ms {
        times += &row("since it was sent", report.service_ms);
        times += &row("sent late by", late);
    }
    let mut codes = String::new();
    for CodeCount { operation, code, count } in &report.codes {
        let (operation, meaning) = (escape(operation), escape(meaning(code)));
        let (code, count) = (escape(code), grouped(float(*count)));
        push(
            &mut codes,
            format_args!(
                "<tr><th scope=\"row\">{operation}</th><td class=\"l\">{code}</td>\
                 <td class=\"l\">{meaning}</td><td>{count}</td></tr>"
            ),
        );
    }
    let note = "Latency counts from the moment a message was due, so that a host that stalls cannot \
                hide it.";
    let answers = table(&["operation", "<code", "<meaning", "answers"], &codes);
    card("Times", note, &table(&heads, &times))
        + &card("Answers by operation", "", &answers)
        + &every_second(report)
}

/// The plots' figures, for those who cannot see plots or do not believe them.
fn every_second(report: &LoadReport) -> String {
    let heads =
        ["second", "answers/s", "p50 ms", "p99 ms", "longest", "failed", "disturbed", "wrong"];
    let mut rows = String::new();
    for second in measured(report) {
        let Second { at, rate, p50, p99, max, errors, disturbed, wrong, .. } = second;
        push(
            &mut rows,
            format_args!(
                "<tr><th scope=\"row\">{at:.0}</th><td>{}</td><td>{p50:.2}</td><td>{p99:.2}</td>\
                 <td>{max:.2}</td><td>{errors}</td><td>{disturbed}</td><td>{wrong}</td></tr>",
                grouped(*rate)
            ),
        );
    }
    let table = table(&heads, &rows);
    format!(
        "<details class=\"card\"><summary>Second by second, in figures</summary>{table}</details>"
    )
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
        ("loop", format!("{}, {}", report.loop_kind, plural(report.connections, "connection"))),
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
    let inside = format!("<dl>{rows}</dl><pre class=\"wrap\" tabindex=\"0\">{command}</pre>");
    card("How it was measured", "", &inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{ChaosReport, Finding, MoneyReport};
    use std::collections::BTreeMap;

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
        let plain = report.codes.clone();
        report.codes = vec![CodeCount { code: "91".to_owned(), count: 7, ..CodeCount::default() }];
        assert!(page(&report).contains("7 of 3 000 answers were 91: the host was too busy."));
        report.codes = plain;
        report.oracle = Some(OracleReport { shed: 3000, ..OracleReport::default() });
        assert!(page(&report).contains("No answer could be judged; 3 000 were 91, too busy."));
        assert!(!report.is_clean(), "a host that answers nothing but 91 is no good host");
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
        assert_eq!(page(&report).matches("<svg").count(), 5, "no chaos, no plot of it");
        let faults = BTreeMap::from([("drop".to_owned(), 7)]);
        report.chaos = Some(ChaosReport { faults, seed: 42, ..ChaosReport::default() });
        let page = page(&report);
        assert_eq!(page.matches("<svg").count(), 6);
        assert!(page.contains("the request never left"));
        assert!(page.contains("seed 42") && !page.contains("<b>'") && page.contains("&lt;b&gt;"));
        assert!(!page.contains("NaN") && !page.contains("inf"), "a figure is none");
        let empty = super::page(&LoadReport::default());
        assert!(!empty.contains("NaN") && !empty.contains("inf"), "an empty report has a page too");
    }
}
