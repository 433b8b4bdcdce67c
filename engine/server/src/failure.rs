//! How a command ends badly: lines for standard error and an exit code.
//!
//! | code | meaning |
//! | --- | --- |
//! | 1 | what was looked at is not right (refused records, a difference, an unexpected answer) |
//! | 2 | the command line, the configuration or a file it names |
//! | 3 | the data directory |
//! | 4 | an address that cannot be listened on, or an engine that cannot be reached |
//! | 5 | the engine stopped while it ran |

use crate::config::ConfigError;
use crate::engine::ServeError;
use crate::storage::StorageError;
use authorization::RecordError;
use journal::JournalError;
use std::path::Path;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The process's exit code.
    pub code: u8,
    /// What to tell, a line each: what is wrong and what to do.
    pub lines: Vec<String>,
}

impl Failure {
    /// What was looked at is not right.
    #[must_use]
    pub fn found(line: impl Into<String>) -> Self {
        Self { code: 1, lines: vec![line.into()] }
    }

    /// The command was given something it cannot use.
    #[must_use]
    pub fn usage(line: impl Into<String>) -> Self {
        Self { code: 2, lines: vec![line.into()] }
    }

    /// The data directory cannot be used.
    #[must_use]
    pub fn data(line: impl Into<String>) -> Self {
        Self { code: 3, lines: vec![line.into()] }
    }

    /// Something cannot be reached.
    #[must_use]
    pub fn unreachable(line: impl Into<String>) -> Self {
        Self { code: 4, lines: vec![line.into()] }
    }

    /// A file that cannot be read or written.
    #[must_use]
    pub fn file(path: &Path, doing: &str, error: &std::io::Error) -> Self {
        Self::usage(format!("{}: cannot be {doing}: {error}", path.display()))
    }

    /// A record that this program cannot read.
    #[must_use]
    pub fn record(sequence: u64, error: RecordError) -> Self {
        Self::data(format!("record {sequence} of the journal can't be read: {error}"))
    }
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self { code: 2, lines: errors.iter().map(ToString::to_string).collect() }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::data(error.to_string())
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::data(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self { code: error.exit_code(), lines: vec![error.to_string()] }
    }
}
