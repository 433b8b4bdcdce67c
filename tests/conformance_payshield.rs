//! The host commands of a payment HSM, byte for byte as another client's test suite has them: what
//! our encoder writes, what our parser reads, and every row that does not apply with its reason.

#![allow(clippy::expect_used)]

use security::payshield::{Command, Field, Values, frame};
use serde_json::Value;
use std::collections::BTreeMap;
use tamga_tests::{conformance_json, list, text};

/// Rows that say nothing about a command's bytes, and why.
const NOT_FOR_US: &[(&str, &str)] = &[
    ("notImplementedEncode/0", "that codec's answer to a method name it does not know"),
    (
        "translateAccountNumberEncode/0",
        "that codec was given accounts of 16 digits and cut the message off in the second one",
    ),
    (
        "translateKeyLmkLmkDecode/0",
        "that codec takes a key's last digits for its check value, of which there is none",
    ),
    ("encryptDataBlockEncode/2", "states 8 for 16 characters of data; the others state characters"),
    ("decryptDataBlockEncode/3", "states 8 for 16 characters of data; the others state characters"),
    (
        "translateDataBlockEncode/1",
        "states 8 for 16 characters of data; the others state characters",
    ),
    ("generateRsaSignatureEncode/1", "an RSA key block and a master key's number; no RSA here"),
    ("generateRsaKeyPairDecode/0", "that codec's turning of a DER key into PEM; no RSA here"),
    ("generateRsaKeyPairDecode/1", "that codec's turning of a DER key into PEM; no RSA here"),
];

/// The command behind each name of the vectors' methods.
const METHODS: &[(&str, &str)] = &[
    ("echo", "B2"),
    ("generateKey", "A0"),
    ("formKeyFromComponents", "A4"),
    ("importKey", "A6"),
    ("exportKey", "A8"),
    ("generateOffsetIbm", "BK"),
    ("translatePinLmkLmk", "BG"),
    ("translateKeyLmkLmk", "BW"),
    ("eraseKeyChangeStorage", "BS"),
    ("generateKeyCheckValue", "BU"),
    ("translatePinTpkZpkBdk", "CA"),
    ("translatePinZpkLmk", "JE"),
    ("translatePinTpkLmk", "JC"),
    ("translatePinLmkZpk", "JG"),
    ("translatePinZpkZpk", "CC"),
    ("translatePinBdkBdkZpk", "G0"),
    ("generateCvv", "CW"),
    ("verifyCvv", "CY"),
    ("verifyTermPinIbm", "DA"),
    ("generateOffsetIbmLmk", "DE"),
    ("generatePvvLmk", "DG"),
    ("derivePinIbm", "EE"),
    ("hashDataBlock", "GM"),
    ("generateArqc3", "KQ"),
    ("generateArqc4", "KW"),
    ("translateDtab", "LO"),
    ("encryptDataBlock", "M0"),
    ("decryptDataBlock", "M2"),
    ("translateDataBlock", "M4"),
    ("generateMac", "M6"),
    ("verifyMac", "M8"),
    ("printFormat", "PA"),
    ("printPin", "PE"),
    ("printPinEnd", "PE"),
    ("translateAccountNumber", "QK"),
    ("printTmkMailer", "TA"),
    ("printTmkMailerEnd", "TA"),
    ("generatePvv", "FW"),
    ("verifyTermPinPvv", "DC"),
    ("verifyPinGeneratePvv", "CU"),
    ("verifyPinGenerateOffset", "DU"),
    ("verifyInterPinIbm", "EA"),
    ("verifyInterPinPvv", "EC"),
    ("verifyOffsetIbmDukpt", "GO"),
    ("verifyPvvDukpt", "GQ"),
    ("generateVerifyMacDukpt", "GW"),
    ("generateRandomPin", "JA"),
    ("generateRsaKeyPair", "EI"),
    ("generateRsaSignature", "EW"),
];

/// Commands whose counted data are bytes, given in hex; the others' are text.
const OF_BYTES: &[&str] = &["KQ", "KW", "GM", "GN", "GW", "GO", "GQ", "EW"];

fn command(row: &str) -> &'static Command {
    let method = row.split('/').next().unwrap_or_default();
    let method = method.strip_suffix("Encode").or(method.strip_suffix("Decode")).expect("a name");
    let (_, code) = METHODS.iter().find(|(name, _)| *name == method).expect(row);
    Command::by_code(code.as_bytes()).expect(row)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// All plain fields of a layout, with those of its groups.
fn plain(fields: &'static [Field]) -> Vec<Field> {
    let mut all = vec![];
    for field in fields {
        match field {
            Field::When(_, _, inner)
            | Field::ForBaseKey(_, _, inner)
            | Field::IfGiven(_, inner)
            | Field::Marked(_, inner)
            | Field::IfDigit(inner)
            | Field::IfMore(inner) => all.extend(plain(inner)),
            plain => all.push(*plain),
        }
    }
    all
}

fn names(field: &Field) -> Vec<&'static str> {
    match field {
        Field::Ksn(descriptor, ksn) => vec![descriptor, ksn],
        Field::Text(name, _)
        | Field::Number(name, _)
        | Field::Hex(name, _)
        | Field::Bytes(name, _)
        | Field::Key(name)
        | Field::OptionalKey(name)
        | Field::Keys(name, _)
        | Field::Digits(name)
        | Field::LmkPin(name)
        | Field::Counted(name, _)
        | Field::Delimiter(name, _)
        | Field::Rest(name) => vec![name],
        _ => vec![],
    }
}

fn holds_bytes(command: &Command, field: &Field) -> bool {
    match field {
        Field::Bytes(..) => true,
        Field::Counted(..) => OF_BYTES.contains(&command.code),
        Field::Rest(name) => matches!(*name, "hash" | "private_key"),
        _ => false,
    }
}

fn bytes(value: &Value, is_hex: bool) -> Vec<u8> {
    let text = match value {
        Value::Object(fields) => fields["hex"].as_str().expect("hex").to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if is_hex { hex::decode(text).expect("hex") } else { text.into_bytes() }
}

/// The row's values under our names. What that codec does to them on the way is done here.
fn request_values(command: &'static Command, row: &Value) -> Values {
    let given: BTreeMap<String, &Value> = row
        .as_object()
        .expect("an object")
        .iter()
        .filter(|(_, value)| value.as_str() != Some(""))
        .map(|(name, value)| (snake_case(name), value))
        .collect();
    let mut values = Values::new();
    for field in plain(command.request) {
        for name in names(&field) {
            if let Some(value) = given.get(name) {
                values.set(name, &bytes(value, holds_bytes(command, &field)));
            }
        }
    }
    match command.code {
        // It writes an echo in capitals, and ends what is to be printed by itself.
        "B2" => values.set("data", &values.get("data").expect("data").to_ascii_uppercase()),
        "PE" => values
            .set("print_fields", &[values.get("print_fields").expect("fields"), b"~"].concat()),
        _ => {}
    }
    values
}

fn wire(value: &Value) -> Vec<u8> {
    let hex = value.as_str().unwrap_or_else(|| text(value, "hex"));
    hex::decode(hex).expect("hex")
}

fn encode_row(row: &str, request: &Value, expected: &[u8]) {
    let command = command(row);
    let mut message = vec![];
    let values = request_values(command, request);
    command.write_request(&values, &mut message).unwrap_or_else(|error| panic!("{row}: {error}"));
    let header = &expected[..4];
    let framed = frame::encode(header, &message).expect(row);
    assert_eq!(hex::encode(&framed[2..]), hex::encode(expected), "{row}");
    assert_eq!(usize::from(framed[0]) << 8 | usize::from(framed[1]), expected.len(), "{row}");

    // The other side reads it and would write the same.
    let parts = frame::split(expected, 4).expect(row);
    assert_eq!((parts.header, parts.code), (header, command.code.as_bytes()), "{row}");
    let read = command.read_request(parts.fields).unwrap_or_else(|error| panic!("{row}: {error}"));
    let mut again = vec![];
    command.write_request(&read, &mut again).unwrap_or_else(|error| panic!("{row}: {error}"));
    assert_eq!(hex::encode(again), hex::encode(message), "{row}");
    for (name, value) in values.iter() {
        let read = read.get(name).unwrap_or_else(|| panic!("{row}: {name} was not read"));
        let number = read.iter().skip_while(|b| **b == b'0').collect::<Vec<_>>();
        let is_same = read.eq_ignore_ascii_case(value)
            || number == value.iter().skip_while(|b| **b == b'0').collect::<Vec<_>>();
        assert!(is_same, "{row}: {name}");
    }
}

fn decode_row(row: &str, message: &[u8], expected: &Value) {
    let frame::Parts { code, fields, .. } = frame::split(message, 4).expect(row);
    if expected.as_str() == Some("payshield.unknownResponseCode") {
        assert!(Command::by_answer(code).is_none(), "{row}");
        return;
    }
    let command = command(row);
    assert!(std::ptr::eq(Command::by_answer(code).expect(row), command), "{row}");
    let read = command.read_response(fields);
    let expected = match expected {
        Value::String(refusal) if refusal.starts_with("payshield.unableMatching") => {
            assert!(read.is_err(), "{row}");
            return;
        }
        expected => expected,
    };
    let read = read.unwrap_or_else(|error| panic!("{row}: {error}"));
    if let Some(refusal) = expected.as_str() {
        let code = refusal.rsplit('.').next().expect("a code");
        assert_eq!((read.is_success, read.result.as_str()), (false, code), "{row}");
        return;
    }
    assert!(read.is_success, "{row}");
    let empty = serde_json::Map::new();
    for (name, value) in expected.as_object().unwrap_or(&empty) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let field = |name: &str| {
            let is_hex = plain(command.response)
                .iter()
                .any(|field| names(field).contains(&name) && holds_bytes(command, field));
            let value = read.values.get(name).unwrap_or_else(|| panic!("{row}: no {name}"));
            if is_hex { hex::encode(value) } else { String::from_utf8_lossy(value).into_owned() }
        };
        let ours = match name.as_str() {
            "errorCode" => read.result.as_str().to_owned(),
            // Without the question's mode nobody can tell a MAC from the value to go on with.
            "iv" => field("mac"),
            "messageLength" => field(if command.code == "M0" { "encrypted" } else { "decrypted" })
                .len()
                .to_string(),
            "messageDataLength" => field("encrypted").len().to_string(),
            "signatureLength" => format!("{:04}", field("signature").len() / 2),
            name => field(&snake_case(name)),
        };
        assert!(ours.eq_ignore_ascii_case(&value), "{row}: {name} is {ours}, not {value}");
    }
}

#[test]
fn every_row_is_ours_or_listed() {
    let data = conformance_json("crypto/published/payshield_host_commands.json");
    let (mut encoded, mut decoded, mut listed) = (0, 0, 0);
    for vector in list(&data, "vectors") {
        let row = text(vector, "name");
        if NOT_FOR_US.iter().any(|(name, _)| *name == row) {
            listed += 1;
        } else if text(vector, "direction") == "encode" {
            encode_row(row, &vector["request"], &wire(&vector["response"]));
            encoded += 1;
        } else {
            decode_row(row, &wire(&vector["request"]), &vector["response"]);
            decoded += 1;
        }
    }
    assert_eq!((encoded, decoded, listed), (ENCODED, DECODED, NOT_FOR_US.len()));
    assert_eq!(encoded + decoded + listed, 341);
}

const ENCODED: usize = 117;
const DECODED: usize = 215;

#[test]
fn a_key_keeps_its_last_digits() {
    let data = conformance_json("crypto/published/payshield_host_commands.json");
    let row = list(&data, "vectors").iter().find(|v| v["name"] == "translateKeyLmkLmkDecode/0");
    let message = wire(&row.expect("the row")["request"]);
    let parts = frame::split(&message, 4).expect("a message");
    let read = Command::by_answer(parts.code).expect("BW").read_response(parts.fields);
    let values = read.expect("an answer").values;
    assert_eq!(values.text("key"), "U50264D103DE27A54770944AFEAA9CEEF");
    assert_eq!(values.get("key_check_value"), None);
}

#[test]
fn a_message_cut_anywhere_is_refused_and_never_panics() {
    let data = conformance_json("crypto/published/payshield_host_commands.json");
    let (mut cut, mut whole) = (0, 0);
    for vector in list(&data, "vectors") {
        let row = text(vector, "name");
        let encode = text(vector, "direction") == "encode";
        if row.starts_with("notImplemented") {
            continue;
        }
        let message = wire(&vector[if encode { "response" } else { "request" }]);
        for length in 0..message.len() {
            let Ok(parts) = frame::split(&message[..length], 4) else { continue };
            let frame::Parts { code, fields, .. } = parts;
            cut += 1;
            if encode && let Some(command) = Command::by_code(code) {
                whole += usize::from(command.read_request(fields).is_ok());
            } else if let Some(command) = Command::by_answer(code) {
                whole += usize::from(command.read_response(fields).is_ok());
            }
        }
    }
    // Some shorter messages are whole ones: what a message ends with may be optional, or all that
    // is left of it.
    assert!(cut > 15_000 && whole * 4 < cut, "{whole} of {cut} are read");
}
