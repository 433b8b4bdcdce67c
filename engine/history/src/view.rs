//! What queries give: rows as values, amounts in minor units. How they are shown is the caller's.

use crate::statement::PostingId;
use payment_types::{BusinessDate, Currency, Moment};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, newest first.
    pub items: Vec<T>,
    /// What `before` is for the next part; `None` at the end.
    pub next: Option<u64>,
}

/// A card transaction as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionSummary {
    /// Its journal sequence.
    pub sequence: u64,
    /// When it was accepted.
    pub moment: Moment,
    /// The message type, 1987.
    pub mti: u16,
    /// DE 3.
    pub processing_code: u32,
    /// The card's id; `None` for a card that is not ours.
    pub card: Option<String>,
    /// The card number as people may see it.
    pub masked_pan: Option<String>,
    /// The account's id.
    pub account: Option<String>,
    /// DE 41.
    pub terminal: String,
    /// The device's category; `None` for one not in the register.
    pub category: Option<String>,
    /// The device's merchant.
    pub merchant: Option<String>,
    /// The device's agent.
    pub agent: Option<String>,
    /// DE 18, if told.
    pub mcc: Option<u16>,
    /// DE 4.
    pub amount: i64,
    /// DE 49.
    pub currency: Currency,
    /// Whether it was approved, booked or reversed.
    pub approved: bool,
    /// The outcome's name.
    pub result: String,
    /// DE 39 by the default table of 1987.
    pub code: String,
    /// DE 38.
    pub auth_code: Option<String>,
    /// DE 37.
    pub rrn: String,
    /// DE 11.
    pub stan: u32,
    /// CTL-5.
    pub liability: String,
    /// BAL-4: what was approved, where it was less than asked.
    pub approved_amount: Option<i64>,
    /// AMT-1: the cash to hand out.
    pub handed_out: Option<i64>,
    /// What it reverses or completes.
    pub original: Option<u64>,
    /// The rule set's version of that moment.
    pub rules: String,
}

/// So many transactions with one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeCount {
    /// DE 39 by the default table of 1987.
    pub code: String,
    /// Whether they were approved.
    pub approved: bool,
    /// How many.
    pub count: u64,
}

/// One transaction with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionDetail {
    /// What a list shows.
    pub summary: TransactionSummary,
    /// DE 42.
    pub acceptor: String,
    /// DE 22.
    pub entry_mode: u16,
    /// What was known about the PIN.
    pub pin: String,
    /// DE 13 and 12: MMDDhhmmss.
    pub local_time: u32,
    /// DE 7: MMDDhhmmss.
    pub transmission: u32,
    /// DE 32; 0 if not told.
    pub acquirer: u64,
    /// DE 54 type 40 of the request.
    pub cash_back: Option<i64>,
    /// DE 95: what stays after a partial reversal.
    pub replacement: Option<i64>,
    /// AGT-3: what was left of the cap.
    pub cap_left: Option<i64>,
    /// What became of a hold: placed, resized, captured, voided.
    pub hold: Option<String>,
    /// Of how much, in the account's currency.
    pub hold_amount: Option<i64>,
    /// When its hold ran out (TXN-3).
    pub hold_expired_at: Option<Moment>,
    /// The account's currency.
    pub account_currency: Option<Currency>,
    /// Each rule looked at, in order (TXN-8).
    pub trace: Vec<TraceLine>,
    /// What it posted (BAL-7).
    pub postings: Vec<Posting>,
    /// The transaction it reverses or completes.
    pub original: Option<Link>,
    /// Reversals, increments and completions of it, oldest first.
    pub followers: Vec<Link>,
    /// The moments at which the same message came again (TXN-1).
    pub retransmissions: Vec<Moment>,
}

/// Another transaction about the same business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its journal sequence.
    pub sequence: u64,
    /// When it was accepted.
    pub moment: Moment,
    /// Its message type.
    pub mti: u16,
    /// Its amount.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
    /// Its outcome.
    pub result: String,
    /// DE 39.
    pub code: String,
}

/// One rule looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// The rule's id in the rule book.
    pub rule: String,
    /// What it said.
    pub verdict: String,
    /// The limit's id, for LIM-1.
    pub limit: Option<String>,
    /// What that limit measures: `amount` or `count`.
    pub measure: Option<String>,
    /// What was asked; minor units or a count.
    pub asked: i64,
    /// What was used before, or there was.
    pub used: i64,
    /// The ceiling.
    pub ceiling: i64,
}

/// Whose a posting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// A customer's account, by id.
    Account(String),
    /// An account of the bank, by name.
    General(String),
}

/// One side of a transfer: credits are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Whose.
    pub party: Party,
    /// How much.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// Something a customer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its place in the outbox.
    pub id: u64,
    /// The journal sequence it comes from.
    pub sequence: u64,
    /// When.
    pub moment: Moment,
    /// `technical_overdraft` (TOD-2) or `minimum_balance` (BAL-3), or either with `_overdue`.
    pub kind: String,
    /// The account's id.
    pub account: String,
    /// Its owner's id.
    pub customer: String,
    /// How much is open or missing.
    pub amount: i64,
    /// Of which currency.
    pub currency: Currency,
    /// The last day for paying it.
    pub due_on: BusinessDate,
}

/// Something staff or the engine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its journal sequence.
    pub sequence: u64,
    /// When.
    pub moment: Moment,
    /// What: block, unblock, arrest, lift_arrest, credit, install_rules, import, expire_holds,
    /// end_of_day.
    pub action: String,
    /// About a `card`, an `account`, a `customer`, a `terminal` or a `user`, and which.
    pub subject: Option<(String, String)>,
    /// Who entered it; `None` for the engine itself.
    pub entered_by: Option<String>,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
    /// The rest, as a JSON object.
    pub details: String,
}

/// A rule set that is or was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSetEntry {
    /// The journal sequence from which it was in force.
    pub sequence: u64,
    /// When.
    pub moment: Moment,
    /// Its version.
    pub version: String,
}

/// An account's postings of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account's id.
    pub account: String,
    /// Its owner's id.
    pub customer: String,
    /// Of all amounts here.
    pub currency: Currency,
    /// The balance before the period.
    pub opening: i64,
    /// The sum of debits of the period, positive.
    pub debits: i64,
    /// The sum of credits of the period.
    pub credits: i64,
    /// How many postings the period has.
    pub count: u64,
    /// The balance at its end.
    pub closing: i64,
    /// The postings, oldest first: a part of them.
    pub lines: Vec<StatementLine>,
    /// What `after` is for the next part; `None` at the end.
    pub next: Option<PostingId>,
    /// The last record of the journal that is in this.
    pub position: u64,
}

/// A posting on an account, and what it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// Which.
    pub posting: PostingId,
    /// When.
    pub moment: Moment,
    /// How much; a debit is negative.
    pub amount: i64,
    /// The balance after it.
    pub balance: i64,
    /// Whose the other side is.
    pub counterpart: Party,
    /// The message type, of a card transaction.
    pub mti: Option<u16>,
    /// DE 3, of a card transaction.
    pub processing_code: Option<u32>,
    /// Its outcome's name, of a card transaction.
    pub result: Option<String>,
    /// The card's id.
    pub card: Option<String>,
    /// The card number as people may see it.
    pub masked_pan: Option<String>,
    /// DE 41.
    pub terminal: Option<String>,
    /// The device's merchant.
    pub merchant: Option<String>,
    /// That merchant's name.
    pub merchant_name: Option<String>,
    /// The device's agent.
    pub agent: Option<String>,
    /// The transaction it reverses or completes.
    pub original: Option<u64>,
    /// DE 37.
    pub rrn: Option<String>,
    /// What booked it, where that was no card transaction: as in [`AuditEntry::action`].
    pub booking: Option<String>,
    /// The audit's details of that, a JSON object.
    pub details: Option<String>,
}

/// What was posted on a class of accounts on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneralTotal {
    /// Of which currency.
    pub currency: Currency,
    /// A general account's name, or `customers` for all of theirs.
    pub class: String,
    /// The balance before the day; credits are positive.
    pub opening: i64,
    /// Debited on the day.
    pub debit: i64,
    /// Credited on the day.
    pub credit: i64,
    /// The balance at its end.
    pub closing: i64,
    /// How many postings.
    pub postings: u64,
}

/// The sums of all postings, to be held against the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookSums {
    /// The last record that is in them.
    pub position: u64,
    /// By position in the core's directory.
    pub accounts: Vec<i64>,
    /// Over all days.
    pub classes: Vec<GeneralTotal>,
    /// The first day whose debits are not its credits, in any currency.
    pub unbalanced: Option<BusinessDate>,
}
