//! Given: MACs and modes.

use crate::rows::{Outcome, aes, bytes, given, holds, number, same, tdes, text};
use cryptography::cipher;
use cryptography::{MacAlgorithm, MacKey, Padding, mac};
use serde_json::Value;

fn padding(row: &Value) -> Padding {
    match number(row, "padding") {
        1 => Padding::One,
        2 => Padding::Two,
        3 => Padding::Three,
        other => panic!("padding {other}"),
    }
}

fn check(row: &Value, algorithm: MacAlgorithm, key: MacKey<'_>, field: &str) -> Outcome {
    let padding = if row["padding"].is_null() { Padding::One } else { padding(row) };
    let data = bytes(row, "data");
    let made = mac::mac(algorithm, padding, key, &data).map_err(|error| error.to_string())?;
    same(row, field, made.as_bytes())?;
    if row["mac4"].is_string() {
        same(row, "mac4", made.truncated(4))?;
    }
    let mut given = bytes(row, field);
    let right = mac::verify(algorithm, padding, key, &data, &given).unwrap();
    given[0] ^= 1;
    let wrong = mac::verify(algorithm, padding, key, &data, &given).unwrap();
    holds("verifies", bool::from(right & !wrong))
}

#[test]
fn algorithm_1() {
    given("mac_iso9797_alg1", |row| {
        check(row, MacAlgorithm::Iso9797Alg1, MacKey::Tdes(&tdes(row, "key")), "mac8")
    });
}

#[test]
fn algorithm_3() {
    given("mac_iso9797_alg3", |row| {
        check(row, MacAlgorithm::Iso9797Alg3, MacKey::Tdes(&tdes(row, "key")), "mac8")
    });
}

#[test]
fn cmac() {
    given("cmac", |row| match text(row, "cipher") {
        "TDES" => check(row, MacAlgorithm::CmacTdes, MacKey::Tdes(&tdes(row, "key")), "cmac"),
        "AES" => check(row, MacAlgorithm::CmacAes, MacKey::Aes(&aes(row, "key")), "cmac"),
        other => Err(format!("cipher {other}")),
    });
}

#[test]
fn modes_of_ciphers() {
    given("tdes_aes_modes", |row| {
        let (plain, secret) = (bytes(row, "plain"), bytes(row, "cipher"));
        let iv = row["iv"].as_str().map(|iv| hex::decode(iv).unwrap()).unwrap_or_default();
        let (made, back) = match text(row, "mode") {
            "tdes-ecb" => {
                let key = tdes(row, "key");
                let made = cipher::tdes_ecb_encrypt(&key, &plain);
                (made, cipher::tdes_ecb_decrypt(&key, &secret))
            }
            "tdes-cbc" => {
                let (key, iv) = (tdes(row, "key"), iv.try_into().unwrap());
                let made = cipher::tdes_cbc_encrypt(&key, iv, &plain);
                (made, cipher::tdes_cbc_decrypt(&key, iv, &secret))
            }
            "aes-ecb" => {
                let key = aes(row, "key");
                let made = cipher::aes_ecb_encrypt(&key, &plain);
                (made, cipher::aes_ecb_decrypt(&key, &secret))
            }
            "aes-cbc" => {
                let (key, iv) = (aes(row, "key"), iv.try_into().unwrap());
                let made = cipher::aes_cbc_encrypt(&key, iv, &plain);
                (made, cipher::aes_cbc_decrypt(&key, iv, &secret))
            }
            other => return Err(format!("mode {other}")),
        };
        same(row, "cipher", &made.unwrap())?;
        same(row, "plain", &back.unwrap())
    });
}
