//! The software module's store of keys: life of a key, damage, permissions, crashes.

#![allow(clippy::expect_used, reason = "the makers of test values stand outside `#[test]`")]

use payment_types::{Pan, Timestamp};
use security::{
    CardValueInput, CardValues, CheckValue, ClearKey, Completed, HealthCheck, KeyAction,
    KeyAlgorithm, KeyChange, KeyFacts, KeyLife, KeyRefusal, KeyUsage, MacAlgorithm, MacSource,
    Macs, MasterKey, NewKey, OWN_PIN_VERIFICATION, OpenError, PinBlockFormat, PinCard, PinData,
    PinOutcome, PinReference, PinSource, Pins, RefusalKind, SecurityError, SecurityModule, Settled,
    SoftwareModule, TestKey, TestPin, USUAL_DECIMALIZATION, Vault, Verification, VersionState,
    encrypt_pin_block_iso0,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zeroize::Zeroizing;

const NOW: Timestamp = Timestamp(1_795_406_400_000);
const LATER: Timestamp = Timestamp(1_795_406_400_000 + 30 * 86_400_000);
const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";

/// An installation: data directory and master key apart.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("data")).expect("a data directory");
        Self { folder }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn master(&self) -> PathBuf {
        self.folder.path().join("master.key")
    }

    fn store(&self) -> PathBuf {
        self.data().join("keys")
    }

    fn open(&self) -> Result<SoftwareModule, OpenError> {
        SoftwareModule::open_or_create(&self.data(), &self.master(), true)
    }

    /// What is said when it cannot be opened.
    fn refusal(&self) -> String {
        let error = SoftwareModule::open(&self.data(), &self.master(), true).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    }
}

fn new_key(name: &str, usage: KeyUsage) -> NewKey {
    NewKey {
        name: name.to_owned(),
        usage,
        algorithm: None,
        pvki: None,
        expires_on: None,
        accept_old_until: None,
    }
}

fn done(module: &SoftwareModule, change: &KeyChange, by: &str) -> Result<Done, KeyRefusal> {
    let prepared = module.prepare(change, by, NOW)?;
    let (facts, refusal) = (prepared.facts.clone(), prepared.refusal.clone());
    let completed = module.complete(prepared)?;
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Done { facts, completed }),
    }
}

#[derive(Debug)]
struct Done {
    facts: KeyFacts,
    completed: Completed,
}

fn generate(module: &SoftwareModule, key: NewKey) -> KeyFacts {
    done(module, &KeyChange::Generate(key), "ann").expect("a key").facts
}

fn component(name: &str, hex: &str) -> KeyChange {
    let component = Zeroizing::new(hex.to_owned());
    KeyChange::Component { name: name.to_owned(), component, check_value: None }
}

fn mac(module: &SoftwareModule, name: &str) -> [u8; 8] {
    let sealed = module.named_key(name, KeyUsage::MacTerminal).expect("a key");
    let key = module.load(&sealed, KeyUsage::MacTerminal).expect("a key");
    let source = MacSource::Session(&key);
    module.mac(&source, MacAlgorithm::Iso9797Alg3, b"x").expect("a MAC").eight()
}

#[test]
fn named_keys_survive_a_restart_and_lie_sealed() {
    let place = Place::new();
    let module = place.open().unwrap();
    let facts = generate(&module, new_key("tak-branch", KeyUsage::MacTerminal));
    assert_eq!((facts.action, facts.version), (KeyAction::Generated, 1));
    let before = mac(&module, "tak-branch");
    let listed = module.list();
    drop(module);

    let module = SoftwareModule::open(&place.data(), &place.master(), false).unwrap();
    assert_eq!(mac(&module, "tak-branch"), before);
    assert_eq!(module.list(), listed);
    assert_eq!(module.description(), "software");
    let text = fs::read_to_string(place.store()).unwrap();
    assert!(text.contains("key tak-branch mac-terminal tdes"), "people can read what is there");
    assert_eq!(fs::metadata(place.store()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_that_came_by_components_is_their_exclusive_or_and_lies_sealed() {
    let place = Place::new();
    let module = place.open().unwrap();
    let begin = KeyChange::BeginCeremony {
        key: new_key("cvk", KeyUsage::CardVerification),
        components: 2,
        check_value: CheckValue::from_hex("08D7B4").unwrap(),
    };
    assert_eq!(done(&module, &begin, "ann").unwrap().facts.action, KeyAction::CeremonyBegun);
    let (one, two) = ("1111111111111111AAAAAAAAAAAAAAAA", "1032547698BADCFE5476103 2DCFE98BA");
    let two = two.replace(' ', "");
    let entered = done(&module, &component("cvk", one), "ann").unwrap().facts;
    assert_eq!(
        (entered.action, &*entered.detail),
        (KeyAction::ComponentEntered, "component 1 of 2")
    );
    let again = done(&module, &component("cvk", &two), "ann").unwrap_err();
    assert_eq!((again.kind, again.field), (RefusalKind::Forbidden, "by"), "{again}");
    drop(module);

    // The ceremony goes on after a restart: its first component lies sealed.
    let text = fs::read_to_string(place.store()).unwrap();
    assert!(text.contains("ceremony cvk") && !text.to_uppercase().contains(one));
    let module = place.open().unwrap();
    assert_eq!(module.list().ceremonies[0].given_by, ["ann"]);
    let facts = done(&module, &component("cvk", &two), "bob").unwrap().facts;
    assert_eq!(facts.action, KeyAction::CeremonyCompleted);
    assert_eq!(facts.check_value.to_string(), "08D7B4");
    assert!(module.list().ceremonies.is_empty());
    let text = fs::read_to_string(place.store()).unwrap().to_uppercase();
    for secret in [one, &two, KEY] {
        assert!(!text.contains(secret), "in clear");
    }
    // It is the well-known key: its CVV is that key's.
    let sealed = module.named_key("cvk", KeyUsage::CardVerification).unwrap();
    let named = module.load(&sealed, KeyUsage::CardVerification).unwrap();
    let clear = module.written_key(KEY, KeyUsage::CardVerification).unwrap();
    let clear = module.load(&clear, KeyUsage::CardVerification).unwrap();
    let pan = Pan::from_ascii(b"9417000000000009").unwrap();
    let expiry = payment_types::ExpiryDate::from_number(2912).unwrap();
    let input = CardValueInput::Chip { pan: &pan, expiry };
    let all = (0..1000).map(|value| format!("{value:03}"));
    let right = |key| {
        all.clone()
            .filter(|v| {
                module.verify_card_value(key, &input, v.as_bytes()) == Ok(Verification::Right)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(right(&named), right(&clear));
    assert_eq!(right(&named).len(), 1);
}

#[test]
fn a_ceremony_with_a_wrong_check_value_gives_no_key_and_forgets_the_components() {
    let place = Place::new();
    let module = place.open().unwrap();
    let begin = KeyChange::BeginCeremony {
        key: new_key("cvk", KeyUsage::CardVerification),
        components: 2,
        check_value: CheckValue::from_hex("08D7B5").unwrap(),
    };
    done(&module, &begin, "ann").unwrap();
    let mistyped = KeyChange::Component {
        name: "cvk".to_owned(),
        component: Zeroizing::new("1111111111111111AAAAAAAAAAAAAAAA".to_owned()),
        check_value: CheckValue::from_hex("000000"),
    };
    let refused = done(&module, &mistyped, "ann").unwrap_err();
    assert!(refused.message.contains("type it again"), "{refused}");
    done(&module, &component("cvk", "1111111111111111AAAAAAAAAAAAAAAA"), "ann").unwrap();
    let short = done(&module, &component("cvk", "1111111111111111"), "bob").unwrap_err();
    assert_eq!(short.field, "component", "{short}");
    let last = module.prepare(&component("cvk", "1032547698BADCFE54761032DCFE98BA"), "bob", NOW);
    let last = last.unwrap();
    assert_eq!(last.facts.action, KeyAction::CeremonyFailed);
    let refusal = last.refusal.clone().unwrap();
    assert!(refusal.message.contains("08D7B4") && refusal.message.contains("08D7B5"), "{refusal}");
    module.complete(last).unwrap();
    assert_eq!(module.list(), security::KeyList::default());
    let named = module.named_key("cvk", KeyUsage::CardVerification).err();
    assert_eq!(named, Some(SecurityError::NoSuchKey));
    let more = done(&module, &component("cvk", KEY), "bob").unwrap_err();
    assert_eq!(more.kind, RefusalKind::NotFound);
}

#[test]
fn key_blocks_go_out_and_come_in_and_are_held_to_their_use() {
    let place = Place::new();
    let module = place.open().unwrap();
    let aes = NewKey {
        algorithm: Some(KeyAlgorithm::Aes),
        ..new_key("kbpk-aes", KeyUsage::KeyBlockProtection)
    };
    generate(&module, aes);
    generate(&module, new_key("kbpk-des", KeyUsage::KeyBlockProtection));
    let made = generate(&module, new_key("cvk", KeyUsage::CardVerification));
    for (under, letter) in [("kbpk-aes", 'D'), ("kbpk-des", 'B')] {
        let export = KeyChange::Export { name: "cvk".to_owned(), under: under.to_owned() };
        let exported = done(&module, &export, "ann").unwrap();
        assert_eq!(exported.facts.action, KeyAction::Exported);
        let block = exported.completed.block.unwrap();
        assert!(block.starts_with(letter), "{block}");
        let import = |name: &str, usage, block: &str| KeyChange::Import {
            key: new_key(name, usage),
            under: under.to_owned(),
            block: block.to_owned(),
            check_value: Some(made.check_value),
        };
        let name = format!("copy-{under}");
        let copy = import(&name, KeyUsage::CardVerification, &block);
        let copy = done(&module, &copy, "bob").unwrap().facts;
        assert_eq!(copy.check_value, made.check_value);
        let other = import("other", KeyUsage::PinEncryption, &block);
        let refused = done(&module, &other, "bob").unwrap_err();
        assert!(refused.message.contains("C0") && refused.message.contains("P0"), "{refused}");
        for at in 0..block.len() {
            let mut bad = block.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            let bad = String::from_utf8(bad).unwrap();
            let refused = done(&module, &import("bad", KeyUsage::CardVerification, &bad), "bob");
            assert!(refused.is_err(), "changed at {at}");
        }
        let wrong = KeyChange::Import {
            key: new_key("wrong", KeyUsage::CardVerification),
            under: under.to_owned(),
            block,
            check_value: Some(CheckValue::from_bytes([0; 3])),
        };
        assert_eq!(done(&module, &wrong, "bob").unwrap_err().field, "check_value");
    }
    let export = |name: &str, under: &str| KeyChange::Export {
        name: name.to_owned(),
        under: under.to_owned(),
    };
    let weak = done(&module, &export("kbpk-aes", "kbpk-des"), "ann").unwrap_err();
    assert_eq!(weak.field, "under", "an AES key under a triple-DES key: {weak}");
    let no_kbpk = done(&module, &export("kbpk-aes", "cvk"), "ann").unwrap_err();
    assert!(no_kbpk.message.contains("card-verification"), "{no_kbpk}");
    assert_eq!(done(&module, &export("no", "kbpk-des"), "ann").unwrap_err().field, "name");
}

#[test]
fn a_rotated_key_accepts_the_old_version_until_its_date() {
    let place = Place::new();
    let module = place.open().unwrap();
    module.advance(NOW);
    generate(&module, new_key("tak", KeyUsage::MacTerminal));
    let sealed = module.named_key("tak", KeyUsage::MacTerminal).unwrap();
    // Loaded before the rotation, used after it: a register is not told of rotations.
    let key = module.load(&sealed, KeyUsage::MacTerminal).unwrap();
    let source = MacSource::Session(&key);
    let how = MacAlgorithm::Iso9797Alg3;
    let old = module.mac(&source, how, b"x").unwrap().eight();
    let again = done(&module, &KeyChange::Generate(new_key("tak", KeyUsage::MacTerminal)), "ann");
    assert!(again.unwrap_err().message.contains("--accept-old-until"));
    let next = NewKey { accept_old_until: Some(LATER), ..new_key("tak", KeyUsage::MacTerminal) };
    assert_eq!(generate(&module, next).version, 2);
    let new = module.mac(&source, how, b"x").unwrap().eight();
    assert_ne!(old, new, "new ones are made with the new version");
    let said = |mac: &[u8]| module.verify_mac(&source, how, b"x", mac);
    assert_eq!((said(&old), said(&new)), (Ok(Verification::Right), Ok(Verification::Right)));
    module.advance(Timestamp(LATER.0 - 1));
    assert_eq!(said(&old), Ok(Verification::Right));
    module.advance(LATER);
    assert_eq!((said(&old), said(&new)), (Ok(Verification::Wrong), Ok(Verification::Right)));
    let states: Vec<_> = module.list().keys[0].versions.iter().map(|v| v.state).collect();
    assert_eq!(states, [VersionState::Retired, VersionState::Current]);

    let version = |version| KeyChange::Destroy { name: "tak".to_owned(), version };
    let in_use = done(&module, &version(2), "ann").unwrap_err();
    assert!(in_use.message.contains("retire it first"), "{in_use}");
    let prepared = module.prepare(&version(1), "ann", LATER).unwrap();
    module.complete(prepared).unwrap();
    assert_eq!(module.list().keys[0].versions[0].state, VersionState::Destroyed);
    let retire = KeyChange::Retire { name: "tak".to_owned(), version: 2 };
    done(&module, &retire, "ann").unwrap();
    assert_eq!(module.mac(&source, how, b"x").err(), Some(SecurityError::NoSuchKey));
    assert_eq!(done(&module, &version(2), "ann").unwrap().facts.action, KeyAction::Destroyed);
    let text = fs::read_to_string(place.store()).unwrap();
    assert_eq!(text.matches("destroyed").count(), 2);
    assert_eq!(text.lines().filter(|l| l.starts_with("version") && l.ends_with(" -")).count(), 2);
}

#[test]
fn a_pvv_says_by_its_index_which_version_made_it() {
    let place = Place::new();
    let module = place.open().unwrap();
    generate(&module, new_key("pvk", KeyUsage::PinVerificationVisa));
    let sealed = module.named_key("pvk", KeyUsage::PinVerificationVisa).unwrap();
    let key = module.load(&sealed, KeyUsage::PinVerificationVisa).unwrap();
    let terminal = module.written_key(KEY, KeyUsage::PinEncryption).unwrap();
    let terminal = module.load(&terminal, KeyUsage::PinEncryption).unwrap();
    let pan = Pan::from_ascii(b"9417000000000009").unwrap();
    let pad = security::TdesKey::new(&security::ClearKey::from_hex(KEY).unwrap()).unwrap();
    let block = encrypt_pin_block_iso0(&TestPin::new("1234").unwrap(), &pan, &pad).bytes();
    let source = PinSource::Session(&terminal);
    let data = PinData { block: &block, format: PinBlockFormat::Iso0, source };
    let decimalization = &USUAL_DECIMALIZATION;
    let blank = PinReference::visa(1, "0000").unwrap();
    let reference_by = |reference: &PinReference| {
        let card = PinCard { pan: &pan, reference, key: Some(&key), decimalization };
        module.change_pin(None, &data, &card).unwrap().new.unwrap()
    };
    let old = reference_by(&blank);
    let usage = KeyUsage::PinVerificationVisa;
    let next = NewKey { accept_old_until: Some(LATER), ..new_key("pvk", usage) };
    generate(&module, next);
    let new = reference_by(&old);
    assert_ne!(old, new);
    assert_eq!((old.to_bytes()[1], new.to_bytes()[1]), (1, 2), "PVKI");
    let said = |reference: &PinReference| {
        let card = PinCard { pan: &pan, reference, key: Some(&key), decimalization };
        module.verify_pin(&data, &card)
    };
    module.advance(NOW);
    assert_eq!((said(&old), said(&new)), (Ok(PinOutcome::Verified), Ok(PinOutcome::Verified)));
    module.advance(LATER);
    assert_eq!((said(&old), said(&new)), (Ok(PinOutcome::Wrong), Ok(PinOutcome::Verified)));
}

/// Cards whose product names no key: their PVVs are the installation's own until a key is named
/// [`OWN_PIN_VERIFICATION`], and the old ones stay right beside the new.
#[test]
fn the_installations_own_pin_verification_key_is_followed_by_a_named_one() {
    let place = Place::new();
    let module = place.open().unwrap();
    let terminal = module.written_key(KEY, KeyUsage::PinEncryption).unwrap();
    let terminal = module.load(&terminal, KeyUsage::PinEncryption).unwrap();
    let pan = Pan::from_ascii(b"9417000000000009").unwrap();
    let pad = security::TdesKey::new(&security::ClearKey::from_hex(KEY).unwrap()).unwrap();
    let block = encrypt_pin_block_iso0(&TestPin::new("1234").unwrap(), &pan, &pad).bytes();
    let source = PinSource::Session(&terminal);
    let data = PinData { block: &block, format: PinBlockFormat::Iso0, source };
    let decimalization = &USUAL_DECIMALIZATION;
    let made = |module: &SoftwareModule, reference: PinReference| {
        let card = PinCard { pan: &pan, reference: &reference, key: None, decimalization };
        module.change_pin(None, &data, &card).unwrap().new.unwrap()
    };
    let own = made(&module, PinReference::visa(1, "0000").unwrap());
    let usage = KeyUsage::PinVerificationVisa;
    let named = || new_key(OWN_PIN_VERIFICATION, usage);
    let unsaid = done(&module, &KeyChange::Generate(named()), "ann").unwrap_err();
    assert_eq!(unsaid.field, "pvki", "{unsaid}");
    generate(&module, NewKey { pvki: Some(2), ..named() });
    let second = made(&module, own);
    assert_eq!((own.to_bytes()[1], second.to_bytes()[1]), (1, 2), "PVKI");
    generate(&module, NewKey { accept_old_until: Some(LATER), ..named() });
    let third = made(&module, second);
    assert_eq!(third.to_bytes()[1], 3, "PVKI");
    let wrong = PinReference::visa(3, "0000").unwrap();
    // The same after a restart, when the store is read.
    for module in [module, place.open().unwrap()] {
        let said = |reference: PinReference| {
            let card = PinCard { pan: &pan, reference: &reference, key: None, decimalization };
            module.verify_pin(&data, &card)
        };
        module.advance(NOW);
        for reference in [own, second, third] {
            assert_eq!(said(reference), Ok(PinOutcome::Verified), "{:?}", reference.to_bytes());
        }
        if third != wrong {
            assert_eq!(said(wrong), Ok(PinOutcome::Wrong));
        }
        let mut moved = third.to_bytes();
        moved[1] = 1;
        let moved = PinReference::from_bytes(&moved).unwrap();
        if moved != own {
            assert_eq!(said(moved), Ok(PinOutcome::Wrong), "the first key answers for index 1");
        }
        module.advance(LATER);
        assert_eq!(said(own), Ok(PinOutcome::Verified), "it has no date");
        assert_eq!(said(third), Ok(PinOutcome::Verified));
    }
    // With none current any more, new PVVs are the installation's own again.
    let module = place.open().unwrap();
    module.advance(LATER);
    let retire = KeyChange::Retire { name: OWN_PIN_VERIFICATION.to_owned(), version: 3 };
    assert!(done(&module, &retire, "ann").is_err(), "there are two versions");
    let retire = KeyChange::Retire { name: OWN_PIN_VERIFICATION.to_owned(), version: 2 };
    done(&module, &retire, "ann").unwrap();
    assert_eq!(made(&module, own), own);
}

#[test]
fn what_makes_no_key_is_refused_by_field() {
    let module = SoftwareModule::ephemeral_for_tests();
    let refused = |key: NewKey| {
        let refusal = module.prepare(&KeyChange::Generate(key), "ann", NOW).err().unwrap();
        refusal.field
    };
    let usage = KeyUsage::CardVerification;
    assert_eq!(refused(new_key("CVK", usage)), "name");
    assert_eq!(refused(new_key("deadbeefdeadbeef", usage)), "name");
    assert_eq!(refused(new_key("data", KeyUsage::Data)), "usage");
    let aes = Some(KeyAlgorithm::Aes);
    assert_eq!(refused(NewKey { algorithm: aes, ..new_key("cvk", usage) }), "algorithm");
    assert_eq!(refused(NewKey { pvki: Some(1), ..new_key("cvk", usage) }), "pvki");
    let rotated = NewKey { accept_old_until: Some(LATER), ..new_key("cvk", usage) };
    assert_eq!(refused(rotated), "name");
    let nobody = module.prepare(&KeyChange::Generate(new_key("cvk", usage)), " ", NOW);
    assert_eq!(nobody.err().unwrap().field, "by");
    generate(&module, new_key("cvk", usage));
    let wrong = module.named_key("cvk", KeyUsage::PinEncryption).err();
    assert_eq!(wrong, Some(SecurityError::WrongUsage));
}

#[test]
fn two_changes_cannot_cross() {
    let module = SoftwareModule::ephemeral_for_tests();
    let change = |name| KeyChange::Generate(new_key(name, KeyUsage::CardVerification));
    let first = module.prepare(&change("one"), "ann", NOW).unwrap();
    let second = module.prepare(&change("two"), "bob", NOW).unwrap();
    module.complete(first).unwrap();
    assert_eq!(module.complete(second).unwrap_err().kind, RefusalKind::Conflict);
    assert_eq!(module.list().keys.len(), 1);
}

#[test]
fn every_damage_of_the_store_is_told() {
    let place = Place::new();
    let module = place.open().unwrap();
    generate(&module, new_key("cvk", KeyUsage::CardVerification));
    drop(module);
    let good = fs::read(place.store()).unwrap();
    for at in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[at] ^= 1;
        write(&place.store(), &bad);
        assert!(!place.refusal().is_empty(), "byte {at} was changed");
        write(&place.store(), &good[..at]);
        assert!(!place.refusal().is_empty(), "cut at {at}");
    }
    // Somebody who knows the form mends the checksum, and not the MAC.
    let text = String::from_utf8(good.clone()).unwrap();
    let forged = text.replace("current", "retired");
    let body = forged.rsplit_once("checksum = ").unwrap().0;
    let sum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body.as_bytes()));
    write(&place.store(), format!("{body}checksum = {sum}\n").as_bytes());
    assert!(place.refusal().contains("does not have the master key"), "{}", place.refusal());
    write(&place.store(), &good);
    assert_eq!(place.refusal(), "");
}

#[test]
fn the_store_and_the_master_key_belong_together() {
    let (place, other) = (Place::new(), Place::new());
    drop((place.open().unwrap(), other.open().unwrap()));
    fs::copy(other.master(), place.master()).unwrap();
    let refusal = place.refusal();
    assert!(refusal.contains("sealed under the master key with check value"), "{refusal}");
    fs::remove_file(place.master()).unwrap();
    assert!(place.refusal().contains("tamga key master"), "{}", place.refusal());
    let error = place.open().err().unwrap();
    assert!(matches!(error, OpenError::NoMasterKey { .. }), "none is made for a store: {error}");
}

#[test]
fn production_makes_no_master_key_by_itself() {
    let place = Place::new();
    let error = SoftwareModule::open_or_create(&place.data(), &place.master(), false).err();
    assert!(matches!(error, Some(OpenError::NoMasterKey { .. })));
    assert!(!place.master().exists() && !place.store().exists());
    security::MasterKey::random().unwrap().create(&place.master()).unwrap();
    SoftwareModule::open_or_create(&place.data(), &place.master(), false).unwrap();
}

#[test]
fn others_may_not_read_it_and_a_half_written_one_does_not_count() {
    let place = Place::new();
    drop(place.open().unwrap());
    fs::set_permissions(place.store(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(place.refusal().contains("chmod 600"), "{}", place.refusal());
    fs::set_permissions(place.store(), fs::Permissions::from_mode(0o600)).unwrap();
    // A crash while it was written left this behind.
    write(&place.store().with_extension("new"), b"tamga-keys 2\nmaster = 1");
    let module = place.open().unwrap();
    generate(&module, new_key("cvk", KeyUsage::CardVerification));
    drop(module);
    assert!(!place.store().with_extension("new").exists());
    assert_eq!(place.open().unwrap().list().keys.len(), 1);
    // A store that cannot be written refuses the change and stays as it was.
    let module = place.open().unwrap();
    fs::remove_dir_all(place.data()).unwrap();
    let change = KeyChange::Generate(new_key("two", KeyUsage::CardVerification));
    assert_eq!(done(&module, &change, "ann").unwrap_err().kind, RefusalKind::Storage);
    assert_eq!(module.list().keys.len(), 1);
    assert!(module.key_life().is_some());
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its permissions");
}

/// A change up to the point where the journal has it, or would have it.
fn staged(module: &SoftwareModule, name: &str) -> String {
    let change = KeyChange::Generate(new_key(name, KeyUsage::CardVerification));
    let mut prepared = module.prepare(&change, "ann", NOW).expect("a good change");
    module.stage(&mut prepared).expect("a disk")
}

#[test]
fn a_crash_between_journal_and_store_loses_no_key_that_is_journaled() {
    let place = Place::new();
    let aside = place.data().join("keys.staged");
    let names = |module: &SoftwareModule| {
        module.list().keys.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    generate(&place.open().unwrap(), new_key("cvk", KeyUsage::CardVerification));
    // Journaled, not carried out.
    let journaled = staged(&place.open().unwrap(), "second");
    assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o600);
    let module = place.open().unwrap();
    assert_eq!(names(&module), ["cvk"]);
    assert_eq!(module.settle(Some(&journaled)), Ok(Settled::CarriedOut));
    assert_eq!(names(&module), ["cvk", "second"]);
    assert!(!aside.exists());
    assert_eq!(module.settle(Some(&journaled)), Ok(Settled::Nothing), "once");
    let sealed = module.named_key("second", KeyUsage::CardVerification).unwrap();
    let check = module.load(&sealed, KeyUsage::CardVerification).unwrap().check_value();
    assert_eq!(names(&place.open().unwrap()), ["cvk", "second"]);
    // Not journaled: whatever the journal says last, it was another change.
    for last in [None, Some(journaled.as_str()), Some("00")] {
        let never = staged(&place.open().unwrap(), "third");
        assert_ne!(never, journaled);
        let module = place.open().unwrap();
        assert_eq!(module.settle(last), Ok(Settled::Dropped));
        assert_eq!(names(&module), ["cvk", "second"]);
        assert!(!aside.exists());
    }
    // What is staged and changed by somebody is no store.
    let journaled = staged(&place.open().unwrap(), "third");
    let text = fs::read_to_string(&aside).unwrap();
    fs::write(&aside, text.replace("second", "decond")).unwrap();
    let module = place.open().unwrap();
    assert_eq!(module.settle(Some(&journaled)), Ok(Settled::Dropped));
    let loaded = module.load(&sealed, KeyUsage::CardVerification).unwrap();
    assert_eq!(loaded.check_value(), check);
    // Staged and completed as usual, it is in its place and nothing is left beside it.
    let change = KeyChange::Generate(new_key("third", KeyUsage::CardVerification));
    let mut prepared = module.prepare(&change, "ann", NOW).unwrap();
    assert!(!module.stage(&mut prepared).unwrap().is_empty());
    module.complete(prepared).unwrap();
    assert_eq!(names(&place.open().unwrap()), ["cvk", "second", "third"]);
    assert!(!aside.exists());
}

#[test]
fn after_a_change_that_could_not_be_written_no_other_is_taken() {
    let place = Place::new();
    let module = place.open().unwrap();
    let change = KeyChange::Generate(new_key("cvk", KeyUsage::CardVerification));
    let mut prepared = module.prepare(&change, "ann", NOW).unwrap();
    module.stage(&mut prepared).unwrap();
    // Its place is taken by what can't be replaced: the disk fails just then.
    fs::remove_file(place.store()).unwrap();
    fs::create_dir_all(place.store().join("in the way")).unwrap();
    assert_eq!(module.complete(prepared).unwrap_err().kind, RefusalKind::Storage);
    let next = module.prepare(&change, "ann", NOW).err().unwrap();
    assert!(next.kind == RefusalKind::Storage && next.message.contains("start the engine again"));
}

#[test]
fn another_master_key_changes_nothing_else_and_survives_a_crash_at_any_point() {
    let place = Place::new();
    let module = place.open().unwrap();
    generate(&module, new_key("cvk", KeyUsage::CardVerification));
    // What journal and state hold, sealed, and what tells one installation from another.
    let clear = TestKey::Tdes(ClearKey::from_hex(KEY).unwrap());
    let sealed = module.seal_test_key(&clear, KeyUsage::MacTerminal).unwrap();
    let (fingerprint, digest) = (module.fingerprint(), module.pan_digest(&pan()));
    drop(module);
    let old_store = fs::read(place.store()).unwrap();
    let old_master = fs::read(place.master()).unwrap();
    let new = MasterKey::random().unwrap();
    let check = MasterKey::open(&place.master()).unwrap().check_value();
    let rotated = SoftwareModule::rotate_master(&place.data(), &place.master(), &new);
    assert_eq!(rotated.unwrap(), check);
    let same = || {
        let module = place.open().unwrap();
        assert_eq!((module.fingerprint(), module.pan_digest(&pan())), (fingerprint, digest));
        assert!(module.load(&sealed, KeyUsage::MacTerminal).is_ok());
        let named = module.named_key("cvk", KeyUsage::CardVerification).unwrap();
        assert!(module.load(&named, KeyUsage::CardVerification).is_ok());
        let master = MasterKey::open(&place.master()).unwrap();
        assert_eq!(master.check_value(), new.check_value());
    };
    same();
    let (store, master) = (fs::read(place.store()).unwrap(), fs::read(place.master()).unwrap());
    assert!(old_store != store && old_master != master);
    let private = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    // After the store was replaced and before the master key: the next start ends it.
    let next = place.master().with_extension("next");
    private(&place.master(), &old_master);
    private(&next, &master);
    same();
    assert!(!next.exists());
    // Before the store was replaced: the old one is in force, and it can be begun again.
    private(&place.store(), &old_store);
    private(&place.master(), &old_master);
    private(&next, &master);
    assert!(place.open().is_ok());
    assert_eq!(fs::read(place.master()).unwrap(), old_master);
    SoftwareModule::rotate_master(&place.data(), &place.master(), &new).unwrap();
    same();
    // The old master key opens nothing any more, and an old store not under the new one.
    private(&place.master(), &old_master);
    assert!(place.refusal().contains("sealed under the master key"), "{}", place.refusal());
    private(&place.master(), &master);
    private(&place.store(), &old_store);
    assert!(place.refusal().contains("sealed under the master key"), "{}", place.refusal());
}

fn pan() -> Pan {
    Pan::from_ascii(b"9417000000000009").expect("a number")
}
