//! What the security module found out about a message: facts, never secrets and never a decision.

use crate::PinReferenceBytes;
use serde::{Deserialize, Serialize};

/// What is known about the PIN of a request (CTL-6, PIN-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinFact {
    /// None was given.
    #[default]
    NotPresent,
    /// The PIN block held the right PIN.
    OnlineVerified,
    /// The PIN block held a wrong PIN.
    OnlineWrong,
    /// The PIN block can't be read, or there is nothing to check it against. Not a wrong PIN.
    Unverifiable,
    /// The chip says that it checked the PIN (9F34).
    OfflineVerified,
    /// The cardholder's own device checked the holder (CDCVM).
    DeviceVerified,
    /// There is a PIN block, and the security module can't be asked now. Not a wrong PIN.
    Unavailable,
}

/// What came of checking something that a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// It was not there.
    #[default]
    NotPresent,
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// It can't be checked: no key for it, or data missing. Says nothing about it.
    Unverifiable,
    /// The security module can't be asked now.
    Unavailable,
}

/// Which card verification value was looked at (SEC-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardValueKind {
    /// CVV or CVC of the magnetic stripe.
    #[default]
    Track,
    /// iCVV: the chip's own, in the image of the track.
    Chip,
    /// CVV2 or CVC2: printed on the card.
    Cvv2,
    /// dCVV or CVC3: made anew by a contactless chip for each transaction.
    Dynamic,
}

/// What is known about a card verification value (SEC-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CardValueFact {
    /// Which.
    pub kind: CardValueKind,
    /// Whether it is right.
    pub outcome: Checked,
}

/// What a chip's cryptogram says (9F27, bits 8 and 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CryptogramKind {
    /// ARQC: the chip asks the issuer.
    #[default]
    Arqc,
    /// TC: the chip approved.
    Tc,
    /// AAC: the chip declined.
    Aac,
}

/// What a chip did with an issuer's script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptOutcome {
    /// It was not reached.
    NotPerformed,
    /// A command of it failed.
    Failed,
    /// It was carried out.
    Successful,
}

/// What a terminal reports of an issuer's script (9F5B, five bytes each).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScriptResult {
    /// Which: the script identifier (9F18) under which it was sent.
    pub identifier: u32,
    /// What came of it.
    pub outcome: ScriptOutcome,
}

/// Results of scripts that one message reports.
pub const SCRIPT_RESULTS: usize = 2;

/// What a chip said (SEC-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChipFact {
    /// Whether its cryptogram (9F26) is right.
    pub cryptogram: Checked,
    /// What the cryptogram says.
    pub kind: CryptogramKind,
    /// 9F36: the chip's transaction counter.
    pub atc: u16,
    /// 95: the terminal verification results.
    pub tvr: [u8; 5],
    /// 9F34: how the holder was verified.
    pub cvm: [u8; 3],
    /// The card verification results in 9F10, filled with 0 on the right.
    pub cvr: [u8; 8],
    /// What came of scripts sent before.
    pub script_results: [Option<ScriptResult>; SCRIPT_RESULTS],
}

/// What is known about a 3-D Secure authentication (SEC-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreeDSecureFact {
    /// The electronic commerce indicator.
    pub eci: u8,
    /// Whether CAVV or AAV is right.
    pub outcome: Checked,
    /// The protocol's major version, or 0 where it is not told.
    pub version: u8,
}

/// What is known about the message's authentication code (SEC-5). A wrong one gets here never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MacFact {
    /// The terminal's profile has none.
    #[default]
    None,
    /// It is right.
    Right,
}

/// What a new PIN is checked against from now on (PIN-4): opaque bytes of the security module.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewPin {
    length: u8,
    bytes: [u8; Self::MOST],
}

impl NewPin {
    /// The most bytes.
    pub const MOST: usize = 24;

    /// From the security module's bytes; `None` if there are none or too many.
    #[must_use]
    pub fn new(reference: &[u8]) -> Option<Self> {
        let length = u8::try_from(reference.len()).ok().filter(|length| *length > 0)?;
        let mut bytes = [0; Self::MOST];
        bytes.get_mut(..reference.len())?.copy_from_slice(reference);
        Some(Self { length, bytes })
    }

    /// The security module's bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// As a card keeps them.
    #[must_use]
    pub fn reference(&self) -> PinReferenceBytes {
        self.as_slice().iter().copied().collect()
    }
}

impl std::fmt::Debug for NewPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPin")
    }
}

impl Serialize for NewPin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.reference().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NewPin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = PinReferenceBytes::deserialize(deserializer)?;
        Self::new(&bytes).ok_or_else(|| serde::de::Error::custom("no PIN reference"))
    }
}

/// What the security module found: facts, never a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SecurityFacts {
    /// About the PIN.
    pub pin: PinFact,
    /// The new PIN of a change, if it can be read (PIN-4).
    pub new_pin: Option<NewPin>,
    /// About the card verification value (SEC-1).
    pub card_value: CardValueFact,
    /// About the chip (SEC-2).
    pub chip: Option<ChipFact>,
    /// About the holder's authentication by the issuer (SEC-4).
    pub three_d_secure: Option<ThreeDSecureFact>,
    /// About the message's authentication code (SEC-5).
    pub mac: MacFact,
}

impl SecurityFacts {
    /// Only about a PIN.
    #[must_use]
    pub fn of_pin(pin: PinFact) -> Self {
        Self { pin, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_4_a_new_reference_is_kept_whole_or_not_at_all() {
        assert!(NewPin::new(&[]).is_none());
        assert!(NewPin::new(&[7; NewPin::MOST + 1]).is_none());
        for length in 1..=NewPin::MOST {
            let given = vec![7; length];
            let new = NewPin::new(&given).unwrap();
            assert_eq!(new.as_slice(), given);
            let stored = postcard::to_stdvec(&new).unwrap();
            assert_eq!(postcard::from_bytes::<NewPin>(&stored).unwrap(), new);
        }
        assert!(postcard::from_bytes::<NewPin>(&[0]).is_err(), "no reference of nothing");
    }

    #[test]
    fn a_message_without_security_data_is_a_few_bytes_in_the_journal() {
        let facts = SecurityFacts::of_pin(PinFact::OnlineVerified);
        assert!(postcard::to_stdvec(&facts).unwrap().len() <= 8);
    }
}
