//! A bank with users in it, and a browser that asks it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::{engine_of, open, open_with_bank, test_clock};
use authorization::Role;
use base64::Engine as _;
use payment_types::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use tamga::access::one_time::{Secret, step_at};
use tamga::access::personal_key::{possession_text, public_of, sign};
use tamga::engine::Engine;
use tamga::offline::Offline;
use tamga::users::{UserPlace, add_ready};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A user with known secrets.
pub struct Person {
    pub name: &'static str,
    pub password: &'static str,
    pub secret: &'static [u8],
    pub roles: &'static [Role],
}

pub const AIDA: Person = Person {
    name: "aida",
    password: "seven lamps on the bridge",
    secret: b"12345678901234567890",
    roles: &[Role::Operator],
};
pub const BAKYT: Person = Person {
    name: "bakyt",
    password: "nine boats under the moon",
    secret: b"abcdefghijklmnopqrst",
    roles: &[Role::Checker],
};
pub const CHYNARA: Person = Person {
    name: "chynara",
    password: "three elms by the water",
    secret: b"tsrqponmlkjihgfedcba",
    roles: &[Role::SecurityOfficer],
};

pub const DAMIRA: Person = Person {
    name: "damira",
    password: "four wheels in the rain",
    secret: b"qwertyuiopasdfghjklz",
    roles: &[Role::KeyCustodian],
};

/// An engine with a bank, users and a service.
pub struct Bank {
    engine: Option<Engine>,
    runtime: Runtime,
    directory: TempDir,
    pub http: SocketAddr,
    extra: String,
    test_keys: bool,
}

pub struct Reply {
    pub status: u16,
    pub body: Value,
    headers: ureq::http::HeaderMap,
}

fn tokens() -> String {
    let digest = Sha256::digest(b"service-secret");
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let roles = Role::ALL.map(|role| format!("\"{}\"", role.name())).join(", ");
    format!("[[api_token]]\nname = \"service\"\nsha256 = \"{digest}\"\nroles = [{roles}]\n")
}

impl Bank {
    pub fn open() -> Self {
        Self::with("")
    }

    /// With more of a configuration.
    pub fn with(extra: &str) -> Self {
        Self::of(extra, true, &[&AIDA, &BAKYT, &CHYNARA])
    }

    /// Outside test mode, with these people.
    pub fn in_earnest(people: &[&Person]) -> Self {
        Self::of("", false, people)
    }

    fn of(extra: &str, test_keys: bool, people: &[&Person]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tamga::serve::runtime(Some(2)).unwrap();
        let opened = open_with_bank(&directory.path().join("data"));
        let extra = format!("{extra}\n{}", tokens());
        let config = super::config(&opened.path.clone(), &extra);
        let mut offline = Offline::on(opened, &test_clock());
        for person in people {
            let secret = Secret::from_bytes(person.secret);
            let secrets = (person.password, &secret);
            add_ready(&mut offline, &config, person.name, person.roles, secrets).unwrap();
        }
        let engine = runtime.block_on(engine_of(offline.opened, &extra, test_keys));
        let http = engine.address("http").unwrap();
        Self { engine: Some(engine), runtime, directory, http, extra, test_keys }
    }

    /// Stops the engine and starts it again on the same data, at the same time.
    pub fn restart(mut self) -> Self {
        self.runtime.block_on(self.engine.take().unwrap().drain()).unwrap();
        let opened = open(&self.directory.path().join("data"));
        let engine = self.runtime.block_on(engine_of(opened, &self.extra, self.test_keys));
        self.http = engine.address("http").unwrap();
        self.engine = Some(engine);
        self
    }

    /// Where `tamga user` would work, while the engine runs.
    pub fn place(&self) -> UserPlace {
        let data = self.directory.path().join("data");
        let mut config = super::config(&data, &self.extra);
        config.http.as_mut().unwrap().bind = self.http;
        config.security = super::test_security(&data);
        let (token, by) = (Some("service-secret".to_owned()), "somebody".to_owned());
        let approved_by = String::new();
        UserPlace { config, data: Some(data), token, test_clock: None, by, approved_by }
    }

    /// The same once the engine has stopped.
    pub fn stopped(mut self) -> (UserPlace, TempDir) {
        let place = UserPlace { test_clock: Some(self.engine().clock().now().at), ..self.place() };
        self.runtime.block_on(self.engine.take().unwrap().drain()).unwrap();
        (place, self.directory)
    }

    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Everything that is kept, once the engine has ended: journal, snapshots, read model.
    pub fn kept(mut self) -> Vec<u8> {
        self.runtime.block_on(self.engine.take().unwrap().drain()).unwrap();
        let mut folders = vec![self.directory.path().to_owned()];
        let mut kept = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    kept.extend(std::fs::read(path).unwrap());
                }
            }
        }
        kept
    }

    /// A person's one-time code at this moment.
    pub fn code(&self, person: &Person) -> String {
        let now = self.engine().clock().now().at;
        Secret::from_bytes(person.secret).code(step_at(now))
    }

    /// Moves the engine's clock on.
    pub fn later(&self, seconds: i64) {
        let clock = self.engine().clock();
        clock.advance_to(Timestamp(clock.now().at.0 + seconds * 1000)).unwrap();
    }

    /// As the service asks, under an `Idempotency-Key`.
    pub fn token_once(&self, key: &str, path: &str, body: &Value) -> Reply {
        let headers = [("authorization", "Bearer service-secret"), ("idempotency-key", key)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        call(self.http, "POST", path, &headers, body)
    }

    /// As the service asks.
    pub fn token(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = vec![("authorization".to_owned(), "Bearer service-secret".to_owned())];
        call(self.http, method, path, &headers, body)
    }

    /// The audit, newest first.
    pub fn audit(&self) -> Vec<Value> {
        let reply = self.token("GET", "/audit?limit=500", &Value::Null);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["items"].as_array().unwrap().clone()
    }
}

/// What a browser keeps.
pub struct Browser {
    http: SocketAddr,
    clock: tamga::clock::Clock,
    pub agent: String,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
    pub extra: Vec<(String, String)>,
}

impl Browser {
    pub fn new(bank: &Bank) -> Self {
        let (http, clock) = (bank.http, bank.engine().clock().clone());
        let agent = "Mozilla/5.0 (test)".to_owned();
        Self { http, clock, agent, cookie: None, csrf: None, extra: Vec::new() }
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &Value::Null)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, body)
    }

    pub fn send(&mut self, method: &str, path: &str, body: &Value) -> Reply {
        let mut headers = self.extra.clone();
        headers.push(("user-agent".to_owned(), self.agent.clone()));
        if let Some(cookie) = &self.cookie {
            headers.push(("cookie".to_owned(), cookie.clone()));
        }
        if let Some(csrf) = &self.csrf {
            headers.push(("x-csrf-token".to_owned(), csrf.clone()));
        }
        let reply = call(self.http, method, path, &headers, body);
        if let Some(set) = reply.headers.get("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        if let Some(csrf) = reply.body["csrf"].as_str() {
            self.csrf = Some(csrf.to_owned());
        }
        reply
    }

    /// The first step of a login.
    pub fn password(&mut self, person: &Person) {
        let login = json!({"user": person.name, "password": person.password});
        let reply = self.post("/session", &login);
        assert_eq!(reply.status, 200, "{}", reply.body);
    }

    /// Both steps.
    pub fn log_in(&mut self, person: &Person) -> Value {
        self.password(person);
        let code = Secret::from_bytes(person.secret).code(step_at(self.clock.now().at));
        let reply = self.post("/session/code", &json!({"code": code}));
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }
}

/// A secret key of a person's own, for strengthened signatures; known in tests only.
pub fn secret_of(person: &Person) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[..person.secret.len()].copy_from_slice(person.secret);
    secret
}

/// Gives a person who is in a personal key that an officer approves.
pub fn give_key(person: &Person, own: &mut Browser, officer: &mut Browser) {
    let secret = secret_of(person);
    let key = public_of(&secret);
    let proof = hex::encode(sign(&secret, &possession_text(person.name, &key)));
    let key = hex::encode(key);
    let form = json!({"key": key, "label": "office", "proof": proof});
    assert_eq!(own.post("/session/keys", &form).status, 200);
    let approval = format!("/users/{}/keys/{key}/approval", person.name);
    let approved = officer.post(&approval, &json!({}));
    assert_eq!(approved.status, 200, "{}", approved.body);
}

/// A strengthened signature of a digest, as a browser sends it.
pub fn strengthened(person: &Person, digest: &Value) -> Value {
    let secret = secret_of(person);
    let digest = hex::decode(digest.as_str().unwrap()).unwrap();
    let signature = base64::engine::general_purpose::STANDARD.encode(sign(&secret, &digest));
    json!({
        "statement_confirmed": true, "key": hex::encode(public_of(&secret)),
        "signature": signature,
    })
}

impl Reply {
    /// The last part of a problem's type.
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn call(
    http: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &Value,
) -> Reply {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let uri = format!("http://{http}/api/v1{path}");
    let mut request = ureq::http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.body(body).unwrap();
    let request = agent.configure_request(request).allow_non_standard_methods(true).build();
    let mut response = agent.run(request).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Reply {
        status: response.status().as_u16(),
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        headers: response.headers().clone(),
    }
}
