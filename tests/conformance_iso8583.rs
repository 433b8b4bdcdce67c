//! Messages made by other people's libraries: jPOS packagers (`jpos-*.json`) and pyiso8583 and
//! published samples (`samples.json`). Each must parse to the given fields and build back to the same
//! bytes, with a shipped dialect or with one described in `fixtures/dialects`.

use iso8583::{Dialect, FieldValue, Message, MessageBuilder, parse_lenient};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tamga_tests::{conformance_json, list, text};

/// A shipped dialect, or one from the fixtures.
fn dialect(name: &str) -> Arc<Dialect> {
    if let Some(dialect) = Dialect::shipped(name) {
        return dialect;
    }
    let file = format!("{name}.toml");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialects").join(&file);
    let toml = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    Arc::new(Dialect::from_toml(&toml, &file).unwrap_or_else(|errors| panic!("{errors}")))
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// A field of a vector: text, or `{"hex": ...}`.
fn expected(value: &Value) -> FieldValue {
    match value.as_str() {
        Some(text) => FieldValue::Text(text.to_owned()),
        None => FieldValue::Binary(bytes(text(value, "hex"))),
    }
}

/// What a message says and what it should say, in a form that shows the difference.
fn show(value: Option<&FieldValue>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(FieldValue::Text(text)) => format!("{text:?}"),
        Some(FieldValue::Binary(bytes)) => format!("0x{}", hex::encode_upper(bytes)),
    }
}

/// Everything that is not as the vector says.
fn differences(dialect: &Dialect, vector: &Value, wire: &[u8]) -> Vec<String> {
    let message = match Message::parse(dialect, wire) {
        Ok(message) => message,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    if message.mti().to_string() != text(vector, "mti") {
        wrong.push(format!("MTI {}", message.mti()));
    }
    let fields = vector["fields"].as_object().unwrap();
    for de in message.elements().map(|de| de.to_string()).filter(|de| !fields.contains_key(de)) {
        wrong.push(format!("{de} is there"));
    }
    let mut builder = MessageBuilder::new(dialect, message.mti());
    for (de, value) in fields {
        let (number, value) = (de.parse().unwrap(), expected(value));
        let found = message.field(number);
        if found.as_ref() != Some(&value) {
            wrong.push(format!("{de}: {} is not {}", show(found.as_ref()), show(Some(&value))));
        }
        if let Err(error) = builder.set_field(number, &value) {
            wrong.push(error.to_string());
        }
    }
    let mut built = Vec::new();
    builder.write(&mut built).unwrap();
    if built != wire {
        wrong.push(format!("built {} of {}", hex::encode_upper(&built), hex::encode_upper(wire)));
    }
    wrong
}

fn packager(file: &str, name: &str) {
    let (vectors, dialect) = (conformance_json(&format!("iso8583/{file}.json")), dialect(name));
    let messages = list(&vectors, "messages");
    assert!(!messages.is_empty());
    let mut failed = Vec::new();
    for vector in messages {
        let wrong = differences(&dialect, vector, &bytes(text(vector, "hex")));
        if !wrong.is_empty() {
            failed.push(format!("{}: {}", text(vector, "id"), wrong.join("; ")));
        }
    }
    let count = failed.len();
    failed.truncate(20);
    assert!(failed.is_empty(), "{count} of {}:\n{}", messages.len(), failed.join("\n"));
}

#[test]
fn jpos_iso87ascii() {
    packager("jpos-iso87ascii", "iso87-ascii");
}

#[test]
fn jpos_iso87ascii_binary_bitmap() {
    packager("jpos-iso87ascii-binary-bitmap", "iso87-ascii-binary-bitmap");
}

#[test]
fn jpos_iso87binary() {
    packager("jpos-iso87binary", "iso87-bcd");
}

#[test]
fn jpos_iso93ascii() {
    packager("jpos-iso93ascii", "iso93-ascii");
}

#[test]
fn jpos_iso93binary() {
    packager("jpos-iso93binary", "iso93-bcd");
}

#[test]
fn jpos_base24_from_a_file() {
    packager("jpos-base24", "base24");
}
