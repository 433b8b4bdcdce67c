//! `tamga-sim scenario --record`: a session by hand becomes a scenario, and that plays green.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tamga_tests::programs::{Run, binary, command};

struct Session {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    addresses: BTreeMap<String, String>,
}

impl Session {
    fn recording(file: &Path, more: &[&str]) -> Self {
        let mut run = command("tamga-sim");
        run.args(["scenario", "--listen", "127.0.0.1:0", "--record"]).arg(file);
        run.arg("--engine").arg(binary("tamga")).args(more);
        let mut child = run.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        let mut addresses = BTreeMap::new();
        loop {
            let line = lines.recv_timeout(Duration::from_secs(60)).expect("it listens");
            match line.split_once(char::is_whitespace) {
                Some((name, address)) if address.contains("127.0.0.1") => {
                    addresses.insert(name.to_owned(), address.trim().to_owned());
                }
                _ => break,
            }
        }
        Self { child, lines, addresses }
    }

    /// Ctrl-C; what it printed, and its exit code.
    fn ended(mut self) -> (String, Option<i32>) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let code = self.child.wait().unwrap().code();
        (self.lines.iter().collect::<Vec<_>>().join("\n"), code)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ended = (self.child.kill(), self.child.wait());
    }
}

fn run(program: &mut Command) -> Run {
    program.output().unwrap().into()
}

/// A visit to a terminal; exit code 0 if approved, 1 if declined.
fn visit(session: &Session, words: &[&str], wallet: &Path) -> Run {
    let listener = if words.first() == Some(&"atm") { "atm" } else { "pos" };
    let mut visit = command("tamga-sim");
    visit.args(words).arg("--target").arg(&session.addresses[listener]);
    run(visit.arg("--wallet").arg(wallet))
}

fn played(file: &Path) -> Run {
    run(command("tamga-sim").arg("scenario").arg("--engine").arg(binary("tamga")).arg(file))
}

#[test]
fn a_session_by_hand_becomes_a_scenario_that_plays_green() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("by-hand.yaml");
    let wallet = folder.path().join("wallet.json");
    let session = Session::recording(&file, &["--name", "by hand"]);
    let go = |words: &[&str], code| {
        let _run = visit(&session, words, &wallet).exits(code);
    };
    // Contactless, with PIN and chip, a wrong PIN, the stripe, a reversal, a repeat, an ATM.
    go(&["pos", "--card", "K01", "--amount", "120.00", "--entry", "tap"], 0);
    go(&["pos", "--card", "K01", "--amount", "4000.00", "--entry", "tap"], 1);
    go(&["pos", "--card", "K01", "--amount", "4000.00", "--pin", "1234"], 0);
    go(&["pos", "--card", "K02", "--amount", "10.00", "--pin", "9876"], 1);
    go(&["pos", "--card", "K02", "--amount", "700.00", "--pin", "1234", "--then", "reverse"], 0);
    go(&["pos", "--card", "K02", "--amount", "30.00", "--pin", "1234", "--then", "repeat"], 0);
    go(&["agent", "cash-out", "--card", "K03", "--amount", "15500.00", "--pin", "1234"], 1);
    go(&["atm", "balance", "--card", "K03", "--pin", "1234"], 0);
    go(&["atm", "withdraw", "--card", "K03", "--amount", "1000.00", "--pin", "1234"], 0);
    let (out, code) = session.ended();
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("11 steps in "), "{out}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("9417000"), "cards are named: {text}");
    assert!(text.contains("card: \"K01\"") && text.contains("reverse: "), "{text}");
    assert!(text.contains("repeat: ") && text.contains("pin: \"9876\""), "{text}");
    assert!(text.contains("cap_left: \"15000.00\""), "{text}");
    let ran = played(&file).good();
    assert!(ran.out.contains("1 passed, 0 failed; 11 steps played"), "{}\n{text}", ran.out);
    // And it notices when something comes out otherwise.
    let wrong = folder.path().join("wrong.yaml");
    std::fs::write(&wrong, text.replace("cap_left: \"15000.00\"", "cap_left: \"1.00\"")).unwrap();
    let ran = played(&wrong).exits(1);
    assert!(ran.out.contains("1.00") && ran.out.contains("15000.00"), "{}", ran.out);
}

/// A device with actions from a pipe; all must be as expected.
fn at_desk(session: &Session, words: &[&str], wallet: &Path, lines: &str) {
    let listener = if words.first() == Some(&"atm") { "atm" } else { "pos" };
    let mut desk = command("tamga-sim");
    desk.args(words).arg("--lines").arg("--target").arg(&session.addresses[listener]);
    desk.arg("--wallet").arg(wallet);
    desk.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = desk.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let _run = Run::from(child.wait_with_output().unwrap()).good();
}

#[test]
fn completions_dukpt_pins_and_3_d_secure_play_as_they_were_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proofs.yaml");
    let wallet = folder.path().join("wallet.json");
    let session = Session::recording(&file, &["--name", "proofs"]);
    let go = |words: &[&str], lines: &str| at_desk(&session, words, &wallet, lines);
    // HLD-2: a hold, completed with less, and one taken back; a void; notes too many (AMT-1).
    go(
        &["pos"],
        "card K01\npreauth 900 insert pin 1234\nexpect 00\ncomplete 850\nexpect 00\n\
         preauth 300 insert pin 1234\nreverse\nexpect 00\n\
         purchase 40 insert pin 1234\nvoid\nexpect 00\n",
    );
    go(&["atm"], "card K01\nfault over\nwithdraw 1200 insert pin 1234\nexpect 00\n");
    // PIN-1: a key for each PIN, of both standards; each visit counts from its own beginning.
    for terminal in ["POS00011", "POS00012"] {
        let lines = "card K02\npurchase 250 insert pin 1234\nexpect 00\n\
                     purchase 60 insert pin 9876\nexpect 55\n";
        for _visit in 0..2 {
            go(&["pos", "--terminal", terminal], lines);
        }
        go(&["pos", "--terminal", terminal], "card K02\npurchase 5 insert pin 1234\nexpect 00\n");
    }
    // SEC-4: authenticated, not authenticated, with a false CAVV, with a wrong CVV2.
    let online = "card K03\npurchase 3500 online\n";
    go(&["pos", "--terminal", "WEB00001"], &format!("{online}expect 00\n"));
    let profile = folder.path().join("false.toml");
    let (more, wrong) = (profile.to_str().unwrap(), ["cavv", "cvv2"]);
    for (key, code) in wrong.into_iter().zip(["1A", "05"]) {
        std::fs::write(&profile, format!("[online]\n{key} = \"wrong\"\n")).unwrap();
        let words = ["pos", "--terminal", "WEB00001", "--profile", more];
        go(&words, &format!("{online}expect {code}\n"));
    }
    // What all of it came to.
    for card in ["K01", "K02", "K03"] {
        go(&["atm"], &format!("card {card}\nbalance insert pin 1234\nexpect 00\n"));
    }
    let (out, code) = session.ended();
    assert_eq!(code, Some(0), "{out}");
    let text = std::fs::read_to_string(&file).unwrap();
    for part in [
        "complete: {as: m2, of: m1, amount: \"850.00\"",
        "mti: \"0200\", amount: \"40.00\"",
        "amount: \"1400.00\"",
        "three_d_secure: {eci: \"05\", cavv: right}",
        "three_d_secure: {eci: \"05\", cavv: wrong}",
        "cvv2: wrong",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(text.matches("pin: \"9876\"").count(), 4, "{text}");
    assert_eq!(text.matches("available: ").count(), 3, "{text}");
    let steps = text.matches("expect: ").count();
    let ran = played(&file).good();
    let summary = format!("1 passed, 0 failed; {steps} steps played");
    assert!(ran.out.contains(&summary), "{}\n{text}", ran.out);
    // And each of them counts.
    for (right, wrong) in [
        ("cavv: right", "cavv: wrong"),
        ("amount: \"850.00\"", "amount: \"840.00\""),
        ("pin: \"9876\"", "pin: \"1234\""),
    ] {
        let other = folder.path().join("other.yaml");
        std::fs::write(&other, text.replacen(right, wrong, 1)).unwrap();
        let _ran = played(&other).exits(1);
    }
}

#[test]
fn cards_nobody_knows_are_left_out_or_given_other_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (known, all) = (folder.path().join("known.jsonl"), folder.path().join("all.jsonl"));
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/portfolio.jsonl");
    let demo = std::fs::read_to_string(demo).unwrap();
    std::fs::write(&all, &demo).unwrap();
    let without = |line: &&str| !line.contains("\"id\": \"K02\"");
    let fewer: Vec<&str> = demo.lines().filter(without).collect();
    std::fs::write(&known, fewer.join("\n")).unwrap();
    let wallet = folder.path().join("wallet.json");
    for (how, steps) in [("refuse", 1), ("remap", 2)] {
        let file = folder.path().join(format!("{how}.yaml"));
        let portfolio = known.to_str().unwrap();
        let session =
            Session::recording(&file, &["--portfolio", portfolio, "--unknown-cards", how]);
        let go = |card: &str, amount: &str| {
            let words = ["pos", "--card", card, "--amount", amount, "--entry", "tap", "--no-chip"];
            let mut visit = command("tamga-sim");
            visit.args(words).arg("--portfolio").arg(&all);
            run(visit.arg("--target").arg(&session.addresses["pos"]).arg("--wallet").arg(&wallet))
        };
        let _declined = (go("K01", "10.00"), go("K02", "10.00"));
        let (out, code) = session.ended();
        assert!(out.contains(&format!("{steps} steps in")), "{out}");
        assert_eq!(code, Some(if how == "refuse" { 1 } else { 0 }), "{out}");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("9417000000000024"), "{text}");
        assert_eq!(out.contains("with a card that is not in the portfolio"), how == "refuse");
        let _run = played(&file).good();
    }
}

#[test]
fn a_session_in_which_nothing_happens_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nothing.yaml");
    let (out, code) = Session::recording(&file, &[]).ended();
    assert_eq!(code, Some(1), "{out}");
    assert!(!file.exists() && out.contains("0 steps"), "{out}");
    std::fs::write(&file, "mine").unwrap();
    let again = run(command("tamga-sim").args(["scenario", "--record"]).arg(&file)).exits(2);
    assert!(again.err.contains("nothing.yaml") && again.err.contains("exists"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let _path: PathBuf = file;
}
