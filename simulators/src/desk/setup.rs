//! What a desk is told once, before it is opened: which device it is, its host, its cards.

use super::cassettes::Cassettes;
use super::errand::Entry;
use super::open_file::Owed;
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use crate::terminal::Deed;
use payment_types::{Currency, DeviceCategory};

/// The three devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A shop's terminal.
    Pos,
    /// A cash machine.
    Atm,
    /// A bank's agent's device.
    Agent,
}

/// What a menu offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// A transaction.
    Deed(Deed),
    /// Counting the notes.
    Count,
    /// New working keys.
    Keys,
}

impl Kind {
    /// The device of that category of the register.
    #[must_use]
    pub const fn of(category: DeviceCategory) -> Self {
        match category {
            DeviceCategory::Atm => Self::Atm,
            DeviceCategory::Agent | DeviceCategory::Branch => Self::Agent,
            DeviceCategory::Merchant | DeviceCategory::Ecommerce => Self::Pos,
        }
    }

    /// As the head of the screen calls it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pos => "POS",
            Self::Atm => "ATM",
            Self::Agent => "AGENT",
        }
    }

    /// What it can do, in the order of its menu, with the words that scripts use.
    #[must_use]
    pub const fn menu(self) -> &'static [(Item, &'static str, &'static str)] {
        const BALANCE: (Item, &str, &str) = (Item::Deed(Deed::Balance), "Balance", "balance");
        const STATEMENT: (Item, &str, &str) =
            (Item::Deed(Deed::MiniStatement), "Mini-statement", "statement");
        const KEYS: (Item, &str, &str) = (Item::Keys, "New keys", "keys");
        match self {
            Self::Pos => &[
                (Item::Deed(Deed::Purchase), "Purchase", "purchase"),
                (Item::Deed(Deed::Preauthorization), "Preauthorization", "preauth"),
                (Item::Deed(Deed::Refund), "Refund", "refund"),
                BALANCE,
                KEYS,
            ],
            Self::Atm => &[
                (Item::Deed(Deed::CashOut), "Withdrawal", "withdraw"),
                BALANCE,
                STATEMENT,
                (Item::Deed(Deed::PinChange), "PIN change", "pin-change"),
                (Item::Count, "Cash count", "count"),
                KEYS,
            ],
            Self::Agent => &[
                (Item::Deed(Deed::CashOut), "Cash-out", "cash-out"),
                (Item::Deed(Deed::CashIn), "Cash-in", "cash-in"),
                BALANCE,
                STATEMENT,
                KEYS,
            ],
        }
    }
}

/// A card as its holder shows it.
#[derive(Debug, Clone)]
pub struct Face {
    /// The portfolio's name for it.
    pub name: Box<str>,
    /// First six and last four digits.
    pub number: String,
    /// Whether its chip's keys are known.
    pub has_chip: bool,
    /// The PIN its holder knows, where the portfolio says it.
    pub pin: Option<TypedPin>,
    /// `active`, or what else it is.
    pub status: Box<str>,
}

impl Face {
    /// Of a card.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        Self {
            name: card.id.clone(),
            number: card.pan.masked().to_string(),
            has_chip: card.issue.keys.has("imk_ac"),
            pin: card.pin.clone(),
            status: card.blocks.first().unwrap_or(&card.status).clone(),
        }
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which device.
    pub kind: Kind,
    /// DE 41.
    pub terminal: Box<str>,
    /// Whose shop it stands in.
    pub place: Box<str>,
    /// Host and port.
    pub host: String,
    /// The dialect's name.
    pub dialect: String,
    /// What it counts in.
    pub currency: Currency,
    /// The cards at hand.
    pub cards: Vec<Face>,
    /// Which of them is used first.
    pub card: usize,
    /// What stands in the amount field before anything is typed.
    pub amount: String,
    /// How cards are read where Enter is pressed instead of a choice.
    pub entry: Entry,
    /// A cash machine's notes.
    pub cassettes: Cassettes,
    /// New keys are asked for before anything else.
    pub keys_first: bool,
    /// What the host does not know yet of an earlier day at this terminal.
    pub owed: Vec<Owed>,
}

impl Setup {
    /// What the portfolio says of a terminal and its cards; the rest is usual.
    #[must_use]
    pub fn of(terminal: &Terminal, cards: Vec<Face>) -> Self {
        let kind = Kind::of(terminal.category);
        Self {
            kind,
            terminal: terminal.id.clone(),
            place: terminal.place.clone(),
            host: String::new(),
            dialect: String::new(),
            currency: Currency::KGS,
            cards,
            card: 0,
            amount: if kind == Kind::Pos { "120.00" } else { "1000" }.to_owned(),
            entry: match (kind, terminal.category) {
                (_, DeviceCategory::Ecommerce) => Entry::Online,
                (Kind::Pos, _) => Entry::Tap,
                _ => Entry::Insert,
            },
            cassettes: Cassettes::filled(&terminal.denominations, NOTES_EACH),
            keys_first: false,
            owed: Vec::new(),
        }
    }
}

/// In each cassette, where a profile says nothing else.
const NOTES_EACH: u32 = 100;
