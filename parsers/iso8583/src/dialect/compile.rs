//! From settings to a table: names become choices, defaults are filled in, formats are compiled.

use super::error::{DialectError, DialectErrors};
use super::source::{ElementSource, Place, Setting, Settings, SubfieldsSource};
use crate::charset::Charset;
use crate::format::{
    Binary, Class, Counts, Digits, ElementFormat, Layout, LengthCoding, Pad, Side, Spec,
};
use crate::notation::{self, Notation};
use crate::subfields::{Division, Part, STAND_IN, Subfields};

/// The names of choices in a dialect file.
type Names<T> = &'static [(&'static str, T)];

pub(super) const DIGITS: Names<Digits> =
    &[("ascii", Digits::Ascii), ("bcd", Digits::Bcd), ("ebcdic", Digits::Ebcdic)];
const CHARSETS: Names<Charset> = &[("ascii", Charset::Ascii), ("ebcdic", Charset::Ebcdic)];
pub(super) const BITMAPS: Names<Binary> =
    &[("binary", Binary::Raw), ("hex", Binary::Hex), ("ebcdic-hex", Binary::EbcdicHex)];
const BINARY: Names<Binary> =
    &[("raw", Binary::Raw), ("hex", Binary::Hex), ("ebcdic-hex", Binary::EbcdicHex)];
const LENGTHS: Names<LengthCoding> = &[
    ("ascii", LengthCoding::Ascii),
    ("bcd", LengthCoding::Bcd),
    ("ebcdic", LengthCoding::Ebcdic),
    ("binary", LengthCoding::Binary),
];
const COUNTS: Names<Counts> = &[
    ("digits", Counts::Digits),
    ("characters", Counts::Characters),
    ("bytes", Counts::Bytes),
    ("nibbles", Counts::Nibbles),
];
const SIDES: Names<Side> = &[("left", Side::Left), ("right", Side::Right)];
const PADS: Names<Pad> = &[("0", Pad::Zero), ("space", Pad::Space), ("F", Pad::F)];
const FILLS: Names<u8> = &[("0", 0), ("F", 15)];
const BY: Names<By> =
    &[("position", By::Position), ("bitmap", By::Bitmap), ("ber", By::Ber), ("tlv", By::Tlv)];
const BITS: Names<u8> = &[
    ("8", 8),
    ("16", 16),
    ("24", 24),
    ("32", 32),
    ("40", 40),
    ("48", 48),
    ("56", 56),
    ("64", 64),
    ("128", 128),
    ("192", 192),
];
const TAG_DIGITS: Names<u8> = &[("2", 2), ("3", 3), ("4", 4)];
const LENGTH_DIGITS: Names<u8> = &[("1", 1), ("2", 2), ("3", 3), ("4", 4)];

/// What tells the parts of an element apart, before the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Position,
    Bitmap,
    Ber,
    Tlv,
}

/// Collects mistakes while compiling.
pub(super) struct Compiler<'e> {
    pub(super) errors: &'e mut DialectErrors,
}

/// How things are carried unless an element says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Defaults {
    numbers: Digits,
    pub(super) text: Charset,
    binary: Binary,
    lengths: LengthCoding,
    odd: Side,
    odd_variable: Side,
    fill: u8,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            numbers: Digits::Ascii,
            text: Charset::Ascii,
            binary: Binary::Raw,
            lengths: LengthCoding::Ascii,
            odd: Side::Left,
            odd_variable: Side::Right,
            fill: 0,
        }
    }
}

impl Compiler<'_> {
    pub(super) fn error(&mut self, place: &Place, field: &str, message: String) {
        self.errors.push(DialectError::new(place, field.to_owned(), message));
    }

    /// The choice a setting names, or `otherwise` where nothing is said.
    pub(super) fn choose<T: Copy>(
        &mut self,
        settings: &Settings,
        path: &str,
        key: &str,
        names: Names<T>,
        otherwise: T,
    ) -> T {
        let Some(Setting { value, place }) = settings.get(key) else { return otherwise };
        if let Some((_, choice)) = names.iter().find(|(name, _)| name == value) {
            return *choice;
        }
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let field = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        self.error(place, &field, format!("`{value}` is not one of {}", known.join(", ")));
        otherwise
    }

    /// Defaults of a file, or of subfields where they differ from those of the file.
    pub(super) fn defaults(&mut self, of: &Settings, path: &str, above: Defaults) -> Defaults {
        Defaults {
            numbers: self.choose(of, path, "numbers", DIGITS, above.numbers),
            text: self.choose(of, path, "text", CHARSETS, above.text),
            binary: self.choose(of, path, "binary", BINARY, above.binary),
            lengths: self.choose(of, path, "lengths", LENGTHS, above.lengths),
            odd: self.choose(of, path, "odd", SIDES, above.odd),
            odd_variable: self.choose(of, path, "odd_variable", SIDES, above.odd_variable),
            fill: self.choose(of, path, "fill", FILLS, above.fill),
        }
    }

    /// One element; `None` if it is absent or wrong (and then said so).
    pub(super) fn element(
        &mut self,
        number: u8,
        source: &ElementSource,
        path: &str,
        defaults: Defaults,
    ) -> Option<ElementFormat> {
        self.part(number, source, path, defaults, false)
    }

    /// One element or part; `tagged` parts have their length from the tag before them.
    fn part(
        &mut self,
        number: u8,
        source: &ElementSource,
        path: &str,
        defaults: Defaults,
        tagged: bool,
    ) -> Option<ElementFormat> {
        let settings = &source.settings;
        if settings.contains_key("absent") {
            return None;
        }
        let Some(format) = settings.get("format") else {
            if let Some(any) = settings.values().next() {
                self.error(&any.place, path, "has no format".to_owned());
            }
            return None;
        };
        let notation = match notation::parse(&format.value, tagged) {
            Ok(notation) => notation,
            Err(message) => {
                self.error(&format.place, &format!("{path}.format"), message);
                return None;
            }
        };
        let mut spec = self.spec(settings, path, notation, defaults);
        if tagged {
            spec.notation.length_digits = STAND_IN;
            (spec.length, spec.counts) = (LengthCoding::Binary, Some(Counts::Bytes));
        }
        let layout = Layout::compile(&spec)
            .map_err(|message| self.error(&format.place, path, message))
            .ok()?;
        let name = settings.get("name").map_or_else(String::new, |name| name.value.clone());
        let subfields = source.subfields.as_ref().and_then(|subfields| {
            // Digits and text are split as ASCII whatever they are on the wire.
            let binary = notation.class == Class::Binary;
            let above = if binary { defaults } else { Defaults::default() };
            self.subfields(subfields, &format!("{path}.subfields"), &format.place, above)
        });
        Some(ElementFormat {
            element: number,
            name,
            notation: format.value.clone(),
            spec,
            layout,
            subfields,
        })
    }

    fn spec(
        &mut self,
        settings: &Settings,
        path: &str,
        notation: Notation,
        defaults: Defaults,
    ) -> Spec {
        let Defaults { numbers, text, binary, lengths, odd, odd_variable, fill } = defaults;
        let numeric = matches!(notation.class, Class::Numeric | Class::Signed | Class::Track2);
        let textual = matches!(notation.class, Class::Text(_));
        let mut spec = Spec {
            notation,
            digits: numbers,
            text,
            binary,
            length: self.choose(settings, path, "lengths", LENGTHS, lengths),
            counts: None,
            justify: if textual { Side::Left } else { Side::Right },
            pad: if textual { Pad::Space } else { Pad::Zero },
            odd: if notation.min != notation.max || notation.length_digits > 0 {
                odd_variable
            } else {
                odd
            },
            fill,
        };
        match notation.class {
            _ if numeric => spec.digits = self.choose(settings, path, "coding", DIGITS, numbers),
            Class::Binary => spec.binary = self.choose(settings, path, "coding", BINARY, binary),
            _ => spec.text = self.choose(settings, path, "coding", CHARSETS, text),
        }
        if settings.contains_key("counts") {
            spec.counts = Some(self.choose(settings, path, "counts", COUNTS, Counts::Bytes));
        }
        spec.justify = self.choose(settings, path, "justify", SIDES, spec.justify);
        spec.pad = self.choose(settings, path, "pad", PADS, spec.pad);
        spec.odd = self.choose(settings, path, "odd", SIDES, spec.odd);
        spec.fill = self.choose(settings, path, "fill", FILLS, spec.fill);
        spec
    }

    fn subfields(
        &mut self,
        source: &SubfieldsSource,
        path: &str,
        place: &Place,
        above: Defaults,
    ) -> Option<Subfields> {
        let settings = &source.settings;
        if !settings.contains_key("by") {
            self.error(place, path, "does not say `by` what the element divides".to_owned());
            return None;
        }
        let by = self.choose(settings, path, "by", BY, By::Position);
        let mut defaults = self.defaults(settings, path, above);
        let division = match by {
            By::Position => Division::Position,
            By::Bitmap => Division::Bitmap {
                coding: self.choose(settings, path, "bitmap", BITMAPS, Binary::Raw),
                bits: self.choose(settings, path, "bits", BITS, 64),
            },
            By::Ber => Division::Ber,
            By::Tlv => Division::Tlv {
                tag: self.choose(settings, path, "tag_digits", TAG_DIGITS, 2),
                length: self.choose(settings, path, "length_digits", LENGTH_DIGITS, 2),
                coding: self.choose(settings, path, "lengths", LENGTHS, above.lengths),
            },
        };
        let tagged = matches!(by, By::Ber | By::Tlv);
        if tagged {
            defaults.odd_variable = Side::Left;
        }
        let mut parts = Vec::new();
        for (id, part) in &source.parts {
            let path = format!("{path}.parts.{id}");
            let first = u8::from(by == By::Position);
            let number = id.parse().ok().filter(|number: &u8| *number >= first);
            if !tagged && number.is_none() {
                let message = "parts are numbered from 1 (0 stands before a bitmap)".to_owned();
                self.error(place, &path, message);
            }
            let number = number.unwrap_or_default();
            if let Some(format) = self.part(number, part, &path, defaults, tagged) {
                parts.push(Part { id: id.clone(), format });
            }
        }
        if !tagged {
            parts.sort_by_key(|part| part.format.element);
        }
        Some(Subfields { division, parts })
    }
}
