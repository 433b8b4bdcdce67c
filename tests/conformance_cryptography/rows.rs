//! Running the rows of a file, and reading their fields.

use cryptography::emv::{ChipKey, CryptogramVersion};
use cryptography::{AesKey, ClearKey, Pin, TdesKey};
use payment_types::Pan;
use serde_json::Value;
use tamga_tests::{conformance_json, list};

/// What a check says: nothing, or in what it differs.
pub(crate) type Outcome = Result<(), String>;

/// Runs every vector of a given file, which states how many it has.
pub(crate) fn given(name: &str, check: impl FnMut(&Value) -> Outcome) {
    let data = conformance_json(&format!("crypto/given/{name}.json"));
    let stated = data["count"].as_u64().expect("a count");
    let rows = list(&data, "vectors");
    assert_eq!(u64::try_from(rows.len()).expect("few"), stated, "{name}: rows and count");
    run(name, rows, &[], |row| row["id"].to_string(), check);
}

/// Runs every vector of a published file, whose number of rows is fixed here. `excepted` names
/// rows that must fail, each with the reason.
pub(crate) fn published(
    name: &str,
    count: usize,
    excepted: &[(&str, &str)],
    key: impl Fn(&Value) -> String,
    check: impl FnMut(&Value) -> Outcome,
) {
    let data = conformance_json(&format!("crypto/published/{name}.json"));
    let rows = list(&data, "vectors");
    assert_eq!(rows.len(), count, "{name}: rows");
    run(name, rows, excepted, key, check);
}

fn run(
    name: &str,
    rows: &[Value],
    excepted: &[(&str, &str)],
    key: impl Fn(&Value) -> String,
    mut check: impl FnMut(&Value) -> Outcome,
) {
    let (mut passed, mut refused, mut wrong) = (0, 0, vec![]);
    let mut used = vec![false; excepted.len()];
    for row in rows {
        let key = key(row);
        let exception = excepted.iter().position(|(named, _)| key == *named);
        match (check(row), exception) {
            (Ok(()), None) => passed += 1,
            (Err(_), Some(at)) => {
                used[at] = true;
                refused += 1;
            }
            (Ok(()), Some(at)) => wrong.push(format!("{key} passes now: {}", excepted[at].1)),
            (Err(why), None) => wrong.push(format!("{key}: {why}")),
        }
    }
    for ((named, _), used) in excepted.iter().zip(used) {
        if !used {
            wrong.push(format!("{named} is excepted and not there"));
        }
    }
    assert!(wrong.is_empty(), "{name}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(passed + refused, rows.len(), "{name}: no row is passed over");
    println!("{name}: {passed} rows pass, {refused} are excepted");
}

/// Compares bytes with the hex digits of a field.
pub(crate) fn same(row: &Value, field: &str, ours: &[u8]) -> Outcome {
    equal(field, &hex::encode_upper(ours), &text(row, field).to_uppercase())
}

/// Compares two texts.
pub(crate) fn equal(what: &str, ours: &str, theirs: &str) -> Outcome {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours} is not {theirs}")) }
}

/// Whether something is so.
pub(crate) fn holds(what: &str, so: bool) -> Outcome {
    if so { Ok(()) } else { Err(what.to_owned()) }
}

pub(crate) fn text<'v>(row: &'v Value, field: &str) -> &'v str {
    tamga_tests::text(row, field)
}

pub(crate) fn bytes(row: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(row, field)).unwrap_or_else(|error| panic!("{field}: {error} in {row}"))
}

pub(crate) fn array<const N: usize>(row: &Value, field: &str) -> [u8; N] {
    bytes(row, field).try_into().unwrap_or_else(|_| panic!("{field}: not {N} bytes in {row}"))
}

/// ASCII characters of a fixed number.
pub(crate) fn ascii<const N: usize>(row: &Value, field: &str) -> [u8; N] {
    text(row, field).as_bytes().try_into().unwrap_or_else(|_| panic!("{field} in {row}"))
}

pub(crate) fn number(row: &Value, field: &str) -> usize {
    usize::try_from(row[field].as_u64().unwrap_or_else(|| panic!("{field} in {row}"))).unwrap()
}

pub(crate) fn clear(row: &Value, field: &str) -> ClearKey {
    ClearKey::from_hex(text(row, field)).unwrap_or_else(|error| panic!("{field}: {error}"))
}

/// Of any strength: vectors use keys whose halves are equal.
pub(crate) fn tdes(row: &Value, field: &str) -> TdesKey {
    TdesKey::of_any_strength(&clear(row, field))
}

pub(crate) fn aes(row: &Value, field: &str) -> AesKey {
    AesKey::from_hex(text(row, field)).unwrap_or_else(|error| panic!("{field}: {error}"))
}

pub(crate) fn chip(row: &Value, field: &str) -> ChipKey {
    ChipKey::with_odd_parity(&array(row, field))
}

pub(crate) fn pan(row: &Value) -> Pan {
    pan_of(text(row, "pan"))
}

pub(crate) fn pan_of(digits: &str) -> Pan {
    Pan::from_ascii(digits.as_bytes()).unwrap_or_else(|error| panic!("{digits}: {error}"))
}

pub(crate) fn pin_of(digits: &str) -> Pin {
    Pin::from_ascii(digits.as_bytes()).unwrap_or_else(|error| panic!("{digits}: {error}"))
}

/// The digits of a PIN as text.
pub(crate) fn digits_of(pin: &Pin) -> String {
    let places = pin.expose_places().iter().take(usize::from(pin.expose_len()));
    places.map(|digit| char::from(digit | b'0')).collect()
}

/// The version by the name that pyemv gives it.
pub(crate) fn version(name: &str) -> CryptogramVersion {
    match name {
        "VisaCVN10" => CryptogramVersion::VisaCvn10,
        "VisaCVN18" => CryptogramVersion::VisaCvn18,
        "VisaCVN22" => CryptogramVersion::VisaCvn22,
        "MasterCardCVN16" => CryptogramVersion::MChipCvn16,
        "MasterCardCVN17" => CryptogramVersion::MChipCvn17,
        "MasterCardCVN20" => CryptogramVersion::MChipCvn20,
        "MasterCardCVN21" => CryptogramVersion::MChipCvn21,
        other => panic!("no version {other}"),
    }
}
