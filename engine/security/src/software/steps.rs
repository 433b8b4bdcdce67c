//! The single steps of a key in this process.

use super::SoftwareModule;
use super::material::Material;
use super::{finish, first_half};
use crate::composed::{Composed, Steps, TransactionKeys, compute, test_pin_message};
use crate::versions::Held;
use crate::{Mac, MacAlgorithm, SecurityError};
use cryptography::emv::ChipKey;
use cryptography::mac::MacKey;
use cryptography::{Pin, card_value, dukpt_aes, dukpt_tdes, pin_block, three_d_secure};
use hmac::Mac as _;
use payment_types::Pan;
use subtle::Choice;
use zeroize::Zeroizing;

impl Steps for Material {
    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], SecurityError> {
        Ok(self.tdes()?.encrypt(block))
    }

    fn decrypt(&self, block: [u8; 8]) -> Result<Zeroizing<[u8; 8]>, SecurityError> {
        Ok(Zeroizing::new(self.tdes()?.decrypt(block)))
    }

    fn open_iso4(&self, block: &[u8; 16], pan: &Pan) -> Result<(Pin, Choice), SecurityError> {
        Ok(pin_block::decrypt_iso4(self.aes()?, block, pan))
    }

    fn encrypt_chained(&self, blocks: [[u8; 8]; 2]) -> Result<[u8; 8], SecurityError> {
        Ok(card_value::encrypt_chained(self.tdes()?, blocks))
    }

    fn card_key(&self, blocks: [[u8; 8]; 2]) -> Result<ChipKey, SecurityError> {
        let key = self.tdes()?;
        Ok(ChipKey::from_blocks(blocks.map(|block| key.encrypt(block))))
    }

    fn aav(&self, pan: &Pan, first: &[u8; 15]) -> Result<[u8; 5], SecurityError> {
        let Self::Hmac(key) = self else { return Err(SecurityError::WrongUsage) };
        three_d_secure::aav_spa1(key, pan, first).map_err(|error| SecurityError::Malformed(error.0))
    }

    fn transaction_keys(&self, ksn: &[u8]) -> Result<TransactionKeys, SecurityError> {
        match self {
            Self::Tdes { clear, .. } => {
                let ksn = dukpt_tdes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
                let base = dukpt_tdes::BaseKey::new(clear)?;
                Ok(TransactionKeys::Tdes(dukpt_tdes::working_keys(&base, ksn)))
            }
            Self::Aes(base) => {
                let ksn = dukpt_aes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
                Ok(TransactionKeys::Aes(dukpt_aes::working_keys(base, ksn)))
            }
            Self::Hmac(_) => Err(SecurityError::WrongUsage),
        }
    }

    fn mac(&self, algorithm: MacAlgorithm, data: &[u8]) -> Result<Mac, SecurityError> {
        match self {
            Self::Tdes { key, .. } => compute(algorithm, MacKey::Tdes(key), data),
            Self::Aes(key) => compute(algorithm, MacKey::Aes(key), data),
            Self::Hmac(_) => Err(SecurityError::WrongUsage),
        }
    }
}

impl Composed for SoftwareModule {
    type Key = Material;

    fn own_pin_verification(&self) -> &Held<Material> {
        &self.pin_verification
    }

    fn test_pin_digest(&self, pan: &Pan, pin: &Pin) -> Result<[u8; 16], SecurityError> {
        self.require_test_mode()?;
        let mut digest = self.test_pin.clone();
        digest.update(&*test_pin_message(pan, pin));
        Ok(first_half(finish(digest)))
    }
}
