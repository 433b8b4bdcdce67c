//! BER-TLV, as in DE 55.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| emv::fuzzing::tlv(data));
