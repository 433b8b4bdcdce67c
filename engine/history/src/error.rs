//! What can go wrong with the read model. None of it touches what is true: the journal is.

use std::path::PathBuf;
use thiserror::Error;

/// Why the read model could not be read or brought up to date.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// SQLite refused.
    #[error("the read model: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The journal can't be read.
    #[error("the read model can't follow the journal: {0}")]
    Journal(#[from] journal::JournalError),
    /// A journal record is not understood.
    #[error("record {sequence} is not understood: {reason}")]
    Record {
        /// Which.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// The file can't be removed to build it again.
    #[error("{} can't be replaced: {source}", path.display())]
    Replace {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What stands in a column is not what was put there.
    #[error("the read model holds {0}, which is not understood: delete it, and it is built again")]
    Content(&'static str),
    /// The projector's thread could not be started.
    #[error("the projector's thread could not be started: {0}")]
    Thread(std::io::Error),
}
