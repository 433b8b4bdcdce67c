//! Where the module is and how long to wait for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How to reach the module.
#[derive(Clone)]
pub struct Settings {
    /// `host:port`, one or more of the same module or of modules with the same master key.
    /// Connections are spread over them.
    pub addresses: Vec<String>,
    /// TLS, if the link has it.
    pub tls: Option<TlsSettings>,
    /// The most connections, and so the most commands at a time.
    pub connections: usize,
    /// How many callers may wait for a connection; one more is refused at once.
    pub waiting: usize,
    /// How long a command may take from the call to the answer, waiting and connecting included.
    pub timeout: Duration,
    /// Characters of the header that the module is set to.
    pub header_length: usize,
    /// How often the module is asked how it is.
    pub check_every: Duration,
    /// Keys under the module's master key, by name. See [`super::KeyTable`].
    pub key_table: Option<PathBuf>,
    /// Who is told of each command.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Settings {
    /// For a module at these addresses, with the values a module on the same site needs.
    #[must_use]
    pub fn at(addresses: Vec<String>) -> Self {
        Self {
            addresses,
            tls: None,
            connections: 8,
            waiting: 256,
            timeout: Duration::from_secs(2),
            header_length: 4,
            check_every: Duration::from_secs(1),
            key_table: None,
            observer: None,
        }
    }
}

/// TLS towards the module.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// PEM file with the authority that signed the module's certificate.
    pub ca: PathBuf,
    /// PEM files of our own certificate and its key, where the module wants one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name in the module's certificate; without, the host's.
    pub server_name: Option<String>,
}

/// How a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Answered with 00 or a warning.
    Done,
    /// Answered with an error code: "wrong" is one of them.
    Refused,
    /// Not answered: no connection, no answer in time, or one that cannot be read.
    Unanswered,
    /// Not sent: too many were waiting, or every address is known to be down.
    NotSent,
}

impl CallOutcome {
    /// For a metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
            Self::NotSent => "not_sent",
        }
    }
}

/// Is told of each command; for metrics. Must not block.
pub trait Observer: Send + Sync {
    /// A command ended.
    fn called(&self, command: &'static str, took: Duration, outcome: CallOutcome);

    /// Whether the module answers changed; with why, when it does not.
    fn turned(&self, is_up: bool, why: &str);
}
