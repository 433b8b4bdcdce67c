//! A host that sends every frame back as it came: what the sockets alone can do.
//!
//! The same framing and the same way of reading and writing as the load generator has, so that an
//! engine's rate can be given as a share of the echo's on the same machine. With a [`Delay`] it is
//! a host of which it is known how long it takes.

mod delay;

pub use delay::Delay;

use crate::SimError;
use crate::load::pace::Alarm;
use bytes::BytesMut;
use iso8583::{Framing, Tpdu};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a connection reads at a time to begin with; one that gets more at once takes more.
const READ_SIZE: usize = 1 << 13;
/// After a connection could not be accepted (no more files): the others must be served meanwhile.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// A listening echo host.
pub struct EchoHost {
    listener: TcpListener,
    framing: Arc<Framing>,
    delay: Option<Delay>,
}

impl EchoHost {
    /// Listens; port 0 takes a free one. Inside a runtime.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub async fn bind(address: &str, framing: Arc<Framing>) -> Result<Self, SimError> {
        let failed = |cause| SimError::Connection { target: address.to_owned(), cause };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self { listener, framing, delay: None })
    }

    /// Waits that long before each answer; answers of one connection stay in their order.
    #[must_use]
    pub fn delayed(self, delay: Option<Delay>) -> Self {
        Self { delay, ..self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`SimError::Connection`] if the system does not tell.
    pub fn address(&self) -> Result<SocketAddr, SimError> {
        let failed = |cause| SimError::Connection { target: "echo".to_owned(), cause };
        self.listener.local_addr().map_err(failed)
    }

    /// Serves for ever.
    pub async fn serve(self) {
        let mut number = 0;
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            };
            let framing = self.framing.clone();
            let mut dice = ChaCha8Rng::seed_from_u64(1);
            dice.set_stream(number);
            number += 1;
            let delay = self.delay.map(|delay| (delay, dice));
            // A connection that breaks, or sends what is no frame, ends; the others go on.
            tokio::spawn(async move {
                match delay {
                    Some(delay) => answer_later(stream, &framing, delay).await,
                    None => answer_at_once(stream, &framing).await,
                }
                .unwrap_or_default();
            });
        }
    }
}

/// Reads what is there; false at the end.
async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> std::io::Result<bool> {
    buffer.reserve(READ_SIZE / 4);
    Ok(stream.read_buf(buffer).await? > 0)
}

/// Takes the next whole frame and writes it as it goes back.
fn turn_round(
    framing: &Framing,
    buffer: &mut BytesMut,
    out: &mut Vec<u8>,
) -> std::io::Result<bool> {
    let Some(frame) = framing.next_frame(buffer).map_err(std::io::Error::other)? else {
        return Ok(false);
    };
    let tpdu = frame.tpdu.map(Tpdu::swapped);
    framing.encode(tpdu, &frame.body, out).map_err(std::io::Error::other)?;
    Ok(true)
}

async fn answer_at_once(mut stream: TcpStream, framing: &Framing) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let mut out = Vec::with_capacity(READ_SIZE);
    while read(&mut stream, &mut buffer).await? {
        while turn_round(framing, &mut buffer, &mut out)? {}
        // Everything that came in one piece goes back in one piece.
        stream.write_all(&out).await?;
        out.clear();
    }
    Ok(())
}

async fn answer_later(
    mut stream: TcpStream,
    framing: &Framing,
    (delay, mut dice): (Delay, ChaCha8Rng),
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let alarm = Alarm::new();
    let mut buffer = BytesMut::with_capacity(READ_SIZE);
    let mut waiting: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    loop {
        let now = Instant::now();
        while waiting.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, frame)) = waiting.pop_front() {
                stream.write_all(&frame).await?;
            }
        }
        let next = waiting.front().map(|(due, _)| due.saturating_duration_since(now));
        tokio::select! {
            more = read(&mut stream, &mut buffer) => {
                if !more? {
                    return Ok(());
                }
                let came = Instant::now();
                let mut frame = Vec::new();
                while turn_round(framing, &mut buffer, &mut frame)? {
                    let due = came + delay.draw(&mut dice);
                    waiting.push_back((due, std::mem::take(&mut frame)));
                }
            }
            () = alarm.wait(next.unwrap_or_default()), if next.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, Link};

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

    #[test]
    fn a_delayed_echo_waits_as_long_and_keeps_the_order() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let framing = Endpoint::new("x", "u16be", false, "iso87-bcd").unwrap().framing().clone();
        let host = runtime.block_on(EchoHost::bind("127.0.0.1:0", framing)).unwrap();
        let target = host.address().unwrap().to_string();
        let delay = "20ms-40ms".parse().ok();
        runtime.spawn(host.delayed(delay).serve());
        let endpoint = Endpoint::new(&target, "u16be", false, "iso87-bcd").unwrap();
        let mut link = Link::connect(&endpoint).unwrap();
        let began = Instant::now();
        (0..10u8).for_each(|number| link.send(&[number; 30]).unwrap());
        for number in 0..10u8 {
            let frame = link.receive(began + Duration::from_secs(20)).unwrap().unwrap();
            assert_eq!(frame.body.as_ref(), [number; 30]);
            assert!(began.elapsed() >= Duration::from_millis(20));
        }
    }
}
