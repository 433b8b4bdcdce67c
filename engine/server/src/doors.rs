//! The engine's addresses: taken all at once, before anything is touched, so that a start that
//! can't succeed changes nothing; and the HTTP side, which answers health while the data directory
//! is still being recovered.

use crate::config::{Config, HttpConfig, ListenerConfig};
use crate::engine::ServeError;
use crate::files;
use crate::http::{self, AccessOptions, HttpContext};
use crate::listener::{Bound, told_to_drain};
use crate::telemetry;
use crate::tls::{self, TlsError};
use std::io;
use std::net::SocketAddr;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

/// Why HTTP can't be served.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Its TLS files.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its address.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
}

/// All addresses of a configuration.
pub(crate) struct Doors {
    listeners: Vec<Bound>,
    http: Option<(TcpListener, Option<TlsAcceptor>)>,
    http_connections: usize,
}

/// What runs at the engine's edge.
pub(crate) struct Front {
    /// What the HTTP side knows of the engine.
    pub(crate) context: HttpContext,
    /// Where HTTP is served.
    pub(crate) http: Option<SocketAddr>,
    /// Set to make everything end in good order.
    pub(crate) drain: watch::Sender<bool>,
    /// Listeners and HTTP.
    pub(crate) tasks: JoinSet<()>,
}

impl Doors {
    /// Takes the addresses.
    pub(crate) async fn take(config: &Config) -> Result<Self, ServeError> {
        let shares = files::share(&config.listeners);
        let bind = |(config, connections_max): (&ListenerConfig, &usize)| {
            Bound::bind(&ListenerConfig { connections_max: *connections_max, ..config.clone() })
        };
        let listeners = config.listeners.iter().zip(&shares.listeners).map(bind);
        let listeners = listeners.collect::<Result<_, _>>()?;
        let http = match &config.http {
            None => None,
            Some(config) => Some(bind_http(config).await?),
        };
        Ok(Self { listeners, http, http_connections: shares.http })
    }

    /// Serves HTTP from now on; the listeners wait for the engine.
    pub(crate) fn open_front(self, config: &Config) -> (Vec<Bound>, Front) {
        let context = HttpContext::new(
            config.api_tokens.clone(),
            telemetry::metrics(),
            AccessOptions { config: config.access.clone(), test_mode: config.security.test_keys },
        );
        let drain = watch::Sender::new(false);
        let mut front = Front { context, http: None, drain, tasks: JoinSet::new() };
        if let Some((listener, tls)) = self.http {
            front.http = listener.local_addr().ok();
            if let Some(address) = front.http {
                info!(listener = "http", %address, "listening");
            }
            let shutdown = told_to_drain(front.drain.subscribe());
            let door = (listener, tls, self.http_connections);
            let served = http::serve(door, front.context.clone(), shutdown);
            front.tasks.spawn(async move {
                if let Err(error) = served.await {
                    error!(%error, "HTTP is not served any more");
                }
            });
        }
        (self.listeners, front)
    }
}

async fn bind_http(config: &HttpConfig) -> Result<(TcpListener, Option<TlsAcceptor>), HttpError> {
    let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
    let address = config.bind;
    let listener =
        TcpListener::bind(address).await.map_err(|cause| HttpError::Bind { address, cause })?;
    Ok((listener, tls))
}
