//! Dialects: which elements there are and how each is carried, as data. A bank describes its own in
//! a file that names a shipped one as `base` and says what differs; see `dialects/README.md`.

mod compile;
mod error;
mod source;

pub use error::{DialectError, DialectErrors};

use crate::format::{Binary, Digits, ElementFormat, Layout};
use crate::hot::Slot;
use compile::{BITMAPS, Compiler, DIGITS, Defaults};
use source::{Setting, Source};
use std::sync::{Arc, LazyLock};

/// Where the third bitmap is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tertiary {
    /// There is none; 65 is an element like any other.
    #[default]
    None,
    /// Right after the second one, when bit 65 is set.
    AfterSecondary,
    /// In the place of element 65.
    Element65,
}

const TERTIARY: &[(&str, Tertiary)] = &[
    ("none", Tertiary::None),
    ("after-secondary", Tertiary::AfterSecondary),
    ("element-65", Tertiary::Element65),
];

const VERSIONS: &[(&str, u8)] = &[("1987", 0), ("1993", 1), ("2003", 2)];

/// The most elements a message can have: three bitmaps of 64.
const ELEMENTS: usize = 192;

/// A compiled dialect: immutable, and cheap to share in an [`Arc`].
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    name: String,
    version: u8,
    pub(crate) mti: Digits,
    pub(crate) bitmap: Binary,
    pub(crate) tertiary: Tertiary,
    /// By bitmap and bit; element 1 is the first.
    pub(crate) layouts: Box<[[Layout; 64]; 3]>,
    /// The first two bitmaps' layouts for the fast pass.
    pub(crate) slots: Box<[[Slot; 64]; 2]>,
    formats: Vec<Option<ElementFormat>>,
}

/// The shipped dialects, each after the one it builds on.
const FILES: [(&str, &str); 7] = [
    ("iso87-ascii", include_str!("../../dialects/iso87-ascii.toml")),
    ("iso87-bcd", include_str!("../../dialects/iso87-bcd.toml")),
    ("iso93-ascii", include_str!("../../dialects/iso93-ascii.toml")),
    ("iso93-bcd", include_str!("../../dialects/iso93-bcd.toml")),
    ("iso87-ascii-binary-bitmap", include_str!("../../dialects/iso87-ascii-binary-bitmap.toml")),
    ("iso87-ebcdic", include_str!("../../dialects/iso87-ebcdic.toml")),
    ("iso2003-bcd", include_str!("../../dialects/iso2003-bcd.toml")),
];

static SHIPPED: LazyLock<Vec<Arc<Dialect>>> = LazyLock::new(|| {
    let load = |(name, text): &(&str, &str)| Dialect::from_toml(text, name).ok().map(Arc::new);
    FILES.iter().filter_map(load).collect()
});

impl Dialect {
    /// The names of the dialects that come with the engine.
    pub const SHIPPED: &'static [&'static str] =
        &[FILES[0].0, FILES[1].0, FILES[2].0, FILES[3].0, FILES[4].0, FILES[5].0, FILES[6].0];

    /// A shipped dialect by name; compiled once.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Arc<Self>> {
        SHIPPED.iter().find(|dialect| dialect.name == name).cloned()
    }

    /// The text of a shipped dialect's file, to start one's own from.
    #[must_use]
    pub fn shipped_file(name: &str) -> Option<&'static str> {
        FILES.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
    }

    /// Compiles a dialect file. `source` is what errors call it: its path, say.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with file, line and key.
    pub fn from_toml(text: &str, source: &str) -> Result<Self, DialectErrors> {
        let mut errors = DialectErrors::default();
        let own = Source::read(text, source, &mut errors);
        let merged = inherit(own, &mut errors);
        let dialect = Compiler { errors: &mut errors }.dialect(&merged, source);
        errors.sort();
        if errors.is_empty() { Ok(dialect) } else { Err(errors) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The edition of the standard by its version digit: 0 for 1987, 1 for 1993, 2 for 2003.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The format of a data element, if the dialect has it.
    #[must_use]
    pub fn element(&self, de: u8) -> Option<&ElementFormat> {
        self.formats.get(usize::from(de))?.as_ref()
    }

    /// The formats of all elements in ascending order.
    pub fn elements(&self) -> impl Iterator<Item = &ElementFormat> {
        self.formats.iter().flatten()
    }

    /// The layout of an element, [`Layout::ABSENT`] if there is none.
    pub(crate) fn layout(&self, de: u8) -> &Layout {
        const NONE: &Layout = &Layout::ABSENT;
        let index = usize::from(de.wrapping_sub(1));
        self.layouts.get(index / 64).and_then(|map| map.get(index % 64)).unwrap_or(NONE)
    }
}

/// Follows `base`, which must be a shipped dialect (and those build on one another in the order of
/// [`FILES`], so it ends).
fn inherit(mut own: Source, errors: &mut DialectErrors) -> Source {
    let mut layers = Vec::new();
    while let Some(Setting { value, place }) = own.settings.remove("base") {
        layers.push(own);
        let Some(text) = Dialect::shipped_file(&value) else {
            let shipped = Dialect::SHIPPED.join(", ");
            let message = format!("`{value}` is not a shipped dialect ({shipped})");
            Compiler { errors }.error(&place, "base", message);
            own = Source::default();
            break;
        };
        own = Source::read(text, &value, errors);
    }
    let mut merged = own;
    while let Some(layer) = layers.pop() {
        merged.overlay(layer);
    }
    merged
}

impl Compiler<'_> {
    fn dialect(&mut self, source: &Source, file: &str) -> Dialect {
        let settings = &source.settings;
        let start = source::Place { source: file.into(), line: 1 };
        for key in ["name", "version"] {
            if !settings.contains_key(key) {
                self.error(&start, key, "is missing".to_owned());
            }
        }
        let mut dialect = Dialect {
            name: settings.get("name").map_or_else(String::new, |name| name.value.clone()),
            version: self.choose(settings, "", "version", VERSIONS, 0),
            mti: self.choose(settings, "", "mti", DIGITS, Digits::Ascii),
            bitmap: self.choose(settings, "", "bitmap", BITMAPS, Binary::Raw),
            tertiary: self.choose(settings, "", "tertiary", TERTIARY, Tertiary::None),
            layouts: Box::new([[Layout::ABSENT; 64]; 3]),
            slots: Box::new([[Slot::new(&Layout::ABSENT); 64]; 2]),
            formats: vec![None; ELEMENTS + 1],
        };
        let defaults = self.defaults(&source.defaults, "defaults", Defaults::default());
        for (key, element) in &source.elements {
            if element.settings.contains_key("absent") {
                continue;
            }
            let path = format!("elements.{key}");
            let first = match dialect.tertiary {
                Tertiary::None => 2..=128,
                _ => 2..=192,
            };
            let reserved = dialect.tertiary != Tertiary::None && key == "65";
            let number = key.parse().ok().filter(|de: &u8| first.contains(de) && !reserved);
            let Some(number) = number else {
                let place = element.settings.values().next().map_or(&start, |s| &s.place);
                let message = "is not a data element: they are numbered 2 to 128, or to 192 \
                               (without 65) where the dialect has a tertiary bitmap";
                self.error(place, &path, message.to_owned());
                continue;
            };
            let Some(format) = self.element(number, element, &path, defaults) else { continue };
            let index = usize::from(number - 1);
            if let Some(place) = dialect.layouts[index / 64].get_mut(index % 64) {
                *place = format.layout;
            }
            if let Some(place) = dialect.formats.get_mut(usize::from(number)) {
                *place = Some(format);
            }
        }
        let [first, second, _] = &*dialect.layouts;
        *dialect.slots =
            [first, second].map(|layouts| core::array::from_fn(|bit| Slot::new(&layouts[bit])));
        dialect
    }
}

#[cfg(test)]
mod tests;
