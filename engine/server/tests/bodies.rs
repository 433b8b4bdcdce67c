//! What the API is sent, and what it says back: no body is taken of which two readers could read two
//! things, and no error shows a card number again (PII-1).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::desk::{Desk, token};

fn desk() -> Desk {
    Desk::open_with(|_| {}, &token("custodian", "\"key_custodian\""))
}

#[test]
fn a_body_with_a_name_twice_is_refused_whole() {
    let desk = desk();
    let twice = |who: &str, path: &str, body: &str, field: &str| {
        let (status, told) = desk.ask_raw(who, "POST", path, body.to_owned());
        assert_eq!((status, &told["field"]), (422, &json!(field)), "{path}: {told}");
        assert_eq!(told["detail"], "is given twice", "{path}");
    };
    let before = desk.get("/accounts/A1");
    let credit = r#"{"amount":"1.00","reference":"R1","amount":"900.00"}"#;
    twice("everyone-secret", "/accounts/A1/credits", credit, "amount");
    let disguised = credit.replacen("amount", "am\\u006funt", 1);
    twice("everyone-secret", "/accounts/A1/credits", &disguised, "amount");
    assert_eq!(desk.get("/accounts/A1"), before);
    let order = r#"{"kind":"rules","title":"T","reason":"R",
        "changes":[{"path":"limit.a.ceiling","to":"1.00","to":"2.00"}]}"#;
    twice("maker-secret", "/orders", order, "changes.0.to");
    let key = r#"{"action":"retire","name":"K","version":1,"version":2}"#;
    twice("custodian-secret", "/keys", key, "version");
    let login = r#"{"user":"a","password":"b","password":"c"}"#;
    twice("everyone-secret", "/session", login, "password");
}

#[test]
fn pii_1_an_error_does_not_show_what_it_refuses() {
    let desk = desk();
    let (everyone, custodian) = ("everyone-secret", "custodian-secret");
    for (who, path, body) in [
        (everyone, "/accounts/A1/credits", json!({"9417000000000016": "1.00"})),
        (everyone, "/accounts/A1/credits", json!({"amount": "9417000000000016", "reference": "R"})),
        (everyone, "/cards/find", json!({"pan": "9417000000000016", "9417000000000016": 1})),
        (everyone, "/cards/9417000000000016/no/such", json!({})),
        (custodian, "/keys", json!({"action": "retire", "name": "K", "9417 0000 0000 0016": 1})),
        (
            custodian,
            "/keys",
            json!({"action": "retire", "name": "K", "version": "9417000000000016"}),
        ),
    ] {
        let (status, told) = desk.ask_as(who, "POST", path, &body);
        assert!((400..500).contains(&status), "{path}: {status}");
        let told = told.to_string();
        let digits: String = told.chars().filter(char::is_ascii_digit).collect();
        assert!(!digits.contains("9417000000"), "{path}: {told}");
    }
    // Of no network of ours: not refused as a card number, and not shown either.
    let other = concat!("/accounts/400000", "0000000002");
    let (status, told) = desk.ask("GET", other, &Value::Null);
    assert_eq!(status, 404);
    assert_eq!(told["detail"], "there is no account \"400000******0002\"");
}

/// The first line of the answer to what stands on the wire; the connection stays open.
fn first_line(desk: &Desk, request: &str) -> String {
    let mut stream = TcpStream::connect(desk.http).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer before the body");
    line.trim_end().to_owned()
}

#[test]
fn nobody_waits_for_a_body_that_is_told_to_be_too_long() {
    let desk = desk();
    for path in ["/accounts/A1/credits", "/session", "/stop-list", "/presentments?file=a"] {
        for length in ["4194305", "99999999999"] {
            let request = format!(
                "POST /api/v1{path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer \
                 everyone-secret\r\nContent-Length: {length}\r\n\r\n"
            );
            assert_eq!(first_line(&desk, &request), "HTTP/1.1 413 Payload Too Large", "{path}");
        }
    }
}

#[test]
fn two_idempotency_keys_are_none() {
    let desk = desk();
    let body = r#"{"amount":"1.00","reference":"R1"}"#;
    let before = desk.get("/accounts/A1");
    let request = format!(
        "POST /api/v1/accounts/A1/credits HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer \
         everyone-secret\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(first_line(&desk, &request), "HTTP/1.1 400 Bad Request");
    assert_eq!(desk.get("/accounts/A1"), before);
}
