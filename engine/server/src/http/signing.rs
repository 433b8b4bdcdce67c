//! Signing at the edge (SIG-2): what a caller sends becomes a [`Signature`], or a refusal.
//!
//! The core holds the signature against what the order needs; here the factor is checked.

use super::access::Caller;
use super::context::HttpContext;
use super::factors;
use super::fields::Fields;
use super::personal_keys;
use super::problem::Problem;
use super::query::Params;
use crate::access::personal_key;
use crate::clock::Clock;
use crate::config::Config;
use authorization::{CodePurpose, Factor, RefusedBecause, STATEMENT, Signature};
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Whose signatures are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SigningPolicy {
    /// Whether services' tokens may sign.
    pub tokens: bool,
    /// Whether the engine runs in test mode: with test keys or a test clock.
    pub test: bool,
}

impl SigningPolicy {
    /// What the configuration says; tokens sign in test mode where it does not.
    #[must_use]
    pub fn of(config: &Config, clock: &Clock) -> Self {
        let test = config.security.test_keys || clock.is_test();
        Self { tokens: config.orders.service_tokens_sign.unwrap_or(test), test }
    }
}

/// What a signer sends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SignForm {
    /// Whether the statement of legal force was confirmed.
    pub(super) statement_confirmed: bool,
    /// A one-time code.
    pub(super) code: Option<String>,
    /// A personal key, in hex ...
    pub(super) key: Option<String>,
    /// ... and its signature of the digest, in base64.
    pub(super) signature: Option<String>,
}

impl SignForm {
    /// The names of its fields.
    pub(super) const FIELDS: [&'static str; 4] =
        ["statement_confirmed", "code", "key", "signature"];

    pub(super) fn of(fields: &Fields) -> Result<Self, Problem> {
        let text = |name| {
            let text = fields.optional_text(name)?;
            Ok::<_, Problem>(Some(text.to_owned()).filter(|text| !text.is_empty()))
        };
        Ok(Self {
            statement_confirmed: fields.optional_flag("statement_confirmed")?.unwrap_or(false),
            code: text("code")?,
            key: text("key")?,
            signature: text("signature")?,
        })
    }
}

/// What a signer confirms.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatementView {
    /// Which version is confirmed, and stored with the signature.
    version: u16,
    ky: &'static str,
    ru: &'static str,
    en: &'static str,
}

/// The statement of legal force that a signer confirms (SIG-2, 002 annex 2 §1), in its languages.
#[utoipa::path(get, path = "/api/v1/signing/statement", tag = "orders",
    params(("version" = Option<u16>, Query, description = "The one in use if not told")),
    responses((status = 200, body = StatementView),
        (status = 404, description = "No such version")))]
pub(super) async fn statement(_: Caller, params: Params) -> Result<Json<StatementView>, Problem> {
    let params = params.known(&["version"])?;
    let version = match params.get("version") {
        None => STATEMENT,
        Some(text) => text.parse().map_err(|_| Problem::field("version", "must be a number"))?,
    };
    let text = |language| {
        let none = || Problem::not_found("version of the statement", &version.to_string());
        authorization::statement_in(version, language).ok_or_else(none)
    };
    Ok(Json(StatementView { version, ky: text("ky")?, ru: text("ru")?, en: text("en")? }))
}

/// The signature that a form is about to become, before its factor is looked at: so that the core
/// is asked first whether it would take it. Nothing where the form itself is not right.
pub(super) fn provisional(
    context: &HttpContext,
    caller: &Caller,
    form: &SignForm,
    digest: [u8; 32],
) -> Option<Signature> {
    let factor = match (caller.is_person(), &form.code, &form.key) {
        (false, None, None) => Factor::ServiceToken { test: context.running().ok()?.signing.test },
        (true, _, Some(_)) => Factor::personal_key([0; 32], [0; 64]),
        (true, Some(_), None) => Factor::OneTimeCode { step: 0 },
        _ => return None,
    };
    form.statement_confirmed.then(|| signature(caller, factor, digest))
}

fn signature(caller: &Caller, factor: Factor, digest: [u8; 32]) -> Signature {
    Signature {
        signer: caller.name.as_str().into(),
        roles: caller.role_names(),
        factor,
        digest,
        statement: STATEMENT,
    }
}

/// Signs a digest for a caller.
///
/// # Errors
/// Where the statement was not confirmed, or there is no factor that counts for this caller.
pub(super) async fn sign(
    context: &HttpContext,
    caller: &Caller,
    form: &SignForm,
    (digest, purpose): ([u8; 32], CodePurpose),
) -> Result<Signature, Problem> {
    if !form.statement_confirmed {
        let detail = "confirm the statement of legal force: \"statement_confirmed\": true";
        let problem = Problem::field("statement_confirmed", detail).with_rule("SIG-2");
        return Err(problem.coded("statement_not_confirmed", []));
    }
    let factor = if caller.is_person() {
        by_person(context, caller, form, (&digest, purpose)).await?
    } else {
        by_service(context.running()?.signing, form)?
    };
    Ok(signature(caller, factor, digest))
}

fn by_service(policy: SigningPolicy, form: &SignForm) -> Result<Factor, Problem> {
    if form.code.is_some() || form.key.is_some() || form.signature.is_some() {
        let detail = "a token has no one-time codes and no personal key; leave them out";
        return Err(Problem::forbidden(detail).with_rule("SIG-2"));
    }
    if !policy.tokens {
        let detail = "a service's token does not sign here (orders.service_tokens_sign): \
            sign in as a user";
        return Err(Problem::forbidden(detail).with_rule("SIG-2"));
    }
    Ok(Factor::ServiceToken { test: policy.test })
}

/// SIG-2: a one-time code for the simple form, a personal key for the strengthened one.
async fn by_person(
    context: &HttpContext,
    caller: &Caller,
    form: &SignForm,
    (digest, purpose): (&[u8; 32], CodePurpose),
) -> Result<Factor, Problem> {
    let needs = |field: &str, detail: &str| Problem::field(field, detail).with_rule("SIG-2");
    match (&form.code, &form.key, &form.signature) {
        (_, Some(key), Some(signature)) => {
            let key = personal_keys::key_of(key).ok_or_else(|| personal_keys::bad_key("key"))?;
            let bytes = personal_keys::signature_of(signature)
                .ok_or_else(|| needs("signature", "must be 64 bytes in base64"))?;
            by_key(context, caller, (&key, &bytes), (digest, purpose)).await?;
            Ok(Factor::personal_key(key, bytes))
        }
        (_, Some(_), None) => Err(needs("signature", "goes with key")),
        (_, None, Some(_)) => Err(needs("key", "goes with signature")),
        (Some(code), None, None) => {
            let network = &caller.network;
            let step = factors::use_code(context, &caller.name, code, purpose, network).await?;
            Ok(Factor::OneTimeCode { step })
        }
        (None, None, None) => {
            Err(needs("code", "sign with a one-time code, or with a key and its signature"))
        }
    }
}

/// The key must be the user's, approved and not withdrawn, and the signature its own.
async fn by_key(
    context: &HttpContext,
    caller: &Caller,
    (key, signature): (&[u8; 32], &[u8; 64]),
    (digest, purpose): (&[u8; 32], CodePurpose),
) -> Result<(), Problem> {
    let user = factors::user(context.running()?, &caller.name).await?;
    let keys = user.map(|user| user.keys).unwrap_or_default();
    if !keys.iter().any(|held| held.key == *key && held.is_good()) {
        let detail = "is no key of yours that another person approved and nobody withdrew";
        return Err(Problem::field("key", detail).with_rule("SIG-2").coded("key_not_good", []));
    }
    if !personal_key::is_of(key, digest, signature) {
        let because = (RefusedBecause::Signature, purpose);
        factors::wrong(context, Some(&caller.name), because, &caller.network).await?;
        let detail = "is not this key's signature of the order's digest";
        let problem = Problem::field("signature", detail).with_rule("SIG-2");
        return Err(problem.coded("wrong_signature", []));
    }
    Ok(())
}
