//! What tags are called: for people who read a trace. Reading data needs none of it.

use crate::Tag;
use crate::dictionary_table::TABLE;

/// What is known of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagInfo {
    /// The tag.
    pub tag: Tag,
    /// Its name in EMV, or of the network whose own it is.
    pub name: &'static str,
    /// How its value is coded.
    pub format: Format,
}

/// How a value is coded (EMV Book 3 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Letters.
    A,
    /// Letters and digits.
    An,
    /// Letters, digits and special characters.
    Ans,
    /// Binary.
    B,
    /// Digits, two a byte, filled up with `F` on the right.
    Cn,
    /// Digits, two a byte, filled up with zeros on the left.
    N,
    /// A template of data objects.
    Template,
    /// Not told, or the owner's own.
    Unspecified,
}

impl Tag {
    /// What the dictionary has on this tag.
    #[must_use]
    pub fn info(self) -> Option<&'static TagInfo> {
        let at = TABLE.binary_search_by_key(&self, |info| info.tag).ok()?;
        TABLE.get(at)
    }

    /// Every tag in the dictionary, in ascending order.
    pub fn dictionary() -> impl ExactSizeIterator<Item = &'static TagInfo> {
        TABLE.iter()
    }
}

pub(crate) const fn row(number: u32, format: Format, name: &'static str) -> TagInfo {
    TagInfo { tag: Tag::literal(number), name, format }
}

/// A tag that is there twice, or out of order, stops the build.
pub(crate) const fn sorted<const N: usize>(table: [TagInfo; N]) -> [TagInfo; N] {
    let mut at = 1;
    while at < N {
        assert!(table[at - 1].tag.number() < table[at].tag.number(), "duplicate or unsorted tag");
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_names_and_formats() {
        let info = Tag::CVM_RESULTS.info().unwrap();
        assert!(info.name.contains("CVM") && info.format == Format::B, "{info:?}");
        assert_eq!(Tag::ISSUER_SCRIPT_1.info().map(|info| info.format), Some(Format::Template));
        assert!(Tag::new(0xDF_EE7F).unwrap().info().is_none());
    }

    #[test]
    fn templates_are_exactly_the_constructed_tags() {
        for info in Tag::dictionary() {
            let template = info.format == Format::Template;
            assert_eq!(template, info.tag.is_constructed(), "{info:?}");
            assert!(!info.name.is_empty());
        }
    }
}
