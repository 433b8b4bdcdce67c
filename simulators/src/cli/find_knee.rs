//! `tamga-sim find-knee`.

use super::{Outcome, Ran, load, options};
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::load::knee::{Goal, Search, find};
use tamga_sim::{SimError, files};

/// Raise the rate until the latency goal breaks, and say where
///
/// Every step is an open loop of its own. The rate grows by half at a time until a step misses the
/// goal twice, then the gap is halved until it is narrow. What `load` takes is taken here too.
///
/// Exit code 0 if a knee was found, 1 if the goal held up to --most or never.
#[derive(clap::Args)]
#[group(id = "find_knee")]
pub(crate) struct Args {
    #[command(flatten)]
    load: load::Args,
    /// The latency to keep: p50, p90, p99, p99.9 or max, below so many milliseconds
    #[arg(long, default_value = "p99<10ms")]
    goal: Goal,
    /// The first rate
    #[arg(long, value_name = "RATE", default_value_t = 500.0)]
    from: f64,
    /// The greatest rate to try
    #[arg(long, value_name = "RATE", default_value_t = 1e6)]
    most: f64,
    /// How long each step is measured
    #[arg(long, value_name = "TIME", value_parser = options::duration, default_value = "5s")]
    step: Duration,
    /// Write the steps as JSON
    #[arg(long, value_name = "FILE")]
    steps_json: Option<PathBuf>,
    /// Write the steps as a page
    #[arg(long, value_name = "FILE")]
    steps_html: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let reports = [&self.steps_json, &self.steps_html];
        reports.into_iter().flatten().try_for_each(|path| files::must_be_writable(path))?;
        let settings = self.load.settings()?;
        if settings.judging.is_some() {
            let message = "the knee is looked for without --oracle, --engine and --chaos: an oracle \
                           needs a fresh host for every step";
            return Err(SimError::Setting(message.to_owned()));
        }
        load::stop_on_interrupt(&settings.stop, || ())?;
        let search = Search {
            goal: self.goal,
            from: self.from,
            most: self.most,
            step: self.step,
            ..Search::default()
        };
        let knee = find(&settings, &search, |step| println!("{step}"))?;
        println!("\n{knee}");
        if let Some(path) = self.steps_json {
            files::write(&path, &knee.json())?;
        }
        if let Some(path) = self.steps_html {
            files::write(&path, &knee.html())?;
        }
        Ok(if knee.is_found() { Outcome::Good } else { Outcome::Bad })
    }
}
