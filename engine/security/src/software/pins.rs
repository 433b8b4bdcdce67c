//! PINs: decrypted, looked at and forgotten within one call.

use super::SoftwareModule;
use super::material::Material;
use crate::reference::Kind;
use crate::{KeyUsage, PinCard, PinChange, PinData, PinOutcome, PinSource, Pins, SecurityError};
use cryptography::{Pin, pin_block, pvv};
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

impl SoftwareModule {
    fn open_block(&self, data: &PinData<'_>, pan: &Pan) -> Result<(Pin, Choice), SecurityError> {
        let PinSource::Session(key) = data.source else {
            return Err(SecurityError::Unsupported("not in this version"));
        };
        let material: &Material = key.handle(&[KeyUsage::PinEncryption, KeyUsage::ZonePin])?;
        match (data.format, material) {
            (format, Material::Tdes { key, .. }) => {
                let block =
                    data.block.try_into().map_err(|_| SecurityError::Malformed("PIN block"))?;
                let clear = Zeroizing::new(key.decrypt(block));
                Ok(pin_block::decode(format, &clear, pan))
            }
            _ => Err(SecurityError::Unsupported("not in this version")),
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
        let equal = match &card.reference.0 {
            Kind::Visa { pvki, pvv } => {
                pvv::pvv(&self.pin_verification, *pvki, card.pan, &pin).ct_eq(pvv)
            }
            Kind::TestPin(digest) => {
                self.require_test_mode()?;
                self.test_pin_digest(card.pan, &pin).ct_eq(digest)
            }
        };
        match (bool::from(well_formed), bool::from(equal)) {
            (false, _) => Err(SecurityError::PinBlock),
            (true, true) => Ok(PinOutcome::Verified),
            (true, false) => Ok(PinOutcome::Wrong),
        }
    }

    fn change_pin(
        &self,
        _current: Option<&PinData<'_>>,
        _new: &PinData<'_>,
        _card: &PinCard<'_>,
    ) -> Result<PinChange, SecurityError> {
        Err(SecurityError::Unsupported("not in this version"))
    }
}
