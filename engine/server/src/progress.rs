//! How far a long command has come: a bar on a terminal, now and then a line elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

const BOUNDED: &str = "{msg:<10} [{bar:40}] {percent:>3} %, {eta} left";
const UNBOUNDED: &str = "{msg:<10} {spinner} {human_pos}";

fn style(template: &str) -> ProgressStyle {
    // Only a mistake in the templates above could fail.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The progress of one stage after another. Writes to standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    stage: &'static str,
    total: u64,
    told: Instant,
}

impl Progress {
    /// A bar if standard error is a terminal, else lines.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()));
        Self { bar, stage: "", total: 0, told: Instant::now() }
    }

    /// For tests and for callers that tell themselves.
    #[must_use]
    pub fn silent() -> Self {
        let mut silent = Self::new();
        silent.bar = Some(ProgressBar::hidden());
        silent
    }

    /// The next stage, of so many steps; 0 if nobody knows how many.
    pub fn stage(&mut self, stage: &'static str, total: u64) {
        (self.stage, self.total, self.told) = (stage, total, Instant::now());
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_style(style(if total == 0 { UNBOUNDED } else { BOUNDED }));
            bar.set_length(total);
            bar.set_message(stage);
        }
    }

    /// So many steps of the stage are done.
    pub fn at(&mut self, done: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(done),
            None if self.told.elapsed() >= EVERY => {
                self.told = Instant::now();
                match done.saturating_mul(100).checked_div(self.total) {
                    Some(percent) => eprintln!("{}: {percent} %", self.stage),
                    None => eprintln!("{}: {done}", self.stage),
                }
            }
            None => {}
        }
    }

    /// Nothing more is shown.
    pub fn finish(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
