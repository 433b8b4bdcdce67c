//! Working keys, and that a key is used for what it is.

use super::Peer;
use payment_types::Pan;
use security::{
    CardValueInput, CheckValue, KeyAlgorithm, KeyForm, KeyUsage, MacAlgorithm, MacSource,
    PinBlockFormat, PinCard, PinData, PinReference, PinSource, SecurityError, USUAL_DECIMALIZATION,
    Verification, WorkingKey,
};

const MASTER: &str = "9E8F2A010415ABD58A5E1310A8A71AEA";
const AES_MASTER: &str = "aes:9E8F2A010415ABD58A5E1310A8A71AEA7A8591527A2ACDD61122334455667788";

/// What one side generates, the other takes; what was changed on the way is refused.
pub fn key_exchange(peer: &Peer<'_>) {
    let module = peer.module;
    for (master, form, algorithm) in [
        (MASTER, KeyForm::Ecb, KeyAlgorithm::Tdes),
        (MASTER, KeyForm::Tr31B, KeyAlgorithm::Tdes),
        (AES_MASTER, KeyForm::Tr31D, KeyAlgorithm::Tdes),
        (AES_MASTER, KeyForm::Tr31D, KeyAlgorithm::Aes),
    ] {
        let master = peer.key(master, KeyUsage::TerminalMaster);
        let wanted = WorkingKey { usage: KeyUsage::MacTerminal, algorithm, form };
        let made = module.generate_working_key(&master, wanted);
        let made = made.unwrap_or_else(|error| panic!("{form:?} {algorithm}: {error}"));
        let check = Some(made.check_value);
        let taken = module.import_working_key(&master, wanted, &made.delivered, check);
        let taken = taken.unwrap_or_else(|error| panic!("{form:?} {algorithm}: {error}"));
        let how = match algorithm {
            KeyAlgorithm::Aes => MacAlgorithm::CmacAes,
            _ => MacAlgorithm::Iso9797Alg3,
        };
        let load = |sealed| {
            let key = module.load(sealed, KeyUsage::MacTerminal);
            key.unwrap_or_else(|error| panic!("{form:?}: {error}"))
        };
        let (ours, theirs) = (load(&made.sealed), load(&taken));
        assert_eq!(ours.check_value(), made.check_value);
        let mac = module.mac(&MacSource::Session(&ours), how, b"hello");
        let mac = mac.unwrap_or_else(|error| panic!("{error}")).eight();
        let said = module.verify_mac(&MacSource::Session(&theirs), how, b"hello", &mac);
        assert_eq!(said, Ok(Verification::Right), "{form:?}: the same key");
        let other = Some(CheckValue::from_bytes([0; 3]));
        let said = module.import_working_key(&master, wanted, &made.delivered, other);
        assert!(matches!(said, Err(SecurityError::Malformed(_))), "{form:?}: check value");
        let pin = WorkingKey { usage: KeyUsage::PinEncryption, ..wanted };
        if form != KeyForm::Ecb {
            let said = module.import_working_key(&master, pin, &made.delivered, check);
            assert_eq!(said.err(), Some(SecurityError::WrongUsage), "{form:?}: a MAC key");
            for at in [0, 5, 20, made.delivered.len() - 1] {
                let mut changed = made.delivered.clone();
                changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
                let said = module.import_working_key(&master, wanted, &changed, check);
                assert!(said.is_err(), "{form:?}: changed at {at}");
            }
        }
        let short = &made.delivered[1..];
        assert!(module.import_working_key(&master, wanted, short, check).is_err(), "{form:?}");
        let exotic = WorkingKey { usage: KeyUsage::ChipCryptogram, ..wanted };
        let said = module.generate_working_key(&master, exotic).err();
        assert_eq!(said, Some(SecurityError::WrongUsage), "no working key");
        let said = module.generate_working_key(&ours, wanted).err();
        assert_eq!(said, Some(SecurityError::WrongUsage), "not a master key");
    }
}

/// A PIN key makes no MAC, a MAC key opens no PIN block, and so on.
pub fn usage_is_held_to(peer: &Peer<'_>) {
    let module = peer.module;
    let pan = &Pan::from_ascii(b"9417000000000009").unwrap_or_else(|error| panic!("{error}"));
    let hex = "0123456789ABCDEFFEDCBA9876543210";
    let pin_key = peer.key(hex, KeyUsage::PinEncryption);
    let mac_key = peer.key(hex, KeyUsage::MacTerminal);
    let said = module.mac(&MacSource::Session(&pin_key), MacAlgorithm::Iso9797Alg3, b"x").err();
    assert_eq!(said, Some(SecurityError::WrongUsage));
    let reference = PinReference::visa(1, "1234").unwrap_or_else(|error| panic!("{error}"));
    let decimalization = &USUAL_DECIMALIZATION;
    let data = |key| PinData {
        block: &[0; 8],
        format: PinBlockFormat::Iso0,
        source: PinSource::Session(key),
    };
    let card = PinCard { pan, reference: &reference, key: None, decimalization };
    let said = module.verify_pin(&data(&mac_key), &card);
    assert_eq!(said, Err(SecurityError::WrongUsage));
    let card = PinCard { key: Some(&mac_key), ..card };
    let said = module.verify_pin(&data(&pin_key), &card);
    assert_eq!(said, Err(SecurityError::WrongUsage), "a MAC key verifies no PIN");
    let expiry = payment_types::ExpiryDate::from_number(2912);
    let expiry = expiry.unwrap_or_else(|| panic!("a month"));
    let input = CardValueInput::Chip { pan, expiry };
    let said = module.verify_card_value(&pin_key, &input, b"123").err();
    assert_eq!(said, Some(SecurityError::WrongUsage));
    assert_eq!(module.verify_cavv(&mac_key, pan, &[0; 20]).err(), Some(SecurityError::WrongUsage));
    assert_eq!(module.verify_aav(&mac_key, pan, &[0; 20]).err(), Some(SecurityError::WrongUsage));
    let encrypted = module.encrypt(&mac_key, b"", b"x").err();
    assert_eq!(encrypted, Some(SecurityError::WrongUsage));
}
