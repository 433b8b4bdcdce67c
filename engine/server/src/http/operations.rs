//! `/eod` and `/test-clock`: the calendar, by hand.

use super::access::{Operator, Reader};
use super::asked::Asked;
use super::context::HttpContext;
use super::describe::{DayEnded, DayJobDone, DayStatus, DayUnderWay, Now};
use super::forms::{EndOfDayForm, TestClockForm};
use super::problem::Problem;
use super::{idempotency, money};
use crate::calendar;
use crate::clock::{ClockError, parse_rfc3339};
use crate::day::{AdvanceError, EndError, advance_clock, end_day, end_days_until};
use authorization::{DayJob, JobDone};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use payment_types::BusinessDate;

/// A test clock is not moved further at a time: each day on the way has its jobs.
const DAYS_MAX: i64 = 3_660;
const MS_PER_DAY: i64 = 86_400_000;

/// Runs the end-of-day jobs by hand: of the days before that were missed, in order, then of the
/// day. A day that was ended is ended again without effect.
#[utoipa::path(post, path = "/api/v1/eod", tag = "operations",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    request_body = EndOfDayForm,
    responses((status = 200, body = DayEnded), (status = 409, description = "The day is to come")))]
pub(super) async fn end_of_day(
    State(context): State<HttpContext>,
    Operator(caller): Operator,
    asked: Asked,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["date"]).await?;
    let date = BusinessDate::parse(fields.text("date")?)
        .map_err(|error| Problem::field("date", error.to_string()))?;
    let problem = |error| not_ended(error, date);
    let mut caught_up = Vec::new();
    if date <= running.clock.now().business_date() {
        let before = end_days_until(&running.shard, date.plus_days(-1)).await.map_err(problem)?;
        caught_up = before.iter().map(|day| day.date.to_string()).collect();
    }
    let ended = end_day(&running.shard, date, key).await.map_err(problem)?;
    let jobs = ended.summary.map(|summary| summary.jobs).unwrap_or_default();
    let changed = |wanted| jobs.iter().find(|job| job.job == wanted).map_or(0, |job| job.changed);
    let answer = DayEnded {
        date: date.to_string(),
        already: ended.already,
        caught_up,
        holds_expired: if ended.already { 0 } else { changed(DayJob::Holds) },
        transactions_forgotten: if ended.already { 0 } else { changed(DayJob::Memory) },
        jobs: jobs.iter().map(job_done).collect(),
        warnings: running.shard.query(holidays).await?.into_iter().collect(),
    };
    Ok(idempotency::mark(Json(answer).into_response(), ended.replayed))
}

fn holidays(state: &authorization::State, now: payment_types::Moment) -> Option<String> {
    calendar::warning(state.plan().calendar(), now.business_date())
}

fn not_ended(error: EndError, date: BusinessDate) -> Problem {
    match error {
        EndError::Shard(error) => error.into(),
        EndError::Refused(refusal) => Problem::refused(refusal, &date.to_string()),
        EndError::TooMany { .. } => Problem::conflict(error.to_string(), "TXN-3"),
    }
}

fn job_done(done: &JobDone) -> DayJobDone {
    let amounts = done.amounts.iter();
    DayJobDone {
        job: done.job.name().to_owned(),
        rule: done.job.rule().id().to_owned(),
        looked_at: done.looked_at,
        changed: done.changed,
        amounts: amounts
            .map(|(currency, minor)| (currency.to_string(), money::text(*minor, *currency)))
            .collect(),
    }
}

/// Which day was ended last, which is next, and how far one has come that is under way.
#[utoipa::path(get, path = "/api/v1/eod", tag = "operations",
    responses((status = 200, body = DayStatus)))]
pub(super) async fn day_status(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<DayStatus>, Problem> {
    let look = |state: &authorization::State, _| {
        (state.last_day_ended(), state.next_day(), state.day_under_way())
    };
    let (last, next, under_way) = context.running()?.shard.query(look).await?;
    Ok(Json(DayStatus {
        last_ended: last.map(|date| date.to_string()),
        next: next.map(|date| date.to_string()),
        under_way: under_way.map(|progress| DayUnderWay {
            date: progress.date.to_string(),
            job: progress.job.name().to_owned(),
            step: progress.step.0,
            steps: progress.step.1,
            done: progress.done.0,
            total: progress.done.1,
        }),
    }))
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
    asked: Asked,
) -> Result<Json<Now>, Problem> {
    let running = context.running()?;
    if !running.clock.is_test() {
        return Err(Problem::no_route(ClockError::NotATestClock.to_string()));
    }
    let fields = asked.fields(&context, &["to"]).await?;
    let to = parse_rfc3339(fields.text("to")?)
        .map_err(|error| Problem::field("to", error.to_string()))?;
    let _only_one = context.clock_moves().lock().await;
    if to.ms_since(running.clock.now().at) > DAYS_MAX.saturating_mul(MS_PER_DAY) {
        let detail = format!("is more than {DAYS_MAX} days ahead; go there in steps");
        return Err(Problem::field("to", detail));
    }
    match advance_clock(&running.shard, &running.clock, running.days, to).await {
        Ok(now) => {
            crate::keys::watch::tick(running.security.as_ref(), now);
            Ok(Json(Now { now: now.rfc3339() }))
        }
        Err(AdvanceError::Day(error)) => Err(not_ended(error, running.clock.now().business_date())),
        Err(AdvanceError::Clock(ClockError::NotATestClock)) => {
            Err(Problem::no_route(ClockError::NotATestClock.to_string()))
        }
        Err(AdvanceError::Clock(error)) => Err(Problem::conflict(error.to_string(), "TXN-8")),
    }
}
