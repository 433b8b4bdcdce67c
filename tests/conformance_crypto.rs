//! PIN blocks, PVVs, check values and parity as other implementations and HSM manuals have them,
//! through the public door of `security` only. No vector has turned out to be wrong itself.

use des::TdesEde3;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use payment_types::Pan;
use security::{
    AesKey, ClearKey, KeyUsage, PinBlock, PinBlockFormat, PinCard, PinData, PinFact, PinOutcome,
    PinReference, PinSource, Pins, SecurityError, SecurityModule, SoftwareModule, TdesKey, TestKey,
    TestPin, USUAL_DECIMALIZATION, Vault, encrypt_pin_block_iso0, visa_pvv,
};
use serde_json::Value;
use tamga_tests::{conformance_json, list, text};

fn each_vector(name: &str, mut check: impl FnMut(&str, &Value)) {
    let data = conformance_json(&format!("crypto/given/{name}.json"));
    let vectors = list(&data, "vectors");
    assert!(!vectors.is_empty(), "no vectors in {name}");
    for vector in vectors {
        check(text(vector, "id"), vector);
    }
}

fn pan(vector: &Value) -> Pan {
    Pan::from_ascii(text(vector, "pan").as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn pin(digits: &str) -> TestPin {
    TestPin::new(digits).unwrap_or_else(|error| panic!("{error}"))
}

fn key(hex: &str) -> ClearKey {
    ClearKey::from_hex(hex).unwrap_or_else(|error| panic!("{error}"))
}

/// What the module says to this block from a terminal with this key, for a card with this PIN.
fn verify(
    block: PinBlock,
    key: &ClearKey,
    pan: &Pan,
    right: &TestPin,
) -> Result<PinOutcome, SecurityError> {
    let module = SoftwareModule::ephemeral_for_tests();
    let sealed = module.seal_test_key(&TestKey::Tdes(key.clone()), KeyUsage::PinEncryption)?;
    let loaded = module.load(&sealed, KeyUsage::PinEncryption)?;
    let reference = module.reference_for_test_pin(pan, right)?;
    let source = PinSource::Session(&loaded);
    let data = PinData { block: &block.bytes(), format: PinBlockFormat::Iso0, source };
    let decimalization = &USUAL_DECIMALIZATION;
    module.verify_pin(&data, &PinCard { pan, reference: &reference, key: None, decimalization })
}

#[test]
fn pin_blocks_are_made_and_verified() {
    each_vector("pinblock_iso0", |id, vector| {
        let (pan, terminal) = (pan(vector), key(text(vector, "tdes_key")));
        let right = pin(text(vector, "pin"));
        let made = encrypt_pin_block_iso0(&right, &pan, &TdesKey::new(&terminal).unwrap());
        assert_eq!(hex::encode_upper(made.bytes()), text(vector, "encrypted_block"), "{id}");
        assert_eq!(verify(made, &terminal, &pan, &right), Ok(PinOutcome::Verified), "{id}");
        let wrong = pin(if text(vector, "pin") == "0000" { "0001" } else { "0000" });
        assert_eq!(verify(made, &terminal, &pan, &wrong), Ok(PinOutcome::Wrong), "{id}");
    });
}

#[test]
fn what_is_no_pin_block_is_no_try() {
    let hex = "0123456789ABCDEFFEDCBA9876543210";
    let cipher =
        TdesEde3::new_from_slice(&hex::decode(hex.to_owned() + "0123456789ABCDEF").unwrap());
    let cipher = cipher.unwrap();
    each_vector("pinblock_iso0_negative", |id, vector| {
        assert_eq!(text(vector, "expect"), "reject");
        let clear = hex::decode(text(vector, "block")).unwrap();
        let Ok(clear) = <[u8; 8]>::try_from(clear.as_slice()) else {
            assert!(PinBlock::from_slice(&clear).is_err(), "{id}");
            return;
        };
        let mut block = clear.into();
        cipher.encrypt_block(&mut block);
        let said = verify(PinBlock::new(block.into()), &key(hex), &pan(vector), &pin("1234"));
        assert_eq!(said, Err(SecurityError::PinBlock), "{id}");
        assert_eq!(PinFact::from(said), PinFact::Unverifiable, "{id}");
    });
}

#[test]
fn pvvs_are_the_networks() {
    each_vector("pvv_visa", |id, vector| {
        let pvk = TdesKey::new(&key(text(vector, "pvk"))).unwrap();
        let pvki = text(vector, "pvki").parse().unwrap();
        let pvv = visa_pvv(&pvk, pvki, &pan(vector), &pin(text(vector, "pin"))).expose_digits();
        assert_eq!(std::str::from_utf8(&pvv).unwrap(), text(vector, "pvv"), "{id}");
        assert!(PinReference::visa(pvki, text(vector, "pvv")).is_ok(), "{id}");
    });
}

#[test]
fn check_values_are_equal() {
    each_vector("kcv", |id, vector| match text(vector, "alg") {
        "TDES" => {
            let value = key(text(vector, "key")).check_value();
            assert_eq!(value.to_string(), text(vector, "kcv"), "{id}");
        }
        "AES" => {
            let aes = AesKey::from_hex(text(vector, "key")).unwrap();
            assert_eq!(aes.check_value().to_string(), text(vector, "kcv_cmac"), "{id}");
            let legacy = aes.legacy_check_value().to_string();
            assert_eq!(legacy, text(vector, "kcv_ecb_legacy"), "{id}");
        }
        other => panic!("{id}: unknown algorithm {other}"),
    });
}

#[test]
fn parity_is_seen_and_set() {
    each_vector("des_parity", |id, vector| {
        let given = key(text(vector, "key"));
        assert_eq!(vector["was_odd"], given.has_odd_parity(), "{id}");
        let odd = given.with_odd_parity();
        assert!(odd.has_odd_parity() && odd == key(text(vector, "odd_parity_key")), "{id}");
    });
}
