//! The module on a socket: frames in, answers out, with TLS if wanted, and what it was told to do
//! wrong.

use super::{Control, Machine, Misbehaviour};
use crate::SimError;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::future::pending;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How the module is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Characters before each command that come back with the answer.
    pub header_length: usize,
    /// PEM files of a certificate and its key, for TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// What its "random" keys are made of.
    pub seed: u64,
}

/// The module, listening.
pub struct Hsm {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    machine: Arc<Machine>,
    control: Arc<Control>,
}

impl Hsm {
    /// Listens; must be called within a runtime.
    ///
    /// # Errors
    /// [`SimError`] if the address cannot be had or the TLS files cannot be used.
    pub async fn bind(address: &str, options: &Options) -> Result<Self, SimError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| SimError::Setting(format!("cannot listen on {address}: {error}")))?;
        Ok(Self {
            listener,
            tls: options.tls.as_ref().map(acceptor).transpose()?,
            machine: Arc::new(Machine::new(options.header_length, options.seed)),
            control: Arc::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`SimError`] if the operating system does not say.
    pub fn address(&self) -> Result<SocketAddr, SimError> {
        self.listener.local_addr().map_err(|error| SimError::Setting(error.to_string()))
    }

    /// Its switches.
    #[must_use]
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Answers until it is dropped, and with it every connection.
    ///
    /// # Errors
    /// [`SimError`] if no more connections can be accepted.
    pub async fn serve(self) -> Result<(), SimError> {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = tokio::select! {
                accepted = self.listener.accept() => {
                    accepted.map_err(|error| SimError::Setting(error.to_string()))?
                }
                Some(_) = connections.join_next() => continue,
            };
            let (machine, control) = (Arc::clone(&self.machine), Arc::clone(&self.control));
            let tls = self.tls.clone();
            connections.spawn(async move {
                // A connection that ends, however it ends, concerns nobody else.
                drop(connection(socket, tls, &machine, &control).await);
            });
        }
    }

    /// As [`Self::serve`], on a thread of its own; for tests.
    ///
    /// # Errors
    /// [`SimError`] as [`Self::bind`].
    pub fn start(address: &str, options: &Options) -> Result<Running, SimError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SimError::Setting(format!("no runtime: {error}")))?;
        let hsm = runtime.block_on(Self::bind(address, options))?;
        let (address, control) = (hsm.address()?, hsm.control());
        let machine = Arc::clone(&hsm.machine);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = hsm.serve() => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Running { address, control, machine, stop: Some(stop), thread: Some(thread) })
    }
}

/// A module on a thread of its own, which ends with this value.
pub struct Running {
    address: SocketAddr,
    control: Arc<Control>,
    machine: Arc<Machine>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its switches.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// How many commands it answered.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.machine.commands()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be over already.
        if self.stop.take().is_some_and(|stop| stop.send(()).is_err()) {
            return;
        }
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn acceptor((certificate, key): &(PathBuf, PathBuf)) -> Result<TlsAcceptor, SimError> {
    let wrong = |path: &PathBuf, why: &dyn ToString| {
        SimError::Setting(format!("{}: {}", path.display(), why.to_string()))
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|why| wrong(certificate, &why))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|why| wrong(key, &why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| wrong(certificate, &why))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|why| wrong(certificate, &why))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn connection(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    machine: &Machine,
    control: &Control,
) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    match tls {
        None => answer_all(socket, machine, control).await,
        Some(tls) => answer_all(tls.accept(socket).await?, machine, control).await,
    }
}

async fn answer_all(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    machine: &Machine,
    control: &Control,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut message = vec![0; usize::from(length)];
        stream.read_exact(&mut message).await?;
        // Too short for a command: the real one closes, too.
        let Some(mut answer) = machine.answer(&message) else { return Ok(()) };
        let delay = control.delay();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let misbehaviour = control.next();
        if misbehaviour == Some(Misbehaviour::OtherHeader)
            && let Some(first) = answer.first_mut()
        {
            *first ^= 1;
        }
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let frame = [&length.to_be_bytes()[..], &answer].concat();
        let half = frame.get(..frame.len() / 2).unwrap_or_default();
        match misbehaviour {
            None | Some(Misbehaviour::OtherHeader) => stream.write_all(&frame).await?,
            Some(Misbehaviour::Close) => return Ok(()),
            Some(Misbehaviour::Silent) => pending().await,
            Some(Misbehaviour::Half) => {
                stream.write_all(half).await?;
                stream.flush().await?;
                pending().await
            }
            Some(Misbehaviour::HalfAndClose) => {
                stream.write_all(half).await?;
                return stream.flush().await;
            }
            Some(Misbehaviour::Garbage) => stream.write_all(b"\x00\x01HTTP/1.1 400").await?,
        }
        stream.flush().await?;
    }
}
