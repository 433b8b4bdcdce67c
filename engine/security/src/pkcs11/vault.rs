//! Sealed keys: wrapped under the token's own key, with a MAC over what they are for; and names of
//! keys in the token.
//!
//! Sealed: `4`, usage, algorithm, origin, length of the key, length of the wrapped key, check value,
//! the wrapped key, its wrapped part if it needs one, sixteen bytes of HMAC-SHA-256. Named: `5`,
//! usage, name.

use super::keys::{KeyBox, Origin, describe, label, store};
use super::{Held, NamedKey, Pkcs11Module, first_half};
use crate::versions::Live;
use crate::{
    CheckValue, KeyAlgorithm, KeyUsage, LoadedKey, SealedKey, SecurityError, TestKey, Vault,
};
use hmac::{KeyInit, Mac};
use std::sync::Arc;
use subtle::ConstantTimeEq;

const WRAPPED: u8 = 4;
const NAMED: u8 = 5;
const MAC: usize = 16;
/// Where a key came from: a test key is refused outside test mode.
const TEST: u8 = 1;
const OWN: u8 = 2;

impl Pkcs11Module {
    /// Stores a key in the token for good, sensitive and not extractable, under the label
    /// `<usage>/<name>`: what a key ceremony ends with. Its parts that the usage needs (the first
    /// half for CVV and retail MACs, the variant for DUKPT) go with it.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Key`] for a weak key,
    /// [`SecurityError::Malformed`] if the name is taken.
    pub fn store_key(
        &self,
        name: &str,
        usage: KeyUsage,
        key: &TestKey,
    ) -> Result<CheckValue, SecurityError> {
        store(&self.token, name, usage, key)?;
        Ok(self.load(&named(name, usage)?, usage)?.check_value())
    }

    /// Seals a key that this module made or took in.
    pub(super) fn seal(
        &self,
        key: &TestKey,
        usage: KeyUsage,
        test: bool,
    ) -> Result<SealedKey, SecurityError> {
        let origin = self.master.wrapped(&self.token, key, usage)?;
        let len = match key {
            TestKey::Tdes(key) => key.expose_bytes().len(),
            TestKey::Aes(key) => key.len(),
            TestKey::Hmac(key) => key.len(),
        };
        self.sealed((usage, key.algorithm(), len), &origin, check_value_of(key), test)
    }

    pub(super) fn sealed(
        &self,
        (usage, algorithm, len): (KeyUsage, KeyAlgorithm, usize),
        origin: &Origin,
        check_value: CheckValue,
        test: bool,
    ) -> Result<SealedKey, SecurityError> {
        let Origin::Wrapped { whole, part } = origin else { return Err(SecurityError::NotOurs) };
        let small = |len: usize| u8::try_from(len).map_err(|_| SecurityError::Malformed("key"));
        let from = if test { TEST } else { OWN };
        let head = [WRAPPED, usage as u8, algorithm as u8, from, small(len)?, small(whole.len())?];
        let body =
            [&head[..], &check_value.bytes(), whole, part.as_deref().unwrap_or_default()].concat();
        SealedKey::from_bytes(&[&body[..], &self.seal_mac(&body)].concat())
    }

    fn seal_mac(&self, body: &[u8]) -> [u8; MAC] {
        let mut state = self.seal.clone();
        state.update(body);
        first_half(state)
    }

    fn opened(
        &self,
        sealed: &[u8],
        usage: KeyUsage,
    ) -> Result<(KeyBox, CheckValue), SecurityError> {
        let until = sealed.len().checked_sub(MAC).ok_or(SecurityError::NotOurs)?;
        let (body, mac) = sealed.split_at_checked(until).ok_or(SecurityError::NotOurs)?;
        if !bool::from(self.seal_mac(body).ct_eq(mac)) {
            return Err(SecurityError::NotOurs);
        }
        let [WRAPPED, sealed_for, algorithm, from, len, whole, a, b, c, rest @ ..] = body else {
            return Err(SecurityError::NotOurs);
        };
        if KeyUsage::from_number(*sealed_for) != Some(usage) {
            return Err(SecurityError::WrongUsage);
        }
        if *from == TEST {
            self.require_test_mode()?;
        }
        let algorithm = KeyAlgorithm::from_number(*algorithm).ok_or(SecurityError::NotOurs)?;
        let split = rest.split_at_checked(usize::from(*whole));
        let (whole, part) = split.ok_or(SecurityError::NotOurs)?;
        let part = (!part.is_empty()).then(|| part.to_vec());
        let origin = Origin::Wrapped { whole: whole.to_vec(), part };
        let kind = (usage, algorithm, usize::from(*len));
        let check_value = CheckValue::from_bytes([*a, *b, *c]);
        Ok((self.master.boxed(&self.token, kind, origin), check_value))
    }

    fn named(&self, name: &[u8], usage: KeyUsage) -> Result<KeyBox, SecurityError> {
        let name = core::str::from_utf8(name).map_err(|_| SecurityError::NotOurs)?;
        let label = label(usage, name);
        let (algorithm, len) = describe(&self.token, &label)?.ok_or(SecurityError::NoSuchKey)?;
        if !usage.allows(algorithm) {
            return Err(SecurityError::WrongUsage);
        }
        Ok(self.master.boxed(&self.token, (usage, algorithm, len), Origin::Label(label)))
    }

    /// The versions of a key that the table names, in its order: the current one first.
    pub(super) fn versions(
        &self,
        name: &str,
        usage: KeyUsage,
    ) -> Result<Vec<Live<KeyBox>>, (SecurityError, String)> {
        let rows = self.table.get(name, usage).unwrap_or_default();
        let found = rows.iter().map(|row| {
            let object = &row.object;
            let told = |why: String| format!("key table: {name}: object {object}: {why}");
            let failed = |error: SecurityError| {
                let why = error.to_string();
                (error, told(why))
            };
            let key = self.named(object.as_bytes(), usage).map_err(failed)?;
            let check_value = key.check_value().map_err(failed)?;
            if row.check_value.is_some_and(|given| given != check_value) {
                let why = format!("its check value is {check_value}, another one");
                return Err((SecurityError::NoSuchKey, told(why)));
            }
            Ok(Live { key, pvki: row.pvki, until: row.accepted_until })
        });
        let found = found.collect::<Result<Vec<_>, _>>()?;
        // What one version computes the next could not be asked.
        let first = found.first().map(|live| live.key.algorithm);
        if let Some(other) = found.iter().find(|live| Some(live.key.algorithm) != first) {
            let algorithm = other.key.algorithm;
            let why =
                format!("key table: {name}: one version is a key of {algorithm}, the first not");
            return Err((SecurityError::WrongUsage, why));
        }
        Ok(found)
    }

    fn load_named(&self, name: &[u8], usage: KeyUsage) -> Result<LoadedKey, SecurityError> {
        let text = core::str::from_utf8(name).map_err(|_| SecurityError::NotOurs)?;
        let versions = match self.table.get(text, usage) {
            Some(_) => self.versions(text, usage).map_err(|(error, _)| error)?,
            None => vec![Live::only(self.named(name, usage)?)],
        };
        let current = versions.first().ok_or(SecurityError::NoSuchKey)?;
        let (algorithm, check_value) = (current.key.algorithm, current.key.check_value()?);
        let named = NamedKey::new(versions, Arc::clone(&self.now));
        let handle = Arc::new(Held::Named(Arc::new(named)));
        Ok(LoadedKey::new(usage, algorithm, check_value, handle))
    }
}

/// As the software module has it: of an HMAC key the HMAC-SHA-256 of nothing.
fn check_value_of(key: &TestKey) -> CheckValue {
    match key {
        TestKey::Tdes(key) => key.check_value(),
        TestKey::Aes(key) => key.check_value(),
        TestKey::Hmac(key) => {
            let mac = super::HmacSha256::new_from_slice(key).map(Mac::finalize);
            mac.map_or(CheckValue::from_bytes([0; 3]), |mac| {
                CheckValue::from_block(&mac.into_bytes())
            })
        }
    }
}

pub(super) fn is_object_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

fn named(name: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
    if !is_object_name(name) {
        return Err(SecurityError::Malformed("key name"));
    }
    SealedKey::from_bytes(&[&[NAMED, usage as u8][..], name.as_bytes()].concat())
}

impl Vault for Pkcs11Module {
    fn load(&self, key: &SealedKey, usage: KeyUsage) -> Result<LoadedKey, SecurityError> {
        match key.as_bytes() {
            [WRAPPED, ..] => {
                let (held, check) = self.opened(key.as_bytes(), usage)?;
                // Brought into the token now, so that a key that cannot be is refused here.
                held.handles()?;
                Ok(LoadedKey::new(usage, held.algorithm, check, Arc::new(Held::one(held))))
            }
            [NAMED, named_for, name @ ..] => {
                if KeyUsage::from_number(*named_for) != Some(usage) {
                    return Err(SecurityError::WrongUsage);
                }
                self.load_named(name, usage)
            }
            _ => Err(SecurityError::NotOurs),
        }
    }

    fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        self.require_test_mode()?;
        self.seal(clear, usage, true)
    }

    fn named_key(&self, name: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        let sealed = named(name, usage)?;
        let tabled = self.table.get(name, usage).is_some();
        if tabled || describe(&self.token, &label(usage, name))?.is_some() {
            return Ok(sealed);
        }
        let elsewhere = KeyUsage::ALL.iter().filter(|other| **other != usage);
        for other in elsewhere {
            let tabled = self.table.get(name, *other).is_some();
            if tabled || describe(&self.token, &label(*other, name))?.is_some() {
                return Err(SecurityError::WrongUsage);
            }
        }
        Err(SecurityError::NoSuchKey)
    }
}
