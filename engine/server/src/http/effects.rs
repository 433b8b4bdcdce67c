//! `/orders/{id}/preview`, `/orders/{id}/shadow` and `/transactions/{id}/under`: what an order
//! would do, before anybody approves it (SIG-1).

use super::access::Reader;
use super::asked::Asked;
use super::context::HttpContext;
use super::describe::TraceLine;
use super::fields::Segments;
use super::orders::number;
use super::problem::Problem;
use super::query::Params;
use super::transactions::{self, Numbers};
use super::travels::look_back;
use crate::effect::{
    Affected, Candidate, Effect, Job, JobState, Limits, NoShadow, Preview, ShadowView, Side,
    Travel, Window, kept, side,
};
use crate::failure::Failure;
use crate::replay::Run;
use authorization::{Outcome, State as Core, hex};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use payment_types::{Currency, Moment};
use serde::Serialize;
use utoipa::ToSchema;

/// Days of a preview, if the caller does not say, and at most.
const DAYS: u64 = 7;
const DAYS_MOST: u64 = 90;

/// `POST /orders/{id}/preview`.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct PreviewForm {
    /// 1 to 90; 7 if not told.
    days: Option<u32>,
}

/// `GET /orders/{id}/preview`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewView {
    order: u64,
    /// `none`, `running`, `done`, `cancelled`, `failed`.
    status: String,
    /// Of the last one that was asked for since the engine's start.
    days: Option<u32>,
    /// Records run so far, while it runs.
    done_records: u64,
    /// Records there are to run, those that lead up to the window too.
    all_records: u64,
    /// Why it failed.
    error: Option<String>,
    /// The result is of an earlier revision of the order, and says nothing about this one.
    void: bool,
    preview: Option<PreviewResult>,
}

/// What the order would have done in these days.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PreviewResult {
    days: u32,
    from: String,
    to: String,
    digest: String,
    records: u64,
    took_ms: u64,
    per_second: u64,
    effect: EffectView,
}

/// Exact figures, and the first of the transactions with both traces.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectView {
    #[serde(flatten)]
    figures: Effect,
    transactions: Vec<AffectedView>,
}

/// A transaction that would have been decided otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AffectedView {
    #[serde(flatten)]
    transaction: Affected,
    was: SideView,
    would_be: SideView,
}

/// One decision.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SideView {
    approved: bool,
    result: String,
    code: String,
    /// The rule that settled it.
    rule: String,
    /// The rule set's version.
    rules: String,
    trace: Vec<TraceLine>,
}

/// `GET /transactions/{id}/under`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnderView {
    id: String,
    order: u64,
    /// Whether it would have been decided as it was.
    same: bool,
    was: SideView,
    would_be: SideView,
}

/// `GET /orders/{id}/shadow`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShadowShown {
    order: u64,
    /// The revision that it follows is not the order's any more.
    void: bool,
    since: String,
    running: bool,
    /// Why it stopped by itself.
    stopped: Option<String>,
    first: u64,
    last: u64,
    /// Durable records that it has not run yet.
    behind: u64,
    effect: EffectView,
}

impl SideView {
    fn of(side: Side, numbers: Numbers) -> Self {
        let line = |step: crate::effect::TraceStep| {
            numbers.line(history::TraceLine {
                rule: step.rule,
                verdict: step.verdict,
                limit: step.limit,
                measure: step.measure,
                asked: step.asked,
                used: step.used,
                ceiling: step.ceiling,
            })
        };
        let Side { approved, result, code, rule, rules, trace } = side;
        let trace = trace.into_iter().map(line).collect();
        Self { approved, result, code, rule, rules, trace }
    }
}

impl EffectView {
    fn of(mut effect: Effect) -> Self {
        let transactions = std::mem::take(&mut effect.transactions);
        let view = |mut affected: Affected| {
            let asked = Currency::from_alpha(&affected.currency).unwrap_or(Currency::KGS);
            let booked = affected.account_currency.as_deref().and_then(Currency::from_alpha);
            let numbers =
                Numbers { amount: affected.minor, asked, booked: booked.unwrap_or(asked) };
            let (was, would_be) = (affected.was.take(), affected.would_be.take());
            let shown = |side: Option<Side>| SideView::of(side.unwrap_or_default(), numbers);
            AffectedView { was: shown(was), would_be: shown(would_be), transaction: affected }
        };
        Self { transactions: transactions.into_iter().map(view).collect(), figures: effect }
    }
}

impl PreviewResult {
    fn of(preview: Preview) -> Self {
        let Preview { digest, days, from, to, records, took_ms, per_second, effect, .. } = preview;
        let effect = EffectView::of(effect);
        Self { days, from, to, digest, records, took_ms, per_second, effect }
    }
}

/// The digest of an order's revision.
async fn digest_of(context: &HttpContext, order: u64) -> Result<String, Problem> {
    let look = move |core: &Core, _| core.orders().get(order).map(|order| hex(&order.digest));
    let found = context.running()?.shard.query(look).await?;
    found.ok_or_else(|| Problem::not_found("order", &order.to_string()))
}

/// The rules an order would put in force, over those of now.
async fn candidate(context: &HttpContext, order: u64) -> Result<Candidate, Problem> {
    let look = move |core: &Core, _| {
        let found = core.orders().get(order)?;
        let rules = if found.kind.is_of_rules() {
            core.candidate_rules(found).map_err(|problems| {
                let told = |problem: &authorization::OrderProblem| problem.message.clone();
                problems.iter().map(told).collect::<Vec<_>>().join("; ")
            })
        } else {
            Err("orders of this kind do not change the rules, so no decision can be run".to_owned())
        };
        Some(rules.map(|rules| Candidate { order, digest: hex(&found.digest), rules }))
    };
    let found = context.running()?.shard.query(look).await?;
    let found = found.ok_or_else(|| Problem::not_found("order", &order.to_string()))?;
    found.map_err(|why| Problem::conflict(why, "SIG-1"))
}

/// Runs the last days of the journal under the order's rules, beside the engine, and counts what
/// would have been decided otherwise. One runs at a time; its result stays with the order until
/// that is revised.
#[utoipa::path(post, path = "/api/v1/orders/{id}/preview", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")), request_body = PreviewForm,
    responses((status = 202, body = PreviewView), (status = 404, description = "No such order"),
        (status = 409, description = "One runs, or the order can't be run, or nothing happened")))]
pub(super) async fn start(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let days = asked.fields(&context, &["days"]).await?.optional_whole("days", 1..=DAYS_MOST)?;
    let days = days.unwrap_or(DAYS);
    let order = number(&id)?;
    let candidate = candidate(&context, order).await?;
    let running = context.running()?;
    let now = running.clock.now();
    let from = now.at.plus_days(-i64::try_from(days).unwrap_or(1));
    let (first, _) = context.search(move |history| history.first_at(from)).await?;
    let first = first.ok_or_else(|| {
        Problem::conflict(format!("there was no transaction in the last {days} days"), "SIG-1")
    })?;
    let window = Window {
        days: u32::try_from(days).unwrap_or(u32::MAX),
        from: Moment::new(from, now.offset).rfc3339(),
        to: now.rfc3339(),
        first,
        last: running.shard.durable(),
    };
    let live = std::sync::Arc::clone(running.shard.live());
    let done = move |job: &Job| {
        let told = serde_json::json!({ "order": order, "status": status_of(&job.state()) });
        live.tell("preview", &told);
    };
    context.effects().start(&running.data, candidate, window, done).map_err(|other| {
        Problem::conflict(
            format!("the preview of order {other} is running; one at a time"),
            "SIG-1",
        )
    })?;
    Ok((StatusCode::ACCEPTED, Json(shown(&context, order).await?)).into_response())
}

/// How far a preview is, or its result.
#[utoipa::path(get, path = "/api/v1/orders/{id}/preview", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")),
    responses((status = 200, body = PreviewView), (status = 404, description = "No such order")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<PreviewView>, Problem> {
    shown(&context, number(&id)?).await.map(Json)
}

/// Cancels a preview that runs.
#[utoipa::path(delete, path = "/api/v1/orders/{id}/preview", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")),
    responses((status = 200, body = PreviewView),
        (status = 409, description = "None runs for this order")))]
pub(super) async fn cancel(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<PreviewView>, Problem> {
    let order = number(&id)?;
    if !context.effects().cancel(order) {
        return Err(Problem::conflict("no preview runs for this order", "SIG-1"));
    }
    shown(&context, order).await.map(Json)
}

const fn status_of(state: &JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Cancelled => "cancelled",
        JobState::Failed(_) => "failed",
    }
}

async fn shown(context: &HttpContext, order: u64) -> Result<PreviewView, Problem> {
    let digest = digest_of(context, order).await?;
    let (data, job) = (context.running()?.data.clone(), context.effects().job(order));
    let read = tokio::task::spawn_blocking(move || kept(&data, order)).await;
    let preview = read.map_err(|_| Problem::internal("a preview could not be read"))?;
    let state = job.as_ref().map(|job| job.state());
    let progress = job.as_ref().map(|job| job.travel.progress()).unwrap_or_default();
    let status = match (&state, &preview) {
        (Some(state), _) => status_of(state),
        (None, Some(_)) => "done",
        (None, None) => "none",
    };
    let error = match state {
        Some(JobState::Failed(error)) => Some(error),
        _ => None,
    };
    Ok(PreviewView {
        order,
        status: status.to_owned(),
        days: job.as_ref().map(|job| job.days),
        done_records: progress.0,
        all_records: progress.1,
        error,
        void: preview.as_ref().is_some_and(|preview| preview.digest != digest),
        preview: preview.map(PreviewResult::of),
    })
}

/// What a transaction would have been, had the order been activated just before it: the journal is
/// replayed to it under the recorded rules, so every counter stands as it stood.
#[utoipa::path(get, path = "/api/v1/transactions/{id}/under", tag = "transactions",
    params(("id" = String, Path, description = "The transaction's id"),
        ("order" = u64, Query, description = "The order's number")),
    responses((status = 200, body = UnderView), (status = 404, description = "No such thing"),
        (status = 409, description = "The order can't be run, or the journal is not there")))]
pub(super) async fn under(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> Result<Json<UnderView>, Problem> {
    let params = params.known(&["order"])?;
    let order = params.get("order").ok_or_else(|| Problem::field("order", "is missing"))?;
    let candidate = candidate(&context, number(order)?).await?;
    let found = transactions::find(&context, &id).await?;
    let (sequence, numbers) = (found.summary.sequence, Numbers::of(&found));
    let rules = candidate.rules;
    let look = move |run: Run, _: &Travel| {
        let recorded = Limits::of(&run.state);
        let mut run = run.under(rules)?.until(sequence);
        let supposed = Limits::of(&run.state);
        let nothing = || Failure::found(format!("record {sequence} is no decision"));
        let step = run.step()?.ok_or_else(nothing)?;
        let (Outcome::Decided(was), Outcome::Decided(is)) = (&step.record.outcome, &step.outcome)
        else {
            return Err(nothing());
        };
        Ok((side(was, &recorded, true), side(is, &supposed, true)))
    };
    let before = sequence.saturating_sub(1);
    let (was, would_be) = look_back(&context, before, None, look).await?;
    let same = (&was.result, &was.code) == (&would_be.result, &would_be.code);
    let (was, would_be) = (SideView::of(was, numbers), SideView::of(would_be, numbers));
    Ok(Json(UnderView { id: sequence.to_string(), order: candidate.order, same, was, would_be }))
}

/// Starts a second state that follows the journal under the order's rules from now on, beside the
/// live one: what it decides otherwise is counted and listed, and changes nothing. Two at a time.
#[utoipa::path(put, path = "/api/v1/orders/{id}/shadow", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")),
    responses((status = 200, body = ShadowShown), (status = 404, description = "No such order"),
        (status = 409, description = "It runs already, or two others do")))]
pub(super) async fn start_shadow(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<ShadowShown>, Problem> {
    let order = number(&id)?;
    let candidate = candidate(&context, order).await?;
    let running = context.running()?;
    // A clone shares what it can with the live state, as a snapshot does.
    let state = running.shard.query(|core, _| core.clone()).await?;
    let shadows = &context.effects().shadows;
    shadows.start(&running.shard, &running.data, candidate, state).map_err(|why| match why {
        NoShadow::TooMany => Problem::conflict("two shadows run already; stop one", "SIG-1"),
        NoShadow::Runs => Problem::conflict("the order's shadow runs already", "SIG-1"),
        NoShadow::NoThread => Problem::internal("no thread for a shadow"),
    })?;
    shadow_shown(&context, order).await.map(Json)
}

/// What an order's shadow has seen.
#[utoipa::path(get, path = "/api/v1/orders/{id}/shadow", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")),
    responses((status = 200, body = ShadowShown), (status = 404, description = "It has none")))]
pub(super) async fn read_shadow(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<ShadowShown>, Problem> {
    shadow_shown(&context, number(&id)?).await.map(Json)
}

/// Stops an order's shadow, and shows what it saw for the last time.
#[utoipa::path(delete, path = "/api/v1/orders/{id}/shadow", tag = "orders",
    params(("id" = u64, Path, description = "The order's number")),
    responses((status = 200, body = ShadowShown), (status = 404, description = "It has none")))]
pub(super) async fn stop_shadow(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<ShadowShown>, Problem> {
    let order = number(&id)?;
    let mut last = shadow_shown(&context, order).await?;
    context.effects().shadows.stop(order);
    last.running = false;
    Ok(Json(last))
}

async fn shadow_shown(context: &HttpContext, order: u64) -> Result<ShadowShown, Problem> {
    let digest = digest_of(context, order).await?;
    let view = context.effects().shadows.view(order);
    let none = || Problem::not_found_because(format!("order {order} has no shadow"));
    let ShadowView {
        digest: followed, since, running, stopped, first, last, behind, effect, ..
    } = view.ok_or_else(none)?;
    Ok(ShadowShown {
        order,
        void: followed != digest,
        since,
        running,
        stopped,
        first,
        last,
        behind,
        effect: EffectView::of(effect),
    })
}
