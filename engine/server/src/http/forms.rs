//! What the API is sent, described. Forms are read field by field (`fields.rs`), so that an error
//! can name the field; these structures only say in the OpenAPI document what they hold.
#![allow(dead_code)]

use utoipa::ToSchema;

/// `POST /accounts/{id}/credits`.
#[derive(Debug, ToSchema)]
pub(super) struct CreditForm {
    /// Above zero.
    #[schema(example = "1500.00")]
    amount: String,
    /// The payer's reference.
    reference: String,
    /// What it is said to be for.
    purpose: Option<String>,
    /// If given, must be the account's.
    #[schema(example = "KGS")]
    currency: Option<String>,
}

/// `PUT` and `DELETE /accounts/{id}/arrest`.
#[derive(Debug, ToSchema)]
pub(super) struct ArrestForm {
    /// Who ordered it.
    authority: String,
    /// By which document.
    document: String,
}

/// `POST /cards/{id}/blocks`.
#[derive(Debug, ToSchema)]
pub(super) struct BlockForm {
    /// A reason of the rule book's section 5.
    #[schema(example = "lost")]
    reason: String,
    /// On whose request.
    requested_by: String,
    /// How that person was identified.
    identified_by: String,
    note: Option<String>,
}

/// `DELETE /cards/{id}/blocks/{reason}`.
#[derive(Debug, ToSchema)]
pub(super) struct UnblockForm {
    /// On whose request.
    requested_by: String,
    /// How that person was identified.
    identified_by: String,
    note: Option<String>,
}

/// `PUT /cards/{id}/overdraft-exemption`.
#[derive(Debug, ToSchema)]
pub(super) struct ExemptionForm {
    /// The last day; without end if not given.
    #[schema(example = "2026-12-31")]
    until: Option<String>,
    /// On whose request.
    requested_by: String,
    /// How that person was identified.
    identified_by: Option<String>,
    /// Why.
    reason: String,
}

/// `DELETE /cards/{id}/overdraft-exemption`.
#[derive(Debug, ToSchema)]
pub(super) struct EndExemptionForm {
    /// On whose request.
    requested_by: String,
    /// How that person was identified.
    identified_by: Option<String>,
    /// Why.
    reason: String,
}

/// `POST /test-clock`.
#[derive(Debug, ToSchema)]
pub(super) struct TestClockForm {
    /// RFC 3339; not before the clock's own time.
    #[schema(example = "2026-11-24T00:00:01+06:00")]
    to: String,
}

/// `POST /eod`.
#[derive(Debug, ToSchema)]
pub(super) struct EndOfDayForm {
    /// The day that is over.
    #[schema(example = "2026-11-23")]
    date: String,
}

/// `POST /disputes`.
#[derive(Debug, ToSchema)]
pub(super) struct ClaimForm {
    /// The operation's id.
    transaction: String,
    /// `short_dispense`, `over_dispense`, `not_mine` or `other`.
    #[schema(example = "short_dispense")]
    kind: String,
    /// What is claimed, in the account's currency; all of it if not told.
    amount: Option<String>,
    /// In the claimant's words.
    reason: String,
    /// On whose request.
    requested_by: String,
    /// How that person was identified.
    identified_by: Option<String>,
}

/// `POST /disputes/{id}/decision`.
#[derive(Debug, ToSchema)]
pub(super) struct DecisionForm {
    /// `accept` or `reject`.
    decision: String,
    /// Why.
    note: String,
}

/// `POST /idle-accounts/{id}/closure` and `/uncollected-cards/{id}/cancellation`.
#[derive(Debug, ToSchema)]
pub(super) struct ApprovalForm {
    /// Why.
    note: String,
}

/// `POST /cards/{id}/reveal` and `/customers/{id}/erase`.
#[derive(Debug, ToSchema)]
pub(super) struct ReasonForm {
    /// Why; goes into the audit.
    reason: String,
}

/// `POST /terminals/{id}/cash-count`.
#[derive(Debug, ToSchema)]
pub(super) struct CashCountForm {
    /// What was found above the books, KGS.
    surplus: Option<String>,
    /// What was missing, KGS.
    shortage: Option<String>,
    note: Option<String>,
}
