//! One connection to the module: a command goes out, its answer comes back, in time or not at all.

use super::frame::{self, LENGTH_MAX};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// TLS as the connections need it.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: Option<ServerName<'static>>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

pub(super) struct Link {
    stream: Stream,
    header_length: usize,
    sequence: u32,
    /// Which of the addresses it goes to.
    pub(super) host: usize,
    /// Whether a command has been answered on it: then a sudden end may just be the other side's
    /// closing of an idle connection.
    pub(super) was_used: bool,
}

fn too_late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "no answer in time")
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A timeout of zero would mean to wait for ever.
    if left < Duration::from_millis(1) { Err(too_late()) } else { Ok(left) }
}

fn garbage(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

impl Link {
    pub(super) fn connect(
        address: &str,
        host: usize,
        tls: Option<&Tls>,
        header_length: usize,
        deadline: Instant,
    ) -> io::Result<Self> {
        let mut last = io::Error::new(ErrorKind::NotFound, "no such host");
        let host_name = address.rsplit_once(':').map_or(address, |(name, _port)| name);
        for address in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, remaining(deadline)?) {
                Ok(socket) => {
                    socket.set_nodelay(true)?;
                    let stream = match tls {
                        None => Stream::Plain(socket),
                        Some(tls) => secured(tls, host_name, socket, deadline)?,
                    };
                    return Ok(Self { stream, header_length, sequence: 0, host, was_used: false });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends a command and gives its answer from the code on. After an error the connection is of
    /// no use: an answer that comes late would be taken for the next one's.
    pub(super) fn exchange(&mut self, command: &[u8], deadline: Instant) -> io::Result<Vec<u8>> {
        self.sequence = self.sequence.wrapping_add(1);
        let header = header(self.sequence, self.header_length);
        let message = frame::encode(&header, command).map_err(|_| garbage("command too long"))?;
        self.socket().set_write_timeout(Some(remaining(deadline)?))?;
        self.stream.write_all(&message)?;
        self.stream.flush()?;
        let mut length = [0; 2];
        self.read_all(&mut length, deadline)?;
        let length = usize::from(u16::from_be_bytes(length));
        if length < self.header_length + 4 || length > LENGTH_MAX {
            return Err(garbage("an answer of an impossible length"));
        }
        let mut answer = vec![0; length];
        self.read_all(&mut answer, deadline)?;
        if !answer.starts_with(&header) {
            return Err(garbage("an answer to another command"));
        }
        self.was_used = true;
        answer.drain(..self.header_length);
        Ok(answer)
    }

    fn read_all(&mut self, room: &mut [u8], deadline: Instant) -> io::Result<()> {
        let mut filled = 0;
        while filled < room.len() {
            self.socket().set_read_timeout(Some(remaining(deadline)?))?;
            match self.stream.read(&mut room[filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(too_late()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        }
    }
}

fn secured(tls: &Tls, host_name: &str, socket: TcpStream, deadline: Instant) -> io::Result<Stream> {
    let name = match &tls.name {
        Some(name) => name.clone(),
        None => ServerName::try_from(host_name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| garbage("an address that no certificate can be for"))?,
    };
    let session = ClientConnection::new(Arc::clone(&tls.config), name)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut stream = StreamOwned::new(session, socket);
    while stream.conn.is_handshaking() {
        stream.sock.set_read_timeout(Some(remaining(deadline)?))?;
        stream.sock.set_write_timeout(Some(remaining(deadline)?))?;
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(Stream::Tls(Box::new(stream)))
}

/// A number that comes back with the answer, in as many characters as the header has: its last
/// digits if they are few.
fn header(sequence: u32, length: usize) -> Vec<u8> {
    let digits = format!("{sequence:010}");
    let mut header = vec![b'0'; length.saturating_sub(digits.len())];
    header.extend_from_slice(&digits.as_bytes()[digits.len().saturating_sub(length)..]);
    header
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(room),
            Self::Tls(stream) => stream.read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_as_long_as_it_is_set() {
        assert_eq!(header(7, 4), b"0007");
        assert_eq!(header(1_234_567, 4), b"4567");
        assert_eq!(header(7, 0), b"");
        assert_eq!(header(7, 12), b"000000000007");
    }
}
