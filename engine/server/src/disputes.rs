//! `tamga disputes`: claims and what became of them (TXN-7), and their form in the API.

use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{Dispute, State};
use payment_types::{Moment, Timestamp, UtcOffset, format_minor};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use utoipa::ToSchema;

/// A dispute as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisputeView {
    /// Its number, from 1.
    pub id: u32,
    /// The operation's id.
    pub transaction: String,
    /// `short_dispense`, `over_dispense`, `not_mine` or `other`.
    pub kind: String,
    /// `open`, `credited`, `collected` or `rejected`.
    pub status: String,
    /// The account's id.
    pub account: String,
    /// The card's id.
    pub card: String,
    /// DE 41.
    pub terminal: String,
    /// What is claimed.
    pub amount: String,
    /// Of it: what reversals, corrections and refunds brought back while the claim was open.
    pub given_back: String,
    /// Of what was credited: what was taken back, because they brought it back later.
    pub taken_back: String,
    /// Of which currency.
    pub currency: String,
    /// When the operation was accepted.
    pub operation_at: String,
    /// When the claim was taken.
    pub opened_at: String,
    /// Who answers for the operation: `customer` or `bank` (BLK-6, CTL-5).
    pub liability: String,
    /// In the claimant's words.
    pub reason: String,
    /// When it was decided.
    pub decided_at: Option<String>,
    /// Why it was decided so.
    pub why: String,
}

/// All disputes, or those with a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisputeList {
    /// Oldest first.
    pub items: Vec<DisputeView>,
}

/// How a dispute is shown.
#[must_use]
pub fn view(number: u32, dispute: &Dispute, offset: UtcOffset) -> DisputeView {
    let moment = |at: Timestamp| Moment::new(at, offset).rfc3339();
    let money = |minor: u64| format_minor(i128::from(minor), dispute.currency.exponent());
    let operation = &dispute.operation;
    DisputeView {
        id: number,
        transaction: operation.transaction.to_string(),
        kind: dispute.kind.name().to_owned(),
        status: dispute.status.name().to_owned(),
        account: operation.account.to_string(),
        card: operation.card.to_string(),
        terminal: operation.terminal.to_string(),
        amount: money(dispute.amount),
        given_back: money(dispute.given_back),
        taken_back: money(dispute.taken_back),
        currency: dispute.currency.to_string(),
        operation_at: moment(operation.at),
        opened_at: moment(dispute.opened_at),
        liability: dispute.answerable.name().to_owned(),
        reason: dispute.reason.to_string(),
        decided_at: dispute.decided_at.map(moment),
        why: dispute.why.to_string(),
    }
}

/// All disputes of a state, or those with a status.
#[must_use]
pub fn list(state: &State, status: Option<&str>, offset: UtcOffset) -> DisputeList {
    let wanted = |dispute: &Dispute| status.is_none_or(|name| dispute.status.name() == name);
    let found = state.disputes().filter(|(_, dispute)| wanted(dispute));
    DisputeList { items: found.map(|(number, dispute)| view(number, dispute, offset)).collect() }
}

/// What `tamga disputes` was told.
#[derive(Debug)]
pub struct DisputeOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// Only those with this status.
    pub status: Option<String>,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
}

/// Lists them.
///
/// # Errors
/// The data directory can't be read, or the engine on it can't be asked.
pub fn disputes(options: &DisputeOptions) -> Result<DisputeList, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    let status = options.status.as_deref();
    match Offline::open(&options.config, data, None) {
        Ok(offline) => Ok(list(&offline.opened.state, status, offline.moment().offset)),
        Err(OfflineError::Locked(locked)) => {
            let remote = Remote::new(&options.config, options.token.as_deref(), &locked)?;
            let query: Vec<_> =
                status.map(|status| ("status", status.to_owned())).into_iter().collect();
            remote.get("/disputes", &query)
        }
        Err(error) => Err(error.into()),
    }
}
