//! A dialect file as read: settings with the file and line each came from, before they mean
//! anything. Inheritance happens here, by laying one file's settings over another's; compiling comes
//! after, so that an override of a default changes every element that follows it.

use super::error::{DialectError, DialectErrors};
use core::ops::Range;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something was said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) source: Arc<str>,
    pub(super) line: usize,
}

/// One value as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) place: Place,
}

/// The settings of a table that are plain values.
pub(super) type Settings = BTreeMap<String, Setting>;

/// One element or subfield.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ElementSource {
    pub(super) settings: Settings,
    pub(super) subfields: Option<SubfieldsSource>,
}

/// A `subfields` table.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SubfieldsSource {
    pub(super) settings: Settings,
    pub(super) parts: BTreeMap<String, ElementSource>,
}

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Source {
    pub(super) settings: Settings,
    pub(super) defaults: Settings,
    pub(super) elements: BTreeMap<String, ElementSource>,
}

/// Subfields may have subfields, this deep.
const MAX_DEPTH: usize = 3;

impl Source {
    /// Reads a file; every mistake of form goes into `errors`.
    pub(super) fn read(text: &str, source: &str, errors: &mut DialectErrors) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = ends.map(|(at, _)| at).collect();
        let mut reader = Reader { lines, source: source.into(), errors };
        let (document, mistakes) = DeTable::parse_recoverable(text);
        for mistake in mistakes {
            let span = mistake.span().unwrap_or_default();
            reader.error(span, String::new(), mistake.message().to_owned());
        }
        let mut read = Self::default();
        for (key, value) in document.get_ref() {
            let name: &str = key.get_ref();
            match (name, value.get_ref()) {
                ("defaults", DeValue::Table(table)) => {
                    read.defaults = reader.settings(table, "defaults", &DEFAULTS);
                }
                ("elements", DeValue::Table(table)) => {
                    read.elements = reader.elements(table, "elements", 0);
                }
                _ => reader.setting(&mut read.settings, key, value, "", &TOP),
            }
        }
        read
    }

    /// Lays another file over this one.
    pub(super) fn overlay(&mut self, over: Self) {
        self.settings.extend(over.settings);
        self.defaults.extend(over.defaults);
        overlay_elements(&mut self.elements, over.elements);
    }
}

fn overlay_elements(
    under: &mut BTreeMap<String, ElementSource>,
    over: BTreeMap<String, ElementSource>,
) {
    for (key, element) in over {
        let base = under.entry(key).or_default();
        base.settings.remove("absent");
        base.settings.extend(element.settings);
        match (&mut base.subfields, element.subfields) {
            (Some(base), Some(over)) => {
                base.settings.extend(over.settings);
                overlay_elements(&mut base.parts, over.parts);
            }
            (base, Some(over)) => *base = Some(over),
            (_, None) => {}
        }
    }
}

const TOP: [&str; 6] = ["base", "bitmap", "mti", "name", "tertiary", "version"];
const DEFAULTS: [&str; 7] = ["binary", "fill", "lengths", "numbers", "odd", "odd_variable", "text"];
const ELEMENT: [&str; 9] =
    ["coding", "counts", "fill", "format", "justify", "lengths", "name", "odd", "pad"];
const SUBFIELDS: [&str; 12] = [
    "binary",
    "bitmap",
    "bits",
    "by",
    "fill",
    "length_digits",
    "lengths",
    "numbers",
    "odd",
    "odd_variable",
    "tag_digits",
    "text",
];

struct Reader<'e> {
    /// Where each line ends.
    lines: Vec<usize>,
    source: Arc<str>,
    errors: &'e mut DialectErrors,
}

impl Reader<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        let line = self.lines.partition_point(|end| *end < span.start).saturating_add(1);
        Place { source: Arc::clone(&self.source), line }
    }

    fn error(&mut self, span: Range<usize>, field: String, message: String) {
        let place = self.place(span);
        self.errors.push(DialectError::new(&place, field, message));
    }

    fn settings(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) -> Settings {
        let mut settings = Settings::new();
        for (key, value) in table {
            self.setting(&mut settings, key, value, path, known);
        }
        settings
    }

    fn setting(
        &mut self,
        settings: &mut Settings,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        path: &str,
        known: &[&str],
    ) {
        let name: &str = key.get_ref();
        let field = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if !known.contains(&name) {
            let message = format!("unknown key; known here: {}", known.join(", "));
            return self.error(key.span(), field, message);
        }
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            other => {
                let message = format!("expected text or a number, found {}", other.type_str());
                return self.error(value.span(), field, message);
            }
        };
        let place = self.place(value.span());
        settings.insert(name.to_owned(), Setting { value: text, place });
    }

    fn elements(
        &mut self,
        table: &DeTable<'_>,
        path: &str,
        depth: usize,
    ) -> BTreeMap<String, ElementSource> {
        let mut elements = BTreeMap::new();
        for (key, value) in table {
            let field = format!("{path}.{}", key.get_ref());
            let place = self.place(value.span());
            let mut element = ElementSource::default();
            match value.get_ref() {
                DeValue::String(notation) => {
                    let value = notation.to_string();
                    element.settings.insert("format".to_owned(), Setting { value, place });
                }
                DeValue::Boolean(false) => {
                    let value = String::new();
                    element.settings.insert("absent".to_owned(), Setting { value, place });
                }
                DeValue::Table(table) => element = self.element(table, &field, depth),
                other => {
                    let message = format!(
                        "expected a format such as \"n6\", a table or false, found {}",
                        other.type_str()
                    );
                    self.error(value.span(), field, message);
                    continue;
                }
            }
            elements.insert(key.get_ref().to_string(), element);
        }
        elements
    }

    fn element(&mut self, table: &DeTable<'_>, path: &str, depth: usize) -> ElementSource {
        let mut element = ElementSource::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("subfields", DeValue::Table(_)) if depth >= MAX_DEPTH => {
                    let message = format!("subfields nest at most {MAX_DEPTH} deep");
                    self.error(key.span(), path.to_owned(), message);
                }
                ("subfields", DeValue::Table(table)) => {
                    let path = format!("{path}.subfields");
                    element.subfields = Some(self.subfields(table, &path, depth));
                }
                _ => self.setting(&mut element.settings, key, value, path, &ELEMENT),
            }
        }
        element
    }

    fn subfields(&mut self, table: &DeTable<'_>, path: &str, depth: usize) -> SubfieldsSource {
        let mut subfields = SubfieldsSource::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("parts", DeValue::Table(parts)) => {
                    let path = format!("{path}.parts");
                    subfields.parts = self.elements(parts, &path, depth.saturating_add(1));
                }
                _ => self.setting(&mut subfields.settings, key, value, path, &SUBFIELDS),
            }
        }
        subfields
    }
}
