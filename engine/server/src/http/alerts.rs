//! `/alerts`: access that was out of the ordinary (PII-2), and orders that stand against their
//! guards (SIG-1).

use super::access::Caller;
use super::context::HttpContext;
use super::problem::Problem;
use super::query::Params;
use authorization::AlertKind;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertView {
    /// Its place in the journal.
    id: String,
    at: String,
    /// `many_customers`, `at_night`, `repeated_refusals`, `new_network`, `locked`, `stolen_session`,
    /// or `guard_stands`: an order's guard tripped, and it could not be rolled back.
    kind: &'static str,
    /// Whose access; absent where nobody is known.
    user: Option<String>,
    /// The order it is about.
    order: Option<u64>,
    /// More, for people.
    detail: String,
}

/// The last alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlertsView {
    /// Newest first, at most 500; all of them are in the audit.
    alerts: Vec<AlertView>,
}

/// Unusual access, and orders that stand against their guards, newest first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "users",
    params(("kind" = Option<String>, Query, description = "Only this kind"),
        ("user" = Option<String>, Query, description = "Only this user's")),
    responses((status = 200, body = AlertsView),
        (status = 403, description = "Without a role that may")))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Caller,
    params: Params,
) -> Result<Json<AlertsView>, Problem> {
    let params = params.known(&["kind", "user"])?;
    let user = params.text("user");
    let kind = params.text("kind").map(|name| {
        AlertKind::from_name(&name).ok_or_else(|| {
            let known: Vec<&str> = AlertKind::ALL.iter().map(|kind| kind.name()).collect();
            Problem::field("kind", format!("kinds are {}", known.join(", ")))
        })
    });
    let kind = kind.transpose()?;
    let look = move |state: &authorization::State, _| {
        let alerts = state.users().alerts().filter(|alert| {
            kind.is_none_or(|kind| alert.kind == kind)
                && user.as_ref().is_none_or(|user| alert.user == *user)
        });
        let view = |alert: &authorization::Alert| AlertView {
            id: alert.sequence.to_string(),
            at: alert.at.rfc3339(),
            kind: alert.kind.name(),
            user: Some(alert.user.to_string()).filter(|user| !user.is_empty()),
            order: alert.order,
            detail: alert.detail.to_string(),
        };
        AlertsView { alerts: alerts.map(view).collect() }
    };
    Ok(Json(context.running()?.shard.query(look).await?))
}
