//! The audit says whose access every act was about, and what a wrong code was for (SIG-1, SIG-2,
//! SIG-4); and a code is not used up by what would be refused anyway.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::people::{AIDA, BAKYT, Bank, Browser, CHYNARA, Person, Reply, give_key, strengthened};
use tamga::users::{UserChange, UserPlace, change};

fn good(reply: Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

fn everybody(bank: &Bank) -> [Browser; 3] {
    let mut all = [(); 3].map(|()| Browser::new(bank));
    for (browser, person) in all.iter_mut().zip([&AIDA, &BAKYT, &CHYNARA]) {
        browser.log_in(person);
    }
    all
}

/// The audit about a user, oldest first: what was done, by whom.
fn about(bank: &Bank, user: &str) -> Vec<(String, String)> {
    let found = bank.token("GET", &format!("/audit?user={user}&limit=500"), &Value::Null);
    let rows = good(found)["items"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or("engine").to_owned();
    rows.iter().rev().map(|row| (text(&row["action"]), text(&row["entered_by"]))).collect()
}

fn signature(person: &Person, order: &Value) -> Value {
    let mut body = strengthened(person, &order["digest"]);
    body["revision"] = order["revision"].clone();
    body
}

fn users(changes: &[(&str, Value)]) -> Value {
    let changes =
        changes.iter().map(|(user, to)| json!({"path": format!("user[{user}]"), "to": to}));
    json!({
        "kind": "users", "title": "Rights", "reason": "a new shift",
        "changes": changes.collect::<Vec<_>>(),
    })
}

#[test]
fn sig_4_each_act_says_whose_access_it_was_about() {
    let bank = Bank::in_earnest(&[&AIDA, &BAKYT, &CHYNARA]);
    let [mut aida, mut bakyt, mut chynara] = everybody(&bank);
    for (own, person) in [(&mut aida, &AIDA), (&mut bakyt, &BAKYT)] {
        give_key(person, own, &mut chynara);
    }
    // One order about two people: made by aida, approved by bakyt.
    let to = |roles: &[&str]| json!({"roles": roles, "active": true});
    let rights = [("eldar", to(&["auditor"])), ("elmira", to(&["operator"]))];
    let order = good(aida.post("/orders", &users(&rights)));
    good(aida.post("/orders/1/sign", &signature(&AIDA, &order)));
    good(bakyt.post("/orders/1/approve", &signature(&BAKYT, &order)));
    good(chynara.post("/users/eldar/roles", &json!({"roles": ["auditor"]})));
    good(chynara.post("/users/eldar/reset", &json!({"what": "password"})));
    good(bakyt.post("/users/eldar/reset/approval", &json!({})));
    good(chynara.post("/users/aida/active", &json!({"active": false})));
    let by = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(action, by)| ((*action).to_owned(), (*by).to_owned())).collect()
    };
    let order_rows = [
        ("order_draft", "aida"),
        ("order_sign", "aida"),
        ("order_approve", "bakyt"),
        ("order_activate", "engine"),
    ];
    let own = [("set_roles", "chynara"), ("ask_reset", "chynara"), ("approve_reset", "bakyt")];
    assert_eq!(about(&bank, "eldar"), by(&[order_rows.as_slice(), &own].concat()));
    assert_eq!(about(&bank, "elmira"), by(&order_rows));
    let of_aida = about(&bank, "aida");
    assert!(of_aida.ends_with(&by(&[("disable_user", "chynara"), ("logout", "chynara")])));
    let key = by(&[("add_personal_key", "aida"), ("approve_personal_key", "chynara")]);
    assert!(of_aida.windows(2).any(|rows| *rows == key), "{of_aida:?}");
    // The row itself says it, too: one person in `user`, several in the details.
    let audit = bank.audit();
    let row = |action: &str| audit.iter().find(|row| row["action"] == action).unwrap();
    assert_eq!(row("disable_user")["user"], "aida");
    assert_eq!(row("order_activate")["details"]["users"], json!(["eldar", "elmira"]));
    assert!(row("order_activate")["user"].is_null());
    // Refused when it is written, it is about him all the same.
    let gone = users(&[("bakyt", Value::Null)]);
    bakyt.post("/orders", &gone);
    let told = bank.token("POST", "/orders", &gone);
    assert_eq!((told.status, &told.body["problems"][0]["code"]), (422, &json!("last_checker")));
    let last = about(&bank, "bakyt").pop().unwrap();
    assert_eq!(last, ("order_draft".to_owned(), "service".to_owned()));
    let one = bank.audit();
    assert_eq!((&one[0]["user"], one[0]["refused"].is_null()), (&json!("bakyt"), false));
    let two = bank.token("GET", "/audit?user=aida&card=K1", &Value::Null);
    assert_eq!(two.status, 422);
}

fn cap(indicators: u32) -> Value {
    json!({
        "kind": "agent_caps", "title": "t", "reason": "r",
        "changes": [{"path": "agent_cash.cap_indicators", "to": indicators}],
    })
}

fn coded(code: &str) -> Value {
    json!({"revision": 1, "statement_confirmed": true, "code": code})
}

/// What was refused a person, newest first: action, for what, about which order.
fn refusals(bank: &Bank) -> Vec<(String, String, Value)> {
    let rows = bank
        .audit()
        .into_iter()
        .filter(|row| row["action"] == "login_refused" || row["action"] == "factor_refused");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.map(|row| {
        (text(&row["action"]), text(&row["details"]["for"]), row["details"]["order"].clone())
    })
    .collect()
}

#[test]
fn sig_2_a_wrong_code_says_what_it_was_for() {
    let bank = Bank::open();
    let [mut aida, mut bakyt, _] = everybody(&bank);
    good(aida.post("/orders", &cap(140)));
    let told = aida.post("/orders/1/sign", &coded("000000"));
    assert_eq!((told.status, &told.body["code"]), (422, &json!("wrong_code")), "{}", told.body);
    bank.later(30);
    good(aida.post("/orders/1/sign", &coded(&bank.code(&AIDA))));
    assert_eq!(bakyt.post("/orders/1/approve", &coded("000000")).status, 422);
    bank.later(30);
    good(bakyt.post("/orders/1/approve", &coded(&bank.code(&BAKYT))));
    let back = json!({"reason": "r", "statement_confirmed": true, "code": "000000"});
    assert_eq!(bakyt.post("/orders/1/rollback", &back).status, 422);
    let block = json!({"reason": "suspected_fraud", "requested_by": "the fraud desk"});
    good(aida.post("/cards/K1/blocks", &block));
    aida.extra = vec![("approved-by".to_owned(), "Code bakyt 000000".to_owned())];
    let lift = json!({"requested_by": "the fraud desk"});
    assert_eq!(aida.send("DELETE", "/cards/K1/blocks/suspected_fraud", &lift).status, 422);
    let mut stranger = Browser::new(&bank);
    stranger.post("/session", &json!({"user": "aida", "password": "not this one, surely"}));
    let row =
        |action: &str, purpose: &str, order: Value| (action.to_owned(), purpose.to_owned(), order);
    assert_eq!(
        refusals(&bank),
        [
            row("login_refused", "login", Value::Null),
            row("factor_refused", "approval", Value::Null),
            row("factor_refused", "roll_back_order", json!(1)),
            row("factor_refused", "approve_order", json!(1)),
            row("factor_refused", "sign_order", json!(1)),
        ]
    );
    let audit = bank.audit();
    let approval = audit.iter().find(|row| row["details"]["for"] == "approval").unwrap();
    assert_eq!(approval["details"]["asked"], "DELETE /cards/K1/blocks/suspected_fraud");
    assert_eq!(
        (&approval["details"]["with"], &approval["user"]),
        (&json!("aida"), &json!("bakyt"))
    );
    // A code that was right says the same.
    let used = audit.iter().find(|row| row["action"] == "use_code").unwrap();
    assert_eq!(
        (&used["details"]["for"], &used["details"]["order"]),
        (&json!("approve_order"), &json!(1))
    );
}

/// A code is good once, so it is used only for what the core will take.
#[test]
fn sig_2_what_would_be_refused_anyway_takes_no_code_along() {
    let bank = Bank::open();
    let [mut aida, mut bakyt, _] = everybody(&bank);
    for (id, indicators) in [(1, 140), (2, 130)] {
        good(aida.post("/orders", &cap(indicators)));
        bank.later(30);
        good(aida.post(&format!("/orders/{id}/sign"), &coded(&bank.code(&AIDA))));
        bank.later(30);
        good(bakyt.post(&format!("/orders/{id}/approve"), &coded(&bank.code(&BAKYT))));
    }
    bank.later(30);
    let code = bank.code(&BAKYT);
    let back = json!({"reason": "r", "statement_confirmed": true, "code": code});
    let told = bakyt.post("/orders/1/rollback", &back);
    assert_eq!(
        (told.status, &told.body["code"]),
        (409, &json!("changed_by_order")),
        "{}",
        told.body
    );
    assert_eq!(told.body["values"]["order"], "2");
    // The same code is still good for what may be.
    assert_eq!(good(bakyt.post("/orders/2/rollback", &back))["status"], "rolled_back");
    bank.later(30);
    // So is that of who may not sign for somebody else.
    good(aida.post("/orders", &cap(120)));
    let code = coded(&bank.code(&AIDA));
    let third = json!({"kind": "agent_caps", "title": "t", "reason": "r", "revision": 1,
        "changes": [{"path": "agent_cash.cap_indicators", "to": 121}]});
    good(bank.token("PUT", "/orders/3", &third));
    let mut revised = code.clone();
    revised["revision"] = json!(2);
    let told = aida.post("/orders/3/sign", &revised);
    assert_eq!((told.status, &told.body["code"]), (403, &json!("not_the_maker")), "{}", told.body);
    good(aida.post("/orders", &cap(122)));
    good(aida.post("/orders/4/sign", &code));
    assert!(refusals(&bank).is_empty());
}

/// SIG-1: two named people, with the engine stopped, may do what no officer does alone, and give
/// the rights back.
#[test]
fn sig_1_the_last_checker_is_shut_out_by_two_people_and_orders_come_back_by_two() {
    let bank = Bank::in_earnest(&[&AIDA, &BAKYT, &CHYNARA]);
    let [_, _, mut chynara] = everybody(&bank);
    let off = json!({"active": false});
    for (path, body) in
        [("/users/bakyt/active", &off), ("/users/bakyt/roles", &json!({"roles": ["auditor"]}))]
    {
        let told = chynara.post(path, body);
        assert_ne!(told.status, 200, "{}", told.body);
    }
    let told = chynara.post("/users/bakyt/active", &off);
    assert_eq!((told.status, &told.body["code"]), (409, &json!("last_checker")));
    let detail = told.body["detail"].as_str().unwrap();
    assert!(detail.contains("give another person the role checker first"), "{detail}");
    let (place, _directory) = bank.stopped();
    let mut place = UserPlace { by: "chynara".to_owned(), ..place };
    place.config.security.test_keys = false;
    let alone = change(&place, "bakyt", &UserChange::SetActive(false)).map(|begun| begun.user);
    assert!(alone.unwrap_err().lines[0].contains("--approved-by"));
    let two = UserPlace { approved_by: "aida".to_owned(), ..place };
    change(&two, "bakyt", &UserChange::SetActive(false)).unwrap();
    let checker = UserChange::Add([authorization::Role::Checker].into_iter().collect());
    let begun = change(&two, "elnura", &checker).unwrap();
    assert!(begun.temporary_password.is_some());
    let more = change(&two, "elmira", &checker).map(|begun| begun.user);
    assert!(more.is_err(), "orders can be signed again");
}

/// SIG-1: the way out that `last_checker` names is there in test mode, too; and what one person may
/// do there stays as it was.
#[test]
fn sig_1_in_test_mode_two_people_shut_the_last_checker_out_as_well() {
    let (place, _directory) = Bank::open().stopped();
    let alone = UserPlace { by: "chynara".to_owned(), ..place };
    let off = UserChange::SetActive(false);
    let roles = |role| UserChange::SetRoles([role].into_iter().collect());
    let fewer = roles(authorization::Role::Auditor);
    let done = |place: &UserPlace, user: &str, what: &UserChange| {
        change(place, user, what).map(|_| ()).map_err(|failure| failure.lines[0].clone())
    };
    let more = [authorization::Role::Checker, authorization::Role::Auditor];
    done(&alone, "bakyt", &UserChange::SetRoles(more.into_iter().collect())).unwrap();
    for taken in [&off, &fewer] {
        let refused = done(&alone, "bakyt", taken).unwrap_err();
        assert!(refused.contains("--approved-by"), "{refused}");
    }
    let own = UserPlace { approved_by: "bakyt".to_owned(), ..alone };
    assert!(done(&own, "bakyt", &off).is_err(), "he is no second person about himself");
    let two = UserPlace { approved_by: "aida".to_owned(), ..own };
    done(&two, "bakyt", &fewer).unwrap();
    // Test mode asks for no order where it asked for none, whoever is named.
    let checker = roles(authorization::Role::Checker);
    done(&two, "bakyt", &checker).unwrap();
    done(&two, "elnura", &UserChange::Add([authorization::Role::Auditor].into_iter().collect()))
        .unwrap();
    done(&two, "elnura", &off).unwrap();
    done(&two, "elnura", &UserChange::SetActive(true)).unwrap();
    done(&two, "bakyt", &off).unwrap();
}
