//! `tamga-sim scenario`.

use super::record::RecordArgs;
use super::{Outcome, Ran};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use tamga_sim::scenario::{self, Launch, Settings, default_program};
use tamga_sim::{SimError, files, moment};

/// Play scenario files, each scenario against a fresh engine
///
/// A scenario is a YAML document: a portfolio, a clock, rules over the base rule set, and steps
/// that send messages, call the API, move the clock or kill the engine, with what must come of
/// each.
/// With --record one is written instead, from what terminals and a host say to each other.
///
/// Exit code 0 if all passed, 1 if something was not as expected, 2 if it could not be tried.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Scenario files; one file may hold several scenarios
    #[arg(required_unless_present = "record", conflicts_with = "record")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    record: RecordArgs,
    /// The engine [default: $TAMGA_BIN, else `tamga` beside this program, else on the PATH]
    #[arg(long, value_name = "PATH")]
    engine: Option<PathBuf>,
    /// Play only scenarios whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a JSON report
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// At the end of each scenario drain the engine and run `tamga verify` on what it leaves
    #[arg(long)]
    verify: bool,
    /// Keep the engines' folders (configuration, data, log) and say where they are
    #[arg(long)]
    keep_data: bool,
    /// Seconds to wait for an answer where a step says nothing
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,
    /// Seconds an engine may take to get ready, or to drain
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    start_patience: u64,
    /// The zone of the engine's and the terminals' clocks
    #[arg(long, default_value = moment::DEFAULT_ZONE)]
    zone: String,
}

impl Args {
    pub(crate) fn run(self) -> Ran {
        let launch = Launch {
            program: self.engine.unwrap_or_else(default_program),
            patience: Duration::from_secs(self.start_patience),
            zone: self.zone,
        };
        if self.record.is_asked() {
            return self.record.run(&launch);
        }
        let settings = Settings {
            launch,
            patience: Duration::from_secs(self.patience),
            keep_data: self.keep_data,
            only: self.only,
            verify: self.verify,
        };
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let report =
            scenario::run(&settings, &self.files, |result| println!("{}", result.text(colour)));
        for reason in &report.unreadable {
            println!("FAIL  {reason}");
        }
        println!("{report}");
        let reports = [(self.junit, report.junit()), (self.json, report.json())];
        for (path, text) in reports {
            if let Some(path) = path {
                files::write(&path, &text)?;
            }
        }
        if report.scenarios.is_empty() && report.unreadable.is_empty() {
            return Err(SimError::Setting("no scenario has such a name".to_owned()));
        }
        Ok(if report.passed() { Outcome::Good } else { Outcome::Bad })
    }
}
