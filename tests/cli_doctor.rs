//! `tamga-sim doctor` on messages that other software made: it says which dialect they are in.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::process::Command;
use tamga_tests::programs::{binary, command};
use tamga_tests::{conformance_json, list, text};

/// A file of hex lines with the messages of a vector file.
fn recording(vectors: &str) -> tempfile::NamedTempFile {
    let data = conformance_json(&format!("iso8583/{vectors}.json"));
    let mut lines = String::new();
    for message in list(&data, "messages") {
        writeln!(lines, "{}", text(message, "hex")).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    file
}

fn doctor() -> Command {
    let mut run = command("tamga-sim");
    run.arg("doctor");
    run
}

#[test]
fn recognises_the_dialects_of_another_implementation() {
    assert!(binary("tamga-sim").exists());
    for (vectors, dialect) in [
        ("jpos-iso87ascii", "iso87-ascii"),
        ("jpos-iso87binary", "iso87-bcd"),
        ("jpos-iso87ascii-binary-bitmap", "iso87-ascii-binary-bitmap"),
        ("jpos-iso93ascii", "iso93-ascii"),
        ("jpos-iso93binary", "iso93-bcd"),
    ] {
        let file = recording(vectors);
        let run = doctor().arg(file.path()).output().unwrap();
        let told = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success(), "{vectors}: {told}");
        assert!(told.contains(&format!("\nDialect   {dialect}\n")), "{vectors}: {told}");
        assert!(told.contains("200 of 200 messages understood"), "{vectors}: {told}");
    }
}

#[test]
fn says_what_it_cannot_read() {
    let noise = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(noise.path(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").unwrap();
    let run = doctor().arg(noise.path()).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stdout).unwrap().contains("Framing   not found"));
    let run = doctor().arg("/nowhere").output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8(run.stderr).unwrap().contains("/nowhere: No such file"));
}
