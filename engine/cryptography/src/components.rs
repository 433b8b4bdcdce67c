//! A key ceremony: a key as the XOR of components that different people hold.

use crate::{ClearKey, KeyError};
use zeroize::Zeroizing;

/// The DES-family key of two or more components, its parity set odd.
///
/// # Errors
/// [`KeyError::Length`] if their lengths differ or there are fewer than two.
pub fn combine(components: &[ClearKey]) -> Result<ClearKey, KeyError> {
    let [first, rest @ ..] = components else { return Err(KeyError::Length) };
    if rest.is_empty() {
        return Err(KeyError::Length);
    }
    let mut whole = first.clone();
    for component in rest {
        whole = whole.combined_with(component)?;
    }
    Ok(whole.with_odd_parity())
}

/// The bytes of a key of any kind of two or more components (AES and HMAC keys have no parity).
///
/// # Errors
/// [`KeyError::Length`] if their lengths differ or there are fewer than two.
pub fn combine_bytes(components: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let [first, rest @ ..] = components else { return Err(KeyError::Length) };
    if rest.is_empty() || rest.iter().any(|component| component.len() != first.len()) {
        return Err(KeyError::Length);
    }
    let mut whole = Zeroizing::new(first.to_vec());
    for component in rest {
        for (to, from) in whole.iter_mut().zip(*component) {
            *to ^= from;
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_set_of_components() {
        let key = |hex: &str| ClearKey::from_hex(hex).unwrap();
        let long = key("0123456789ABCDEFFEDCBA9876543210");
        assert_eq!(combine(&[]).unwrap_err(), KeyError::Length);
        assert_eq!(combine(std::slice::from_ref(&long)).unwrap_err(), KeyError::Length);
        assert_eq!(combine(&[long, key("0123456789ABCDEF")]).unwrap_err(), KeyError::Length);
        assert!(combine_bytes(&[&[1; 16], &[2; 24]]).is_err() && combine_bytes(&[&[1]]).is_err());
        assert_eq!(&combine_bytes(&[&[1; 16], &[2; 16]]).unwrap()[..], [3; 16]);
    }
}
