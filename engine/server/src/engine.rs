//! The engine as a whole: made of its parts, started and ended in the right order.

use crate::calendar;
use crate::clock::{Clock, ClockError};
use crate::config::{Config, ConfigError};
use crate::day;
use crate::doors::{Doors, Front, HttpError};
use crate::guard;
use crate::http::{Running, SigningPolicy};
use crate::listener::{Bound, ListenerError, Listening, Services};
use crate::live::Live;
use crate::module_watch::WatchedModule;
use crate::pace::Pace;
use crate::register::DeviceRegister;
use crate::serve::ServeOptions;
use crate::shard::{Shard, ShardError};
use crate::snapshots::{self, Snapshots};
use crate::storage::{self, Opened, StorageError, StorageOptions};
use crate::worker::{self, ShardParts, ShardThread};
use authorization::{Command, Outcome, Refusal};
use history::{History, HistoryError, Projector, ProjectorThread};
use payment_types::Sequence;
use security::SecurityModule;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

/// How many requests may wait for the shard: some tens of milliseconds of its work.
const QUEUE_CAPACITY: usize = 8192;
/// How often a security module outside the process is asked how it is.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How long a drain waits for what is in flight.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long a drain waits for the read model to take in the last records.
const PROJECTOR_PATIENCE: Duration = Duration::from_secs(5);
/// How long a failed engine waits for its last answers to leave.
const ABANDON_PATIENCE: Duration = Duration::from_secs(2);

/// Why the engine did not start, or stopped. One line each.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The clock's zone.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A file the configuration names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory.
    #[error("data directory: {0}")]
    Storage(#[from] StorageError),
    /// A listener.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The address or TLS of HTTP.
    #[error("http: {0}")]
    Http(#[from] HttpError),
    /// The read model.
    #[error("read model: {0}")]
    History(#[from] HistoryError),
    /// The rule set of a first start.
    #[error("{origin}: {}", .errors.join("; "))]
    Rules {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        errors: Vec<String>,
    },
    /// The system gave no thread, or no signal handling.
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    /// The shard stopped: nothing more may be answered from this process's memory.
    #[error("stopped: {0}; start again to recover")]
    Stopped(Arc<str>),
}

impl ServeError {
    /// The process's exit code: 2 configuration, 3 data directory, 4 addresses, 5 stopped while
    /// running, 1 anything else.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Clock(_) | Self::Config(_) | Self::Rules { .. } => 2,
            Self::Listener(ListenerError::Bind { .. }) => 4,
            Self::Listener(_) => 2,
            Self::Http(HttpError::Bind { .. }) => 4,
            Self::Http(HttpError::Tls(_)) => 2,
            Self::Storage(_) | Self::History(_) => 3,
            Self::Stopped(_) => 5,
            Self::Runtime(_) => 1,
        }
    }
}

/// A running engine.
pub struct Engine {
    shard: Shard,
    clock: Clock,
    register: Arc<DeviceRegister>,
    data: PathBuf,
    addresses: Vec<(String, SocketAddr)>,
    thread: ShardThread,
    projector: ProjectorThread,
    front: Front,
    /// Tasks that are ended at once.
    others: JoinSet<()>,
    snapshot: Option<Sequence>,
}

impl Engine {
    /// Recovers the data directory and starts everything; when it returns, terminals are served.
    ///
    /// # Errors
    /// [`ServeError`], and nothing runs.
    pub async fn start(options: ServeOptions) -> Result<Self, ServeError> {
        let ServeOptions { config, data, test_clock, .. } = options;
        let doors = Doors::take(&config).await?;
        let (listeners, front) = doors.open_front(&config);
        let path = data.unwrap_or_else(|| config.store.path.clone());
        let opened = open(&config, path).await?;
        let clock = match test_clock {
            None => Clock::system(&config.clock.zone)?,
            Some(start) => {
                Clock::test(&config.clock.zone, start.max(opened.state.last_moment().at))?
            }
        };
        Self::build(&config, opened, clock, listeners, front).await
    }

    /// As [`Engine::start`], on a data directory already open.
    ///
    /// # Errors
    /// [`ServeError`], and nothing runs.
    pub async fn assemble(
        config: &Config,
        opened: Opened,
        clock: Clock,
    ) -> Result<Self, ServeError> {
        let (listeners, front) = Doors::take(config).await?.open_front(config);
        Self::build(config, opened, clock, listeners, front).await
    }

    async fn build(
        config: &Config,
        opened: Opened,
        clock: Clock,
        listeners: Vec<Bound>,
        front: Front,
    ) -> Result<Self, ServeError> {
        let listening: Vec<Listening> =
            listeners.into_iter().map(Bound::listen).collect::<Result<_, _>>()?;
        let security = Arc::clone(&opened.security);
        let customer_keys = Arc::clone(&opened.customer_keys);
        let rules = rules_to_install(config, &opened)?;
        let (history, projector) = History::open(&opened.path)?;
        let mut engine = Self::with_shard(config, opened, clock, projector, front)?;
        if let Some((text, origin)) = rules {
            engine.install_rules(text, origin).await?;
        }
        engine.warn_of_holidays().await;
        let security = engine.watch(security);
        // Before the first message: an old version of a key may have ceased to be accepted.
        security.time_is(engine.clock.now().at);
        engine.listen(listening, &security);
        let (shard, clock) = (engine.shard.clone(), engine.clock.clone());
        let days = config.end_of_day;
        let running = Running {
            shard: shard.clone(),
            history,
            clock: clock.clone(),
            days,
            customer_keys,
            data: engine.data.clone(),
            signing: SigningPolicy::of(config, &clock),
            security,
        };
        let (module, past) = (Arc::clone(&running.security), running.history.clone());
        engine.others.spawn(guard::watch(shard.clone(), module, past, clock.clone()));
        let module = Arc::clone(&running.security);
        engine.others.spawn(crate::keys::orders::watch(shard.clone(), module, clock.clone()));
        let watched = (Arc::clone(&running.security), running.clock.clone());
        engine.others.spawn(crate::keys::watch::watch(watched.0, watched.1));
        engine.front.context.open(running);
        engine.others.spawn(Live::pulse(shard.clone(), clock.clone()));
        let is_test = clock.is_test();
        engine.others.spawn(async move {
            day::finish_begun(&shard).await;
            if !is_test {
                day::end_days(shard, clock, days).await;
            }
        });
        Ok(engine)
    }

    fn with_shard(
        config: &Config,
        opened: Opened,
        clock: Clock,
        projector: Projector,
        front: Front,
    ) -> Result<Self, ServeError> {
        let Opened { state, journal, security: _, register, path, snapshot, .. } = opened;
        let last = snapshot.unwrap_or(Sequence(0));
        let snapshots = Snapshots::start(&path, config.store.snapshot_every, last)
            .map_err(ServeError::Runtime)?;
        let parts = ShardParts {
            state,
            journal,
            clock: clock.clone(),
            register: Arc::clone(&register),
            snapshots: Some(snapshots),
            queue_capacity: QUEUE_CAPACITY,
        };
        let (shard, thread) = worker::start(parts).map_err(ServeError::Runtime)?;
        let pace = Pace::new(shard.clone());
        let projector = projector.spawn(move || pace.watermark())?;
        let addresses = front.http.map(|address| ("http".to_owned(), address));
        Ok(Self {
            shard,
            clock,
            register,
            data: path,
            addresses: addresses.into_iter().collect(),
            thread,
            projector,
            front,
            others: JoinSet::new(),
            snapshot,
        })
    }

    async fn install_rules(&self, text: String, origin: String) -> Result<(), ServeError> {
        let command = Command::InstallRules { text };
        let answered = self.shard.command(command, None).await.map_err(|error| match error {
            ShardError::Stopped(reason) => ServeError::Stopped(reason),
            ShardError::Overloaded => ServeError::Stopped("the queue is full".into()),
        })?;
        match answered.outcome {
            Outcome::Refused(Refusal::Rules(errors)) => Err(ServeError::Rules { origin, errors }),
            _ => {
                info!(origin, sequence = answered.sequence.0, "rule set installed");
                Ok(())
            }
        }
    }

    /// Due dates are counted by the holiday table: staff hear in time that it ends.
    async fn warn_of_holidays(&self) {
        let look = |state: &authorization::State, now: payment_types::Moment| {
            calendar::warning(state.plan().calendar(), now.business_date())
        };
        if let Ok(Some(warning)) = self.shard.query(look).await {
            warn!("{warning}");
        }
    }

    /// A module outside the process is watched, also while nobody asks it.
    fn watch(&mut self, security: Arc<dyn SecurityModule>) -> Arc<dyn SecurityModule> {
        if !security.is_remote() {
            return security;
        }
        let watched = Arc::new(WatchedModule::new(security));
        let probed = Arc::clone(&watched);
        self.others.spawn(async move {
            loop {
                tokio::time::sleep(PROBE_EVERY).await;
                let probed = Arc::clone(&probed);
                // A probe that panics has been reported; the next one comes.
                let _ended = tokio::task::spawn_blocking(move || probed.probe()).await;
            }
        });
        watched
    }

    fn listen(&mut self, listening: Vec<Listening>, security: &Arc<dyn SecurityModule>) {
        let services = Services {
            shard: self.shard.clone(),
            security: Arc::clone(security),
            register: Arc::clone(&self.register),
            clock: self.clock.clone(),
        };
        for listener in listening {
            let address = listener.address();
            info!(listener = listener.name(), %address, "listening");
            self.addresses.push((listener.name().to_owned(), address));
            self.front.tasks.spawn(listener.run(services.clone(), self.front.drain.subscribe()));
        }
    }

    /// The shard's handle.
    #[must_use]
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The engine's time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where a listener, or `http`, can be reached.
    #[must_use]
    pub fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(name, _)| name == listener).map(|(_, address)| *address)
    }

    /// Stops in good order: no new connections or requests, what is in flight is answered (within
    /// ten seconds), everything is committed, and a last snapshot makes the next start quick.
    ///
    /// # Errors
    /// [`ServeError::Stopped`] if the shard failed on the way.
    pub async fn drain(mut self) -> Result<(), ServeError> {
        self.end_tasks(DRAIN_PATIENCE).await;
        let shard = self.shard.clone();
        shard.close();
        let Self { thread, projector, data, snapshot, .. } = self;
        let ended = tokio::task::spawn_blocking(move || {
            let end = thread.join()?;
            if snapshot != Some(end.state.last_sequence()) && end.state.last_sequence().0 > 0 {
                snapshots::take(&data, &end.state);
            }
            drop(end.journal);
            Some(())
        });
        let Ok(Some(())) = ended.await else {
            return Err(ServeError::Stopped(shard.reason()));
        };
        let caught_up = tokio::task::spawn_blocking(move || projector.stop());
        if timeout(PROJECTOR_PATIENCE, caught_up).await.is_err() {
            info!("the read model is behind; it goes on from there at the next start");
        }
        Ok(())
    }

    /// After a failure of the shard: lets the last answers out, and ends.
    pub async fn abandon(mut self) {
        self.end_tasks(ABANDON_PATIENCE).await;
    }

    async fn end_tasks(&mut self, patience: Duration) {
        self.others.abort_all();
        self.front.context.drain();
        self.front.drain.send_replace(true);
        let all = async { while self.front.tasks.join_next().await.is_some() {} };
        if timeout(patience, all).await.is_err() {
            warn!("some connections did not end in time and were cut off");
            self.front.tasks.abort_all();
        }
    }
}

/// Opening may take long (a replay), so it has a thread of its own.
async fn open(config: &Config, path: PathBuf) -> Result<Opened, ServeError> {
    let options = StorageOptions {
        segment_bytes: config.store.segment_mib.saturating_mul(1 << 20),
        security: config.security.clone(),
    };
    let opened = tokio::task::spawn_blocking(move || storage::open(&path, &options))
        .await
        .map_err(|error| ServeError::Runtime(io::Error::other(error)))??;
    for warning in &opened.warnings {
        warn!("{warning}");
    }
    if config.security.test_keys {
        warn!("test mode: clear test keys and test PINs are accepted (security.test_keys)");
    }
    info!(
        data = %opened.path.display(),
        records = opened.state.last_sequence().0,
        replayed = opened.replayed,
        "data directory recovered"
    );
    Ok(opened)
}

/// The rule set of a first start; none where the journal has one already.
fn rules_to_install(
    config: &Config,
    opened: &Opened,
) -> Result<Option<(String, String)>, ServeError> {
    if !opened.state.has_rules() {
        return Ok(Some(config.rules_text()?));
    }
    if config.rules.is_some() {
        match config.rules_text() {
            Ok((text, origin)) if text != opened.state.rules_text() => {
                warn!(
                    origin,
                    version = opened.state.rules_version(),
                    "the rules file differs from the rule set in force, which is kept; \
                     rule sets change by orders"
                );
            }
            Ok(_) => {}
            Err(error) => warn!("{error}"),
        }
    }
    Ok(None)
}
