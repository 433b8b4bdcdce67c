//! `tamga eod`: the end of a business day by hand.
//!
//! Ending a day twice changes nothing; days before it that were missed come first. Where an engine
//! runs on the data directory it is asked over its API, since only it may change its state; else
//! the commands are journaled here.

use crate::calendar;
use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::progress::Progress;
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{Command, DayPart, DayStanding, DaySummary, Done, JobDone, Outcome, Refusal};
use payment_types::{BusinessDate, Timestamp, format_minor};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
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
    /// What staff should know: a holiday table that runs out.
    pub warnings: Vec<String>,
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
    let warnings = calendar::warning(offline.opened.state.plan().calendar(), today);
    Ok(DayEnded {
        date: date.to_string(),
        already,
        caught_up,
        jobs: jobs.unwrap_or_default(),
        warnings: warnings.into_iter().collect(),
    })
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
    let remote = Arc::new(Remote::new(&options.config, options.token.as_deref(), locked)?);
    let (done, answer) = mpsc::channel();
    let (asking, date) = (Arc::clone(&remote), options.date);
    std::thread::spawn(move || {
        let body = format!("{{\"date\":\"{date}\"}}");
        let ended = asking.post("/eod", &[], "application/json", body.as_bytes());
        // Nobody waits any more when this fails.
        let _gone = done.send(ended);
    });
    loop {
        match answer.recv_timeout(ASK_EVERY) {
            Ok(ended) => return ended,
            Err(mpsc::RecvTimeoutError::Timeout) => show(&remote, progress),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Failure::unreachable("the request ended without an answer".to_owned()));
            }
        }
    }
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

/// Shows how far the engine is; what it does not say is not shown.
fn show(remote: &Remote, progress: &mut Progress) {
    let Ok(Status { under_way: Some(now) }) = remote.get("/eod", &[]) else { return };
    let job = authorization::DayJob::ALL.iter().find(|job| job.name() == now.job);
    progress.stage(job.map_or("jobs", |job| job.name()), now.total);
    progress.at(now.done);
}
