//! A dialect that may be the right one: a base, what is carried otherwise, elements that differ.

use super::start::Start;
use iso8583::Dialect;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A dialect to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// A shipped dialect.
    pub base: &'static str,
    /// `mti`, `bitmap` and the like, for the top of the file.
    pub top: BTreeMap<&'static str, &'static str>,
    /// What `[defaults]` says.
    pub defaults: BTreeMap<&'static str, &'static str>,
    /// What `[elements]` says: the value as TOML.
    pub elements: BTreeMap<u8, String>,
}

impl Candidate {
    /// Every combination of codings that a message with this beginning may go on in, the usual
    /// ones first.
    pub(super) fn codings(start: Start) -> impl Iterator<Item = Self> {
        let (mti, bitmap) = (start.mti.name(), start.bitmap.name());
        let first = match start.version {
            1 => "iso93-ascii",
            2 => "iso2003-bcd",
            _ => "iso87-ascii",
        };
        let others = ["iso87-ascii", "iso93-ascii", "iso2003-bcd"];
        let bases =
            [first].into_iter().chain(others.into_iter().filter(move |base| *base != first));
        bases.flat_map(move |base| {
            let each = |values: &'static [&'static str]| values.iter().copied();
            each(&["bcd", "ascii", "ebcdic"]).flat_map(move |numbers| {
                each(&["ascii", "ebcdic"]).flat_map(move |text| {
                    each(&["raw", "hex", "ebcdic-hex"]).flat_map(move |binary| {
                        each(&["bcd", "ascii", "ebcdic", "binary"]).flat_map(move |lengths| {
                            each(&["left", "right"]).map(move |odd| Self {
                                base,
                                top: BTreeMap::from([("mti", mti), ("bitmap", bitmap)]),
                                defaults: BTreeMap::from([
                                    ("numbers", numbers),
                                    ("text", text),
                                    ("binary", binary),
                                    ("lengths", lengths),
                                    ("odd", odd),
                                    ("odd_variable", odd),
                                ]),
                                elements: BTreeMap::new(),
                            })
                        })
                    })
                })
            })
        })
    }

    /// The dialect file.
    #[must_use]
    pub fn toml(&self, name: &str) -> String {
        let mut text = format!("base = \"{}\"\nname = \"{name}\"\n", self.base);
        // Writing to a string cannot fail.
        for (key, value) in &self.top {
            let _written = writeln!(text, "{key} = \"{value}\"");
        }
        text.push_str("\n[defaults]\n");
        for (key, value) in &self.defaults {
            let _written = writeln!(text, "{key} = \"{value}\"");
        }
        if !self.elements.is_empty() {
            text.push_str("\n[elements]\n");
        }
        for (element, value) in &self.elements {
            let _written = writeln!(text, "{element} = {value}");
        }
        text
    }

    /// Compiled; `None` if it makes no sense.
    pub(super) fn compile(&self) -> Option<Dialect> {
        Dialect::from_toml(&self.toml("proposed"), "proposed").ok()
    }

    /// The same with one element otherwise.
    pub(super) fn with(&self, element: u8, format: &str) -> Self {
        let mut other = self.clone();
        other.elements.insert(element, format.to_owned());
        other
    }
}
