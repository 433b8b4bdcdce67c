//! `/networks`: the registers of payment networks and transfer operators (NET-1, NET-2, NET-3).

use super::access::Reader;
use super::context::HttpContext;
use super::problem::Problem;
use authorization::State as Core;
use axum::Json;
use axum::extract::State;
use payment_types::{BusinessDate, Moment, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// `GET /networks`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Networks {
    networks: Vec<Network>,
    transfer_operators: Vec<TransferOperator>,
    as_of: String,
}

/// A payment network.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Network {
    name: String,
    operator: Option<String>,
    registration: String,
    bins: Vec<String>,
    valid_from: String,
    /// Binding from that second on.
    cancelled_at: Option<String>,
    reason: Option<String>,
    /// `registered`, `not_yet`, `cancelled`.
    standing: String,
}

/// Who may send money transfers to cards.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransferOperator {
    name: String,
    registration: String,
    /// DE 32 or DE 33.
    institutions: Vec<String>,
    valid_from: String,
    cancelled_at: Option<String>,
    standing: String,
}

/// The registers, and how each entry stands now.
#[utoipa::path(get, path = "/api/v1/networks", tag = "rules",
    responses((status = 200, body = Networks)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<Networks>, Problem> {
    Ok(Json(context.running()?.shard.query(view).await?))
}

fn view(core: &Core, now: Moment) -> Networks {
    let moment = |at: Timestamp| Moment::new(at, now.offset).rfc3339();
    let rules = core.rules();
    let network = |network: &limits::Network| Network {
        name: network.name.clone(),
        operator: network.operator.clone(),
        registration: network.registration.clone(),
        bins: network.bins.clone(),
        valid_from: network.valid_from.to_string(),
        cancelled_at: network.cancelled_at.map(moment),
        reason: network.reason.clone(),
        standing: standing(network.valid_from, network.cancelled_at, now).to_owned(),
    };
    let operator = |operator: &limits::TransferOperator| TransferOperator {
        name: operator.name.clone(),
        registration: operator.registration.clone(),
        institutions: operator.institutions.iter().map(u64::to_string).collect(),
        valid_from: operator.valid_from.to_string(),
        cancelled_at: operator.cancelled_at.map(moment),
        standing: standing(operator.valid_from, operator.cancelled_at, now).to_owned(),
    };
    Networks {
        networks: rules.networks.iter().map(network).collect(),
        transfer_operators: rules.transfer_operators.iter().map(operator).collect(),
        as_of: now.rfc3339(),
    }
}

fn standing(from: BusinessDate, cancelled_at: Option<Timestamp>, now: Moment) -> &'static str {
    if cancelled_at.is_some_and(|at| at <= now.at) {
        "cancelled"
    } else if now.business_date() < from {
        "not_yet"
    } else {
        "registered"
    }
}
