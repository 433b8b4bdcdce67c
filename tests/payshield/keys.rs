//! Keys of the client: under which master key, for what, by which name; TLS; data at rest.

use super::bench::{KEY, OTHER_KEY, clear, hsm, load, module, options, pan, settings, start};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use security::payshield::lmk::{KeyType, under_test_lmk};
use security::payshield::{PayshieldModule, SetupError, TlsSettings};
use security::{
    DataProtection, Health, HealthCheck, KeyUsage, MacAlgorithm, MacSource, Macs, SealedKey,
    SecurityError, SecurityModule, SoftwareModule, TestKey, Vault,
};
use std::fs;
use std::path::{Path, PathBuf};
use tamga_sim::hsm::{Hsm, Options};

fn mac(module: &PayshieldModule, key: &SealedKey) -> Result<[u8; 8], SecurityError> {
    let key = module.load(key, KeyUsage::MacTerminal)?;
    let source = MacSource::Session(&key);
    module.mac(&source, MacAlgorithm::Iso9797Alg3, b"a message").map(|mac| mac.eight())
}

#[test]
fn a_key_under_another_master_key_is_not_ours() {
    let (module, _hsm) = module();
    let good =
        module.seal_test_key(&TestKey::Tdes(clear(KEY)), KeyUsage::MacTerminal).expect("test mode");
    assert!(mac(&module, &good).is_ok());
    let mut bytes = good.as_bytes().to_vec();
    let last = bytes.last_mut().expect("not empty");
    *last = if *last == b'0' { b'1' } else { b'0' };
    let damaged = SealedKey::from_bytes(&bytes).expect("bytes");
    assert_eq!(mac(&module, &damaged), Err(SecurityError::NotOurs));
    // The software module's keys mean nothing here.
    let software = SoftwareModule::ephemeral_for_tests();
    let other = software
        .seal_test_key(&TestKey::Tdes(clear(KEY)), KeyUsage::MacTerminal)
        .expect("test mode");
    assert_eq!(mac(&module, &other), Err(SecurityError::NotOurs));
}

#[test]
fn clear_keys_need_test_mode_and_some_have_no_type() {
    let hsm = hsm();
    let local = SoftwareModule::ephemeral_for_tests();
    let strict = PayshieldModule::start(settings(&hsm), local, false).expect("settings");
    let key = TestKey::Tdes(clear(KEY));
    let said = strict.seal_test_key(&key, KeyUsage::MacTerminal);
    assert_eq!(said.err(), Some(SecurityError::TestKeysOff));
    let module = start(settings(&hsm));
    for usage in [KeyUsage::CardDynamic, KeyUsage::BaseDerivationAes] {
        let said = module.seal_test_key(&key, usage);
        assert!(matches!(said, Err(SecurityError::Unsupported(_))), "{usage}");
    }
    let aes = TestKey::from_text(&format!("aes:{KEY}"), KeyUsage::MacTerminal).expect("a key");
    let said = module.seal_test_key(&aes, KeyUsage::MacTerminal);
    assert!(matches!(said, Err(SecurityError::Unsupported(_))));
    let single = TestKey::Tdes(clear("0123456789ABCDEF0123456789ABCDEF"));
    assert!(matches!(
        module.seal_test_key(&single, KeyUsage::MacTerminal),
        Err(SecurityError::Key(_))
    ));
}

#[test]
fn keys_of_the_table_are_found_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("hsm-keys.toml");
    let under = under_test_lmk(&clear(OTHER_KEY), KeyType::TAK).expect("a key");
    let check = hex::encode_upper(clear(OTHER_KEY).check_value().bytes());
    let text =
        format!("[tak-1]\nusage = \"mac-terminal\"\nkey = \"{under}\"\ncheck_value = \"{check}\"");
    fs::write(&path, text).expect("written");
    let hsm = hsm();
    let mut settings = settings(&hsm);
    settings.key_table = Some(path);
    let module = start(settings);
    let named = module.named_key("tak-1", KeyUsage::MacTerminal).expect("in the table");
    let sealed = module
        .seal_test_key(&TestKey::Tdes(clear(OTHER_KEY)), KeyUsage::MacTerminal)
        .expect("test mode");
    assert_eq!(mac(&module, &named), mac(&module, &sealed));
    assert!(mac(&module, &named).is_ok());
    let said = module.named_key("tak-2", KeyUsage::MacTerminal);
    assert_eq!(said.err(), Some(SecurityError::NoSuchKey));
    let said = module.named_key("tak-1", KeyUsage::PinEncryption);
    assert_eq!(said.err(), Some(SecurityError::WrongUsage));
}

fn certificate(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let (certificate, key) = (dir.join("hsm.pem"), dir.join("hsm-key.pem"));
    fs::write(&certificate, cert.pem()).expect("written");
    fs::write(&key, signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

#[test]
fn the_same_over_tls_and_not_to_a_stranger() {
    let dir = tempfile::tempdir().expect("a directory");
    let (ca, key) = certificate(dir.path(), "hsm.test");
    let options = Options { tls: Some((ca.clone(), key)), ..options() };
    let hsm = Hsm::start("127.0.0.1:0", &options).expect("a port");
    let with = |server_name: &str, ca: &Path| {
        let mut settings = settings(&hsm);
        settings.tls = Some(TlsSettings {
            ca: ca.to_owned(),
            identity: None,
            server_name: Some(server_name.to_owned()),
        });
        start(settings)
    };
    let module = with("hsm.test", &ca);
    assert_eq!(module.health(), Health::Ready);
    let key = load(&module, KEY, KeyUsage::MacTerminal);
    for _ in 0..5 {
        let source = MacSource::Session(&key);
        assert!(module.mac(&source, MacAlgorithm::Iso9797Alg3, &[7; 4000]).is_ok());
    }
    let elsewhere = with("other.test", &ca);
    assert!(matches!(elsewhere.health(), Health::Unavailable(_)), "another name");
    let strangers = tempfile::tempdir().expect("a directory");
    let (stranger, _) = certificate(strangers.path(), "hsm.test");
    let mistrusting = with("hsm.test", &stranger);
    assert!(matches!(mistrusting.health(), Health::Unavailable(_)), "another authority");
    // Without TLS nothing is understood.
    let plain = start(settings(&hsm));
    assert!(matches!(plain.health(), Health::Unavailable(_)));
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    let hsm = hsm();
    let local = SoftwareModule::ephemeral_for_tests;
    let mut none = settings(&hsm);
    none.addresses.clear();
    let said = PayshieldModule::start(none, local(), true);
    assert!(matches!(said, Err(SetupError::Setting(_))));
    let mut missing = settings(&hsm);
    missing.key_table = Some(PathBuf::from("/nowhere/hsm-keys.toml"));
    let said = PayshieldModule::start(missing, local(), true);
    assert!(matches!(said, Err(SetupError::File { .. })));
}

#[test]
fn digests_and_data_at_rest_stay_beside_the_data() {
    let (module, hsm) = module();
    let software = SoftwareModule::ephemeral_for_tests();
    assert_eq!(module.pan_digest(&pan()), software.pan_digest(&pan()));
    assert_eq!(module.fingerprint(), software.fingerprint());
    assert!(module.is_remote());
    assert!(module.description().contains("TAMGA-0001"), "{}", module.description());
    drop(hsm);
    let key = module.new_data_key().expect("no HSM needed");
    let key = module.load(&key, KeyUsage::Data).expect("ours");
    let sealed = module.encrypt(&key, b"customer 7", b"a name").expect("sealed");
    let opened = module.decrypt(&key, b"customer 7", &sealed).expect("opened");
    assert_eq!(opened.as_slice(), b"a name");
}
