//! `/technical-overdrafts`: what is open, by due date and age (TOD-2); exemptions of one card from
//! the block policy (TOD-4).

use super::access::{Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::describe::{AgeingTotal, Exemption, ListedOverdraft, OverdraftList, TechnicalOverdraft};
use super::fields::{Fields, Segments};
use super::forms::{EndExemptionForm, ExemptionForm};
use super::money;
use super::problem::Problem;
use super::query::Params;
use authorization::{Ageing, Command, Done, OnRequestOf, State as Core};
use axum::Json;
use axum::extract::State;
use ledger::{Account, AccountSlot};
use payment_types::{BusinessDate, Currency, Moment};
use std::collections::BTreeMap;

/// What is open on an account.
pub(super) fn technical(
    core: &Core,
    slot: AccountSlot,
    account: &Account,
    now: Moment,
) -> TechnicalOverdraft {
    let date = now.business_date();
    let text = |minor| money::text(minor, account.currency);
    let moment = |at| Moment::new(at, now.offset).rfc3339();
    let (debts, open) = (account.debts.as_ref(), account.open_overdraft());
    let amount = account.technical_overdraft(date);
    let due_on = open.and_then(|open| open.due_on);
    TechnicalOverdraft {
        amount: text(amount),
        interest: text(debts.map_or(0, |debts| debts.interest)),
        fees_due: text(debts.map_or(0, |debts| debts.fees_due()).min(amount)),
        penalty: text(debts.map_or(0, |debts| debts.penalty)),
        to_repay: text(account.technical_parts(date).total()),
        cause: open.map(|open| open.cause.name().to_owned()),
        opened_at: open.map(|open| moment(open.since)),
        notified_at: open.and_then(|open| open.notified_at).map(moment),
        due_on: due_on.map(|due| due.to_string()),
        overdue: due_on.is_some_and(|due| due < date),
        blocked: core.is_blocked_for_overdraft(slot),
    }
}

/// Technical overdrafts that are open, by due date: overdue ones first.
#[utoipa::path(get, path = "/api/v1/technical-overdrafts", tag = "accounts",
    params(("age" = Option<String>, Query,
            description = "working_days_1_to_5, overdue_1_to_30 or overdue_over_30"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = OverdraftList)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<OverdraftList>, Problem> {
    let params = params.known(&["age", "cursor", "limit"])?;
    let limit = usize::try_from(params.limit()?).unwrap_or(usize::MAX);
    let age = match params.text("age") {
        None => None,
        Some(name) => {
            Some(Ageing::ALL.into_iter().find(|age| age.name() == name).ok_or_else(|| {
                Problem::field("age", "is none of the ages that a list without it shows")
            })?)
        }
    };
    let after = match params.text("cursor") {
        None => None,
        Some(cursor) => {
            Some(place_of(&cursor).ok_or_else(|| Problem::field("cursor", "is no `next`"))?)
        }
    };
    let shard = &context.running()?.shard;
    Ok(Json(shard.query(move |core, now| listed(core, now, age, after, limit)).await?))
}

/// `2026-11-30.17`: due date and position.
fn place_of(cursor: &str) -> Option<(BusinessDate, u32)> {
    let (days, slot) = cursor.split_once('.')?;
    Some((BusinessDate::from_days(days.parse().ok()?), slot.parse().ok()?))
}

/// The same list as JSON, for `tamga overdrafts` on a data directory without an engine.
pub(crate) fn open_overdrafts(
    core: &Core,
    now: Moment,
    age: Option<&str>,
    cursor: Option<&str>,
    limit: u32,
) -> serde_json::Result<String> {
    let age = age.and_then(|name| Ageing::ALL.into_iter().find(|age| age.name() == name));
    let after = cursor.and_then(place_of);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let list = listed(core, now, age, after, limit);
    serde_json::to_string(&list)
}

fn listed(
    core: &Core,
    now: Moment,
    age: Option<Ageing>,
    after: Option<(BusinessDate, u32)>,
    limit: usize,
) -> OverdraftList {
    let today = now.business_date();
    let mut items = Vec::new();
    let mut next = None;
    for (due, slot) in core.open_overdrafts(after) {
        let Some(account) = core.ledger().account(slot) else { continue };
        let due_on = account.open_overdraft().and_then(|open| open.due_on);
        let is_of = Ageing::of(due_on, today);
        if age.is_some_and(|age| age != is_of) {
            continue;
        }
        if items.len() >= limit {
            break;
        }
        items.push(item(core, slot, account, now, is_of));
        next = Some(format!("{}.{}", due.days(), slot.0));
    }
    let next = next.filter(|_| items.len() >= limit);
    OverdraftList { today: today.to_string(), items, ageing: totals(core, today), next }
}

fn item(
    core: &Core,
    slot: AccountSlot,
    account: &Account,
    now: Moment,
    age: Ageing,
) -> ListedOverdraft {
    let due_on = account.open_overdraft().and_then(|open| open.due_on);
    let today = now.business_date().days();
    let overdue = due_on.map_or(0, |due| today.saturating_sub(due.days()).max(0));
    ListedOverdraft {
        account: core.directory().account_id(slot.0).to_owned(),
        customer: core.directory().customer_id(account.customer).to_owned(),
        currency: account.currency.to_string(),
        age: age.name().to_owned(),
        overdue_days: overdue,
        technical_overdraft: technical(core, slot, account, now),
    }
}

fn totals(core: &Core, today: BusinessDate) -> Vec<AgeingTotal> {
    let mut totals = Ageing::ALL.map(|age| (age, 0u64, BTreeMap::<Currency, i64>::new()));
    for (_, slot) in core.open_overdrafts(None) {
        let Some(account) = core.ledger().account(slot) else { continue };
        let age = Ageing::of(account.open_overdraft().and_then(|open| open.due_on), today);
        if let Some(total) = totals.iter_mut().find(|total| total.0 == age) {
            total.1 = total.1.saturating_add(1);
            let owed = total.2.entry(account.currency).or_default();
            *owed = owed.saturating_add(account.technical_parts(today).total());
        }
    }
    let shown = totals.into_iter().map(|(age, count, owed)| AgeingTotal {
        age: age.name().to_owned(),
        count,
        owed: owed.into_iter().map(|(cur, sum)| (cur.to_string(), money::text(sum, cur))).collect(),
    });
    shown.collect()
}

/// TOD-4: staff exempt one card from the block policy, with a reason. The policy's own block is
/// lifted at once; one that staff set stays.
#[utoipa::path(put, path = "/api/v1/cards/{id}/overdraft-exemption", tag = "cards",
    params(("id" = String, Path, description = "The card's id")),
    request_body = ExemptionForm,
    responses((status = 200, body = Exemption), (status = 404, description = "No such card"),
        (status = 422, description = "A field is not right")))]
pub(super) async fn exempt(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Json<Exemption>, Problem> {
    let known = ["until", "requested_by", "identified_by", "reason"];
    let fields = asked.fields(&context, &known).await?;
    let until = match fields.optional_text("until")? {
        "" => BusinessDate::from_days(i32::MAX),
        text => {
            BusinessDate::parse(text).map_err(|error| Problem::field("until", error.to_string()))?
        }
    };
    let by = on_request(&fields, caller.name.as_str())?;
    change(&context, id, Some(until), by).await
}

/// Ends an exemption; the block policy holds for the card again.
#[utoipa::path(delete, path = "/api/v1/cards/{id}/overdraft-exemption", tag = "cards",
    params(("id" = String, Path, description = "The card's id")),
    request_body = EndExemptionForm,
    responses((status = 200, body = Exemption), (status = 404, description = "No such card")))]
pub(super) async fn end_exemption(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Json<Exemption>, Problem> {
    let fields = asked.fields(&context, &["requested_by", "identified_by", "reason"]).await?;
    let by = on_request(&fields, caller.name.as_str())?;
    change(&context, id, None, by).await
}

fn on_request(fields: &Fields, entered_by: &str) -> Result<OnRequestOf, Problem> {
    Ok(OnRequestOf {
        entered_by: entered_by.into(),
        requested_by: fields.text("requested_by")?.into(),
        identified_by: fields.optional_text("identified_by")?.into(),
        note: fields.text("reason")?.into(),
    })
}

async fn change(
    context: &HttpContext,
    id: String,
    until: Option<BusinessDate>,
    by: OnRequestOf,
) -> Result<Json<Exemption>, Problem> {
    let command = Command::ExemptCard { card: id.as_str().into(), until, by };
    let Done::Exempted { changed } = context.carry_out(command, None, &id).await?.done else {
        return Err(Problem::internal("another outcome than an exemption's"));
    };
    Ok(Json(Exemption { card: id, until: until.map(self::until), changed }))
}

/// The last day of an exemption; one without an end lasts always.
pub(super) fn until(until: BusinessDate) -> String {
    if until.days() == i32::MAX { "always".to_owned() } else { until.to_string() }
}
