//! What stands at a path: a value as change orders and the API carry it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use toml::Value;
use toml::value::Datetime;

/// A value of a rule set. Dates and moments are texts; there are no numbers with decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// A text, an amount, a date.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Setting>),
    /// A table.
    Table(BTreeMap<String, Setting>),
}

/// Keys whose texts are dates or moments in a rule set.
const DATES: [&str; 6] =
    ["valid_from", "valid_until", "in_force_from", "cancelled_at", "holidays", "working"];

impl Setting {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The table, if it is one.
    #[must_use]
    pub const fn as_table(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Integer(number) => Self::Whole(*number),
            // No rule set in force holds one; in one that is asked for it is told of as it stands.
            Value::Float(number) => Self::Text(number.to_string()),
            Value::Boolean(flag) => Self::Flag(*flag),
            Value::Datetime(date) => Self::Text(date.to_string()),
            Value::Array(list) => Self::List(list.iter().map(Self::of).collect()),
            Value::Table(table) => {
                Self::Table(table.iter().map(|(key, v)| (key.clone(), Self::of(v))).collect())
            }
        }
    }

    /// As it stands in a rule set under this key.
    pub(super) fn to_toml(&self, key: &str) -> Value {
        match self {
            Self::Text(text) => match text.parse::<Datetime>() {
                Ok(date) if DATES.contains(&key) => Value::Datetime(date),
                _ => Value::String(text.clone()),
            },
            Self::Whole(number) => Value::Integer(*number),
            Self::Flag(flag) => Value::Boolean(*flag),
            Self::List(list) => Value::Array(list.iter().map(|item| item.to_toml(key)).collect()),
            Self::Table(table) => {
                let rows = table.iter().map(|(key, value)| (key.clone(), value.to_toml(key)));
                Value::Table(rows.collect())
            }
        }
    }

    /// As canonical JSON (RFC 8785): keys sorted, no blanks.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, out),
            // Writing to a text can't fail.
            Self::Whole(number) => drop(write!(out, "{number}")),
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::List(list) => {
                for (at, item) in list.iter().enumerate() {
                    out.push(if at == 0 { '[' } else { ',' });
                    item.write_json(out);
                }
                out.push_str(if list.is_empty() { "[]" } else { "]" });
            }
            Self::Table(table) => {
                for (at, (key, value)) in table.iter().enumerate() {
                    out.push(if at == 0 { '{' } else { ',' });
                    write_text(key, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push_str(if table.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

/// A text as JSON, with no escapes but those that must be.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => drop(write!(out, "\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_canonical() {
        let table = BTreeMap::from([
            ("b".to_owned(), Setting::List(vec![Setting::Whole(-1), Setting::Flag(true)])),
            ("a".to_owned(), "x\"\\\n\u{1}é".into()),
            ("c".to_owned(), Setting::List(Vec::new())),
            ("d".to_owned(), Setting::Table(BTreeMap::new())),
        ]);
        let json = "{\"a\":\"x\\\"\\\\\\n\\u0001é\",\"b\":[-1,true],\"c\":[],\"d\":{}}";
        assert_eq!(Setting::Table(table).json(), json);
    }

    #[test]
    fn texts_are_dates_only_where_dates_stand() {
        let date = Setting::from("2026-11-23");
        assert!(matches!(date.to_toml("valid_from"), Value::Datetime(_)));
        assert!(matches!(date.to_toml("version"), Value::String(_)));
        assert_eq!(Setting::of(&date.to_toml("valid_from")), date);
        let days = Setting::List(vec!["2026-01-01".into()]);
        assert_eq!(days.to_toml("holidays").to_string(), "[2026-01-01]");
    }
}
