//! What is appended and committed comes back, in order, from one segment or many.
#![allow(clippy::unwrap_used)]

mod common;

use common::{options, records, recover, storage};
use journal::simulated::SimulatedDisk;
use journal::{Journal, JournalError, NextSegment, Options, Reader, Recovery};

#[test]
fn gives_back_what_was_committed_over_many_segments() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    let expected: Vec<(u64, Vec<u8>)> =
        (1..=500_u64).map(|n| (n, vec![n.to_le_bytes()[0]; usize::try_from(n).unwrap()])).collect();
    for flush in expected.chunks(7) {
        for (sequence, record) in flush {
            assert_eq!(journal.next_sequence(), *sequence);
            assert_eq!(journal.append(record).unwrap(), *sequence);
        }
        assert_eq!(journal.commit().unwrap().durable(), flush.last().unwrap().0);
    }
    drop(journal);
    let recovery = recover(&disk, 4096).unwrap();
    assert_eq!(recovery.torn_tail(), None);
    assert_eq!(recovery.next_sequence(), 501);
    assert_eq!(records(&recovery, 1).unwrap(), expected);
    assert_eq!(records(&recovery, 301).unwrap(), expected[300..]);
    assert!(records(&recovery, 501).unwrap().is_empty());
    assert!(matches!(
        records(&recovery, 502),
        Err(JournalError::BeyondEnd { from: 502, next: 501, .. })
    ));
}

#[test]
fn a_commit_of_nothing_proves_no_more_than_the_last() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    assert_eq!(journal.commit().unwrap().durable(), 0);
    journal.append(b"").unwrap();
    assert_eq!(journal.durable(), 0);
    assert_eq!(journal.commit().unwrap().durable(), 1);
    assert_eq!(journal.commit().unwrap().durable(), 1);
}

#[test]
fn takes_the_longest_record_and_refuses_a_longer_one_unharmed() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    let longest = 4096 - common::SEGMENT_HEADER - common::RECORD_HEADER;
    journal.append(b"before").unwrap();
    let error = journal.append(&vec![1; longest + 1]).unwrap_err();
    assert!(matches!(error, JournalError::RecordTooLarge { max, .. } if max == longest));
    assert_eq!(journal.append(&vec![2; longest]).unwrap(), 2);
    journal.commit().unwrap();
    drop(journal);
    let recovery = recover(&disk, 4096).unwrap();
    assert_eq!(records(&recovery, 1).unwrap(), [(1, b"before".to_vec()), (2, vec![2; longest])]);
}

#[test]
fn refuses_segments_too_small_or_too_large() {
    for bytes in [0, 4095, 4100, (1 << 30) + 8] {
        let disk = SimulatedDisk::new(1);
        let error = recover(&disk, bytes).err().unwrap();
        assert!(matches!(error, JournalError::SegmentSize { .. }), "{bytes}: {error}");
    }
}

#[test]
fn a_journal_may_change_its_segment_size() {
    let disk = SimulatedDisk::new(1);
    for (life, bytes) in [(1_u64, 4096), (2, 16384), (3, 8192)] {
        let mut journal = recover(&disk, bytes).unwrap().finish().unwrap();
        for _ in 0..10 {
            journal.append(&[7; 1000]).unwrap();
        }
        journal.commit().unwrap();
        drop(journal);
        assert_eq!(records(&recover(&disk, bytes).unwrap(), 1).unwrap().len() as u64, 10 * life);
    }
}

#[test]
fn a_reader_follows_the_writer_and_never_passes_the_watermark() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    let mut reader = Reader::open_on(storage(&disk), 1).unwrap();
    assert!(reader.next(0).unwrap().is_none());
    let (mut seen, mut durable) = (0, 0);
    for n in 0..300_u64 {
        journal.append(&n.to_le_bytes()).unwrap();
        if n % 3 == 2 {
            durable = journal.commit().unwrap().durable();
            while let Some((sequence, bytes)) = reader.next(durable).unwrap() {
                assert_eq!(bytes, u64::to_le_bytes(seen));
                seen += 1;
                assert_eq!(sequence, seen);
            }
            assert_eq!(seen, durable);
        } else {
            assert!(reader.next(durable).unwrap().is_none());
        }
    }
    assert!(disk.contents(&common::segment(1)).unwrap().len() < 300 * 40, "several segments");
}

#[test]
fn a_reader_starts_anywhere_and_without_a_limit_ends_with_the_good_records() {
    let disk = SimulatedDisk::new(1);
    assert!(Reader::open_on(storage(&disk), 1).unwrap().next(u64::MAX).unwrap().is_none());
    let mut journal = common::open(&disk);
    for n in 1..=200_u64 {
        journal.append(&n.to_le_bytes()).unwrap();
        journal.commit().unwrap();
    }
    journal.append(b"not committed").unwrap();
    for from in [0, 1, 2, 90, 91, 92, 93, 199, 200, 201] {
        let mut reader = Reader::open_on(storage(&disk), from).unwrap();
        let mut next = from.max(1);
        while let Some((sequence, bytes)) = reader.next(u64::MAX).unwrap() {
            assert_eq!((sequence, bytes), (next, &next.to_le_bytes()[..]));
            next += 1;
        }
        assert_eq!(next, 201, "from {from}");
        assert_eq!(reader.position(), 201);
    }
    let error = Reader::open_on(storage(&disk), 1).unwrap().next(201).map(|_| ());
    assert!(error.is_ok(), "record 1 is there");
}

#[test]
fn a_reader_tells_a_promised_record_that_is_not_there() {
    let disk = common::written(&[&[b"one"], &[b"two"]]);
    let mut reader = Reader::open_on(storage(&disk), 3).unwrap();
    assert!(reader.next(2).unwrap().is_none());
    let error = reader.next(3).map(|_| ()).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { sequence: 3, .. }), "{error}");
}

#[test]
fn works_on_a_real_disk_with_the_next_segment_made_ahead() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let mut reader = None;
    for life in 0..3_u64 {
        let recovery = Recovery::open(place.path(), options.clone()).unwrap();
        assert_eq!(recovery.next_sequence(), life * 2000 + 1);
        let mut journal = recovery.finish().unwrap();
        let reader = reader.get_or_insert_with(|| Reader::open(place.path(), 1).unwrap());
        for n in 0..2000_u64 {
            journal.append(&(life * 2000 + n + 1).to_be_bytes().repeat(25)).unwrap();
            if n % 50 == 49 {
                let limit = journal.commit().unwrap().durable();
                while let Some((sequence, bytes)) = reader.next(limit).unwrap() {
                    assert_eq!(bytes[..8], sequence.to_be_bytes());
                }
                assert_eq!(reader.position(), limit + 1);
            }
        }
        assert!(!matches!(journal.next_segment(), NextSegment::Failing(_)));
    }
    let recovery = Recovery::open(place.path(), options).unwrap();
    let replayed = recovery.replay(1, |_, _| Ok::<(), JournalError>(())).unwrap();
    assert_eq!(replayed, 6000);
}

#[test]
fn old_segments_may_be_moved_away_and_are_asked_for_by_number() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    for _ in 0..300 {
        journal.append(&[9; 50]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    journal::Storage::remove(&disk, &common::segment(1)).unwrap();
    let recovery = Recovery::open_on(storage(&disk), options(4096)).unwrap();
    let first = recovery.first_sequence();
    assert!(first > 1);
    assert_eq!(records(&recovery, first).unwrap().len() as u64, 301 - first);
    let error = records(&recovery, first - 1).unwrap_err();
    assert!(matches!(error, JournalError::Archived { .. }), "{error}");
    assert!(matches!(Reader::open_on(storage(&disk), 1), Err(JournalError::Archived { .. })));
}
