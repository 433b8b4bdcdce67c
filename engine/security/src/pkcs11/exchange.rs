//! Working keys under a master key of the token. Tokens unwrap neither bare ECB nor key blocks, so
//! a working key is in this process's memory while it is made or taken in, and wiped after.

use super::keys::KeyBox;
use super::{Held, Pkcs11Module};
use crate::software::key_block;
use crate::{
    AesKey, CheckValue, ClearKey, Generated, KeyAlgorithm, KeyExchange, KeyForm, KeyUsage,
    LoadedKey, SealedKey, SecurityError, TdesKey, TestKey, WorkingKey,
};
use cryptography::tr31::{BlockKeys, KeyBlockError, Version};
use cryptoki::mechanism::Mechanism;
use zeroize::Zeroizing;

const MASTER: &[KeyUsage] = &[KeyUsage::TerminalMaster];
const WORKING: &[KeyUsage] =
    &[KeyUsage::PinEncryption, KeyUsage::MacTerminal, KeyUsage::ZonePin, KeyUsage::ZoneMac];

impl KeyExchange for Pkcs11Module {
    fn generate_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
    ) -> Result<Generated, SecurityError> {
        let held: &Held = master.handle(MASTER)?;
        if !WORKING.contains(&wanted.usage) {
            return Err(SecurityError::WrongUsage);
        }
        let key = self.random_key(wanted.algorithm)?;
        let (bytes, check_value) = described(&key)?;
        let delivered = held.current(|live| wrapped(&live.key, wanted, &bytes))?;
        let sealed = self.seal(&key, wanted.usage, false)?;
        Ok(Generated { sealed, delivered, check_value })
    }

    fn import_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
        delivered: &[u8],
        check_value: Option<CheckValue>,
    ) -> Result<SealedKey, SecurityError> {
        let held: &Held = master.handle(MASTER)?;
        if !WORKING.contains(&wanted.usage) {
            return Err(SecurityError::WrongUsage);
        }
        let bytes = held.current(|live| unwrapped(&live.key, wanted, delivered))?;
        let key = key_of(wanted.algorithm, &bytes)?;
        let (_, own) = described(&key)?;
        if check_value.is_some_and(|given| given != own) {
            return Err(SecurityError::Malformed("working key: another check value than given"));
        }
        self.seal(&key, wanted.usage, false)
    }
}

/// As the other party gets it.
fn wrapped(master: &KeyBox, wanted: WorkingKey, bytes: &[u8]) -> Result<Vec<u8>, SecurityError> {
    match (wanted.form, master.algorithm) {
        (KeyForm::Ecb, algorithm) => {
            master.with(|session, master| session.encrypt(&ecb(algorithm), master.whole, bytes))
        }
        (KeyForm::Tr31B, KeyAlgorithm::Tdes) | (KeyForm::Tr31D, KeyAlgorithm::Aes) => {
            let (keys, version) = block_keys(master)?;
            let (usage, algorithm) = (wanted.usage, wanted.algorithm);
            Ok(key_block::wrap_with(&keys, version, usage, algorithm, bytes)?.into_bytes())
        }
        _ => Err(SecurityError::WrongUsage),
    }
}

/// As the other party sent it.
fn unwrapped(
    master: &KeyBox,
    wanted: WorkingKey,
    delivered: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    match (wanted.form, master.algorithm) {
        (KeyForm::Ecb, algorithm) => {
            let block = if algorithm == KeyAlgorithm::Tdes { 8 } else { 16 };
            if delivered.is_empty() || !delivered.len().is_multiple_of(block) {
                return Err(SecurityError::Malformed("working key"));
            }
            let clear = master
                .with(|session, master| session.decrypt(&ecb(algorithm), master.whole, delivered));
            clear.map(Zeroizing::new)
        }
        (KeyForm::Tr31B | KeyForm::Tr31D, _) => {
            let text = core::str::from_utf8(delivered)
                .map_err(|_| SecurityError::Malformed("key block"))?;
            let (keys, _) = block_keys(master)?;
            let opened = key_block::unwrap_with(&keys, wanted.usage, text)?;
            if opened.algorithm != wanted.algorithm {
                return Err(SecurityError::WrongUsage);
            }
            Ok(opened.key)
        }
    }
}

const fn ecb(algorithm: KeyAlgorithm) -> Mechanism<'static> {
    match algorithm {
        KeyAlgorithm::Aes => Mechanism::AesEcb,
        KeyAlgorithm::Tdes | KeyAlgorithm::Hmac => Mechanism::Des3Ecb,
    }
}

fn key_of(algorithm: KeyAlgorithm, bytes: &[u8]) -> Result<TestKey, SecurityError> {
    Ok(match algorithm {
        KeyAlgorithm::Tdes => {
            let key = ClearKey::from_bytes(bytes)?;
            TdesKey::new(&key)?;
            TestKey::Tdes(key)
        }
        KeyAlgorithm::Aes => TestKey::Aes(AesKey::from_bytes(bytes)?),
        KeyAlgorithm::Hmac => return Err(SecurityError::WrongUsage),
    })
}

/// A key's bytes and check value.
fn described(key: &TestKey) -> Result<(Zeroizing<Vec<u8>>, CheckValue), SecurityError> {
    match key {
        TestKey::Tdes(key) => Ok((Zeroizing::new(key.expose_bytes().to_vec()), key.check_value())),
        TestKey::Aes(key) => Ok((Zeroizing::new(key.expose_bytes().to_vec()), key.check_value())),
        TestKey::Hmac(_) => Err(SecurityError::WrongUsage),
    }
}

impl Pkcs11Module {
    /// Of the token's random numbers.
    fn random_key(&self, algorithm: KeyAlgorithm) -> Result<TestKey, SecurityError> {
        loop {
            let random = self.token.with(|session| session.generate_random_vec(16))?;
            let random = Zeroizing::new(random);
            if algorithm != KeyAlgorithm::Tdes {
                return key_of(algorithm, &random);
            }
            let key = ClearKey::from_bytes(&random)?.with_odd_parity();
            if TdesKey::new(&key).is_ok() {
                return Ok(TestKey::Tdes(key));
            }
        }
    }
}

/// What deriving the keys of a key block may fail with.
enum Refusal {
    Block,
    Token(SecurityError),
}

impl From<KeyBlockError> for Refusal {
    fn from(_: KeyBlockError) -> Self {
        Self::Block
    }
}

/// The keys of a block under this protecting key, derived by the token's CMAC.
fn block_keys(held: &KeyBox) -> Result<(BlockKeys, Version), SecurityError> {
    let version = match held.algorithm {
        KeyAlgorithm::Tdes => Version::B,
        KeyAlgorithm::Aes => Version::D,
        KeyAlgorithm::Hmac => return Err(SecurityError::WrongUsage),
    };
    let keys = BlockKeys::derive(version, held.len, |data| held.cmac(data).map_err(Refusal::Token));
    match keys {
        Ok(keys) => Ok((keys, version)),
        Err(Refusal::Token(error)) => Err(error),
        Err(Refusal::Block) => Err(SecurityError::WrongUsage),
    }
}
