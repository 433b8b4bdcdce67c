//! A stream of frames; the first three bytes choose kind, options and where it is cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| iso8583::fuzzing::framing(data));
