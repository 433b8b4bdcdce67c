//! What a terminal wants of its host, and what became of it: the words between the screen's logic,
//! which knows no network, and [`super::host`], which knows no screen.

use crate::SimError;
use crate::card::Proof;
use crate::exchange::Answer;
use crate::gear::Verdict;
use crate::intent::Fields;
use crate::pin::TypedPin;
use crate::terminal::Deed;
use payment_types::{Amount, Mti};

/// How a card is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// Contactless chip.
    Tap,
    /// Chip in contact.
    Insert,
    /// Magnetic stripe.
    Swipe,
    /// The number typed in.
    Key,
    /// The number sent by a web shop.
    Online,
}

impl Entry {
    /// All of them, with the key that chooses each.
    pub const ALL: [(Self, char, &'static str); 5] = [
        (Self::Tap, 't', "tap"),
        (Self::Insert, 'i', "insert"),
        (Self::Swipe, 's', "swipe"),
        (Self::Key, 'k', "key"),
        (Self::Online, 'o', "online"),
    ];

    /// DE 22, as three digits of the 1987 edition.
    #[must_use]
    pub const fn mode(self) -> &'static str {
        match self {
            Self::Tap => "071",
            Self::Insert => "051",
            Self::Swipe => "901",
            Self::Key => "011",
            Self::Online => "812",
        }
    }

    /// As scripts and profiles write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(entry, ..)| *entry == self).map_or("", |(.., name)| name)
    }

    /// The way of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(.., own)| *own == name).map(|(entry, ..)| *entry)
    }
}

/// What the cardholder and the person at the terminal entered.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What is to be done.
    pub deed: Deed,
    /// The card's name in the portfolio.
    pub card: Box<str>,
    /// About how much.
    pub amount: Option<Amount>,
    /// How the card is read.
    pub entry: Entry,
    /// What was typed.
    pub pin: Option<TypedPin>,
    /// The PIN that is wanted instead.
    pub new_pin: Option<TypedPin>,
}

/// A message to be sent; earlier ones are named by their numbers.
#[derive(Debug, Clone)]
pub enum What {
    /// A new request.
    First(Wish),
    /// The very same message once more, marked as a repeat (TXN-1).
    Again(u64),
    /// 0420 for an earlier one; what stays, if it is taken back in part (TXN-2).
    Reverse {
        /// The message.
        of: u64,
        /// DE 95.
        stays: Option<Amount>,
    },
    /// 0200 with processing code 02.
    Void(u64),
    /// 0220 with the final amount of an earlier one.
    Complete {
        /// The message.
        of: u64,
        /// What it came to.
        amount: Amount,
    },
    /// New working keys from the host.
    Keys,
    /// The result of counting an ATM's cash, told to the bank's API.
    CashCount {
        /// Found above what the counters say.
        surplus: Amount,
        /// Missing of it.
        shortage: Amount,
    },
}

/// A message to be sent, with the number it is spoken of afterwards.
#[derive(Debug, Clone)]
pub struct Errand {
    /// Counts up from 1.
    pub number: u64,
    /// What is to be sent.
    pub what: What,
}

/// What was sent and what came back.
#[derive(Debug, Clone)]
pub struct Report {
    /// The errand's.
    pub number: u64,
    /// As a slip heads it.
    pub title: &'static str,
    /// The message, if there was one.
    pub sent: Option<Sent>,
    /// The answer, or why there is none.
    pub outcome: Outcome,
}

/// What became of an errand.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The host answered.
    Answered(Box<Reply>),
    /// There is no answer.
    Failed(Failure),
    /// It was no message: what the bank's API said.
    Told(String),
}

impl Report {
    /// The answer, if there is one.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Answered(reply) => Some(reply),
            Outcome::Failed(_) | Outcome::Told(_) => None,
        }
    }
}

/// A message that was sent, or would have been.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its type.
    pub mti: Mti,
    /// Its data elements.
    pub fields: Fields,
    /// DE 11.
    pub stan: u32,
    /// On the terminal's clock, for the slip: `2026-11-22 14:05:01`.
    pub local: String,
    /// Whether the card's chip took part.
    pub with_chip: bool,
}

/// An answer and what terminal and card make of it.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// Whether its ARPC and MAC are right.
    pub verdict: Verdict,
}

impl Reply {
    /// Whether the terminal takes it for an approval: an answer whose MAC is wrong is none.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.answer.is_approved() && self.verdict.mac != Proof::Wrong
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words.
    pub why: String,
    /// Whether the host may have the message all the same: then it must be taken back.
    pub may_have_arrived: bool,
}

impl Failure {
    /// Of what happened after the first byte was sent.
    #[must_use]
    pub fn on_the_way(error: &SimError) -> Self {
        Self { why: error.to_string(), may_have_arrived: true }
    }

    /// Of what kept the message from being sent.
    #[must_use]
    pub fn before(error: &SimError) -> Self {
        Self { why: error.to_string(), may_have_arrived: false }
    }
}
