//! Keys that come with the commands, under the test master keys.

use cryptography::{ClearKey, TdesKey};
use security::payshield::lmk::{self, KeyType, LmkError};
use security::payshield::{ResultCode, Values};
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// Opens keys, and makes new ones.
pub(super) struct Vault {
    seed: u64,
    made: AtomicU64,
}

impl Vault {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, made: AtomicU64::new(0) }
    }

    /// A new double-length key: another one each time, the same ones in each run.
    pub(super) fn new_key(&self) -> Result<ClearKey, ResultCode> {
        let bytes = self.bytes();
        let key = bytes.get(..16).ok_or(ResultCode::INTERNAL)?;
        let key = ClearKey::from_bytes(key).map_err(|_| ResultCode::INTERNAL)?;
        Ok(key.with_odd_parity())
    }

    /// What fills up PIN blocks and key blocks.
    pub(super) fn bytes(&self) -> [u8; 32] {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut hash = Sha256::new();
        hash.update(b"tamga-sim hsm");
        hash.update(self.seed.to_be_bytes());
        hash.update(number.to_be_bytes());
        hash.finalize().into()
    }

    /// The key in that field; a parity error is answered with `parity`.
    pub(super) fn open(
        &self,
        values: &Values,
        field: &str,
        key_type: KeyType,
        parity: ResultCode,
    ) -> Result<ClearKey, ResultCode> {
        let key =
            lmk::from_under_test_lmk(values.text(field), key_type).map_err(
                |error| match error {
                    LmkError::Type => ResultCode::KEY_TYPE,
                    LmkError::Scheme => ResultCode::KEY_SCHEME,
                    LmkError::Parity => parity,
                },
            )?;
        // The real one has a name for single length in disguise.
        TdesKey::new(&key).map_err(|_| ResultCode(*b"75"))?;
        Ok(key)
    }

    /// The same, ready for use: the first key of a command.
    pub(super) fn first(
        &self,
        values: &Values,
        field: &str,
        key_type: KeyType,
    ) -> Result<TdesKey, ResultCode> {
        let key = self.open(values, field, key_type, ResultCode::SOURCE_KEY_PARITY)?;
        Ok(TdesKey::of_any_strength(&key))
    }

    /// The second one.
    pub(super) fn second(
        &self,
        values: &Values,
        field: &str,
        key_type: KeyType,
    ) -> Result<TdesKey, ResultCode> {
        let key = self.open(values, field, key_type, ResultCode::DESTINATION_KEY_PARITY)?;
        Ok(TdesKey::of_any_strength(&key))
    }
}

/// The type that a field names, if it is one that this command takes.
pub(super) fn key_type(values: &Values, field: &str) -> Result<KeyType, ResultCode> {
    let code: [u8; 3] =
        values.text(field).as_bytes().try_into().map_err(|_| ResultCode::KEY_TYPE)?;
    let known = [
        KeyType::ZMK,
        KeyType::ZPK,
        KeyType::TPK,
        KeyType::TAK,
        KeyType::ZAK,
        KeyType::BDK,
        KeyType::MK_AC,
        KeyType::MK_SMI,
        KeyType::MK_SMC,
        KeyType::CVK,
    ];
    known.into_iter().find(|known| known.0 == code).ok_or(ResultCode::KEY_TYPE)
}

/// Under the master keys again.
pub(super) fn seal(key: &ClearKey, key_type: KeyType) -> Result<String, ResultCode> {
    lmk::under_test_lmk(key, key_type).map_err(|_| ResultCode::KEY_LENGTH)
}

/// A field's bytes in an array.
pub(super) fn array<const N: usize>(values: &Values, field: &str) -> Result<[u8; N], ResultCode> {
    values.get(field).and_then(|value| value.try_into().ok()).ok_or(ResultCode::INPUT)
}

/// A field's hex digits in an array.
pub(super) fn from_hex<const N: usize>(
    values: &Values,
    field: &str,
) -> Result<[u8; N], ResultCode> {
    let mut bytes = [0; N];
    hex::decode_to_slice(values.text(field), &mut bytes).map_err(|_| ResultCode::INPUT)?;
    Ok(bytes)
}
