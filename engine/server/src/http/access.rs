//! Who asks, and what a role may do (BLK-3).
//!
//! A token is known by its SHA-256 only. The digest of what was sent is compared with every known
//! one in constant time, so neither the token nor its place in the list shows in the time taken.

use super::context::HttpContext;
use super::problem::Problem;
use crate::config::{ApiToken, Role};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The second person's token, where two are needed.
pub(super) const APPROVED_BY: HeaderName = HeaderName::from_static("approved-by");

/// Somebody with a known token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The token's name: the author of a change.
    pub(super) name: String,
    roles: Vec<Role>,
}

/// May read: every role.
#[derive(Debug, Clone)]
pub(super) struct Reader(pub(super) Caller);

/// May change what an operator may.
#[derive(Debug, Clone)]
pub(super) struct Operator(pub(super) Caller);

/// May see personal data in clear, and erase it (PII-2, PII-3).
#[derive(Debug, Clone)]
pub(super) struct Custodian(pub(super) Caller);

/// May bring in, rotate and destroy keys.
#[derive(Debug, Clone)]
pub(super) struct KeyCustodian(pub(super) Caller);

impl Caller {
    fn of(headers: &HeaderMap, name: &HeaderName, tokens: &[ApiToken]) -> Result<Self, Problem> {
        let value = headers.get(name).ok_or_else(|| {
            Problem::unauthorized("send the header `Authorization: Bearer <token>`")
        })?;
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| Problem::unauthorized("the header is not `Bearer <token>`"))?;
        let known = find(tokens, token.as_bytes());
        let known = known.ok_or_else(|| Problem::unauthorized("the token is not known"))?;
        Ok(Self { name: known.name.clone(), roles: known.roles.clone() })
    }

    /// The names of its roles.
    pub(super) fn role_names(&self) -> Vec<compact_str::CompactString> {
        self.roles.iter().map(|role| role.name().into()).collect()
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Looks at every token whatever it found before.
fn find<'t>(tokens: &'t [ApiToken], token: &[u8]) -> Option<&'t ApiToken> {
    let digest: [u8; 32] = Sha256::digest(token).into();
    tokens.iter().fold(None, |found, candidate| {
        let same: Choice = candidate.sha256.ct_eq(&digest);
        if bool::from(same) { Some(candidate) } else { found }
    })
}

/// The second person of a change that needs two: a checker with another name than the first.
pub(super) fn second_person(
    headers: &HeaderMap,
    context: &HttpContext,
    first: &Caller,
) -> Result<Caller, Problem> {
    if !headers.contains_key(APPROVED_BY) {
        return Err(Problem::forbidden(
            "this needs two persons: a checker's token in the header `Approved-By: Bearer <token>`",
        ));
    }
    let second = Caller::of(headers, &APPROVED_BY, context.tokens())?;
    if !second.has(Role::Checker) {
        return Err(Problem::forbidden("the second person must have the role checker"));
    }
    if second.name == first.name {
        return Err(Problem::forbidden("the second person must be another one than the first"));
    }
    Ok(second)
}

impl FromRequestParts<HttpContext> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        Caller::of(&parts.headers, &header::AUTHORIZATION, context.tokens()).map(Self)
    }
}

impl FromRequestParts<HttpContext> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        let caller = Caller::of(&parts.headers, &header::AUTHORIZATION, context.tokens())?;
        if caller.has(Role::Operator) {
            return Ok(Self(caller));
        }
        Err(Problem::forbidden(format!("{:?} does not have the role operator", caller.name)))
    }
}

impl FromRequestParts<HttpContext> for Custodian {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        let caller = Caller::of(&parts.headers, &header::AUTHORIZATION, context.tokens())?;
        if caller.has(Role::Privacy) {
            return Ok(Self(caller));
        }
        let detail = format!("{:?} does not have the role privacy", caller.name);
        Err(Problem::forbidden(detail).with_rule("PII-2"))
    }
}

impl FromRequestParts<HttpContext> for KeyCustodian {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        let caller = Caller::of(&parts.headers, &header::AUTHORIZATION, context.tokens())?;
        if caller.has(Role::KeyCustodian) {
            return Ok(Self(caller));
        }
        let detail = format!("{:?} does not have the role key_custodian", caller.name);
        Err(Problem::forbidden(detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, secret: &str, roles: &[Role]) -> ApiToken {
        let sha256 = Sha256::digest(secret.as_bytes()).into();
        ApiToken { name: name.into(), sha256, roles: roles.to_vec() }
    }

    #[test]
    fn a_token_is_found_by_its_digest_only() {
        let tokens = [token("a", "one", &[Role::Auditor]), token("b", "two", &[Role::Operator])];
        assert_eq!(find(&tokens, b"two").map(|token| token.name.as_str()), Some("b"));
        assert_eq!(find(&tokens, b"one").map(|token| token.name.as_str()), Some("a"));
        for unknown in ["", "on", "ones", "b", "ONE"] {
            assert_eq!(find(&tokens, unknown.as_bytes()), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_no_bearer_token_is_refused() {
        let tokens = [token("a", "one", &[Role::Auditor])];
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            Caller::of(&headers, &header::AUTHORIZATION, &tokens)
        };
        assert_eq!(with("Bearer one").unwrap().name, "a");
        assert_eq!(with("bearer  one ").unwrap().name, "a");
        for bad in ["", "one", "Basic one", "Bearer", "Bearer two", "Bearer one two"] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(Caller::of(&HeaderMap::new(), &header::AUTHORIZATION, &tokens).is_err());
    }
}
