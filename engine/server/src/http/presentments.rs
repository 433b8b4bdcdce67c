//! `/presentments`: clearing files, taken in and listed.

use super::access::{Operator, Reader};
use super::context::HttpContext;
use super::describe::{Page, PresentmentEntry};
use super::fields::Bulk;
use super::money;
use super::problem::Problem;
use super::query::Params;
use super::transactions::paged;
use crate::clearing::{Format, Presented, read};
use crate::wire::load_dialect;
use authorization::{Command, Outcome};
use axum::Json;
use axum::extract::State;
use axum::response::Response;

/// Wrong lines told in an answer.
const SHOWN: usize = 50;
/// Longest name of a file.
const NAME_MAX: usize = 200;

/// Takes in a clearing file or a part of one (TOD-1, TXN-4): the body is CSV with its header or,
/// with `dialect` and `framing`, framed messages. All or nothing: a malformed record refuses the
/// body, with its line. Sent again it books nothing again, since every reference is booked once.
#[utoipa::path(post, path = "/api/v1/presentments", tag = "clearing",
    params(("file" = String, Query, description = "The file's name"),
        ("first" = Option<u32>, Query,
            description = "The line, or message, of the first record in the body"),
        ("dialect" = Option<String>, Query, description = "A shipped dialect: not CSV"),
        ("framing" = Option<String>, Query, description = "Of the messages; u16be if not told"),
        ("check" = Option<bool>, Query, description = "Only says whether it is well formed")),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Presented),
        (status = 422, description = "Malformed records, by line; nothing was booked")))]
pub(super) async fn present(
    State(context): State<HttpContext>,
    _: Operator,
    params: Params,
    body: Bulk,
) -> Result<Json<Presented>, Problem> {
    let running = context.running()?;
    let params = params.known(&["file", "first", "dialect", "framing", "check"])?;
    let file = params
        .text("file")
        .filter(|name| name.len() <= NAME_MAX && !name.chars().any(|c| c.is_control() || c == '/'));
    let file = file.ok_or_else(|| Problem::field("file", "must be a file's name"))?;
    let format = format_of(&params)?;
    let usual = if matches!(format, Format::Csv) { 2 } else { 1 };
    let first = match params.get("first") {
        None => usual,
        Some(text) => text.parse().map_err(|_| Problem::field("first", "must be a number"))?,
    };
    let today = running.clock.now().business_date();
    let records = read(&format, (&file, first, &body.0), today, running.security.as_ref());
    if !records.refused.is_empty() {
        let lines = records.refused.iter().take(SHOWN);
        let lines: Vec<String> = lines.map(|(line, why)| format!("{file}:{line}: {why}")).collect();
        return Err(Problem::field("body", lines.join("\n")).with_rule("TOD-1"));
    }
    let mut presented = Presented::default();
    if params.get("check") == Some("true") {
        return Ok(Json(presented));
    }
    let command = |presentment: &_| Command::Present(Box::new(Clone::clone(presentment)));
    let commands: Vec<Command> = records.presentments.iter().map(command).collect();
    let answers = running.shard.command_all(commands).await?;
    for (presentment, answered) in records.presentments.iter().zip(&answers) {
        let Outcome::Decided(decided) = &answered.outcome else {
            return Err(Problem::internal("another outcome than a presentment's"));
        };
        presented.add(presentment, decided);
    }
    Ok(Json(presented))
}

/// Only shipped dialects: a name from the network must not open files.
fn format_of(params: &Params) -> Result<Format, Problem> {
    let Some(name) = params.get("dialect") else {
        return Ok(Format::Csv);
    };
    if !iso8583::Dialect::SHIPPED.contains(&name) {
        let shipped = iso8583::Dialect::SHIPPED.join(", ");
        return Err(Problem::field("dialect", format!("must be one of {shipped}")));
    }
    let dialect = load_dialect(name).map_err(|_| Problem::internal("a shipped dialect"))?;
    let framing = params.get("framing").unwrap_or("u16be");
    Format::iso(dialect, framing).map_err(|why| Problem::field("framing", why))
}

/// What became of the records of clearing files, newest first.
#[utoipa::path(get, path = "/api/v1/presentments", tag = "clearing",
    params(("file" = Option<String>, Query, description = "Of this file"),
        ("status" = Option<String>, Query,
            description = "matched, unmatched, duplicate or refused"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Rows, 1 to 500; 50 if not told")),
    responses((status = 200, body = Page<PresentmentEntry>)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&["file", "status", "cursor", "limit"])?;
    let (before, limit) = (params.cursor()?, params.limit()?);
    let (file, status) = (params.text("file"), params.text("status"));
    let known = ["matched", "unmatched", "duplicate", "refused"];
    if status.as_deref().is_some_and(|status| !known.contains(&status)) {
        return Err(Problem::field("status", format!("must be one of {}", known.join(", "))));
    }
    let search = move |history: &history::History| {
        history.presentments(file.as_deref(), status.as_deref(), before, limit)
    };
    let (found, behind) = context.search(search).await?;
    Ok(paged(found, behind, show))
}

fn show(row: history::PresentmentEntry) -> PresentmentEntry {
    PresentmentEntry {
        id: row.sequence.to_string(),
        at: row.moment.rfc3339(),
        file: row.file,
        line: row.line,
        reference: row.reference,
        operation: row.operation.to_string(),
        status: row.status,
        result: row.result,
        original: row.original.map(|original| original.to_string()),
        masked_pan: row.masked_pan,
        amount: money::text(row.amount, row.currency),
        currency: row.currency.to_string(),
    }
}
