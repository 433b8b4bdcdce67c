//! What a message must be: accepted and refused, format by format, and reading and building values.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{
    Dialect, FieldValue, Message, MessageBuilder, ParseCause, ValueCause, parse_lenient, peek_mti,
};
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

/// The cause and element of the first error.
fn refused(dialect: &Dialect, wire: &str) -> (u8, usize, ParseCause) {
    let wire = hex(wire);
    let error = Message::parse(dialect, &wire).unwrap_err();
    assert_eq!(parse_lenient(dialect, &wire).1, Some(error));
    (error.element, error.offset, error.cause)
}

/// A message with one element as on the wire.
fn one(dialect: &Dialect, de: u8, wire: &str) -> Result<FieldValue, ParseCause> {
    let mut bytes = hex("0200");
    let mut map = [0_u8; 16];
    map[usize::from(de - 1) / 8] |= 0x80 >> ((de - 1) % 8);
    if de > 64 {
        map[0] |= 0x80;
    }
    bytes.extend_from_slice(if de > 64 { &map } else { &map[..8] });
    bytes.extend(hex(wire));
    let message = Message::parse(dialect, &bytes).map_err(|error| {
        assert!(error.element == de || error.cause == ParseCause::TrailingBytes, "{error}");
        error.cause
    })?;
    let mut builder = MessageBuilder::new(dialect, message.mti());
    let value = message.field(de).unwrap();
    builder.set_field(de, &value).unwrap();
    let mut built = Vec::new();
    builder.write(&mut built).unwrap();
    assert_eq!(Message::parse(dialect, &built).unwrap().field(de), Some(value.clone()));
    Ok(value)
}

fn text(value: &str) -> Result<FieldValue, ParseCause> {
    Ok(FieldValue::Text(value.to_owned()))
}

fn binary(value: &str) -> Result<FieldValue, ParseCause> {
    Ok(FieldValue::Binary(hex(value)))
}

#[test]
fn accepts_a_purchase_and_reads_it() {
    let dialect = bcd();
    let wire = hex(concat!(
        "0200 7024048020C00000 16 9417000000000009 010000 000000012345 000123 2912 0051 00",
        "37 9417000000000009D291220100000123456780",
        "504F533030303031 414243 202020202020202020202020",
    ));
    let message = Message::parse(&dialect, &wire).unwrap();
    let mut scratch = [0; 64];
    assert_eq!(message.mti(), mti("0200"));
    assert_eq!(message.number(4), Some(Ok(12_345)));
    assert_eq!(message.number(22), Some(Ok(51)));
    assert_eq!(message.text(22, &mut scratch), Some(Ok(b"051".as_slice())));
    assert_eq!(message.text(2, &mut scratch), Some(Ok(b"9417000000000009".as_slice())));
    let track2 = b"9417000000000009=29122010000012345678".as_slice();
    assert_eq!(message.text(35, &mut scratch), Some(Ok(track2)));
    assert_eq!(message.text(42, &mut scratch), Some(Ok(b"ABC".as_slice())));
    assert_eq!(message.field(42), Some(FieldValue::Text("ABC            ".to_owned())));
    assert_eq!(message.text(5, &mut scratch), None);
    assert_eq!(
        message.text(2, &mut [0; 4]).unwrap().unwrap_err().cause,
        ValueCause::ScratchTooSmall
    );
    assert_eq!(message.number(42).unwrap().unwrap_err().cause, ValueCause::NotNumeric);
    assert_eq!(message.number(2), Some(Ok(9_417_000_000_000_009)));
    assert!(!format!("{message:?} {:?}", message.field(2)).contains("9417"));
}

#[test]
fn refuses_a_broken_head() {
    let dialect = bcd();
    assert_eq!(refused(&dialect, ""), (0, 0, ParseCause::Truncated));
    assert_eq!(refused(&dialect, "02"), (0, 0, ParseCause::Truncated));
    assert_eq!(refused(&dialect, "02A0 2000000000000000"), (0, 0, ParseCause::BadMti));
    assert_eq!(refused(&dialect, "0200 20000000000000"), (1, 2, ParseCause::Truncated));
    assert_eq!(refused(&dialect, "0200 A000000000000000 00"), (1, 10, ParseCause::Truncated));
    let ascii = Dialect::shipped("iso87-ascii").unwrap();
    let bad = Message::parse(&ascii, b"020020000000000000G0000000").unwrap_err();
    assert_eq!((bad.element, bad.cause), (1, ParseCause::BadBitmap));
    assert_eq!(peek_mti(&dialect, &hex("0200")), Some(mti("0200")));
    assert_eq!(peek_mti(&dialect, &hex("0F00")), None);
}

#[test]
fn refuses_broken_elements_and_says_where() {
    let dialect = bcd();
    assert_eq!(refused(&dialect, "0200 2000000000000000 0000"), (3, 10, ParseCause::Truncated));
    assert_eq!(refused(&dialect, "0200 2000000000000000 00000A"), (3, 10, ParseCause::BadDigit));
    let trailing = refused(&dialect, "0200 2000000000000000 00000000");
    assert_eq!(trailing, (0, 13, ParseCause::TrailingBytes));
    let after =
        refused(&dialect, "0200 3000000000000000 000000 00000000123G".replace('G', "A").as_str());
    assert_eq!(after, (4, 13, ParseCause::BadDigit));
    let no_63 = with("[elements]\n63 = false\n");
    assert_eq!(refused(&no_63, "0200 0000000000000002 00"), (63, 10, ParseCause::UnknownElement));
    let long = vec![0; 70_000];
    assert_eq!(Message::parse(&dialect, &long).unwrap_err().cause, ParseCause::MessageTooLong);
}

#[test]
fn keeps_the_elements_before_a_broken_one() {
    let dialect = bcd();
    let wire = hex("0200 3020000000800000 010000 000000012345 00012F 504F533030303031");
    let (message, error) = parse_lenient(&dialect, &wire);
    let message = message.unwrap();
    assert_eq!(error.unwrap().to_string(), "element 11 at offset 19: not a digit");
    assert_eq!(message.bitmap().iter().collect::<Vec<_>>(), [3, 4]);
    assert_eq!(message.number(4), Some(Ok(12_345)));
    assert_eq!(message.number(11), None);
    let mut builder = MessageBuilder::new(&dialect, mti("0210"));
    builder.copy_all(&message).unwrap().set_text(39, b"30").unwrap();
    let mut answer = Vec::new();
    builder.write(&mut answer).unwrap();
    assert_eq!(answer, hex("0210 3000000002000000 010000 000000012345 3330"));
}

#[test]
fn packed_digits() {
    let dialect = bcd();
    assert_eq!(one(&dialect, 22, "0051"), text("051"));
    assert_eq!(one(&dialect, 22, "1051"), Err(ParseCause::BadPadding));
    assert_eq!(one(&dialect, 22, "F051"), Err(ParseCause::BadPadding));
    assert_eq!(one(&dialect, 22, "005B"), Err(ParseCause::BadDigit));
    assert_eq!(one(&dialect, 32, "03 1230"), text("123"));
    assert_eq!(one(&dialect, 32, "03 123F"), text("123"), "devices fill with either");
    assert_eq!(one(&dialect, 32, "03 1235"), Err(ParseCause::BadPadding));
    assert_eq!(one(&dialect, 32, "00"), text(""));
    assert_eq!(one(&dialect, 32, "12 123456789012"), Err(ParseCause::TooLong));
    assert_eq!(one(&dialect, 32, "1A 1234"), Err(ParseCause::BadLength));
    assert_eq!(one(&dialect, 32, "04 12"), Err(ParseCause::Truncated));
    assert_eq!(one(&dialect, 35, "05 12D340"), text("12=34"));
    assert_eq!(one(&dialect, 35, "04 12E3"), Err(ParseCause::BadDigit));
    assert_eq!(one(&dialect, 28, "43 00000123"), text("C00000123"));
    assert_eq!(one(&dialect, 28, "45 00000123"), Err(ParseCause::BadSign));
    assert_eq!(one(&dialect, 28, "43 0000012A"), Err(ParseCause::BadDigit));
    let long = "020012345611211430150000012345600000000000";
    assert_eq!(one(&dialect, 90, long), text(long));
}

#[test]
fn text_keeps_to_its_alphabet() {
    let dialect = with("[elements]\n38 = \"an6\"\n44 = \"a..25 LL\"\n");
    assert_eq!(one(&dialect, 38, "414231322020"), text("AB12  "), "padding is always allowed");
    assert_eq!(one(&dialect, 38, "41423132202D"), Err(ParseCause::BadCharacter));
    assert_eq!(one(&dialect, 44, "02 4142"), text("AB"));
    assert_eq!(one(&dialect, 44, "02 4120"), Err(ParseCause::BadCharacter));
    for bad in ["00", "1F", "7F", "80", "FF"] {
        let wire = format!("504F5330{bad}303031");
        assert_eq!(one(&dialect, 41, &wire), Err(ParseCause::BadCharacter), "{bad}");
    }
}

#[test]
fn lengths_count_what_the_file_says() {
    let dialect = with("[elements]
         44 = { format = \"n..20 LL\", counts = \"bytes\", fill = \"F\" }
         46 = { format = \"b..20 LLL\", counts = \"nibbles\", lengths = \"binary\" }
         47 = { format = \"b..20 LL\", coding = \"hex\", counts = \"characters\", lengths = \"ascii\" }
         48 = { format = \"b..20 LLLL\", coding = \"hex\", lengths = \"ebcdic\" }
         60 = { format = \"ans..20 LL\", counts = \"nibbles\" }
         61 = { format = \"n..20 LLL\", coding = \"ebcdic\", lengths = \"ebcdic\" }
         62 = { format = \"ans..9 L\", coding = \"ebcdic\", lengths = \"ascii\" }\n");
    assert_eq!(one(&dialect, 44, "02 123F"), text("123"));
    assert_eq!(one(&dialect, 44, "02 1234"), text("1234"));
    assert_eq!(one(&dialect, 46, "0004 ABCD"), binary("ABCD"));
    assert_eq!(one(&dialect, 46, "0003 ABCD"), Err(ParseCause::BadLength));
    assert_eq!(one(&dialect, 47, "3034 41423132"), binary("AB12"));
    assert_eq!(one(&dialect, 47, "3034 41423147"), Err(ParseCause::BadHex));
    assert_eq!(one(&dialect, 48, "F0F0F0F2 41423132"), binary("AB12"));
    assert_eq!(one(&dialect, 60, "04 4142"), text("AB"));
    assert_eq!(one(&dialect, 61, "F0F0F2 F1F2"), text("12"));
    assert_eq!(one(&dialect, 61, "F0F0F2 F1C2"), Err(ParseCause::BadDigit));
    assert_eq!(one(&dialect, 62, "33 C1C240"), text("AB "));
}

#[test]
fn padding_is_what_the_file_says() {
    let dialect = with(
        "[elements]
         3 = { format = \"n8\", justify = \"left\", pad = \"F\" }
         5 = { format = \"n8\", justify = \"right\", pad = \"F\" }
         6 = { format = \"n6\", coding = \"ascii\", pad = \"space\" }
         38 = { format = \"ans6\", justify = \"right\" }
         43 = { format = \"an6\", justify = \"right\", pad = \"0\" }
         66 = { format = \"n3\", odd = \"right\", fill = \"F\" }\n",
    );
    assert_eq!(one(&dialect, 3, "12345FFF"), text("12345"));
    assert_eq!(one(&dialect, 3, "1F345FFF"), Err(ParseCause::BadDigit));
    assert_eq!(one(&dialect, 5, "FFF12345"), text("12345"));
    assert_eq!(one(&dialect, 6, "202020313233"), text("123"));
    assert_eq!(one(&dialect, 66, "123F"), text("123"));
    assert_eq!(one(&dialect, 66, "1230"), Err(ParseCause::BadPadding));
    let mut builder = MessageBuilder::new(&dialect, mti("0200"));
    builder.set_text(3, b"12345").unwrap().set_number(5, 7).unwrap().set_number(6, 42).unwrap();
    builder.set_text(38, b"X").unwrap().set_text(43, b"7").unwrap().set_number(66, 5).unwrap();
    let mut out = Vec::new();
    builder.write(&mut out).unwrap();
    let message = Message::parse(&dialect, &out).unwrap();
    let mut scratch = [0; 16];
    let mut read = |de| message.text(de, &mut scratch).unwrap().unwrap().to_vec();
    assert_eq!((read(3), read(38), read(43)), (b"12345".into(), b"X".into(), b"000007".into()));
    assert_eq!(message.raw(5), Some(hex("FFFFFFF7").as_slice()));
    assert_eq!(message.raw(6), Some(b"    42".as_slice()));
    assert_eq!((message.number(6), message.number(5)), (Some(Ok(42)), Some(Ok(7))));
    assert_eq!(message.raw(66), Some(hex("005F").as_slice()));
}
