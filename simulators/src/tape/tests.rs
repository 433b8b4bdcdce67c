//! Recording, reading and playing, against hosts in this process.

use super::*;
use crate::exchange::{decode, plain};
use crate::intent::{Fields, encode};
use crate::portfolio::Source;
use crate::{Endpoint, Link, Portfolio};
use iso8583::FieldValue;
use payment_types::{Mti, Pan};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const NUMBER: &str = "9417000000000009";
const PATIENCE: Duration = Duration::from_secs(5);

fn fields(values: &[(u8, &str)]) -> Fields {
    values.iter().map(|(de, text)| (*de, FieldValue::Text((*text).into()))).collect()
}

fn request(stan: u32) -> Fields {
    let mut request = fields(&[
        (2, NUMBER),
        (3, "000000"),
        (4, "000000012000"),
        (7, "1123040001"),
        (11, &format!("{stan:06}")),
        (12, "100001"),
        (13, "1123"),
        (14, "2912"),
        (22, "051"),
        (35, "9417000000000009=29122011234567890"),
        (37, "632710000017"),
        (41, "POS00001"),
        (43, "card 9417000000000009 here"),
        (49, "417"),
    ]);
    request.insert(52, FieldValue::Binary(vec![0xAB; 8]));
    request
}

/// A host that approves what ends in an even trace number, until `stop`.
fn host(code: &'static str) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::pos(&listener.local_addr().unwrap().to_string()).unwrap();
    let own = endpoint.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut link = Link::over(&own, stream.unwrap());
            while let Ok(Some(frame)) = link.receive(Instant::now() + PATIENCE) {
                let (mti, asked) = decode(own.dialect(), &frame.body).unwrap();
                let mut answer: Fields =
                    asked.into_iter().filter(|(de, _)| matches!(de, 3 | 4 | 7 | 11 | 41)).collect();
                answer.insert(39, FieldValue::Text(code.into()));
                let body = encode(own.dialect(), mti.response().unwrap(), &answer).unwrap();
                link.send(&body).unwrap();
            }
        }
    });
    endpoint
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pos.tape");
    (folder, path)
}

/// Sends two requests through a proxy to a host that answers 00; what is on the tape.
fn recorded(remap: Remap) -> (Tape, String) {
    let (_folder, path) = folder();
    let endpoint = host("00");
    let header = Header::new("u16be", true, "iso87-bcd", remap.replaces());
    let proxy = Proxy::new("127.0.0.1:0", endpoint, &path, (&header, remap)).unwrap();
    let through = Endpoint::pos(&proxy.address().unwrap().to_string()).unwrap();
    let (stop, tally) = (AtomicBool::new(false), proxy.tally());
    std::thread::scope(|scope| {
        let served = scope.spawn(|| proxy.serve(&stop));
        let mut link = Link::connect(&through).unwrap();
        for stan in [17, 18] {
            let mti = Mti::parse("0200").unwrap();
            let body = encode(through.dialect(), mti, &request(stan)).unwrap();
            let answer = crate::exchange::exchange(&mut link, &body, mti, stan, PATIENCE).unwrap();
            assert_eq!(answer.code(), "00", "the host's answer comes through as it is");
        }
        stop.store(true, Ordering::Release);
        served.join().unwrap().unwrap();
    });
    assert_eq!(tally.requests.load(Ordering::Relaxed), 2);
    assert_eq!(tally.answers.load(Ordering::Relaxed), 2);
    (Tape::read(&path).unwrap(), std::fs::read_to_string(&path).unwrap())
}

#[test]
fn a_tape_holds_what_went_by_and_no_card_numbers() {
    let (tape, text) = recorded(Remap::with_own_key().unwrap());
    let sides: Vec<_> = tape.lines.iter().map(|line| (line.connection, line.from)).collect();
    let round = [(1, Side::Terminal), (1, Side::Host)];
    assert_eq!(sides, [round, round].concat());
    for secret in [NUMBER, "abababab", &hex::encode(NUMBER)] {
        assert!(!text.contains(secret), "{secret}");
    }
    let endpoint = tape.header.endpoint("").unwrap();
    let read = |index: usize| decode(endpoint.dialect(), &tape.lines[index].message).unwrap().1;
    let (first, second) = (read(0), read(2));
    let number = plain(&first[&2]);
    assert!(Pan::from_ascii(number.as_bytes()).unwrap().has_valid_check_digit());
    assert!(number.starts_with("941700") && number.len() == 16 && number != NUMBER);
    assert_eq!(plain(&second[&2]), number, "the same card stays one");
    assert_eq!(plain(&first[&35]), format!("{number}=2912201"));
    assert_eq!(plain(&first[&43]), format!("card {number} here"));
    assert_eq!(plain(&first[&52]), "0000000000000000");
    assert_eq!(plain(&first[&4]), "000000012000", "everything else stays");
}

#[test]
fn numbers_of_every_length_are_replaced_by_good_ones() {
    let remap = Remap::with_own_key().unwrap();
    for length in 12..=19 {
        let number = remap.number(&"4".repeat(length));
        let pan = Pan::from_ascii(number.as_bytes()).unwrap();
        assert!(pan.has_valid_check_digit() && number.len() == length, "{length}");
    }
    assert_ne!(Remap::with_own_key().unwrap().number(NUMBER), remap.number(NUMBER));
    assert_eq!(Remap::nothing().number(NUMBER), NUMBER);
}

#[test]
fn chip_data_lose_the_card_and_keep_the_rest() {
    let remap = Remap::with_own_key().unwrap();
    let chip = |hex: &str| {
        let value = FieldValue::Binary(hex::decode(hex.replace(' ', "")).unwrap());
        let mut fields = Fields::from([(55, value)]);
        remap.message(&mut fields);
        plain(&fields[&55])
    };
    let data = "5A08 9417000000000009 9F2701 80 9F6B03 112233 9F3602 0007";
    assert_eq!(chip(data), "5A0800000000000000009F2701809F6B030000009F36020007");
    assert_eq!(chip("5A08 9417"), "00000000", "what does not parse is blotted out whole");
}

fn player(endpoint: Endpoint, portfolio: &Portfolio, speed: Speed) -> Player<'_> {
    Player {
        endpoint,
        portfolio,
        speed,
        keep_times: false,
        patience: Duration::from_secs(2),
        gear: std::sync::Mutex::default(),
    }
}

#[test]
fn a_tape_is_played_with_the_portfolios_cards_and_the_answers_compared() {
    let (mut tape, _) = recorded(Remap::with_own_key().unwrap());
    tape.header.recorded_at = "2026-01-01T00:00:00Z".to_owned();
    let portfolio = Portfolio::read(Source::Demo).unwrap();
    for speed in [Speed::Unhurried, Speed::Times(50.0)] {
        let same = player(host("00"), &portfolio, speed).play(&tape, &|_| {}).unwrap();
        assert!(same.is_same() && same.sent == 2, "{}", same.text());
    }
    let other = player(host("51"), &portfolio, Speed::Unhurried).play(&tape, &|_| {}).unwrap();
    assert_eq!(other.differences.len(), 2);
    let text = other.text();
    assert!(text.contains("2 messages sent, 0 answered as then"), "{text}");
    assert!(text.contains("00    51           2  declined now"), "{text}");
    let (_, sent) = &other.differences[0].request;
    let is_good =
        |card: &&crate::portfolio::Card| &*card.status == "active" && card.blocks.is_empty();
    let card = portfolio.cards.values().find(is_good).unwrap();
    assert_eq!(plain(&sent[&2]).as_bytes(), card.pan.expose_digits());
    assert_ne!(plain(&sent[&52]), "0000000000000000", "the PIN block is a real one again");
    assert_ne!(plain(&sent[&7]), "1123040001", "dates are today's");
    assert!(!text.contains(&plain(&sent[&2])), "no card number is shown");
}

#[test]
fn a_tape_that_is_none_is_refused_with_its_line() {
    let (_folder, path) = folder();
    let header = serde_json::to_string(&Header::new("u16be", true, "iso87-bcd", true)).unwrap();
    let line = r#"{"at_us":1,"connection":1,"from":"terminal","message":"0800"}"#;
    for (text, told) in [
        (String::new(), ":1: the file is empty"),
        ("{}\n".to_owned(), ":1: no tape: the first line says how it is to be read"),
        (format!("{header}\n{line}\nnonsense\n{line}\n"), ":3: no message of a tape (column 2)"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Tape::read(&path).unwrap_err().to_string();
        assert!(error.ends_with(told), "{error}");
    }
    let cut = line.get(..20).unwrap();
    std::fs::write(&path, format!("{header}\n{line}\n{cut}")).unwrap();
    assert_eq!(Tape::read(&path).unwrap().lines.len(), 1, "a last line cut off is left out");
}
