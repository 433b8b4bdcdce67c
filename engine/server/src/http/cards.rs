//! `/cards/{id}`: status, counters, blocks.

use super::access::{Caller, Operator, Reader, second_person};
use super::asked::Asked;
use super::context::HttpContext;
use super::describe::{Block, Card, Counter, Figure};
use super::fields::{Fields, Segments};
use super::forms::{BlockForm, UnblockForm};
use super::problem::Problem;
use super::query::Params;
use super::travels::look_back;
use super::{money, overdrafts};
use crate::effect::Travel;
use crate::replay::Run;
use crate::suggest::nearest;
use authorization::{BlockReason, Command, OnRequestOf, State as Core};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use limits::{CounterView, Dimension, Measure, Rule};
use payment_types::{Currency, Moment};
use serde::Serialize;

/// A card's status, blocks and counters, as of now, or as of any moment that was: then the journal
/// is replayed up to it, from the nearest snapshot.
#[utoipa::path(get, path = "/api/v1/cards/{id}", tag = "cards",
    params(("id" = String, Path, description = "The card's id, not its number"),
        ("at" = Option<String>, Query, description = "A moment that was, or a day's first")),
    responses((status = 200, body = Card), (status = 404, description = "No such card"),
        (status = 409, description = "The journal does not go back that far any more")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> Result<Json<Card>, Problem> {
    let (running, wanted) = (context.running()?, id.clone());
    let params = params.known(&["at"])?;
    let found = match params.instant("at", &running.clock)? {
        None => running.shard.query(move |core, now| view(core, &wanted, now)).await?,
        Some(at) if at > running.clock.now().at => {
            return Err(Problem::field("at", "is still to come"));
        }
        Some(at) => {
            let (moment, durable) = (running.clock.moment_at(at), running.shard.durable());
            let (next, _) = context.search(move |history| history.first_at(at.plus_ms(1))).await?;
            let most = next.map_or(durable, |next| durable.min(next.saturating_sub(1)));
            let look = move |run: Run, _: &Travel| Ok(view(&run.state, &wanted, moment));
            look_back(&context, most, Some(at), look).await?
        }
    };
    found.map(Json).ok_or_else(|| Problem::not_found("card", &id))
}

fn view(core: &Core, id: &str, now: Moment) -> Option<Card> {
    let directory = core.directory();
    let slot = directory.card_position(id)?;
    let card = core.card(slot)?;
    let counters = core.counters(slot, now);
    Some(Card {
        id: id.to_owned(),
        pan: card.masked.to_string(),
        expiry: format!("{:04}", card.expiry.number()),
        status: card.status(now.business_date()).to_owned(),
        blocks: card
            .blocks_on(now.business_date())
            .iter()
            .map(|reason| reason.name().to_owned())
            .collect(),
        account: directory.account_id(card.account.0).to_owned(),
        holder: directory.customer_id(card.holder).to_owned(),
        sequence: format!("{:02}", card.sequence),
        service_code: format!("{:03}", card.service_code),
        supplementary_of: card.supplementary_of.map(|of| directory.card_id(of).to_owned()),
        pin_tries: if card.pin_block_over(now.business_date()) { 0 } else { card.pin_tries },
        ecommerce: card.ecommerce,
        moto: card.moto,
        atc: card.atc.highest(),
        scripts_pending: core.card_scripts(slot).iter().filter(|script| script.waits()).count(),
        overdraft_exempt_until: card.exempt_until.map(overdrafts::until),
        loss_reported_at: card.loss_reported_at.map(|at| Moment::new(at, now.offset).rfc3339()),
        counters: counters.into_iter().map(|view| counter(core, view, now)).collect(),
        as_of: now.rfc3339(),
    })
}

fn counter(core: &Core, view: CounterView, now: Moment) -> Counter {
    let of: Vec<String> = view.of.iter().map(|(what, at)| named(core, *what, *at)).collect();
    let figure = match serde_json::to_value(view.figure) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "limit".to_owned(),
    };
    Counter {
        rule: view.rule.id().to_owned(),
        scope: scope(core, &view),
        figure,
        of: (!of.is_empty()).then(|| of.join(", ")),
        measure: view.measure.name().to_owned(),
        used: of_measure(view.measure, view.used),
        ceiling: of_measure(view.measure, view.ceiling),
        window: view.window.name().to_owned(),
        resets_at: view.resets_at.map(|at| Moment::new(at, now.offset).rfc3339()),
        limit: view.limit,
    }
}

/// What a counter is kept for: of the regulation's by its clause, of a limit by the rule set.
fn scope(core: &Core, view: &CounterView) -> Vec<String> {
    let dimensions: Vec<Dimension> = match view.rule {
        Rule::Ctl1 | Rule::Ctl4 => vec![Dimension::Card],
        Rule::Ctl2 | Rule::Agt1 => vec![Dimension::Customer],
        Rule::Agt2 => vec![Dimension::Card, Dimension::Device],
        Rule::Lim1 => {
            let is_it = |limit: &&limits::LimitRule| Some(&limit.id) == view.limit.as_ref();
            let limit = core.rules().limits.iter().find(is_it);
            limit.map(|limit| limit.scope.iter().collect()).unwrap_or_default()
        }
    };
    dimensions.into_iter().map(|dimension| dimension.name().to_owned()).collect()
}

fn named(core: &Core, dimension: Dimension, at: u32) -> String {
    let directory = core.directory();
    let id = match dimension {
        Dimension::Device => directory.terminal_id(at),
        Dimension::Agent => directory.agent_id(at),
        Dimension::Merchant => directory.merchant_id(at),
        Dimension::Card => directory.card_id(at),
        Dimension::Account => directory.account_id(at),
        Dimension::Customer => directory.customer_id(at),
        Dimension::Product => directory.product_id(at),
        Dimension::Tier => directory.tier_name(at),
        Dimension::Mcc => return format!("mcc {at:04}"),
        Dimension::Country => return format!("country {at:03}"),
        Dimension::Network => return format!("network {at}"),
    };
    format!("{} {id}", dimension.name())
}

/// Limits measure tyiyn of KGS, or count.
pub(super) fn of_measure(measure: Measure, value: u64) -> Figure {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    match measure {
        Measure::Amount => Figure::Amount(money::text(value, Currency::KGS)),
        Measure::Count => Figure::Count(value),
    }
}

/// The name of a value in rule files and the API.
pub(super) fn wire_name(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// Blocks a card. Binding for every request accepted after the answer (BLK-1).
#[utoipa::path(post, path = "/api/v1/cards/{id}/blocks", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = BlockForm,
    responses((status = 200, body = Block), (status = 404, description = "No such card"),
        (status = 422, description = "A field is not right, or the key stood for something else")))]
pub(super) async fn block(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let known = ["reason", "requested_by", "identified_by", "note"];
    let fields = asked.fields(&context, &known).await?;
    let reason = reason_named(fields.text("reason")?, Problem::field)?;
    let by = on_request_of(&fields, reason, caller.name)?;
    let command = Command::Block { card: id.as_str().into(), reason, by };
    let carried_out = context.carry_out(command, key, &id).await?;
    Ok(carried_out.answer(Block { card: id, reason: reason.name().to_owned(), blocked: true }))
}

/// Lifts one reason; the others stay (BLK-2). Suspected fraud is lifted by two persons: the second
/// one's one-time code or token goes into the header `Approved-By`.
#[utoipa::path(delete, path = "/api/v1/cards/{id}/blocks/{reason}", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("reason" = String, Path, description = "The reason to lift"),
        ("Approved-By" = Option<String>, Header,
            description = "`Code <user> <code>` or `Bearer <token>` of a checker, where two are needed")),
    request_body = UnblockForm,
    responses((status = 200, body = Block), (status = 403, description = "Two persons are needed"),
        (status = 404, description = "No such card, or not blocked for that reason"),
        (status = 409, description = "Nobody lifts that reason")))]
pub(super) async fn unblock(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments((id, reason)): Segments<(String, String)>,
    asked: Asked,
) -> Result<Json<Block>, Problem> {
    let fields = asked.fields(&context, &["requested_by", "identified_by", "note"]).await?;
    let reason = reason_named(&reason, |_, _| Problem::not_found("block reason", &reason))?;
    let entered_by = if reason.needs_two_to_lift() {
        approved(&asked, &context, &caller).await?
    } else {
        caller.name
    };
    let by = on_request_of(&fields, reason, entered_by)?;
    let command = Command::Unblock { card: id.as_str().into(), reason, by };
    context.carry_out(command, None, &id).await?;
    Ok(Json(Block { card: id, reason: reason.name().to_owned(), blocked: false }))
}

/// Both persons, as the journal keeps them.
async fn approved(
    asked: &Asked,
    context: &HttpContext,
    caller: &Caller,
) -> Result<String, Problem> {
    let second = second_person(asked, context, caller).await?;
    Ok(format!("{}, approved by {}", caller.name, second.name))
}

fn reason_named(
    name: &str,
    problem: impl FnOnce(&str, String) -> Problem,
) -> Result<BlockReason, Problem> {
    BlockReason::from_name(name).ok_or_else(|| {
        let names = || BlockReason::ALL.into_iter().map(BlockReason::name);
        let detail = match (name, nearest(name, names())) {
            ("expired", _) => "cards expire by the calendar; nobody sets it".to_owned(),
            (_, Some(meant)) => format!("no such reason; did you mean {meant:?}?"),
            (_, None) => {
                format!("no such reason; there are {}", names().collect::<Vec<_>>().join(", "))
            }
        };
        problem("reason", detail)
    })
}

/// BLK-3. What only the cardholder may ask for needs the word how they were identified.
fn on_request_of(
    fields: &Fields,
    reason: BlockReason,
    entered_by: String,
) -> Result<OnRequestOf, Problem> {
    let is_holders =
        matches!(reason, BlockReason::HolderRequest | BlockReason::Lost | BlockReason::Stolen);
    let identified_by = match is_holders {
        true => fields.text("identified_by")?,
        false => fields.optional_text("identified_by")?,
    };
    Ok(OnRequestOf {
        entered_by: entered_by.into(),
        requested_by: fields.text("requested_by")?.into(),
        identified_by: identified_by.into(),
        note: fields.optional_text("note")?.into(),
    })
}
