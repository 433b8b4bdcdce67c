//! `/audit`: who changed what, when, on whose request (BLK-3).

use super::access::Reader;
use super::context::HttpContext;
use super::describe::{AuditEntry, Page};
use super::problem::Problem;
use super::query::Params;
use super::transactions::paged;
use axum::extract::State;
use axum::response::Response;

/// What entries are about, and searched by.
const SUBJECTS: [&str; 5] = ["card", "account", "customer", "terminal", "user"];

/// What staff and the engine did, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit",
    params(("card" = Option<String>, Query, description = "About this card, by id"),
        ("account" = Option<String>, Query, description = "About this account, by id"),
        ("customer" = Option<String>, Query, description = "About this customer, by id"),
        ("terminal" = Option<String>, Query, description = "About this terminal, by DE 41"),
        ("user" = Option<String>, Query,
            description = "About this user's access, whoever did it; orders about his rights too"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<AuditEntry>)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&[SUBJECTS.as_slice(), &["cursor", "limit"]].concat())?;
    let (before, limit) = (params.cursor()?, params.limit()?);
    let mut asked = SUBJECTS.into_iter().filter_map(|kind| params.text(kind).map(|id| (kind, id)));
    let subject = asked.next();
    if let Some((other, _)) = asked.next() {
        return Err(Problem::field(
            other,
            "ask about one card, account, customer, terminal or user",
        ));
    }
    let search = move |history: &history::History| {
        let subject = subject.as_ref().map(|(kind, id)| (*kind, id.as_str()));
        history.audit(subject, before, limit)
    };
    let (found, behind) = context.search(search).await?;
    Ok(paged(found, behind, show))
}

fn show(row: history::AuditEntry) -> AuditEntry {
    let of = |kind: &str| {
        row.subject.as_ref().filter(|(known, _)| known == kind).map(|(_, id)| id.clone())
    };
    let details: serde_json::Value = serde_json::from_str(&row.details).unwrap_or_default();
    // An order about the rights of one person is about him; of several they are in the details.
    let only = || match details["users"].as_array().map(Vec::as_slice) {
        Some([only]) => only.as_str().map(str::to_owned),
        _ => None,
    };
    AuditEntry {
        id: row.sequence.to_string(),
        at: row.moment.rfc3339(),
        card: of("card"),
        account: of("account"),
        customer: of("customer"),
        terminal: of("terminal"),
        user: of("user").or_else(only),
        action: row.action,
        entered_by: row.entered_by,
        refused: row.refused,
        details,
    }
}
