//! A disk that refuses.
#![allow(clippy::unwrap_used)]

mod common;

use common::{options, records, recover, segment};
use journal::simulated::{Faults, SimulatedDisk};
use journal::{Journal, JournalError, NextSegment, Options, Recovery, Storage};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn poisoned(journal: &mut impl Journal) {
    for _ in 0..2 {
        assert!(matches!(journal.append(b"x"), Err(JournalError::Poisoned { .. })));
        let error = journal.commit().unwrap_err();
        assert!(matches!(error, JournalError::Poisoned { .. }));
        assert!(error.to_string().contains("must be recovered by a restart"), "{error}");
    }
}

#[test]
fn a_failed_sync_poisons() {
    let disk = SimulatedDisk::new(5);
    let mut journal = common::open(&disk);
    journal.append(b"promised").unwrap();
    journal.commit().unwrap();
    disk.set_faults(Faults { flushes: Some(0), ..Faults::default() });
    journal.append(b"doubtful").unwrap();
    assert!(matches!(journal.commit(), Err(JournalError::Io { action: "flush", .. })));
    // The disk is well again, the journal is not: what it wrote is in doubt.
    disk.set_faults(Faults::default());
    poisoned(&mut journal);
    assert_eq!(journal.durable(), 1);
}

#[test]
fn a_failed_write_poisons() {
    let disk = SimulatedDisk::new(5);
    let mut journal = common::open(&disk);
    disk.set_faults(Faults { writes: Some(0), ..Faults::default() });
    journal.append(b"lost").unwrap();
    assert!(matches!(journal.commit(), Err(JournalError::Io { action: "write", .. })));
    disk.set_faults(Faults::default());
    poisoned(&mut journal);
    drop(journal);
    assert_eq!(recover(&disk, 4096).unwrap().next_sequence(), 1);
}

#[test]
fn short_writes_are_carried_on() {
    let disk = SimulatedDisk::new(5);
    let mut journal = common::open(&disk);
    disk.set_faults(Faults { short_writes: Some(7), ..Faults::default() });
    for n in 0..100_u8 {
        journal.append(&[n; 90]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    assert_eq!(records(&recover(&disk, 4096).unwrap(), 1).unwrap().len(), 100);
}

#[test]
fn a_failed_sync_is_not_believed_after_a_restart_either() {
    // The failed flush dropped sectors, yet the page cache shows the records as written. The next
    // process finds them, goes on, and then the power is cut: they must be there.
    for seed in 0..50 {
        let disk = SimulatedDisk::new(seed);
        let mut journal = common::open(&disk);
        disk.set_faults(Faults { flushes: Some(0), ..Faults::default() });
        for n in 0..10_u8 {
            journal.append(&[n; 150]).unwrap();
        }
        assert!(journal.commit().is_err());
        drop(journal);
        disk.kill_process();
        let mut journal = common::open(&disk);
        assert_eq!(journal.durable(), 10, "the page cache shows them");
        journal.append(b"eleven").unwrap();
        journal.commit().unwrap();
        disk.cut_power();
        assert_eq!(recover(&disk, 4096).unwrap().next_sequence(), 12, "seed {seed}");
    }
}

#[test]
fn a_full_disk_stops_the_journal_at_the_end_of_the_segment_with_nothing_lost() {
    let disk = SimulatedDisk::new(5);
    let mut journal = common::open(&disk);
    let mut promised = 0;
    let error = loop {
        let full = Faults { error: Some(ErrorKind::StorageFull), ..Faults::default() };
        disk.set_faults(Faults { renames: Some(0), ..full });
        match journal.append(&[1; 100]).and_then(|_| journal.commit()) {
            Ok(committed) => promised = committed.durable(),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("the disk is full: free space"), "{error}");
    disk.set_faults(Faults::default());
    poisoned(&mut journal);
    drop(journal);
    assert!(promised > 20);
    assert_eq!(recover(&disk, 4096).unwrap().next_sequence(), promised + 1);
}

#[test]
fn a_full_disk_is_told_before_the_segment_is_full_and_space_freed_in_time_is_enough() {
    let disk = SimulatedDisk::new(5);
    let ahead = Options { prepare_ahead: true, ..options(4096) };
    drop(common::open(&disk));
    disk.set_faults(Faults {
        renames: Some(0),
        error: Some(ErrorKind::StorageFull),
        ..Faults::default()
    });
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let mut journal = Recovery::open_on(storage, ahead).unwrap().finish().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let why = loop {
        match journal.next_segment() {
            NextSegment::Failing(why) => break why,
            other => assert!(Instant::now() < deadline, "still {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(why.contains("the disk is full"), "{why}");
    // Space is freed; the end of the segment tries once more without waiting for the retry.
    disk.set_faults(Faults::default());
    for _ in 0..200 {
        journal.append(&[1; 100]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    assert_eq!(recover(&disk, 4096).unwrap().next_sequence(), 201);
}

#[test]
fn a_failed_beginning_of_a_segment_poisons_and_recovers() {
    // Fail each step of going to the next segment in turn.
    for step in 0..12 {
        for flushes in [false, true] {
            let disk = SimulatedDisk::new(step);
            let mut journal = common::open(&disk);
            let mut promised = 0;
            while promised < 20 {
                journal.append(&[2; 150]).unwrap();
                promised = journal.commit().unwrap().durable();
            }
            let count = Some(step);
            disk.set_faults(if flushes {
                Faults { flushes: count, ..Faults::default() }
            } else {
                Faults { writes: count, ..Faults::default() }
            });
            let mut failed = false;
            for _ in 0..20 {
                match journal.append(&[2; 150]).and_then(|_| journal.commit()) {
                    Ok(committed) => promised = committed.durable(),
                    Err(_) => failed = true,
                }
            }
            assert!(failed, "step {step}");
            poisoned(&mut journal);
            drop(journal);
            disk.cut_power();
            let recovery = recover(&disk, 4096).unwrap();
            assert!(recovery.next_sequence() > promised, "step {step}");
            let mut journal = recovery.finish().unwrap();
            journal.append(b"goes on").unwrap();
            journal.commit().unwrap();
        }
    }
}

#[test]
fn a_segment_half_made_by_a_dead_process_is_made_again() {
    let disk = common::written(&[&[b"one"]]);
    disk.create("next.preparing").unwrap().write_at(&[1; 100], 0).unwrap();
    drop(common::open(&disk));
    assert!(disk.contents("next.preparing").is_none());
    assert!(disk.contents(&segment(1)).is_some());
}

#[test]
fn refuses_a_place_that_cannot_be_written() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a-file");
    std::fs::write(&file, b"").unwrap();
    let error = Recovery::open(&file.join("data"), Options::default()).err().unwrap();
    assert!(error.to_string().starts_with("cannot make the directory "), "{error}");
    // A read-only file system, by its error: root in a container cannot be refused otherwise.
    let disk = common::written(&[&[b"one"]]);
    let recovery = recover(&disk, 4096).unwrap();
    disk.set_faults(Faults {
        writes: Some(0),
        error: Some(ErrorKind::ReadOnlyFilesystem),
        ..Faults::default()
    });
    let error = recovery.finish().err().unwrap();
    assert!(error.to_string().contains("mounted read-only"), "{error}");
}
