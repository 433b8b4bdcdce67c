//! `/eod` and `/test-clock`: the calendar, by hand.

use super::access::Operator;
use super::context::HttpContext;
use super::describe::{DayEnded, Now};
use super::fields::{Body, Fields};
use super::forms::{EndOfDayForm, TestClockForm};
use super::idempotency;
use super::problem::Problem;
use crate::clock::{ClockError, parse_rfc3339};
use crate::day::{AdvanceError, advance_clock};
use authorization::{Command, Done};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use payment_types::BusinessDate;

/// A test clock is not moved further at a time: each day on the way has its jobs.
const DAYS_MAX: i64 = 3_660;
const MS_PER_DAY: i64 = 86_400_000;

/// Runs the end-of-day jobs of a day by hand. A day that was ended is ended again without effect.
#[utoipa::path(post, path = "/api/v1/eod", tag = "operations",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = EndOfDayForm,
    responses((status = 200, body = DayEnded), (status = 409, description = "The day is to come")))]
pub(super) async fn end_of_day(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let key = idempotency::key_of(&headers, &caller, "POST", "/eod", &body.0)?;
    let fields = Fields::parse(&body, &["date"])?;
    let date = BusinessDate::parse(fields.text("date")?)
        .map_err(|error| Problem::field("date", error.to_string()))?;
    let answered = running.shard.command(Command::EndOfDay { date }, key).await?;
    let done = idempotency::done(&answered, &date.to_string())?;
    let Done::DayEnded { date, already, holds_expired, transactions_forgotten } = done else {
        return Err(Problem::internal("another outcome than an end of day's"));
    };
    let answer =
        DayEnded { date: date.to_string(), already, holds_expired, transactions_forgotten };
    Ok(idempotency::mark(Json(answer).into_response(), answered.replayed))
}

/// Moves the test clock forward; every midnight on the way ends its day. Sent again it does
/// nothing, since the clock stands there already.
#[utoipa::path(post, path = "/api/v1/test-clock", tag = "operations",
    request_body = TestClockForm,
    responses((status = 200, body = Now),
        (status = 404, description = "The engine was not started with --test-clock"),
        (status = 409, description = "The clock is past that already")))]
pub(super) async fn move_clock(
    State(context): State<HttpContext>,
    _: Operator,
    body: Body,
) -> Result<Json<Now>, Problem> {
    let running = context.running()?;
    if !running.clock.is_test() {
        return Err(Problem::no_route(ClockError::NotATestClock.to_string()));
    }
    let fields = Fields::parse(&body, &["to"])?;
    let to = parse_rfc3339(fields.text("to")?)
        .map_err(|error| Problem::field("to", error.to_string()))?;
    let _only_one = context.clock_moves().lock().await;
    if to.ms_since(running.clock.now().at) > DAYS_MAX.saturating_mul(MS_PER_DAY) {
        let detail = format!("is more than {DAYS_MAX} days ahead; go there in steps");
        return Err(Problem::field("to", detail));
    }
    match advance_clock(&running.shard, &running.clock, to).await {
        Ok(now) => Ok(Json(Now { now: now.rfc3339() })),
        Err(AdvanceError::Shard(error)) => Err(error.into()),
        Err(AdvanceError::Clock(ClockError::NotATestClock)) => {
            Err(Problem::no_route(ClockError::NotATestClock.to_string()))
        }
        Err(AdvanceError::Clock(error)) => Err(Problem::conflict(error.to_string(), "TXN-8")),
    }
}
