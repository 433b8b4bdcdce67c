//! What can be wrong with a message, a value or an element to be built. Errors are `Copy`, say where
//! and why, and never carry the bytes: they can be logged as they are.

use core::fmt;
use thiserror::Error;

/// Why the bytes of a message are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseCause {
    /// The message ends inside the element.
    #[error("the message ends inside it")]
    Truncated,
    /// The message type indicator is not four digits.
    #[error("not four digits")]
    BadMti,
    /// A hex bitmap holds something that is not a hex digit.
    #[error("not a hex digit in the bitmap")]
    BadBitmap,
    /// The bitmap names an element that the dialect does not have.
    #[error("not an element of the dialect")]
    UnknownElement,
    /// A length prefix is not a number.
    #[error("the length is not a number")]
    BadLength,
    /// The length prefix says more than the dialect allows.
    #[error("longer than the dialect allows")]
    TooLong,
    /// The length prefix says less than the dialect allows.
    #[error("shorter than the dialect allows")]
    TooShort,
    /// Something that is not a digit in a numeric element.
    #[error("not a digit")]
    BadDigit,
    /// A character outside the element's alphabet.
    #[error("a character its alphabet does not have")]
    BadCharacter,
    /// A signed amount does not start with `C` or `D`.
    #[error("the sign is neither C nor D")]
    BadSign,
    /// The filler of an odd number of packed digits is not what the dialect says.
    #[error("the padding is not what the dialect says")]
    BadPadding,
    /// Binary data carried as hex text holds something that is not a hex digit.
    #[error("not a hex digit")]
    BadHex,
    /// Bytes are left after the last element.
    #[error("bytes are left after the last element")]
    TrailingBytes,
    /// The message is longer than 65 535 bytes.
    #[error("the message is longer than 65535 bytes")]
    MessageTooLong,
}

/// Where a message stops making sense, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    /// The element: 0 the message type indicator, 1 the bitmap, else the data element.
    pub element: u8,
    /// Where the element starts in the message (the length prefix, if it has one); for
    /// [`ParseCause::TrailingBytes`] where the message should have ended.
    pub offset: usize,
    /// What is wrong.
    pub cause: ParseCause,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { element, offset, cause } = self;
        match (element, cause) {
            (_, ParseCause::TrailingBytes | ParseCause::MessageTooLong) => {
                write!(f, "offset {offset}: {cause}")
            }
            (0, _) => write!(f, "message type indicator at offset {offset}: {cause}"),
            (1, _) => write!(f, "bitmap at offset {offset}: {cause}"),
            _ => write!(f, "element {element} at offset {offset}: {cause}"),
        }
    }
}

impl core::error::Error for ParseError {}

/// Why a value of a message that parsed cannot be read the way it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValueCause {
    /// It is not a plain number.
    #[error("not a number")]
    NotNumeric,
    /// The number is above `u64::MAX`.
    #[error("the number is too large")]
    TooLarge,
    /// It has no meaning as bytes: not binary and not hex text.
    #[error("not binary data")]
    NotBinary,
    /// The caller's scratch space is too small for it.
    #[error("the scratch space is too small")]
    ScratchTooSmall,
    /// It has no subfields in this dialect.
    #[error("has no subfields in this dialect")]
    NoSubfields,
    /// Its subfields do not parse.
    #[error("its subfields are malformed: {0}")]
    BadSubfields(ParseCause),
}

/// A value that cannot be read as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("element {element}: {cause}")]
pub struct ElementError {
    /// The data element.
    pub element: u8,
    /// What is wrong.
    pub cause: ValueCause,
}

/// Why a value cannot go into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BuildCause {
    /// The dialect has no such element (or it is a bitmap, which the builder makes itself).
    #[error("not an element of the dialect")]
    UnknownElement,
    /// The value is longer than the dialect allows.
    #[error("longer than the dialect allows")]
    TooLong,
    /// The value is shorter than the dialect allows, and cannot be padded.
    #[error("shorter than the dialect allows")]
    TooShort,
    /// Something that is not a digit in a numeric element.
    #[error("not a digit")]
    BadDigit,
    /// A character outside the element's alphabet.
    #[error("a character its alphabet does not have")]
    BadCharacter,
    /// A signed amount does not start with `C` or `D`.
    #[error("the sign is neither C nor D")]
    BadSign,
    /// Text for a binary element that is not hex.
    #[error("not hex")]
    BadHex,
    /// Bytes for an element that cannot carry them.
    #[error("the element cannot carry binary data")]
    NotBinary,
    /// The subfields given are not those the dialect describes.
    #[error("the dialect does not describe such subfields")]
    BadSubfields,
    /// The whole message would be longer than 65 535 bytes.
    #[error("the message would be longer than 65535 bytes")]
    MessageTooLong,
}

/// A value that cannot go into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("element {element}: {cause}")]
pub struct BuildError {
    /// The data element.
    pub element: u8,
    /// What is wrong.
    pub cause: BuildCause,
}
