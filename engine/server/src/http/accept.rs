//! Connections of the HTTP side: bounded in number, with TLS where configured, closed when they
//! are silent. When all seats are taken, whoever has gone longest without an answer or the
//! beginning of a request gives up his: slow clients can't keep health and metrics from others.

use super::seats::{Seat, Seats};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

/// A connection that sends nothing and is sent nothing so long is closed.
const SILENCE_MAX: Duration = Duration::from_secs(120);
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// After a failed accept, usually because no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(200);

/// A listener for [`axum::serve`].
pub struct Accept {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
    /// Accepts and shakes hands, so that a slow client holds up nobody else.
    acceptor: JoinHandle<()>,
}

impl Accept {
    /// Begins to accept.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn new(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        connections: usize,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(16);
        let acceptor = tokio::spawn(accept_all(listener, tls, connections, sender));
        Ok(Self { address, ready, acceptor })
    }
}

impl Drop for Accept {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl axum::serve::Listener for Accept {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The acceptor ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept_all(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: usize,
    sender: mpsc::Sender<(Connection, SocketAddr)>,
) {
    let seats = Arc::new(Seats::new(connections));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "an HTTP connection was not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        // Without it small answers wait for the client's acknowledgement; a failure only slows.
        let _slower = stream.set_nodelay(true);
        let (sender, tls, seat) = (sender.clone(), tls.clone(), seats.take());
        tokio::spawn(async move {
            if let Some(connection) = shake_hands(stream, peer, tls, seat).await {
                // Nobody waits for it any more: the server is ending.
                let _ended = sender.send((connection, peer)).await;
            }
        });
    }
}

async fn shake_hands(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    mut seat: Seat,
) -> Option<Connection> {
    let Some(tls) = tls else { return Some(Connection::new(Stream::Plain(stream), seat)) };
    let shaken = tokio::time::timeout(HANDSHAKE_MAX, tls.accept(stream));
    let shaken = tokio::select! {
        shaken = shaken => shaken,
        () = seat.taken_away() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(Connection::new(Stream::Tls(Box::new(stream)), seat)),
        Ok(Err(error)) => {
            debug!(%peer, %error, "TLS handshake of an HTTP connection failed");
            None
        }
        Err(_) => {
            debug!(%peer, "TLS handshake of an HTTP connection took too long");
            None
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// An accepted connection. It counts among the bounded number until it is dropped.
pub struct Connection {
    stream: Stream,
    silence: Pin<Box<Sleep>>,
    seat: Seat,
    /// Whether bytes of a request have come since the last answer.
    asking: bool,
}

impl Connection {
    fn new(stream: Stream, seat: Seat) -> Self {
        Self { stream, silence: Box::pin(sleep(SILENCE_MAX)), seat, asking: false }
    }

    fn heard(&mut self) {
        self.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
    }
}

macro_rules! on_stream {
    ($self:expr, $stream:ident => $call:expr) => {
        match &mut $self.stream {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seat.is_taken_away(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let read = on_stream!(self, stream => stream.poll_read(context, buffer));
        if read.is_ready() {
            self.heard();
            // The rest of a request keeps no seat, however slowly it comes: its beginning does.
            if !std::mem::replace(&mut self.asking, true) {
                self.seat.renew();
            }
            return read;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.heard();
        let written = on_stream!(self, stream => stream.poll_write(context, bytes));
        if written.is_ready() {
            self.asking = false;
            self.seat.renew();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(context))
    }
}
