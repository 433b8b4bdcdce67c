//! The HTTP side: the API of CONTRACT.md, health, metrics and a page that says what runs here.
//!
//! What it is: the edge between people or scripts and the engine. Everything that changes state
//! becomes a [`Command`](authorization::Command) and is answered when it is durable (BLK-1).
//! Balances, counters and blocks are read from the shard; what is searched comes from the read
//! model, after it has caught up with what was durable when the question came.
//! What it is not: a place for rules. It checks form (names, types, amounts, dates) and who may do
//! what; whether something is allowed is the core's matter.

mod accept;
mod access;
mod accounts;
mod alerts;
mod asked;
mod audit;
mod batches;
mod card_security;
mod card_settings;
mod cards;
mod context;
mod data_report;
mod describe;
mod devices;
mod disputes;
mod effects;
mod events;
mod factors;
mod fields;
mod find;
mod forms;
mod gate;
mod headers;
mod health;
mod idempotency;
mod json;
mod keys;
mod looks;
mod metering;
mod money;
mod networks;
mod notifications;
mod openapi;
mod operations;
mod order_forms;
mod order_refusals;
mod order_view;
mod orders;
mod overdrafts;
mod page;
mod permissions;
mod personal;
mod personal_keys;
mod presentments;
mod problem;
mod query;
mod rates;
mod retirement;
mod routes;
mod rules;
mod seats;
mod session;
mod session_steps;
mod signing;
mod statements;
mod stop_list;
mod story;
mod throttle;
mod transactions;
mod travels;
mod unusual;
mod users;

pub use accept::Accept;
pub use context::{AccessOptions, HttpContext, Running, SigningPolicy};
pub use openapi::document as openapi_document;
pub(crate) use overdrafts::open_overdrafts;
pub(crate) use rates::read as read_rate;
pub use routes::{API, router};
pub(crate) use unusual::ALERTS;

use authorization::Refusal;
use std::future::Future;
use std::io;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Why the core refused something about `id`, in words for people.
pub(crate) fn in_words(refusal: Refusal, id: &str) -> String {
    problem::Problem::refused(refusal, id).detail().to_owned()
}

/// Serves HTTP on a listener, by TLS where there is an acceptor, to so many connections at a time,
/// until `shutdown` is there; requests that have begun are finished.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    (listener, tls, connections): (TcpListener, Option<TlsAcceptor>, usize),
    context: HttpContext,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    context.set_tls(tls.is_some());
    let accept = Accept::new(listener, tls, connections)?;
    let upkeep = tokio::spawn(metering::upkeep(context.clone()));
    let service = router(context).into_make_service_with_connect_info::<gate::Peer>();
    let served = axum::serve(accept, service).with_graceful_shutdown(shutdown).await;
    upkeep.abort();
    served
}
