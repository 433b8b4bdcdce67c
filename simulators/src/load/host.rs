//! An engine started for one load: fresh, with cards enough, judged, and verified in the end.

use super::Settings;
use crate::SimError;
use crate::moment::Zone;
use crate::scenario::{Engine, Launch, default_program};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// Terminals for the cards to go to.
const SHOPS: u32 = 60;
const AGENTS: u32 = 12;
/// Shops' terminals whose messages have a MAC, for `--mac`.
const MACED_SHOPS: u32 = 24;

/// Shops' terminals that take a key of its own for every PIN.
const DUKPT_SHOPS: u32 = 12;

/// A running engine that nobody else uses.
pub struct OwnEngine {
    engine: Engine,
    rules: String,
    portfolio: PathBuf,
    /// Removed with everything in it.
    folder: tempfile::TempDir,
}

impl OwnEngine {
    /// The rule set it gets where none is given: every rule the oracle knows is in it.
    pub const RULES: &'static str = include_str!("rules.toml");

    /// Starts it with so many cards, at ten in the morning of a day that does not end.
    ///
    /// # Errors
    /// [`SimError::Engine`] with what it said if it does not start.
    pub fn start(
        program: Option<PathBuf>,
        rules: Option<String>,
        cards: u32,
        zone: &str,
    ) -> Result<Self, SimError> {
        let program = program.unwrap_or_else(default_program);
        let folder = tempfile::tempdir().map_err(SimError::file(&std::env::temp_dir()))?;
        let portfolio = folder.path().join("portfolio.jsonl");
        generate(&program, cards, &portfolio)?;
        let rules = rules.unwrap_or_else(|| Self::RULES.to_owned());
        let today = Zone::named(zone)?.now();
        let clock = format!("{}T10:00:00{}", today.business_date(), offset(today.offset.0));
        let launch = Launch { program, patience: PATIENCE, zone: zone.to_owned() };
        let engine = Engine::start_apart(&launch, folder.path(), &rules, &portfolio, &clock)?;
        Ok(Self { engine, rules, portfolio, folder })
    }

    /// Points a load at it, and has it judged by its rules and its books.
    ///
    /// # Errors
    /// [`SimError::Setting`] if the load asks for a listener it does not have.
    pub fn become_target(&self, settings: &mut Settings) -> Result<(), SimError> {
        // A dialect other than its own listener's is spoken at the listener that speaks it.
        let dialect = settings.endpoint.dialect().name();
        let mut known = Vec::new();
        for name in [settings.listener.as_str(), "pos", "atm", "network", "edition-2003"] {
            known.push(self.engine.listener(name)?);
        }
        let wanted = known.iter().find(|endpoint| endpoint.dialect().name() == dialect);
        let none = || {
            let cause = format!("no listener of the engine of --engine speaks {dialect}");
            SimError::Setting(cause)
        };
        settings.endpoint = wanted.ok_or_else(none)?.clone();
        settings.portfolio = self.portfolio.clone().into();
        if let Some(judging) = &mut settings.judging {
            judging.rules.clone_from(&self.rules);
            judging.api = Some((self.engine.http(), self.engine.token().to_owned()));
            judging.clock_stands = true;
        }
        Ok(())
    }

    /// Where its portfolio is, for changing what the oracle believes.
    #[must_use]
    pub const fn portfolio(&self) -> &PathBuf {
        &self.portfolio
    }

    /// What is to be done about it should this program end without dropping it.
    #[must_use]
    pub fn last_words(&self) -> LastWords {
        LastWords { engine: self.engine.pid(), folder: self.folder.path().to_owned() }
    }

    /// Stops it, and has it check its journal against its ledger, counters and snapshot.
    ///
    /// # Errors
    /// [`SimError::Engine`] with what was found.
    pub fn verify(self) -> Result<(), SimError> {
        self.engine.verify()
    }
}

/// The end of an engine whose owner ends at once.
#[derive(Debug, Clone)]
pub struct LastWords {
    engine: Option<rustix::process::Pid>,
    folder: PathBuf,
}

impl LastWords {
    /// Kills the engine and removes its folder, as far as that can be done.
    pub fn say(&self) {
        if let Some(engine) = self.engine {
            rustix::process::kill_process(engine, rustix::process::Signal::KILL)
                .unwrap_or_default();
        }
        std::fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

/// `+06:00` for 360 minutes.
fn offset(minutes: i16) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn generate(program: &PathBuf, cards: u32, path: &PathBuf) -> Result<(), SimError> {
    let file = File::create(path).map_err(SimError::file(path))?;
    let mut command = Command::new(program);
    command.arg("generate-portfolio").args(["--cards", &cards.to_string()]);
    command.args(["--maced-pos", &MACED_SHOPS.to_string()]);
    command.args(["--dukpt-pos", &DUKPT_SHOPS.to_string()]);
    command.args(["--pos", &SHOPS.to_string(), "--agents", &AGENTS.to_string()]);
    command.stdin(Stdio::null()).stdout(file);
    let name = program.display();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(SimError::Engine(format!("{name} generate-portfolio: {status}"))),
        Err(error) => Err(SimError::Engine(format!("{name} cannot be run: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_as_clocks_do() {
        assert_eq!([offset(360), offset(-210), offset(0)], ["+06:00", "-03:30", "+00:00"]);
    }

    #[test]
    fn a_program_that_is_none_is_told() {
        let started = OwnEngine::start(Some("/nowhere/tamga".into()), None, 5, "Asia/Bishkek");
        let error = started.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("cannot be run"), "{error}");
    }
}
