//! ISO 8583 messages: dialects described as data, parsing without copying, building into a buffer
//! that is kept, and cutting frames out of a stream.
//!
//! What is not here: what elements mean. A message is parsed to values that obey their formats; the
//! interchange layer makes a request of them. Nothing here does I/O.
//!
//! ```
//! use iso8583::{Dialect, Message, MessageBuilder};
//! use payment_types::Mti;
//!
//! let dialect = Dialect::shipped("iso87-bcd").ok_or("no such dialect")?;
//! let mut builder = MessageBuilder::new(&dialect, Mti::parse("0800")?);
//! builder.set_text(7, b"1121143200")?.set_number(11, 123_458)?.set_number(70, 301)?;
//! let mut bytes = Vec::new();
//! builder.write(&mut bytes)?;
//!
//! let message = Message::parse(&dialect, &bytes)?;
//! assert_eq!(message.number(70), Some(Ok(301)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod charset;
mod dialect;
mod digits;
mod encode;
mod error;
mod format;
mod framing;
#[doc(hidden)]
pub mod fuzzing;
mod hot;
mod message;
mod notation;
mod parse;
mod store;
mod subfields;
mod value;

pub use builder::MessageBuilder;
pub use charset::{Alphabet, Charset};
pub use dialect::{Dialect, DialectError, DialectErrors};
pub use error::{BuildCause, BuildError, ElementError, ParseCause, ParseError, ValueCause};
pub use format::{Binary, Class, Counts, Digits, ElementFormat, LengthCoding, Pad, Side};
pub use framing::{Frame, FrameError, Framing, FramingError, Tpdu};
pub use message::{FieldValue, Message};
pub use parse::{parse_lenient, peek_mti};
pub use subfields::{Division, Subfield, Subfields};
