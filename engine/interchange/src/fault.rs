//! What can be wrong with a message that is a request all the same: it is answered with a format
//! error that names the element.

use core::fmt;

/// A data element that keeps a message from being understood. Never carries the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The data element; 0 if no element is to blame but the end of the message.
    pub element: u8,
    /// How.
    pub kind: FaultKind,
}

/// How an element is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It has to be there and is not.
    Missing,
    /// It is there and cannot be read.
    Malformed,
    /// It contradicts another element.
    Contradicts,
}

impl Fault {
    pub(crate) const fn missing(element: u8) -> Self {
        Self { element, kind: FaultKind::Missing }
    }

    pub(crate) const fn malformed(element: u8) -> Self {
        Self { element, kind: FaultKind::Malformed }
    }

    pub(crate) const fn contradicts(element: u8) -> Self {
        Self { element, kind: FaultKind::Contradicts }
    }
}

/// As DE 44 carries it: at most 25 characters (1987).
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let element = self.element;
        match self.kind {
            _ if element == 0 => f.write_str("BYTES AFTER THE LAST DE"),
            FaultKind::Missing => write!(f, "DE {element} MISSING"),
            FaultKind::Malformed => write!(f, "DE {element} MALFORMED"),
            FaultKind::Contradicts => write!(f, "DE {element} CONTRADICTS"),
        }
    }
}
