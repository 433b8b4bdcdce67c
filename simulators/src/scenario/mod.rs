//! Plays scenario files against fresh engines and tells what was not as expected.
//!
//! The format is the contract's ("Scenario files"). Each scenario gets an engine of its own in a
//! folder of its own: configuration and merged rules are written, the portfolio imported, the
//! engine started on free ports under a test clock, and the steps played over TCP and HTTP.

mod compare;
mod diff;
mod engine;
mod file;
pub(crate) mod http;
mod message;
mod proofs;
mod recognise;
mod recorder;
mod report;
mod rules;
mod session;
mod steps;
mod whereabouts;

pub use compare::Difference;
pub use diff::{Row, Table};
pub use engine::{Engine, Launch, default_program};
pub use file::{FileError, Scenario, read};
pub use recorder::{Recorder, Strangers};
pub use report::{Report, ScenarioResult};
pub use rules::{BASE, merge, rule_set};
pub use session::{Head, Recording, Taken};
pub use steps::StepResult;
pub use whereabouts::Whereabouts;

use crate::moment::Zone;
use crate::{Portfolio, SimError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use steps::Player;

/// How to play.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How engines are started.
    pub launch: Launch,
    /// How long an answer may take where the scenario says nothing.
    pub patience: Duration,
    /// Keep the engines' folders.
    pub keep_data: bool,
    /// Play only scenarios whose name contains this.
    pub only: Option<String>,
    /// Drain the engine at the end and let it verify what it leaves behind.
    pub verify: bool,
}

/// Plays all scenarios of the files, in order; each outcome is handed to `told` as it is known.
pub fn run(
    settings: &Settings,
    files: &[PathBuf],
    mut told: impl FnMut(&ScenarioResult),
) -> Report {
    let mut report = Report::default();
    for path in files {
        let scenarios = match read(path) {
            Ok(scenarios) => scenarios,
            Err(error) => {
                report.unreadable.push(error.to_string());
                continue;
            }
        };
        for scenario in scenarios {
            let wanted = |only: &String| scenario.name.contains(only.as_str());
            if settings.only.as_ref().is_none_or(wanted) {
                let result = play(settings, path, &scenario);
                told(&result);
                report.scenarios.push(result);
            }
        }
    }
    report
}

fn play(settings: &Settings, path: &Path, scenario: &Scenario) -> ScenarioResult {
    let started = Instant::now();
    let mut result = ScenarioResult {
        file: path.to_owned(),
        name: scenario.name.clone(),
        covers: scenario.covers.clone(),
        steps: Vec::new(),
        step_count: scenario.steps.len(),
        error: None,
        error_at: None,
        data: None,
        took_ms: 0.0,
    };
    let folder = tempfile::Builder::new().prefix("tamga-scenario-").tempdir();
    match folder {
        Ok(folder) => {
            let played = play_in(settings, path, scenario, folder.path(), &mut result.steps);
            result.error = played.err().map(|error| error.to_string());
            let trouble = |cause: &String| scenario.places.trouble(result.steps.len(), cause);
            result.error_at = result.error.as_ref().and_then(trouble);
            result.data = settings.keep_data.then(|| folder.keep());
        }
        Err(error) => result.error = Some(format!("no temporary folder: {error}")),
    }
    result.took_ms = started.elapsed().as_secs_f64() * 1000.0;
    result
}

fn play_in(
    settings: &Settings,
    path: &Path,
    scenario: &Scenario,
    folder: &Path,
    steps: &mut Vec<StepResult>,
) -> Result<(), SimError> {
    let beside = path.parent().unwrap_or_else(|| Path::new(""));
    let portfolio_path = beside.join(&scenario.portfolio);
    let absolute = std::path::absolute(&portfolio_path).map_err(SimError::file(&portfolio_path))?;
    let portfolio = Portfolio::read(absolute.clone())?;
    let rules = rules::rule_set(beside, &scenario.rules)?;
    let zone = Zone::named(&settings.launch.zone)?;
    zone.parse(&scenario.clock)?;
    let engine = Engine::start(&settings.launch, folder, &rules, &absolute, &scenario.clock)?;
    let mut player = Player::new(&portfolio, engine, zone, &scenario.clock, settings.patience)?;
    for (at, step) in scenario.steps.iter().enumerate() {
        steps.push(player.play(at + 1, scenario.places.step(at), step)?);
    }
    if settings.verify { player.into_engine().verify() } else { Ok(()) }
}
