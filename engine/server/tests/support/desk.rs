//! An engine with a bank in it, and somebody who asks it over HTTP.

use super::client::Pos;
use super::{engine, open_with_bank};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tamga::engine::Engine;
use tamga::storage::Opened;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const EVERYONE: &str = "everyone-secret";

/// See the module.
pub struct Desk {
    pub engine: Option<Engine>,
    pub runtime: Runtime,
    pub directory: TempDir,
    pub http: SocketAddr,
    pub pos: SocketAddr,
}

/// A token for each name, with these roles; its secret is `<name>-secret`.
pub fn token(name: &str, roles: &str) -> String {
    let digest = hex(&Sha256::digest(format!("{name}-secret").as_bytes()));
    format!("[[api_token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nroles = [{roles}]\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Desk {
    pub fn open() -> Self {
        Self::open_with(|_| {}, "")
    }

    /// With the data directory prepared, and more in the configuration.
    pub fn open_with(prepare: impl FnOnce(&mut Opened), extra: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tamga::serve::runtime(Some(2)).unwrap();
        let mut opened = open_with_bank(&directory.path().join("data"));
        prepare(&mut opened);
        let roles = "\"operator\", \"checker\", \"auditor\", \"privacy\"";
        let extra = format!(
            "{extra}\n{}{}{}",
            token("everyone", roles),
            token("maker", "\"operator\""),
            token("checker", "\"checker\"")
        );
        let engine = runtime.block_on(engine(opened, &extra));
        let address = |name| engine.address(name).unwrap();
        let (http, pos) = (address("http"), address("pos"));
        Self { engine: Some(engine), runtime, directory, http, pos }
    }

    /// Status and body.
    pub fn ask_as(&self, secret: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_raw(secret, method, path, body)
    }

    /// The same with a body as it stands.
    pub fn ask_raw(&self, secret: &str, method: &str, path: &str, body: String) -> (u16, Value) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}/api/v1{path}", self.http))
            .header("authorization", format!("Bearer {secret}"))
            .body(body)
            .unwrap();
        let request = agent.configure_request(request).allow_non_standard_methods(true).build();
        let mut response = agent.run(request).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (response.status().as_u16(), body)
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.ask_as(EVERYONE, method, path, body)
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// DE 39 of a message.
    pub fn send(&self, bytes: &[u8]) -> String {
        Pos::connect(self.pos).ask(bytes).code
    }

    /// Watches `/events`.
    pub fn watch(&self, last: Option<u64>) -> Watch {
        let bearer = format!("Bearer {EVERYONE}");
        let last = last.map(|last| last.to_string());
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(last.as_deref().map(|last| ("Last-Event-ID", last)));
        Watch::with(self.http, &headers)
    }
}

/// A reader of server-sent events.
pub struct Watch {
    lines: BufReader<TcpStream>,
}

/// One event.
#[derive(Debug)]
pub struct Event {
    pub kind: String,
    pub id: Option<u64>,
    pub data: Value,
}

impl Watch {
    /// With these headers.
    pub fn with(http: SocketAddr, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut asked = String::from("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n");
        for (name, value) in headers {
            asked.push_str(&format!("{name}: {value}\r\n"));
        }
        write!(stream, "{asked}\r\n").unwrap();
        Self { lines: BufReader::new(stream) }
    }

    /// Reads to the end, which must come; why it did.
    pub fn ended(&mut self) -> String {
        let mut last = None;
        while let Some(event) = self.next() {
            last = Some(event);
        }
        let last = last.expect("an event");
        assert_eq!(last.kind, "ended", "{last:?}");
        last.data["reason"].as_str().unwrap().to_owned()
    }

    /// The next event; `None` at the end. The lengths of HTTP's chunks stand on lines of their own
    /// and are no fields.
    pub fn next(&mut self) -> Option<Event> {
        let (mut kind, mut id) = (None, None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("an event in time") == 0 {
                return None;
            }
            let line = line.trim_end();
            if line == "0" {
                return None; // The last chunk.
            }
            match line.split_once(": ") {
                Some(("event", name)) => kind = Some(name.to_owned()),
                Some(("id", number)) => id = number.parse().ok(),
                Some(("data", data)) => {
                    let data = serde_json::from_str(data).unwrap();
                    return Some(Event { kind: kind.unwrap_or_default(), id, data });
                }
                _ => {}
            }
        }
    }

    /// The next of a kind that passes.
    pub fn next_of(&mut self, kind: &str, passes: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next().expect("the stream ended");
            if event.kind == kind && passes(&event.data) {
                return event;
            }
        }
    }
}
