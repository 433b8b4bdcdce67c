//! Plots as SVG text: lines, areas and stacks over time or over percentiles.
//!
//! Colours are classes, so that the page's style decides them for light and dark.

use super::page::escape;
use std::fmt::Write;

/// Width and height, in half of the page's width and in all of it.
const HALF: (f64, f64) = (560.0, 240.0);
const WHOLE: (f64, f64) = (1140.0, 330.0);
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 30.0;

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    /// A line.
    Line,
    /// A line with the area below it tinted.
    Area,
    /// A broken line: what was asked for, or left out.
    Dashed,
    /// On top of the series before it.
    Stacked,
}

/// Points of one colour.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) stroke: Stroke,
    pub(super) points: Vec<(f64, f64)>,
}

/// A scale with its marks.
#[derive(Default)]
pub(super) struct Axis {
    min: f64,
    max: f64,
    is_log: bool,
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a round number above the greatest.
    pub(super) fn linear(max: f64, show: impl Fn(f64) -> String) -> Self {
        let step = round_step(max.max(1e-9) / 4.0);
        let count = (max / step).ceil().max(1.0);
        let marks = (0..=64).map(f64::from).take_while(|mark| *mark <= count);
        let marks = marks.map(|mark| (mark * step, show(mark * step))).collect();
        Self { min: 0.0, max: count * step, is_log: false, marks }
    }

    /// Powers of ten around the least and the greatest.
    pub(super) fn log(min: f64, max: f64, show: impl Fn(f64) -> String) -> Self {
        let least = min.max(1e-6).log10().floor();
        let most = max.max(1e-6).log10().ceil().max(least + 1.0);
        let powers = (0..24).map(|power| least + f64::from(power));
        let powers = powers.take_while(|power| *power <= most);
        let marks = powers.map(|power| 10f64.powf(power)).map(|mark| (mark, show(mark)));
        Self { min: 10f64.powf(least), max: 10f64.powf(most), is_log: true, marks: marks.collect() }
    }

    /// These marks and no others.
    pub(super) fn marked(min: f64, max: f64, marks: Vec<(f64, String)>) -> Self {
        Self { min, max: max.max(min + 1e-9), is_log: false, marks }
    }

    /// Its end.
    pub(super) const fn most(&self) -> f64 {
        self.max
    }

    /// Where a value stands, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_log { value.max(self.min).log10() } else { value };
        let (from, to) = (scale(self.min), scale(self.max));
        ((scale(value) - from) / (to - from)).clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|step| step * power >= least * 0.999);
    step.unwrap_or(10.0) * power
}

/// Something that happened, or a border: a line across the plot with a word on its head.
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) text: String,
}

/// A plot.
#[derive(Default)]
pub(super) struct Chart {
    pub(super) label: String,
    /// As wide as the page.
    pub(super) is_wide: bool,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) marks: Vec<Mark>,
    /// What to say at a place of the x axis.
    pub(super) hover: Vec<(f64, String)>,
}

impl Chart {
    fn size(&self) -> (f64, f64) {
        if self.is_wide { WHOLE } else { HALF }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (width, height) = self.size();
        let across = LEFT + self.x.place(x) * (width - LEFT - RIGHT);
        let up = height - BOTTOM - self.y.place(y) * (height - TOP - BOTTOM);
        (across, up)
    }

    /// The plot with its legend.
    pub(super) fn html(&self) -> String {
        let (width, height) = self.size();
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}\" data-hover=\"{}\">",
            escape(&self.label),
            escape(&self.hover_data()),
        );
        self.grid(&mut svg);
        let mut below: Vec<(f64, f64)> = Vec::new();
        for series in &self.series {
            self.draw(series, &mut below, &mut svg);
        }
        self.events(&mut svg);
        let bottom = height - BOTTOM;
        push(&mut svg, format_args!("<line class=\"cross\" y1=\"{TOP}\" y2=\"{bottom}\"/></svg>"));
        format!("<div class=\"plot\">{}{svg}<div class=\"tip\"></div></div>", self.legend())
    }

    fn legend(&self) -> String {
        let mut text = String::from("<div class=\"legend\">");
        for Series { name, colour, stroke, .. } in &self.series {
            let kind = if *stroke == Stroke::Dashed { " dashed" } else { "" };
            let name = escape(name);
            push(&mut text, format_args!("<span><i class=\"k{colour}{kind}\"></i>{name}</span>"));
        }
        text + "</div>"
    }

    fn grid(&self, svg: &mut String) {
        let (width, height) = self.size();
        let (right, bottom) = (width - RIGHT, height - BOTTOM);
        for (mark, text) in &self.y.marks {
            let (_, y) = self.at(self.x.min, *mark);
            let (below, before, text) = (y + 4.0, LEFT - 8.0, escape(text));
            push(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                     <text x=\"{before}\" y=\"{below:.1}\" text-anchor=\"end\">{text}</text>"
                ),
            );
        }
        for (mark, text) in &self.x.marks {
            let (x, _) = self.at(*mark, self.y.min);
            let (y, text) = (bottom + 19.0, escape(text));
            push(
                svg,
                format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{text}</text>"),
            );
        }
    }

    fn events(&self, svg: &mut String) {
        let bottom = self.size().1 - BOTTOM;
        for Mark { at, text } in &self.marks {
            let ((x, _), text) = (self.at(*at, self.y.min), escape(text));
            push(
                svg,
                format_args!(
                    "<line class=\"event\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
                     <text class=\"event\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                    TOP - 3.0
                ),
            );
        }
    }

    fn draw(&self, series: &Series, below: &mut Vec<(f64, f64)>, svg: &mut String) {
        let Series { colour, stroke, points, .. } = series;
        if *stroke == Stroke::Stacked {
            let under = |at: usize| below.get(at).map_or(0.0, |point| point.1);
            let top = points.iter().enumerate().map(|(at, (x, y))| (*x, y + under(at)));
            let top: Vec<(f64, f64)> = top.collect();
            let floor = points.iter().enumerate().map(|(at, (x, _))| (*x, under(at))).rev();
            let path = self.path(top.iter().copied().chain(floor));
            push(svg, format_args!("<path class=\"f{colour}\" d=\"{path}Z\"/>"));
            *below = top;
            return;
        }
        let path = self.path(points.iter().copied());
        if *stroke == Stroke::Area {
            let ends = [points.last(), points.first()].into_iter().flatten();
            let floor = ends.map(|(x, _)| (*x, self.y.min));
            let area = self.path(points.iter().copied().chain(floor));
            push(svg, format_args!("<path class=\"a{colour}\" d=\"{area}Z\"/>"));
        }
        let kind = if *stroke == Stroke::Dashed { " dashed" } else { "" };
        push(svg, format_args!("<path class=\"s{colour}{kind}\" d=\"{path}\"/>"));
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let mut path = String::new();
        for (x, y) in points {
            let (x, y) = self.at(x, y);
            let pen = if path.is_empty() { 'M' } else { 'L' };
            push(&mut path, format_args!("{pen}{x:.1} {y:.1}"));
        }
        path
    }

    fn hover_data(&self) -> String {
        let places = self.hover.iter().map(|(x, text)| (self.at(*x, self.y.min).0.round(), text));
        serde_json::to_string(&places.collect::<Vec<_>>()).unwrap_or_default()
    }
}

/// Writing to a String cannot fail.
pub(super) fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.3, 0.5), (1.0, 1.0), (3.0, 5.0), (7.0, 10.0), (1200.0, 2000.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}");
        }
        let axis = Axis::linear(930.0, |mark| format!("{mark}"));
        assert!((axis.max - 1000.0).abs() < 1e-9 && axis.marks.len() == 3, "{:?}", axis.marks);
        let axis = Axis::log(0.2, 45.0, |mark| format!("{mark}"));
        assert_eq!(axis.marks.len(), 4);
        assert!((axis.place(0.1) - 0.0).abs() < 1e-9 && (axis.place(1.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn stacks_stand_on_each_other_and_stay_inside() {
        let series = |name: &str, value: f64| Series {
            name: name.into(),
            colour: 1,
            stroke: Stroke::Stacked,
            points: vec![(0.0, value), (1.0, value)],
        };
        let chart = Chart {
            label: "<codes>".into(),
            x: Axis::marked(0.0, 1.0, vec![]),
            y: Axis::linear(4.0, |mark| format!("{mark}")),
            series: vec![series("a", 1.0), series("b", 3.0)],
            hover: vec![(0.5, "half \"way\"".into())],
            marks: vec![Mark { at: 0.5, text: "<storm>".into() }],
            is_wide: false,
        };
        let html = chart.html();
        let (top, bottom) = (format!(" {TOP:.1}"), format!(" {:.1}", HALF.1 - BOTTOM));
        assert!(html.contains(&top) && html.contains(&bottom), "{html}");
        assert!(html.contains("&lt;storm&gt;") && html.contains("class=\"event\" x1"));
        assert!(html.contains("&lt;codes&gt;") && html.contains("half \\&quot;way"), "{html}");
    }
}
