//! `kill -9` around the moment at which a scheduled order takes effect, while the engine is at work:
//! after each restart it is in force, once, whole, and the books agree with a replay (SIG-1, I8).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use payment_types::{Moment, Timestamp, UtcOffset};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tamga_tests::programs::{Run, command};

const MAKER: &str = "maker-secret";
const CHECKER: &str = "checker-secret";
/// The kill, milliseconds after the order is due: surely before, about then, and surely after.
const KILLS: [i64; 12] = [-300, -2, 0, 1, 2, 3, 4, 6, 8, 12, 20, 600];
/// From the approval to the moment at which the order is due.
const AHEAD_MS: i64 = 700;

const PORTFOLIO: &str = "\
{\"type\":\"product\",\"id\":\"p\",\"currency\":\"KGS\"}
{\"type\":\"customer\",\"id\":\"C1\",\"name\":\"Test\"}
{\"type\":\"account\",\"id\":\"A1\",\"customer\":\"C1\",\"product\":\"p\",\"currency\":\"KGS\",\"balance\":\"0.00\"}
";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn rfc3339(ms: i64) -> String {
    Moment::new(Timestamp(ms), UtcOffset(360)).rfc3339()
}

struct Engine {
    process: Child,
    http: String,
}

impl Engine {
    fn start(folder: &Path, http: &str) -> Self {
        let mut serve = command("tamga");
        serve.args(["serve", "--config"]).arg(folder.join("tamga.toml"));
        let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
        let process = serve.stderr(Stdio::from(log.unwrap())).spawn().unwrap();
        let engine = Self { process, http: http.to_owned() };
        let url = format!("http://{http}/health/ready");
        let began = Instant::now();
        while ureq::get(&url).call().is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the engine is not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        engine
    }

    fn get(&self, path: &str) -> Value {
        let url = format!("http://{}/api/v1{path}", self.http);
        let answer = ureq::get(url).header("Authorization", format!("Bearer {CHECKER}")).call();
        let text = answer.unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        let answer = post(&self.http, token, path, body);
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn post(http: &str, token: &str, path: &str, body: &Value) -> Result<Value, String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent
        .post(format!("http://{http}/api/v1{path}"))
        .header("Authorization", format!("Bearer {token}"));
    let mut answer = request.send(body.to_string()).map_err(|error| error.to_string())?;
    let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
    if answer.status() != 200 {
        return Err(format!("{} {text}", answer.status()));
    }
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

fn prepare(folder: &Path, http: &str) {
    let token = |name: &str, secret: &str, role: &str| {
        let digest = hex::encode(Sha256::digest(secret));
        format!("[[api_token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = [\"{role}\"]\n")
    };
    let config = format!(
        "rules = \"rules.toml\"\n[security]\ntest_keys = true\n[store]\nsegment_mib = 8\n\
         [[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n[http]\nbind = \"{http}\"\n{}{}",
        token("aida", MAKER, "operator"),
        token("bakyt", CHECKER, "checker")
    );
    fs::write(folder.join("tamga.toml"), config).unwrap();
    fs::write(folder.join("rules.toml"), "version = \"v\"\n").unwrap();
    fs::write(folder.join("p.jsonl"), PORTFOLIO).unwrap();
    let mut import = command("tamga");
    import.args(["import", "--config"]).arg(folder.join("tamga.toml")).arg(folder.join("p.jsonl"));
    let _imported = Run::from(import.output().unwrap()).good();
}

/// An order that is signed, approved, and due [`AHEAD_MS`] later; its number and when.
fn schedule(engine: &Engine, ceiling: usize) -> (u64, i64) {
    let due = now() + AHEAD_MS;
    let limit = json!({"scope": "card", "counts": "purchase", "window": "day",
        "ceiling": format!("{ceiling}.00")});
    let order = json!({
        "kind": "limits", "title": "Purchases a day", "reason": "r",
        "effective_at": rfc3339(due), "changes": [{"path": "limit[pos-day]", "to": limit}],
    });
    let id = engine.post(MAKER, "/orders", &order)["id"].as_u64().unwrap();
    let signature = json!({"revision": 1, "statement_confirmed": true});
    engine.post(MAKER, &format!("/orders/{id}/sign"), &signature);
    let approved = engine.post(CHECKER, &format!("/orders/{id}/approve"), &signature);
    assert_eq!(approved["status"], "scheduled", "{approved}");
    (id, due)
}

/// Keeps the journal busy until the engine is gone.
fn keep_busy(http: &str, stop: &AtomicBool) {
    let credit = json!({"amount": "1.00", "currency": "KGS", "reference": "salary"});
    while !stop.load(Ordering::Relaxed) {
        if post(http, MAKER, "/accounts/A1/credits", &credit).is_err() {
            return;
        }
    }
}

#[test]
fn sig_1_a_killed_activation_is_whole_and_comes_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let http = listener.local_addr().unwrap().to_string();
    drop(listener);
    prepare(folder, &http);
    let (mut cut_off, mut stood) = (0, 0);
    let mut engine = Engine::start(folder, &http);
    for (round, kill) in KILLS.into_iter().enumerate() {
        let (id, due) = schedule(&engine, 1000 + round);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| keep_busy(&http, &stop));
            let wait = u64::try_from(due + kill - now()).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(wait));
            engine.kill();
            stop.store(true, Ordering::Relaxed);
        });
        let restarted = now().max(due);
        std::thread::sleep(Duration::from_millis(u64::try_from(due - now()).unwrap_or_default()));
        engine = Engine::start(folder, &http);
        // Its first turn puts in force what was due, before anybody is answered.
        let order = engine.get(&format!("/orders/{id}"));
        assert_eq!(order["status"], "active", "{kill}: {order}");
        assert_eq!(engine.get("/rules")["version"], json!(format!("order-{id}")), "{kill}");
        let history = engine.get(&format!("/orders/{id}/history"));
        let acts: Vec<&Value> =
            history["items"].as_array().unwrap().iter().map(|step| &step["act"]).collect();
        assert_eq!(acts, ["drafted", "signed", "approved", "activated"], "{kill}: once");
        let at = order["activated_at"].as_str().unwrap();
        assert!(at >= rfc3339(due).as_str(), "{kill}: not before its moment");
        let before_the_kill = at < rfc3339(restarted).as_str();
        (cut_off, stood) =
            (cut_off + usize::from(!before_the_kill), stood + usize::from(before_the_kill));
    }
    println!("{stood} activations stood before the kill, {cut_off} came after the restart");
    assert!(cut_off > 0 && stood > 0, "{stood} stood, {cut_off} cut off");
    engine.kill();
    let mut verify = command("tamga");
    let data = folder.join("data");
    let _good = Run::from(verify.args(["verify", "--data"]).arg(data).output().unwrap()).good();
}
