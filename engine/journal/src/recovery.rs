//! From files to a journal that can be appended to: find the end, replay, cut a torn tail.
//!
//! [`Recovery`] can read but not append; only [`Recovery::finish`] gives the [`Embedded`] journal,
//! so nothing is ever written behind an end that was not checked.

use crate::embedded::Active;
use crate::prepare::{self, Preparer};
use crate::record::{HEADER_BYTES, MAX_RECORD_BYTES};
use crate::scan::{Found, Look, Scanner};
use crate::segment::{self, SEGMENT_HEADER_BYTES};
use crate::storage::{read_full, remove_leftover, write_all};
use crate::{
    Damage, DataDirectory, Disk, Embedded, JOURNAL_DIRECTORY, JournalError, SegmentFile, Storage,
    to_usize,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SEGMENT_BYTES_MIN: u64 = 4 << 10;
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
const COPY_BYTES: usize = 64 << 10;

/// How a journal is laid out. The size applies to segments made from now on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of a segment, 4 KiB to 1 GiB, a multiple of 8. The longest record a journal takes is
    /// 16 MiB or what fits into one segment.
    pub segment_bytes: u64,
    /// Whether a background thread zeroes the next segment ahead. Without it the segment is made
    /// when it is needed, in the commit path: for tools and for tests that count writes.
    pub prepare_ahead: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, prepare_ahead: true }
    }
}

impl Options {
    fn check(&self) -> Result<(), JournalError> {
        let (min, max) = (SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        if !(min..=max).contains(&self.segment_bytes) || !self.segment_bytes.is_multiple_of(8) {
            return Err(JournalError::SegmentSize { bytes: self.segment_bytes, min, max });
        }
        Ok(())
    }

    /// The longest payload a record may have.
    pub(crate) fn record_bytes_max(&self) -> usize {
        let room = to_usize(self.segment_bytes) - SEGMENT_HEADER_BYTES - HEADER_BYTES;
        room.min(MAX_RECORD_BYTES)
    }
}

/// Bytes of a flush that the last run never saw confirmed. Nothing of it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub path: PathBuf,
    /// Where the good records end, in bytes.
    pub offset: u64,
    /// How many bytes follow that are not zero-filled space.
    pub bytes: u64,
}

/// An existing journal, being read; it cannot be appended to yet.
pub struct Recovery {
    storage: Arc<dyn Storage>,
    directory: Option<DataDirectory>,
    options: Options,
    firsts: Vec<u64>,
    tail: Tail,
}

/// Where the good records end in the last segment.
struct Tail {
    next: u64,
    previous: u32,
    offset: u64,
    /// Where the last flush begins: its records may be in the page cache only.
    uncertain: u64,
    /// Where the bytes end that are to be zeroed again; `offset` if there are none.
    dirty_end: u64,
}

impl Recovery {
    /// Opens the data directory `dir` for this process alone, making it if it is not there, and
    /// finds the end of the journal.
    ///
    /// # Errors
    /// [`JournalError::Locked`] by another process, [`JournalError::NewerVersion`],
    /// [`JournalError::Corrupt`] when a durable record of the last segment is damaged, or what
    /// the system refused. Nothing has been changed then.
    pub fn open(dir: &Path, options: Options) -> Result<Self, JournalError> {
        options.check()?;
        let directory = DataDirectory::lock(dir)?;
        let storage = Arc::new(Disk::at(&dir.join(JOURNAL_DIRECTORY)));
        let mut recovery = Self::open_on(storage, options)?;
        recovery.directory = Some(directory);
        Ok(recovery)
    }

    /// As [`Recovery::open`] on any storage. It locks nothing: the caller answers for being alone.
    ///
    /// # Errors
    /// As [`Recovery::open`].
    pub fn open_on(storage: Arc<dyn Storage>, options: Options) -> Result<Self, JournalError> {
        options.check()?;
        let firsts = segment::list(storage.as_ref())?;
        let tail = match firsts.last() {
            Some(&first) => Tail::find(storage.as_ref(), first)?,
            None => Tail { next: 1, previous: 0, offset: 0, uncertain: 0, dirty_end: 0 },
        };
        Ok(Self { storage, directory: None, options, firsts, tail })
    }

    /// The sequence the next record will get: one more than the last good record's.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.tail.next
    }

    /// The oldest sequence still here; equal to [`Recovery::next_sequence`] if there is none.
    #[must_use]
    pub fn first_sequence(&self) -> u64 {
        self.firsts.first().copied().unwrap_or(self.tail.next)
    }

    /// The torn tail [`Recovery::finish`] will cut, worth a line in the log.
    #[must_use]
    pub fn torn_tail(&self) -> Option<TornTail> {
        let (offset, end) = (self.tail.offset, self.tail.dirty_end);
        let path = self.storage.path(&segment::name(*self.firsts.last()?));
        (end > offset).then(|| TornTail { path, offset, bytes: end - offset })
    }

    /// Hands every record from `from_sequence` to the end to `each`, in order, every checksum and
    /// the chain checked; gives how many. May be called again. From
    /// [`Recovery::first_sequence`] it verifies the whole journal.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] and [`JournalError::MissingSegment`] for damage,
    /// [`JournalError::BeyondEnd`] when records before `from_sequence` are missing at the end,
    /// [`JournalError::Archived`] when they are at the beginning, and whatever `each` gives.
    pub fn replay<E: From<JournalError>>(
        &self,
        from_sequence: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let from = from_sequence.max(1);
        let path = || self.storage.path("");
        if from > self.tail.next {
            let next = self.tail.next;
            return Err(JournalError::BeyondEnd { path: path(), from, next }.into());
        }
        if from < self.first_sequence() {
            let first = self.first_sequence();
            return Err(JournalError::Archived { path: path(), from, first }.into());
        }
        let start = self.firsts.partition_point(|&first| first <= from).saturating_sub(1);
        let mut previous = None;
        for (index, &first) in self.firsts.iter().enumerate().skip(start) {
            let following = self.firsts.get(index + 1).copied();
            previous = Some(self.replay_segment(first, following, previous, from, &mut each)?);
        }
        Ok(self.tail.next - from)
    }

    /// Replays one segment; gives the checksum of its last record.
    fn replay_segment<E: From<JournalError>>(
        &self,
        first: u64,
        following: Option<u64>,
        previous: Option<u32>,
        from: u64,
        each: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<u32, E> {
        let mut scanner = Scanner::open(self.storage.as_ref(), first)?;
        let mut chain = scanner.before();
        if previous.is_some_and(|previous| previous != chain) {
            return Err(scanner.corrupt(0, first, Damage::Chain).into());
        }
        let mut offset = Scanner::start();
        for sequence in first..following.unwrap_or(self.tail.next) {
            let Found { payload, header, end } = match scanner.look(offset, sequence, chain)? {
                Look::Record(found) => found,
                Look::Bad(damage) => return Err(scanner.corrupt(offset, sequence, damage).into()),
                Look::Nothing => {
                    return Err(self.gap(&mut scanner, first, following, offset, sequence)?.into());
                }
            };
            if sequence >= from {
                each(sequence, scanner.bytes(payload))?;
            }
            offset = end;
            chain = header.checksum;
        }
        Ok(chain)
    }

    /// Zeros where record `sequence` belongs: a hole in this segment, or a missing segment?
    fn gap(
        &self,
        scanner: &mut Scanner,
        first: u64,
        following: Option<u64>,
        offset: u64,
        sequence: u64,
    ) -> Result<JournalError, JournalError> {
        let remains = scanner.survey(offset, sequence, Damage::Missing)?;
        Ok(match following {
            Some(found) if remains.dirty_end == offset => JournalError::MissingSegment {
                path: self.storage.path(&segment::name(first)),
                offset,
                expected: sequence,
                following: self.storage.path(&segment::name(found)),
                found,
            },
            _ => scanner.corrupt(offset, sequence, Damage::Missing),
        })
    }

    /// Cuts the torn tail, makes sure that all that was read is on stable storage, and gives the
    /// journal to append to.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(self) -> Result<Embedded, JournalError> {
        let storage = self.storage;
        remove_leftover(storage.as_ref(), segment::PREPARING)?;
        let (file, first, offset) = match self.firsts.last() {
            Some(&first) => {
                let name = segment::name(first);
                let path = storage.path(&name);
                let file = storage
                    .open_write(&name)
                    .map_err(JournalError::io("open the segment for writing", &path))?;
                self.tail.settle(file.as_ref(), &path)?;
                // Its name may not be durable yet if the last run died right after making it.
                storage
                    .sync_directory()
                    .map_err(JournalError::io("flush the directory", &storage.path("")))?;
                (file, first, self.tail.offset)
            }
            None => {
                let file = prepare::make(storage.as_ref(), self.options.segment_bytes, || true)?;
                prepare::activate(storage.as_ref(), file.as_ref(), 1, 0)?;
                (file, 1, Scanner::start())
            }
        };
        let max = self.options.record_bytes_max();
        let preparer = Preparer::start(Arc::clone(&storage), &self.options)?;
        let (next, previous) = (self.tail.next, self.tail.previous);
        let active = Active { file, first, offset, next, previous };
        Embedded::new(storage, self.directory, preparer, max, active)
    }
}

impl Tail {
    fn find(storage: &dyn Storage, first: u64) -> Result<Self, JournalError> {
        let mut scanner = Scanner::open(storage, first)?;
        let start = Scanner::start();
        let mut tail = Self {
            next: first,
            previous: scanner.before(),
            offset: start,
            uncertain: start,
            dirty_end: start,
        };
        loop {
            let damage = match scanner.look(tail.offset, tail.next, tail.previous)? {
                Look::Record(found) => {
                    if found.header.place == 1 {
                        tail.uncertain = tail.offset;
                    }
                    tail.offset = found.end;
                    tail.previous = found.header.checksum;
                    tail.next += 1;
                    continue;
                }
                Look::Nothing => Damage::Missing,
                Look::Bad(damage) => damage,
            };
            tail.dirty_end = scanner.survey(tail.offset, tail.next, damage)?.dirty_end;
            return Ok(tail);
        }
    }

    /// Zeroes the remains and flushes. The records of the last flush are written again first:
    /// after a failed flush the page cache may show them as clean although the disk has not got
    /// them, and then a flush alone would promise what it does not do.
    fn settle(&self, file: &dyn SegmentFile, path: &Path) -> Result<(), JournalError> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut at = self.uncertain;
        while at < self.offset {
            let length = COPY_BYTES.min(to_usize(self.offset - at));
            let chunk = buffer.get_mut(..length).unwrap_or_default();
            read_full(file, chunk, at).map_err(JournalError::io("read", path))?;
            write_all(file, chunk, at).map_err(JournalError::io("write", path))?;
            at += length as u64;
        }
        buffer.fill(0);
        while at < self.dirty_end {
            let length = COPY_BYTES.min(to_usize(self.dirty_end - at));
            write_all(file, buffer.get(..length).unwrap_or_default(), at)
                .map_err(JournalError::io("cut the torn tail of", path))?;
            at += length as u64;
        }
        file.sync_all().map_err(JournalError::io("flush", path))
    }
}
