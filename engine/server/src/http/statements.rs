//! `/accounts/{id}/statement` and `/general-ledger`: what was posted.

use super::access::Reader;
use super::context::HttpContext;
use super::fields::Segments;
use super::problem::Problem;
use super::query::Params;
use super::transactions::BEHIND;
use crate::clock::Clock;
use crate::statement::{GeneralLedger, Statement};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use history::{History, HistoryError, Period};
use payment_types::{BusinessDate, Timestamp};

/// Lines of a CSV at most; a longer period is asked for in parts.
pub(crate) const CSV_MAX: u32 = 200_000;

const PARAMETERS: [&str; 5] = ["from", "to", "cursor", "limit", "format"];

/// What was posted on an account in a period, oldest first, each line with its posting. As CSV,
/// with `Accept: text/csv` or `format=csv`, the whole period at once.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/statement", tag = "accounts",
    params(("id" = String, Path, description = "The account's id"),
        ("from" = Option<String>, Query, description = "From this instant or day; the account's opening if not told"),
        ("to" = Option<String>, Query, description = "Before this instant, or up to the end of this day; now if not told"),
        ("cursor" = Option<String>, Query, description = "`next` of the part before"),
        ("limit" = Option<u32>, Query, description = "Lines, 1 to 500; 50 if not told"),
        ("format" = Option<String>, Query, description = "`json` or `csv`")),
    responses((status = 200, body = Statement), (status = 404, description = "No such account"),
        (status = 422, description = "A parameter is not right")))]
pub(super) async fn statement(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&PARAMETERS)?;
    let clock = &context.running()?.clock;
    let csv = is_csv(&params, &headers)?;
    let (from, to) = (params.instant("from", clock)?, until(&params, clock)?);
    // A day stands for its end, so it can't be where the period begins.
    let is_day = params.get("to").is_some_and(|text| BusinessDate::parse(text).is_ok());
    if from.zip(to).is_some_and(|(from, to)| from > to || (is_day && from == to)) {
        return Err(Problem::field("to", "lies before `from`"));
    }
    let after = params.get("cursor").map(str::parse).transpose();
    let after = after.map_err(|()| {
        Problem::field("cursor", "must be the `next` of the part before, unchanged")
    })?;
    let most = if csv { CSV_MAX } else { params.limit()? };
    let period = Period { from, to, after };
    let wanted = id.clone();
    let search = move |history: &History| history.statement(&wanted, &period, most);
    let (found, behind) = context.search(search).await?;
    let Some(found) = found else {
        return Err(match behind {
            0 => Problem::not_found("account", &id),
            _ => Problem::behind(behind),
        });
    };
    if csv && found.next.is_some() {
        let detail = format!("the period has more than {CSV_MAX} postings: ask for a shorter one");
        return Err(Problem::field("to", detail));
    }
    let statement = Statement::new(found, params.text("from"), params.text("to"));
    let mut response = match csv {
        true => as_csv("statement", statement.csv()),
        false => Json(statement).into_response(),
    };
    if behind > 0 {
        response.headers_mut().insert(BEHIND, HeaderValue::from(behind));
    }
    Ok(response)
}

/// A day stands for its end, an instant for itself.
fn until(params: &Params, clock: &Clock) -> Result<Option<Timestamp>, Problem> {
    let day = params.get("to").and_then(|text| BusinessDate::parse(text).ok());
    match day {
        Some(day) => Ok(Some(clock.start_of(day.plus_days(1)).at)),
        None => params.instant("to", clock),
    }
}

/// The bank's books of a day: turnover and closing by class of account; they sum to zero (BAL-7).
#[utoipa::path(get, path = "/api/v1/general-ledger", tag = "accounts",
    params(("date" = Option<String>, Query, description = "The day; today if not told"),
        ("format" = Option<String>, Query, description = "`json` or `csv`")),
    responses((status = 200, body = GeneralLedger),
        (status = 422, description = "A parameter is not right")))]
pub(super) async fn general_ledger(
    State(context): State<HttpContext>,
    _: Reader,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.known(&["date", "format"])?;
    let csv = is_csv(&params, &headers)?;
    let date = match params.get("date") {
        Some(text) => BusinessDate::parse(text)
            .map_err(|_| Problem::field("date", "must be a day such as 2026-11-23"))?,
        None => context.running()?.clock.now().business_date(),
    };
    let search =
        move |history: &History| -> Result<_, HistoryError> { history.general_ledger(date) };
    let (found, behind) = context.search(search).await?;
    if behind > 0 {
        return Err(Problem::behind(behind));
    }
    let ledger = GeneralLedger::new(&date.to_string(), found);
    Ok(if csv { as_csv("general-ledger", ledger.csv()) } else { Json(ledger).into_response() })
}

fn is_csv(params: &Params, headers: &HeaderMap) -> Result<bool, Problem> {
    match params.get("format") {
        Some("csv") => return Ok(true),
        Some("json") => return Ok(false),
        Some(_) => return Err(Problem::field("format", "must be json or csv")),
        None => {}
    }
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let mut kinds = accepted
        .unwrap_or("")
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase());
    Ok(kinds.any(|kind| kind == "text/csv"))
}

fn as_csv(name: &str, text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}
