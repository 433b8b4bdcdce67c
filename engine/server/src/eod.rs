//! `tamga eod`: the end of a business day by hand.
//!
//! Ending a day twice changes nothing; days before it that were missed come first. Where an engine
//! runs on the data directory it is asked over its API, since only it may change its state; else
//! the commands are journaled here.

use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::progress::Progress;
use crate::replay::must_exist;
use authorization::{Command, DayPart, DayStanding, DaySummary, Done, JobDone, Outcome, Refusal};
use payment_types::{BusinessDate, Timestamp, format_minor};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// How often a running engine is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(250);

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
    /// Days before it that had been missed and were ended first.
    pub caught_up: Vec<String>,
    /// What each job did.
    pub jobs: Vec<Job>,
}

/// What one job did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its name.
    pub job: String,
    /// The rule it carries out.
    pub rule: String,
    /// How many things it looked at.
    pub looked_at: u64,
    /// How many it changed.
    pub changed: u64,
    /// The money it moved or released, by currency.
    pub amounts: BTreeMap<String, String>,
}

impl From<&JobDone> for Job {
    fn from(done: &JobDone) -> Self {
        let text = |minor, exponent| format_minor(i128::from(minor), exponent);
        let amounts = done.amounts.iter();
        Self {
            job: done.job.name().to_owned(),
            rule: done.job.rule().id().to_owned(),
            looked_at: done.looked_at,
            changed: done.changed,
            amounts: amounts
                .map(|(currency, minor)| (currency.to_string(), text(*minor, currency.exponent())))
                .collect(),
        }
    }
}

impl fmt::Display for DayEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.already {
            return write!(f, "{} was ended before; nothing changed", self.date);
        }
        if let (Some(first), days) = (self.caught_up.first(), self.caught_up.len()) {
            let last = self.caught_up.last().unwrap_or(first);
            writeln!(f, "{days} missed before it, ended first: {first} to {last}")?;
        }
        write!(f, "{} ended:", self.date)?;
        for job in &self.jobs {
            let Job { job, rule, looked_at, changed, amounts } = job;
            write!(f, "\n  {job:<18} {rule:<6} {looked_at:>9} looked at {changed:>9} changed")?;
            for (currency, amount) in amounts {
                write!(f, "  {amount} {currency}")?;
            }
        }
        Ok(())
    }
}

/// Ends a day, and before it those that were missed.
///
/// # Errors
/// The day is to come, the engine refuses, or cannot be reached.
pub fn eod(options: &EodOptions, progress: &mut Progress) -> Result<DayEnded, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    let ended = match Offline::open(&options.config, data, options.test_clock) {
        Ok(mut offline) => here(&mut offline, options.date, progress),
        Err(OfflineError::Locked(locked)) => there(options, &locked, progress),
        Err(error) => Err(error.into()),
    };
    progress.finish();
    ended
}

fn here(
    offline: &mut Offline,
    date: BusinessDate,
    progress: &mut Progress,
) -> Result<DayEnded, Failure> {
    let today = offline.moment().business_date();
    if date > today {
        return Err(Failure::found(format!("{date} is not over: it is {today}")));
    }
    let mut caught_up = Vec::new();
    while let Some(next) = offline.opened.state.next_day().filter(|next| *next < date) {
        end_one(offline, next, progress)?;
        caught_up.push(next.to_string());
    }
    let summary = end_one(offline, date, progress)?;
    let already = summary.is_none();
    let jobs = summary.map(|summary| summary.jobs.iter().map(Job::from).collect());
    Ok(DayEnded { date: date.to_string(), already, caught_up, jobs: jobs.unwrap_or_default() })
}

/// Ends one day part by part, each committed; `None` for one ended before.
fn end_one(
    offline: &mut Offline,
    date: BusinessDate,
    progress: &mut Progress,
) -> Result<Option<DaySummary>, Failure> {
    let mut job = None;
    loop {
        let outcome = offline.execute(Command::EndOfDay { date })?;
        offline.commit()?;
        let part: DayPart = match outcome {
            Outcome::Done(Done::Day(part)) => *part,
            Outcome::Refused(Refusal::DayToCome) => {
                return Err(Failure::found(format!("{date} is not over")));
            }
            other => return Err(Failure::found(format!("{date} is not ended: {other:?}"))),
        };
        match part.standing {
            DayStanding::UnderWay => {}
            DayStanding::Ended => return Ok(part.summary),
            DayStanding::EndedBefore => return Ok(None),
        }
        if let Some(now) = offline.opened.state.day_under_way() {
            if job != Some(now.job) {
                job = Some(now.job);
                progress.stage(now.job.name(), now.done.1);
            }
            progress.at(now.done.0);
        }
    }
}

/// Asks the engine that has the data directory.
fn there(
    options: &EodOptions,
    locked: &Failure,
    progress: &mut Progress,
) -> Result<DayEnded, Failure> {
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
    let asked = Asked::new(reachable(http.bind), token);
    let (done, answer) = mpsc::channel();
    let (asking, date) = (asked.clone(), options.date);
    std::thread::spawn(move || {
        // Nobody waits any more when this fails.
        let _gone = done.send(asking.end(date));
    });
    loop {
        match answer.recv_timeout(ASK_EVERY) {
            Ok(ended) => return ended,
            Err(mpsc::RecvTimeoutError::Timeout) => asked.show(progress),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Failure::unreachable("the request ended without an answer".to_owned()));
            }
        }
    }
}

/// The API of a running engine.
#[derive(Clone)]
struct Asked {
    agent: ureq::Agent,
    address: SocketAddr,
    token: String,
}

/// What `GET /eod` says.
#[derive(Deserialize)]
struct Status {
    under_way: Option<UnderWay>,
}

#[derive(Deserialize)]
struct UnderWay {
    job: String,
    done: u64,
    total: u64,
}

impl Asked {
    fn new(address: SocketAddr, token: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { agent, address, token: format!("Bearer {token}") }
    }

    fn end(&self, date: BusinessDate) -> Result<DayEnded, Failure> {
        let address = self.address;
        let answer = self
            .agent
            .post(format!("http://{address}/api/v1/eod"))
            .header("Authorization", &self.token)
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

    /// Shows how far the engine is; what it does not say is not shown.
    fn show(&self, progress: &mut Progress) {
        let url = format!("http://{}/api/v1/eod", self.address);
        let Ok(mut answer) = self.agent.get(url).header("Authorization", &self.token).call() else {
            return;
        };
        let Ok(text) = answer.body_mut().read_to_string() else { return };
        let Ok(Status { under_way: Some(now) }) = serde_json::from_str(&text) else { return };
        let job = authorization::DayJob::ALL.iter().find(|job| job.name() == now.job);
        progress.stage(job.map_or("jobs", |job| job.name()), now.total);
        progress.at(now.done);
    }
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
