//! PINs: decrypted, looked at and forgotten within one call.

use super::SoftwareModule;
use super::held::{Held, Live};
use super::material::Material;
use crate::reference::Kind;
use crate::{
    KeyUsage, PinBlockFormat, PinCard, PinChange, PinData, PinOutcome, PinReference, PinSource,
    Pins, SecurityError, TdesKey,
};
use cryptography::dukpt_aes::{KeyPurpose, KeyType};
use cryptography::ibm3624::{self, DecimalizationTable, NaturalPin};
use cryptography::{AesKey, ClearKey, Pin, dukpt_aes, dukpt_tdes, pin_block, pvv};
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

const PIN_KEYS: &[KeyUsage] = &[KeyUsage::PinEncryption, KeyUsage::ZonePin];
pub(super) const BASE_KEYS: &[KeyUsage] =
    &[KeyUsage::BaseDerivationTdes, KeyUsage::BaseDerivationAes];

/// The key of one block.
enum BlockKey<'a> {
    Tdes(&'a TdesKey),
    Aes(&'a AesKey),
}

impl SoftwareModule {
    /// The PIN in a block, and whether the block is one. With a key of several versions, the first
    /// one under which it is.
    pub(super) fn open_block(
        &self,
        data: &PinData<'_>,
        pan: &Pan,
    ) -> Result<(Pin, Choice), SecurityError> {
        if data.block.len() != data.format.block_len() {
            return Err(SecurityError::Malformed("PIN block"));
        }
        let (held, ksn): (&Held, _) = match data.source {
            PinSource::Session(key) => (key.handle(PIN_KEYS)?, None),
            PinSource::Dukpt { base, ksn } => (base.handle(BASE_KEYS)?, Some(ksn)),
        };
        let mut opened: Option<(Pin, Choice)> = None;
        held.each(|live| {
            if !opened.as_ref().is_some_and(|(_, good)| bool::from(*good)) {
                opened = Some(open_with(live, ksn, data, pan)?);
            }
            Ok(())
        })?;
        opened.ok_or(SecurityError::NoSuchKey)
    }

    /// Whether the PIN is the card's.
    fn is_right(&self, pin: &Pin, card: &PinCard<'_>) -> Result<Choice, SecurityError> {
        let pan = card.pan;
        match &card.reference.0 {
            Kind::Visa { pvki, pvv: expected } => match card.key {
                None => Ok(pvv::pvv(&self.pin_verification, *pvki, pan, pin).ct_eq(expected)),
                Some(key) => key.handle::<Held>(&[KeyUsage::PinVerificationVisa])?.any(|live| {
                    let this_index = live.pvki.is_none_or(|index| index == *pvki);
                    let equal = pvv::pvv(live.tdes()?, *pvki, pan, pin).ct_eq(expected);
                    Ok(equal & Choice::from(u8::from(this_index)))
                }),
            },
            Kind::Ibm(_) => {
                let offset = card.reference.offset().ok_or(SecurityError::NotOurs)?;
                ibm_key(card)?.any(|live| Ok(ibm3624::verify(&natural(live, card)?, &offset, pin)))
            }
            Kind::TestPin(digest) => {
                self.require_test_mode()?;
                Ok(self.test_pin_digest(pan, pin).ct_eq(digest))
            }
        }
    }

    /// The reference of a new PIN, of the kind the card has.
    fn reference_of(&self, pin: &Pin, card: &PinCard<'_>) -> Result<PinReference, SecurityError> {
        let pan = card.pan;
        match &card.reference.0 {
            Kind::Visa { pvki, .. } => {
                let made = |key: &TdesKey, pvki| {
                    let digits = pvv::pvv(key, pvki, pan, pin).expose_digits();
                    PinReference(Kind::Visa { pvki, pvv: digits })
                };
                match card.key {
                    None => Ok(made(&self.pin_verification, *pvki)),
                    Some(key) => key
                        .handle::<Held>(&[KeyUsage::PinVerificationVisa])?
                        .current(|live| Ok(made(live.tdes()?, live.pvki.unwrap_or(*pvki)))),
                }
            }
            Kind::Ibm(_) => ibm_key(card)?.current(|live| {
                let offset = ibm3624::offset(&natural(live, card)?, pin);
                PinReference::ibm_digits(&offset.expose_digits())
            }),
            Kind::TestPin(_) => {
                self.require_test_mode()?;
                Ok(PinReference(Kind::TestPin(self.test_pin_digest(pan, pin))))
            }
        }
    }
}

impl Pins for SoftwareModule {
    fn verify_pin(
        &self,
        data: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinOutcome, SecurityError> {
        let (pin, well_formed) = self.open_block(data, card.pan)?;
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
        let (pin, well_formed) = self.open_block(new, card.pan)?;
        if !bool::from(well_formed) {
            return Err(SecurityError::PinBlock);
        }
        Ok(PinChange { outcome, new: Some(self.reference_of(&pin, card)?) })
    }
}

/// Decrypts with one version of a key.
fn open_with(
    live: &Live,
    ksn: Option<&[u8]>,
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    match (&live.material, ksn) {
        (Material::Tdes { key, .. }, None) => decode(BlockKey::Tdes(key), data, pan),
        (Material::Aes(key), None) => decode(BlockKey::Aes(key), data, pan),
        (Material::Tdes { clear, .. }, Some(ksn)) => {
            let ksn = dukpt_tdes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
            let base = dukpt_tdes::BaseKey::new(clear)?;
            let key = dukpt_tdes::working_keys(&base, ksn).pin();
            decode(BlockKey::Tdes(&key), data, pan)
        }
        (Material::Aes(base), Some(ksn)) => {
            let ksn = dukpt_aes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
            let keys = dukpt_aes::working_keys(base, ksn);
            if data.format == PinBlockFormat::Iso4 {
                return decode(BlockKey::Aes(&keys.pin()), data, pan);
            }
            // Formats of eight bytes are under a DES key, derived from the same AES key.
            let bytes = keys.derive(KeyPurpose::PinEncryption, KeyType::Tdes2);
            let key = TdesKey::of_any_strength(&ClearKey::from_bytes(&bytes)?);
            decode(BlockKey::Tdes(&key), data, pan)
        }
        (Material::Hmac(_), _) => Err(SecurityError::WrongUsage),
    }
}

fn decode(
    key: BlockKey<'_>,
    data: &PinData<'_>,
    pan: &Pan,
) -> Result<(Pin, Choice), SecurityError> {
    let malformed = |_| SecurityError::Malformed("PIN block");
    match (data.format, key) {
        (PinBlockFormat::Iso4, BlockKey::Aes(key)) => {
            let block = data.block.try_into().map_err(malformed)?;
            Ok(pin_block::decrypt_iso4(key, block, pan))
        }
        // Format 2 is the chip's own: no terminal sends it to an issuer.
        (PinBlockFormat::Iso2, _) => Err(SecurityError::Malformed("PIN block format")),
        (format, BlockKey::Tdes(key)) => {
            let clear = Zeroizing::new(key.decrypt(data.block.try_into().map_err(malformed)?));
            Ok(pin_block::decode(format, &clear, pan))
        }
        // Format 4 with a DES key, or an eight-byte format with an AES key.
        _ => Err(SecurityError::WrongUsage),
    }
}

fn ibm_key<'a>(card: &PinCard<'a>) -> Result<&'a Held, SecurityError> {
    let key = card.key.ok_or(SecurityError::NoSuchKey)?;
    key.handle(&[KeyUsage::PinVerificationIbm])
}

/// The natural PIN of the card: of the first sixteen digits of its number, filled up with `F`.
fn natural(live: &Live, card: &PinCard<'_>) -> Result<NaturalPin, SecurityError> {
    let malformed = |_| SecurityError::Malformed("decimalization table");
    let table = DecimalizationTable::from_ascii(card.decimalization).map_err(malformed)?;
    let digits = card.pan.expose_digits().len().min(16);
    let validation = ibm3624::validation_data(card.pan, 0, digits, 0xF);
    let validation = validation.map_err(|_| SecurityError::Malformed("card number"))?;
    Ok(ibm3624::natural_pin(live.tdes()?, &table, &validation))
}
