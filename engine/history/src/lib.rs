//! The read model: transactions with their traces, postings, notifications and the audit, in
//! SQLite, for everything that is searched.
//!
//! It is projected from the journal in order and exactly once: the position stands in the same
//! SQLite transaction as the rows. It may lag and it may be deleted; it is built again from the
//! first record. The decision path never waits for it, and what must be current (balances,
//! counters, blocks) is asked of the shard, not of this.
//!
//! Why SQLite by `rusqlite`: the projector is one thread with one writer, so there is nothing for
//! an async driver to overlap, and exactly-once needs exact control over where a transaction
//! begins and ends. `rusqlite` gives that, compiles SQLite in (no system package, the same version
//! everywhere), and its prepared statements cost a bind and a step. `sqlx` would run the same
//! SQLite on a thread behind a channel, one hop a row.
//!
//! Who writes: a [`Projector`], alone, on a thread of low priority. Who reads: [`History`], through
//! a few read-only connections, blocking; a server calls it from a blocking task.

mod access;
mod administration;
mod batch;
mod card_transaction;
mod error;
mod history;
mod names;
mod orders;
mod pool;
mod portfolio;
mod postings;
mod presentments;
mod projector;
mod query;
mod schema;
mod statement;
mod view;

pub use error::HistoryError;
pub use history::{FILE_NAME, History};
pub use presentments::{PresentmentEntry, presentment_status};
pub use projector::{Progress, Projector, ProjectorThread};
pub use query::Filter;
pub use statement::{Period, PostingId};
pub use view::{
    AuditEntry, BookSums, CodeCount, GeneralTotal, Link, Notification, Page, Party, Posting,
    RuleSetEntry, Statement, StatementLine, TraceLine, TransactionDetail, TransactionSummary,
};
