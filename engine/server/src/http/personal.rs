//! `/customers/{id}`, a card's number in clear, and erasure: personal data by role, each look
//! journaled before anything is shown (PII-2, PII-3).

use super::access::{Caller, Custodian, Reader};
use super::asked::Asked;
use super::context::{HttpContext, Running};
use super::fields::{Fields, Segments};
use super::forms::ReasonForm;
use super::problem::Problem;
use super::query::Params;
use crate::config::Role;
use crate::erased;
use authorization::{
    Command, Done, Hindrance, LookedAt, OnRequestOf, PersonalCommand, State as Core, Subject,
};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use payment_types::Pan;
use personal::{CustomerKey, Details, PersonalError, Standing};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A customer, as the caller may see him.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CustomerView {
    id: String,
    tier: String,
    /// Masked unless the caller has the role `privacy`; absent once the customer was erased.
    name: Option<String>,
    phone: Option<String>,
    /// Whether name and phone are masked.
    masked: bool,
    accounts: Vec<String>,
    /// When the customer was erased (PII-3).
    erased_on: Option<String>,
}

/// A card's number.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revealed {
    card: String,
    pan: String,
}

/// An erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasedView {
    id: String,
    /// `erased`.
    status: &'static str,
}

/// What the core has of a customer.
pub(super) struct Found {
    pub(super) position: u32,
    pub(super) tier: String,
    pub(super) sealed: Vec<u8>,
    pub(super) accounts: Vec<String>,
    pub(super) erased_on: Option<String>,
}

impl Found {
    pub(super) fn of(core: &Core, id: &str) -> Option<Self> {
        let directory = core.directory();
        let position = directory.customer_position(id)?;
        let customer = directory.customer(position)?;
        let mut accounts: Vec<String> = core
            .accounts_of(position)
            .map(|slot| directory.account_id(slot.0).to_owned())
            .collect();
        accounts.reverse();
        Some(Self {
            position,
            tier: directory.tier_name(customer.tier).to_owned(),
            sealed: customer.details.clone(),
            accounts,
            erased_on: core.erased_on(position).map(|day| day.to_string()),
        })
    }
}

/// A customer. Name and telephone number are masked unless the token has the role `privacy`. Each
/// look is journaled (PII-2): `GET /audit?customer=`.
#[utoipa::path(get, path = "/api/v1/customers/{id}", tag = "personal data",
    params(("id" = String, Path, description = "The customer's id"),
        ("reason" = Option<String>, Query, description = "Why; goes into the audit")),
    responses((status = 200, body = CustomerView),
        (status = 404, description = "No such customer")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    Reader(caller): Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> Result<Json<CustomerView>, Problem> {
    let params = params.known(&["reason"])?;
    let reason = reason(&context, &params).await?;
    let masked = !caller.has(Role::Privacy);
    let looked_at = if masked { LookedAt::Masked } else { LookedAt::Details };
    let subject = Subject::Customer(id.as_str().into());
    look(&context, &caller, (subject, looked_at), &reason, &id).await?;
    let running = context.running()?;
    let wanted = id.clone();
    let found = running.shard.query(move |core, _| Found::of(core, &wanted)).await?;
    let found = found.ok_or_else(|| Problem::not_found("customer", &id))?;
    let details = details(running, &id, &found).await?;
    let (name, phone) = match &details {
        Some(details) if masked => {
            (Some(mask_name(&details.name)), Some(mask_phone(&details.phone)))
        }
        Some(details) => (Some(details.name.clone()), Some(details.phone.clone())),
        None => (None, None),
    };
    let Found { tier, accounts, erased_on, .. } = found;
    Ok(Json(CustomerView { id, tier, name, phone, masked, accounts, erased_on }))
}

/// A card's number in clear, for the role `privacy` and with a reason. Journaled first (PII-2).
#[utoipa::path(post, path = "/api/v1/cards/{id}/reveal", tag = "personal data",
    params(("id" = String, Path, description = "The card's id")),
    request_body = ReasonForm,
    responses((status = 200, body = Revealed), (status = 404, description = "No such card"),
        (status = 403, description = "The token does not have the role privacy"),
        (status = 409, description = "The holder was erased")))]
pub(super) async fn reveal(
    State(context): State<HttpContext>,
    Custodian(caller): Custodian,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Json<Revealed>, Problem> {
    let fields = asked.fields(&context, &["reason"]).await?;
    let reason = fields.text("reason")?.to_owned();
    let subject = Subject::Card(id.as_str().into());
    look(&context, &caller, (subject, LookedAt::CardNumber), &reason, &id).await?;
    let running = context.running()?;
    let wanted = id.clone();
    let found = running.shard.query(move |core, _| {
        let card = core.card(core.directory().card_position(&wanted)?)?;
        let holder = core.directory().customer_id(card.holder).to_owned();
        Some((card.holder, holder, card.sealed_pan.clone()))
    });
    let (position, holder, sealed) = found.await?.ok_or_else(|| Problem::not_found("card", &id))?;
    let key = key(running, position, &holder).await?;
    let gone = || Problem::conflict("its holder was erased", "PII-3");
    let key = key.filter(|_| !sealed.is_empty()).ok_or_else(gone)?;
    let pan: Pan = key.open_pan(&id, &sealed).map_err(|error| unreadable(&error))?;
    let pan = String::from_utf8_lossy(pan.expose_digits()).into_owned();
    Ok(Json(Revealed { card: id, pan }))
}

/// Erases a customer: his key is destroyed, so that his name, telephone number and card numbers
/// can be read by nobody, wherever they are written. Refused while an agreement is open, money or
/// a dispute is outstanding, or the time for which data is kept has not run out. The money's
/// history stays, under his id.
#[utoipa::path(post, path = "/api/v1/customers/{id}/erase", tag = "personal data",
    params(("id" = String, Path, description = "The customer's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ReasonForm,
    responses((status = 200, body = ErasedView), (status = 404, description = "No such customer"),
        (status = 403, description = "The token does not have the role privacy"),
        (status = 409, description = "Something stands against it")))]
pub(super) async fn erase(
    State(context): State<HttpContext>,
    Custodian(caller): Custodian,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["reason"]).await?;
    let by = OnRequestOf {
        entered_by: caller.name.into(),
        note: fields.text("reason")?.into(),
        ..OnRequestOf::default()
    };
    let command = PersonalCommand::Erase { customer: id.as_str().into(), by };
    let carried_out = context.carry_out(Command::Personal(command), key, &id).await?;
    let Done::Erased { customer } = carried_out.done else {
        return Err(Problem::internal("an erasure was answered with something else"));
    };
    // If the process ends here the next start destroys it.
    let running = context.running()?;
    let (keys, list) = (Arc::clone(&running.customer_keys), erased::path_of(&running.data));
    let known = erased::Erased::from([(customer, id.clone())]);
    let destroyed = tokio::task::spawn_blocking(move || {
        keys.make_sure_destroyed(customer).map_err(|error| error.to_string())?;
        erased::add(&list, &known).map_err(|error| format!("{}: {error}", list.display()))
    });
    match destroyed.await {
        Ok(Ok(())) => Ok(carried_out.answer(ErasedView { id, status: "erased" })),
        Ok(Err(error)) => Err(Problem::internal(&error)),
        Err(_) => Err(Problem::internal("destroying the key ended on a fault of the program")),
    }
}

/// Why, as the query says; refused with a card number in it.
pub(super) async fn reason(context: &HttpContext, params: &Params) -> Result<String, Problem> {
    let text = params.text("reason").unwrap_or_default();
    let fields = Fields::of_one("reason", text).without_card_numbers(context).await?;
    fields.optional_text("reason").map(str::to_owned)
}

/// PII-2: who looks at what and why, on stable storage before anything is shown.
pub(super) async fn look(
    context: &HttpContext,
    caller: &Caller,
    (subject, at): (Subject, LookedAt),
    reason: &str,
    id: &str,
) -> Result<(), Problem> {
    let (entered_by, reason) = (caller.name.as_str().into(), reason.into());
    let command = PersonalCommand::Look { subject, at, entered_by, reason };
    context.carry_out(Command::Personal(command), None, id).await?;
    context.looked_at(caller, at, id).await;
    Ok(())
}

/// Name and telephone number in clear; nothing once they were erased.
pub(super) async fn details(
    running: &Running,
    id: &str,
    found: &Found,
) -> Result<Option<Details>, Problem> {
    let key = key(running, found.position, id).await?;
    let Some(key) = key.filter(|_| !found.sealed.is_empty()) else { return Ok(None) };
    key.open_details(id, &found.sealed).map(Some).map_err(|error| unreadable(&error))
}

async fn key(running: &Running, position: u32, id: &str) -> Result<Option<CustomerKey>, Problem> {
    let (keys, id) = (Arc::clone(&running.customer_keys), id.to_owned());
    // A module may be on the other side of a network.
    let standing = tokio::task::spawn_blocking(move || keys.key(position, &id)).await;
    match standing {
        Ok(Ok(Standing::Held(key))) => Ok(Some(key)),
        Ok(Ok(Standing::Destroyed | Standing::None)) => Ok(None),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(_) => Err(Problem::internal("a key's unwrapping ended on a fault of the program")),
    }
}

fn unreadable(error: &PersonalError) -> Problem {
    Problem::internal(&error.to_string())
}

/// The first letter of each word.
fn mask_name(name: &str) -> String {
    let word = |word: &str| word.chars().take(1).chain("***".chars()).collect::<String>();
    name.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// The country's code and the last two digits.
fn mask_phone(phone: &str) -> String {
    let length = phone.chars().count();
    let hidden = if length < 8 { 0..length } else { 4..length.saturating_sub(2) };
    let shown = phone.chars().enumerate();
    shown.map(|(at, letter)| if hidden.contains(&at) { '*' } else { letter }).collect()
}

/// Why an agreement is not ended, or a customer not erased.
pub(super) fn hindered(why: &Hindrance) -> Problem {
    let detail = match why {
        Hindrance::AccountOpen(id) => format!("account {id} is open: end the agreement first"),
        Hindrance::Balance(id) => format!("account {id} is not at zero"),
        Hindrance::Holds(id) => format!("money on account {id} is set aside for operations"),
        Hindrance::Debt(id) => format!("something is owed on account {id}"),
        Hindrance::Arrested(id) => format!("account {id} is under arrest"),
        Hindrance::Dispute(number) => format!("dispute {number} is not decided"),
        Hindrance::CardOpen(id) => format!("card {id} is in use"),
        Hindrance::Retained(kind, until) => {
            format!("{} are to be kept until {until} (rules.toml [retention])", plural(*kind))
        }
    };
    Problem::conflict(detail, "PII-3")
}

fn plural(kind: authorization::Retained) -> &'static str {
    match kind {
        authorization::Retained::Agreement => "the agreement's papers",
        authorization::Retained::Operations => "operations",
        authorization::Retained::Disputes => "disputes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_leave_little() {
        assert_eq!(mask_name("Айгүл Токтобаева"), "А*** Т***");
        assert_eq!((mask_name(""), mask_name("X")), (String::new(), "X***".to_owned()));
        assert_eq!(mask_phone("+996555000001"), "+996*******01");
        assert_eq!((mask_phone(""), mask_phone("12345")), (String::new(), "*****".to_owned()));
    }
}
