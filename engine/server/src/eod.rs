//! `tamga eod`: the end of a business day by hand.
//!
//! Ending a day twice changes nothing. Where an engine runs on the data directory it is asked over
//! its API, since only it may change its state; else the command is journaled here.

use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::replay::must_exist;
use authorization::{Command, Done, Outcome, Refusal};
use payment_types::{BusinessDate, Timestamp};
use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// What `tamga eod` was told.
#[derive(Debug)]
pub struct EodOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// The day to end.
    pub date: BusinessDate,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
}

/// What it did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DayEnded {
    /// The day.
    pub date: String,
    /// Whether it had been ended before.
    pub already: bool,
    /// Holds released.
    pub holds_expired: u64,
    /// Transactions no longer kept in memory for retransmissions and reversals.
    pub transactions_forgotten: u64,
}

impl fmt::Display for DayEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, already, holds_expired, transactions_forgotten } = self;
        if *already {
            return write!(f, "{date} was ended before; nothing changed");
        }
        write!(
            f,
            "{date} ended: {holds_expired} holds released, \
             {transactions_forgotten} transactions left memory"
        )
    }
}

/// Ends a day.
///
/// # Errors
/// The day is not over, the engine refuses, or cannot be reached.
pub fn eod(options: &EodOptions) -> Result<DayEnded, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    match Offline::open(&options.config, data, options.test_clock) {
        Ok(mut offline) => here(&mut offline, options.date),
        Err(OfflineError::Locked(locked)) => there(options, &locked),
        Err(error) => Err(error.into()),
    }
}

fn here(offline: &mut Offline, date: BusinessDate) -> Result<DayEnded, Failure> {
    let today = offline.moment().business_date();
    if date > today {
        return Err(Failure::found(format!("{date} is not over: it is {today}")));
    }
    let outcome = offline.execute(Command::EndOfDay { date })?;
    offline.commit()?;
    match outcome {
        Outcome::Done(Done::DayEnded { date, already, holds_expired, transactions_forgotten }) => {
            let date = date.to_string();
            Ok(DayEnded { date, already, holds_expired, transactions_forgotten })
        }
        Outcome::Refused(Refusal::NotThatDay) => {
            Err(Failure::found(format!("{date} cannot be ended now")))
        }
        other => Err(Failure::found(format!("{date} could not be ended: {other:?}"))),
    }
}

/// Asks the engine that has the data directory.
fn there(options: &EodOptions, locked: &Failure) -> Result<DayEnded, Failure> {
    let mut failure = locked.clone();
    let Some(http) = &options.config.http else {
        failure.lines.push("its API is switched off, so it can't be asked".to_owned());
        return Err(failure);
    };
    if http.tls.is_some() {
        let hint = "its API speaks TLS: ask it yourself, POST /api/v1/eod {\"date\": ...}";
        failure.lines.push(hint.to_owned());
        return Err(failure);
    }
    let Some(token) = &options.token else {
        let hint = "an engine runs on it and can be asked: give --token or set TAMGA_TOKEN";
        failure.lines.push(hint.to_owned());
        return Err(failure);
    };
    let (address, date) = (reachable(http.bind), options.date);
    let url = format!("http://{address}/api/v1/eod");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = agent
        .post(&url)
        .header("Authorization", &format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .send(format!("{{\"date\":\"{date}\"}}"));
    let mut answer = answer.map_err(|error| {
        Failure::unreachable(format!("the engine at {address} does not answer: {error}"))
    })?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    if !(200..300).contains(&status) {
        return Err(Failure::found(refused(status, &body)));
    }
    serde_json::from_str(&body).map_err(|error| {
        Failure::found(format!("the engine answered what is not understood: {error}"))
    })
}

/// The problem's own words (RFC 9457).
fn refused(status: u16, body: &str) -> String {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
        #[serde(default)]
        detail: String,
    }
    match serde_json::from_str::<Problem>(body) {
        Ok(problem) if problem.detail.is_empty() => {
            format!("the engine refuses ({status}): {}", problem.title)
        }
        Ok(problem) => format!("the engine refuses ({status}): {}", problem.detail),
        Err(_) => format!("the engine refuses ({status})"),
    }
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
