//! `tamga demo`: the engine in this process with a demo portfolio, simulated terminals, and a table
//! of what it decides and why.

mod people;
mod show;

use crate::clock::Clock;
use crate::config::{ApiToken, Config, Role};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::import::import_from;
use crate::offline::Offline;
use crate::progress::Progress;
use crate::serve;
use crate::telemetry;
use sha2::{Digest, Sha256};
use show::Show;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use tamga_sim::SimError;
use tamga_sim::traffic::{Demo, Event, Settings, Summary};

const CONFIG: &str = include_str!("../../../deploy/demo/tamga.toml");
const RULES: &str = include_str!("../../../deploy/demo/rules.toml");
const PORTFOLIO: &str = include_str!("../../../deploy/demo/portfolio.jsonl");

/// How many messages `--once` plays.
const ONCE: u64 = 200;
/// Messages a second, so that people can read along.
const PER_SECOND: f64 = 8.0;

/// What `tamga demo` was told.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// End after 200 messages.
    pub once: bool,
    /// The data directory; `None` for one that is removed at the end.
    pub data: Option<PathBuf>,
}

/// Runs the demo until it is stopped.
///
/// # Errors
/// Code 1 if an answer was not as expected, or why the engine did not start.
pub fn demo(options: &DemoOptions) -> Result<(), Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::file(&std::env::temp_dir(), "written", &error))?;
    for (name, text) in
        [("tamga.toml", CONFIG), ("rules.toml", RULES), ("portfolio.jsonl", PORTFOLIO)]
    {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(|error| Failure::file(&path, "written", &error))?;
    }
    let (mut config, token) = config(folder.path())?;
    if let Some(data) = &options.data {
        config.store.path.clone_from(data);
        // Beside the data, which is to stay, and not within it.
        config.security.master_key_file = master_key_beside(data);
    }
    telemetry::log_to_stderr(&config.log);
    let portfolio = folder.path().join("portfolio.jsonl");
    let mut offline = filled(&config, &portfolio)?;
    let people = people::people(&mut offline, &config)?;
    let first = offline.opened.state.last_sequence().0.saturating_add(1);
    let clock = Clock::system(&config.clock.zone).map_err(|e| Failure::usage(e.to_string()))?;
    let runtime = serve::runtime(None)
        .map_err(|error| Failure::usage(format!("no threads to run on: {error}")))?;
    let engine = runtime.block_on(Engine::assemble(&config, offline.opened, clock))?;
    let show = Show::new(&config, &engine, first);
    show.heading(&token, &people, options);
    let summary = runtime.block_on(play(&engine, options, portfolio, show));
    let durable = engine.shard().durable();
    runtime.block_on(engine.drain())?;
    runtime.shutdown_background();
    finish(options, &config, &summary?, durable)
}

/// Where the master key of a data directory is that has no configuration file beside it:
/// `data.master.key` for `data`.
#[must_use]
pub fn master_key_beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_os_string();
    name.push(".master.key");
    data.with_file_name(name)
}

/// The demo's configuration with a token of its own, and the token.
fn config(folder: &Path) -> Result<(Config, String), Failure> {
    // Only what an operator may want to move: the addresses.
    let env = std::env::vars().filter(|(name, _)| name.ends_with("__BIND"));
    let mut config = Config::load(&folder.join("tamga.toml"), env)?;
    let mut random = [0; 18];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::usage(format!("no randomness for a token: {error}")))?;
    let token = hex::encode(random);
    config.api_tokens = vec![ApiToken {
        name: "demo".to_owned(),
        sha256: Sha256::digest(token.as_bytes()).into(),
        roles: Role::ALL.to_vec(),
    }];
    // The traffic has a wrong MAC on purpose every now and then; its line says so already.
    "error,tamga::mac=off".clone_into(&mut config.log.level);
    Ok((config, token))
}

/// The data directory with the demo's portfolio in it.
fn filled(config: &Config, portfolio: &Path) -> Result<Offline, Failure> {
    let mut offline = Offline::open(config, &config.store.path, None)?;
    if offline.opened.state.last_sequence().0 == 0 {
        let source = (portfolio, u64::try_from(PORTFOLIO.len()).unwrap_or_default());
        let reader = PORTFOLIO.as_bytes();
        import_from(&mut offline, config, source, reader, &mut Progress::silent())?;
        let opened = &offline.opened;
        // The register was made before there were cards. All keys are of this demo's own module.
        let _faults = opened.register.refresh(&opened.state);
    }
    Ok(offline)
}

/// Plays until the limit, a signal, or the engine's end.
async fn play(
    engine: &Engine,
    options: &DemoOptions,
    portfolio: PathBuf,
    show: Show,
) -> Result<Summary, Failure> {
    let address = |name| engine.address(name).map(|at| at.to_string()).unwrap_or_default();
    let demo = Demo::new(Settings {
        pos: address("pos"),
        atm: address("atm"),
        per_second: if options.once { 0.0 } else { PER_SECOND },
        limit: options.once.then_some(ONCE),
        // Chips and terminals go on where the engine goes on.
        wallet: options.data.as_ref().map(|data| data.join("simulated-chips.json")),
        terminals: options.data.as_ref().map(|data| data.join("simulated-terminals.json")),
        ..Settings::new(portfolio)
    });
    let demo = demo.map_err(|error| simulator(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (events, seen) = mpsc::channel::<Event>();
    let printer = thread::spawn(move || show.follow(&seen));
    let flag = Arc::clone(&stop);
    let mut traffic = tokio::task::spawn_blocking(move || demo.run(events, &flag));
    let shard = engine.shard().clone();
    let ended = tokio::select! {
        ended = &mut traffic => ended,
        () = told_to_stop() => {
            stop.store(true, Ordering::Relaxed);
            traffic.await
        }
        reason = shard.failed() => {
            return Err(Failure { code: 5, lines: vec![format!("the engine stopped: {reason}")] });
        }
    };
    let summary = ended.map_err(|error| Failure::found(format!("the traffic ended: {error}")))?;
    let mut summary = summary.map_err(|error| simulator(&error))?;
    // A printer that panicked has said so. The 200 of `--once` have the demo's rules or fail.
    let excused = printer.join().unwrap_or_default();
    if !options.once {
        summary.excuse(&excused);
    }
    Ok(summary)
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn simulator(error: &SimError) -> Failure {
    Failure::found(format!("simulated traffic: {error}"))
}

/// The sums, and for `--once` the verdict: every answer as expected, and the books in order.
fn finish(
    options: &DemoOptions,
    config: &Config,
    summary: &Summary,
    durable: u64,
) -> Result<(), Failure> {
    println!("\n{}", summary.to_string().trim_end());
    let verified = crate::verify::verify(&config.store.path, &mut Progress::silent())?;
    println!("\n{durable} journal records, run again and checked:");
    for line in verified.lines {
        println!("  {line}");
    }
    if options.once && !summary.all_as_expected() {
        return Err(Failure::found("not every answer was as expected"));
    }
    Ok(())
}
