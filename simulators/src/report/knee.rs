//! The search for the knee as a page.

use super::chart::{Axis, Chart, Series, Stroke, push};
use super::page::{escape, shell};
use super::{Latency, Machine, grouped, machine, milliseconds};
use crate::load::knee::{Knee, Step};

impl Knee {
    /// As one page.
    #[must_use]
    pub fn html(&self) -> String {
        let mut steps: Vec<&Step> = self.steps.iter().collect();
        steps.sort_by(|a, b| a.offered.total_cmp(&b.offered));
        let most = steps.last().map_or(1.0, |step| step.offered);
        let line = |name: &str, colour, stroke, value: fn(&Latency) -> f64| Series {
            name: name.to_owned(),
            colour,
            stroke,
            points: steps.iter().map(|step| (step.offered, value(&step.latency_ms))).collect(),
        };
        let hover = steps.iter().map(|step| {
            let Latency { p50, p99, .. } = step.latency_ms;
            let (p50, p99, rate) = (milliseconds(p50), milliseconds(p99), grouped(step.offered));
            (step.offered, format!("{rate} a second\np50 {p50} ms\np99 {p99} ms"))
        });
        let goal = self.goal.below();
        let longest = steps.iter().map(|step| step.latency_ms.max).fold(goal, f64::max);
        let least = steps.iter().map(|step| step.latency_ms.p50).fold(1.0, f64::min);
        let marks = (0..=5).map(|at| f64::from(at) * most / 5.0).map(|at| (at, grouped(at)));
        let chart = Chart {
            label: "latency by rate".into(),
            x: Axis::marked(0.0, most, marks.collect()),
            y: Axis::log(least, longest, |ms| format!("{ms} ms")),
            series: vec![
                line("half faster", 1, Stroke::Line, |latency| latency.p50),
                line("99 of 100 faster", 2, Stroke::Line, |latency| latency.p99),
                line("slowest", 4, Stroke::Dashed, |latency| latency.max),
                Series {
                    name: format!("the goal, {}", self.goal),
                    colour: 5,
                    stroke: Stroke::Dashed,
                    points: vec![(0.0, goal), (most, goal)],
                },
            ],
            hover: hover.collect(),
        };
        let mut rows = String::new();
        for step in &self.steps {
            let Latency { p50, p99, p999, .. } = step.latency_ms;
            let (offered, answered) = (grouped(step.offered), grouped(step.answered));
            let (class, verdict) =
                step.missed.as_ref().map_or(("up", "holds"), |why| ("down", why.as_str()));
            let verdict = escape(verdict);
            push(
                &mut rows,
                format_args!(
                    "<tr><td>{offered}</td><td>{answered}</td><td>{p50:.2}</td><td>{p99:.2}</td>\
                     <td>{p999:.2}</td><td class=\"{class}\">{verdict}</td></tr>"
                ),
            );
        }
        let Machine { processor, cores, memory_gib, system } = Machine::this();
        let body = format!(
            "<div class=\"brand\">Where the latency gives way</div><h1>{}</h1>\
             <div class=\"card\"><h2>Latency by rate</h2>\
             <p class=\"note\">Messages a second asked for, in an open loop.</p>{}</div>\
             <div class=\"card\"><table><tr><th>asked for</th><th>answered</th><th>50 % ms</th>\
             <th>99 % ms</th><th>99.9 % ms</th><th></th></tr>{rows}</table></div>\
             <div class=\"card\"><p class=\"note\">{}, {cores} cores, {memory_gib} GiB, {}</p>\
             <pre class=\"wrap\">{}</pre></div>",
            escape(self.to_string().trim()),
            chart.html(),
            escape(&processor),
            escape(&system),
            escape(&machine::command()),
        );
        shell("Where the latency gives way", &body)
    }
}
