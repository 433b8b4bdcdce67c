//! A POS terminal that speaks bytes, blocking, and knows only the wire.

use super::{PAN, PIN, TERMINAL, TERMINAL_KEY};
use bytes::BytesMut;
use iso8583::{Dialect, Framing, Message, MessageBuilder, Tpdu};
use payment_types::{Mti, Pan};
use security::{ClearKey, TdesKey, TestPin, encrypt_pin_block_iso0};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Pos {
    pub stream: TcpStream,
    input: BytesMut,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub mti: String,
    pub stan: u64,
    pub code: String,
    pub auth_code: Option<String>,
}

pub fn dialect() -> Arc<Dialect> {
    Dialect::shipped("iso87-bcd").unwrap()
}

fn framing() -> Framing {
    Framing::new("u16be", true, &[], 8192).unwrap()
}

/// The bytes of a message on the wire, with the usual TPDU.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    framing().encode(Some(Tpdu::new(1, 0)), body, &mut out).unwrap();
    out
}

/// A purchase of `minor` with the PIN.
pub fn purchase(stan: u64, minor: u64) -> Vec<u8> {
    message("0200", stan, minor)
}

pub fn message(mti: &str, stan: u64, minor: u64) -> Vec<u8> {
    message_of(TERMINAL, mti, stan, minor)
}

/// As some terminal says it.
pub fn message_of(terminal: &str, mti: &str, stan: u64, minor: u64) -> Vec<u8> {
    message_from((terminal, 417_001), mti, stan, minor)
}

/// As some acquirer's terminal says it.
pub fn message_from(
    (terminal, acquirer): (&str, u64),
    mti: &str,
    stan: u64,
    minor: u64,
) -> Vec<u8> {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse(mti).unwrap());
    let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
    let pin = TestPin::new(PIN).unwrap();
    let key = TdesKey::new(&ClearKey::from_hex(TERMINAL_KEY).unwrap()).unwrap();
    let block = encrypt_pin_block_iso0(&pin, &pan, &key);
    builder.set_text(2, PAN.as_bytes()).unwrap();
    builder.set_number(3, 0).unwrap();
    builder.set_number(4, minor).unwrap();
    builder.set_number(7, 1_123_040_000).unwrap();
    builder.set_number(11, stan).unwrap();
    builder.set_number(12, 100_000).unwrap();
    builder.set_number(13, 1123).unwrap();
    builder.set_number(14, 2912).unwrap();
    builder.set_number(22, 51).unwrap();
    builder.set_number(25, 0).unwrap();
    builder.set_number(32, acquirer).unwrap();
    builder.set_text(37, format!("{stan:012}").as_bytes()).unwrap();
    builder.set_text(41, terminal.as_bytes()).unwrap();
    builder.set_text(42, b"M1             ").unwrap();
    builder.set_number(49, 417).unwrap();
    builder.set_binary(52, &block.bytes()).unwrap();
    let mut body = Vec::new();
    builder.write(&mut body).unwrap();
    framed(&body)
}

/// 0800 with a network management code.
pub fn network(stan: u64, code: u64) -> Vec<u8> {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse("0800").unwrap());
    builder.set_number(7, 1_123_040_000).unwrap();
    builder.set_number(11, stan).unwrap();
    builder.set_text(41, TERMINAL.as_bytes()).unwrap();
    builder.set_number(70, code).unwrap();
    let mut body = Vec::new();
    builder.write(&mut body).unwrap();
    framed(&body)
}

impl Pos {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, input: BytesMut::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer; `None` when the engine closed the connection.
    pub fn receive(&mut self) -> Option<Answer> {
        self.receive_body().map(|body| read(&body))
    }

    /// The bytes of the next answer.
    pub fn receive_body(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = framing().next_frame(&mut self.input).unwrap() {
                assert_eq!(frame.tpdu, Some(Tpdu::new(0, 1)), "the TPDU comes back swapped");
                return Some(frame.body.to_vec());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    pub fn ask(&mut self, bytes: &[u8]) -> Answer {
        self.send(bytes);
        self.receive().expect("the connection was closed")
    }

    /// Whether nothing comes for `patience`.
    pub fn is_silent(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        let mut byte = [0];
        let silent = matches!(
            self.stream.peek(&mut byte),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        );
        self.stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        silent
    }

    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

fn read(body: &[u8]) -> Answer {
    let dialect = dialect();
    let message = Message::parse(&dialect, body).unwrap();
    let text = |element| {
        let mut scratch = [0; 64];
        let value = message.text(element, &mut scratch)?.unwrap();
        Some(String::from_utf8(value.to_vec()).unwrap())
    };
    Answer {
        mti: message.mti().to_string(),
        stan: message.number(11).unwrap().unwrap(),
        code: text(39).unwrap(),
        auth_code: text(38),
    }
}
