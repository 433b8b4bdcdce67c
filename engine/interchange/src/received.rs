//! What is to be done with a message.

use crate::{Cause, Concerns, Fault, MacAlarm, NewKey, Secured, Stranger};
use authorization::Request;
use core::fmt;
use payment_types::TerminalId;

/// What [`Link::receive`](crate::Link::receive) made of a message.
pub enum Received {
    /// Let the core decide; the answer is made by [`Link::answer`](crate::Link::answer).
    Decide(Asked),
    /// Journal the new key; the answer is made by [`Link::key_set`](crate::Link::key_set).
    Exchange(Box<NewKey>),
    /// Send this back: the message asks for nothing that could change state.
    Answer {
        /// The answer, ready to be framed.
        body: Vec<u8>,
        /// What was answered.
        kind: Answered,
    },
    /// Count it and send nothing.
    Drop(DropCause),
}

/// A request for the core.
#[derive(Debug)]
pub struct Asked {
    /// What the core decides about.
    pub request: Box<Request>,
    /// How its answer is secured.
    pub secured: Secured,
    /// What could not be checked, for the log.
    pub concerns: Concerns,
}

/// Bodies are not shown, whatever is in them.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decide(asked) => f.debug_tuple("Decide").field(asked).finish(),
            Self::Exchange(key) => f.debug_tuple("Exchange").field(key).finish(),
            Self::Answer { body, kind } => {
                write!(f, "Answer({kind:?}, {} bytes)", body.len())
            }
            Self::Drop(cause) => f.debug_tuple("Drop").field(cause).finish(),
        }
    }
}

/// What was answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// The peer signed on.
    SignOn,
    /// The peer signed off.
    SignOff,
    /// An echo test.
    Echo,
    /// Key exchange: the key is journaled before it is answered.
    KeyExchange,
    /// Key exchange, refused.
    KeyRefused(TerminalId, Cause),
    /// A message without the authentication code that its terminal's profile asks for, or with a
    /// wrong one: refused (SEC-5).
    MacWrong(MacAlarm),
    /// A message for a device or an acquirer that its sender may not speak for: refused.
    NotAdmitted(Stranger),
    /// A cut-over, which the core carries out (TXN-6).
    CutOver,
    /// Network management of another kind, refused.
    OtherNetworkManagement,
    /// A message class that this version does not do (administration, fee collection), refused.
    NotSupported,
    /// A format error.
    FormatError(Fault),
}

impl Answered {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignOn => "sign_on",
            Self::SignOff => "sign_off",
            Self::Echo => "echo",
            Self::KeyExchange => "key_exchange",
            Self::KeyRefused(..) => "key_exchange_refused",
            Self::MacWrong(_) => "mac_wrong",
            Self::NotAdmitted(_) => "not_admitted",
            Self::CutOver => "cut_over",
            Self::OtherNetworkManagement => "network_management_refused",
            Self::NotSupported => "class_not_supported",
            Self::FormatError(_) => "format_error",
        }
    }
}

/// Why a message gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// Its type indicator or its bitmap cannot be read.
    Unreadable,
    /// It is an answer; nothing here asks.
    IsAnswer,
    /// A notification, which wants no answer, or a function no edition defines.
    WantsNoAnswer,
    /// A version of the standard or a message class that nobody defines.
    UnknownType,
    /// An answer could not be built in the link's dialect.
    Unanswerable,
    /// Its authentication code is missing or wrong, and its terminal's profile drops such (SEC-5).
    MacWrong(MacAlarm),
}

impl DropCause {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::IsAnswer => "is_answer",
            Self::WantsNoAnswer => "wants_no_answer",
            Self::UnknownType => "unknown_type",
            Self::Unanswerable => "unanswerable",
            Self::MacWrong(_) => "mac_wrong",
        }
    }
}
