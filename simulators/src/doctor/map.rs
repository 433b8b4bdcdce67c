//! A message byte by byte: what each byte is and what it says, without showing what is secret.

use super::Cut;
use super::start::{BitmapCoding, DigitCoding, Start};
use crate::exchange::plain;
use crate::show;
use iso8583::{Dialect, Message, parse_lenient};

/// Some bytes of a frame and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) offset: usize,
    pub(super) bytes: String,
    pub(super) what: String,
    pub(super) value: String,
}

/// So many bytes of a value are shown.
const SHOWN: usize = 12;

/// Maps one message; offsets count from the beginning of the frame.
pub(super) fn rows(cut: &Cut, start: Start, dialect: &Dialect, unmask: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let front = cut.front.len();
    if front > 0 {
        rows.push(row(0, &cut.front, "length, TPDU, header", String::new(), false));
    }
    let (message, error) = parse_lenient(dialect, &cut.body);
    let mti = if start.mti == DigitCoding::Bcd { 2 } else { 4 };
    let map = if start.bitmap == BitmapCoding::Binary { 8 } else { 16 };
    let piece = |from: usize, to: usize| cut.body.get(from..to).unwrap_or_default();
    let value = message.as_ref().map(|message| message.mti().to_string()).unwrap_or_default();
    rows.push(row(front, piece(0, mti), "message type", value, false));
    let Some(message) = message else { return rows };
    let end = mti + if is_second(&cut.body, mti, start) { 2 * map } else { map };
    let list: Vec<String> = message.elements().map(|de| de.to_string()).collect();
    rows.push(row(front + mti, piece(mti, end), "bitmap", list.join(" "), false));
    let stop = error.map_or(cut.body.len(), |error| error.offset);
    elements(&message, (front, stop), unmask, &mut rows, &cut.body);
    if let Some(error) = error {
        let what = match error.element {
            0 | 1 => format!("not understood: {}", error.cause),
            element => format!("{element} not understood: {}", error.cause),
        };
        rows.push(row(front + stop, piece(stop, cut.body.len()), &what, String::new(), true));
    }
    rows
}

/// Whether the first bit of the first bitmap announces a second one.
fn is_second(body: &[u8], at: usize, start: Start) -> bool {
    let first = body.get(at).copied().unwrap_or_default();
    match start.bitmap {
        BitmapCoding::Binary => first & 0x80 != 0,
        BitmapCoding::Hex => matches!(first, b'8' | b'9' | b'A'..=b'F' | b'a'..=b'f'),
        BitmapCoding::EbcdicHex => matches!(first, 0xF8 | 0xF9 | 0xC1..=0xC6 | 0x81..=0x86),
    }
}

/// The elements, each after its length; `stop` is where the last one ends.
fn elements(
    message: &Message<'_>,
    (front, stop): (usize, usize),
    unmask: bool,
    rows: &mut Vec<Row>,
    body: &[u8],
) {
    let places: Vec<(u8, usize)> =
        message.elements().filter_map(|de| Some((de, message.start(de)?))).collect();
    let ends = places.iter().skip(1).map(|(_, start)| *start).chain([stop]);
    for ((de, start), end) in places.iter().copied().zip(ends) {
        let (Some(raw), Some(value)) = (message.raw(de), message.field(de)) else { continue };
        let Some(format) = message.dialect().element(de) else { continue };
        let begin = end.saturating_sub(raw.len());
        if begin > start {
            let length = body.get(start..begin).unwrap_or_default();
            rows.push(row(front + start, length, &format!("{de} length"), String::new(), false));
        }
        let name = match (show::name_of(de), format.name()) {
            ("", name) | (name, _) => name,
        };
        let what = format!("{de} {name}, {}", format.notation());
        let shown = if unmask { plain(&value) } else { show::masked(de, &value) };
        let hidden = shown != plain(&value);
        rows.push(row(front + begin, raw, &what, shown, hidden));
    }
}

fn row(offset: usize, bytes: &[u8], what: &str, value: String, hidden: bool) -> Row {
    let digits = hex::encode_upper(bytes.get(..bytes.len().min(SHOWN)).unwrap_or_default());
    let more = bytes.len().saturating_sub(SHOWN);
    let bytes = match (hidden, more) {
        (true, _) => format!("({} bytes)", bytes.len()),
        (false, 0) => digits,
        (false, more) => format!("{digits} +{more}"),
    };
    Row { offset, bytes, what: what.to_owned(), value }
}
