//! PII-4: a backup of a running engine under traffic, brought back to the tyiyn, and everything
//! that is refused on the way.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use authorization::{Scratch, State};
use payment_types::Sequence;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{binary, tamga};

const CLOCK: &str = "2026-11-23T10:00:00+06:00";
const RULES: &str =
    "version = \"backup\"\n[retention]\nagreement_years = 1\noperations_years = 1\n";
const ACCOUNTS: usize = 20;

fn portfolio() -> String {
    let mut lines = vec![
        r#"{"type":"product","id":"elcart","currency":"KGS"}"#.to_owned(),
        r#"{"type":"customer","id":"GONE","name":"Erased Later"}"#.to_owned(),
        r#"{"type":"account","id":"AGONE","customer":"GONE","product":"elcart","currency":"KGS","balance":"0.00"}"#.to_owned(),
    ];
    for at in 0..ACCOUNTS {
        lines.push(format!(r#"{{"type":"customer","id":"C{at}","name":"Number {at}"}}"#));
        lines.push(format!(r#"{{"type":"account","id":"A{at}","customer":"C{at}","product":"elcart","currency":"KGS","balance":"1000.00"}}"#));
    }
    lines.join("\n")
}

struct Bank {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bank {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portfolio.jsonl");
        fs::write(&file, portfolio()).unwrap();
        fs::write(folder.path().join("pass"), "correct horse battery staple\n").unwrap();
        let launch = Launch {
            program: binary("tamga"),
            patience: Duration::from_secs(60),
            zone: "Asia/Bishkek".to_owned(),
        };
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let engine = Engine::start(&launch, &home, RULES, &file, CLOCK).unwrap();
        Self { folder, engine }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("home/data")
    }

    fn backup(&self, name: &str) -> PathBuf {
        let file = self.path(name);
        let (data, pass) = (self.data(), self.path("pass"));
        let arguments = ["backup", "--data", text(&data), "--passphrase-file", text(&pass)];
        let _said = tamga(&[&arguments[..], &[text(&file)]].concat()).good();
        file
    }

    fn restore(&self, file: &Path, target: &Path, more: &[&str]) -> tamga_tests::programs::Run {
        let pass = self.path("pass");
        let arguments = ["restore", "--data", text(target), "--passphrase-file", text(&pass)];
        tamga(&[&arguments[..], more, &[text(file)]].concat())
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn post(url: &str, token: &str, body: &str) -> u16 {
    let request = ureq::post(url).header("Authorization", format!("Bearer {token}"));
    let request = request.config().http_status_as_error(false).build();
    request.send(body).map_or(0, |answer| answer.status().as_u16())
}

/// The state after a record, from the journal alone.
fn state_at(data: &Path, last: u64) -> State {
    let (mut state, mut scratch) = (State::new(), Scratch::new());
    let mut reader = journal::Reader::open(data, 1).unwrap();
    while let Some((sequence, bytes)) = reader.next(u64::MAX).unwrap() {
        if sequence > last {
            break;
        }
        let record = authorization::decode_record(bytes).unwrap();
        let outcome = state.execute(Sequence(sequence), &record.accepted, &mut scratch);
        assert_eq!(outcome, record.outcome);
    }
    assert_eq!(state.last_sequence().0, last);
    state
}

fn last_record(data: &Path) -> u64 {
    let mut reader = journal::Reader::open(data, 1).unwrap();
    let mut last = 0;
    while let Some((sequence, _)) = reader.next(u64::MAX).unwrap() {
        last = sequence;
    }
    last
}

fn balances(state: &State) -> Vec<i64> {
    state.ledger().accounts().map(|(_, account)| account.balance).collect()
}

#[test]
fn pii_4_a_backup_under_traffic_comes_back_to_the_tyiyn() {
    let bank = Bank::start();
    let (url, token) = (bank.engine.http(), bank.engine.token().to_owned());
    let stop = AtomicBool::new(false);
    let (file, taken) = std::thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            let mut count = 0u64;
            while !stop.load(Ordering::Relaxed) {
                let account = count % 20;
                let body = format!(
                    r#"{{"amount":"{}.{:02}","reference":"r{count}","purpose":"x"}}"#,
                    1 + count % 7,
                    count % 100
                );
                let path = format!("{url}/api/v1/accounts/A{account}/credits");
                assert_eq!(post(&path, &token, &body), 200);
                count += 1;
            }
            count
        });
        std::thread::sleep(Duration::from_millis(400));
        let file = bank.backup("while-running");
        std::thread::sleep(Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
        (file, traffic.join().unwrap())
    });
    let target = bank.path("restored");
    let said = bank.restore(&file, &target, &[]).good().out;
    assert!(said.contains("every outcome is as recorded"), "{said}");
    let (last, end) = (last_record(&target), last_record(&bank.data()));
    assert!(last > 5 && last < end, "traffic before and after: {last} of {end}, {taken} credits");
    let (restored, original) = (state_at(&target, last), state_at(&bank.data(), last));
    assert_eq!(balances(&restored), balances(&original));
    assert_eq!(restored.digest(), original.digest());
    let _said = tamga(&["verify", "--data", text(&target)]).good();
    // As of an earlier record, and as of a moment before all traffic.
    let middle = bank.path("middle");
    let until = (last - 3).to_string();
    let said = bank.restore(&file, &middle, &["--until", &until]).good().out;
    assert!(said.contains("left out 3 later records"), "{said}");
    assert_eq!(balances(&state_at(&middle, last - 3)), balances(&state_at(&bank.data(), last - 3)));
    let _said = tamga(&["verify", "--data", text(&middle)]).good();
    let early = bank.path("early");
    let before = "2026-11-23T09:59:59+06:00";
    let _said = bank.restore(&file, &early, &["--until", before]).good();
    assert_eq!(last_record(&early), 0, "nothing had been accepted by then");
    // Nothing of it can be read without the passphrase.
    let bytes = fs::read(&file).unwrap();
    for secret in ["Number 7", "elcart", "TAMGASNP"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn what_cannot_be_restored_is_told_and_changes_nothing() {
    let bank = Bank::start();
    let file = bank.backup("backup");
    let target = bank.path("target");
    let refused = |file: &Path, target: &Path, words: &str| {
        let run = bank.restore(file, target, &[]);
        assert!(run.code != 0 && run.err.contains(words), "{words}: {} {}", run.code, run.err);
    };
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "keep").unwrap();
    refused(&file, &target, "is not empty");
    assert_eq!(fs::read_to_string(target.join("mine")).unwrap(), "keep");
    fs::remove_file(target.join("mine")).unwrap();
    let good = fs::read(&file).unwrap();
    let broken = bank.path("broken");
    for (bytes, words) in [
        (good[..good.len() - 1].to_vec(), "damaged or cut short"),
        (good[..30].to_vec(), "too short"),
        (b"something else entirely, and long enough to have a header in it".to_vec(), "no backup"),
        ([&good[..good.len() / 2], &[0u8; 16], &good[good.len() / 2 + 16..]].concat(), "damaged"),
    ] {
        fs::write(&broken, bytes).unwrap();
        refused(&broken, &target, words);
    }
    fs::write(bank.path("pass"), "another passphrase\n").unwrap();
    refused(&file, &target, "passphrase is another one");
    fs::write(bank.path("pass"), "short\n").unwrap();
    refused(&file, &target, "at least 12 characters");
    fs::write(bank.path("pass"), "correct horse battery staple\n").unwrap();
    assert!(fs::read_dir(&target).unwrap().next().is_none(), "still empty");
    let _said = bank.restore(&file, &target, &[]).good();
    let again = ["backup", "--data", text(&target), "--passphrase-file"];
    let pass = bank.path("pass");
    let run = tamga(&[&again[..], &[text(&pass), text(&file)]].concat());
    assert!(run.err.contains("a backup replaces nothing"), "{}", run.err);
}

#[test]
fn pii_3_an_erased_customer_stays_erased_in_what_is_restored() {
    let bank = Bank::start();
    let before = bank.backup("before");
    let call = |path: &str, body: &str| {
        let url = format!("{}/api/v1{path}", bank.engine.http());
        assert_eq!(post(&url, bank.engine.token(), body), 200, "{path}");
    };
    call("/accounts/AGONE/closure", r#"{"note":"left"}"#);
    call("/test-clock", r#"{"to":"2027-11-25T00:00:01+06:00"}"#);
    call("/customers/GONE/erase", r#"{"reason":"asked"}"#);
    let list = fs::read_to_string(bank.path("home/data.erased")).unwrap();
    assert_eq!(list, "0 GONE\n");
    // The backup holds the key: only the list keeps it out.
    let list = bank.path("home/data.erased");
    let (with, without) = (bank.path("with"), bank.path("without"));
    let said = bank.restore(&before, &with, &["--erased", text(&list)]).good().out;
    assert!(said.contains("destroyed the keys of 1 erased customers again"), "{said}");
    let said = bank.restore(&before, &without, &[]).good().out;
    assert!(!said.contains("destroyed"), "{said}");
    let slot = |folder: &Path| fs::read(folder.join("customer-keys")).unwrap()[512..640].to_vec();
    assert_eq!(slot(&with)[0], 2, "destroyed");
    assert_eq!(slot(&without)[0], 1, "held");
    // A backup taken after it has the erasure in its journal.
    let after = bank.backup("after");
    let later = bank.path("later");
    let _said = bank.restore(&after, &later, &[]).good();
    assert_eq!(slot(&later)[0], 2);
}
