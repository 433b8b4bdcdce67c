//! The codec on messages M1 to M5: unpacking with validation, and the round trip (unpack, read twelve
//! elements, set three, pack), against `iso8583_rs` on its own encoding in the same run.
//!
//! Run with `cargo bench -p tamga-benches --bench codec`.
#![allow(missing_docs, clippy::unwrap_used)]

mod codec_cases;

use codec_cases::{Case, Ours, cases, theirs, theirs_round_trip};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

fn ours(criterion: &mut Criterion, case: &Case) {
    let mut group = criterion.benchmark_group(format!("{} {}", case.name, case.dialect));
    group.throughput(Throughput::Elements(1));
    let mut ours = Ours::new(case);
    group.bench_function("unpack", |bench| bench.iter(|| black_box(ours.unpack())));
    group.bench_function("round trip", |bench| bench.iter(|| black_box(ours.round_trip())));
    group.finish();
}

fn peer(criterion: &mut Criterion, case: &Case) {
    let mut group = criterion.benchmark_group(format!("{} iso8583_rs", case.name));
    group.throughput(Throughput::Elements(1));
    let mut wire = case.wire.clone();
    group.bench_function("unpack", |bench| bench.iter(|| black_box(theirs(&mut wire))));
    group.bench_function("round trip", |bench| {
        bench.iter(|| black_box(theirs_round_trip(&mut wire)));
    });
    group.finish();
}

fn main() {
    if !codec_cases::in_own_process() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases() {
        if case.peer {
            peer(&mut criterion, &case);
        }
        ours(&mut criterion, &case);
    }
    criterion.final_summary();
}
