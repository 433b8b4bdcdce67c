//! What the journal's tests share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use journal::simulated::SimulatedDisk;
use journal::{Embedded, Journal, JournalError, Options, Recovery, Storage};
use std::sync::Arc;

/// The bytes of a segment's header and of a record's (`FORMAT.md`).
pub(crate) const SEGMENT_HEADER: usize = 64;
pub(crate) const RECORD_HEADER: usize = 32;

/// Small segments, made in the commit path, so that counts of operations do not depend on threads.
pub(crate) fn options(segment_bytes: u64) -> Options {
    Options { segment_bytes, prepare_ahead: false }
}

pub(crate) fn storage(disk: &SimulatedDisk) -> Arc<dyn Storage> {
    Arc::new(disk.clone())
}

pub(crate) fn recover(disk: &SimulatedDisk, segment_bytes: u64) -> Result<Recovery, JournalError> {
    Recovery::open_on(storage(disk), options(segment_bytes))
}

pub(crate) fn open(disk: &SimulatedDisk) -> Embedded {
    recover(disk, 4096).unwrap().finish().unwrap()
}

/// All records from `from` on, as recovery sees them.
pub(crate) fn records(recovery: &Recovery, from: u64) -> Result<Vec<(u64, Vec<u8>)>, JournalError> {
    let mut all = Vec::new();
    recovery.replay(from, |sequence, bytes| {
        all.push((sequence, bytes.to_vec()));
        Ok::<(), JournalError>(())
    })?;
    Ok(all)
}

/// A journal with one flush for each inner list, closed.
pub(crate) fn written(flushes: &[&[&[u8]]]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let mut journal = open(&disk);
    for flush in flushes {
        for record in *flush {
            journal.append(record).unwrap();
        }
        journal.commit().unwrap();
    }
    disk
}

/// The name of the segment whose first record is `sequence`.
pub(crate) fn segment(sequence: u64) -> String {
    format!("{sequence:020}.seg")
}

/// The bytes a record takes.
pub(crate) fn span(payload: usize) -> usize {
    (RECORD_HEADER + payload).next_multiple_of(8)
}
