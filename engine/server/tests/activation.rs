//! A scheduled order takes effect whole and once, or stands scheduled (SIG-1): when the engine is cut
//! off anywhere in the turn that activates it, and when its clock is moved back.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::{OrderStatus, RegisterAct};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::client::purchase;
use support::desk::{Desk, token};
use support::{config, open};
use tamga::clock::{Clock, parse_rfc3339};
use tamga::engine::Engine;
use tempfile::TempDir;

const DUE: &str = "2026-11-23T10:05:00+06:00";

fn tokens() -> String {
    [token("aida", "\"operator\""), token("bakyt", "\"checker\"")].concat()
}

fn ask(desk: &Desk, who: &str, path: &str, body: &Value) -> Value {
    let (status, answer) = desk.ask_as(&format!("{who}-secret"), "POST", path, body);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Purchases above 500.00 a day are declined from [`DUE`] on.
fn schedule(desk: &Desk) {
    let limit =
        json!({"scope": "card", "counts": "purchase", "window": "day", "ceiling": "500.00"});
    let order = json!({
        "kind": "limits", "title": "Purchases a day", "reason": "fraud in the neighbourhood",
        "effective_at": DUE, "changes": [{"path": "limit[pos-day]", "to": limit}],
    });
    let signature = json!({"revision": 1, "statement_confirmed": true});
    ask(desk, "aida", "/orders", &order);
    ask(desk, "aida", "/orders/1/sign", &signature);
    assert_eq!(ask(desk, "bakyt", "/orders/1/approve", &signature)["status"], "scheduled");
}

/// Ends the engine and starts it again on the same data at another time, with a reason to look.
fn again(mut desk: Desk, at: &str) -> Desk {
    let engine = desk.engine.take().unwrap();
    desk.runtime.block_on(engine.drain()).unwrap();
    let opened = open(&desk.directory.path().join("data"));
    let engine = desk.runtime.block_on(started(opened, at));
    let address = |name| engine.address(name).unwrap();
    (desk.http, desk.pos) = (address("http"), address("pos"));
    desk.engine = Some(engine);
    desk
}

async fn started(opened: tamga::storage::Opened, at: &str) -> Engine {
    let clock = Clock::test("Asia/Bishkek", parse_rfc3339(at).unwrap()).unwrap();
    let config = config(&opened.path.clone(), &all_tokens());
    Engine::assemble(&config, opened, clock).await.unwrap()
}

fn all_tokens() -> String {
    let roles = "\"operator\", \"checker\", \"auditor\", \"privacy\"";
    format!("{}{}", tokens(), token("everyone", roles))
}

fn acts(desk: &Desk) -> Vec<String> {
    let history = desk.get("/orders/1/history");
    let acts = history["items"].as_array().unwrap().iter();
    acts.map(|step| step["act"].as_str().unwrap().to_owned()).collect()
}

fn move_to(desk: &Desk, to: &str) {
    let (status, answer) = desk.ask("POST", "/test-clock", &json!({ "to": to }));
    assert_eq!(status, 200, "{answer}");
}

fn segment(data: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> = fs::read_dir(data.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "seg"))
        .collect();
    segments.sort();
    segments.pop().unwrap()
}

/// A data directory as it was, to be opened again and again.
fn copied(from: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = {
                let entry = entry.unwrap();
                (entry.path(), to.join(entry.file_name()))
            };
            if path.is_dir() {
                copy(&path, &to);
            } else {
                fs::copy(&path, &to).unwrap();
            }
        }
    }
    let place = tempfile::tempdir().unwrap();
    copy(from, place.path());
    place
}

/// The power fails while the turn is written: each number of its bytes may have reached the disk.
#[test]
fn an_activation_that_was_cut_off_is_whole_or_not_there_and_comes_once() {
    let mut desk = Desk::open_with(|_| {}, &tokens());
    schedule(&desk);
    let engine = desk.engine.take().unwrap();
    desk.runtime.block_on(engine.drain()).unwrap();
    let before = copied(desk.directory.path());
    let path = segment(&before.path().join("data"));
    let old = fs::read(&path).unwrap();

    let opened = open(&desk.directory.path().join("data"));
    let engine = desk.runtime.block_on(started(opened, "2026-11-23T10:06:00+06:00"));
    desk.runtime.block_on(engine.drain()).unwrap();
    let new = fs::read(segment(&desk.directory.path().join("data"))).unwrap();
    let differs = |at: &usize| old[*at] != new[*at];
    let first = (0..new.len()).find(differs).expect("the activation was written");
    let last = (0..new.len()).rfind(differs).unwrap();

    let (mut scheduled, mut active) = (0, 0);
    for cut in (first..=last).step_by(13).chain([last, last + 1]) {
        let place = copied(before.path());
        let data = place.path().join("data");
        let mut torn = old.clone();
        torn[first..cut].copy_from_slice(&new[first..cut]);
        fs::write(segment(&data), torn).unwrap();
        let opened = open(&data);
        let order = opened.state.orders().get(1).unwrap();
        let is_active = order.status == OrderStatus::Active;
        assert!(is_active || order.status == OrderStatus::Scheduled, "{cut}: {:?}", order.status);
        let by_order = opened.state.rules_version() == "order-1";
        assert_eq!(by_order, is_active, "{cut}: the rule set is the order's or it is not");
        (scheduled, active) =
            (scheduled + usize::from(!is_active), active + usize::from(is_active));
        if (cut - first) % 5 == 0 || cut > last {
            goes_on(&desk, opened);
        }
    }
    assert!(scheduled > 3 && active > 0, "{scheduled} scheduled, {active} active");
}

/// The engine starts on what recovery left, and the order is in force, once, before any request.
fn goes_on(desk: &Desk, opened: tamga::storage::Opened) {
    let data = opened.path.clone();
    let engine = desk.runtime.block_on(started(opened, "2026-11-23T10:06:00+06:00"));
    desk.runtime.block_on(engine.drain()).unwrap();
    let opened = open(&data);
    let order = opened.state.orders().get(1).unwrap();
    assert_eq!(order.status, OrderStatus::Active);
    assert_eq!(opened.state.rules_version(), "order-1");
    let entries = opened.state.orders().register().entries();
    let acts = entries.filter(|entry| entry.act == RegisterAct::Activated).count();
    assert_eq!(acts, 1, "it took effect once");
}

#[test]
fn a_clock_that_was_moved_back_delays_an_order_and_undoes_none() {
    let desk = Desk::open_with(|_| {}, &tokens());
    schedule(&desk);
    move_to(&desk, "2026-11-23T10:04:00+06:00");
    assert_eq!(desk.send(&purchase(1, 60_000)), "00");
    // Half an hour back: what is recorded stays after what was, and the order waits.
    let desk = again(desk, "2026-11-23T09:34:00+06:00");
    assert_eq!(desk.get("/orders/1")["status"], "scheduled");
    assert_eq!(desk.send(&purchase(2, 60_000)), "00");
    let latest = desk.get("/transactions")["items"][0]["at"].clone();
    assert_eq!(latest, "2026-11-23T10:04:00.000+06:00", "never before the record before");
    assert_eq!(behind(&desk), 30 * 60_000);
    assert!(metric(&desk).contains("tamga_clock_behind_seconds 1800\n"), "and it is said");
    move_to(&desk, "2026-11-23T10:04:59+06:00");
    assert_eq!(desk.get("/orders/1")["status"], "scheduled", "its moment is to come");
    assert_eq!(behind(&desk), 0);
    move_to(&desk, DUE);
    assert_eq!(desk.get("/orders/1")["status"], "active");
    assert_eq!(desk.send(&purchase(3, 60_000)), "61");
    // Back before its moment: it stays in force, and comes no second time.
    let desk = again(desk, "2026-11-23T09:00:00+06:00");
    assert_eq!(desk.send(&purchase(4, 60_000)), "61");
    move_to(&desk, "2026-11-23T10:06:00+06:00");
    assert_eq!(desk.get("/orders/1")["status"], "active");
    assert_eq!(acts(&desk), ["drafted", "signed", "approved", "activated"]);
}

/// Somebody sets the machine's clock while the engine runs: back, forward past the moment, back
/// before it, forward again.
#[test]
fn a_clock_that_jumps_while_the_engine_runs_skips_no_order_and_repeats_none() {
    let desk = Desk::open_with(|_| {}, &tokens());
    let jump = |to: &str| {
        let clock = desk.engine.as_ref().unwrap().clock();
        clock.jump_to(parse_rfc3339(&format!("2026-11-23T{to}:00+06:00")).unwrap()).unwrap();
    };
    schedule(&desk);
    jump("10:04");
    assert_eq!(desk.send(&purchase(1, 60_000)), "00");
    jump("09:00");
    assert_eq!(desk.send(&purchase(2, 60_000)), "00");
    assert_eq!(desk.get("/orders/1")["status"], "scheduled", "its moment is to come");
    // Past the moment in one leap: in force before the first request is decided.
    jump("13:00");
    assert_eq!(desk.send(&purchase(3, 60_000)), "61");
    assert_eq!(desk.get("/orders/1")["status"], "active");
    let activated = desk.get("/orders/1")["activated_sequence"].clone();
    // Back before it, and over it again: in force all the while, and once.
    for to in ["10:00", "10:06", "09:30", "14:00"] {
        jump(to);
        assert_eq!(desk.send(&purchase(4, 60_000)), "61", "{to}");
        let order = desk.get("/orders/1");
        assert_eq!(
            (&order["status"], &order["activated_sequence"]),
            (&json!("active"), &activated)
        );
    }
    // What is scheduled while the clock is behind is held against the last record's time, and waits
    // for its own moment, however the clock comes there.
    jump("11:00");
    let change = json!([{"path": "limit[pos-day].ceiling", "to": "400.00"}]);
    let at = |time: &str| {
        json!({
            "kind": "limits", "title": "t", "reason": "r", "changes": change,
            "effective_at": format!("2026-11-23T{time}:00+06:00"),
        })
    };
    let (status, told) = desk.ask_as("aida-secret", "POST", "/orders", &at("12:00"));
    assert_eq!((status, &told["problems"][0]["code"]), (422, &json!("past")), "{told}");
    let signature = json!({"revision": 1, "statement_confirmed": true});
    ask(&desk, "aida", "/orders", &at("14:30"));
    ask(&desk, "aida", "/orders/2/sign", &signature);
    assert_eq!(ask(&desk, "bakyt", "/orders/2/approve", &signature)["status"], "scheduled");
    jump("14:29");
    assert_eq!(desk.send(&purchase(5, 45_000)), "00");
    jump("18:00");
    assert_eq!(desk.send(&purchase(6, 45_000)), "61");
    jump("08:00");
    assert_eq!(desk.get("/orders/2")["status"], "active");
    let counted = |order: u64| {
        let history = desk.get(&format!("/orders/{order}/history"));
        let steps = history["items"].as_array().unwrap().iter();
        steps.filter(|step| step["act"] == "activated").count()
    };
    assert_eq!((counted(1), counted(2)), (1, 1));
}

/// As `/health/ready` says it, once the shard has looked.
fn behind(desk: &Desk) -> u64 {
    std::thread::sleep(Duration::from_millis(5));
    let url = format!("http://{}/health/ready", desk.http);
    let text = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
    let ready: Value = serde_json::from_str(&text).unwrap();
    ready["engine"]["clock_behind_ms"].as_u64().unwrap()
}

fn metric(desk: &Desk) -> String {
    let url = format!("http://{}/metrics", desk.http);
    ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
}
