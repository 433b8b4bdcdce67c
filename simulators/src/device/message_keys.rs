//! The keys of one message, and what a terminal makes with them.

use super::profile::{MacMethod, SecurityProfile};
use super::{KeyScheme, TestKey};
use crate::SimError;
use crate::gear::MAC_LEN;
use crate::pin::TypedPin;
use cryptography::mac::{MacAlgorithm, MacKey, Padding, mac};
use cryptography::pin_block::{self, PinBlockFormat};
use cryptography::{AesKey, ClearKey, TdesKey, dukpt_aes, dukpt_tdes};
use payment_types::Pan;

/// A cipher with its key.
#[derive(Debug, Clone)]
enum Cipher {
    Tdes(Box<TdesKey>),
    Aes(AesKey),
}

/// The keys of one message: of a session, or derived for this transaction alone.
#[derive(Debug, Clone)]
pub struct MessageKeys {
    profile: SecurityProfile,
    serial: Option<Vec<u8>>,
    // What is missing is told when it is needed: a terminal without a MAC has no MAC key.
    pin: Result<Cipher, String>,
    request_mac: Result<Cipher, String>,
    answer_mac: Result<Cipher, String>,
}

impl MessageKeys {
    pub(super) fn session(
        profile: SecurityProfile,
        pin: Result<TestKey, String>,
        mac: Result<TestKey, String>,
    ) -> Self {
        let cipher = |key: Result<TestKey, String>| {
            key.and_then(|key| Cipher::of(&key).map_err(|error| error.to_string()))
        };
        let mac = cipher(mac);
        Self { profile, serial: None, pin: cipher(pin), request_mac: mac.clone(), answer_mac: mac }
    }

    pub(super) fn dukpt(
        profile: SecurityProfile,
        base: &TestKey,
        serial: &[u8],
        told: Option<&[u8]>,
    ) -> Result<Self, SimError> {
        let bad = |error: cryptography::Malformed| SimError::Key(error.to_string());
        let [pin, request, answer] = if profile.keys == KeyScheme::DukptAes {
            let ksn = dukpt_aes::Ksn::new(serial).map_err(bad)?;
            let keys = dukpt_aes::working_keys(&aes(base)?, ksn);
            [keys.pin(), keys.mac_request(), keys.mac_response()].map(Cipher::Aes)
        } else {
            let ksn = dukpt_tdes::Ksn::new(serial).map_err(bad)?;
            let base = dukpt_tdes::BaseKey::new(&clear(base)?).map_err(not_a_key)?;
            let keys = dukpt_tdes::working_keys(&base, ksn);
            let keys = [keys.pin(), keys.mac_request(), keys.mac_response()];
            keys.map(Box::new).map(Cipher::Tdes)
        };
        Ok(Self {
            profile,
            serial: Some(told.unwrap_or(serial).to_vec()),
            pin: Ok(pin),
            request_mac: Ok(request),
            answer_mac: Ok(answer),
        })
    }

    /// The key serial number that tells the host which keys these are.
    #[must_use]
    pub fn serial(&self) -> Option<&[u8]> {
        self.serial.as_deref()
    }

    /// The block of a typed PIN in the terminal's format. `random` fills what the format leaves
    /// open.
    ///
    /// # Errors
    /// [`SimError::PinBlock`] for a PIN of other than 4 to 12 digits or a format nobody has;
    /// [`SimError::Key`].
    pub fn pin_block(
        &self,
        typed: &TypedPin,
        pan: &Pan,
        random: &[u8],
    ) -> Result<Vec<u8>, SimError> {
        let pin = typed.pin()?;
        let number = self.profile.pin_format;
        let format = match number {
            0 => PinBlockFormat::Iso0,
            1 => PinBlockFormat::Iso1,
            3 => PinBlockFormat::Iso3,
            4 => PinBlockFormat::Iso4,
            _ => return Err(SimError::PinBlock(format!("terminals have no format {number}"))),
        };
        let bad = |error: cryptography::Malformed| SimError::PinBlock(error.to_string());
        match needed(&self.pin)? {
            Cipher::Aes(key) if format == PinBlockFormat::Iso4 => {
                let random = random.first_chunk().copied().unwrap_or_default();
                Ok(pin_block::encrypt_iso4(key, &pin, pan, random).to_vec())
            }
            Cipher::Tdes(key) if format != PinBlockFormat::Iso4 => {
                let block = pin_block::encode(format, &pin, pan, random).map_err(bad)?;
                Ok(key.encrypt(*block).to_vec())
            }
            _ => Err(SimError::PinBlock("format 4 and AES keys go together".to_owned())),
        }
    }

    /// Whether that is the PIN in a block; `None` if the block is none under these keys.
    pub(crate) fn opened(
        &self,
        block: &[u8],
        pan: &Pan,
    ) -> Option<impl Fn(&TypedPin) -> bool + use<>> {
        let format = match self.profile.pin_format {
            0 => PinBlockFormat::Iso0,
            1 => PinBlockFormat::Iso1,
            3 => PinBlockFormat::Iso3,
            _ => PinBlockFormat::Iso4,
        };
        let (pin, is_one) = match needed(&self.pin).ok()? {
            Cipher::Aes(key) => pin_block::decrypt_iso4(key, block.try_into().ok()?, pan),
            Cipher::Tdes(key) => {
                pin_block::decode(format, &key.decrypt(block.try_into().ok()?), pan)
            }
        };
        let is_it = move |typed: &TypedPin| typed.pin().is_ok_and(|own| pin.ct_eq(&own).into());
        bool::from(is_one).then_some(is_it)
    }

    /// The MAC of a request over the bytes before it.
    ///
    /// # Errors
    /// [`SimError::Key`] without a MAC key, or one that does not suit the algorithm.
    pub fn request_mac(&self, data: &[u8]) -> Result<[u8; MAC_LEN], SimError> {
        self.mac(&self.request_mac, data)
    }

    /// The MAC an answer must have.
    ///
    /// # Errors
    /// As [`Self::request_mac`].
    pub fn answer_mac(&self, data: &[u8]) -> Result<[u8; MAC_LEN], SimError> {
        self.mac(&self.answer_mac, data)
    }

    fn mac(&self, key: &Result<Cipher, String>, data: &[u8]) -> Result<[u8; MAC_LEN], SimError> {
        let cipher = needed(key)?;
        let key = match cipher {
            Cipher::Tdes(key) => MacKey::Tdes(key),
            Cipher::Aes(key) => MacKey::Aes(key),
        };
        let algorithm = match (self.profile.mac_algorithm, cipher) {
            (MacMethod::Algorithm1, _) => MacAlgorithm::Iso9797Alg1,
            (MacMethod::Algorithm3, _) => MacAlgorithm::Iso9797Alg3,
            (MacMethod::Cmac, Cipher::Tdes(_)) => MacAlgorithm::CmacTdes,
            (MacMethod::Cmac, Cipher::Aes(_)) => MacAlgorithm::CmacAes,
        };
        let made = mac(algorithm, Padding::One, key, data);
        let made = made.map_err(|error| SimError::Key(error.to_string()))?;
        Ok(made.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl Cipher {
    fn of(key: &TestKey) -> Result<Self, SimError> {
        if key.is_aes() { aes(key).map(Self::Aes) } else { tdes(key).map(Box::new).map(Self::Tdes) }
    }
}

fn needed(cipher: &Result<Cipher, String>) -> Result<&Cipher, SimError> {
    cipher.as_ref().map_err(|missing| SimError::Key(missing.clone()))
}

/// The key as one of AES.
pub(crate) fn aes(key: &TestKey) -> Result<AesKey, SimError> {
    AesKey::from_bytes(key.expose()).map_err(not_a_key)
}

/// The key as one of triple DES.
pub(crate) fn tdes(key: &TestKey) -> Result<TdesKey, SimError> {
    TdesKey::new(&clear(key)?).map_err(not_a_key)
}

pub(crate) fn clear(key: &TestKey) -> Result<ClearKey, SimError> {
    ClearKey::from_bytes(key.expose()).map_err(not_a_key)
}

fn not_a_key(error: cryptography::KeyError) -> SimError {
    SimError::Key(error.to_string())
}
