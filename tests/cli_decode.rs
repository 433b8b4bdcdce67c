//! `tamga decode` and `tamga encode` on the conformance messages: the real program.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use tamga_tests::programs::{Run, command, tamga};
use tamga_tests::{conformance_json, list, text};

/// Runs a command with these lines on standard input.
fn piped(arguments: &[&str], lines: &[String]) -> Vec<String> {
    let mut child = command("tamga")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let all = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(all.as_bytes()).unwrap());
    let run = Run::from(child.wait_with_output().unwrap()).good();
    writer.join().unwrap();
    run.out.lines().map(str::to_owned).collect()
}

const FILES: [(&str, &str); 5] = [
    ("jpos-iso87ascii.json", "iso87-ascii"),
    ("jpos-iso87binary.json", "iso87-bcd"),
    ("jpos-iso93ascii.json", "iso93-ascii"),
    ("jpos-iso93binary.json", "iso93-bcd"),
    ("jpos-iso87ascii-binary-bitmap.json", "iso87-ascii-binary-bitmap"),
];

#[test]
fn every_conformance_message_goes_there_and_back() {
    for (file, dialect) in FILES {
        let vectors = conformance_json(&format!("iso8583/{file}"));
        let messages = list(&vectors, "messages");
        let given: Vec<String> =
            messages.iter().map(|message| text(message, "hex").to_owned()).collect();
        assert!(given.len() > 10, "{file}");
        let decoded = piped(&["decode", "--unmask", "--dialect", dialect, "-"], &given);
        let encoded = piped(&["encode", "--dialect", dialect, "-"], &decoded);
        assert_eq!(encoded, given, "{file}");
        for (message, line) in messages.iter().zip(&decoded) {
            let shown: Value = serde_json::from_str(line).unwrap();
            assert_eq!(shown["mti"], message["mti"], "{line}");
            let elements = |value: &Value| -> Vec<u8> {
                let keys = value["fields"].as_object().unwrap().keys();
                let mut all: Vec<u8> = keys.map(|key| key.parse().unwrap()).collect();
                all.sort_unstable();
                all
            };
            assert_eq!(elements(&shown), elements(message), "{line}");
        }
        let masked = piped(&["decode", "--dialect", dialect, "-"], &given);
        for (message, line) in messages.iter().zip(masked) {
            let Some(number) = message["fields"]["2"].as_str() else { continue };
            assert!(number.len() < 9 || !line.contains(number), "{file} {}", message["id"]);
        }
    }
}

#[test]
fn one_message_on_the_command_line() {
    let json = r#"{"mti":"0800","fields":{"7":"1121143200","11":"123458","70":"301"}}"#;
    let encoded = tamga(&["encode", json]).good().out;
    let decoded = tamga(&["decode", encoded.trim()]).good().out;
    assert_eq!(decoded.trim(), json);
    let table = tamga(&["decode", "--pretty", encoded.trim()]).good().out;
    assert!(table.contains("network management request"), "{table}");
    assert!(table.contains("iso87-bcd"), "{table}");
    let dump = tamga(&["encode", "--pretty", json]).good().out;
    assert!(dump.starts_with("0000  08 00"), "{dump}");
}

#[test]
fn what_is_no_message_exits_with_1_and_says_where() {
    let run = tamga(&["decode", "0200700000000000000016"]).exits(1);
    let error: Value = serde_json::from_str(run.out.trim()).unwrap();
    assert_eq!(error["error"]["element"], 2, "{}", run.out);
    assert!(error["error"]["offset"].is_u64() && error["error"]["cause"].is_string());
    assert!(run.err.starts_with("not a message of iso87-bcd: element 2"), "{}", run.err);
    let run = tamga(&["encode", r#"{"mti":"0200","fields":{"4":"1x"}}"#]).exits(1);
    assert!(run.err.contains("element 4"), "{}", run.err);
    let run = tamga(&["decode", "--dialect", "iso88", "00"]).exits(2);
    assert!(run.err.contains("no dialect `iso88`"), "{}", run.err);
}

/// One bad line does not stop the others, and nobody panics over any of them.
#[test]
fn bad_lines_are_answered_in_their_place() {
    let good = "08008220000000000000040000000000000011211432001234580301".to_owned();
    let mut lines = vec![good.clone(), "zz".into(), String::new(), "08".into(), good.clone()];
    for cut in 0..good.len() {
        lines.push(good.chars().take(cut).collect());
    }
    lines.push(good);
    let out = piped(&["decode", "-"], &lines);
    assert_eq!(out.len(), lines.len());
    for (line, shown) in lines.iter().zip(&out) {
        let value: Value = serde_json::from_str(shown).unwrap();
        let is_whole = line.len() == lines[0].len();
        assert_eq!(value["fields"].is_object(), is_whole, "{line}: {shown}");
        assert_eq!(value["error"]["cause"].is_string(), !is_whole, "{line}: {shown}");
    }
}
