//! A host that sends every frame back as it came: what the sockets alone can do.
//!
//! The same framing and the same way of reading and writing as the load generator has, so that an
//! engine's rate can be given as a share of the echo's on the same machine.

use crate::SimError;
use bytes::BytesMut;
use iso8583::Framing;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const READ_SIZE: usize = 1 << 16;

/// A listening echo host.
pub struct EchoHost {
    listener: TcpListener,
    framing: Arc<Framing>,
}

impl EchoHost {
    /// Listens; port 0 takes a free one. Inside a runtime.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub async fn bind(address: &str, framing: Arc<Framing>) -> Result<Self, SimError> {
        let failed = |cause| SimError::Connection { target: address.to_owned(), cause };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self { listener, framing })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`SimError::Connection`] if the system does not tell.
    pub fn address(&self) -> Result<SocketAddr, SimError> {
        let failed = |cause| SimError::Connection { target: "echo".to_owned(), cause };
        self.listener.local_addr().map_err(failed)
    }

    /// Serves until the listener fails.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub async fn serve(self) -> Result<(), SimError> {
        loop {
            let accepted = self.listener.accept().await;
            let failed = |cause| SimError::Connection { target: "echo".to_owned(), cause };
            let (stream, _) = accepted.map_err(failed)?;
            let framing = self.framing.clone();
            // A connection that breaks, or sends what is no frame, ends; the others go on.
            tokio::spawn(async move { converse(stream, &framing).await.unwrap_or_default() });
        }
    }
}

async fn converse(mut stream: TcpStream, framing: &Framing) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let mut out = Vec::with_capacity(READ_SIZE);
    loop {
        buffer.reserve(READ_SIZE / 4);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        while let Some(frame) = framing.next_frame(&mut buffer).map_err(std::io::Error::other)? {
            let tpdu = frame.tpdu.map(iso8583::Tpdu::swapped);
            framing.encode(tpdu, &frame.body, &mut out).map_err(std::io::Error::other)?;
        }
        // Everything that came in one piece goes back in one piece.
        stream.write_all(&out).await?;
        out.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Link};
    use std::time::{Duration, Instant};

    #[test]
    fn frames_come_back_as_long_as_they_went_and_in_order() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        for (framing, tpdu) in [("u16be", true), ("ascii4", false), ("u32be", false)] {
            let endpoint = Endpoint::new("x", framing, tpdu, "iso87-bcd").unwrap();
            let host = EchoHost::bind("127.0.0.1:0", endpoint.framing().clone());
            let host = runtime.block_on(host).unwrap();
            let target = host.address().unwrap().to_string();
            runtime.spawn(host.serve());
            let endpoint = Endpoint::new(&target, framing, tpdu, "iso87-bcd").unwrap();
            let mut link = Link::connect(&endpoint).unwrap();
            let bodies = [vec![1u8; 3], vec![2; 4000], vec![3; 1]];
            bodies.iter().for_each(|body| link.send(body).unwrap());
            let deadline = Instant::now() + Duration::from_secs(5);
            for body in &bodies {
                let frame = link.receive(deadline).unwrap().unwrap();
                assert_eq!(frame.body.as_ref(), body.as_slice());
            }
        }
    }
}
