//! `/health/live`, `/health/ready`, `/metrics`: for supervisors and balancers, without a token.

use super::context::HttpContext;
use super::describe::{EngineHealth, ModuleHealth, ReadModelHealth, Readiness};
use super::metering;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use security::{Health, SecurityModule};

/// The process answers. Restart it if it does not.
#[utoipa::path(get, path = "/health/live", tag = "health",
    responses((status = 200, description = "Alive", content_type = "text/plain")))]
pub(super) async fn live() -> &'static str {
    "alive\n"
}

/// Whether terminals are served. The read model has no say in it: decisions go on without.
#[utoipa::path(get, path = "/health/ready", tag = "health",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn ready(State(context): State<HttpContext>) -> Response {
    let readiness = readiness(&context);
    let status = match readiness.status.as_str() {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness)).into_response()
}

fn readiness(context: &HttpContext) -> Readiness {
    let Some(running) = context.recovered() else {
        let status = "recovering".to_owned();
        let (reason, engine, read_model, security_module) = (None, None, None, None);
        return Readiness { status, reason, engine, read_model, security_module };
    };
    let (health, progress) = (running.shard.health(), running.history.progress());
    let status = match (&health.stopped, context.is_draining()) {
        (Some(_), _) => "stopped",
        (None, true) => "draining",
        (None, false) => "ready",
    };
    Readiness {
        status: status.to_owned(),
        reason: health.stopped.map(|reason| reason.to_string()),
        engine: Some(EngineHealth {
            queue_depth: health.queue_depth,
            last_commit_us: u64::try_from(health.last_commit.as_micros()).unwrap_or(u64::MAX),
            durable: health.durable,
            clock_behind_ms: u64::try_from(health.clock_behind.as_millis()).unwrap_or(u64::MAX),
        }),
        read_model: Some(ReadModelHealth {
            position: progress.position(),
            rebuilding: progress.is_rebuilding(),
            failure: progress.failure(),
        }),
        security_module: Some(module(running.security.as_ref())),
    }
}

/// As it was heard of last; nothing waits for it here.
fn module(security: &dyn SecurityModule) -> ModuleHealth {
    let (status, reason) = match security.health() {
        Health::Ready => ("ready", None),
        Health::Degraded(why) => ("degraded", Some(why)),
        Health::Unavailable(why) => ("unavailable", Some(why)),
    };
    ModuleHealth { kind: security.description(), status: status.to_owned(), reason }
}

/// Everything counted and timed, in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain")))]
pub(super) async fn metrics(State(context): State<HttpContext>) -> Response {
    metering::refresh(&context);
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, context.metrics().render()).into_response()
}
