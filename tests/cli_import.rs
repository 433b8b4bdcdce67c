//! `tamga import`: whole files or nothing, and bad places for data. The real program.
#![allow(clippy::unwrap_used, clippy::string_slice)] // helpers of tests are outside `#[test]`, where it is allowed

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tamga_tests::conformance_dir;
use tamga_tests::programs::{Run, binary, command, tamga};

/// A folder with a configuration in test mode.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(test_keys: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = "[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n";
        let text = format!("[security]\ntest_keys = {test_keys}\n{listener}");
        let config = folder.path().join("tamga.toml");
        fs::write(&config, text).unwrap();
        let made = ["key".as_ref(), "master".as_ref(), "--config".as_ref(), config.as_os_str()];
        let _said = tamga(&made).good();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn arguments(&self, portfolio: &Path) -> [std::ffi::OsString; 4] {
        let config = self.path("tamga.toml");
        ["import".into(), "--config".into(), config.into(), portfolio.into()]
    }

    fn import(&self, portfolio: &Path) -> Run {
        tamga(&self.arguments(portfolio))
    }

    /// How many records the journal has, as `tamga replay` counts them.
    fn records(&self) -> u64 {
        let run = tamga(&["replay".as_ref(), "--data".as_ref(), self.path("data").as_os_str()]);
        let out = run.good().out;
        let line = out.lines().find(|line| line.starts_with("records")).unwrap();
        line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

const PRODUCT: &str = r#"{"type":"product","id":"elcart","currency":"KGS"}"#;
const CUSTOMER: &str = r#"{"type":"customer","id":"C1","tier":"standard","name":"Test"}"#;
const ACCOUNT: &str = r#"{"type":"account","id":"A1","customer":"C1","product":"elcart","currency":"KGS","balance":"100.00"}"#;
const CARD: &str = r#"{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"9417000000000016","expiry":"2912","test_pin":"1234"}"#;

#[test]
fn the_conformance_portfolio_goes_in_and_the_books_agree() {
    let place = Place::new(true);
    let base = conformance_dir().join("scenarios/base.jsonl");
    let run = place.import(&base).good();
    let lines = fs::read_to_string(&base).unwrap().lines().count();
    assert!(run.out.contains(&format!("imported {lines} records")), "{}", run.out);
    assert!(run.out.contains("rule set built-in is in force"), "{}", run.out);
    assert!(run.err.contains("listener `atm`"), "{}", run.err);
    let data = place.path("data");
    let verified = tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]).good();
    assert!(verified.out.contains("sums of postings"), "{}", verified.out);
    let again = place.import(&base).exits(1);
    let told = format!("{}: {lines} of {lines} records are there already", base.display());
    let from = "from before or from an earlier line";
    let begins = format!("{told}, {from}: lines 1-{lines} (line 1: ");
    assert!(again.err.starts_with(&begins), "{}", again.err);
    assert!(again.err.ends_with(", ...); nothing was imported\n"), "{}", again.err);
    assert_eq!(again.err.lines().count(), 1, "{}", again.err);
    let digest = |arguments: &[&str]| {
        let run = tamga(&[&["replay", "--data", data.to_str().unwrap()], arguments].concat());
        let out = run.good().out;
        out.lines().find(|line| line.starts_with("digest")).map(str::to_owned).unwrap()
    };
    assert_eq!(digest(&[]), digest(&["--from-snapshot"]));
}

#[test]
fn one_bad_line_of_five_and_nothing_is_journaled() {
    let place = Place::new(true);
    let second = CARD.replace("K1", "K2").replace("9417000000000016", "9417000000000024");
    let bad = ACCOUNT.replace("\"100.00\"", "\"1OO.00\"");
    let file = place.write("p.jsonl", &[PRODUCT, CUSTOMER, &bad, CARD, &second].join("\n"));
    let run = place.import(&file).exits(1);
    let lines: Vec<&str> = run.err.lines().collect();
    let at = file.display();
    assert_eq!(
        lines[0],
        format!("{at}:3: balance: not a decimal amount such as 1234.50"),
        "{}",
        run.err
    );
    assert!(lines[1].starts_with(&format!("{at}:4: account: ")), "{}", run.err);
    assert_eq!(lines.last(), Some(&"3 lines refused; nothing was imported"));
    assert_eq!(place.records(), 0);
    let good = place.write("p.jsonl", &[PRODUCT, CUSTOMER, ACCOUNT, CARD, &second].join("\n"));
    assert!(place.import(&good).good().out.contains("imported 5 records"));
}

#[test]
fn every_refused_line_is_listed_up_to_fifty() {
    let place = Place::new(true);
    let customer = |n: usize| format!(r#"{{"type":"customer","id":"C{n}","teir":"low"}}"#);
    let text: Vec<String> = (0..70).map(customer).collect();
    let run = place.import(&place.write("p.jsonl", &text.join("\n"))).exits(1);
    let shown = run.err.lines().filter(|line| line.contains("did you mean `tier`?")).count();
    assert_eq!(shown, 50, "{}", run.err);
    assert!(run.err.contains("only the first 50"), "{}", run.err);
    assert!(run.err.contains("70 lines refused"), "{}", run.err);
}

#[test]
fn what_is_there_already_does_not_drown_what_is_wrong() {
    let place = Place::new(true);
    let customers: Vec<_> = (1..=4).map(|n| CUSTOMER.replace("C1", &format!("C{n}"))).collect();
    let (known, wrong) = (customers.join("\n"), ACCOUNT.replace("C1", "C9"));
    let _said = place.import(&place.write("p.jsonl", &[PRODUCT, &known].join("\n"))).good();
    let file = place.write("p.jsonl", &[PRODUCT, &wrong, &known].join("\n"));
    let (run, at) = (place.import(&file).exits(1), file.display());
    let names = "line 1: elcart, line 3: C1, line 4: C2, ...";
    let lines: Vec<&str> = run.err.lines().collect();
    let told =
        "5 of 6 records are there already, from before or from an earlier line: lines 1, 3-6";
    assert_eq!(lines[0], format!("{at}: {told} ({names})"));
    assert_eq!(lines[1], format!("{at}:2: customer: there is no customer C9 before this record"));
    assert_eq!(lines[2..], ["6 lines refused; nothing was imported"]);
    let twice = place.write("p.jsonl", &[&CUSTOMER.replace("C1", "C7"), &*customers[0]].join("\n"));
    let run = place.import(&twice).exits(1);
    assert!(run.err.contains("p.jsonl:2: id: C1 is there already\n"), "{}", run.err);
}

#[test]
fn pii_1_no_id_or_name_is_a_card_number() {
    let place = Place::new(true);
    let merchant = r#"{"type":"merchant","id":"M1","name":"of 9417 0000 0000 0016","mcc":"5411","country":"KG"}"#;
    let with = |record: &str, from: &str, number: &str| record.replace(from, number);
    let lines = [
        PRODUCT.to_owned(),
        with(CUSTOMER, "\"C1\"", "\"9417000000000016\""),
        with(ACCOUNT, "\"A1\"", "\"A-9417000000000024\"").replace("C1", "9417000000000016"),
        // Sixteen digits with a right check digit, of no network: an account.
        with(ACCOUNT, "\"A1\"", "\"1030120000000008\"").replace("C1", "9417000000000016"),
        merchant.to_owned(),
    ];
    let refused = |empty: bool| {
        let file = place.write("p.jsonl", &lines.join("\n"));
        let (run, at) = (place.import(&file).exits(1), file.display());
        let said: Vec<&str> = run.err.lines().collect();
        let fields = ["2: id", "3: id", "3: customer", "4: customer", "5: name"];
        let words = "holds a card number, which only `pan` may (PII-1)";
        let mut wanted: Vec<_> =
            fields.iter().map(|field| format!("{at}:{field}: {words}")).collect();
        wanted.push("4 lines refused; nothing was imported".to_owned());
        assert_eq!(said, wanted, "{empty}");
    };
    // The register of networks is that of the rule set that goes in, and the one in force later.
    refused(true);
    assert_eq!(place.records(), 0);
    let other = CUSTOMER.replace("C1", "C2");
    let first = [PRODUCT.replace("elcart", "other"), other].join("\n");
    let _said = place.import(&place.write("first.jsonl", &first)).good();
    refused(false);
    let known = ACCOUNT.replace("C1", "9417000000000016");
    let run = place.import(&place.write("p.jsonl", &[PRODUCT, &known].join("\n"))).exits(1);
    assert!(run.err.contains("there is no customer 941700******0016"), "{}", run.err);
}

#[test]
fn test_pins_need_test_mode_and_no_number_is_shown() {
    let place = Place::new(false);
    let wrong = CARD.replace("0016\"", "0017\"").replace("K1", "K2");
    let file = place.write("p.jsonl", &[PRODUCT, CUSTOMER, ACCOUNT, CARD, &wrong].join("\n"));
    let run = place.import(&file).exits(1);
    assert!(run.err.contains(":4: test_pin: is for tests only"), "{}", run.err);
    assert!(run.err.contains(":5: pan: 941700******0017 has a wrong check digit"), "{}", run.err);
    assert!(!run.err.contains("941700000000001"), "{}", run.err);
    assert_eq!(place.records(), 0);
}

#[test]
fn keys_that_are_none_are_refused_by_line_and_not_shown() {
    let place = Place::new(true);
    let double = "0123456789ABCDEFFEDCBA9876543210";
    for (role, key) in [
        ("cvk", &double[..16]),
        ("cvk", &double[..30]),
        ("cvk", &double[..31]),
        ("cvk", &double[..16].repeat(2)),
        ("cvk", &format!("aes:{double}")),
        ("imk_ac", &double[..16]),
        ("no_such_role", double),
        ("pvk", "no-such-name"),
    ] {
        let keys = format!(r#","keys":{{"{role}":"{key}"}}}}"#);
        let product = format!("{}{keys}", PRODUCT.strip_suffix('}').unwrap());
        let run = place.import(&place.write("p.jsonl", &product)).exits(1);
        assert!(run.err.contains(":1: keys"), "{role} {key}: {}", run.err);
        assert!(!run.err.contains(&double[..16]), "{}", run.err);
        assert_eq!(place.records(), 0);
    }
}

#[test]
fn files_of_garbage_are_refused() {
    let place = Place::new(true);
    let long = "x".repeat(300 * 1024);
    for (content, words) in [
        (&b""[..], "has no records"),
        (b"\n \n", "has no records"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[1,2]\n", ":1: expected an object"),
        (b"{\"type\":\"card\"", ":1: not JSON"),
        (long.as_bytes(), "longer than 256 KiB"),
    ] {
        let file = place.path("p.jsonl");
        fs::write(&file, content).unwrap();
        let run = place.import(&file).exits(1);
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
    let _missing = place.import(&place.path("gone.jsonl")).exits(2);
}

/// Killed while it journals: nothing of the file is there, and the same file goes in whole.
#[test]
fn a_killed_import_leaves_nothing() {
    let place = Place::new(true);
    let file = place.path("many.jsonl");
    let cards = ["generate-portfolio", "--cards", "12000", "--out"];
    let _written = tamga(&[&cards[..], &[file.to_str().unwrap()]].concat()).good();
    for attempt in 0..20 {
        fs::remove_dir_all(place.path("data")).unwrap_or_default();
        let mut import = command("tamga");
        import.args(place.arguments(&file)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = import.spawn().unwrap();
        wait_for_records(&place.path("data/journal"), attempt);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.success() {
            continue; // it was quicker than the kill
        }
        let data = place.path("data");
        let run = tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]).good();
        if !run.out.contains(" 0 accounts") {
            // The last part was durable before the kill: then all of it is there.
            assert!(run.out.contains("12000 accounts"), "{}", run.out);
            continue;
        }
        let midway = place.records() > 0;
        assert!(place.import(&file).good().out.contains("imported 36"));
        if midway {
            return;
        }
    }
    panic!("never killed while the journal was being written");
}

/// Waits until the first part is in the journal, and a little more each time.
fn wait_for_records(journal: &Path, attempt: u64) {
    let written = || -> std::io::Result<bool> {
        let mut bytes = [0; 64];
        // Within the first part, which is some hundred kilobytes long.
        let segment = fs::File::open(journal.join("00000000000000000001.seg"))?;
        segment.read_exact_at(&mut bytes, 8192)?;
        Ok(bytes.iter().any(|byte| *byte != 0))
    };
    for _ in 0..60_000 {
        if written().unwrap_or(false) {
            std::thread::sleep(Duration::from_millis(attempt * 5));
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn bad_data_directories_are_told_apart() {
    let place = Place::new(true);
    let file = place.write("p.jsonl", &[PRODUCT, CUSTOMER].join("\n"));
    // A file where the directory should be.
    place.write("data", "not a directory");
    let run = place.import(&file).exits(3);
    assert!(run.err.contains("data"), "{}", run.err);
    fs::remove_file(place.path("data")).unwrap();
    // A newer version's.
    fs::create_dir(place.path("data")).unwrap();
    place.write("data/TAMGA", "tamga data directory\nformat = 99\n");
    let run = place.import(&file).exits(3);
    assert!(run.err.contains("newer version"), "{}", run.err);
    fs::remove_dir_all(place.path("data")).unwrap();
    // Not there at all, for a tool that only reads.
    let run = tamga(&["verify", "--data", "/nonexistent/data"]).exits(3);
    assert!(run.err.contains("there is no data directory"), "{}", run.err);
}

/// A disk that takes no more: told with the file and the reason, nothing half done.
#[test]
fn a_disk_that_is_full_is_told() {
    let place = Place::new(true);
    let file = place.write("p.jsonl", &[PRODUCT, CUSTOMER].join("\n"));
    let program = binary("tamga");
    let config = place.path("tamga.toml");
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} import --config {} {}",
        program.display(),
        config.display(),
        file.display()
    );
    let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
    let run = Run::from(output).exits(3);
    assert!(run.err.contains("File too large"), "{}", run.err);
    assert!(run.err.contains("/data/journal/"), "{}", run.err);
    let run = place.import(&file).good();
    assert!(run.out.contains("imported 2 records"), "{}", run.out);
}

/// The engine has the directory: an import must not get in between.
#[test]
fn a_running_engine_keeps_its_data_to_itself() {
    let place = Place::new(true);
    let file = place.write("p.jsonl", &[PRODUCT, CUSTOMER].join("\n"));
    let _first = place.import(&file).good();
    let mut serve = command("tamga");
    serve.args(["serve", "--config"]).arg(place.path("tamga.toml"));
    serve.env("TAMGA__HTTP__BIND", "127.0.0.1:0").stderr(Stdio::null());
    let mut engine = serve.spawn().unwrap();
    // The lock file tells who has the directory.
    let id = engine.id().to_string();
    let locked = (0..1200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        fs::read_to_string(place.path("data/LOCK")).is_ok_and(|owner| owner.trim() == id)
    });
    assert!(locked, "the engine did not start");
    let refused = place.import(&place.write("q.jsonl", &CUSTOMER.replace("C1", "C2")));
    let data = place.path("data");
    // Reading beside it is no matter.
    let verified = tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]);
    engine.kill().unwrap();
    engine.wait().unwrap();
    let refused = refused.exits(3);
    assert!(refused.err.contains("has this data directory open"), "{}", refused.err);
    let _beside = verified.good();
}
