//! What consoles see move, over HTTP from a whole engine.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::client::{Pos, message, purchase};
use support::desk::Desk;

#[test]
fn seconds_and_decisions_are_told_as_they_come() {
    let desk = Desk::open();
    let mut watch = desk.watch(None);
    let first = watch.next_of("second", |_| true);
    assert_eq!(first.id.unwrap(), first.data["tick"].as_u64().unwrap());
    let mut pos = Pos::connect(desk.pos);
    for stan in 1..=3 {
        assert_eq!(pos.ask(&purchase(stan, 10_000)).code, "00");
    }
    assert_eq!(pos.ask(&purchase(5, 9_000_000)).code, "51");
    let shown = watch.next_of("decision", |_| true).data;
    assert_eq!(
        (&shown["terminal"], &shown["amount"], &shown["currency"], &shown["card"]),
        (&json!("POS00001"), &json!("100.00"), &json!("KGS"), &json!("941700******0016"))
    );
    assert_eq!((&shown["code"], &shown["approved"]), (&json!("00"), &json!(true)));
    assert!(shown["took_us"].as_u64().unwrap() > 0);
    let transaction = desk.get(&format!("/transactions/{}", shown["id"].as_str().unwrap()));
    assert_eq!(transaction["terminal"], "POS00001");
    let second = watch.next_of("second", |second| second["declined"] == json!(1)).data;
    assert_eq!(second["codes"]["51"], json!(1));
    assert_eq!(second["terminals_online"], json!(1));
    let listener = &second["listeners"][0];
    assert_eq!((&listener["name"], &listener["connections"]), (&json!("pos"), &json!(1)));
    assert!(second["p99_us"].as_u64() >= second["p50_us"].as_u64());
    let live = desk.get("/live?minutes=5");
    let answered: u64 =
        live["seconds"].as_array().unwrap().iter().map(|s| s["per_second"].as_u64().unwrap()).sum();
    assert_eq!((answered, &live["consoles"]), (4, &json!(1)));
}

#[test]
fn who_comes_back_gets_the_seconds_in_between() {
    let desk = Desk::open();
    let mut watch = desk.watch(None);
    let first = watch.next_of("second", |_| true).id.unwrap();
    let second = watch.next_of("second", |_| true).id.unwrap();
    drop(watch);
    let mut again = desk.watch(Some(first));
    assert_eq!(again.next_of("second", |_| true).id.unwrap(), second);
}

#[test]
fn a_draining_engine_lets_its_consoles_go() {
    let mut desk = Desk::open();
    let mut watch = desk.watch(None);
    watch.next_of("second", |_| true);
    let engine = desk.engine.take().unwrap();
    desk.runtime.block_on(engine.drain()).unwrap();
    while watch.next().is_some() {}
}

#[test]
fn only_who_is_known_may_watch() {
    let desk = Desk::open();
    for path in ["/events", "/live"] {
        assert_eq!(desk.ask_as("nobody-secret", "GET", path, &Value::Null).0, 401, "{path}");
    }
    let (status, problem) = desk.ask("GET", "/live?minutes=61", &Value::Null);
    assert_eq!((status, &problem["field"]), (422, &json!("minutes")));
}

#[test]
fn devices_show_what_is_heard_of_them() {
    let desk = Desk::open();
    let quiet = desk.get("/terminals/POS00001");
    assert_eq!((&quiet["online"], &quiet["today"]), (&json!(false), &Value::Null));
    let mut pos = Pos::connect(desk.pos);
    for stan in [1, 2, 5] {
        assert_eq!(pos.ask(&purchase(stan, 10_000)).code, "00");
    }
    assert_eq!(pos.ask(&message("0201", 5, 10_000)).code, "00");
    let device = desk.get("/terminals/POS00001");
    assert_eq!((&device["online"], &device["listener"]), (&json!(true), &json!("pos")));
    assert_eq!(device["last_seen"], "2026-11-23T10:00:00.000+06:00");
    // 10:00:00 is what the message says in DE 12 and 13, and what the clock shows.
    assert_eq!(
        (&device["clock_skew_seconds"], &device["last_stan"]),
        (&json!(0), &json!("000005"))
    );
    let today = &device["today"];
    assert_eq!((&today["requests"], &today["repeats"]), (&json!(4), &json!(1)));
    assert_eq!((&today["stans_missing"], &today["repeat_share"]), (&json!(2), &json!(0.25)));
    assert_eq!(
        (&device["batch"]["debits"], &device["batch"]["net"]),
        (&json!("300.00"), &json!("-300.00"))
    );
    let list = desk.get("/terminals?category=merchant&search=pos");
    assert_eq!(list["items"], json!([device]));
    assert_eq!(desk.get("/terminals?category=atm"), json!({"items": [], "next": null}));
    let (status, problem) = desk.ask("GET", "/terminals?category=kiosk", &Value::Null);
    assert_eq!((status, &problem["field"]), (422, &json!("category")));
    assert_eq!(desk.ask("GET", "/terminals/NONE", &Value::Null).0, 404);
}

#[test]
fn a_card_is_found_by_its_number_and_the_look_is_journaled() {
    let desk = Desk::open();
    let find = |body: Value| desk.ask("POST", "/cards/find", &body);
    let (status, found) = find(json!({"pan": support::PAN, "reason": "the holder calls"}));
    let card = json!({"id": "K1", "pan": "941700******0016", "status": "active", "expiry": "2912",
        "account": "A1", "holder": "C1"});
    assert_eq!((status, &found), (200, &json!({"items": [card], "more": false})));
    let looks = desk.get("/audit?card=K1");
    assert_eq!(looks["items"].as_array().unwrap().len(), 1, "{looks}");
    assert!(looks.to_string().contains("the holder calls"), "{looks}");
    assert!(!looks.to_string().contains(support::PAN));
    for by in [
        json!({"last_four": "0016"}),
        json!({"id": "K1"}),
        json!({"customer": "C1"}),
        json!({"account": "A1"}),
    ] {
        assert_eq!(find(by.clone()).1["items"], json!([card]), "{by}");
    }
    for none in
        [json!({"pan": "9417000000000024"}), json!({"last_four": "9999"}), json!({"id": "K9"})]
    {
        assert_eq!(find(none.clone()), (200, json!({"items": [], "more": false})), "{none}");
    }
    for (bad, field) in [
        (json!({}), "pan"),
        (json!({"pan": "9417"}), "pan"),
        (json!({"pan": 9_417_000_000_000_016_u64}), "pan"),
        (json!({"last_four": "00"}), "last_four"),
        (json!({"id": "K1", "account": "A1"}), "account"),
    ] {
        let (status, problem) = find(bad.clone());
        assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{bad}");
    }
}

#[test]
fn a_story_tells_why_in_three_languages() {
    let desk = Desk::open();
    assert_eq!(desk.send(&purchase(1, 10_000)), "00");
    assert_eq!(desk.send(&purchase(2, 9_000_000)), "51");
    let list = desk.get("/transactions");
    let declined = list["items"][0]["id"].as_str().unwrap();
    let story =
        |language: &str| desk.get(&format!("/transactions/{declined}/story?language={language}"));
    let english = story("en");
    assert_eq!(
        english["summary"],
        "Purchase of 90000.00 KGS at terminal POS00001 with card 941700******0016: not enough \
         funds (51)."
    );
    let step = |story: &Value| {
        let steps = story["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["decisive"] == json!(true)).unwrap()
    };
    let funds = step(&english);
    assert_eq!((&funds["rule"], &funds["verdict"]), (&json!("BAL-1"), &json!("decline")));
    assert_eq!(
        funds["text"],
        "Amount and fees against what is available: 90000.00 needed, 24900.00 available. Declines."
    );
    assert!(english["stages"]["committed_us"].as_u64().unwrap() > 0, "{english}");
    assert!(step(&story("ru"))["text"].as_str().unwrap().ends_with("Отказывает."));
    assert!(step(&story("ky"))["text"].as_str().unwrap().ends_with("Баш тартат."));
    let (status, problem) =
        desk.ask("GET", &format!("/transactions/{declined}/story?language=de"), &Value::Null);
    assert_eq!((status, &problem["field"]), (422, &json!("language")));
    assert_eq!(desk.ask("GET", "/transactions/999/story", &Value::Null).0, 404);
}

#[test]
fn a_card_is_shown_as_it_was() {
    let desk = Desk::open();
    let block = json!({"reason": "holder_request", "requested_by": "cardholder",
        "identified_by": "passport", "note": ""});
    let clock = |to: &str| {
        let (status, body) = desk.ask("POST", "/test-clock", &json!({ "to": to }));
        assert_eq!(status, 200, "{body}");
    };
    assert_eq!(desk.send(&purchase(1, 10_000)), "00");
    clock("2026-11-23T11:00:00+06:00");
    assert_eq!(desk.ask("POST", "/cards/K1/blocks", &block).0, 200);
    clock("2026-11-23T12:00:00+06:00");
    let lifting = json!({"requested_by": "cardholder", "identified_by": "passport", "note": ""});
    let (status, lifted) = desk.ask("DELETE", "/cards/K1/blocks/holder_request", &lifting);
    assert_eq!(status, 200, "{lifted}");
    let blocks = |at: &str| desk.get(&format!("/cards/K1?at={at}%2B06:00"))["blocks"].clone();
    assert_eq!(blocks("2026-11-23T10:59:59"), json!([]));
    assert_eq!(blocks("2026-11-23T11:00:00"), json!(["holder_request"]));
    assert_eq!(blocks("2026-11-23T11:59:59"), json!(["holder_request"]));
    assert_eq!(blocks("2026-11-23T12:00:00"), json!([]));
    assert_eq!(desk.ask("GET", "/cards/K1?at=2026-11-22", &Value::Null).0, 404, "before the bank");
    let (status, problem) = desk.ask("GET", "/cards/K1?at=2026-11-24", &Value::Null);
    assert_eq!((status, &problem["field"]), (422, &json!("at")));
}
