//! Change orders over HTTP against a whole engine: written, signed, approved, in force, undone.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use support::client::purchase;
use support::desk::{Desk, token};
use support::{engine, failing_after, open};

const MAKER: &str = "aida";
const CHECKER: &str = "bakyt";
const AUDITOR: &str = "chynara";

fn desk() -> Desk {
    let tokens = [
        token(MAKER, "\"operator\""),
        token(CHECKER, "\"checker\""),
        token(AUDITOR, "\"auditor\""),
        token("other", "\"operator\", \"checker\""),
    ];
    Desk::open_with(|_| {}, &tokens.concat())
}

fn limit(ceiling: &str) -> Value {
    json!({ "scope": "card", "counts": "purchase", "window": "day", "ceiling": ceiling })
}

fn order(changes: Value) -> Value {
    json!({
        "kind": "limits", "title": "Purchases a day", "reason": "fraud in the neighbourhood",
        "changes": changes,
    })
}

fn signature(revision: u64) -> Value {
    json!({ "revision": revision, "statement_confirmed": true })
}

struct Orders<'d>(&'d Desk);

impl Orders<'_> {
    fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.0.ask_as(&format!("{who}-secret"), method, path, body)
    }

    fn good(&self, who: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(who, "POST", path, body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn refused(&self, who: &str, path: &str, body: &Value, status: u16, rule: &str) -> Value {
        let (was, answer) = self.ask(who, "POST", path, body);
        assert_eq!((was, &answer["rule"]), (status, &json!(rule)), "{path}: {answer}");
        answer
    }
}

#[test]
fn sig_1_an_order_is_written_signed_approved_bites_and_is_undone() {
    let desk = desk();
    let orders = Orders(&desk);
    assert_eq!(desk.send(&purchase(1, 60_000)), "00");
    let body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
    let written = orders.good(MAKER, "/orders", &body);
    assert_eq!(written["status"], "draft");
    assert_eq!(written["changes"][0]["from"], Value::Null);
    assert_eq!(written["changes"][0]["clause"], "LIM-1");
    assert_eq!((&written["risk"], &written["needs"]), (&json!("low"), &json!("simple")));
    let digest = sha256(written["content"].as_str().unwrap());
    assert_eq!(written["digest"], json!(digest), "anybody can work it out");
    orders.refused(CHECKER, "/orders/1/sign", &signature(1), 403, "BLK-3");
    orders.refused(MAKER, "/orders/1/sign", &json!({ "revision": 1 }), 422, "SIG-2");
    orders.refused(CHECKER, "/orders/1/approve", &signature(1), 409, "SIG-1");
    assert_eq!(orders.good(MAKER, "/orders/1/sign", &signature(1))["status"], "signed");
    orders.refused(MAKER, "/orders/1/approve", &signature(1), 403, "BLK-3");
    orders.refused(AUDITOR, "/orders", &body, 403, "BLK-3");
    let approved = orders.good(CHECKER, "/orders/1/approve", &signature(1));
    assert_eq!((&approved["status"], &approved["version"]), (&json!("active"), &json!("order-1")));
    assert_eq!(approved["signatures"][1]["role"], "checker");
    assert!(approved["activated_sequence"].as_u64().is_some());
    assert_eq!(desk.send(&purchase(2, 60_000)), "61");
    assert_eq!(desk.get("/rules")["version"], "order-1");
    let undo = json!({ "statement_confirmed": true, "reason": "customers complain" });
    assert_eq!(orders.good(CHECKER, "/orders/1/rollback", &undo)["status"], "rolled_back");
    assert_eq!(desk.send(&purchase(3, 60_000)), "00");
    let steps = orders.ask(AUDITOR, "GET", "/orders/1/history", &Value::Null).1;
    let acts: Vec<&str> =
        steps["items"].as_array().unwrap().iter().map(|s| s["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["drafted", "signed", "approved", "activated", "rolled_back"]);
    let audit = desk.get("/audit");
    assert!(audit.to_string().contains("order_roll_back"), "{audit}");
}

fn sha256(text: &str) -> String {
    authorization::hex(&authorization::sha256(text.as_bytes()))
}

#[test]
fn everything_that_is_wrong_is_told_by_path_layer_and_clause() {
    let desk = desk();
    let orders = Orders(&desk);
    let wrong = json!({
        "kind": "agent_caps", "title": "t", "reason": "r",
        "changes": [{ "path": "agent_cash.cap_indicators", "to": 151 }],
    });
    let told = orders.refused(MAKER, "/orders", &wrong, 422, "SIG-1");
    let problem = &told["problems"][0];
    assert_eq!(problem["path"], "agent_cash.cap_indicators");
    assert_eq!(
        (&problem["layer"], &problem["clause"]),
        (&json!("regulation"), &json!("AGT-7, 004 §15-1"))
    );
    let two = json!([
        { "path": "limit[a]", "to": limit("x") }, { "path": "limit[b]", "to": { "scope": "card" } },
    ]);
    let told = orders.refused(MAKER, "/orders", &order(two), 422, "SIG-1");
    let paths: Vec<&Value> =
        told["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert!(paths.contains(&&json!("limit[a].ceiling")), "{told}");
    assert!(paths.contains(&&json!("limit[b].window")), "{told}");
    for (field, body) in [
        ("kind", json!({ "kind": "x", "title": "t", "reason": "r", "changes": [] })),
        ("title", json!({ "kind": "limits", "reason": "r", "changes": [] })),
        ("changes", order(json!([{ "path": "limit[a]" }]))),
        ("changes", order(json!([{ "path": "limit[a]", "to": 1.5 }]))),
        (
            "reason",
            json!({ "kind": "limits", "title": "t", "reason": "card 9417000000000016",
            "changes": [{ "path": "limit[a]", "to": null }] }),
        ),
        ("changes", order(json!([{ "path": "limit[a]", "to": { "x": "9417000000000016" } }]))),
    ] {
        let (status, told) = orders.ask(MAKER, "POST", "/orders", &body);
        assert_eq!((status, &told["field"]), (422, &json!(field)), "{body}: {told}");
    }
}

#[test]
fn two_people_at_the_same_order_hear_of_each_other() {
    let desk = desk();
    let orders = Orders(&desk);
    let body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
    orders.good(MAKER, "/orders", &body);
    let mut revision = order(json!([{ "path": "limit[pos-day]", "to": limit("600.00") }]));
    revision["revision"] = json!(1);
    let (status, revised) = orders.ask("other", "PUT", "/orders/1", &revision);
    assert_eq!((status, &revised["revision"]), (200, &json!(2)), "{revised}");
    let (status, told) = orders.ask(MAKER, "PUT", "/orders/1", &revision);
    assert_eq!(status, 409);
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.starts_with("other changed order 1") && detail.contains("revision 2"), "{told}");
    orders.refused(MAKER, "/orders/1/sign", &signature(2), 403, "SIG-1");
    orders.good("other", "/orders/1/sign", &signature(2));
    orders.refused("other", "/orders/1/approve", &signature(2), 403, "SIG-1");
    orders.good(CHECKER, "/orders/1/reject", &json!({ "revision": 2, "reason": "too low" }));
    let list = desk.get("/orders?status=rejected&kind=limits");
    assert_eq!(list["items"][0]["ended"]["reason"], "too low");
    assert_eq!(desk.get("/orders?status=active")["items"], json!([]));
}

#[test]
fn a_scheduled_order_takes_effect_at_its_moment_on_the_test_clock() {
    let desk = desk();
    let orders = Orders(&desk);
    let mut body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
    body["effective_at"] = json!("2026-11-24T00:00:00+06:00");
    orders.good(MAKER, "/orders", &body);
    orders.good(MAKER, "/orders/1/sign", &signature(1));
    assert_eq!(orders.good(CHECKER, "/orders/1/approve", &signature(1))["status"], "scheduled");
    assert_eq!(desk.send(&purchase(1, 60_000)), "00");
    let to = json!({ "to": "2026-11-25T12:00:00+06:00" });
    assert_eq!(desk.ask("POST", "/test-clock", &to).0, 200);
    let active = desk.get("/orders/1");
    assert_eq!(active["status"], "active");
    assert_eq!(active["activated_at"], "2026-11-24T00:00:00.000+06:00", "and not when it was seen");
    assert_eq!(desk.send(&purchase(2, 60_000)), "61");
    let body = order(json!([{ "path": "limit[pos-day]", "to": null }]));
    orders.good(MAKER, "/orders", &body);
    orders.good(MAKER, "/orders/2/withdraw", &json!({ "reason": "not now" }));
    assert_eq!(desk.get("/orders/2")["status"], "withdrawn");
}

/// A part is longer than what is taken of the state in one look.
#[test]
fn lists_of_many_orders_come_whole_in_parts_and_by_status() {
    let desk = desk();
    let orders = Orders(&desk);
    for _ in 0..45 {
        let body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
        orders.good(MAKER, "/orders", &body);
    }
    for id in [3, 20, 41] {
        orders.good(MAKER, &format!("/orders/{id}/sign"), &signature(1));
    }
    let part = |query: &str| {
        let list = desk.get(&format!("/orders?{query}"));
        let items = list["items"].as_array().unwrap().iter();
        let ids: Vec<u64> = items.map(|order| order["id"].as_u64().unwrap()).collect();
        (ids, list["next"].as_str().map(str::to_owned))
    };
    let down = |from: u64, to: u64| (to..=from).rev().collect::<Vec<u64>>();
    assert_eq!(part("limit=40"), (down(45, 6), Some("6".to_owned())));
    assert_eq!(part("limit=40&cursor=6"), (down(5, 1), None));
    assert_eq!(part("limit=45"), (down(45, 1), None));
    assert_eq!(part("status=signed"), (vec![41, 20, 3], None));
    assert_eq!(part("status=signed&limit=2"), (vec![41, 20], Some("20".to_owned())));
    assert_eq!(part("status=draft&limit=41&cursor=41").0.len(), 38);
    assert_eq!(part("cursor=1"), (vec![], None));
    let steps = desk.get("/orders/20/history")["items"].as_array().unwrap().len();
    assert_eq!(steps, 2, "drafted and signed");
}

#[test]
fn the_register_is_exported_as_chained_lines() {
    let desk = desk();
    let orders = Orders(&desk);
    let body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
    orders.good(MAKER, "/orders", &body);
    orders.good(MAKER, "/orders/1/sign", &signature(1));
    let text = desk.get("/orders/register").as_str().unwrap().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let mut previous = "0".repeat(64);
    for line in lines {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["previous"], json!(previous));
        let hash = entry.as_object_mut().unwrap().remove("hash").unwrap();
        assert_eq!(hash, json!(sha256(&entry.to_string())), "canonical JSON is what is hashed");
        previous = hash.as_str().unwrap().to_owned();
    }
}

/// The disk fails at any commit on the way: what was answered stands after a restart, what was not
/// stands whole or not at all, and an order that was approved is in force then.
#[test]
fn a_failure_between_approval_and_activation_leaves_one_or_the_other() {
    for commits in 1..6 {
        let mut left = None;
        let tokens = [token(MAKER, "\"operator\""), token(CHECKER, "\"checker\"")].concat();
        let mut desk = Desk::open_with(|opened| left = Some(failing_after(opened, 1000)), &tokens);
        left.unwrap().store(commits, Ordering::Release);
        let orders = Orders(&desk);
        let body = order(json!([{ "path": "limit[pos-day]", "to": limit("500.00") }]));
        let steps = [
            (MAKER, "/orders", body),
            (MAKER, "/orders/1/sign", signature(1)),
            (CHECKER, "/orders/1/approve", signature(1)),
            (CHECKER, "/orders/1/rollback", json!({ "statement_confirmed": true, "reason": "r" })),
        ];
        let mut answered = "nothing".to_owned();
        for (who, path, body) in steps {
            let (status, answer) = orders.ask(who, "POST", path, &body);
            if status != 200 {
                break;
            }
            answered = answer["status"].as_str().unwrap().to_owned();
        }
        // Its end is an error where the disk failed; the thread has ended either way.
        let _ended = desk.runtime.block_on(desk.engine.take().unwrap().drain());
        let opened = open(&desk.directory.path().join("data"));
        let stands = opened.state.orders().get(1).map_or("nothing", |order| order.status.name());
        assert_eq!(stands, answered, "after {commits} commits");
        let by_order = opened.state.rules_version() == "order-1";
        assert_eq!(by_order, stands == "active", "the rule set is the order's or it is not");
        let again = desk.runtime.block_on(engine(opened, &tokens));
        desk.runtime.block_on(again.drain()).unwrap();
    }
}

/// SIG-2: what an order shows is what its next signature is held against.
#[test]
fn an_order_shows_the_risk_of_now() {
    let desk = desk();
    let orders = Orders(&desk);
    let cap = json!({
        "kind": "agent_caps", "title": "t", "reason": "r",
        "changes": [{ "path": "agent_cash.cap_indicators", "to": 100 }],
    });
    assert_eq!(orders.good(MAKER, "/orders", &cap)["needs"], "simple");
    let higher = json!({
        "kind": "rules", "title": "t", "reason": "r",
        "changes": [{ "path": "orders.risk.agent_caps", "to": "medium" }],
    });
    orders.good(MAKER, "/orders", &higher);
    orders.good(MAKER, "/orders/2/sign", &signature(1));
    orders.good(CHECKER, "/orders/2/approve", &signature(1));
    let shown = desk.get("/orders/1");
    assert_eq!((&shown["risk"], &shown["needs"]), (&json!("medium"), &json!("strengthened")));
    let listed = desk.get("/orders?kind=agent_caps");
    assert_eq!(listed["items"][0]["risk"], "medium", "{listed}");
}
