//! The screens of `tamga-sim pos`, `atm` and `agent` in a real terminal, against a real engine: keys
//! go in, the screen is read, and the books must say the same. `make setup` installs tmux, which
//! is the terminal.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{Run, binary, command};

const PATIENCE: Duration = Duration::from_secs(30);

struct Bank {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bank {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let launch = Launch {
            program: binary("tamga"),
            patience: Duration::from_secs(60),
            zone: "Asia/Bishkek".to_owned(),
        };
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo");
        let rules = fs::read_to_string(demo.join("rules.toml")).unwrap();
        let now = Command::new("date").arg("+%Y-%m-%dT%H:%M:%S+00:00").env("TZ", "UTC").output();
        let now = String::from_utf8(now.unwrap().stdout).unwrap();
        let cards = demo.join("portfolio.jsonl");
        let engine = Engine::start(&launch, &home, &rules, &cards, now.trim()).unwrap();
        Self { folder, engine }
    }

    fn target(&self, listener: &str) -> String {
        self.engine.listener(listener).unwrap().target().to_owned()
    }

    /// What of an account's money can be spent.
    fn available(&self, account: &str) -> i64 {
        let url = format!("{}/api/v1/accounts/{account}", self.engine.http());
        let token = format!("Bearer {}", self.engine.token());
        let mut reply = ureq::get(&url).header("authorization", &token).call().unwrap();
        let text = reply.body_mut().read_to_string().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let digits = json["available"].as_str().unwrap().replace('.', "");
        digits.parse().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wallet(&self) -> String {
        self.path("wallet.json").display().to_string()
    }
}

/// A terminal with one program in it.
struct Tmux {
    socket: String,
    width: u16,
}

impl Tmux {
    /// `None` where there is no tmux, which is a failure in the whole suite.
    fn open(name: &str, (width, height): (u16, u16), shell: &str) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            let is_whole = std::env::var_os("TAMGA_TEST_SETUP").is_some();
            assert!(!is_whole, "tmux is missing: make setup");
            eprintln!("left out: no tmux");
            return None;
        }
        let terminal = Self { socket: format!("tamga-{name}-{}", std::process::id()), width };
        let size = [width.to_string(), height.to_string()];
        let inner = format!("{shell}; echo \"left with $?\"; exec cat");
        let words =
            ["-f", "/dev/null", "new-session", "-d", "-x", &size[0], "-y", &size[1], &inner];
        let _none = terminal.run(&words);
        Some(terminal)
    }

    fn run(&self, words: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        let output = tmux.arg("-L").arg(&self.socket).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The process in it: the child of the pane's shell.
    fn program(&self) -> String {
        let shell = self.run(&["display-message", "-p", "#{pane_pid}"]);
        let children = Command::new("pgrep").args(["-P", shell.trim()]).output().unwrap();
        String::from_utf8(children.stdout).unwrap().trim().to_owned()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) -> &Self {
        let _none = self.run(&[&["send-keys"], keys].concat());
        self
    }

    /// Waits until the screen says that.
    fn sees(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            assert!(Instant::now() < deadline, "never saw {text:?}:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// After the program has ended, nothing of its screen is left.
    fn is_given_back(&self, code: i32) {
        let screen = self.sees(&format!("left with {code}"));
        assert!(!screen.contains('│') && !screen.contains("TAMGA"), "{screen}");
        // The line discipline is as before: what is typed is shown, and lines are lines again.
        self.keys(&["hello again", "Enter"]);
        let screen = self.sees("hello again\nhello again");
        assert!(screen.lines().all(|line| line.chars().count() <= usize::from(self.width)));
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let mut tmux = Command::new("tmux");
        let ended = tmux.arg("-L").arg(&self.socket).arg("kill-server").output();
        assert!(ended.is_ok(), "tmux was there a moment ago");
    }
}

/// The command line of a simulator, for a shell.
fn sim(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!("'{}' {}", binary("tamga-sim").display(), quoted.join(" "))
}

#[test]
fn a_newcomer_pays_by_tapping_takes_it_back_and_leaves_a_clean_screen() {
    let bank = Bank::start();
    let (target, slips, wallet) = (bank.target("pos"), bank.path("slips"), bank.wallet());
    let slips_text = slips.display().to_string();
    let words = ["pos", "--target", &target, "--receipts", &slips_text, "--wallet", &wallet];
    let Some(terminal) = Tmux::open("pos", (80, 24), &sim(&words)) else { return };
    let before = bank.available("A01");
    terminal.sees("1 Purchase");
    terminal.keys(&["1", "Enter", "t"]);
    let screen = terminal.sees("APPROVED");
    for part in ["request 0200", "answer 0210", "941700******0016", "39 response code"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert!(!screen.contains("9417000000000016"), "{screen}");
    assert_eq!(bank.available("A01"), before - 12_000);
    terminal.keys(&["Tab", "Tab"]).sees("issuer's ARPC              right");
    terminal.keys(&["Tab", "r"]).sees("Taken back (00)");
    assert_eq!(bank.available("A01"), before);
    // Over the limit without PIN the host asks for it (CTL-3).
    terminal.keys(&["Enter", "1", "4000", "Enter", "t"]).sees("Type the PIN");
    terminal.keys(&["1234"]).sees("* * * *");
    terminal.keys(&["Enter"]).sees("4000.00 KGS");
    terminal.sees("APPROVED");
    assert_eq!(bank.available("A01"), before - 400_000);
    terminal.keys(&["q"]).is_given_back(0);
    let mut printed: Vec<String> = Vec::new();
    for file in fs::read_dir(&slips).unwrap() {
        printed.push(fs::read_to_string(file.unwrap().path()).unwrap());
    }
    assert_eq!(printed.len(), 4, "one a message: {printed:?}");
    assert!(printed.iter().any(|slip| slip.contains("REVERSAL")));
    assert!(printed.iter().all(|slip| slip.contains("941700******0016")));
}

#[test]
fn a_cash_machine_gives_back_the_note_that_was_stuck() {
    let bank = Bank::start();
    let (target, wallet) = (bank.target("atm"), bank.wallet());
    let (http, token) = (bank.engine.http(), bank.engine.token());
    let words = ["atm", "--target", &target, "--wallet", &wallet, "--api", &http, "--token", token];
    let Some(terminal) = Tmux::open("atm", (120, 40), &sim(&words)) else { return };
    let before = bank.available("A01");
    terminal.sees("1 Withdrawal");
    terminal.keys(&["BTab", "f"]).sees("next fault short");
    terminal.keys(&["1", "1200", "Enter", "i", "1234", "Enter"]).sees("Partly taken back");
    assert_eq!(bank.available("A01"), before - 100_000);
    terminal.keys(&["Enter", "BTab", "f", "f"]).sees("next fault over");
    terminal.keys(&["1", "1200", "Enter", "i", "p"]).sees("Final amount booked");
    assert_eq!(bank.available("A01"), before - 240_000);
    terminal.keys(&["Enter", "3", "i", "p"]).sees("MINI-STATEMENT");
    terminal.sees("cash              -1000.00");
    terminal.keys(&["Enter", "5"]).sees("the bank has the count");
    // A PIN change, and the new PIN at once.
    terminal.keys(&["Enter", "4", "i", "1234", "Enter", "4321", "Enter", "4321", "Enter"]);
    terminal.sees("PIN change 0016");
    terminal.keys(&["Enter", "2", "i", "4321", "Enter"]).sees("Available:");
    terminal.keys(&["Escape"]).sees("1 Withdrawal");
    terminal.keys(&["C-c"]).is_given_back(0);
}

#[test]
fn an_agent_sees_what_is_left_and_offers_it() {
    let bank = Bank::start();
    let (target, wallet) = (bank.target("pos"), bank.wallet());
    let words = ["agent", "--target", &target, "--wallet", &wallet];
    let Some(terminal) = Tmux::open("agent", (80, 24), &sim(&words)) else { return };
    let before = bank.available("A01");
    terminal.sees("1 Cash-out");
    terminal.keys(&["1", "16000", "Enter", "i", "1234", "Enter"]).sees("Left today: 15000.00");
    terminal.keys(&["1", "Enter", "i", "p"]).sees("Pay 15000.00");
    terminal.sees("left at most 0.00");
    assert_eq!(bank.available("A01"), before - 1_500_000);
    terminal.keys(&["2", "500", "Enter", "i", "p"]).sees("CASH-IN 3/3");
    assert_eq!(bank.available("A01"), before - 1_450_000);
    terminal.keys(&["q"]).is_given_back(0);
}

#[test]
fn a_dead_host_a_small_screen_and_a_signal_leave_the_screen_whole() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wallet = folder.path().join("w.json").display().to_string();
    let words = ["pos", "--target", &free.to_string(), "--wallet", &wallet];
    let shell = format!("NO_COLOR=1 {}", sim(&words));
    let Some(terminal) = Tmux::open("dead", (80, 24), &shell) else { return };
    terminal.sees("1 Purchase");
    terminal.keys(&["1", "Enter", "t"]).sees("NOT SENT");
    let coloured = terminal.run(&["capture-pane", "-p", "-e"]);
    for colour in 31..=37 {
        assert!(!coloured.contains(&format!("\u{1b}[{colour}m")), "{coloured:?}");
    }
    let _none = terminal.run(&["resize-window", "-x", "60", "-y", "20"]);
    terminal.sees("This screen is 60 by 20.");
    let _none = terminal.run(&["resize-window", "-x", "80", "-y", "24"]);
    terminal.sees("NOT SENT");
    // Whatever tells it to end (an operator, a script, a connection that hangs up).
    drop(terminal);
    for signal in ["-TERM", "-INT", "-HUP"] {
        let Some(terminal) = Tmux::open(&format!("told{signal}"), (80, 24), &sim(&words)) else {
            return;
        };
        terminal.sees("1 Purchase");
        let killed = Command::new("kill").args([signal, &terminal.program()]).status().unwrap();
        assert!(killed.success());
        terminal.is_given_back(0);
    }
    // A connection that breaks takes the terminal away.
    let Some(terminal) = Tmux::open("gone", (80, 24), &sim(&words)) else { return };
    terminal.sees("1 Purchase");
    let process = Path::new("/proc").join(terminal.program());
    assert!(process.exists());
    drop(terminal);
    let deadline = Instant::now() + PATIENCE;
    while process.exists() {
        assert!(Instant::now() < deadline, "the program is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the next test runs in a terminal: this program again, with this test alone.
#[test]
fn panics_at_the_screen() {
    let Some(thread) = std::env::var_os("TAMGA_TEST_PANIC") else { return };
    let done = tamga_sim::desk::run::at_screen(|screen| {
        let text = ratatui::widgets::Paragraph::new("│ a screen │");
        screen.draw(|frame| frame.render_widget(text, frame.area())).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        if thread == "other" {
            let died = std::thread::spawn(|| panic!("on another thread")).join();
            return Err(tamga_sim::SimError::Setting(format!("died: {}", died.is_err())));
        }
        panic!("on this thread")
    });
    // As the program ends: told, and with no second panic.
    let done: Result<(), _> = done;
    eprintln!("{}", done.unwrap_err());
    std::process::exit(101);
}

#[test]
fn a_panic_gives_the_screen_back_on_whichever_thread() {
    let own = std::env::current_exe().unwrap();
    for thread in ["this", "other"] {
        let shell = format!(
            "RUST_BACKTRACE=0 TAMGA_TEST_PANIC={thread} '{}' --exact panics_at_the_screen --nocapture",
            own.display()
        );
        let Some(terminal) = Tmux::open(&format!("panic-{thread}"), (120, 24), &shell) else {
            return;
        };
        let screen = terminal.sees("left with 101");
        assert!(
            screen.contains(&format!("on {}", if thread == "this" { "this" } else { "another" }))
        );
        terminal.is_given_back(101);
    }
}

/// A line to a host on which answers are lost for as long as one likes.
struct Lossy {
    address: String,
    answers: Arc<AtomicBool>,
}

impl Lossy {
    fn before(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = Arc::new(AtomicBool::new(false));
        let (host, pass) = (host.to_owned(), answers.clone());
        std::thread::spawn(move || {
            for terminal in listener.incoming() {
                let terminal = terminal.unwrap();
                let host = TcpStream::connect(&host).unwrap();
                let (mut requests, mut there) =
                    (terminal.try_clone().unwrap(), host.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut requests, &mut there));
                let pass = pass.clone();
                std::thread::spawn(move || {
                    let (mut host, mut terminal, mut bytes) = (host, terminal, [0; 4096]);
                    while let Ok(count @ 1..) = host.read(&mut bytes) {
                        let passes = pass.load(Ordering::Relaxed);
                        if passes && terminal.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, answers }
    }
}

/// The one file a terminal keeps of what is open, or nothing.
fn kept(bank: &Bank) -> Option<String> {
    let files = fs::read_dir(bank.path("open")).unwrap().map(|file| file.unwrap().path());
    let mut files = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    files.next().map(|path| fs::read_to_string(path).unwrap())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn txn_2_a_terminal_that_was_killed_sends_what_is_open_first() {
    let bank = Bank::start();
    let line = Lossy::before(&bank.target("pos"));
    let (target, wallet) = (line.address.clone(), bank.wallet());
    let before = bank.available("A01");
    let killed_after = |patience: &str, is_far: &mut dyn FnMut() -> bool| {
        let mut program = command("tamga-sim");
        program.args(["pos", "--lines", "--patience", patience]);
        program.args(["--target", &target, "--wallet", &wallet]);
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"card K01\npurchase 500 insert pin 1234\n").unwrap();
        until("got as far as that", is_far);
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let again = |more: &[&str]| {
        let words = ["pos", "--lines", "--target", &target, "--wallet", &wallet];
        with_input(&[&words[..], more].concat(), "")
    };
    // The request is booked, its answer lost, the terminal dead.
    killed_after("60", &mut || bank.available("A01") == before - 50_000);
    let text = kept(&bank).expect("it is on disk");
    assert!(
        text.contains("K01") && !text.contains("94170000") && !text.contains("1234\""),
        "{text}"
    );
    line.answers.store(true, Ordering::Relaxed);
    let run = again(&[]).good();
    assert!(run.out.contains("request 0420") && run.out.contains("REVERSAL"), "{}", run.out);
    assert_eq!(bank.available("A01"), before);
    assert_eq!(kept(&bank), None, "and forgotten when it is answered");
    assert!(!again(&[]).good().out.contains("request"), "nothing is open any more");
    // Its reversal was sent as well, and not answered: the next is a repeat of that.
    line.answers.store(false, Ordering::Relaxed);
    killed_after("1", &mut || kept(&bank).is_some_and(|text| !text.contains("\"sent\":null")));
    until("was taken back", || bank.available("A01") == before);
    line.answers.store(true, Ordering::Relaxed);
    let Some(screen) =
        Tmux::open("owes", (80, 24), &sim(&["pos", "--target", &target, "--wallet", &wallet]))
    else {
        return;
    };
    screen.sees("Taken back (00)");
    screen.keys(&["Tab"]).sees("request 0421");
    screen.keys(&["q"]).is_given_back(0);
    assert_eq!((bank.available("A01"), kept(&bank)), (before, None));
}

#[test]
fn a_file_of_open_messages_that_is_none_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (open, wallet) = (folder.path().join("open"), folder.path().join("wallet.json"));
    fs::create_dir(&open).unwrap();
    let file = open.join("POS00001@127.0.0.1_1.json");
    let original = r#"{"mti":"0200","trace":{"stan":7,"reference":"632600000007","at_ms":0,
        "local_ms":0,"offset_minutes":360},"deed":"purchase","card":"K99","minor":100,
        "currency":"KGS","entry":"tap"}"#;
    let of = |version: u32, terminal: &str, messages: &str| {
        format!(
            r#"{{"open_at_terminal":{version},"terminal":"{terminal}","host":"127.0.0.1:1",
            "messages":[{messages}]}}"#
        )
    };
    let unknown =
        format!(r#"{{"original":{original},"owes":{{"reverse":{{"stays":null}}}},"sent":null}}"#);
    for (text, told) in [
        ("\u{0}\u{1}nonsense".to_owned(), "not what tamga-sim keeps"),
        ("{\"counter\": 12}".to_owned(), "not what tamga-sim keeps"),
        (of(2, "POS00001", r#"{"new":1}"#), "newer tamga-sim"),
        (of(1, "POS00002", ""), "of POS00002 at 127.0.0.1:1, not of POS00001"),
        (of(1, "POS00001", &unknown), "reversal of card K99"),
    ] {
        fs::write(&file, &text).unwrap();
        let words = ["pos", "--lines", "--target", "127.0.0.1:1", "--wallet"];
        let run = with_input(&[&words[..], &[wallet.to_str().unwrap()]].concat(), "").exits(2);
        assert!(run.err.contains(told) && run.err.contains("move it away"), "{}", run.err);
        assert!(run.err.contains("POS00001@127.0.0.1_1.json"), "{}", run.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "and leaves it as it is");
    }
    fs::remove_file(&file).unwrap();
    fs::write(&wallet, "[]").unwrap();
    let words = ["pos", "--lines", "--target", "127.0.0.1:1", "--wallet", wallet.to_str().unwrap()];
    let run = with_input(&words, "").exits(2);
    assert!(run.err.contains("no wallet") && run.err.contains("move it away"), "{}", run.err);
}

fn with_input(words: &[&str], input: &str) -> Run {
    let mut program = command("tamga-sim");
    program.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_pipe_gets_lines_and_scripts_are_judged() {
    let bank = Bank::start();
    let (target, wallet) = (bank.target("pos"), bank.wallet());
    let own = ["pos", "--target", &target, "--wallet", &wallet, "--lines"];
    let before = bank.available("A01");
    let piped = "purchase 120.00 tap\nexpect 00\nreverse\nexpect 00\n\
                 purchase 50 insert pin 1234\nexpect 00\nvoid\nexpect 00\n\
                 preauth 900 insert pin 1234\ncomplete 850.00\nexpect 00\n";
    let run = with_input(&own, piped).good();
    assert!(run.out.contains("request 0420") && run.out.contains("APPROVED  00"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}') && !run.out.contains("9417000000000016"), "{}", run.out);
    assert_eq!(bank.available("A01"), before - 85_000);
    let run = with_input(&own, "purchase 4000 tap\nexpect 00\n").exits(1);
    assert!(run.err.contains("line 2: 70 (PIN needed) instead of 00"), "{}", run.err);
    let run = with_input(&own, "purchase 1 tap\nsell 3\n").exits(2);
    assert!(run.err.contains("2:1: \"sell\" is none of purchase"), "{}", run.err);
    let file = bank.path("bad.txt");
    fs::write(&file, "purchase 10 tap\n  purchase ten tap\ndance\n").unwrap();
    let run =
        with_input(&["pos", "--wallet", &wallet, "--script", file.to_str().unwrap()], "").exits(2);
    assert!(run.err.contains("bad.txt:2:12: ") && run.err.contains("bad.txt:3:1: "), "{}", run.err);
    fs::write(&file, "target = \"x:1\"\n[chip]\ncvn = \"ten\"\n").unwrap();
    let run =
        with_input(&["pos", "--wallet", &wallet, "--profile", file.to_str().unwrap()], "").exits(2);
    assert!(run.err.contains("bad.txt:3:7: "), "{}", run.err);
}

#[test]
fn a_profile_says_how_a_device_speaks() {
    let bank = Bank::start();
    let target = bank.target("pos");
    let profile = bank.path("shop.toml");
    let text = |more: &str| {
        format!(
            "target = \"{target}\"\nterminal = \"POS00011\"\ncard = \"K01\"\nentry = \"insert\"\n\
             receipts = \"slips\"\n[chip]\nwallet = \"{}\"\n{more}",
            bank.wallet()
        )
    };
    let play = |script: &str| {
        with_input(&["pos", "--profile", profile.to_str().unwrap(), "--lines"], script)
    };
    // A DUKPT terminal of the portfolio, a chip, and a PIN.
    fs::write(&profile, text("")).unwrap();
    let run = play("purchase 100 pin 1234\nexpect 00\n").good();
    assert!(run.out.contains("KS="), "a key serial number: {}", run.out);
    assert!(run.out.contains("issuer's ARPC              right"), "{}", run.out);
    assert_eq!(fs::read_dir(bank.path("slips")).unwrap().count(), 1, "beside the profile");
    // A chip that has not the issuer's keys is found out (SEC-2).
    fs::write(&profile, text("break = \"cryptogram\"\n")).unwrap();
    let _run = play("purchase 100 pin 1234\nexpect 05\n").good();
    // So is a stripe with a wrong CVV (SEC-1).
    fs::write(&profile, text("off = true\n").replace("card =", "stripe = \"wrong\"\ncard ="))
        .unwrap();
    let _run = play("purchase 100 swipe pin 1234\nexpect 05\n").good();
}
