//! DE 39 as it stands on the wire.

use crate::Text;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A response code (1987: two characters; 1993 and later: an action code of three or four digits).
/// A code the standard does not know survives a round trip. What a code *means* here is decided by
/// a table per link, so no meaning is attached to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ResponseCode(Text<4>);

impl ResponseCode {
    /// Approved, in the 1987 edition.
    pub const APPROVED_1987: &'static str = "00";

    /// A code of one to four printable characters.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        Text::new(code.as_bytes()).filter(|text| !text.is_empty()).map(Self)
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
