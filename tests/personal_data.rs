//! PII-2 and PII-3 on a running engine: who sees what, what is journaled, and an erasure that
//! leaves nothing of the customer in any file while the books stay whole.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use personal::{CustomerKeys, Standing};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tamga_sim::scenario::{Engine, Launch};
use tamga_tests::programs::{binary, tamga};

const CLOCK: &str = "2026-11-23T10:00:00+06:00";
const NAME: &str = "Жибек Канаркова";
const PHONE: &str = "+996700918273";
const PAN: &str = "9417000000000016";
const RULES: &str = "version = \"personal\"\n[retention]\nagreement_years = 1\n\
    operations_years = 1\n[technical_overdraft]\nannual_rate = \"24.00\"\n\
    [[network]]\nname = \"Elcart\"\nbins = [\"9417\"]\nregistration = \"001\"\nvalid_from = 2006-01-01\n";

fn portfolio() -> String {
    [
        r#"{"type":"product","id":"elcart","currency":"KGS"}"#.to_owned(),
        format!(r#"{{"type":"customer","id":"C1","name":"{NAME}","phone":"{PHONE}"}}"#),
        r#"{"type":"customer","id":"C2","name":"Someone Else","phone":"+996555000002"}"#.to_owned(),
        r#"{"type":"account","id":"A1","customer":"C1","product":"elcart","currency":"KGS","balance":"0.00"}"#.to_owned(),
        r#"{"type":"account","id":"A2","customer":"C2","product":"elcart","currency":"KGS","balance":"700.00"}"#.to_owned(),
        format!(r#"{{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"{PAN}","expiry":"2912"}}"#),
        r#"{"type":"card","id":"K2","account":"A2","holder":"C2","pan":"9417000000000024","expiry":"2912"}"#.to_owned(),
        r#"{"type":"merchant","id":"M1","name":"Market","mcc":"5411","country":"KG"}"#.to_owned(),
        r#"{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M1","listener":"pos"}"#.to_owned(),
    ]
    .join("\n")
}

struct Bank {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Bank {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portfolio.jsonl");
        fs::write(&file, portfolio()).unwrap();
        let launch = Launch {
            program: binary("tamga"),
            patience: Duration::from_secs(60),
            zone: "Asia/Bishkek".to_owned(),
        };
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        let engine = Engine::start(&launch, &home, RULES, &file, CLOCK).unwrap();
        fs::remove_file(&file).unwrap();
        Self { folder, engine }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("home/data")
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.engine.http());
        let bearer = format!("Bearer {}", self.engine.token());
        let request = ureq::get(&url).header("Authorization", &bearer);
        let mut answer = request.config().http_status_as_error(false).build().call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.engine.http());
        let bearer = format!("Bearer {}", self.engine.token());
        let request = ureq::post(&url).header("Authorization", &bearer);
        let request = request.config().http_status_as_error(false).build();
        let mut answer = request.send(body.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The files below a folder that hold the text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![], vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if contains(&fs::read(&path).unwrap(), text.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

fn erase_after_the_end(bank: &Bank) {
    let (status, problem) = bank.post("/customers/C1/erase", &json!({"reason": "asked"}));
    assert_eq!((status, &problem["rule"]), (409, &json!("PII-3")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("A1 is open"), "{problem}");
    let (status, ended) = bank.post("/accounts/A1/closure", &json!({"note": "moved away"}));
    assert_eq!((status, &ended["status"]), (200, &json!("closed")), "{ended}");
    let (status, problem) = bank.post("/customers/C1/erase", &json!({"reason": "asked"}));
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("kept until 2027-11-23"), "{problem}");
    let (status, _) = bank.post("/test-clock", &json!({"to": "2027-11-24T09:00:00+06:00"}));
    assert_eq!(status, 200);
    let (status, erased) = bank.post("/customers/C1/erase", &json!({"reason": "asked"}));
    assert_eq!((status, &erased["status"]), (200, &json!("erased")), "{erased}");
}

#[test]
fn pii_2_each_look_is_journaled_with_its_reason() {
    let bank = Bank::start();
    let (status, customer) = bank.get("/customers/C1?reason=call");
    assert_eq!((status, &customer["name"]), (200, &json!(NAME)));
    assert_eq!((&customer["phone"], &customer["accounts"]), (&json!(PHONE), &json!(["A1"])));
    let (status, card) = bank.post("/cards/K1/reveal", &json!({"reason": "reissue by post"}));
    assert_eq!((status, &card["pan"]), (200, &json!(PAN)));
    let (status, problem) = bank.post("/cards/K1/reveal", &json!({}));
    assert_eq!((status, &problem["field"]), (422, &json!("reason")));
    assert_eq!(bank.post("/cards/K9/reveal", &json!({"reason": "x"})).0, 404);
    let reason = format!("about {PAN}");
    assert_eq!(bank.post("/cards/K1/reveal", &json!({ "reason": reason })).0, 422);
    let (status, report) = bank.get("/customers/C1/data-report?reason=his%20request");
    assert_eq!((status, &report["name"]), (200, &json!(NAME)), "{report}");
    assert_eq!(report["cards"][0]["pan"], "941700******0016");
    assert!(report["not_erased_because"].as_str().unwrap().contains("A1 is open"), "{report}");
    assert_eq!(report["looks"][0]["why"], "his request");
    assert_eq!(report["looks"][1]["what"], "look_at_customer");
    assert_eq!(bank.get("/customers/C1/data-report").0, 422, "a reason is needed");
    let (_, audit) = bank.get("/audit?card=K1");
    let entry = &audit["items"][0];
    assert_eq!(
        (&entry["action"], &entry["entered_by"]),
        (&json!("reveal_card_number"), &json!("acceptance"))
    );
    assert_eq!(entry["details"]["reason"], "reissue by post");
    let clear = holding(bank.folder.path(), NAME);
    assert!(clear.is_empty(), "in clear in {clear:?}");
}

#[test]
fn pii_3_an_erased_customer_is_nowhere_and_the_books_are_whole() {
    let mut bank = Bank::start();
    let sealed = bank.folder.path().join("before");
    fs::create_dir(&sealed).unwrap();
    for file in ["customer-keys", "keys"] {
        fs::copy(bank.data().join(file), sealed.join(file)).unwrap();
    }
    erase_after_the_end(&bank);
    let (status, again) = bank.post("/customers/C1/erase", &json!({"reason": "again"}));
    assert_eq!((status, &again["status"]), (200, &json!("erased")));
    let (_, customer) = bank.get("/customers/C1");
    assert_eq!((&customer["name"], &customer["erased_on"]), (&Value::Null, &json!("2027-11-24")));
    let (status, problem) = bank.post("/cards/K1/reveal", &json!({"reason": "x"}));
    assert_eq!((status, &problem["rule"]), (409, &json!("PII-3")), "{problem}");
    assert_eq!(bank.get("/customers/C2").1["name"], "Someone Else");
    bank.engine.restart_drained("2027-11-24T10:00:00+06:00").unwrap();
    assert_eq!(bank.get("/customers/C1").1["name"], Value::Null);
    let data = bank.data();
    for command in ["verify", "replay"] {
        let _said = tamga(&[command, "--data", data.to_str().unwrap()]).good();
    }
    for secret in [NAME, PHONE, PAN] {
        let clear = holding(bank.folder.path(), secret);
        assert!(clear.is_empty(), "in clear in {clear:?}");
    }
    // The wrapped key that was there is in no file any more.
    let wrapped = fs::read(sealed.join("customer-keys")).unwrap();
    let wrapped = wrapped.get(512 + 4..512 + 64).unwrap().to_vec();
    fs::remove_dir_all(&sealed).unwrap();
    for file in fs::read_dir(&data).unwrap().flatten().filter(|file| file.path().is_file()) {
        assert!(!contains(&fs::read(file.path()).unwrap(), &wrapped), "{:?}", file.path());
    }
}

#[test]
fn pii_3_an_erasure_cut_off_in_the_middle_is_finished_by_the_next_start() {
    let mut bank = Bank::start();
    let data = bank.data();
    let keys = fs::read(data.join("customer-keys")).unwrap();
    erase_after_the_end(&bank);
    // As if the process had ended after the record and before the key was destroyed.
    fs::write(data.join("customer-keys"), &keys).unwrap();
    bank.engine.restart_killed("2027-11-24T10:00:00+06:00").unwrap();
    let log = fs::read_to_string(bank.folder.path().join("home/engine.log")).unwrap();
    assert!(log.contains("customer C1 was erased: the key was still here"), "{log}");
    assert_ne!(fs::read(data.join("customer-keys")).unwrap(), keys);
    let module = security::SoftwareModule::open(&data, &data.with_file_name("master.key"), true);
    let module = module.unwrap();
    let module: std::sync::Arc<dyn security::SecurityModule> = std::sync::Arc::new(module);
    let found = CustomerKeys::open(&data, &module, 2).unwrap();
    assert!(matches!(found.key(0, "C1").unwrap(), Standing::Destroyed));
    assert!(matches!(found.key(1, "C2").unwrap(), Standing::Held(_)));
}
