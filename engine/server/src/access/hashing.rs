//! Passwords as argon2id hashes, with the parameters that OWASP's cheat sheet on password storage
//! asks for: 19 MiB, two passes, one lane.
//!
//! A hash costs tens of milliseconds by design, so it is made off the event loop and only so many at
//! a time: a flood of logins waits, and takes neither the memory nor the processors that payments
//! need. Work for an unknown user is the same as for a known one.

use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

const SALT: usize = 16;
const HASH: usize = 32;
/// What the first byte of a stored hash stands for: the parameters below.
const FORM: u8 = 1;
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes made at a time.
const AT_A_TIME: usize = 2;

/// Why no hash was made.
#[derive(Debug, Error)]
pub enum HashingError {
    /// The system gave no randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
    /// The parameters or the password's length.
    #[error("argon2id: {0}")]
    Argon2(argon2::Error),
    /// The task that made it ended on a fault.
    #[error("hashing a password ended on a fault of the program")]
    Fault,
}

/// Makes hashes and compares with them.
#[derive(Clone)]
pub struct Hasher(Arc<Semaphore>);

impl Default for Hasher {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Hasher {
    /// A new hash with a salt of its own.
    ///
    /// # Errors
    /// [`HashingError`].
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<Vec<u8>, HashingError> {
        self.off_the_loop(move || hash(&password)).await?
    }

    /// Whether the password is that of the stored hash. Without a hash the work is done all the
    /// same, and the answer is no.
    ///
    /// # Errors
    /// [`HashingError`].
    pub async fn matches(
        &self,
        password: Zeroizing<String>,
        stored: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<bool, HashingError> {
        self.off_the_loop(move || matches(&password, stored.as_deref().map(Vec::as_slice))).await?
    }

    async fn off_the_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(|_| HashingError::Fault)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|_| HashingError::Fault)
    }
}

/// A new hash: form, salt, hash.
///
/// # Errors
/// [`HashingError`].
pub fn hash(password: &str) -> Result<Vec<u8>, HashingError> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(HashingError::Random)?;
    let hash = derive(password, &salt, MEMORY_KIB)?;
    Ok([&[FORM], salt.as_slice(), hash.as_slice()].concat())
}

/// Whether the password is that of the stored hash, in the time of one hash in any case.
///
/// # Errors
/// [`HashingError`].
pub fn matches(password: &str, stored: Option<&[u8]>) -> Result<bool, HashingError> {
    let parts = stored.and_then(|stored| {
        let (form, rest) = stored.split_first()?;
        let (salt, hash) = rest.split_at_checked(SALT)?;
        (*form == FORM && hash.len() == HASH).then_some((salt, hash))
    });
    let (salt, expected) = parts.unwrap_or((&[0; SALT], &[0; HASH]));
    let hash = derive(password, salt, MEMORY_KIB)?;
    Ok(bool::from(hash.ct_eq(expected)) && parts.is_some())
}

pub(super) fn derive(
    password: &str,
    salt: &[u8],
    memory_kib: u32,
) -> Result<Zeroizing<[u8; HASH]>, HashingError> {
    let params =
        Params::new(memory_kib, PASSES, LANES, Some(HASH)).map_err(HashingError::Argon2)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = Zeroizing::new([0; HASH]);
    argon2
        .hash_password_into(password.as_bytes(), salt, hash.as_mut())
        .map_err(HashingError::Argon2)?;
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_password_and_no_other() {
        let stored = hash("correct horse battery").unwrap();
        assert!(matches("correct horse battery", Some(&stored)).unwrap());
        assert!(!matches("correct horse batterY", Some(&stored)).unwrap());
        assert!(!matches("", Some(&stored)).unwrap());
        assert_ne!(stored, hash("correct horse battery").unwrap(), "salted");
    }

    #[test]
    fn nothing_matches_what_is_no_hash() {
        for stored in [None, Some(&[][..]), Some(&[FORM; 5][..]), Some(&[9; 49][..])] {
            assert!(!matches("anything", stored).unwrap());
        }
    }

    #[test]
    fn the_hash_is_argon2id_as_the_reference_implementation_makes_it() {
        // From its test.c: two passes, 64 MiB, one lane.
        let hash = derive("password", b"somesalt", 65_536).unwrap();
        let expected = "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7";
        assert_eq!(hex::encode(*hash), expected);
    }
}
