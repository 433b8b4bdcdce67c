//! Reading records out of one segment through a moving window, and judging what follows a place
//! where no good record is.

use crate::record::{self, ALIGNMENT, Begin, HEADER_BYTES, Header};
use crate::segment::{self, Opening, SEGMENT_HEADER_BYTES};
use crate::storage::read_full;
use crate::{Damage, JournalError, SegmentFile, Storage, to_usize};
use std::io;
use std::ops::Range;
use std::path::PathBuf;

const WINDOW_BYTES: usize = 128 << 10;
const SURVEY_BYTES: usize = 1 << 20;

/// A good record, found where it belongs.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Its payload, as a range of [`Scanner::bytes`].
    pub(crate) payload: Range<usize>,
    pub(crate) header: Header,
    /// Where the next record begins.
    pub(crate) end: u64,
}

/// What is at a place where a record may begin.
#[derive(Debug, Clone)]
pub(crate) enum Look {
    Record(Found),
    /// No room for a record, or zeros.
    Nothing,
    Bad(Damage),
}

/// What lies behind the last good record of the last segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remains {
    /// The end of the last byte that is not zero; the place itself if all is zero.
    pub(crate) dirty_end: u64,
}

/// A window on one segment.
pub(crate) struct Scanner {
    file: Box<dyn SegmentFile>,
    path: PathBuf,
    size: u64,
    window: Vec<u8>,
    base: u64,
    /// The checksum of the record before the segment's first.
    before: u32,
}

impl Scanner {
    /// Opens the segment that begins with `first` and checks its header.
    pub(crate) fn open(storage: &dyn Storage, first: u64) -> Result<Self, JournalError> {
        let path = storage.path(&segment::name(first));
        let file = storage
            .open_read(&segment::name(first))
            .map_err(JournalError::io("open the segment", &path))?;
        let Opening { size, previous } = segment::read_header(storage, file.as_ref(), first)?;
        Ok(Self { file, path, size, window: Vec::new(), base: 0, before: previous })
    }

    pub(crate) const fn before(&self) -> u32 {
        self.before
    }

    /// Where the first record begins.
    pub(crate) const fn start() -> u64 {
        SEGMENT_HEADER_BYTES as u64
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.window.get(range).unwrap_or_default()
    }

    /// Forgets what was read: the file may have grown good records since.
    pub(crate) fn forget(&mut self) {
        self.window.clear();
    }

    pub(crate) fn corrupt(&self, offset: u64, sequence: u64, damage: Damage) -> JournalError {
        JournalError::Corrupt { path: self.path.clone(), offset, sequence, damage }
    }

    /// Looks for record `sequence`, made after a record with checksum `previous`, at `offset`.
    pub(crate) fn look(
        &mut self,
        offset: u64,
        sequence: u64,
        previous: u32,
    ) -> Result<Look, JournalError> {
        let found = match self.sound(offset)? {
            Look::Record(found) => found,
            other => return Ok(other),
        };
        if found.header.sequence != sequence {
            let damage = Damage::Sequence { found: found.header.sequence };
            return Err(self.corrupt(offset, sequence, damage));
        }
        if found.header.previous != previous {
            return Err(self.corrupt(offset, sequence, Damage::Chain));
        }
        Ok(Look::Record(found))
    }

    /// Looks for any record that is sound in itself.
    fn sound(&mut self, offset: u64) -> Result<Look, JournalError> {
        let Some(range) = self.view(offset, HEADER_BYTES)? else { return Ok(Look::Nothing) };
        let Ok(head) = <[u8; HEADER_BYTES]>::try_from(self.bytes(range)) else {
            return Ok(Look::Nothing);
        };
        let header = match record::begin(&head) {
            Begin::Header(header) => header,
            Begin::Zeros => return Ok(Look::Nothing),
            Begin::Bad(damage) => return Ok(Look::Bad(damage)),
            Begin::Newer(version) => {
                return Err(JournalError::NewerVersion {
                    path: self.path.clone(),
                    found: version.into(),
                    ours: record::FORMAT_VERSION.into(),
                });
            }
        };
        let Some(whole) = self.view(offset, header.span())? else {
            return Ok(Look::Bad(Damage::Length));
        };
        let payload = whole.start + HEADER_BYTES..whole.start + HEADER_BYTES + header.length;
        if record::checksum(&head, self.bytes(payload.clone())) != header.checksum {
            return Ok(Look::Bad(Damage::Checksum));
        }
        Ok(Look::Record(Found { payload, header, end: offset + header.span() as u64 }))
    }

    /// Judges the rest of the last segment from `offset`, where record `sequence` is not.
    ///
    /// Bytes of a flush that was never confirmed are remains and may be cut. But a sound record
    /// that was written when `sequence` was already on stable storage proves that a durable
    /// record was damaged.
    pub(crate) fn survey(
        &mut self,
        offset: u64,
        sequence: u64,
        damage: Damage,
    ) -> Result<Remains, JournalError> {
        let mut dirty_end = offset;
        let mut at = offset;
        let mut candidates = Vec::new();
        while at < self.size {
            let length = SURVEY_BYTES.min(to_usize(self.size - at));
            let Some(range) = self.view(at, length)? else { break };
            for (word, place) in self.bytes(range).chunks(ALIGNMENT).zip((at..).step_by(ALIGNMENT))
            {
                if word.iter().any(|&byte| byte != 0) {
                    dirty_end = place + word.len() as u64;
                    if word.starts_with(&record::MAGIC) {
                        candidates.push(place);
                    }
                }
            }
            for place in candidates.drain(..) {
                if let Look::Record(found) = self.sound(place)?
                    && found.header.durable() >= sequence
                {
                    return Err(self.corrupt(offset, sequence, damage));
                }
            }
            at += length as u64;
        }
        Ok(Remains { dirty_end })
    }

    /// Makes `length` bytes at `offset` readable; `None` if the file ends before.
    fn view(&mut self, offset: u64, length: usize) -> Result<Option<Range<usize>>, JournalError> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Ok(None);
        }
        let inside =
            offset >= self.base && offset + length as u64 <= self.base + self.window.len() as u64;
        if !inside {
            let want = length.max(WINDOW_BYTES).min(to_usize(self.size - offset));
            self.window.resize(want, 0);
            self.base = offset;
            let read = read_full(self.file.as_ref(), &mut self.window, offset)
                .map_err(JournalError::io("read", &self.path))?;
            self.window.truncate(read);
            if read < length {
                let cut = io::ErrorKind::UnexpectedEof.into();
                return Err(JournalError::io("read", &self.path)(cut));
            }
        }
        let start = to_usize(offset - self.base);
        Ok(Some(start..start + length))
    }
}
