//! People over HTTP: logging in with two factors, and everything that can be wrong with it (SIG-4).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::{Reset, Role};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use support::people::{AIDA, BAKYT, Bank, Browser, CHYNARA};
use tamga::access::one_time::{Secret, step_at};
use tamga::access::personal_key::{possession_text, public_of, sign};
use tamga::users::{UserChange, UserPlace, change};

#[test]
fn two_factors_let_a_person_in_and_the_session_says_what_he_may_do() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    assert_eq!(browser.get("/accounts/A1").status, 401);
    let reply = browser.post("/session", &json!({"user": AIDA.name, "password": AIDA.password}));
    assert_eq!((reply.status, &reply.body), (200, &json!({"needs": "code"})));
    let cookie = reply.header("set-cookie").to_owned();
    assert!(cookie.starts_with("tamga-session="), "{cookie}");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    // Half a login opens nothing.
    let half = browser.get("/accounts/A1");
    assert_eq!((half.status, half.kind()), (401, "login-unfinished"));
    let reply = browser.post("/session/code", &json!({"code": bank.code(&AIDA)}));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_ne!(reply.header("set-cookie"), cookie, "another number after the second factor");
    assert_eq!(reply.body["roles"], json!(["operator"]));
    let permissions = reply.body["permissions"].as_array().unwrap();
    assert!(permissions.contains(&json!("POST /cards/{id}/blocks")));
    assert!(!permissions.contains(&json!("POST /keys")));
    let reply = browser.get("/accounts/A1");
    assert_eq!((reply.status, &reply.body["available"]), (200, &json!("25000.00")));
    assert_eq!(browser.get("/session").body["user"], "aida");
}

#[test]
fn nobody_learns_who_there_is() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    let mut attempt = |user: &str, password: &str| {
        let reply = browser.post("/session", &json!({"user": user, "password": password}));
        assert_eq!(reply.status, 401, "{}", reply.body);
        reply.body
    };
    let wrong = attempt(AIDA.name, "not the password");
    assert_eq!(attempt("nobody", "not the password"), wrong);
    assert_eq!(attempt("nobody", AIDA.password), wrong);
    for _ in 0..4 {
        assert_eq!(attempt(AIDA.name, "not the password"), wrong);
    }
    assert_eq!(attempt(AIDA.name, AIDA.password), wrong, "locked, and told the same");
    bank.later(61);
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    let audit = bank.audit();
    let refusals: Vec<&Value> =
        audit.iter().filter(|row| row["action"] == "login_refused").collect();
    let because =
        |wanted: &str| refusals.iter().filter(|row| row["details"]["because"] == wanted).count();
    assert_eq!((because("password"), because("unknown_user"), because("locked")), (5, 2, 1));
    assert!(refusals.iter().all(|row| row["entered_by"] != "nobody"), "a typed name is not kept");
    assert!(audit.iter().any(|row| row["action"] == "alert" && row["details"]["kind"] == "locked"));
}

#[test]
fn a_code_is_good_once_also_after_a_restart() {
    let bank = Bank::open();
    let code = bank.code(&AIDA);
    let mut browser = Browser::new(&bank);
    browser.password(&AIDA);
    assert_eq!(browser.post("/session/code", &json!({"code": "000000"})).status, 401);
    assert_eq!(browser.post("/session/code", &json!({"code": code})).status, 200);
    let bank = bank.restart();
    let mut browser = Browser::new(&bank);
    browser.password(&AIDA);
    let again = browser.post("/session/code", &json!({"code": code}));
    assert_eq!((again.status, again.kind()), (401, "code-used"));
    bank.later(30);
    assert_eq!(browser.post("/session/code", &json!({"code": bank.code(&AIDA)})).status, 200);
}

#[test]
fn a_clock_that_is_off_by_more_than_a_step_is_not_taken() {
    let bank = Bank::open();
    let old = bank.code(&AIDA);
    bank.later(3600);
    let mut browser = Browser::new(&bank);
    browser.password(&AIDA);
    let reply = browser.post("/session/code", &json!({"code": old}));
    assert_eq!(reply.status, 401);
    assert!(reply.body["detail"].as_str().unwrap().contains("clock"), "{}", reply.body);
    assert_eq!(browser.post("/session/code", &json!({"code": bank.code(&AIDA)})).status, 200);
}

#[test]
fn a_session_s_cookie_is_good_in_its_own_browser_only() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    let mut thief = Browser::new(&bank);
    thief.agent = "another browser".to_owned();
    thief.cookie.clone_from(&browser.cookie);
    let reply = thief.get("/accounts/A1");
    assert_eq!((reply.status, reply.kind()), (401, "session-ended"));
    let owner = browser.get("/accounts/A1");
    assert_eq!((owner.status, owner.kind()), (401, "session-ended"), "safe, and said");
    let audit = bank.audit();
    let told = |action: &str, key: &str, value: &str| {
        audit.iter().any(|row| row["action"] == action && row["details"][key] == value)
    };
    assert!(told("logout", "reason", "stolen"));
    assert!(told("alert", "kind", "stolen_session"));
    assert!(told("access_denied", "because", "session_stolen"));
}

#[test]
fn a_session_that_was_logged_out_is_refused_and_journaled() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    let kept = browser.cookie.clone();
    let reply = browser.send("DELETE", "/session", &Value::Null);
    assert_eq!(reply.status, 204, "{}", reply.body);
    assert!(reply.header("set-cookie").contains("Max-Age=0"));
    browser.cookie = kept;
    let reply = browser.get("/accounts/A1");
    assert_eq!((reply.status, reply.kind()), (401, "session-ended"));
    let audit = bank.audit();
    assert!(audit.iter().any(|row| row["details"]["because"] == "session_asked"));
    assert!(audit.iter().any(|row| row["details"]["kind"] == "stolen_session"));
}

#[test]
fn a_new_login_ends_the_one_before_and_says_so() {
    let bank = Bank::open();
    let (mut first, mut second) = (Browser::new(&bank), Browser::new(&bank));
    assert_eq!(first.log_in(&AIDA)["ended_other_session"], json!(false));
    bank.later(30);
    assert_eq!(second.log_in(&AIDA)["ended_other_session"], json!(true));
    let reply = first.get("/accounts/A1");
    assert_eq!((reply.status, reply.kind()), (401, "session-ended"));
    assert!(reply.body["detail"].as_str().unwrap().contains("elsewhere"), "{}", reply.body);
    assert_eq!(second.get("/accounts/A1").status, 200);
}

#[test]
fn a_change_needs_the_session_s_token_and_our_own_page() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    let block = json!({"reason": "holder_request", "requested_by": "holder",
        "identified_by": "passport", "note": ""});
    let csrf = browser.csrf.take();
    assert_eq!(browser.post("/cards/K1/blocks", &block).status, 403, "no token");
    browser.csrf = Some("0".repeat(32));
    assert_eq!(browser.post("/cards/K1/blocks", &block).status, 403, "another token");
    browser.csrf = csrf;
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        browser.extra = vec![(name.to_owned(), value.to_owned())];
        assert_eq!(browser.post("/cards/K1/blocks", &block).status, 403, "{name}: {value}");
        let login = json!({"user": AIDA.name, "password": AIDA.password});
        assert_eq!(browser.post("/session", &login).status, 403, "{name}: {value}");
    }
    let own = format!("http://{}", bank.http);
    browser.extra =
        vec![("origin".to_owned(), own), ("sec-fetch-site".to_owned(), "same-origin".to_owned())];
    let reply = browser.post("/cards/K1/blocks", &block);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let audit = bank.audit();
    let because = |wanted: &str| audit.iter().any(|row| row["details"]["because"] == wanted);
    assert!(because("csrf_token") && because("foreign_origin"));
    let block = audit.iter().find(|row| row["action"] == "block").unwrap();
    assert_eq!(block["entered_by"], "aida");
}

#[test]
fn an_idle_session_locks_and_its_password_unlocks_it() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    bank.later(14 * 60);
    assert_eq!(browser.get("/accounts/A1").status, 200);
    bank.later(14 * 60);
    browser.extra = vec![("x-tamga-background".to_owned(), "1".to_owned())];
    assert_eq!(browser.get("/accounts/A1").status, 200, "a page that asks by itself ...");
    browser.extra.clear();
    bank.later(2 * 60);
    let reply = browser.get("/accounts/A1");
    assert_eq!((reply.status, reply.kind()), (401, "session-locked"), "... is no sign of life");
    assert_eq!(browser.get("/session").body["locked"], json!(true));
    assert_eq!(browser.post("/session/unlock", &json!({"password": "wrong"})).status, 401);
    let reply = browser.post("/session/unlock", &json!({"password": AIDA.password}));
    assert_eq!((reply.status, &reply.body["locked"]), (200, &json!(false)));
    assert_eq!(browser.get("/accounts/A1").status, 200);
    assert_eq!(browser.post("/session/lock", &json!({})).status, 204);
    assert_eq!(browser.get("/accounts/A1").kind(), "session-locked");
    bank.later(11 * 3600);
    assert_eq!(browser.get("/accounts/A1").kind(), "session-ended");
}

#[test]
fn what_a_role_does_not_give_is_refused_and_journaled() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    let reply = browser.post("/customers/C1/erase", &json!({"reason": "x"}));
    assert_eq!((reply.status, &reply.body["rule"]), (403, &json!("PII-2")));
    for _ in 0..3 {
        assert_eq!(browser.get("/customers/C1/data-report").status, 403);
    }
    let denied: Vec<Value> =
        bank.audit().into_iter().filter(|row| row["action"] == "access_denied").collect();
    let asked: Vec<&str> =
        denied.iter().filter_map(|row| row["details"]["asked"].as_str()).collect();
    assert_eq!(asked, ["GET /customers/{id}/data-report", "POST /customers/{id}/erase"]);
    assert!(denied.iter().all(|row| row["entered_by"] == "aida"));
}

#[test]
fn each_look_at_a_customer_s_data_is_journaled_once_a_minute_of_a_service_too() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    browser.log_in(&AIDA);
    for _ in 0..3 {
        assert_eq!(browser.get("/accounts/A1").status, 200);
        assert_eq!(bank.token("GET", "/cards/K1", &Value::Null).status, 200);
    }
    assert_eq!(browser.get("/cards/K1").status, 200);
    assert_eq!(bank.token("GET", "/cards/K1/settings", &Value::Null).status, 200);
    assert_eq!(bank.token("GET", "/accounts/A1/statement", &Value::Null).status, 200);
    assert_eq!(bank.token("GET", "/rules", &Value::Null).status, 200, "nobody's data");
    let audit = bank.audit();
    let looks = audit.iter().rev().filter(|row| row["action"] == "look");
    let seen: Vec<(&str, &Value, &Value)> = looks
        .map(|row| (row["entered_by"].as_str().unwrap(), &row["account"], &row["card"]))
        .collect();
    let (account, card, none) = (&json!("A1"), &json!("K1"), &Value::Null);
    assert_eq!(
        seen,
        [
            ("aida", account, none),
            ("service", none, card),
            ("aida", none, card),
            ("service", account, none)
        ]
    );
}

#[test]
fn a_service_that_looks_at_many_customers_is_told() {
    let bank = Bank::with("[access]\nalert_customers_per_hour = 1\n");
    assert_eq!(bank.token("GET", "/cards/K1", &Value::Null).status, 200);
    assert_eq!(bank.token("GET", "/alerts", &Value::Null).body["alerts"], json!([]));
    assert_eq!(bank.token("GET", "/accounts/A1", &Value::Null).status, 200);
    let alerts = bank.token("GET", "/alerts", &Value::Null).body;
    assert_eq!(alerts["alerts"][0]["kind"], "many_customers", "{alerts}");
    assert_eq!(alerts["alerts"][0]["user"], "service");
}

#[test]
fn the_headers_are_those_that_browsers_need() {
    let bank = Bank::open();
    let mut browser = Browser::new(&bank);
    let reply = browser.get("/permissions");
    assert_eq!(reply.status, 401);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(reply.header(name), value);
    }
    let policy = reply.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(reply.header("permissions-policy").contains("camera=()"));
}

#[test]
fn a_new_user_sets_his_password_and_enrols_before_he_is_in() {
    let bank = Bank::open();
    let mut officer = Browser::new(&bank);
    officer.log_in(&CHYNARA);
    let new = json!({"user": "daniyar", "roles": ["auditor"]});
    let reply = officer.post("/users", &new);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let temporary = reply.body["temporary_password"].as_str().unwrap().to_owned();
    assert_eq!(officer.post("/users", &new).status, 409);
    let mut browser = Browser::new(&bank);
    let reply = browser.post("/session", &json!({"user": "daniyar", "password": temporary}));
    assert_eq!((reply.status, &reply.body["needs"]), (200, &json!("password")));
    assert_eq!(browser.post("/session/enrolment", &json!({})).status, 409, "one after the other");
    for (bad, why) in [
        ("short", "12 characters"),
        ("Password2026!", "tried first"),
        ("daniyar-daniyar", "name"),
        (temporary.as_str(), "had before"),
    ] {
        let reply = browser.post("/session/password", &json!({"new": bad}));
        assert_eq!((reply.status, &reply.body["field"]), (422, &json!("new")), "{bad}");
        assert!(reply.body["detail"].as_str().unwrap().contains(why), "{}", reply.body);
    }
    let own = "five crows over the pass";
    let reply = browser.post("/session/password", &json!({"new": own}));
    assert_eq!((reply.status, &reply.body["needs"]), (200, &json!("enrol")));
    let reply = browser.post("/session/enrolment", &json!({}));
    assert!(reply.body["uri"].as_str().unwrap().starts_with("otpauth://totp/Tamga:daniyar?"));
    assert!(reply.body["qr"].as_str().unwrap().contains("<svg"));
    let secret = Secret::from_base32(reply.body["secret"].as_str().unwrap()).unwrap();
    let code = |bank: &Bank| secret.code(step_at(bank.engine().clock().now().at));
    assert_eq!(browser.post("/session/enrolment/confirm", &json!({"code": "1"})).status, 401);
    let reply = browser.post("/session/enrolment/confirm", &json!({"code": code(&bank)}));
    assert_eq!((reply.status, &reply.body["roles"]), (200, &json!(["auditor"])), "{}", reply.body);
    assert_eq!(browser.get("/audit").status, 200);
    // The code that enrolled is used.
    browser.post("/session", &json!({"user": "daniyar", "password": own}));
    assert_eq!(browser.post("/session/code", &json!({"code": code(&bank)})).kind(), "code-used");
}

#[test]
fn a_lost_second_factor_is_reset_by_an_officer_and_another_person() {
    let bank = Bank::open();
    let (mut officer, mut checker) = (Browser::new(&bank), Browser::new(&bank));
    officer.log_in(&CHYNARA);
    checker.log_in(&BAKYT);
    let ask = json!({"what": "totp"});
    assert_eq!(checker.post("/users/aida/reset", &ask).status, 403, "no officer");
    assert_eq!(checker.post("/users/aida/reset/approval", &json!({})).status, 409);
    let reply = officer.post("/users/aida/reset", &ask);
    assert_eq!((reply.status, &reply.body["reset_asked"]["by"]), (200, &json!("chynara")));
    let own = officer.post("/users/aida/reset/approval", &json!({}));
    assert_eq!((own.status, &own.body["rule"]), (403, &json!("SIG-1")));
    let mut aida = Browser::new(&bank);
    aida.log_in(&AIDA);
    assert_eq!(checker.post("/users/aida/reset/approval", &json!({})).status, 200);
    assert_eq!(aida.get("/accounts/A1").kind(), "session-ended");
    let login = json!({"user": AIDA.name, "password": AIDA.password});
    assert_eq!(aida.post("/session", &login).body["needs"], "enrol");
    bank.later(73 * 3600);
    assert_eq!(aida.post("/session", &login).status, 401, "after its time it is asked for again");
    let audit = bank.audit();
    let by = |action: &str| {
        let row = audit.iter().find(|row| row["action"] == action);
        row.map(|row| row["entered_by"].clone())
    };
    assert_eq!(
        (by("ask_reset"), by("approve_reset")),
        (Some("chynara".into()), Some("bakyt".into()))
    );
}

#[test]
fn a_disabled_user_is_out_at_once() {
    let bank = Bank::open();
    let (mut officer, mut aida) = (Browser::new(&bank), Browser::new(&bank));
    officer.log_in(&CHYNARA);
    aida.log_in(&AIDA);
    assert_eq!(officer.post("/users/aida/active", &json!({"active": false})).status, 200);
    assert_eq!(aida.get("/accounts/A1").kind(), "session-ended");
    let login = json!({"user": AIDA.name, "password": AIDA.password});
    assert_eq!(aida.post("/session", &login).status, 401);
    let last = officer.post("/users/chynara/active", &json!({"active": false}));
    assert_eq!(last.status, 409, "the last officer stays: {}", last.body);
    let listed = officer.get("/users").body;
    let active: Vec<&Value> =
        listed["users"].as_array().unwrap().iter().map(|user| &user["active"]).collect();
    assert_eq!(active, [&json!(false), &json!(true), &json!(true)]);
}

#[test]
fn a_personal_key_needs_proof_and_a_second_person() {
    let bank = Bank::open();
    let (mut officer, mut aida) = (Browser::new(&bank), Browser::new(&bank));
    officer.log_in(&CHYNARA);
    aida.log_in(&AIDA);
    let secret = [7; 32];
    let key = public_of(&secret);
    let proof = |user: &str| hex::encode(sign(&secret, &possession_text(user, &key)));
    let text = hex::encode(key);
    let form = |proof: String| json!({"key": text, "label": "office", "proof": proof});
    let foreign = aida.post("/session/keys", &form(proof("bakyt")));
    assert_eq!((foreign.status, &foreign.body["field"]), (422, &json!("proof")));
    let reply = aida.post("/session/keys", &form(proof("aida")));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["keys"][0]["standing"], "waiting");
    assert_eq!(aida.post("/session/keys", &form(proof("aida"))).status, 409);
    let approval = format!("/users/aida/keys/{text}/approval");
    assert_eq!(aida.post(&approval, &json!({})).status, 403);
    let reply = officer.post(&approval, &json!({}));
    assert_eq!((reply.status, &reply.body["keys"][0]["standing"]), (200, &json!("good")));
    assert_eq!(aida.get("/session").body["keys"], json!([text]));
    let reply = aida.send("DELETE", &format!("/session/keys/{text}"), &Value::Null);
    assert_eq!((reply.status, &reply.body["keys"][0]["standing"]), (200, &json!("withdrawn")));
    assert_eq!(officer.post(&approval, &json!({})).status, 404);
}

#[test]
fn unusual_access_is_told() {
    let bank = Bank::with("[access]\nalert_refusals_per_hour = 2\nnight_from = \"09:00\"\n");
    let (mut officer, mut aida) = (Browser::new(&bank), Browser::new(&bank));
    officer.log_in(&CHYNARA);
    aida.log_in(&AIDA);
    assert_eq!(aida.get("/alerts").status, 403);
    aida.get("/keys/none");
    for _ in 0..3 {
        assert_eq!(aida.get("/users").status, 403);
    }
    assert_eq!(aida.get("/cards/K1").status, 200);
    let alerts = officer.get("/alerts").body;
    let told: Vec<(&str, &str)> = alerts["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| (alert["kind"].as_str().unwrap(), alert["user"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("at_night", "aida"), ("repeated_refusals", "aida")]);
    assert_eq!(officer.get("/alerts?kind=at_night").body["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(officer.get("/alerts?kind=noon").status, 422);
}

#[test]
fn a_network_that_guesses_is_put_off() {
    let bank = Bank::with("[access]\nattempts_per_minute = 5\n");
    let mut browser = Browser::new(&bank);
    let mut attempt =
        |user: String| browser.post("/session", &json!({"user": user, "password": "x"})).status;
    let statuses: Vec<u16> = (0..6).map(|n| attempt(format!("user{n}"))).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
}

#[test]
fn the_statement_of_legal_force_is_there_in_three_languages() {
    let bank = Bank::open();
    let reply = bank.token("GET", "/signing/statement", &Value::Null);
    assert_eq!((reply.status, &reply.body["version"]), (200, &json!(1)));
    for (language, word) in [("ky", "юридикалык"), ("ru", "юридическую"), ("en", "legal")]
    {
        assert!(reply.body[language].as_str().unwrap().contains(word), "{language}");
    }
    assert_eq!(bank.token("GET", "/signing/statement?version=9", &Value::Null).status, 404);
}

/// Guesses that are sent at once wait for one another; a right one among them is held to the lock
/// that the wrong ones before it brought.
#[test]
fn a_lock_holds_for_guesses_that_were_sent_before_it() {
    let bank = Bank::with("[access]\nattempts_per_minute = 1000\n");
    let send = |password: &str| {
        let body = json!({"user": AIDA.name, "password": password}).to_string();
        let mut stream = TcpStream::connect(bank.http).unwrap();
        let (host, length) = (bank.http, body.len());
        write!(
            stream,
            "POST /api/v1/session HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .unwrap();
        stream
    };
    let wrong: Vec<TcpStream> = (0..30).map(|n| send(&format!("wrong guess {n}"))).collect();
    // One is answered, so the others stand in the queue, and the right one behind them: it is read
    // while nobody is locked, and its turn comes when the user is.
    wrong[0].peek(&mut [0]).unwrap();
    let right = send(AIDA.password);
    let status = |mut stream: TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status(right), "401", "it was looked at after five wrong ones");
    for stream in wrong {
        assert_eq!(status(stream), "401");
    }
    let audit = bank.audit();
    let refused =
        |because: &str| audit.iter().filter(|row| row["details"]["because"] == because).count();
    assert_eq!(refused("password") + refused("locked"), 31);
    assert!(refused("locked") > 0, "{audit:?}");
}

#[test]
fn half_a_login_that_began_before_sets_no_password() {
    let bank = Bank::open();
    let mut officer = Browser::new(&bank);
    officer.log_in(&CHYNARA);
    let reply = officer.post("/users", &json!({"user": "daniyar", "roles": ["auditor"]}));
    let temporary = reply.body["temporary_password"].as_str().unwrap().to_owned();
    let login = json!({"user": "daniyar", "password": temporary});
    let (mut owner, mut thief) = (Browser::new(&bank), Browser::new(&bank));
    thief.agent = "another browser".to_owned();
    for browser in [&mut thief, &mut owner] {
        assert_eq!(browser.post("/session", &login).body["needs"], "password");
    }
    let own = json!({"new": "five crows over the pass"});
    assert_eq!(owner.post("/session/password", &own).body["needs"], "enrol");
    let stolen = thief.post("/session/password", &json!({"new": "six owls under the roof"}));
    assert_eq!((stolen.status, stolen.kind()), (401, "session-ended"), "{}", stolen.body);
    let mut browser = Browser::new(&bank);
    let again = json!({"user": "daniyar", "password": "five crows over the pass"});
    assert_eq!(browser.post("/session", &again).body["needs"], "enrol", "it is the owner's still");
}

#[test]
fn what_is_sent_twice_about_users_is_done_once() {
    let bank = Bank::open();
    let new = json!({"user": "daniyar", "roles": ["auditor"]});
    let first = bank.token_once("k1", "/users", &new);
    assert!(first.body["temporary_password"].is_string(), "{}", first.body);
    let again = bank.token_once("k1", "/users", &new);
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(again.body["temporary_password"], Value::Null, "it is kept nowhere");
    assert!(again.body["note"].as_str().unwrap().contains("shown once"), "{}", again.body);
    assert_eq!(
        bank.token_once("k1", "/users", &json!({"user": "x", "roles": ["auditor"]})).status,
        422
    );
    assert_eq!(bank.token_once("k2", "/users", &new).status, 409, "another request");

    let mut aida = Browser::new(&bank);
    let off = json!({"active": false});
    assert_eq!(bank.token_once("k3", "/users/aida/active", &off).body["active"], json!(false));
    let on = bank.token("POST", "/users/aida/active", &json!({"active": true}));
    assert_eq!(on.status, 200, "{}", on.body);
    aida.log_in(&AIDA);
    let late = bank.token_once("k3", "/users/aida/active", &off);
    assert_eq!((late.status, late.header("idempotency-replayed")), (200, "true"));
    assert_eq!(late.body["active"], json!(true), "a late repeat does it no second time ...");
    assert_eq!(aida.get("/accounts/A1").status, 200, "... and ends no session");
    for (key, path, body) in [
        ("k4", "/users/daniyar/roles", json!({"roles": ["privacy"]})),
        ("k5", "/users/daniyar/reset", json!({"what": "password"})),
    ] {
        assert_eq!(bank.token_once(key, path, &body).header("idempotency-replayed"), "");
        assert_eq!(bank.token_once(key, path, &body).header("idempotency-replayed"), "true");
    }
    let mut checker = Browser::new(&bank);
    checker.log_in(&BAKYT);
    checker.extra = vec![("idempotency-key".to_owned(), "k6".to_owned())];
    let reset = checker.post("/users/daniyar/reset/approval", &Value::Null);
    assert!(reset.body["temporary_password"].is_string(), "{}", reset.body);
    let again = checker.post("/users/daniyar/reset/approval", &Value::Null);
    assert_eq!((again.status, &again.body["temporary_password"]), (200, &Value::Null));
    assert!(again.body["note"].as_str().unwrap().contains("reset"), "{}", again.body);
    let adds = bank.audit();
    let count = |action: &str| adds.iter().filter(|row| row["action"] == action).count();
    assert_eq!((count("approve_reset"), count("ask_reset"), count("disable_user")), (1, 1, 1));
}

#[test]
fn an_order_makes_no_user_who_is_called_as_a_service_is() {
    let bank = Bank::open();
    let order = |user: &str| {
        json!({
            "kind": "users", "title": "t", "reason": "r",
            "changes": [{"path": format!("user[{user}]"),
                "to": {"roles": ["auditor"], "active": true}}],
        })
    };
    let refused = bank.token("POST", "/orders", &order("service"));
    assert_eq!((refused.status, &refused.body["rule"]), (422, &json!("SIG-4")));
    assert!(refused.body["detail"].as_str().unwrap().contains("token"), "{}", refused.body);
    let written = bank.token("POST", "/orders", &order("daniyar"));
    assert_eq!(written.status, 200, "{}", written.body);
    let mut revised = order("service");
    revised["revision"] = json!(1);
    assert_eq!(bank.token("PUT", "/orders/1", &revised).status, 422);
}

/// `tamga user` against the engine that runs.
#[test]
fn the_command_line_is_told_what_the_running_engine_did() {
    let bank = Bank::open();
    let place = bank.place();
    let roles = [Role::Auditor].into_iter().collect();
    let begun = change(&place, "daniyar", &UserChange::Add(roles)).unwrap();
    assert!(begun.temporary_password.is_some());
    for asked in [
        UserChange::SetRoles([Role::Privacy].into_iter().collect()),
        UserChange::SetActive(false),
        UserChange::SetActive(true),
        UserChange::Reset(Reset::Password),
        UserChange::Reset(Reset::OneTime),
    ] {
        let begun = change(&place, "daniyar", &asked).unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!((begun.user.as_str(), begun.temporary_password), ("daniyar", None));
    }
    let user = bank.token("GET", "/users/daniyar", &Value::Null).body;
    assert_eq!((&user["roles"], &user["active"]), (&json!(["privacy"]), &json!(true)));
    assert_eq!(user["reset_asked"]["what"], "totp");
    assert!(change(&place, "nobody", &UserChange::SetActive(false)).is_err());
}

/// A token is for a running engine; on a directory at rest it is no second person.
#[test]
fn a_stopped_engine_resets_nothing_for_one_person() {
    let (place, _directory) = Bank::open().stopped();
    for what in [Reset::Password, Reset::OneTime] {
        let alone = change(&place, "aida", &UserChange::Reset(what)).map(|begun| begun.user);
        assert!(alone.unwrap_err().lines[0].contains("second person"));
    }
    let own = UserPlace { by: "bakyt".to_owned(), approved_by: "bakyt".to_owned(), ..place };
    assert!(change(&own, "aida", &UserChange::Reset(Reset::Password)).is_err());
    let two = UserPlace { approved_by: "chynara".to_owned(), ..own };
    let begun = change(&two, "aida", &UserChange::Reset(Reset::Password)).unwrap();
    assert!(begun.temporary_password.is_some());
    let service = change(&two, "service", &UserChange::Add([Role::Auditor].into_iter().collect()));
    assert!(service.map(|begun| begun.user).unwrap_err().lines[0].contains("token"));
}
