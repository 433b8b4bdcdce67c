//! `/terminals/{id}/batch` and `/acquirers/{id}/period`: totals as they are counted (TXN-6).

use super::access::Reader;
use super::context::HttpContext;
use super::describe::{BatchTotals, BatchView, BatchesView};
use super::fields::Segments;
use super::money;
use super::problem::Problem;
use authorization::{Batch, Batches, State as Core};
use axum::Json;
use axum::extract::State;
use payment_types::{Currency, Moment, TerminalId};

/// What a terminal's open batch has counted, and the one closed last.
#[utoipa::path(get, path = "/api/v1/terminals/{id}/batch", tag = "clearing",
    params(("id" = String, Path, description = "DE 41")),
    responses((status = 200, body = BatchesView), (status = 404, description = "No such device")))]
pub(super) async fn of_terminal(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<BatchesView>, Problem> {
    let terminal = TerminalId::new(id.as_bytes());
    let look = move |core: &Core, now: Moment| {
        let (position, _) = core.directory().terminal(&terminal?)?;
        Some(view(&core.reconciliation().terminal(position), now))
    };
    let found = context.running()?.shard.query(look).await?;
    found.map(Json).ok_or_else(|| Problem::not_found("terminal", &id))
}

/// What an acquirer's open period has counted, and the one closed by its last cut-over.
#[utoipa::path(get, path = "/api/v1/acquirers/{id}/period", tag = "clearing",
    params(("id" = String, Path, description = "DE 32, digits")),
    responses((status = 200, body = BatchesView),
        (status = 404, description = "Not an institution's number")))]
pub(super) async fn of_acquirer(
    State(context): State<HttpContext>,
    _: Reader,
    Segments(id): Segments<String>,
) -> Result<Json<BatchesView>, Problem> {
    let acquirer: u64 = id.parse().map_err(|_| Problem::not_found("acquirer", &id))?;
    let look = move |core: &Core, now: Moment| view(&core.reconciliation().acquirer(acquirer), now);
    Ok(Json(context.running()?.shard.query(look).await?))
}

fn view(batches: &Batches, now: Moment) -> BatchesView {
    BatchesView {
        open: batch(&batches.open, now),
        closed: batches.closed.as_ref().map(|closed| batch(closed, now)),
    }
}

fn batch(batch: &Batch, now: Moment) -> BatchView {
    let totals = |at: usize| BatchTotals {
        number: batch.totals.numbers.get(at).copied().unwrap_or_default(),
        amount: money::text(
            i64::try_from(batch.totals.amounts.get(at).copied().unwrap_or_default())
                .unwrap_or(i64::MAX),
            Currency::KGS,
        ),
    };
    BatchView {
        number: batch.number,
        credits: totals(0),
        credit_reversals: totals(1),
        debits: totals(2),
        debit_reversals: totals(3),
        differs: batch.differs,
        closed_at: batch.closed_at.map(|at| Moment::new(at, now.offset).rfc3339()),
    }
}
