//! Errors as RFC 9457 problem details. What they show of a request is masked where it could be a card
//! number (PII-1): an unknown field's name, an id that is not there, a text that can't be read.

use super::describe::ProblemBody;
use super::order_view::ProblemView;
use crate::card_numbers;
use crate::shard::ShardError;
use authorization::Refusal;
use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;

/// Why a request was not done. In a box, since nearly every function can give one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    status: StatusCode,
    /// The last part of `type`, `urn:tamga:problem:...`.
    kind: &'static str,
    title: &'static str,
    detail: String,
    field: Option<String>,
    rule: Option<&'static str>,
    header: Option<(HeaderName, &'static str)>,
    code: Option<&'static str>,
    values: BTreeMap<&'static str, String>,
    problems: Vec<ProblemView>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let detail = card_numbers::masked(&detail.into()).into_owned();
        let (field, rule, header) = (None, None, None);
        Self(Box::new(Details {
            status,
            kind,
            title,
            detail,
            field,
            rule,
            header,
            code: None,
            values: BTreeMap::new(),
            problems: Vec::new(),
        }))
    }

    /// With a name of this very refusal, and what its sentence names: so that the console says it
    /// in its reader's language.
    pub(super) fn coded<const N: usize>(
        mut self,
        code: &'static str,
        values: [(&'static str, String); N],
    ) -> Self {
        self.0.code = Some(code);
        let masked = |text: String| card_numbers::masked(&text).into_owned();
        self.0.values = values.map(|(name, text)| (name, masked(text))).into();
        self
    }

    pub(super) fn with_rule(mut self, rule: &'static str) -> Self {
        self.0.rule = Some(rule);
        self
    }

    /// With everything that is wrong with an order.
    pub(super) fn with_problems(mut self, problems: Vec<ProblemView>) -> Self {
        self.0.problems = problems.into_iter().map(ProblemView::masked).collect();
        self
    }

    /// Of a kind of its own, for programs.
    pub(super) fn with_kind(mut self, kind: &'static str) -> Self {
        self.0.kind = kind;
        self
    }

    /// What is wrong, in words.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    fn with_field(mut self, field: &str) -> Self {
        self.0.field = Some(short(field));
        self
    }

    fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.header = Some((name, value));
        self
    }

    pub(super) fn recovering() -> Self {
        let detail = "the engine is still recovering its data; try again shortly";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "recovering", "Not ready yet", detail)
            .with_header(header::RETRY_AFTER, "1")
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Who are you?", detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"tamga\"")
    }

    /// A session that can't be used as it is; `kind` tells the console why.
    pub(super) fn session(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, kind, "Log in", detail).with_rule("SIG-4")
    }

    /// Too many attempts.
    pub(super) fn too_many(detail: impl Into<String>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too-many-attempts", "Too many attempts", detail)
            .with_rule("SIG-4")
            .with_header(header::RETRY_AFTER, "60")
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail).with_rule("BLK-3")
    }

    /// The way it was asked can't be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Not understood", detail)
    }

    pub(super) fn too_large(most: usize) -> Self {
        let detail = format!("the body is longer than {most} bytes: send it in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// A field's value is wrong.
    pub(super) fn field(field: &str, detail: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "invalid-field", "A field is not right", detail).with_field(field)
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        let detail = format!("there is no {what} {:?}", short(id));
        Self::new(StatusCode::NOT_FOUND, "not-found", "No such thing", detail)
    }

    pub(super) fn not_found_because(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "No such thing", detail)
    }

    pub(super) fn no_route(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no-route", "Nothing here", detail)
    }

    pub(super) fn method(detail: impl Into<String>) -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method-not-allowed", "Not done here", detail)
    }

    pub(super) fn conflict(detail: impl Into<String>, rule: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Not possible now", detail).with_rule(rule)
    }

    /// Something bounded is full; nothing was done.
    pub(super) fn too_busy(detail: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "overloaded", "Too much work", detail)
            .with_header(header::RETRY_AFTER, "2")
    }

    pub(super) fn key_reused() -> Self {
        let detail = "this Idempotency-Key was used for another request; use a new one";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "idempotency-key-reused", "The key stands for something else", detail)
            .with_field("Idempotency-Key")
    }

    pub(super) fn internal(detail: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault inside", detail)
    }

    pub(super) fn read_model(error: &history::HistoryError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "read-model", "Searching is not possible now", error.to_string())
            .with_header(header::RETRY_AFTER, "2")
    }

    pub(super) fn behind(records: u64) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let detail = format!(
            "the read model is {records} records behind, so it can't say yet; try again shortly"
        );
        Self::new(status, "read-model", "Searching is not possible now", detail)
            .with_header(header::RETRY_AFTER, "2")
    }

    /// Why the core refused a command about the card or account `id`.
    pub(super) fn refused(refusal: Refusal, id: &str) -> Self {
        match refusal {
            Refusal::UnknownCard => Self::not_found("card", id),
            Refusal::UnknownAccount => Self::not_found("account", id),
            Refusal::UnknownTerminal => Self::not_found("terminal", id),
            Refusal::UnknownCustomer => Self::not_found("customer", id),
            Refusal::Hindered(why) => super::personal::hindered(&why),
            Refusal::Dispute(why) => super::disputes::refused(why),
            Refusal::StopList(at) => {
                let detail = format!("entry {at} has ended, or its range overlaps another");
                Self::field("entries", detail).with_rule("BLK-5")
            }
            Refusal::NotListed => {
                let detail = format!("{id:?} is not listed, or was used since; see the list");
                Self::conflict(detail, "BLK-8")
            }
            Refusal::NoRate => Self::conflict("there is no rate to KGS; load one", "AMT-3"),
            Refusal::NotBlockedFor => {
                let detail = format!("card {id:?} is not blocked for that reason");
                Self::new(StatusCode::NOT_FOUND, "not-found", "No such thing", detail)
                    .with_rule("BLK-2")
            }
            Refusal::CannotBeLifted => {
                let detail = "nobody lifts that reason (rule book section 5): the card is reissued";
                Self::conflict(detail, "BLK-2")
            }
            Refusal::AccountClosed => Self::conflict(format!("account {id:?} is closed"), "BLK-7"),
            Refusal::AmountOutOfRange => {
                Self::field("amount", "the balance would no longer fit").with_rule("BAL-5")
            }
            Refusal::DayPast => Self::field("until", "that day is past").with_rule("TOD-4"),
            Refusal::DayToCome => {
                let detail = "that day is still to come; a day is ended when it is over";
                Self::conflict(detail, "TXN-3")
            }
            Refusal::DaysBefore(first) => {
                let detail = format!("days before it have not been ended: {first} is next");
                Self::conflict(detail, "TXN-3")
            }
            Refusal::Order(why) => super::order_refusals::refused(*why, id),
            Refusal::Access(why) => super::users::refused(&why, id),
            Refusal::IdempotencyDiffers => Self::key_reused(),
            Refusal::Rules(errors) => Self::field("text", errors.join("; ")),
            Refusal::Setting { rule, field, detail } => {
                Self::field(&field, detail).with_rule(rule.id())
            }
            Refusal::Rates(faults) => Self::field("rates", faults.join("; ")).with_rule("AMT-3"),
            Refusal::Import(error) => Self::field("items", error),
        }
    }
}

/// Does what waits for the security module beside the connections' own threads.
pub(super) async fn beside<T: Send + 'static, E: std::fmt::Display + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Problem::internal(&error.to_string())),
        Err(_) => Err(Problem::internal("it ended on a fault of the program")),
    }
}

/// What a caller named, masked and cut short, in this order: half a number could not be told any more.
fn short(text: &str) -> String {
    card_numbers::masked(text).chars().take(64).collect()
}

impl From<ShardError> for Problem {
    fn from(error: ShardError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            ShardError::Overloaded => {
                let detail = "nothing was done; try again shortly";
                Self::new(status, "overloaded", "Too much work", detail)
                    .with_header(header::RETRY_AFTER, "1")
            }
            ShardError::Stopped(reason) => {
                let detail = format!(
                    "the engine stopped ({reason}); whether a change took effect is not known: \
                     ask again with the same Idempotency-Key when it is back"
                );
                Self::new(status, "stopped", "The engine has stopped", detail)
                    .with_header(header::RETRY_AFTER, "5")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Details { status, kind, title, detail, field, rule, header, code, values, problems } =
            *self.0;
        let body = ProblemBody {
            kind: format!("urn:tamga:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            field,
            rule: rule.map(str::to_owned),
            code: code.map(str::to_owned),
            values,
            problems,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(CONTENT_TYPE, content_type);
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pii_1_no_error_shows_a_card_number_again() {
        let long = format!("{}9417000000000016", "x".repeat(52));
        let problems = [
            Problem::bad_request("cannot parse \"9417 0000 0000 0016\" to a `u64`"),
            Problem::field("9417000000000016", "is not known"),
            Problem::field(&long, "is not known"),
            Problem::field("id", "9417000000000016 is no id"),
            Problem::not_found("card", "9417000000000016"),
            Problem::not_found("card", &long),
            Problem::not_found_because("no key 9417-0000-0000-0016"),
            Problem::refused(Refusal::Rules(vec!["no bin 9417000000000016".into()]), ""),
            Problem::bad_request("9417000000000016 is no user")
                .coded("user_exists", [("name", "9417000000000016".to_owned())]),
        ];
        for problem in problems {
            let body = problem.clone().into_response().into_body();
            let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            assert!(!digits.contains("94170000000"), "{text}");
            assert!(text.contains("9417") && text.contains("**"), "{text}");
            assert!(!problem.detail().contains("0000000"), "{problem:?}");
        }
    }
}
