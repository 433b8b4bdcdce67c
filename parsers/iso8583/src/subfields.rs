//! Elements that are messages of their own: subfields by position, by tag, or by an inner bitmap.

/// How an element divides.
#[derive(Debug, Clone, PartialEq)]
pub struct Subfields {}
