//! Chip cards: cryptograms in, the issuer's answer and scripts out (SEC-2).

use crate::{LoadedKey, PinData, SecurityError, Verification};
use arrayvec::ArrayVec;
use core::fmt;
use cryptography::emv::{AcInput, CryptogramVersion, Derivation};
use payment_types::Pan;

/// The card whose key is needed.
#[derive(Debug, Clone, Copy)]
pub struct ChipCard<'a> {
    /// Card number.
    pub pan: &'a Pan,
    /// Card sequence number, 0 to 99.
    pub psn: u8,
    /// How its keys come from the issuer's.
    pub derivation: Derivation,
    /// How it makes cryptograms, which also says how its session keys are made.
    pub version: CryptogramVersion,
}

/// What a cryptogram was computed over: elements of DE 55, as sent. What an application does not
/// send is zero; what a version does not take is not looked at.
#[derive(Debug, Clone, Copy)]
pub struct CryptogramInput<'a> {
    /// The card.
    pub card: ChipCard<'a>,
    /// Tag 9F02.
    pub amount_authorized: [u8; 6],
    /// Tag 9F03.
    pub amount_other: [u8; 6],
    /// Tag 9F1A.
    pub terminal_country: [u8; 2],
    /// Tag 95.
    pub tvr: [u8; 5],
    /// Tag 5F2A.
    pub currency: [u8; 2],
    /// Tag 9A.
    pub date: [u8; 3],
    /// Tag 9C.
    pub transaction_type: u8,
    /// Tag 9F37.
    pub unpredictable_number: [u8; 4],
    /// Tag 82.
    pub aip: [u8; 2],
    /// Tag 9F36.
    pub atc: u16,
    /// Tag 9F10, whole.
    pub issuer_application_data: &'a [u8],
    /// Tag 9F26: the cryptogram to be verified.
    pub cryptogram: [u8; 8],
}

impl<'a> CryptogramInput<'a> {
    /// The data elements that the cryptogram is over.
    pub(crate) const fn elements(&self) -> AcInput<'a> {
        AcInput {
            amount_authorized: self.amount_authorized,
            amount_other: self.amount_other,
            terminal_country: self.terminal_country,
            tvr: self.tvr,
            currency: self.currency,
            date: self.date,
            transaction_type: self.transaction_type,
            unpredictable_number: self.unpredictable_number,
            aip: self.aip,
            atc: self.atc,
            issuer_application_data: self.issuer_application_data,
        }
    }
}

/// What the issuer answers the chip with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArpcInput<'a> {
    /// Method 1: over the authorization response code.
    Method1 {
        /// Two ASCII characters.
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

/// Tag 91: the issuer authentication data, 8 to 16 bytes.
pub type IssuerAuthenticationData = ArrayVec<u8, 16>;

/// The issuer's master keys that scripts need.
#[derive(Debug, Clone, Copy)]
pub struct ScriptKeys<'a> {
    /// `ChipScriptMac`.
    pub mac: &'a LoadedKey,
    /// `ChipScriptConfidentiality`; needed for a new PIN only.
    pub confidentiality: Option<&'a LoadedKey>,
    /// `ChipCryptogram`; schemes that mix the card's key into a new PIN's block need it.
    pub cryptogram: Option<&'a LoadedKey>,
}

/// A command to the chip, without its MAC.
#[derive(Clone, Copy)]
pub struct ScriptInput<'a> {
    /// The card.
    pub card: ChipCard<'a>,
    /// Tag 9F36 of the request.
    pub atc: u16,
    /// Tag 9F26 of the request.
    pub cryptogram: [u8; 8],
    /// CLA INS P1 P2.
    pub header: [u8; 4],
    /// The command's data, without MAC.
    pub data: &'a [u8],
    /// Bytes of MAC: 4 or 8.
    pub mac_length: usize,
}

impl fmt::Debug for ScriptInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptInput({:02X?}, {} bytes)", self.header, self.data.len())
    }
}

/// A whole command with Lc, data and MAC, ready for tag 86.
pub type ScriptCommand = ArrayVec<u8, 261>;

/// See the module.
pub trait Chips {
    /// Whether the cryptogram is the card's own. Key `ChipCryptogram`.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Malformed`] for issuer application data that
    /// do not fit the version.
    fn verify_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
    ) -> Result<Verification, SecurityError>;

    /// The answer to a cryptogram that was verified: the ARPC with what it was made over, as tag 91
    /// carries it. Key `ChipCryptogram`.
    ///
    /// # Errors
    /// As [`Self::verify_cryptogram`].
    fn response_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
        answer: ArpcInput<'_>,
    ) -> Result<IssuerAuthenticationData, SecurityError>;

    /// A command with its MAC.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Malformed`] for data that are too long or a
    /// MAC length no card has.
    fn script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
    ) -> Result<ScriptCommand, SecurityError>;

    /// The command that gives the chip a new PIN, from the block the terminal sent. The scheme says
    /// what the command is: `input.header` and `input.data` are not looked at.
    ///
    /// # Errors
    /// As [`Self::script`] and [`crate::Pins::verify_pin`].
    fn pin_script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
        new: &PinData<'_>,
    ) -> Result<ScriptCommand, SecurityError>;
}
