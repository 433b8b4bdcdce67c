//! `tamga-sim demo-traffic`.

use super::{Outcome, Ran};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use tamga_sim::SimError;
use tamga_sim::portfolio::Source;
use tamga_sim::traffic::{Demo, Settings};

/// Play shops, agents and cash machines, and say what the engine decides
///
/// The same traffic as `tamga demo`: taps with and without PIN, cash at agents up to the cap, wrong
/// PINs, reversals, dead cards. Every answer is known beforehand; exit code 1 if one differs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The portfolio the engine was filled from [default: $TAMGA_PORTFOLIO, else the demo\'s]
    #[arg(long, value_name = "FILE")]
    portfolio: Option<PathBuf>,
    /// The listener of POS terminals and agents (u16be with TPDU, iso87-bcd)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8583")]
    pos: String,
    /// The listener of ATMs (ascii4, iso87-ascii)
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8584")]
    atm: String,
    /// Transactions a second; 0 for as many as are answered
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0)]
    rate: f64,
    /// 200 transactions and a summary
    #[arg(long)]
    once: bool,
    /// So many transactions and a summary
    #[arg(long, value_name = "NUMBER", conflicts_with = "once")]
    count: Option<u64>,
    /// The same seed plays the same scenes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// The summary only
    #[arg(long, short)]
    quiet: bool,
}

/// What `--once` means.
const ONCE: u64 = 200;

impl Args {
    pub(crate) fn run(self) -> Ran {
        let settings = Settings {
            pos: self.pos,
            atm: self.atm,
            per_second: if self.once { 0.0 } else { self.rate },
            limit: self.count.or_else(|| self.once.then_some(ONCE)),
            seed: self.seed,
            ..Settings::new(Source::named(self.portfolio))
        };
        let demo = Demo::new(settings)?;
        let (events, told) = mpsc::channel();
        let quiet = self.quiet;
        let printer = std::thread::spawn(move || {
            for event in told {
                if !quiet {
                    println!("{event}");
                }
            }
        });
        let summary = demo.run(events, &*stop_on_interrupt()?)?;
        // A printer that failed has already said so.
        printer.join().unwrap_or_default();
        print!("{summary}");
        Ok(if summary.all_as_expected() { Outcome::Good } else { Outcome::Bad })
    }
}

/// A flag that Ctrl-C sets.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>, SimError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    Ok(stop)
}
