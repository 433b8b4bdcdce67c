//! Follows the journal without writing or locking: for the read model's projector in the engine,
//! and for tools beside a running or stopped one.

use crate::directory::check_readable;
use crate::scan::{Look, Scanner};
use crate::{Damage, Disk, JOURNAL_DIRECTORY, JournalError, Storage, segment};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Reads records in order from a given sequence, and goes on as the journal grows.
pub struct Reader {
    storage: Arc<dyn Storage>,
    /// The sequence the caller gets next.
    wanted: u64,
    place: Option<Place>,
}

/// Where in the segments the reader is.
struct Place {
    scanner: Scanner,
    offset: u64,
    /// The sequence of the record at `offset`.
    sequence: u64,
    previous: u32,
}

impl Reader {
    /// Reads the journal of the data directory `dir` from `from_sequence` (0 is taken as 1).
    ///
    /// # Errors
    /// [`JournalError::NotADataDirectory`], [`JournalError::NewerVersion`],
    /// [`JournalError::Archived`] when that record is not here any more.
    pub fn open(dir: &Path, from_sequence: u64) -> Result<Self, JournalError> {
        check_readable(dir)?;
        Self::open_on(Arc::new(Disk::at(&dir.join(JOURNAL_DIRECTORY))), from_sequence)
    }

    /// As [`Reader::open`] on any storage.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_on(storage: Arc<dyn Storage>, from_sequence: u64) -> Result<Self, JournalError> {
        let mut reader = Self { storage, wanted: from_sequence.max(1), place: None };
        reader.find_place()?;
        Ok(reader)
    }

    /// The sequence [`Reader::next`] gives next.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.wanted
    }

    /// The next record, if its sequence is at most `limit`, with that sequence.
    ///
    /// `limit` is the watermark of a [`crate::Committed`]: a record up to it that cannot be read
    /// is an error. Tools that do not know it pass `u64::MAX` and get the records as far as they
    /// are good, a torn tail being the end.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] or what the system refused.
    #[allow(clippy::should_implement_trait)] // it lends its buffer and takes a limit
    pub fn next(&mut self, limit: u64) -> Result<Option<(u64, &[u8])>, JournalError> {
        if self.wanted > limit {
            return Ok(None);
        }
        if self.place.is_none() {
            self.find_place()?;
        }
        let Some(place) = &mut self.place else { return Ok(None) };
        loop {
            let Some((sequence, payload)) = place.step(self.storage.as_ref(), limit)? else {
                return Ok(None);
            };
            if sequence >= self.wanted {
                self.wanted = sequence + 1;
                return Ok(Some((sequence, place.scanner.bytes(payload))));
            }
        }
    }

    /// Opens the segment that holds the wanted record; there may be none yet.
    fn find_place(&mut self) -> Result<(), JournalError> {
        let firsts = segment::list(self.storage.as_ref())?;
        let Some(&oldest) = firsts.first() else { return Ok(()) };
        let index = firsts.partition_point(|&first| first <= self.wanted);
        let Some(&first) = index.checked_sub(1).and_then(|index| firsts.get(index)) else {
            let path = self.storage.path("");
            return Err(JournalError::Archived { path, from: self.wanted, first: oldest });
        };
        self.place = Some(Place::at(self.storage.as_ref(), first)?);
        Ok(())
    }
}

impl Place {
    fn at(storage: &dyn Storage, first: u64) -> Result<Self, JournalError> {
        let scanner = Scanner::open(storage, first)?;
        let previous = scanner.before();
        Ok(Self { scanner, offset: Scanner::start(), sequence: first, previous })
    }

    /// The record here, its sequence and place in the window; moves behind it.
    fn step(
        &mut self,
        storage: &dyn Storage,
        limit: u64,
    ) -> Result<Option<(u64, Range<usize>)>, JournalError> {
        loop {
            let damage = match self.look()? {
                Ok(found) => return Ok(Some(found)),
                Err(damage) => damage,
            };
            // The window may be older than the record.
            self.scanner.forget();
            if let Ok(found) = self.look()? {
                return Ok(Some(found));
            }
            if self.follow(storage)? {
                continue;
            }
            if limit != u64::MAX {
                return Err(self.scanner.corrupt(self.offset, self.sequence, damage));
            }
            let judged = self.scanner.survey(self.offset, self.sequence, damage);
            self.scanner.forget();
            return match judged {
                Ok(_) => Ok(None),
                // The engine beside us may have written it while we looked further on.
                Err(error) => match self.look()? {
                    Ok(found) => Ok(Some(found)),
                    Err(_) => Err(error),
                },
            };
        }
    }

    fn look(&mut self) -> Result<Result<(u64, Range<usize>), Damage>, JournalError> {
        Ok(match self.scanner.look(self.offset, self.sequence, self.previous)? {
            Look::Record(found) => {
                let sequence = self.sequence;
                self.offset = found.end;
                self.previous = found.header.checksum;
                self.sequence += 1;
                Ok((sequence, found.payload))
            }
            Look::Nothing => Err(Damage::Missing),
            Look::Bad(damage) => Err(damage),
        })
    }

    /// Goes to the segment that begins with the next record, if there is one.
    fn follow(&mut self, storage: &dyn Storage) -> Result<bool, JournalError> {
        if self.offset == Scanner::start() {
            return Ok(false);
        }
        match storage.open_read(&segment::name(self.sequence)) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            _ => {}
        }
        let next = Self::at(storage, self.sequence)?;
        if next.previous != self.previous {
            return Err(next.scanner.corrupt(0, self.sequence, Damage::Chain));
        }
        *self = next;
        Ok(true)
    }
}
