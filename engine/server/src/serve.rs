//! `tamga serve`: the engine until it is told to stop.

use crate::config::Config;
use crate::engine::Engine;
use crate::telemetry;
use payment_types::Timestamp;
use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

pub use crate::engine::ServeError;

/// More threads than this would only wait for the shard.
const WORKERS_MOST: usize = 8;

/// What `tamga serve` was told on its command line.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// Run on a test clock from here, or from the last record if that is later.
    pub test_clock: Option<Timestamp>,
    /// Threads for connections; `None` for as many as suit the machine.
    pub workers: Option<usize>,
}

impl ServeOptions {
    /// As the configuration says.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, data: None, test_clock: None, workers: None }
    }
}

/// Runs the engine until SIGTERM or SIGINT, then drains it.
///
/// # Errors
/// [`ServeError`]: its text is the one-line reason, [`ServeError::exit_code`] the process's code.
pub fn serve(options: ServeOptions) -> Result<(), ServeError> {
    telemetry::log_to_stderr(&options.config.log);
    let runtime = runtime(options.workers).map_err(ServeError::Runtime)?;
    let result = runtime.block_on(until_told(options));
    // What is still running now (a look-up of a name, say) is not waited for.
    runtime.shutdown_background();
    if let Err(error) = &result {
        error!("{error}");
    }
    result
}

/// A runtime for connections. By default it leaves a core to the shard: measured on two cores, two
/// threads cost half as much again for each answer as one, since they keep waking each other.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime(workers: Option<usize>) -> io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = workers.unwrap_or(cores - 1).clamp(1, WORKERS_MOST);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("edge")
        .enable_all()
        .build()
}

async fn until_told(options: ServeOptions) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    let engine = tokio::select! {
        started = Engine::start(options) => started?,
        // Nothing has been promised yet.
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let shard = engine.shard().clone();
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        reason = shard.failed() => {
            engine.abandon().await;
            return Err(ServeError::Stopped(reason));
        }
    };
    info!(signal = name, "draining");
    engine.drain().await?;
    info!("stopped");
    Ok(())
}
