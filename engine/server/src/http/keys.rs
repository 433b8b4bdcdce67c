//! `/keys`: the keys by name, and what is done with them. Key material is only ever taken in
//! (a custodian's component, a key block) or handed out in a key block under another key.

use super::access::{KeyCustodian, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::Fields;
use super::idempotency;
use super::json;
use super::problem::Problem;
use crate::keys::orders::CHANGES;
use crate::keys::{KeyDone, KeyRequest, KeysView, NO_STORE, journaled};
use authorization::{Done, KeyEvent, Outcome};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use payment_types::Moment;
use security::{KeyLife, KeyRefusal, RefusalKind};
use std::sync::Arc;

/// The keys by name with their versions, check values and dates, and the ceremonies that run.
/// Never key material.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys",
    responses((status = 200, body = KeysView),
        (status = 409, description = "The security module keeps its keys with its own tools")))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<KeysView>, Problem> {
    let running = context.running()?;
    let life = running.security.key_life().ok_or_else(no_store)?;
    let now = running.clock.now();
    life.advance(now.at);
    Ok(Json(KeysView::of(&life.list(), now)))
}

/// Makes, brings in, rotates, hands out, retires or destroys a key; begins a ceremony, gives a
/// component of one, or cancels it. Journaled before it is done, under the token's name. Sent
/// again with the same `Idempotency-Key` it is answered as before and not done again; without one it
/// is refused, since it was done.
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = KeyDone),
        (status = 403, description = "The token does not have the role key_custodian, or the \
            person gave a component already"),
        (status = 404, description = "No such key, version or ceremony"),
        (status = 409, description = "It does not go with what there is"),
        (status = 422, description = "What is wrong, with the field")))]
pub(super) async fn change(
    State(context): State<HttpContext>,
    KeyCustodian(caller): KeyCustodian,
    asked: Asked,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let request: KeyRequest = serde_json::from_value(json::read(asked.body())?)
        .map_err(|error| Problem::field("body", error.to_string()))?;
    // Of the rest, components and blocks are hex digits, and none of it is journaled.
    Fields::one("name", &request.name).without_card_numbers(&context).await?;
    let _only_one = CHANGES.lock().await;
    let security = Arc::clone(&running.security);
    let life = security.key_life().ok_or_else(no_store)?;
    let now = running.clock.now();
    life.advance(now.at);
    let key = asked.key(&caller)?;
    if let Some(wanted) = key
        && let Some(before) = running.shard.query(move |core, _| core.recall(&wanted)).await?
    {
        let event = noted(before)?;
        let shown = again(life, &request, &event, (&caller.name, now))?;
        return Ok(idempotency::mark(Json(shown).into_response(), true));
    }
    let change = request.change(life, now.offset).map_err(refused)?;
    let mut prepared = life.prepare(&change, &caller.name, now.at).map_err(refused)?;
    let (facts, refusal) = (prepared.facts.clone(), prepared.refusal.clone());
    let store = life.stage(&mut prepared).map_err(refused)?;
    running.shard.command(journaled(&facts, &caller.name, &store), key).await?;
    let writing = Arc::clone(&security);
    let completed = tokio::task::spawn_blocking(move || match writing.key_life() {
        Some(life) => life.complete(prepared),
        None => Err(KeyRefusal::conflict("store", "the module has no store")),
    });
    let completed = completed.await.map_err(|_| Problem::internal("the key store's writer"))?;
    let completed = completed.map_err(refused)?;
    crate::keys::watch::tick(security.as_ref(), now);
    match refusal {
        Some(refusal) => Err(refused(refusal)),
        None => Ok(Json(KeyDone::of(&facts, completed.block)).into_response()),
    }
}

/// What the journal has of a change that was asked for with the same `Idempotency-Key` before.
fn noted(before: Outcome) -> Result<Box<KeyEvent>, Problem> {
    match before {
        Outcome::Done(Done::KeyNoted(event)) => Ok(event),
        Outcome::Refused(refusal) => Err(Problem::refused(refusal, "")),
        _ => Err(Problem::internal("another outcome than that of a key")),
    }
}

/// Its answer. A key block that was handed out is not kept: it is made once more.
fn again(
    life: &dyn KeyLife,
    request: &KeyRequest,
    event: &KeyEvent,
    (by, now): (&str, Moment),
) -> Result<KeyDone, Problem> {
    if event.action == "ceremony_failed" {
        let message = "the components gave another key than the check value says; all were wiped";
        return Err(Problem::field("component", message));
    }
    let mut block = None;
    if event.action == "exported" {
        let change = request.change(life, now.offset).map_err(refused)?;
        let prepared = life.prepare(&change, by, now.at).map_err(refused)?;
        block = life.complete(prepared).map_err(refused)?.block;
    }
    Ok(KeyDone::again(event, block))
}

fn no_store() -> Problem {
    Problem::conflict(NO_STORE, "SEC-2")
}

pub(super) fn refused(refusal: KeyRefusal) -> Problem {
    match refusal.kind {
        RefusalKind::NotFound => Problem::not_found_because(refusal.message),
        RefusalKind::Conflict => Problem::conflict(refusal.message, "SIG-1"),
        RefusalKind::Invalid => Problem::field(refusal.field, refusal.message),
        RefusalKind::Forbidden => Problem::forbidden(refusal.message),
        RefusalKind::Storage => Problem::internal(&refusal.message),
    }
}
