//! `/events` and `/live`: what moves, for consoles.

use super::access::{Caller, Reader, Via};
use super::context::HttpContext;
use super::problem::Problem;
use super::query::Params;
use super::{gate, permissions};
use crate::access::sessions::{NoSession, SessionId};
use crate::live::{SEATS, Seat, Second, event};
use authorization::LogoutReason;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};
use utoipa::ToSchema;

/// How often it is looked whether who watches still may.
const LOOK: Duration = Duration::from_secs(1);
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
/// for at most twenty decisions a second, `order` and `alert` when there is one (unusual access to
/// those who may see `/alerts`), `skipped` with how many pieces were left out for a reader that is
/// too slow. Ends with the session behind it, or when what it may changes: `ended` with the reason.
#[utoipa::path(get, path = "/api/v1/events", tag = "live",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was seen")),
    responses((status = 200, description = "Events", content_type = "text/event-stream",
        body = String)))]
pub(super) async fn events(
    State(context): State<HttpContext>,
    Reader(caller): Reader,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let live = Arc::clone(context.running()?.shard.live());
    let alerts = permissions::of(&Method::GET, "/api/v1/alerts");
    let sees_access = alerts.is_some_and(|row| row.may.admits(&caller));
    let seat = live.seat(last, sees_access).ok_or_else(|| {
        Problem::too_busy(format!("{SEATS} consoles watch already, or the engine is about to end"))
    })?;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watching = Watching { context, caller, seat, look, over: false };
    let events = stream::unfold(watching, |mut watching| async move {
        let events = watching.next().await?;
        Some((Ok::<_, Infallible>(events), watching))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy on the way must not gather them.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Who watches, for as long as he may (SIG-4).
struct Watching {
    context: HttpContext,
    caller: Caller,
    seat: Seat,
    look: Interval,
    over: bool,
}

impl Watching {
    /// The next events; the last one says why there are no more.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        loop {
            let (events, why) = tokio::select! {
                biased;
                _ = self.look.tick() => (None, self.no_more().await),
                next = self.seat.next() => (Some(next?), self.session_over().await),
            };
            if let Some(reason) = why {
                self.over = true;
                let told = serde_json::json!({ "reason": reason });
                return Some(event("ended", None, &told).into());
            }
            if events.is_some() {
                return events;
            }
        }
    }

    /// Why he may not any longer, if so. A service's token is good as long as the engine runs.
    async fn no_more(&self) -> Option<&'static str> {
        let Via::Session(id) = self.caller.via else { return None };
        if let Some(over) = self.session_over().await {
            return Some(over);
        }
        let running = self.context.recovered()?;
        let name = self.caller.name.clone();
        let look = move |state: &authorization::State, _| {
            state.users().get(&name).filter(|user| user.active).map(|user| user.roles)
        };
        // A shard too busy to be asked is asked again in a second.
        match running.shard.query(look).await.ok()? {
            Some(roles) => (roles != self.caller.roles).then_some("roles"),
            None => Some(self.end(id, LogoutReason::Ended).await),
        }
    }

    /// As far as it shows without asking the shard: so before each piece.
    async fn session_over(&self) -> Option<&'static str> {
        let Via::Session(id) = self.caller.via else { return None };
        let running = self.context.recovered()?;
        match self.context.sessions().is_locked(id, gate::now(running)) {
            Ok(locked) => locked.then_some("locked"),
            Err(NoSession::Unknown) => Some(LogoutReason::Ended.name()),
            Err(NoSession::Ended { reason, now, .. }) => {
                if now {
                    self.journal(reason).await;
                }
                Some(reason.name())
            }
        }
    }

    async fn end(&self, id: SessionId, reason: LogoutReason) -> &'static str {
        if self.context.sessions().end(id, reason) {
            self.journal(reason).await;
        }
        reason.name()
    }

    async fn journal(&self, reason: LogoutReason) {
        let Some(running) = self.context.recovered() else { return };
        if gate::logged_out(running, &self.caller.name, reason, "").await.is_err() {
            tracing::warn!(user = self.caller.name, "the end of a session was not journaled");
        }
    }
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
