//! The journal's group commit against a bare loop of write and `fdatasync` on a zeroed file, in
//! the same run and on the same disk, in turns; then what appending a record costs the CPU.
//!
//! `TAMGA_BENCH_DIR` chooses the disk; otherwise it is the one the build directory is on. Needs an
//! otherwise idle machine: a flush ends in kernel threads that wait their turn like any other.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{Criterion, Throughput};
use journal::{Embedded, Journal, NextSegment, Options, Recovery, SegmentFile, Storage};
use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Each size of batch and how many commits of it make one round.
const BATCHES: [(usize, usize); 4] = [(1, 1500), (64, 1500), (256, 800), (2048, 150)];
const RECORD_BYTES: [usize; 2] = [200, 400];
const ROUNDS: usize = 7;
const BARE_BYTES: u64 = 64 << 20;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench ... -- append` leaves the disk alone; `cargo test` runs criterion's check only.
    let filtered = arguments.iter().any(|argument| !argument.starts_with('-'));
    let smoke = arguments.iter().any(|argument| argument == "--test");
    if arguments.iter().any(|argument| argument == "--bench") && !filtered && !smoke {
        group_commit();
    }
    append_cost(&mut criterion);
    criterion.final_summary();
}

fn directory() -> PathBuf {
    std::env::var_os("TAMGA_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
        .join("journal-bench")
}

/// Latencies of one kind in one configuration, a list for each round.
#[derive(Default)]
struct Rounds(Vec<Vec<Duration>>);

impl Rounds {
    fn quantile(&self, per_mille: usize) -> Duration {
        let mut all: Vec<Duration> = self.0.iter().flatten().copied().collect();
        all.sort_unstable();
        all[(all.len() * per_mille / 1000).min(all.len() - 1)]
    }

    /// The least and the greatest median of a round.
    fn spread(&self) -> (Duration, Duration) {
        let medians = self.0.iter().map(|round| Self(vec![round.clone()]).quantile(500));
        (medians.clone().min().unwrap(), medians.max().unwrap())
    }

    fn total(&self) -> Duration {
        self.0.iter().flatten().sum()
    }
}

fn group_commit() {
    let place = directory();
    // A run that was broken off may have left one.
    drop(std::fs::remove_dir_all(&place));
    println!("group commit in {}, {ROUNDS} rounds in turns, times in µs", place.display());
    println!("p50 of all rounds (least-greatest p50 of a round), p99 of all rounds\n");
    println!(
        "| record | batch | bare p50 | bare p99 | journal p50 | journal p99 | p50 ratio \
         | p99 ratio \
         | of it appending, ns/record | records/s |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for record_bytes in RECORD_BYTES {
        for (batch, commits) in BATCHES {
            one_row(&place, record_bytes, batch, commits);
        }
    }
}

fn one_row(place: &Path, record_bytes: usize, batch: usize, commits: usize) {
    let mut journal =
        Recovery::open(&place.join("data"), Options::default()).unwrap().finish().unwrap();
    let bare = Bare::new(&place.join("bare"));
    let record = vec![0x5a; record_bytes];
    let flush = vec![0x5a; batch * (32 + record_bytes).next_multiple_of(8)];
    let (mut bare_times, mut journal_times) = (Rounds::default(), Rounds::default());
    let mut appending = Duration::ZERO;
    for _ in 0..ROUNDS {
        while journal.next_segment() == NextSegment::Preparing {
            std::thread::sleep(Duration::from_millis(5));
        }
        bare_times.0.push(bare.round(&flush, commits));
        let (times, appended) = journal_round(&mut journal, &record, batch, commits);
        journal_times.0.push(times);
        appending += appended;
    }
    drop(journal);
    std::fs::remove_dir_all(place).unwrap();
    let records = (ROUNDS * commits * batch) as f64;
    let us = |d: Duration| d.as_secs_f64() * 1e6;
    let cell = |r: &Rounds| {
        let (least, greatest) = r.spread();
        format!("{:.0} ({:.0}-{:.0})", us(r.quantile(500)), us(least), us(greatest))
    };
    let ratio = |n| journal_times.quantile(n).as_secs_f64() / bare_times.quantile(n).as_secs_f64();
    println!(
        "| {record_bytes} | {batch} | {} | {:.0} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} |",
        cell(&bare_times),
        us(bare_times.quantile(990)),
        cell(&journal_times),
        us(journal_times.quantile(990)),
        ratio(500),
        ratio(990),
        appending.as_secs_f64() * 1e9 / records,
        records / journal_times.total().as_secs_f64(),
    );
}

/// Appends and commits as the shard does; the time of each whole turn, and of all appending.
fn journal_round(
    journal: &mut Embedded,
    record: &[u8],
    batch: usize,
    commits: usize,
) -> (Vec<Duration>, Duration) {
    let mut appending = Duration::ZERO;
    let times = (0..commits)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..batch {
                journal.append(record).unwrap();
            }
            appending += start.elapsed();
            journal.commit().unwrap();
            start.elapsed()
        })
        .collect();
    (times, appending)
}

/// What the disk can do at best: the same bytes into a zeroed file, one write, one `fdatasync`.
struct Bare(File);

impl Bare {
    fn new(path: &Path) -> Self {
        let file = File::create_new(path).unwrap();
        let zeros = vec![0; 1 << 20];
        for at in (0..BARE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at).unwrap();
        }
        file.sync_all().unwrap();
        Self(file)
    }

    fn round(&self, bytes: &[u8], commits: usize) -> Vec<Duration> {
        let mut at = 0;
        (0..commits)
            .map(|_| {
                if at + bytes.len() as u64 > BARE_BYTES {
                    at = 0;
                }
                let start = Instant::now();
                self.0.write_all_at(bytes, at).unwrap();
                self.0.sync_data().unwrap();
                at += bytes.len() as u64;
                start.elapsed()
            })
            .collect()
    }
}

/// A storage that takes everything and keeps nothing: what is left is the CPU's part.
struct Nowhere;
const NOWHERE_BYTES: u64 = 64 << 20;

impl SegmentFile for Nowhere {
    fn write_at(&self, bytes: &[u8], _: u64) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(0)
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }
    fn size(&self) -> io::Result<u64> {
        Ok(NOWHERE_BYTES)
    }
}

impl Storage for Nowhere {
    fn create(&self, _: &str) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(Self))
    }
    fn open_read(&self, _: &str) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(Self))
    }
    fn open_write(&self, _: &str) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(Self))
    }
    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from(name)
    }
}

fn append_cost(criterion: &mut Criterion) {
    const BATCH: u64 = 64;
    let mut group = criterion.benchmark_group("journal/append 64 and commit to nowhere");
    group.throughput(Throughput::Elements(BATCH));
    for record_bytes in RECORD_BYTES {
        let options = Options { segment_bytes: NOWHERE_BYTES, prepare_ahead: false };
        let storage: Arc<dyn Storage> = Arc::new(Nowhere);
        let mut journal = Recovery::open_on(storage, options).unwrap().finish().unwrap();
        let record = vec![0x5a; record_bytes];
        group.bench_function(format!("{record_bytes} bytes"), |bencher| {
            bencher.iter(|| {
                for _ in 0..BATCH {
                    journal.append(black_box(&record)).unwrap();
                }
                journal.commit().unwrap()
            });
        });
    }
    group.finish();
}
