//! Claims as the API shows them (TXN-7).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::client::message;
use support::desk::Desk;

/// Takes a claim about all of the operation with this trace number, which is also its reference.
fn claim(desk: &Desk, stan: u64) -> String {
    let found = desk.get("/transactions?terminal=POS00001");
    let is_it = |row: &&Value| row["stan"] == json!(format!("{stan:06}"));
    let id = &found["items"].as_array().unwrap().iter().find(is_it).expect("a sale")["id"];
    let body = json!({"transaction": id, "kind": "not_mine", "reason": "I was not there",
        "requested_by": "holder"});
    let (status, dispute) = desk.ask("POST", "/disputes", &body);
    assert_eq!(status, 200, "{dispute}");
    format!("/disputes/{}", dispute["id"])
}

#[test]
fn txn_7_a_claim_tells_what_came_back_by_itself() {
    let desk = Desk::open();
    let accept = |dispute: &str| {
        let body = json!({"decision": "accept", "note": "seen"});
        let (status, told) = desk.ask("POST", &format!("{dispute}/decision"), &body);
        assert_eq!(status, 200, "{told}");
    };
    let sums = |dispute: &str| {
        let told = desk.get(dispute);
        let listed = desk.get("/disputes")["items"].as_array().unwrap().contains(&told);
        assert!(listed, "the list says the same");
        ["status", "amount", "given_back", "taken_back"].map(|name| told[name].clone())
    };
    for stan in [1, 2] {
        assert_eq!(desk.send(&message("0200", stan, 10_000)), "00");
    }
    let (first, second) = (claim(&desk, 1), claim(&desk, 2));
    assert_eq!(sums(&first), ["open", "100.00", "0.00", "0.00"]);
    // The one was reversed before anybody decided, the other after it was credited.
    assert_eq!(desk.send(&message("0420", 1, 10_000)), "00");
    assert_eq!(sums(&first), ["open", "100.00", "100.00", "0.00"]);
    accept(&first);
    assert_eq!(sums(&first), ["rejected", "100.00", "100.00", "0.00"], "nothing is left to give");
    accept(&second);
    assert_eq!(sums(&second), ["credited", "100.00", "0.00", "0.00"]);
    assert_eq!(desk.send(&message("0420", 2, 10_000)), "00");
    assert_eq!(sums(&second), ["credited", "100.00", "0.00", "100.00"]);
}
