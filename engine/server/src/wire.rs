//! Messages as text: the JSON of `tamga decode` and `tamga encode`, and a form for people.
//!
//! ```json
//! {"mti":"0200","fields":{"3":"000000","52":{"hex":"0123456789ABCDEF"}}}
//! ```
//! Text and digits are strings at their full width, binary elements are `{"hex": ...}`. Unless it
//! is asked for, no card number, track or PIN block is shown.

mod mask;
mod pretty;
#[cfg(test)]
mod tests;

use crate::failure::Failure;
use iso8583::{Dialect, FieldValue, Message, MessageBuilder, ParseError};
use payment_types::Mti;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use pretty::{hex_dump, pretty};

/// A shipped dialect, or one from a file.
///
/// # Errors
/// An unknown name, a file that cannot be read, or everything that is wrong with it.
pub fn load_dialect(name: &str) -> Result<Arc<Dialect>, Failure> {
    if let Some(dialect) = Dialect::shipped(name) {
        return Ok(dialect);
    }
    if !name.contains('/') && !name.ends_with(".toml") {
        let shipped = Dialect::SHIPPED.iter().copied();
        let near = crate::suggest::nearest(name, shipped);
        let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        let all = Dialect::SHIPPED.join(", ");
        let line = format!("no dialect `{name}`{hint}; shipped are {all}; a file has a path");
        return Err(Failure::usage(line));
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| Failure::file(Path::new(name), "read", &error))?;
    let dialect = Dialect::from_toml(&text, name).map_err(|errors| Failure {
        code: 2,
        lines: errors.iter().map(ToString::to_string).collect(),
    })?;
    Ok(Arc::new(dialect))
}

/// Why a line could not be decoded or encoded, as a batch reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WireError {
    /// The data element: 0 the message type, 1 the bitmap; none for a line that is no message.
    pub element: Option<u8>,
    /// The byte of the message, or the character of the line, where it begins.
    pub offset: Option<usize>,
    /// What is wrong.
    pub cause: String,
}

impl WireError {
    /// An error about the line, not about an element.
    fn line(offset: Option<usize>, cause: impl Into<String>) -> Self {
        Self { element: None, offset, cause: cause.into() }
    }
}

impl From<ParseError> for WireError {
    fn from(error: ParseError) -> Self {
        let (element, offset) = (Some(error.element), Some(error.offset));
        Self { element, offset, cause: error.cause.to_string() }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.element {
            None => {}
            Some(0) => f.write_str("message type: ")?,
            Some(1) => f.write_str("bitmap: ")?,
            Some(element) => write!(f, "element {element}: ")?,
        }
        match self.offset {
            Some(offset) => write!(f, "{} (at offset {offset})", self.cause),
            None => f.write_str(&self.cause),
        }
    }
}

/// The bytes of a line of hex digits; blanks between them are allowed.
///
/// # Errors
/// At the first character that is no hex digit.
pub fn parse_hex(line: &str, bytes: &mut Vec<u8>) -> Result<(), WireError> {
    bytes.clear();
    let mut high = None;
    for (offset, letter) in line.char_indices().filter(|(_, letter)| !letter.is_whitespace()) {
        let digit = letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or_else(|| WireError::line(Some(offset), "not a hex digit"))?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match (high, bytes.is_empty()) {
        (Some(_), _) => Err(WireError::line(Some(line.len()), "an odd number of hex digits")),
        (None, true) => Err(WireError::line(None, "the line is empty")),
        (None, false) => Ok(()),
    }
}

/// A message as JSON shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    mti: Mti,
    fields: Vec<(u8, Shown)>,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Text(String),
    Hex(String),
}

impl Decoded {
    /// Shows a message; without `unmask` card numbers, tracks and PIN blocks are blotted out.
    #[must_use]
    pub fn of(message: &Message<'_>, unmask: bool) -> Self {
        let values: Vec<(u8, FieldValue)> =
            message.elements().filter_map(|de| Some((de, message.field(de)?))).collect();
        let fields = if unmask {
            values.into_iter().map(|(de, value)| (de, Shown::clear(value))).collect()
        } else {
            mask::masked(&values)
        };
        Self { mti: message.mti(), fields }
    }
}

impl Shown {
    fn clear(value: FieldValue) -> Self {
        match value {
            FieldValue::Text(text) => Self::Text(text),
            FieldValue::Binary(bytes) => Self::Hex(hex::encode_upper(bytes)),
        }
    }
}

impl Serialize for Decoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Fields<'d>(&'d [(u8, Shown)]);
        impl Serialize for Fields<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(de, value)| (de, value)))
            }
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("mti", &self.mti.to_string())?;
        map.serialize_entry("fields", &Fields(&self.fields))?;
        map.end()
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Hex(digits) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("hex", digits)?;
                map.end()
            }
        }
    }
}

/// A message to be built, as JSON gives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToEncode {
    mti: String,
    #[serde(default)]
    fields: Fields,
}

/// In the order of the file; a key may not stand twice.
#[derive(Debug, Default)]
struct Fields(Vec<(String, Given)>);

/// A value as JSON gives it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    Text(String),
    Hex(HexValue),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HexValue {
    hex: String,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of data elements")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut rows = Vec::with_capacity(16);
                while let Some(row) = map.next_entry()? {
                    rows.push(row);
                }
                Ok(Fields(rows))
            }
        }
        deserializer.deserialize_map(Rows)
    }
}

impl ToEncode {
    /// Reads a line of JSON.
    ///
    /// # Errors
    /// Where it is not JSON of the right form. Never shows a value.
    pub fn parse(line: &str) -> Result<Self, WireError> {
        serde_json::from_str(line).map_err(|error| {
            let offset = Some(error.column().saturating_sub(1));
            let words = error.to_string();
            let words = words.split(" at line ").next().unwrap_or_default();
            let form = r#"{"mti":"0200","fields":{"3":"000000","52":{"hex":"..."}}}"#;
            let cause = match error.classify() {
                serde_json::error::Category::Data => format!("not of the form {form}"),
                _ => format!("not JSON: {words}"),
            };
            WireError::line(offset, cause)
        })
    }

    /// Builds the message; the bytes are appended to `out`.
    ///
    /// # Errors
    /// The first element that does not fit the dialect.
    pub fn build(&self, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), WireError> {
        let at =
            |element: u8, cause: String| WireError { element: Some(element), offset: None, cause };
        let mti = Mti::parse(&self.mti).map_err(|error| at(0, error.to_string()))?;
        let mut builder = MessageBuilder::new(dialect, mti);
        let mut seen = Vec::with_capacity(self.fields.0.len());
        for (key, value) in &self.fields.0 {
            let element = key.parse::<u8>().ok().filter(|de| (2..=192).contains(de));
            let element = element.ok_or_else(|| {
                WireError::line(None, "a key of `fields` is a data element, 2 to 192")
            })?;
            if seen.contains(&element) {
                return Err(at(element, "stands twice".to_owned()));
            }
            seen.push(element);
            let set = match value {
                Given::Text(text) => builder.set_text(element, text.as_bytes()),
                Given::Hex(HexValue { hex: digits }) => {
                    let bytes = hex::decode(digits).map_err(|_| {
                        at(element, "its hex is not pairs of hex digits".to_owned())
                    })?;
                    builder.set_binary(element, &bytes)
                }
            };
            set.map_err(|error| at(error.element, error.cause.to_string()))?;
        }
        builder.write(out).map(|_| ()).map_err(|error| at(error.element, error.cause.to_string()))
    }
}
