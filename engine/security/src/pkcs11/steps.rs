//! The single steps of a key in the token. What comes out of it belongs to one card or one
//! transaction and is wiped after the call; the key itself stays inside.

use super::keys::KeyBox;
use super::operations::{self, aes16, decrypt8, encrypt_pair, encrypt8};
use super::{Pkcs11Module, first_half};
use crate::composed::{Composed, Steps, TransactionKeys, test_pin_message};
use crate::versions::Held;
use crate::{KeyAlgorithm, Mac, MacAlgorithm, SecurityError};
use cryptography::emv::ChipKey;
use cryptography::{AesKey, Pin, dukpt_aes, dukpt_tdes, pin_block, three_d_secure};
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use hmac::Mac as _;
use payment_types::Pan;
use subtle::Choice;
use zeroize::Zeroizing;

impl KeyBox {
    fn require(&self, algorithm: KeyAlgorithm) -> Result<(), SecurityError> {
        if self.algorithm == algorithm { Ok(()) } else { Err(SecurityError::WrongUsage) }
    }

    /// Triple DES: the token makes the terminal's initial key of the base key and its variant.
    fn tdes_keys(&self, ksn: &[u8]) -> Result<dukpt_tdes::WorkingKeys, SecurityError> {
        let ksn = dukpt_tdes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
        let block = dukpt_tdes::initial_key_block(ksn);
        let (left, right) = self.with(|session, key| {
            let variant = key.variant.ok_or(Error::NotSupported)?;
            Ok((encrypt8(session, key.whole, block)?, encrypt8(session, variant, block)?))
        })?;
        Ok(dukpt_tdes::InitialKey::from_halves(left, right).working_keys(ksn))
    }

    fn aes_keys(&self, ksn: &[u8]) -> Result<dukpt_aes::WorkingKeys, SecurityError> {
        let ksn = dukpt_aes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
        let [one, two] = dukpt_aes::initial_key_blocks(self.len, ksn.initial_key_id());
        let initial = self.with(|session, key| {
            let mut initial = Zeroizing::new(aes16(session, key.whole, one, true)?.to_vec());
            if self.len > 16 {
                initial.extend(aes16(session, key.whole, two, true)?);
            }
            initial.truncate(self.len);
            Ok(initial)
        })?;
        Ok(dukpt_aes::working_keys_of_initial(AesKey::from_bytes(&initial)?, ksn))
    }
}

impl Steps for KeyBox {
    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], SecurityError> {
        self.require(KeyAlgorithm::Tdes)?;
        self.with(|session, key| encrypt8(session, key.whole, block))
    }

    fn decrypt(&self, block: [u8; 8]) -> Result<Zeroizing<[u8; 8]>, SecurityError> {
        self.require(KeyAlgorithm::Tdes)?;
        self.with(|session, key| decrypt8(session, key.whole, block)).map(Zeroizing::new)
    }

    fn open_iso4(&self, block: &[u8; 16], pan: &Pan) -> Result<(Pin, Choice), SecurityError> {
        self.require(KeyAlgorithm::Aes)?;
        let pan_field = pin_block::pan_field_iso4(pan);
        let field = self.with(|session, key| {
            let mut inner = Zeroizing::new(aes16(session, key.whole, *block, false)?);
            for (to, from) in inner.iter_mut().zip(pan_field.iter()) {
                *to ^= from;
            }
            aes16(session, key.whole, *inner, false).map(Zeroizing::new)
        })?;
        Ok(pin_block::decode_pin_field_iso4(&field))
    }

    fn encrypt_chained(&self, [first, second]: [[u8; 8]; 2]) -> Result<[u8; 8], SecurityError> {
        self.require(KeyAlgorithm::Tdes)?;
        self.with(|session, key| {
            let part = key.first.ok_or(Error::NotSupported)?;
            let mut chained = Zeroizing::new(encrypt8(session, part, first)?);
            for (to, from) in chained.iter_mut().zip(second) {
                *to ^= from;
            }
            encrypt8(session, key.whole, *chained)
        })
    }

    fn card_key(&self, blocks: [[u8; 8]; 2]) -> Result<ChipKey, SecurityError> {
        self.require(KeyAlgorithm::Tdes)?;
        self.with(|session, key| encrypt_pair(session, key.whole, blocks)).map(ChipKey::from_blocks)
    }

    fn aav(&self, pan: &Pan, first: &[u8; 15]) -> Result<[u8; 5], SecurityError> {
        self.require(KeyAlgorithm::Hmac)?;
        let data = three_d_secure::aav_spa1_data(pan, first);
        self.with(|session, key| {
            let made = session.sign(&Mechanism::Sha1Hmac, key.whole, &data)?;
            made.first_chunk::<5>().copied().ok_or(Error::InvalidValue)
        })
    }

    fn transaction_keys(&self, ksn: &[u8]) -> Result<TransactionKeys, SecurityError> {
        match self.algorithm {
            KeyAlgorithm::Tdes => self.tdes_keys(ksn).map(TransactionKeys::Tdes),
            KeyAlgorithm::Aes => self.aes_keys(ksn).map(TransactionKeys::Aes),
            KeyAlgorithm::Hmac => Err(SecurityError::WrongUsage),
        }
    }

    fn mac(&self, algorithm: MacAlgorithm, data: &[u8]) -> Result<Mac, SecurityError> {
        let aes = algorithm == MacAlgorithm::CmacAes;
        self.require(if aes { KeyAlgorithm::Aes } else { KeyAlgorithm::Tdes })?;
        Mac::new(&self.with(|session, key| operations::mac(session, key, algorithm, data))?)
    }
}

impl Composed for Pkcs11Module {
    type Key = KeyBox;

    fn own_pin_verification(&self) -> &Held<KeyBox> {
        &self.pin_verification
    }

    fn test_pin_digest(&self, pan: &Pan, pin: &Pin) -> Result<[u8; 16], SecurityError> {
        self.require_test_mode()?;
        let mut digest = self.test_pin.clone();
        digest.update(&*test_pin_message(pan, pin));
        Ok(first_half(digest))
    }
}
