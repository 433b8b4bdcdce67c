//! `/accounts/{id}`: balances, credits, arrest.

use super::access::{Operator, Reader};
use super::asked::Asked;
use super::context::{HttpContext, Running};
use super::describe::{Account, Arrest, Credit, DebtParts, Overdraft, Refill, Spent};
use super::fields::Segments;
use super::forms::{ArrestForm, CreditForm};
use super::problem::Problem;
use super::{money, overdrafts};
use authorization::{Command, Done, State as Core};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use ledger::AccountSlot;
use payment_types::{Currency, Moment};

/// What an account has and what is available on it, as of now.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, body = Account), (status = 404, description = "No such account")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<Account>, Problem> {
    let wanted = id.clone();
    let found = context.running()?.shard.query(move |core, now| view(core, &wanted, now)).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("account", &id))?))
}

fn view(core: &Core, id: &str, now: Moment) -> Option<Account> {
    let slot = core.directory().account_position(id)?;
    let account = core.ledger().account(AccountSlot(slot))?;
    let date = now.business_date();
    let text = |minor| money::text(minor, account.currency);
    Some(Account {
        id: id.to_owned(),
        customer: core.directory().customer_id(account.customer).to_owned(),
        product: core.directory().product_id(account.product).to_owned(),
        currency: account.currency.to_string(),
        ledger_balance: text(account.balance),
        holds: text(account.holds),
        available: text(account.available(date)),
        minimum_balance: text(account.minimum_balance),
        overdraft: Overdraft {
            limit: text(account.overdraft_on(date)),
            used: text(account.overdraft_used(date)),
        },
        technical_overdraft: overdrafts::technical(core, AccountSlot(slot), account, now),
        minimum_balance_refill: refill(account, now),
        notification_service: core.notification_service(AccountSlot(slot)).name().to_owned(),
        arrested: account.arrested,
        closed: account.closed,
        as_of: now.rfc3339(),
    })
}

/// BAL-3: what is missing of the minimum balance after a fact ate into it.
fn refill(account: &ledger::Account, now: Moment) -> Option<Refill> {
    let refill = account.debts.as_ref()?.refill?;
    let moment = |at| Moment::new(at, now.offset).rfc3339();
    Some(Refill {
        missing: money::text(account.minimum_missing(), account.currency),
        since: moment(refill.since),
        notified_at: refill.notified_at.map(moment),
        due_on: refill.due_on.map(|due| due.to_string()),
        overdue: refill.due_on.is_some_and(|due| due < now.business_date()),
    })
}

/// Money for an account, spent in the order of BAL-5 whatever it is said to be for.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/credits", tag = "accounts",
    params(("id" = String, Path, description = "The account's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = CreditForm,
    responses((status = 200, body = Credit), (status = 404, description = "No such account"),
        (status = 409, description = "The account is closed"),
        (status = 422, description = "A field is not right, or the key stood for something else")))]
pub(super) async fn credit(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["amount", "reference", "purpose", "currency"]).await?;
    let currency = currency_of(running, &id).await?;
    let told = fields.optional_text("currency")?;
    if !told.is_empty() && Currency::from_alpha(told) != Some(currency) {
        let detail = format!("the account is in {currency}");
        return Err(Problem::field("currency", detail));
    }
    let amount = money::read("amount", fields.text("amount")?, currency)?;
    let (reference, purpose) = (fields.text("reference")?, fields.optional_text("purpose")?);
    let command = Command::Credit {
        account: id.as_str().into(),
        amount,
        reference: reference.into(),
        purpose: purpose.into(),
        entered_by: caller.name.as_str().into(),
    };
    let carried_out = context.carry_out(command, key, &id).await?;
    let Done::Credited { spent, balance, .. } = carried_out.done else {
        return Err(Problem::internal("another outcome than a credit's"));
    };
    let text = |minor| money::text(minor, currency);
    let credit = Credit {
        account: id,
        amount: text(i64::try_from(amount).unwrap_or(i64::MAX)),
        currency: currency.to_string(),
        reference: reference.to_owned(),
        purpose: purpose.to_owned(),
        spent: Spent {
            technical_overdraft: text(spent.technical_overdraft.total()),
            technical_overdraft_parts: DebtParts {
                interest: text(spent.technical_overdraft.interest),
                fees: text(spent.technical_overdraft.fee),
                principal: text(spent.technical_overdraft.principal),
            },
            overdraft: text(spent.overdraft),
            minimum_balance: text(spent.minimum_balance),
            own_use: text(spent.own_use),
        },
        ledger_balance: text(balance),
    };
    Ok(carried_out.answer(credit))
}

async fn currency_of(running: &Running, id: &str) -> Result<Currency, Problem> {
    let wanted = id.to_owned();
    let look = move |core: &Core, _| {
        let slot = core.directory().account_position(&wanted)?;
        core.ledger().account(AccountSlot(slot)).map(|account| account.currency)
    };
    running.shard.query(look).await?.ok_or_else(|| Problem::not_found("account", id))
}

/// BAL-6: from the answer on, the account takes credits and no debits.
#[utoipa::path(put, path = "/api/v1/accounts/{id}/arrest", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")), request_body = ArrestForm,
    responses((status = 200, body = Arrest), (status = 404, description = "No such account")))]
pub(super) async fn arrest(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Json<Arrest>, Problem> {
    let (authority, document) = order(&context, &asked).await?;
    let command = Command::Arrest {
        account: id.as_str().into(),
        authority: authority.as_str().into(),
        document: document.as_str().into(),
        entered_by: caller.name.into(),
    };
    change_arrest(&context, command, Arrest { account: id, arrested: true, authority, document })
        .await
}

/// Lifts an arrest.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}/arrest", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")), request_body = ArrestForm,
    responses((status = 200, body = Arrest), (status = 404, description = "No such account")))]
pub(super) async fn lift_arrest(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Json<Arrest>, Problem> {
    let (authority, document) = order(&context, &asked).await?;
    let command = Command::LiftArrest {
        account: id.as_str().into(),
        authority: authority.as_str().into(),
        document: document.as_str().into(),
        entered_by: caller.name.into(),
    };
    change_arrest(&context, command, Arrest { account: id, arrested: false, authority, document })
        .await
}

async fn order(context: &HttpContext, asked: &Asked) -> Result<(String, String), Problem> {
    let fields = asked.fields(context, &["authority", "document"]).await?;
    Ok((fields.text("authority")?.to_owned(), fields.text("document")?.to_owned()))
}

async fn change_arrest(
    context: &HttpContext,
    command: Command,
    answer: Arrest,
) -> Result<Json<Arrest>, Problem> {
    context.carry_out(command, None, &answer.account).await?;
    Ok(Json(answer))
}
