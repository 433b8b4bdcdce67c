//! Who watches `/events` does so as long as his session is good, and sees what he may (SIG-4, PII-2).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::desk::Watch;
use support::people::{AIDA, BAKYT, Bank, Browser, CHYNARA};

/// The browser's own stream; what came first is there, so it is open.
fn watch(bank: &Bank, browser: &Browser) -> Watch {
    let cookie = browser.cookie.clone().unwrap();
    let headers = [("Cookie", cookie.as_str()), ("User-Agent", browser.agent.as_str())];
    let mut watch = Watch::with(bank.http, &headers);
    watch.next_of("second", |_| true);
    watch
}

fn logged_in(bank: &Bank, person: &support::people::Person) -> Browser {
    let mut browser = Browser::new(bank);
    browser.log_in(person);
    browser
}

#[test]
fn a_stream_ends_with_its_session() {
    let bank = Bank::open();
    let mut first = logged_in(&bank, &AIDA);
    let (mut out, mut service) = (watch(&bank, &first), service(&bank));
    assert_eq!(first.send("DELETE", "/session", &Value::Null).status, 204);
    assert_eq!(out.ended(), "asked");

    bank.later(30);
    let mut second = logged_in(&bank, &AIDA);
    let mut replaced = watch(&bank, &second);
    bank.later(30);
    let mut third = logged_in(&bank, &AIDA);
    assert_eq!(replaced.ended(), "replaced", "one user has one session");

    let mut locked = watch(&bank, &third);
    assert_eq!(third.post("/session/lock", &json!({})).status, 204);
    assert_eq!(locked.ended(), "locked");
    assert_eq!(second.get("/session").status, 401);
    let unlock = json!({"password": AIDA.password});
    assert_eq!(third.post("/session/unlock", &unlock).status, 200);

    let mut idle = watch(&bank, &third);
    bank.later(14 * 60);
    idle.next_of("second", |_| true);
    bank.later(60);
    assert_eq!(idle.ended(), "locked", "a stream is no sign of life");
    assert_eq!(third.get("/accounts/A1").kind(), "session-locked");
    service.next_of("second", |_| true);
}

/// A service's token is good as long as the engine runs.
fn service(bank: &Bank) -> Watch {
    Watch::with(bank.http, &[("Authorization", "Bearer service-secret")])
}

#[test]
fn a_stream_ends_when_its_session_is_too_old_and_that_is_journaled() {
    let bank = Bank::with("[access]\nidle_minutes = 60\nsession_hours = 1\n");
    let browser = logged_in(&bank, &AIDA);
    let mut watch = watch(&bank, &browser);
    bank.later(3600);
    assert_eq!(watch.ended(), "expired");
    let audit = bank.audit();
    let told = audit.iter().filter(|row| row["action"] == "logout");
    let reasons: Vec<&Value> = told.map(|row| &row["details"]["reason"]).collect();
    assert_eq!(reasons, [&json!("expired")], "once");
}

#[test]
fn a_stolen_session_s_stream_ends_for_both() {
    let bank = Bank::open();
    let owner = logged_in(&bank, &AIDA);
    let mut watch = watch(&bank, &owner);
    let mut thief = Browser::new(&bank);
    thief.agent = "another browser".to_owned();
    thief.cookie.clone_from(&owner.cookie);
    assert_eq!(thief.get("/accounts/A1").kind(), "session-ended");
    assert_eq!(watch.ended(), "stolen");
}

#[test]
fn a_stream_ends_when_its_user_may_no_more_or_something_else() {
    let bank = Bank::open();
    let mut officer = logged_in(&bank, &CHYNARA);
    let (aida, mut bakyt) = (logged_in(&bank, &AIDA), logged_in(&bank, &BAKYT));
    let (mut out, mut other) = (watch(&bank, &aida), watch(&bank, &bakyt));
    assert_eq!(officer.post("/users/aida/active", &json!({"active": false})).status, 200);
    assert_eq!(out.ended(), "ended");
    let audit = bank.audit();
    let logout = audit.iter().find(|row| row["action"] == "logout").unwrap();
    assert_eq!((&logout["user"], &logout["details"]["reason"]), (&json!("aida"), &json!("ended")));

    let roles = json!({"roles": ["checker", "auditor"]});
    let reply = officer.post("/users/bakyt/roles", &roles);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(other.ended(), "roles");
    // His session is good: the next stream is one of what he may now.
    assert_eq!(bakyt.get("/alerts").status, 200);
    watch(&bank, &bakyt);
}

#[test]
fn unusual_access_is_streamed_to_those_who_may_see_alerts() {
    let bank = Bank::with("[access]\nnight_from = \"09:00\"\n");
    let (officer, mut aida) = (logged_in(&bank, &CHYNARA), logged_in(&bank, &AIDA));
    let (mut may, mut may_not) = (watch(&bank, &officer), watch(&bank, &aida));
    assert_eq!(aida.get("/cards/K1").status, 200);
    let alert = may.next_of("alert", |_| true).data;
    assert_eq!((&alert["kind"], &alert["user"]), (&json!("at_night"), &json!("aida")));
    // Two seconds later it would have been there.
    for _ in 0..2 {
        while let Some(event) = may_not.next() {
            assert_ne!(event.kind, "alert", "{event:?}");
            if event.kind == "second" {
                break;
            }
        }
    }
}
