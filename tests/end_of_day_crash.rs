//! An engine that is killed in the middle of the end of a day goes on where it stopped: every
//! account gets its interest once, and the books agree with a replay (TOD-3, I8).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tamga_tests::programs::{Run, command};

/// All of them overdrawn, so that each job of a day has a dozen parts.
const ACCOUNTS: u32 = 20_000;
const TOKEN: &str = "tamga-demo";
const DIGEST: &str = "b1744d0edb7ceddbe3aaaea50dc7ad722315fb94b46825b79e82f7413240d4c5";
/// 1000.00 at 24 % for a day: 65.75 tyiyn, and the next day the carried fraction makes it 66 again.
const DAYS: [(&str, &str); 4] = [
    ("2026-11-23", "0.66"),
    ("2026-11-24", "1.32"),
    ("2026-11-25", "1.97"),
    ("2026-11-26", "2.63"),
];

fn portfolio() -> String {
    let mut text = String::from("{\"type\":\"product\",\"id\":\"p\",\"currency\":\"KGS\"}\n");
    for at in 0..ACCOUNTS {
        let _written = writeln!(
            text,
            "{{\"type\":\"customer\",\"id\":\"C{at}\",\"name\":\"Test\"}}\n\
             {{\"type\":\"account\",\"id\":\"A{at}\",\"customer\":\"C{at}\",\"product\":\"p\",\
             \"currency\":\"KGS\",\"balance\":\"-1000.00\"}}"
        );
    }
    text
}

struct Engine {
    process: Child,
    http: String,
    log: std::path::PathBuf,
}

impl Engine {
    fn start(folder: &Path, http: &str, name: &str) -> Self {
        let log = folder.join(name);
        let mut serve = command("tamga");
        serve.args(["serve", "--test-clock", "2026-11-27T00:00:00+06:00", "--config"]);
        serve.arg(folder.join("tamga.toml"));
        let process = serve.stderr(Stdio::from(fs::File::create(&log).unwrap())).spawn().unwrap();
        let engine = Self { process, http: http.to_owned(), log };
        let url = format!("http://{http}/health/ready");
        until("the engine is ready", || ureq::get(&url).call().is_ok());
        engine
    }

    fn get(&self, path: &str) -> Option<Value> {
        let url = format!("http://{}/api/v1{path}", self.http);
        let answer = ureq::get(url).header("Authorization", format!("Bearer {TOKEN}")).call();
        serde_json::from_str(&answer.ok()?.body_mut().read_to_string().ok()?).ok()
    }

    fn kill(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        fs::read_to_string(&self.log).unwrap()
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(120), "not in two minutes: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn end(http: &str, date: &'static str) -> std::thread::JoinHandle<bool> {
    let url = format!("http://{http}/api/v1/eod");
    std::thread::spawn(move || {
        let request = ureq::post(url).header("Authorization", format!("Bearer {TOKEN}"));
        request.send(format!("{{\"date\":\"{date}\"}}")).is_ok()
    })
}

#[test]
fn a_killed_end_of_day_goes_on_and_books_nothing_twice() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let http = listener.local_addr().unwrap().to_string();
    drop(listener);
    let rules = "version = \"v\"\n[technical_overdraft]\nannual_rate = \"24.00\"\n";
    fs::write(folder.join("rules.toml"), rules).unwrap();
    let config = format!(
        "rules = \"rules.toml\"\n[security]\ntest_keys = true\n[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n\
         [http]\nbind = \"{http}\"\n[[api_token]]\nname = \"t\"\nsha256 = \"{DIGEST}\"\n\
         roles = [\"operator\"]\n"
    );
    fs::write(folder.join("tamga.toml"), config).unwrap();
    fs::write(folder.join("p.jsonl"), portfolio()).unwrap();
    let mut import = command("tamga");
    import.args(["import", "--test-clock", "2026-11-23T10:00:00+06:00", "--config"]);
    import.arg(folder.join("tamga.toml")).arg(folder.join("p.jsonl"));
    let _imported = Run::from(import.output().unwrap()).good();

    let mut in_the_middle = 0;
    for (at, (date, interest)) in DAYS.into_iter().enumerate() {
        let engine = Engine::start(folder, &http, &format!("first-{at}.log"));
        let ending = end(&http, date);
        let status = |engine: &Engine| engine.get("/eod").unwrap_or_default();
        until("the end of the day has begun", || {
            let now = status(&engine);
            now["under_way"]["job"] == "interest" || now["last_ended"] == date
        });
        let _first = engine.kill();
        let _answered = ending.join().unwrap();
        // It goes on by itself.
        let engine = Engine::start(folder, &http, &format!("second-{at}.log"));
        until("the day is ended", || status(&engine)["last_ended"] == date);
        for account in ["A0", "A9999", "A19999"] {
            let found = engine.get(&format!("/accounts/{account}")).unwrap();
            assert_eq!(found["technical_overdraft"]["interest"], interest, "{date} {account}");
        }
        let log = engine.kill();
        in_the_middle += usize::from(log.contains("going on with the end of the day"));
    }
    assert!(in_the_middle > 0, "no kill came in the middle of a day");
    let mut verify = command("tamga");
    let _good =
        Run::from(verify.args(["verify", "--data"]).arg(folder.join("data")).output().unwrap())
            .good();
}
