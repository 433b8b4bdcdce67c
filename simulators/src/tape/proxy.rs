//! Stands between terminals and a host, hands on every byte at once, and takes down what went by.

use super::file::{Header, Line, Side};
use super::remap::Remap;
use crate::exchange::decode;
use crate::intent::encode;
use crate::{Endpoint, SimError};
use bytes::BytesMut;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(20);

/// What has gone by so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections opened.
    pub connections: AtomicU64,
    /// Messages from terminals.
    pub requests: AtomicU64,
    /// Messages from the host.
    pub answers: AtomicU64,
    /// Pieces that were handed on but could not be read, so that they are not on the tape.
    pub unread: AtomicU64,
}

/// Whoever is shown what goes by.
pub trait Witness: Send + Sync {
    /// A message from one side of a connection, so long after the proxy began. Whether it could be
    /// read.
    ///
    /// # Errors
    /// Where what was seen can't be kept: the proxy ends.
    fn message(&self, body: &[u8], from: Side, place: (u32, Duration)) -> Result<bool, SimError>;

    /// Whether it must have seen a request before that is handed on.
    fn looks_first(&self) -> bool {
        false
    }
}

/// See the module.
pub struct Proxy {
    listener: TcpListener,
    endpoint: Endpoint,
    witness: Arc<dyn Witness>,
    tally: Arc<Tally>,
    began: Instant,
    failed: Mutex<Option<SimError>>,
    over: AtomicBool,
}

/// Writes a tape.
struct Recorder {
    file: Mutex<BufWriter<File>>,
    path: PathBuf,
    endpoint: Endpoint,
    remap: Remap,
}

impl Proxy {
    /// Listens at `bind` for those who want to speak to `endpoint`; the tape is a new file that
    /// only its owner may read.
    ///
    /// # Errors
    /// [`SimError::Connection`] if the port can't be had, [`SimError::File`] if the tape can't be
    /// made or is there already.
    pub fn new(
        bind: &str,
        endpoint: Endpoint,
        path: &Path,
        (header, remap): (&Header, Remap),
    ) -> Result<Self, SimError> {
        let listener = listening(bind)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = BufWriter::new(file.map_err(SimError::file(path))?);
        let first = serde_json::to_string(header)
            .map_err(|error| SimError::Setting(format!("the tape's header: {error}")))?;
        writeln!(file, "{first}").and_then(|()| file.flush()).map_err(SimError::file(path))?;
        let recorder = Recorder {
            file: Mutex::new(file),
            path: path.to_owned(),
            endpoint: endpoint.clone(),
            remap,
        };
        Ok(Self::of(listener, endpoint, Arc::new(recorder)))
    }

    /// Listens at `bind` for those who want to speak to `endpoint`, and shows what goes by.
    ///
    /// # Errors
    /// [`SimError::Connection`] if the port can't be had.
    pub fn before(
        bind: &str,
        endpoint: Endpoint,
        witness: Arc<dyn Witness>,
    ) -> Result<Self, SimError> {
        Ok(Self::of(listening(bind)?, endpoint, witness))
    }

    fn of(listener: TcpListener, endpoint: Endpoint, witness: Arc<dyn Witness>) -> Self {
        Self {
            listener,
            endpoint,
            witness,
            tally: Arc::default(),
            began: Instant::now(),
            failed: Mutex::new(None),
            over: AtomicBool::new(false),
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub fn address(&self) -> Result<SocketAddr, SimError> {
        let failed = |cause| SimError::Connection { target: "the proxy".to_owned(), cause };
        self.listener.local_addr().map_err(failed)
    }

    /// What has gone by.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Serves until `stop` is set; what was seen is kept whole.
    ///
    /// # Errors
    /// What the witness says.
    pub fn serve(&self, stop: &AtomicBool) -> Result<(), SimError> {
        std::thread::scope(|scope| {
            while !stop.load(Ordering::Acquire) && !self.over.load(Ordering::Acquire) {
                match self.listener.accept() {
                    Ok((terminal, _)) => {
                        let number = self.tally.connections.fetch_add(1, Ordering::Relaxed);
                        let connection = u32::try_from(number + 1).unwrap_or(u32::MAX);
                        scope.spawn(move || self.connection(terminal, connection, stop));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(STEP),
                    // One peer's trouble is not the proxy's.
                    Err(_) => std::thread::sleep(STEP),
                }
            }
        });
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().map_or(Ok(()), Err)
    }

    /// Both directions of one connection; when one side ends, so does the other.
    fn connection(&self, terminal: TcpStream, connection: u32, stop: &AtomicBool) {
        let Ok(host) = TcpStream::connect(self.endpoint.target()) else {
            // As if the host had refused it.
            let _closed = terminal.shutdown(Shutdown::Both);
            return;
        };
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (from, to, over) = ((&terminal, Side::Terminal), &host, &over);
            scope.spawn(move || self.pump(from, to, connection, (stop, over)));
            self.pump((&host, Side::Host), &terminal, connection, (stop, over));
        });
    }

    fn pump(
        &self,
        (mut from, side): (&TcpStream, Side),
        mut to: &TcpStream,
        connection: u32,
        (stop, over): (&AtomicBool, &AtomicBool),
    ) {
        let (mut piece, mut buffer) = ([0; 8192], BytesMut::new());
        let mut reads = true;
        let _nodelay = to.set_nodelay(true);
        let _timed = from.set_read_timeout(Some(STEP));
        while !stop.load(Ordering::Acquire)
            && !over.load(Ordering::Acquire)
            && !self.over.load(Ordering::Acquire)
        {
            match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    let at = self.began.elapsed();
                    let bytes = piece.get(..length).unwrap_or_default();
                    buffer.extend_from_slice(bytes);
                    let mut look =
                        |reads: bool| reads && self.take_down(&mut buffer, side, (connection, at));
                    // Handed on first: the tape must not slow anybody down. Unless the witness must
                    // know of a request before its answer can be there.
                    let looks_first = side == Side::Terminal && self.witness.looks_first();
                    if looks_first {
                        reads = look(reads);
                    }
                    if to.write_all(bytes).is_err() {
                        break;
                    }
                    if !looks_first {
                        reads = look(reads);
                    }
                }
                Err(error) if is_pause(&error) => {}
                Err(_) => break,
            }
        }
        over.store(true, Ordering::Release);
        let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Cuts what came into messages, which came at `place`; `false` once the stream can't be read any more.
    fn take_down(&self, buffer: &mut BytesMut, side: Side, place: (u32, Duration)) -> bool {
        loop {
            match self.endpoint.framing().next_frame(buffer) {
                Ok(Some(frame)) => self.show(&frame.body, side, place),
                Ok(None) => return true,
                Err(_) => {
                    self.tally.unread.fetch_add(1, Ordering::Relaxed);
                    return false;
                }
            }
        }
    }

    fn show(&self, body: &[u8], side: Side, place: (u32, Duration)) {
        let counter = match side {
            Side::Terminal => &self.tally.requests,
            Side::Host => &self.tally.answers,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match self.witness.message(body, side, place) {
            Ok(true) => {}
            Ok(false) => {
                self.tally.unread.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.get_or_insert(error);
                self.over.store(true, Ordering::Release);
            }
        }
    }
}

fn listening(bind: &str) -> Result<TcpListener, SimError> {
    let failed = |cause| SimError::Connection { target: bind.to_owned(), cause };
    let listener = TcpListener::bind(bind).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

impl Witness for Recorder {
    fn message(
        &self,
        body: &[u8],
        from: Side,
        (connection, at): (u32, Duration),
    ) -> Result<bool, SimError> {
        let at_us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        let message = match self.remap.replaces() {
            false => Some(body.to_vec()),
            true => remapped(&self.endpoint, body, &self.remap),
        };
        // It may hold anything, so nothing of it is kept.
        let Some(message) = message else { return Ok(false) };
        let line = Line { at_us, connection, from, message };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_string(&line)
            .map_err(std::io::Error::other)
            .and_then(|text| writeln!(file, "{text}"))
            .and_then(|()| file.flush());
        written.map_err(SimError::file(&self.path))?;
        Ok(true)
    }
}

/// The message with other card numbers; `None` if it does not parse.
pub(super) fn remapped(endpoint: &Endpoint, body: &[u8], remap: &Remap) -> Option<Vec<u8>> {
    let (mti, mut fields) = decode(endpoint.dialect(), body).ok()?;
    remap.message(&mut fields);
    encode(endpoint.dialect(), mti, &fields).ok()
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
