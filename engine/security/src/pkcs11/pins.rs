//! PINs: the token decrypts the block, this process looks at it and forgets it within one call,
//! the token encrypts what a PVV or an offset is made of.

use super::Pkcs11Module;
use super::keys::KeyBox;
use super::operations::{aes16, decrypt8, encrypt_pair, encrypt8};
use crate::reference::Kind;
use crate::{
    KeyAlgorithm, KeyUsage, PinBlockFormat, PinCard, PinChange, PinData, PinOutcome, PinReference,
    PinSource, Pins, SecurityError,
};
use cryptography::dukpt_aes::{KeyPurpose, KeyType};
use cryptography::ibm3624::{self, DecimalizationTable, NaturalPin};
use cryptography::pvv::{self, Pvv};
use cryptography::{AesKey, ClearKey, Pin, TdesKey, dukpt_aes, dukpt_tdes, pin_block};
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

const PIN_KEYS: &[KeyUsage] = &[KeyUsage::PinEncryption, KeyUsage::ZonePin];
pub(super) const BASE_KEYS: &[KeyUsage] =
    &[KeyUsage::BaseDerivationTdes, KeyUsage::BaseDerivationAes];

impl Pkcs11Module {
    pub(super) fn open_block(
        data: &PinData<'_>,
        pan: &Pan,
    ) -> Result<(Pin, Choice), SecurityError> {
        if data.block.len() != data.format.block_len() {
            return Err(SecurityError::Malformed("PIN block"));
        }
        // Format 2 is the chip's own: no terminal sends it to an issuer.
        if data.format == PinBlockFormat::Iso2 {
            return Err(SecurityError::Malformed("PIN block format"));
        }
        match data.source {
            PinSource::Session(key) => open_in_token(key.handle(PIN_KEYS)?, data, pan),
            PinSource::Dukpt { base, ksn } => open_here(base.handle(BASE_KEYS)?, ksn, data, pan),
        }
    }

    fn is_right(&self, pin: &Pin, card: &PinCard<'_>) -> Result<Choice, SecurityError> {
        match &card.reference.0 {
            Kind::Visa { pvki, pvv } => Ok(self.pvv(*pvki, pin, card)?.ct_eq(pvv)),
            Kind::Ibm(_) => {
                let offset = card.reference.offset().ok_or(SecurityError::NotOurs)?;
                Ok(ibm3624::verify(&natural(card)?, &offset, pin))
            }
            Kind::TestPin(digest) => {
                self.require_test_mode()?;
                Ok(self.test_pin_digest(card.pan, pin).ct_eq(digest))
            }
        }
    }

    fn reference_of(&self, pin: &Pin, card: &PinCard<'_>) -> Result<PinReference, SecurityError> {
        match &card.reference.0 {
            Kind::Visa { pvki, .. } => {
                let pvv = self.pvv(*pvki, pin, card)?.expose_digits();
                Ok(PinReference(Kind::Visa { pvki: *pvki, pvv }))
            }
            Kind::Ibm(_) => {
                let offset = ibm3624::offset(&natural(card)?, pin);
                PinReference::ibm_digits(&offset.expose_digits())
            }
            Kind::TestPin(_) => {
                self.require_test_mode()?;
                Ok(PinReference(Kind::TestPin(self.test_pin_digest(card.pan, pin))))
            }
        }
    }

    fn pvv(&self, pvki: u8, pin: &Pin, card: &PinCard<'_>) -> Result<Pvv, SecurityError> {
        let held = match card.key {
            Some(key) => key.handle::<KeyBox>(&[KeyUsage::PinVerificationVisa])?,
            None => &self.pin_verification,
        };
        let input = pvv::input(pvki, card.pan, pin);
        held.with(|session, key| encrypt8(session, key.whole, *input)).map(pvv::from_block)
    }
}

impl Pins for Pkcs11Module {
    fn verify_pin(
        &self,
        data: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinOutcome, SecurityError> {
        let (pin, well_formed) = Self::open_block(data, card.pan)?;
        // Compared even if the block is bad, so that both take the same time.
        let equal = self.is_right(&pin, card)?;
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
        let (pin, well_formed) = Self::open_block(new, card.pan)?;
        if !bool::from(well_formed) {
            return Err(SecurityError::PinBlock);
        }
        Ok(PinChange { outcome, new: Some(self.reference_of(&pin, card)?) })
    }
}

const MALFORMED: SecurityError = SecurityError::Malformed("PIN block");

/// Under a working key, which the token has.
fn open_in_token(
    held: &KeyBox,
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    match (data.format, held.algorithm) {
        (PinBlockFormat::Iso4, KeyAlgorithm::Aes) => {
            let block = data.block.try_into().map_err(|_| MALFORMED)?;
            let pan_field = pin_block::pan_field_iso4(pan);
            let field = held.with(|session, key| {
                let mut inner = Zeroizing::new(aes16(session, key.whole, block, false)?);
                for (to, from) in inner.iter_mut().zip(pan_field.iter()) {
                    *to ^= from;
                }
                aes16(session, key.whole, *inner, false).map(Zeroizing::new)
            })?;
            Ok(pin_block::decode_pin_field_iso4(&field))
        }
        (PinBlockFormat::Iso4, _) | (_, KeyAlgorithm::Aes | KeyAlgorithm::Hmac) => {
            Err(SecurityError::WrongUsage)
        }
        (format, KeyAlgorithm::Tdes) => {
            let block = data.block.try_into().map_err(|_| MALFORMED)?;
            let clear = held.with(|session, key| decrypt8(session, key.whole, block))?;
            Ok(pin_block::decode(format, &Zeroizing::new(clear), pan))
        }
    }
}

/// Under a key of the transaction, which the token's base key gives.
fn open_here(
    base: &KeyBox,
    ksn: &[u8],
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    let tdes = |key: &TdesKey| {
        let clear = Zeroizing::new(key.decrypt(data.block.try_into().map_err(|_| MALFORMED)?));
        Ok(pin_block::decode(data.format, &clear, pan))
    };
    if base.algorithm == KeyAlgorithm::Tdes {
        if data.format == PinBlockFormat::Iso4 {
            return Err(SecurityError::WrongUsage);
        }
        return tdes(&tdes_keys(base, ksn)?.pin());
    }
    let keys = aes_keys(base, ksn)?;
    if data.format == PinBlockFormat::Iso4 {
        let block = data.block.try_into().map_err(|_| MALFORMED)?;
        return Ok(pin_block::decrypt_iso4(&keys.pin(), block, pan));
    }
    let bytes = keys.derive(KeyPurpose::PinEncryption, KeyType::Tdes2);
    tdes(&TdesKey::of_any_strength(&ClearKey::from_bytes(&bytes)?))
}

/// The keys of a transaction, triple DES: the token makes the terminal's initial key of the base
/// key and its variant, the rest is done here.
pub(super) fn tdes_keys(
    base: &KeyBox,
    ksn: &[u8],
) -> Result<dukpt_tdes::WorkingKeys, SecurityError> {
    let ksn = dukpt_tdes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
    let block = dukpt_tdes::initial_key_block(ksn);
    let (left, right) = base.with(|session, key| {
        let variant = key.variant.ok_or(cryptoki::error::Error::NotSupported)?;
        Ok((encrypt8(session, key.whole, block)?, encrypt8(session, variant, block)?))
    })?;
    Ok(dukpt_tdes::InitialKey::from_halves(left, right).working_keys(ksn))
}

/// The keys of a transaction, AES.
pub(super) fn aes_keys(base: &KeyBox, ksn: &[u8]) -> Result<dukpt_aes::WorkingKeys, SecurityError> {
    let ksn = dukpt_aes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
    let [one, two] = dukpt_aes::initial_key_blocks(base.len, ksn.initial_key_id());
    let initial = base.with(|session, key| {
        let mut initial = Zeroizing::new(aes16(session, key.whole, one, true)?.to_vec());
        if base.len > 16 {
            initial.extend(aes16(session, key.whole, two, true)?);
        }
        initial.truncate(base.len);
        Ok(initial)
    })?;
    Ok(dukpt_aes::working_keys_of_initial(AesKey::from_bytes(&initial)?, ksn))
}

/// The natural PIN of the card: of the first sixteen digits of its number, filled up with `F`.
fn natural(card: &PinCard<'_>) -> Result<NaturalPin, SecurityError> {
    let key = card.key.ok_or(SecurityError::NoSuchKey)?;
    let held: &KeyBox = key.handle(&[KeyUsage::PinVerificationIbm])?;
    let table = DecimalizationTable::from_ascii(card.decimalization)
        .map_err(|_| SecurityError::Malformed("decimalization table"))?;
    let digits = card.pan.expose_digits().len().min(16);
    let validation = ibm3624::validation_data(card.pan, 0, digits, 0xF)
        .map_err(|_| SecurityError::Malformed("card number"))?;
    let block = held.with(|session, key| encrypt8(session, key.whole, *validation))?;
    Ok(ibm3624::from_block(&table, block))
}

/// A card's own key, from an issuer's master key in the token.
pub(super) fn card_key(
    held: &KeyBox,
    blocks: [[u8; 8]; 2],
) -> Result<cryptography::emv::ChipKey, SecurityError> {
    held.with(|session, key| encrypt_pair(session, key.whole, blocks))
        .map(cryptography::emv::ChipKey::from_blocks)
}
