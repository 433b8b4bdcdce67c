//! Personal keys (SIG-2): Ed25519 signatures of a digest, made by the browser or by `tamga sign`,
//! checked here.
//!
//! An order's digest is SHA-256 over all of it, the order's own number and kind among them; the proof
//! of possession is a text that no digest can be, so a signature for one is none for the other.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// The bytes that are signed to show that a user has the secret half of a key.
#[must_use]
pub fn possession_text(user: &str, key: &[u8; 32]) -> Vec<u8> {
    format!("tamga personal key v1\n{user}\n{}", hex::encode(key)).into_bytes()
}

/// Whether the key made this signature of the text. Strict: no weak keys, no second encodings.
#[must_use]
pub fn is_of(key: &[u8; 32], text: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(key) else { return false };
    !key.is_weak() && key.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
}

/// Signs with a secret half, as the command line does.
#[must_use]
pub fn sign(secret: &[u8; 32], text: &[u8]) -> [u8; 64] {
    SigningKey::from_bytes(secret).sign(text).to_bytes()
}

/// The public half of a secret one.
#[must_use]
pub fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_as_rfc_8032_section_7_1_says() {
        let secret =
            hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let secret: [u8; 32] = secret.unwrap().try_into().unwrap();
        let key = public_of(&secret);
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex::encode(key), expected);
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        let signature: [u8; 64] = hex::decode(signature).unwrap().try_into().unwrap();
        assert_eq!(sign(&secret, b""), signature);
        assert!(is_of(&key, b"", &signature));
        assert!(!is_of(&key, b"x", &signature));
        assert!(!is_of(&[0; 32], b"", &signature));
        assert!(!is_of(&[1; 32], b"", &[0; 64]));
    }

    #[test]
    fn a_signature_for_one_purpose_is_none_for_another() {
        let (secret, digest) = ([3; 32], [4; 32]);
        let key = public_of(&secret);
        let signature = sign(&secret, &digest);
        assert!(is_of(&key, &digest, &signature));
        assert!(!is_of(&key, &[5; 32], &signature));
        assert!(!is_of(&key, &possession_text("aida", &key), &signature));
    }
}
