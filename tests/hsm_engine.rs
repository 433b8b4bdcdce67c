//! The whole engine with its keys in a payment HSM: a purchase with PIN is approved, answered 91
//! while the HSM is gone, and approved again when it is back, without a restart.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tamga_sim::hsm::{Hsm, Misbehaviour, Options, Running};
use tamga_tests::programs::{Run, command, tamga};

const HEADER: usize = 8;

fn portfolio() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/base.jsonl")
}

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/base.rules.toml")
}

fn options() -> Options {
    Options { header_length: HEADER, tls: None, seed: 3 }
}

struct Bank {
    folder: tempfile::TempDir,
    pos: SocketAddr,
    engine: Option<Child>,
}

impl Bank {
    fn new(hsm: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pos = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = format!(
            "rules = \"{}\"\n[security]\nmodule = \"payshield\"\naddresses = [\"{hsm}\"]\n\
             connections = 2\ntimeout_ms = 500\nheader_length = {HEADER}\ntest_keys = true\n\
             [http]\nenabled = false\n[[listener]]\nname = \"pos\"\nbind = \"{pos}\"\n\
             framing = \"u16be\"\ntpdu = true\ndialect = \"iso87-bcd\"\n",
            rules().display()
        );
        fs::write(folder.path().join("tamga.toml"), text).unwrap();
        Self { folder, pos, engine: None }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("tamga.toml")
    }

    fn import(&self) {
        let config = self.config();
        let arguments =
            ["import".as_ref(), "--config".as_ref(), config.as_os_str(), portfolio().as_os_str()]
                .map(std::ffi::OsStr::to_owned);
        let run = tamga(&arguments).good();
        assert!(run.out.contains("card"), "{}", run.out);
    }

    fn serve(&mut self) {
        let mut engine = command("tamga");
        engine.arg("serve").arg("--config").arg(self.config());
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        self.engine = Some(engine.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let started = Instant::now();
        while TcpStream::connect(self.pos).is_err() {
            assert!(started.elapsed() < Duration::from_secs(60), "{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn purchase(&self, card: &str, pin: &str) -> Run {
        let mut terminal = command("tamga-sim");
        terminal.args(["pos", "purchase", "--amount", "100.00", "--entry", "insert", "--no-chip"]);
        terminal.args(["--terminal", "POS00001", "--card", card, "--pin", pin]);
        terminal.args(["--target", &self.pos.to_string(), "--portfolio"]).arg(portfolio());
        terminal.output().unwrap().into()
    }

    /// Whether the purchase gets this code, in good time.
    fn is_answered(&self, pin: &str, code: &str) -> bool {
        let run = self.purchase("K3", pin);
        let is_it = run.out.lines().any(|line| line.contains("39") && line.contains(code));
        if !is_it {
            println!("not {code}: {}\n{}", run.out, run.err);
        }
        is_it
    }

    fn comes_to(&self, pin: &str, code: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if self.is_answered(pin, code) {
                return true;
            }
            thread::sleep(Duration::from_millis(100));
        }
        false
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            // Over already, or about to be.
            drop((engine.kill(), engine.wait()));
        }
    }
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
    let mut bank = Bank::new(hsm.address());
    bank.import();
    bank.serve();
    assert!(bank.comes_to("1234", "00"), "{}", bank.log());
    assert!(bank.is_answered("1243", "55"), "a wrong PIN");

    // Silent in the middle of a command: nothing is known, nothing is counted as a try (PIN-2).
    hsm.control().misbehave(Some(Misbehaviour::Silent), 1000);
    for _ in 0..4 {
        assert!(bank.is_answered("1234", "91"), "{}", bank.log());
    }
    hsm.control().misbehave(None, 0);
    assert!(bank.comes_to("1234", "00"), "{}", bank.log());

    // Gone altogether.
    let address = hsm.address();
    drop(hsm);
    for _ in 0..4 {
        assert!(bank.is_answered("1243", "91"), "{}", bank.log());
    }
    let log = bank.log();
    assert!(log.contains("the security module does not answer"), "{log}");
    let hsm = loop {
        if let Ok(hsm) = Hsm::start(&address.to_string(), &options()) {
            break hsm;
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(bank.comes_to("1234", "00"), "without a restart\n{}", bank.log());

    // The same again, with the connections cut while they are idle.
    let hsm = again(hsm);
    assert!(bank.comes_to("1234", "00"), "{}", bank.log());
    assert!(hsm.commands() > 0);
    assert!(bank.engine.as_mut().unwrap().try_wait().unwrap().is_none(), "the engine never ended");
}
