//! A fresh engine for one scenario: its folder, its configuration, its process.

use crate::{Endpoint, SimError};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(10);
const LOG_TAIL_LINES: usize = 25;
/// A scenario writes little, and preparing a large segment is most of what a start takes.
const SEGMENT_MIB: u32 = 4;

/// How engines are started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The `tamga` program.
    pub program: PathBuf,
    /// How long one may take to be ready, or to drain.
    pub patience: Duration,
    /// The zone of the engine's clock.
    pub zone: String,
}

/// A running engine with a folder of its own. Dropping it kills the process.
pub struct Engine {
    launch: Launch,
    folder: PathBuf,
    ports: Ports,
    token: String,
    child: Option<Child>,
    apart: bool,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    pos: u16,
    atm: u16,
    network: u16,
    edition_2003: u16,
    http: u16,
}

impl Engine {
    /// Writes the configuration into `folder`, imports the portfolio and starts.
    ///
    /// # Errors
    /// [`SimError::Engine`] with the end of its log if it refuses, dies or is not ready in time.
    pub fn start(
        launch: &Launch,
        folder: &Path,
        rules: &str,
        portfolio: &Path,
        clock: &str,
    ) -> Result<Self, SimError> {
        Self::start_so(launch, folder, (rules, portfolio, clock), false)
    }

    /// The same, out of reach of a Ctrl-C at the terminal, which is then for us alone.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_apart(
        launch: &Launch,
        folder: &Path,
        rules: &str,
        portfolio: &Path,
        clock: &str,
    ) -> Result<Self, SimError> {
        Self::start_so(launch, folder, (rules, portfolio, clock), true)
    }

    fn start_so(
        launch: &Launch,
        folder: &Path,
        (rules, portfolio, clock): (&str, &Path, &str),
        apart: bool,
    ) -> Result<Self, SimError> {
        let token = random_token()?;
        let ports = Ports::free()?;
        let folder = folder.to_owned();
        let launch = launch.clone();
        let mut engine = Self { launch, folder, ports, token, child: None, apart };
        engine.write("rules.toml", rules)?;
        engine.write("tamga.toml", &engine.configuration())?;
        engine.import(portfolio, clock)?;
        engine.serve(clock)?;
        Ok(engine)
    }

    /// The address of its HTTP side.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// The token its API accepts.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.child.as_ref().map(Pid::from_child)
    }

    /// The listener of that name: `pos`, `atm`, `network` or `edition-2003`.
    ///
    /// # Errors
    /// [`SimError::Unknown`].
    pub fn listener(&self, name: &str) -> Result<Endpoint, SimError> {
        let at = |port: u16| format!("127.0.0.1:{port}");
        match name {
            "pos" => Endpoint::pos(&at(self.ports.pos)),
            "atm" => Endpoint::atm(&at(self.ports.atm)),
            "network" => Endpoint::network(&at(self.ports.network)),
            "edition-2003" => {
                Endpoint::new(&at(self.ports.edition_2003), "u16be", false, "iso2003-bcd")
            }
            _ => Err(SimError::Unknown { kind: "listener", name: name.to_owned() }),
        }
    }

    /// `kill -9` and start again on the same data.
    ///
    /// # Errors
    /// [`SimError::Engine`].
    pub fn restart_killed(&mut self, clock: &str) -> Result<(), SimError> {
        self.kill();
        self.serve(clock)
    }

    /// SIGTERM, wait for it to finish its work, and start again on the same data.
    ///
    /// # Errors
    /// [`SimError::Engine`], also if it does not end by itself and well.
    pub fn restart_drained(&mut self, clock: &str) -> Result<(), SimError> {
        self.drain_well()?;
        self.serve(clock)
    }

    /// Drains the engine and has `tamga verify` look at what it leaves: ledger, counters,
    /// snapshot against replay.
    ///
    /// # Errors
    /// [`SimError::Engine`] with what `verify` found.
    pub fn verify(mut self) -> Result<(), SimError> {
        self.drain_well()?;
        match self.command("verify").status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(&format!("the verification ended with {status}"))),
            Err(error) => Err(self.not_runnable(&error)),
        }
    }

    fn drain_well(&mut self) -> Result<(), SimError> {
        let status = self.drain()?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(&format!("SIGTERM ended the engine with {status}")))
    }

    /// Why the engine is gone, if it is.
    pub fn obituary(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok().flatten()?;
        Some(self.failed(&format!("the engine ended with {status}")).to_string())
    }

    fn drain(&mut self) -> Result<ExitStatus, SimError> {
        let Some(mut child) = self.child.take() else {
            return Err(self.failed("the engine is not running"));
        };
        let failed = |cause: std::io::Error| SimError::Engine(format!("SIGTERM: {cause}"));
        kill_process(Pid::from_child(&child), Signal::TERM)
            .map_err(|error| failed(error.into()))?;
        let deadline = Instant::now() + self.launch.patience;
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                self.child = Some(child);
                return Err(self.failed("the engine did not end after SIGTERM"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// As `kill -9` does; [`Self::restart_killed`] starts it again.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself meanwhile; gone is what matters.
            child.kill().unwrap_or_default();
            child.wait().map(|_| ()).unwrap_or_default();
        }
    }

    fn import(&self, portfolio: &Path, clock: &str) -> Result<(), SimError> {
        let mut command = self.command("import");
        let status = command.arg("--test-clock").arg(clock).arg(portfolio).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(&format!("the import ended with {status}"))),
            Err(error) => Err(self.not_runnable(&error)),
        }
    }

    fn serve(&mut self, clock: &str) -> Result<(), SimError> {
        let mut command = self.command("serve");
        let command = command.arg("--data").arg(self.folder.join("data"));
        let child = command.arg("--test-clock").arg(clock).spawn();
        self.child = Some(child.map_err(|error| self.not_runnable(&error))?);
        self.wait_until_ready()
    }

    /// A command of the engine, its output going to the log.
    fn command(&self, name: &str) -> Command {
        let log = || OpenOptions::new().create(true).append(true).open(self.log_path());
        let output = || log().map_or_else(|_| Stdio::null(), |file: File| file.into());
        // It runs in a folder of its own: a path is meant from here.
        let named = &self.launch.program;
        let is_path = named.components().count() > 1;
        let absolute = is_path.then(|| std::path::absolute(named).ok()).flatten();
        let mut command = Command::new(absolute.as_ref().unwrap_or(named));
        command.arg(name).arg("--config").arg(self.folder.join("tamga.toml"));
        command.stdin(Stdio::null()).stdout(output()).stderr(output());
        command.current_dir(&self.folder);
        // Ports and data are its own, wherever another engine is told to have them.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_about_places(name)) {
            command.env_remove(name);
        }
        if self.apart {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        command
    }

    fn wait_until_ready(&mut self) -> Result<(), SimError> {
        let deadline = Instant::now() + self.launch.patience;
        let url = format!("{}/health/ready", self.http());
        loop {
            if ureq::get(&url).call().is_ok() {
                return Ok(());
            }
            if let Some(obituary) = self.obituary() {
                return Err(SimError::Engine(obituary));
            }
            if Instant::now() > deadline {
                let seconds = self.launch.patience.as_secs();
                return Err(self.failed(&format!("the engine is not ready after {seconds} s")));
            }
            std::thread::sleep(POLL);
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("engine.log")
    }

    fn failed(&self, what: &str) -> SimError {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LOG_TAIL_LINES)..).unwrap_or_default();
        SimError::Engine(format!("{what}\n{}", tail.join("\n")).trim_end().to_owned())
    }

    fn not_runnable(&self, error: &std::io::Error) -> SimError {
        let program = self.launch.program.display();
        SimError::Engine(format!("{program} cannot be run: {error} (see --engine)"))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), SimError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(SimError::file(&path))
    }

    fn configuration(&self) -> String {
        let Ports { pos, atm, network, edition_2003, http } = self.ports;
        let path = |name: &str| toml::Value::from(self.folder.join(name).display().to_string());
        let (rules, data) = (path("rules.toml"), path("data"));
        let zone = toml::Value::from(self.launch.zone.as_str());
        let digest = |token: &str| hex::encode(Sha256::digest(token.as_bytes()));
        let second = digest(&super::http::token_of(&self.token, "second"));
        let digest = digest(&self.token);
        format!(
            "rules = {rules}\n\
             [clock]\nzone = {zone}\n\
             [security]\nmodule = \"software\"\ntest_keys = true\n\
             [store]\nkind = \"embedded\"\npath = {data}\nsegment_mib = {SEGMENT_MIB}\n\
             [[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:{pos}\"\nframing = \"u16be\"\n\
             tpdu = true\ndialect = \"iso87-bcd\"\n\
             [[listener]]\nname = \"atm\"\nbind = \"127.0.0.1:{atm}\"\nframing = \"ascii4\"\n\
             dialect = \"iso87-ascii\"\n\
             [[listener]]\nname = \"network\"\nbind = \"127.0.0.1:{network}\"\n\
             framing = \"u16be\"\ndialect = \"iso93-bcd\"\n\
             [[listener]]\nname = \"edition-2003\"\nbind = \"127.0.0.1:{edition_2003}\"\n\
             framing = \"u16be\"\ndialect = \"iso2003-bcd\"\nterminals = \"any\"\n\
             [http]\nbind = \"127.0.0.1:{http}\"\n\
             [[api_token]]\nname = \"acceptance\"\nsha256 = \"{digest}\"\n\
             roles = [\"operator\", \"checker\", \"auditor\", \"privacy\"]\n\
             [[api_token]]\nname = \"second\"\nsha256 = \"{second}\"\nroles = [\"checker\"]\n"
        )
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that somebody has is not the only one.
const TRIES: usize = 64;

impl Ports {
    /// Five ports that nobody listens on right now, all held until all are found. None of them is
    /// one that the system gives to connections by itself: it could give it away before the engine
    /// listens there, or while it is started again.
    fn free() -> Result<Self, SimError> {
        let mut held = Vec::new();
        let mut next = || -> Result<u16, SimError> {
            let mut last = None;
            for _ in 0..TRIES {
                match TcpListener::bind(("127.0.0.1", random_port()?)) {
                    Ok(listener) => {
                        let port = listener.local_addr().map(|address| address.port());
                        held.push(listener);
                        return port.map_err(unbound);
                    }
                    Err(error) => last = Some(error),
                }
            }
            Err(unbound(last.unwrap_or_else(|| ErrorKind::AddrInUse.into())))
        };
        Ok(Self {
            pos: next()?,
            atm: next()?,
            network: next()?,
            edition_2003: next()?,
            http: next()?,
        })
    }
}

fn unbound(cause: std::io::Error) -> SimError {
    SimError::Connection { target: "127.0.0.1".to_owned(), cause }
}

/// Above what services use, below what systems give to connections (from 32 768 on Linux, from
/// 49 152 elsewhere).
fn random_port() -> Result<u16, SimError> {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).map_err(|error| SimError::Setting(error.to_string()))?;
    Ok(20_000 + u16::from_le_bytes(bytes) % 12_000)
}

/// Whether a variable overrides where an engine listens or keeps its data.
fn is_about_places(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    ["TAMGA__LISTENER__", "TAMGA__HTTP__", "TAMGA__STORE__"]
        .iter()
        .any(|places| name.starts_with(places))
}

fn random_token() -> Result<String, SimError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| SimError::Setting(error.to_string()))?;
    Ok(hex::encode(bytes))
}

/// The engine to run where none is named: `TAMGA_BIN`, else `tamga` beside this program, else
/// whatever the search path has.
#[must_use]
pub fn default_program() -> PathBuf {
    if let Some(program) = std::env::var_os("TAMGA_BIN") {
        return program.into();
    }
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("tamga"));
    beside.filter(|program| program.is_file()).unwrap_or_else(|| "tamga".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(program: &str) -> Launch {
        let patience = Duration::from_millis(300);
        Launch { program: program.into(), patience, zone: "Asia/Bishkek".into() }
    }

    fn start(program: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let clock = "2026-11-23T10:00:00+06:00";
        let started =
            Engine::start(&launch(program), folder.path(), "", Path::new("p.jsonl"), clock);
        started.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn an_engine_s_ports_are_none_that_the_system_gives_away() {
        for _ in 0..50 {
            let Ports { pos, atm, network, edition_2003, http } = Ports::free().unwrap();
            let all = [pos, atm, network, edition_2003, http];
            assert!(all.iter().all(|port| (20_000..32_000).contains(port)), "{all:?}");
            let different = std::collections::BTreeSet::from(all);
            assert_eq!(different.len(), 5, "{all:?}");
        }
    }

    #[test]
    fn an_engine_that_does_not_start_is_told_in_words() {
        assert!(start("/nowhere/tamga").contains("cannot be run"));
        assert!(start("false").contains("the import ended with"));
        // `true` imports well and then ends at once instead of serving.
        assert!(start("true").contains("the engine ended with"));
    }

    #[test]
    fn the_configuration_is_what_the_contract_says() {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports { pos: 1, atm: 2, network: 3, edition_2003: 5, http: 4 };
        let engine = Engine {
            launch: launch("tamga"),
            folder: folder.path().to_owned(),
            ports,
            token: "t".into(),
            child: None,
            apart: false,
        };
        let table: toml::Table = engine.configuration().parse().unwrap();
        let listeners = table["listener"].as_array().unwrap();
        assert_eq!(listeners[0]["tpdu"].as_bool(), Some(true));
        assert_eq!(listeners[1]["framing"].as_str(), Some("ascii4"));
        assert_eq!(listeners[2]["dialect"].as_str(), Some("iso93-bcd"));
        let digest = table["api_token"][0]["sha256"].as_str().unwrap().to_owned();
        assert_eq!(digest.len(), 64);
        assert!(engine.listener("pos").is_ok() && engine.listener("fax").is_err());
    }
}
