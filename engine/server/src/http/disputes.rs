//! `/disputes` and `/terminals/{id}/cash-count`: claims and their decision (TXN-7, BLK-6).

use super::access::{Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::Segments;
use super::forms::{CashCountForm, ClaimForm, DecisionForm};
use super::money;
use super::problem::Problem;
use super::query::Params;
use crate::disputes::{DisputeList, DisputeView, list as list_of, view};
use authorization::{
    CLAIM_DAYS, ClaimKind, Command, DisputeCommand, DisputeRefusal, DisputeStatus,
    DisputedOperation, Done, OnRequestOf, State as Core,
};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use history::{HistoryError, Party, TransactionDetail};
use payment_types::{Currency, Moment, Sequence};

/// Why the core refused.
pub(super) fn refused(why: DisputeRefusal) -> Problem {
    match why {
        DisputeRefusal::TooLate(days) => {
            let detail = format!(
                "a claim is taken within {CLAIM_DAYS} calendar days of the operation (001 §4.10, \
                 4.12); {days} have passed"
            );
            Problem::conflict(detail, "TXN-7")
        }
        DisputeRefusal::NotYet => Problem::field("transaction", "is to come").with_rule("TXN-7"),
        DisputeRefusal::Claimed(number) => {
            Problem::conflict(format!("dispute {number} is about it already"), "TXN-7")
        }
        DisputeRefusal::Amount => {
            Problem::field("amount", "is zero, or above what was booked").with_rule("TXN-7")
        }
        DisputeRefusal::NotOpen => Problem::conflict("there is no such open dispute", "TXN-7"),
        DisputeRefusal::CountDecides => {
            let detail = "the ATM's cash count decides it, nobody else (001 §4.10)";
            Problem::conflict(detail, "TXN-7")
        }
        DisputeRefusal::NotAnAtm => {
            Problem::field("terminal", "is no ATM in the register").with_rule("TXN-7")
        }
    }
}

/// Takes a claim about an operation, within 45 calendar days of it.
#[utoipa::path(post, path = "/api/v1/disputes", tag = "disputes",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ClaimForm,
    responses((status = 200, body = DisputeView),
        (status = 404, description = "No such transaction"),
        (status = 409, description = "Too late, or claimed already")))]
pub(super) async fn claim(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let known = ["transaction", "kind", "amount", "reason", "requested_by", "identified_by"];
    let fields = asked.fields(&context, &known).await?;
    let kind = fields.text("kind")?;
    let kind = ClaimKind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(|| {
        let names = ClaimKind::ALL.map(ClaimKind::name).join(", ");
        Problem::field("kind", format!("must be one of {names}"))
    })?;
    let (operation, currency) = operation(&context, fields.text("transaction")?, kind).await?;
    let amount = match fields.optional_text("amount")? {
        "" => operation.amount,
        text => money::read("amount", text, currency)?,
    };
    let command = Command::Dispute(DisputeCommand::Claim {
        operation,
        kind,
        amount,
        reason: fields.text("reason")?.into(),
        by: OnRequestOf {
            entered_by: caller.name.into(),
            requested_by: fields.text("requested_by")?.into(),
            identified_by: fields.optional_text("identified_by")?.into(),
            note: "".into(),
        },
    });
    let carried_out = context.carry_out(command, key, "").await?;
    let number = numbers(&carried_out.done)?.first().copied().unwrap_or_default();
    Ok(carried_out.answer(show(&context, number).await?))
}

/// What the books say of an operation that moved money on an account: as far as it still stands,
/// whatever its age. What an ATM gave too much it gave, reversed or not.
async fn operation(
    context: &HttpContext,
    id: &str,
    kind: ClaimKind,
) -> Result<(DisputedOperation, Currency), Problem> {
    let unknown = || Problem::not_found("transaction", id);
    let sequence: u64 = id.parse().map_err(|_| unknown())?;
    let search = move |history: &history::History| with_followers(history, sequence);
    let (found, behind) = context.search(search).await?;
    let (found, followers) = match found {
        Some(found) => found,
        None if behind > 0 => return Err(Problem::behind(behind)),
        None => return Err(unknown()),
    };
    let nothing =
        || Problem::field("transaction", "moved no money of an account").with_rule("TXN-7");
    let account = found.summary.account.clone().ok_or_else(nothing)?;
    let is_own = |party: &Party| matches!(party, Party::Account(id) if *id == account);
    let own = |found: &TransactionDetail| -> Vec<(i64, Currency)> {
        let own = found.postings.iter().filter(|posting| is_own(&posting.party));
        own.map(|posting| (posting.amount, posting.currency)).collect()
    };
    let sum = |postings: &[(i64, Currency)]| postings.iter().map(|(amount, _)| amount).sum::<i64>();
    let postings = own(&found);
    let currency = postings.first().map(|(_, currency)| *currency).ok_or_else(nothing)?;
    let mut moved = sum(&postings);
    if kind != ClaimKind::OverDispense {
        let back: i64 = followers.iter().map(|follower| sum(&own(follower))).sum();
        moved = moved.saturating_add(back);
        if moved >= 0 {
            return Err(
                Problem::field("transaction", "took nothing that still stands").with_rule("TXN-7")
            );
        }
    }
    let operation = DisputedOperation {
        transaction: Sequence(found.summary.sequence),
        at: found.summary.moment.at,
        account: account.into(),
        card: found.summary.card.unwrap_or_default().into(),
        terminal: found.summary.terminal.into(),
        amount: moved.unsigned_abs(),
        issuer_liable: found.summary.liability == "issuer",
    };
    Ok((operation, currency))
}

/// A transaction and what came after it and is about it.
fn with_followers(
    history: &history::History,
    sequence: u64,
) -> Result<Option<(TransactionDetail, Vec<TransactionDetail>)>, HistoryError> {
    let Some(found) = history.transaction(sequence)? else { return Ok(None) };
    let mut followers = Vec::new();
    for link in &found.followers {
        followers.extend(history.transaction(link.sequence)?);
    }
    Ok(Some((found, followers)))
}

fn numbers(done: &Done) -> Result<&[u32], Problem> {
    match done {
        Done::Disputes(done) => Ok(&done.disputes),
        _ => Err(Problem::internal("another outcome than a dispute's")),
    }
}

async fn show(context: &HttpContext, number: u32) -> Result<DisputeView, Problem> {
    let look = move |core: &Core, now: Moment| {
        core.dispute(number).map(|dispute| view(number, dispute, now.offset))
    };
    let found = context.running()?.shard.query(look).await?;
    found.ok_or_else(|| Problem::not_found("dispute", &number.to_string()))
}

/// Disputes, oldest first.
#[utoipa::path(get, path = "/api/v1/disputes", tag = "disputes",
    params(("status" = Option<String>, Query,
        description = "open, credited, collected or rejected")),
    responses((status = 200, body = DisputeList)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<DisputeList>, Problem> {
    let status = params.known(&["status"])?.text("status");
    let names = DisputeStatus::ALL.map(DisputeStatus::name);
    if status.as_deref().is_some_and(|status| !names.contains(&status)) {
        return Err(Problem::field("status", format!("must be one of {}", names.join(", "))));
    }
    let look = move |core: &Core, now: Moment| list_of(core, status.as_deref(), now.offset);
    Ok(Json(context.running()?.shard.query(look).await?))
}

/// One dispute.
#[utoipa::path(get, path = "/api/v1/disputes/{id}", tag = "disputes",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, body = DisputeView), (status = 404, description = "No such dispute")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<DisputeView>, Problem> {
    let number = id.parse().map_err(|_| Problem::not_found("dispute", &id))?;
    show(&context, number).await.map(Json)
}

/// Staff decide a claim that no cash count decides.
#[utoipa::path(post, path = "/api/v1/disputes/{id}/decision", tag = "disputes",
    params(("id" = String, Path, description = "Its number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = DecisionForm,
    responses((status = 200, body = DisputeView),
        (status = 409, description = "Decided already, or the ATM's cash count decides it")))]
pub(super) async fn decide(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let dispute: u32 = id.parse().map_err(|_| Problem::not_found("dispute", &id))?;
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["decision", "note"]).await?;
    let accept = match fields.text("decision")? {
        "accept" => true,
        "reject" => false,
        _ => return Err(Problem::field("decision", "must be accept or reject")),
    };
    let by = OnRequestOf {
        entered_by: caller.name.into(),
        note: fields.text("note")?.into(),
        ..OnRequestOf::default()
    };
    let command = Command::Dispute(DisputeCommand::Decide { dispute, accept, by });
    let carried_out = context.carry_out(command, key, &id).await?;
    Ok(carried_out.answer(show(&context, dispute).await?))
}

/// The count of an ATM's cash: it decides every open claim about that ATM (001 §4.10). No surplus,
/// no credit; what was handed out too much is collected back.
#[utoipa::path(post, path = "/api/v1/terminals/{id}/cash-count", tag = "disputes",
    params(("id" = String, Path, description = "DE 41"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = CashCountForm,
    responses((status = 200, body = DisputeList, description = "The claims it decided"),
        (status = 422, description = "Not an ATM, or both a surplus and a shortage")))]
pub(super) async fn count(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["surplus", "shortage", "note"]).await?;
    let amount = |name: &str| match fields.optional_text(name)? {
        "" | "0" | "0.00" => Ok(0),
        text => money::read(name, text, Currency::KGS),
    };
    let (surplus, shortage) = (amount("surplus")?, amount("shortage")?);
    if surplus > 0 && shortage > 0 {
        return Err(Problem::field("shortage", "a count shows a surplus or a shortage, not both"));
    }
    let by = OnRequestOf {
        entered_by: caller.name.into(),
        note: fields.optional_text("note")?.into(),
        ..OnRequestOf::default()
    };
    let terminal = id.as_str().into();
    let command = Command::Dispute(DisputeCommand::Count { terminal, surplus, shortage, by });
    let carried_out = context.carry_out(command, key, &id).await?;
    let mut items = Vec::new();
    for number in numbers(&carried_out.done)? {
        items.push(show(&context, *number).await?);
    }
    Ok(carried_out.answer(DisputeList { items }))
}
