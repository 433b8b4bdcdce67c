//! `/idle-accounts` and `/uncollected-cards`: what the end of day listed, and its approval (BLK-8).

use super::access::{Caller, Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::Segments;
use super::forms::ApprovalForm;
use super::money;
use super::problem::Problem;
use authorization::{Command, IdleMoney, OnRequestOf, RetireCommand, State as Core};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use payment_types::Moment;
use serde::Serialize;
use utoipa::ToSchema;

/// An idle account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdleAccount {
    /// Its id.
    account: String,
    customer: String,
    /// What is left on it.
    balance: String,
    currency: String,
    /// The last day with an operation of the customer's.
    last_operation: String,
    /// The day whose end listed it.
    listed_on: String,
    /// Where the money goes: `income` below 100 KGS, else `claimable`; none without a rate.
    goes_to: Option<&'static str>,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdleAccounts {
    items: Vec<IdleAccount>,
}

/// A card that was not collected.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UncollectedCard {
    /// Its id.
    card: String,
    masked_pan: String,
    account: String,
    applied_on: String,
    /// The day whose end listed it.
    listed_on: String,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UncollectedCards {
    items: Vec<UncollectedCard>,
}

/// What was approved.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retired {
    /// The account's or card's id.
    id: String,
    /// `closed` or `cancelled`.
    status: &'static str,
}

/// Accounts whose cards have expired and that had no operation for 12 months (001 §4.10), for
/// approval: nothing is closed without it.
#[utoipa::path(get, path = "/api/v1/idle-accounts", tag = "operations",
    responses((status = 200, body = IdleAccounts)))]
pub(super) async fn idle(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Response, Problem> {
    let look = |state: &Core, now: Moment| {
        let items = state.idle_accounts().filter_map(|(slot, listed_on)| {
            let account = state.ledger().account(slot)?;
            let directory = state.directory();
            Some(IdleAccount {
                account: directory.account_id(slot.0).to_owned(),
                customer: directory.customer_id(account.customer).to_owned(),
                balance: money::text(account.balance, account.currency),
                currency: account.currency.to_string(),
                last_operation: account.last_operation.to_string(),
                listed_on: listed_on.to_string(),
                goes_to: state.idle_money(slot, now).map(|to| match to {
                    IdleMoney::Income => "income",
                    IdleMoney::Claimable => "claimable",
                }),
            })
        });
        IdleAccounts { items: items.collect() }
    };
    let found = context.running()?.shard.query(look).await?;
    Ok(Json(found).into_response())
}

/// Cards that were not activated within 6 months of the application, for approval.
#[utoipa::path(get, path = "/api/v1/uncollected-cards", tag = "operations",
    responses((status = 200, body = UncollectedCards)))]
pub(super) async fn uncollected(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Response, Problem> {
    let look = |state: &Core, _: Moment| {
        let items = state.uncollected_cards().filter_map(|(slot, listed_on)| {
            let card = state.card(slot)?;
            Some(UncollectedCard {
                card: state.directory().card_id(slot).to_owned(),
                masked_pan: card.masked.to_string(),
                account: state.directory().account_id(card.account.0).to_owned(),
                applied_on: card.applied_on.to_string(),
                listed_on: listed_on.to_string(),
            })
        });
        UncollectedCards { items: items.collect() }
    };
    let found = context.running()?.shard.query(look).await?;
    Ok(Json(found).into_response())
}

/// Closes an idle account. What is left on it goes to the bank's income below 100 KGS, else to
/// where the customer may claim it.
#[utoipa::path(post, path = "/api/v1/idle-accounts/{id}/closure", tag = "operations",
    params(("id" = String, Path, description = "The account's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ApprovalForm,
    responses((status = 200, body = Retired),
        (status = 409, description = "Not listed, or used since")))]
pub(super) async fn close(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let command = |by| RetireCommand::CloseAccount { account: id.as_str().into(), by };
    approve(&context, caller, &asked, (&id, "closed"), command).await
}

/// Ends the agreement about an account with nothing on it: no money, no holds, no debt, no arrest,
/// no open dispute. The account is closed, and its cards answer 14 from then on.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/closure", tag = "accounts",
    params(("id" = String, Path, description = "The account's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ApprovalForm,
    responses((status = 200, body = Retired), (status = 404, description = "No such account"),
        (status = 409, description = "Something is on it")))]
pub(super) async fn end(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let command = |by| RetireCommand::EndAgreement { account: id.as_str().into(), by };
    approve(&context, caller, &asked, (&id, "closed"), command).await
}

/// Cancels a card that was not collected. Nobody can lift that again; the fee is kept.
#[utoipa::path(post, path = "/api/v1/uncollected-cards/{id}/cancellation", tag = "operations",
    params(("id" = String, Path, description = "The card's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ApprovalForm,
    responses((status = 200, body = Retired),
        (status = 409, description = "Not listed, or activated since")))]
pub(super) async fn cancel(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let command = |by| RetireCommand::CancelCard { card: id.as_str().into(), by };
    approve(&context, caller, &asked, (&id, "cancelled"), command).await
}

async fn approve(
    context: &HttpContext,
    caller: Caller,
    asked: &Asked,
    (id, status): (&str, &'static str),
    command: impl FnOnce(OnRequestOf) -> RetireCommand,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(context, &["note"]).await?;
    let by = OnRequestOf {
        entered_by: caller.name.into(),
        note: fields.text("note")?.into(),
        ..OnRequestOf::default()
    };
    let carried_out = context.carry_out(Command::Retire(command(by)), key, id).await?;
    Ok(carried_out.answer(Retired { id: id.to_owned(), status }))
}
