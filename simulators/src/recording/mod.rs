//! Recorded traffic: what one side of a connection sent, from a packet capture, a file of bytes or
//! of hex digits, or from a port that is listened on.
//!
//! Nothing here knows what the bytes mean.

mod bytes_file;
mod packets;
mod port;
mod reassembly;

pub use bytes_file::read;
pub use port::listen;

use std::net::SocketAddr;
use std::time::Duration;

/// What one side of a connection sent, in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream {
    /// Where it is from, for people: `127.0.0.1:41514 to 127.0.0.1:8583`, or a file and line.
    pub name: String,
    /// The side that was connected to, where the source says it; both directions have the same.
    pub service: Option<SocketAddr>,
    /// The bytes. Card numbers may be in them, so they are never shown as they are.
    pub bytes: Vec<u8>,
    /// When each piece came, by the offset where it begins, since the recording began. Empty where
    /// the source does not say.
    pub arrivals: Vec<(usize, Duration)>,
    /// Bytes that the capture lost, so that what follows could not be used.
    pub lost_after: Option<usize>,
}

impl Stream {
    /// Bytes of which nothing else is known.
    #[must_use]
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, service: None, bytes, arrivals: Vec::new(), lost_after: None }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({}, {} bytes)", self.name, self.bytes.len())
    }
}
