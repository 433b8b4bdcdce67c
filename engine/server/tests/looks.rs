//! What addresses name: no card number is kept of one (PII-1), and whoever looks at a customer's
//! data is in the journal first (PII-2).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use support::PAN;
use support::people::{AIDA, Bank, Browser, CHYNARA};
use tracing_subscriber::fmt::MakeWriter;

/// What the log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The looks in the audit, oldest first: who, what was asked, and the audit's own row.
fn looks(bank: &Bank) -> Vec<(String, String, Value)> {
    let looks = bank.audit().into_iter().rev().filter(|row| row["action"] == "look");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    looks.map(|row| (text(&row["entered_by"]), text(&row["details"]["asked"]), row)).collect()
}

#[test]
fn a_card_number_in_an_address_is_refused_and_kept_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    tracing::subscriber::set_global_default(subscriber.with_writer(log.clone()).finish()).unwrap();
    // Every look is unusual: its subject goes into the alert and the log.
    let bank = Bank::with("[access]\nnight_from = \"09:00\"\n");
    let (mut aida, mut officer) = (Browser::new(&bank), Browser::new(&bank));
    aida.log_in(&AIDA);
    officer.log_in(&CHYNARA);
    let block = json!({"reason": "holder_request", "requested_by": "holder",
        "identified_by": "passport", "note": ""});
    let rest = PAN.strip_prefix('9').unwrap();
    let (encoded, twice) = (format!("%39{rest}"), format!("%2539{rest}"));
    let apart = "9417%200000-0000%200016".to_owned();
    for number in [PAN.to_owned(), encoded, twice, apart] {
        for (method, path, body) in [
            ("GET", format!("/cards/{number}"), &Value::Null),
            ("GET", format!("/accounts/{number}/statement"), &Value::Null),
            ("POST", format!("/cards/{number}/blocks"), &block),
            ("DELETE", format!("/cards/K1/raises/{number}"), &Value::Null),
            ("GET", format!("/transactions?card={number}"), &Value::Null),
            ("GET", format!("/customers/C1?reason={number}"), &Value::Null),
            ("GET", format!("/transactions?{number}=1"), &Value::Null),
        ] {
            for reply in [aida.send(method, &path, body), bank.token(method, &path, body)] {
                assert_eq!((reply.status, &reply.body["rule"]), (422, &json!("PII-1")), "{path}");
                assert!(!reply.body.to_string().contains(PAN), "{}", reply.body);
            }
            // Whoever may not is refused in the journal, without it.
            assert_eq!(officer.send(method, &path, body).status, 422, "{path}");
            assert_eq!(Browser::new(&bank).send(method, &path, body).status, 422, "{path}");
        }
    }
    assert_eq!(looks(&bank).len(), 0);
    assert_eq!(aida.get("/cards/K1").status, 200, "an id is none");
    assert_eq!(aida.get("/cards/9417000000000017").status, 404, "nor is a wrong check digit");
    assert_eq!(looks(&bank).len(), 2);
    let kept = bank.kept();
    assert!(holds(&kept, "K1") && holds(&kept, "9417000000000017"));
    assert!(!holds(&kept, PAN), "kept in clear");
    let log = log.0.lock().unwrap();
    assert!(holds(&log, "unusual access") && !holds(&log, PAN), "logged in clear");
}

#[test]
fn a_look_is_known_by_what_it_names_however_it_is_written() {
    let bank = Bank::open();
    let mut aida = Browser::new(&bank);
    aida.log_in(&AIDA);
    assert_eq!(aida.get("/cards/%4B1").status, 200);
    assert_eq!(aida.get("/cards/K1").status, 200);
    let looks = looks(&bank);
    assert_eq!(looks.len(), 1, "the same look: {looks:?}");
    assert_eq!(looks[0].2["card"], "K1");
}

#[test]
fn a_search_for_a_card_is_a_look_at_it() {
    let bank = Bank::open();
    let mut aida = Browser::new(&bank);
    aida.log_in(&AIDA);
    for query in ["", "?card=", "?terminal=POS00001", "?card=K1", "?card=K1&code=00", "?account=A1"]
    {
        assert_eq!(aida.get(&format!("/transactions{query}")).status, 200, "{query}");
    }
    assert_eq!(aida.get("/notifications?account=A1").status, 200);
    let looks = looks(&bank);
    assert_eq!(looks.len(), 2, "{looks:?}");
    assert_eq!((&looks[0].2["card"], &looks[1].2["account"]), (&json!("K1"), &json!("A1")));
    assert!(looks.iter().all(|(who, asked, _)| who == "aida" && asked == "GET /transactions"));
}

#[test]
fn a_card_that_is_found_is_journaled_whatever_it_was_found_by() {
    let bank = Bank::open();
    let mut aida = Browser::new(&bank);
    aida.log_in(&AIDA);
    for (by, value) in [("id", "K1"), ("customer", "C1"), ("account", "A1"), ("last_four", "0016")]
    {
        let before = bank.audit().len();
        let reply = aida.post("/cards/find", &json!({by: value, "reason": "a call"}));
        assert_eq!((reply.status, &reply.body["items"][0]["id"]), (200, &json!("K1")), "{by}");
        let audit = bank.audit();
        assert_eq!(audit.len(), before + 1, "{by}");
        assert_eq!((&audit[0]["card"], &audit[0]["entered_by"]), (&json!("K1"), &json!("aida")));
        assert_eq!(audit[0]["details"]["reason"], "a call");
        let none = aida.post("/cards/find", &json!({by: "9999"}));
        assert_eq!(none.body["items"], json!([]), "{by}");
    }
}

#[test]
fn an_agent_is_shown_to_who_works_with_customers_and_that_is_a_look() {
    let bank = Bank::open();
    let (mut aida, mut officer) = (Browser::new(&bank), Browser::new(&bank));
    aida.log_in(&AIDA);
    officer.log_in(&CHYNARA);
    assert_eq!(officer.get("/agents").status, 200, "nobody's data");
    assert_eq!(officer.get("/agents/AG1").status, 403);
    assert_eq!(aida.get("/agents/AG1").status, 404, "this bank has none");
    let looks = looks(&bank);
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0].2["details"]["agent"], "AG1");
}
