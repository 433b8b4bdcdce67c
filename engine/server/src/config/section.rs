//! One table of the file while it is being read: each key is taken once, with its kind and range;
//! what was not taken is unknown and gets a suggestion.

use super::ConfigError;
use super::tree::{Node, Place, Table, Value};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Where errors are gathered.
pub(super) struct Errors {
    file: String,
    list: RefCell<Vec<ConfigError>>,
}

impl Errors {
    pub(super) fn new(source: &Path, found: Vec<ConfigError>) -> Self {
        Self { file: source.display().to_string(), list: RefCell::new(found) }
    }

    pub(super) fn add(&self, place: &Place, key: &str, message: impl Into<String>) {
        let (file, line, column) = match place {
            Place::File { line, column } => (self.file.clone(), *line, *column),
            Place::Environment(name) => (name.clone(), 0, 0),
        };
        let (key, message) = (key.to_owned(), message.into());
        self.list.borrow_mut().push(ConfigError { file, line, column, key, message });
    }

    /// In the order of the file.
    pub(super) fn into_sorted(self) -> Vec<ConfigError> {
        let mut list = self.list.into_inner();
        list.sort_by(|a, b| (a.line, a.column, &a.file).cmp(&(b.line, b.column, &b.file)));
        // A key that is read twice (required, then as an address) complains twice.
        list.dedup();
        list
    }
}

pub(super) struct Section<'a> {
    table: &'a Table,
    /// Where the section begins.
    pub(super) place: Place,
    path: String,
    taken: RefCell<Vec<&'static str>>,
    errors: &'a Errors,
    folder: &'a Path,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: &'a Table, errors: &'a Errors, folder: &'a Path) -> Self {
        let place = Place::File { line: 1, column: 1 };
        let (path, taken) = (String::new(), RefCell::default());
        Self { table, place, path, taken, errors, folder }
    }

    fn inner(&self, table: &'a Table, place: Place, path: String) -> Self {
        let (errors, folder) = (self.errors, self.folder);
        Self { table, place, path, taken: RefCell::default(), errors, folder }
    }

    /// The key's path from the root of the file.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn take(&self, key: &'static str) -> Option<&'a Node> {
        self.taken.borrow_mut().push(key);
        self.table.get(key).map(|entry| &entry.node)
    }

    /// An error about a key of this section, at its value if it has one.
    pub(super) fn error(&self, key: &str, message: impl Into<String>) {
        let place = self.table.get(key).map_or(&self.place, |entry| &entry.node.place);
        self.errors.add(place, &self.key(key), message);
    }

    fn wrong_kind(&self, key: &str, wanted: &str, node: &Node) {
        let found = node.value.kind();
        self.errors.add(&node.place, &self.key(key), format!("expected {wanted}, found {found}"));
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        let node = self.take(key)?;
        match &node.value {
            Value::Text(text) | Value::Loose(text) => Some(text.clone()),
            _ => {
                self.wrong_kind(key, "a string", node);
                None
            }
        }
    }

    /// As [`Self::text`]; the key must be there and not empty.
    pub(super) fn required(&self, key: &'static str) -> Option<String> {
        let there = self.table.contains_key(key);
        let text = self.text(key);
        if !there {
            self.errors.add(&self.place, &self.key(key), "is missing");
        }
        if text.as_deref() == Some("") {
            self.error(key, "is empty");
            return None;
        }
        text
    }

    /// A text that must be one of the names.
    pub(super) fn one_of(&self, key: &'static str, names: &[&str]) -> Option<String> {
        let text = self.text(key)?;
        if names.contains(&text.as_str()) {
            return Some(text);
        }
        self.error(key, unknown(key, &text, names.iter().copied()));
        None
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        match &node.value {
            Value::Boolean(flag) => Some(*flag),
            Value::Loose(text) if text == "true" => Some(true),
            Value::Loose(text) if text == "false" => Some(false),
            _ => {
                self.wrong_kind(key, "true or false", node);
                None
            }
        }
    }

    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let node = self.take(key)?;
        let number = match &node.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Loose(text) if text.parse::<i128>().is_ok() => text.parse().ok(),
            _ => {
                self.wrong_kind(key, "a whole number", node);
                return None;
            }
        };
        let fits = number.filter(|number| range.contains(number));
        if fits.is_none() {
            let (least, most) = (range.start(), range.end());
            self.error(key, format!("must be from {least} to {most}"));
        }
        fits
    }

    pub(super) fn size(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<usize> {
        self.number(key, range).and_then(|number| usize::try_from(number).ok())
    }

    /// A list of strings; from the environment, separated by commas.
    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        let Some(node) = self.take(key) else { return Vec::new() };
        match &node.value {
            Value::Loose(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            Value::List(items) => items
                .iter()
                .filter_map(|item| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => {
                        self.wrong_kind(key, "a list of strings", item);
                        None
                    }
                })
                .collect(),
            _ => {
                self.wrong_kind(key, "a list of strings", node);
                Vec::new()
            }
        }
    }

    /// A path, relative to the file's folder.
    pub(super) fn path(&self, key: &'static str) -> Option<PathBuf> {
        let text = self.text(key)?;
        if text.is_empty() {
            self.error(key, "is empty");
            return None;
        }
        Some(self.resolve(&text))
    }

    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(super) fn address(&self, key: &'static str) -> Option<SocketAddr> {
        let text = self.text(key)?;
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("`{text}` is no address and port such as 127.0.0.1:8583");
            self.error(key, message);
        }
        address
    }

    pub(super) fn section(&self, key: &'static str) -> Option<Self> {
        let node = self.take(key)?;
        match &node.value {
            Value::Table(table) => Some(self.inner(table, node.place.clone(), self.key(key))),
            _ => {
                self.wrong_kind(key, "a table", node);
                None
            }
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.wrong_kind(key, &format!("tables, each under [[{key}]]"), node);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match &item.value {
                Value::Table(table) => {
                    let path = self.key(&format!("{key}.{index}"));
                    sections.push(self.inner(table, item.place.clone(), path));
                }
                _ => self.wrong_kind(key, "a table", item),
            }
        }
        sections
    }

    /// Reports the keys that nobody took.
    pub(super) fn finish(self) {
        let taken = self.taken.borrow();
        for (key, entry) in self.table {
            if !taken.contains(&key.as_str()) {
                let message = unknown("key", key, taken.iter().copied());
                self.errors.add(&entry.key_place, &self.key(key), message);
            }
        }
    }
}

/// "unknown key (did you mean `bind`?)", or the whole list where nothing is near.
pub(super) fn unknown<'n>(
    what: &str,
    found: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> String {
    match crate::suggest::nearest(found, names.clone()) {
        Some(name) => format!("unknown {what} `{found}` (did you mean `{name}`?)"),
        None => {
            let names: Vec<_> = names.collect();
            format!("unknown {what} `{found}`; known are {}", names.join(", "))
        }
    }
}
