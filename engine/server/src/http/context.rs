//! What the handlers share.

use super::looks::Looks;
use super::metering;
use super::problem::Problem;
pub use super::signing::SigningPolicy;
use crate::clock::Clock;
use crate::config::ApiToken;
use crate::day::DayTimes;
use crate::shard::Shard;
use history::History;
use metrics_exporter_prometheus::PrometheusHandle;
use personal::CustomerKeys;
use security::SecurityModule;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a search waits for the read model to reach what was durable when it was asked.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(2);
const CATCH_UP_STEP: Duration = Duration::from_millis(2);

/// What every handler gets; cheap to clone.
#[derive(Clone)]
pub struct HttpContext {
    inner: Arc<Inner>,
}

struct Inner {
    tokens: Vec<ApiToken>,
    metrics: PrometheusHandle,
    running: OnceLock<Running>,
    draining: AtomicBool,
    /// PII-2.
    looks: Looks,
    /// One at a time moves the test clock.
    clock_moves: Mutex<()>,
}

/// The engine behind the API, once it has recovered.
#[derive(Clone)]
pub struct Running {
    /// The state.
    pub shard: Shard,
    /// What is searched.
    pub history: History,
    /// The time.
    pub clock: Clock,
    /// When days are ended.
    pub days: DayTimes,
    /// The keys of customers.
    pub customer_keys: Arc<CustomerKeys>,
    /// The data directory.
    pub data: PathBuf,
    /// Whose signatures on orders are taken.
    pub signing: SigningPolicy,
    /// The keys: card numbers of files become digests.
    pub security: Arc<dyn SecurityModule>,
}

impl HttpContext {
    /// Before the engine has recovered: health and metrics answer, the API says that it is not
    /// ready yet.
    #[must_use]
    pub fn new(tokens: Vec<ApiToken>, metrics: PrometheusHandle) -> Self {
        metering::describe();
        let (running, draining) = (OnceLock::new(), AtomicBool::new(false));
        let clock_moves = Mutex::new(());
        let looks = Looks::default();
        Self { inner: Arc::new(Inner { tokens, metrics, running, draining, looks, clock_moves }) }
    }

    /// The engine has recovered and serves.
    pub fn open(&self, running: Running) {
        // A second call would be a mistake of the composition root; the first one stays.
        let _first = self.inner.running.set(running);
    }

    /// From now on `/health/ready` says no, so that balancers look elsewhere.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
        if let Some(running) = self.recovered() {
            running.shard.live().close();
        }
    }

    pub(super) fn tokens(&self) -> &[ApiToken] {
        &self.inner.tokens
    }

    pub(super) fn metrics(&self) -> &PrometheusHandle {
        &self.inner.metrics
    }

    pub(super) fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    pub(super) fn recovered(&self) -> Option<&Running> {
        self.inner.running.get()
    }

    pub(super) fn looks(&self) -> &Looks {
        &self.inner.looks
    }

    pub(super) fn clock_moves(&self) -> &Mutex<()> {
        &self.inner.clock_moves
    }

    /// The engine, or the answer that it is still recovering.
    pub(super) fn running(&self) -> Result<&Running, Problem> {
        self.recovered().ok_or_else(Problem::recovering)
    }

    /// Runs a search once the read model has everything that is durable now, or after
    /// [`CATCH_UP_PATIENCE`] on what it has; gives how many records it was behind.
    pub(super) async fn search<R: Send + 'static>(
        &self,
        search: impl FnOnce(&History) -> Result<R, history::HistoryError> + Send + 'static,
    ) -> Result<(R, u64), Problem> {
        let running = self.running()?;
        let behind = running.catch_up(running.shard.durable()).await;
        let history = running.history.clone();
        let found = tokio::task::spawn_blocking(move || search(&history)).await;
        match found {
            Ok(Ok(found)) => Ok((found, behind)),
            Ok(Err(error)) => Err(Problem::read_model(&error)),
            Err(_) => Err(Problem::internal("a search ended on a fault of the program")),
        }
    }
}

impl Running {
    async fn catch_up(&self, durable: u64) -> u64 {
        let patience = Instant::now() + CATCH_UP_PATIENCE;
        loop {
            let behind = durable.saturating_sub(self.history.progress().position());
            if behind == 0 || Instant::now() >= patience {
                return behind;
            }
            tokio::time::sleep(CATCH_UP_STEP).await;
        }
    }
}
