//! Who asks: a service by its token, or a person by a session.
//!
//! A token is known by its SHA-256 only. The digest of what was sent is compared with every known
//! one in constant time, so neither the token nor its place in the list shows in the time taken.
//! What a caller may do is laid down in `permissions.rs`, and asked in `gate.rs` before any handler
//! runs; handlers only take the caller from here.

use super::asked::Asked;
use super::context::HttpContext;
use super::factors;
use super::problem::Problem;
use crate::access::sessions::SessionId;
use crate::config::{ApiToken, Role};
use authorization::{CodePurpose, Roles};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The second person, where two are needed at once.
pub(super) const APPROVED_BY: HeaderName = HeaderName::from_static("approved-by");

/// How somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// A service's token.
    Token,
    /// A person's session, with two factors.
    Session(SessionId),
}

/// Somebody known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    /// The token's or the user's name: the author of a change.
    pub(super) name: String,
    /// What he may do.
    pub(super) roles: Roles,
    /// How he is known.
    pub(super) via: Via,
    /// The network he asks from.
    pub(super) network: String,
}

/// May read.
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
    /// The service whose token a header carries.
    pub(super) fn by_token(
        headers: &HeaderMap,
        name: &HeaderName,
        tokens: &[ApiToken],
    ) -> Result<Self, Problem> {
        let value = headers.get(name).ok_or_else(|| {
            Problem::unauthorized("log in, or send the header `Authorization: Bearer <token>`")
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
        let (name, roles) = (known.name.clone(), known.roles.iter().copied().collect());
        Ok(Self { name, roles, via: Via::Token, network: String::new() })
    }

    /// The names of its roles.
    pub(super) fn role_names(&self) -> Vec<compact_str::CompactString> {
        self.roles.iter().map(|role| role.name().into()).collect()
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.has(role)
    }

    /// Whether it is a person.
    pub(super) fn is_person(&self) -> bool {
        matches!(self.via, Via::Session(_))
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

/// The second person of a change that needs two: a checker with another name than the first, known
/// by a token (`Bearer <token>`), or by a user's one-time code (`Code <user> <code>`): he stands at
/// the first one's desk and types it himself. The code is good once.
pub(super) async fn second_person(
    asked: &Asked,
    context: &HttpContext,
    first: &Caller,
) -> Result<Caller, Problem> {
    let headers = asked.headers();
    let Some(header) = headers.get(APPROVED_BY) else {
        return Err(Problem::forbidden(
            "this needs two persons: a checker in the header `Approved-By`, by his one-time code \
             (`Code <user> <code>`) or by a token (`Bearer <token>`)",
        )
        .with_rule("SIG-1"));
    };
    let mut words = header.to_str().unwrap_or_default().split_whitespace();
    if words.next() != Some("Code") {
        let second = Caller::by_token(headers, &APPROVED_BY, context.tokens())?;
        is_second(&second.name, second.roles, first)?;
        return Ok(second);
    }
    let (name, code) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let user = factors::user(context.running()?, name).await?;
    // Who is nobody has no code, and is told the same as who has another one.
    let roles = user.map(|user| user.roles);
    if let Some(roles) = roles {
        is_second(name, roles, first)?;
    }
    let network = &first.network;
    let (what, entered_by) = (asked.what().into(), first.name.as_str().into());
    let purpose = CodePurpose::Approval { asked: what, entered_by };
    factors::use_code(context, name, code, purpose, network).await?;
    let roles = roles.unwrap_or_default();
    Ok(Caller { name: name.to_owned(), roles, via: first.via, network: network.clone() })
}

fn is_second(name: &str, roles: Roles, first: &Caller) -> Result<(), Problem> {
    if !roles.has(Role::Checker) {
        return Err(Problem::forbidden("the second person must have the role checker"));
    }
    if name == first.name {
        return Err(Problem::forbidden("the second person must be another one than the first"));
    }
    Ok(())
}

/// Put there by the gate, which lets nobody pass that may not.
fn admitted(parts: &Parts) -> Result<Caller, Problem> {
    let caller = parts.extensions.get::<Caller>().cloned();
    caller.ok_or_else(|| Problem::unauthorized("nobody is known here"))
}

macro_rules! taken_from_the_gate {
    ($($name:ident),+) => {$(
        impl FromRequestParts<HttpContext> for $name {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                _: &HttpContext,
            ) -> Result<Self, Problem> {
                admitted(parts).map(Self)
            }
        }
    )+};
}

taken_from_the_gate!(Reader, Operator, Custodian, KeyCustodian);

impl FromRequestParts<HttpContext> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &HttpContext) -> Result<Self, Problem> {
        admitted(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;

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
            Caller::by_token(&headers, &header::AUTHORIZATION, &tokens)
        };
        assert_eq!(with("Bearer one").unwrap().name, "a");
        assert_eq!(with("bearer  one ").unwrap().name, "a");
        for bad in ["", "one", "Basic one", "Bearer", "Bearer two", "Bearer one two"] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(Caller::by_token(&HeaderMap::new(), &header::AUTHORIZATION, &tokens).is_err());
    }
}
