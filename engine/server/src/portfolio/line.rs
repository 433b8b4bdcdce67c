//! One line as named values, each to be taken once with its kind; what nobody took is unknown.

use super::{FieldError, quoted};
use crate::card_numbers;
use payment_types::{BusinessDate, Currency, parse_minor};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// A JSON value, borrowing from the line where it can.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Flag(bool),
    Count(u64),
    /// Negative or with decimals: no field has such.
    OtherNumber,
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Where a card number belongs, and what is hex digits that nothing shows.
const OPAQUE: [&str; 2] = ["pan", "keys"];

impl Value<'_> {
    /// Notes what could be a card number in it.
    fn suspects(&self, field: &str, found: &mut Vec<(String, u64)>) {
        match self {
            Self::Text(text) => {
                let prefixes = card_numbers::find(text).into_iter().map(|found| found.prefix);
                found.extend(prefixes.map(|prefix| (field.to_owned(), prefix)));
            }
            Self::List(items) => items.iter().for_each(|item| item.suspects(field, found)),
            Self::Object(list) => {
                for (name, value) in list {
                    value.suspects(&format!("{field}.{name}"), found);
                }
            }
            Self::Null | Self::Flag(_) | Self::Count(_) | Self::OtherNumber => {}
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Count(_) => "a number",
            Self::OtherNumber => "a negative number or one with decimals",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The fields of an object: the line's, or those of an object in it.
pub(super) struct Fields<'a> {
    list: Cow<'a, [(Cow<'a, str>, Value<'a>)]>,
    /// What the object is, for "not a field of type card".
    what: RefCell<&'static str>,
    taken: RefCell<Vec<&'static str>>,
    errors: RefCell<Vec<FieldError>>,
}

impl<'a> Fields<'a> {
    pub(super) fn parse(line: &'a str) -> Result<Self, FieldError> {
        let error = |message| FieldError { field: String::new(), message };
        let value: Value<'a> = serde_json::from_str(line)
            .map_err(|cause| error(format!("not JSON: {}", syntax(&cause))))?;
        match value {
            Value::Object(list) => Ok(Self::of(Cow::Owned(list))),
            other => Err(error(format!("expected an object, found {}", other.kind()))),
        }
    }

    pub(super) fn of(list: Cow<'a, [(Cow<'a, str>, Value<'a>)]>) -> Self {
        let (what, taken) = (RefCell::new("line"), RefCell::default());
        Self { list, what, taken, errors: RefCell::default() }
    }

    /// Says what the object is.
    pub(super) fn named(&self, what: &'static str) {
        *self.what.borrow_mut() = what;
    }

    pub(super) fn error(&self, field: &str, message: impl Into<String>) {
        let error = FieldError { field: field.to_owned(), message: message.into() };
        self.errors.borrow_mut().push(error);
    }

    pub(super) fn errors_of(&self, field: &str, inner: Vec<FieldError>) {
        for error in inner {
            self.error(&format!("{field}.{}", error.field), error.message);
        }
    }

    /// What could be a card number where none belongs, with the field it stands in.
    pub(super) fn suspects(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for (name, value) in self.list.iter().filter(|(name, _)| !OPAQUE.contains(&name.as_ref())) {
            value.suspects(name, &mut found);
        }
        found
    }

    fn take(&self, field: &'static str) -> Option<&Value<'a>> {
        self.taken.borrow_mut().push(field);
        let found = self.list.iter().find(|(name, _)| name == field)?;
        Some(&found.1).filter(|value| !matches!(value, Value::Null))
    }

    fn wrong_kind(&self, field: &str, wanted: &str, value: &Value<'_>) {
        self.error(field, format!("expected {wanted}, found {}", value.kind()));
    }

    pub(super) fn text(&self, field: &'static str) -> Option<&str> {
        match self.take(field)? {
            Value::Text(text) => Some(text),
            other => {
                self.wrong_kind(field, "a string", other);
                None
            }
        }
    }

    /// As [`Self::text`]; the field must be there, and not empty.
    pub(super) fn required(&self, field: &'static str) -> Option<&str> {
        match self.take(field) {
            None => self.error(field, "is missing"),
            Some(Value::Text(text)) if text.is_empty() => self.error(field, "is empty"),
            Some(Value::Text(text)) => return Some(text),
            Some(other) => self.wrong_kind(field, "a string", other),
        }
        None
    }

    /// An id: 1 to 64 printable characters without blanks.
    pub(super) fn id(&self, field: &'static str) -> Option<&str> {
        let id = self.required(field)?;
        self.good_id(field, id)
    }

    /// As [`Self::id`], and may be absent.
    pub(super) fn optional_id(&self, field: &'static str) -> Option<&str> {
        let id = self.text(field)?;
        self.good_id(field, id)
    }

    fn good_id<'t>(&self, field: &str, id: &'t str) -> Option<&'t str> {
        let good = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !good {
            self.error(field, "an id has 1 to 64 printable ASCII characters and no blanks");
        }
        good.then_some(id)
    }

    /// Exactly so many digits, as a number.
    pub(super) fn digits(&self, field: &'static str, count: usize) -> Option<u16> {
        let text = self.text(field)?;
        let good = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !good {
            self.error(field, format!("expected {count} digits"));
        }
        text.parse().ok().filter(|_| good)
    }

    pub(super) fn flag(&self, field: &'static str) -> Option<bool> {
        match self.take(field)? {
            Value::Flag(flag) => Some(*flag),
            other => {
                self.wrong_kind(field, "true or false", other);
                None
            }
        }
    }

    pub(super) fn count(&self, field: &'static str, least: u64, most: u64) -> Option<u64> {
        let value = self.take(field)?;
        match value {
            Value::Count(number) if (least..=most).contains(number) => return Some(*number),
            Value::Count(_) | Value::OtherNumber => {
                self.error(field, format!("must be from {least} to {most}"));
            }
            other => self.wrong_kind(field, "a number", other),
        }
        None
    }

    pub(super) fn currency(&self, field: &'static str) -> Option<Currency> {
        let text = self.required(field)?;
        let currency = Currency::from_alpha(text);
        if currency.is_none() {
            let message = format!("`{}` is no ISO 4217 currency such as KGS", quoted(text));
            self.error(field, message);
        }
        currency
    }

    /// A sum in major units as a decimal string, in minor units.
    pub(super) fn money(&self, field: &'static str, currency: Currency) -> Option<i64> {
        let text = self.text(field)?;
        self.parse_money(field, text, currency)
    }

    pub(super) fn parse_money(&self, field: &str, text: &str, currency: Currency) -> Option<i64> {
        match parse_minor(text, currency.exponent()) {
            Ok(minor) => Some(minor),
            Err(error) => {
                self.error(field, error.to_string());
                None
            }
        }
    }

    /// As [`Self::money`], and not below zero.
    pub(super) fn positive_money(&self, field: &'static str, currency: Currency) -> Option<i64> {
        let minor = self.money(field, currency)?;
        if minor < 0 {
            self.error(field, "may not be negative");
        }
        Some(minor)
    }

    pub(super) fn date(&self, field: &'static str) -> Option<BusinessDate> {
        let text = self.text(field)?;
        match BusinessDate::parse(text) {
            Ok(date) => Some(date),
            Err(error) => {
                self.error(field, error.to_string());
                None
            }
        }
    }

    /// A list of strings.
    pub(super) fn texts(&self, field: &'static str) -> Vec<&str> {
        let Some(items) = self.list(field) else { return Vec::new() };
        items
            .iter()
            .filter_map(|item| match item {
                Value::Text(text) => Some(text.as_ref()),
                other => {
                    self.wrong_kind(field, "a list of strings", other);
                    None
                }
            })
            .collect()
    }

    pub(super) fn list(&self, field: &'static str) -> Option<&[Value<'a>]> {
        match self.take(field)? {
            Value::List(items) => Some(items),
            other => {
                self.wrong_kind(field, "a list", other);
                None
            }
        }
    }

    /// The fields of an object in this one.
    pub(super) fn object(&self, field: &'static str) -> Option<Fields<'_>> {
        match self.take(field)? {
            Value::Object(list) => Some(Fields::of(Cow::Borrowed(list))),
            other => {
                self.wrong_kind(field, "an object", other);
                None
            }
        }
    }

    /// A value whose kind decides what it means.
    pub(super) fn value(&self, field: &'static str) -> Option<&Value<'a>> {
        self.take(field)
    }

    /// All errors, with the fields that nobody took and those that stand twice.
    pub(super) fn finish(self) -> Vec<FieldError> {
        let (taken, what) = (self.taken.borrow(), self.what.borrow());
        for (at, (name, _)) in self.list.iter().enumerate() {
            if self.list.iter().take(at).any(|(before, _)| before == name) {
                self.error(&quoted(name), "stands twice on this line");
            } else if !taken.contains(&name.as_ref()) {
                let nearest = crate::suggest::nearest(name, taken.iter().copied());
                let hint = nearest.map(|near| format!(" (did you mean `{near}`?)"));
                let message = format!("not a field of type {what}{}", hint.unwrap_or_default());
                self.error(&quoted(name), message);
            }
        }
        drop((taken, what));
        self.errors.into_inner()
    }
}

/// The parser's words without the place, which says "line 1" for every line; the column stays.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    format!("{words} at column {}", error.column())
}

/// A key or text, borrowed where it has no escapes.
struct Borrowed<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Borrowed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Value::Null)
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Value::Flag(flag))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Value::Count(number))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Value::OtherNumber)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Value::OtherNumber)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::with_capacity(12);
                while let Some(Borrowed(key)) = map.next_key()? {
                    list.push((key, map.next_value()?));
                }
                Ok(Value::Object(list))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
