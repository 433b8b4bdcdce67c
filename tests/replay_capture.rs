//! A packet capture of a session at one bank becomes a tape, and the tape is played against another
//! bank: the same people, with other card numbers, other PINs and other keys throughout. Every
//! answer must be as then, and every answer's MAC and issuer's cryptogram right.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{Run, binary, command};

fn demo(name: &str) -> String {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo");
    fs::read_to_string(demo.join(name)).unwrap()
}

/// An engine with a portfolio of its own.
struct Bank {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bank {
    fn start(portfolio: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let cards = folder.path().join("portfolio.jsonl");
        fs::write(&cards, portfolio).unwrap();
        let launch = Launch {
            program: binary("tamga"),
            patience: Duration::from_secs(60),
            zone: "Asia/Bishkek".to_owned(),
        };
        // In the bank's own day, which the demo's agents' caps are counted by.
        let now = tamga_sim::moment::Zone::named("Asia/Bishkek").unwrap().now().rfc3339();
        let engine = Engine::start(&launch, &home, &demo("rules.toml"), &cards, &now).unwrap();
        Self { folder, engine }
    }

    fn target(&self, listener: &str) -> String {
        self.engine.listener(listener).unwrap().target().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// The demo's people at another bank: other numbers, other PINs, other keys.
fn another_bank() -> String {
    let key = |own: &str| {
        let (aes, hex) = own.strip_prefix("aes:").map_or((false, own), |hex| (true, hex));
        let digest = Sha256::digest(own.as_bytes());
        let bytes = digest.iter().take(hex.len() / 2);
        // Odd parity, as a key of triple DES has it.
        let odd = |byte: &u8| if byte.count_ones().is_multiple_of(2) { byte ^ 1 } else { *byte };
        let text: String = bytes.map(|byte| format!("{:02X}", odd(byte))).collect();
        if aes { format!("aes:{text}") } else { text }
    };
    let number = |own: &str| {
        let body = format!("941733{}", own.get(6..15).unwrap());
        let weight = |(at, digit): (usize, char)| {
            let digit = digit.to_digit(10).unwrap();
            if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        };
        let sum: u32 = body.chars().enumerate().map(weight).sum();
        format!("{body}{}", (10 - sum % 10) % 10)
    };
    let mut lines = Vec::new();
    for line in demo("portfolio.jsonl").lines().filter(|line| !line.trim().is_empty()) {
        let mut object: Value = serde_json::from_str(line).unwrap();
        if let Some(keys) = object.get_mut("keys").and_then(Value::as_object_mut) {
            for value in keys.values_mut() {
                *value = key(value.as_str().unwrap()).into();
            }
        }
        if let Some(pan) = object.get("pan").and_then(Value::as_str).map(number) {
            object["pan"] = pan.into();
        }
        if let Some(pin) = object.get("test_pin").and_then(Value::as_str) {
            let other: u32 = pin.parse::<u32>().unwrap() + 4321;
            object["test_pin"] = format!("{:04}", other % 10_000).into();
        }
        lines.push(object.to_string());
    }
    lines.join("\n") + "\n"
}

type Packet = (Duration, SocketAddr, SocketAddr, Vec<u8>);

/// Hands bytes on between terminals and a host, and keeps them as packets.
struct Tap {
    address: SocketAddr,
    packets: Arc<Mutex<Vec<Packet>>>,
    host: Arc<Mutex<String>>,
}

impl Tap {
    fn before(host: &str) -> Self {
        let host = Arc::new(Mutex::new(host.to_owned()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let packets = Arc::new(Mutex::new(Vec::new()));
        let (now, kept) = (host.clone(), packets.clone());
        std::thread::spawn(move || {
            for terminal in listener.incoming() {
                let terminal = terminal.unwrap();
                let host = TcpStream::connect(&*now.lock().unwrap()).unwrap();
                let peer = terminal.peer_addr().unwrap();
                hand_on(&terminal, &host, (peer, address), &kept);
                hand_on(&host, &terminal, (address, peer), &kept);
            }
        });
        Self { address, packets, host }
    }

    /// Another host at the same address from now on.
    fn leads_to(&self, host: &str) {
        host.clone_into(&mut self.host.lock().unwrap());
    }

    /// The capture as a file of raw IP packets, as `tcpdump` would write it.
    fn write(&self, path: &Path) {
        let mut file = Vec::new();
        for word in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 101] {
            // Two halves of the version, else a word.
            if word == 0x0002_0004 {
                file.extend(2_u16.to_ne_bytes());
                file.extend(4_u16.to_ne_bytes());
            } else {
                file.extend(word.to_ne_bytes());
            }
        }
        let mut sent: std::collections::BTreeMap<(SocketAddr, SocketAddr), u32> =
            std::collections::BTreeMap::new();
        for (at, from, to, bytes) in self.packets.lock().unwrap().iter() {
            let sequence = sent.entry((*from, *to)).or_insert(1);
            let packet = ip_packet(*from, *to, *sequence, bytes);
            *sequence += u32::try_from(bytes.len()).unwrap();
            file.extend(u32::try_from(at.as_secs()).unwrap().to_ne_bytes());
            file.extend(at.subsec_micros().to_ne_bytes());
            let length = u32::try_from(packet.len()).unwrap();
            file.extend(length.to_ne_bytes());
            file.extend(length.to_ne_bytes());
            file.extend(packet);
        }
        fs::write(path, file).unwrap();
    }
}

fn hand_on(
    from: &TcpStream,
    to: &TcpStream,
    (source, sink): (SocketAddr, SocketAddr),
    packets: &Arc<Mutex<Vec<Packet>>>,
) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let packets = packets.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            packets.lock().unwrap().push((at, source, sink, buffer[..count].to_vec()));
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _gone = to.shutdown(std::net::Shutdown::Both);
    });
}

/// An IPv4 header, a TCP header, and the bytes.
fn ip_packet(from: SocketAddr, to: SocketAddr, sequence: u32, bytes: &[u8]) -> Vec<u8> {
    let v4 = |address: SocketAddr| -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => unreachable!("the tap is at 127.0.0.1"),
        }
    };
    let (from, to) = (v4(from), v4(to));
    let length = u16::try_from(40 + bytes.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(from.port().to_be_bytes());
    packet.extend(to.port().to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    packet.extend(bytes);
    packet
}

fn sim(words: &[&str]) -> Run {
    command("tamga-sim").args(words).output().unwrap().into()
}

/// A device with lines for a pipe; what is expected stands in them.
fn at_desk(words: &[&str], lines: &str) -> Run {
    let mut program = command("tamga-sim");
    program.args(words).arg("--lines");
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Captures what goes by, makes a tape of it and plays it against another bank.
fn played(tap: &Tap, like: &str, here: &Bank) -> (String, Run) {
    let pcap = PathBuf::from(here.path(&format!("{like}.pcap")));
    tap.write(&pcap);
    let (pcap, tape) = (pcap.display().to_string(), here.path(&format!("{like}.tape")));
    let target = tap.address.to_string();
    let captured =
        sim(&["capture", "--pcap", &pcap, "--target", &target, "--like", like, &tape]).good();
    assert!(!captured.out.contains("could not be read"), "{}", captured.out);
    let portfolio = another_bank();
    let there = Bank::start(&portfolio);
    let (host, cards) = (there.target(like), there.path("portfolio.jsonl"));
    let wallet = there.path("wallet.json");
    let words = ["replay", &tape, "--target", &host, "--portfolio", &cards, "--wallet", &wallet];
    let run = sim(&[&words[..], &["--speed", "max"]].concat());
    (fs::read_to_string(&tape).unwrap(), run)
}

#[test]
fn a_capture_is_played_at_another_bank_with_its_own_keys_and_cards() {
    let here = Bank::start(&demo("portfolio.jsonl"));
    let tap = Tap::before(&here.target("pos"));
    let (target, wallet) = (tap.address.to_string(), here.path("wallet.json"));
    let go = |device: &[&str], lines: &str| {
        let words = [device, &["--target", &target, "--wallet", &wallet]].concat();
        let _run = at_desk(&words, lines).good();
    };
    // Chips with and without PIN, the PIN asked for, a wrong one, taken back, said again, voided.
    go(
        &["pos"],
        "card K01\npurchase 120 tap\nexpect 00\npurchase 4000 tap pin 1234\nexpect 00\n\
         card K02\npurchase 700 insert pin 9876\nexpect 55\npurchase 700 insert pin 1234\n\
         expect 00\nreverse\nexpect 00\npurchase 30 insert pin 1234\nrepeat\nexpect 00\n\
         purchase 40 insert pin 1234\nvoid\nexpect 00\n\
         card K03\npreauth 900 insert pin 1234\nexpect 00\ncomplete 850\nexpect 00\n",
    );
    // DUKPT PIN blocks of both kinds, one of them with MACs (PIN-1, SEC-5).
    for terminal in ["POS00011", "POS00012"] {
        let lines = "card K04\npurchase 250 insert pin 1234\nexpect 00\npurchase 60 tap\nexpect 00\n\
                     purchase 250 insert pin 9999\nexpect 55\n";
        go(&["pos", "--terminal", terminal], lines);
    }
    // 3-D Secure and CVV2 (SEC-4), the agents' cap (AGT-3), a stripe (SEC-1).
    go(&["pos", "--terminal", "WEB00001"], "card K01\npurchase 3500 online\nexpect 00\n");
    go(&["agent"], "card K05\ncash-out 15500 insert pin 3055\nexpect 61\n");
    go(&["pos"], "card K06\npurchase 10 swipe pin 3266\nexpect 57\n");
    let (tape, run) = played(&tap, "pos", &here);
    let run = run.good();
    assert!(!tape.contains("94170000000000"), "a card number of the capture is on the tape");
    assert!(run.out.contains("21 messages sent, 21 answered as then"), "{}", run.out);
    for (code, times) in [("00", 15), ("55", 3), ("57", 1), ("61", 1), ("70", 1)] {
        let row = format!("  {code}    {code}    {times:>8}\n");
        assert!(run.out.contains(&row), "{row:?} is not in\n{}", run.out);
    }
}

#[test]
fn exchanged_keys_are_exchanged_anew_and_changed_pins_hold() {
    let here = Bank::start(&demo("portfolio.jsonl"));
    let tap = Tap::before(&here.target("atm"));
    let (target, wallet) = (tap.address.to_string(), here.path("wallet.json"));
    let words = ["atm", "--terminal", "ATM00006", "--target", &target, "--wallet", &wallet];
    let lines = "keys\nexpect 00\ncard K05\nwithdraw 1000 insert pin 3055\nexpect 00\n\
                 pin-change insert pin 3055 new 5566\nexpect 00\nbalance insert pin 3055\nexpect 55\n\
                 balance insert pin 5566\nexpect 00\n";
    let _run = at_desk(&words, lines).good();
    let (tape, run) = played(&tap, "atm", &here);
    let run = run.good();
    // Two keys, and what was done with them.
    assert!(run.out.contains("6 messages sent, 6 answered as then"), "{}\n{tape}", run.out);
    assert!(!run.out.contains("left out") && !run.out.contains("wrong MAC"), "{}", run.out);
}

/// A state folder of one's own, where wallets are usually kept.
fn at_home(state: &str, words: &[&str], lines: &str) -> Run {
    let mut program = command("tamga-sim");
    program.args(words).env("XDG_STATE_HOME", state);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn pin_1_a_fresh_engine_at_the_same_address_is_spoken_to_with_the_portfolio_s_keys() {
    let fresh = || Bank::start(&demo("portfolio.jsonl"));
    let bank = fresh();
    let tap = Tap::before(&bank.target("atm"));
    let (target, state) = (tap.address.to_string(), bank.path("state"));
    let atm = ["atm", "--lines", "--terminal", "ATM00006", "--target", &target];
    let wallet = bank.path("named/wallet.json");
    let named = [&atm[..], &["--wallet", &wallet]].concat();
    let balance = "card K05\nbalance insert pin 3055\nexpect 00\n";
    let session = format!("keys\nexpect 00\n{balance}");
    let _run = at_home(&state, &atm, &session).good();
    let (pcap, tape) = (bank.path("atm.pcap"), bank.path("atm.tape"));
    tap.write(Path::new(&pcap));
    let _tape =
        sim(&["capture", "--pcap", &pcap, "--target", &target, "--like", "atm", &tape]).good();
    let again = ["replay", &tape, "--target", &target, "--speed", "max"];
    for _time in 0..2 {
        let other = fresh();
        tap.leads_to(&other.target("atm"));
        let run = at_home(&state, &again, "").good();
        assert!(run.out.contains("3 messages sent, 3 answered as then"), "{}", run.out);
    }
    let other = fresh();
    tap.leads_to(&other.target("atm"));
    let _run = at_home(&state, &atm, balance).good();
    let usual = Path::new(&state).join("tamga-sim");
    assert!(usual.join("wallet.json").exists(), "the chips count on all the same");
    assert!(!usual.join("keys").exists(), "and no key lies where nobody said");
    // Where somebody did, the terminal has them at its next start.
    let other = fresh();
    tap.leads_to(&other.target("atm"));
    let _run = at_home(&state, &named, &session).good();
    let _run = at_home(&state, &named, balance).good();
    // This engine knows no earlier ones.
    let run = at_home(&state, &atm, balance).exits(1);
    assert!(run.err.contains("63"), "{}", run.err);
}
