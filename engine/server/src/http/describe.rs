//! What the API says: the JSON of its answers, with the names of CONTRACT.md.
//!
//! Amounts are decimal strings in major units, instants are RFC 3339 with the bank's offset, days
//! are ISO dates, ids are texts.

use serde::Serialize;
use utoipa::ToSchema;

/// RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemBody {
    /// A name for the kind of problem, `urn:tamga:problem:...`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The kind in words.
    pub(super) title: String,
    /// The HTTP status.
    pub(super) status: u16,
    /// What is wrong here and what would be right.
    pub(super) detail: String,
    /// The field, parameter or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    /// The rule of the rule book that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// A name for this very refusal that stays, for programs and other languages (`same_person`,
    /// `changed_since`, `wrong_code` ...); where there is none, `detail` alone says what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// What the code's sentence names: who, which order.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub(super) values: std::collections::BTreeMap<&'static str, String>,
    /// Of an order: everything that is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) problems: Vec<super::order_view::ProblemView>,
}

/// `GET /accounts/{id}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) customer: String,
    pub(super) product: String,
    /// ISO 4217; of all amounts here.
    pub(super) currency: String,
    /// What has been posted; negative is a debt.
    pub(super) ledger_balance: String,
    /// Set aside for authorizations that are not completed yet.
    pub(super) holds: String,
    /// `ledger_balance - holds - minimum_balance + overdraft.limit` (BAL-1).
    pub(super) available: String,
    /// BAL-3.
    pub(super) minimum_balance: String,
    pub(super) overdraft: Overdraft,
    pub(super) technical_overdraft: TechnicalOverdraft,
    /// Set while the minimum balance is to be refilled (BAL-3).
    pub(super) minimum_balance_refill: Option<Refill>,
    /// `none`, `active`, or `suspended` for want of its fee (AMT-5).
    pub(super) notification_service: String,
    /// Takes credits and no debits (BAL-6).
    pub(super) arrested: bool,
    pub(super) closed: bool,
    /// The moment all of this is true for.
    pub(super) as_of: String,
}

/// The agreed overdraft (BAL-2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Overdraft {
    /// What may be used today.
    pub(super) limit: String,
    pub(super) used: String,
}

/// What was spent beyond balance and agreed overdraft (TOD).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TechnicalOverdraft {
    /// Without interest and penalty.
    pub(super) amount: String,
    /// Booked and unpaid (TOD-3).
    pub(super) interest: String,
    /// The part of the amount that is service fees (TOD-7).
    pub(super) fees_due: String,
    /// Booked and unpaid, for overdue service fees (TOD-7).
    pub(super) penalty: String,
    /// What repays it in full.
    pub(super) to_repay: String,
    /// What opened it: advice, completion, late_presentment, fee, reversal, overdraft_ended, opening.
    pub(super) cause: Option<String>,
    pub(super) opened_at: Option<String>,
    /// When the notice was put into the outbox.
    pub(super) notified_at: Option<String>,
    /// The last day for repaying it: 5 working days after the notice (TOD-2).
    pub(super) due_on: Option<String>,
    /// Whether that day is over.
    pub(super) overdue: bool,
    /// Whether a card of the account is blocked for it (TOD-4).
    pub(super) blocked: bool,
}

/// A minimum balance that is to be refilled (BAL-3).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refill {
    pub(super) missing: String,
    pub(super) since: String,
    pub(super) notified_at: Option<String>,
    /// The last day for it: 3 banking days after the notice.
    pub(super) due_on: Option<String>,
    pub(super) overdue: bool,
}

/// `GET /technical-overdrafts`: by due date, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OverdraftList {
    /// The business day for which it was aged.
    pub(super) today: String,
    pub(super) items: Vec<ListedOverdraft>,
    /// All of them by age, not only this part's.
    pub(super) ageing: Vec<AgeingTotal>,
    /// `cursor` for the next part.
    pub(super) next: Option<String>,
}

/// An account whose technical overdraft is open.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedOverdraft {
    pub(super) account: String,
    pub(super) customer: String,
    pub(super) currency: String,
    /// `working_days_1_to_5`, `overdue_1_to_30` or `overdue_over_30`.
    pub(super) age: String,
    /// Days past the due date; 0 in time.
    pub(super) overdue_days: i32,
    #[serde(flatten)]
    pub(super) technical_overdraft: TechnicalOverdraft,
}

/// How many technical overdrafts are of an age, and what is owed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgeingTotal {
    pub(super) age: String,
    pub(super) count: u64,
    /// Amount, interest, fees and penalty, by currency.
    pub(super) owed: std::collections::BTreeMap<String, String>,
}

/// `PUT` and `DELETE /cards/{id}/overdraft-exemption`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Exemption {
    pub(super) card: String,
    /// The last day, or `always`; none if it was ended.
    pub(super) until: Option<String>,
    /// Whether the policy's own block was lifted, or set again.
    pub(super) changed: bool,
}

/// `POST /accounts/{id}/credits`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Credit {
    pub(super) account: String,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) reference: String,
    pub(super) purpose: String,
    pub(super) spent: Spent,
    /// The balance after it.
    pub(super) ledger_balance: String,
}

/// What a credit was spent on, in the order of BAL-5.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Spent {
    pub(super) technical_overdraft: String,
    /// Its parts.
    pub(super) technical_overdraft_parts: DebtParts,
    pub(super) overdraft: String,
    pub(super) minimum_balance: String,
    pub(super) own_use: String,
}

/// A debt by its parts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DebtParts {
    pub(super) interest: String,
    /// Service fees, and the penalty on overdue ones.
    pub(super) fees: String,
    pub(super) principal: String,
}

/// `PUT` and `DELETE /accounts/{id}/arrest`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Arrest {
    pub(super) account: String,
    pub(super) arrested: bool,
    pub(super) authority: String,
    pub(super) document: String,
}

/// `GET /cards/{id}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Card {
    pub(super) id: String,
    /// Masked.
    pub(super) pan: String,
    /// YYMM.
    pub(super) expiry: String,
    /// `active`, `expired`, or the most severe block (BLK-2).
    pub(super) status: String,
    /// Every block that is set.
    pub(super) blocks: Vec<String>,
    pub(super) account: String,
    /// The holder's customer id.
    pub(super) holder: String,
    pub(super) sequence: String,
    pub(super) service_code: String,
    /// The primary card (BLK-7).
    pub(super) supplementary_of: Option<String>,
    /// Wrong PINs in a row (PIN-2).
    pub(super) pin_tries: u8,
    /// Whether it pays over the net (SEC-4).
    pub(super) ecommerce: bool,
    /// Whether it pays by mail and telephone orders (SEC-4).
    pub(super) moto: bool,
    /// The highest transaction counter of its chip with a right cryptogram (SEC-2).
    pub(super) atc: Option<u16>,
    /// Scripts that wait for its chip, or whose result was not told yet.
    pub(super) scripts_pending: usize,
    /// The last day for which staff exempted it from the block policy for technical overdrafts
    /// (TOD-4); `always` without an end.
    pub(super) overdraft_exempt_until: Option<String>,
    /// When the bank got the report of its loss or theft (BLK-6).
    pub(super) loss_reported_at: Option<String>,
    /// LIM-5.
    pub(super) counters: Vec<Counter>,
    /// The moment all of this is true for.
    pub(super) as_of: String,
}

/// What a rule counts for a card.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Counter {
    /// CTL-1, CTL-2, AGT-1, AGT-2 or LIM-1.
    pub(super) rule: String,
    /// The limit's id, for LIM-1.
    pub(super) limit: Option<String>,
    /// Which figure of the rule: `per_transaction`, `per_day`, `count_since_pin`,
    /// `sum_since_pin`, `limit`.
    pub(super) figure: String,
    /// What it is kept for: `card`, `customer`, ...; several for a crossing.
    pub(super) scope: Vec<String>,
    /// In a crossing with something else than the card: which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<String>,
    /// `amount` (KGS) or `count`.
    pub(super) measure: String,
    pub(super) used: Figure,
    pub(super) ceiling: Figure,
    pub(super) window: String,
    /// When it starts anew, or the oldest entry leaves a rolling window.
    pub(super) resets_at: Option<String>,
}

/// A decimal string for an amount, a number for a count.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Figure {
    /// Major units.
    Amount(String),
    /// How many.
    Count(i64),
}

/// `POST /cards/{id}/blocks` and `DELETE /cards/{id}/blocks/{reason}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Block {
    pub(super) card: String,
    pub(super) reason: String,
    /// Whether the card is now blocked for this reason. Binding for every request accepted after
    /// this answer (BLK-1).
    pub(super) blocked: bool,
}

/// A part of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// The `cursor` of the next part; absent at the end.
    pub(super) next: Option<String>,
}

/// A card transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Transaction {
    pub(super) id: String,
    /// When it was accepted.
    pub(super) at: String,
    pub(super) mti: String,
    pub(super) processing_code: String,
    /// What the processing code asks for, in a word.
    pub(super) operation: String,
    pub(super) card: Option<String>,
    /// Masked.
    pub(super) pan: Option<String>,
    pub(super) account: Option<String>,
    pub(super) terminal: String,
    pub(super) category: Option<String>,
    pub(super) merchant: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) mcc: Option<String>,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) approved: bool,
    /// The outcome's name.
    pub(super) result: String,
    /// DE 39 by the default table of 1987.
    pub(super) code: String,
    pub(super) auth_code: Option<String>,
    pub(super) rrn: String,
    pub(super) stan: String,
    /// `issuer` for an approval without PIN (CTL-5), else `unset`.
    pub(super) liability: String,
    /// BAL-4: what was approved, where it was less than asked.
    pub(super) approved_amount: Option<String>,
    /// AMT-1: the cash to hand out.
    pub(super) handed_out: Option<String>,
    /// The transaction it reverses, increases or completes.
    pub(super) original: Option<String>,
    /// The rule set's version of that moment.
    pub(super) rules: String,
}

/// `GET /transactions/{id}`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransactionDetail {
    #[serde(flatten)]
    pub(super) transaction: Transaction,
    pub(super) acceptor: String,
    pub(super) entry_mode: String,
    /// What was known about the PIN.
    pub(super) pin: String,
    /// DE 13 and 12: MMDDhhmmss.
    pub(super) local_time: String,
    /// DE 7: MMDDhhmmss, UTC.
    pub(super) transmission: String,
    pub(super) acquirer: String,
    pub(super) cash_back: Option<String>,
    /// What stays after a partial reversal (TXN-2).
    pub(super) replacement: Option<String>,
    /// What was left of the agents' cap (AGT-3).
    pub(super) cap_left: Option<String>,
    pub(super) hold: Option<Hold>,
    /// Each rule looked at, in order (TXN-8).
    pub(super) trace: Vec<TraceLine>,
    /// Sum to zero per currency (BAL-7).
    pub(super) postings: Vec<Posting>,
    pub(super) original_transaction: Option<Link>,
    /// Reversals, increments and completions of it, oldest first.
    pub(super) followers: Vec<Link>,
    /// When the same message came again (TXN-1).
    pub(super) retransmissions: Vec<String>,
}

/// What a transaction did to a hold.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Hold {
    /// `placed`, `resized`, `captured` or `voided`.
    pub(super) change: String,
    pub(super) amount: Option<String>,
    /// When it ran out, if it did (TXN-3).
    pub(super) expired_at: Option<String>,
}

/// One rule looked at. For caps and limits: what was asked, what was used before, the ceiling.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TraceLine {
    pub(super) rule: String,
    /// `pass`, `decline`, `ask_pin`, `note` or `not_applicable`.
    pub(super) verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ceiling: Option<Figure>,
}

/// One side of a transfer; credits are positive.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Posting {
    /// A customer's account ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// ... or one of the bank's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) general: Option<String>,
    pub(super) amount: String,
    pub(super) currency: String,
}

/// Another transaction about the same business.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Link {
    pub(super) id: String,
    pub(super) at: String,
    pub(super) mti: String,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) result: String,
    pub(super) code: String,
}

/// Something a customer is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Notification {
    pub(super) id: String,
    pub(super) at: String,
    /// `technical_overdraft` (TOD-2) or `minimum_balance` (BAL-3).
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) customer: String,
    /// What is open or missing.
    pub(super) amount: String,
    pub(super) currency: String,
    /// The last day for paying it.
    pub(super) due_on: String,
}

/// The stop-list (BLK-5).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StopListView {
    /// How many entries there are.
    pub(super) entries: usize,
    /// The first 500 of them, ranges before cards.
    pub(super) items: Vec<StopListEntry>,
}

/// An entry of the stop-list: a card or a range of leading digits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StopListEntry {
    pub(super) card: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    /// The last day.
    pub(super) until: String,
    /// What it answers, 04 or 07.
    pub(super) code: String,
}

/// Totals of a terminal or an acquirer (TXN-6).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchesView {
    pub(super) open: BatchView,
    pub(super) closed: Option<BatchView>,
}

/// A batch of a terminal, or a period of an acquirer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchView {
    pub(super) number: u32,
    pub(super) credits: BatchTotals,
    pub(super) credit_reversals: BatchTotals,
    pub(super) debits: BatchTotals,
    pub(super) debit_reversals: BatchTotals,
    /// What the other side counted was not this.
    pub(super) differs: bool,
    pub(super) closed_at: Option<String>,
}

/// How many and how much.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchTotals {
    pub(super) number: u64,
    /// In KGS.
    pub(super) amount: String,
}

/// What became of a record of a clearing file (TOD-1, TXN-4).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresentmentEntry {
    /// Of one that was booked also its transaction's.
    pub(super) id: String,
    pub(super) at: String,
    pub(super) file: String,
    /// The line, or the number of the message.
    pub(super) line: u32,
    /// The network's reference.
    pub(super) reference: String,
    /// The day of the operation.
    pub(super) operation: String,
    /// `matched`, `unmatched` (booked by itself), `duplicate` or `refused`.
    pub(super) status: String,
    pub(super) result: String,
    /// What it was matched to, or what its reference was booked as before.
    pub(super) original: Option<String>,
    pub(super) masked_pan: String,
    pub(super) amount: String,
    pub(super) currency: String,
}

/// Something staff or the engine did (BLK-3).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntry {
    pub(super) id: String,
    pub(super) at: String,
    pub(super) action: String,
    pub(super) card: Option<String>,
    pub(super) account: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) terminal: Option<String>,
    /// Whose access it was about; of an order about several users they are in `details.users`.
    pub(super) user: Option<String>,
    /// Who entered it; absent for the engine itself.
    pub(super) entered_by: Option<String>,
    /// Why it was refused, if it was.
    pub(super) refused: Option<String>,
    /// The rest.
    #[schema(value_type = Object)]
    pub(super) details: serde_json::Value,
}

/// `GET /rules`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rules {
    pub(super) version: String,
    /// Whether a rule set was ever installed; before that the regulation alone applies.
    pub(super) installed: bool,
    /// The value of the calculation indicator today.
    pub(super) indicator: String,
    /// Which edition of each regulation rule is in force today.
    pub(super) editions: Editions,
    pub(super) limits: Vec<Limit>,
    /// The whole rule set, as `rules.toml`.
    pub(super) text: String,
    /// Every rule set that was in force, newest first.
    pub(super) history: Vec<RuleSet>,
}

/// Editions in force (rule book section 0).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Editions {
    pub(super) contactless: String,
    pub(super) agent_cash: String,
}

/// A limit of the rule set (LIM-1).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Limit {
    pub(super) id: String,
    pub(super) scope: Vec<String>,
    pub(super) counts: String,
    pub(super) measure: String,
    pub(super) window: String,
    pub(super) ceiling: Figure,
    pub(super) code: String,
}

/// A rule set that is or was in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuleSet {
    pub(super) version: String,
    /// Since when.
    pub(super) at: String,
    /// Its place in the journal.
    pub(super) id: String,
}

/// `POST /test-clock`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Now {
    pub(super) now: String,
}

/// `POST /eod`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayEnded {
    pub(super) date: String,
    /// Whether it had been ended before; then nothing was done.
    pub(super) already: bool,
    /// Days before it that had been missed and were ended first, in order.
    pub(super) caught_up: Vec<String>,
    pub(super) holds_expired: u64,
    pub(super) transactions_forgotten: u64,
    /// What each job did; of a day ended before only if it was the last.
    pub(super) jobs: Vec<DayJobDone>,
    /// What staff should know: a holiday table that runs out.
    pub(super) warnings: Vec<String>,
}

/// One job of the end of a day.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayJobDone {
    pub(super) job: String,
    /// The rule it carries out.
    pub(super) rule: String,
    pub(super) looked_at: u64,
    pub(super) changed: u64,
    /// The money it moved or released, by currency.
    pub(super) amounts: std::collections::BTreeMap<String, String>,
}

/// `GET /eod`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayStatus {
    /// The last day that was ended.
    pub(super) last_ended: Option<String>,
    /// The day that is to be ended next.
    pub(super) next: Option<String>,
    /// The end of a day that is under way.
    pub(super) under_way: Option<DayUnderWay>,
}

/// How far the end of a day has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayUnderWay {
    pub(super) date: String,
    /// The job that runs.
    pub(super) job: String,
    /// Its place among the jobs, from 1.
    pub(super) step: u16,
    pub(super) steps: u16,
    /// How many things the job has looked at.
    pub(super) done: u64,
    /// Of how many; 0 where nobody knows.
    pub(super) total: u64,
}

/// `GET /health/ready`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// `ready`, `recovering`, `draining` or `stopped`.
    pub(super) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine: Option<EngineHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read_model: Option<ReadModelHealth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security_module: Option<ModuleHealth>,
}

/// The security module. Without it what needs keys is answered 91, and all else goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModuleHealth {
    /// What it is.
    pub(super) kind: String,
    /// `ready`, `degraded` or `unavailable`.
    pub(super) status: String,
    /// Why, where it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// The shard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EngineHealth {
    /// Requests and commands that wait.
    pub(super) queue_depth: usize,
    /// How long the last commit took, microseconds.
    pub(super) last_commit_us: u64,
    /// The last sequence on stable storage.
    pub(super) durable: u64,
    /// How far the clock was moved back behind the last record, milliseconds; time stands still
    /// until it has caught up.
    pub(super) clock_behind_ms: u64,
}

/// What is searched. It may lag or stand still without anything else being affected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadModelHealth {
    /// The last sequence that can be searched.
    pub(super) position: u64,
    /// Whether it is being built from the first record.
    pub(super) rebuilding: bool,
    /// Why it stands still, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}
