//! The codec allocates nothing once its buffers have grown: parsing, reading, building and framing.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

use iso8583::{Dialect, Framing, Message, MessageBuilder};
use payment_types::Mti;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use tamga_tests::{conformance_json, text};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations and growths while `work` runs a hundred times, after once to warm up.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let before = ALLOCATOR.stats();
    for _ in 0..100 {
        work();
    }
    let after = ALLOCATOR.stats();
    after.allocations + after.reallocations - before.allocations - before.reallocations
}

/// One test, because the counters are the whole process's.
#[test]
fn the_codec_allocates_nothing() {
    a_round_trip_allocates_nothing();
    refusing_allocates_nothing();
}

fn a_round_trip_allocates_nothing() {
    let vectors = conformance_json("bench/wire.json");
    for (id, vector) in vectors.as_object().unwrap() {
        for (form, name) in [("b", "iso87-bcd"), ("a", "iso87-ascii")] {
            let dialect = Dialect::shipped(name).unwrap();
            let wire = hex::decode(text(vector, form)).unwrap();
            let framing = Framing::new("u16be", true, b"", Framing::DEFAULT_MAX).unwrap();
            let mut builder = MessageBuilder::new(&dialect, Mti::parse("0210").unwrap());
            let (mut out, mut frame, mut scratch) = (Vec::new(), Vec::new(), [0; 2048]);
            let count = allocations(|| {
                let message = Message::parse(&dialect, &wire).unwrap();
                for de in message.elements() {
                    black_box(message.number(de));
                    black_box(message.text(de, &mut scratch));
                    black_box(message.binary(de, &mut scratch));
                }
                out.clear();
                builder.reset(Mti::parse("0210").unwrap());
                builder.copy_all(&message).unwrap();
                builder.set_number(11, 654_321).unwrap().set_text(39, b"00").unwrap();
                builder.write(&mut out).unwrap();
                builder.reset(Mti::parse("0210").unwrap());
                for de in message.elements() {
                    builder.copy(&message, de).unwrap();
                }
                builder.set_text(44, b"three different lengths").unwrap();
                builder.write(&mut out).unwrap();
                frame.clear();
                framing.encode(None, &out, &mut frame).unwrap();
                black_box(&frame);
            });
            assert_eq!(count, 0, "{id} {name}");
        }
    }
}

fn refusing_allocates_nothing() {
    let dialect = Dialect::shipped("iso87-bcd").unwrap();
    let wire = [0x02, 0x00, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x5A];
    assert!(Message::parse(&dialect, &wire).is_err());
    let count = allocations(|| {
        black_box(Message::parse(black_box(&dialect), black_box(&wire)).is_err());
    });
    assert_eq!(count, 0);
}
