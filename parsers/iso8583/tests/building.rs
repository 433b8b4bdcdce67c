//! Building messages: what is refused, hex and bytes, third bitmaps, setting again and taking out.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{BuildCause, Dialect, FieldValue, Message, MessageBuilder, ValueCause};
use payment_types::Mti;
use std::sync::Arc;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|c| !c.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn bcd() -> Arc<Dialect> {
    Dialect::shipped("iso87-bcd").unwrap()
}

/// iso87-bcd with some lines more in `[elements]`.
fn with(lines: &str) -> Dialect {
    let toml = format!("base = \"iso87-bcd\"\nname = \"test\"\n{lines}");
    Dialect::from_toml(&toml, "test").unwrap_or_else(|errors| panic!("{errors}"))
}

fn mti(text: &str) -> Mti {
    Mti::parse(text).unwrap()
}

#[test]
fn refuses_values_that_do_not_fit() {
    let dialect = bcd();
    let mut builder = MessageBuilder::new(&dialect, mti("0200"));
    let mut cause =
        |de, value: &[u8]| builder.set_text(de, value).map(|_| ()).map_err(|error| error.cause);
    assert_eq!(cause(3, b"1234567"), Err(BuildCause::TooLong));
    assert_eq!(cause(3, b"12345A"), Err(BuildCause::BadDigit));
    assert_eq!(cause(2, b"12345678901234567890"), Err(BuildCause::TooLong));
    assert_eq!(cause(35, b"1234:5"), Err(BuildCause::BadDigit));
    assert_eq!(cause(41, b"123456789"), Err(BuildCause::TooLong));
    assert_eq!(cause(41, b"1234\x00678"), Err(BuildCause::BadCharacter));
    assert_eq!(cause(48, "терминал".as_bytes()), Err(BuildCause::BadCharacter));
    assert_eq!(cause(28, b"X12345678"), Err(BuildCause::BadSign));
    assert_eq!(cause(28, b""), Err(BuildCause::TooShort));
    assert_eq!(cause(52, b"12"), Err(BuildCause::TooShort));
    assert_eq!(cause(52, b"123"), Err(BuildCause::BadHex));
    for nothing in [0, 1, 129, 192, 193, 255] {
        assert_eq!(cause(nothing, b"1"), Err(BuildCause::UnknownElement), "{nothing}");
    }
    let error = |result: Result<&mut MessageBuilder<'_>, iso8583::BuildError>| {
        result.map(|_| ()).map_err(|error| error.cause)
    };
    assert_eq!(error(builder.set_number(3, 1_000_000)), Err(BuildCause::TooLong));
    assert_eq!(error(builder.set_number(52, 1)), Err(BuildCause::BadDigit));
    assert_eq!(error(builder.set_binary(52, &[0; 9])), Err(BuildCause::TooLong));
    assert_eq!(error(builder.set_binary(3, &[0; 3])), Err(BuildCause::NotBinary));
    let mut out = Vec::new();
    assert_eq!(builder.write(&mut out), Ok(10));
    assert_eq!(out, hex("0200 0000000000000000"), "nothing of it stays behind");
}

#[test]
fn hex_text_is_binary_too() {
    let ascii = Dialect::shipped("iso87-ascii").unwrap();
    let mut builder = MessageBuilder::new(&ascii, mti("0200"));
    let icc = hex("9F2608AABBCCDDEEFF0011");
    builder.set_binary(55, &icc).unwrap().set_binary(52, &icc[..8]).unwrap();
    let mut out = Vec::new();
    builder.write(&mut out).unwrap();
    let message = Message::parse(&ascii, &out).unwrap();
    let mut scratch = [0; 64];
    assert_eq!(message.binary(55, &mut scratch), Some(Ok(icc.as_slice())));
    assert_eq!(message.binary(52, &mut scratch), Some(Ok(&icc[..8])));
    assert_eq!(message.raw(55), Some(b"9F2608AABBCCDDEEFF0011".as_slice()));

    // The same into a dialect that carries it as bytes, and back.
    let packed = bcd();
    let mut other = MessageBuilder::new(&packed, mti("0200"));
    other.copy_all(&message).unwrap();
    let mut bytes = Vec::new();
    other.write(&mut bytes).unwrap();
    let read = Message::parse(&packed, &bytes).unwrap();
    let found = (read.binary(55, &mut scratch).unwrap().map(<[u8]>::to_vec), read.field(52));
    assert_eq!(found, (Ok(icc.clone()), Some(FieldValue::Binary(icc[..8].to_vec()))));
    let mut back = MessageBuilder::new(&ascii, mti("0200"));
    back.copy_all(&read).unwrap();
    let mut again = Vec::new();
    back.write(&mut again).unwrap();
    assert_eq!(again, out);

    builder.set_text(55, b"not hex").unwrap();
    out.clear();
    builder.write(&mut out).unwrap();
    let message = Message::parse(&ascii, &out).unwrap();
    let error = message.binary(55, &mut scratch).unwrap().unwrap_err();
    assert_eq!((error.element, error.cause), (55, ValueCause::NotBinary));
    let error = other.copy_all(&message).map(|_| ()).unwrap_err();
    assert_eq!((error.element, error.cause), (55, BuildCause::BadHex));
}

#[test]
fn a_third_bitmap_in_both_places() {
    for (place, head, rest) in [
        (
            "after-secondary",
            "0200 8000000000000001 8000000000000001 4000000000000001",
            "64 28 03 1300 7A7A",
        ),
        (
            "element-65",
            "0200 8000000000000001 8000000000000001",
            "64 4000000000000001 28 03 1300 7A7A",
        ),
    ] {
        let dialect = with(&format!(
            "tertiary = \"{place}\"\n[elements]\n64 = \"n2\"\n65 = false\n128 = \"n2\"\n\
             130 = \"n..9 LL\"\n192 = \"ans2\"\n"
        ));
        let mut builder = MessageBuilder::new(&dialect, mti("0200"));
        builder.set_text(192, b"zz").unwrap().set_number(64, 64).unwrap();
        builder.set_number(130, 130).unwrap().set_number(128, 28).unwrap();
        let mut out = Vec::new();
        builder.write(&mut out).unwrap();
        assert_eq!(out, [hex(head), hex(rest)].concat(), "{place}");
        let message = Message::parse(&dialect, &out).unwrap();
        assert_eq!(message.elements().collect::<Vec<_>>(), [64, 128, 130, 192]);
        assert_eq!(message.number(130), Some(Ok(130)));
        assert_eq!(message.field(192), Some(FieldValue::Text("zz".to_owned())));
        assert_eq!(message.bitmap().iter().collect::<Vec<_>>(), [64, 128]);
        let mut copy = MessageBuilder::new(&dialect, mti("0200"));
        copy.copy_all(&message).unwrap();
        let mut again = Vec::new();
        copy.write(&mut again).unwrap();
        assert_eq!(again, out, "{place}");
    }
}

#[test]
fn elements_are_set_again_taken_out_and_put_in() {
    let dialect = bcd();
    let mut first = MessageBuilder::new(&dialect, mti("0200"));
    first.set_number(3, 10_000).unwrap().set_number(4, 500).unwrap();
    first.set_text(41, b"POS00001").unwrap().set_text(48, b"abc").unwrap();
    first.set_number(70, 301).unwrap();
    let mut wire = Vec::new();
    first.write(&mut wire).unwrap();
    let message = Message::parse(&dialect, &wire).unwrap();

    let mut builder = MessageBuilder::new(&dialect, mti("0800"));
    builder.copy_all(&message).unwrap();
    let mut copy = Vec::new();
    builder.write(&mut copy).unwrap();
    assert_eq!(copy[2..], wire[2..], "a copy is the same but for the MTI");

    builder.set_number(4, 700).unwrap(); // in place
    builder.set_text(48, b"longer").unwrap(); // elsewhere
    builder.unset(41);
    builder.unset(3);
    builder.set_text(37, b"123456789012").unwrap(); // in between
    builder.set_text(128, &[b'0'; 16]).unwrap(); // behind
    builder.set_number(3, 1).unwrap(); // in front
    let mut changed = Vec::new();
    builder.write(&mut changed).unwrap();

    let mut fresh = MessageBuilder::new(&dialect, mti("0800"));
    fresh.set_number(3, 1).unwrap().set_number(4, 700).unwrap();
    fresh.set_text(37, b"123456789012").unwrap().set_text(48, b"longer").unwrap();
    fresh.set_number(70, 301).unwrap().set_text(128, &[b'0'; 16]).unwrap();
    let mut expected = Vec::new();
    fresh.write(&mut expected).unwrap();
    assert_eq!(changed, expected);
    builder.reset(mti("0800"));
    assert!(!builder.has(3));
}
