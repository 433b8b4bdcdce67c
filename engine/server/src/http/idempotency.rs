//! `Idempotency-Key`: a POST that is sent again has one effect and gets the first answer again.
//!
//! The shard keeps what came of each key (in the journal, so over a restart too); here the key and
//! the request become the two digests it compares.

use super::access::Caller;
use super::problem::Problem;
use crate::shard::Answered;
use authorization::{Done, IdempotencyKey, Outcome};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use sha2::{Digest, Sha256};

/// The caller's key.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// On the answer to a request that had been carried out before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_LENGTH_MAX: usize = 255;

/// The key of a request, if it has one. Keys of different callers never meet.
pub(super) fn key_of(
    headers: &HeaderMap,
    caller: &Caller,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, Problem> {
    let mut given = headers.get_all(HEADER).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(Problem::bad_request("Idempotency-Key is given twice"));
    }
    let is_key = |text: &&str| !text.is_empty() && text.len() <= KEY_LENGTH_MAX;
    let key = value.to_str().ok().filter(is_key).ok_or_else(|| {
        Problem::bad_request(format!(
            "Idempotency-Key must be 1 to {KEY_LENGTH_MAX} visible characters"
        ))
    })?;
    Ok(Some(IdempotencyKey {
        key: digest(&[caller.name.as_bytes(), key.as_bytes()]),
        content: digest(&[method.as_bytes(), path.as_bytes(), body]),
    }))
}

/// The first half of a SHA-256 over the parts, each after its length.
fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    let whole: [u8; 32] = hasher.finalize().into();
    let (mut half, (first, _)) = ([0; 16], whole.split_at(16));
    half.copy_from_slice(first);
    half
}

/// What the command did, or the answer that it was refused; `id` is what it was about.
pub(super) fn done(answered: &Answered, id: &str) -> Result<Done, Problem> {
    match &answered.outcome {
        Outcome::Done(done) => Ok(done.clone()),
        Outcome::Refused(refusal) => Err(Problem::refused(refusal.clone(), id)),
        Outcome::Decided(_) => Err(Problem::internal("a decision in answer to a command")),
    }
}

/// Says on the answer whether it is a first one.
pub(super) fn mark(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"ab", b"c"]));
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
