//! Damage by name: what is cut, what is refused, and what the message says.
#![allow(clippy::unwrap_used)]

mod common;

use common::{SEGMENT_HEADER, records, recover, segment, span, written};
use journal::simulated::SimulatedDisk;
use journal::{Damage, Journal, JournalError, Reader, Storage};

/// Three flushes of two records of eight bytes each.
fn three_flushes() -> SimulatedDisk {
    written(&[
        &[b"11111111", b"22222222"],
        &[b"33333333", b"44444444"],
        &[b"55555555", b"66666666"],
    ])
}

/// Where record `n` (from 1) of [`three_flushes`] begins.
fn at(n: usize) -> usize {
    SEGMENT_HEADER + (n - 1) * span(8)
}

fn flip(disk: &SimulatedDisk, offset: usize) {
    disk.damage(&segment(1), |bytes| bytes[offset] ^= 0x10);
}

#[test]
fn refuses_corruption_in_the_middle() {
    // Any byte of any record that a later flush proves to have been durable.
    for offset in at(1)..at(5) {
        let disk = three_flushes();
        flip(&disk, offset);
        let before = disk.contents(&segment(1));
        let error = recover(&disk, 4096).err().unwrap_or_else(|| panic!("byte {offset} passed"));
        let record = (offset - SEGMENT_HEADER) / span(8) + 1;
        match &error {
            JournalError::Corrupt { offset: told, sequence, .. } => {
                assert_eq!((*told, *sequence), (at(record) as u64, record as u64));
                let text = error.to_string();
                assert!(text.contains("00000000000000000001.seg is damaged at offset"), "{text}");
            }
            // A flipped bit in the version cannot be told from a later program's record.
            JournalError::NewerVersion { .. } => {
                assert!((4..6).contains(&(offset - at(record))), "byte {offset}");
            }
            other => panic!("byte {offset}: {other}"),
        }
        assert_eq!(disk.contents(&segment(1)), before, "a refusal changes nothing");
    }
}

#[test]
fn refuses_a_zeroed_sector_in_the_middle() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    for n in 0..25_u8 {
        journal.append(&[n; 100]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    disk.damage(&segment(1), |bytes| bytes[512..1024].fill(0));
    let error = recover(&disk, 4096).err().unwrap();
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
    let mut reader = Reader::open_on(common::storage(&disk), 1).unwrap();
    let error = loop {
        match reader.next(u64::MAX) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the reader took damage for the end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Corrupt { .. }), "{error}");
}

#[test]
fn refuses_damage_in_a_segment_that_is_not_the_last() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    for _ in 0..100 {
        journal.append(&[3; 100]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    let second = recover(&disk, 4096).unwrap().next_sequence();
    assert_eq!(second, 101);
    // The last record of the first segment: nothing follows it there.
    let last = (4096 - SEGMENT_HEADER) / span(100);
    let begins = SEGMENT_HEADER + (last - 1) * span(100);
    flip(&disk, begins + 40);
    let recovery = recover(&disk, 4096).unwrap();
    let error = records(&recovery, 1).unwrap_err();
    assert!(
        matches!(error, JournalError::Corrupt { offset, damage: Damage::Checksum, .. }
            if offset == begins as u64),
        "{error}"
    );
    // Recovery from a snapshot does not read that far back; `verify` does.
    assert_eq!(records(&recovery, 99).unwrap().len(), 2);
}

#[test]
fn refuses_a_missing_segment() {
    let disk = SimulatedDisk::new(1);
    let mut journal = common::open(&disk);
    for _ in 0..100 {
        journal.append(&[3; 100]).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    let second = (4096 - SEGMENT_HEADER) / span(100) + 1;
    disk.remove(&segment(second as u64)).unwrap();
    let error = records(&recover(&disk, 4096).unwrap(), 1).unwrap_err();
    assert!(
        matches!(error, JournalError::MissingSegment { expected, .. } if expected == second as u64),
        "{error}"
    );
    assert!(error.to_string().contains("a segment between them is missing"), "{error}");
}

#[test]
fn refuses_a_segment_with_a_damaged_header() {
    for offset in 0..SEGMENT_HEADER {
        let disk = three_flushes();
        flip(&disk, offset);
        let error = recover(&disk, 4096).err().unwrap();
        let named = matches!(
            error,
            JournalError::Corrupt { offset: 0, damage: Damage::SegmentHeader, .. }
                | JournalError::NewerVersion { .. }
        );
        assert!(named, "byte {offset}: {error}");
    }
}

#[test]
fn refuses_a_sound_record_in_the_wrong_place() {
    // Record 5 once more where record 6 belongs; and a foreign record 6 from another journal.
    let disk = three_flushes();
    disk.damage(&segment(1), |bytes| bytes.copy_within(at(5)..at(6), at(6)));
    let error = recover(&disk, 4096).err().unwrap();
    assert!(
        matches!(error, JournalError::Corrupt { damage: Damage::Sequence { found: 5 }, .. }),
        "{error}"
    );
    let other = written(&[&[b"1", b"2"], &[b"3", b"4"], &[b"55555555", b"xxxxxxxx"]]);
    let foreign = other.contents(&segment(1)).unwrap();
    let begins = SEGMENT_HEADER + 4 * span(1) + span(8);
    let disk = three_flushes();
    disk.damage(&segment(1), |bytes| {
        bytes[at(6)..at(7)].copy_from_slice(&foreign[begins..begins + span(8)]);
    });
    let error = recover(&disk, 4096).err().unwrap();
    assert!(matches!(error, JournalError::Corrupt { damage: Damage::Chain, .. }), "{error}");
}

#[test]
fn cuts_a_torn_tail() {
    // The last flush, torn at any byte (the rest zero) or with any byte damaged.
    for offset in at(5)..at(7) {
        for zero in [true, false] {
            let disk = three_flushes();
            if zero {
                disk.damage(&segment(1), |bytes| bytes[offset..].fill(0));
            } else if (4..6).contains(&((offset - SEGMENT_HEADER) % span(8))) {
                continue; // the version: refused, see above
            } else {
                flip(&disk, offset);
            }
            let recovery = recover(&disk, 4096).unwrap();
            let whole = if offset < at(6) { 4 } else { 5 };
            let expected = at(whole + 1);
            assert_eq!(recovery.next_sequence(), whole as u64 + 1, "byte {offset}");
            assert_eq!(records(&recovery, 1).unwrap().len(), whole);
            match recovery.torn_tail() {
                Some(torn) => assert_eq!(torn.offset, expected as u64),
                None => assert!(zero && offset == expected, "byte {offset}"),
            }
            let mut journal = recovery.finish().unwrap();
            let bytes = disk.contents(&segment(1)).unwrap();
            assert!(bytes[expected..].iter().all(|&byte| byte == 0), "remains of a torn flush");
            assert_eq!(journal.append(b"after").unwrap(), whole as u64 + 1);
            journal.commit().unwrap();
            drop(journal);
            let recovery = recover(&disk, 4096).unwrap();
            assert_eq!(recovery.torn_tail(), None);
            assert_eq!(records(&recovery, whole as u64 + 1).unwrap()[0].1, b"after");
        }
    }
}

#[test]
fn cuts_a_torn_flush_whose_end_reached_the_disk() {
    // One flush of six: its first record lost, the others sound. Nothing of it was answered.
    let disk = written(&[&[&b"11111111"[..]; 6]]);
    disk.damage(&segment(1), |bytes| bytes[at(1)..at(2)].fill(0));
    let recovery = recover(&disk, 4096).unwrap();
    assert_eq!(recovery.next_sequence(), 1);
    let torn = recovery.torn_tail().unwrap();
    assert_eq!((torn.offset, torn.bytes), (at(1) as u64, (at(7) - at(1)) as u64));
    drop(recovery.finish().unwrap());
    assert_eq!(recover(&disk, 4096).unwrap().torn_tail(), None);
}

#[test]
fn cuts_garbage_after_the_end() {
    let disk = three_flushes();
    disk.damage(&segment(1), |bytes| {
        for (n, byte) in bytes[at(7)..].iter_mut().enumerate() {
            *byte = (n * 31 + 7).to_le_bytes()[0];
        }
    });
    let recovery = recover(&disk, 4096).unwrap();
    assert_eq!(recovery.next_sequence(), 7);
    assert_eq!(recovery.torn_tail().unwrap().bytes, 4096 - at(7) as u64);
    drop(recovery.finish().unwrap());
    assert_eq!(records(&recover(&disk, 4096).unwrap(), 1).unwrap().len(), 6);
}

#[test]
fn refuses_a_newer_version() {
    // In a record at the end, and in the segment's header.
    for offset in [at(6) + 4, 8] {
        let disk = three_flushes();
        disk.damage(&segment(1), |bytes| bytes[offset] = 2);
        let error = recover(&disk, 4096).err().unwrap();
        assert!(matches!(error, JournalError::NewerVersion { found: 2, ours: 1, .. }), "{error}");
        assert!(error.to_string().contains("was written by a newer version"), "{error}");
    }
}

#[test]
fn refuses_a_segment_cut_short_or_grown() {
    for length in [0, 10, 63, 64, at(5) + 3, at(7), 4095, 4097, 9000] {
        let disk = three_flushes();
        disk.damage(&segment(1), |bytes| bytes.resize(length, 0));
        let error = recover(&disk, 4096).err().unwrap();
        assert!(matches!(error, JournalError::Corrupt { offset: 0, .. }), "{length}: {error}");
    }
}
