//! A message for people: one line an element, with its name and format; chip data taken apart.

use super::{Decoded, Shown, mask};
use emv::TlvReader;
use iso8583::{Dialect, FieldValue, Message};
use payment_types::{Class, Function, Mti};
use std::fmt::Write;

const CHIP_DATA: u8 = 55;

/// The message as a table.
#[must_use]
pub fn pretty(dialect: &Dialect, message: &Message<'_>, length: usize, unmask: bool) -> String {
    let decoded = Decoded::of(message, unmask);
    let mut out = String::new();
    let mti = decoded.mti;
    push(&mut out, &format!("{mti}  {}   [{}, {length} bytes]", meaning(mti), dialect.name()));
    for (de, value) in &decoded.fields {
        let (name, notation) =
            dialect.element(*de).map_or(("", ""), |format| (format.name(), format.notation()));
        let text = match value {
            Shown::Text(text) => format!("\"{text}\""),
            Shown::Hex(digits) => digits.clone(),
        };
        push(&mut out, &format!("{de:>4}  {name:<38.38}  {notation:<14}  {text}"));
        if *de == CHIP_DATA {
            chip(message, unmask, &mut out);
        }
    }
    out
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

fn chip(message: &Message<'_>, unmask: bool, out: &mut String) {
    let bytes = match message.field(CHIP_DATA) {
        Some(FieldValue::Binary(bytes)) => bytes,
        Some(FieldValue::Text(text)) => match hex::decode(text) {
            Ok(bytes) => bytes,
            Err(_) => return push(out, "        not hex, so not chip data"),
        },
        None => return,
    };
    let shown: Vec<char> =
        if unmask { hex::encode_upper(&bytes) } else { mask::chip(&bytes) }.chars().collect();
    for found in TlvReader::new(&bytes).walk() {
        let tlv = match found {
            Ok(tlv) => tlv,
            Err(error) => return push(out, &format!("        {error}")),
        };
        let name = tlv.tag.info().map_or("", |info| info.name);
        let value: String = if tlv.children().is_some() {
            String::new()
        } else {
            shown.iter().skip(tlv.offset() * 2).take(tlv.value.len() * 2).collect()
        };
        let (tag, indent) = (tlv.tag.to_string(), tlv.depth() * 2);
        push(out, &format!("        {:indent$}{tag:<6}{name:<42.42}  {value}", ""));
    }
}

/// What a message type asks for or tells, in words.
fn meaning(mti: Mti) -> String {
    let class = match mti.class() {
        Class::Authorization => "authorization",
        Class::Financial => "financial",
        Class::FileAction => "file action",
        Class::Reversal => "reversal",
        Class::Reconciliation => "reconciliation",
        Class::Administrative => "administrative",
        Class::FeeCollection => "fee collection",
        Class::NetworkManagement => "network management",
        Class::Reserved => "reserved",
    };
    let function = match mti.function() {
        Function::Request => "request",
        Function::RequestResponse => "response",
        Function::Advice => "advice",
        Function::AdviceResponse => "advice response",
        Function::Notification => "notification",
        Function::Reserved => "(reserved)",
    };
    let repeat = if mti.is_repeat() { ", repeat" } else { "" };
    format!("{class} {function}{repeat}")
}

/// Bytes sixteen a line, with offset and characters.
#[must_use]
pub fn hex_dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (row, part) in bytes.chunks(16).enumerate() {
        let digits: Vec<String> = part.iter().map(|byte| format!("{byte:02X}")).collect();
        let letter = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' };
        let letters: String = part.iter().map(letter).collect();
        // Writing to a string does not fail.
        let _written = writeln!(out, "{:04X}  {:<47}  {letters}", row * 16, digits.join(" "));
    }
    out
}
