//! An engine with one listener and a security module outside of it, and a terminal at its door: for
//! tests that take the module away.

use crate::programs::{Run, command};
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const START: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_secs(20);

/// See the module. Dropping it ends the engine.
pub struct SmallBank {
    folder: tempfile::TempDir,
    pos: SocketAddr,
    portfolio: PathBuf,
    environment: Vec<(String, OsString)>,
    engine: Option<Child>,
}

impl SmallBank {
    /// With that `[security]` section, more rules than the base set's, more of the listener's
    /// settings, and an environment for all that is started.
    ///
    /// # Panics
    /// If it cannot be prepared.
    #[must_use]
    pub fn new(
        portfolio: &str,
        security: &str,
        (rules, listener): (&str, &str),
        environment: &[(&str, &Path)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let pos = free.unwrap_or_else(|error| panic!("{error}"));
        let text = format!(
            "rules = \"rules.toml\"\n[security]\n{security}\ntest_keys = true\n\
             [http]\nenabled = false\n[[listener]]\nname = \"pos\"\nbind = \"{pos}\"\n\
             framing = \"u16be\"\ntpdu = true\ndialect = \"iso87-bcd\"\n{listener}"
        );
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let base = fs::read_to_string(scenarios.join("base.rules.toml"));
        let rules = base.unwrap_or_else(|error| panic!("{error}")) + rules;
        for (name, text) in [("tamga.toml", text), ("rules.toml", rules)] {
            let written = fs::write(folder.path().join(name), text);
            written.unwrap_or_else(|error| panic!("{error}"));
        }
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), v.as_os_str().into()));
        let environment = environment.collect();
        Self { folder, pos, portfolio: scenarios.join(portfolio), environment, engine: None }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("tamga.toml")
    }

    /// `tamga import` of the portfolio, then `tamga serve`, until it listens.
    ///
    /// # Panics
    /// If either fails.
    pub fn open(&mut self) {
        let portfolio = self.portfolio.clone();
        self.open_with(&portfolio);
    }

    /// The same with a portfolio of the engine's own, which names keys that the terminal's has in
    /// clear.
    ///
    /// # Panics
    /// If either fails.
    pub fn open_with(&mut self, portfolio: &Path) {
        let mut import = command("tamga");
        import.arg("import").arg("--config").arg(self.config()).arg(portfolio);
        let run = import.envs(self.environment.iter().map(|(k, v)| (k, v))).output();
        let run: Run = run.unwrap_or_else(|error| panic!("{error}")).into();
        assert!(run.good().out.contains("card"), "nothing was imported");
        self.serve();
    }

    /// Ends the engine and starts it again.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            drop((engine.kill(), engine.wait()));
        }
        self.serve();
    }

    fn serve(&mut self) {
        let log = fs::File::create(self.folder.path().join("log"));
        let log = log.unwrap_or_else(|error| panic!("{error}"));
        let mut engine = command("tamga");
        engine.arg("serve").arg("--config").arg(self.config());
        engine.envs(self.environment.iter().map(|(k, v)| (k, v)));
        let engine = engine.stdout(Stdio::null()).stderr(log).spawn();
        self.engine = Some(engine.unwrap_or_else(|error| panic!("{error}")));
        let started = Instant::now();
        while TcpStream::connect(self.pos).is_err() {
            assert!(started.elapsed() < START, "{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the engine said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Whether the engine still runs.
    pub fn is_running(&mut self) -> bool {
        self.engine.as_mut().is_some_and(|engine| matches!(engine.try_wait(), Ok(None)))
    }

    /// A purchase of 100, or of what `more` says, with the simulated terminal and those arguments.
    ///
    /// # Panics
    /// If the terminal cannot be started.
    #[must_use]
    pub fn purchase(&self, card: &str, more: &[&str]) -> Run {
        let mut terminal = command("tamga-sim");
        terminal.args(["pos", "purchase", "--entry", "insert"]);
        if !more.contains(&"--amount") {
            terminal.args(["--amount", "100.00"]);
        }
        terminal.args(["--terminal", "POS00001", "--card", card]).args(more);
        terminal.args(["--target", &self.pos.to_string(), "--portfolio"]).arg(&self.portfolio);
        terminal.arg("--wallet").arg(self.folder.path().join("wallet.json"));
        terminal.output().unwrap_or_else(|error| panic!("{error}")).into()
    }

    /// DE 39 of the answer to such a purchase, or nothing if none came.
    #[must_use]
    pub fn code(&self, card: &str, more: &[&str]) -> String {
        code_of(&self.purchase(card, more))
    }

    /// Whether such purchases come to be answered with `code` within a while.
    #[must_use]
    pub fn comes_to(&self, card: &str, more: &[&str], code: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < SOON {
            let got = self.code(card, more);
            if got == code {
                return true;
            }
            println!("{got:?} instead of {code}");
            thread::sleep(Duration::from_millis(100));
        }
        false
    }
}

/// DE 39 as the simulated terminal shows it.
fn code_of(run: &Run) -> String {
    let shown = |line: &str| {
        let rest = line.trim_start().strip_prefix("39")?;
        rest.split_whitespace().last().map(str::to_owned)
    };
    run.out.lines().find_map(shown).unwrap_or_default()
}

impl Drop for SmallBank {
    fn drop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            // Over already, or about to be.
            drop((engine.kill(), engine.wait()));
        }
    }
}
