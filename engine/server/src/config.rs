//! `tamga.toml`: what the engine is told about the machine it runs on.
//!
//! What stands here is about this installation (addresses, files, sizes); what the bank decides is
//! in the rule set (`rules.toml`). All errors are found at once, each with file, line, column and
//! key. Nothing is opened here but the file itself: whether the files it names are good is the
//! matter of `check_config`.

mod access;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod tree;

use crate::day::DayTimes;
pub use crate::module_queue::ModuleLimits;
pub use access::AccessConfig;
pub use authorization::Role;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The configuration of one engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from, for messages.
    pub source: PathBuf,
    /// The rule set at first start; `None` for the one built in.
    pub rules: Option<PathBuf>,
    /// Business time.
    pub clock: ClockConfig,
    /// The security module.
    pub security: SecurityConfig,
    /// Where data is kept.
    pub store: StoreConfig,
    /// `[end_of_day]`: when days are ended by themselves.
    pub end_of_day: DayTimes,
    /// `[orders]`: how change orders are signed.
    pub orders: OrdersConfig,
    /// Where terminals, ATMs, agents and networks connect; at least one.
    pub listeners: Vec<ListenerConfig>,
    /// API, metrics and health; `None` where it is switched off.
    pub http: Option<HttpConfig>,
    /// `[access]`: how people get in (SIG-4).
    pub access: AccessConfig,
    /// Service access to the API.
    pub api_tokens: Vec<ApiToken>,
    /// The log on standard error.
    pub log: LogConfig,
}

/// `[orders]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrdersConfig {
    /// Whether tokens of services may sign change orders (SIG-2). If not told: in test mode only,
    /// with test keys or a test clock.
    pub service_tokens_sign: Option<bool>,
}

/// `[clock]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockConfig {
    /// The zone of business days, an IANA name; known to exist.
    pub zone: String,
}

/// `[security]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityConfig {
    /// `software`, `pkcs11` or `payshield`.
    pub module: String,
    /// Whether clear test keys and test PINs are accepted.
    pub test_keys: bool,
    /// Where the software module's master key is.
    pub master_key_file: PathBuf,
    /// How to reach the HSM, where the module is `payshield`.
    pub payshield: Option<PayshieldConfig>,
    /// Which token, where the module is `pkcs11`.
    pub pkcs11: Option<Pkcs11Config>,
}

/// A token that speaks PKCS#11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Config {
    /// Its library.
    pub library: PathBuf,
    /// The label it was initialised with.
    pub token_label: String,
    /// A file with its user PIN, readable by its owner only.
    pub pin_file: PathBuf,
    /// How many sessions may be open.
    pub sessions: usize,
    /// How long a call waits for a free one.
    pub patience_ms: u64,
    /// Which named keys have several versions.
    pub key_table: Option<PathBuf>,
}

/// An HSM that speaks payShield's host commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayshieldConfig {
    /// `host:port`, at least one.
    pub addresses: Vec<String>,
    /// `[security.tls]`.
    pub tls: Option<HsmTlsConfig>,
    /// The most connections.
    pub connections: usize,
    /// How many callers may wait for one.
    pub waiting: usize,
    /// How long a command may take.
    pub timeout_ms: u64,
    /// Characters of the HSM's header.
    pub header_length: usize,
    /// Keys under the HSM's master key, by name.
    pub key_table: Option<PathBuf>,
}

/// TLS towards an HSM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsmTlsConfig {
    /// PEM file of the authority.
    pub ca: PathBuf,
    /// PEM file of our certificate; with `key`.
    pub cert: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
    /// The name in the HSM's certificate, where it is not the address's.
    pub server_name: Option<String>,
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Only `embedded` in this version.
    pub kind: String,
    /// The data directory.
    pub path: PathBuf,
    /// The size of a journal segment.
    pub segment_mib: u64,
    /// A snapshot is taken each time so many records were journaled since the last one.
    pub snapshot_every: u64,
}

/// One `[[listener]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Its name, as portfolio, logs and metrics use it; unique.
    pub name: String,
    /// Its address.
    pub bind: SocketAddr,
    /// How messages are cut out of the stream: a kind of WIRE.md, known to be one.
    pub framing: String,
    /// Whether a 5-byte TPDU follows the length.
    pub tpdu: bool,
    /// A literal header before each message; may be empty.
    pub header: Vec<u8>,
    /// A shipped dialect's name, or the path of a dialect file.
    pub dialect: String,
    /// The longest frame, bytes.
    pub max_frame: usize,
    /// A connection without traffic is closed after so many seconds.
    pub idle_seconds: u64,
    /// Half a frame may rest so many seconds.
    pub half_frame_seconds: u64,
    /// Work older than this is dropped before it takes effect, milliseconds.
    pub deadline_ms: u64,
    /// Requests of one connection being worked on; more are shed with `91`.
    pub in_flight_per_connection: usize,
    /// Requests of the listener being worked on; more are shed with `91`.
    pub in_flight: usize,
    /// Connections at a time; more are closed at once.
    pub connections_max: usize,
    /// Connections at a time from one address (of IPv6 a /64); `None` for three quarters of them
    /// all, and for no bound on this machine's own.
    pub connections_max_per_address: Option<usize>,
    /// Whether it takes messages of terminals whose own listener is another, and cut-overs without a
    /// terminal: what networks and hosts come in by.
    pub any_terminal: bool,
    /// The acquirers (DE 32) whose messages it takes; all of them if none is told.
    pub acquirers: Vec<u64>,
    /// Whether a connection must sign on (0800/001) before anything else.
    pub sign_on_required: bool,
    /// The private element in which terminals send security data that have none of their own.
    pub security_element: u8,
    /// How a security module outside the process is asked.
    pub module: ModuleLimits,
    /// A code table file (causes to DE39); `None` for the dialect's default.
    pub codes: Option<PathBuf>,
    /// TLS; `None` for plain TCP.
    pub tls: Option<TlsConfig>,
}

/// `[listener.tls]`, `[http.tls]`: PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate chain.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// If given, clients must show a certificate of this authority.
    pub client_ca: Option<PathBuf>,
    /// Whether a client speaks only for the terminal or the institution that its certificate names.
    pub bind_names: bool,
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Its address.
    pub bind: SocketAddr,
    /// TLS; `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
}

/// One `[[api_token]]`. The token itself is known only to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Who uses it; goes into the journal as the author of a change. Unique.
    pub name: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// What it may do.
    pub roles: Vec<Role>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// The least severe level shown: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// One thing wrong with a file, where it is and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the environment variable.
    pub file: String,
    /// From 1; 0 where there is none (a missing file, an environment variable).
    pub line: usize,
    /// From 1; 0 where there is none.
    pub column: usize,
    /// The key's path (`listener.0.bind`); may be empty.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl ConfigError {
    /// An error about a whole file.
    #[must_use]
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        let file = file.display().to_string();
        Self { file, line: 0, column: 0, key: String::new(), message: message.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}

/// What `tamga serve` uses when it is given no file.
const BUILT_IN: &str = include_str!("config/built_in.toml");
/// The rule set used where the configuration names none.
const BUILT_IN_RULES: &str = include_str!("config/built_in_rules.toml");

impl Config {
    /// Reads a file; `env` are the process's environment variables, of which those that begin with
    /// `TAMGA__` override settings (`TAMGA__HTTP__BIND`, `TAMGA__LISTENER__0__BIND`).
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn load(
        path: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<ConfigError>> {
        match Self::read(path, env) {
            Ok((config, errors)) if errors.is_empty() => Ok(config),
            Ok((_, errors)) => Err(errors),
            Err(error) => Err(vec![error]),
        }
    }

    /// The demo's listeners, store `data` in the current directory, and the built-in rule set.
    ///
    /// # Errors
    /// What is wrong with the overrides in `env`.
    pub fn built_in(
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<ConfigError>> {
        Self::parse(BUILT_IN, Path::new("built-in configuration"), Path::new(""), env)
    }

    /// Reads the text of a file. `source` names it in errors; relative paths in it are relative to
    /// `folder`.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn parse(
        text: &str,
        source: &Path,
        folder: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<ConfigError>> {
        match read::config(text, source, folder, env) {
            (config, errors) if errors.is_empty() => Ok(config),
            (_, errors) => Err(errors),
        }
    }

    /// As [`Self::load`], but goes on with defaults in place of what is wrong, so that a checker
    /// can look at the rest too.
    ///
    /// # Errors
    /// Only if the file cannot be read.
    pub fn read(
        path: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<ConfigError>), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::of_file(path, format!("cannot be read: {error}")))?;
        Ok(read::config(&text, path, path.parent().unwrap_or(Path::new("")), env))
    }

    /// The text of the rule set for a first start, and the name of where it came from.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn rules_text(&self) -> Result<(String, String), ConfigError> {
        let Some(path) = &self.rules else {
            return Ok((BUILT_IN_RULES.to_owned(), "built-in rules".to_owned()));
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::of_file(path, format!("the rule set cannot be read: {error}"))
        })?;
        Ok((text, path.display().to_string()))
    }
}
