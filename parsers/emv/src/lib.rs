//! BER-TLV, the dictionary of EMV tags, and the chip data of DE 55.
//!
//! [`TlvReader`] borrows: it hands out [`Tlv`]s that point into the bytes it was given. Tags nobody
//! knows are kept like any other. Errors are `Copy`, name the offset and the cause, and never carry
//! a byte of the data, which may hold a card number.
//!
//! What is here: the encoding (ISO/IEC 8825-1 as EMV Book 3 annex B narrows it), names of tags
//! (EMV Book 3 annex A and the networks' own), and what the authorization of a transaction needs to
//! understand ([`IccData`]). What is not: cryptograms, which belong to `security`, and rules.

mod builder;
mod cryptogram_data;
mod cvm;
mod dictionary;
mod dictionary_table;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod icc;
mod issuer_data;
mod reader;
mod tag;
mod tvr;

pub use builder::{BuildError, TlvBuilder};
pub use cryptogram_data::{CryptogramData, CryptogramKind};
pub use cvm::{CvmMethod, CvmOutcome, CvmResults};
pub use dictionary::{Format, TagInfo};
pub use error::{TlvCause, TlvError};
pub use icc::IccData;
pub use issuer_data::{IssuerApplicationData, IssuerDataLayout};
pub use reader::{MAX_DEPTH, MAX_ELEMENTS, Tlv, TlvReader, Walk};
pub use tag::Tag;
pub use tvr::Tvr;
