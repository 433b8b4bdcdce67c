//! What a decision will change, worked out in full before anything is touched: after the last
//! check nothing may fail (STYLE.md habit 5).

use crate::batch::BatchChange;
use crate::clearing::Presented;
use crate::pin_change::PinStep;
use crate::scripts::ScriptStep;
use crate::transactions::{Place, Status, Transaction};
use crate::{AtcWindow, Blocks, Card, Movement, Notice, Parties, StopListAction, TraceEntry};
use arrayvec::ArrayVec;
use ledger::{HoldSlot, OverdraftCause};
use limits::{Facts, Move, Moves, Portion, Report};
use payment_types::{Balance, BusinessDate, Sequence};

/// Increments that one hold can take (TXN-4): bounds the work of reversing it.
pub(crate) const MAX_INCREMENTS: usize = 15;

/// A change to an earlier transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) place: Place,
    pub(crate) status: Status,
    pub(crate) stands: Balance,
    pub(crate) cash_exact: u64,
    pub(crate) cash: u64,
    pub(crate) hold: Option<HoldSlot>,
    pub(crate) given_back: u64,
    /// Whether the counters still have it; `false` where they gave it back for good.
    pub(crate) counts: bool,
}

/// A change to a card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CardChange {
    pub(crate) card: u32,
    pub(crate) set: Blocks,
    pub(crate) lift: Blocks,
    pub(crate) pin_tries: u8,
    pub(crate) pin_tries_end: Option<BusinessDate>,
    pub(crate) atc: AtcWindow,
}

/// Claims about one transaction that a decision may settle (TXN-7).
pub(crate) const MAX_SETTLED: usize = 8;

/// What a decision does to a claim (TXN-7), minor units of the account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    /// Its number.
    pub(crate) dispute: u32,
    /// What came back of an open one.
    pub(crate) given: u64,
    /// What was taken back of a credited one.
    pub(crate) taken: u64,
}

/// Everything a decision will change besides money.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Counters to move for an approval.
    pub(crate) record: Option<Facts>,
    /// Counters to give back.
    pub(crate) give_back: ArrayVec<(Place, Portion), { MAX_INCREMENTS + 1 }>,
    /// Earlier transactions to change.
    pub(crate) changes: ArrayVec<Change, { MAX_INCREMENTS + 3 }>,
    /// Claims to settle.
    pub(crate) settled: ArrayVec<Settled, MAX_SETTLED>,
    /// The card.
    pub(crate) card: Option<CardChange>,
    /// The card's scripts.
    pub(crate) scripts: ScriptStep,
    /// The card's PIN.
    pub(crate) pin: Option<PinStep>,
    /// The increment's root, whose chain now ends in this transaction.
    pub(crate) chain_to: Option<Place>,
    /// What is to be kept of the message; `None` for a retransmission.
    pub(crate) keep: Option<Transaction>,
    /// A presentment's reference, to be remembered.
    pub(crate) presented: Option<Presented>,
    /// For a fact: what a technical overdraft that it opens comes from (TOD-1).
    pub(crate) cause: Option<OverdraftCause>,
    /// Totals to move (TXN-6).
    pub(crate) batch: Option<BatchChange>,
    /// A change of the stop-list (BLK-5).
    pub(crate) stop_list: Option<StopListAction>,
    /// A reversal's unknown original, to be killed when it comes.
    pub(crate) tombstone: Option<Transaction>,
}

/// Buffers that a shard uses again for every decision, and the reasons and money of the last one.
#[derive(Default)]
pub struct Scratch {
    pub(crate) report: Report,
    pub(crate) moves: Moves,
    pub(crate) given_back: Vec<Move>,
    pub(crate) trace: Vec<TraceEntry>,
    pub(crate) movement: Movement,
    pub(crate) parties: Parties,
    pub(crate) original: Option<Sequence>,
    pub(crate) notice: Option<Notice>,
    pub(crate) effects: Effects,
}

impl Scratch {
    /// Empty buffers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Each rule looked at for the last decision, in order (TXN-8).
    #[must_use]
    pub fn trace(&self) -> &[TraceEntry] {
        &self.trace
    }

    /// The money of the last decision.
    #[must_use]
    pub fn movement(&self) -> &Movement {
        &self.movement
    }

    /// Whom the last decision concerned.
    #[must_use]
    pub fn parties(&self) -> Parties {
        self.parties
    }

    /// The transaction that the last one reverses, completes or adds to, as far as it was found.
    #[must_use]
    pub fn original(&self) -> Option<Sequence> {
        self.original
    }

    /// What the customer is to be told of the last decision.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        self.notice
    }

    /// The card whose PIN the last decision changed or restored (PIN-4).
    #[must_use]
    pub fn pin_changed(&self) -> Option<u32> {
        self.parties.card.filter(|_| self.effects.pin.is_some())
    }

    pub(crate) fn clear(&mut self) {
        self.report.clear();
        self.moves.clear();
        self.given_back.clear();
        self.trace.clear();
        self.movement = Movement::default();
        self.parties = Parties::default();
        self.original = None;
        self.notice = None;
        self.effects = Effects::default();
    }
}

impl CardChange {
    /// One that leaves the card as it is, to be altered.
    pub(crate) fn unchanged(slot: u32, card: &Card) -> Self {
        Self {
            card: slot,
            set: Blocks::NONE,
            lift: Blocks::NONE,
            pin_tries: card.pin_tries,
            pin_tries_end: card.pin_tries_end,
            atc: card.atc,
        }
    }
}

impl Change {
    /// A change that leaves a row as it is, to be altered.
    pub(crate) fn unchanged(place: Place, row: &Transaction) -> Self {
        Self {
            place,
            status: row.status,
            stands: row.stands,
            cash_exact: row.cash_exact,
            cash: row.cash,
            hold: row.hold,
            given_back: row.given_back,
            counts: true,
        }
    }
}
