//! PINs: decrypted, looked at and forgotten within one call.

use super::{BASE_KEYS, Composed, Steps, TransactionKeys};
use crate::reference::Kind;
use crate::versions::{Held, Live};
use crate::{
    KeyUsage, PinBlockFormat, PinCard, PinChange, PinData, PinOutcome, PinReference, PinSource,
    Pins, SecurityError, TdesKey,
};
use cryptography::dukpt_aes::{KeyPurpose, KeyType};
use cryptography::ibm3624::{self, DecimalizationTable, NaturalPin};
use cryptography::pvv::{self, Pvv};
use cryptography::{ClearKey, Pin, pin_block};
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

const PIN_KEYS: &[KeyUsage] = &[KeyUsage::PinEncryption, KeyUsage::ZonePin];
const MALFORMED: SecurityError = SecurityError::Malformed("PIN block");

impl<M: Composed> Pins for M {
    fn verify_pin(
        &self,
        data: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinOutcome, SecurityError> {
        let (pin, well_formed) = open_block::<M>(data, card.pan)?;
        // Compared even if the block is bad, so that both take the same time.
        let equal = is_right(self, &pin, card)?;
        match (bool::from(well_formed), bool::from(equal)) {
            (false, _) => Err(SecurityError::PinBlock),
            (true, true) => Ok(PinOutcome::Verified),
            (true, false) => Ok(PinOutcome::Wrong),
        }
    }

    fn change_pin(
        &self,
        current: Option<&PinData<'_>>,
        new: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinChange, SecurityError> {
        let outcome = match current {
            Some(data) => self.verify_pin(data, card)?,
            None => PinOutcome::Verified,
        };
        if outcome == PinOutcome::Wrong {
            return Ok(PinChange { outcome, new: None });
        }
        let (pin, well_formed) = open_block::<M>(new, card.pan)?;
        if !bool::from(well_formed) {
            return Err(SecurityError::PinBlock);
        }
        Ok(PinChange { outcome, new: Some(reference_of(self, &pin, card)?) })
    }
}

/// The PIN in a block, and whether the block is one. With a key of several versions, the first
/// one under which it is.
pub(super) fn open_block<M: Composed>(
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    if data.block.len() != data.format.block_len() {
        return Err(MALFORMED);
    }
    // Format 2 is the chip's own: no terminal sends it to an issuer.
    if data.format == PinBlockFormat::Iso2 {
        return Err(SecurityError::Malformed("PIN block format"));
    }
    let (held, ksn): (&Held<M::Key>, _) = match data.source {
        PinSource::Session(key) => (key.handle(PIN_KEYS)?, None),
        PinSource::Dukpt { base, ksn } => (base.handle(BASE_KEYS)?, Some(ksn)),
    };
    let mut opened: Option<(Pin, Choice)> = None;
    held.each(|live| {
        if !opened.as_ref().is_some_and(|(_, good)| bool::from(*good)) {
            opened = Some(match ksn {
                None => open_here(&live.key, data, pan)?,
                Some(ksn) => open_of_transaction(&live.key.transaction_keys(ksn)?, data, pan)?,
            });
        }
        Ok(())
    })?;
    opened.ok_or(SecurityError::NoSuchKey)
}

/// Under a working key.
fn open_here(
    key: &impl Steps,
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    if data.format == PinBlockFormat::Iso4 {
        return key.open_iso4(data.block.try_into().map_err(|_| MALFORMED)?, pan);
    }
    let clear = key.decrypt(data.block.try_into().map_err(|_| MALFORMED)?)?;
    Ok(pin_block::decode(data.format, &clear, pan))
}

/// Under a key of the transaction.
fn open_of_transaction(
    keys: &TransactionKeys,
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    let tdes = |key: &TdesKey| {
        let clear = Zeroizing::new(key.decrypt(data.block.try_into().map_err(|_| MALFORMED)?));
        Ok(pin_block::decode(data.format, &clear, pan))
    };
    match (keys, data.format) {
        (TransactionKeys::Tdes(_), PinBlockFormat::Iso4) => Err(SecurityError::WrongUsage),
        (TransactionKeys::Tdes(keys), _) => tdes(&keys.pin()),
        (TransactionKeys::Aes(keys), PinBlockFormat::Iso4) => {
            let block = data.block.try_into().map_err(|_| MALFORMED)?;
            Ok(pin_block::decrypt_iso4(&keys.pin(), block, pan))
        }
        (TransactionKeys::Aes(keys), _) => {
            // Formats of eight bytes are under a DES key, derived from the same AES key.
            let bytes = keys.derive(KeyPurpose::PinEncryption, KeyType::Tdes2);
            tdes(&TdesKey::of_any_strength(&ClearKey::from_bytes(&bytes)?))
        }
    }
}

/// Whether the PIN is the card's.
fn is_right<M: Composed>(
    module: &M,
    pin: &Pin,
    card: &PinCard<'_>,
) -> Result<Choice, SecurityError> {
    match &card.reference.0 {
        Kind::Visa { pvki, pvv } => {
            // A PVV names its key by an index: the version that has it answers or, where none has,
            // what has no index.
            let (mut by_index, mut without) = (None, Choice::from(0));
            visa_key(module, card)?.each(|live| {
                let equal = made(live, *pvki, card.pan, pin)?.ct_eq(pvv);
                match live.pvki {
                    Some(index) if index == *pvki => by_index = Some(equal),
                    Some(_) => (),
                    None => without |= equal,
                }
                Ok(())
            })?;
            Ok(by_index.unwrap_or(without))
        }
        Kind::Ibm(_) => {
            let offset = card.reference.offset().ok_or(SecurityError::NotOurs)?;
            ibm_key::<M>(card)?.any(|key| Ok(ibm3624::verify(&natural(key, card)?, &offset, pin)))
        }
        Kind::TestPin(digest) => Ok(module.test_pin_digest(card.pan, pin)?.ct_eq(digest)),
    }
}

/// The reference of a new PIN, of the kind the card has.
fn reference_of<M: Composed>(
    module: &M,
    pin: &Pin,
    card: &PinCard<'_>,
) -> Result<PinReference, SecurityError> {
    match &card.reference.0 {
        Kind::Visa { pvki, .. } => visa_key(module, card)?.current(|live| {
            let pvki = live.pvki.unwrap_or(*pvki);
            let pvv = made(live, pvki, card.pan, pin)?.expose_digits();
            Ok(PinReference(Kind::Visa { pvki, pvv }))
        }),
        Kind::Ibm(_) => ibm_key::<M>(card)?.current(|live| {
            let offset = ibm3624::offset(&natural(&live.key, card)?, pin);
            PinReference::ibm_digits(&offset.expose_digits())
        }),
        Kind::TestPin(_) => Ok(PinReference(Kind::TestPin(module.test_pin_digest(card.pan, pin)?))),
    }
}

fn visa_key<'a, M: Composed>(
    module: &'a M,
    card: &PinCard<'a>,
) -> Result<&'a Held<M::Key>, SecurityError> {
    match card.key {
        Some(key) => key.handle(&[KeyUsage::PinVerificationVisa]),
        None => Ok(module.own_pin_verification()),
    }
}

fn made(live: &Live<impl Steps>, pvki: u8, pan: &Pan, pin: &Pin) -> Result<Pvv, SecurityError> {
    live.key.encrypt(*pvv::input(pvki, pan, pin)).map(pvv::from_block)
}

fn ibm_key<'a, M: Composed>(card: &PinCard<'a>) -> Result<&'a Held<M::Key>, SecurityError> {
    card.key.ok_or(SecurityError::NoSuchKey)?.handle(&[KeyUsage::PinVerificationIbm])
}

/// The natural PIN of the card: of the first sixteen digits of its number, filled up with `F`.
fn natural(key: &impl Steps, card: &PinCard<'_>) -> Result<NaturalPin, SecurityError> {
    let table = DecimalizationTable::from_ascii(card.decimalization)
        .map_err(|_| SecurityError::Malformed("decimalization table"))?;
    let digits = card.pan.expose_digits().len().min(16);
    let validation = ibm3624::validation_data(card.pan, 0, digits, 0xF)
        .map_err(|_| SecurityError::Malformed("card number"))?;
    Ok(ibm3624::from_block(&table, key.encrypt(*validation)?))
}

/// What the digest of a test PIN is made over: always one block long, whatever the lengths of card
/// number and PIN; both lengths are part of it.
pub(crate) fn test_pin_message(pan: &Pan, pin: &Pin) -> Zeroizing<[u8; 20 + 13]> {
    let mut message = Zeroizing::new([0xFF; 20 + 13]);
    let (number, secret) = message.split_at_mut(20);
    for (to, from) in number.iter_mut().zip(pan.expose_digits()) {
        *to = *from;
    }
    for (to, from) in secret.iter_mut().zip([pin.expose_len()].iter().chain(pin.expose_places())) {
        *to = *from;
    }
    message
}
