//! What consoles see move, over HTTP from a whole engine.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::client::{Pos, purchase};
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
