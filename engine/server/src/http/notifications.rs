//! `/notifications`: the outbox, from which messages to customers are sent.

use super::access::Reader;
use super::context::HttpContext;
use super::describe::{Notification, Page};
use super::money;
use super::problem::Problem;
use super::query::Params;
use super::transactions::paged;
use axum::extract::State;
use axum::response::Response;

/// What customers are to be told, newest first.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications",
    params(("account" = Option<String>, Query, description = "About this account, by id"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<Notification>)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&["account", "cursor", "limit"])?;
    let (before, limit) = (params.cursor()?, params.limit()?);
    let account = params.text("account");
    let search =
        move |history: &history::History| history.notifications(account.as_deref(), before, limit);
    let (found, behind) = context.search(search).await?;
    Ok(paged(found, behind, show))
}

fn show(row: history::Notification) -> Notification {
    Notification {
        id: row.id.to_string(),
        at: row.moment.rfc3339(),
        kind: row.kind,
        account: row.account,
        customer: row.customer,
        amount: money::text(row.amount, row.currency),
        currency: row.currency.to_string(),
        due_on: row.due_on.to_string(),
    }
}
