//! The message type indicator (ISO 8583-1 4.1): version, class, function, origin.

use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Four digits that say what a message is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mti([u8; 4]);

/// The second digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 1: authorization; places a hold.
    Authorization,
    /// 2: financial; moves money.
    Financial,
    /// 3: file action.
    FileAction,
    /// 4: reversal or chargeback.
    Reversal,
    /// 5: reconciliation.
    Reconciliation,
    /// 6: administrative.
    Administrative,
    /// 7: fee collection.
    FeeCollection,
    /// 8: network management.
    NetworkManagement,
    /// 0, 9: reserved.
    Reserved,
}

/// The third digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// 0: may be declined.
    Request,
    /// 1: the answer to a request.
    RequestResponse,
    /// 2: tells what already happened; never declined for funds.
    Advice,
    /// 3: the answer to an advice.
    AdviceResponse,
    /// 4: no answer is expected.
    Notification,
    /// 5 and above.
    Reserved,
}

/// The fourth digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// 0.
    Acquirer,
    /// 1.
    AcquirerRepeat,
    /// 2.
    Issuer,
    /// 3.
    IssuerRepeat,
    /// 4 and above.
    Other,
}

/// The MTI is not four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message type indicator is not four digits")]
pub struct MtiError;

impl Mti {
    /// From four digits as numbers 0 to 9.
    ///
    /// # Errors
    /// [`MtiError`] if one is above 9.
    pub const fn from_digits(digits: [u8; 4]) -> Result<Self, MtiError> {
        let [a, b, c, d] = digits;
        if a > 9 || b > 9 || c > 9 || d > 9 { Err(MtiError) } else { Ok(Self(digits)) }
    }

    /// From text such as `0200`.
    ///
    /// # Errors
    /// [`MtiError`] if it is not four ASCII digits.
    pub fn parse(text: &str) -> Result<Self, MtiError> {
        let bytes: [u8; 4] = text.as_bytes().try_into().map_err(|_| MtiError)?;
        Self::from_digits(bytes.map(|byte| byte.wrapping_sub(b'0')))
    }

    /// The four digits as numbers.
    #[must_use]
    pub const fn digits(self) -> [u8; 4] {
        self.0
    }

    /// The number, 0 to 9999.
    #[must_use]
    pub const fn number(self) -> u16 {
        let [a, b, c, d] = self.0;
        a as u16 * 1000 + b as u16 * 100 + c as u16 * 10 + d as u16
    }

    /// 0 for 1987, 1 for 1993, 2 for 2003.
    #[must_use]
    pub const fn version(self) -> u8 {
        self.0[0]
    }

    /// What it is about.
    #[must_use]
    pub const fn class(self) -> Class {
        match self.0[1] {
            1 => Class::Authorization,
            2 => Class::Financial,
            3 => Class::FileAction,
            4 => Class::Reversal,
            5 => Class::Reconciliation,
            6 => Class::Administrative,
            7 => Class::FeeCollection,
            8 => Class::NetworkManagement,
            _ => Class::Reserved,
        }
    }

    /// Whether it asks, tells or answers.
    #[must_use]
    pub const fn function(self) -> Function {
        match self.0[2] {
            0 => Function::Request,
            1 => Function::RequestResponse,
            2 => Function::Advice,
            3 => Function::AdviceResponse,
            4 => Function::Notification,
            _ => Function::Reserved,
        }
    }

    /// Who sent it.
    #[must_use]
    pub const fn origin(self) -> Origin {
        match self.0[3] {
            0 => Origin::Acquirer,
            1 => Origin::AcquirerRepeat,
            2 => Origin::Issuer,
            3 => Origin::IssuerRepeat,
            _ => Origin::Other,
        }
    }

    /// Whether it is a retransmission (0x01, 0x21).
    #[must_use]
    pub const fn is_repeat(self) -> bool {
        self.0[3] % 2 == 1
    }

    /// The same message as its first transmission: 0201 becomes 0200.
    #[must_use]
    pub const fn without_repeat(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([a, b, c, if d <= 3 { d & !1 } else { d }])
    }

    /// The MTI of a repeat: 0200 becomes 0201.
    #[must_use]
    pub const fn as_repeat(self) -> Self {
        let [a, b, c, d] = self.0;
        Self([a, b, c, if d <= 3 { d | 1 } else { d }])
    }

    /// The MTI that answers a request or an advice (0200 and 0201 → 0210, 0220 and 0221 → 0230);
    /// `None` for what is itself an answer or wants none.
    #[must_use]
    pub const fn response(self) -> Option<Self> {
        let [a, b, c, d] = self.0;
        match c {
            0 | 2 if d <= 5 => Some(Self([a, b, c + 1, d & !1])),
            _ => None,
        }
    }

    /// The same with the 1987 version digit, so that flows need not tell editions apart.
    #[must_use]
    pub const fn without_version(self) -> Self {
        let [_, b, c, d] = self.0;
        Self([0, b, c, d])
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.number())
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_know_their_answers() {
        for (ask, answer) in [
            ("0100", Some("0110")),
            ("0201", Some("0210")),
            ("0421", Some("0430")),
            ("1220", Some("1230")),
            ("0800", Some("0810")),
            ("0210", None),
            ("0240", None),
        ] {
            let response = Mti::parse(ask).unwrap().response();
            assert_eq!(response.map(|mti| mti.to_string()).as_deref(), answer, "{ask}");
        }
        assert_eq!(Mti::parse("0201").unwrap().without_repeat(), Mti::parse("0200").unwrap());
        for bad in ["", "020", "02000", "02A0", "٠٢"] {
            assert_eq!(Mti::parse(bad), Err(MtiError), "{bad}");
        }
    }
}
