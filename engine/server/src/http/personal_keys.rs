//! Keys people sign with (SIG-2): brought with proof that one has the secret half, good once
//! another person has said so, withdrawn at any time.

use super::access::Caller;
use super::asked::Asked;
use super::context::HttpContext;
use super::factors;
use super::fields::Segments;
use super::problem::Problem;
use super::users::{of_access, view};
use crate::access::personal_key;
use crate::users::UserView;
use authorization::{AccessCommand, CodePurpose, RefusedBecause};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

/// A public key and the proof that one has its secret half.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // Read field by field, so that errors name the field; this is its description.
pub(super) struct KeyForm {
    /// Ed25519, 64 hex digits.
    key: String,
    /// What one calls it: the office computer, say.
    label: Option<String>,
    /// The key's signature, in base64, of `tamga personal key v1`, the user's name and the key in
    /// hex, a line each, without a line end after the last.
    proof: String,
}

/// Brings a key of one's own; another person approves it before it signs.
#[utoipa::path(post, path = "/api/v1/session/keys", tag = "users", request_body = KeyForm,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = UserView),
        (status = 403, description = "Without a session or its X-CSRF-Token"),
        (status = 409, description = "The key is known, or there are too many"),
        (status = 422, description = "The proof is not of this key and user")))]
pub(super) async fn add(
    State(context): State<HttpContext>,
    caller: Caller,
    asked: Asked,
) -> Result<Response, Problem> {
    let asked_once = asked.key(&caller)?;
    let fields = asked.fields(&context, &["key", "label", "proof"]).await?;
    let key = key_of(fields.text("key")?).ok_or_else(|| bad_key("key"))?;
    let proof = signature_of(fields.text("proof")?);
    let text = personal_key::possession_text(&caller.name, &key);
    if !proof.is_some_and(|proof| personal_key::is_of(&key, &text, &proof)) {
        let because = (RefusedBecause::Signature, CodePurpose::PersonalKey);
        factors::wrong(&context, Some(&caller.name), because, &caller.network).await?;
        let detail = "is not this key's signature over the user's name and the key";
        return Err(Problem::field("proof", detail).with_rule("SIG-2"));
    }
    let (user, label) = (caller.name.as_str().into(), fields.optional_text("label")?.into());
    let command = of_access(AccessCommand::AddKey { user, key, label });
    let carried = context.carry_out(command, asked_once, &caller.name).await?;
    Ok(carried.answer(view(&context, &caller.name).await?))
}

/// Withdraws a key of one's own.
#[utoipa::path(delete, path = "/api/v1/session/keys/{key}", tag = "users",
    params(("key" = String, Path, description = "The public key, hex"),
        ("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses((status = 200, body = UserView),
        (status = 403, description = "Without a session or its X-CSRF-Token"),
        (status = 404, description = "No such key")))]
pub(super) async fn withdraw_own(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments(key): Segments<String>,
) -> Result<Json<UserView>, Problem> {
    let name = caller.name.clone();
    end(&context, &caller, &name, &key).await
}

/// Confirms, as another person, that a key is the user's.
#[utoipa::path(post, path = "/api/v1/users/{id}/keys/{key}/approval", tag = "users",
    params(("id" = String, Path, description = "The user's name"),
        ("key" = String, Path, description = "The public key, hex"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = UserView), (status = 404, description = "No such key"),
        (status = 403, description = "Not another person, or without the role")))]
pub(super) async fn approve(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments((id, key)): Segments<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = key_of(&key).ok_or_else(|| Problem::not_found("key", &key))?;
    let (user, by) = (id.as_str().into(), caller.name.as_str().into());
    let command = of_access(AccessCommand::ApproveKey { user, key, by });
    let carried = context.carry_out(command, asked.key(&caller)?, &id).await?;
    Ok(carried.answer(view(&context, &id).await?))
}

/// Withdraws a user's key: it signs nothing any more; what it signed stays signed.
#[utoipa::path(delete, path = "/api/v1/users/{id}/keys/{key}", tag = "users",
    params(("id" = String, Path, description = "The user's name"),
        ("key" = String, Path, description = "The public key, hex")),
    responses((status = 200, body = UserView), (status = 404, description = "No such key"),
        (status = 403, description = "Without the role security_officer")))]
pub(super) async fn withdraw(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments((id, key)): Segments<(String, String)>,
) -> Result<Json<UserView>, Problem> {
    end(&context, &caller, &id, &key).await
}

async fn end(
    context: &HttpContext,
    caller: &Caller,
    id: &str,
    key: &str,
) -> Result<Json<UserView>, Problem> {
    let key = key_of(key).ok_or_else(|| Problem::not_found("key", key))?;
    let (user, by) = (id.into(), caller.name.as_str().into());
    factors::must(context.running()?, AccessCommand::WithdrawKey { user, key, by }, id).await?;
    view(context, id).await.map(Json)
}

/// Hex.
pub(super) fn key_of(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

/// Base64, or hex.
pub(super) fn signature_of(text: &str) -> Option<[u8; 64]> {
    use base64::Engine as _;
    let bytes = match text.len() {
        128 => hex::decode(text).ok(),
        _ => base64::engine::general_purpose::STANDARD.decode(text).ok(),
    };
    bytes?.try_into().ok()
}

pub(super) fn bad_key(field: &str) -> Problem {
    Problem::field(field, "must be an Ed25519 public key, 64 hex digits").with_rule("SIG-2")
}
