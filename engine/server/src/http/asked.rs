//! A change that somebody asks for: its body read strictly, its `Idempotency-Key`, and the answer
//! once the shard carried it out. Every handler that changes something goes through here, so that
//! none forgets to refuse card numbers or to recognise what was sent twice.

use super::access::Caller;
use super::context::HttpContext;
use super::fields::{Body, Fields};
use super::idempotency;
use super::problem::Problem;
use super::routes::API;
use authorization::{Command, Done, IdempotencyKey};
use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use payment_types::Pan;
use serde::Serialize;

/// The request of a change.
pub(super) struct Asked {
    parts: Parts,
    body: Body,
}

impl FromRequest<HttpContext> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, context: &HttpContext) -> Result<Self, Problem> {
        // While the engine recovers nothing can be changed, whatever the body says.
        context.running()?;
        let (parts, body) = request.into_parts();
        let body = Body::read(&parts.headers, body).await?;
        Ok(Self { parts, body })
    }
}

impl Asked {
    /// The fields of its body; other names and clear card numbers are refused (PII-1).
    pub(super) async fn fields(
        &self,
        context: &HttpContext,
        known: &[&str],
    ) -> Result<Fields, Problem> {
        Fields::parse(&self.body, known)?.without_card_numbers(context).await
    }

    /// As [`Asked::fields`], where one field may be a card number: that is taken out first. Nothing
    /// made of such a body may be kept, its `Idempotency-Key` neither.
    pub(super) async fn fields_and_number(
        &self,
        context: &HttpContext,
        known: &[&str],
        number: &str,
    ) -> Result<(Fields, Option<Pan>), Problem> {
        let mut fields = Fields::parse(&self.body, known)?;
        let pan = fields.take_number(number)?;
        Ok((fields.without_card_numbers(context).await?, pan))
    }

    /// Its `Idempotency-Key`, if it has one.
    pub(super) fn key(&self, caller: &Caller) -> Result<Option<IdempotencyKey>, Problem> {
        let (method, path) = (self.parts.method.as_str(), self.parts.uri.path());
        idempotency::key_of(&self.parts.headers, caller, method, path, &self.body.0)
    }

    /// Its body as it came, for who reads it with a form of its own.
    pub(super) fn body(&self) -> &[u8] {
        &self.body.0
    }

    /// What is asked, for the audit: method and path below the API's root.
    pub(super) fn what(&self) -> String {
        let path = self.parts.uri.path();
        format!("{} {}", self.parts.method, path.strip_prefix(API).unwrap_or(path))
    }

    /// Its headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }
}

/// What the shard did, now or when it was asked for the first time.
pub(super) struct CarriedOut {
    /// The outcome.
    pub(super) done: Done,
    replayed: bool,
}

impl CarriedOut {
    /// Whether it had been carried out before, under the same key.
    pub(super) const fn is_repeat(&self) -> bool {
        self.replayed
    }

    /// The answer, which says whether it is a first one.
    pub(super) fn answer(&self, shown: impl Serialize) -> Response {
        idempotency::mark(Json(shown).into_response(), self.replayed)
    }
}

impl HttpContext {
    /// Has the shard carry out a command; `about` is the id a refusal names.
    pub(super) async fn carry_out(
        &self,
        command: Command,
        key: Option<IdempotencyKey>,
        about: &str,
    ) -> Result<CarriedOut, Problem> {
        let answered = self.running()?.shard.command(command, key).await?;
        let done = idempotency::done(&answered, about)?;
        Ok(CarriedOut { done, replayed: answered.replayed })
    }
}
