//! What the handlers share.

use super::metering;
use super::problem::Problem;
pub use super::signing::SigningPolicy;
use super::throttle::Throttle;
use super::unusual::Unusual;
use crate::access::sessions::Sessions;
use crate::access::{Hasher, secrets::Secrets};
use crate::clock::Clock;
use crate::config::{AccessConfig, ApiToken};
use crate::day::DayTimes;
use crate::effect::Desk;
use crate::keys::orders::Keeper;
use crate::shard::Shard;
use history::History;
use metrics_exporter_prometheus::PrometheusHandle;
use personal::CustomerKeys;
use security::SecurityModule;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

/// How long a search waits for the read model to reach what was durable when it was asked.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(2);
const CATCH_UP_STEP: Duration = Duration::from_millis(2);
/// Replays for questions at a time: each is a state in memory and a thread.
const TRAVELS: usize = 2;

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
    unusual: Unusual,
    people: People,
    /// One at a time moves the test clock.
    clock_moves: Mutex<()>,
    /// Replays for a question: so many at a time.
    travels: Arc<Semaphore>,
    /// Previews and shadows.
    effects: Desk,
}

/// How people get in (SIG-4).
#[derive(Debug, Clone, Default)]
pub struct AccessOptions {
    /// `[access]`.
    pub config: AccessConfig,
    /// An installation in test mode (`security.test_keys`): rights are given without orders.
    pub test_mode: bool,
}

struct People {
    options: AccessOptions,
    sessions: Sessions,
    hasher: Hasher,
    throttle: Throttle,
    /// A sealed hash that nothing matches, unsealed in place of an unknown user's.
    decoy: OnceLock<Vec<u8>>,
    /// Whether HTTP is served over TLS.
    tls: AtomicBool,
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
    pub fn new(tokens: Vec<ApiToken>, metrics: PrometheusHandle, options: AccessOptions) -> Self {
        metering::describe();
        let people = People {
            sessions: Sessions::new(options.config.sessions),
            hasher: Hasher::default(),
            throttle: Throttle::new(options.config.attempts_per_minute),
            tls: AtomicBool::new(false),
            decoy: OnceLock::new(),
            options,
        };
        let (running, draining) = (OnceLock::new(), AtomicBool::new(false));
        let clock_moves = Mutex::new(());
        let (unusual, travels) = (Unusual::default(), Arc::new(Semaphore::new(TRAVELS)));
        let effects = Desk::default();
        let inner = Inner {
            tokens,
            metrics,
            running,
            draining,
            unusual,
            people,
            clock_moves,
            travels,
            effects,
        };
        Self { inner: Arc::new(inner) }
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
            self.inner.effects.close();
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

    pub(super) fn looks(&self) -> &Unusual {
        &self.inner.unusual
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.inner.people.sessions
    }

    pub(super) fn hasher(&self) -> &Hasher {
        &self.inner.people.hasher
    }

    pub(super) fn throttle(&self) -> &Throttle {
        &self.inner.people.throttle
    }

    pub(super) fn access(&self) -> &AccessConfig {
        &self.inner.people.options.config
    }

    pub(super) fn decoy(&self) -> Option<&Vec<u8>> {
        self.inner.people.decoy.get()
    }

    pub(super) fn set_decoy(&self, decoy: Vec<u8>) {
        // One is as good as another.
        let _first = self.inner.people.decoy.set(decoy);
    }

    /// Whether this is an installation in test mode.
    pub(super) fn is_test_mode(&self) -> bool {
        self.inner.people.options.test_mode
    }

    /// HTTP is served over TLS.
    pub(super) fn set_tls(&self, tls: bool) {
        self.inner.people.tls.store(tls, Ordering::Release);
    }

    /// Whether browsers reach this over TLS, here or at a proxy.
    pub(super) fn is_secure(&self) -> bool {
        let proxied = self.origin().is_some_and(|origin| origin.starts_with("https://"));
        proxied || self.inner.people.tls.load(Ordering::Acquire)
    }

    /// What browsers reach this as, where that is told.
    pub(super) fn origin(&self) -> Option<&str> {
        self.access().origin.as_deref()
    }

    /// The session cookie: under TLS with the prefix that binds it to this host.
    pub(super) fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-tamga-session" } else { "tamga-session" }
    }

    pub(super) fn clock_moves(&self) -> &Mutex<()> {
        &self.inner.clock_moves
    }

    pub(super) fn effects(&self) -> &Desk {
        &self.inner.effects
    }

    pub(super) fn travels(&self) -> &Arc<Semaphore> {
        &self.inner.travels
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
    /// Who carries orders about keys out.
    pub(super) fn keeper(&self) -> Keeper<'_> {
        Keeper { shard: &self.shard, security: &self.security, now: self.clock.now() }
    }

    /// What seals users' secrets.
    pub(super) fn secrets(&self) -> Secrets {
        Secrets::new(Arc::clone(&self.customer_keys))
    }

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
