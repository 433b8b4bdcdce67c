//! Security data of private elements, tracks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| interchange::fuzzing::security_data(data));
