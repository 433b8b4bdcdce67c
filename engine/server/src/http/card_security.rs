//! `/cards/{id}/switches` and `/cards/{id}/scripts`: payments without the card (SEC-4), and what its
//! chip is told with its next answer.

use super::access::{Caller, Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::{Fields, Segments};
use super::problem::Problem;
use authorization::{
    CardChange, CardScript, Command, Done, OnRequestOf, PUT_DATA_MOST, ScriptKind, ScriptStanding,
    State as Core,
};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use payment_types::Moment;
use serde::Serialize;
use utoipa::ToSchema;

/// `PUT /cards/{id}/switches`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Switches {
    /// Whether it pays over the net (SEC-4).
    ecommerce: bool,
    /// Whether it pays by mail and telephone orders (SEC-4).
    moto: bool,
}

/// The same, as it is asked for; what is left out stays.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct SwitchesForm {
    ecommerce: Option<bool>,
    moto: Option<bool>,
    requested_by: String,
    identified_by: Option<String>,
    note: Option<String>,
}

/// `GET /cards/{id}/scripts`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Scripts {
    card: String,
    /// In the order in which they were queued; done ones are kept for a while.
    scripts: Vec<Script>,
}

/// What a chip is told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Script {
    /// The script's identifier (9F18).
    id: String,
    /// `application_block`, `application_unblock`, `card_block`, `pin_unblock`, `pin_change`,
    /// `put_data`.
    kind: String,
    /// Of PUT DATA: which element.
    #[schema(example = "9F58")]
    tag: Option<String>,
    /// Of PUT DATA: its value, in hex.
    value: Option<String>,
    /// `queued`, `sent`, `confirmed`, `failed`.
    standing: String,
    queued_at: String,
    /// The transaction whose answer carried it last.
    sent_with: Option<String>,
    /// The template it went in: `71` before the chip's final cryptogram, `72` after it.
    template: Option<String>,
}

/// `POST /cards/{id}/scripts`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct ScriptForm {
    /// `application_block`, `application_unblock`, `card_block`, `pin_unblock`, `put_data`.
    kind: String,
    /// Of `put_data`: four hex digits.
    #[schema(example = "9F58")]
    tag: Option<String>,
    /// Of `put_data`: up to eight bytes in hex.
    #[schema(example = "03")]
    value: Option<String>,
    requested_by: String,
    identified_by: Option<String>,
    note: Option<String>,
}

fn by(fields: &Fields, caller: &Caller) -> Result<OnRequestOf, Problem> {
    Ok(OnRequestOf {
        entered_by: caller.name.as_str().into(),
        requested_by: fields.text("requested_by")?.into(),
        identified_by: fields.optional_text("identified_by")?.into(),
        note: fields.optional_text("note")?.into(),
    })
}

/// Switches payments without the card on and off (SEC-4). Binding when answered.
#[utoipa::path(put, path = "/api/v1/cards/{id}/switches", tag = "cards",
    params(("id" = String, Path, description = "The card's id")),
    request_body = SwitchesForm,
    responses((status = 200, body = Switches), (status = 404, description = "No such card"),
        (status = 422, description = "A field is not right")))]
pub(super) async fn switches(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let known = ["ecommerce", "moto", "requested_by", "identified_by", "note"];
    let fields = asked.fields(&context, &known).await?;
    let by = by(&fields, &caller)?;
    let (ecommerce, moto) = (fields.optional_flag("ecommerce")?, fields.optional_flag("moto")?);
    let wanted = id.clone();
    let before = context.running()?.shard.query(move |core, _| switches_of(core, &wanted)).await?;
    let before = before.ok_or_else(|| Problem::not_found("card", &id))?;
    let (ecommerce, moto) = (ecommerce.unwrap_or(before.ecommerce), moto.unwrap_or(before.moto));
    let change = CardChange::CardAbsent { ecommerce, moto };
    let command = Command::SetCard { card: id.as_str().into(), change, by };
    let carried_out = context.carry_out(command, None, &id).await?;
    Ok(carried_out.answer(Switches { ecommerce, moto }))
}

fn switches_of(core: &Core, id: &str) -> Option<Switches> {
    let card = core.card(core.directory().card_position(id)?)?;
    Some(Switches { ecommerce: card.ecommerce, moto: card.moto })
}

/// What a card's chip was and will be told.
#[utoipa::path(get, path = "/api/v1/cards/{id}/scripts", tag = "cards",
    params(("id" = String, Path, description = "The card's id")),
    responses((status = 200, body = Scripts), (status = 404, description = "No such card")))]
pub(super) async fn scripts(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<Scripts>, Problem> {
    scripts_now(&context, id).await.map(Json)
}

async fn scripts_now(context: &HttpContext, id: String) -> Result<Scripts, Problem> {
    let wanted = id.clone();
    let found = context.running()?.shard.query(move |core, now| list(core, &wanted, now)).await?;
    found.ok_or_else(|| Problem::not_found("card", &id))
}

fn list(core: &Core, id: &str, now: Moment) -> Option<Scripts> {
    let slot = core.directory().card_position(id)?;
    let scripts = core.card_scripts(slot).iter().map(|script| shown(script, now)).collect();
    Some(Scripts { card: id.to_owned(), scripts })
}

fn shown(script: &CardScript, now: Moment) -> Script {
    let data = match script.kind {
        ScriptKind::PutData { tag, value, length } => {
            let value = value.iter().take(length.into()).map(|byte| format!("{byte:02X}"));
            Some((format!("{tag:04X}"), value.collect::<String>()))
        }
        _ => None,
    };
    let (tag, value) = data.unzip();
    let standing = match script.standing {
        ScriptStanding::Queued => "queued",
        ScriptStanding::Sent => "sent",
        ScriptStanding::Confirmed => "confirmed",
        ScriptStanding::Failed => "failed",
    };
    Script {
        id: script.identifier.to_string(),
        kind: script.kind.name().to_owned(),
        tag,
        value,
        standing: standing.to_owned(),
        queued_at: Moment::new(script.queued_at, now.offset).rfc3339(),
        sent_with: script.sent_with.map(|sequence| sequence.to_string()),
        template: script.sent_with.map(|_| script.template.name().to_owned()),
    }
}

/// Puts a script into a card's queue: it goes with the next answer to its chip.
#[utoipa::path(post, path = "/api/v1/cards/{id}/scripts", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = ScriptForm,
    responses((status = 200, body = Scripts), (status = 404, description = "No such card"),
        (status = 422, description = "A field is not right, or the card has no chip")))]
pub(super) async fn queue(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let known = ["kind", "tag", "value", "requested_by", "identified_by", "note"];
    let fields = asked.fields(&context, &known).await?;
    let change = CardChange::QueueScript { kind: kind_of(&fields)? };
    set(&context, id, (change, by(&fields, &caller)?), key).await
}

/// Takes a script back that has not gone yet.
#[utoipa::path(delete, path = "/api/v1/cards/{id}/scripts/{script}", tag = "cards",
    params(("id" = String, Path, description = "The card's id"),
        ("script" = String, Path, description = "The script's id")),
    responses((status = 200, body = Scripts),
        (status = 422, description = "No such script, or it has gone")))]
pub(super) async fn cancel(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    Segments((id, script)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let identifier = script.parse().map_err(|_| Problem::not_found("script", &script))?;
    let by = OnRequestOf { entered_by: caller.name.into(), ..OnRequestOf::default() };
    set(&context, id, (CardChange::CancelScript { identifier }, by), None).await
}

async fn set(
    context: &HttpContext,
    id: String,
    (change, by): (CardChange, OnRequestOf),
    key: Option<authorization::IdempotencyKey>,
) -> Result<Response, Problem> {
    let command = Command::SetCard { card: id.as_str().into(), change, by };
    let carried_out = context.carry_out(command, key, &id).await?;
    let Done::CardSet = carried_out.done else {
        return Err(Problem::internal("another outcome than of setting a card"));
    };
    Ok(carried_out.answer(scripts_now(context, id).await?))
}

fn kind_of(fields: &Fields) -> Result<ScriptKind, Problem> {
    let name = fields.text("kind")?;
    let simple = [
        ScriptKind::ApplicationBlock,
        ScriptKind::ApplicationUnblock,
        ScriptKind::CardBlock,
        ScriptKind::PinUnblock,
    ];
    let kind = simple.into_iter().find(|kind| kind.name() == name);
    match kind {
        Some(_) if fields.has("tag") || fields.has("value") => {
            Err(Problem::field("tag", "only put_data has a tag and a value"))
        }
        Some(kind) => Ok(kind),
        None if name == "put_data" => put_data(fields),
        None => {
            let names = simple.map(ScriptKind::name).join(", ");
            Err(Problem::field("kind", format!("no such script; there are {names}, put_data")))
        }
    }
}

fn put_data(fields: &Fields) -> Result<ScriptKind, Problem> {
    let tag = fields.text("tag")?;
    let tag = u16::from_str_radix(tag, 16).ok().filter(|_| tag.len() == 4);
    let tag = tag.ok_or_else(|| Problem::field("tag", "must be four hex digits, such as 9F58"))?;
    let wrong = || Problem::field("value", "must be one to eight bytes in hex digits");
    let bytes = hex::decode(fields.text("value")?).map_err(|_| wrong())?;
    let mut value = [0; PUT_DATA_MOST];
    value.get_mut(..bytes.len()).ok_or_else(wrong)?.copy_from_slice(&bytes);
    let length = u8::try_from(bytes.len()).map_err(|_| wrong())?;
    Ok(ScriptKind::PutData { tag, value, length })
}
