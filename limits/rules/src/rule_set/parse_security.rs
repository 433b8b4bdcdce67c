//! `[[chip_check]]` (SEC-2) and `[[stand_in]]`.

use super::parse::response_code;
use super::reader::{Findings, Section};
use super::{ChipCheck, StandIn};
use crate::security::{ChipAction, ChipSource, ChipTest, StandInTerms};

pub(super) fn chip_checks(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<ChipCheck> {
    let keys = ["id", "product", "source", "mask", "value", "action", "code"];
    let mut checks: Vec<ChipCheck> = Vec::new();
    for table in top.tables("chip_check", &keys, found) {
        let Some(check) = chip_check(&table, found) else { continue };
        if checks.iter().any(|other| other.id == check.id) {
            table.wrong("id", format!("there is a chip check \"{}\" already", check.id), found);
        }
        checks.push(check);
    }
    checks
}

fn chip_check(table: &Section<'_>, found: &mut Findings<'_>) -> Option<ChipCheck> {
    for key in ["id", "source", "mask", "value", "action"] {
        table.need(key, found);
    }
    let id = table.text("id", found).map(str::to_owned);
    let source = table.one_of("source", &ChipSource::NAMES, found);
    let action = table.one_of("action", &ChipAction::NAMES, found);
    let code = response_code(table, "code", found);
    if code.is_some() && action == Some(ChipAction::Flag) {
        table.wrong("code", "a check that only flags has no code", found);
    }
    let (mask, value) = (bytes(table, "mask", source, found), bytes(table, "value", source, found));
    let (mask, value) = (mask?, value?);
    if mask.1 != value.1 {
        table.wrong("value", "must be as long as mask", found);
    }
    if mask.0 == [0; 8] {
        table.wrong("mask", "looks at nothing", found);
    }
    if mask.0.iter().zip(value.0).any(|(mask, value)| value & !mask != 0) {
        table.wrong("value", "has bits that mask leaves out, so it is never found", found);
    }
    Some(ChipCheck {
        id: id?,
        product: table.text("product", found).map(str::to_owned),
        test: ChipTest { source: source?, mask: mask.0, value: value.0, action: action?, code },
        at: found.place(table.start),
    })
}

/// Hex digits, filled with 0 on the right, and how many bytes were told.
fn bytes(
    table: &Section<'_>,
    key: &str,
    source: Option<ChipSource>,
    found: &mut Findings<'_>,
) -> Option<([u8; 8], usize)> {
    let text = table.text(key, found)?;
    let read = hex(text);
    if read.is_none() {
        table.wrong(key, "must be up to 8 bytes in hex digits, such as \"0000800000\"", found);
    }
    let (bytes, length) = read?;
    if let Some(source) = source.filter(|source| !source.lengths().contains(&length)) {
        let lengths = source.lengths();
        let message = match (lengths.start(), lengths.end()) {
            (least, most) if least == most => format!("must have {least} bytes"),
            (least, most) => format!("must have {least} to {most} bytes"),
        };
        table.wrong(key, message, found);
        return None;
    }
    Some((bytes, length))
}

fn hex(text: &str) -> Option<([u8; 8], usize)> {
    let digits = text.as_bytes();
    let (mut bytes, length) = ([0; 8], digits.len() / 2);
    if !digits.len().is_multiple_of(2) || length > bytes.len() {
        return None;
    }
    for (to, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *to = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some((bytes, length))
}

/// `[scripts]`.
pub(super) fn block_lost_chips(top: &Section<'_>, found: &mut Findings<'_>) -> bool {
    let (path, known) = ("scripts", ["block_lost_chips"]);
    let table = top.get(path).and_then(|table| Section::of(table, path, &known, found));
    table.and_then(|table| table.boolean("block_lost_chips", found)).unwrap_or(false)
}

pub(super) fn stand_in(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<StandIn> {
    let mut terms: Vec<StandIn> = Vec::new();
    for table in top.tables("stand_in", &["product", "chip", "contactless"], found) {
        let product = table.text("product", found).map(str::to_owned);
        if terms.iter().any(|other| other.product == product) {
            let whose =
                product.as_deref().map_or("all products".to_owned(), |id| format!("\"{id}\""));
            table.wrong("product", format!("there are terms for {whose} already"), found);
        }
        let amount =
            |key, found: &mut Findings<'_>| table.amount_or_zero(key, found).unwrap_or_default();
        let (chip, contactless) = (amount("chip", found), amount("contactless", found));
        let at = found.place(table.start);
        terms.push(StandIn { product, terms: StandInTerms { chip, contactless }, at });
    }
    terms
}
