//! The state as bytes, and a digest of it.

use crate::State;
use std::io::{Read, Write};
use thiserror::Error;

/// The layout of a snapshot, its first byte. It rises with any change of what the state stores.
pub const SNAPSHOT_VERSION: u8 = 3;

const BUFFER: usize = 64 * 1024;

/// A snapshot that can't be read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// Written by a newer version.
    #[error("snapshot layout {0} is newer than this version reads ({SNAPSHOT_VERSION})")]
    Newer(u8),
    /// Written by an older version.
    #[error(
        "snapshot layout {0} is older than the one this version reads ({SNAPSHOT_VERSION}): open \
         the directory with the version that wrote it"
    )]
    Older(u8),
    /// Not a snapshot of this kind.
    #[error("the bytes are no snapshot: {0}")]
    Malformed(String),
    /// The medium failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl State {
    /// Writes the state to any sink; the caller says where.
    ///
    /// # Errors
    /// The sink's.
    pub fn write_snapshot(&self, sink: &mut dyn Write) -> std::io::Result<()> {
        sink.write_all(&[SNAPSHOT_VERSION])?;
        let buffer = Vec::with_capacity(BUFFER);
        let mut failed = None;
        let writing = Writing { sink, buffer, failed: &mut failed };
        let done = postcard::serialize_with_flavor(self, writing);
        match (done, failed) {
            (_, Some(error)) => Err(error),
            (Err(error), None) => Err(std::io::Error::other(error.to_string())),
            (Ok(()), None) => Ok(()),
        }
    }

    /// Reads a state that [`State::write_snapshot`] wrote.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn read_snapshot(source: &mut dyn Read) -> Result<Self, SnapshotError> {
        let mut version = [0];
        source.read_exact(&mut version)?;
        let [version] = version;
        if version > SNAPSHOT_VERSION {
            return Err(SnapshotError::Newer(version));
        }
        if version < SNAPSHOT_VERSION {
            return Err(SnapshotError::Older(version));
        }
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        let malformed = |error: postcard::Error| SnapshotError::Malformed(error.to_string());
        let mut state: Self = postcard::from_bytes(&bytes).map_err(malformed)?;
        drop(bytes);
        state.rebuild().map_err(SnapshotError::Malformed)?;
        Ok(state)
    }

    /// A digest of everything stored: two states with the same history have the same one (I8).
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = Hashing(xxhash_rust::xxh3::Xxh3::new());
        let written = self.write_snapshot(&mut hasher);
        assert!(written.is_ok(), "hashing does not fail");
        hasher.0.digest()
    }
}

struct Hashing(xxhash_rust::xxh3::Xxh3);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gathers small writes.
struct Writing<'a> {
    sink: &'a mut dyn Write,
    buffer: Vec<u8>,
    failed: &'a mut Option<std::io::Error>,
}

impl Writing<'_> {
    fn flush(&mut self) -> postcard::Result<()> {
        let written = self.sink.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| {
            *self.failed = Some(error);
            postcard::Error::SerializeBufferFull
        })
    }
}

impl postcard::ser_flavors::Flavor for Writing<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.buffer.push(byte);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn finalize(mut self) -> postcard::Result<()> {
        self.flush()
    }
}
