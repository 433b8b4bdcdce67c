//! What the address of a request names: no card number in clear (PII-1), and each look at a
//! customer's data in the journal before it is answered (PII-2).
//!
//! Names come from the path and the query as handlers get them, decoded: what is written in another
//! way is the same look.

use super::access::Caller;
use super::context::HttpContext;
use super::fields::Suspects;
use super::permissions::Permission;
use super::problem::Problem;
use authorization::{AccessCommand, Command};
use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts;
use std::time::Instant;

/// Of an id; it goes into the journal.
const ID_MAX: usize = 64;
/// A number that was encoded again and again is looked for so often.
const DECODED_MOST: usize = 4;
/// Parameters of lists that name whose data is looked at.
const SUBJECTS: [&str; 2] = ["card", "account"];

/// The parts of an address that a caller chose.
#[derive(Debug, Default)]
pub(super) struct Named {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Named {
    /// Refuses a clear card number anywhere in the address before anything of it is kept.
    pub(super) async fn of(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, context).await;
        let path = path.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let named = Self { path, query: query(&parts.uri) };
        let mut suspects = Suspects::default();
        for (name, value) in named.path.iter().chain(&named.query) {
            look_through(&mut suspects, "query", name);
            look_through(&mut suspects, name, value);
        }
        suspects.are_none(context).await?;
        Ok(named)
    }

    /// PII-2: on stable storage before anything is shown.
    pub(super) async fn look(
        &self,
        context: &HttpContext,
        caller: &Caller,
        row: &Permission,
    ) -> Result<(), Problem> {
        if let Some(kind) = row.looks_at {
            let id = self.path.iter().find(|(name, _)| name == "id");
            look(context, caller, row, (kind, id.map_or("", |(_, id)| id))).await?;
        }
        let searched = self.query.iter().filter(|(name, value)| {
            row.searches && SUBJECTS.contains(&name.as_str()) && !value.trim().is_empty()
        });
        for (name, value) in searched {
            look(context, caller, row, (name, value.trim())).await?;
        }
        Ok(())
    }
}

async fn look(
    context: &HttpContext,
    caller: &Caller,
    row: &Permission,
    (kind, id): (&str, &str),
) -> Result<(), Problem> {
    let id: String = id.chars().take(ID_MAX).collect();
    let (subject, now) = (format!("{kind} {id}"), Instant::now());
    if !context.looks().is_news(&caller.name, &subject, now) {
        return Ok(());
    }
    let command = AccessCommand::Looked {
        user: caller.name.as_str().into(),
        kind: kind.into(),
        id: id.as_str().into(),
        asked: format!("{} {}", row.method, row.path).into(),
    };
    context.running()?.shard.command(Command::Access(Box::new(command)), None).await?;
    context.looks().journaled_look(&caller.name, &subject, now);
    context.looked(caller, &subject).await;
    Ok(())
}

/// However often it was encoded.
fn look_through(suspects: &mut Suspects, name: &str, text: &str) {
    let mut text = Some(text.to_owned());
    for _ in 0..DECODED_MOST {
        let Some(now) = text else { return };
        suspects.look(name, &now);
        text = decoded(&now);
    }
}

/// A query that can't be read names nothing: who needs one refuses it.
fn query(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

/// With `%39` and the like as what they stand for, once; nothing if there is nothing to decode.
fn decoded(text: &str) -> Option<String> {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some((first, after)) = rest.split_first() {
        let meant = rest.get(1..3).filter(|_| *first == b'%');
        let meant = meant.and_then(|digits| hex::decode(digits).ok());
        out.extend(meant.as_deref().unwrap_or(&[*first]));
        rest = if meant.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    (out.len() < text.len()).then(|| String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_off_one_by_one() {
        assert_eq!(decoded("%2539417"), Some("%39417".to_owned()));
        assert_eq!(decoded("%39417"), Some("9417".to_owned()));
        for plain in ["", "9417", "%", "%4", "%zz", "%+4", "100%"] {
            assert_eq!(decoded(plain), None, "{plain}");
        }
    }
}
