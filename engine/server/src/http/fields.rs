//! JSON bodies: read strictly, so that a mistyped name is an error and not an omission.

use super::context::HttpContext;
use super::json;
use super::problem::Problem;
use crate::card_numbers;
use crate::suggest::nearest;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use payment_types::Pan;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Longer than any body of the API needs to be.
const BODY_MAX: usize = 64 * 1024;
/// Of one text in a body; it goes into the journal.
const TEXT_MAX: usize = 500;

/// A body as it came: idempotency is about its bytes.
pub(super) struct Body(pub(super) Bytes);

impl Body {
    /// Reads it, unless its length is told and too much: nobody waits for such a body.
    pub(super) async fn read(headers: &HeaderMap, body: axum::body::Body) -> Result<Self, Problem> {
        read_whole(headers, body, BODY_MAX).await.map(Self)
    }
}

impl FromRequest<HttpContext> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &HttpContext) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body).await
    }
}

/// Longest body of bulk data, a part of a file.
const BULK_MAX: usize = 4 << 20;

/// A file or a part of one.
pub(super) struct Bulk(pub(super) Bytes);

impl FromRequest<HttpContext> for Bulk {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &HttpContext) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        read_whole(&parts.headers, body, BULK_MAX).await.map(Self)
    }
}

async fn read_whole(
    headers: &HeaderMap,
    body: axum::body::Body,
    most: usize,
) -> Result<Bytes, Problem> {
    let told = headers.get(axum::http::header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
        return Err(Problem::too_large(most));
    }
    // Without a length told, the only error there can be but a broken connection.
    to_bytes(body, most).await.map_err(|_| Problem::too_large(most))
}

/// Parts of the path, decoded.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<HttpContext> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, context).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

/// The fields of a body that is a JSON object with known names only.
#[derive(Debug)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(body: &Body, known: &[&str]) -> Result<Self, Problem> {
        let Value::Object(fields) = json::read(&body.0)? else {
            return Err(Problem::bad_request("the body must be a JSON object"));
        };
        if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            let meant = nearest(unknown, known.iter().copied());
            let hint = match meant {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("known are: {}", known.join(", ")),
            };
            return Err(Problem::field(unknown, format!("this field is not known; {hint}")));
        }
        Ok(Self(fields))
    }

    /// One text that did not come in a body, to be read by the same rules.
    pub(super) fn of_one(name: &str, text: String) -> Self {
        Self(Map::from_iter([(name.to_owned(), Value::String(text))]))
    }

    /// A single text.
    pub(super) fn one(name: &str, text: &str) -> Self {
        Self(Map::from_iter([(name.to_owned(), Value::from(text))]))
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        match self.optional_text(name)? {
            "" => Err(Problem::field(name, "is missing or empty")),
            text => Ok(text),
        }
    }

    /// A password, as it was typed. Nothing of it comes into an error.
    pub(super) fn secret(&self, name: &str) -> Result<Zeroizing<String>, Problem> {
        match self.0.get(name) {
            Some(Value::String(text)) if text.len() > TEXT_MAX => {
                Err(Problem::field(name, format!("is longer than {TEXT_MAX} bytes")))
            }
            Some(Value::String(text)) if !text.is_empty() => Ok(Zeroizing::new(text.clone())),
            Some(Value::String(_)) | Some(Value::Null) | None => {
                Err(Problem::field(name, "is missing or empty"))
            }
            Some(_) => Err(Problem::field(name, "must be a text in quotes")),
        }
    }

    /// A text, or nothing.
    pub(super) fn optional_text(&self, name: &str) -> Result<&str, Problem> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(""),
            Some(Value::String(text)) => text.trim(),
            Some(_) => return Err(Problem::field(name, "must be a text in quotes")),
        };
        if text.len() > TEXT_MAX {
            return Err(Problem::field(name, format!("is longer than {TEXT_MAX} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(Problem::field(name, "holds control characters"));
        }
        Ok(text)
    }

    /// Takes a card number out, if it is there.
    pub(super) fn take_number(&mut self, name: &str) -> Result<Option<Pan>, Problem> {
        let wrong = || Problem::field(name, "must be a card number, digits only");
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(digits)) => {
                let digits = zeroize::Zeroizing::new(digits);
                Pan::from_ascii(digits.trim().as_bytes()).map(Some).map_err(|_| wrong())
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A whole number in a range, or nothing.
    pub(super) fn optional_whole(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_u64().filter(|number| range.contains(number));
                let (least, most) = range.into_inner();
                let wrong = || Problem::field(name, format!("must be from {least} to {most}"));
                number.map(Some).ok_or_else(wrong)
            }
        }
    }

    /// `true` or `false`, or nothing.
    pub(super) fn optional_flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Problem::field(name, "must be true or false")),
        }
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// A value as it came, if it is there.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A list that must be there.
    pub(super) fn list(&self, name: &str) -> Result<&[Value], Problem> {
        match self.0.get(name) {
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Problem::field(name, "must be a list")),
            None => Err(Problem::field(name, "is missing")),
        }
    }

    /// Refuses a clear card number of a network of ours anywhere in the body: what people write
    /// into a note is journaled for years (PII-1).
    pub(super) async fn without_card_numbers(self, context: &HttpContext) -> Result<Self, Problem> {
        let mut suspects = Suspects::default();
        for (name, value) in &self.0 {
            each_text(value, &mut |text| suspects.look(name, text));
        }
        suspects.are_none(context).await?;
        Ok(self)
    }
}

/// What could be a card number, and in which field.
#[derive(Default)]
pub(super) struct Suspects(Vec<(String, u64)>);

impl Suspects {
    /// Looks through a field's text.
    pub(super) fn look(&mut self, name: &str, text: &str) {
        let found = card_numbers::find(text).into_iter();
        self.0.extend(found.map(|found| (name.to_owned(), found.prefix)));
    }

    /// Refuses those that begin as cards of a network of ours do.
    pub(super) async fn are_none(self, context: &HttpContext) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let is_card = move |state: &authorization::State, _| {
            self.0.into_iter().find(|(_, prefix)| state.plan().network_of(*prefix).is_some())
        };
        match context.running()?.shard.query(is_card).await? {
            None => Ok(()),
            Some((name, _)) => {
                let detail = "holds a card number; write it as 941700******0016";
                Err(Problem::field(&name, detail).with_rule("PII-1"))
            }
        }
    }
}

/// Every text in a value, names of fields among them.
fn each_text(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(list) => list.iter().for_each(|value| each_text(value, found)),
        Value::Object(table) => {
            for (name, value) in table {
                found(name);
                each_text(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Result<Fields, Problem> {
        Fields::parse(&Body(Bytes::from_static(text.as_bytes())), &["amount", "reference"])
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let problem = format!("{:?}", parse(r#"{"amuont":"1.00"}"#).unwrap_err());
        assert!(problem.contains("amuont") && problem.contains("amount\\\""), "{problem}");
        for bad in ["", "[]", "\"x\"", "{", "{\"amount\":\"1\"}}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let fields = parse(r#"{"amount":1,"reference":" "}"#).unwrap();
        assert!(fields.text("amount").is_err(), "numbers are not amounts");
        assert!(fields.text("reference").is_err(), "blanks are nothing");
        assert_eq!(fields.optional_text("reference"), Ok(""));
        assert!(parse("{\"reference\":\"a\\u0000b\"}").unwrap().text("reference").is_err());
    }
}
