//! `/cards/{id}/settings`, raises, the primary holder's limits, travel notes (LIM-3, LIM-4, LIM-6).

use super::access::{Caller, Operator, Reader, second_person};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::{Fields, Segments};
use super::problem::Problem;
use crate::clock::parse_rfc3339;
use authorization::{
    CardChange, CardLimitItem, CardRaise, Command, Done, OnRequestOf, RaiseItem, State as Core,
    Switch, TravelNote,
};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use limits::country_numeric;
use payment_types::{BusinessDate, Moment, Sequence};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// `GET /cards/{id}/settings`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardSettings {
    card: String,
    /// Journeys that open high-risk countries and blocked categories (LIM-6).
    travel_notes: Vec<Travel>,
    /// Ceilings raised for a time (LIM-4).
    raises: Vec<Raise>,
    /// Ceilings of the primary holder's (LIM-3).
    holder_limits: Vec<HolderLimit>,
    /// What the primary holder switched off (LIM-3).
    off: Vec<String>,
}

/// A journey.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Travel {
    id: String,
    from: String,
    until: String,
    /// ISO 3166 numeric; all if empty.
    countries: Vec<String>,
}

/// A raise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Raise {
    limit: String,
    ceiling: String,
    until: String,
    /// Whether its end is still to come.
    in_force: bool,
    reason: String,
    entered_by: String,
    approved_by: String,
}

/// A ceiling of the primary holder's.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HolderLimit {
    limit: String,
    ceiling: String,
}

/// `POST /cards/{id}/raises`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RaiseForm {
    /// The id of a limit of the rule set.
    #[schema(example = "atm-day")]
    limit: String,
    #[schema(example = "100000.00")]
    ceiling: String,
    /// RFC 3339, to the minute.
    until: String,
    reason: String,
    requested_by: Option<String>,
    identified_by: Option<String>,
}

/// `PUT /cards/{id}/holder-limits`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct HolderForm {
    /// The id of the primary card.
    primary: String,
    /// `{limit, ceiling}`, in place of those before.
    limits: Vec<Value>,
    /// `cash`, `contactless`, `ecommerce`, `transfer`, `abroad`.
    off: Vec<String>,
    identified_by: String,
    note: Option<String>,
}

/// `POST /cards/{id}/travel-notes`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct TravelForm {
    #[schema(example = "2026-12-01")]
    from: String,
    #[schema(example = "2026-12-14")]
    until: String,
    /// `["TR", "AE"]`; all if left out.
    countries: Option<Vec<String>>,
    requested_by: String,
    identified_by: Option<String>,
    note: Option<String>,
}

/// What is set for a card besides its blocks.
#[utoipa::path(get, path = "/api/v1/cards/{id}/settings", tag = "cards",
    params(("id" = String, Path, description = "The card's id")),
    responses((status = 200, body = CardSettings), (status = 404, description = "No such card")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<CardSettings>, Problem> {
    let wanted = id.clone();
    let found = context.running()?.shard.query(move |core, now| view(core, &wanted, now)).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("card", &id))
}

fn view(core: &Core, id: &str, now: Moment) -> Option<CardSettings> {
    let slot = core.directory().card_position(id)?;
    let settings = core.card_settings(slot).cloned().unwrap_or_default();
    let raise = |raise: CardRaise| Raise {
        ceiling: core.ceiling_text(&raise.limit, raise.ceiling),
        limit: raise.limit.into(),
        until: Moment::new(raise.until, now.offset).rfc3339(),
        in_force: raise.until > now.at,
        reason: raise.reason.into(),
        entered_by: raise.entered_by.into(),
        approved_by: raise.approved_by.into(),
    };
    let travel = |note: TravelNote| Travel {
        id: note.id.to_string(),
        from: note.from.to_string(),
        until: note.until.to_string(),
        countries: note.countries.iter().map(|code| format!("{code:03}")).collect(),
    };
    let lower = |item: CardLimitItem| HolderLimit {
        limit: item.limit.into(),
        ceiling: item.ceiling.into(),
    };
    Some(CardSettings {
        card: id.to_owned(),
        travel_notes: settings.travel.into_iter().map(travel).collect(),
        raises: settings.raises.into_iter().map(raise).collect(),
        holder_limits: settings.holder_limits.into_iter().map(lower).collect(),
        off: settings.off.iter().map(|switch| switch.name().to_owned()).collect(),
    })
}

/// Sends the change and gives the card's settings after it.
async fn change(
    context: &HttpContext,
    id: String,
    change: CardChange,
    by: OnRequestOf,
    key: Option<authorization::IdempotencyKey>,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let command = Command::SetCard { card: id.as_str().into(), change, by };
    let carried_out = context.carry_out(command, key, &id).await?;
    let Done::CardSet = carried_out.done else {
        return Err(Problem::internal("another outcome than of setting a card"));
    };
    let wanted = id.clone();
    let found = running.shard.query(move |core, now| view(core, &wanted, now)).await?;
    let found = found.ok_or_else(|| Problem::not_found("card", &id))?;
    Ok(carried_out.answer(found))
}

fn by(fields: &Fields, caller: &Caller) -> Result<OnRequestOf, Problem> {
    Ok(OnRequestOf {
        entered_by: caller.name.as_str().into(),
        requested_by: fields.optional_text("requested_by")?.into(),
        identified_by: fields.optional_text("identified_by")?.into(),
        note: fields.optional_text("note")?.into(),
    })
}

fn day(fields: &Fields, name: &str) -> Result<BusinessDate, Problem> {
    BusinessDate::parse(fields.text(name)?).map_err(|e| Problem::field(name, e.to_string()))
}

/// Raises a limit of the bank's for one card and a time (LIM-4), by two persons: the second one's
/// one-time code or token goes into the header `Approved-By`. It ends by itself; the regulation
/// stays above it.
#[utoipa::path(post, path = "/api/v1/cards/{id}/raises", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("Approved-By" = String, Header,
            description = "`Code <user> <code>` or `Bearer <token>` of a checker"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = RaiseForm,
    responses((status = 200, body = CardSettings), (status = 403, description = "Two persons"),
        (status = 422, description = "A field is not right")))]
pub(super) async fn raise(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let known = ["limit", "ceiling", "until", "reason", "requested_by", "identified_by"];
    let fields = asked.fields(&context, &known).await?;
    // A code is good once: what is sent again gets its answer before the code is looked at.
    let before = match key {
        Some(key) => context.running()?.shard.query(move |core, _| core.recall(&key)).await?,
        None => None,
    };
    let approved_by = match before {
        Some(_) => String::new(),
        None => second_person(&asked, &context, &caller).await?.name,
    };
    let until = parse_rfc3339(fields.text("until")?)
        .map_err(|error| Problem::field("until", error.to_string()))?;
    let raise = RaiseItem {
        limit: fields.text("limit")?.into(),
        ceiling: fields.text("ceiling")?.into(),
        until,
        reason: fields.text("reason")?.into(),
        entered_by: caller.name.as_str().into(),
        approved_by: approved_by.into(),
    };
    let by = by(&fields, &caller)?;
    change(&context, id, CardChange::Raise(raise), by, key).await
}

/// Ends a raise before its time.
#[utoipa::path(delete, path = "/api/v1/cards/{id}/raises/{limit}", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("limit" = String, Path, description = "The limit's id")),
    responses((status = 200, body = CardSettings), (status = 422, description = "No such raise")))]
pub(super) async fn end_raise(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments((id, limit)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let by = OnRequestOf { entered_by: caller.name.into(), ..OnRequestOf::default() };
    change(&context, id, CardChange::EndRaise { limit: limit.into() }, by, None).await
}

/// The primary holder's limits and switches for a supplementary card, in place of those before
/// (LIM-3). Ceilings are within the bank's.
#[utoipa::path(put, path = "/api/v1/cards/{id}/holder-limits", tag = "cards",
    params(("id" = String, Path, description = "The supplementary card's id")),
    request_body = HolderForm,
    responses((status = 200, body = CardSettings),
        (status = 422, description = "Not the primary card, or above the bank's limit")))]
pub(super) async fn holder_limits(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let known = ["primary", "limits", "off", "identified_by", "note"];
    let fields = asked.fields(&context, &known).await?;
    let limits = fields.list("limits")?.iter().map(holder_limit).collect::<Result<_, _>>()?;
    let off = fields.list("off")?.iter().map(switch).collect::<Result<_, _>>()?;
    fields.text("identified_by")?;
    let primary = fields.text("primary")?;
    let by = OnRequestOf {
        requested_by: format!("holder of {primary}").into(),
        ..by(&fields, &caller)?
    };
    let setting = CardChange::Holder { primary: primary.into(), limits, off };
    change(&context, id, setting, by, None).await
}

fn holder_limit(item: &Value) -> Result<CardLimitItem, Problem> {
    let text = |name: &str| match item.get(name) {
        Some(Value::String(text)) => Some(text.as_str().into()),
        Some(Value::Number(number)) => Some(number.to_string().into()),
        _ => None,
    };
    let fits = item.as_object().is_some_and(|object| object.len() == 2);
    match (text("limit"), text("ceiling")) {
        (Some(limit), Some(ceiling)) if fits => {
            Ok(CardLimitItem { limit, ceiling, valid_from: None, valid_until: None })
        }
        _ => Err(Problem::field("limits", "each has a limit and a ceiling, and nothing else")),
    }
}

fn switch(item: &Value) -> Result<Switch, Problem> {
    item.as_str().and_then(Switch::from_name).ok_or_else(|| {
        let names = Switch::ALL.map(Switch::name).join(", ");
        Problem::field("off", format!("there are {names}"))
    })
}

/// A journey: for its days the card may be used in high-risk countries and at blocked categories
/// (LIM-6).
#[utoipa::path(post, path = "/api/v1/cards/{id}/travel-notes", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = TravelForm,
    responses((status = 200, body = CardSettings),
        (status = 422, description = "A field is not right")))]
pub(super) async fn travel(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let known = ["from", "until", "countries", "requested_by", "identified_by", "note"];
    let fields = asked.fields(&context, &known).await?;
    let country = |code: &Value| {
        code.as_str().and_then(country_numeric).ok_or_else(|| {
            Problem::field("countries", "each is a country of ISO 3166, such as \"TR\"")
        })
    };
    let countries = match fields.has("countries") {
        true => fields.list("countries")?.iter().map(country).collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    fields.text("requested_by")?;
    let (from, until) = (day(&fields, "from")?, day(&fields, "until")?);
    let by = by(&fields, &caller)?;
    change(&context, id, CardChange::Travel { from, until, countries }, by, key).await
}

/// Takes a travel note back.
#[utoipa::path(delete, path = "/api/v1/cards/{id}/travel-notes/{note}", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("note" = String, Path, description = "The note's id")),
    responses((status = 200, body = CardSettings), (status = 422, description = "No such note")))]
pub(super) async fn end_travel(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments((id, note)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let number = note.parse().map_err(|_| Problem::not_found("travel note", &note))?;
    let by = OnRequestOf { entered_by: caller.name.into(), ..OnRequestOf::default() };
    change(&context, id, CardChange::EndTravel { id: Sequence(number) }, by, None).await
}
