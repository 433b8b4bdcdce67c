//! `/stop-list`: cards and ranges that are to be picked up (BLK-5).

use super::access::{Operator, Reader};
use super::context::HttpContext;
use super::describe::{StopListEntry, StopListView};
use super::fields::Bulk;
use super::problem::Problem;
use super::query::Params;
use crate::stop_list::{StopListSummary, read, refused};
use authorization::{Command, Done, OnRequestOf, Outcome, Refusal};
use axum::Json;
use axum::extract::State;

/// Entries and wrong lines shown.
const SHOWN: usize = 500;

/// The list as it stands: how many entries, and the first of them.
#[utoipa::path(get, path = "/api/v1/stop-list", tag = "cards",
    responses((status = 200, body = StopListView)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<StopListView>, Problem> {
    let look = |state: &authorization::State, _| {
        let list = state.stop_list();
        let code = |special| if special { "07" } else { "04" };
        let ranges = list.ranges().map(|((from, to), terms)| StopListEntry {
            card: None,
            from: Some(format!("{from:08}")),
            to: Some(format!("{to:08}")),
            until: terms.until.to_string(),
            code: code(terms.special).to_owned(),
        });
        let cards = list.cards().map(|(masked, terms)| StopListEntry {
            card: Some(masked.to_string()),
            from: None,
            to: None,
            until: terms.until.to_string(),
            code: code(terms.special).to_owned(),
        });
        StopListView { entries: list.len(), items: ranges.chain(cards).take(SHOWN).collect() }
    };
    Ok(Json(context.running()?.shard.query(look).await?))
}

/// Entries from a file, all of them or none; binding when answered (BLK-1). The body is CSV with a
/// header: `card` or `from` and `to`, `until`, `code`, `action`.
#[utoipa::path(post, path = "/api/v1/stop-list", tag = "cards",
    params(("file" = Option<String>, Query, description = "The file's name")),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = StopListSummary),
        (status = 422, description = "What is wrong, by line; nothing was changed")))]
pub(super) async fn put(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    params: Params,
    body: Bulk,
) -> Result<Json<StopListSummary>, Problem> {
    let running = context.running()?;
    let params = params.known(&["file"])?;
    let file = params.get("file").unwrap_or("body").chars().take(200).collect::<String>();
    let wrong = |lines: &[String]| {
        let lines: Vec<String> =
            lines.iter().take(SHOWN).map(|line| format!("{file}:{line}")).collect();
        Problem::field("body", lines.join("\n")).with_rule("BLK-5")
    };
    let text = std::str::from_utf8(&body.0).map_err(|_| wrong(&["1: not UTF-8".to_owned()]))?;
    let entries = read(text, running.security.as_ref()).map_err(|lines| wrong(&lines))?;
    let lines = entries.lines;
    let by = OnRequestOf { entered_by: caller.name.into(), ..OnRequestOf::default() };
    let command = Command::StopList { file: file.as_str().into(), actions: entries.actions, by };
    match running.shard.command(command, None).await?.outcome {
        Outcome::Done(Done::StopListChanged(done)) => Ok(Json(done.into())),
        Outcome::Refused(Refusal::StopList(at)) => Err(wrong(&[refused(&lines, at)])),
        _ => Err(Problem::internal("another outcome than the stop-list's")),
    }
}
