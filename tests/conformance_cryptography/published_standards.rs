//! Published: the vectors of standards and what comes with them.

use crate::given_keys::{block_keys, version_of};
use crate::rows::{
    Outcome, aes, array, bytes, clear, holds, pan, pin_of, published, same, tdes, text,
};
use cryptography::dukpt_aes::{self, KeyPurpose, KeyType};
use cryptography::{AesKey, MacAlgorithm, MacKey, Padding, PinBlockFormat, TdesKey};
use cryptography::{cipher, dukpt_tdes, mac, pin_block, three_d_secure, tr31};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tamga_tests::conformance_json;

fn by_id(row: &Value) -> String {
    text(row, "id").to_owned()
}

#[test]
fn x9_24_with_triple_des() {
    let file = conformance_json("crypto/published/x9_24_dukpt_tdes.json");
    let base = dukpt_tdes::BaseKey::new(&clear(&file, "bdk")).unwrap();
    let (pan, pin) = (pan(&file), pin_of(text(&file, "pin")));
    let block = pin_block::encode(PinBlockFormat::Iso0, &pin, &pan, &[]).unwrap();
    same(&file, "clear_pin_block_iso0", &*block).unwrap();
    let message = text(&file, "mac_and_data_text_ascii").as_bytes();
    let mut data = message.to_vec();
    data.resize(24, 0);
    published(
        "x9_24_dukpt_tdes",
        34,
        &[],
        |row| text(row, "ksn").to_owned(),
        |row| {
            let ksn =
                dukpt_tdes::Ksn::new(&bytes(row, "ksn")).map_err(|error| error.to_string())?;
            let initial = dukpt_tdes::initial_key(&base, ksn);
            same(&file, "ipek", &*initial.expose())?;
            let keys = initial.working_keys(ksn);
            let fields = [
                "txn_key",
                "pin_key",
                "mac_request_key",
                "mac_response_key",
                "data_request_key",
                "data_response_key",
            ];
            let mut seen = 0;
            for (field, key) in fields.iter().zip(keys.expose_all()) {
                seen += optional(row, field, &*key)?;
            }
            seen += optional(row, "encrypted_pin_block", &keys.pin().encrypt(*block))?;
            let retail = |key: &TdesKey| mac::algorithm_3(key, Padding::One, message)[..4].to_vec();
            seen += optional(row, "mac_request4", &retail(&keys.mac_request()))?;
            seen += optional(row, "mac_response4", &retail(&keys.mac_response()))?;
            let cmac = |key: &TdesKey| mac::cmac_tdes(key, message);
            seen += optional(row, "tdes_cmac_request", &cmac(&keys.mac_request()))?;
            seen += optional(row, "tdes_cmac_response", &cmac(&keys.mac_response()))?;
            let cbc = |key: &TdesKey| cipher::tdes_cbc_encrypt(key, [0; 8], &data).unwrap();
            seen += optional(row, "data_request_cbc_iv0", &cbc(&keys.data_request()))?;
            all_fields(row, seen, &["ksn", "sequence", "counter", "mac_response_note"])
        },
    );
}

/// Compares a field if the row has it, and counts it.
fn optional(row: &Value, field: &str, ours: &[u8]) -> Result<usize, String> {
    if row[field].is_null() { Ok(0) } else { same(row, field, ours).map(|()| 1) }
}

/// Whether every field was looked at, those aside that say something of the row.
fn all_fields(row: &Value, seen: usize, others: &[&str]) -> Outcome {
    let fields = row.as_object().unwrap().iter();
    let checked =
        fields.filter(|(name, value)| !others.contains(&name.as_str()) && !value.is_null());
    let count = checked.count();
    holds(&format!("{seen} of {count} fields were looked at"), seen == count)
}

fn x9_24_with_aes(name: &str, kinds: &[(&str, KeyType)]) {
    let file = conformance_json(&format!("crypto/published/{name}.json"));
    let base = aes(&file, "bdk");
    let initial = dukpt_aes::initial_key(&base, array(&file, "initial_key_id"));
    same(&file, "initial_key", initial.expose_bytes()).unwrap();
    let (pan, pin) = (pan(&file), pin_of(text(&file, "pin")));
    let [_, _, _, _, _, _, _, _, random @ ..]: [u8; 16] = array(&file, "pin_field");
    same(&file, "pin_field", &*pin_block::pin_field_iso4(&pin, random)).unwrap();
    same(&file, "pan_field", &*pin_block::pan_field_iso4(&pan)).unwrap();
    published(
        name,
        15,
        &[],
        |row| text(row, "ksn").to_owned(),
        |row| {
            let ksn = dukpt_aes::Ksn::new(&bytes(row, "ksn")).map_err(|error| error.to_string())?;
            let keys = dukpt_aes::working_keys(&base, ksn);
            let own = keys.expose_derivation_key().expose_bytes();
            let mut seen = optional(row, "derivation_key", own)?;
            for (suffix, kind) in kinds {
                let derived = |purpose| keys.derive(purpose, *kind);
                let field = |name: &str| format!("{name}_{suffix}");
                let pin_key = derived(KeyPurpose::PinEncryption);
                seen += optional(row, &field("pin_encryption_key"), &pin_key)?;
                let key = derived(KeyPurpose::MacGeneration);
                seen += optional(row, &field("mac_generation_key"), &key)?;
                let key = derived(KeyPurpose::DataEncryption);
                seen += optional(row, &field("data_encryption_key"), &key)?;
                let key = AesKey::from_bytes(&pin_key).unwrap();
                let block = pin_block::encrypt_iso4(&key, &pin, &pan, random);
                seen += optional(row, &field("encrypted_pin_block_iso4"), &block)?;
            }
            all_fields(row, seen, &["ksn", "counter"])
        },
    );
}

#[test]
fn x9_24_with_aes_128() {
    x9_24_with_aes("x9_24_dukpt_aes128", &[("aes128", KeyType::Aes128)]);
}

#[test]
fn x9_24_with_aes_256() {
    let kinds = [("aes128", KeyType::Aes128), ("aes256", KeyType::Aes256)];
    x9_24_with_aes("x9_24_dukpt_aes256", &kinds);
}

#[test]
fn x9_24_update_keys() {
    published(
        "x9_24_dukpt_aes_update_key",
        1,
        &[],
        |row| text(row, "ikid").to_owned(),
        |row| {
            let id = array(row, "ikid");
            let initial = dukpt_aes::initial_key(&aes(row, "bdk"), id);
            for (field, kind) in [
                ("update_key_aes128", KeyType::Aes128),
                ("update_key_tdes2", KeyType::Tdes2),
                ("update_key_tdes3", KeyType::Tdes3),
            ] {
                same(row, field, &dukpt_aes::update_key(&initial, id, kind))?;
            }
            all_fields(row, 3, &["bdk", "ikid"])
        },
    );
}

#[test]
fn moov_dukpt_with_aes() {
    let base = AesKey::from_hex("FEDCBA9876543210F1F1F1F1F1F1F1F1").unwrap();
    let message = b"4012345678909D987";
    let mut data = message.to_vec();
    data.resize(32, 0);
    published(
        "moov_dukpt_aes_sequences",
        8,
        &[],
        |row| text(row, "Ksn").to_owned(),
        |row| {
            let ksn = dukpt_aes::Ksn::new(&bytes(row, "Ksn")).unwrap();
            let keys = dukpt_aes::working_keys(&base, ksn);
            same(row, "CurrentKey", keys.expose_derivation_key().expose_bytes())?;
            let mut seen = 1;
            for (field, purpose) in [
                ("CMACRequest", KeyPurpose::MacGeneration),
                ("CMACResponse", KeyPurpose::MacVerification),
            ] {
                let key = AesKey::from_bytes(&keys.derive(purpose, KeyType::Aes128)).unwrap();
                seen += optional(row, field, &mac::cmac_aes(&key, message))?;
            }
            for (field, purpose) in [
                ("HMACRequest", KeyPurpose::MacGeneration),
                ("HMACResponse", KeyPurpose::MacVerification),
            ] {
                let key = keys.derive(purpose, KeyType::Hmac128);
                let mut state = Hmac::<Sha256>::new_from_slice(&key).unwrap();
                state.update(message);
                seen += optional(row, field, &state.finalize().into_bytes())?;
            }
            for (field, purpose) in [
                ("DataRequest", KeyPurpose::DataEncryption),
                ("DataResponse", KeyPurpose::DataDecryption),
            ] {
                let key = AesKey::from_bytes(&keys.derive(purpose, KeyType::Aes128)).unwrap();
                let made = cipher::aes_cbc_encrypt(&key, [0; 16], &data).unwrap();
                seen += optional(row, field, &made)?;
            }
            all_fields(row, seen, &["Ksn"])
        },
    );
}

#[test]
fn macs_of_iso_and_nist() {
    let mut at = 0;
    let key_of = |row: &Value| format!("{} {}", text(row, "alg"), text(row, "data"));
    published("iso9797_nist", 22, &[], key_of, |row| {
        at += 1;
        let data = bytes(row, "data");
        let padding = if row["padding"].as_u64() == Some(2) { Padding::Two } else { Padding::One };
        let made = match text(row, "alg") {
            "ISO9797-1 MAC alg 3" => {
                let key = tdes(row, "key");
                mac::mac(MacAlgorithm::Iso9797Alg3, padding, MacKey::Tdes(&key), &data)
            }
            "CMAC-AES" => {
                let key = aes(row, "key");
                mac::mac(MacAlgorithm::CmacAes, padding, MacKey::Aes(&key), &data)
            }
            other if other.contains("CMAC") => {
                let key = tdes(row, "key");
                mac::mac(MacAlgorithm::CmacTdes, padding, MacKey::Tdes(&key), &data)
            }
            other => return Err(format!("algorithm {other}")),
        };
        same(row, "mac", made.unwrap().truncated(text(row, "mac").len() / 2))
    });
    assert_eq!(at, 22);
}

/// Versions that are refused by name, and why.
const KEY_BLOCKS: &[(&str, &str)] = &[
    ("test1_tr31_format_a", "version A is withdrawn by X9.143"),
    ("test1_tr31_format_c", "version C is withdrawn by X9.143"),
    ("test2_tr31_ascii", "version A is withdrawn by X9.143"),
    ("test4_tr31_ascii", "version C is withdrawn by X9.143"),
    ("test9_tr31_ascii", "version E (ISO 20038, counter mode) is not known here"),
    ("test15_tr31_ascii", "version C is withdrawn by X9.143"),
];

#[test]
fn key_blocks_of_standards_and_hsms() {
    published("tr31", 17, KEY_BLOCKS, by_id, |row| {
        let block = text(row, "key_block");
        let Some(version) = version_of(block) else {
            let refusal = tr31::Header::parse(block).unwrap_err();
            return Err(refusal.to_string());
        };
        let opened = tr31::unwrap(&block_keys(row, version), block);
        let (header, key) = opened.map_err(|error| error.to_string())?;
        holds("version", header.version == version)?;
        same(row, "key", &key)
    });
    for (id, _) in KEY_BLOCKS {
        let file = conformance_json("crypto/published/tr31.json");
        let row = tamga_tests::list(&file, "vectors").iter().find(|row| by_id(row) == *id).unwrap();
        let letter = text(row, "version").chars().next().unwrap();
        let refusal = tr31::Header::parse(text(row, "key_block")).unwrap_err();
        assert_eq!(refusal, tr31::KeyBlockError::Version(letter), "{id} is refused by name");
    }
}

#[test]
fn spa_aav_of_the_patent() {
    published(
        "spa_aav",
        2,
        &[],
        |row| text(row, "aav_hex").to_owned(),
        |row| {
            let aav: [u8; 20] = array(row, "aav_hex");
            let (first, _) = aav.split_first_chunk::<15>().unwrap();
            same(row, "hmac_input", &three_d_secure::aav_spa1_data(&pan(row), first))?;
            let made = three_d_secure::aav_spa1(&bytes(row, "key"), &pan(row), first).unwrap();
            same(row, "mac5", &made)
        },
    );
}

#[test]
fn every_published_file_is_run() {
    let index = conformance_json("crypto/published/index.json");
    let run = [
        ("x9_24_dukpt_tdes", 34),
        ("x9_24_dukpt_aes128", 15),
        ("x9_24_dukpt_aes256", 15),
        ("moov_dukpt_aes", 8),
        // How many rows of the same file agree with a second implementation.
        ("moov_dukpt_aes_cmac_request_agree_ref", 8),
        ("tr31", 17),
        ("iso9797_nist", 22),
        ("psec_tests", 154),
        ("pyemv_tests", 462),
        ("jpos", 35),
    ];
    assert_eq!(index.as_object().unwrap().len(), run.len());
    for (name, count) in run {
        assert_eq!(index[name].as_u64(), Some(count), "{name}");
    }
}
