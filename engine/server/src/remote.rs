//! Asking the engine that runs on a data directory, over its own API.

use crate::config::Config;
use crate::failure::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A running engine.
pub struct Remote {
    address: SocketAddr,
    token: String,
    agent: ureq::Agent,
}

impl Remote {
    /// The engine of a configuration. `locked` is why it must be asked.
    ///
    /// # Errors
    /// Its API can't be asked from here, and what to do about it.
    pub fn new(config: &Config, token: Option<&str>, locked: &Failure) -> Result<Self, Failure> {
        let cannot = |hint: &str| {
            let mut failure = locked.clone();
            failure.lines.push(hint.to_owned());
            failure
        };
        let http = config.http.as_ref();
        let http = http.ok_or_else(|| cannot("its API is switched off, so it can't be asked"))?;
        if http.tls.is_some() {
            return Err(cannot("its API speaks TLS: ask it yourself, see docs/http.md"));
        }
        let hint = "an engine runs on it and can be asked: give --token or set TAMGA_TOKEN";
        let token = token.ok_or_else(|| cannot(hint))?.to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Ok(Self { address: reachable(http.bind), token, agent })
    }

    /// A POST; `path` is below `/api/v1`.
    ///
    /// # Errors
    /// It does not answer, or refuses, in its own words.
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
        content_type: &str,
        body: &[u8],
    ) -> Result<T, Failure> {
        let mut request = self.agent.post(self.url(path));
        for (name, value) in query {
            request = request.query(*name, value);
        }
        let answer = request
            .header("Authorization", &format!("Bearer {}", self.token))
            .header("Content-Type", content_type)
            .send(body);
        self.answer(answer)
    }

    /// A GET.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut request = self.agent.get(self.url(path));
        for (name, value) in query {
            request = request.query(*name, value);
        }
        let bearer = format!("Bearer {}", self.token);
        self.answer(request.header("Authorization", &bearer).call())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.address)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, Failure> {
        let mut answer = answer.map_err(|error| {
            let address = self.address;
            Failure::unreachable(format!("the engine at {address} does not answer: {error}"))
        })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        if !(200..300).contains(&status) {
            return Err(refused(status, &body));
        }
        serde_json::from_str(&body).map_err(|error| {
            Failure::found(format!("the engine answered what is not understood: {error}"))
        })
    }
}

/// The problem's own words (RFC 9457), line by line.
fn refused(status: u16, body: &str) -> Failure {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
        #[serde(default)]
        detail: String,
    }
    let words = match serde_json::from_str::<Problem>(body) {
        Ok(problem) if problem.detail.is_empty() => problem.title,
        Ok(problem) => problem.detail,
        Err(_) => "no reason given".to_owned(),
    };
    let mut lines = words.lines().map(str::to_owned).collect::<Vec<_>>();
    if let Some(first) = lines.first_mut() {
        *first = format!("the engine refuses ({status}): {first}");
    }
    Failure { code: 1, lines }
}

/// An address that is listened on everywhere is reached on this machine.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}
