//! The durable log: opaque records in, stable storage before anything is answered, the same
//! records back after a crash.
//!
//! What it is: numbered records in preallocated segments with group commit ([`Embedded`]), a
//! recovery that must be finished before anything can be appended ([`Recovery`]), a follower for
//! read models and tools ([`Reader`]), and a store for snapshots of the state
//! ([`SnapshotWriter`], [`SnapshotReader`]). The bytes are shown in `FORMAT.md`.
//!
//! What it is not: it does not know what a record means, it holds no clock and no network, and it
//! never deletes history. Accounting entries are *postings*; "journal" here is this log only.
//!
//! The order of one turn of a shard:
//!
//! ```
//! use journal::{Durable, Journal, Options, Recovery};
//! # fn main() -> Result<(), journal::JournalError> {
//! # let place = std::env::temp_dir().join(format!("journal-doc-{}", std::process::id()));
//! let options = Options { segment_bytes: 1 << 20, ..Options::default() };
//! let recovery = Recovery::open(&place, options)?;
//! recovery.replay(1, |_sequence, _record| Ok::<(), journal::JournalError>(()))?;
//! let mut journal = recovery.finish()?;
//!
//! let sequence = journal.append(b"approved, 1500.00")?; // buffered
//! let committed = journal.commit()?; // on stable storage from here on
//! let answer = Durable::seal("00", sequence, &committed);
//! assert_eq!(answer.map(Durable::into_inner), Some("00"));
//! # drop(journal);
//! # let _ = std::fs::remove_dir_all(&place);
//! # Ok(())
//! # }
//! ```

mod directory;
mod durable;
mod embedded;
mod error;
mod prepare;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
pub mod simulated;
mod snapshot;
mod snapshot_reader;
mod snapshot_writer;
mod storage;

pub use directory::{DataDirectory, JOURNAL_DIRECTORY, SNAPSHOT_DIRECTORY};
pub use durable::{Committed, Durable};
pub use embedded::Embedded;
pub use error::{Damage, JournalError};
pub use prepare::NextSegment;
pub use reader::Reader;
pub use record::{FORMAT_VERSION, MAX_RECORD_BYTES};
pub use recovery::{Options, Recovery, TornTail};
pub use segment::archivable_segments;
pub use snapshot::{SnapshotInfo, SnapshotWarning};
pub use snapshot_reader::{NewestSnapshot, SnapshotReader};
pub use snapshot_writer::SnapshotWriter;
pub use storage::{Disk, SegmentFile, Storage};

/// A durable log with one writer. Neutral to where the records go: segments on the local disk
/// ([`Embedded`]) or a database.
pub trait Journal: Send {
    /// Takes a record and gives it its sequence, rising by one from 1. The record is *not* durable
    /// yet: [`Journal::commit`] makes it so.
    ///
    /// # Errors
    /// [`JournalError::RecordTooLarge`] leaves the journal as it was; any other error stops it for
    /// good (see [`Journal::commit`]).
    fn append(&mut self, record: &[u8]) -> Result<u64, JournalError>;

    /// Puts everything appended so far on stable storage; when it returns, it is there.
    ///
    /// # Errors
    /// After an error it is not known what reached the disk, so nothing is retried: the journal is
    /// poisoned and every later call fails. The process must end and recover.
    fn commit(&mut self) -> Result<Committed, JournalError>;

    /// The sequence the next record will get.
    fn next_sequence(&self) -> u64;

    /// What will make it fail before long unless somebody sees to it, a full disk for instance.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// A file offset or length as an index. Saturates where pointers are shorter than 64 bits, which
/// then fails as "beyond the end" instead of wrapping round.
pub(crate) fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
