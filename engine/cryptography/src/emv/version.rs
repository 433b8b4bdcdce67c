//! How a scheme's chips make cryptograms: one row per cryptogram version.

use super::keys::{ChipKey, common_session_key, visa_script_key};
use crate::Padding;

/// The scheme's way to make a cryptogram, which the card states in its issuer application data.
///
/// | version | session key | data after the terminal's | padding | ARPC | scripts |
/// | --- | --- | --- | --- | --- | --- |
/// | Visa CVN 10 | the card's key | CVR (4 bytes) | zeros | 1, card's key | counter XORed |
/// | Visa CVN 18 | common | all of 9F10 | method 2 | 2, session key | counter XORed |
/// | Visa CVN 22 | common | all of 9F10 | method 2 | 2, session key | common of the ARQC |
/// | M/Chip CVN 16 | counter and UN | CVR (6) | method 2 | 1, card's key | common of the ARQC |
/// | M/Chip CVN 17 | counter and UN | CVR (6), counters (8) | method 2 | 1, card's key | same |
/// | M/Chip CVN 20 | common | CVR (6) | method 2 | 1, session key | same |
/// | M/Chip CVN 21 | common | CVR (6), counters (8) | method 2 | 1, session key | same |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CryptogramVersion {
    /// Visa CVN 10.
    VisaCvn10,
    /// Visa CVN 18 (hex 12).
    VisaCvn18,
    /// Visa CVN 22 (hex 16).
    VisaCvn22,
    /// M/Chip CVN 16 (hex 10).
    MChipCvn16,
    /// M/Chip CVN 17 (hex 11).
    MChipCvn17,
    /// M/Chip CVN 20 (hex 14).
    MChipCvn20,
    /// M/Chip CVN 21 (hex 15).
    MChipCvn21,
}

/// What the issuer answers the chip with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerAnswer<'a> {
    /// Method 1: the authorization response code (Visa) or the ARPC response code (M/Chip).
    Method1 {
        /// Two bytes.
        response_code: [u8; 2],
    },
    /// Method 2: over the card status update.
    Method2 {
        /// Card status update.
        status_update: [u8; 4],
        /// Proprietary authentication data, up to 8 bytes.
        proprietary: &'a [u8],
    },
}

/// Which of the card's own data a cryptogram is also made over.
pub(super) enum CardData {
    /// Visa's four bytes of card verification results, from the fourth byte of 9F10 on.
    VisaCvr,
    /// All of 9F10.
    Everything,
    /// M/Chip's six bytes, from the third byte of 9F10 on.
    MChipCvr,
    /// The same, and eight bytes of counters from the eleventh on.
    MChipCvrAndCounters,
}

impl CryptogramVersion {
    /// Every version.
    pub const ALL: [Self; 7] = [
        Self::VisaCvn10,
        Self::VisaCvn18,
        Self::VisaCvn22,
        Self::MChipCvn16,
        Self::MChipCvn17,
        Self::MChipCvn20,
        Self::MChipCvn21,
    ];

    /// What the issuer application data (9F10) say: Visa's begin with a length of 6 and have the
    /// version in the third byte, M/Chip's have it in the second and are 18 bytes or more.
    #[must_use]
    pub fn of_issuer_application_data(data: &[u8]) -> Option<Self> {
        match data {
            [6, _, 0x0A, _, _, _, _, ..] => Some(Self::VisaCvn10),
            [6, _, 0x12, _, _, _, _, ..] => Some(Self::VisaCvn18),
            [6, _, 0x16, _, _, _, _, ..] => Some(Self::VisaCvn22),
            _ if data.len() < 18 => None,
            [_, 0x10, ..] => Some(Self::MChipCvn16),
            [_, 0x11, ..] => Some(Self::MChipCvn17),
            [_, 0x14, ..] => Some(Self::MChipCvn20),
            [_, 0x15, ..] => Some(Self::MChipCvn21),
            _ => None,
        }
    }

    /// The method of the issuer's answer, 1 or 2.
    #[must_use]
    pub const fn arpc_method(self) -> u8 {
        if matches!(self, Self::VisaCvn18 | Self::VisaCvn22) { 2 } else { 1 }
    }

    /// How the cryptogram's data are filled up.
    #[must_use]
    pub const fn padding(self) -> Padding {
        if matches!(self, Self::VisaCvn10) { Padding::One } else { Padding::Two }
    }

    /// The key of the application cryptogram.
    #[must_use]
    pub fn session_key(self, card: &ChipKey, atc: u16, unpredictable_number: [u8; 4]) -> ChipKey {
        let [a, b] = atc.to_be_bytes();
        let [c, d, e, f] = unpredictable_number;
        match self {
            Self::VisaCvn10 => card.clone(),
            Self::VisaCvn18 | Self::VisaCvn22 | Self::MChipCvn20 | Self::MChipCvn21 => {
                common_session_key(card, [a, b, 0, 0, 0, 0, 0, 0])
            }
            Self::MChipCvn16 | Self::MChipCvn17 => {
                common_session_key(card, [a, b, 0, 0, c, d, e, f])
            }
        }
    }

    /// The key of the issuer's answer.
    #[must_use]
    pub fn response_key(self, card: &ChipKey, atc: u16, unpredictable_number: [u8; 4]) -> ChipKey {
        match self {
            Self::VisaCvn10 | Self::MChipCvn16 | Self::MChipCvn17 => card.clone(),
            Self::VisaCvn18 | Self::VisaCvn22 | Self::MChipCvn20 | Self::MChipCvn21 => {
                self.session_key(card, atc, unpredictable_number)
            }
        }
    }

    /// The key of a script's MAC or of its secrets, from the card's key for either.
    #[must_use]
    pub fn script_key(self, card: &ChipKey, atc: u16, arqc: [u8; 8]) -> ChipKey {
        match self {
            Self::VisaCvn10 | Self::VisaCvn18 => visa_script_key(card, atc),
            Self::VisaCvn22
            | Self::MChipCvn16
            | Self::MChipCvn17
            | Self::MChipCvn20
            | Self::MChipCvn21 => common_session_key(card, arqc),
        }
    }

    pub(super) const fn card_data(self) -> CardData {
        match self {
            Self::VisaCvn10 => CardData::VisaCvr,
            Self::VisaCvn18 | Self::VisaCvn22 => CardData::Everything,
            Self::MChipCvn16 | Self::MChipCvn20 => CardData::MChipCvr,
            Self::MChipCvn17 | Self::MChipCvn21 => CardData::MChipCvrAndCounters,
        }
    }
}
