//! Why a simulator could not do what it was asked. A decline is not an error: it is an answer.

use iso8583::{BuildError, FrameError, ParseError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// What went wrong, in words for the person at the keyboard.
#[derive(Debug, Error)]
pub enum SimError {
    /// A file could not be read or written.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// A line of a portfolio is not what it should be.
    #[error("{path}:{line}: {cause}", path = path.display())]
    Portfolio {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it; never the line itself, which may hold a card number.
        cause: String,
    },
    /// A name the portfolio does not know.
    #[error("{kind} {name:?} is not in the portfolio")]
    Unknown {
        /// `card`, `terminal`, ...
        kind: &'static str,
        /// The name asked for.
        name: String,
    },
    /// A setting or option makes no sense.
    #[error("{0}")]
    Setting(String),
    /// A message could not be built for this dialect.
    #[error("does not fit the dialect {dialect}: {cause}")]
    Build {
        /// The dialect's name.
        dialect: String,
        /// The element and what is wrong with it.
        cause: BuildError,
    },
    /// The other side sent bytes that are no message of the dialect.
    #[error("the answer is no message of the dialect: {0}")]
    Parse(#[from] ParseError),
    /// The other side sent bytes that are no frame.
    #[error("what came back is no frame: {0}")]
    Frame(#[from] FrameError),
    /// The connection could not be opened or broke.
    #[error("{target}: {cause}")]
    Connection {
        /// Host and port.
        target: String,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The host closed the connection.
    #[error("{0}: the host closed the connection")]
    Closed(String),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    NoAnswer(Duration),
    /// The engine under test did not start, stop or stay up.
    #[error("{0}")]
    Engine(String),
    /// An HTTP exchange failed before there was a status.
    #[error("{method} {url}: {cause}")]
    Http {
        /// The method.
        method: String,
        /// The address.
        url: String,
        /// The client's reason.
        cause: String,
    },
    /// A test key is missing, or is none.
    #[error("{0}")]
    Key(String),
    /// The key module refused a PIN or a key.
    #[error("no PIN block: {0}")]
    PinBlock(String),
}

impl SimError {
    /// For `map_err` on file operations.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + use<'_> {
        move |cause| Self::File { path: path.to_owned(), cause }
    }
}
