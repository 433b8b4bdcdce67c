//! SEC-5: MACs; working keys under a terminal's master key.

use super::bench::{KEY, OTHER_KEY, clear, load, module, tdes};
use cryptography::dukpt_tdes::{BaseKey, Ksn, working_keys};
use cryptography::mac::{algorithm_1, algorithm_3, cmac_tdes};
use cryptography::tr31::{self, BlockKeys};
use cryptography::{ClearKey, Padding, TdesKey, cipher};
use security::{
    CheckValue, KeyAlgorithm, KeyExchange, KeyForm, KeyUsage, MacAlgorithm, MacDirection,
    MacSource, Macs, SecurityError, Vault, Verification, WorkingKey,
};

const MESSAGE: &[u8] = b"0100 a message of thirty-eight bytes  \x00";
const KSN: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x08];

#[test]
fn macs_are_made_and_verified() {
    let (module, _hsm) = module();
    let key = tdes(KEY);
    let cases = [
        (MacAlgorithm::Iso9797Alg1, algorithm_1(&key, Padding::One, MESSAGE)),
        (MacAlgorithm::Iso9797Alg3, algorithm_3(&key, Padding::One, MESSAGE)),
        (MacAlgorithm::CmacTdes, cmac_tdes(&key, MESSAGE)),
    ];
    for usage in [KeyUsage::MacTerminal, KeyUsage::ZoneMac] {
        let loaded = load(&module, KEY, usage);
        let source = MacSource::Session(&loaded);
        for (algorithm, expected) in cases {
            let made = module.mac(&source, algorithm, MESSAGE).expect("a MAC");
            assert_eq!(made.as_bytes(), expected, "{usage} {algorithm:?}");
            for length in [4, 8] {
                let mut given = expected[..length].to_vec();
                let said = module.verify_mac(&source, algorithm, MESSAGE, &given);
                assert_eq!(said, Ok(Verification::Right), "{algorithm:?}");
                given[length - 1] ^= 1;
                let said = module.verify_mac(&source, algorithm, MESSAGE, &given);
                assert_eq!(said, Ok(Verification::Wrong), "{algorithm:?}");
            }
        }
        let said = module.verify_mac(&source, MacAlgorithm::Iso9797Alg3, MESSAGE, &[0; 7]);
        assert!(matches!(said, Err(SecurityError::Malformed(_))));
    }
    let pin_key = load(&module, KEY, KeyUsage::PinEncryption);
    let said = module.mac(&MacSource::Session(&pin_key), MacAlgorithm::Iso9797Alg3, MESSAGE);
    assert!(said.is_err(), "a PIN key makes no MAC");
}

#[test]
fn a_requests_mac_under_dukpt_is_verified() {
    let (module, _hsm) = module();
    let base = load(&module, KEY, KeyUsage::BaseDerivationTdes);
    let ksn = Ksn::new(&KSN).expect("a serial number");
    let keys = working_keys(&BaseKey::new(&clear(KEY)).expect("a base key"), ksn);
    let expected = algorithm_3(&keys.mac_request(), Padding::One, MESSAGE);
    let source = |direction| MacSource::Dukpt { base: &base, ksn: &KSN, direction };
    let request = source(MacDirection::Request);
    let algorithm = MacAlgorithm::Iso9797Alg3;
    assert_eq!(module.mac(&request, algorithm, MESSAGE).expect("a MAC").as_bytes(), expected);
    for length in [4, 8] {
        let mut given = expected[..length].to_vec();
        let said = module.verify_mac(&request, algorithm, MESSAGE, &given);
        assert_eq!(said, Ok(Verification::Right));
        given[0] ^= 0x80;
        let said = module.verify_mac(&request, algorithm, MESSAGE, &given);
        assert_eq!(said, Ok(Verification::Wrong));
    }
    let response = source(MacDirection::Response);
    let said = module.mac(&response, algorithm, MESSAGE);
    assert!(matches!(said, Err(SecurityError::Unsupported(_))), "refused with a word");
}

fn wanted(usage: KeyUsage, form: KeyForm) -> WorkingKey {
    WorkingKey { usage, algorithm: KeyAlgorithm::Tdes, form }
}

/// What the terminal makes of a delivered key.
fn received(delivered: &[u8], form: KeyForm, usage: KeyUsage) -> ClearKey {
    let clear_bytes = match form {
        KeyForm::Ecb => cipher::tdes_ecb_decrypt(&tdes(KEY), delivered).expect("two blocks"),
        _ => {
            let keys = BlockKeys::of_tdes(&clear(KEY)).expect("a protecting key");
            let text = std::str::from_utf8(delivered).expect("text");
            let (header, key) = tr31::unwrap(&keys, text).expect("a key block");
            assert_eq!(std::str::from_utf8(&header.usage), Ok(usage.tr31()));
            key
        }
    };
    ClearKey::from_bytes(&clear_bytes).expect("a key")
}

#[test]
fn working_keys_travel_both_ways() {
    let (module, _hsm) = module();
    let master = load(&module, KEY, KeyUsage::TerminalMaster);
    for usage in [KeyUsage::MacTerminal, KeyUsage::ZoneMac] {
        for form in [KeyForm::Ecb, KeyForm::Tr31B] {
            let made = module.generate_working_key(&master, wanted(usage, form)).expect("a key");
            let clear = received(&made.delivered, form, usage);
            assert_eq!(clear.check_value(), made.check_value, "{usage} {form:?}");
            let terminal = TdesKey::new(&clear).expect("a usable key");
            let expected = algorithm_3(&terminal, Padding::One, MESSAGE);
            let ours = module.load(&made.sealed, usage).expect("ours");
            assert_eq!(ours.check_value(), made.check_value);
            let source = MacSource::Session(&ours);
            let mac = module.mac(&source, MacAlgorithm::Iso9797Alg3, MESSAGE).expect("a MAC");
            assert_eq!(mac.as_bytes(), expected, "{usage} {form:?}");

            let check = Some(made.check_value);
            let back = module
                .import_working_key(&master, wanted(usage, form), &made.delivered, check)
                .expect("the same key");
            assert_eq!(back, made.sealed, "{usage} {form:?}");
        }
    }
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let (module, _hsm) = module();
    let master = load(&module, KEY, KeyUsage::TerminalMaster);
    let block = wanted(KeyUsage::PinEncryption, KeyForm::Tr31B);
    let made = module.generate_working_key(&master, block).expect("a key");
    let mut broken = made.delivered.clone();
    let last = broken.last_mut().expect("not empty");
    *last = if *last == b'0' { b'1' } else { b'0' };
    let said = module.import_working_key(&master, block, &broken, None);
    assert!(matches!(said, Err(SecurityError::Malformed(_))), "{said:?}");
    let as_mac = wanted(KeyUsage::MacTerminal, KeyForm::Tr31B);
    let said = module.import_working_key(&master, as_mac, &made.delivered, None);
    assert_eq!(said.err(), Some(SecurityError::WrongUsage));
    let other = load(&module, OTHER_KEY, KeyUsage::TerminalMaster);
    let said = module.import_working_key(&other, block, &made.delivered, None);
    assert!(matches!(said, Err(SecurityError::Malformed(_))), "{said:?}");

    let bare = wanted(KeyUsage::PinEncryption, KeyForm::Ecb);
    let made = module.generate_working_key(&master, bare).expect("a key");
    let another = Some(CheckValue::from_bytes([1, 2, 3]));
    let said = module.import_working_key(&master, bare, &made.delivered, another);
    assert_eq!(said.err(), Some(SecurityError::Malformed("check value")));
    let pin_key = load(&module, KEY, KeyUsage::PinEncryption);
    let said = module.generate_working_key(&pin_key, bare);
    assert_eq!(said.err(), Some(SecurityError::WrongUsage), "not a master key");
}
