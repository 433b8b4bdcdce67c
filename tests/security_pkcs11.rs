//! The PKCS#11 module against `SoftHSM`: the same checks as the software module, and that keys
//! live in the token and cannot be had out of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests stand outside them")]

use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use payment_types::{Pan, Timestamp};
use security::{
    AesKey, CardValueInput, ClearKey, Health, HealthCheck, KeyUsage, LoadedKey, MacAlgorithm,
    MacSource, Macs, OpenError, Pkcs11Module, Pkcs11Settings, SealedKey, SecurityError,
    SecurityModule, SoftwareModule, TestKey, TestPin, Vault, Verification,
};
use security::{
    ArpcInput, CardValues, ChipCard, Chips, CryptogramInput, CryptogramVersion, DataProtection,
    Derivation, PinBlockFormat, PinCard, PinData, PinOutcome, PinReference, PinSource, Pins,
    TdesKey, USUAL_DECIMALIZATION, encrypt_pin_block_iso0, visa_pvv,
};
use std::path::Path;
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
        key_table: None,
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

const NEXT: &str = "FB1D2C3E4F5A6B7C8D9EAFB0C1D2E3F4";
/// Midnight in Bishkek that begins 30 June 2027.
const UNTIL: i64 = 1_814_292_000_000;

/// Two versions of a key for MACs, of one for PVVs, and of what verifies PINs where a card's
/// product names no key.
const TABLE: &str = r#"
[tak]
usage = "mac-terminal"
version = [
    { object = "tak-2", check_value = "CHECK" },
    { object = "tak-1", accepted_until = 2027-06-30T00:00:00+06:00 },
]
[pvk]
usage = "pin-verification-visa"
version = [
    { object = "pvk-2", pvki = 2 },
    { object = "pvk-1", pvki = 1, accepted_until = 2027-06-30T00:00:00+06:00 },
]
[imk]
usage = "chip-cryptogram"
version = [{ object = "imk-2" }, { object = "imk-1", accepted_until = 2027-06-30T00:00:00+06:00 }]
[pin-verification]
usage = "pin-verification-visa"
version = [{ object = "pvk-2", pvki = 2 }]
"#;

/// A token with two keys under each usage, and a module that is told which follows which.
fn rotated(folder: &Path) -> Pkcs11Module {
    let without = open();
    let check = ClearKey::from_hex(NEXT).unwrap().check_value().to_string();
    for (name, usage) in [
        ("tak", KeyUsage::MacTerminal),
        ("pvk", KeyUsage::PinVerificationVisa),
        ("imk", KeyUsage::ChipCryptogram),
    ] {
        for (version, hex) in [(1, KEY), (2, NEXT)] {
            let key = TestKey::Tdes(ClearKey::from_hex(hex).unwrap());
            without.store_key(&format!("{name}-{version}"), usage, &key).unwrap();
        }
        assert_eq!(without.named_key(name, usage), Err(SecurityError::NoSuchKey), "no table yet");
    }
    let aes = TestKey::Aes(AesKey::from_bytes(&[0xA5; 16]).unwrap());
    without.store_key("tak-aes", KeyUsage::MacTerminal, &aes).unwrap();
    let path = folder.join("keys.toml");
    let opened = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let settings = Pkcs11Settings { key_table: Some(path.clone()), ..settings() };
        Pkcs11Module::open(&settings, false)
    };
    for (text, why) in [
        (TABLE.replace("CHECK", "123456"), "tak: object tak-2: its check value is"),
        (TABLE.replace("CHECK", &check).replace("imk-1", "imk-0"), "object imk-0: no such key"),
        (
            TABLE.replace("CHECK", &check).replace("tak-1", "tak-aes"),
            "tak: one version is a key of",
        ),
        (TABLE.replace("CHECK", "x"), "six hex digits"),
    ] {
        let Err(OpenError::Token { why: said, .. }) = opened(&text) else { panic!("{why}") };
        assert!(said.contains(why), "{said}");
    }
    opened(&TABLE.replace("CHECK", &check)).unwrap()
}

#[test]
fn named_keys_are_rotated_with_an_overlap() {
    if in_own_process("named_keys_are_rotated_with_an_overlap").is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let module = rotated(folder.path());
    let clear = |hex| TdesKey::new(&ClearKey::from_hex(hex).unwrap()).unwrap();
    // MACs: made with the new version, accepted of both until the date.
    let how = MacAlgorithm::Iso9797Alg3;
    let software = SoftwareModule::ephemeral_for_tests();
    let [old, new] = [KEY, NEXT].map(|hex| {
        let key = loaded(&software, hex, KeyUsage::MacTerminal);
        software.mac(&MacSource::Session(&key), how, b"hello").unwrap().eight()
    });
    let tak = loaded(&module, "tak", KeyUsage::MacTerminal);
    let source = MacSource::Session(&tak);
    assert_eq!(module.mac(&source, how, b"hello").unwrap().eight(), new);
    assert_eq!(tak.check_value(), ClearKey::from_hex(NEXT).unwrap().check_value());
    let mac = |given: &[u8]| module.verify_mac(&source, how, b"hello", given);
    // PVVs: the index says which version made it; a new PIN gets the new one's.
    let (pan, pin) = (&pan(), TestPin::new("4739").unwrap());
    let pvv = |hex, pvki| {
        let digits = visa_pvv(&clear(hex), pvki, pan, &pin).expose_digits();
        PinReference::visa(pvki, std::str::from_utf8(&digits).unwrap()).unwrap()
    };
    let (first, second) = (pvv(KEY, 1), pvv(NEXT, 2));
    let pvk = loaded(&module, "pvk", KeyUsage::PinVerificationVisa);
    let terminal = loaded(&module, KEY, KeyUsage::PinEncryption);
    let block = encrypt_pin_block_iso0(&pin, pan, &clear(KEY)).bytes();
    let source = PinSource::Session(&terminal);
    let data = PinData { block: &block, format: PinBlockFormat::Iso0, source };
    let decimalization = &USUAL_DECIMALIZATION;
    let by = |reference, key| PinCard { pan, reference, key, decimalization };
    let said = |reference| module.verify_pin(&data, &by(reference, Some(&pvk)));
    let changed = module.change_pin(Some(&data), &data, &by(&first, Some(&pvk))).unwrap();
    assert_eq!(changed.new, Some(second), "of the new version, with its PVKI");
    let other = pvv(NEXT, 1);
    assert_eq!(said(&other), Ok(PinOutcome::Wrong), "the other version's index");
    // Where the product names no key, PVKI 2 is the table's and all others the token's own.
    let own = module.change_pin(None, &data, &by(&first, None)).unwrap().new.unwrap();
    assert_eq!(own, second, "new ones are made with the table's");
    assert_eq!(module.verify_pin(&data, &by(&second, None)), Ok(PinOutcome::Verified));
    // By the token's own key, which nobody knows.
    let before = open().change_pin(None, &data, &by(&first, None)).unwrap().new.unwrap();
    assert_eq!(module.verify_pin(&data, &by(&before, None)), Ok(PinOutcome::Verified));
    // Chips: a card personalised under the old version is answered under it.
    let imk = loaded(&module, "imk", KeyUsage::ChipCryptogram);
    let (of_old, of_new) = (arqc(pan, KEY), arqc(pan, NEXT));
    let answer = ArpcInput::Method2 { status_update: [0; 4], proprietary: &[] };
    for (input, hex) in [(&of_old, KEY), (&of_new, NEXT)] {
        let alone = loaded(&software, hex, KeyUsage::ChipCryptogram);
        let right = software.response_cryptogram(&alone, input, answer).unwrap();
        assert_eq!(module.response_cryptogram(&imk, input, answer), Ok(right));
    }
    let chip = |input| module.verify_cryptogram(&imk, input);
    for (now, accepted) in [(UNTIL - 1, true), (UNTIL, false)] {
        module.time_is(Timestamp(now));
        let (card, pin) = match accepted {
            true => (Verification::Right, PinOutcome::Verified),
            false => (Verification::Wrong, PinOutcome::Wrong),
        };
        assert_eq!((mac(&old), mac(&new)), (Ok(card), Ok(Verification::Right)));
        assert_eq!((said(&first), said(&second)), (Ok(pin), Ok(PinOutcome::Verified)));
        assert_eq!((chip(&of_old), chip(&of_new)), (Ok(card), Ok(Verification::Right)));
    }
    let late = module.response_cryptogram(&imk, &of_old, answer);
    assert_eq!(late, Err(SecurityError::NotOurs), "no longer answered");
}

/// A cryptogram as a card of this issuer's master key makes it.
fn arqc<'a>(pan: &'a Pan, hex: &str) -> CryptogramInput<'a> {
    use cryptography::emv::{AcInput, cryptogram, master_key};
    let version = CryptogramVersion::VisaCvn18;
    let elements = AcInput {
        amount_authorized: [0, 0, 0, 1, 0, 0],
        atc: 7,
        issuer_application_data: &[6, 1, 0x12, 3, 0xA0, 0, 0],
        ..AcInput::default()
    };
    let issuer = TdesKey::new(&ClearKey::from_hex(hex).unwrap()).unwrap();
    let card = master_key(&issuer, Derivation::A, pan, 0);
    CryptogramInput {
        card: ChipCard { pan, psn: 0, derivation: Derivation::A, version },
        amount_authorized: elements.amount_authorized,
        amount_other: [0; 6],
        terminal_country: [0; 2],
        tvr: [0; 5],
        currency: [0; 2],
        date: [0; 3],
        transaction_type: 0,
        unpredictable_number: [0; 4],
        aip: [0; 2],
        atc: 7,
        issuer_application_data: elements.issuer_application_data,
        cryptogram: cryptogram(version, &card, &elements).unwrap(),
    }
}
