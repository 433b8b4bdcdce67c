//! The bytes of format version 1, frozen: `tests/fixtures/journal/` at the root of the repository.
//!
//! A program of any later version must read these files. If a test here fails, the format was
//! changed: give it a new version number, keep reading this one, and add samples of the new one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{options, records, storage};
use journal::simulated::SimulatedDisk;
use journal::{DataDirectory, Journal, Reader, Recovery, SnapshotReader, SnapshotWriter, Storage};
use std::path::Path;

/// The flushes in the sample; a zero-length record and one that needs padding among them.
const FLUSHES: &[&[&[u8]]] = &[&[b"first record"], &[b"", b"two of two in one flush"], &[b"last"]];

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/journal");
    std::fs::read_to_string(path.join(name)).unwrap()
}

/// Hex bytes; `#` begins a comment, `zeros to N` fills up to N bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap().trim();
        if let Some(length) = line.strip_prefix("zeros to ") {
            bytes.resize(length.parse().unwrap(), 0);
        } else {
            let pairs = line.split_whitespace();
            bytes.extend(pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
    }
    bytes
}

fn disk_with(name: &str, bytes: &[u8]) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    disk.create(name).unwrap();
    disk.sync_directory().unwrap();
    disk.damage(name, |content| content.extend_from_slice(bytes));
    disk
}

#[test]
fn reads_and_writes_segments_of_version_1() {
    let frozen = bytes(&fixture("segment-v1.hex"));
    let disk = disk_with(&common::segment(1), &frozen);
    let expected: Vec<(u64, Vec<u8>)> =
        (1..).zip(FLUSHES.concat()).map(|(n, record)| (n, record.to_vec())).collect();
    let recovery = Recovery::open_on(storage(&disk), options(4096)).unwrap();
    assert_eq!(recovery.torn_tail(), None);
    assert_eq!(records(&recovery, 1).unwrap(), expected);
    let mut reader = Reader::open_on(storage(&disk), 4).unwrap();
    assert_eq!(reader.next(4).unwrap(), Some((4, &b"last"[..])));
    let mut journal = recovery.finish().unwrap();
    assert_eq!(journal.append(b"and on").unwrap(), 5);

    let ours = common::written(FLUSHES).contents(&common::segment(1)).unwrap();
    assert!(ours == frozen, "the same records make the same bytes");
}

#[test]
fn reads_and_writes_snapshots_of_version_1() {
    let frozen = bytes(&fixture("snapshot-v1.hex"));
    let name = "00000000000000000004.snap";
    let disk = disk_with(name, &frozen);
    let found = SnapshotReader::newest_good_on(storage(&disk)).unwrap();
    let mut snapshot = found.snapshot.unwrap();
    assert_eq!(snapshot.sequence(), 4);
    assert_eq!(snapshot.next_section().unwrap().as_deref(), Some("cards"));
    assert_eq!(snapshot.next_chunk().unwrap(), Some(&b"the cards"[..]));
    assert_eq!(snapshot.next_section().unwrap().as_deref(), Some("rules"));
    assert_eq!(snapshot.next_chunk().unwrap(), None);
    assert_eq!(snapshot.next_section().unwrap(), None);

    let disk = SimulatedDisk::new(1);
    let mut writer = SnapshotWriter::create_on(storage(&disk), 4).unwrap();
    writer.section("cards").unwrap();
    writer.append(b"the cards").unwrap();
    writer.section("rules").unwrap();
    writer.finish().unwrap();
    assert!(disk.contents(name).unwrap() == frozen, "the same sections make the same bytes");
}

#[test]
fn opens_a_data_directory_of_version_1() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("TAMGA"), fixture("TAMGA-v1")).unwrap();
    std::fs::create_dir(place.path().join("journal")).unwrap();
    let segment = bytes(&fixture("segment-v1.hex"));
    std::fs::write(place.path().join("journal").join(common::segment(1)), segment).unwrap();
    drop(DataDirectory::lock(place.path()).unwrap());
    let recovery = Recovery::open(place.path(), options(4096)).unwrap();
    assert_eq!(recovery.next_sequence(), 5);
    assert!(recovery.finish().unwrap().directory().is_some());
}
