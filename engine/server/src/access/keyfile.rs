//! A personal key in a file, encrypted by a passphrase: what `tamga user key new` makes and `tamga
//! sign` opens. The engine never sees one.
//!
//! Text: a line that says what it is, one with the public half, one with the secret half sealed by
//! AES-256-GCM-SIV under an argon2id hash of the passphrase (64 MiB, as a file can be tried without
//! limit).

use super::hashing::derive;
use super::personal_key::public_of;
use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use thiserror::Error;
use zeroize::Zeroizing;

const HEADING: &str = "tamga-personal-key-1";
const SALT: usize = 16;
const MEMORY_KIB: u32 = 65_536;

/// Why a key file can't be made or opened.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// Not one.
    #[error("this is no file that `tamga user key new` made")]
    Form,
    /// The passphrase, or the file is damaged.
    #[error("the passphrase does not open this key")]
    Passphrase,
    /// The system gave no randomness, or the hash can't be made.
    #[error("{0}")]
    System(String),
}

/// A new key: its file and its public half.
///
/// # Errors
/// [`KeyFileError::System`].
pub fn generate(passphrase: &str) -> Result<(String, [u8; 32]), KeyFileError> {
    let (mut secret, mut salt) = (Zeroizing::new([0; 32]), [0; SALT]);
    for bytes in [secret.as_mut_slice(), salt.as_mut_slice()] {
        getrandom::fill(bytes).map_err(|error| KeyFileError::System(error.to_string()))?;
    }
    let public = public_of(&secret);
    let sealed = cipher(passphrase, &salt)?
        .encrypt(&Nonce::default(), Payload { msg: secret.as_slice(), aad: &public })
        .map_err(|_| KeyFileError::Passphrase)?;
    let (public_text, sealed) = (hex::encode(public), hex::encode([&salt[..], &sealed].concat()));
    Ok((format!("{HEADING}\npublic {public_text}\nsecret {sealed}\n"), public))
}

/// The public half of a file; needs no passphrase.
///
/// # Errors
/// [`KeyFileError::Form`].
pub fn public(text: &str) -> Result<[u8; 32], KeyFileError> {
    let (public, _) = parts(text).ok_or(KeyFileError::Form)?;
    Ok(public)
}

/// The secret half.
///
/// # Errors
/// [`KeyFileError`].
pub fn open(text: &str, passphrase: &str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let (public, stored) = parts(text).ok_or(KeyFileError::Form)?;
    let (salt, sealed) = stored.split_at_checked(SALT).ok_or(KeyFileError::Form)?;
    let opened = cipher(passphrase, salt)?
        .decrypt(&Nonce::default(), Payload { msg: sealed, aad: &public })
        .map(Zeroizing::new)
        .map_err(|_| KeyFileError::Passphrase)?;
    let secret = opened.as_slice().try_into().map(Zeroizing::new);
    let secret: Zeroizing<[u8; 32]> = secret.map_err(|_| KeyFileError::Form)?;
    if public_of(&secret) == public { Ok(secret) } else { Err(KeyFileError::Form) }
}

fn parts(text: &str) -> Option<([u8; 32], Vec<u8>)> {
    let mut lines = text.lines();
    (lines.next()? == HEADING).then_some(())?;
    let public = hex::decode(lines.next()?.strip_prefix("public ")?).ok()?;
    let secret = hex::decode(lines.next()?.strip_prefix("secret ")?).ok()?;
    Some((public.try_into().ok()?, secret))
}

/// The nonce is fixed: a salt is used for one key only.
fn cipher(passphrase: &str, salt: &[u8]) -> Result<Aes256GcmSiv, KeyFileError> {
    let key = derive(passphrase, salt, MEMORY_KIB);
    let key = key.map_err(|error| KeyFileError::System(error.to_string()))?;
    Ok(Aes256GcmSiv::new((&*key).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_passphrase_and_no_other_and_not_when_changed() {
        let (file, key) = generate("a long passphrase").unwrap();
        assert_eq!(public(&file).unwrap(), key);
        let secret = open(&file, "a long passphrase").unwrap();
        assert_eq!(public_of(&secret), key);
        assert!(!file.contains(&hex::encode(*secret)));
        assert!(matches!(open(&file, "another"), Err(KeyFileError::Passphrase)));
        let swapped = file.replace(&hex::encode(key), &hex::encode([5; 32]));
        assert!(open(&swapped, "a long passphrase").is_err());
        for bad in ["", HEADING, "tamga-personal-key-1\npublic 00\nsecret 00\n"] {
            assert!(matches!(open(bad, "x"), Err(KeyFileError::Form)), "{bad}");
        }
    }
}
