//! The codec's operations a fixed number of times, for counting instructions: those do not depend on
//! what else the machine does. See `README.md` for how to run it under callgrind; alone, it prints the
//! processor time of each operation.
#![allow(missing_docs, clippy::unwrap_used)]

mod codec_cases;

use codec_cases::{Case, Ours, cases, theirs, theirs_round_trip};
use std::hint::black_box;

/// Nanoseconds this thread has had a processor; zero where the system does not say.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}

/// Does `work` so many times; without a number, prints what one costs: of eleven rounds the quickest,
/// the middle and the slowest. A round is long because the system counts in ticks of milliseconds.
fn measure(name: &str, times: Option<u64>, mut work: impl FnMut()) {
    if let Some(times) = times {
        return (0..times).for_each(|_| work());
    }
    let mut round = |times: u64| {
        let start = processor_time();
        (0..times).for_each(|_| work());
        processor_time() - start
    };
    let mut times = 1000;
    while round(times) < 100_000_000 && times < 100_000_000 {
        times *= 2;
    }
    let mut each: Vec<u64> = (0..11).map(|_| round(times) * 10 / times).collect();
    each.sort_unstable();
    let tenths = |value: u64| format!("{}.{}", value / 10, value % 10);
    let (first, middle, last) = (tenths(each[0]), tenths(each[5]), tenths(each[10]));
    println!("{name:48} {middle:>8} ns  ({first} to {last})");
}

fn run(case: &Case, operation: &str, times: Option<u64>) {
    let name = |who: &str| format!("{} {who}: {operation}", case.name);
    let mut ours = Ours::new(case);
    let mut wire = case.wire.clone();
    match operation {
        "unpack" => measure(&name(&case.dialect), times, || {
            black_box(ours.unpack());
        }),
        "round trip" => measure(&name(&case.dialect), times, || {
            black_box(ours.round_trip());
        }),
        "peer unpack" if case.peer => measure(&name("iso8583_rs"), times, || {
            black_box(theirs(&mut wire));
        }),
        "peer round trip" if case.peer => measure(&name("iso8583_rs"), times, || {
            black_box(theirs_round_trip(&mut wire));
        }),
        _ => {}
    }
}

/// `instructions CASE DIALECT OPERATION TIMES` does one thing; without them everything is timed.
fn main() {
    if !codec_cases::in_own_process() {
        return;
    }
    let smoke = std::env::args().any(|word| word == "--test");
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.as_slice() {
        [name, dialect, operation, times] => {
            let all = cases();
            let case = all.iter().find(|case| case.name == *name && case.dialect == *dialect);
            run(case.unwrap(), operation, times.parse().ok());
        }
        _ => {
            for case in cases() {
                for operation in ["unpack", "round trip", "peer unpack", "peer round trip"] {
                    run(&case, operation, smoke.then_some(100));
                }
            }
        }
    }
}
