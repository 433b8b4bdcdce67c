//! `portfolio.jsonl`: customers, accounts, cards and devices, one JSON object a line.
//!
//! A line becomes a [`PortfolioItem`], with digests, PINs and keys already gone through the security
//! module. What is personal comes out apart ([`Clear`]), to be sealed by the import. Whether the
//! ids a line refers to exist is not judged here, since that needs the register
//! (`State::import_items`). No error shows a card number, a PIN or a key, not even where one was
//! put into a wrong field.

mod items;
mod keys;
mod line;
#[cfg(test)]
mod tests;

use authorization::PortfolioItem;
use payment_types::Pan;
use personal::Details;
use security::SecurityModule;
use std::fmt;

/// A line as read: its record, with what is to be sealed still empty, and that in clear.
#[derive(Debug)]
pub struct Line {
    /// The record.
    pub item: PortfolioItem,
    /// What its customer's key is to seal.
    pub clear: Clear,
    /// What could be a card number where none belongs (PII-1): the field, and the first eleven
    /// digits. Whether it is one, says the register of networks.
    pub suspects: Vec<(String, u64)>,
}

/// Personal data of a line, wiped when dropped.
#[derive(Debug)]
pub enum Clear {
    /// It has none.
    Nothing,
    /// A customer's.
    Customer(Details),
    /// A card's number.
    Card(Pan),
}

/// What is wrong with one field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name; empty where the line as a whole is meant.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads one line.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_line(line: &str, security: &dyn SecurityModule) -> Result<Line, Vec<FieldError>> {
    let fields = line::Fields::parse(line).map_err(|error| vec![error])?;
    let item = items::item(&fields, security);
    let suspects = fields.suspects();
    match (item, fields.finish()) {
        (Some((item, clear)), errors) if errors.is_empty() => Ok(Line { item, clear, suspects }),
        (_, errors) => Err(errors),
    }
}

/// Text of a file as an error may show it: short, and with every run of digits that could be a
/// card number, a PIN block or a key blotted out.
#[must_use]
pub fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown = String::with_capacity(MOST);
    let mut run = String::new();
    for letter in text.chars().take(MOST) {
        if letter.is_ascii_hexdigit() {
            run.push(letter);
            continue;
        }
        push_run(&mut shown, &run);
        run.clear();
        if !letter.is_control() {
            shown.push(letter);
        }
    }
    push_run(&mut shown, &run);
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}

fn push_run(shown: &mut String, run: &str) {
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    shown.push_str(if digits >= 8 { "******" } else { run });
}
