//! Given: DUKPT with triple DES and with AES.

use crate::rows::{
    aes, array, bytes, clear, digits_of, equal, given, holds, pan, pin_of, same, text,
};
use cryptography::dukpt_aes::{self, KeyPurpose, KeyType};
use cryptography::{ClearKey, MacAlgorithm, MacKey, Padding, PinBlockFormat, TdesKey, cipher};
use cryptography::{dukpt_tdes, mac, pin_block};

#[test]
fn triple_des() {
    given("dukpt_tdes", |row| {
        let base = dukpt_tdes::BaseKey::new(&clear(row, "bdk")).unwrap();
        let ksn = dukpt_tdes::Ksn::new(&bytes(row, "ksn")).unwrap();
        holds("counter", row["counter"].as_u64() == Some(ksn.counter()))?;
        let initial = dukpt_tdes::initial_key(&base, ksn);
        same(row, "ipek", &*initial.expose())?;
        let keys = dukpt_tdes::working_keys(&base, ksn);
        let fields = [
            "txn_key",
            "pin_key",
            "mac_request_key",
            "mac_response_key",
            "data_request_key",
            "data_response_key",
        ];
        for (field, key) in fields.iter().zip(keys.expose_all()) {
            same(row, field, &*key)?;
        }
        let (pan, pin) = (pan(row), pin_of(text(row, "pin")));
        let block = pin_block::encode(PinBlockFormat::Iso0, &pin, &pan, &[]).unwrap();
        same(row, "clear_pin_block_iso0", &*block)?;
        same(row, "encrypted_pin_block", &keys.pin().encrypt(*block))?;
        let data = bytes(row, "mac_data");
        let mac = |key: &TdesKey| mac::algorithm_3(key, Padding::One, &data)[..4].to_vec();
        same(row, "mac_request4", &mac(&keys.mac_request()))?;
        same(row, "mac_response4", &mac(&keys.mac_response()))?;
        let data = bytes(row, "data");
        let cbc = |key: &TdesKey| cipher::tdes_cbc_encrypt(key, [0; 8], &data).unwrap();
        same(row, "data_request_cbc_iv0", &cbc(&keys.data_request()))?;
        same(row, "data_response_cbc_iv0", &cbc(&keys.data_response()))
    });
}

#[test]
fn with_aes() {
    given("dukpt_aes", |row| {
        let base = aes(row, "bdk");
        let ksn = dukpt_aes::Ksn::new(&bytes(row, "ksn")).unwrap();
        holds("counter", row["counter"].as_u64() == Some(u64::from(ksn.counter())))?;
        let initial = dukpt_aes::initial_key(&base, array(row, "initial_key_id"));
        same(row, "initial_key", initial.expose_bytes())?;
        let keys = dukpt_aes::working_keys(&base, ksn);
        same(row, "txn_key", keys.expose_derivation_key().expose_bytes())?;
        let kind = match text(row, "working_key_type") {
            "AES128" => KeyType::Aes128,
            "AES192" => KeyType::Aes192,
            "AES256" => KeyType::Aes256,
            other => return Err(format!("key type {other}")),
        };
        for (field, purpose) in [
            ("pin_key", KeyPurpose::PinEncryption),
            ("mac_generation_key", KeyPurpose::MacGeneration),
            ("mac_verification_key", KeyPurpose::MacVerification),
            ("data_encrypt_key", KeyPurpose::DataEncryption),
            ("data_decrypt_key", KeyPurpose::DataDecryption),
        ] {
            same(row, field, &keys.derive(purpose, kind))?;
        }
        same(row, "pin_key_tdes2", &keys.derive(KeyPurpose::PinEncryption, KeyType::Tdes2))?;
        holds("a DES key", ClearKey::from_hex(text(row, "pin_key_tdes2")).is_ok())?;
        let pin_key = aes(row, "pin_key");
        let (pan, pin) = (pan(row), pin_of(text(row, "pin")));
        let made = pin_block::encrypt_iso4(&pin_key, &pin, &pan, array(row, "pin_random8"));
        same(row, "encrypted_pin_block_iso4", &made)?;
        let (found, good) = pin_block::decrypt_iso4(&pin_key, &made, &pan);
        equal("PIN", &digits_of(&found), text(row, "pin"))?;
        holds("well formed", bool::from(good))?;
        let mac_key = aes(row, "mac_generation_key");
        let data = bytes(row, "mac_data");
        let made =
            mac::mac(MacAlgorithm::CmacAes, Padding::One, MacKey::Aes(&mac_key), &data).unwrap();
        let field = row.as_object().unwrap().keys().find(|name| name.contains("cmac")).unwrap();
        same(row, field, made.truncated(text(row, field).len() / 2))
    });
}
