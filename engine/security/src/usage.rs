//! What a key may be used for. A key has exactly one usage, and the module holds every operation
//! to it: a PIN key cannot make a MAC, a MAC key cannot open a PIN block.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! usages {
    ($($variant:ident $number:literal $name:literal $tr31:literal $what:literal,)*) => {
        /// The one thing a key is for. The numbers are part of what sealed keys hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum KeyUsage {
            $(#[doc = $what] $variant = $number,)*
        }

        impl KeyUsage {
            /// Every usage.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in files, commands and answers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// The key usage of TR-31 (ANSI X9.143 table 2) that says the same.
            #[must_use]
            pub const fn tr31(self) -> &'static str {
                match self { $(Self::$variant => $tr31,)* }
            }

            pub(crate) const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

usages! {
    TerminalMaster 1 "terminal-master" "K0"
        "a terminal's master key (TMK, ZMK): working keys travel under it",
    PinEncryption 2 "pin-encryption" "P0"
        "a terminal's PIN key (TPK)",
    MacTerminal 3 "mac-terminal" "M3"
        "a terminal's MAC key (TAK)",
    BaseDerivationTdes 4 "base-derivation-tdes" "B0"
        "a DUKPT base derivation key, triple DES",
    BaseDerivationAes 5 "base-derivation-aes" "B0"
        "a DUKPT base derivation key, AES",
    PinVerificationVisa 6 "pin-verification-visa" "V2"
        "PIN verification by Visa PVV (PVK)",
    PinVerificationIbm 7 "pin-verification-ibm" "V1"
        "PIN verification by IBM 3624 offset (PVK)",
    CardVerification 8 "card-verification" "C0"
        "CVV, iCVV, CVV2 (CVK)",
    CardholderAuthentication 9 "cardholder-authentication" "C0"
        "CAVV of 3-D Secure",
    AccountholderAuthentication 10 "accountholder-authentication" "M7"
        "AAV of 3-D Secure (SPA, HMAC)",
    CardDynamic 11 "card-dynamic" "E4"
        "dCVV and CVC3 of contactless magnetic stripe mode (issuer master key)",
    ChipCryptogram 12 "chip-cryptogram" "E0"
        "application cryptograms (issuer master key, IMK-AC)",
    ChipScriptMac 13 "chip-script-mac" "E2"
        "MACs of issuer scripts (issuer master key, IMK-SMI)",
    ChipScriptConfidentiality 14 "chip-script-confidentiality" "E1"
        "secrets in issuer scripts (issuer master key, IMK-SMC)",
    KeyBlockProtection 15 "key-block-protection" "K1"
        "key blocks (TR-31) to and from other parties (KBPK, ZMK)",
    ZonePin 16 "zone-pin" "P0"
        "a network's PIN key (ZPK)",
    ZoneMac 17 "zone-mac" "M3"
        "a network's MAC key (ZAK)",
    Data 18 "data" "D0"
        "data at rest, sealed and never exported",
}

impl KeyUsage {
    /// From [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|usage| usage.name() == name)
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a key computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum KeyAlgorithm {
    /// Triple DES with a double- or triple-length key.
    Tdes = 1,
    /// AES.
    Aes = 2,
    /// HMAC.
    Hmac = 3,
}

impl KeyAlgorithm {
    /// The name in files, commands and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tdes => "tdes",
            Self::Aes => "aes",
            Self::Hmac => "hmac",
        }
    }

    /// From [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tdes, Self::Aes, Self::Hmac].into_iter().find(|one| one.name() == name)
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Tdes),
            2 => Some(Self::Aes),
            3 => Some(Self::Hmac),
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl KeyUsage {
    /// Whether a key of this usage can be of that algorithm.
    #[must_use]
    pub const fn allows(self, algorithm: KeyAlgorithm) -> bool {
        match self {
            Self::TerminalMaster
            | Self::PinEncryption
            | Self::MacTerminal
            | Self::KeyBlockProtection
            | Self::ZonePin
            | Self::ZoneMac => matches!(algorithm, KeyAlgorithm::Tdes | KeyAlgorithm::Aes),
            Self::BaseDerivationAes | Self::Data => matches!(algorithm, KeyAlgorithm::Aes),
            Self::AccountholderAuthentication => matches!(algorithm, KeyAlgorithm::Hmac),
            _ => matches!(algorithm, KeyAlgorithm::Tdes),
        }
    }

    /// The algorithm where nothing else is said: the only one the usage has, else triple DES.
    #[must_use]
    pub const fn usual_algorithm(self) -> KeyAlgorithm {
        match self {
            Self::BaseDerivationAes | Self::Data => KeyAlgorithm::Aes,
            Self::AccountholderAuthentication => KeyAlgorithm::Hmac,
            _ => KeyAlgorithm::Tdes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_come_back() {
        for usage in KeyUsage::ALL {
            assert_eq!(KeyUsage::from_name(usage.name()), Some(*usage));
            assert_eq!(KeyUsage::from_number(*usage as u8), Some(*usage));
            assert!(usage.allows(usage.usual_algorithm()), "{usage}");
        }
        assert_eq!(KeyUsage::from_number(0), None);
        assert_eq!(KeyUsage::from_name("pin"), None);
        assert_eq!(KeyAlgorithm::from_name("aes"), Some(KeyAlgorithm::Aes));
    }
}
