//! Published: what psec's own tests expect of it.

use crate::given_keys::block_keys;
use crate::rows::{
    Outcome, aes, array, ascii, bytes, clear, digits_of, equal, holds, number, pan, pin_of,
    published, same, tdes, text,
};
use cryptography::pin_block::{self, PinBlockFormat};
use cryptography::tr31::{self, Header, Version};
use cryptography::{ClearKey, MacAlgorithm, MacKey, Padding, TdesKey};
use cryptography::{card_value, cipher, ibm3624, mac, pvv};
use payment_types::Pan;
use serde_json::Value;

const VARIANT: &str = "key variants (Atalla) serve withdrawn formats only and are not offered";

/// Rows that must fail, by test.
const EXCEPTED: &[(&str, &str)] = &[
    ("tests/test_des.py::test_key_variant[0000000000000000-1-0800000000000000]", VARIANT),
    ("tests/test_des.py::test_key_variant[0000000000000000-31-F800000000000000]", VARIANT),
    (
        "tests/test_des.py::test_key_variant\
         [00000000000000010000000000000002-1-08000000000000010800000000000002]",
        VARIANT,
    ),
    (
        "tests/test_des.py::test_key_variant\
         [00000000000000010000000000000002-31-F800000000000001F800000000000002]",
        VARIANT,
    ),
    (
        "tests/test_des.py::test_key_variant\
         [000000000000000100000000000000020000000000000003-1\
         -080000000000000108000000000000020800000000000003]",
        VARIANT,
    ),
    (
        "tests/test_des.py::test_key_variant\
         [000000000000000100000000000000020000000000000003-31\
         -F800000000000001F800000000000002F800000000000003]",
        VARIANT,
    ),
    ("pan of 1 digit", "a card number has 8 digits at least (ISO/IEC 7812-1)"),
];

#[test]
fn psec() {
    let key = |row: &Value| {
        if row["in"]["pan"] == "1" {
            return "pan of 1 digit".to_owned();
        }
        text(row, "test").to_owned()
    };
    published("psec_tests", 154, EXCEPTED, key, |row| {
        let (function, given) = (text(row, "fn"), &row["in"]);
        let (module, name) = function.split_once('.').unwrap();
        match module {
            "mac" => macs(name, given, row),
            "pin" => pins(name, given, row),
            "pinblock" => pin_blocks(name, given, row),
            "tr31" => key_block(name, given, row),
            _ => others(function, given, row),
        }
    });
}

fn others(function: &str, given: &Value, row: &Value) -> Outcome {
    match function {
        "cvv.generate_cvv" => {
            let (expiry, code) = (ascii(given, "expiry"), ascii(given, "service_code"));
            let made = card_value::cvv(&tdes(given, "cvk"), &pan(given), expiry, code).unwrap();
            equal("CVV", &String::from_utf8_lossy(made.expose_digits()), text(row, "out"))
        }
        "des.encrypt_tdes_ecb" => {
            let made = cipher::tdes_ecb_encrypt(&tdes(given, "key"), &bytes(given, "data"));
            same(row, "out", &made.unwrap())
        }
        "aes.encrypt_aes_ecb" => {
            let made = cipher::aes_ecb_encrypt(&aes(given, "key"), &bytes(given, "data"));
            same(row, "out", &made.unwrap())
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn macs(name: &str, given: &Value, row: &Value) -> Outcome {
    let padding = |number: usize| match number {
        1 => Padding::One,
        2 => Padding::Two,
        _ => Padding::Three,
    };
    let data = bytes(given, "data");
    if let Some(method) = name.strip_prefix("pad_iso_") {
        let block = given["block_size"].as_u64().map_or(8, |size| usize::try_from(size).unwrap());
        return same(row, "out", &mac::padded(padding(method.parse().unwrap()), &data, block));
    }
    let padding = padding(number(given, "padding"));
    let len = text(row, "out").len() / 2;
    match name {
        "generate_retail_mac" => {
            // Both halves of theirs are keys of any length; equal parts make them single DES.
            let [first, second] = ["key1", "key2"].map(|field| bytes(given, field));
            let both = [&first[..8], &second[..8]].concat();
            let whole = [first[..8] == first[8..], second[..8] == second[8..]];
            holds("halves are single DES", whole == [true, true])?;
            let key = TdesKey::of_any_strength(&ClearKey::from_bytes(&both).unwrap());
            same(row, "out", &mac::algorithm_3(&key, padding, &data)[..len])
        }
        "generate_cbc_mac" => {
            let key = tdes(given, "key");
            let made =
                mac::mac(MacAlgorithm::Iso9797Alg1, padding, MacKey::Tdes(&key), &data).unwrap();
            same(row, "out", made.truncated(len))
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn pins(name: &str, given: &Value, row: &Value) -> Outcome {
    if name == "generate_visa_pvv" {
        let pvki = text(given, "pvki").parse().unwrap();
        let made = pvv::pvv(&tdes(given, "pvk"), pvki, &pan(given), &pin_of(text(given, "pin")));
        return equal("PVV", &String::from_utf8_lossy(&made.expose_digits()), text(row, "out"));
    }
    let table = text(given, "conversion_table").as_bytes();
    let table = ibm3624::DecimalizationTable::from_ascii(table).unwrap();
    let pad = u8::from_str_radix(text(given, "pan_pad"), 16).unwrap();
    let (from, len) = (number(given, "pan_verify_offset"), number(given, "pan_verify_length"));
    let data = ibm3624::validation_data(&pan(given), from, len, pad).unwrap();
    let natural = ibm3624::natural_pin(&tdes(given, "pvk"), &table, &data);
    match name {
        "generate_ibm3624_pin" => {
            let offset = ibm3624::Offset::from_ascii(text(given, "offset").as_bytes()).unwrap();
            equal("PIN", &digits_of(&ibm3624::pin(&natural, &offset).unwrap()), text(row, "out"))
        }
        "generate_ibm3624_offset" => {
            let offset = ibm3624::offset(&natural, &pin_of(text(given, "pin")));
            equal("offset", &String::from_utf8_lossy(&offset.expose_digits()), text(row, "out"))
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn card(given: &Value) -> Result<Pan, String> {
    let digits = given["pan"].as_str().unwrap_or("00000000");
    Pan::from_ascii(digits.as_bytes()).map_err(|error| error.to_string())
}

fn pin_blocks(name: &str, given: &Value, row: &Value) -> Outcome {
    let pan = card(given)?;
    let format = match name.chars().next_back() {
        Some('0') => PinBlockFormat::Iso0,
        Some('2') => PinBlockFormat::Iso2,
        Some('3') => PinBlockFormat::Iso3,
        Some('4') => PinBlockFormat::Iso4,
        other => return Err(format!("format {other:?}")),
    };
    let found = |(pin, good): (cryptography::Pin, subtle::Choice)| {
        equal("PIN", &digits_of(&pin), text(row, "out"))?;
        holds("well formed", bool::from(good))
    };
    match name.rsplit_once("_iso").unwrap().0 {
        "encode_pinblock" => {
            let pin = pin_of(text(given, "pin"));
            // Format 3's fill was random: it is what stands there, the card number taken away.
            let fill = fill_of(&array(row, "out"), &pin, &pan, format);
            let made = pin_block::encode(format, &pin, &pan, &fill).unwrap();
            same(row, "out", &*made)
        }
        "decode_pinblock" => found(pin_block::decode(format, &array(given, "pinblock"), &pan)),
        "encode_pin_field" => {
            let [_, _, _, _, _, _, _, _, random @ ..]: [u8; 16] = array(row, "out");
            same(row, "out", &*pin_block::pin_field_iso4(&pin_of(text(given, "pin")), random))
        }
        "encode_pan_field" => same(row, "out", &*pin_block::pan_field_iso4(&pan)),
        "decode_pin_field" => found(pin_block::decode_pin_field_iso4(&array(given, "pin_field"))),
        "encipher_pinblock" => {
            // Their random half is inside: it is found by taking the block apart.
            let (key, theirs) = (aes(given, "key"), array(row, "out"));
            let pin = pin_of(text(given, "pin"));
            let (read, good) = pin_block::decrypt_iso4(&key, &theirs, &pan);
            holds("decrypts", bool::from(good & read.ct_eq(&pin)))?;
            let bound = cipher::aes_ecb_decrypt(&key, &theirs).unwrap();
            let pan_field = pin_block::pan_field_iso4(&pan);
            let inner: Vec<u8> = bound.iter().zip(pan_field.iter()).map(|(a, b)| a ^ b).collect();
            let field = cipher::aes_ecb_decrypt(&key, &inner).unwrap();
            let random = field[8..].try_into().unwrap();
            same(row, "out", &pin_block::encrypt_iso4(&key, &pin, &pan, random))
        }
        "decipher_pinblock" => {
            let block = array(given, "pin_block");
            found(pin_block::decrypt_iso4(&aes(given, "key"), &block, &pan))
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn fill_of(block: &[u8; 8], pin: &cryptography::Pin, pan: &Pan, format: PinBlockFormat) -> Vec<u8> {
    let blank = pin_block::encode(format, pin, pan, &[0xF; 14]).unwrap();
    let nibbles = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]).collect()
    };
    let filled = nibbles(block).into_iter().zip(nibbles(&*blank)).map(|(a, b)| a ^ b ^ 0xF);
    filled.skip(2 + usize::from(pin.expose_len())).collect()
}

fn key_block(name: &str, given: &Value, row: &Value) -> Outcome {
    let keys = block_keys(given, Version::B);
    match name {
        "unwrap" => {
            let (_, key) = tr31::unwrap(&keys, text(given, "key_block")).unwrap();
            let theirs = row["out"][1].as_str().unwrap();
            equal("key", &hex::encode_upper(&*key), theirs)
        }
        "wrap" => {
            // Their padding was random: it is decrypted, and the same block made again.
            let theirs = text(row, "out");
            let header =
                Header::new(Version::B, text(given, "header").get(5..12).unwrap()).unwrap();
            let body = hex::decode(theirs.get(16..).unwrap()).unwrap();
            let (secret, mac) = body.split_at(body.len() - 8);
            let tr31::BlockKeys::B { encryption, .. } = &keys else {
                return Err("keys of version B".to_owned());
            };
            let plain =
                cipher::tdes_cbc_decrypt(encryption, mac.try_into().unwrap(), secret).unwrap();
            let key = bytes(given, "key");
            let made = tr31::wrap(&keys, &header, &key, &plain[2 + key.len()..]).unwrap();
            equal("key block", &made, theirs)?;
            holds("padding", plain.len() - 2 - key.len() == tr31::padding_len(Version::B, 16, 24))?;
            same(given, "key", clear(given, "key").expose_bytes())
        }
        other => Err(format!("{other} is not offered")),
    }
}
