//! What an order would do: previews, shadows, one transaction under it, and guards, over HTTP
//! against a whole engine.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::client::{Pos, purchase};
use support::desk::Desk;

const MAKER: &str = "maker-secret";
const CHECKER: &str = "checker-secret";

/// Purchases over 500.00 in all would be refused.
fn order(guard: Value) -> Value {
    json!({
        "kind": "limits", "title": "Purchases a day", "reason": "a test",
        "changes": [{ "path": "limit[pos-day]", "to": {
            "scope": "card", "counts": "purchase", "window": "day", "ceiling": "500.00" } }],
        "guard": guard,
    })
}

fn drafted(desk: &Desk, guard: Value) -> u64 {
    let (status, order) = desk.ask_as(MAKER, "POST", "/orders", &order(guard));
    assert_eq!(status, 200, "{order}");
    order["id"].as_u64().unwrap()
}

/// Asks until it is so; the figures of what runs beside the engine come when they come.
fn until(desk: &Desk, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = desk.get(path);
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < patience, "{path} stays {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pay(desk: &Desk, stans: std::ops::RangeInclusive<u64>, minor: u64) -> Vec<String> {
    let mut pos = Pos::connect(desk.pos);
    stans.map(|stan| pos.ask(&purchase(stan, minor)).code).collect()
}

#[test]
fn an_order_is_previewed_before_anybody_signs_it() {
    let desk = Desk::open();
    assert_eq!(pay(&desk, 1..=4, 20_000), ["00"; 4]);
    let id = drafted(&desk, Value::Null);
    let path = format!("/orders/{id}/preview");
    let none = desk.get(&path);
    assert_eq!((&none["status"], &none["preview"]), (&json!("none"), &Value::Null));
    let (status, begun) = desk.ask_as(CHECKER, "POST", &path, &json!({ "days": 7 }));
    assert_eq!(status, 202, "{begun}");
    let done = until(&desk, &path, |answer| answer["status"] != json!("running"));
    assert_eq!((&done["status"], &done["void"]), (&json!("done"), &json!(false)), "{done}");
    let effect = &done["preview"]["effect"];
    assert_eq!(effect["decisions"], json!(4));
    assert_eq!(effect["would_decline"], json!({ "count": 2, "amounts": { "KGS": "400.00" } }));
    assert_eq!((&effect["customers"], &effect["cards"]), (&json!(1), &json!(1)));
    assert_eq!(effect["by"][0]["rule"], "LIM-1 pos-day");
    assert_eq!(effect["top_terminals"][0]["id"], "POS00001");
    let first = &effect["transactions"][0];
    let limit = |side: &Value| {
        let trace = side["trace"].as_array().unwrap();
        trace.iter().find(|line| line["limit"] == "pos-day").cloned()
    };
    assert_eq!(limit(&first["was"]), None, "there was no such limit");
    let line = limit(&first["would_be"]).unwrap();
    assert_eq!((&line["used"], &line["ceiling"]), (&json!("400.00"), &json!("500.00")));
    assert_eq!((&line["verdict"], &line["limit"]), (&json!("decline"), &json!("pos-day")));
    // The same transaction by itself: there the limit has counted nothing before it.
    let transaction = first["id"].as_str().unwrap();
    let under = desk.get(&format!("/transactions/{transaction}/under?order={id}"));
    assert_eq!((&under["same"], &under["would_be"]["code"]), (&json!(true), &json!("00")));
    let mut revised = order(Value::Null);
    revised["revision"] = json!(1);
    revised["title"] = json!("Purchases of a day");
    let (status, answer) = desk.ask_as(MAKER, "PUT", &format!("/orders/{id}"), &revised);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(desk.get(&path)["void"], json!(true), "it was of another revision");
}

#[test]
fn a_preview_that_cannot_be_is_refused_with_the_reason() {
    let desk = Desk::open();
    let id = drafted(&desk, Value::Null);
    let ask = |method: &str, path: &str, body: &Value| desk.ask_as(MAKER, method, path, body);
    let (status, problem) = ask("POST", &format!("/orders/{id}/preview"), &json!({}));
    assert_eq!(status, 409, "nothing happened yet: {problem}");
    let (status, problem) = ask("POST", &format!("/orders/{id}/preview"), &json!({ "days": 91 }));
    assert_eq!((status, &problem["field"]), (422, &json!("days")));
    assert_eq!(ask("POST", "/orders/99/preview", &json!({})).0, 404);
    assert_eq!(ask("DELETE", &format!("/orders/{id}/preview"), &Value::Null).0, 409);
    assert_eq!(ask("GET", &format!("/orders/{id}/shadow"), &Value::Null).0, 404);
    assert_eq!(pay(&desk, 1..=1, 20_000), ["00"]);
    let (status, problem) = ask("GET", "/transactions/1/under", &Value::Null);
    assert_eq!((status, &problem["field"]), (422, &json!("order")));
}

#[test]
fn a_shadow_decides_beside_the_live_rules_and_changes_nothing() {
    let desk = Desk::open();
    let id = drafted(&desk, Value::Null);
    let path = format!("/orders/{id}/shadow");
    let mut watch = desk.watch(None);
    let (status, begun) = desk.ask_as(MAKER, "PUT", &path, &Value::Null);
    assert_eq!((status, &begun["running"]), (200, &json!(true)), "{begun}");
    assert_eq!(desk.ask_as(MAKER, "PUT", &path, &Value::Null).0, 409, "it runs");
    assert_eq!(pay(&desk, 1..=4, 20_000), ["00"; 4], "the live rules decide");
    let seen = until(&desk, &path, |seen| seen["effect"]["decisions"] == json!(4));
    assert_eq!(
        (&seen["effect"]["would_decline"]["count"], &seen["void"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(seen["effect"]["transactions"].as_array().unwrap().len(), 2);
    let told = watch.next_of("shadow", |told| told["would_decline"] == json!(2)).data;
    assert_eq!((&told["order"], &told["decisions"]), (&json!(id), &json!(4)));
    let (status, last) = desk.ask_as(CHECKER, "DELETE", &path, &Value::Null);
    assert_eq!((status, &last["running"]), (200, &json!(false)));
    assert_eq!(desk.ask("GET", &path, &Value::Null).0, 404);
}

#[test]
fn a_guard_rolls_its_order_back_and_says_so() {
    let desk = Desk::open();
    let id = drafted(&desk, json!({ "minutes": 10, "code": "61", "code_percent": 30 }));
    let signature = json!({ "revision": 1, "statement_confirmed": true });
    for (who, step) in [(MAKER, "sign"), (CHECKER, "approve")] {
        let path = format!("/orders/{id}/{step}");
        let (status, answer) = desk.ask_as(who, "POST", &path, &signature);
        assert_eq!(status, 200, "{answer}");
    }
    let mut watch = desk.watch(None);
    let codes = pay(&desk, 1..=24, 20_000);
    assert_eq!((&*codes[0], &*codes[1], &*codes[2], &*codes[23]), ("00", "00", "61", "61"));
    let alert = watch.next_of("alert", |alert| alert["kind"] == json!("guard")).data;
    assert_eq!((&alert["order"], &alert["rolled_back"]), (&json!(id), &json!(true)));
    let text = alert["text"].as_str().unwrap();
    assert!(text.contains("requests got 61, more than 30 %"), "{text}");
    let order = desk.get(&format!("/orders/{id}"));
    assert_eq!((&order["status"], &order["ended"]["by"]), (&json!("rolled_back"), &json!("guard")));
    assert_eq!(pay(&desk, 25..=25, 20_000), ["00"], "the former rules decide again");
}

/// A later order changed a part of it: the guard can't undo it, which stays known until somebody
/// looked, also after a restart of the engine's guards.
#[test]
fn a_guard_that_can_do_nothing_stays_in_alerts_order_and_audit() {
    let desk = Desk::open();
    let mut both = order(json!({ "minutes": 10, "code": "61", "code_percent": 30 }));
    let other = json!({ "path": "limit[pos-week]", "to": {
        "scope": "card", "counts": "purchase", "window": "week", "ceiling": "9000.00" } });
    both["changes"].as_array_mut().unwrap().push(other);
    let (status, told) = desk.ask_as(MAKER, "POST", "/orders", &both);
    assert_eq!(status, 200, "{told}");
    let later = json!({
        "kind": "limits", "title": "A week", "reason": "a test",
        "changes": [{ "path": "limit[pos-week].ceiling", "to": "8000.00" }],
    });
    let signature = json!({ "revision": 1, "statement_confirmed": true });
    for id in [1, 2] {
        if id == 2 {
            let (status, told) = desk.ask_as(MAKER, "POST", "/orders", &later);
            assert_eq!(status, 200, "{told}");
        }
        for (who, step) in [(MAKER, "sign"), (CHECKER, "approve")] {
            let path = format!("/orders/{id}/{step}");
            let (status, answer) = desk.ask_as(who, "POST", &path, &signature);
            assert_eq!(status, 200, "{answer}");
        }
    }
    pay(&desk, 1..=24, 20_000);
    let stands = until(&desk, "/orders/1", |order| !order["guard_stands"].is_null());
    assert_eq!(stands["status"], "active");
    let reason = stands["guard_stands"]["reason"].as_str().unwrap();
    assert!(reason.contains("more than 30 %; it could not be rolled back: order 2"), "{reason}");
    let alerts = desk.get("/alerts?kind=guard_stands");
    let alerts = alerts["alerts"].as_array().unwrap();
    assert_eq!((alerts.len(), &alerts[0]["order"]), (1, &json!(1)));
    assert_eq!(alerts[0]["detail"], json!(reason));
    let audit = desk.get("/audit?limit=500");
    let rows = audit["items"].as_array().unwrap();
    let of = |action: &str| rows.iter().filter(|row| row["action"] == action).collect::<Vec<_>>();
    let noted = of("order_guard_stands");
    assert_eq!((noted.len(), &noted[0]["details"]["order"]), (1, &json!(1)));
    assert_eq!(of("order_guard").len(), 1, "it was tried once, and refused");
    assert!(!of("order_guard")[0]["refused"].is_null());
}
