//! `tamga-sim scenario --record`.

use super::network::ByHand;
use super::options::Host;
use super::{Outcome, Ran};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tamga_sim::moment::Zone;
use tamga_sim::portfolio::Source;
use tamga_sim::scenario::{BASE, Engine, Head, Launch, Recording, Strangers, rule_set};
use tamga_sim::tape::Remap;
use tamga_sim::{Endpoint, Portfolio, SimError};

/// The demo's rules, for its portfolio.
const DEMO_RULES: &str = include_str!("../../../deploy/demo/rules.toml");

/// What is recorded, and how.
#[derive(clap::Args)]
pub(crate) struct RecordArgs {
    /// Write a scenario of a live session, instead of playing some: terminals connect to --listen,
    /// Ctrl-C ends it. With --target it stands before that host; else before a fresh engine with the
    /// portfolio, which is what the scenario will be played against
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Cards and terminals of the session [default: $TAMGA_PORTFOLIO, else the demo's]
    #[arg(long, value_name = "FILE", requires = "record")]
    portfolio: Option<PathBuf>,
    /// Rules over the base rule set, for the engine and the scenario [default: the demo's, where no
    /// base.rules.toml stands beside the scenario]
    #[arg(long, value_name = "FILE", requires = "record")]
    rules: Option<PathBuf>,
    /// Where terminals connect to; before an engine of its own ATMs at the next port, networks at
    /// the one after it
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9583")]
    listen: String,
    #[command(flatten)]
    host: Host,
    /// The listener of the recorded host: pos, atm, network
    #[arg(long, value_name = "NAME", default_value = "pos")]
    like: String,
    /// What becomes of messages with cards that are not in the portfolio: left out, or with a
    /// number of the test range that nobody has
    #[arg(long, value_enum, default_value_t = UnknownCards::Refuse)]
    unknown_cards: UnknownCards,
    /// What the scenario is called
    #[arg(long, value_name = "TEXT", requires = "record")]
    name: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum UnknownCards {
    Refuse,
    Remap,
}

impl RecordArgs {
    /// Whether something is to be recorded.
    pub(crate) const fn is_asked(&self) -> bool {
        self.record.is_some()
    }

    pub(crate) fn run(&self, launch: &Launch) -> Ran {
        let Some(path) = &self.record else { return Ok(Outcome::Good) };
        let beside = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let source = Source::named(self.portfolio.clone());
        let zone = Zone::named(&launch.zone)?;
        let rules = match &self.rules {
            Some(file) => std::fs::read_to_string(file).map_err(SimError::file(file))?,
            None if source == Source::Demo || !beside.join(BASE).exists() => DEMO_RULES.to_owned(),
            None => String::new(),
        };
        if path.exists() {
            let cause = std::io::ErrorKind::AlreadyExists.into();
            return Err(SimError::file(path)(cause));
        }
        let portfolio_file = self.beside(path, &source)?;
        let portfolio = Portfolio::read(source)?;
        let clock = zone.now();
        let head = Head {
            name: self.name.clone().unwrap_or_else(|| format!("recorded {}", clock.rfc3339())),
            clock,
            portfolio: named_from(&beside, &portfolio_file)?,
            rules: rules.clone(),
            clock_moves: self.host.names_target(),
        };
        let strangers = match self.unknown_cards {
            UnknownCards::Refuse => Strangers::Refuse,
            UnknownCards::Remap => Strangers::Remap(Remap::with_own_key()?),
        };
        let folder = tempfile::tempdir().map_err(SimError::file(&std::env::temp_dir()))?;
        let engine = match self.host.names_target() {
            true => None,
            false => {
                let rules = rule_set(&beside, &rules)?;
                let absolute = std::path::absolute(&portfolio_file);
                let absolute = absolute.map_err(SimError::file(&portfolio_file))?;
                let clock = clock.rfc3339();
                Some(Engine::start_apart(launch, folder.path(), &rules, &absolute, &clock)?)
            }
        };
        let listeners = self.listeners(engine.as_ref())?;
        let told = |steps: &str| print!("{steps}");
        let recording =
            Recording::new(path, &head, &listeners, (portfolio, strangers, zone), told)?;
        for (name, address) in recording.addresses()? {
            println!("{name:<8} {address}");
        }
        let stop = Arc::new(AtomicBool::new(false));
        watch(Arc::clone(&stop))?;
        println!("Ctrl-C ends it");
        let taken = recording.serve(&stop)?;
        println!("{} steps in {}", taken.steps, path.display());
        for (count, what) in [
            (taken.strangers, "with a card that is not in the portfolio"),
            (taken.untellable, "that no step can say"),
        ] {
            if count > 0 {
                println!("{count} messages {what} are not among them");
            }
        }
        let whole = taken.steps > 0 && taken.strangers + taken.untellable == 0;
        Ok(if whole { Outcome::Good } else { Outcome::Bad })
    }

    /// Name, address to listen at, and host of each listener.
    fn listeners(
        &self,
        engine: Option<&Engine>,
    ) -> Result<Vec<(&str, String, Endpoint)>, SimError> {
        let Some(engine) = engine else {
            return Ok(vec![(
                self.like.as_str(),
                self.listen.clone(),
                self.host.endpoint(&self.like)?,
            )]);
        };
        let wrong = || SimError::Setting(format!("{:?} is no host and port", self.listen));
        let (host, port) = self.listen.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let mut listeners = Vec::new();
        for (name, next) in [("pos", 0), ("atm", 1), ("network", 2)] {
            let port = if port == 0 { 0 } else { port.checked_add(next).ok_or_else(wrong)? };
            listeners.push((name, format!("{host}:{port}"), engine.listener(name)?));
        }
        Ok(listeners)
    }

    /// The portfolio as a file: the demo's is written beside the scenario.
    fn beside(&self, path: &Path, source: &Source) -> Result<PathBuf, SimError> {
        match source {
            Source::File(file) => Ok(file.clone()),
            Source::Demo => {
                let file = path.with_extension("portfolio.jsonl");
                tamga_sim::files::write(&file, &source.text()?)?;
                Ok(file)
            }
        }
    }
}

/// A file as a scenario in that folder names it.
fn named_from(folder: &Path, file: &Path) -> Result<PathBuf, SimError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(SimError::file(path));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (folder, file) = (absolute(folder)?, absolute(file)?);
    Ok(file.strip_prefix(&folder).map_or_else(|_| file.clone(), Path::to_owned))
}

/// Sets `stop` at Ctrl-C or SIGTERM.
fn watch(stop: Arc<AtomicBool>) -> Result<(), SimError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
    // Caught before anybody is told that it ends the session.
    let by_hand = runtime.block_on(async { ByHand::caught() });
    std::thread::spawn(move || {
        runtime.block_on(by_hand.ended());
        stop.store(true, Ordering::Release);
    });
    Ok(())
}
