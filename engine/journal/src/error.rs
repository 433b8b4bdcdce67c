//! What can go wrong with the journal, told to an operator: which file, where in it, what to do.
//!
//! No error carries bytes of a record.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Why the journal could not do what was asked.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another process works on this data directory.
    #[error(
        "cannot lock {}: another process{} has this data directory open; \
         stop it first, or start with another data directory",
        .lock.display(), owner_text(*.owner)
    )]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// The process that wrote itself into the lock file, when readable.
        owner: Option<u32>,
    },
    /// The file was written by a program newer than this one.
    #[error(
        "{} was written by a newer version (format {found}; this program reads up to {ours}); \
         use the newer program",
        .path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The format version found in it.
        found: u32,
        /// The newest format version this program reads.
        ours: u32,
    },
    /// Records that were once on stable storage are damaged.
    #[error(
        "{} is damaged at offset {offset}, where record {sequence} belongs: {damage}; \
         nothing was changed, restore this file from a backup",
        .path.display()
    )]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where in the file the bad record (or header) begins, in bytes.
        offset: u64,
        /// The sequence expected there.
        sequence: u64,
        /// What is wrong.
        damage: Damage,
    },
    /// A segment ends before the next one begins.
    #[error(
        "{} ends at offset {offset} before record {expected}, but {} begins with record {found}: \
         a segment between them is missing or the first one is damaged; restore it from a backup",
        .path.display(), .following.display()
    )]
    MissingSegment {
        /// The segment before the gap.
        path: PathBuf,
        /// Where its records end, in bytes.
        offset: u64,
        /// The sequence that should come next.
        expected: u64,
        /// The segment after the gap.
        following: PathBuf,
        /// The sequence it begins with.
        found: u64,
    },
    /// The records asked for are older than the oldest segment here.
    #[error(
        "record {from} is not here: the oldest segment in {} begins with {first}",
        .path.display()
    )]
    Archived {
        /// The journal directory.
        path: PathBuf,
        /// The sequence asked for.
        from: u64,
        /// The first sequence there is.
        first: u64,
    },
    /// The journal ends before the sequence asked for (for instance before the snapshot's).
    #[error(
        "the journal in {} ends before record {from} (its next is {next}): it is older than the \
         snapshot or read model beside it, restore the newer segments",
        .path.display()
    )]
    BeyondEnd {
        /// The journal directory.
        path: PathBuf,
        /// The sequence asked for.
        from: u64,
        /// The sequence the next record will get.
        next: u64,
    },
    /// The directory is not a Tamga data directory, or its `TAMGA` file cannot be read.
    #[error("{} is not a usable data directory: {why}", .path.display())]
    NotADataDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", .path.display(), advice(.source))]
    Io {
        /// What was tried, as in "cannot ... the file".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The record is longer than a record may be. The journal goes on working.
    #[error("a record of {length} bytes is over the most a record may have, {max}")]
    RecordTooLarge {
        /// The record's bytes.
        length: usize,
        /// The most allowed: 16 MiB, less in a journal of small segments.
        max: usize,
    },
    /// An earlier write or flush failed; what reached the disk is unknown.
    #[error("the journal stopped and must be recovered by a restart; the first error was: {first}")]
    Poisoned {
        /// The first error's text.
        first: Arc<str>,
    },
    /// The options make no sense.
    #[error("segment size {bytes} is out of range: from {min} to {max} bytes")]
    SegmentSize {
        /// What was asked for.
        bytes: u64,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
    },
    /// A snapshot is damaged or incomplete.
    #[error("snapshot {} is damaged at offset {offset}: {why}", .path.display())]
    BadSnapshot {
        /// The file.
        path: PathBuf,
        /// Where reading stopped, in bytes.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The snapshot writer was used out of order.
    #[error("a snapshot's bytes belong to a section with a name of 1 to 255 bytes")]
    NoSection,
}

/// What is wrong at a place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Damage {
    /// Zeros where a record belongs.
    #[error("the record is missing")]
    Missing,
    /// Neither a record's magic nor zeros.
    #[error("no record begins here")]
    Magic,
    /// A field has a value no version writes.
    #[error("the record's header makes no sense")]
    Header,
    /// The length is over the limit or runs past the end of the segment.
    #[error("the record's length makes no sense")]
    Length,
    /// The checksum does not match the bytes.
    #[error("the record's checksum does not match")]
    Checksum,
    /// Sound in itself, but not the record that belongs here.
    #[error("a sound record, but with sequence {found}")]
    Sequence {
        /// The sequence it has.
        found: u64,
    },
    /// Sound in itself, but made after a different predecessor.
    #[error("the record does not follow the one before it")]
    Chain,
    /// The segment's own header is bad.
    #[error("the segment's header is damaged")]
    SegmentHeader,
    /// The segment's file is shorter or longer than its header says.
    #[error("the segment's file is not as long as its header says")]
    SegmentSize,
}

impl JournalError {
    /// For `map_err`: an [`JournalError::Io`] that says what was tried on which file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

fn owner_text(owner: Option<u32>) -> String {
    owner.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

/// What an operator can do about it; empty when the system's own words must do.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; the disk is full: free space (old segments may be archived), then start again"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; the disk is mounted read-only: remount it writable, \
             and look in the kernel log for why"
        }
        io::ErrorKind::PermissionDenied => {
            "; give the user this program runs as read and write access to the data directory"
        }
        io::ErrorKind::NotFound => "; check the path of the data directory",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_name_the_file_and_what_to_do() {
        for (kind, words) in [
            (io::ErrorKind::StorageFull, "disk is full"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only"),
            (io::ErrorKind::PermissionDenied, "access to the data directory"),
        ] {
            let error = JournalError::io("write", Path::new("/data/x.seg"))(kind.into());
            let text = error.to_string();
            assert!(text.starts_with("cannot write /data/x.seg: "), "{text}");
            assert!(text.contains(words), "{text}");
        }
    }
}
