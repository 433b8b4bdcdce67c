//! `/events` and `/live`: what moves, for consoles.

use super::access::Reader;
use super::context::HttpContext;
use super::problem::Problem;
use super::query::Params;
use crate::live::{SEATS, Second};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use utoipa::ToSchema;

/// Minutes of [`live`], if the caller does not say, and at most.
const MINUTES_MOST: usize = 60;

/// `GET /live`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveView {
    /// Oldest first; since the engine's start at most.
    seconds: Vec<Second>,
    /// How many watch `/events` now.
    consoles: usize,
}

/// What moves, as server-sent events: `second` with the figures of each second (with an id: after
/// a break, `Last-Event-ID` brings those of the last five minutes that were missed), `decision`
/// for at most twenty decisions a second, `order` and `alert` when there is one, `skipped` with how
/// many pieces were left out for a reader that is too slow.
#[utoipa::path(get, path = "/api/v1/events", tag = "live",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was seen")),
    responses((status = 200, description = "Events", content_type = "text/event-stream",
        body = String)))]
pub(super) async fn events(
    State(context): State<HttpContext>,
    _: Reader,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let live = Arc::clone(context.running()?.shard.live());
    let seat = live.seat(last).ok_or_else(|| {
        Problem::too_busy(format!("{SEATS} consoles watch already, or the engine is about to end"))
    })?;
    let events = stream::unfold(seat, |mut seat| async move {
        let events = seat.next().await?;
        Some((Ok::<_, Infallible>(events), seat))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy on the way must not gather them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The seconds behind, for plots when a page is opened.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    params(("minutes" = Option<u32>, Query, description = "1 to 60; 60 if not told")),
    responses((status = 200, body = LiveView)))]
pub(super) async fn live(
    State(context): State<HttpContext>,
    _: Reader,
    params: Params,
) -> Result<Json<LiveView>, Problem> {
    let params = params.known(&["minutes"])?;
    let minutes = match params.get("minutes") {
        None => MINUTES_MOST,
        Some(text) => text
            .parse()
            .ok()
            .filter(|minutes| (1..=MINUTES_MOST).contains(minutes))
            .ok_or_else(|| Problem::field("minutes", "must be from 1 to 60"))?,
    };
    let live = context.running()?.shard.live();
    Ok(Json(LiveView { seconds: live.past(minutes * 60), consoles: live.watchers() }))
}
