//! Calls of the engine's HTTP API.

use crate::SimError;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// End-of-day jobs run inside a call that moves the clock over many days.
const PATIENCE: Duration = Duration::from_secs(120);
const SHOWN: usize = 300;

/// The token of somebody else than the one with all roles.
pub(crate) fn token_of(token: &str, caller: &str) -> String {
    format!("{token}-{caller}")
}

/// A client with a token.
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
    token: String,
    calls: u64,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Option<Value>,
    text: String,
}

impl Http {
    pub(crate) fn new(base: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let (base, token) = (base.to_owned(), token.to_owned());
        Self { agent: config.into(), base, token, calls: 0 }
    }

    /// Calls the API; a status of refusal is a reply.
    ///
    /// # Errors
    /// [`SimError::Http`] where there is no reply.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, SimError> {
        self.call_as(None, method, path, body)
    }

    /// The same with the token of somebody else, where a scenario names one.
    ///
    /// # Errors
    /// As [`Http::call`].
    pub(crate) fn call_as(
        &mut self,
        caller: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, SimError> {
        let token = match caller {
            None => self.token.clone(),
            Some(caller) => token_of(&self.token, caller),
        };
        self.calls += 1;
        let url = format!("{}{}", self.base, full_path(path));
        let failed = |cause: String| {
            let (method, url) = (method.to_owned(), url.clone());
            SimError::Http { method, url, cause }
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(&url)
            .header("authorization", format!("Bearer {token}"));
        if method == "POST" {
            let key = format!("{}-{}", self.token.get(..8).unwrap_or_default(), self.calls);
            request = request.header("idempotency-key", key);
        }
        let reply = match body {
            Some(body) => {
                // A text is a file's content.
                let (kind, body) = match body {
                    Value::String(text) => ("text/csv", text.clone()),
                    json => ("application/json", json.to_string()),
                };
                let request = request.header("content-type", kind);
                let request = request.body(body).map_err(|e| failed(e.to_string()))?;
                self.agent.run(request)
            }
            None => {
                let request = request.body(()).map_err(|error| failed(error.to_string()))?;
                self.agent.run(request)
            }
        };
        let mut reply = reply.map_err(|error| failed(error.to_string()))?;
        let status = reply.status().as_u16();
        let text = reply.body_mut().read_to_string().map_err(|error| failed(error.to_string()))?;
        Ok(Reply { status, json: serde_json::from_str(&text).ok(), text })
    }
}

impl Reply {
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.text.chars().take(SHOWN).collect();
        write!(f, "{} {text}", self.status)
    }
}

/// Health and metrics stand outside the API (the contract, "HTTP").
fn full_path(path: &str) -> String {
    let outside = ["/health", "/metrics", "/api/"];
    let slash = if path.starts_with('/') { "" } else { "/" };
    if outside.iter().any(|start| path.starts_with(start)) {
        path.to_owned()
    } else {
        format!("/api/v1{slash}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    /// Takes one call and answers it; gives the request line, headers and body.
    fn serve_once(reply: &'static str) -> (String, std::thread::JoinHandle<(Vec<String>, String)>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_lowercase());
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            stream.get_mut().write_all(reply.as_bytes()).unwrap();
            (head, String::from_utf8(body).unwrap())
        });
        (base, server)
    }

    #[test]
    fn calls_carry_token_key_and_body_and_refusals_are_replies() {
        let (base, server) =
            serve_once("HTTP/1.1 409 Conflict\r\ncontent-length: 9\r\n\r\n{\"a\": 1 }");
        let body = serde_json::json!({"amount": "1.00"});
        let mut http = Http::new(&base, "0123456789abcdef");
        let reply = http.call("POST", "/accounts/A1/credits", Some(&body)).unwrap();
        let (head, sent) = server.join().unwrap();
        assert_eq!(head[0], "post /api/v1/accounts/a1/credits http/1.1");
        assert!(head.contains(&"authorization: bearer 0123456789abcdef".to_owned()), "{head:?}");
        assert!(head.iter().any(|line| line.starts_with("idempotency-key: ")), "{head:?}");
        assert_eq!(sent, body.to_string());
        assert_eq!((reply.status, reply.is_success()), (409, false));
        assert_eq!(reply.json.unwrap()["a"], 1);
    }

    #[test]
    fn a_delete_may_have_a_body() {
        let (base, server) = serve_once("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let body = serde_json::json!({"note": ""});
        let reply = Http::new(&base, "t").call("DELETE", "/cards/K1/blocks/lost", Some(&body));
        assert!(reply.unwrap().is_success());
        let (head, sent) = server.join().unwrap();
        assert_eq!(head[0], "delete /api/v1/cards/k1/blocks/lost http/1.1");
        assert_eq!(sent, body.to_string());
    }

    #[test]
    fn health_and_metrics_stand_outside_the_api() {
        assert_eq!(full_path("/health/ready"), "/health/ready");
        assert_eq!(full_path("/metrics"), "/metrics");
        assert_eq!(full_path("/cards/K1"), "/api/v1/cards/K1");
        assert_eq!(full_path("/api/v1/rules"), "/api/v1/rules");
    }
}
