//! `/cards/find`: a card by its number, the last digits, its id, its customer or its account.
//!
//! The number comes in the body, never in an address, which is logged on the way; it becomes a
//! digest before anything else is done, and nothing of it is kept. Whoever asks looks at personal
//! data, a masked number: that is journaled for each card before it is shown (PII-2).

use super::access::Reader;
use super::asked::Asked;
use super::context::HttpContext;
use super::personal;
use super::problem::Problem;
use authorization::{LookedAt, State as Core, Subject};
use axum::Json;
use axum::extract::State;
use payment_types::{Moment, Pan};
use serde::Serialize;
use utoipa::ToSchema;

/// Cards shown at most.
const MOST: usize = 20;
/// Cards looked at in one look at the state.
const HOP: u32 = 16_384;

/// What is known of the card; exactly one of them.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct FindForm {
    /// The whole number, digits only. The one field of the API that takes one.
    pan: Option<String>,
    /// Its last four digits.
    last_four: Option<String>,
    id: Option<String>,
    customer: Option<String>,
    account: Option<String>,
    /// Why; goes into the audit.
    reason: Option<String>,
}

/// Cards that fit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Found {
    items: Vec<CardFound>,
    /// Whether there are more than are shown.
    more: bool,
}

/// A card, shortly.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardFound {
    id: String,
    /// Masked.
    pan: String,
    status: String,
    expiry: String,
    account: String,
    /// The holder's customer id.
    holder: String,
}

impl CardFound {
    fn of(core: &Core, slot: u32, now: Moment) -> Option<Self> {
        let card = core.card(slot)?;
        let directory = core.directory();
        Some(Self {
            id: directory.card_id(slot).to_owned(),
            pan: card.masked.to_string(),
            status: card.status(now.business_date()).to_owned(),
            expiry: format!("{:04}", card.expiry.number()),
            account: directory.account_id(card.account.0).to_owned(),
            holder: directory.customer_id(card.holder).to_owned(),
        })
    }
}

const KNOWN: [&str; 6] = ["pan", "last_four", "id", "customer", "account", "reason"];

/// Finds cards. What is not found is an empty list.
#[utoipa::path(post, path = "/api/v1/cards/find", tag = "cards", request_body = FindForm,
    responses((status = 200, body = Found),
        (status = 422, description = "Not exactly one of them, or not in its form")))]
pub(super) async fn find(
    State(context): State<HttpContext>,
    Reader(caller): Reader,
    asked: Asked,
) -> Result<Json<Found>, Problem> {
    let (fields, pan) = asked.fields_and_number(&context, &KNOWN, "pan").await?;
    let given = |name: &&str| pan.is_some() && *name == "pan" || fields.has(name);
    let by: Vec<&str> = KNOWN[..5].iter().filter(|name| given(name)).copied().collect();
    let [by] = by[..] else {
        let detail = "give exactly one of pan, last_four, id, customer, account";
        return Err(Problem::field(by.get(1).copied().unwrap_or("pan"), detail));
    };
    let reason = fields.optional_text("reason")?.to_owned();
    let (slots, more) = match (by, pan) {
        ("pan", Some(pan)) => (by_number(&context, &pan).await?, false),
        ("last_four", _) => by_last_four(&context, fields.text("last_four")?).await?,
        (by, _) => by_id(&context, by, fields.text(by)?.to_owned()).await?,
    };
    let look = move |core: &Core, now| {
        slots.into_iter().filter_map(|slot| CardFound::of(core, slot, now)).collect::<Vec<_>>()
    };
    let items = context.running()?.shard.query(look).await?;
    for card in &items {
        let subject = Subject::Card(card.id.as_str().into());
        let at = (subject, LookedAt::Masked);
        personal::look(&context, &caller, at, &reason, &card.id).await?;
    }
    Ok(Json(Found { items, more }))
}

async fn by_number(context: &HttpContext, pan: &Pan) -> Result<Vec<u32>, Problem> {
    let running = context.running()?;
    let digest = running.security.pan_digest(pan);
    let look = move |core: &Core, _| core.card_by_digest(&digest);
    Ok(running.shard.query(look).await?.into_iter().collect())
}

async fn by_last_four(context: &HttpContext, digits: &str) -> Result<(Vec<u32>, bool), Problem> {
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::field("last_four", "must be four digits"));
    }
    let (mut found, mut from) = (Vec::new(), 0u32);
    loop {
        let digits = digits.to_owned();
        let look = move |core: &Core, _| {
            let ends = |slot: &u32| {
                core.card(*slot).is_some_and(|card| card.masked.as_str().ends_with(&digits))
            };
            let end = from.saturating_add(HOP);
            let some: Vec<u32> = (from..end).filter(ends).take(MOST + 1).collect();
            (some, core.card(end).map(|_| end))
        };
        let (some, next) = context.running()?.shard.query(look).await?;
        found.extend(some);
        match next {
            Some(next) if found.len() <= MOST => from = next,
            _ => break,
        }
    }
    let more = found.len() > MOST;
    found.truncate(MOST);
    Ok((found, more))
}

async fn by_id(context: &HttpContext, by: &str, id: String) -> Result<(Vec<u32>, bool), Problem> {
    let by = by.to_owned();
    let look = move |core: &Core, _| {
        let directory = core.directory();
        let of_account = |slot| core.cards_of(slot).collect::<Vec<u32>>();
        let mut found: Vec<u32> = match &*by {
            "id" => directory.card_position(&id).into_iter().collect(),
            "account" => {
                let account = directory.account_position(&id);
                account.map(|at| of_account(ledger::AccountSlot(at))).unwrap_or_default()
            }
            _ => {
                let customer = directory.customer_position(&id);
                let accounts = customer.into_iter().flat_map(|at| core.accounts_of(at));
                accounts.flat_map(of_account).collect()
            }
        };
        found.sort_unstable();
        let more = found.len() > MOST;
        found.truncate(MOST);
        (found, more)
    };
    Ok(context.running()?.shard.query(look).await?)
}
