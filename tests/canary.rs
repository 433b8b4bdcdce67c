//! I9: no clear card number, track, card value, PIN, PIN block, name or key on the disk, in logs or
//! in what the API says.
//!
//! Canaries go through the engine: imported, refused in an import, approved, declined, malformed,
//! logged at trace level as text and as JSON, aborted on, killed, replayed, verified, backed up and
//! restored. Then every byte it left is searched for them in every form it could have them in.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use iso8583::FieldValue;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{binary, tamga};

const CLOCK: &str = "2026-11-23T10:00:00+06:00";
const PAN: &str = "9417331122993307";
const OTHER_PAN: &str = "9417662288440015";
const PIN: &str = "739158264073";
const TPK: &str = "A1C4E6076BD0132F89B5ECD364527A10";
const CVK: &str = "B3D5F7086CE1243F9AC6FEE375638B21";
const PVK: &str = "C4E6087A6DF2354F0BD70EF486749C32";
const NAME: &str = "Канышай Жусупбекова";
const PHONE: &str = "+996707193846";
const TRACK_TAIL: &str = "83920174615";
const CVV2: &str = "CV003917";
const PASSPHRASE: &str = "a canary sings in the mine";

/// The number with its check digit put right.
fn luhn_right(pan: &str) -> String {
    let body = pan.get(..15).unwrap();
    (0..10)
        .map(|digit| format!("{body}{digit}"))
        .find(|pan| payment_types::Pan::from_ascii(pan.as_bytes()).unwrap().has_valid_check_digit())
        .unwrap()
}

fn portfolio() -> String {
    let (pan, other) = (luhn_right(PAN), luhn_right(OTHER_PAN));
    [
        format!(
            r#"{{"type":"product","id":"elcart","currency":"KGS","keys":{{"cvk":"{CVK}","pvk":"{PVK}"}}}}"#
        ),
        format!(r#"{{"type":"customer","id":"C1","tier":"standard","name":"{NAME}","phone":"{PHONE}"}}"#),
        r#"{"type":"account","id":"A1","customer":"C1","product":"elcart","currency":"KGS","balance":"1000.00"}"#.to_owned(),
        format!(
            r#"{{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"{pan}","expiry":"2912","test_pin":"{PIN}"}}"#
        ),
        format!(
            r#"{{"type":"card","id":"K2","account":"A1","holder":"C1","pan":"{other}","expiry":"2912","pvv":"1234"}}"#
        ),
        r#"{"type":"merchant","id":"M1","name":"Market","mcc":"5411","country":"KG"}"#.to_owned(),
        format!(
            r#"{{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M1","listener":"pos","keys":{{"tpk":"{TPK}"}}}}"#
        ),
    ]
    .join("\n")
}

/// What is looked for: bytes, and what they are.
struct Canaries {
    forms: Vec<(Vec<u8>, String)>,
    /// Whether a form begins with these two bytes.
    begins: Vec<bool>,
}

impl Canaries {
    fn new() -> Self {
        Self { forms: vec![], begins: vec![false; 1 << 16] }
    }

    fn add(&mut self, form: Vec<u8>, what: &str, how: &str) {
        assert!(form.len() >= 5, "{what} {how} is too short to mean anything");
        self.begins[usize::from(form[0]) << 8 | usize::from(form[1])] = true;
        self.forms.push((form, format!("{what} ({how})")));
    }

    /// Bytes as they are, in hexadecimal and in base64.
    fn bytes(&mut self, bytes: &[u8], what: &str, how: &str) {
        self.add(bytes.to_vec(), what, how);
        self.add(hex::encode(bytes).into_bytes(), what, &format!("{how}, hex"));
        self.add(hex::encode_upper(bytes).into_bytes(), what, &format!("{how}, HEX"));
        // Wherever it begins in what was encoded, one of three places falls on a group.
        for start in 0..3 {
            let base64 = base64(&bytes[start..]);
            if base64.len() >= 8 {
                let safe = base64.iter().map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                });
                let safe: Vec<u8> = safe.collect();
                self.add(safe, what, &format!("{how}, base64url at {start}"));
                self.add(base64, what, &format!("{how}, base64 at {start}"));
            }
        }
    }

    /// Digits as text and two to a byte, beginning at either half.
    fn digits(&mut self, digits: &str, what: &str) {
        self.bytes(digits.as_bytes(), what, "text");
        for start in [0, 1] {
            let even = (digits.len() - start) / 2 * 2;
            let packed = hex::decode(digits.get(start..start + even).unwrap()).unwrap();
            self.bytes(&packed, what, &format!("packed at {start}"));
        }
    }

    /// A key: its bytes, and its digits in both cases.
    fn key(&mut self, digits: &str, what: &str) {
        self.bytes(&hex::decode(digits).unwrap(), what, "bytes");
        self.bytes(digits.to_uppercase().as_bytes(), what, "HEX text");
        self.bytes(digits.to_lowercase().as_bytes(), what, "hex text");
    }

    /// The first that is found: at which byte, and which.
    fn find(&self, hay: &[u8]) -> Option<(usize, &str)> {
        (0..hay.len().saturating_sub(1)).find_map(|at| {
            if !self.begins[usize::from(hay[at]) << 8 | usize::from(hay[at + 1])] {
                return None;
            }
            let found = self.forms.iter().find(|(form, _)| hay[at..].starts_with(form));
            found.map(|(_, what)| (at, what.as_str()))
        })
    }
}

/// Whole groups only, so that what follows does not matter.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3);
    groups
        .flat_map(|group| {
            let number = group.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|shift| ALPHABET[number >> shift & 63])
        })
        .collect()
}

/// The PIN block in clear: what the terminal's PIN pad enciphers.
fn clear_block(pan: &str) -> Vec<u8> {
    let pin = hex::decode(format!("0C{PIN}FF")).unwrap();
    let number = hex::decode(format!("0000{}", pan.get(3..15).unwrap())).unwrap();
    pin.iter().zip(number).map(|(pin, number)| pin ^ number).collect()
}

fn canaries() -> Canaries {
    let mut canaries = Canaries::new();
    for pan in [luhn_right(PAN), luhn_right(OTHER_PAN)] {
        canaries.digits(&pan, "card number");
        let track = format!("{pan}2912201{TRACK_TAIL}");
        canaries.digits(&track, "track");
    }
    canaries.digits(TRACK_TAIL, "track's tail");
    canaries.digits(PIN, "PIN");
    canaries.bytes(&clear_block(&luhn_right(PAN)), "clear PIN block", "bytes");
    canaries.bytes(CVV2.as_bytes(), "CVV2", "text");
    canaries.bytes(NAME.as_bytes(), "name", "text");
    canaries.digits(PHONE.strip_prefix('+').unwrap(), "telephone number");
    canaries.key(TPK, "terminal key");
    canaries.key(CVK, "card verification key");
    canaries.key(PVK, "PIN verification key");
    canaries.bytes(PASSPHRASE.as_bytes(), "backup's passphrase", "text");
    canaries
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Everything below a folder, but the master key's own file.
fn search(canaries: &Canaries, folder: &Path) -> Vec<String> {
    let mut files = vec![];
    files_below(folder, &mut files);
    let mut found = vec![];
    for file in files.iter().filter(|file| !file.ends_with("master.key")) {
        // A file of a running engine may be gone by now.
        let Ok(mut bytes) = fs::read(file) else { continue };
        // Segments are zeroed ahead; the zeros need no search.
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        if let Some((at, what)) = canaries.find(&bytes) {
            found.push(format!("{} at byte {at}: {what}", file.display()));
        }
    }
    found
}

/// Sends frames that hold secrets where they do not belong, and half frames.
fn send_garbage(address: &str, pan: &str) {
    let packed = hex::decode(pan).unwrap();
    let track = format!("{pan}D2912201{TRACK_TAIL}").into_bytes();
    for body in [packed, pan.as_bytes().to_vec(), track, clear_block(pan)] {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        for frame in [
            vec![0, 0],
            [&[0, 200], body.as_slice()].concat(),
            [&length, body.as_slice()].concat(),
            body.clone(),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&frame).unwrap();
        }
    }
}

/// Sends what a terminal sends: right, with a wrong PIN, for too much, with a card value where it
/// belongs and elsewhere, cut off. Gives what was heard, and the PIN blocks that were sent.
fn send_messages(
    engine: &Engine,
    portfolio: &tamga_sim::Portfolio,
    first: u32,
) -> (Vec<u8>, Vec<Vec<u8>>) {
    use payment_types::{Amount, Currency, Moment, Mti, Timestamp, UtcOffset};
    use tamga_sim::card::Proofs;
    use tamga_sim::gear::Gear;
    use tamga_sim::intent::{Intent, Trace};
    let endpoint = engine.listener("pos").unwrap();
    let mut link = tamga_sim::Link::connect(&endpoint).unwrap();
    let terminal = portfolio.terminal("POS00001").unwrap();
    let card = portfolio.card("K1").unwrap();
    let wrong = card.pin.as_ref().map(tamga_sim::pin::TypedPin::wrong);
    let mti = Mti::parse("0200").unwrap();
    let (mut heard, mut blocks, mut gear) = (vec![], vec![], Gear::default());
    for (at, amount) in [(0, 100), (1, 100), (2, 99_999_999), (3, 100)] {
        let stan = first + at;
        let trace = Trace::fresh(stan, Moment::new(Timestamp(1_795_406_400_000), UtcOffset(360)));
        let mut intent = Intent::new(mti, terminal, &trace);
        intent.card = Some(card);
        intent.processing_code = Some("000000");
        intent.amount = Some(Amount::new(amount, Currency::KGS));
        intent.entry_mode = Some("021");
        intent.pin = if at == 1 { wrong.as_ref() } else { card.pin.as_ref() };
        let dialect = endpoint.dialect();
        let mut message = gear.dress(&intent, &Proofs::default(), 0).unwrap();
        let pan = luhn_right(PAN);
        let track = FieldValue::Text(format!("{pan}=2912201{TRACK_TAIL}"));
        message.fields.insert(35, track);
        if at == 3 {
            message.fields.insert(48, FieldValue::Text(CVV2.to_owned()));
        }
        if let Some(FieldValue::Binary(block)) = message.fields.get(&52) {
            blocks.push(block.clone());
        }
        let body = message.encode(dialect).unwrap();
        let answer =
            tamga_sim::exchange::exchange(&mut link, &body, mti, stan, Duration::from_secs(10));
        heard.extend(format!("{:?}", answer.unwrap().fields).into_bytes());
        let cut = &body[..body.len() - 3];
        link.send(cut).unwrap();
        let patience = std::time::Instant::now() + Duration::from_secs(5);
        if let Ok(Some(frame)) = link.receive(patience) {
            heard.extend_from_slice(&frame.body);
        }
    }
    for listener in ["pos", "atm", "network"] {
        send_garbage(engine.listener(listener).unwrap().target(), &luhn_right(PAN));
    }
    (heard, blocks)
}

/// What the API says to whoever may not see personal data, and what it does not say to others.
fn ask(engine: &Engine, heard: &mut Vec<u8>) {
    let bearer = format!("Bearer {}", engine.token());
    let get = |path: &str| {
        let url = format!("{}{path}", engine.http());
        let request = ureq::get(&url).header("Authorization", &bearer);
        let mut answer = request.config().http_status_as_error(false).build().call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    let post = |path: &str, body: &str| {
        let url = format!("{}{path}", engine.http());
        let request = ureq::post(&url).header("Authorization", &bearer);
        let request = request.config().http_status_as_error(false).build();
        request.send(body).unwrap().body_mut().read_to_string().unwrap()
    };
    let list = get("/api/v1/transactions");
    let items: serde_json::Value = serde_json::from_str(&list).unwrap();
    for item in items["items"].as_array().unwrap() {
        let path = format!("/api/v1/transactions/{}", item["id"].as_str().unwrap());
        heard.extend(get(&path).into_bytes());
    }
    heard.extend(list.into_bytes());
    let pan = luhn_right(PAN);
    // These do say it, as they should: what they leave behind is searched, not what they say.
    for path in ["/api/v1/customers/C1", "/api/v1/customers/C1/data-report?reason=canary"] {
        assert!(get(path).contains(NAME), "{path}");
    }
    assert!(post("/api/v1/cards/K1/reveal", r#"{"reason":"canary"}"#).contains(&pan));
    let _refused = get(&format!("/api/v1/cards/{pan}"));
    let note = format!(r#"{{"reason":"lost","requested_by":"x","identified_by":"{pan}"}}"#);
    heard.extend(post("/api/v1/cards/K2/blocks", &note).into_bytes());
    for path in ["/api/v1/cards/K1", "/api/v1/audit", "/api/v1/notifications", "/metrics"] {
        heard.extend(get(path).into_bytes());
    }
}

/// Has the log tell everything from the next start on.
fn log_all(folder: &Path, format: &str) {
    let path = folder.join("tamga.toml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.split("[log]").next().unwrap();
    let log = format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"\n");
    fs::write(&path, format!("{text}{log}")).unwrap();
}

fn abort(data: &Path) {
    let pid = fs::read_to_string(data.join("LOCK")).unwrap();
    let status = Command::new("kill").args(["-ABRT", pid.trim()]).status().unwrap();
    assert!(status.success());
    std::thread::sleep(Duration::from_millis(300));
}

/// Commands on the data that is left; what they print.
fn run_tools(home: &Path, source: &Path, heard: &mut Vec<u8>) {
    let (data, config) = (home.join("data"), home.join("tamga.toml"));
    let (data, config) = (data.to_str().unwrap(), config.to_str().unwrap());
    let mut keep = |run: tamga_tests::programs::Run| {
        heard.extend(run.out.into_bytes());
        heard.extend(run.err.into_bytes());
        run.code
    };
    for command in ["verify", "replay"] {
        assert_eq!(keep(tamga(&[command, "--data", data])), 0);
    }
    let (pass, backup) = (source.join("pass"), home.join("backup"));
    fs::write(&pass, PASSPHRASE).unwrap();
    let (pass, backup) = (pass.to_str().unwrap(), backup.to_str().unwrap());
    let sealed = ["--passphrase-file", pass, backup];
    assert_eq!(keep(tamga(&[&["backup", "--data", data], &sealed[..]].concat())), 0);
    let restored = home.join("restored");
    let to = ["restore", "--data", restored.to_str().unwrap()];
    assert_eq!(keep(tamga(&[&to[..], &sealed[..]].concat())), 0);
    // Refused lines, with secrets where they do not belong.
    let (wrong, pan) = (source.join("wrong.jsonl"), luhn_right(PAN));
    let lines = [
        format!(
            r#"{{"type":"card","id":"K9","account":"A1","holder":"{pan}","pan":"{pan}","expiry":"9999","test_pin":"{PIN}"}}"#
        ),
        format!(r#"{{"type":"customer","id":"C9","nmae":"{NAME}","phone":"{PHONE}"}}"#),
        format!(
            r#"{{"type":"terminal","id":"{pan}","category":"{TPK}","listener":"pos","keys":{{"tpk":"{TPK}0"}}}}"#
        ),
        format!(r#"{{"type":"card","pan":"{pan}" {PIN}"#),
    ];
    fs::write(&wrong, lines.join("\n")).unwrap();
    let import = ["import", "--config", config, wrong.to_str().unwrap()];
    assert_ne!(keep(tamga(&import)), 0);
}

#[test]
fn nothing_secret_is_left_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("portfolio.jsonl");
    fs::write(&path, portfolio()).unwrap();
    let launch = Launch {
        program: binary("tamga"),
        patience: Duration::from_secs(60),
        zone: "Asia/Bishkek".to_owned(),
    };
    let rules = "version = \"canary\"\n[[network]]\nname = \"Elcart\"\nbins = [\"9417\"]\n\
        registration = \"001\"\nvalid_from = 2006-01-01\n";
    let home = folder.path();
    let mut engine = Engine::start(&launch, home, rules, &path, CLOCK).unwrap();
    let simulated = tamga_sim::Portfolio::read(&path).unwrap();
    let mut canaries = canaries();
    let (mut heard, mut found) = (vec![], vec![]);
    for (turn, format) in ["", "text", "json"].into_iter().enumerate() {
        if turn > 0 {
            log_all(home, format);
            abort(&home.join("data"));
            engine.restart_killed(CLOCK).unwrap();
        }
        let first = 1 + 10 * u32::try_from(turn).unwrap();
        let (said, blocks) = send_messages(&engine, &simulated, first);
        heard.extend(said);
        for block in blocks {
            canaries.bytes(&block, "PIN block", "as sent");
        }
        ask(&engine, &mut heard);
        // While it runs: with the read model's write-ahead log.
        found.extend(search(&canaries, home));
    }
    let log = fs::read_to_string(home.join("engine.log")).unwrap();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it was a full log: {}", log.len());
    engine.restart_drained(CLOCK).unwrap();
    drop(engine);
    run_tools(home, source.path(), &mut heard);
    let master = fs::read_to_string(home.join("master.key")).unwrap();
    let master = master.split("key = ").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    canaries.key(&master, "master key");
    found.extend(search(&canaries, home));
    if let Some((at, what)) = canaries.find(&heard) {
        found.push(format!("what was said, at byte {at}: {what}"));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    let mut files = vec![];
    files_below(home, &mut files);
    for name in ["engine.log", "keys", "customer-keys", "history.sqlite", "backup"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{name} of {files:?}");
    }
    let named = |part: &str| files.iter().any(|file| file.to_string_lossy().contains(part));
    assert!(named("journal/") && named(".snap") && named("restored/") && !named("core"));
}

/// Each form of each canary, planted into a file among others.
#[test]
fn the_search_finds_what_is_there() {
    let canaries = canaries();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    let file = folder.path().join("deep/file");
    let mut kinds = BTreeMap::new();
    for (form, what) in &canaries.forms {
        let noise: Vec<u8> = (0..40u8).map(|at| at.wrapping_mul(37)).collect();
        fs::write(&file, [noise.as_slice(), form, &noise].concat()).unwrap();
        let found = search(&canaries, folder.path());
        assert_eq!(found.len(), 1, "{what}");
        assert!(found[0].contains("deep/file at byte 40"), "{what}: {}", found[0]);
        *kinds.entry(what.split(" (").next().unwrap()).or_insert(0) += 1;
    }
    assert!(kinds.len() >= 11 && kinds["card number"] > 30, "{kinds:?}");
    fs::write(&file, [0x5A; 4096]).unwrap();
    assert!(search(&canaries, folder.path()).is_empty());
    assert_eq!(base64(b"Man"), b"TWFu");
    // A number in the middle of a longer text, in base64 wherever it begins.
    for start in 0..3 {
        let text = format!("{}{} and more", "x".repeat(start), luhn_right(PAN));
        fs::write(&file, base64(text.as_bytes())).unwrap();
        assert_eq!(search(&canaries, folder.path()).len(), 1, "{start}");
    }
}
