//! Where a host listens and how it wants to be spoken to, and a blocking connection to it.
//!
//! One message in flight at a time: for the scripted terminals and the scenarios. The load
//! generator has its own connections (`load::connection`).

use crate::SimError;
use bytes::BytesMut;
use iso8583::{Dialect, Frame, Framing, Tpdu};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// NII 0001 of the host, 0000 of the terminal: what a POS puts in its TPDU by default.
const TPDU_ADDRESSES: (u16, u16) = (0x0001, 0x0000);
const FRAME_MAX: usize = 8192;

/// A host's address, framing and dialect (WIRE.md "Framing", "Dialects").
#[derive(Clone)]
pub struct Endpoint {
    target: String,
    framing: Arc<Framing>,
    tpdu: Option<Tpdu>,
    dialect: Arc<Dialect>,
}

impl Endpoint {
    /// A host at `target` (host and port) behind the named framing and a dialect that is shipped or
    /// a file.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a framing or dialect that does not exist.
    pub fn new(target: &str, framing: &str, tpdu: bool, dialect: &str) -> Result<Self, SimError> {
        let frames = Framing::new(framing, tpdu, &[], FRAME_MAX)
            .map_err(|error| SimError::Setting(format!("framing {framing:?}: {error}")))?;
        Ok(Self {
            target: target.to_owned(),
            framing: Arc::new(frames),
            tpdu: tpdu.then(|| Tpdu::new(TPDU_ADDRESSES.0, TPDU_ADDRESSES.1)),
            dialect: load_dialect(dialect)?,
        })
    }

    /// As the demo's listener for POS and agents: `u16be` with TPDU, `iso87-bcd`.
    ///
    /// # Errors
    /// None, unless the shipped dialect is missing.
    pub fn pos(target: &str) -> Result<Self, SimError> {
        Self::new(target, "u16be", true, "iso87-bcd")
    }

    /// As the demo's listener for ATMs: `ascii4`, `iso87-ascii`.
    ///
    /// # Errors
    /// None, unless the shipped dialect is missing.
    pub fn atm(target: &str) -> Result<Self, SimError> {
        Self::new(target, "ascii4", false, "iso87-ascii")
    }

    /// As the demo's listener for networks: `u16be`, `iso93-bcd`.
    ///
    /// # Errors
    /// None, unless the shipped dialect is missing.
    pub fn network(target: &str) -> Result<Self, SimError> {
        Self::new(target, "u16be", false, "iso93-bcd")
    }

    /// Host and port.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The dialect spoken there.
    #[must_use]
    pub fn dialect(&self) -> &Arc<Dialect> {
        &self.dialect
    }

    /// How messages are cut out of the stream.
    #[must_use]
    pub fn framing(&self) -> &Arc<Framing> {
        &self.framing
    }

    /// Appends one framed message to `out`.
    ///
    /// # Errors
    /// [`SimError::Frame`] if it is longer than the framing can say.
    pub fn frame(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), SimError> {
        Ok(self.framing.encode(self.tpdu, body, out)?)
    }
}

/// A shipped dialect by its name, or one from a file by its path.
///
/// # Errors
/// [`SimError::Setting`] naming the shipped ones, or saying what is wrong with the file.
pub fn load_dialect(name: &str) -> Result<Arc<Dialect>, SimError> {
    if let Some(dialect) = Dialect::shipped(name) {
        return Ok(dialect);
    }
    let path = Path::new(name);
    if !path.exists() {
        let known = Dialect::SHIPPED.join(", ");
        let message = format!("no dialect {name:?}: neither a file nor one of {known}");
        return Err(SimError::Setting(message));
    }
    let text = std::fs::read_to_string(path).map_err(SimError::file(path))?;
    let dialect = Dialect::from_toml(&text, name);
    dialect.map(Arc::new).map_err(|errors| SimError::Setting(errors.to_string()))
}

/// An open connection.
pub struct Link {
    endpoint: Endpoint,
    stream: TcpStream,
    buffer: BytesMut,
    out: Vec<u8>,
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub fn connect(endpoint: &Endpoint) -> Result<Self, SimError> {
        let failed = |cause| SimError::Connection { target: endpoint.target.clone(), cause };
        let none = || std::io::Error::new(ErrorKind::NotFound, "no such host");
        let mut addresses = endpoint.target.to_socket_addrs().map_err(failed)?;
        let address = addresses.next().ok_or_else(none).map_err(failed)?;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self::over(endpoint, stream))
    }

    /// Over a connection that stands already, whoever opened it.
    #[must_use]
    pub fn over(endpoint: &Endpoint, stream: TcpStream) -> Self {
        let (buffer, out) = (BytesMut::with_capacity(FRAME_MAX), Vec::with_capacity(FRAME_MAX));
        Self { endpoint: endpoint.clone(), stream, buffer, out }
    }

    /// The host it is connected to.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one message.
    ///
    /// # Errors
    /// [`SimError::Connection`], [`SimError::Frame`].
    pub fn send(&mut self, body: &[u8]) -> Result<(), SimError> {
        self.out.clear();
        self.endpoint.frame(body, &mut self.out)?;
        self.stream.write_all(&self.out).map_err(|cause| self.broken(cause))
    }

    /// The next frame, or `None` if none came by `deadline`.
    ///
    /// # Errors
    /// [`SimError::Closed`], [`SimError::Connection`], [`SimError::Frame`].
    pub fn receive(&mut self, deadline: Instant) -> Result<Option<Frame>, SimError> {
        let mut chunk = [0u8; 4096];
        loop {
            if let Some(frame) = self.endpoint.framing.next_frame(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left)).map_err(|cause| self.broken(cause))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(SimError::Closed(self.endpoint.target.clone())),
                Ok(count) => {
                    self.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
                }
                Err(error) if is_pause(&error) => {}
                Err(cause) => return Err(self.broken(cause)),
            }
        }
    }

    fn broken(&self, cause: std::io::Error) -> SimError {
        SimError::Connection { target: self.endpoint.target.clone(), cause }
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
