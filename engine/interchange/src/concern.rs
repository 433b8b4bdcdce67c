//! Why something could not be checked: for the log, since the decision's trace only says that it
//! could not.

use arrayvec::ArrayVec;
use core::fmt;
use security::SecurityError;

/// What was to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The PIN, or the new one.
    Pin,
    /// CVV, iCVV, CVV2, dCVV, CVC3.
    CardValue,
    /// The chip's cryptogram.
    Cryptogram,
    /// CAVV or AAV.
    Authentication,
    /// The message's authentication code.
    Mac,
    /// A key that is exchanged.
    KeyExchange,
    /// What goes back to the chip.
    ChipAnswer,
}

impl Subject {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::CardValue => "card_value",
            Self::Cryptogram => "cryptogram",
            Self::Authentication => "three_d_secure",
            Self::Mac => "mac",
            Self::KeyExchange => "key_exchange",
            Self::ChipAnswer => "chip_answer",
        }
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The device is not in the register.
    UnknownDevice,
    /// There is no key for it.
    NoKey,
    /// The card has nothing to check a PIN against.
    NoReference,
    /// A DUKPT device's message without a key serial number.
    NoSerial,
    /// A key serial number of a wrong length, or of another base key.
    Serial,
    /// Not hex, or of a wrong length.
    Malformed,
    /// What else the check needs is not in the message.
    Incomplete,
    /// A layout or version that is not known here.
    UnknownVersion,
    /// No PIN block for this card under the key.
    PinBlock,
    /// The key is for another use.
    WrongUsage,
    /// The key is not one of the module's, or is gone.
    BadKey,
    /// The check value is not the key's.
    CheckValue,
    /// The module cannot do it.
    Unsupported,
    /// The module does not answer.
    Unavailable,
}

impl Cause {
    /// The name for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown_device",
            Self::NoKey => "no_key",
            Self::NoReference => "no_pin_reference",
            Self::NoSerial => "no_key_serial_number",
            Self::Serial => "key_serial_number",
            Self::Malformed => "malformed",
            Self::Incomplete => "incomplete",
            Self::UnknownVersion => "unknown_version",
            Self::PinBlock => "pin_block",
            Self::WrongUsage => "wrong_usage",
            Self::BadKey => "bad_key",
            Self::CheckValue => "check_value",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<SecurityError> for Cause {
    fn from(error: SecurityError) -> Self {
        match error {
            SecurityError::PinBlock => Self::PinBlock,
            SecurityError::Malformed(_) => Self::Malformed,
            SecurityError::WrongUsage => Self::WrongUsage,
            SecurityError::Ksn => Self::Serial,
            SecurityError::Unavailable => Self::Unavailable,
            SecurityError::Unsupported(_) => Self::Unsupported,
            SecurityError::NotOurs
            | SecurityError::TestKeysOff
            | SecurityError::NoSuchKey
            | SecurityError::Key(_) => Self::BadKey,
        }
    }
}

/// Something that could not be checked, and why. Carries nothing of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concern {
    /// What.
    pub subject: Subject,
    /// Why.
    pub cause: Cause,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject.name(), self.cause.name())
    }
}

/// What could not be checked of one message.
pub type Concerns = ArrayVec<Concern, 4>;

/// Notes a concern; with no room left the first ones say enough.
pub(crate) fn note(concerns: &mut Concerns, subject: Subject, cause: impl Into<Cause>) {
    if !concerns.is_full() {
        concerns.push(Concern { subject, cause: cause.into() });
    }
}
