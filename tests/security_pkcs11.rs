//! The PKCS#11 module against `SoftHSM`: the same checks as the software module, and that keys
//! live in the token and cannot be had out of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests stand outside them")]

use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use payment_types::Pan;
use security::{
    CardValueInput, ClearKey, Health, HealthCheck, KeyUsage, LoadedKey, MacAlgorithm, MacSource,
    Macs, OpenError, Pkcs11Module, Pkcs11Settings, SealedKey, SecurityError, SecurityModule,
    SoftwareModule, TestKey, TestPin, Vault, Verification,
};
use security::{CardValues, DataProtection};
use tamga_tests::security_suite::{Peer, everything};
use tamga_tests::softhsm::{LABEL, PIN, in_own_process, library};
use zeroize::Zeroizing;

fn settings() -> Pkcs11Settings {
    Pkcs11Settings {
        library: library().expect("looked for before"),
        token_label: LABEL.to_owned(),
        pin: Zeroizing::new(PIN.to_owned()),
        sessions: 4,
        patience: Pkcs11Settings::USUAL_PATIENCE,
        test_keys: true,
    }
}

fn open() -> Pkcs11Module {
    Pkcs11Module::open(&settings(), true).unwrap()
}

fn pan() -> Pan {
    Pan::from_ascii(b"9417000000000009").unwrap()
}

fn loaded(module: &dyn SecurityModule, text: &str, usage: KeyUsage) -> LoadedKey {
    let sealed = module.written_key(text, usage).unwrap();
    module.load(&sealed, usage).unwrap()
}

const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";

#[test]
fn a_token_does_all_that_a_module_does() {
    if in_own_process("a_token_does_all_that_a_module_does").is_some() {
        return;
    }
    let module = open();
    let key = |hex: &str, usage| loaded(&module, hex, usage);
    everything(&Peer { module: &module, key: &key });
    assert_eq!(module.health(), Health::Ready);
    assert!(module.is_remote() && module.description().contains(LABEL));
}

#[test]
fn keys_live_in_the_token_and_stay_there() {
    if in_own_process("keys_live_in_the_token_and_stay_there").is_some() {
        return;
    }
    let module = open();
    let clear = ClearKey::from_hex(KEY).unwrap();
    let usage = KeyUsage::CardVerification;
    let stored = module.store_key("elcart-1", usage, &TestKey::Tdes(clear.clone())).unwrap();
    assert_eq!(stored, clear.check_value());
    let again = module.store_key("elcart-1", usage, &TestKey::Tdes(clear));
    assert!(matches!(again, Err(SecurityError::Malformed(_))), "a name is taken once");
    for name in ["", "a/b", "name with blanks", &"x".repeat(65)] {
        assert!(module.named_key(name, usage).is_err(), "{name:?}");
    }
    let other = module.named_key("elcart-1", KeyUsage::MacTerminal);
    assert_eq!(other, Err(SecurityError::WrongUsage));
    assert_eq!(module.named_key("elcart-2", usage), Err(SecurityError::NoSuchKey));
    // The same value as the software module finds with the key in clear.
    let key = loaded(&module, "elcart-1", usage);
    let software = SoftwareModule::ephemeral_for_tests();
    let (pan, expiry) = (&pan(), payment_types::ExpiryDate::from_number(2912).unwrap());
    let input = CardValueInput::Chip { pan, expiry };
    let in_clear = loaded(&software, KEY, usage);
    let right = (0..1000)
        .map(|value| format!("{value:03}"))
        .find(|value| {
            software.verify_card_value(&in_clear, &input, value.as_bytes())
                == Ok(Verification::Right)
        })
        .unwrap();
    let said = module.verify_card_value(&key, &input, right.as_bytes());
    assert_eq!(said, Ok(Verification::Right));

    // Seen from outside with the user's PIN: no secret key gives its value, none may be taken out.
    let context = Pkcs11::new(settings().library).unwrap();
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_ro_session(slot).unwrap();
    drop(session.login(UserType::User, Some(&AuthPin::new(PIN.into()))).err());
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap();
    assert!(keys.len() >= 5, "the module's own three, the named key and its half: {}", keys.len());
    for key in keys {
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let found = session.get_attributes(key, &asked).unwrap();
        assert!(found.contains(&Attribute::Sensitive(true)), "{found:?}");
        assert!(found.contains(&Attribute::Extractable(false)), "{found:?}");
        let value = session.get_attributes(key, &[AttributeType::Value]).unwrap_or_default();
        assert!(!value.iter().any(|value| matches!(value, Attribute::Value(_))), "{key:?}");
    }
}

#[test]
fn what_is_sealed_survives_and_cannot_be_changed() {
    if in_own_process("what_is_sealed_survives_and_cannot_be_changed").is_some() {
        return;
    }
    let usage = KeyUsage::MacTerminal;
    let (first, fingerprint, sealed, data_key, secret) = {
        let module = open();
        let clear = TestKey::Tdes(ClearKey::from_hex(KEY).unwrap());
        let sealed = module.seal_test_key(&clear, usage).unwrap();
        assert_eq!(sealed, module.seal_test_key(&clear, usage).unwrap(), "the same each time");
        let data_key = module.new_data_key().unwrap();
        assert_ne!(data_key, module.new_data_key().unwrap());
        let key = module.load(&data_key, KeyUsage::Data).unwrap();
        let secret = module.encrypt(&key, b"context", b"a name").unwrap();
        (module.pan_digest(&pan()), module.fingerprint(), sealed, data_key, secret)
    };
    let module = Pkcs11Module::open(&settings(), false).unwrap();
    assert_eq!((module.pan_digest(&pan()), module.fingerprint()), (first, fingerprint));
    let key = module.load(&data_key, KeyUsage::Data).unwrap();
    assert_eq!(&module.decrypt(&key, b"context", &secret).unwrap()[..], b"a name");
    let other = module.decrypt(&key, b"another", &secret).err();
    assert_eq!(other, Some(SecurityError::NotOurs), "another context");
    for at in 0..secret.len() {
        let mut changed = secret.clone();
        changed[at] ^= 1;
        let said = module.decrypt(&key, b"context", &changed).err();
        assert_eq!(said, Some(SecurityError::NotOurs), "byte {at}");
    }
    assert_eq!(module.load(&sealed, KeyUsage::ZoneMac).err(), Some(SecurityError::WrongUsage));
    for at in 0..sealed.as_bytes().len() {
        let mut changed = sealed.as_bytes().to_vec();
        changed[at] ^= 1;
        let changed = SealedKey::from_bytes(&changed).unwrap();
        assert!(module.load(&changed, usage).is_err(), "byte {at}");
    }
    let software = SoftwareModule::ephemeral_for_tests();
    let theirs = software.written_key(KEY, usage).unwrap();
    assert_eq!(module.load(&theirs, usage).err(), Some(SecurityError::NotOurs));
    assert!(software.load(&sealed, usage).is_err());
    // Outside test mode, test keys are no keys.
    let strict = Pkcs11Settings { test_keys: false, ..settings() };
    let strict = Pkcs11Module::open(&strict, false).unwrap();
    assert_eq!(strict.load(&sealed, usage).err(), Some(SecurityError::TestKeysOff));
    let pin = TestPin::new("1234").unwrap();
    let said = strict.reference_for_test_pin(&pan(), &pin).err();
    assert_eq!(said, Some(SecurityError::TestKeysOff));
}

#[test]
fn many_threads_share_few_sessions() {
    if in_own_process("many_threads_share_few_sessions").is_some() {
        return;
    }
    let module = open();
    let key = loaded(&module, KEY, KeyUsage::MacTerminal);
    let source = MacSource::Session(&key);
    let right = module.mac(&source, MacAlgorithm::Iso9797Alg3, b"hello").unwrap().eight();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let said =
                        module.verify_mac(&source, MacAlgorithm::Iso9797Alg3, b"hello", &right);
                    assert_eq!(said, Ok(Verification::Right));
                }
            });
        }
    });
}

#[test]
fn a_token_that_cannot_be_used_says_why() {
    if in_own_process("a_token_that_cannot_be_used_says_why").is_some() {
        return;
    }
    let why = |settings: Pkcs11Settings, create| match Pkcs11Module::open(&settings, create) {
        Err(OpenError::Token { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    let label = Pkcs11Settings { token_label: "another".to_owned(), ..settings() };
    assert!(why(label, true).contains("no token of that label"));
    let library = Pkcs11Settings { library: "/nowhere/lib.so".into(), ..settings() };
    assert!(why(library, true).contains("/nowhere/lib.so"));
    assert!(why(settings(), false).contains("none of the keys"), "a new token for old data");
    let pin = Pkcs11Settings { pin: Zeroizing::new("0000".to_owned()), ..settings() };
    assert!(why(pin, true).contains("user PIN is wrong"));
    assert!(!format!("{:?}", settings()).contains(PIN), "no PIN is printed");
}
