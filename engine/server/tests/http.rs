//! The API against a whole engine over TCP: each endpoint, and what it says when it can't.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::{Command, Outcome};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use support::client::{Pos, message, purchase};
use support::{engine, open, open_with_bank};
use tamga::engine::Engine;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const TOKENS: [(&str, &str, &str); 5] = [
    (
        "everyone",
        "everyone-secret",
        "\"operator\", \"checker\", \"auditor\", \"privacy\", \"key_custodian\", \
         \"security_officer\"",
    ),
    ("desk", "desk-secret", "\"operator\""),
    ("second", "second-secret", "\"checker\""),
    ("books", "books-secret", "\"auditor\""),
    ("acceptance", "acceptance-secret", "\"operator\", \"checker\", \"auditor\""),
];

/// An engine with a bank in it, and somebody who asks it over HTTP.
struct Bank {
    engine: Option<Engine>,
    runtime: Runtime,
    directory: TempDir,
    http: SocketAddr,
    pos: SocketAddr,
}

struct Reply {
    status: u16,
    body: Value,
    headers: ureq::http::HeaderMap,
}

fn tokens() -> String {
    TOKENS
        .iter()
        .map(|(name, secret, roles)| {
            let digest = Sha256::digest(secret.as_bytes());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[[api_token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = [{roles}]\n")
        })
        .collect()
}

impl Bank {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tamga::serve::runtime(Some(2)).unwrap();
        let opened = open_with_bank(&directory.path().join("data"));
        let engine = runtime.block_on(engine(opened, &tokens()));
        let address = |name| engine.address(name).unwrap();
        let (http, pos) = (address("http"), address("pos"));
        Self { engine: Some(engine), runtime, directory, http, pos }
    }

    /// Stops the engine and starts it again on the same data.
    fn restart(mut self) -> Self {
        self.runtime.block_on(self.engine.take().unwrap().drain()).unwrap();
        let opened = open(&self.directory.path().join("data"));
        let engine = self.runtime.block_on(engine(opened, &tokens()));
        (self.http, self.pos) = (engine.address("http").unwrap(), engine.address("pos").unwrap());
        self.engine = Some(engine);
        self
    }

    fn command(&self, command: Command) -> Outcome {
        let shard = self.engine.as_ref().unwrap().shard().clone();
        self.runtime.block_on(shard.command(command, None)).unwrap().outcome
    }

    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).unwrap();
        let request = agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut response = agent.run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        Reply {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            headers: response.headers().clone(),
        }
    }

    fn api(&self, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("/api/v1{path}");
        self.call(method, &path, &[("authorization", "Bearer acceptance-secret")], &body)
    }

    fn get(&self, path: &str) -> Value {
        let reply = self.api("GET", path, &Value::Null);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// DE 39 of a message.
    fn send(&self, bytes: &[u8]) -> String {
        Pos::connect(self.pos).ask(bytes).code
    }
}

impl Reply {
    /// Checks an RFC 9457 answer.
    fn is_problem(&self, status: u16, field: Option<&str>) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], json!(status));
        assert!(self.body["type"].as_str().unwrap().starts_with("urn:tamga:problem:"));
        assert!(!self.body["title"].as_str().unwrap().is_empty());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
        assert_eq!(self.body["field"].as_str(), field, "{}", self.body);
    }
}

fn request(reason: &str) -> Value {
    json!({"reason": reason, "requested_by": "cardholder", "identified_by": "passport", "note": ""})
}

#[test]
fn an_account_says_what_is_available() {
    let bank = Bank::open();
    let account = bank.get("/accounts/A1");
    let expected = json!({
        "id": "A1", "customer": "C1", "product": "elcart", "currency": "KGS",
        "ledger_balance": "25000.00", "holds": "0.00", "available": "25000.00",
        "minimum_balance": "0.00", "minimum_balance_refill": null,
        "notification_service": "none", "overdraft": {"limit": "0.00", "used": "0.00"},
        "technical_overdraft": {"amount": "0.00", "interest": "0.00", "fees_due": "0.00",
            "penalty": "0.00", "to_repay": "0.00", "cause": null, "opened_at": null,
            "notified_at": null, "due_on": null, "overdue": false, "blocked": false},
        "arrested": false, "closed": false, "as_of": "2026-11-23T10:00:00.000+06:00",
    });
    assert_eq!(account, expected);
    assert_eq!(bank.send(&message("0100", 1, 150_000)), "00");
    let account = bank.get("/accounts/A1");
    assert_eq!(account["holds"], "1500.00");
    assert_eq!(
        (&account["ledger_balance"], &account["available"]),
        (&json!("25000.00"), &json!("23500.00"))
    );
    bank.api("GET", "/accounts/A9", &Value::Null).is_problem(404, None);
}

#[test]
fn a_technical_overdraft_shows_its_deadline_and_its_block() {
    let bank = Bank::open();
    assert_eq!(bank.send(&message("0220", 1, 2_600_000)), "00");
    let overdraft = bank.get("/accounts/A1")["technical_overdraft"].clone();
    assert_eq!(
        (&overdraft["amount"], &overdraft["due_on"]),
        (&json!("1000.00"), &json!("2026-11-30"))
    );
    assert_eq!(overdraft["opened_at"], "2026-11-23T10:00:00.000+06:00");
    assert_eq!(overdraft["blocked"], json!(false));
    let notices = bank.get("/notifications?account=A1");
    let expected = json!({"id": "1", "at": "2026-11-23T10:00:00.000+06:00",
        "kind": "technical_overdraft", "account": "A1", "customer": "C1", "amount": "1000.00",
        "currency": "KGS", "due_on": "2026-11-30"});
    assert_eq!(notices, json!({"items": [expected], "next": null}));
    let blocked = bank.api("POST", "/cards/K1/blocks", &request("technical_overdraft"));
    assert_eq!(blocked.status, 200, "{}", blocked.body);
    assert_eq!(bank.get("/accounts/A1")["technical_overdraft"]["blocked"], json!(true));
    let credit = json!({"amount": "1000.00", "reference": "r1", "purpose": "salary"});
    let answer = bank.api("POST", "/accounts/A1/credits", &credit).body;
    assert_eq!(answer["spent"]["technical_overdraft"], "1000.00");
    assert_eq!(bank.get("/accounts/A1")["technical_overdraft"]["opened_at"], Value::Null);
}

#[test]
fn a_credit_says_how_it_was_spent_and_checks_its_form() {
    let bank = Bank::open();
    let credit = json!({"amount": "700.00", "reference": "r1", "purpose": "salary"});
    let reply = bank.api("POST", "/accounts/A1/credits", &credit);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let expected = json!({
        "account": "A1", "amount": "700.00", "currency": "KGS", "reference": "r1",
        "purpose": "salary", "ledger_balance": "25700.00",
        "spent": {"technical_overdraft": "0.00", "overdraft": "0.00", "minimum_balance": "0.00",
            "own_use": "700.00", "technical_overdraft_parts":
            {"interest": "0.00", "fees": "0.00", "principal": "0.00"}},
    });
    assert_eq!(reply.body, expected);
    assert_eq!(bank.get("/accounts/A1")["ledger_balance"], "25700.00");
    let bad = |change: Value, field| {
        let mut body = credit.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        bank.api("POST", "/accounts/A1/credits", &body).is_problem(422, Some(field));
    };
    for amount in ["0", "0.00", "-1.00", "1.001", "1e3", "1,00", "", "99999999999999999999.00"] {
        bad(json!({"amount": amount}), "amount");
    }
    bad(json!({"amount": 700}), "amount");
    bad(json!({"currency": "USD"}), "currency");
    bad(json!({"currency": "som"}), "currency");
    bad(json!({"reference": ""}), "reference");
    bad(json!({"purpose": "x".repeat(501)}), "purpose");
    bad(json!({"amuont": "1.00"}), "amuont");
    bad(json!({"reference": "for 9417 0000 0000 0016"}), "reference");
    bank.api("POST", "/accounts/A9/credits", &credit).is_problem(404, None);
    assert_eq!(bank.get("/accounts/A1")["ledger_balance"], "25700.00", "nothing more came");
    let key = [("authorization", "Bearer acceptance-secret")];
    for body in ["", "[]", "{\"amount\":", "\u{1}"] {
        bank.call("POST", "/api/v1/accounts/A1/credits", &key, body).is_problem(400, None);
    }
    let huge = format!("{{\"amount\":\"{}\"}}", "1".repeat(70_000));
    bank.call("POST", "/api/v1/accounts/A1/credits", &key, &huge).is_problem(413, None);
}

#[test]
fn an_arrest_stops_debits_until_it_is_lifted() {
    let bank = Bank::open();
    let order = json!({"authority": "district court", "document": "17/2026"});
    let arrested = bank.api("PUT", "/accounts/A1/arrest", &order);
    assert_eq!(arrested.status, 200);
    assert_eq!(arrested.body["arrested"], json!(true));
    assert_eq!(bank.get("/accounts/A1")["arrested"], json!(true));
    assert_eq!(bank.send(&purchase(1, 1_000)), "57");
    let lifted = bank.api("DELETE", "/accounts/A1/arrest", &order);
    assert_eq!((lifted.status, &lifted.body["arrested"]), (200, &json!(false)));
    assert_eq!(bank.send(&purchase(2, 1_000)), "00");
    bank.api("PUT", "/accounts/A9/arrest", &order).is_problem(404, None);
    bank.api("PUT", "/accounts/A1/arrest", &json!({"authority": "x"}))
        .is_problem(422, Some("document"));
    bank.api("DELETE", "/accounts/A1/arrest", &Value::Null).is_problem(400, None);
}

#[test]
fn sec_4_switches_bind_at_once_and_scripts_wait_for_the_card() {
    let bank = Bank::open();
    let card = bank.get("/cards/K1");
    let shown = |card: &Value| {
        ["ecommerce", "moto", "atc", "scripts_pending"].map(|name| card[name].clone())
    };
    assert_eq!(shown(&card), [json!(true), json!(true), Value::Null, json!(0)]);
    let by = json!({"requested_by": "cardholder"});
    let with = |more: Value| {
        let mut body = by.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let off = bank.api("PUT", "/cards/K1/switches", &with(json!({"ecommerce": false})));
    assert_eq!((off.status, &off.body), (200, &json!({"ecommerce": false, "moto": true})));
    bank.api("PUT", "/cards/K1/switches", &with(json!({"moto": "no"})))
        .is_problem(422, Some("moto"));
    bank.api("PUT", "/cards/K9/switches", &by).is_problem(404, None);

    let data = with(json!({"kind": "put_data", "tag": "9F58", "value": "03"}));
    let queued = bank.api("POST", "/cards/K1/scripts", &data);
    assert_eq!(queued.status, 200, "{}", queued.body);
    let script = &queued.body["scripts"][0];
    for (name, value) in [
        ("id", "1"),
        ("kind", "put_data"),
        ("tag", "9F58"),
        ("value", "03"),
        ("standing", "queued"),
    ] {
        assert_eq!(script[name], value, "{name}");
    }
    assert_eq!(script["template"], Value::Null, "nobody knows before it goes");
    let card = bank.get("/cards/K1");
    assert_eq!(shown(&card), [json!(false), json!(true), Value::Null, json!(1)]);
    bank.api("POST", "/cards/K1/scripts", &data).is_problem(422, Some("kind"));
    for (wrong, field) in [
        (json!({"kind": "explode"}), "kind"),
        (json!({"kind": "pin_change"}), "kind"),
        (json!({"kind": "card_block", "value": "01"}), "tag"),
        (json!({"kind": "put_data", "tag": "9F5", "value": "01"}), "tag"),
        (json!({"kind": "put_data", "tag": "9F58", "value": "010203040506070809"}), "value"),
        (json!({"kind": "put_data", "tag": "9F58", "value": "0"}), "value"),
    ] {
        bank.api("POST", "/cards/K1/scripts", &with(wrong)).is_problem(422, Some(field));
    }
    let left = bank.api("DELETE", "/cards/K1/scripts/1", &Value::Null);
    assert_eq!((left.status, &left.body["scripts"]), (200, &json!([])));
    bank.api("DELETE", "/cards/K1/scripts/1", &Value::Null).is_problem(422, Some("id"));
    let bank = bank.restart();
    assert_eq!(bank.get("/cards/K1")["ecommerce"], json!(false));
}

#[test]
fn a_card_shows_status_and_counters() {
    let bank = Bank::open();
    assert_eq!(bank.send(&purchase(1, 100_000)), "00");
    let card = bank.get("/cards/K1");
    assert_eq!(card["pan"], "941700******0016");
    for (name, value) in [
        ("id", "K1"),
        ("expiry", "2912"),
        ("status", "active"),
        ("account", "A1"),
        ("holder", "C1"),
        ("sequence", "01"),
        ("service_code", "201"),
    ] {
        assert_eq!(card[name], value, "{name}");
    }
    assert_eq!((&card["blocks"], &card["pin_tries"]), (&json!([]), &json!(0)));
    let counters = card["counters"].as_array().unwrap();
    let of = |rule: &str| counters.iter().find(|counter| counter["rule"] == rule).unwrap();
    let agent = of("AGT-1");
    assert_eq!((&agent["used"], &agent["ceiling"]), (&json!("0.00"), &json!("15000.00")));
    assert_eq!(agent["resets_at"], "2026-11-24T00:00:00.000+06:00");
    assert_eq!((&agent["scope"], &agent["window"]), (&json!(["customer"]), &json!("day")));
    assert_eq!(of("CTL-1")["ceiling"], "3000.00");
    bank.api("GET", "/cards/9417000000000016", &Value::Null).is_problem(422, Some("id"));
}

#[test]
fn blk_1_a_block_binds_from_its_answer_on() {
    let bank = Bank::open();
    let reply = bank.api("POST", "/cards/K1/blocks", &request("holder_request"));
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body, json!({"card": "K1", "reason": "holder_request", "blocked": true}));
    assert_eq!(bank.send(&purchase(1, 1_000)), "62");
    assert_eq!(bank.api("POST", "/cards/K1/blocks", &request("stolen")).status, 200);
    assert_eq!(bank.send(&purchase(2, 1_000)), "43");
    let card = bank.get("/cards/K1");
    assert_eq!(card["status"], "stolen");
    assert_eq!(card["blocks"], json!(["holder_request", "stolen"]));
    let by = json!({"requested_by": "cardholder", "identified_by": "passport", "note": ""});
    let lifted = bank.api("DELETE", "/cards/K1/blocks/holder_request", &by);
    assert_eq!(lifted.status, 200);
    assert_eq!(lifted.body, json!({"card": "K1", "reason": "holder_request", "blocked": false}));
    bank.api("DELETE", "/cards/K1/blocks/holder_request", &by).is_problem(404, None);
    let never = bank.api("DELETE", "/cards/K1/blocks/stolen", &by);
    never.is_problem(409, None);
    assert_eq!(never.body["rule"], "BLK-2");
    bank.api("DELETE", "/cards/K1/blocks/nonsense", &by).is_problem(404, None);
    bank.api("DELETE", "/cards/K9/blocks/lost", &by).is_problem(404, None);
    bank.api("POST", "/cards/K9/blocks", &request("lost")).is_problem(404, None);
    for reason in ["", "lsot", "expired"] {
        bank.api("POST", "/cards/K1/blocks", &request(reason)).is_problem(422, Some("reason"));
    }
    let mut anonymous = request("lost");
    anonymous["identified_by"] = json!("");
    bank.api("POST", "/cards/K1/blocks", &anonymous).is_problem(422, Some("identified_by"));
    let audit = bank.get("/audit?card=K1");
    let looks = audit["items"].as_array().unwrap().iter().filter(|row| row["action"] == "look");
    assert_eq!((looks.count(), audit["items"].as_array().unwrap().len()), (1, 6), "{audit}");
    let last = &audit["items"][0];
    assert_eq!((&last["action"], &last["entered_by"]), (&json!("unblock"), &json!("acceptance")));
    assert_eq!(last["refused"], "nobody may lift that reason");
}

#[test]
fn suspected_fraud_is_lifted_by_two_persons() {
    let bank = Bank::open();
    assert_eq!(bank.api("POST", "/cards/K1/blocks", &request("suspected_fraud")).status, 200);
    let by = json!({"requested_by": "fraud desk"}).to_string();
    let path = "/api/v1/cards/K1/blocks/suspected_fraud";
    let desk = ("authorization", "Bearer desk-secret");
    bank.call("DELETE", path, &[desk], &by).is_problem(403, None);
    for (second, status) in [("desk-secret", 403), ("books-secret", 403), ("nobody", 401)] {
        let second = format!("Bearer {second}");
        bank.call("DELETE", path, &[desk, ("approved-by", &second)], &by).is_problem(status, None);
    }
    let both = [desk, ("approved-by", "Bearer second-secret")];
    assert_eq!(bank.call("DELETE", path, &both, &by).status, 200);
    let audit = bank.get("/audit?card=K1");
    assert_eq!(audit["items"][0]["entered_by"], "desk, approved by second");
}

#[test]
fn transactions_are_found_at_once_with_their_trace() {
    let bank = Bank::open();
    assert_eq!(bank.send(&purchase(1, 150_000)), "00");
    let list = bank.get("/transactions?card=K1");
    let row = &list["items"][0];
    for (name, value) in [
        ("mti", "0200"),
        ("processing_code", "000000"),
        ("operation", "purchase"),
        ("card", "K1"),
        ("pan", "941700******0016"),
        ("account", "A1"),
        ("terminal", "POS00001"),
        ("category", "merchant"),
        ("merchant", "M1"),
        ("amount", "1500.00"),
        ("currency", "KGS"),
        ("result", "approved"),
        ("code", "00"),
        ("stan", "000001"),
        ("liability", "unset"),
        ("at", "2026-11-23T10:00:00.000+06:00"),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(row["approved"], json!(true));
    let id = row["id"].as_str().unwrap();
    let detail = bank.get(&format!("/transactions/{id}"));
    assert_eq!(detail["id"], row["id"]);
    assert_eq!((&detail["entry_mode"], &detail["pin"]), (&json!("051"), &json!("online_verified")));
    let funds = detail["trace"].as_array().unwrap().iter().find(|line| line["rule"] == "BAL-1");
    let expected = json!({"rule": "BAL-1", "verdict": "pass", "asked": "1500.00",
        "used": "25000.00"});
    assert_eq!(funds, Some(&expected));
    let postings = json!([
        {"account": "A1", "amount": "-1500.00", "currency": "KGS"},
        {"general": "merchant_settlement", "amount": "1500.00", "currency": "KGS"},
    ]);
    assert_eq!(detail["postings"], postings);
    assert_eq!(bank.send(&purchase(1, 150_000)), "00", "the same message again");
    let detail = bank.get(&format!("/transactions/{id}"));
    assert_eq!(detail["retransmissions"].as_array().unwrap().len(), 1);
    bank.api("GET", "/transactions/999999", &Value::Null).is_problem(404, None);
    bank.api("GET", "/transactions/x", &Value::Null).is_problem(404, None);
}

#[test]
fn transactions_are_filtered_and_paged() {
    let bank = Bank::open();
    let mut pos = Pos::connect(bank.pos);
    for stan in 1..=7 {
        let minor = if stan == 4 { 9_000_000 } else { 100 };
        pos.ask(&purchase(stan, minor));
    }
    let stans = |query: &str| -> Vec<String> {
        let list = bank.get(&format!("/transactions{query}"));
        let items = list["items"].as_array().unwrap().iter();
        items.map(|row| row["stan"].as_str().unwrap().trim_start_matches('0').to_owned()).collect()
    };
    assert_eq!(stans("?code=51"), ["4"]);
    assert_eq!(stans("?account=A1&terminal=POS00001&limit=3"), ["7", "6", "5"]);
    assert_eq!(stans("?card=K2"), Vec::<String>::new());
    assert_eq!(stans("?from=2026-11-24"), Vec::<String>::new());
    assert_eq!(stans("?from=2026-11-23&to=2026-11-23T10:00:00.001%2B06:00").len(), 7);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = bank.get(&format!("/transactions?limit=2&cursor={cursor}"));
        for row in page["items"].as_array().unwrap() {
            seen.push(row["stan"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let all: Vec<String> = (1..=7).rev().map(|stan| format!("{stan:06}")).collect();
    assert_eq!(seen, all);
    for (query, field) in [
        ("?crad=K1", "crad"),
        ("?limit=0", "limit"),
        ("?cursor=x", "cursor"),
        ("?from=yesterday", "from"),
        ("?card=K1&card=K2", "card"),
    ] {
        bank.api("GET", &format!("/transactions{query}"), &Value::Null)
            .is_problem(422, Some(field));
    }
}

#[test]
fn a_post_sent_again_has_one_effect_and_the_same_answer() {
    let bank = Bank::open();
    let body = json!({"amount": "10.00", "reference": "r1", "purpose": "x"}).to_string();
    let path = "/api/v1/accounts/A1/credits";
    let send = |bank: &Bank, token: &str, key: &str, body: &str| {
        let token = format!("Bearer {token}");
        bank.call("POST", path, &[("authorization", &token), ("idempotency-key", key)], body)
    };
    let first = send(&bank, "desk-secret", "k1", &body);
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (200, None));
    assert_eq!(bank.send(&purchase(1, 500)), "00", "the balance moves meanwhile");
    let again = send(&bank, "desk-secret", "k1", &body);
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    send(&bank, "desk-secret", "k1", &body.replace("10.00", "11.00"))
        .is_problem(422, Some("Idempotency-Key"));
    assert_eq!(send(&bank, "acceptance-secret", "k1", &body).status, 200, "another caller's key");
    assert_eq!(bank.get("/accounts/A1")["ledger_balance"], "25015.00");
    send(&bank, "desk-secret", &"k".repeat(256), &body).is_problem(400, None);
    send(&bank, "desk-secret", "", &body).is_problem(400, None);

    let bank = bank.restart();
    let after = send(&bank, "desk-secret", "k1", &body);
    assert_eq!((after.status, &after.body), (200, &first.body), "over a restart too");
    assert_eq!(bank.get("/accounts/A1")["ledger_balance"], "25015.00");
}

#[test]
fn tokens_and_roles_decide_who_may_what() {
    let bank = Bank::open();
    let with = |method: &str, path: &str, token: &str, body: &str| {
        let token = format!("Bearer {token}");
        bank.call(method, path, &[("authorization", &token)], body)
    };
    let reads =
        ["/accounts/A1", "/cards/K1", "/transactions", "/rules", "/notifications", "/audit"];
    for path in reads.map(|path| format!("/api/v1{path}")) {
        let anonymous = bank.call("GET", &path, &[], "");
        anonymous.is_problem(401, None);
        assert!(anonymous.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        with("GET", &path, "wrong", "").is_problem(401, None);
        for (_, secret, _) in TOKENS {
            assert_eq!(with("GET", &path, secret, "").status, 200, "{path}");
        }
    }
    let writes = [
        ("POST", "/accounts/A1/credits"),
        ("PUT", "/accounts/A1/arrest"),
        ("DELETE", "/accounts/A1/arrest"),
        ("POST", "/cards/K1/blocks"),
        ("DELETE", "/cards/K1/blocks/lost"),
        ("POST", "/eod"),
        ("POST", "/test-clock"),
    ];
    for (method, path) in writes {
        let path = format!("/api/v1{path}");
        bank.call(method, &path, &[], "{}").is_problem(401, None);
        for secret in ["books-secret", "second-secret"] {
            with(method, &path, secret, "{}").is_problem(403, None);
        }
    }
    let audit = bank.get("/audit");
    let actions = audit["items"].as_array().unwrap().iter().map(|row| &row["action"]);
    let (looks, actions): (Vec<_>, Vec<_>) = actions.partition(|action| *action == "look");
    assert_eq!(looks.len(), 2 * TOKENS.len(), "each service's at an account and a card (PII-2)");
    let (access, others): (Vec<_>, Vec<_>) =
        actions.into_iter().partition(|action| *action == "access_denied" || *action == "alert");
    assert_eq!(others, [&json!("install_rules"), &json!("import")], "nothing was changed");
    assert!(access.len() > reads.len() + writes.len(), "each refusal is journaled (PII-2)");
}

#[test]
fn the_test_clock_goes_forward_and_ends_days_on_the_way() {
    let bank = Bank::open();
    assert_eq!(bank.send(&message("0100", 1, 100_000)), "00");
    let to = |text: &str| bank.api("POST", "/test-clock", &json!({ "to": text }));
    let moved = to("2026-12-01T12:00:00+06:00");
    assert_eq!(
        (moved.status, &moved.body),
        (200, &json!({"now": "2026-12-01T12:00:00.000+06:00"}))
    );
    let account = bank.get("/accounts/A1");
    assert_eq!((&account["holds"], &account["as_of"]), (&json!("0.00"), &moved.body["now"]));
    let days: Vec<Value> = bank.get("/audit")["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "end_of_day")
        .map(|entry| entry["details"]["date"].clone())
        .collect();
    assert_eq!(days.len(), 8);
    assert_eq!((&days[7], &days[0]), (&json!("2026-11-23"), &json!("2026-11-30")));
    assert_eq!(to("2026-12-01T12:00:00+06:00").status, 200, "where it stands already");
    to("2026-12-01T11:59:59+06:00").is_problem(409, None);
    to("2126-12-01T12:00:00+06:00").is_problem(422, Some("to"));
    to("tomorrow").is_problem(422, Some("to"));
    bank.api("POST", "/test-clock", &json!({})).is_problem(422, Some("to"));
}

#[test]
fn a_day_is_ended_by_hand_once() {
    let bank = Bank::open();
    let eod = |date: &str| bank.api("POST", "/eod", &json!({ "date": date }));
    let first = eod("2026-11-22").body;
    for (key, value) in [
        ("date", json!("2026-11-22")),
        ("already", json!(false)),
        ("caught_up", json!([])),
        ("holds_expired", json!(0)),
        ("transactions_forgotten", json!(0)),
    ] {
        assert_eq!(first[key], value, "{key}");
    }
    assert_eq!(eod("2026-11-22").body["already"], json!(true));
    let status = bank.get("/eod");
    assert_eq!(
        (&status["last_ended"], &status["next"]),
        (&json!("2026-11-22"), &json!("2026-11-23"))
    );
    assert_eq!(status["under_way"], json!(null));
    eod("2026-11-24").is_problem(409, None);
    eod("2026-02-30").is_problem(422, Some("date"));
}

#[test]
fn rules_say_what_is_in_force() {
    let bank = Bank::open();
    let text = "version = \"v2\"\n[[limit]]\nid = \"atm-day\"\nscope = \"card\"\n\
                counts = \"atm_cash\"\nmeasure = \"amount\"\nwindow = \"day\"\n\
                ceiling = \"50000.00\"\ncode = \"61\"\n[[limit]]\nid = \"many\"\n\
                scope = [\"card\", \"device\"]\ncounts = \"all\"\nmeasure = \"count\"\n\
                window = \"rolling-1h\"\nceiling = 3\n";
    let outcome = bank.command(Command::InstallRules { text: text.to_owned() });
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let rules = bank.get("/rules");
    assert_eq!((&rules["version"], &rules["installed"]), (&json!("v2"), &json!(true)));
    assert_eq!(rules["indicator"], "100.00");
    assert_eq!(rules["editions"], json!({"contactless": "76/8-2015", "agent_cash": "76/8-2015"}));
    let limit = json!({"id": "atm-day", "scope": ["card"], "counts": "atm_cash",
        "measure": "amount", "window": "day", "ceiling": "50000.00", "code": "61"});
    assert_eq!(rules["limits"][0], limit);
    assert_eq!(rules["limits"][1]["ceiling"], json!(3));
    assert_eq!(rules["text"], text);
    assert_eq!(rules["history"][0]["version"], "v2");
    assert_eq!(rules["history"].as_array().unwrap().len(), 2);
    let card = bank.get("/cards/K1");
    let counters = card["counters"].as_array().unwrap();
    let counter = counters.iter().find(|counter| counter["limit"] == "atm-day").unwrap();
    assert_eq!((&counter["used"], &counter["ceiling"]), (&json!("0.00"), &json!("50000.00")));
    assert_eq!(counter["scope"], json!(["card"]));
    assert_eq!(bank.send(&purchase(1, 100)), "00");
    let card = bank.get("/cards/K1");
    let counters = card["counters"].as_array().unwrap();
    let counter = counters.iter().find(|counter| counter["limit"] == "many").unwrap();
    assert_eq!((&counter["used"], &counter["ceiling"]), (&json!(1), &json!(3)));
    assert_eq!((&counter["of"], &counter["measure"]), (&json!("device POS00001"), &json!("count")));
}

#[test]
fn health_metrics_document_and_page_need_no_token() {
    let bank = Bank::open();
    bank.send(&purchase(1, 100));
    bank.get("/transactions");
    let plain = |path: &str| bank.call("GET", path, &[], "");
    assert_eq!(plain("/health/live").status, 200);
    let ready = plain("/health/ready");
    assert_eq!((ready.status, &ready.body["status"]), (200, &json!("ready")));
    assert_eq!(ready.body["engine"]["durable"], ready.body["read_model"]["position"]);
    let metrics = plain("/metrics").body;
    let metrics = metrics.as_str().unwrap();
    for name in ["tamga_http_requests_total", "tamga_history_sequence", "tamga_requests_total"] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    assert!(metrics.contains("route=\"/api/v1/transactions\""), "by route, not by path");
    let document = plain("/api/v1/openapi.json").body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/accounts/{id}/credits"]["post"].is_object());
    let page = plain("/");
    assert!(page.body.as_str().unwrap().contains("/api/v1/openapi.json"));
    assert!(page.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    plain("/api/nothing").is_problem(404, None);
    // Alike but for the number of their styles.
    let same = |page: &Value| {
        page.as_str().unwrap().split("nonce=\"").map(|part| part.len()).sum::<usize>()
    };
    let other = plain("/nothing").body;
    assert_eq!(same(&other), same(&page.body), "the console knows what it shows there");
    bank.api("GET", "/orders-not-yet", &Value::Null).is_problem(404, None);
    bank.api("DELETE", "/rules", &Value::Null).is_problem(405, None);
}

#[test]
fn no_answer_holds_a_clear_card_number() {
    let bank = Bank::open();
    bank.send(&purchase(1, 100));
    for path in ["/cards/K1", "/accounts/A1", "/transactions", "/transactions/3", "/audit"] {
        let text = bank.get(path).to_string();
        assert!(!text.contains(support::PAN), "{path}");
    }
    let metrics = bank.call("GET", "/metrics", &[], "").body.to_string();
    assert!(!metrics.contains(support::PAN));
}

/// Every text of every form that is described, so that a form which comes later is held to it too.
#[test]
fn no_form_takes_a_clear_card_number_in_a_text() {
    let bank = Bank::open();
    let document = bank.call("GET", "/api/v1/openapi.json", &[], "").body;
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.trim_start_matches("/api/v1").replace("{id}", "1");
        if path == "/keys" {
            // Its components and blocks are hex digits; only the name is journaled.
            continue;
        }
        if path.starts_with("/session") {
            // Names, passwords and codes that are compared and kept nowhere.
            continue;
        }
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next())
            else {
                continue;
            };
            let fields = document["components"]["schemas"][name]["properties"].as_object();
            // The one field that is a card number: nothing of it is kept.
            let is_number = |field: &str| path == "/cards/find" && field == "pan";
            let fields = fields.unwrap().iter().filter(|(field, _)| !is_number(field));
            for (field, _) in fields.filter(|(_, schema)| is_text(schema)) {
                let text = format!("card {} of a friend", support::PAN);
                let (body, whole) = (json!({ field: text }).to_string(), format!("/api/v1{path}"));
                let token = ("authorization", "Bearer everyone-secret");
                let reply = bank.call(&method.to_uppercase(), &whole, &[token], &body);
                assert_eq!(reply.status, 422, "{method} {path} {field}: {}", reply.body);
                assert_eq!(reply.body["field"], **field, "{method} {path}: {}", reply.body);
                let told = reply.body["detail"].as_str().unwrap();
                assert!(told.contains("holds a card number"), "{method} {path}: {told}");
                tried += 1;
            }
        }
    }
    assert!(tried > 40, "{tried} texts were tried");
    let body = json!({"action": "generate", "name": support::PAN, "usage": "data"}).to_string();
    let token = ("authorization", "Bearer everyone-secret");
    let reply = bank.call("POST", "/api/v1/keys", &[token], &body);
    assert_eq!((reply.status, &reply.body["field"]), (422, &json!("name")), "{}", reply.body);
    assert!(reply.body["detail"].as_str().unwrap().contains("holds a card number"));
}

fn is_text(schema: &Value) -> bool {
    let kinds = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    kinds.contains(&json!("string"))
}

#[test]
fn a_statement_is_as_the_ledger_and_each_line_leads_to_its_posting() {
    let bank = Bank::open();
    assert_eq!(bank.send(&purchase(1, 150_000)), "00");
    let credit = json!({"amount": "700.00", "reference": "=r1", "purpose": "salary, May"});
    assert_eq!(bank.api("POST", "/accounts/A1/credits", &credit).status, 200);
    let all = bank.get("/accounts/A1/statement");
    assert_eq!(all["opening_balance"], "0.00");
    assert_eq!(all["closing_balance"], bank.get("/accounts/A1")["ledger_balance"]);
    let lines = all["lines"].as_array().unwrap();
    let told: Vec<_> = lines.iter().map(|line| [&line["what"], &line["amount"]]).collect();
    let expected = [["opening", "25000.00"], ["purchase", "-1500.00"], ["credit", "700.00"]];
    assert_eq!(json!(told), json!(expected));
    assert_eq!(lines[1]["counterpart"], "merchant_settlement");
    assert_eq!(lines[2]["description"], "salary, May, =r1");
    let id = lines[1]["transaction"].as_str().unwrap();
    assert_eq!(bank.get(&format!("/transactions/{id}"))["postings"][0]["amount"], "-1500.00");
    let first = bank.get("/accounts/A1/statement?limit=2");
    let next = first["next"].as_str().unwrap();
    let rest = bank.get(&format!("/accounts/A1/statement?limit=2&cursor={next}"));
    assert_eq!((&rest["lines"][0], &rest["next"]), (&lines[2], &Value::Null));
    let day = bank.get("/accounts/A1/statement?from=2026-11-23&to=2026-11-23");
    assert_eq!(day["closing_balance"], all["closing_balance"], "a day is taken in whole");
    let later = bank.get("/accounts/A1/statement?from=2026-11-24");
    assert_eq!((&later["count"], &later["opening_balance"]), (&json!(0), &all["closing_balance"]));

    let token = ("authorization", "Bearer acceptance-secret");
    let path = "/api/v1/accounts/A1/statement";
    let reply = bank.call("GET", path, &[token, ("accept", "text/csv")], "");
    assert_eq!(reply.headers["content-type"], "text/csv; charset=utf-8");
    let csv = reply.body.as_str().unwrap();
    assert_eq!(csv, bank.get("/accounts/A1/statement?format=csv").as_str().unwrap());
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(rows[0].starts_with("posting,at,what"), "{csv}");
    assert!(rows[4].contains(",credit,\"salary, May, =r1\",incoming_credits,"), "{csv}");
    assert_eq!(rows[5], ",,closing_balance,,,,,,,,24200.00,KGS");
    for (query, field) in [
        ("from=2026-11-24&to=2026-11-23", "to"),
        ("cursor=x", "cursor"),
        ("format=pdf", "format"),
        ("limit=0", "limit"),
        ("form=2026-11-23", "form"),
    ] {
        let path = format!("/accounts/A1/statement?{query}");
        bank.api("GET", &path, &Value::Null).is_problem(422, Some(field));
    }
    bank.api("GET", "/accounts/A9/statement", &Value::Null).is_problem(404, None);
}

#[test]
fn bal_7_the_general_ledger_of_a_day_sums_to_zero() {
    let bank = Bank::open();
    assert_eq!(bank.send(&purchase(1, 150_000)), "00");
    let ledger = bank.get("/general-ledger?date=2026-11-23");
    assert_eq!(ledger["sums"][0]["closing"], "0.00");
    assert_eq!(ledger["sums"][0]["debit"], ledger["sums"][0]["credit"]);
    let totals = ledger["totals"].as_array().unwrap();
    let of = |class: &str| totals.iter().find(|row| row["class"] == class).unwrap();
    assert_eq!((&of("customers")["debit"], &of("customers")["postings"]).0, "1500.00");
    assert_eq!(of("merchant_settlement")["closing"], "1500.00");
    let csv = bank.get("/general-ledger?format=csv");
    assert!(csv.as_str().unwrap().contains("2026-11-23,KGS,merchant_settlement,0.00,0.00,1500.00"));
    assert_eq!(bank.get("/general-ledger?date=2026-11-22")["totals"], json!([]));
    bank.api("GET", "/general-ledger?date=x", &Value::Null).is_problem(422, Some("date"));
}
