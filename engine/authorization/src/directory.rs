//! Who and what there is: customers, accounts, cards, devices and their ids.
//!
//! Ids of files and the API are turned into positions once, at the edge of the core; rules and
//! counters know positions only.

use crate::{FormerKey, ProductSecurity, SealedKeys, TerminalSecurity};
use compact_str::CompactString;
use dense::{Chunked, Index};
use payment_types::{Balance, Currency, DeviceCategory, TerminalId};
use serde::{Deserialize, Serialize};

/// A product's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The currency of its accounts.
    pub currency: Currency,
    /// BAL-3, minor units.
    pub minimum_balance: Balance,
    /// Whether its cards may be tapped.
    pub contactless: bool,
    /// BAL-4.
    pub partial_approval: bool,
    /// PIN-2: the wrong PIN in a row that blocks.
    pub pin_tries: u8,
    /// TXN-3, days; `None` for the default by MCC.
    pub hold_days: Option<u16>,
    /// Keys, chip, 3-D Secure.
    pub security: ProductSecurity,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The risk tier, as a position among the tiers (CTL-2).
    pub tier: u32,
    /// Name and telephone number, sealed under its own key; empty once it was erased (PII-3).
    pub details: Vec<u8>,
}

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The name.
    pub name: CompactString,
    /// DE 18.
    pub mcc: u16,
    /// ISO 3166 numeric; 417 is Kyrgyzstan.
    pub country: u16,
}

/// A device in the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// DE 41.
    pub id: TerminalId,
    /// What it is.
    pub category: DeviceCategory,
    /// Its merchant.
    pub merchant: Option<u32>,
    /// Its agent.
    pub agent: Option<u32>,
    /// The listener it comes in by.
    pub listener: CompactString,
    /// Whether it is ours, and not another bank's (AMT-4).
    pub on_us: bool,
    /// Its notes, minor units of KGS.
    pub denominations: Vec<u64>,
    /// Its keys.
    pub keys: SealedKeys,
    /// Keys that were replaced and are still taken.
    pub former_keys: Vec<FormerKey>,
    /// Its security profile.
    pub security: TerminalSecurity,
    /// BAL-4.
    pub partial_approval: bool,
    /// BAL-1.
    pub balance_on_decline: bool,
}

/// Ids in order of position, with an index from id to position.
#[derive(Clone, Default)]
pub(crate) struct Ids {
    ids: Chunked<CompactString>,
    index: Index,
}

impl Ids {
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        self.index.find(hash(id.as_bytes()), |at| self.name(at) == Some(id))
    }

    pub(crate) fn name(&self, position: u32) -> Option<&str> {
        self.ids.get(at(position)).map(CompactString::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Adds an id; `None` if it is there already.
    pub(crate) fn add(&mut self, id: &CompactString) -> Option<u32> {
        if self.find(id).is_some() {
            return None;
        }
        let position = self.ids.push(id.clone());
        self.index.insert(hash(id.as_bytes()), position);
        Some(position)
    }
}

impl Serialize for Ids {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.ids.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored: Chunked<CompactString> = Chunked::deserialize(deserializer)?;
        let mut ids = Self::default();
        for id in stored.iter() {
            ids.add(id);
        }
        Ok(ids)
    }
}

/// A table of things with ids.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Table<T: Clone> {
    pub(crate) ids: Ids,
    rows: Chunked<T>,
}

impl<T: Clone> Default for Table<T> {
    fn default() -> Self {
        Self { ids: Ids::default(), rows: Chunked::new() }
    }
}

impl<T: Clone> Table<T> {
    pub(crate) fn get(&self, position: u32) -> Option<&T> {
        self.rows.get(at(position))
    }

    pub(crate) fn get_mut(&mut self, position: u32) -> Option<&mut T> {
        self.rows.get_mut(at(position))
    }

    pub(crate) fn add(&mut self, id: &CompactString, row: T) -> Option<u32> {
        self.ids.add(id)?;
        Some(self.rows.push(row))
    }
}

/// Everything with an id.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Directory {
    pub(crate) products: Table<Product>,
    pub(crate) tiers: Ids,
    pub(crate) customers: Table<Customer>,
    pub(crate) accounts: Ids,
    pub(crate) cards: Ids,
    pub(crate) agents: Table<CompactString>,
    pub(crate) merchants: Table<Merchant>,
    pub(crate) terminals: Table<Terminal>,
}

macro_rules! lookups {
    ($($what:literal $find:ident $name:ident $($field:ident).+;)+) => {
        $(
            #[doc = concat!("The position of ", $what, " by its id.")]
            #[must_use]
            pub fn $find(&self, id: &str) -> Option<u32> {
                self.$($field).+.find(id)
            }

            #[doc = concat!("The id of ", $what, ", or an empty text.")]
            #[must_use]
            pub fn $name(&self, position: u32) -> &str {
                self.$($field).+.name(position).unwrap_or_default()
            }
        )+
    };
}

impl Directory {
    lookups! {
        "a product" product_position product_id products.ids;
        "a risk tier" tier_position tier_name tiers;
        "a customer" customer_position customer_id customers.ids;
        "an account" account_position account_id accounts;
        "a card" card_position card_id cards;
        "an agent" agent_position agent_id agents.ids;
        "a merchant" merchant_position merchant_id merchants.ids;
        "a device" terminal_position terminal_id terminals.ids;
    }

    /// A product's terms.
    #[must_use]
    pub fn product(&self, position: u32) -> Option<&Product> {
        self.products.get(position)
    }

    /// A customer.
    #[must_use]
    pub fn customer(&self, position: u32) -> Option<&Customer> {
        self.customers.get(position)
    }

    /// A merchant.
    #[must_use]
    pub fn merchant(&self, position: u32) -> Option<&Merchant> {
        self.merchants.get(position)
    }

    /// An agent's name.
    #[must_use]
    pub fn agent_name(&self, position: u32) -> &str {
        self.agents.get(position).map_or("", CompactString::as_str)
    }

    /// A device by DE 41, with its position.
    #[must_use]
    pub fn terminal(&self, id: &TerminalId) -> Option<(u32, &Terminal)> {
        let position = self.terminals.ids.find(id.as_str())?;
        Some((position, self.terminals.get(position)?))
    }

    /// A device by position.
    #[must_use]
    pub fn terminal_at(&self, position: u32) -> Option<&Terminal> {
        self.terminals.get(position)
    }

    /// All devices in order of position.
    pub fn terminals(&self) -> impl Iterator<Item = &Terminal> {
        self.terminals.rows.iter()
    }

    /// How many customers there are.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.customers.ids.len()
    }

    /// How many customers, accounts, cards and devices there are.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let terminals = self.terminals.ids.len();
        [self.customers.ids.len(), self.accounts.len(), self.cards.len(), terminals]
    }
}

pub(crate) fn at(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// FNV-1a and a finisher: short ids, the same on every machine. Ids come from the bank's own files,
/// not from the network, so nobody gains by colliding them.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    Index::mix(fnv)
}
