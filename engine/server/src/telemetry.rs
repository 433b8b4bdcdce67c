//! What operators see: log lines and metrics, from typed events.
//!
//! Every metric name of the engine stands in this file, and an event's log line is written where
//! its counter is raised, so that the two never disagree. No event carries a byte of a message
//! beyond its length header, and no card number can be in one (I9).

use crate::config::{LogConfig, LogFormat};
use crate::live::Tally;
use authorization::ResultCode;
use interchange::{Cause, Concern, MacAlarm, NewKey, Stranger};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use payment_types::{Currency, Mti, TerminalId};
use security::payshield::{CallOutcome, Observer};
use std::fmt;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use tracing::{debug, error, info, warn};

const REQUESTS: &str = "tamga_requests_total";
const ANSWER_SECONDS: &str = "tamga_answer_seconds";
const NETWORK_MESSAGES: &str = "tamga_network_messages_total";
const SHED: &str = "tamga_shed_total";
const LATE: &str = "tamga_late_total";
const UNANSWERED: &str = "tamga_unanswered_total";
const DROPPED: &str = "tamga_dropped_messages_total";
const CONNECTIONS: &str = "tamga_connections";
const CLOSED: &str = "tamga_connections_closed_total";
const TURN_RECORDS: &str = "tamga_turn_records";
const DECIDE_SECONDS: &str = "tamga_turn_decide_seconds";
const COMMIT_SECONDS: &str = "tamga_commit_seconds";
const QUEUE_SECONDS: &str = "tamga_queue_seconds";
const JOURNAL_BYTES: &str = "tamga_journal_bytes_total";
const JOURNAL_RECORDS: &str = "tamga_journal_records_total";
const CLOCK_BEHIND: &str = "tamga_clock_behind_seconds";
const JOURNAL_TROUBLE: &str = "tamga_journal_next_segment_failing";
const RATE_MISSING: &str = "tamga_rate_missing_total";
const MAC_WRONG: &str = "tamga_mac_wrong_total";
const STRANGERS: &str = "tamga_strangers_total";
const UNVERIFIABLE: &str = "tamga_security_unverifiable_total";
const MODULE_SECONDS: &str = "tamga_security_module_seconds";
const MODULE_UNAVAILABLE: &str = "tamga_security_module_unavailable_total";
const MODULE_QUEUE: &str = "tamga_security_module_queue";
const MODULE_UP: &str = "tamga_security_module_up";
const SNAPSHOTS: &str = "tamga_snapshots_total";
const HSM_COMMANDS: &str = "tamga_hsm_commands_total";
const HSM_SECONDS: &str = "tamga_hsm_command_seconds";
const HSM_UP: &str = "tamga_hsm_up";

/// Bounds of the histograms of durations, seconds.
const SECONDS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 8.0,
];
const RECORDS: [f64; 8] = [1.0, 2.0, 8.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Installs the metrics of this process, once, and gives what renders them for `/metrics`.
pub fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Full(TURN_RECORDS.into()), &RECORDS)
                })
                .unwrap_or_default();
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            // Fails only where a program that embeds the engine has installed its own before.
            drop(metrics::set_global_recorder(recorder));
            describe();
            handle
        })
        .clone()
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(REQUESTS, "Requests answered, by listener, MTI and result");
    describe_counter!(NETWORK_MESSAGES, "Messages answered without a decision, by kind");
    describe_counter!(SHED, "Requests answered 91 at once, by listener and bound");
    describe_counter!(LATE, "Requests dropped because their deadline had passed");
    describe_counter!(UNANSWERED, "Requests in a failed turn: their fate shows after recovery");
    describe_counter!(DROPPED, "Messages that can't be answered, by cause");
    describe_counter!(CLOSED, "Connections closed, by listener and cause");
    describe_counter!(JOURNAL_BYTES, "Bytes of records appended to the journal");
    describe_counter!(JOURNAL_RECORDS, "Records appended to the journal");
    describe_counter!(
        RATE_MISSING,
        "Requests declined for want of a fresh rate, by pair: an alarm"
    );
    describe_counter!(STRANGERS, "Messages for a terminal or acquirer of somebody else, refused");
    describe_counter!(MAC_WRONG, "Messages without a right authentication code: an alarm");
    describe_counter!(UNVERIFIABLE, "What messages gave to be checked and could not be, by cause");
    describe_counter!(MODULE_UNAVAILABLE, "Calls that the security module did not answer");
    describe_gauge!(MODULE_QUEUE, "Messages that wait for the security module, by listener");
    describe_gauge!(MODULE_UP, "1 while the security module answers");
    describe_histogram!(MODULE_SECONDS, "Calls of a security module outside the process");
    describe_counter!(SNAPSHOTS, "Snapshots taken, by result");
    describe_gauge!(CLOCK_BEHIND, "How far the clock stands before the journal's last record");
    describe_gauge!(JOURNAL_TROUBLE, "1 while the next segment can't be made: free the disk soon");
    describe_gauge!(CONNECTIONS, "Open connections, by listener");
    describe_histogram!(ANSWER_SECONDS, "From the request's last byte to its answer's encoding");
    describe_histogram!(QUEUE_SECONDS, "The longest wait for the shard in a turn");
    describe_histogram!(DECIDE_SECONDS, "Deciding and appending all of a turn");
    describe_histogram!(COMMIT_SECONDS, "Writing and flushing a turn's records");
    describe_histogram!(TURN_RECORDS, "Records of a turn");
    describe_counter!(HSM_COMMANDS, "Commands to the HSM, by command and outcome");
    describe_histogram!(HSM_SECONDS, "From asking for a connection to the answer, by command");
    describe_gauge!(HSM_UP, "1 while the HSM answers, 0 while it does not");
}

/// Sends the log to standard error. Does nothing where a log was installed before.
pub fn log_to_stderr(config: &LogConfig) {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::fmt;
    use tracing_subscriber::util::SubscriberInitExt;
    let filter = || EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let installed = match config.format {
        LogFormat::Text => fmt()
            .with_env_filter(filter())
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .finish()
            .try_init(),
        LogFormat::Json => fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(filter())
            .with_writer(std::io::stderr)
            .finish()
            .try_init(),
    };
    // An embedding program's own log stays.
    drop(installed);
}

/// AMT-3: a request was declined since a rate is missing or too old.
pub(crate) fn rate_missing(from: Currency, to: Option<Currency>) {
    let (from, to) = (from.to_string(), to.map(|to| to.to_string()).unwrap_or_default());
    warn!(from, to, "no exchange rate, or one that is too old: load one (AMT-3)");
    counter!(RATE_MISSING, "from" => from, "to" => to).increment(1);
}

/// The client of an HSM tells this.
pub(crate) struct HsmTelemetry;

impl Observer for HsmTelemetry {
    fn called(&self, command: &'static str, took: Duration, outcome: CallOutcome) {
        counter!(HSM_COMMANDS, "command" => command, "outcome" => outcome.name()).increment(1);
        histogram!(HSM_SECONDS, "command" => command).record(took);
    }

    fn turned(&self, is_up: bool, why: &str) {
        gauge!(HSM_UP).set(f64::from(u8::from(is_up)));
        if is_up {
            info!("the HSM answers");
        } else {
            error!(why, "the HSM does not answer");
        }
    }
}

/// The shard's figures.
pub(crate) struct ShardMeter {
    records: Histogram,
    decide: Histogram,
    commit: Histogram,
    queue: Histogram,
    late: Counter,
    unanswered: Counter,
    bytes: Counter,
    appended: Counter,
    clock_behind: Gauge,
    journal_trouble: Gauge,
    longest_wait: Duration,
    turn_bytes: u64,
}

impl ShardMeter {
    pub(crate) fn new() -> Self {
        Self {
            records: histogram!(TURN_RECORDS),
            decide: histogram!(DECIDE_SECONDS),
            commit: histogram!(COMMIT_SECONDS),
            queue: histogram!(QUEUE_SECONDS),
            late: counter!(LATE),
            unanswered: counter!(UNANSWERED),
            bytes: counter!(JOURNAL_BYTES),
            appended: counter!(JOURNAL_RECORDS),
            clock_behind: gauge!(CLOCK_BEHIND),
            journal_trouble: gauge!(JOURNAL_TROUBLE),
            longest_wait: Duration::ZERO,
            turn_bytes: 0,
        }
    }

    /// A request had waited so long when its turn began.
    pub(crate) fn waited(&mut self, wait: Duration) {
        self.longest_wait = self.longest_wait.max(wait);
    }

    pub(crate) fn late(&self) {
        self.late.increment(1);
    }

    pub(crate) fn unanswered(&self) {
        self.unanswered.increment(1);
    }

    pub(crate) fn appended(&mut self, bytes: usize) {
        self.turn_bytes += u64::try_from(bytes).unwrap_or_default();
    }

    /// The clock stands so long before the last record.
    pub(crate) fn clock_behind(&self, ms: u64) {
        self.clock_behind.set(Duration::from_millis(ms).as_secs_f64());
    }

    /// The journal was asked how it is.
    pub(crate) fn journal(&self, trouble: Option<&str>) {
        self.journal_trouble.set(if trouble.is_some() { 1.0 } else { 0.0 });
        if let Some(why) = trouble {
            error!("the engine will stop when this segment of the journal is full: {why}");
        }
    }

    /// A turn was committed; gives the longest wait for it.
    pub(crate) fn turn(&mut self, records: usize, decide: Duration, commit: Duration) -> Duration {
        let count = u32::try_from(records).unwrap_or(u32::MAX);
        self.records.record(f64::from(count));
        self.decide.record(decide);
        self.commit.record(commit);
        let waited = std::mem::take(&mut self.longest_wait);
        self.queue.record(waited);
        self.appended.increment(u64::from(count));
        self.bytes.increment(std::mem::take(&mut self.turn_bytes));
        waited
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The peer closed it.
    ByPeer,
    /// The engine is being shut down.
    Drained,
    /// No traffic for the listener's idle time.
    Idle,
    /// Half a frame rested too long.
    HalfFrame,
    /// The peer does not read its answers.
    SlowReader,
    /// A frame that can't be one.
    Frame(iso8583::FrameError),
    /// The system reported an error.
    Io(std::io::ErrorKind),
    /// The TLS handshake failed or took too long.
    Tls,
    /// The listener has as many connections as it may.
    TooMany,
    /// Its address has as many connections as one may.
    TooManyOfOne,
}

impl Closed {
    /// The name in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::ByPeer => "peer",
            Self::Drained => "drained",
            Self::Idle => "idle",
            Self::HalfFrame => "half_frame",
            Self::SlowReader => "slow_reader",
            Self::Frame(_) => "bad_frame",
            Self::Io(_) => "io",
            Self::Tls => "tls",
            Self::TooMany => "too_many",
            Self::TooManyOfOne => "too_many_of_one_address",
        }
    }

    /// Whether somebody should look.
    const fn is_ordinary(self) -> bool {
        matches!(self, Self::ByPeer | Self::Drained | Self::Idle)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => write!(f, "{error}"),
            Self::Io(kind) => write!(f, "{kind}"),
            Self::HalfFrame => f.write_str("half a frame rested too long"),
            Self::SlowReader => f.write_str("the peer does not read its answers"),
            Self::TooMany => f.write_str("the listener has all the connections it may have"),
            Self::TooManyOfOne => {
                f.write_str("its address has all the connections that one may have")
            }
            Self::Tls => f.write_str("the TLS handshake failed"),
            other => f.write_str(other.name()),
        }
    }
}

/// Which bound shed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Requests in flight of the connection.
    Connection,
    /// Requests in flight of the listener.
    Listener,
    /// The shard's queue is full, or the shard has stopped.
    Shard,
    /// Too many wait for the security module.
    Module,
}

/// A listener's figures and log lines.
pub(crate) struct ListenerMeter {
    name: Arc<str>,
    connections: Gauge,
    answer: Histogram,
    shed: [Counter; 4],
    waiting: Gauge,
    /// What consoles see of it.
    tally: Arc<Tally>,
}

impl ListenerMeter {
    pub(crate) fn new(tally: Arc<Tally>) -> Self {
        let label = tally.name().to_string();
        let shed =
            |bound: &'static str| counter!(SHED, "listener" => label.clone(), "bound" => bound);
        Self {
            name: Arc::clone(tally.name()),
            connections: gauge!(CONNECTIONS, "listener" => label.clone()),
            answer: histogram!(ANSWER_SECONDS, "listener" => label.clone()),
            shed: [shed("connection"), shed("listener"), shed("shard"), shed("security_module")],
            waiting: gauge!(MODULE_QUEUE, "listener" => label.clone()),
            tally,
        }
    }

    pub(crate) fn opened(&self, peer: SocketAddr) {
        self.connections.increment(1.0);
        self.tally.opened();
        debug!(listener = %self.name, %peer, "connected");
    }

    /// One line for each connection refused or broken; `header` holds the first bytes of what
    /// could not be cut, at most a length header.
    pub(crate) fn closed(&self, peer: SocketAddr, cause: Closed, header: &[u8]) {
        if !matches!(cause, Closed::TooMany | Closed::TooManyOfOne) {
            self.connections.decrement(1.0);
            self.tally.closed();
        }
        counter!(CLOSED, "listener" => self.name.to_string(), "cause" => cause.name()).increment(1);
        let (listener, header) = (&self.name, hex::encode(header));
        if cause.is_ordinary() {
            debug!(%listener, %peer, %cause, "closed");
        } else {
            warn!(%listener, %peer, %cause, header, "closed a connection");
        }
    }

    pub(crate) fn dropped(&self, peer: SocketAddr, cause: &'static str) {
        counter!(DROPPED, "listener" => self.name.to_string(), "cause" => cause).increment(1);
        warn!(listener = %self.name, %peer, cause, "dropped a message that can't be answered");
    }

    /// A message was answered 30.
    pub(crate) fn format_error(&self, peer: SocketAddr, fault: &interchange::Fault) {
        info!(listener = %self.name, %peer, %fault, "answered a message that can't be understood");
    }

    pub(crate) fn network(&self, kind: &'static str) {
        counter!(NETWORK_MESSAGES, "listener" => self.name.to_string(), "kind" => kind)
            .increment(1);
    }

    /// The listener's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn shed(&self, bound: Bound) {
        let [connection, listener, shard, module] = &self.shed;
        match bound {
            Bound::Connection => connection.increment(1),
            Bound::Listener => listener.increment(1),
            Bound::Shard => shard.increment(1),
            Bound::Module => module.increment(1),
        }
    }

    /// An accepted connection could not be taken, for instance for lack of file descriptors.
    pub(crate) fn accept_failed(&self, error: &std::io::Error) {
        warn!(listener = %self.name, %error, "cannot accept a connection");
    }

    /// SEC-5: a message is not what its terminal sent, or not from it.
    pub(crate) fn mac_wrong(&self, peer: SocketAddr, alarm: &MacAlarm) {
        let (terminal, problem) = (alarm.terminal.as_str(), alarm.problem.name());
        counter!(MAC_WRONG, "listener" => self.name.to_string(), "problem" => problem).increment(1);
        error!(
            target: "tamga::mac",
            listener = %self.name, %peer, terminal, problem,
            "ALARM: a message without a right authentication code (SEC-5)"
        );
    }

    /// A message from somebody who may not speak for its device or acquirer.
    pub(crate) fn stranger(&self, peer: SocketAddr, stranger: &Stranger) {
        let (terminal, problem) = (stranger.terminal.as_str(), stranger.why.name());
        counter!(STRANGERS, "listener" => self.name.to_string(), "problem" => problem).increment(1);
        warn!(
            listener = %self.name, %peer, terminal, problem,
            "refused a message of somebody who may not speak for its terminal or acquirer"
        );
    }

    /// Something of a message could not be checked; its facts say only that.
    pub(crate) fn concerned(&self, peer: SocketAddr, terminal: TerminalId, concern: Concern) {
        let (subject, cause) = (concern.subject.name(), concern.cause.name());
        counter!(
            UNVERIFIABLE,
            "listener" => self.name.to_string(), "subject" => subject, "cause" => cause
        )
        .increment(1);
        let (listener, terminal) = (&self.name, terminal.as_str());
        info!(%listener, %peer, terminal, subject, cause, "cannot be verified");
    }

    /// PIN-1: a terminal has a new working key.
    pub(crate) fn key_set(&self, peer: SocketAddr, key: &NewKey) {
        let (terminal, role) = (key.terminal.as_str(), key.role.name());
        let check_value = key.check_value;
        info!(listener = %self.name, %peer, terminal, role, %check_value, "a new working key");
    }

    /// PIN-1: a key exchange was refused.
    pub(crate) fn key_refused(&self, peer: SocketAddr, terminal: TerminalId, cause: Cause) {
        let (terminal, cause) = (terminal.as_str(), cause.name());
        warn!(listener = %self.name, %peer, terminal, cause, "refused a key exchange");
    }

    /// The system gave no threads for the security module: the listener cannot work.
    pub(crate) fn no_threads(&self, error: &std::io::Error) {
        error!(listener = %self.name, %error, "no threads to ask the security module");
    }

    /// How many messages wait for the security module.
    pub(crate) fn module_queue(&self, waiting: usize) {
        #[allow(clippy::cast_precision_loss)] // A bounded queue.
        self.waiting.set(waiting as f64);
    }

    pub(crate) fn unanswerable(&self, peer: SocketAddr, error: &dyn fmt::Display) {
        counter!(DROPPED, "listener" => self.name.to_string(), "cause" => "answer").increment(1);
        error!(listener = %self.name, %peer, %error, "cannot build an answer");
    }
}

/// A connection's counters of answers, looked up once for each kind of answer.
pub(crate) struct AnswerMeter {
    listener: Arc<ListenerMeter>,
    counters: Vec<((Mti, ResultCode), Counter)>,
}

impl AnswerMeter {
    pub(crate) fn new(listener: Arc<ListenerMeter>) -> Self {
        Self { listener, counters: Vec::new() }
    }

    /// A request with this MTI was answered so, this long after it came.
    pub(crate) fn answered(&mut self, mti: Mti, result: ResultCode, took: Duration) {
        self.listener.answer.record(took);
        self.listener.tally.answered(result, took);
        let key = (mti, result);
        if let Some((_, known)) = self.counters.iter().find(|(known, _)| *known == key) {
            known.increment(1);
            return;
        }
        let counter = counter!(
            REQUESTS,
            "listener" => self.listener.name.to_string(),
            "mti" => mti.to_string(),
            "result" => result.name()
        );
        counter.increment(1);
        self.counters.push((key, counter));
    }
}

/// A security module outside the process, by operation.
pub(crate) struct ModuleMeter {
    unavailable: Counter,
    up: Gauge,
}

impl ModuleMeter {
    pub(crate) fn new() -> Self {
        let up = gauge!(MODULE_UP);
        up.set(1.0);
        Self { unavailable: counter!(MODULE_UNAVAILABLE), up }
    }

    /// A call took so long.
    pub(crate) fn called(&self, operation: &'static str, took: Duration) {
        histogram!(MODULE_SECONDS, "operation" => operation).record(took);
    }

    /// A call was not answered, or not made since the module is known to be gone.
    pub(crate) fn unavailable(&self) {
        self.unavailable.increment(1);
    }

    /// The module stopped answering.
    pub(crate) fn gone(&self) {
        self.up.set(0.0);
        error!("ALARM: the security module does not answer; what needs it is answered 91");
    }

    /// The module answers again.
    pub(crate) fn back(&self) {
        self.up.set(1.0);
        info!("the security module answers again");
    }
}

pub(crate) fn snapshot_taken(sequence: u64, bytes: u64, took: Duration) {
    counter!(SNAPSHOTS, "result" => "written").increment(1);
    info!(sequence, bytes, seconds = took.as_secs_f64(), "snapshot taken");
}

/// Not fatal: the journal has everything; only the next start takes longer.
pub(crate) fn snapshot_failed(sequence: u64, error: &dyn fmt::Display) {
    counter!(SNAPSHOTS, "result" => "failed").increment(1);
    warn!(sequence, %error, "cannot take a snapshot");
}
