//! A segment: a zeroed file of fixed size, named by the sequence of its first record, beginning
//! with a header of 64 bytes that carries the chain over from the segment before.
//!
//! ```text
//!  0 magic "TAMGASEG"   8 version u16   10 zero u16   12 previous u32
//! 16 first sequence u64   24 file size u64   32 checksum u32   36 zeros to 64
//! ```

use crate::record::FORMAT_VERSION;
use crate::storage::read_full;
use crate::{
    Damage, DataDirectory, Disk, JOURNAL_DIRECTORY, JournalError, SNAPSHOT_DIRECTORY, SegmentFile,
    Storage, snapshot,
};
use std::path::{Path, PathBuf};

/// Where the first record of a segment begins.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;
/// The name of the segment being zeroed ahead.
pub(crate) const PREPARING: &str = "next.preparing";

const MAGIC: [u8; 8] = *b"TAMGASEG";
const SUFFIX: &str = ".seg";
const DIGITS: usize = 20;

/// The name of the segment whose first record has `sequence`.
pub(crate) fn name(sequence: u64) -> String {
    format!("{sequence:0DIGITS$}{SUFFIX}")
}

/// The first sequence of the segment with this name; `None` if it is no segment's name.
fn first_sequence(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// The first sequences of all segments, in order.
pub(crate) fn list(storage: &dyn Storage) -> Result<Vec<u64>, JournalError> {
    let names =
        storage.list().map_err(JournalError::io("list the directory", &storage.path("")))?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_sequence(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The header of a segment of `size` bytes that begins with record `first`, made after a record
/// with checksum `previous`.
pub(crate) fn header(first: u64, previous: u32, size: u64) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&previous.to_le_bytes());
    bytes[16..24].copy_from_slice(&first.to_le_bytes());
    bytes[24..32].copy_from_slice(&size.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What a segment's header says.
pub(crate) struct Opening {
    /// The file's size in bytes.
    pub(crate) size: u64,
    /// The checksum of the record before the segment's first; 0 before the very first.
    pub(crate) previous: u32,
}

/// Reads and checks the header of the segment named for `first`, and that the file is as long as
/// it says: records at the end of a file cut short would otherwise be missed without notice.
pub(crate) fn read_header(
    storage: &dyn Storage,
    file: &dyn SegmentFile,
    first: u64,
) -> Result<Opening, JournalError> {
    let path = storage.path(&name(first));
    let size = file.size().map_err(JournalError::io("read the size of", &path))?;
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    read_full(file, &mut bytes, 0).map_err(JournalError::io("read", &path))?;
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if bytes[0..8] == MAGIC && version > FORMAT_VERSION {
        return Err(JournalError::NewerVersion {
            path,
            found: version.into(),
            ours: FORMAT_VERSION.into(),
        });
    }
    let previous = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
    let mut said = [0; 8];
    said.copy_from_slice(&bytes[24..32]);
    let said = u64::from_le_bytes(said);
    let damage = if bytes != header(first, previous, said) {
        Damage::SegmentHeader
    } else if said != size {
        Damage::SegmentSize
    } else {
        return Ok(Opening { size, previous });
    };
    Err(JournalError::Corrupt { path, offset: 0, sequence: first, damage })
}

/// The segments whose every record is covered by the oldest kept snapshot: recovery does not need
/// them any more and they may be archived elsewhere. History needs them, so nothing here deletes
/// them.
///
/// # Errors
/// When the directory cannot be read.
pub fn archivable_segments(directory: &DataDirectory) -> Result<Vec<PathBuf>, JournalError> {
    archivable(directory.path())
}

fn archivable(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let segments = Disk::at(&directory.join(JOURNAL_DIRECTORY));
    let snapshots = snapshot::list(&Disk::at(&directory.join(SNAPSHOT_DIRECTORY)))?;
    let Some(&covered) = snapshots.first() else { return Ok(Vec::new()) };
    let firsts = list(&segments)?;
    // A segment ends where the next begins; the last one is still written to.
    Ok(firsts
        .windows(2)
        .filter(|pair| pair[1] <= covered.saturating_add(1))
        .map(|pair| segments.path(&name(pair[0])))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_sequences_do() {
        assert_eq!(name(42), "00000000000000000042.seg");
        assert_eq!(first_sequence(&name(u64::MAX)), Some(u64::MAX));
        for other in ["42.seg", "0000000000000000004x.seg", "next.preparing", ".seg"] {
            assert_eq!(first_sequence(other), None, "{other}");
        }
    }

    #[test]
    fn lists_for_archiving_only_what_the_oldest_snapshot_covers() {
        let place = tempfile::tempdir().unwrap();
        let directory = DataDirectory::lock(place.path()).unwrap();
        let journal = place.path().join(JOURNAL_DIRECTORY);
        for first in [1, 100, 200, 300] {
            std::fs::write(journal.join(name(first)), b"").unwrap();
        }
        assert!(archivable_segments(&directory).unwrap().is_empty(), "no snapshot yet");
        let snapshots = place.path().join(SNAPSHOT_DIRECTORY);
        for sequence in [198, 320] {
            std::fs::write(snapshots.join(snapshot::name(sequence)), b"").unwrap();
        }
        let names: Vec<_> = archivable_segments(&directory).unwrap();
        assert_eq!(names, [journal.join(name(1))], "198 does not cover record 199");
        std::fs::write(snapshots.join(snapshot::name(199)), b"").unwrap();
        std::fs::remove_file(snapshots.join(snapshot::name(198))).unwrap();
        let names: Vec<_> = archivable_segments(&directory).unwrap();
        assert_eq!(names, [journal.join(name(1)), journal.join(name(100))]);
    }
}
