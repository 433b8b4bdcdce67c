//! PIN-1, PIN-4.

use super::{Peer, array, bytes, each_vector, pan};
use crate::text;
use payment_types::Pan;
use security::{
    KeyUsage, LoadedKey, PinBlockFormat, PinCard, PinData, PinOutcome, PinReference, PinSource,
    SecurityError, TdesKey, TestPin, USUAL_DECIMALIZATION, visa_pvv,
};

const PVK: &str = "FB1D2C3E4F5A6B7C8D9EAFB0C1D2E3F4";
const OTHER_PIN: &str = "918273";

fn tdes(hex: &str) -> TdesKey {
    let clear = security::ClearKey::from_hex(hex).unwrap_or_else(|error| panic!("{error}"));
    TdesKey::new(&clear).unwrap_or_else(|error| panic!("{error}"))
}

fn pvv(pan: &Pan, pin: &str) -> PinReference {
    let pin = TestPin::new(pin).unwrap_or_else(|error| panic!("{error}"));
    let digits = visa_pvv(&tdes(PVK), 1, pan, &pin).expose_digits();
    let digits = core::str::from_utf8(&digits).unwrap_or_default();
    PinReference::visa(1, digits).unwrap_or_else(|error| panic!("{error}"))
}

/// What the module says of a block for a card whose PIN is this.
fn said(
    peer: &Peer<'_>,
    data: &PinData<'_>,
    pan: &Pan,
    right: &str,
) -> Result<PinOutcome, SecurityError> {
    let key = peer.key(PVK, KeyUsage::PinVerificationVisa);
    let reference = &pvv(pan, right);
    let card = PinCard { pan, reference, key: Some(&key), decimalization: &USUAL_DECIMALIZATION };
    peer.module.verify_pin(data, &card)
}

fn check(peer: &Peer<'_>, id: &str, data: &PinData<'_>, pan: &Pan, pin: &str) {
    assert_eq!(said(peer, data, pan, pin), Ok(PinOutcome::Verified), "{id}");
    assert_eq!(said(peer, data, pan, OTHER_PIN), Ok(PinOutcome::Wrong), "{id}");
}

fn session<'a>(block: &'a [u8], format: PinBlockFormat, key: &'a LoadedKey) -> PinData<'a> {
    PinData { block, format, source: PinSource::Session(key) }
}

/// Formats 0, 1, 3 and 4 under a terminal's key; what is no block is no try.
pub fn pin_blocks(peer: &Peer<'_>) {
    for (name, format) in
        [("pinblock_iso0", PinBlockFormat::Iso0), ("pinblock_iso3", PinBlockFormat::Iso3)]
    {
        each_vector(name, |id, vector| {
            let key = peer.key(text(vector, "tdes_key"), KeyUsage::PinEncryption);
            let block = bytes(vector, "encrypted_block");
            check(peer, id, &session(&block, format, &key), &pan(vector), text(vector, "pin"));
        });
    }
    let hex = "0123456789ABCDEFFEDCBA9876543210";
    let own = Pan::from_ascii(b"9417000000000009").unwrap_or_else(|error| panic!("{error}"));
    let key = peer.key(hex, KeyUsage::PinEncryption);
    each_vector("pinblock_iso1", |id, vector| {
        let block = tdes(hex).encrypt(array(vector, "clear_block"));
        let data = session(&block, PinBlockFormat::Iso1, &key);
        check(peer, id, &data, &own, text(vector, "pin"));
    });
    each_vector("pinblock_iso4", |id, vector| {
        let key = format!("aes:{}", text(vector, "aes_key"));
        let key = peer.key(&key, KeyUsage::PinEncryption);
        let block = bytes(vector, "enciphered_block");
        let data = session(&block, PinBlockFormat::Iso4, &key);
        check(peer, id, &data, &pan(vector), text(vector, "pin"));
        let other = Pan::from_ascii(b"9417000000000017").unwrap_or_else(|e| panic!("{e}"));
        let said = said(peer, &data, &other, text(vector, "pin"));
        assert_eq!(said, Err(SecurityError::PinBlock), "{id}: another card's");
    });
    each_vector("pinblock_iso0_negative", |id, vector| {
        let clear = bytes(vector, "block");
        let Ok(clear) = <[u8; 8]>::try_from(&clear[..]) else {
            let data = session(&clear, PinBlockFormat::Iso0, &key);
            let said = said(peer, &data, &pan(vector), "1234");
            assert_eq!(said, Err(SecurityError::Malformed("PIN block")), "{id}");
            return;
        };
        let block = tdes(hex).encrypt(clear);
        let data = session(&block, PinBlockFormat::Iso0, &key);
        assert_eq!(said(peer, &data, &pan(vector), "1234"), Err(SecurityError::PinBlock), "{id}");
    });
}

/// A block of this PIN in format 0 under the usual terminal key.
fn block(pin: &str, pan: &Pan) -> [u8; 8] {
    let pin = TestPin::new(pin).unwrap_or_else(|error| panic!("{error}"));
    let key = tdes("0123456789ABCDEFFEDCBA9876543210");
    security::encrypt_pin_block_iso0(&pin, pan, &key).bytes()
}

fn terminal(peer: &Peer<'_>) -> LoadedKey {
    peer.key("0123456789ABCDEFFEDCBA9876543210", KeyUsage::PinEncryption)
}

/// Visa PVVs of other implementations.
pub fn pvvs(peer: &Peer<'_>) {
    let terminal = terminal(peer);
    each_vector("pvv_visa", |id, vector| {
        let pan = &pan(vector);
        let key = peer.key(text(vector, "pvk"), KeyUsage::PinVerificationVisa);
        let index = text(vector, "pvki").parse().unwrap_or_default();
        let reference = PinReference::visa(index, text(vector, "pvv"));
        let reference = &reference.unwrap_or_else(|error| panic!("{id}: {error}"));
        let decimalization = &USUAL_DECIMALIZATION;
        let card = PinCard { pan, reference, key: Some(&key), decimalization };
        for (pin, outcome) in
            [(text(vector, "pin"), PinOutcome::Verified), (OTHER_PIN, PinOutcome::Wrong)]
        {
            let block = block(pin, pan);
            let data = session(&block, PinBlockFormat::Iso0, &terminal);
            assert_eq!(peer.module.verify_pin(&data, &card), Ok(outcome), "{id}");
        }
    });
}

/// IBM 3624 offsets over a card number's first sixteen digits.
pub fn ibm_offsets(peer: &Peer<'_>) {
    let terminal = terminal(peer);
    let mut seen = 0;
    each_vector("ibm3624", |id, vector| {
        let pan = &pan(vector);
        let first = pan.expose_digits().iter().take(16).map(|digit| char::from(*digit));
        let usual = format!("{:F<16}", first.collect::<String>());
        // Single DES is refused when it is sealed.
        if text(vector, "validation_data") != usual || text(vector, "pvk").len() == 16 {
            return;
        }
        seen += 1;
        let key = peer.key(text(vector, "pvk"), KeyUsage::PinVerificationIbm);
        let reference = PinReference::ibm_offset(text(vector, "offset"));
        let reference = &reference.unwrap_or_else(|error| panic!("{id}: {error}"));
        let table = text(vector, "decimalization_table").as_bytes().try_into();
        let decimalization = &table.unwrap_or(USUAL_DECIMALIZATION);
        let card = PinCard { pan, reference, key: Some(&key), decimalization };
        let right = block(text(vector, "pin"), pan);
        let data = session(&right, PinBlockFormat::Iso0, &terminal);
        assert_eq!(peer.module.verify_pin(&data, &card), Ok(PinOutcome::Verified), "{id}");
    });
    // The published ones use other digits of the card number; what an offset is shows the change
    // of a PIN there and back.
    let pan = &Pan::from_ascii(b"9417000000000009").unwrap_or_else(|error| panic!("{error}"));
    let key = peer.key(PVK, KeyUsage::PinVerificationIbm);
    let blank = &PinReference::ibm_offset("0000").unwrap_or_else(|error| panic!("{error}"));
    let decimalization = &USUAL_DECIMALIZATION;
    let card = |reference| PinCard { pan, reference, key: Some(&key), decimalization };
    let new = block("482915", pan);
    let new = session(&new, PinBlockFormat::Iso0, &terminal);
    let made = peer.module.change_pin(None, &new, &card(blank));
    let made = made.unwrap_or_else(|error| panic!("{error}")).new.unwrap_or(*blank);
    assert_eq!(peer.module.verify_pin(&new, &card(&made)), Ok(PinOutcome::Verified));
    let other = block("482916", pan);
    let other = session(&other, PinBlockFormat::Iso0, &terminal);
    assert_eq!(peer.module.verify_pin(&other, &card(&made)), Ok(PinOutcome::Wrong));
    let without = PinCard { pan, reference: &made, key: None, decimalization };
    let said = peer.module.verify_pin(&new, &without);
    assert_eq!(said, Err(SecurityError::NoSuchKey), "an offset needs its key");
    assert!(seen <= 25, "counted");
}

/// PIN-4: the current PIN is needed, the new reference is of the new PIN.
pub fn pin_changes(peer: &Peer<'_>) {
    let terminal = terminal(peer);
    let pan = &Pan::from_ascii(b"9417000000000009").unwrap_or_else(|error| panic!("{error}"));
    let key = peer.key(PVK, KeyUsage::PinVerificationVisa);
    let old = pvv(pan, "4739");
    let decimalization = &USUAL_DECIMALIZATION;
    let card = PinCard { pan, reference: &old, key: Some(&key), decimalization };
    let (right, wrong, new) = (block("4739", pan), block("4738", pan), block("1111", pan));
    let data = |block| session(block, PinBlockFormat::Iso0, &terminal);
    let refused = peer.module.change_pin(Some(&data(&wrong)), &data(&new), &card);
    let refused = refused.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((refused.outcome, refused.new), (PinOutcome::Wrong, None));
    let changed = peer.module.change_pin(Some(&data(&right)), &data(&new), &card);
    let changed = changed.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(changed.outcome, PinOutcome::Verified);
    assert_eq!(changed.new, Some(pvv(pan, "1111")));
    let broken = [0u8; 8];
    let said = peer.module.change_pin(Some(&data(&right)), &data(&broken), &card);
    assert_eq!(said, Err(SecurityError::PinBlock), "a new PIN that is none");
}

/// PIN blocks under keys of a transaction, of triple DES and AES.
pub fn dukpt_pins(peer: &Peer<'_>) {
    each_vector("dukpt_tdes", |id, vector| {
        if super::is_skipped_counter(vector) {
            return;
        }
        let base = peer.key(text(vector, "bdk"), KeyUsage::BaseDerivationTdes);
        let (block, ksn) = (bytes(vector, "encrypted_pin_block"), bytes(vector, "ksn"));
        let source = PinSource::Dukpt { base: &base, ksn: &ksn };
        let data = PinData { block: &block, format: PinBlockFormat::Iso0, source };
        check(peer, id, &data, &pan(vector), text(vector, "pin"));
        let short = PinSource::Dukpt { base: &base, ksn: &ksn[..3] };
        let data = PinData { source: short, ..data };
        let said = said(peer, &data, &pan(vector), text(vector, "pin"));
        assert_eq!(said, Err(SecurityError::Ksn), "{id}: a short KSN");
    });
    each_vector("dukpt_aes", |id, vector| {
        if !super::has_keys_of_own_length(vector) {
            return;
        }
        let base = format!("aes:{}", text(vector, "bdk"));
        let base = peer.key(&base, KeyUsage::BaseDerivationAes);
        let (block, ksn) = (bytes(vector, "encrypted_pin_block_iso4"), bytes(vector, "ksn"));
        let source = PinSource::Dukpt { base: &base, ksn: &ksn };
        let data = PinData { block: &block, format: PinBlockFormat::Iso4, source };
        check(peer, id, &data, &pan(vector), text(vector, "pin"));
        let mut other = ksn.clone();
        other[2] ^= 1;
        let data = PinData { source: PinSource::Dukpt { base: &base, ksn: &other }, ..data };
        let said = said(peer, &data, &pan(vector), text(vector, "pin"));
        assert_eq!(said, Err(SecurityError::PinBlock), "{id}: another device's KSN");
    });
}
