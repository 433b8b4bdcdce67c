//! The software module through the trait, as the engine uses it: what it verifies, what it refuses,
//! and that nothing secret can be printed.

#![allow(clippy::expect_used, reason = "the makers of test values stand outside `#[test]`")]

use payment_types::Pan;
use security::{
    AesKey, ClearKey, DataProtection, KeyError, KeyUsage, LoadedKey, MacAlgorithm, MacSource, Macs,
    OpenError, PinBlock, PinBlockFormat, PinCard, PinData, PinFact, PinOutcome, PinReference,
    PinSource, SealedKey, SecurityError, SecurityModule, SoftwareModule, TdesKey, TestKey, TestPin,
    USUAL_DECIMALIZATION, Vault, Verification, encrypt_pin_block_iso0, visa_pvv,
};
use std::fmt::Debug;
use std::path::Path;

const TERMINAL_KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
const PIN: &str = "4739";

fn pan() -> Pan {
    Pan::from_ascii(b"9417000000000009").expect("a card number")
}

fn pin(digits: &str) -> TestPin {
    TestPin::new(digits).expect("a PIN")
}

fn clear_key(hex: &str) -> ClearKey {
    ClearKey::from_hex(hex).expect("a key")
}

/// The block a terminal with the usual key sends.
fn block(digits: &str) -> PinBlock {
    let key = TdesKey::new(&clear_key(TERMINAL_KEY)).expect("a usable key");
    encrypt_pin_block_iso0(&pin(digits), &pan(), &key)
}

const PIN_KEY: KeyUsage = KeyUsage::PinEncryption;

fn seal(module: &dyn SecurityModule, hex: &str) -> Result<SealedKey, SecurityError> {
    module.seal_test_key(&TestKey::Tdes(clear_key(hex)), PIN_KEY)
}

fn loaded(module: &dyn SecurityModule, hex: &str) -> LoadedKey {
    let sealed = seal(module, hex).expect("test mode");
    module.load(&sealed, PIN_KEY).expect("sealed by this module")
}

fn verify_under(
    module: &dyn SecurityModule,
    block: PinBlock,
    key: &LoadedKey,
    reference: &PinReference,
) -> Result<PinOutcome, SecurityError> {
    let source = PinSource::Session(key);
    let data = PinData { block: &block.bytes(), format: PinBlockFormat::Iso0, source };
    let (pan, decimalization) = (&pan(), &USUAL_DECIMALIZATION);
    module.verify_pin(&data, &PinCard { pan, reference, key: None, decimalization })
}

fn verify(
    module: &dyn SecurityModule,
    block: PinBlock,
    reference: &PinReference,
) -> Result<PinOutcome, SecurityError> {
    let key = loaded(module, TERMINAL_KEY);
    verify_under(module, block, &key, reference)
}

#[test]
fn tells_the_right_pin_from_wrong_ones() {
    let module = SoftwareModule::ephemeral_for_tests();
    let reference = module.reference_for_test_pin(&pan(), &pin(PIN)).unwrap();
    assert_eq!(verify(&module, block(PIN), &reference), Ok(PinOutcome::Verified));
    for wrong in ["4738", "5739", "47390", "473900000000", "0000"] {
        assert_eq!(verify(&module, block(wrong), &reference), Ok(PinOutcome::Wrong), "{wrong}");
    }
}

#[test]
fn a_pvv_is_checked_under_the_modules_key() {
    let module = SoftwareModule::ephemeral_for_tests();
    // The PIN verification key of every module for tests.
    let key = TdesKey::new(&clear_key("0123456789ABCDEFFEDCBA9876543210")).unwrap();
    let digits = visa_pvv(&key, 3, &pan(), &pin(PIN)).expose_digits();
    let pvv = std::str::from_utf8(&digits).unwrap();
    let reference = PinReference::visa(3, pvv).unwrap();
    assert_eq!(verify(&module, block(PIN), &reference), Ok(PinOutcome::Verified));
    assert_eq!(verify(&module, block("4738"), &reference), Ok(PinOutcome::Wrong));
    let other_index = PinReference::visa(4, pvv).unwrap();
    assert_eq!(verify(&module, block(PIN), &other_index), Ok(PinOutcome::Wrong));
}

#[test]
fn a_triple_length_terminal_key_works_too() {
    let hex = "9E8F2A010415ABD58A5E1310A8A71AEA7A8591527A2ACDD6";
    let module = SoftwareModule::ephemeral_for_tests();
    let reference = module.reference_for_test_pin(&pan(), &pin(PIN)).unwrap();
    let block = encrypt_pin_block_iso0(&pin(PIN), &pan(), &TdesKey::new(&clear_key(hex)).unwrap());
    let key = loaded(&module, hex);
    assert_eq!(key.check_value(), clear_key(hex).check_value());
    let said = verify_under(&module, block, &key, &reference);
    assert_eq!(said, Ok(PinOutcome::Verified));
}

#[test]
fn a_block_under_another_key_is_no_try() {
    let module = SoftwareModule::ephemeral_for_tests();
    let reference = module.reference_for_test_pin(&pan(), &pin(PIN)).unwrap();
    let other = loaded(&module, "9E8F2A010415ABD58A5E1310A8A71AEA");
    let said = verify_under(&module, block(PIN), &other, &reference);
    assert_eq!(said, Err(SecurityError::PinBlock));
    assert_eq!(PinFact::from(said), PinFact::Unverifiable);
    assert_eq!(PinFact::from(Ok(PinOutcome::Wrong)), PinFact::Wrong);
    assert_eq!(PinFact::from(Ok(PinOutcome::Verified)), PinFact::Verified);
}

#[test]
fn a_reference_is_of_one_card_and_one_module() {
    let dir = tempfile::tempdir().unwrap();
    let module = SoftwareModule::ephemeral_for_tests();
    let other =
        SoftwareModule::open_or_create(dir.path(), &dir.path().join("master.key"), true).unwrap();
    let other_card = Pan::from_ascii(b"9417000000000017").unwrap();
    for reference in [
        module.reference_for_test_pin(&other_card, &pin(PIN)).unwrap(),
        other.reference_for_test_pin(&pan(), &pin(PIN)).unwrap(),
    ] {
        assert_eq!(verify(&module, block(PIN), &reference), Ok(PinOutcome::Wrong));
    }
    assert_ne!(module.fingerprint(), other.fingerprint());
}

#[test]
fn stored_things_work_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let first =
        SoftwareModule::open_or_create(dir.path(), &dir.path().join("master.key"), true).unwrap();
    let sealed = seal(&first, TERMINAL_KEY).unwrap();
    let again = seal(&first, TERMINAL_KEY).unwrap();
    assert_eq!(sealed, again, "importing twice changes nothing");
    let reference = first.reference_for_test_pin(&pan(), &pin(PIN)).unwrap();

    let second = SoftwareModule::open(dir.path(), &dir.path().join("master.key"), true).unwrap();
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.pan_digest(&pan()), second.pan_digest(&pan()));
    let sealed = SealedKey::from_bytes(sealed.as_bytes()).unwrap();
    let reference = PinReference::from_bytes(&reference.to_bytes()).unwrap();
    let key = second.load(&sealed, PIN_KEY).unwrap();
    let said = verify_under(&second, block(PIN), &key, &reference);
    assert_eq!(said, Ok(PinOutcome::Verified));
}

#[test]
fn digests_differ_by_card_and_by_installation() {
    let dir = tempfile::tempdir().unwrap();
    let module = SoftwareModule::ephemeral_for_tests();
    let other =
        SoftwareModule::open_or_create(dir.path(), &dir.path().join("master.key"), true).unwrap();
    let longer = Pan::from_ascii(b"94170000000000090").unwrap();
    assert_eq!(module.pan_digest(&pan()), module.pan_digest(&pan()));
    assert_ne!(module.pan_digest(&pan()), module.pan_digest(&longer));
    assert_ne!(module.pan_digest(&pan()), other.pan_digest(&pan()));
}

#[test]
fn outside_test_mode_nothing_clear_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let testing =
        SoftwareModule::open_or_create(dir.path(), &dir.path().join("master.key"), true).unwrap();
    let reference = testing.reference_for_test_pin(&pan(), &pin(PIN)).unwrap();
    let key = loaded(&testing, TERMINAL_KEY);
    let sealed = seal(&testing, TERMINAL_KEY).unwrap();

    let module = SoftwareModule::open(dir.path(), &dir.path().join("master.key"), false).unwrap();
    let off = SecurityError::TestKeysOff;
    assert_eq!(seal(&module, TERMINAL_KEY).err(), Some(off));
    assert_eq!(module.reference_for_test_pin(&pan(), &pin(PIN)).err(), Some(off));
    assert_eq!(module.load(&sealed, PIN_KEY).err(), Some(off));
    let said = verify_under(&module, block(PIN), &key, &reference);
    assert_eq!(said, Err(off));
    assert!(off.to_string().contains("test_keys"), "says which setting");
}

#[test]
fn refuses_weak_keys_for_terminals() {
    let module = SoftwareModule::ephemeral_for_tests();
    let refusal = |hex: &str| seal(&module, hex).err();
    let single = refusal("0123456789ABCDEF");
    assert_eq!(single, Some(SecurityError::Key(KeyError::SingleLength)));
    let equal = refusal("0123456789ABCDEF0123456789ABCDEF");
    assert_eq!(equal, Some(SecurityError::Key(KeyError::EqualParts)));
}

#[test]
fn refuses_sealed_keys_it_did_not_seal() {
    let dir = tempfile::tempdir().unwrap();
    let module = SoftwareModule::ephemeral_for_tests();
    let other =
        SoftwareModule::open_or_create(dir.path(), &dir.path().join("master.key"), true).unwrap();
    let theirs = seal(&other, TERMINAL_KEY).unwrap();
    assert_eq!(module.load(&theirs, PIN_KEY).err(), Some(SecurityError::NotOurs));

    let ours = seal(&module, TERMINAL_KEY).unwrap();
    for at in 0..ours.as_bytes().len() {
        let mut changed = ours.as_bytes().to_vec();
        changed[at] ^= 1;
        let changed = SealedKey::from_bytes(&changed).unwrap();
        assert_eq!(module.load(&changed, PIN_KEY).err(), Some(SecurityError::NotOurs), "{at}");
    }
    for length in [1, 24, 26, 32, 34, 160] {
        let cut = SealedKey::from_bytes(&vec![1; length]).unwrap();
        assert_eq!(module.load(&cut, PIN_KEY).err(), Some(SecurityError::NotOurs), "{length}");
    }
    let other_usage = module.load(&ours, KeyUsage::MacTerminal).err();
    assert_eq!(other_usage, Some(SecurityError::WrongUsage), "a PIN key cannot make MACs");
}

#[test]
fn a_missing_keys_file_is_an_error_where_data_is() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        SoftwareModule::open(dir.path(), &dir.path().join("master.key"), true).err().unwrap();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert!(!Path::new(&dir.path().join("keys")).exists(), "none was made");
}

#[test]
fn nothing_secret_can_be_printed() {
    let module = SoftwareModule::ephemeral_for_tests();
    let sealed = seal(&module, TERMINAL_KEY).unwrap();
    let tdes = TdesKey::new(&clear_key(TERMINAL_KEY)).unwrap();
    let printed = |value: &dyn Debug| format!("{value:?} {value:#?}");
    for text in [
        printed(&pin(PIN)),
        printed(&clear_key(TERMINAL_KEY)),
        printed(&tdes),
        printed(&AesKey::from_hex(TERMINAL_KEY).unwrap()),
        printed(&block(PIN)),
        printed(&sealed),
        printed(&module.reference_for_test_pin(&pan(), &pin(PIN)).unwrap()),
        printed(&PinReference::visa(1, PIN).unwrap()),
        printed(&visa_pvv(&tdes, 1, &pan(), &pin(PIN))),
        printed(&module),
    ] {
        let shows_numbers = text.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!shows_numbers, "{text}");
        assert!(text.contains("hidden") || text.contains("sealed"), "{text}");
    }
    // The check value is made to be read by people.
    let key = module.load(&sealed, PIN_KEY).unwrap();
    assert_eq!(format!("{key:?}"), "LoadedKey(pin-encryption, 08D7B4)");
}

#[test]
fn data_is_bound_to_its_key_and_context() {
    let module = SoftwareModule::ephemeral_for_tests();
    let sealed = module.new_data_key().unwrap();
    let key = module.load(&sealed, KeyUsage::Data).unwrap();
    let secret = module.encrypt(&key, b"customer 1", b"9417000000000009").unwrap();
    assert!(!secret.windows(8).any(|window| window == b"94170000"));
    assert_eq!(&**module.decrypt(&key, b"customer 1", &secret).unwrap(), b"9417000000000009");
    let refused = |key: &LoadedKey, context: &[u8], bytes: &[u8]| {
        assert_eq!(module.decrypt(key, context, bytes).err(), Some(SecurityError::NotOurs));
    };
    refused(&key, b"customer 2", &secret);
    for at in 0..secret.len() {
        let mut changed = secret.clone();
        changed[at] ^= 1;
        refused(&key, b"customer 1", &changed);
        refused(&key, b"customer 1", &secret[..at]);
    }
    let other = module.load(&module.new_data_key().unwrap(), KeyUsage::Data).unwrap();
    refused(&other, b"customer 1", &secret);
    let pin_key = loaded(&module, TERMINAL_KEY);
    assert_eq!(module.encrypt(&pin_key, b"", b"x").err(), Some(SecurityError::WrongUsage));
}

#[test]
fn macs_need_a_mac_key() {
    let module = SoftwareModule::ephemeral_for_tests();
    let sealed = module.written_key(TERMINAL_KEY, KeyUsage::MacTerminal).unwrap();
    let key = module.load(&sealed, KeyUsage::MacTerminal).unwrap();
    let (source, algorithm) = (MacSource::Session(&key), MacAlgorithm::Iso9797Alg3);
    let mac = module.mac(&source, algorithm, b"message").unwrap();
    for given in [&mac.eight()[..], &mac.eight()[..4]] {
        let said = module.verify_mac(&source, algorithm, b"message", given);
        assert_eq!(said, Ok(Verification::Right));
        let said = module.verify_mac(&source, algorithm, b"messagf", given);
        assert_eq!(said, Ok(Verification::Wrong));
    }
    let short = module.verify_mac(&source, algorithm, b"message", &mac.eight()[..3]);
    assert_eq!(short, Err(SecurityError::Malformed("MAC")));
    let aes = module.mac(&source, MacAlgorithm::CmacAes, b"message").err();
    assert_eq!(aes, Some(SecurityError::WrongUsage), "the key is of triple DES");
    let pin_key = loaded(&module, TERMINAL_KEY);
    let said = module.mac(&MacSource::Session(&pin_key), algorithm, b"message").err();
    assert_eq!(said, Some(SecurityError::WrongUsage), "a PIN key cannot make MACs");
}
