//! The search for the knee as a page.

use super::chart::{Axis, Chart, Mark, Series, Stroke, push};
use super::page::{card, escape, shell, table};
use super::{Latency, Machine, grouped, machine, milliseconds};
use crate::load::knee::{Knee, Step};

impl Knee {
    /// As one page.
    #[must_use]
    pub fn html(&self) -> String {
        let (kind, mark) = match (self.is_found(), self.holds_at) {
            (true, _) => ("good", "✓ found"),
            (false, Some(_)) => ("warn", "! not reached"),
            (false, None) => ("bad", "✕ never held"),
        };
        let Machine { processor, cores, memory_gib, system } = Machine::this();
        let machine = format!("{processor}, {cores} cores, {memory_gib} GiB, {system}");
        let command = escape(&machine::command());
        let note = "Each step is an open loop of its own, as many messages a second as asked for. \
                    One that misses the goal is tried again, and counts by the better try.";
        let body = format!(
            "<header><div class=\"brand\">Where the latency gives way</div>\
             <p class=\"verdict {kind}\">{mark}</p><h1>{}</h1><p class=\"lead\">{}</p></header>{}{}{}",
            escape(self.to_string().trim()),
            escape(&self.lead()),
            card("Latency by rate", note, &self.plot()),
            card("Every step", "In the order they were tried.", &self.steps_table()),
            card(
                "How it was measured",
                &machine,
                &format!("<pre class=\"wrap\" tabindex=\"0\">{command}</pre>")
            ),
        );
        shell("Where the latency gives way", &body)
    }

    /// How it feels just below the knee.
    fn lead(&self) -> String {
        let Some(last) = self.holds_at.and_then(|rate| self.best_at(rate)) else {
            return "The goal did not hold at any rate that was tried.".to_owned();
        };
        let Latency { p50, p99, max, .. } = last.latency_ms;
        let [p50, p99, max] = [p50, p99, max].map(milliseconds);
        format!(
            "At {} messages a second half of the answers came within {p50} ms, 99 of 100 within \
             {p99} ms, the slowest in {max} ms.",
            grouped(last.offered)
        )
    }

    /// The better of the tries of a rate.
    fn best_at(&self, rate: f64) -> Option<&Step> {
        let tries = self.steps.iter().filter(|step| (step.offered - rate).abs() < 0.5);
        tries.min_by(|a, b| {
            a.missed.is_some().cmp(&b.missed.is_some()).then(a.value.total_cmp(&b.value))
        })
    }

    fn plot(&self) -> String {
        let mut steps: Vec<&Step> =
            self.steps.iter().filter_map(|step| self.best_at(step.offered)).collect();
        steps.sort_by(|a, b| a.offered.total_cmp(&b.offered));
        steps.dedup_by(|a, b| (a.offered - b.offered).abs() < 0.5);
        let most = steps.last().map_or(1.0, |step| step.offered);
        let line = |name: &str, colour, stroke, value: fn(&Latency) -> f64| Series {
            name: name.to_owned(),
            colour,
            stroke,
            points: steps.iter().map(|step| (step.offered, value(&step.latency_ms))).collect(),
        };
        let hover = steps.iter().map(|step| {
            let Latency { p50, p99, max, .. } = step.latency_ms;
            let [p50, p99, max] = [p50, p99, max].map(milliseconds);
            let rate = grouped(step.offered);
            (step.offered, format!("{rate} a second\np50 {p50} ms\np99 {p99} ms\nmax {max} ms"))
        });
        let goal = self.goal.below();
        let longest = steps.iter().map(|step| step.latency_ms.max).fold(goal, f64::max);
        let least = steps.iter().map(|step| step.latency_ms.p50).fold(1.0, f64::min);
        let border =
            |(at, text): (Option<f64>, &str)| Some(Mark { at: at?, text: text.to_owned() });
        let borders = match (self.holds_at, self.breaks_at) {
            (Some(holds), Some(breaks)) => vec![(Some((holds + breaks) / 2.0), "the knee")],
            _ => Vec::new(),
        };
        let x = Axis::linear(most, grouped);
        let chart = Chart {
            label: "latency by rate".into(),
            is_wide: true,
            series: vec![
                line("half faster", 1, Stroke::Line, |latency| latency.p50),
                line("99 of 100 faster", 2, Stroke::Line, |latency| latency.p99),
                line("slowest", 4, Stroke::Dashed, |latency| latency.max),
                Series {
                    name: format!("the goal, {}", self.goal),
                    colour: 5,
                    stroke: Stroke::Dashed,
                    points: vec![(0.0, goal), (x.most(), goal)],
                },
            ],
            x,
            y: Axis::log(least, longest, |ms| format!("{ms} ms")),
            marks: borders.into_iter().filter_map(border).collect(),
            hover: hover.collect(),
        };
        chart.html()
    }

    fn steps_table(&self) -> String {
        let mut rows = String::new();
        for step in &self.steps {
            let Latency { p50, p99, p999, .. } = step.latency_ms;
            let (offered, answered) = (grouped(step.offered), grouped(step.answered));
            let (class, verdict) = match &step.missed {
                None => ("up", "✓ holds".to_owned()),
                Some(why) => ("down", format!("✕ {}", escape(why))),
            };
            push(
                &mut rows,
                format_args!(
                    "<tr><th scope=\"row\">{offered}</th><td>{answered}</td><td>{p50:.2}</td>\
                     <td>{p99:.2}</td><td>{p999:.2}</td><td class=\"{class}\">{verdict}</td></tr>"
                ),
            );
        }
        let heads = ["asked for /s", "answered /s", "50 % ms", "99 % ms", "99.9 % ms", "the goal"];
        table(&heads, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::knee::Search;

    fn step(offered: f64, p99: f64, missed: bool) -> Step {
        Step {
            offered,
            answered: offered,
            latency_ms: Latency { p50: p99 / 4.0, p99, max: p99 * 2.0, ..Latency::default() },
            value: p99,
            missed: missed.then(|| format!("{p99:.2} ms")),
        }
    }

    #[test]
    fn the_page_says_where_and_counts_a_rate_by_its_better_try() {
        let steps = vec![step(500.0, 2.0, false), step(750.0, 60.0, true), step(750.0, 4.0, false)];
        let (holds_at, breaks_at) = (Some(750.0), Some(1000.0));
        let goal = Search::default().goal;
        let knee = Knee { goal, holds_at, breaks_at, steps };
        let page = knee.html();
        assert!(page.contains("99 of 100 within 4.00 ms") && page.contains("the knee"), "{page}");
        assert!(page.contains("✓ found") && page.matches("✓ holds").count() == 2);
        assert!(!page.contains("NaN") && !page.contains("inf"));
        let never = Knee { goal, holds_at: None, breaks_at: Some(500.0), steps: Vec::new() };
        assert!(never.html().contains("did not hold at any rate"));
    }
}
