//! What a test wants of a card's security: everything right, or one thing wrong on purpose.

use serde::Deserialize;

/// Whether something that proves a card is made rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// As the issuer would make it.
    Right,
    /// With a digit or bit of it wrong.
    Wrong,
    /// Left out.
    None,
}

impl Proof {
    /// As scenarios write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::None => "none",
        }
    }
}

/// How the chip takes part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChipWish {
    /// Its cryptogram version number, where it is not the product's.
    pub cvn: Option<u8>,
    /// Its transaction counter, where it is not the next.
    pub atc: Option<u16>,
    /// What is wrong with it.
    pub fault: Option<ChipFault>,
    /// Terminal verification results, where they are not a quiet transaction's.
    pub tvr: Option<[u8; 5]>,
    /// The cardholder verification (9F34), where it is not what the PIN pad did.
    pub cvm: Option<[u8; 3]>,
    /// Card verification results, where they are not a quiet transaction's.
    pub cvr: Option<Vec<u8>>,
    /// What came of the scripts of the answer before (9F5B), where it is not what the chip did.
    pub script_results: Option<Vec<u8>>,
    /// What the cryptogram says, where the chip would say something else.
    pub says: Option<Says>,
}

/// What a cryptogram says (9F27).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Says {
    /// It asks its issuer.
    Arqc,
    /// It approved: the second cryptogram of the transaction, under the same counter.
    Tc,
    /// It declined.
    Aac,
}

impl Says {
    /// 9F27.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Arqc => 0x80,
            Self::Tc => 0x40,
            Self::Aac => 0,
        }
    }

    /// The first byte of the card verification results: what the first GENERATE AC gave, and what
    /// the second, if there was one (Visa's and M/Chip's have the bits in the same places).
    pub(crate) const fn verification(self) -> u8 {
        match self {
            Self::Arqc => 0xA0,
            Self::Tc => 0x60,
            Self::Aac => 0x80,
        }
    }
}

/// What a chip, or somebody between it and the host, does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChipFault {
    /// A bit of the cryptogram is another: a chip that has not the issuer's keys.
    Cryptogram,
    /// The counter stands still: the data of an earlier transaction, replayed.
    Atc,
    /// The amount in DE 55 is another than the one the chip signed.
    Amount,
    /// A bit of each script's MAC is turned over on its way to the chip.
    Script,
}

/// What came of the authentication of a cardholder who shops from afar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommerceWish {
    /// The electronic commerce indicator, two digits.
    pub eci: String,
    /// The authentication value.
    pub value: Proof,
    /// An AAV (SPA) instead of a CAVV.
    pub aav: bool,
}

/// All that a message may carry to prove itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proofs {
    /// DE 55.
    pub chip: Option<ChipWish>,
    /// DE 35 with a verification value: the stripe's CVV, or the chip's iCVV.
    pub cvv: Option<Proof>,
    /// The three digits on the back.
    pub cvv2: Option<Proof>,
    /// 3-D Secure.
    pub commerce: Option<CommerceWish>,
    /// The MAC, where it is not as the terminal's profile says.
    pub mac: Option<Proof>,
    /// What a DUKPT device says its key serial number is, where that is not the truth.
    pub ksn: Option<Vec<u8>>,
}
