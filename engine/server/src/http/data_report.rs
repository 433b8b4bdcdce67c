//! `/customers/{id}/data-report`: what is held of a customer, from where, why and how long (PII-3).

use super::access::Custodian;
use super::context::HttpContext;
use super::fields::Segments;
use super::personal::{Found, details, hindered, look, reason};
use super::problem::Problem;
use super::query::Params;
use authorization::{LookedAt, Retained, State as Core, Subject};
use axum::Json;
use axum::extract::State;
use payment_types::Moment;
use serde::Serialize;
use utoipa::ToSchema;

/// So many of the last looks are told.
const LOOKS: u32 = 100;

/// All that is held of a customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DataReport {
    id: String,
    /// Absent once the customer was erased.
    name: Option<String>,
    phone: Option<String>,
    tier: String,
    erased_on: Option<String>,
    held: Vec<Held>,
    accounts: Vec<HeldAccount>,
    cards: Vec<HeldCard>,
    /// The numbers of disputes about the accounts.
    disputes: Vec<u32>,
    /// Who looked, newest first, this report included.
    looks: Vec<LookView>,
    /// What stands against erasing the customer today; absent if nothing does.
    not_erased_because: Option<String>,
    /// The moment all of this is true for.
    as_of: String,
}

/// One kind of what is held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Held {
    what: &'static str,
    /// Where the bank has it from.
    from: &'static str,
    /// What for.
    why: &'static str,
    /// The last day; absent while the agreement, or a dispute, is open.
    until: Option<String>,
}

/// An account of the customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldAccount {
    id: String,
    last_operation: String,
    /// When it was closed.
    closed_on: Option<String>,
}

/// A card the customer holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HeldCard {
    id: String,
    /// Masked.
    pan: String,
    expiry: String,
    account: String,
    /// Whether the whole number is still held, encrypted.
    number_held: bool,
}

/// Somebody who looked at, or changed, what is held (PII-2).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LookView {
    at: String,
    who: Option<String>,
    what: String,
    why: String,
}

/// All that is held of a customer, for the role `privacy`. The look is journaled first.
#[utoipa::path(get, path = "/api/v1/customers/{id}/data-report", tag = "personal data",
    params(("id" = String, Path, description = "The customer's id"),
        ("reason" = String, Query, description = "Why; goes into the audit")),
    responses((status = 200, body = DataReport), (status = 404, description = "No such customer"),
        (status = 403, description = "The token does not have the role privacy")))]
pub(super) async fn report(
    State(context): State<HttpContext>,
    Custodian(caller): Custodian,
    Segments(id): Segments<String>,
    params: Params,
) -> Result<Json<DataReport>, Problem> {
    let params = params.known(&["reason"])?;
    let reason = reason(&context, &params).await?;
    if reason.is_empty() {
        return Err(Problem::field("reason", "say why: ?reason=").with_rule("PII-2"));
    }
    let subject = Subject::Customer(id.as_str().into());
    look(&context, &caller, (subject, LookedAt::Report), &reason, &id).await?;
    let running = context.running()?;
    let wanted = id.clone();
    let found = running.shard.query(move |core, now| {
        let found = Found::of(core, &wanted)?;
        let report = of_core(core, &found, wanted, now);
        Some((found, report))
    });
    let (found, mut report) = found.await?.ok_or_else(|| Problem::not_found("customer", &id))?;
    if let Some(details) = details(running, &id, &found).await? {
        report.name = Some(details.name.clone());
        report.phone = Some(details.phone.clone());
    }
    let search =
        move |history: &history::History| history.audit(Some(("customer", &id)), None, LOOKS);
    let (looks, _) = context.search(search).await?;
    report.looks = looks.items.into_iter().map(look_view).collect();
    Ok(Json(report))
}

fn of_core(core: &Core, found: &Found, id: String, now: Moment) -> DataReport {
    let directory = core.directory();
    let accounts = core.accounts_of(found.position).filter_map(|slot| {
        let account = core.ledger().account(slot)?;
        Some(HeldAccount {
            id: directory.account_id(slot.0).to_owned(),
            last_operation: account.last_operation.to_string(),
            closed_on: core.ended_on(slot).map(|day| day.to_string()),
        })
    });
    let cards = core.cards_held_by(found.position).map(|(slot, card)| HeldCard {
        id: directory.card_id(slot).to_owned(),
        pan: card.masked.to_string(),
        expiry: format!("{:04}", card.expiry.number()),
        account: directory.account_id(card.account.0).to_owned(),
        number_held: !card.sealed_pan.is_empty(),
    });
    let against = match core.erased_on(found.position) {
        Some(_) => None,
        None => core.against_erasing(found.position, now.business_date()),
    };
    DataReport {
        id,
        name: None,
        phone: None,
        tier: found.tier.clone(),
        erased_on: found.erased_on.clone(),
        held: held(core, found),
        accounts: accounts.collect(),
        cards: cards.collect(),
        disputes: core.disputes_of(found.position).map(|(number, _)| number).collect(),
        looks: Vec::new(),
        not_erased_because: against.map(|why| hindered(&why).detail().to_owned()),
        as_of: now.rfc3339(),
    }
}

fn held(core: &Core, found: &Found) -> Vec<Held> {
    let retained = core.retained(found.position);
    let until = |kind: Retained| {
        let day = retained.iter().find(|(known, _)| *known == kind).and_then(|(_, until)| *until);
        day.map(|day| day.to_string())
    };
    let portfolio = "the bank's portfolio file (tamga import)";
    let mut held = Vec::new();
    if found.erased_on.is_none() {
        held.push(Held {
            what: "name, telephone number; card numbers, encrypted",
            from: portfolio,
            why: "to serve the agreement, to tell the customer what happens on the account",
            until: until(Retained::Agreement),
        });
    }
    held.push(Held {
        what: "ids, tier, accounts; card numbers masked and as a keyed digest",
        from: portfolio,
        why: "to decide card operations, and for the books",
        until: None,
    });
    held.push(Held {
        what: "operations, notifications, statements",
        from: "terminals, networks and staff",
        why: "for the books; the law against money laundering asks for them",
        until: until(Retained::Operations),
    });
    if retained.iter().any(|(kind, _)| *kind == Retained::Disputes) {
        held.push(Held {
            what: "disputes",
            from: "the customer and staff",
            why: "to decide them, and to answer for the decision",
            until: until(Retained::Disputes),
        });
    }
    held.push(Held {
        what: "who looked at the customer's data",
        from: "the engine",
        why: "every look is journaled (PII-2)",
        until: None,
    });
    held
}

fn look_view(row: history::AuditEntry) -> LookView {
    let details: serde_json::Value = serde_json::from_str(&row.details).unwrap_or_default();
    LookView {
        at: row.moment.rfc3339(),
        who: row.entered_by,
        what: row.action,
        why: details["reason"].as_str().unwrap_or_default().to_owned(),
    }
}
