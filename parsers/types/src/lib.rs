//! Money, dates and identifiers that every layer shares.
//!
//! What belongs here: small `Copy` values with an invariant, checked where they are made and never
//! again. What does not: behaviour, formats on the wire, clocks. Nothing here does I/O, reads the
//! time, or knows how a message is laid out.

mod amount;
mod bitmap;
mod currency;
mod currency_table;
mod date;
mod ids;
mod mti;
mod pan;
mod pos;
mod response_code;
mod text;

pub use amount::{Amount, AmountError, Balance, format_minor, parse_minor};
pub use bitmap::Bitmap;
pub use currency::Currency;
pub use date::{BusinessDate, DateError, ExpiryDate, Month, Timestamp, WireDateTime};
pub use date::{Moment, UtcOffset};
pub use ids::{
    AcceptorId, AcquirerId, AuthorizationCode, IdError, MerchantCategoryCode, OriginalDataElements,
    Rrn, Sequence, Stan, TerminalId,
};
pub use mti::{Class, Function, Mti, MtiError, Origin};
pub use pan::{MaskedPan, Pan, PanDigest, PanError};
pub use pos::{
    DeviceCategory, EntryMode, PanEntry, PosConditionCode, ProcessingCode, TransactionType,
};
pub use response_code::ResponseCode;
pub use text::Text;
