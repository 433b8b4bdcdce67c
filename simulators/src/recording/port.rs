//! A recording from a port: what the first who connects sends.

use super::Stream;
use crate::SimError;
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Enough to tell a dialect from, many times over.
const ENOUGH: usize = 256 * 1024;
const STEP: Duration = Duration::from_millis(20);

/// Listens, takes in what one peer sends until it closes, is silent for `silence` after having
/// sent something, or has sent more than enough. Nothing is answered.
///
/// # Errors
/// [`SimError::Connection`] if the port can't be had; [`SimError::Setting`] if nobody connects or
/// sends anything within `patience`.
pub fn listen(bind: &str, patience: Duration, silence: Duration) -> Result<Stream, SimError> {
    let failed = |cause| SimError::Connection { target: bind.to_owned(), cause };
    let listener = TcpListener::bind(bind).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let begun = Instant::now();
    let (mut peer, from) = loop {
        match listener.accept() {
            Ok(accepted) => break accepted,
            Err(error) if error.kind() == ErrorKind::WouldBlock && begun.elapsed() < patience => {
                std::thread::sleep(STEP);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let seconds = patience.as_secs();
                let cause = format!("nobody connected to {bind} within {seconds} s");
                return Err(SimError::Setting(cause));
            }
            Err(error) => return Err(failed(error)),
        }
    };
    peer.set_nonblocking(false).map_err(failed)?;
    let mut stream = Stream::new(format!("{from} to {bind}"), Vec::new());
    stream.service = listener.local_addr().ok();
    let mut piece = [0; 4096];
    while stream.bytes.len() < ENOUGH {
        let left = if stream.bytes.is_empty() { patience } else { silence };
        peer.set_read_timeout(Some(left.max(STEP))).map_err(failed)?;
        match peer.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                stream.arrivals.push((stream.bytes.len(), begun.elapsed()));
                stream.bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if stream.bytes.is_empty() {
        return Err(SimError::Setting(format!("{from} connected to {bind} and sent nothing")));
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpStream;

    #[test]
    fn what_a_peer_sends_is_taken_in() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let target = free.clone();
        let sender = std::thread::spawn(move || {
            for _ in 0..200 {
                if let Ok(mut stream) = TcpStream::connect(&target) {
                    stream.write_all(b"0800").unwrap();
                    return;
                }
                std::thread::sleep(STEP);
            }
        });
        let stream = listen(&free, Duration::from_secs(10), Duration::from_millis(200)).unwrap();
        sender.join().unwrap();
        assert_eq!(stream.bytes, b"0800");
        assert_eq!(stream.service.map(|service| service.to_string()), Some(free.clone()));
        let nobody = listen(&free, Duration::from_millis(50), STEP).unwrap_err().to_string();
        assert!(nobody.starts_with("nobody connected to 127.0.0.1:"), "{nobody}");
    }
}
