//! `tamga-sim network` as a program: towards the real engine, towards terminals and load, and
//! between the two.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tamga_sim::moment::{DEFAULT_ZONE, Zone};
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{Run, binary, command};

const PATIENCE: Duration = Duration::from_secs(60);

fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn example(name: &str) -> PathBuf {
    of_project("simulators/network").join(name)
}

/// An engine with the demo's cards, whose clock stands at now.
struct Bank {
    engine: Engine,
    clock: String,
    _folder: tempfile::TempDir,
}

fn bank() -> Bank {
    let folder = tempfile::tempdir().unwrap();
    let launch =
        Launch { program: binary("tamga"), patience: PATIENCE, zone: DEFAULT_ZONE.to_owned() };
    let clock = Zone::named(DEFAULT_ZONE).unwrap().now().rfc3339();
    let rules = std::fs::read_to_string(of_project("deploy/demo/rules.toml")).unwrap();
    let portfolio = of_project("deploy/demo/portfolio.jsonl").canonicalize().unwrap();
    let engine = Engine::start(&launch, folder.path(), &rules, &portfolio, &clock).unwrap();
    Bank { engine, clock, _folder: folder }
}

impl Bank {
    fn network(&self) -> String {
        self.engine.listener("network").unwrap().target().to_owned()
    }

    fn available(&self, account: &str) -> String {
        let url = format!("{}/api/v1/accounts/{account}", self.engine.http());
        let bearer = format!("Bearer {}", self.engine.token());
        let body = ureq::get(&url).header("Authorization", &bearer).call().unwrap();
        let body: serde_json::Value =
            serde_json::from_str(&body.into_body().read_to_string().unwrap()).unwrap();
        body["available"].as_str().unwrap().to_owned()
    }
}

/// `tamga-sim network` that runs until it is interrupted.
struct Host {
    child: Child,
    address: String,
    lines: Receiver<String>,
    /// Of its wallet.
    _folder: tempfile::TempDir,
}

impl Host {
    fn listening(rules: &Path, more: &[&str]) -> Self {
        let mut run = command("tamga-sim");
        let folder = tempfile::tempdir().unwrap();
        run.args(["network", "--listen", "127.0.0.1:0", "--rules"]).arg(rules).args(more);
        run.arg("--wallet").arg(folder.path().join("wallet.json"));
        let mut child = run.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        let first = lines.recv_timeout(PATIENCE).unwrap();
        let address = first.split_whitespace().nth(2).unwrap().trim_end_matches(';').to_owned();
        Self { child, address, lines, _folder: folder }
    }

    fn wait_for(&self, what: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect(what);
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Ctrl-C; what it printed since, and its exit code.
    fn interrupted(mut self) -> (String, Option<i32>) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let code = self.child.wait().unwrap().code();
        (self.lines.iter().collect::<Vec<_>>().join("\n"), code)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind; else it has ended long ago.
        let _ended = (self.child.kill(), self.child.wait());
    }
}

fn run(program: &mut Command) -> Run {
    program.output().unwrap().into()
}

/// With a wallet of its own, as every test has an engine of its own.
fn network(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let wallet = folder.path().join("wallet.json");
    run(command("tamga-sim").arg("network").args(arguments).arg("--wallet").arg(wallet))
}

/// A purchase at a shop's terminal that speaks the network's way.
fn buy(target: &str, amount: &str, wallet: &Path) -> Run {
    let way = ["--framing", "u16be", "--dialect", "iso93-bcd", "--target", target];
    let mut pos = command("tamga-sim");
    pos.args(["pos", "--card", "K02", "--pin", "1234", "--amount", amount]);
    run(pos.args(way).arg("--wallet").arg(wallet))
}

#[test]
fn the_example_of_an_acquirer_is_right_about_the_engine() {
    let bank = bank();
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let before = bank.available("A02");
    let rules = example("acquirer.toml");
    let ran = network(&[
        "--rules",
        rules.to_str().unwrap(),
        "--target",
        &bank.network(),
        "--decode",
        "--json",
        json.to_str().unwrap(),
    ]);
    let ran = ran.good();
    assert!(ran.out.contains("presentment") && ran.out.contains("pick up"), "{}", ran.out);
    assert!(ran.out.contains("request 1100") && ran.out.contains("answer 1110"), "{}", ran.out);
    assert!(!ran.out.contains("9417000000000024"), "no card number is shown");
    let minor = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let spent = minor(&before) - minor(&bank.available("A02"));
    assert_eq!(spent, 95_000, "the dinner was presented, the shoes taken back");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["surprised"], 0);
    assert_eq!(report["sent"]["file action"]["answered"], 3);
    bank.engine.verify().unwrap();
}

#[test]
fn a_busy_evening_leaves_the_engine_whole() {
    let bank = bank();
    let rules = example("busy.toml");
    let rules = rules.to_str().unwrap();
    let target = bank.network();
    let ran = network(&["--rules", rules, "--target", &target, "--rate", "200", "--count", "600"]);
    let ran = ran.good();
    assert!(ran.out.contains("602 were sent"), "{}", ran.out);
    assert!(ran.out.contains("... and "), "too many lines for a reader are counted: {}", ran.out);
    assert!(!ran.out.contains("format error"), "{}", ran.out);
    bank.engine.verify().unwrap();
}

#[test]
fn keys_are_exchanged_with_the_engine() {
    let bank = bank();
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("keys.toml");
    let text = "[session]\nexchange_keys = [\"ATM00006\"]\n[[send]]\nmessage = \"key-exchange\"\n\
                terminal = \"ATM00006\"\nkey = \"pin\"\ndeliver = true\nexpect = \"00\"\n";
    std::fs::write(&rules, text).unwrap();
    let ran = network(&["--rules", rules.to_str().unwrap(), "--target", &bank.network()]).good();
    assert_eq!(ran.out.matches("ATM00006 has a new key").count(), 3, "{}", ran.out);
}

#[test]
fn a_load_is_answered_and_what_became_of_it_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "seed = 3\n[[answer]]\nevery = 10\ncode = \"51\"\n").unwrap();
    let host = Host::listening(&rules, &["--json", json.to_str().unwrap()]);
    let mut load = command("tamga-sim");
    load.args(["load", "--count", "2000", "-c", "4", "--warm-up", "0s", "--target", &host.address]);
    load.args(["--framing", "u16be", "--dialect", "iso93-bcd"]);
    let loaded = run(&mut load).good();
    assert!(loaded.out.contains("116"), "{}", loaded.out);
    let (out, code) = host.interrupted();
    assert_eq!(code, Some(0), "{out}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let given = &report["codes_given"];
    let (refused, approved) = (given["116"].as_u64().unwrap(), given["000"].as_u64().unwrap());
    assert!(refused + approved >= 2000, "{report}");
    assert_eq!(refused, (refused + approved) / 10, "{report}");
}

#[test]
fn between_terminals_and_the_engine_it_stands_in_while_that_is_gone() {
    let mut bank = bank();
    let host = Host::listening(&example("switch.toml"), &["--target", &bank.network()]);
    host.wait_for("sign-on");
    let folder = tempfile::tempdir().unwrap();
    let wallet = folder.path().join("wallet.json");
    let slip = buy(&host.address, "100.00", &wallet).good();
    assert!(slip.out.contains("APPROVED"), "{}", slip.out);
    let after_first = bank.available("A02");
    // The engine is gone for a while; the network answers for it.
    bank.engine.kill();
    host.wait_for("closed");
    let granted = buy(&host.address, "250.00", &wallet).good();
    assert!(granted.out.contains("APPROVED"), "{}", granted.out);
    let refused = buy(&host.address, "3000.01", &wallet).exits(1);
    assert!(refused.out.contains("over the amount limit"), "{}", refused.out);
    bank.engine.restart_killed(&bank.clock).unwrap();
    // And the engine is told when it is there again.
    let told = host.wait_for("presentment");
    assert!(told.contains("approved") && told.contains("250.00"), "{told}");
    let minor = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    assert_eq!(minor(&after_first) - minor(&bank.available("A02")), 25_000);
    let (out, code) = host.interrupted();
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("stood in") && out.contains("advices told later"), "{out}");
    bank.engine.verify().unwrap();
}

#[test]
fn what_cannot_be_tried_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "[[answer]]\nname = \"x\"\ncdoe = \"05\"\n").unwrap();
    let ran = network(&["--rules", rules.to_str().unwrap()]).exits(2);
    assert!(
        ran.err.contains("rules.toml:3:1: unknown key `cdoe` (did you mean `code`?)"),
        "{}",
        ran.err
    );
    let ran = network(&["--target", "127.0.0.1:1", "--quiet"]).exits(2);
    assert!(ran.err.contains("127.0.0.1:1: Connection refused"), "{}", ran.err);
    let ran = network(&["--rules", "/nowhere.toml"]).exits(2);
    assert!(ran.err.contains("/nowhere.toml: No such file"), "{}", ran.err);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let ran = network(&["--listen", &taken]).exits(2);
    assert!(ran.err.contains("Address already in use"), "{}", ran.err);
}
