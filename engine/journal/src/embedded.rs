//! The journal on local segments, ready to append.

use crate::prepare::{self, NextSegment, Preparer};
use crate::storage::write_all;
use crate::{
    Committed, DataDirectory, Journal, JournalError, SegmentFile, Storage, record, segment,
};
use std::io;
use std::sync::Arc;

/// The embedded journal: one writer, group commit, one `fdatasync` a commit.
///
/// Records gather in memory until [`Journal::commit`] (or the end of a segment) writes them in one
/// piece. It holds the data directory's lock as long as it lives. Dropping it writes nothing:
/// what was not committed was not promised.
pub struct Embedded {
    storage: Arc<dyn Storage>,
    file: Box<dyn SegmentFile>,
    /// The sequence of the segment's first record.
    first: u64,
    size: u64,
    /// Where the next flush begins.
    offset: u64,
    buffer: Vec<u8>,
    next: u64,
    durable: u64,
    previous: u32,
    record_bytes_max: usize,
    poison: Option<Arc<str>>,
    preparer: Preparer,
    directory: Option<DataDirectory>,
}

impl Embedded {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        directory: Option<DataDirectory>,
        preparer: Preparer,
        record_bytes_max: usize,
        active: Active,
    ) -> Result<Self, JournalError> {
        let Active { file, first, offset, next, previous } = active;
        let path = storage.path(&segment::name(first));
        let size = file.size().map_err(JournalError::io("read the size of", &path))?;
        Ok(Self {
            storage,
            file,
            first,
            size,
            offset,
            buffer: Vec::new(),
            next,
            durable: next - 1,
            previous,
            record_bytes_max,
            poison: None,
            preparer,
            directory,
        })
    }

    /// The highest sequence on stable storage.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether the next segment is ready; worth a metric and a warning when it is failing.
    #[must_use]
    pub fn next_segment(&self) -> NextSegment {
        self.preparer.status()
    }

    /// The locked data directory; none when opened on a storage of the caller's.
    #[must_use]
    pub fn directory(&self) -> Option<&DataDirectory> {
        self.directory.as_ref()
    }

    fn check(&self) -> Result<(), JournalError> {
        match &self.poison {
            Some(first) => Err(JournalError::Poisoned { first: Arc::clone(first) }),
            None => Ok(()),
        }
    }

    /// Runs a step that touches the disk; its error stops the journal for good.
    fn guarded(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let result = step(self);
        if let Err(error) = &result {
            self.poison = Some(error.to_string().into());
        }
        result
    }

    fn flush(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        write_all(self.file.as_ref(), &self.buffer, self.offset)
            .map_err(|error| self.refused("write", error))?;
        self.file.sync_data().map_err(|error| self.refused("flush", error))?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        self.durable = self.next - 1;
        Ok(())
    }

    fn refused(&self, action: &'static str, error: io::Error) -> JournalError {
        JournalError::io(action, &self.storage.path(&segment::name(self.first)))(error)
    }

    /// Goes on in the next segment. All before it is on stable storage by then: only the last
    /// segment can have a torn tail.
    fn roll(&mut self) -> Result<(), JournalError> {
        self.flush()?;
        let file = self.preparer.take()?;
        prepare::activate(self.storage.as_ref(), file.as_ref(), self.next, self.previous)?;
        self.preparer.again();
        let path = self.storage.path(&segment::name(self.next));
        self.size = file.size().map_err(JournalError::io("read the size of", &path))?;
        self.file = file;
        self.first = self.next;
        self.offset = segment::SEGMENT_HEADER_BYTES as u64;
        Ok(())
    }
}

/// The segment that is appended to, and where in it.
pub(crate) struct Active {
    pub(crate) file: Box<dyn SegmentFile>,
    pub(crate) first: u64,
    pub(crate) offset: u64,
    pub(crate) next: u64,
    pub(crate) previous: u32,
}

impl Journal for Embedded {
    fn append(&mut self, record: &[u8]) -> Result<u64, JournalError> {
        self.check()?;
        if record.len() > self.record_bytes_max {
            let max = self.record_bytes_max;
            return Err(JournalError::RecordTooLarge { length: record.len(), max });
        }
        let end = self.offset + (self.buffer.len() + record::span(record.len())) as u64;
        if end > self.size {
            self.guarded(Self::roll)?;
        }
        let sequence = self.next;
        // A flush is smaller than a segment, so its records can always be counted in 32 bits.
        let place = u32::try_from(sequence - self.durable).unwrap_or(u32::MAX);
        self.previous = record::encode(&mut self.buffer, record, place, sequence, self.previous);
        self.next += 1;
        Ok(sequence)
    }

    fn commit(&mut self) -> Result<Committed, JournalError> {
        self.check()?;
        self.guarded(Self::flush)?;
        Ok(Committed::new(self.durable))
    }

    fn next_sequence(&self) -> u64 {
        self.next
    }

    fn trouble(&self) -> Option<String> {
        match self.next_segment() {
            NextSegment::Failing(why) => Some(why),
            NextSegment::Ready | NextSegment::Preparing => None,
        }
    }
}
