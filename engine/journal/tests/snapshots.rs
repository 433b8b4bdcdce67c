//! Snapshots come back whole or not at all.
#![allow(clippy::unwrap_used)]

mod common;

use common::storage;
use journal::simulated::{Faults, SimulatedDisk};
use journal::{
    DataDirectory, JournalError, NewestSnapshot, SnapshotInfo, SnapshotReader, SnapshotWriter,
    Storage,
};
use std::io::{Read, Write};

type Sections = Vec<(String, Vec<u8>)>;

fn write(disk: &SimulatedDisk, sequence: u64) -> Result<SnapshotInfo, JournalError> {
    let mut writer = SnapshotWriter::create_on(storage(disk), sequence)?;
    for (name, bytes) in contents(sequence) {
        writer.section(&name)?;
        for part in bytes.chunks(100_000) {
            writer.append(part)?;
        }
    }
    writer.finish()
}

/// An empty section, a small one, one of several chunks; different for each sequence.
fn contents(sequence: u64) -> Sections {
    let large = (0..300_000_u64).map(|n| (n * n + sequence).to_le_bytes()[1]).collect();
    vec![
        ("cards".into(), large),
        ("nothing".into(), Vec::new()),
        ("rules".into(), format!("edition {sequence}").into_bytes()),
    ]
}

fn small(disk: &SimulatedDisk, sequence: u64) {
    let mut writer = SnapshotWriter::create_on(storage(disk), sequence).unwrap();
    writer.section("one").unwrap();
    writer.append(&sequence.to_le_bytes()).unwrap();
    writer.section("two").unwrap();
    writer.finish().unwrap();
}

fn newest(disk: &SimulatedDisk) -> NewestSnapshot {
    SnapshotReader::newest_good_on(storage(disk)).unwrap()
}

fn read_all(reader: &mut SnapshotReader) -> Sections {
    let mut sections = Vec::new();
    while let Some(name) = reader.next_section().unwrap() {
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            bytes.extend_from_slice(chunk);
        }
        sections.push((name, bytes));
    }
    sections
}

fn names(disk: &SimulatedDisk) -> Vec<String> {
    disk.list().unwrap()
}

#[test]
fn gives_back_what_was_written() {
    let disk = SimulatedDisk::new(1);
    assert!(newest(&disk).snapshot.is_none());
    let info = write(&disk, 42).unwrap();
    assert_eq!(info.sequence, 42);
    assert_eq!(info.bytes, disk.contents("00000000000000000042.snap").unwrap().len() as u64);
    let mut reader = newest(&disk).snapshot.unwrap();
    assert_eq!(reader.sequence(), 42);
    assert_eq!(read_all(&mut reader), contents(42));
    assert!(reader.next_section().unwrap().is_none());
    assert!(reader.next_chunk().unwrap().is_none());
}

#[test]
fn works_as_a_stream_on_a_real_disk() {
    let place = tempfile::tempdir().unwrap();
    drop(DataDirectory::lock(place.path()).unwrap());
    let mut writer = SnapshotWriter::create(place.path(), 7).unwrap();
    for (name, bytes) in contents(7) {
        writer.section(&name).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    let info = writer.finish().unwrap();
    assert_eq!(info.path, place.path().join("snapshots/00000000000000000007.snap"));
    let mut reader = SnapshotReader::newest_good(place.path()).unwrap().snapshot.unwrap();
    for (name, bytes) in contents(7) {
        assert_eq!(reader.next_section().unwrap().unwrap(), name);
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes, "{name}");
    }
}

#[test]
fn the_rest_of_a_section_can_be_passed_over() {
    let disk = SimulatedDisk::new(1);
    write(&disk, 5).unwrap();
    let mut reader = newest(&disk).snapshot.unwrap();
    assert!(reader.next_chunk().unwrap().is_none(), "no section entered yet");
    reader.next_section().unwrap();
    reader.read_exact(&mut [0; 10]).unwrap();
    let rest = reader.next_chunk().unwrap().unwrap();
    assert_eq!(rest, &contents(5)[0].1[10..(256 << 10)]);
    assert_eq!(reader.next_section().unwrap().unwrap(), "nothing");
    assert_eq!(reader.next_section().unwrap().unwrap(), "rules");
}

#[test]
fn falls_back_to_the_older_snapshot_with_a_warning() {
    let good = SimulatedDisk::new(1);
    small(&good, 10);
    small(&good, 20);
    let newest_name = "00000000000000000020.snap";
    let bytes = good.contents(newest_name).unwrap();
    let mut broken: Vec<Vec<u8>> = Vec::new();
    for n in 0..bytes.len() {
        broken.push(bytes[..n].to_vec());
        let mut flipped = bytes.clone();
        flipped[n] ^= 0x20;
        broken.push(flipped);
    }
    broken.push([&bytes[..], &[0]].concat());
    for (n, content) in broken.into_iter().enumerate() {
        good.damage(newest_name, |bytes| *bytes = content);
        match SnapshotReader::newest_good_on(storage(&good)) {
            Ok(NewestSnapshot { snapshot: Some(mut snapshot), warnings }) => {
                assert_eq!(snapshot.sequence(), 10, "case {n}");
                assert_eq!(read_all(&mut snapshot)[0].1, 10_u64.to_le_bytes());
                assert_eq!((warnings.len(), warnings[0].sequence), (1, 20));
                let text = warnings[0].error.to_string();
                assert!(text.contains("20.snap is damaged at offset"), "{text}");
            }
            Err(JournalError::NewerVersion { .. }) => assert!((17..=21).contains(&n), "case {n}"),
            _ => panic!("case {n}"),
        }
    }
}

#[test]
fn none_is_left_when_all_are_damaged() {
    let disk = SimulatedDisk::new(1);
    small(&disk, 10);
    small(&disk, 20);
    for name in names(&disk) {
        disk.damage(&name, |bytes| bytes[50] ^= 1);
    }
    let found = newest(&disk);
    assert!(found.snapshot.is_none());
    assert_eq!(found.warnings.iter().map(|w| w.sequence).collect::<Vec<_>>(), [20, 10]);
}

#[test]
fn refuses_a_newer_version() {
    let disk = SimulatedDisk::new(1);
    small(&disk, 10);
    small(&disk, 20);
    disk.damage("00000000000000000020.snap", |bytes| bytes[8] = 2);
    let error = SnapshotReader::newest_good_on(storage(&disk)).err().unwrap();
    assert!(matches!(error, JournalError::NewerVersion { found: 2, ours: 1, .. }), "{error}");
}

#[test]
fn keeps_the_newest_two() {
    let disk = SimulatedDisk::new(1);
    for sequence in [1, 5, 9, 13] {
        small(&disk, sequence);
    }
    assert_eq!(names(&disk), ["00000000000000000009.snap", "00000000000000000013.snap"]);
}

#[test]
fn an_unfinished_snapshot_is_never_seen() {
    let disk = SimulatedDisk::new(1);
    small(&disk, 1);
    let mut writer = SnapshotWriter::create_on(storage(&disk), 2).unwrap();
    writer.section("one").unwrap();
    assert_eq!(names(&disk).len(), 2);
    drop(writer);
    assert_eq!(names(&disk).len(), 1, "dropped, it leaves nothing");
    disk.create("00000000000000000003.unfinished").unwrap();
    assert_eq!(newest(&disk).snapshot.unwrap().sequence(), 1);
    small(&disk, 4);
    assert!(!names(&disk).iter().any(|name| name.contains("unfinished")));
}

#[test]
fn bytes_need_a_section_with_a_name() {
    let disk = SimulatedDisk::new(1);
    let mut writer = SnapshotWriter::create_on(storage(&disk), 2).unwrap();
    assert!(matches!(writer.append(b"x"), Err(JournalError::NoSection)));
    assert!(matches!(writer.section(""), Err(JournalError::NoSection)));
    assert!(matches!(writer.section(&"x".repeat(256)), Err(JournalError::NoSection)));
}

#[test]
fn a_crash_at_any_moment_leaves_the_old_snapshot_or_the_new() {
    let mut finished = 0;
    for seed in 0..100 {
        let disk = SimulatedDisk::new(seed);
        small(&disk, 1);
        let faults = match seed % 4 {
            0 => Faults { writes: Some(seed / 4), ..Faults::default() },
            1 => Faults { flushes: Some(seed / 4 % 3), ..Faults::default() },
            2 => Faults { renames: Some(seed / 4 % 3), ..Faults::default() },
            _ => Faults::default(),
        };
        disk.set_faults(faults);
        let result = write(&disk, 2);
        disk.cut_power();
        let found = newest(&disk);
        assert!(found.warnings.is_empty(), "seed {seed}: what has its name is whole");
        let mut snapshot = found.snapshot.unwrap();
        match snapshot.sequence() {
            2 => assert!(read_all(&mut snapshot) == contents(2)),
            1 => assert!(result.is_err(), "seed {seed}: it was finished, and is gone"),
            other => panic!("seed {seed}: snapshot {other}"),
        }
        finished += u32::from(result.is_ok());
    }
    assert!((25..75).contains(&finished), "{finished}");
}
