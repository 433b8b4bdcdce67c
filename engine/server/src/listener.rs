//! A listener: an address where connections are accepted, and what they all share.

use crate::clock::Clock;
use crate::config::ListenerConfig;
use crate::connection::{Connection, Limits, Port};
use crate::module_queue::ModuleQueue;
use crate::module_watch::WatchedModule;
use crate::register::DeviceRegister;
use crate::shard::Shard;
use crate::telemetry::{Closed, ListenerMeter};
use crate::tls::{self, TlsError};
use interchange::{CodeTable, Link};
use iso8583::{Dialect, Framing};
use security::SecurityModule;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a write waits for the peer to read before the connection is cut off.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a TLS handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Addresses remembered before those without connections are forgotten.
const FORGET_FROM: usize = 1024;
/// The pause after a failed accept: when file descriptors run out, trying at once helps nobody.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a listener can't be set up.
#[derive(Debug, Error)]
pub enum ListenerError {
    /// Its dialect.
    #[error("listener {listener}: dialect {dialect}: {why}")]
    Dialect {
        /// The listener.
        listener: String,
        /// The dialect's name or file.
        dialect: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its code table.
    #[error("listener {listener}: code table {path}: {why}")]
    Codes {
        /// The listener.
        listener: String,
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its framing.
    #[error("listener {listener}: {why}")]
    Framing {
        /// The listener.
        listener: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its TLS files.
    #[error("listener {listener}: {cause}")]
    Tls {
        /// The listener.
        listener: String,
        /// What is wrong with them.
        cause: TlsError,
    },
    /// Its address.
    #[error("listener {listener}: cannot listen on {address}: {cause}{}", hint(.cause))]
    Bind {
        /// The listener.
        listener: String,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
}

fn hint(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => "; another program listens there, perhaps another engine",
        std::io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
        std::io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A listener with its address taken. Whoever connects is refused until it listens, so that
/// balancers look elsewhere while the data directory is recovered.
pub(crate) struct Bound {
    config: ListenerConfig,
    socket: TcpSocket,
    link: Link,
    framing: Framing,
    tls: Option<TlsAcceptor>,
}

/// A listener to which can be connected, not yet accepting.
pub(crate) struct Listening {
    config: ListenerConfig,
    socket: TcpListener,
    link: Link,
    framing: Framing,
    tls: Option<TlsAcceptor>,
}

/// What a listener needs of the engine.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) shard: Shard,
    pub(crate) security: Arc<dyn SecurityModule>,
    pub(crate) register: Arc<DeviceRegister>,
    pub(crate) clock: Clock,
}

impl Bound {
    /// Reads what the listener's configuration names, and takes its address.
    pub(crate) fn bind(config: &ListenerConfig) -> Result<Self, ListenerError> {
        let listener = || config.name.clone();
        let link = link(config)?;
        let framing = Framing::new(&config.framing, config.tpdu, &config.header, config.max_frame)
            .map_err(|why| ListenerError::Framing { listener: listener(), why: why.to_string() })?;
        let tls = config
            .tls
            .as_ref()
            .map(tls::acceptor)
            .transpose()
            .map_err(|cause| ListenerError::Tls { listener: listener(), cause })?;
        let socket = bind(config.bind).map_err(|cause| cannot_listen(config, cause))?;
        Ok(Self { config: config.clone(), socket, link, framing, tls })
    }

    /// Lets connect.
    pub(crate) fn listen(self) -> Result<Listening, ListenerError> {
        let Self { config, socket, link, framing, tls } = self;
        match socket.listen(BACKLOG) {
            Ok(socket) => Ok(Listening { config, socket, link, framing, tls }),
            Err(cause) => Err(cannot_listen(&config, cause)),
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted engine need not wait for its last run's connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn cannot_listen(config: &ListenerConfig, cause: std::io::Error) -> ListenerError {
    ListenerError::Bind { listener: config.name.clone(), address: config.bind, cause }
}

impl Listening {
    /// The address taken; its port is the system's choice if the configuration says 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.config.bind)
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Accepts connections until `drain` says so, then waits for those there are to end.
    pub(crate) async fn run(self, services: Services, drain: watch::Receiver<bool>) {
        let Self { config, socket, link, framing, tls } = self;
        let meter = Arc::new(ListenerMeter::new(services.shard.live().listener(&config.name)));
        let security = services.security;
        let module =
            security.is_remote().then(|| ModuleQueue::start(config.module, Arc::clone(&meter)));
        let module = match module.transpose() {
            Ok(module) => module,
            Err(error) => {
                meter.no_threads(&error);
                return;
            }
        };
        let unreachable = Arc::new(WatchedModule::unreachable(Arc::clone(&security)));
        let port = Arc::new(Port {
            link,
            framing,
            length_bytes: if matches!(&*config.framing, "ascii4" | "u32be") { 4 } else { 2 },
            shard: services.shard,
            security,
            unreachable,
            module,
            register: services.register,
            clock: services.clock,
            meter,
            limits: limits(&config),
            any_terminal: config.any_terminal,
            acquirers: config.acquirers.clone(),
            in_flight: AtomicUsize::new(0),
            last_alarm: AtomicI64::new(0),
        });
        let mut connections = JoinSet::new();
        let mut addresses = Addresses::new(&config);
        let binds =
            config.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some() && tls.bind_names);
        let mut draining = pin!(told_to_drain(drain.clone()));
        loop {
            tokio::select! {
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let port = Arc::clone(&port);
                        if connections.len() >= port.limits.connections {
                            port.meter.closed(peer, Closed::TooMany, &[]);
                            continue;
                        }
                        let Some(place) = addresses.place(peer.ip()) else {
                            port.meter.closed(peer, Closed::TooManyOfOne, &[]);
                            continue;
                        };
                        let tls = tls.clone().map(|tls| (tls, binds));
                        let attended = attend(stream, peer, port, tls, drain.clone());
                        connections.spawn(async move {
                            attended.await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        port.meter.accept_failed(&error);
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                // A connection's panic has been reported by its own task.
                Some(_ended) = connections.join_next() => {}
                () = &mut draining => break,
            }
        }
        drop(socket);
        while connections.join_next().await.is_some() {}
    }
}

/// How many connections there are from each address, so that one peer can't take all places.
struct Addresses {
    /// For all; `None` where only the usual bound holds.
    most: Option<usize>,
    usual: usize,
    /// A connection holds a copy.
    open: HashMap<IpAddr, Arc<()>>,
}

impl Addresses {
    fn new(config: &ListenerConfig) -> Self {
        let usual = config.connections_max.div_ceil(4).saturating_mul(3);
        Self { most: config.connections_max_per_address, usual, open: HashMap::new() }
    }

    /// A place for a connection from an address, until it is dropped; `None` if it has as many as it
    /// may.
    fn place(&mut self, address: IpAddr) -> Option<Arc<()>> {
        let address = address.to_canonical();
        let most = match self.most {
            Some(most) => most,
            None if address.is_loopback() => usize::MAX,
            None => self.usual,
        };
        // Whoever has one address of IPv6 has a whole /64.
        let of_whom = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() >> 64 << 64)),
        };
        if self.open.len() > FORGET_FROM {
            self.open.retain(|_, places| Arc::strong_count(places) > 1);
        }
        let places = self.open.entry(of_whom).or_default();
        (Arc::strong_count(places) <= most).then(|| Arc::clone(places))
    }
}

/// Waits for the order to drain. An engine whose handle is gone drains as well.
pub(crate) async fn told_to_drain(mut drain: watch::Receiver<bool>) {
    // What it gives is a lock on the value, and must not live on.
    drop(drain.wait_for(|draining| *draining).await);
}

/// One connection, from the handshake on.
async fn attend(
    stream: TcpStream,
    peer: SocketAddr,
    port: Arc<Port>,
    tls: Option<(TlsAcceptor, bool)>,
    drain: watch::Receiver<bool>,
) {
    port.meter.opened(peer);
    if let Err(error) = stream.set_nodelay(true) {
        port.meter.closed(peer, Closed::Io(error.kind()), &[]);
        return;
    }
    match tls {
        None => Connection::new(stream, peer, port, None).run(drain).await,
        Some((acceptor, binds)) => match timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await
        {
            Ok(Ok(stream)) => {
                let names = binds.then(|| Arc::new(tls::client_names(stream.get_ref().1)));
                Connection::new(stream, peer, port, names).run(drain).await;
            }
            Ok(Err(_)) | Err(_) => port.meter.closed(peer, Closed::Tls, &[]),
        },
    }
}

fn limits(config: &ListenerConfig) -> Limits {
    Limits {
        idle: Duration::from_secs(config.idle_seconds),
        half_frame: Duration::from_secs(config.half_frame_seconds),
        write: WRITE_PATIENCE,
        deadline: Duration::from_millis(config.deadline_ms),
        in_flight_of_one: config.in_flight_per_connection,
        in_flight_of_all: config.in_flight,
        connections: config.connections_max,
        sign_on_required: config.sign_on_required,
    }
}

/// The dialect and the code table.
fn link(config: &ListenerConfig) -> Result<Link, ListenerError> {
    let dialect = dialect(&config.dialect).map_err(|why| ListenerError::Dialect {
        listener: config.name.clone(),
        dialect: config.dialect.clone(),
        why,
    })?;
    let codes = match &config.codes {
        None => CodeTable::default_for(dialect.version()),
        Some(path) => code_table(path).map_err(|why| ListenerError::Codes {
            listener: config.name.clone(),
            path: path.display().to_string(),
            why,
        })?,
    };
    codes.check_for(&dialect).map_err(|misfit| ListenerError::Codes {
        listener: config.name.clone(),
        path: codes.name().to_owned(),
        why: misfit.to_string(),
    })?;
    Ok(Link::new(dialect, codes).with_security_element(config.security_element))
}

fn dialect(name: &str) -> Result<Arc<Dialect>, String> {
    if let Some(shipped) = Dialect::shipped(name) {
        return Ok(shipped);
    }
    let text = std::fs::read_to_string(name).map_err(|error| error.to_string())?;
    Dialect::from_toml(&text, name).map(Arc::new).map_err(|errors| errors.to_string())
}

fn code_table(path: &Path) -> Result<CodeTable, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    CodeTable::from_toml(&text, &path.display().to_string()).map_err(|errors| errors.to_string())
}
