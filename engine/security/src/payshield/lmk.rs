//! Keys under the published test master keys of these modules (variant scheme).
//!
//! A module that is delivered for tests holds these master keys; they are in its manuals and in
//! every simulator, so what is under them is as good as in clear. Keys under a production master
//! key look the same and cannot be read here.
//!
//! A key's type chooses a pair of master keys and a variant of its first half; the part of the key
//! chooses a variant of the second half. Variants are exclusive-ors of the half's first byte.

use crate::KeyUsage;
use cryptography::{CheckValue, ClearKey, TdesKey};

/// What the module says its test master keys check to, in the answer to `NC`.
pub const TEST_LMK_CHECK_VALUE: &str = "2686047547902175";

/// The type that a key under a master key has: a digit of variant, two of pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyType(pub [u8; 3]);

/// Why a key cannot be had from under the master keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LmkError {
    /// The type is none.
    Type,
    /// The scheme is none of the variant schemes, or not of this length.
    Scheme,
    /// What comes out has not the odd parity of a key: another master key, type or text.
    Parity,
}

impl KeyType {
    /// A zone master key: keys travel under it.
    pub const ZMK: Self = Self(*b"000");
    /// A network's PIN key.
    pub const ZPK: Self = Self(*b"001");
    /// A terminal's PIN key, master key, and keys for verifying PINs.
    pub const TPK: Self = Self(*b"002");
    /// A terminal's MAC key.
    pub const TAK: Self = Self(*b"003");
    /// A network's MAC key.
    pub const ZAK: Self = Self(*b"008");
    /// A DUKPT base derivation key.
    pub const BDK: Self = Self(*b"009");
    /// The issuer's key for application cryptograms.
    pub const MK_AC: Self = Self(*b"109");
    /// The issuer's key for MACs of scripts.
    pub const MK_SMI: Self = Self(*b"209");
    /// The issuer's key for secrets in scripts.
    pub const MK_SMC: Self = Self(*b"309");
    /// A card verification key.
    pub const CVK: Self = Self(*b"402");

    /// The type of keys of this usage; `None` where the variant scheme has none.
    #[must_use]
    pub const fn of(usage: KeyUsage) -> Option<Self> {
        Some(match usage {
            // Of type ZMK, since both ways of the exchange (A0 and A6) take that.
            KeyUsage::TerminalMaster | KeyUsage::KeyBlockProtection => Self::ZMK,
            KeyUsage::PinEncryption
            | KeyUsage::PinVerificationVisa
            | KeyUsage::PinVerificationIbm => Self::TPK,
            KeyUsage::MacTerminal => Self::TAK,
            KeyUsage::BaseDerivationTdes => Self::BDK,
            KeyUsage::CardVerification | KeyUsage::CardholderAuthentication => Self::CVK,
            KeyUsage::ChipCryptogram => Self::MK_AC,
            KeyUsage::ChipScriptMac => Self::MK_SMI,
            KeyUsage::ChipScriptConfidentiality => Self::MK_SMC,
            KeyUsage::ZonePin => Self::ZPK,
            KeyUsage::ZoneMac => Self::ZAK,
            KeyUsage::BaseDerivationAes
            | KeyUsage::AccountholderAuthentication
            | KeyUsage::CardDynamic
            | KeyUsage::Data => return None,
        })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    fn master(self) -> Result<[u8; 16], LmkError> {
        let [variant, high, low] = self.0;
        let variant = VARIANTS.get(usize::from(variant.wrapping_sub(b'0')));
        let pair = PAIRS.iter().find(|(code, _)| *code == [high, low]);
        let (Some(variant), Some((_, mut master))) = (variant, pair.copied()) else {
            return Err(LmkError::Type);
        };
        if let Some(first) = master.first_mut() {
            *first ^= variant;
        }
        Ok(master)
    }
}

/// Of the first half, by the type's first digit.
const VARIANTS: [u8; 10] = [0, 0xA6, 0x5A, 0x6A, 0xDE, 0x2B, 0x50, 0x74, 0x9C, 0xFA];
/// Of the second half, by the part of a double-length key.
const OF_DOUBLE: [u8; 2] = [0xA6, 0x5A];
/// The same for triple length.
const OF_TRIPLE: [u8; 3] = [0x6A, 0xDE, 0x2B];

const fn pair(left: u64, right: u64) -> [u8; 16] {
    (((left as u128) << 64) | right as u128).to_be_bytes()
}

/// The test master keys by the two digits of a type, pairs 04-05 to 38-39.
const PAIRS: [([u8; 2], [u8; 16]); 15] = [
    (*b"00", pair(0x4040_4040_4040_4040, 0x5151_5151_5151_5151)),
    (*b"01", pair(0x6161_6161_6161_6161, 0x7070_7070_7070_7070)),
    (*b"02", pair(0xE0E0_0101_0101_0101, 0xF1F1_0101_0101_0101)),
    (*b"03", pair(0x1C58_7F1C_1392_4FEF, 0x0101_0101_0101_0101)),
    (*b"04", pair(0x0101_0101_0101_0101, 0x0101_0101_0101_0101)),
    (*b"05", pair(0x0202_0202_0202_0202, 0x0404_0404_0404_0404)),
    (*b"06", pair(0x0707_0707_0707_0707, 0x1010_1010_1010_1010)),
    (*b"07", pair(0x1313_1313_1313_1313, 0x1515_1515_1515_1515)),
    (*b"08", pair(0x1616_1616_1616_1616, 0x1919_1919_1919_1919)),
    (*b"09", pair(0x1A1A_1A1A_1A1A_1A1A, 0x1C1C_1C1C_1C1C_1C1C)),
    (*b"0A", pair(0x2323_2323_2323_2323, 0x2525_2525_2525_2525)),
    (*b"0B", pair(0x2626_2626_2626_2626, 0x2929_2929_2929_2929)),
    (*b"0C", pair(0x2A2A_2A2A_2A2A_2A2A, 0x2C2C_2C2C_2C2C_2C2C)),
    (*b"0D", pair(0x2F2F_2F2F_2F2F_2F2F, 0x3131_3131_3131_3131)),
    (*b"0E", pair(0x0101_0101_0101_0101, 0x0101_0101_0101_0101)),
];

/// The key under the test master keys, with its scheme letter. It gets odd parity, which changes
/// nothing of what it computes.
///
/// # Errors
/// [`LmkError::Type`], [`LmkError::Scheme`] for a single-length key.
pub fn under_test_lmk(key: &ClearKey, key_type: KeyType) -> Result<String, LmkError> {
    let key = key.clone().with_odd_parity();
    let (letter, variants) = scheme(key.expose_bytes().len())?;
    let mut text = String::from(letter);
    for (part, variant) in key.expose_bytes().chunks_exact(8).zip(variants) {
        let block = part.try_into().map_err(|_| LmkError::Scheme)?;
        text += &hex::encode_upper(master(key_type, *variant)?.encrypt(block));
    }
    Ok(text)
}

/// The other way.
///
/// # Errors
/// [`LmkError`].
pub fn from_under_test_lmk(text: &str, key_type: KeyType) -> Result<ClearKey, LmkError> {
    let (letter, digits) = text.split_at_checked(1).ok_or(LmkError::Scheme)?;
    let bytes = hex::decode(digits).map_err(|_| LmkError::Scheme)?;
    let (expected, variants) = scheme(bytes.len())?;
    if letter != expected.to_string() {
        return Err(LmkError::Scheme);
    }
    let mut clear = zeroize::Zeroizing::new(Vec::with_capacity(bytes.len()));
    for (part, variant) in bytes.chunks_exact(8).zip(variants) {
        let block = part.try_into().map_err(|_| LmkError::Scheme)?;
        clear.extend_from_slice(&master(key_type, *variant)?.decrypt(block));
    }
    let key = ClearKey::from_bytes(&clear).map_err(|_| LmkError::Scheme)?;
    if key.has_odd_parity() { Ok(key) } else { Err(LmkError::Parity) }
}

fn scheme(length: usize) -> Result<(char, &'static [u8]), LmkError> {
    match length {
        16 => Ok(('U', &OF_DOUBLE)),
        24 => Ok(('T', &OF_TRIPLE)),
        _ => Err(LmkError::Scheme),
    }
}

fn master(key_type: KeyType, variant: u8) -> Result<TdesKey, LmkError> {
    let mut master = key_type.master()?;
    if let Some(second) = master.get_mut(8) {
        *second ^= variant;
    }
    Ok(TdesKey::derived(&master))
}

/// A key's check value as these modules make it.
#[must_use]
pub fn check_value(key: &ClearKey) -> CheckValue {
    key.check_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_under_their_own_type_only() {
        let double = ClearKey::from_hex("0123456789ABCDEFFEDCBA9876543210").unwrap();
        let triple =
            ClearKey::from_hex("0123456789ABCDEFFEDCBA98765432108080808080808080").unwrap();
        for usage in KeyUsage::ALL {
            let Some(key_type) = KeyType::of(*usage) else { continue };
            let text = under_test_lmk(&double, key_type).unwrap();
            assert_eq!((text.len(), text.starts_with('U')), (33, true));
            assert_eq!(from_under_test_lmk(&text, key_type), Ok(double.clone()), "{usage}");
            let text = under_test_lmk(&triple, key_type).unwrap();
            assert_eq!((text.len(), text.starts_with('T')), (49, true));
            assert!(from_under_test_lmk(&text, key_type).is_ok(), "{usage}");
        }
        let pin_key = under_test_lmk(&double, KeyType::TPK).unwrap();
        assert_eq!(from_under_test_lmk(&pin_key, KeyType::TAK), Err(LmkError::Parity));
        assert_eq!(from_under_test_lmk(&pin_key, KeyType::CVK), Err(LmkError::Parity));
        assert_eq!(from_under_test_lmk(&pin_key, KeyType(*b"0FF")), Err(LmkError::Type));
        assert_eq!(from_under_test_lmk("U00", KeyType::TPK), Err(LmkError::Scheme));
    }
}
