//! `tamga key` on the real program: a bank's keys from nothing, on a data directory at rest and on
//! a running engine, and what is refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::string_slice)]

use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use tamga_tests::programs::{Run, command, tamga};

const ONE: &str = "1111111111111111AAAAAAAAAAAAAAAA";
const TWO: &str = "1032547698BADCFE54761032DCFE98BA";
/// Of the exclusive or of both, 0123456789ABCDEFFEDCBA9876543210.
const CHECK: &str = "08D7B4";

struct Bank {
    folder: tempfile::TempDir,
    http: String,
}

impl Bank {
    /// A configuration for production, with two custodians and an operator.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let http = listener.local_addr().unwrap().to_string();
        drop(listener);
        let token = |name: &str, roles: &str| {
            let digest = <sha2::Sha256 as sha2::Digest>::digest(name.as_bytes());
            let digest = hex::encode(digest);
            format!("[[api_token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = [{roles}]\n")
        };
        let text = format!(
            "[[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\n[http]\nbind = \"{http}\"\n{}{}{}",
            token("ann", "\"key_custodian\""),
            token("bob", "\"key_custodian\""),
            token("eve", "\"operator\", \"auditor\"")
        );
        fs::write(folder.path().join("tamga.toml"), text).unwrap();
        Self { folder, http }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn key(&self, arguments: &[&str]) -> Run {
        let mut all: Vec<OsString> = vec!["key".into()];
        all.extend(arguments.iter().map(OsString::from));
        all.extend(["--config".into(), self.path("tamga.toml").into()]);
        tamga(&all)
    }

    fn store(&self) -> String {
        fs::read_to_string(self.path("data/keys")).unwrap()
    }

    fn serve(&self) -> Running {
        let mut serve = command("tamga");
        serve.args(["serve", "--config"]).arg(self.path("tamga.toml"));
        let log = fs::File::create(self.path("log")).unwrap();
        let engine = serve.stderr(log).stdout(Stdio::null()).spawn().unwrap();
        let running = Running { engine };
        let ready = (0..1200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            let url = format!("http://{}/health/ready", self.http);
            ureq::get(&url).call().is_ok()
        });
        assert!(ready, "{}", fs::read_to_string(self.path("log")).unwrap());
        running
    }

    fn asked(&self, who: &str, body: Option<&Value>) -> (u16, Value) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("http://{}/api/v1/keys", self.http);
        let token = format!("Bearer {who}");
        let answer = match body {
            None => agent.get(&url).header("Authorization", &token).call(),
            Some(body) => agent
                .post(&url)
                .header("Authorization", &token)
                .header("Content-Type", "application/json")
                .send(body.to_string()),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
    }
}

struct Running {
    engine: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.engine.kill();
        let _gone = self.engine.wait();
    }
}

#[test]
fn a_banks_keys_from_nothing_at_rest() {
    let bank = Bank::new();
    let refused = bank.key(&["generate", "cvk", "--usage", "card-verification"]).exits(3);
    assert!(refused.err.contains("tamga key master"), "{}", refused.err);
    let master = bank.key(&["master"]).good();
    assert!(master.out.contains("master.key, check value "), "{}", master.out);
    let mode = fs::metadata(bank.path("master.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = bank.key(&["master"]).exits(3);
    assert!(again.err.contains("never overwritten"), "{}", again.err);

    let begin = ["ceremony", "zmk", "--usage", "key-block-protection", "--components", "2"];
    let begun = bank.key(&[&begin[..], &["--check-value", CHECK, "--by", "ann"]].concat()).good();
    assert!(begun.out.contains("zmk version 1: ceremony begun (2 components)"), "{}", begun.out);
    let (one, two) = (bank.write("one", ONE), bank.write("two", TWO));
    let check = bank.key(&["check-value", "--file", &one]);
    // No configuration is needed for it, and the option is not one of it.
    assert_eq!(check.code, 2);
    let give = |file: &str, by: &str| bank.key(&["component", "zmk", "--file", file, "--by", by]);
    let first = give(&one, "ann").good();
    assert!(first.out.contains("component entered (component 1 of 2)"), "{}", first.out);
    let same = give(&two, "ann").exits(1);
    assert!(same.err.contains("its own custodian"), "{}", same.err);
    let wrong = ["component", "zmk", "--file", &two, "--by", "bob", "--check-value", "000000"];
    assert!(bank.key(&wrong).exits(1).err.contains("type it again"));
    let listed = bank.key(&["list"]).good().out;
    assert!(listed.contains("1 of 2 components, from ann"), "{listed}");
    let last = give(&two, "bob").good();
    assert!(last.out.contains("ceremony completed") && last.out.contains(CHECK), "{}", last.out);

    let _said = bank
        .key(&["generate", "cvk", "--usage", "card-verification", "--expires-on", "2020-01-31"])
        .good();
    let export = bank.key(&["export", "cvk", "--under", "zmk"]).good();
    assert!(export.out.starts_with("B0096C0TC00E0000"), "{}", export.out);
    let block = bank.write("cvk.tr31", &export.out);
    let import = ["import", "copy", "--usage", "card-verification", "--under", "zmk", "--file"];
    let same = bank.key(&[&import[..], &[&block]].concat()).good();
    assert!(same.out.contains("copy version 1: imported (under zmk)"), "{}", same.out);
    let broken = export.out.replace("B0096", "B0095");
    let broken = bank.write("broken", &broken);
    let refused = bank.key(&[&import[..], &[&broken]].concat()).exits(1);
    assert!(refused.err.contains("cannot be opened under `zmk`"), "{}", refused.err);
    let other = ["import", "p", "--usage", "pin-encryption", "--under", "zmk", "--file", &block];
    assert!(bank.key(&other).exits(1).err.contains("has usage P0"));

    let _said = bank.key(&["rotate", "cvk", "--accept-old-until", "2099-12-31"]).good();
    let early = bank.key(&["destroy", "cvk", "--key-version", "1"]).exits(1);
    assert!(early.err.contains("retire it first"), "{}", early.err);
    let _said = bank.key(&["retire", "cvk", "--key-version", "1"]).good();
    let _said = bank.key(&["destroy", "cvk", "--key-version", "1"]).good();
    let listed = bank.key(&["list", "--json"]).good().out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let states: Vec<&str> = listed["keys"][1]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|version| version["state"].as_str())
        .collect();
    assert_eq!(
        (listed["keys"][1]["name"].as_str(), &states[..]),
        (Some("cvk"), &["destroyed", "current"][..])
    );
    verified(&bank.path("data"));
    nothing_clear(&bank);
}

#[test]
fn two_custodians_ask_a_running_engine() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let running = bank.serve();
    let (status, problem) = bank.asked("eve", Some(&json!({"action": "cancel", "name": "zmk"})));
    assert_eq!(status, 403, "{problem}");
    let begin = json!({"action": "ceremony", "name": "zmk", "usage": "key-block-protection",
        "components": 2, "check_value": CHECK});
    assert_eq!(bank.asked("ann", Some(&begin)).0, 200);
    let component = |hex: &str| json!({"action": "component", "name": "zmk", "component": hex});
    assert_eq!(bank.asked("ann", Some(&component(ONE))).0, 200);
    let (status, problem) = bank.asked("ann", Some(&component(TWO)));
    assert_eq!(status, 403, "{problem}");
    let (status, problem) = bank.asked("bob", Some(&component("12")));
    assert_eq!((status, problem["field"].as_str()), (422, Some("component")), "{problem}");
    // The command line asks the engine too, under the token's name.
    let two = bank.write("two", TWO);
    let done = bank.key(&["component", "zmk", "--file", &two, "--token", "bob"]).good();
    assert!(done.out.contains("ceremony completed"), "{}", done.out);
    for (body, status, field) in [
        (json!({"action": "generate", "name": "cvk"}), 422, Some("usage")),
        (
            json!({"action": "generate", "name": "CVK", "usage": "card-verification"}),
            422,
            Some("name"),
        ),
        (json!({"action": "make", "name": "cvk"}), 422, Some("action")),
        (json!({"action": "cancel", "name": "cvk", "under": "zmk"}), 422, Some("under")),
        (json!({"action": "export", "name": "cvk", "under": "zmk"}), 404, None),
        (json!({"action": "destroy", "name": "zmk", "version": 1}), 409, None),
        (json!({"action": "rotate", "name": "zmk"}), 422, Some("accept_old_until")),
        (json!({"action": "cancel", "key": "zmk"}), 422, Some("body")),
    ] {
        let (said, problem) = bank.asked("ann", Some(&body));
        assert_eq!((said, problem["field"].as_str()), (status, field), "{body} {problem}");
    }
    let soon = json!({"action": "generate", "name": "cvk", "usage": "card-verification",
        "expires_on": "2020-01-31"});
    assert_eq!(bank.asked("ann", Some(&soon)).0, 200);
    let (_, keys) = bank.asked("eve", None);
    assert_eq!(keys["keys"][1]["versions"][0]["check_value"], CHECK);
    assert_eq!(keys["keys"][1]["name"], "zmk");
    let metrics = ureq::get(&format!("http://{}/metrics", bank.http)).call().unwrap();
    let metrics = metrics.into_body().read_to_string().unwrap();
    let gauge = metrics.lines().find(|l| l.starts_with("tamga_key_days_left{key=\"cvk\"} -"));
    assert!(gauge.is_some(), "{metrics}");
    // Who did what: the journal's, through the API.
    let audit = ureq::get(&format!("http://{}/api/v1/audit?limit=500", bank.http))
        .header("Authorization", "Bearer eve")
        .call()
        .unwrap();
    let audit = audit.into_body().read_to_string().unwrap();
    for (who, what) in
        [("ann", "ceremony_begun"), ("ann", "component_entered"), ("bob", "ceremony_completed")]
    {
        assert!(audit.contains(who) && audit.contains(what), "{who} {what}: {audit}");
    }
    assert!(audit.contains(CHECK));
    drop(running);
    verified(&bank.path("data"));
    nothing_clear(&bank);
    // It is there after a kill -9 and a new start, which warns of what is overdue.
    let running = bank.serve();
    assert_eq!(bank.asked("eve", None).1["keys"].as_array().unwrap().len(), 2);
    drop(running);
    let log = fs::read_to_string(bank.path("log")).unwrap();
    assert!(log.contains("key cvk") && log.contains("tamga key rotate cvk"), "{log}");
}

#[test]
fn a_key_that_the_journal_does_not_know_is_told() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let _said = bank.key(&["generate", "cvk", "--usage", "card-verification"]).good();
    let known = bank.store();
    let _said = bank.key(&["generate", "pvk", "--usage", "pin-verification-visa"]).good();
    verified(&bank.path("data"));
    // Somebody puts an older store back: the journal has a key that the store has not.
    fs::write(bank.path("data/keys"), known).unwrap();
    let data = bank.path("data");
    let found = tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]).exits(1);
    assert!(
        found.err.contains("pvk") && found.err.contains("not in the key store"),
        "{}",
        found.err
    );
}

#[test]
fn a_crash_between_the_journal_and_the_key_store_is_mended_at_the_next_start() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let _said = bank.key(&["generate", "cvk", "--usage", "card-verification"]).good();
    let (keys, staged) = (bank.path("data/keys"), bank.path("data/keys.staged"));
    let before = fs::read(&keys).unwrap();
    let _said = bank.key(&["generate", "pvk", "--usage", "pin-verification-visa"]).good();
    assert!(!staged.exists());
    // As a crash leaves it that comes after the journal's write and before the store's.
    fs::rename(&keys, &staged).unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    let put_back = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, mode.clone()).unwrap();
    };
    put_back(&keys, &before);
    let data = bank.path("data");
    let verify = ["verify".as_ref(), "--data".as_ref(), data.as_os_str()];
    let found = tamga(&verify).exits(1);
    assert!(found.err.contains("keys.staged"), "{}", found.err);
    let running = bank.serve();
    let (_, shown) = bank.asked("eve", None);
    assert_eq!(shown["keys"][1]["name"], "pvk", "{shown}");
    drop(running);
    let log = fs::read_to_string(bank.path("log")).unwrap();
    assert!(log.contains("is carried out now"), "{log}");
    verified(&data);
    // And one that comes before the journal's write: the change never was.
    let after = fs::read(&keys).unwrap();
    put_back(&staged, &before);
    let listed = bank.key(&["list"]).good();
    assert!(listed.out.contains("pvk") && !staged.exists(), "{}", listed.out);
    assert_eq!(fs::read(&keys).unwrap(), after);
    verified(&data);
}

#[test]
fn a_change_that_is_sent_twice_is_made_once() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let mut running = bank.serve();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let send = |key: &str, body: &Value| {
        let url = format!("http://{}/api/v1/keys", bank.http);
        let request = agent.post(&url).header("Authorization", "Bearer ann");
        let request = request.header("Content-Type", "application/json");
        let mut answer = request.header("Idempotency-Key", key).send(body.to_string()).unwrap();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let text = answer.body_mut().read_to_string().unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        (answer.status().as_u16(), replayed, body)
    };
    let cvk = json!({"action": "generate", "name": "cvk", "usage": "card-verification"});
    let zmk = json!({"action": "generate", "name": "zmk", "usage": "key-block-protection"});
    let first = send("one", &cvk);
    assert_eq!((first.0, first.1), (200, false), "{}", first.2);
    assert_eq!(send("one", &cvk), (200, true, first.2.clone()));
    assert_eq!(send("two", &zmk).0, 200);
    let other = send("one", &zmk);
    assert_eq!((other.0, other.2["field"].as_str()), (422, Some("Idempotency-Key")), "{}", other.2);
    assert_eq!(send("three", &cvk).0, 409, "without the same key it is another request");
    // A key block is not kept: it is made again.
    let export = json!({"action": "export", "name": "cvk", "under": "zmk"});
    let (status, _, block) = send("four", &export);
    assert!(status == 200 && block["block"].is_string(), "{block}");
    let (status, replayed, again) = send("four", &export);
    assert!(status == 200 && replayed && again["block"].is_string(), "{again}");
    drop(running);
    // Also over a kill -9.
    running = bank.serve();
    assert_eq!(send("one", &cvk), (200, true, first.2));
    let keys = bank.asked("eve", None).1;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");
    drop(running);
    verified(&bank.path("data"));
}

#[test]
fn the_master_key_is_changed_and_everything_goes_on() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let _said = bank.key(&["generate", "cvk", "--usage", "card-verification"]).good();
    let old = fs::read(bank.path("master.key")).unwrap();
    let running = bank.serve();
    let busy = bank.key(&["rotate-master"]).exits(1);
    assert!(busy.err.contains("stop it first"), "{}", busy.err);
    drop(running);
    let one = bank.write("one", &"11".repeat(32));
    let two = bank.write("two", &"A5".repeat(32));
    let files = ["rotate-master", "--components", "2", "--file", &one, "--file", &two];
    let wrong = bank.key(&[&files[..], &["--check-value", "000000"]].concat()).exits(1);
    assert!(wrong.err.contains("nothing was written"), "{}", wrong.err);
    assert_eq!(fs::read(bank.path("master.key")).unwrap(), old);
    let done = bank.key(&[&files[..], &["--by", "ann"]].concat()).good();
    assert!(done.out.contains("in place of"), "{}", done.out);
    assert_ne!(fs::read(bank.path("master.key")).unwrap(), old);
    assert!(bank.key(&["list"]).good().out.contains("cvk"));
    let own = bank.key(&["own"]).good().out;
    let check = done.out.split_whitespace().nth(2).unwrap();
    let master = own.lines().find(|line| line.starts_with("master")).unwrap();
    assert!(master.contains(check) && master.contains("tamga key rotate-master"), "{own}");
    assert!(own.lines().any(|line| line.starts_with("digest") && line.contains(" no: ")), "{own}");
    verified(&bank.path("data"));
    let running = bank.serve();
    let audit = ureq::get(&format!("http://{}/api/v1/audit?limit=500", bank.http));
    let audit = audit.header("Authorization", "Bearer eve").call().unwrap();
    let audit = audit.into_body().read_to_string().unwrap();
    assert!(audit.contains("master_rotated") && audit.contains("ann"), "{audit}");
    assert_eq!(bank.asked("eve", None).1["keys"].as_array().unwrap().len(), 1);
    drop(running);
}

/// The exclusive or of two components.
fn xor(one: &str, two: &str) -> String {
    let (one, two) = (hex::decode(one).unwrap(), hex::decode(two).unwrap());
    hex::encode(one.iter().zip(two).map(|(a, b)| a ^ b).collect::<Vec<_>>())
}

/// Lengths, digits, parity, parts that are equal; blocks whose MAC, header or length is wrong.
#[test]
fn components_and_blocks_that_are_none_are_refused() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let begin = |name: &str| {
        let asked = ["ceremony", name, "--usage", "key-block-protection", "--components", "2"];
        let _said = bank.key(&[&asked[..], &["--check-value", CHECK]].concat()).good();
    };
    let give = |name: &str, component: &str, by: &str| {
        let file = bank.write("component", component);
        bank.key(&["component", name, "--file", &file, "--by", by])
    };
    begin("zmk");
    for (component, why) in [
        ("", "16 or 24 bytes"),
        ("not hex digits at all, you see...", "hex"),
        (&ONE[1..], "hex"),
        (&ONE[2..], "16 or 24 bytes"),
        (&ONE[..16], "single-length"),
        (&[ONE, ONE].concat(), "16 or 24 bytes"),
    ] {
        let refused = give("zmk", component, "ann").exits(1);
        assert!(refused.err.to_lowercase().contains(why), "{component}: {}", refused.err);
    }
    assert!(bank.key(&["list"]).good().out.contains("0 of 2 components"));
    let _said = give("zmk", ONE, "ann").good();
    let longer = give("zmk", &[ONE, &ONE[..16]].concat(), "bob").exits(1);
    assert!(longer.err.contains("another length than the first"), "{}", longer.err);
    // Parity is nobody's secret and nobody's burden: whatever bits a component has, the key's are odd.
    let other_parity = xor(TWO, &"01".repeat(16));
    let done = give("zmk", &other_parity, "bob").good();
    assert!(done.out.contains("ceremony completed") && done.out.contains(CHECK), "{}", done.out);

    // Two halves that are the same are single DES in disguise.
    begin("weak");
    let _said = give("weak", ONE, "ann").good();
    let same_halves = give("weak", &xor(ONE, &"0123456789ABCDEF".repeat(2)), "bob").exits(1);
    assert!(!same_halves.err.is_empty());
    let listed = bank.key(&["list"]).good().out;
    assert!(!listed.contains("weak"), "neither a key nor a ceremony: {listed}");

    let _said = bank.key(&["generate", "cvk", "--usage", "card-verification"]).good();
    let block = bank.key(&["export", "cvk", "--under", "zmk"]).good().out.trim().to_owned();
    let end = block.len();
    let last = if block.ends_with('0') { "1" } else { "0" };
    for (what, wrong) in [
        ("its MAC", format!("{}{last}", &block[..end - 1])),
        ("its usage", block.replacen("C0", "P0", 1)),
        ("its exportability", block.replacen("00E", "00N", 1)),
        ("its version", block.replacen('B', "A", 1)),
        ("cut off", block[..end - 16].to_owned()),
        ("half of it", block[..20].to_owned()),
        ("more than it says", format!("{block}00")),
        ("nothing", String::new()),
    ] {
        let file = bank.write("block", &wrong);
        let import = ["import", "copy", "--usage", "card-verification", "--under", "zmk"];
        let refused = bank.key(&[&import[..], &["--file", &file]].concat()).exits(1);
        assert!(!refused.err.is_empty(), "{what}");
    }
    assert!(!bank.key(&["list"]).good().out.contains("copy"));
    verified(&bank.path("data"));
    nothing_clear(&bank);
}

/// What `tamga key own` says of the key for PVVs is what works.
#[test]
fn the_installations_own_key_for_pvvs_is_followed_by_one_with_an_index() {
    let bank = Bank::new();
    let _said = bank.key(&["master"]).good();
    let own = bank.key(&["own"]).good().out;
    let told = "tamga key generate pin-verification --usage pin-verification-visa --pvki N";
    assert!(own.contains(told), "{own}");
    let asked = ["generate", "pin-verification", "--usage", "pin-verification-visa"];
    let unsaid = bank.key(&asked).exits(1);
    assert!(unsaid.err.contains("say its PVKI"), "{}", unsaid.err);
    let _said = bank.key(&[&asked[..], &["--pvki", "2"]].concat()).good();
    let until = ["rotate", "pin-verification", "--accept-old-until", "2099-12-31"];
    let _said = bank.key(&until).good();
    let listed: Value = serde_json::from_str(&bank.key(&["list", "--json"]).good().out).unwrap();
    let versions = listed["keys"][0]["versions"].as_array().unwrap();
    let indexes: Vec<_> = versions.iter().filter_map(|version| version["pvki"].as_u64()).collect();
    assert_eq!(indexes, [2, 3]);
    verified(&bank.path("data"));
}

#[test]
fn a_master_key_from_components_and_a_check_value() {
    let bank = Bank::new();
    let one = bank.write("one", &"11".repeat(32));
    let two = bank.write("two", &"A5".repeat(32));
    let files = ["master", "--components", "2", "--file", &one, "--file", &two];
    let wrong = bank.key(&[&files[..], &["--check-value", "000000"]].concat()).exits(1);
    assert!(wrong.err.contains("nothing was written"), "{}", wrong.err);
    assert!(!bank.path("master.key").exists());
    let alone = bank.key(&["master", "--file", &one]).exits(2);
    assert!(alone.err.contains("2 to 9 components"), "{}", alone.err);
    let _said = bank.key(&files).good();
    let check = tamga(&["key", "check-value", "--file", &bank.write("c", ONE)]).good();
    assert_eq!(check.out.trim().len(), 6, "{}", check.out);
}

fn verified(data: &Path) {
    let run = tamga(&["verify".as_ref(), "--data".as_ref(), data.as_os_str()]).good();
    assert!(run.out.contains("keys"), "{}", run.out);
}

/// No component and no combined key is in any file of the data directory or the log.
fn nothing_clear(bank: &Bank) {
    let whole = "0123456789ABCDEFFEDCBA9876543210";
    let mut files = vec![bank.path("log")];
    let mut folders = vec![bank.path("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let list = if entry.path().is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        for secret in [ONE, TWO, whole] {
            let binary = hex::decode(secret).unwrap();
            for form in [secret.as_bytes(), secret.to_lowercase().as_bytes(), &binary] {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "{} has a component", file.display());
            }
        }
    }
}
