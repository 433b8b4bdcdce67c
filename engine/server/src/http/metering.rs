//! What operators see of the HTTP side: `tamga_http_*` and how far the read model is.

use super::context::HttpContext;
use axum::extract::{MatchedPath, Request};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, gauge, histogram};
use std::time::{Duration, Instant};
use tracing::{debug, warn};

const REQUESTS: &str = "tamga_http_requests_total";
const SECONDS: &str = "tamga_http_request_seconds";
const HISTORY_SEQUENCE: &str = "tamga_history_sequence";
const SESSIONS: &str = "tamga_sessions";
const HISTORY_BEHIND: &str = "tamga_history_behind_records";

/// How often figures are gathered when nobody asks for them, so that they do not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Says what each figure is, for `/metrics`.
pub(super) fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    super::unusual::describe();
    describe_gauge!(SESSIONS, "Sessions of people that are open");
    describe_counter!(REQUESTS, "HTTP requests answered, by method, route and status");
    describe_histogram!(SECONDS, "From a request's head to its answer's, by route");
    describe_gauge!(HISTORY_SEQUENCE, "The last journal sequence that can be searched");
    describe_gauge!(HISTORY_BEHIND, "Durable records the read model has not taken in yet");
}

/// Counts and times a request by its route, never by its path: paths hold ids. Refused access is
/// logged. What does not say otherwise may not be kept by a cache on the way: nothing of the API is.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let method = label(request.method()).to_owned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let status = response.status().as_u16();
    let took = started.elapsed();
    if matches!(status, 401 | 403) {
        warn!(method, route, status, "access refused");
    } else {
        debug!(method, route, status, ms = took.as_millis(), "http");
    }
    let labels = [("method", method), ("route", route.clone()), ("status", status.to_string())];
    counter!(REQUESTS, &labels).increment(1);
    histogram!(SECONDS, "route" => route).record(took);
    response
}

/// A method as a label: what anybody may write there must not make time series without end.
fn label(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH") => known,
        _ => "other",
    }
}

/// Sets the gauges that are read and not counted.
pub(super) fn refresh(context: &HttpContext) {
    let Some(running) = context.recovered() else { return };
    let (position, durable) = (running.history.progress().position(), running.shard.durable());
    gauge!(SESSIONS).set(float(u64::try_from(context.sessions().open()).unwrap_or_default()));
    gauge!(HISTORY_SEQUENCE).set(float(position));
    gauge!(HISTORY_BEHIND).set(float(durable.saturating_sub(position)));
}

/// Runs as long as the server.
pub(super) async fn upkeep(context: HttpContext) {
    let mut failure = None;
    loop {
        tokio::time::sleep(UPKEEP).await;
        refresh(&context);
        context.journal_waiting().await;
        context.metrics().run_upkeep();
        let now = context.recovered().and_then(|running| running.history.progress().failure());
        if now != failure {
            match &now {
                Some(error) => warn!(error, "the read model stands still; decisions go on"),
                None => warn!("the read model goes on"),
            }
            failure = now;
        }
    }
}

/// Gauges are floats; sequences stay exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_makes_no_series_of_its_own() {
        assert_eq!(label(&Method::PUT), "PUT");
        for invented in ["M1", "get", "PROPFIND"] {
            assert_eq!(label(&Method::from_bytes(invented.as_bytes()).unwrap()), "other");
        }
    }
}
