//! A decision: the outcome and all that the answer needs, small and fixed in size.

use crate::{ResultCode, ScriptOrders, StopTerms};
use ledger::{AccountSlot, HoldSlot, Transfer};
use payment_types::{AuthorizationCode, Balance, BusinessDate, Currency, Rrn, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// Amounts for DE 54 and DE 4 of the answer, in minor units of the named currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AnswerAmounts {
    /// Type 01: ledger balance, and the account's currency.
    pub ledger: Option<(Balance, Currency)>,
    /// Type 02: available balance, and the account's currency.
    pub available: Option<(Balance, Currency)>,
    /// Type 40: cash to hand out (AMT-1).
    pub hand_out: Option<(u64, Currency)>,
    /// Type 44: what is left of the agents' cap today (AGT-3).
    pub cap_left: Option<(u64, Currency)>,
    /// DE 4 of a partial approval (BAL-4).
    pub approved: Option<u64>,
}

/// Who answers for a transaction without PIN (CTL-5), or without the chip or the holder's
/// authentication (SEC-3, SEC-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liability {
    /// Not settled by a rule.
    #[default]
    Unset,
    /// The issuer: approved without PIN (004 §33, last sentence).
    Issuer,
    /// The acquirer: it could have had the holder authenticated (SEC-3, SEC-4).
    Acquirer,
}

/// Lines of a mini-statement (TXN-5).
pub const STATEMENT_LINES: usize = 10;

/// A line of a mini-statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// The business day.
    pub date: BusinessDate,
    /// DE 3, first two digits.
    pub transaction: u8,
    /// Minor units of the currency; a payment positive, a credit negative.
    pub amount: Balance,
    /// Of the transaction.
    pub currency: Currency,
}

/// A mini-statement, newest first; empty where none was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Statement {
    lines: [Option<StatementLine>; STATEMENT_LINES],
}

impl Statement {
    /// Adds a line; `false` when it is full.
    pub(crate) fn push(&mut self, line: StatementLine) -> bool {
        let free = self.lines.iter_mut().find(|place| place.is_none());
        free.map(|place| *place = Some(line)).is_some()
    }

    /// The lines.
    pub fn iter(&self) -> impl Iterator<Item = &StatementLine> {
        self.lines.iter().flatten()
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Statement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lines: arrayvec::ArrayVec<_, STATEMENT_LINES> = self.iter().collect();
        serializer.collect_seq(lines)
    }
}

impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lines =
            arrayvec::ArrayVec::<StatementLine, STATEMENT_LINES>::deserialize(deserializer)?;
        let mut statement = Self::default();
        let all = lines.into_iter().all(|line| statement.push(line));
        debug_assert!(all, "as many lines as there are places");
        Ok(statement)
    }
}

/// What was decided. For a retransmission it is the first answer again (TXN-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The journal sequence of the transaction that the answer is about: for a retransmission the
    /// first one's.
    pub transaction: Sequence,
    /// The outcome.
    pub result: ResultCode,
    /// DE 39, where a limit names its own; else the link's table decides.
    pub code_override: Option<payment_types::ResponseCode>,
    /// DE 38 of an approval.
    pub authorization_code: Option<AuthorizationCode>,
    /// DE 37, the request's or one made here.
    pub rrn: Rrn,
    /// Amounts for the answer.
    pub amounts: AnswerAmounts,
    /// CTL-5.
    pub liability: Liability,
    /// TXN-5: the lines of a mini-statement.
    pub statement: Statement,
    /// What the chip is told with the answer (71, 72).
    pub scripts: ScriptOrders,
    /// BLK-5: the entry that was asked about.
    pub listed: Option<StopTerms>,
    /// Whether this is the stored answer to a retransmission.
    pub is_repeat: bool,
}

/// What became of a hold; for the journal and the read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HoldChange {
    /// Nothing.
    #[default]
    None,
    /// A new hold, minor units of the account's currency.
    Placed {
        /// On which account.
        account: AccountSlot,
        /// How much.
        amount: Balance,
        /// Until when (TXN-3).
        expires_at: Timestamp,
    },
    /// An open hold has a new amount.
    Resized(HoldSlot, Balance),
    /// An open hold ended by a completion.
    Captured(HoldSlot),
    /// An open hold ended by a reversal.
    Voided(HoldSlot),
}

/// The money side of a decision, as journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Movement {
    /// Postings, in order.
    pub transfers: Transfers,
    /// The hold.
    pub hold: HoldChange,
}

/// Up to [`Transfers::MOST`] transfers, inline.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Transfers {
    rows: [Option<Transfer>; Self::MOST],
}

impl Transfers {
    /// A whole transaction undone and another done: see `decide/postings.rs`.
    pub const MOST: usize = 16;

    /// Adds a transfer; one of nothing is left out.
    ///
    /// # Panics
    /// At one more than [`Self::MOST`]: no transaction has so many, so the caller is wrong.
    pub fn push(&mut self, transfer: Transfer) {
        if transfer.amount == 0 {
            return;
        }
        let free = self.rows.iter_mut().find(|row| row.is_none());
        *free.unwrap_or_else(|| panic!("a transaction with too many transfers")) = Some(transfer);
    }

    /// The transfers, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Transfer> + Clone {
        self.rows.iter().flatten()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(Option::is_none)
    }
}

impl std::fmt::Debug for Transfers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Transfers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().collect::<arrayvec::ArrayVec<_, { Self::MOST }>>())
    }
}

impl<'de> Deserialize<'de> for Transfers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = arrayvec::ArrayVec::<Transfer, { Self::MOST }>::deserialize(deserializer)?;
        let mut transfers = Self::default();
        for row in rows {
            transfers.push(row);
        }
        Ok(transfers)
    }
}
