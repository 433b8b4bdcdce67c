//! Change orders of people over HTTP, outside test mode: sessions, one-time codes and personal keys,
//! and no token that stands in for anybody (SIG-1, SIG-2, SIG-4).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::people::{
    AIDA, BAKYT, Bank, Browser, CHYNARA, DAMIRA, Person, Reply, give_key, strengthened,
};
use tamga::access::one_time::{Secret, step_at};

/// Everybody is in, and those who sign have an approved key.
fn everybody(bank: &Bank) -> [Browser; 4] {
    let mut all = [(); 4].map(|()| Browser::new(bank));
    let [aida, bakyt, chynara, damira] = &mut all;
    for (browser, person) in [
        (&mut *aida, &AIDA),
        (&mut *bakyt, &BAKYT),
        (&mut *chynara, &CHYNARA),
        (&mut *damira, &DAMIRA),
    ] {
        browser.log_in(person);
    }
    for (browser, person) in [(aida, &AIDA), (bakyt, &BAKYT), (damira, &DAMIRA)] {
        give_key(person, browser, chynara);
    }
    all
}

fn bank() -> Bank {
    Bank::in_earnest(&[&AIDA, &BAKYT, &CHYNARA, &DAMIRA])
}

fn good(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

fn refused(reply: &Reply, status: u16, rule: &str, words: &str) {
    assert_eq!((reply.status, &reply.body["rule"]), (status, &json!(rule)), "{}", reply.body);
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains(words), "{detail}");
}

/// A signature of an order as it stands, by a personal key.
fn signature(person: &Person, order: &Value) -> Value {
    let mut body = strengthened(person, &order["digest"]);
    body["revision"] = order["revision"].clone();
    body
}

fn rollback(person: &Person, order: &Value) -> Value {
    let mut body = strengthened(person, &order["rollback_digest"]);
    body["reason"] = json!("it was not what we meant");
    body
}

/// Written by one, approved by another, in force.
fn in_force((maker, who): (&mut Browser, &Person), checker: &mut Browser, body: &Value) -> Value {
    let order = good(maker.post("/orders", body));
    let path = format!("/orders/{}", order["id"]);
    good(maker.post(&format!("{path}/sign"), &signature(who, &order)));
    good(checker.post(&format!("{path}/approve"), &signature(&BAKYT, &order)))
}

fn users(user: &str, roles: &Value) -> Value {
    json!({
        "kind": "users", "title": "A new colleague", "reason": "she begins on Monday",
        "changes": [{"path": format!("user[{user}]"), "to": {"roles": roles, "active": true}}],
    })
}

#[test]
fn sig_4_a_user_comes_by_an_order_gets_a_password_by_a_reset_and_logs_in() {
    let bank = bank();
    let [mut aida, mut bakyt, mut chynara, _] = everybody(&bank);
    // Rights are given by order only, outside test mode.
    let direct = chynara.post("/users", &json!({"user": "eldar", "roles": ["auditor"]}));
    refused(&direct, 409, "SIG-1", "order");
    let order = good(aida.post("/orders", &users("eldar", &json!(["operator", "checker"]))));
    assert_eq!((&order["risk"], &order["needs"]), (&json!("high"), &json!("strengthened")));
    bank.later(30);
    let mut code = json!({"revision": 1, "statement_confirmed": true, "code": bank.code(&AIDA)});
    refused(&aida.post("/orders/1/sign", &code), 403, "SIG-2", "strengthened");
    good(aida.post("/orders/1/sign", &signature(&AIDA, &order)));
    refused(&aida.post("/orders/1/approve", &signature(&AIDA, &order)), 403, "BLK-3", "checker");
    bank.later(30);
    code["code"] = json!(bank.code(&BAKYT));
    refused(&bakyt.post("/orders/1/approve", &code), 403, "SIG-2", "strengthened");
    let forged = signature(&AIDA, &order);
    assert_eq!(bakyt.post("/orders/1/approve", &forged).body["field"], "key", "not his key");
    let approved = good(bakyt.post("/orders/1/approve", &signature(&BAKYT, &order)));
    assert_eq!(approved["status"], "active");
    let factors: Vec<&Value> =
        approved["signatures"].as_array().unwrap().iter().map(|s| &s["factor"]).collect();
    assert_eq!(factors, ["personal_key", "personal_key"]);
    // Nobody knows a password of hers yet: an officer and another person give one.
    let mut eldar = Browser::new(&bank);
    let login = |password: &str| json!({"user": "eldar", "password": password});
    assert_eq!(eldar.post("/session", &login("")).status, 422);
    assert_eq!(eldar.post("/session", &login("anything at all")).status, 401);
    good(chynara.post("/users/eldar/reset", &json!({"what": "password"})));
    let reset = good(bakyt.post("/users/eldar/reset/approval", &json!({})));
    let temporary = reset["temporary_password"].as_str().unwrap().to_owned();
    assert_eq!(good(eldar.post("/session", &login(&temporary)))["needs"], "password");
    let own = "six kettles on the stove";
    assert_eq!(good(eldar.post("/session/password", &json!({"new": own})))["needs"], "enrol");
    let enrolment = good(eldar.post("/session/enrolment", &json!({})));
    let secret = Secret::from_base32(enrolment["secret"].as_str().unwrap()).unwrap();
    let now = bank.engine().clock().now().at;
    let confirm = json!({"code": secret.code(step_at(now))});
    let session = good(eldar.post("/session/enrolment/confirm", &confirm));
    assert_eq!(session["roles"], json!(["operator", "checker"]));
    // A checker by role, but it is her own order.
    let limit = json!({
        "kind": "agent_caps", "title": "t", "reason": "r",
        "changes": [{"path": "agent_cash.cap_indicators", "to": 140}],
    });
    let own = good(eldar.post("/orders", &limit));
    assert_eq!(own["needs"], "simple");
    bank.later(30);
    let mut sign = json!({"revision": 1, "statement_confirmed": true});
    sign["code"] = json!(secret.code(step_at(bank.engine().clock().now().at)));
    good(eldar.post("/orders/2/sign", &sign));
    bank.later(30);
    sign["code"] = json!(secret.code(step_at(bank.engine().clock().now().at)));
    refused(&eldar.post("/orders/2/approve", &sign), 403, "SIG-1", "another person");
    // Undone, she is out with her next request.
    good(bakyt.post("/orders/1/rollback", &rollback(&BAKYT, &approved)));
    assert_eq!(eldar.get("/orders").status, 401);
}

#[test]
fn sig_1_two_people_at_one_order_hear_of_each_other() {
    let bank = bank();
    let [mut aida, mut bakyt, ..] = everybody(&bank);
    let mut body = users("eldar", &json!(["auditor"]));
    let first = good(aida.post("/orders", &body));
    // Two windows of one revision: the second is told who was quicker.
    body["revision"] = json!(1);
    body["title"] = json!("A colleague of the night shift");
    let second = good(aida.send("PUT", "/orders/1", &body));
    assert_eq!(second["revision"], 2);
    body["title"] = json!("Something else");
    let late = aida.send("PUT", "/orders/1", &body);
    refused(&late, 409, "SIG-1", "aida changed order 1");
    assert_eq!(late.kind(), "order-revised");
    assert_eq!(good(aida.get("/orders/1"))["title"], "A colleague of the night shift");
    // Who signs what was looked at before is told the same.
    refused(&aida.post("/orders/1/sign", &signature(&AIDA, &first)), 409, "SIG-1", "revision 2");
    good(aida.post("/orders/1/sign", &signature(&AIDA, &second)));
    refused(
        &bakyt.post("/orders/1/approve", &signature(&BAKYT, &first)),
        409,
        "SIG-1",
        "revision 2",
    );
    let unseen = json!({"revision": 1, "reason": "no"});
    refused(&bakyt.post("/orders/1/reject", &unseen), 409, "SIG-1", "revision 2");
}

fn key_order(path: &str, to: &Value) -> Value {
    json!({
        "kind": "keys", "title": "A key", "reason": "the year is over",
        "changes": [{"path": path, "to": to}],
    })
}

/// A key made directly, by the service of the test.
fn made(bank: &Bank, body: Value) -> Value {
    good(bank.token("POST", "/keys", &body))
}

fn states(bank: &Bank, name: &str) -> Vec<String> {
    let keys = good(bank.token("GET", "/keys", &Value::Null));
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == name);
    let versions = key.map(|key| key["versions"].as_array().unwrap().clone()).unwrap_or_default();
    versions.iter().map(|version| version["state"].as_str().unwrap().to_owned()).collect()
}

fn pvk(bank: &Bank) -> String {
    let made = made(
        bank,
        json!({
            "action": "generate", "name": "pvk", "usage": "pin-verification-visa",
        }),
    );
    made["check_value"].as_str().unwrap().to_owned()
}

#[test]
fn sig_1_a_key_is_rotated_by_an_order_of_its_custodian() {
    let bank = bank();
    let [mut aida, mut bakyt, _, mut damira] = everybody(&bank);
    let check_value = pvk(&bank);
    let rotate = key_order(
        "key[pvk].current",
        &json!({"accept_old_until": "2027-06-30", "expires_on": "2031-12-31"}),
    );
    refused(&aida.post("/orders", &rotate), 403, "SIG-1", "key_custodian");
    let limits = json!({
        "kind": "agent_caps", "title": "t", "reason": "r",
        "changes": [{"path": "agent_cash.cap_indicators", "to": 140}],
    });
    refused(&damira.post("/orders", &limits), 403, "SIG-1", "operator");
    let order = good(damira.post("/orders", &rotate));
    assert_eq!((&order["risk"], &order["needs"]), (&json!("high"), &json!("strengthened")));
    let from = json!({"version": 1, "check_value": check_value});
    assert_eq!(order["changes"][0]["from"], from, "what is replaced is signed too");
    assert_eq!(order["changes"][0]["clause"], "SIG-1, SEC-2");
    refused(
        &aida.send("PUT", "/orders/1", &{
            let mut body = limits.clone();
            body["revision"] = json!(1);
            body
        }),
        403,
        "SIG-1",
        "key_custodian",
    );
    good(damira.post("/orders/1/sign", &signature(&DAMIRA, &order)));
    assert_eq!(states(&bank, "pvk"), ["current"], "signed is not in force");
    let approved = good(bakyt.post("/orders/1/approve", &signature(&BAKYT, &order)));
    assert_eq!(approved["status"], "active", "{approved}");
    assert_eq!(states(&bank, "pvk"), ["accepted", "current"]);
    let audit = bank.audit();
    let row = audit.iter().find(|row| row["action"] == "order_activate").unwrap();
    assert_eq!(row["details"]["key"]["did"], "generated");
    assert_eq!(row["details"]["key"]["version"], 2);
    // A new key stays made.
    let undone = bakyt.post("/orders/1/rollback", &rollback(&BAKYT, &approved));
    assert_eq!(undone.status, 422, "{}", undone.body);
    assert!(undone.body["detail"].as_str().unwrap().contains("rotate the key again"));
    assert_eq!(states(&bank, "pvk"), ["accepted", "current"]);
    let bank = bank.restart();
    assert_eq!(states(&bank, "pvk"), ["accepted", "current"]);
}

#[test]
fn sig_1_a_version_is_retired_comes_back_and_is_destroyed_for_good() {
    let bank = bank();
    let [_, mut bakyt, _, mut damira] = everybody(&bank);
    let check_value = pvk(&bank);
    made(&bank, json!({"action": "rotate", "name": "pvk", "accept_old_until": "2027-06-30"}));
    let path = "key[pvk].version[1]";
    let to = |state: &str| json!({"check_value": check_value, "state": state});
    let wrong = json!({"check_value": "000000", "state": "retired"});
    let told = damira.post("/orders", &key_order(path, &wrong));
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body["detail"].as_str().unwrap().contains(&check_value), "{}", told.body);
    let told = damira.post("/orders", &key_order(path, &to("destroyed")));
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body["detail"].as_str().unwrap().contains("retire it first"), "{}", told.body);
    let retired = in_force((&mut damira, &DAMIRA), &mut bakyt, &key_order(path, &to("retired")));
    assert_eq!(retired["status"], "active", "{retired}");
    assert_eq!(states(&bank, "pvk"), ["retired", "current"]);
    // Something declines: it is accepted again as it was.
    let path_of = |order: &Value| format!("/orders/{}", order["id"]);
    let back = rollback(&DAMIRA, &retired);
    let undone = good(damira.post(&format!("{}/rollback", path_of(&retired)), &back));
    assert_eq!(undone["status"], "rolled_back");
    assert_eq!(states(&bank, "pvk"), ["accepted", "current"]);
    in_force((&mut damira, &DAMIRA), &mut bakyt, &key_order(path, &to("retired")));
    let gone = in_force((&mut damira, &DAMIRA), &mut bakyt, &key_order(path, &to("destroyed")));
    assert_eq!(states(&bank, "pvk"), ["destroyed", "current"]);
    let told = damira.post(&format!("{}/rollback", path_of(&gone)), &rollback(&DAMIRA, &gone));
    assert_eq!(told.status, 409, "{}", told.body);
    assert!(told.body["detail"].as_str().unwrap().contains("material is gone"), "{}", told.body);
    let bank = bank.restart();
    assert_eq!(states(&bank, "pvk"), ["destroyed", "current"]);
}

#[test]
fn sig_1_an_order_about_a_key_that_can_t_be_carried_out_has_failed_and_says_why() {
    let bank = bank();
    let [_, mut bakyt, _, mut damira] = everybody(&bank);
    let usage = json!({"usage": "card-verification"});
    let mut body = key_order("key[cvk].current", &usage);
    body["effective_at"] = json!("2026-11-24T12:00:00+06:00");
    let waiting = in_force((&mut damira, &DAMIRA), &mut bakyt, &body);
    assert_eq!(waiting["status"], "scheduled", "{waiting}");
    assert_eq!(states(&bank, "cvk"), [""; 0]);
    // Somebody makes it by hand meanwhile, so the module has it already.
    made(&bank, json!({"action": "generate", "name": "cvk", "usage": "card-verification"}));
    bank.later(3 * 86_400);
    let failed = wait_for(&bank, "/orders/1", "failed");
    let why =
        failed["problems"][0]["message"].as_str().or(failed["problems"][0]["detail"].as_str());
    assert!(why.unwrap().contains("there is a key `cvk`"), "{failed}");
    assert_eq!(states(&bank, "cvk"), ["current"], "nothing changed");
    // One that can be is in force by itself at its moment.
    let mut body = key_order("key[cvk-2].current", &usage);
    body["effective_at"] = json!("2026-12-24T12:00:00+06:00");
    for browser in [&mut damira, &mut bakyt] {
        browser.cookie = None;
        browser.csrf = None;
    }
    damira.log_in(&DAMIRA);
    bakyt.log_in(&BAKYT);
    in_force((&mut damira, &DAMIRA), &mut bakyt, &body);
    bank.later(40 * 86_400);
    wait_for(&bank, "/orders/2", "active");
    // The journal comes first and the store a moment after it.
    let begun = std::time::Instant::now();
    while states(&bank, "cvk-2") != ["current"] {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", states(&bank, "cvk-2"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Asks until an order is so; the engine looks each second.
fn wait_for(bank: &Bank, path: &str, status: &str) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let order = good(bank.token("GET", path, &Value::Null));
        if order["status"] == status {
            return order;
        }
        assert!(begun.elapsed().as_secs() < 30, "{order}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn sig_1_a_second_person_approves_at_a_colleague_s_desk_with_a_one_time_code() {
    let bank = bank();
    let [mut aida, ..] = everybody(&bank);
    let by = json!({"requested_by": "the fraud desk"});
    let block = json!({"reason": "suspected_fraud", "requested_by": "the fraud desk"});
    good(aida.post("/cards/K1/blocks", &block));
    let mut lift = |second: String| {
        aida.extra = vec![("approved-by".to_owned(), second)];
        aida.send("DELETE", "/cards/K1/blocks/suspected_fraud", &by)
    };
    bank.later(30);
    // Himself, somebody without the role, a wrong code, nobody at all.
    assert_eq!(lift(format!("Code aida {}", bank.code(&AIDA))).status, 403);
    assert_eq!(lift(format!("Code chynara {}", bank.code(&CHYNARA))).status, 403);
    for second in ["Code bakyt 000000", "Code nobody 000000", "Code bakyt", "Code "] {
        refused(&lift(second.to_owned()), 422, "SIG-1", "code is not right");
    }
    let code = bank.code(&BAKYT);
    good(lift(format!("Code bakyt {code}")));
    refused(&lift(format!("Code bakyt {code}")), 422, "SIG-1", "used");
    let audit = bank.audit();
    let lifted = audit.iter().find(|row| row["action"] == "unblock").unwrap();
    assert_eq!(lifted["entered_by"], "aida, approved by bakyt");
}

#[test]
fn an_order_longer_than_a_body_may_be_is_refused_in_plain_words() {
    let bank = bank();
    let [mut aida, ..] = everybody(&bank);
    let change =
        |n: usize| json!({"path": format!("card[K{n:06}].block.suspected_fraud"), "to": true});
    let many = |count: usize| {
        json!({
            "kind": "card_blocks", "title": "A leaked list", "reason": "the network's warning",
            "changes": (0..count).map(change).collect::<Vec<_>>(),
        })
    };
    let told = aida.post("/orders", &many(1200));
    assert_eq!(told.status, 413, "{}", told.body);
    assert!(told.body["detail"].as_str().unwrap().contains("65536 bytes"), "{}", told.body);
    // What is short enough is read, and every card that is not there is named.
    let told = aida.post("/orders", &many(900));
    assert_eq!((told.status, told.body["problems"].as_array().unwrap().len()), (422, 900));
}
