//! I9: no clear card number, track, PIN or key on the disk, in logs or in what the API says.
//!
//! Canaries (a card number, a PIN block, a track, a terminal key) go through the engine: imported,
//! approved, declined, malformed, crashed on, replayed, verified. Then every byte it left is
//! searched for them as text, as half bytes, as hexadecimal and as base64.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{binary, tamga};

const CLOCK: &str = "2026-11-23T10:00:00+06:00";
const PAN: &str = "9417331122993307";
const PIN: &str = "7391";
const TPK: &str = "A1C4E6076BD0132F89B5ECD364527A10";

fn portfolio() -> String {
    [
        r#"{"type":"product","id":"elcart","currency":"KGS"}"#.to_owned(),
        r#"{"type":"customer","id":"C1","tier":"standard","name":"Test Customer"}"#.to_owned(),
        r#"{"type":"account","id":"A1","customer":"C1","product":"elcart","currency":"KGS","balance":"1000.00"}"#.to_owned(),
        format!(
            r#"{{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"{}","expiry":"2912","test_pin":"{PIN}"}}"#,
            luhn_right(PAN)
        ),
        r#"{"type":"merchant","id":"M1","name":"Market","mcc":"5411","country":"KG"}"#.to_owned(),
        format!(
            r#"{{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M1","listener":"pos","keys":{{"tpk":"{TPK}"}}}}"#
        ),
    ]
    .join("\n")
}

/// The number with its check digit put right.
fn luhn_right(pan: &str) -> String {
    let body = pan.get(..15).unwrap();
    (0..10)
        .map(|digit| format!("{body}{digit}"))
        .find(|pan| payment_types::Pan::from_ascii(pan.as_bytes()).unwrap().has_valid_check_digit())
        .unwrap()
}

/// The forms a secret of digits could be found in.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec(), hex::encode(secret).into_bytes()];
    forms.push(hex::encode_upper(secret).into_bytes());
    forms.push(secret.to_lowercase().into_bytes());
    if let Ok(packed) = hex::decode(secret) {
        forms.push(base64(&packed));
        forms.push(packed);
    }
    forms.push(base64(secret.as_bytes()));
    forms
}

/// Enough of base64 to look for: whole groups, so that what follows does not matter.
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

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// Sends frames that hold the card number where it does not belong, and half frames.
fn send_garbage(address: &str, pan: &str) {
    let packed = hex::decode(pan).unwrap();
    let track = format!("{pan}D29122010000012345678").into_bytes();
    for body in [packed, pan.as_bytes().to_vec(), track] {
        for frame in [vec![0, 0], [&[0, 200], body.as_slice()].concat(), body.clone()] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&frame).unwrap();
        }
    }
}

/// Sends what a terminal sends: right, with a wrong PIN, for too much, cut off.
fn send_messages(engine: &Engine, portfolio: &tamga_sim::Portfolio, pan: &str) -> Vec<u8> {
    use payment_types::{Amount, Currency, Moment, Mti, Timestamp, UtcOffset};
    use tamga_sim::card::Proofs;
    use tamga_sim::gear::Gear;
    use tamga_sim::intent::{Intent, Trace};
    let endpoint = engine.listener("pos").unwrap();
    let mut link = tamga_sim::Link::connect(&endpoint).unwrap();
    let (card, terminal) = (portfolio.card("K1").unwrap(), portfolio.terminal("POS00001").unwrap());
    let mti = Mti::parse("0200").unwrap();
    let (mut heard, mut gear) = (vec![], Gear::default());
    for (stan, amount) in [(1, 100), (2, 100), (3, 99_999_999)] {
        let trace = Trace::fresh(stan, Moment::new(Timestamp(1_795_406_400_000), UtcOffset(360)));
        let mut intent = Intent::new(mti, terminal, &trace);
        intent.card = Some(card);
        intent.processing_code = Some("000000");
        intent.amount = Some(Amount::new(amount, Currency::KGS));
        intent.entry_mode = Some("051");
        intent.track2 = stan != 2;
        intent.pin = card.pin.as_ref();
        let dialect = endpoint.dialect();
        let message = gear.dress(&intent, &Proofs::default(), 0).unwrap();
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
    send_garbage(endpoint.target(), pan);
    heard
}

#[test]
fn nothing_secret_is_left_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("portfolio.jsonl");
    fs::write(&path, portfolio()).unwrap();
    let pan = luhn_right(PAN);
    let launch = Launch {
        program: binary("tamga"),
        patience: Duration::from_secs(60),
        zone: "Asia/Bishkek".to_owned(),
    };
    let rules = "version = \"canary\"\n";
    let mut engine = Engine::start(&launch, folder.path(), rules, &path, CLOCK).unwrap();
    let simulated = tamga_sim::Portfolio::read(&path).unwrap();
    let mut heard = send_messages(&engine, &simulated, &pan);
    engine.restart_killed(CLOCK).unwrap();
    heard.extend(send_messages(&engine, &simulated, &pan));
    let get = |path: &str| {
        let url = format!("{}{path}", engine.http());
        let bearer = format!("Bearer {}", engine.token());
        let mut answer = ureq::get(&url).header("Authorization", &bearer).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    for path in ["/api/v1/transactions", "/api/v1/transactions/3", "/api/v1/cards/K1", "/metrics"] {
        heard.extend(get(path).into_bytes());
    }
    engine.restart_drained(CLOCK).unwrap();
    drop(engine);
    let data = folder.path().join("data");
    for command in ["verify", "replay"] {
        let run = tamga(&[command, "--data", data.to_str().unwrap()]).good();
        heard.extend(run.out.into_bytes());
    }
    let mut files = vec![];
    files_below(folder.path(), &mut files);
    assert!(files.iter().any(|file| file.ends_with("engine.log")), "{files:?}");
    assert!(files.len() > 6, "journal, snapshots, history, keys, log: {files:?}");
    let mut places: Vec<(String, Vec<u8>)> = vec![("answers".to_owned(), heard)];
    for file in &files {
        let mut bytes = fs::read(file).unwrap();
        // Segments are zeroed ahead; the zeros need no search.
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        places.push((file.display().to_string(), bytes));
    }
    for (name, bytes) in &places {
        for (secret, what) in [(pan.as_str(), "card number"), (TPK, "terminal key")] {
            for form in forms(secret) {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "{what} found in {name}");
            }
        }
        let track = format!("{pan}D2912").into_bytes();
        assert!(!bytes.windows(track.len()).any(|window| window == track), "track in {name}");
    }
    let logs = places.iter().find(|(name, _)| name.ends_with("engine.log")).unwrap();
    assert!(!logs.1.is_empty(), "the log was looked at");
}

#[test]
fn the_search_finds_what_is_there() {
    for form in forms("9417331122993307") {
        let hay = [b"before".as_slice(), &form, b"after"].concat();
        assert!(hay.windows(form.len()).any(|window| window == form));
    }
    assert_eq!(base64(b"Man"), b"TWFu");
}
