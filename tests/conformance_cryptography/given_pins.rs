//! Given: PIN blocks, PVV, IBM 3624.

use crate::rows::{
    Outcome, aes, array, bytes, digits_of, equal, given, holds, number, pan, pin_of, same, tdes,
    text,
};
use cryptography::pin_block::{self, PinBlockFormat};
use cryptography::{ibm3624, pvv};
use payment_types::Pan;
use serde_json::Value;

fn nibbles(row: &Value) -> Vec<u8> {
    let digits = row["fill_nibbles"].as_str().unwrap_or_default().chars();
    digits.map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect()
}

/// Encodes, encrypts where there is a key, and back again.
fn block(row: &Value, format: PinBlockFormat) -> Outcome {
    let pan = row["pan"].as_str().map_or_else(
        || Pan::from_ascii(b"00000000").unwrap(),
        |digits| Pan::from_ascii(digits.as_bytes()).unwrap(),
    );
    let pin = pin_of(text(row, "pin"));
    let made = pin_block::encode(format, &pin, &pan, &nibbles(row)).unwrap();
    same(row, "clear_block", &*made)?;
    let (found, good) = pin_block::decode(format, &array(row, "clear_block"), &pan);
    holds("decodes", bool::from(good & found.ct_eq(&pin)))?;
    if row["encrypted_block"].is_string() {
        let key = tdes(row, "tdes_key");
        same(row, "encrypted_block", &key.encrypt(*made))?;
        let (found, good) =
            pin_block::decode(format, &key.decrypt(array(row, "encrypted_block")), &pan);
        holds("decrypts", bool::from(good & found.ct_eq(&pin)))?;
    }
    Ok(())
}

#[test]
fn pin_blocks_of_format_0() {
    given("pinblock_iso0", |row| block(row, PinBlockFormat::Iso0));
}

#[test]
fn pin_blocks_of_format_0_that_are_none() {
    given("pinblock_iso0_negative", |row| {
        equal("expect", text(row, "expect"), "reject")?;
        // Seven bytes are refused by their type.
        let Ok(clear) = <[u8; 8]>::try_from(bytes(row, "block")) else { return Ok(()) };
        let (_, good) = pin_block::decode(PinBlockFormat::Iso0, &clear, &pan(row));
        holds("refused", !bool::from(good))
    });
}

#[test]
fn pin_blocks_of_format_1() {
    given("pinblock_iso1", |row| block(row, PinBlockFormat::Iso1));
}

#[test]
fn pin_blocks_of_format_2() {
    given("pinblock_iso2", |row| block(row, PinBlockFormat::Iso2));
}

#[test]
fn pin_blocks_of_format_3() {
    given("pinblock_iso3", |row| block(row, PinBlockFormat::Iso3));
}

#[test]
fn pin_blocks_of_format_4() {
    given("pinblock_iso4", |row| {
        let (key, pan, pin) = (aes(row, "aes_key"), pan(row), pin_of(text(row, "pin")));
        let random = array(row, "random8");
        same(row, "pin_field", &*pin_block::pin_field_iso4(&pin, random))?;
        same(row, "pan_field", &*pin_block::pan_field_iso4(&pan))?;
        let made = pin_block::encrypt_iso4(&key, &pin, &pan, random);
        same(row, "enciphered_block", &made)?;
        let (found, good) = pin_block::decrypt_iso4(&key, &made, &pan);
        equal("PIN", &digits_of(&found), text(row, "pin"))?;
        holds("well formed", bool::from(good))
    });
}

#[test]
fn visa_pvv() {
    given("pvv_visa", |row| {
        let (key, pan, pin) = (tdes(row, "pvk"), pan(row), pin_of(text(row, "pin")));
        let pvki = text(row, "pvki").parse().unwrap();
        same(row, "tsp", &*pvv::input(pvki, &pan, &pin))?;
        let made = pvv::pvv(&key, pvki, &pan, &pin);
        equal("PVV", &String::from_utf8_lossy(&made.expose_digits()), text(row, "pvv"))
    });
}

#[test]
fn ibm_3624() {
    given("ibm3624", |row| {
        let table = text(row, "decimalization_table").as_bytes();
        let table = ibm3624::DecimalizationTable::from_ascii(table).unwrap();
        let pad = u8::from_str_radix(text(row, "pan_pad"), 16).unwrap();
        let (from, len) = (number(row, "pan_verify_offset"), number(row, "pan_verify_length"));
        let data = ibm3624::validation_data(&pan(row), from, len, pad).unwrap();
        same(row, "validation_data", &*data)?;
        let natural = ibm3624::natural_pin(&tdes(row, "pvk"), &table, &data);
        let pin = pin_of(text(row, "pin"));
        let offset = ibm3624::offset(&natural, &pin);
        equal("offset", &String::from_utf8_lossy(&offset.expose_digits()), text(row, "offset"))?;
        let zero = "0".repeat(text(row, "natural_pin").len());
        let zero = ibm3624::Offset::from_ascii(zero.as_bytes()).unwrap();
        let own = ibm3624::pin(&natural, &zero).unwrap();
        equal("natural PIN", &digits_of(&own), text(row, "natural_pin"))?;
        holds("verifies", bool::from(ibm3624::verify(&natural, &offset, &pin)))
    });
}
