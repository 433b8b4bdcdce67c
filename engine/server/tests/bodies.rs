//! What the API is sent, and what it says back: no body is taken of which two readers could read two
//! things, and no error shows a card number again (PII-1).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
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
