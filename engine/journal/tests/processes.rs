//! Real files and other processes: this test binary, started again in another role.
#![allow(clippy::unwrap_used)]

mod common;

use common::options;
use journal::{Journal, JournalError, Options, Reader, Recovery};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const DIRECTORY: &str = "JOURNAL_TEST_DIRECTORY";

/// Starts the test `name` in another process, where `DIRECTORY` tells it to play its other role.
fn start(name: &str, directory: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(other.stdout.take().unwrap()).lines();
    (other, said)
}

#[test]
fn locked_by_another_process() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let held = Recovery::open(directory.as_ref(), options(4096)).unwrap().finish().unwrap();
        println!("\nlocked");
        std::io::stdin().lines().next();
        drop(held);
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (mut other, mut said) = start("locked_by_another_process", place.path());
    while said.next().unwrap().unwrap() != "locked" {}
    let error = Recovery::open(place.path(), options(4096)).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("LOCK: another process"), "{text}");
    assert!(text.contains(&format!("(process {})", other.id())), "{text}");
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    drop(Recovery::open(place.path(), options(4096)).unwrap());
}

/// Record `n`: its number, and a length that depends on it.
fn record(n: u64) -> Vec<u8> {
    n.to_be_bytes().repeat(1 + usize::try_from(n % 90).unwrap())
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_promised() {
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        let mut journal = Recovery::open(directory.as_ref(), options).unwrap().finish().unwrap();
        loop {
            for _ in 0..5 {
                journal.append(&record(journal.next_sequence())).unwrap();
            }
            println!("\npromised {}", journal.commit().unwrap().durable());
        }
    }
    let place = tempfile::tempdir().unwrap();
    let mut there = 0;
    for round in 0..10 {
        let (mut other, mut said) =
            start("killed_at_any_moment_it_keeps_what_it_promised", place.path());
        let promise = |line: String| line.strip_prefix("promised ")?.parse::<u64>().ok();
        // Some promises first, then a moment that differs from round to round.
        let mut promised = 0;
        while promised < there + 200 {
            promised = promise(said.next().unwrap().unwrap()).unwrap_or(promised);
        }
        std::thread::sleep(Duration::from_micros(700 * round));
        other.kill().unwrap();
        promised = said.filter_map(|line| promise(line.ok()?)).last().unwrap_or(promised);
        other.wait().unwrap();
        let recovery = Recovery::open(place.path(), options.clone()).unwrap();
        there = recovery
            .replay(1, |sequence, bytes| {
                assert_eq!(bytes, record(sequence));
                Ok::<(), JournalError>(())
            })
            .unwrap();
        assert!(there >= promised, "round {round}: {promised} promised, {there} there");
    }
}

#[test]
fn a_reader_without_a_limit_follows_a_running_writer() {
    const LAST: u64 = 5000;
    let place = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let mut journal = Recovery::open(place.path(), options).unwrap().finish().unwrap();
    let mut reader = Reader::open(place.path(), 1).unwrap();
    let writer = std::thread::spawn(move || {
        while journal.next_sequence() <= LAST {
            for _ in 0..=journal.next_sequence() % 17 {
                journal.append(&record(journal.next_sequence())).unwrap();
            }
            journal.commit().unwrap();
        }
    });
    let mut next = 1;
    while next <= LAST {
        if let Some((sequence, bytes)) = reader.next(u64::MAX).unwrap() {
            assert_eq!((sequence, bytes), (next, &record(next)[..]));
            next += 1;
        }
    }
    writer.join().unwrap();
}
