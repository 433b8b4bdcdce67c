//! Query strings of lists: read as strictly as bodies.

use super::context::HttpContext;
use super::problem::Problem;
use crate::clock::{Clock, parse_rfc3339};
use crate::suggest::nearest;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use payment_types::{BusinessDate, Timestamp};

/// Rows of a part of a list, if the caller does not say.
const LIMIT_DEFAULT: u32 = 50;
/// Rows of a part of a list at most.
const LIMIT_MAX: u32 = 500;

/// The parameters as they came.
pub(super) struct Params(Vec<(String, String)>);

impl FromRequestParts<HttpContext> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, context).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::bad_request(rejection.body_text())),
        }
    }
}

impl Params {
    /// Refuses names that are not known, and names given twice.
    pub(super) fn known(self, known: &[&str]) -> Result<Self, Problem> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let meant = nearest(name, known.iter().copied());
                let hint = match meant {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!("known are: {}", known.join(", ")),
                };
                return Err(Problem::field(name, format!("this parameter is not known; {hint}")));
            }
            if self.0.iter().take(at).any(|(earlier, _)| earlier == name) {
                return Err(Problem::field(name, "is given twice"));
            }
        }
        Ok(self)
    }

    /// A parameter; an empty one is as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// As [`Params::get`], owned.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// `cursor`: where the part before ended.
    pub(super) fn cursor(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        let cursor = text.parse().map_err(|_| {
            Problem::field("cursor", "must be the `next` of the part before, unchanged")
        })?;
        Ok(Some(cursor))
    }

    /// `limit`: how many rows.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT_DEFAULT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| Problem::field("limit", format!("must be from 1 to {LIMIT_MAX}")))
    }

    /// An instant in RFC 3339, or a day, which stands for its first instant.
    pub(super) fn instant(&self, name: &str, clock: &Clock) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if let Ok(date) = BusinessDate::parse(text) {
            return Ok(Some(clock.start_of(date).at));
        }
        // In a query string `+` means a blank; who forgot to write %2B is understood all the same.
        let instant = parse_rfc3339(text).or_else(|_| parse_rfc3339(&text.replace(' ', "+")));
        instant.map(Some).map_err(|error| Problem::field(name, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn refuses_unknown_and_doubled_names_and_bad_values() {
        let known = &["card", "limit"];
        assert!(params(&[("crad", "K1")]).known(known).is_err());
        assert!(params(&[("card", "K1"), ("card", "K2")]).known(known).is_err());
        assert!(params(&[("card", "K1")]).known(known).is_ok());
        for bad in ["0", "501", "-1", "x"] {
            assert!(params(&[("limit", bad)]).limit().is_err(), "{bad}");
        }
        assert_eq!(params(&[("limit", "")]).limit(), Ok(50));
        assert!(params(&[("cursor", "abc")]).cursor().is_err());
    }

    #[test]
    fn instants_are_moments_or_days() {
        let clock = Clock::test("Asia/Bishkek", Timestamp(0)).unwrap();
        let read = |text| params(&[("from", text)]).instant("from", &clock);
        let monday = parse_rfc3339("2026-11-23T00:00:00+06:00").unwrap();
        assert_eq!(read("2026-11-23"), Ok(Some(monday)));
        assert_eq!(read("2026-11-23T00:00:00+06:00"), Ok(Some(monday)));
        assert_eq!(read("2026-11-23T00:00:00 06:00"), Ok(Some(monday)));
        assert_eq!(read(""), Ok(None));
        assert!(read("yesterday").is_err());
    }
}
