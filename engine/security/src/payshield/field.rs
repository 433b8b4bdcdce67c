//! What a host command is made of, as data: the kinds of fields and how each is written and read.
//!
//! Fields have no tags and mostly no lengths on the wire, so what comes next often depends on what
//! came before (a mode, the kind of a key). Those dependencies are kinds of fields here, so that one
//! table per command serves for building and for reading, and for both sides.

use super::values::Values;
use thiserror::Error;

/// One part of a command or of an answer. The name is the key into [`Values`].
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// So many printable characters.
    Text(&'static str, usize),
    /// A number in so many decimal digits; a shorter value is padded with zeros on the left.
    Number(&'static str, usize),
    /// So many hex digits, upper case on the wire.
    Hex(&'static str, usize),
    /// So many bytes as they are.
    Bytes(&'static str, usize),
    /// A key with its scheme letter: `U` and `X` double, `T` and `Y` triple length, `S` and `R`
    /// key blocks that state their length.
    Key(&'static str),
    /// A key if the next character is a scheme letter.
    OptionalKey(&'static str),
    /// As many keys as the field named second says.
    Keys(&'static str, &'static str),
    /// A KSN descriptor and the key serial number, whose length it tells.
    Ksn(&'static str, &'static str),
    /// Decimal digits up to something that is none.
    Digits(&'static str),
    /// A PIN under the local master key: its length is a setting of the module, so it is what the
    /// fixed fields after it leave over.
    LmkPin(&'static str),
    /// Bytes preceded by their number.
    Counted(&'static str, Count),
    /// These characters.
    Literal(&'static str),
    /// This character or nothing.
    Delimiter(&'static str, char),
    /// The fields if the named earlier field has one of these values.
    When(&'static str, &'static [&'static str], &'static [Field]),
    /// The fields if the named earlier field is there.
    IfGiven(&'static str, &'static [Field]),
    /// The marker and the fields, or nothing.
    Marked(char, &'static [Field]),
    /// The fields if the next character is a decimal digit.
    IfDigit(&'static [Field]),
    /// The fields if anything is left.
    IfMore(&'static [Field]),
    /// The fields if the named key is a base derivation key: flagged `*` in the field named
    /// second, or a key block of usage B0.
    ForBaseKey(&'static str, &'static str, &'static [Field]),
    /// All that is left.
    Rest(&'static str),
}

/// How the number of bytes is written.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    digits: usize,
    radix: u32,
}

impl Count {
    /// In so many hex digits.
    #[must_use]
    pub const fn hex(digits: usize) -> Self {
        Self { digits, radix: 16 }
    }

    /// In so many decimal digits.
    #[must_use]
    pub const fn decimal(digits: usize) -> Self {
        Self { digits, radix: 10 }
    }
}

/// What is wrong with a message: which field and how, never what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub struct WireError {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong.
    pub why: &'static str,
}

fn wrong(field: &'static str, why: &'static str) -> WireError {
    WireError { field, why }
}

/// The length of the key at the beginning of these bytes, with its scheme letter.
pub(super) fn key_length(field: &'static str, bytes: &[u8]) -> Result<usize, WireError> {
    let (tag, digits) = match bytes.first() {
        Some(b'U' | b'X') => (1, 32),
        Some(b'T' | b'Y') => (1, 48),
        Some(b'S' | b'R') => {
            // One character of version, four digits of length, which count the whole block but
            // not the scheme letter.
            let length = bytes.get(2..6).ok_or(wrong(field, "cut short"))?;
            let length = number(field, length, 10)?;
            if length < 16 {
                return Err(wrong(field, "a key block shorter than its header"));
            }
            return Ok(1 + length);
        }
        Some(_) => return Err(wrong(field, "no key scheme letter")),
        None => return Err(wrong(field, "missing")),
    };
    let key = bytes.get(tag..tag + digits).ok_or(wrong(field, "cut short"))?;
    if !key.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong(field, "not hex digits"));
    }
    Ok(tag + digits)
}

fn number(field: &'static str, digits: &[u8], radix: u32) -> Result<usize, WireError> {
    let mut value = 0_usize;
    for digit in digits {
        let digit = char::from(*digit).to_digit(radix).ok_or(wrong(field, "not a number"))?;
        value = value * radix as usize + digit as usize;
    }
    Ok(value)
}

/// How many digits a KSN has by its descriptor: three hex digits for its three parts, and five
/// more for the counter.
fn ksn_length(field: &'static str, descriptor: &[u8]) -> Result<usize, WireError> {
    let mut parts = 0;
    for digit in descriptor {
        parts += number(field, std::slice::from_ref(digit), 16)?;
    }
    Ok(parts + 5)
}

fn is_scheme_letter(byte: u8) -> bool {
    matches!(byte, b'U' | b'X' | b'T' | b'Y' | b'S' | b'R')
}

/// Whether the fields that only a base derivation key has are there.
fn is_base_key(values: &Values, key: &str, flag: &str) -> bool {
    values.get(flag) == Some(b"*")
        || values.get(key).is_some_and(|key| key.starts_with(b"S") && key.get(6..8) == Some(b"B0"))
}

// ---- writing ----

/// Writes the fields.
///
/// # Errors
/// [`WireError`] for a value that is missing, too long or of the wrong kind.
pub(super) fn write(fields: &[Field], values: &Values, out: &mut Vec<u8>) -> Result<(), WireError> {
    for field in fields {
        write_one(field, values, out)?;
    }
    Ok(())
}

fn given<'v>(values: &'v Values, name: &'static str) -> Result<&'v [u8], WireError> {
    values.get(name).ok_or(wrong(name, "missing"))
}

fn exactly<'v>(
    values: &'v Values,
    name: &'static str,
    length: usize,
    is_allowed: fn(&u8) -> bool,
) -> Result<&'v [u8], WireError> {
    let value = given(values, name)?;
    if value.len() != length {
        return Err(wrong(name, "wrong length"));
    }
    if !value.iter().all(is_allowed) {
        return Err(wrong(name, "wrong characters"));
    }
    Ok(value)
}

fn is_printable(byte: &u8) -> bool {
    (b' '..=b'~').contains(byte)
}

fn write_one(field: &Field, values: &Values, out: &mut Vec<u8>) -> Result<(), WireError> {
    match *field {
        Field::Text(name, n) => out.extend_from_slice(exactly(values, name, n, is_printable)?),
        Field::Bytes(name, n) => out.extend_from_slice(exactly(values, name, n, |_| true)?),
        Field::Hex(name, n) => {
            out.extend(exactly(values, name, n, u8::is_ascii_hexdigit)?.to_ascii_uppercase());
        }
        Field::Number(name, n) => write_number(name, given(values, name)?, n, out)?,
        Field::Key(name) => write_key(name, given(values, name)?, out)?,
        Field::OptionalKey(name) => {
            if let Some(key) = values.get(name) {
                write_key(name, key, out)?;
            }
        }
        Field::Keys(name, count) => write_keys(name, count, values, out)?,
        Field::Ksn(descriptor, ksn) => {
            let parts = exactly(values, descriptor, 3, u8::is_ascii_hexdigit)?;
            out.extend_from_slice(parts);
            let length = ksn_length(descriptor, parts)?;
            out.extend(exactly(values, ksn, length, u8::is_ascii_hexdigit)?.to_ascii_uppercase());
        }
        Field::Digits(name) | Field::LmkPin(name) => {
            let value = given(values, name)?;
            if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
                return Err(wrong(name, "not digits"));
            }
            out.extend_from_slice(value);
        }
        Field::Counted(name, count) => write_counted(name, count, given(values, name)?, out)?,
        Field::Literal(text) => out.extend_from_slice(text.as_bytes()),
        Field::Delimiter(name, mark) => {
            if values.get(name).is_some() {
                out.extend_from_slice(mark.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Field::Rest(name) => out.extend_from_slice(given(values, name)?),
        _ => write_group(field, values, out)?,
    }
    Ok(())
}

fn write_group(field: &Field, values: &Values, out: &mut Vec<u8>) -> Result<(), WireError> {
    let (applies, mark, inner) = match *field {
        Field::When(name, which, inner) => {
            let value = given(values, name)?;
            (which.iter().any(|one| one.as_bytes() == value), None, inner)
        }
        Field::IfGiven(name, inner) => (values.get(name).is_some(), None, inner),
        Field::Marked(mark, inner) => (any_given(inner, values), Some(mark), inner),
        Field::IfDigit(inner) | Field::IfMore(inner) => (any_given(inner, values), None, inner),
        Field::ForBaseKey(key, flag, inner) => (is_base_key(values, key, flag), None, inner),
        _ => return Ok(()),
    };
    if !applies {
        return Ok(());
    }
    if let Some(mark) = mark {
        out.extend_from_slice(mark.encode_utf8(&mut [0; 4]).as_bytes());
    }
    write(inner, values, out)
}

fn any_given(fields: &[Field], values: &Values) -> bool {
    names(fields).any(|name| values.get(name).is_some())
}

/// The names of the plain fields of a group.
fn names(fields: &[Field]) -> impl Iterator<Item = &'static str> + '_ {
    fields.iter().filter_map(|field| match field {
        Field::Text(name, _)
        | Field::Number(name, _)
        | Field::Hex(name, _)
        | Field::Bytes(name, _)
        | Field::Key(name)
        | Field::Counted(name, _)
        | Field::Rest(name) => Some(*name),
        _ => None,
    })
}

fn write_number(
    name: &'static str,
    value: &[u8],
    digits: usize,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(wrong(name, "not a number"));
    }
    let padding = digits.checked_sub(value.len()).ok_or(wrong(name, "too large"))?;
    out.extend(std::iter::repeat_n(b'0', padding));
    out.extend_from_slice(value);
    Ok(())
}

fn write_key(name: &'static str, key: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    if key_length(name, key)? != key.len() {
        return Err(wrong(name, "wrong length"));
    }
    out.extend_from_slice(key);
    Ok(())
}

fn write_keys(
    name: &'static str,
    count: &'static str,
    values: &Values,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let keys = given(values, name)?;
    let mut left = keys;
    for _ in 0..number(count, given(values, count)?, 10)? {
        left = left.get(key_length(name, left)?..).ok_or(wrong(name, "cut short"))?;
    }
    if !left.is_empty() {
        return Err(wrong(name, "more keys than stated"));
    }
    out.extend_from_slice(keys);
    Ok(())
}

fn write_counted(
    name: &'static str,
    count: Count,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let (width, length) = (count.digits, value.len());
    let text =
        if count.radix == 16 { format!("{length:0width$X}") } else { format!("{length:0width$}") };
    if text.len() != width {
        return Err(wrong(name, "too long"));
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(value);
    Ok(())
}

// ---- reading ----

/// Reads the fields; nothing may be left over.
///
/// # Errors
/// [`WireError`] naming the first field that is not as it should be.
pub(super) fn read(fields: &[Field], bytes: &[u8]) -> Result<Values, WireError> {
    let mut values = Values::new();
    let left = read_some(fields, bytes, &mut values)?;
    if left.is_empty() { Ok(values) } else { Err(wrong("end", "more than the command has")) }
}

fn read_some<'b>(
    fields: &[Field],
    bytes: &'b [u8],
    values: &mut Values,
) -> Result<&'b [u8], WireError> {
    let mut left = bytes;
    for (at, field) in fields.iter().enumerate() {
        left = match *field {
            Field::LmkPin(name) => {
                let after = fixed_length(fields.get(at + 1..).unwrap_or_default(), left);
                let length = left.len().checked_sub(after).ok_or(wrong(name, "cut short"))?;
                take(name, length, left, values, u8::is_ascii_digit)?
            }
            _ => read_one(field, left, values)?,
        };
    }
    Ok(left)
}

/// How many bytes the fields after a PIN take: all fixed, but for a master key identifier that may
/// end the message.
fn fixed_length(fields: &[Field], left: &[u8]) -> usize {
    let ends_with_identifier = left.len() >= 3 && left.get(left.len() - 3) == Some(&b'%');
    fields
        .iter()
        .map(|field| match field {
            Field::Text(_, n) | Field::Number(_, n) | Field::Hex(_, n) | Field::Bytes(_, n) => *n,
            Field::Marked('%', _) if ends_with_identifier => 3,
            _ => 0,
        })
        .sum()
}

fn take<'b>(
    name: &'static str,
    length: usize,
    bytes: &'b [u8],
    values: &mut Values,
    is_allowed: fn(&u8) -> bool,
) -> Result<&'b [u8], WireError> {
    let (value, left) = bytes.split_at_checked(length).ok_or(wrong(name, "cut short"))?;
    if !value.iter().all(is_allowed) {
        return Err(wrong(name, "wrong characters"));
    }
    values.set(name, value);
    Ok(left)
}

fn read_one<'b>(
    field: &Field,
    bytes: &'b [u8],
    values: &mut Values,
) -> Result<&'b [u8], WireError> {
    match *field {
        Field::Text(name, n) => take(name, n, bytes, values, is_printable),
        Field::Number(name, n) => take(name, n, bytes, values, u8::is_ascii_digit),
        Field::Hex(name, n) => take(name, n, bytes, values, u8::is_ascii_hexdigit),
        Field::Bytes(name, n) => take(name, n, bytes, values, |_| true),
        Field::Key(name) => take(name, key_length(name, bytes)?, bytes, values, is_printable),
        Field::Keys(name, count) => {
            let mut length = 0;
            for _ in 0..number(count, given(values, count)?, 10)? {
                length += key_length(name, bytes.get(length..).unwrap_or_default())?;
            }
            take(name, length, bytes, values, is_printable)
        }
        Field::Ksn(descriptor, ksn) => {
            let left = take(descriptor, 3, bytes, values, u8::is_ascii_hexdigit)?;
            let length = ksn_length(descriptor, given(values, descriptor)?)?;
            take(ksn, length, left, values, u8::is_ascii_hexdigit)
        }
        Field::Digits(name) | Field::LmkPin(name) => {
            let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                return Err(wrong(name, "missing"));
            }
            take(name, length, bytes, values, u8::is_ascii_digit)
        }
        Field::Counted(name, count) => {
            let digits = bytes.get(..count.digits).ok_or(wrong(name, "cut short"))?;
            let length = number(name, digits, count.radix)?;
            take(name, length, bytes.get(count.digits..).unwrap_or_default(), values, |_| true)
        }
        Field::Literal(text) => {
            bytes.strip_prefix(text.as_bytes()).ok_or(wrong("delimiter", "missing"))
        }
        Field::Rest(name) => take(name, bytes.len(), bytes, values, |_| true),
        _ => read_group(field, bytes, values),
    }
}

fn read_group<'b>(
    field: &Field,
    bytes: &'b [u8],
    values: &mut Values,
) -> Result<&'b [u8], WireError> {
    let first = bytes.first().copied();
    let is_mark = |mark: char| first.map(char::from) == Some(mark);
    match *field {
        Field::OptionalKey(name) if first.is_some_and(is_scheme_letter) => {
            read_one(&Field::Key(name), bytes, values)
        }
        Field::Delimiter(name, mark) if is_mark(mark) => take(name, 1, bytes, values, |_| true),
        Field::When(name, which, inner) => {
            let value = given(values, name)?;
            let applies = which.iter().any(|one| one.as_bytes() == value);
            if applies { read_some(inner, bytes, values) } else { Ok(bytes) }
        }
        Field::IfGiven(name, inner) if values.get(name).is_some() => {
            read_some(inner, bytes, values)
        }
        Field::Marked(mark, inner) if is_mark(mark) => {
            read_some(inner, bytes.get(1..).unwrap_or_default(), values)
        }
        Field::IfDigit(inner) if first.is_some_and(|byte| byte.is_ascii_digit()) => {
            read_some(inner, bytes, values)
        }
        Field::IfMore(inner) if first.is_some() => read_some(inner, bytes, values),
        Field::ForBaseKey(key, flag, inner) if is_base_key(values, key, flag) => {
            read_some(inner, bytes, values)
        }
        _ => Ok(bytes),
    }
}
