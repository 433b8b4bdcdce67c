//! Elements that divide: by position, by tag, by an inner bitmap; described in a file, split, joined.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{Dialect, FieldValue, Message, MessageBuilder, ParseCause, Subfield, ValueCause};
use payment_types::Mti;

const FILE: &str = r#"
base = "iso87-bcd"
name = "divided"

[elements.55.subfields]
by = "ber"
numbers = "bcd"
parts = { 9F02 = "n12", 9A = "n6", 5F20 = "ans..26" }

[elements.90.subfields]
by = "position"
parts = { 1 = "n4", 2 = "n6", 3 = "n10", 4 = "n11", 5 = "n11" }

[elements.48.subfields]
by = "tlv"
tag_digits = 3
length_digits = 3
parts = { 001 = "n6", 00A = "ans..20" }

[elements.60]
format = "b..999 LLL"
subfields = { by = "tlv", tag_digits = 2, length_digits = 4, lengths = "bcd", parts = { 37 = "an..9" } }

[elements.62]
format = "b..999 LLL"
[elements.62.subfields]
by = "bitmap"
bits = 16
[elements.62.subfields.parts]
1 = "n4"
2 = "an..9 LL"
16 = { format = "b2", name = "Last" }
"#;

fn text(id: &str, value: &str) -> Subfield {
    Subfield { id: id.to_owned(), value: FieldValue::Text(value.to_owned()) }
}

fn bytes(id: &str, value: &[u8]) -> Subfield {
    Subfield { id: id.to_owned(), value: FieldValue::Binary(value.to_owned()) }
}

fn dialect() -> Dialect {
    Dialect::from_toml(FILE, "divided.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

/// Sets the parts, reads them back, and gives the element's bytes.
fn through(de: u8, parts: &[Subfield]) -> Vec<u8> {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse("0200").unwrap());
    builder.set_subfields(de, parts).unwrap();
    let mut wire = Vec::new();
    builder.write(&mut wire).unwrap();
    let message = Message::parse(&dialect, &wire).unwrap();
    assert_eq!(message.subfields(de).unwrap().as_deref(), Ok(parts));
    message.raw(de).unwrap().to_vec()
}

#[test]
fn by_ber_tag() {
    let icc = [
        text("9F02", "000000012345"),
        bytes("9F26", &[1, 2, 3, 4, 5, 6, 7, 8]),
        text("9A", "261121"),
        bytes("DF8101", &[0xAB; 200]),
    ];
    let wire = through(55, &icc);
    assert!(wire.starts_with(&[0x9F, 0x02, 6, 0, 0, 0, 1, 0x23, 0x45, 0x9F, 0x26, 8]));
    assert_eq!(wire[25..31], [0xDF, 0x81, 0x01, 0x81, 200, 0xAB]);
}

#[test]
fn by_position() {
    let parts = [
        text("1", "0200"),
        text("2", "123456"),
        text("3", "1121143015"),
        text("4", "00000123456"),
        text("5", "00000000000"),
    ];
    assert_eq!(through(90, &parts).len(), 21);
}

#[test]
fn by_tags_of_digits() {
    assert_eq!(through(48, &[text("001", "000042"), text("00A", "x y")]), b"00100600004200A003x y");
    let packed = through(60, &[text("37", "ab"), bytes("09", &[0xFF])]);
    assert_eq!(packed, [0x37, 0, 2, b'a', b'b', 0x09, 0, 1, 0xFF]);
}

#[test]
fn by_inner_bitmap() {
    let parts = [text("1", "1234"), text("2", "xy"), bytes("16", &[7, 8])];
    assert_eq!(through(62, &parts), [0xC0, 0x01, 0x12, 0x34, 0x02, b'x', b'y', 7, 8]);
    let dialect = dialect();
    let part = dialect.element(62).and_then(|e| e.subfields()).and_then(|s| s.part("16"));
    assert_eq!(part.map(|part| part.name()), Some("Last"));
}

#[test]
fn refuses_parts_that_are_not_described() {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse("0200").unwrap());
    let mut refused = |de, parts: &[Subfield]| builder.set_subfields(de, parts).is_err();
    assert!(refused(62, &[text("3", "1")]));
    assert!(refused(62, &[text("2", "x"), text("1", "1234")]), "out of order");
    assert!(refused(62, &[text("1", "1234"), text("1", "1234")]), "twice");
    assert!(refused(90, &[text("2", "123456")]), "not in its place");
    assert!(refused(55, &[text("1F", "1")]), "not a whole tag");
    assert!(refused(48, &[bytes("12", &[1])]), "a tag of two digits");
    assert!(refused(41, &[text("1", "1")]), "not divided");

    let icc = dialect.element(55).and_then(|format| format.subfields()).unwrap();
    for (wire, cause) in [
        (&[0x9F][..], ParseCause::Truncated),
        (&[0x9A, 3, 1], ParseCause::Truncated),
        (&[0x9A, 0x80, 0, 0], ParseCause::BadLength),
        (&[0x9A, 2, 0x26, 0x11], ParseCause::TooShort),
        (&[0x9A, 3, 0x26, 0x1F, 0x21], ParseCause::BadDigit),
    ] {
        assert_eq!(icc.split(wire), Err(cause), "{wire:02x?}");
    }
    let wire = [0x02, 0x00, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let message = Message::parse(&dialect, &wire).unwrap();
    let error = message.subfields(3).unwrap().unwrap_err();
    assert_eq!(error.cause, ValueCause::NoSubfields);
}
