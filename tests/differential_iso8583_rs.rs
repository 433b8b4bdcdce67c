//! The same messages through `iso8583_rs`, another implementation: the same bytes in every element,
//! the same text, and both build the same message.
//!
//! That crate takes its spec from a file that an environment variable names, prints when it loads it,
//! and panics on bad input, so it gets good messages only, in a process of its own.

#![expect(clippy::unwrap_used, reason = "a message that is not as expected fails the test")]

use iso8583::{Class, Dialect, Message, MessageBuilder};
use iso8583_rs::iso8583::iso_spec::{IsoMsg, new_msg, spec};
use std::path::Path;
use tamga_tests::{conformance_json, list, text};

const SPEC: &str = "SPEC_FILE";

/// Runs the test named again with the variable set, since one's own environment cannot be changed
/// safely. `true` in the process that is to do the work.
fn in_own_process(name: &str) -> bool {
    if std::env::var_os(SPEC).is_some() {
        return true;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/peers/iso8583_rs.yaml");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(SPEC, file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    false
}

fn theirs(wire: &[u8]) -> IsoMsg {
    spec("").parse(&mut wire.to_vec()).map_err(|error| error.msg).unwrap()
}

/// Compares one message; the number of elements compared.
fn compare(id: &str, dialect: &Dialect, wire: &[u8]) -> usize {
    let ours = Message::parse(dialect, wire).unwrap_or_else(|error| panic!("{id}: {error}"));
    let theirs = theirs(wire);
    let (mut scratch, mut count) = ([0; 2048], 0);
    for de in ours.elements() {
        let raw = theirs.fd_map.get(&de.to_string()).map(Vec::as_slice);
        assert_eq!(ours.raw(de), raw, "{id}: {de}");
        let value = theirs.bmp_child_value(de.into()).map_err(|error| error.msg).unwrap();
        let text = ours.text(de, &mut scratch).unwrap().unwrap();
        let text = std::str::from_utf8(text).unwrap();
        // Theirs shows packed digits with their filler.
        let (value, padded) = (value.to_uppercase().replace('D', "="), format!("0{text}"));
        let same = [text, &format!("{text}F"), &padded]
            .iter()
            .any(|text| text.to_uppercase().replace('D', "=").trim_end() == value.trim_end());
        // It has no notion of a signed amount and shows the sign as a byte.
        let signed = dialect.element(de).is_some_and(|format| format.class() == Class::Signed);
        assert!(same || signed, "{id}: {de}: {text:?} is not {value:?}");
        count += 1;
    }
    assert_eq!(theirs.fd_map.len(), count + 2, "{id}: elements, MTI and bitmap");

    // Built by both, from the values of each.
    let mut again = new_msg(theirs.spec, theirs.msg);
    let mut builder = MessageBuilder::new(dialect, ours.mti());
    again.set("message_type", &ours.mti().to_string()).map_err(|error| error.msg).unwrap();
    for de in ours.elements() {
        let value = theirs.bmp_child_value(de.into()).map_err(|error| error.msg).unwrap();
        again.set_on(de.into(), &value).map_err(|error| error.msg).unwrap();
        builder.set_field(de, &ours.field(de).unwrap()).unwrap();
    }
    let mut built = Vec::new();
    builder.write(&mut built).unwrap();
    assert_eq!(again.assemble().map_err(|error| error.msg).unwrap(), built, "{id}");
    assert_eq!(built, wire, "{id}");
    count
}

#[test]
fn the_bench_messages() {
    if !in_own_process("the_bench_messages") {
        return;
    }
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dialects/bytes-bcd.toml");
    let toml = std::fs::read_to_string(fixture).unwrap();
    let packed = Dialect::from_toml(&toml, "bytes-bcd.toml").unwrap();
    let ascii = Dialect::shipped("iso87-ascii-binary-bitmap").unwrap();
    let vectors = conformance_json("bench/wire.json");
    for (id, vector) in vectors.as_object().unwrap() {
        compare(id, &packed, &hex::decode(text(vector, "bb")).unwrap());
        compare(id, &ascii, &hex::decode(text(vector, "ab")).unwrap());
    }
}

#[test]
fn the_messages_of_jpos() {
    if !in_own_process("the_messages_of_jpos") {
        return;
    }
    let mut compared = 0;
    for (file, name) in [
        ("jpos-iso87ascii-binary-bitmap", "iso87-ascii-binary-bitmap"),
        ("jpos-iso87binary", "iso87-bcd"),
    ] {
        let dialect = Dialect::shipped(name).unwrap();
        let vectors = conformance_json(&format!("iso8583/{file}.json"));
        for vector in list(&vectors, "messages") {
            let wire = hex::decode(text(vector, "hex")).unwrap();
            let message = Message::parse(&dialect, &wire).unwrap();
            // Its lengths of packed digits count bytes, where jPOS counts digits.
            let counted = |de| [2, 32, 33, 35, 99, 100].contains(&de);
            if name == "iso87-bcd" && message.elements().any(counted) {
                continue;
            }
            compared += compare(text(vector, "id"), &dialect, &wire);
        }
    }
    assert!(compared > 1000, "only {compared} elements compared");
}
