//! Seeded crashes: whatever was committed is there afterwards, in order, and nothing else is.
#![allow(clippy::unwrap_used)]

mod common;

use common::{options, records, storage};
use journal::simulated::{Faults, SimulatedDisk};
use journal::{Journal, JournalError, Reader, Recovery};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Worlds in one run; `TAMGA_SEEDS` in the environment asks for another number.
const SEEDS: u64 = 400;
const LIVES: u32 = 5;

/// What the journal should hold.
#[derive(Default)]
struct Model {
    /// Every record appended, durable or not, from sequence 1.
    appended: Vec<Vec<u8>>,
    /// How many of them were committed, and might have been answered for.
    promised: usize,
}

/// How often the runs met what they are for: a test in which nothing tears proves nothing.
#[derive(Default, Debug)]
struct Met {
    torn_tails: u32,
    lost_unpromised: u32,
    kept_unpromised: u32,
    failed_commits: u32,
    failed_recoveries: u32,
    segments: u64,
}

#[test]
fn keeps_every_committed_record_over_crashes() {
    let mut met = Met::default();
    let seeds = std::env::var("TAMGA_SEEDS").map_or(SEEDS, |text| text.parse().unwrap());
    for seed in 0..seeds {
        one_world(seed, &mut met);
    }
    for (what, count) in [
        ("torn tails", met.torn_tails),
        ("lost records that were not promised", met.lost_unpromised),
        ("kept records that were not promised", met.kept_unpromised),
        ("failed commits", met.failed_commits),
        ("failed recoveries", met.failed_recoveries),
    ] {
        assert!(count > 20, "too few {what}: {met:?}");
    }
    assert!(met.segments > seeds * 2, "{met:?}");
}

fn one_world(seed: u64, met: &mut Met) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let disk = SimulatedDisk::new(seed);
    let mut model = Model::default();
    for _ in 0..LIVES {
        let size = 4096 << random.random_range(0..3);
        if random.random_bool(0.2) {
            disk.set_faults(some_faults(&mut random));
        }
        match Recovery::open_on(storage(&disk), options(size)) {
            Ok(recovery) => {
                check(seed, &recovery, &mut model, met);
                match recovery.finish() {
                    Ok(journal) => {
                        // What recovery shows has effects: it is a promise now.
                        model.promised = model.appended.len();
                        live(journal, &disk, &mut model, &mut random, met);
                    }
                    Err(_) => met.failed_recoveries += 1,
                }
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
        if random.random_bool(0.3) { disk.kill_process() } else { disk.cut_power() }
    }
    let recovery = Recovery::open_on(storage(&disk), options(4096)).unwrap();
    check(seed, &recovery, &mut model, met);
    drop(recovery.finish().unwrap());
    let mut reader = Reader::open_on(storage(&disk), 1).unwrap();
    for record in &model.appended {
        assert_eq!(reader.next(u64::MAX).unwrap().unwrap().1, record, "seed {seed}");
    }
    assert!(reader.next(u64::MAX).unwrap().is_none(), "seed {seed}");
    let names = journal::Storage::list(&disk).unwrap();
    met.segments += names.iter().filter(|name| name.ends_with(".seg")).count() as u64;
}

fn some_faults(random: &mut ChaCha8Rng) -> Faults {
    let mut faults = Faults::default();
    match random.random_range(0..4) {
        0 => faults.writes = Some(random.random_range(0..30)),
        1 => faults.flushes = Some(random.random_range(0..30)),
        2 => faults.renames = Some(random.random_range(0..4)),
        _ => {}
    }
    if random.random_bool(0.2) {
        faults.short_writes = Some(random.random_range(1..700));
    }
    faults
}

/// Appends and commits until the process's random end, which may be in the middle of anything.
fn live(
    mut journal: impl Journal,
    disk: &SimulatedDisk,
    model: &mut Model,
    random: &mut ChaCha8Rng,
    met: &mut Met,
) {
    for _ in 0..random.random_range(0..60) {
        if random.random_bool(0.05) {
            disk.set_faults(some_faults(random));
        }
        for _ in 0..random.random_range(0..12) {
            let length = match random.random_range(0..10) {
                0 => 0,
                1 => random.random_range(500..3000),
                _ => random.random_range(1..200),
            };
            let mut record = vec![0; length];
            random.fill(&mut record[..]);
            match journal.append(&record) {
                Ok(sequence) => {
                    model.appended.push(record);
                    assert_eq!(sequence, model.appended.len() as u64);
                }
                Err(JournalError::Poisoned { .. }) => {}
                Err(_) => met.failed_commits += 1,
            }
        }
        match journal.commit() {
            Ok(committed) => {
                assert_eq!(committed.durable(), model.appended.len() as u64);
                model.promised = model.appended.len();
            }
            Err(JournalError::Poisoned { .. }) => {}
            Err(_) => met.failed_commits += 1,
        }
    }
    for _ in 0..random.random_range(0..3) {
        if journal.append(b"never committed").is_ok() {
            model.appended.push(b"never committed".to_vec());
        }
    }
}

fn check(seed: u64, recovery: &Recovery, model: &mut Model, met: &mut Met) {
    let found = records(recovery, 1).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(found.len() as u64 + 1, recovery.next_sequence(), "seed {seed}");
    let (kept, promised) = (found.len(), model.promised);
    assert!(kept >= promised, "seed {seed}: {promised} were promised, {kept} are there");
    assert!(kept <= model.appended.len(), "seed {seed}: more records than were appended");
    for (index, (sequence, bytes)) in found.iter().enumerate() {
        assert_eq!(*sequence, index as u64 + 1, "seed {seed}");
        assert_eq!(*bytes, model.appended[index], "seed {seed}: record {sequence}");
    }
    met.torn_tails += u32::from(recovery.torn_tail().is_some());
    met.lost_unpromised += u32::from(kept < model.appended.len());
    met.kept_unpromised += u32::from(kept > model.promised);
    model.appended.truncate(kept);
}
