//! Disputes (TXN-7): claims about operations, taken within 45 calendar days, and their decision.
//!
//! That an ATM handed out too little, or too much, is decided by the count of its cash: no surplus,
//! no credit; what it handed out too much is collected back. Others are decided by staff, and who
//! answers for them is settled when they are taken (BLK-6, CTL-5).

use crate::decide::naming::{Business, standing};
use crate::decide::price::cost_of;
use crate::effects::Settled;
use crate::transactions::{Status, Transaction};
use crate::{Done, Notice, OnRequestOf, Refusal, State};
use compact_str::CompactString;
use dense::Chunked;
use ledger::{AccountSlot, GeneralAccount, MOST_AT_ONCE, OverdraftCause, Party, Transfer};
use payment_types::{Balance, Currency, Moment, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// Calendar days within which a claim is taken (001 §4.10, 4.12).
pub const CLAIM_DAYS: i32 = 45;

/// Why a claim that would be granted gives nothing.
const GIVEN_BACK: &str = "it was given back already, by a reversal or a refund (TXN-7)";
/// Why one that is granted cannot be posted.
const TOO_MUCH: &str = "the balance would no longer fit (BAL-7)";

/// What is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimKind {
    /// The ATM handed out less than it booked.
    ShortDispense,
    /// The ATM handed out more: the bank's own claim, at any time.
    OverDispense,
    /// The holder did not do it.
    NotMine,
    /// Anything else.
    Other,
}

impl ClaimKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::ShortDispense, Self::OverDispense, Self::NotMine, Self::Other];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShortDispense => "short_dispense",
            Self::OverDispense => "over_dispense",
            Self::NotMine => "not_mine",
            Self::Other => "other",
        }
    }

    /// Whether the ATM's cash count decides it.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::ShortDispense | Self::OverDispense)
    }
}

/// Who answers for a disputed operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answerable {
    /// The customer: the bank had no loss report yet (BLK-6).
    Customer,
    /// The bank: it had the loss report (BLK-6), or approved without PIN (CTL-5).
    Bank,
}

impl Answerable {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Bank => "bank",
        }
    }
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeStatus {
    /// Not decided.
    Open,
    /// The customer got the money.
    Credited,
    /// The bank got it back.
    Collected,
    /// Nobody got anything.
    Rejected,
}

impl DisputeStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Open, Self::Credited, Self::Collected, Self::Rejected];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Credited => "credited",
            Self::Collected => "collected",
            Self::Rejected => "rejected",
        }
    }
}

/// An operation that is disputed, as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedOperation {
    /// Its place in the journal.
    pub transaction: Sequence,
    /// When it was accepted.
    pub at: Timestamp,
    /// The account's id.
    pub account: CompactString,
    /// The card's id.
    pub card: CompactString,
    /// DE 41.
    pub terminal: CompactString,
    /// What it moved, minor units of the account.
    pub amount: u64,
    /// It was approved without PIN (CTL-5).
    pub issuer_liable: bool,
}

/// What may be done about disputes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisputeCommand {
    /// A claim.
    Claim {
        /// What it is about.
        operation: DisputedOperation,
        /// What is claimed.
        kind: ClaimKind,
        /// How much, minor units of the account.
        amount: u64,
        /// In the claimant's words.
        reason: CompactString,
        /// Who claims it.
        by: OnRequestOf,
    },
    /// A count of an ATM's cash; decides all open claims about that ATM.
    Count {
        /// DE 41.
        terminal: CompactString,
        /// What was found above the books, minor units of KGS.
        surplus: u64,
        /// What was missing.
        shortage: u64,
        /// Who counted.
        by: OnRequestOf,
    },
    /// A decision of staff about a claim that no count decides.
    Decide {
        /// Which.
        dispute: u32,
        /// Whether the customer gets the money.
        accept: bool,
        /// Who decided and why.
        by: OnRequestOf,
    },
}

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The operation.
    pub operation: DisputedOperation,
    /// What is claimed.
    pub kind: ClaimKind,
    /// Whose account.
    pub account: AccountSlot,
    /// How much, minor units of the account.
    pub amount: u64,
    /// Of which currency.
    pub currency: Currency,
    /// When it was taken.
    pub opened_at: Timestamp,
    /// BLK-6.
    pub answerable: Answerable,
    /// Where it stands.
    pub status: DisputeStatus,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// In the claimant's words.
    pub reason: CompactString,
    /// Why it was decided so.
    pub why: CompactString,
    /// What reversals, corrections and refunds brought back while it was open, the same units.
    pub given_back: u64,
    /// What was taken back after it was credited, because they brought it back.
    pub taken_back: u64,
}

impl Dispute {
    /// What it would give if it were granted now.
    pub(crate) const fn to_pay(&self) -> u64 {
        self.amount.saturating_sub(self.given_back)
    }

    /// Of a credited one: what the customer has of it.
    pub(crate) const fn outstanding(&self) -> u64 {
        self.to_pay().saturating_sub(self.taken_back)
    }

    /// The bank's account on the other side.
    pub(crate) const fn paid_from(&self) -> GeneralAccount {
        if self.kind.is_counted() { GeneralAccount::AtmCash } else { GeneralAccount::Disputes }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputesDone {
    /// The disputes that were taken or decided, by number.
    pub disputes: Vec<u32>,
    /// The money, in order.
    pub transfers: Vec<Transfer>,
    /// What customers are told.
    pub notices: Vec<Notice>,
}

/// Why it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisputeRefusal {
    /// More than 45 calendar days have passed: how many (001 §4.10, 4.12).
    TooLate(i32),
    /// The operation is to come.
    NotYet,
    /// There is an open or granted claim about the operation already.
    Claimed(u32),
    /// Zero, or more than the operation moved.
    Amount,
    /// No such dispute, or it is decided.
    NotOpen,
    /// The ATM's cash count decides it, nobody else (001 §4.10).
    CountDecides,
    /// The device is no ATM.
    NotAnAtm,
}

/// All disputes, by number.
pub type Disputes = Chunked<Dispute>;

impl State {
    /// All disputes, oldest first, with their numbers.
    pub fn disputes(&self) -> impl Iterator<Item = (u32, &Dispute)> {
        (1u32..).zip(self.disputes.iter())
    }

    /// A dispute by number.
    #[must_use]
    pub fn dispute(&self, number: u32) -> Option<&Dispute> {
        self.disputes.get(crate::directory::at(number.checked_sub(1)?))
    }

    pub(crate) fn dispute_command(
        &mut self,
        moment: Moment,
        command: &DisputeCommand,
    ) -> Result<Done, Refusal> {
        let done = match command {
            DisputeCommand::Claim { operation, kind, amount, reason, .. } => {
                self.take_claim(moment, operation, (*kind, *amount), reason)?
            }
            DisputeCommand::Count { terminal, surplus, shortage, .. } => {
                self.count_cash(moment, terminal, (*surplus, *shortage))?
            }
            DisputeCommand::Decide { dispute, accept, by } => {
                self.decide_dispute(moment, *dispute, *accept, &by.note)?
            }
        };
        Ok(Done::Disputes(Box::new(done)))
    }

    fn take_claim(
        &mut self,
        moment: Moment,
        operation: &DisputedOperation,
        (kind, amount): (ClaimKind, u64),
        reason: &CompactString,
    ) -> Result<DisputesDone, Refusal> {
        let refuse = |why| Err(Refusal::Dispute(why));
        let slot = self.directory.account_position(&operation.account).map(AccountSlot);
        let slot = slot.ok_or(Refusal::UnknownAccount)?;
        let account = self.ledger.account(slot).ok_or(Refusal::UnknownAccount)?;
        let currency = account.currency;
        let day = Moment::new(operation.at, moment.offset).business_date().days();
        let age = moment.business_date().days().saturating_sub(day);
        if age < 0 {
            return refuse(DisputeRefusal::NotYet);
        }
        if age > CLAIM_DAYS && kind != ClaimKind::OverDispense {
            return refuse(DisputeRefusal::TooLate(age));
        }
        let same = |dispute: &Dispute| {
            let settled = dispute.status == DisputeStatus::Credited && dispute.outstanding() == 0;
            dispute.operation.transaction == operation.transaction
                && dispute.status != DisputeStatus::Rejected
                && !settled
        };
        if let Some((number, _)) = self.disputes().find(|(_, dispute)| same(dispute)) {
            return refuse(DisputeRefusal::Claimed(number));
        }
        let too_much = amount > self.claimable(operation) && kind != ClaimKind::OverDispense;
        if amount == 0 || too_much || amount > MOST_AT_ONCE {
            return refuse(DisputeRefusal::Amount);
        }
        if kind.is_counted() {
            self.atm_named(&operation.terminal)?;
        }
        let card = self.directory.card_position(&operation.card).and_then(|at| self.card(at));
        let reported = card.and_then(|card| card.loss_reported_at);
        let banks = operation.issuer_liable || reported.is_some_and(|at| operation.at >= at);
        let number = self.disputes.push(Dispute {
            operation: operation.clone(),
            kind,
            account: slot,
            amount,
            currency,
            opened_at: moment.at,
            answerable: if banks { Answerable::Bank } else { Answerable::Customer },
            status: DisputeStatus::Open,
            decided_at: None,
            reason: reason.clone(),
            why: CompactString::default(),
            given_back: 0,
            taken_back: 0,
        });
        self.claimed.entry(operation.transaction).or_default().push(number.saturating_add(1));
        let disputes = vec![number.saturating_add(1)];
        Ok(DisputesDone { disputes, transfers: Vec::new(), notices: Vec::new() })
    }

    fn atm_named(&self, id: &str) -> Result<(), Refusal> {
        let terminal = payment_types::TerminalId::new(id.as_bytes());
        let found = terminal.and_then(|id| self.directory.terminal(&id));
        let is_atm = found.is_some_and(|(_, at)| at.category == payment_types::DeviceCategory::Atm);
        if is_atm { Ok(()) } else { Err(Refusal::Dispute(DisputeRefusal::NotAnAtm)) }
    }

    /// Each open claim about the ATM, oldest first, as far as the surplus, or the shortage, goes.
    fn count_cash(
        &mut self,
        moment: Moment,
        terminal: &str,
        (mut surplus, mut shortage): (u64, u64),
    ) -> Result<DisputesDone, Refusal> {
        self.atm_named(terminal)?;
        let open: Vec<u32> = self
            .disputes()
            .filter(|(_, dispute)| {
                dispute.status == DisputeStatus::Open
                    && dispute.kind.is_counted()
                    && dispute.operation.terminal == terminal
            })
            .map(|(number, _)| number)
            .collect();
        let mut done =
            DisputesDone { disputes: open.clone(), transfers: Vec::new(), notices: Vec::new() };
        for number in open {
            let Some(dispute) = self.dispute(number) else { continue };
            let (kind, amount) = (dispute.kind, dispute.to_pay());
            let (left, granted, why) = match kind {
                ClaimKind::OverDispense => {
                    (&mut shortage, DisputeStatus::Collected, "the count shows a shortage")
                }
                _ => (&mut surplus, DisputeStatus::Credited, "the count shows a surplus"),
            };
            let (status, why) = match left.checked_sub(amount) {
                Some(_) if amount == 0 => (DisputeStatus::Rejected, GIVEN_BACK),
                Some(rest) => {
                    *left = rest;
                    (granted, why)
                }
                None => (DisputeStatus::Rejected, "the count does not show it (001 §4.10)"),
            };
            self.end_dispute(moment, number, status, why, &mut done);
        }
        Ok(done)
    }

    fn decide_dispute(
        &mut self,
        moment: Moment,
        number: u32,
        accept: bool,
        why: &str,
    ) -> Result<DisputesDone, Refusal> {
        let refuse = |why| Err(Refusal::Dispute(why));
        let open = self.dispute(number).filter(|dispute| dispute.status == DisputeStatus::Open);
        let Some(dispute) = open else { return refuse(DisputeRefusal::NotOpen) };
        if dispute.kind.is_counted() {
            return refuse(DisputeRefusal::CountDecides);
        }
        let given_back = accept && dispute.to_pay() == 0;
        let status = match accept {
            true if !given_back => DisputeStatus::Credited,
            _ => DisputeStatus::Rejected,
        };
        let why = if given_back { GIVEN_BACK } else { why };
        let mut done =
            DisputesDone { disputes: vec![number], transfers: Vec::new(), notices: Vec::new() };
        self.end_dispute(moment, number, status, why, &mut done);
        Ok(done)
    }

    fn end_dispute(
        &mut self,
        moment: Moment,
        number: u32,
        status: DisputeStatus,
        why: &str,
        done: &mut DisputesDone,
    ) {
        let at = crate::directory::at(number.saturating_sub(1));
        let Some(dispute) = self.disputes.get_mut(at) else { return };
        dispute.status = status;
        dispute.decided_at = Some(moment.at);
        dispute.why = why.into();
        let (customer, bank) =
            (Party::Customer(dispute.account), Party::General(dispute.paid_from()));
        let (amount, currency) = (dispute.to_pay(), dispute.currency);
        let transfer = match status {
            DisputeStatus::Credited => Transfer { debit: bank, credit: customer, amount, currency },
            DisputeStatus::Collected => {
                Transfer { debit: customer, credit: bank, amount, currency }
            }
            DisputeStatus::Open | DisputeStatus::Rejected => return,
        };
        if !self.ledger.fits([transfer].iter()) {
            (dispute.status, dispute.why) = (DisputeStatus::Rejected, TOO_MUCH.into());
            return;
        }
        self.post_decided(&transfer, moment, &mut done.notices);
        done.transfers.push(transfer);
    }

    /// What may be claimed of an operation, minor units of the account: what it moved, as far as it
    /// still stands and no other claim is about it. What is too old to be reversed stands as the
    /// books have it.
    fn claimable(&self, operation: &DisputedOperation) -> u64 {
        let rows = &self.transactions;
        let place = rows.place_of(operation.transaction);
        let Some((place, row)) = place.and_then(|place| Some((place, rows.get(place)?))) else {
            return operation.amount;
        };
        let Some(business) = Business::done_by(row) else {
            return if row.status == Status::Posted { operation.amount } else { 0 };
        };
        let live = standing(self, place).and_then(|place| rows.get(place));
        let Some(live) = live.filter(|row| row.status == Status::Posted && business.is_debit())
        else {
            return 0;
        };
        let given_back = Balance::try_from(live.given_back).unwrap_or(Balance::MAX);
        let stands = cost_of(live, live.stands.saturating_sub(given_back));
        let claimed = self.claims_on(live).filter(|(_, claim)| {
            claim.kind != ClaimKind::OverDispense && claim.status != DisputeStatus::Rejected
        });
        let claimed = claimed.fold(0u64, |sum, (_, claim)| sum.saturating_add(claim.outstanding()));
        let stands = u64::try_from(stands).unwrap_or_default();
        operation.amount.min(stands.saturating_sub(claimed))
    }

    /// The claims about a transaction and what it completes.
    pub(crate) fn claims_on(&self, row: &Transaction) -> impl Iterator<Item = (u32, &Dispute)> {
        let mut next = Some((row.sequence, row.follows));
        let family = std::iter::from_fn(move || {
            let (sequence, follows) = next?;
            next = follows.map(|root| {
                let place = self.transactions.place_of(root);
                let row = place.and_then(|place| self.transactions.get(place));
                (root, row.and_then(|row| row.follows))
            });
            Some(sequence)
        });
        let numbers = family.flat_map(|sequence| self.claimed.get(&sequence).into_iter().flatten());
        numbers.filter_map(|number| Some((*number, self.dispute(*number)?)))
    }

    /// What a decision brought back of a claimed transaction.
    pub(crate) fn settle_claim(&mut self, settled: Settled) {
        let at = crate::directory::at(settled.dispute.saturating_sub(1));
        let Some(dispute) = self.disputes.get_mut(at) else { return };
        dispute.given_back = dispute.given_back.saturating_add(settled.given);
        dispute.taken_back = dispute.taken_back.saturating_add(settled.taken);
    }

    /// Rebuilds what is derived, after loading.
    pub(crate) fn index_claims(&mut self) {
        self.claimed.clear();
        for (number, dispute) in (1u32..).zip(self.disputes.iter()) {
            self.claimed.entry(dispute.operation.transaction).or_default().push(number);
        }
    }

    /// Posts what was decided, covered or not (TOD-1), with what the customer is to be told of it.
    fn post_decided(&mut self, transfer: &Transfer, moment: Moment, notices: &mut Vec<Notice>) {
        let cause = OverdraftCause::OverDispense;
        let Party::Customer(slot) = transfer.debit else {
            self.post(transfer, moment, cause);
            return;
        };
        let before = self.ledger.account(slot).cloned();
        self.post(transfer, moment, cause);
        self.note_refill(slot, moment);
        let after = self.ledger.account(slot);
        let notice = before.zip(after).and_then(|(b, a)| self.notice_of(slot, &b, a, moment));
        if let Some(notice) = notice {
            self.told(&notice, moment);
            notices.push(notice);
        }
    }
}
