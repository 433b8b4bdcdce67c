//! Totals of terminals and acquirers (TXN-6): counted here, compared with what they counted.
//!
//! A terminal's batch runs from one agreed 0500 to the next, an acquirer's period from one
//! cut-over to the next. Totals are of the bank's side: a debit is a cardholder's payment.

use dense::Chunked;
use payment_types::{Balance, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is counted, in the order of DE 74 to 77 (numbers) and DE 86 to 89 (amounts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Money to cardholders: refunds, cash-in.
    Credit,
    /// The same taken back.
    CreditReversal,
    /// Money from cardholders.
    Debit,
    /// The same given back.
    DebitReversal,
}

impl Counted {
    /// All, in order.
    pub const ALL: [Self; 4] =
        [Self::Credit, Self::CreditReversal, Self::Debit, Self::DebitReversal];
}

/// Numbers and amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// How many, in the order of [`Counted::ALL`].
    pub numbers: [u64; 4],
    /// How much, minor units of KGS, in the same order.
    pub amounts: [u64; 4],
}

/// What a message says it counted: DE 74 to 77 and 86 to 89; what it does not tell is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToldTotals {
    /// DE 74 to 77.
    pub numbers: [Option<u64>; 4],
    /// DE 86 to 89.
    pub amounts: [Option<u64>; 4],
    /// DE 3 = 96xxxx: the batch was uploaded, and is to be closed whatever it came to.
    pub uploaded: bool,
}

/// A terminal's batch, or an acquirer's period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Batch {
    /// From 1.
    pub number: u32,
    /// What was counted.
    pub totals: Totals,
    /// Its totals were compared and differed (`95`): an upload is expected.
    pub differs: bool,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// An open one and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    /// Counting goes on.
    pub open: Batch,
    /// Closed last.
    pub closed: Option<Batch>,
    /// Of a terminal: the acquirer (DE 32) of what it counted last.
    pub acquirer: Option<u64>,
}

/// What a decision adds to totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CountedMove {
    pub(crate) what: Counted,
    /// 0 for a correction of what was counted.
    pub(crate) number: u64,
    /// A correction may be negative.
    pub(crate) amount: Balance,
}

/// What a decision does to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchChange {
    Count { terminal: u32, acquirer: u64, counted: CountedMove },
    Differs { terminal: u32 },
    Close { terminal: u32, differs: bool },
    CutOver { acquirer: u64 },
}

/// All totals.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Reconciliation {
    /// By the terminal's position.
    terminals: Chunked<Batches>,
    /// By DE 32.
    acquirers: BTreeMap<u64, Batches>,
}

impl Totals {
    fn count(&mut self, counted: CountedMove) {
        let at = counted.what as usize;
        if let Some(number) = self.numbers.get_mut(at) {
            *number = number.saturating_add(counted.number);
        }
        if let Some(amount) = self.amounts.get_mut(at) {
            *amount = amount.saturating_add_signed(counted.amount);
        }
    }

    /// What was told and is here, where they differ or not, element by element.
    pub(crate) fn against<'t>(
        &'t self,
        told: &'t ToldTotals,
    ) -> impl Iterator<Item = (u64, u64)> + 't {
        let numbers = told.numbers.iter().zip(&self.numbers);
        let amounts = told.amounts.iter().zip(&self.amounts);
        numbers.chain(amounts).filter_map(|(told, here)| Some(((*told)?, *here)))
    }
}

impl Batches {
    fn close(&mut self, at: Timestamp, differs: bool) {
        let number = self.open.number.saturating_add(1);
        self.closed = Some(Batch { closed_at: Some(at), differs, ..self.open });
        self.open = Batch { number, ..Batch::default() };
    }
}

impl Default for Batches {
    fn default() -> Self {
        Self { open: Batch { number: 1, ..Batch::default() }, closed: None, acquirer: None }
    }
}

impl Reconciliation {
    /// A terminal's batches, by its position.
    #[must_use]
    pub fn terminal(&self, terminal: u32) -> Batches {
        let found = self.terminals.get(crate::directory::at(terminal));
        found.copied().unwrap_or_default()
    }

    /// An acquirer's periods, by DE 32.
    #[must_use]
    pub fn acquirer(&self, acquirer: u64) -> Batches {
        self.acquirers.get(&acquirer).copied().unwrap_or_default()
    }

    /// All acquirers.
    pub fn acquirers(&self) -> impl Iterator<Item = (u64, Batches)> {
        self.acquirers.iter().map(|(acquirer, batches)| (*acquirer, *batches))
    }

    fn terminal_mut(&mut self, terminal: u32) -> Option<&mut Batches> {
        let at = crate::directory::at(terminal);
        while self.terminals.len() <= at {
            self.terminals.push(Batches::default());
        }
        self.terminals.get_mut(at)
    }

    pub(crate) fn apply(&mut self, change: BatchChange, at: Timestamp) {
        match change {
            BatchChange::Count { terminal, acquirer, counted } => {
                if let Some(batches) = self.terminal_mut(terminal) {
                    batches.open.totals.count(counted);
                    batches.acquirer = Some(acquirer);
                }
                let period = self.acquirers.entry(acquirer).or_default();
                period.open.totals.count(counted);
            }
            BatchChange::Differs { terminal } => {
                if let Some(batches) = self.terminal_mut(terminal) {
                    batches.open.differs = true;
                }
            }
            BatchChange::Close { terminal, differs } => {
                if let Some(batches) = self.terminal_mut(terminal) {
                    batches.close(at, differs);
                }
            }
            BatchChange::CutOver { acquirer } => {
                // Whoever's nothing was counted has no period, and is not remembered for asking.
                if let Some(period) = self.acquirers.get_mut(&acquirer) {
                    period.close(at, false);
                }
            }
        }
    }
}
