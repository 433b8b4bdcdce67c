//! Who may speak for whom: asked before anything of a message is looked at.
//!
//! A device is known by DE 41 alone, which anybody can write. What a connection proves of its peer,
//! by which listener it came and with which certificate, only the edge knows: it answers through
//! [`Register::refuses`].

use crate::elements::{number, text_or_blank};
use crate::{Answered, Register, network};
use iso8583::Message;
use payment_types::{Class, Function, TerminalId};

/// Whom a message says to be from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// DE 41.
    pub terminal: Option<TerminalId>,
    /// DE 32.
    pub acquirer: Option<u64>,
    /// DE 33.
    pub forwarding: Option<u64>,
    /// Whether it is about an acquirer's whole period: cut-over and 0520 (TXN-6).
    pub about_acquirer: bool,
}

/// Why a message is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trespass {
    /// Its device comes in by another listener.
    OtherListener,
    /// The client's certificate names neither its device nor its acquirer.
    OtherCertificate,
    /// It is about an acquirer's period, from nobody who may end it.
    AcquirersMatter,
    /// Its acquirer is none of those whose messages come in by the listener.
    OtherAcquirer,
}

impl Trespass {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherListener => "other_listener",
            Self::OtherCertificate => "other_certificate",
            Self::AcquirersMatter => "acquirers_matter",
            Self::OtherAcquirer => "other_acquirer",
        }
    }
}

/// A message from somebody it does not come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranger {
    /// DE 41 as the message has it; blank where it has none.
    pub terminal: TerminalId,
    /// Why it is refused.
    pub why: Trespass,
}

/// Whether a message is refused for whom it says to be from. What can't be read here is a format
/// error later.
pub(crate) fn refused(message: &Message<'_>, register: &dyn Register) -> Option<Stranger> {
    let institution = |de| number(message, de, Some).ok().flatten();
    let mti = message.mti();
    let about_acquirer = match (mti.class(), mti.function()) {
        (Class::NetworkManagement, _) => network::asked(message) == Ok(Answered::CutOver),
        (Class::Reconciliation, function) => function == Function::Advice,
        _ => false,
    };
    let claim = Claim {
        terminal: text_or_blank(message, 41, TerminalId::new).ok().flatten(),
        acquirer: institution(32),
        forwarding: institution(33),
        about_acquirer,
    };
    let why = register.refuses(&claim)?;
    Some(Stranger { terminal: claim.terminal.unwrap_or_default(), why })
}
