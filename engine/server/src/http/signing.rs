//! Signing at the edge (SIG-2): what a caller sends becomes a [`Signature`], or a refusal.
//!
//! The core holds the signature against what the order needs; here the factor is checked.

use super::access::Caller;
use super::context::HttpContext;
use super::fields::Fields;
use super::problem::Problem;
use crate::clock::Clock;
use crate::config::Config;
use authorization::{Factor, STATEMENT, Signature};

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
#[allow(dead_code)] // The routes of orders come next.
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

#[allow(dead_code)]
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

/// Signs a digest for a caller.
///
/// # Errors
/// Where the statement was not confirmed, or there is no factor that counts for this caller.
#[allow(dead_code)]
pub(super) async fn sign(
    context: &HttpContext,
    caller: &Caller,
    form: &SignForm,
    digest: [u8; 32],
) -> Result<Signature, Problem> {
    if !form.statement_confirmed {
        let detail = "confirm the statement of legal force: \"statement_confirmed\": true";
        return Err(Problem::field("statement_confirmed", detail).with_rule("SIG-2"));
    }
    let policy = context.running()?.signing;
    if form.code.is_some() || form.key.is_some() || form.signature.is_some() {
        let detail = "a token has no one-time codes and no personal key; leave them out";
        return Err(Problem::forbidden(detail).with_rule("SIG-2"));
    }
    if !policy.tokens {
        let detail = "a service's token does not sign here (orders.service_tokens_sign): \
            sign in as a user";
        return Err(Problem::forbidden(detail).with_rule("SIG-2"));
    }
    Ok(Signature {
        signer: caller.name.as_str().into(),
        roles: caller.role_names(),
        factor: Factor::ServiceToken { test: policy.test },
        digest,
        statement: STATEMENT,
    })
}
