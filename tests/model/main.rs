//! The engine against a slow, obvious model of the rule book, on random histories.
//!
//! `make test` runs a few seeds and replays every history in `regressions`; `make model SEEDS=100
//! STEPS=20000` runs more. After each step the answers are compared, and every balance, hold,
//! overdraft, counter, block and the bank's own accounts; the ledger's invariants are checked; a
//! snapshot is taken and read back on the way; at the end the journal is replayed and must give the
//! same state. A history that fails is shrunk and kept in `regressions`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::result_large_err
)]

mod books;
mod counters;
mod debts;
mod engine;
mod fees;
mod message;
mod model;
mod reversal;
mod run;
mod shrink;
mod step;
mod world;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use step::{Step, history};

fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("model/regressions")
}

fn setting(name: &str, otherwise: u64) -> u64 {
    let told = std::env::var(name).ok().filter(|text| !text.is_empty());
    told.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}")))
}

#[test]
fn histories_that_once_failed() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(regressions()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let steps: Vec<Step> = serde_json::from_str(&text).unwrap();
        if let Err(failure) = run::run(&steps) {
            panic!("{}: {failure}", path.display());
        }
    }
}

#[test]
fn random_histories() {
    let (seeds, count) = (setting("MODEL_SEEDS", 3), setting("MODEL_STEPS", 10_000));
    let first = setting("MODEL_FIRST_SEED", 4);
    let (started, mut tally) = (Instant::now(), run::Tally::new());
    for seed in first..first + seeds {
        let steps = history(seed, usize::try_from(count).unwrap());
        show(seed - first, seeds, started, count);
        let failure = match run::run(&steps) {
            Ok(counted) => {
                for (what, count) in counted {
                    *tally.entry(what).or_default() += count;
                }
                continue;
            }
            Err(failure) => failure,
        };
        let (steps, failure) = shrink::shrink(steps, failure);
        let path = regressions().join(format!("seed-{seed}.json"));
        std::fs::write(&path, serde_json::to_string_pretty(&steps).unwrap()).unwrap();
        panic!(
            "seed {seed}: {failure}\nshrunk to {} steps, kept as {}:\n{}",
            steps.len(),
            path.display(),
            steps.iter().map(|step| format!("  {step:?}\n")).collect::<String>()
        );
    }
    show(seeds, seeds, started, count);
    covers(&tally, seeds * count);
}

/// A history in which something never happens says nothing about it.
fn covers(tally: &run::Tally, steps: u64) {
    if std::env::var_os("MODEL_SEEDS").is_some() {
        for ((kind, outcome), count) in tally {
            eprintln!("{count:>9}  {kind}: {outcome}");
        }
    }
    if steps < 20_000 {
        return;
    }
    let met = |outcome: &str| tally.keys().any(|(_, met)| met == outcome);
    let codes = ["00", "04", "10", "12", "13", "14", "51", "54", "55", "57", "58", "59", "61"];
    let more = ["62", "63", "65", "70", "75", "77", "94", "05", "refused", "spent IT", "spent IFT"];
    let missing: Vec<&str> =
        codes.into_iter().chain(more).filter(|outcome| !met(outcome)).collect();
    assert!(missing.is_empty(), "never came: {missing:?}");
    let changes = ["00", "12", "51", "55", "70"];
    let missing = changes.map(|code| ("PIN change", code.to_owned()));
    let missing: Vec<_> = missing.iter().filter(|met| !tally.contains_key(met)).collect();
    assert!(missing.is_empty(), "never came: {missing:?}");
}

/// A progress bar, where somebody looks at it.
fn show(done: u64, seeds: u64, started: Instant, count: u64) {
    let mut out = std::io::stderr();
    if !out.is_terminal() && std::env::var_os("MODEL_SEEDS").is_none() {
        return;
    }
    let filled = usize::try_from(done * 40 / seeds.max(1)).unwrap_or(0);
    let bar = format!("{}{}", "#".repeat(filled), ".".repeat(40 - filled));
    let rate = (done * count) as f64 / started.elapsed().as_secs_f64().max(0.001);
    let left = match done {
        0 => String::new(),
        _ => format!(", {:.0} s left", (seeds - done) as f64 * count as f64 / rate),
    };
    let end = if out.is_terminal() && done < seeds { '\r' } else { '\n' };
    let _written =
        write!(out, "[{bar}] {done}/{seeds} seeds of {count} steps, {rate:.0} steps/s{left}{end}");
}
