//! The whole engine with its keys in a payment HSM: a purchase with PIN is approved, answered 91
//! while the HSM is gone, and approved again when it is back, without a restart.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tamga_sim::hsm::{Hsm, Misbehaviour, Options, Running};
use tamga_tests::programs::{Run, command};
use tamga_tests::small_bank::SmallBank;

const HEADER: usize = 8;
/// A card whose PIN the HSM checks, without chip.
const RIGHT: &[&str] = &["--no-chip", "--pin", "1234"];
const WRONG: &[&str] = &["--no-chip", "--pin", "1243"];

fn options() -> Options {
    Options { header_length: HEADER, tls: None, seed: 3 }
}

fn bank(hsm: &Running, timeout_ms: u32, listener: &str) -> SmallBank {
    let security = format!(
        "module = \"payshield\"\naddresses = [\"{}\"]\nconnections = 2\n\
         timeout_ms = {timeout_ms}\nheader_length = {HEADER}",
        hsm.address()
    );
    SmallBank::new("base.jsonl", &security, ("", listener), &[])
}

fn again(first: Running) -> Running {
    let address = first.address().to_string();
    drop(first);
    let started = Instant::now();
    loop {
        match Hsm::start(&address, &options()) {
            Ok(hsm) => return hsm,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(10), "{error}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn pins_are_answered_91_while_the_hsm_is_gone_and_again_when_it_is_back() {
    let hsm = Hsm::start("127.0.0.1:0", &options()).unwrap();
    let mut bank = bank(&hsm, 500, "");
    bank.open();
    assert!(bank.comes_to("K3", RIGHT, "00"), "{}", bank.log());
    assert_eq!(bank.code("K3", WRONG), "55");

    // Silent in the middle of a command: nothing is known, nothing is counted as a try (PIN-2).
    hsm.control().misbehave(Some(Misbehaviour::Silent), 1000);
    for _ in 0..4 {
        assert_eq!(bank.code("K3", RIGHT), "91", "{}", bank.log());
    }
    hsm.control().misbehave(None, 0);
    assert!(bank.comes_to("K3", RIGHT, "00"), "{}", bank.log());

    // Gone altogether.
    let address = hsm.address();
    drop(hsm);
    for _ in 0..4 {
        assert_eq!(bank.code("K3", WRONG), "91", "{}", bank.log());
    }
    let log = bank.log();
    assert!(log.contains("the security module does not answer"), "{log}");
    let hsm = loop {
        if let Ok(hsm) = Hsm::start(&address.to_string(), &options()) {
            break hsm;
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(bank.comes_to("K3", RIGHT, "00"), "without a restart\n{}", bank.log());

    // The same again, with the connections cut while they are idle.
    let hsm = again(hsm);
    assert!(bank.comes_to("K3", RIGHT, "00"), "{}", bank.log());
    assert!(hsm.commands() > 0);
    assert!(bank.is_running(), "the engine never ended");
}

#[test]
fn a_slow_hsm_fills_a_bounded_queue_and_nobody_waits_longer_for_it() {
    let hsm = Hsm::start("127.0.0.1:0", &options()).unwrap();
    let mut bank = bank(&hsm, 5000, "module_threads = 1\nmodule_queue = 1\n");
    bank.open();
    assert!(bank.comes_to("K3", RIGHT, "00"), "{}", bank.log());
    hsm.control().slow(Duration::from_millis(1500));
    let bank = &bank;
    let started = Instant::now();
    let codes: Vec<String> = thread::scope(|scope| {
        let terminals: Vec<_> = (0..6).map(|_| scope.spawn(|| bank.code("K3", RIGHT))).collect();
        terminals.into_iter().map(|terminal| terminal.join().unwrap()).collect()
    });
    let took = started.elapsed();
    let with = |code: &str| codes.iter().filter(|got| *got == code).count();
    assert!(with("00") >= 1, "{codes:?}\n{}", bank.log());
    assert!(with("91") >= 1, "one is asked about, one waits: {codes:?}");
    assert_eq!(with("00") + with("91"), codes.len(), "all are answered: {codes:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    hsm.control().slow(Duration::ZERO);
    assert!(bank.comes_to("K3", RIGHT, "00"), "{}", bank.log());
}

/// The portfolio of the security scenarios without what needs key blocks, which the test master
/// keys of the simulated HSM are not for: AES, HMAC, dynamic values.
fn without_key_blocks(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut item: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(keys) = item.get_mut("keys").and_then(|keys| keys.as_object_mut()) {
            keys.remove("aav");
            keys.remove("cvc3");
            if keys.values().any(|key| key.as_str().is_some_and(|key| key.starts_with("aes:"))) {
                continue;
            }
        }
        lines.push(item.to_string());
    }
    lines.join("\n")
}

#[test]
fn scenarios_pass_with_keys_in_a_payment_hsm() {
    let folder = tempfile::tempdir().unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for name in ["base.rules.toml", "security.yaml", "scripts.yaml"] {
        std::fs::copy(own.join(name), folder.path().join(name)).unwrap();
    }
    let portfolio = std::fs::read_to_string(own.join("secure.jsonl")).unwrap();
    let portfolio = without_key_blocks(&portfolio);
    std::fs::write(folder.path().join("secure.jsonl"), portfolio).unwrap();
    let hsm = Hsm::start("127.0.0.1:0", &options()).unwrap();
    for (file, only) in [
        ("security.yaml", "a chip purchase"),
        ("security.yaml", "a counter that was seen before"),
        ("security.yaml", "the stripe of a chip card"),
        ("security.yaml", "a cash machine with session keys and MACs"),
        ("scripts.yaml", "counters and a PIN unblock"),
        ("scripts.yaml", "an application that is blocked"),
        ("scripts.yaml", "a script whose MAC is not right"),
    ] {
        let mut play = command("tamga-sim");
        play.arg("scenario").arg(folder.path().join(file)).args(["--only", only]);
        play.args(["--start-patience", "60", "--verify"]);
        play.env("TAMGA__SECURITY__MODULE", "payshield");
        play.env("TAMGA__SECURITY__ADDRESSES", hsm.address().to_string());
        play.env("TAMGA__SECURITY__HEADER_LENGTH", HEADER.to_string());
        let run: Run = play.output().unwrap().into();
        println!("{}", run.good().out);
    }
    assert!(hsm.commands() > 100, "the HSM was asked: {}", hsm.commands());
}
