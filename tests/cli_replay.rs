//! `tamga replay`, `verify` and `eod` on the history that `tamga demo` makes. The real program.
#![allow(clippy::unwrap_used)] // helpers of tests are outside `#[test]`, where it is allowed

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tamga_tests::programs::{Run, command, tamga};

/// A folder with the data of the demo's 200 transactions, made once. Never changed.
fn history() -> &'static Path {
    static MADE: OnceLock<()> = OnceLock::new();
    let folder = Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/cli-replay-history"));
    MADE.get_or_init(|| {
        fs::remove_dir_all(folder).unwrap_or_default();
        let run = demo(&folder.join("data")).good();
        assert!(run.out.contains("200 transactions"), "{}", run.out);
    });
    folder
}

fn demo(data: &Path) -> Run {
    let mut demo = command("tamga");
    demo.args(["demo", "--once", "--data"]).arg(data);
    for listener in 0..3 {
        demo.env(format!("TAMGA__LISTENER__{listener}__BIND"), "127.0.0.1:0");
    }
    demo.env("TAMGA__HTTP__BIND", "127.0.0.1:0");
    demo.output().unwrap().into()
}

#[test]
fn pin_1_the_demo_goes_on_with_the_keys_its_machines_have_exchanged() {
    let folder = copy();
    let data = folder.path().join("data");
    for _ in 0..2 {
        let run = demo(&data).good();
        assert!(run.out.contains("200 as expected"), "{}", run.out);
    }
    // The engine knows other keys than the machine: its first ones, after a restore of the data.
    fs::remove_file(data.join("simulated-terminals.json")).unwrap();
    let run = demo(&data).exits(1);
    assert!(run.out.contains("63"), "without its keys the machine is not let in: {}", run.out);
}

/// A copy that may be spoilt.
fn copy() -> tempfile::TempDir {
    fn copy_all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy_all(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy_all(history(), folder.path());
    folder
}

fn on(command: &str, data: &Path, more: &[&str]) -> Run {
    let data = data.to_str().unwrap();
    tamga(&[&[command, "--data", data], more].concat())
}

fn line<'r>(run: &'r Run, name: &str) -> &'r str {
    let found = run.out.lines().find(|line| line.starts_with(name));
    found.unwrap_or_else(|| panic!("no {name}\n{}", run.out))
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("journal")).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn a_replay_gives_the_same_again() {
    let data = history().join("data");
    let whole = on("replay", &data, &[]).good();
    assert!(line(&whole, "outcomes").contains("all as recorded"));
    let again = on("replay", &data, &[]).good();
    let short = on("replay", &data, &["--from-snapshot"]).good();
    for other in [again, short] {
        assert_eq!(line(&whole, "digest"), line(&other, "digest"));
    }
    let verified = on("verify", &data, &[]).good();
    for words in ["chain of checksums", "every outcome", "the replay's state", "sums of postings"] {
        assert!(verified.out.contains(words), "{words}\n{}", verified.out);
    }
    let digest = |run: &Run| line(run, "digest").split_whitespace().nth(1).map(str::to_owned);
    assert_eq!(digest(&verified), digest(&whole));
}

/// What would have been decided otherwise under a limit that the recorded rules do not have.
#[test]
fn another_rule_set_shows_what_would_change() {
    let data = history().join("data");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo/rules.toml");
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("stricter.toml");
    let limit = "[[limit]]\nid = \"one-a-day\"\nscope = \"card\"\ncounts = \"purchase\"\n\
                 measure = \"count\"\nwindow = \"day\"\nceiling = 1\n";
    fs::write(&rules, format!("{}\n{limit}", fs::read_to_string(&demo).unwrap())).unwrap();
    let run = on("replay", &data, &["--rules", rules.to_str().unwrap()]).good();
    let change = run.out.lines().find(|line| line.contains("count_limit_exceeded"));
    let change = change.unwrap_or_else(|| panic!("nothing changes\n{}", run.out));
    assert!(change.starts_with("approved"), "{change}");
    assert!(change.contains("LIM-1 one-a-day") && change.ends_with("KGS"), "{change}");
    let same = on("replay", &data, &["--rules", demo.to_str().unwrap()]).good();
    assert!(same.out.contains("decisions would change"), "{}", same.out);
    assert!(same.out.contains("none of "), "{}", same.out);
    fs::write(&rules, "versoin = \"1\"\n").unwrap();
    let wrong = on("replay", &data, &["--rules", rules.to_str().unwrap()]).exits(2);
    assert!(wrong.err.contains("stricter.toml:1"), "{}", wrong.err);
}

/// A byte changed anywhere in the records is found, by every command, with file and offset.
#[test]
fn a_journal_that_was_tampered_with_is_refused() {
    let copy = copy();
    let data = copy.path().join("data");
    let segment = segments(&data).into_iter().next().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[end / 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
    for command in ["replay", "verify"] {
        let run = on(command, &data, &[]).exits(3);
        assert!(run.err.contains("is damaged at offset"), "{}", run.err);
    }
}

#[test]
fn a_snapshot_that_is_not_the_replay_s_state_is_found() {
    let copy = copy();
    let data = copy.path().join("data");
    let snapshots: Vec<PathBuf> =
        fs::read_dir(data.join("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in snapshots {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let run = on("verify", &data, &[]).exits(1);
    assert!(run.err.contains("was passed over"), "{}", run.err);
}

#[test]
fn a_day_is_ended_once() {
    let copy = copy();
    let data = copy.path().join("data");
    let (day, clock) = in_days(3);
    let at = ["--test-clock", &clock, "--date", &day];
    let first = on("eod", &data, &at).good();
    assert!(first.out.contains(&format!("{day} ended:")), "{}", first.out);
    assert!(first.out.contains("missed before it, ended first:"), "{}", first.out);
    let second = on("eod", &data, &at).good();
    assert!(second.out.contains("was ended before; nothing changed"), "{}", second.out);
    let early = on("eod", &data, &["--date", "2199-01-01"]).exits(1);
    assert!(early.err.contains("2199-01-01 is not over"), "{}", early.err);
    let wrong = on("eod", &data, &["--date", "yesterday"]).exits(2);
    assert!(wrong.err.contains("2026-11-23"), "{}", wrong.err);
    let _still_good = on("verify", &data, &[]).good();
}

/// The day so many days from now in the bank's zone, and its last second. (The demo's history was
/// made by the system's clock.)
fn in_days(days: i32) -> (String, String) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = payment_types::Timestamp(i64::try_from(now.as_millis()).unwrap());
    let zone = payment_types::UtcOffset(360);
    let today = payment_types::Moment::new(now, zone).business_date();
    let day = today.plus_days(days);
    (day.to_string(), format!("{day}T23:59:59+06:00"))
}

/// While an engine has the data it is asked over its API, and only with a token.
#[test]
fn a_running_engine_is_asked_to_end_the_day() {
    let copy = copy();
    let (folder, http) = (copy.path(), free_address());
    let digest = "b1744d0edb7ceddbe3aaaea50dc7ad722315fb94b46825b79e82f7413240d4c5";
    let config = folder.join("tamga.toml");
    let text = format!(
        "[security]\ntest_keys = true\nmaster_key_file = \"data.master.key\"\n[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n\
         [http]\nbind = \"{http}\"\n[[api_token]]\nname = \"t\"\nsha256 = \"{digest}\"\n\
         roles = [\"operator\"]\n"
    );
    fs::write(&config, text).unwrap();
    let mut serve = command("tamga");
    let (day, clock) = in_days(3);
    serve.args(["serve", "--test-clock", &clock, "--config"]);
    let mut engine = serve.arg(&config).stderr(std::process::Stdio::null()).spawn().unwrap();
    let ready = (0..1200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        ureq::get(format!("http://{http}/health/ready")).call().is_ok()
    });
    let eod = |date: &str, token: &str| {
        let mut eod = command("tamga");
        eod.args(["eod", "--date", date, "--config"]).arg(&config);
        if !token.is_empty() {
            eod.env("TAMGA_TOKEN", token);
        }
        Run::from(eod.output().unwrap())
    };
    let no_token = eod(&day, "");
    let bad_token = eod(&day, "wrong");
    let first = eod(&day, "tamga-demo");
    let second = eod(&day, "tamga-demo");
    let early = eod("2199-01-01", "tamga-demo");
    engine.kill().unwrap();
    engine.wait().unwrap();
    assert!(ready, "the engine did not start");
    assert!(no_token.exits(3).err.contains("TAMGA_TOKEN"));
    assert!(bad_token.exits(1).err.contains("(401)"));
    assert!(first.good().out.contains(&format!("{day} ended:")));
    assert!(second.good().out.contains("was ended before"));
    assert!(early.exits(1).err.contains("(409)"));
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
