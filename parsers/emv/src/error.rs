//! Why bytes are not TLV data.

use thiserror::Error;

/// Where and why reading stopped. Carries no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{cause} at offset {offset}")]
pub struct TlvError {
    /// The byte, from the start of what was read, at which the faulty part begins.
    pub offset: usize,
    /// What is wrong with it.
    pub cause: TlvCause,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlvCause {
    /// The data ends within a tag.
    #[error("tag cut short")]
    TagCut,
    /// A tag of more than four bytes.
    #[error("tag of more than four bytes")]
    TagTooLong,
    /// The data ends before or within a length.
    #[error("length cut short")]
    LengthCut,
    /// The indefinite form (`80`), which EMV does not have.
    #[error("indefinite length")]
    LengthIndefinite,
    /// A length of more than four bytes, or the reserved `FF`.
    #[error("length of more than four bytes")]
    LengthTooLong,
    /// The length runs past the end of the data or of the template around it.
    #[error("value longer than what is left")]
    ValueCut,
    /// Templates nested deeper than [`crate::MAX_DEPTH`].
    #[error("templates nested too deep")]
    TooDeep,
    /// More data objects than [`crate::MAX_ELEMENTS`].
    #[error("too many data objects")]
    TooManyElements,
    /// A data object the engine interprets has another length than EMV gives it.
    #[error("value of a wrong length for its tag")]
    WrongLength,
    /// A data object the engine interprets is there twice.
    #[error("data object given twice")]
    Duplicate,
}

impl TlvCause {
    pub(crate) const fn at(self, offset: usize) -> TlvError {
        TlvError { offset, cause: self }
    }
}
