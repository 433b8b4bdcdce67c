//! `tamga present`: clearing files, which say what was done with our cards (TOD-1, TXN-4).
//!
//! A file is checked whole before anything of it is booked: one malformed record refuses it with
//! the lines that are wrong. Then each record becomes a command of its own. What is well formed but
//! cannot be booked (an unknown card, a reference that was booked before) is listed; reading the
//! file again books only what was not. Where an engine runs on the data directory it is asked over
//! its API, part by part.

mod csv;
mod source;
#[cfg(test)]
mod tests;

pub use source::{Cutter, Format, Part, Records, read};

use crate::config::Config;
use crate::failure::Failure;
use crate::offline::{Offline, OfflineError};
use crate::progress::Progress;
use crate::remote::Remote;
use crate::replay::must_exist;
use authorization::{Command, Decided, Outcome, Presentment};
use history::presentment_status;
use payment_types::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// As many wrong lines are told.
const SHOWN: usize = 50;
/// From so many records on a snapshot is worth its time.
const SNAPSHOT_FROM: u64 = 20_000;

/// What `tamga present` was told.
pub struct PresentOptions {
    /// The configuration.
    pub config: Config,
    /// Another data directory than the configuration's.
    pub data: Option<PathBuf>,
    /// The file.
    pub file: PathBuf,
    /// How it is written.
    pub format: Format,
    /// The dialect's and the framing's names, for a running engine.
    pub names: Option<(String, String)>,
    /// A token of the API, for a running engine.
    pub token: Option<String>,
    /// Another time than the system's; only where no engine runs.
    pub test_clock: Option<Timestamp>,
}

/// What became of a file, or of a part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presented {
    /// How many records were looked at.
    pub records: u64,
    /// Booked and matched to what was authorized.
    pub matched: u64,
    /// Booked by themselves: nothing that was authorized was found.
    pub unmatched: u64,
    /// Booked before under the same reference.
    pub duplicate: u64,
    /// Not booked.
    pub refused: u64,
    /// All that were not matched, in the order of the file.
    pub listed: Vec<Listed>,
}

/// A record that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listed {
    /// The line, or the number of the message, from 1.
    pub line: u32,
    /// The network's reference.
    pub reference: String,
    /// `unmatched`, `duplicate` or `refused`.
    pub status: String,
    /// Why.
    pub reason: String,
    /// The transaction it is now, or was before.
    pub transaction: Option<String>,
}

impl Presented {
    /// Counts a record.
    pub fn add(&mut self, presentment: &Presentment, decided: &Decided) {
        let (decision, original) = (&decided.decision, decided.original);
        let status = presentment_status(decision.result, original.is_some());
        self.records = self.records.saturating_add(1);
        let count = match status {
            "matched" => &mut self.matched,
            "unmatched" => &mut self.unmatched,
            "duplicate" => &mut self.duplicate,
            _ => &mut self.refused,
        };
        *count = count.saturating_add(1);
        if status == "matched" {
            return;
        }
        let reason = match status {
            "unmatched" => "no authorization found; booked by itself".to_owned(),
            "duplicate" => duplicate(presentment, decided),
            _ => crate::reason::words(decision.result).to_owned(),
        };
        let transaction = if status == "duplicate" { original } else { Some(decision.transaction) };
        self.listed.push(Listed {
            line: presentment.line,
            reference: presentment.reference.to_string(),
            status: status.to_owned(),
            reason,
            transaction: transaction.map(|sequence| sequence.to_string()),
        });
    }

    fn join(&mut self, part: Self) {
        self.records = self.records.saturating_add(part.records);
        self.matched = self.matched.saturating_add(part.matched);
        self.unmatched = self.unmatched.saturating_add(part.unmatched);
        self.duplicate = self.duplicate.saturating_add(part.duplicate);
        self.refused = self.refused.saturating_add(part.refused);
        self.listed.extend(part.listed);
    }
}

/// A reference that was booked with another amount is more than a file read twice.
fn duplicate(presentment: &Presentment, decided: &Decided) -> String {
    let was = decided.trace.first().map_or(0, |entry| entry.used);
    let same = i64::try_from(presentment.request.amount.minor()) == Ok(was);
    let differs = if same { "" } else { " with another amount" };
    format!("booked before{differs}")
}

/// What a file did.
#[derive(Debug)]
pub struct FileDone {
    /// Its records.
    pub presented: Presented,
    /// How long booking took; checking not counted.
    pub took: Duration,
}

/// Reads a file and books it.
///
/// # Errors
/// Code 1 with the lines that are wrong, and nothing was booked; or why the file, the data
/// directory or the engine cannot be used.
pub fn present(options: &PresentOptions, progress: &mut Progress) -> Result<FileDone, Failure> {
    let data = options.data.as_deref().unwrap_or(&options.config.store.path);
    must_exist(data)?;
    match Offline::open(&options.config, data, options.test_clock) {
        Ok(mut offline) => here(&mut offline, options, progress),
        Err(OfflineError::Locked(locked)) => {
            let remote = Remote::new(&options.config, options.token.as_deref(), &locked)?;
            there(&remote, options, progress)
        }
        Err(error) => Err(error.into()),
    }
}

/// The name a file is known by: its own, without the folders.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn cutter(options: &PresentOptions) -> Result<(Cutter<BufReader<File>>, u64), Failure> {
    let path = &options.file;
    let file = File::open(path).map_err(|error| Failure::file(path, "opened", &error))?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let cutter = Cutter::new(BufReader::with_capacity(1 << 20, file), options.format.clone());
    Ok((cutter.map_err(|why| malformed(path, why))?, bytes))
}

fn malformed(path: &Path, why: String) -> Failure {
    let nothing = "nothing was booked".to_owned();
    Failure { code: 1, lines: vec![format!("{}: {why}", path.display()), nothing] }
}

/// All parts of a file, one after the other.
fn each_part(
    options: &PresentOptions,
    stage: &'static str,
    progress: &mut Progress,
    mut take: impl FnMut(&Part) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut cutter, bytes) = cutter(options)?;
    progress.stage(stage, bytes);
    while let Some(part) = cutter.part().map_err(|why| malformed(&options.file, why))? {
        take(&part)?;
        progress.at(part.position);
    }
    Ok(())
}

/// The wrong lines of a file.
struct Wrong {
    count: u64,
    shown: Vec<String>,
}

impl Wrong {
    fn add(&mut self, path: &Path, refused: Vec<(u32, String)>) {
        for (line, why) in refused {
            self.count = self.count.saturating_add(1);
            if self.shown.len() < SHOWN {
                self.shown.push(format!("{}:{line}: {why}", path.display()));
            }
        }
    }

    fn into_result(self) -> Result<(), Failure> {
        if self.count == 0 {
            return Ok(());
        }
        let mut lines = self.shown;
        lines.push(format!("{} errors; nothing was booked", self.count));
        Err(Failure { code: 1, lines })
    }
}

fn here(
    offline: &mut Offline,
    options: &PresentOptions,
    progress: &mut Progress,
) -> Result<FileDone, Failure> {
    let file = name_of(&options.file);
    let today = offline.moment().business_date();
    let security = std::sync::Arc::clone(&offline.opened.security);
    let records = |part: &Part| {
        read(&options.format, (&file, part.first, &part.bytes), today, security.as_ref())
    };
    let mut wrong = Wrong { count: 0, shown: Vec::new() };
    each_part(options, "checking", progress, |part| {
        wrong.add(&options.file, records(part).refused);
        Ok(())
    })?;
    wrong.into_result()?;
    let started = Instant::now();
    let mut presented = Presented::default();
    each_part(options, "booking", progress, |part| {
        for presentment in records(part).presentments {
            let command = Command::Present(Box::new(presentment.clone()));
            match offline.execute(command)? {
                Outcome::Decided(decided) => presented.add(&presentment, &decided),
                other => return Err(Failure::found(format!("not decided: {other:?}"))),
            }
        }
        offline.commit()
    })?;
    let took = started.elapsed();
    if presented.records >= SNAPSHOT_FROM {
        progress.stage("snapshot", 0);
        offline.snapshot()?;
    }
    progress.finish();
    Ok(FileDone { presented, took })
}

fn there(
    remote: &Remote,
    options: &PresentOptions,
    progress: &mut Progress,
) -> Result<FileDone, Failure> {
    let file = name_of(&options.file);
    let mut query = vec![("file", file)];
    if let Some((dialect, framing)) = &options.names {
        query.extend([("dialect", dialect.clone()), ("framing", framing.clone())]);
    }
    let send = |part: &Part, check: bool| -> Result<Presented, Failure> {
        let mut query = query.clone();
        query.push(("first", part.first.to_string()));
        query.push(("check", check.to_string()));
        remote.post("/presentments", &query, "application/octet-stream", &part.bytes)
    };
    each_part(options, "checking", progress, |part| send(part, true).map(|_| ()))?;
    let started = Instant::now();
    let mut presented = Presented::default();
    each_part(options, "booking", progress, |part| {
        presented.join(send(part, false)?);
        Ok(())
    })?;
    progress.finish();
    Ok(FileDone { presented, took: started.elapsed() })
}

/// PII-1: whether a reference has a card number in it, of the same issuer as the record's. Numeric
/// references of other kinds pass, whatever their last digit.
fn holds_card_number(reference: &str, leading: u32) -> bool {
    crate::card_numbers::find(reference).iter().any(|found| found.leading() == u64::from(leading))
}
