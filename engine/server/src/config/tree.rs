//! A TOML file as a tree whose nodes know where they stand, with the environment laid over it.

use super::ConfigError;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file; both from 1.
    File { line: usize, column: usize },
    /// In this environment variable.
    Environment(String),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// Text of an environment variable: becomes what the reader of the key wants.
    Loose(String),
    /// A kind no setting has.
    Other(&'static str),
}

pub(super) type Table = BTreeMap<String, Entry>;

/// A key and what it stands for.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key_place: Place,
    pub(super) node: Node,
}

impl Value {
    /// The kind, for "expected ..., found ...".
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Loose(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// The prefix of environment variables that override settings.
const PREFIX: &str = "TAMGA__";

/// Reads the text and lays the environment over it. What is not TOML is added to `errors`; the
/// rest of the file is read all the same.
pub(super) fn parse(
    text: &str,
    source: &Path,
    env: impl IntoIterator<Item = (String, String)>,
    errors: &mut Vec<ConfigError>,
) -> Table {
    let lines = Lines::of(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        let (line, column) = lines.position(error.span().map_or(0, |span| span.start));
        errors.push(ConfigError {
            file: source.display().to_string(),
            line,
            column,
            key: String::new(),
            message: format!("not TOML: {}", error.message()),
        });
    }
    let mut table = convert_table(table.get_ref(), &lines);
    let mut overrides: Vec<_> =
        env.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    overrides.sort();
    for (name, value) in overrides {
        if let Err(message) = lay_over(&mut table, &name, value) {
            errors.push(ConfigError {
                file: name,
                line: 0,
                column: 0,
                key: String::new(),
                message,
            });
        }
    }
    table
}

fn convert_table(table: &DeTable<'_>, lines: &Lines<'_>) -> Table {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        let key_place = lines.place(key.span().start);
        (key.get_ref().to_string(), Entry { key_place, node: convert(value, lines) })
    };
    table.iter().map(entry).collect()
}

fn convert(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let place = lines.place(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number out of range"), Value::Integer),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| convert(item, lines)).collect())
        }
        DeValue::Table(table) => Value::Table(convert_table(table, lines)),
        DeValue::Float(_) => Value::Other("a number with decimals"),
        DeValue::Datetime(_) => Value::Other("a date"),
    };
    Node { value, place }
}

/// Puts the value of `TAMGA__A__0__B` at `a[0].b`.
fn lay_over(table: &mut Table, name: &str, value: String) -> Result<(), String> {
    let place = Place::Environment(name.to_owned());
    let path = name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase();
    let mut steps = path.split("__").peekable();
    let mut table = table;
    loop {
        let key = steps.next().filter(|key| !key.is_empty());
        let key = key.ok_or("names no setting; write it like TAMGA__HTTP__BIND")?;
        if steps.peek().is_none() {
            let node = Node { value: Value::Loose(value), place: place.clone() };
            table.insert(key.to_owned(), Entry { key_place: place, node });
            return Ok(());
        }
        let index = steps.peek().and_then(|step| step.parse::<usize>().ok());
        if index.is_some() {
            steps.next();
        }
        table = step_into(table, key, index, &place)?;
    }
}

/// The table `key`, or the table `key[index]`, made where it is not there.
fn step_into<'t>(
    table: &'t mut Table,
    key: &str,
    index: Option<usize>,
    place: &Place,
) -> Result<&'t mut Table, String> {
    let empty = || Node { value: Value::Table(Table::new()), place: place.clone() };
    let entry = table.entry(key.to_owned()).or_insert_with(|| {
        let list = Node { value: Value::List(Vec::new()), place: place.clone() };
        let node = if index.is_some() { list } else { empty() };
        Entry { key_place: place.clone(), node }
    });
    let mut node = &mut entry.node;
    if let Some(index) = index {
        let kind = node.value.kind();
        let Value::List(items) = &mut node.value else {
            return Err(format!("`{key}` is {kind}, not a list"));
        };
        if index == items.len() {
            items.push(empty());
        }
        let count = items.len();
        node = items.get_mut(index).ok_or_else(|| {
            format!("there are only {count} of `{key}`; the next one is number {count}")
        })?;
    }
    match &mut node.value {
        Value::Table(table) => Ok(table),
        other => Err(format!("`{key}` is {}, not a table", other.kind())),
    }
}

/// Byte offsets to lines and columns.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count().saturating_add(1))
    }

    fn place(&self, offset: usize) -> Place {
        let (line, column) = self.position(offset);
        Place::File { line, column }
    }
}
