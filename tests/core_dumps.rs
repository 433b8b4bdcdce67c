//! A crash leaves no image of the process's memory behind, whatever `ulimit -c` says; and what an
//! image would hold of messages that were answered is not much: their buffers are wiped.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use iso8583::FieldValue;
use payment_types::{Amount, Currency, Moment, Mti, Timestamp, UtcOffset};
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tamga_sim::card::Proofs;
use tamga_sim::gear::Gear;
use tamga_sim::intent::{Intent, Trace};
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::binary;

const CLOCK: &str = "2026-11-23T10:00:00+06:00";
/// Messages that are sent, and the last of them that are not looked for: what a thread had on its
/// stack last is still there until it does something else.
const SENT: u32 = 200;
const LAST: usize = 20;

/// The line of a process's limits about core files.
fn core_limit(pid: u32) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned()
}

#[test]
fn a_crash_leaves_no_core_dump() {
    let folder = tempfile::tempdir().unwrap();
    // Reads its passphrase from a pipe that stays open: it waits there until it is crashed.
    let script = format!(
        "ulimit -c unlimited; exec {} backup --data {} --passphrase-file - out",
        binary("tamga").display(),
        folder.path().display()
    );
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while !core_limit(child.id()).contains("0                    0") {
        assert!(std::time::Instant::now() < patience, "{}", core_limit(child.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    let aborted = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
    assert!(aborted.success());
    let ended = child.wait().unwrap();
    assert_eq!(ended.signal(), Some(6));
    assert!(!ended.core_dumped(), "a core was written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was left");
}

/// The engine under a shell that would let it dump core.
fn engine(folder: &Path) -> Engine {
    let program = folder.join("tamga-with-cores");
    let real = binary("tamga");
    let script = format!("#!/bin/bash\nulimit -c unlimited\nexec {} \"$@\"\n", real.display());
    // Another process writes it: what this one holds open for writing, the children of tests that
    // run beside hold too until they are themselves, and a file that is written cannot be run.
    let mut install = Command::new("install");
    install.args(["-m", "755", "/dev/stdin"]).arg(&program).stdin(Stdio::piped());
    let mut writing = install.spawn().unwrap();
    writing.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(writing.wait().unwrap().success());
    let patience = Duration::from_secs(60);
    let launch = Launch { program, patience, zone: "Asia/Bishkek".to_owned() };
    let home = folder.join("home");
    fs::create_dir(&home).unwrap();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let rules = fs::read_to_string(scenarios.join("base.rules.toml")).unwrap();
    Engine::start(&launch, &home, &rules, &scenarios.join("secure.jsonl"), CLOCK).unwrap()
}

/// Purchases of a DUKPT device, each with a PIN block and a track of its own. Gives what must not be
/// found of each: the block as sent, and the end of the track as digits and packed.
fn purchases(engine: &Engine) -> Vec<[Vec<u8>; 4]> {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let portfolio = tamga_sim::Portfolio::read(scenarios.join("secure.jsonl")).unwrap();
    let endpoint = engine.listener("pos").unwrap();
    let mut link = tamga_sim::Link::connect(&endpoint).unwrap();
    let terminal = portfolio.terminal("POSDUKPT").unwrap();
    let card = portfolio.card("K1").unwrap();
    let mti = Mti::parse("0200").unwrap();
    let (mut gear, mut secrets) = (Gear::default(), vec![]);
    for stan in 1..=SENT {
        let trace = Trace::fresh(stan, Moment::new(Timestamp(1_795_406_400_000), UtcOffset(360)));
        let mut intent = Intent::new(mti, terminal, &trace);
        intent.card = Some(card);
        intent.processing_code = Some("000000");
        intent.amount = Some(Amount::new(100, Currency::KGS));
        intent.entry_mode = Some("801");
        intent.pin = card.pin.as_ref();
        let mut message = gear.dress(&intent, &Proofs::default(), 0).unwrap();
        // Far from any other number there is, and of even length where it begins on a byte.
        let tail = format!("{:010}", 7_391_826_405_u64 + 7_919 * u64::from(stan));
        let track = format!("9417000000000016=29122010{tail}");
        message.fields.insert(35, FieldValue::Text(track));
        let Some(FieldValue::Binary(block)) = message.fields.get(&52) else { panic!("a PIN") };
        // Two digits a byte, beginning at the one or the other.
        let packed = [0, 1].map(|from| hex::decode(tail.get(from..from + 8).unwrap()).unwrap());
        let [even, odd] = packed;
        secrets.push([block.clone(), tail.into_bytes(), even, odd]);
        let body = message.encode(endpoint.dialect()).unwrap();
        let patience = Duration::from_secs(10);
        let answer = tamga_sim::exchange::exchange(&mut link, &body, mti, stan, patience);
        assert!(!answer.unwrap().code().is_empty());
    }
    secrets
}

/// All that a core of the process would hold; `None` where the system lets nobody look.
fn memory(pid: i32) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ')?;
        if !rest.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-')?;
        let at = |hex| u64::from_str_radix(hex, 16).ok();
        let (from, to) = (at(from)?, at(to)?);
        let mut part = vec![0; usize::try_from(to - from).ok()?];
        memory.seek(SeekFrom::Start(from)).ok()?;
        // Some ranges belong to devices and cannot be read.
        if memory.read_exact(&mut part).is_ok() {
            all.extend_from_slice(&part);
        }
    }
    Some(all)
}

/// Which of those texts stand in the image, by their number; in one pass, since the image is large.
fn where_found(image: &[u8], forms: &[&Vec<u8>]) -> Vec<usize> {
    let first = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    let mut beginning_so = vec![vec![]; 1 << 16];
    for (number, form) in forms.iter().enumerate() {
        beginning_so[first(form)].push(number);
    }
    let mut found = vec![];
    for at in 0..image.len() - 16 {
        for number in &beginning_so[first(&image[at..])] {
            if image[at..].starts_with(forms[*number]) {
                found.push(*number);
            }
        }
    }
    found
}

#[test]
fn an_engine_that_is_aborted_under_load_leaves_no_core_and_little_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let pid = engine.pid().unwrap().as_raw_nonzero().get();
    let limit = core_limit(pid.unsigned_abs());
    assert!(limit.contains("0                    0"), "{limit}");
    let secrets = purchases(&engine);
    assert!(secrets[0] != secrets[1], "each message has its own");
    let mut found = vec![];
    if let Some(image) = memory(pid) {
        assert!(image.len() > 1 << 20, "an image of {} bytes", image.len());
        // The search finds what is there: the name of a terminal, which is no secret.
        assert!(!where_found(&image, &[&b"POSDUKPT".to_vec()]).is_empty());
        let forms = secrets.iter().take(secrets.len() - LAST).flatten();
        found = where_found(&image, &forms.collect::<Vec<_>>());
    } else {
        println!("this system lets nobody read the engine's memory: not looked at");
    }
    let aborted = Command::new("kill").args(["-ABRT", &pid.to_string()]).status().unwrap();
    assert!(aborted.success());
    // It is reaped by its owner; until then it is a zombie without memory.
    let gone = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    };
    assert!((0..200).any(|_| gone() || {
        std::thread::sleep(Duration::from_millis(50));
        false
    }));
    for place in ["home", "home/data"] {
        for file in fs::read_dir(folder.path().join(place)).unwrap().flatten() {
            assert!(!file.file_name().to_string_lossy().starts_with("core"), "{file:?}");
        }
    }
    // The PIN block, the end of the track, the same packed in two ways.
    let kinds = [0, 1, 2, 3].map(|kind| found.iter().filter(|number| **number % 4 == kind).count());
    assert!(found.is_empty(), "PIN blocks, tracks, packed tracks: {kinds:?}");
}
