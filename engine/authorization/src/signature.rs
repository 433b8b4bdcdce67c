//! Electronic signatures (SIG-2): who signed what, with which factor, and having confirmed what.
//!
//! Whether a one-time code or a personal key's signature is right is found at the edge, before the
//! command comes here; the core keeps what was found and holds it against what an order needs.

use crate::orders::Risk;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The version of the statement that a signer confirms now.
pub const STATEMENT: u16 = 1;

/// What a signer confirms (002 annex 2 §1), by its version.
#[must_use]
pub const fn statement(version: u16) -> Option<&'static str> {
    match version {
        1 => Some(
            "I have read this order. I sign it with an electronic signature, which has the same \
             legal force as my signature by hand on paper, and I answer for it.",
        ),
        _ => None,
    }
}

/// The same in another language of the bank's: `ky`, `ru` or `en`. All three say the same; the
/// version is what is stored.
#[must_use]
pub fn statement_in(version: u16, language: &str) -> Option<&'static str> {
    match (version, language) {
        (1, "ky") => Some(
            "Мен бул буйрукту окудум. Мен ага электрондук кол коём, ал менин кагаздагы өз колум \
             менен коюлган колума тең юридикалык күчкө ээ, жана мен ал үчүн жооп берем.",
        ),
        (1, "ru") => Some(
            "Я прочитал(а) это распоряжение. Я подписываю его электронной подписью, которая имеет \
             ту же юридическую силу, что и моя собственноручная подпись на бумаге, \
             и отвечаю за него.",
        ),
        (_, "en") => statement(version),
        _ => None,
    }
}

/// What the signer had in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// A service's token, where the configuration lets tokens sign.
    ServiceToken {
        /// Whether the engine ran in test mode: then it stands in for any factor.
        test: bool,
    },
    /// A password session and a one-time code: the simple signature.
    OneTimeCode {
        /// The code's step, 30 seconds each since 1970.
        step: u64,
    },
    /// A personal key over the order's digest: the strengthened signature.
    PersonalKey {
        /// The Ed25519 public key.
        key: [u8; 32],
        /// The signature's two halves.
        signature: [[u8; 32]; 2],
    },
}

/// How much a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// A service's.
    Service,
    /// A person's, with a one-time code.
    Simple,
    /// A person's, with a personal key.
    Strengthened,
}

impl Strength {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Simple => "simple",
            Self::Strengthened => "strengthened",
        }
    }
}

impl Factor {
    /// A personal key with its signature of 64 bytes.
    #[must_use]
    pub fn personal_key(key: [u8; 32], signature: [u8; 64]) -> Self {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        let (head, tail) = signature.split_at(32);
        first.copy_from_slice(head);
        second.copy_from_slice(tail);
        Self::PersonalKey { key, signature: [first, second] }
    }

    /// How much it is worth.
    #[must_use]
    pub const fn strength(self) -> Strength {
        match self {
            Self::ServiceToken { .. } => Strength::Service,
            Self::OneTimeCode { .. } => Strength::Simple,
            Self::PersonalKey { .. } => Strength::Strengthened,
        }
    }

    /// Whether it is enough for an order of this risk (SIG-2). A service's token is enough for a
    /// low one where the configuration lets it sign, and for any in test mode.
    #[must_use]
    pub fn suffices(self, risk: Risk) -> bool {
        match self {
            Self::ServiceToken { test } => test || risk == Risk::Low,
            other => other.strength() >= risk.needs(),
        }
    }

    /// The name in the API and the register.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceToken { .. } => "service_token",
            Self::OneTimeCode { .. } => "one_time_code",
            Self::PersonalKey { .. } => "personal_key",
        }
    }
}

/// A signature, checked at the edge. Its moment is that of the command it comes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who.
    pub signer: CompactString,
    /// What the signer was entitled to at that moment, by the names of roles.
    pub roles: Vec<CompactString>,
    /// With what.
    pub factor: Factor,
    /// What was signed: SHA-256.
    pub digest: [u8; 32],
    /// Which version of the [`statement`] of legal force was confirmed.
    pub statement: u16,
}

impl Signature {
    /// Whether the signer had a role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|had| had == role)
    }
}
