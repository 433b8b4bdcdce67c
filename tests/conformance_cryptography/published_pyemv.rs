//! Published: what pyemv's own tests expect of it, most of them checked on an HSM by its author.

use crate::published_pyemv_cvn::by_version;
use crate::rows::{
    Outcome, array, bytes, chip, equal, number, pin_of, published, same, tdes, text,
};
use cryptography::emv::{self, CryptogramVersion, Derivation};
use cryptography::{Padding, card_value, cipher, mac};
use payment_types::Pan;
use serde_json::Value;

const TLV: &str = "BER-TLV is not cryptography: the `emv` crate has its own vectors";

#[test]
fn pyemv() {
    let key = |row: &Value| {
        let function = text(row, "fn");
        if function.starts_with("tlv.") {
            function.to_owned()
        } else {
            text(row, "test").to_owned()
        }
    };
    // 37 rows of decoding and 24 of encoding.
    let excepted = [("tlv.decode", TLV), ("tlv.encode", TLV)];
    published("pyemv_tests", 462, &excepted, key, |row| {
        let (function, given) = (text(row, "fn"), &row["in"]);
        match function.split_once('.').unwrap() {
            ("kd", name) => derivation(name, given, row),
            ("ac", name) => cryptogram(name, given, row),
            ("mac", name) => macs(name, given, row),
            ("sm", name) => secure_messaging(name, given, row),
            ("cvv", "generate_cvc3") => cvc3(given, row),
            ("cvn", name) => by_version(name, row),
            _ => Err(format!("{function} is not offered")),
        }
    });
}

/// Text that pyemv was given as bytes was recorded in hex: `3939` is `99`.
pub(crate) fn characters(field: &Value, longest: usize) -> Option<String> {
    let given = field.as_str()?;
    let ascii = given.len().is_multiple_of(2)
        && given.bytes().step_by(2).all(|digit| digit == b'3')
        && (given.len() > longest || given.len() / 2 >= longest.min(4));
    if !ascii {
        return Some(given.to_owned());
    }
    Some(given.bytes().skip(1).step_by(2).map(char::from).collect())
}

pub(crate) fn pan(given: &Value) -> Pan {
    let digits = characters(&given["pan"], 19).unwrap();
    Pan::from_ascii(digits.as_bytes()).unwrap()
}

pub(crate) fn psn(given: &Value) -> u8 {
    characters(&given["psn"], 2).map_or(0, |digits| digits.parse().unwrap())
}

fn derivation(name: &str, given: &Value, row: &Value) -> Outcome {
    let made = match name {
        "derive_icc_mk_a" => {
            emv::master_key(&tdes(given, "iss_mk"), Derivation::A, &pan(given), psn(given))
        }
        "derive_icc_mk_b" => {
            emv::master_key(&tdes(given, "iss_mk"), Derivation::B, &pan(given), psn(given))
        }
        "derive_common_sk" => emv::common_session_key(&chip(given, "icc_mk"), array(given, "r")),
        "derive_visa_sm_sk" => {
            emv::visa_script_key(&chip(given, "icc_mk"), u16::from_be_bytes(array(given, "atc")))
        }
        "derive_emv2000_tree_sk" => {
            let height = u32::try_from(number(given, "height")).unwrap();
            let branching = u16::try_from(number(given, "branch_factor")).unwrap();
            let atc = u16::from_be_bytes(array(given, "atc"));
            let initial = array(given, "iv");
            emv::tree_session_key(&chip(given, "icc_mk"), atc, height, branching, initial)
        }
        other => return Err(format!("{other} is not offered")),
    };
    same(row, "out", made.expose())
}

fn cryptogram(name: &str, given: &Value, row: &Value) -> Outcome {
    let key = tdes(given, "sk_ac");
    match name {
        "generate_ac" => {
            let padding = match given["padding_type"].as_str() {
                Some("VISA") => Padding::One,
                Some("EMV") | None => Padding::Two,
                Some(other) => return Err(format!("padding {other}")),
            };
            let made = emv::application_cryptogram(&key, padding, &bytes(given, "data"));
            same(row, "out", &made[..text(row, "out").len() / 2])
        }
        "generate_arpc_1" => {
            let made = emv::arpc_method_1(&key, array(given, "arqc"), array(given, "arpc_rc"));
            same(row, "out", &made)
        }
        "generate_arpc_2" => {
            let own = given["prop_auth_data"].as_str().unwrap_or_default();
            let own = hex::decode(own).unwrap();
            let made = emv::arpc_method_2(&key, array(given, "arqc"), array(given, "csu"), &own);
            same(row, "out", &made.unwrap())
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn macs(name: &str, given: &Value, row: &Value) -> Outcome {
    let data = bytes(given, "data");
    let padding = |number: usize| if number == 1 { Padding::One } else { Padding::Two };
    match name {
        "mac_iso9797_3" => {
            let both = [bytes(given, "key1"), bytes(given, "key2")].concat();
            let key = cryptography::ClearKey::from_bytes(&both).unwrap();
            let key = cryptography::TdesKey::of_any_strength(&key);
            same(row, "out", &mac::algorithm_3(&key, padding(number(given, "padding")), &data))
        }
        "pad_iso9797_1" | "pad_iso9797_2" => {
            let method = if name.ends_with('1') { Padding::One } else { Padding::Two };
            let block = given["block_size"].as_u64().unwrap_or(8);
            same(row, "out", &mac::padded(method, &data, usize::try_from(block).unwrap()))
        }
        other => Err(format!("{other} is not offered")),
    }
}

/// Functions that take a session key of their own: the versions' rows cover the same with the
/// derivation before it.
fn secure_messaging(name: &str, given: &Value, row: &Value) -> Outcome {
    match name {
        "generate_command_mac" => {
            let made =
                mac::algorithm_3(&tdes(given, "sk_smi"), Padding::Two, &bytes(given, "command"));
            same(row, "out", &made[..text(row, "out").len() / 2])
        }
        "encrypt_command_data" => {
            let (key, data) = (tdes(given, "sk_smc"), bytes(given, "command_data"));
            let made = match text(given, "encryption_type") {
                "VISA" => {
                    let len = u8::try_from(data.len()).unwrap();
                    let whole = [&[len], &data[..]].concat();
                    cipher::tdes_ecb_encrypt(&key, &mac::padded(Padding::Two, &whole, 8))
                }
                "MASTERCARD" => {
                    let whole = data.len().is_multiple_of(8);
                    let padding = if whole { Padding::One } else { Padding::Two };
                    cipher::tdes_cbc_encrypt(&key, [0; 8], &mac::padded(padding, &data, 8))
                }
                "EMV" => {
                    cipher::tdes_cbc_encrypt(&key, [0; 8], &mac::padded(Padding::Two, &data, 8))
                }
                other => return Err(format!("type {other}")),
            };
            same(row, "out", &made.unwrap())
        }
        "format_iso9564_2_pin_block" => {
            let pin = pin_of(&characters(&given["pin"], 12).unwrap());
            let key = emv::ChipKey::with_odd_parity(&[1; 16]);
            let made = emv::pin_block(CryptogramVersion::MChipCvn16, &key, &pin, None);
            same(row, "out", &*made.unwrap())
        }
        "format_vis_pin_block" => {
            let pin = pin_of(&characters(&given["pin"], 12).unwrap());
            let current = characters(&given["current_pin"], 12).map(|digits| pin_of(&digits));
            let key = chip(given, "icc_mk_ac");
            equal("odd", &hex::encode_upper(key.expose()), text(given, "icc_mk_ac"))?;
            let made = emv::pin_block(CryptogramVersion::VisaCvn10, &key, &pin, current.as_ref());
            same(row, "out", &*made.unwrap())
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn cvc3(given: &Value, row: &Value) -> Outcome {
    let card = chip(given, "icc_cvc3");
    let initial = card_value::ivcvc3(&card, &bytes(given, "track_template"));
    let un = u32::from_be_bytes(array(given, "un"));
    let made = card_value::cvc3(&card, initial, un, u16::from_be_bytes(array(given, "atc")));
    let digits = String::from_utf8_lossy(made.expose_digits()).into_owned();
    equal("CVC3", digits.trim_start_matches('0'), text(row, "out").trim_start_matches('0'))
}
