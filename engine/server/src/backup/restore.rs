//! `tamga restore`.

use super::archive::{self, Kind};
use super::sealed::Opening;
use crate::erased;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::replay::{Run, TELL_EVERY, difference};
use journal::{Journal, Options, Recovery, SNAPSHOT_DIRECTORY};
use payment_types::Timestamp;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Records between two commits.
const COMMIT_EVERY: u64 = 2048;

/// Up to where a journal is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// This record is the last.
    Record(u64),
    /// The last record accepted at or before this moment.
    Moment(Timestamp),
}

/// What `tamga restore` was told.
pub struct RestoreOptions {
    /// The backup.
    pub file: PathBuf,
    /// The data directory to make; it must not be there, or be empty.
    pub target: PathBuf,
    /// Up to where; all of it if not told.
    pub until: Option<Until>,
    /// What it is encrypted under.
    pub passphrase: Zeroizing<String>,
    /// The list of erased customers; the target's own if not told.
    pub erased: Option<PathBuf>,
    /// Bytes of a journal segment.
    pub segment_bytes: u64,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The last record.
    pub last: u64,
    /// How many records the backup holds behind it.
    pub left_out: u64,
    /// When the last record was accepted.
    pub moment: Option<String>,
    /// The state's digest, as `tamga verify` shows it.
    pub digest: u64,
    /// Customers whose keys were destroyed again (PII-3).
    pub erased: usize,
    /// How long it took.
    pub took: Duration,
}

/// Makes a data directory from a backup. It is whole and checked when it gets its name.
///
/// # Errors
/// Code 1 if the backup does not open, is damaged, or does not replay; code 2 for its names;
/// code 3 if the target has something in it or can't be written.
pub fn restore(options: &RestoreOptions, progress: &mut Progress) -> Result<Restored, Failure> {
    let started = Instant::now();
    let target = &options.target;
    must_be_empty(target)?;
    let mut name = target.clone().into_os_string();
    name.push(".restoring");
    let folder = PathBuf::from(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| not_written(&folder, &error))?;
    }
    let done = into(&folder, options, progress);
    let done = match done {
        Ok(done) => done,
        Err(failure) => {
            // Half a data directory is of no use to anybody.
            let _removed = fs::remove_dir_all(&folder);
            return Err(failure);
        }
    };
    if target.exists() {
        fs::remove_dir(target).map_err(|error| not_written(target, &error))?;
    }
    fs::rename(&folder, target).map_err(|error| not_written(target, &error))?;
    progress.finish();
    Ok(Restored { took: started.elapsed(), ..done })
}

fn must_be_empty(target: &Path) -> Result<(), Failure> {
    let wrong = |error: io::Error| Failure::data(format!("{}: {error}", target.display()));
    if target.exists() && fs::read_dir(target).map_err(wrong)?.next().is_some() {
        let path = target.display();
        return Err(Failure::data(format!(
            "{path} is not empty: a restore replaces nothing; name another directory, or move it away"
        )));
    }
    Ok(())
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::data(format!("{}: cannot be written: {error}", path.display()))
}

fn into(
    folder: &Path,
    options: &RestoreOptions,
    progress: &mut Progress,
) -> Result<Restored, Failure> {
    let file = File::open(&options.file)
        .map_err(|error| Failure::file(&options.file, "opened", &error))?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let source = BufReader::with_capacity(1 << 20, file);
    let opening =
        Opening::new(source, &options.passphrase).map_err(|error| bad(&options.file, &error))?;
    let settings = Options { segment_bytes: options.segment_bytes, ..Options::default() };
    let journal = Recovery::open(folder, settings)?.finish()?;
    let mut filling = Filling {
        options,
        folder,
        journal,
        file: None,
        snapshot: None,
        last: 0,
        left_out: 0,
        ended: false,
    };
    progress.stage("restoring", bytes);
    filling.all(opening, progress)?;
    let Filling { mut journal, last, left_out, snapshot, .. } = filling;
    journal.commit()?;
    drop(journal);
    // A snapshot of later than the last record is none of this journal's.
    if let Some((sequence, path)) = snapshot.filter(|(sequence, _)| *sequence > last) {
        fs::remove_file(&path).map_err(|error| not_written(&path, &error))?;
        tracing::debug!(sequence, "snapshot left out");
    }
    check(folder, options, (last, left_out), progress)
}

/// Runs what was restored again, from its snapshot if it has one, and forgets who was erased.
fn check(
    folder: &Path,
    options: &RestoreOptions,
    (last, left_out): (u64, u64),
    progress: &mut Progress,
) -> Result<Restored, Failure> {
    let has_snapshot = fs::read_dir(folder.join(SNAPSHOT_DIRECTORY))
        .is_ok_and(|mut entries| entries.next().is_some());
    let mut run = Run::open(folder, has_snapshot)?;
    progress.stage("checking", last);
    while let Some(step) = run.step()? {
        if step.outcome != step.record.outcome {
            return Err(Failure::found(difference(&step)));
        }
        if step.sequence.is_multiple_of(TELL_EVERY) {
            progress.at(step.sequence);
        }
    }
    let state = &run.state;
    state.ledger().verify().map_err(|fault| Failure::found(format!("ledger: {fault}")))?;
    let list = options.erased.clone().unwrap_or_else(|| erased::path_of(&options.target));
    let known = erased::read(&list).map_err(|error| bad(&list, &error))?;
    let mut gone = erased::meant(&known, state);
    gone.extend(state.erased_customers());
    gone.sort_unstable();
    gone.dedup();
    if !gone.is_empty() {
        personal::destroy_in(folder, &gone).map_err(|error| Failure::data(error.to_string()))?;
    }
    let moment = (last > 0).then(|| state.last_moment().rfc3339());
    let (digest, erased) = (state.digest(), gone.len());
    Ok(Restored { last, left_out, moment, digest, erased, took: Duration::ZERO })
}

fn bad(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::found(format!("{path} ends too early")),
        io::ErrorKind::InvalidData => Failure::found(format!("{path} {error}")),
        _ => Failure::data(format!("{path}: cannot be read: {error}")),
    }
}

/// A data directory while a backup is poured into it.
struct Filling<'o> {
    options: &'o RestoreOptions,
    folder: &'o Path,
    journal: journal::Embedded,
    /// The file that is being written.
    file: Option<(PathBuf, File)>,
    snapshot: Option<(u64, PathBuf)>,
    last: u64,
    left_out: u64,
    /// The last record that is wanted has been taken.
    ended: bool,
}

impl Filling<'_> {
    fn all(
        &mut self,
        mut source: Opening<BufReader<File>>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut body = Vec::new();
        let mut entries = 0u64;
        loop {
            let entry = archive::read(&mut source, &mut body);
            let (kind, number) = entry.map_err(|error| bad(&self.options.file, &error))?;
            match kind {
                Kind::Head => {}
                Kind::File => self.begin(&body)?,
                Kind::Bytes => self.bytes(&body)?,
                Kind::Record => self.record(number, &body)?,
                Kind::End => break,
            }
            entries = entries.saturating_add(1);
            if entries.is_multiple_of(TELL_EVERY) {
                progress.at(source.opened);
            }
        }
        self.close()?;
        // Nothing may follow, and reading to the end finds a file that was cut short.
        let rest = io::copy(&mut source, &mut io::sink());
        match rest.map_err(|error| bad(&self.options.file, &error))? {
            0 => Ok(()),
            _ => Err(Failure::found(format!("{} goes on too far", self.options.file.display()))),
        }
    }

    fn record(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), Failure> {
        let total = self.last.saturating_add(self.left_out);
        if sequence != total.saturating_add(1) {
            let path = self.options.file.display();
            return Err(Failure::found(format!("{path}: record {sequence} comes after {total}")));
        }
        self.ended |= match self.options.until {
            None => false,
            Some(Until::Record(until)) => sequence > until,
            Some(Until::Moment(until)) => {
                let record = authorization::decode_record(bytes)
                    .map_err(|error| Failure::record(sequence, error))?;
                record.accepted.moment.at > until
            }
        };
        if self.ended {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        }
        self.journal.append(bytes)?;
        self.last = sequence;
        if sequence.is_multiple_of(COMMIT_EVERY) {
            self.journal.commit()?;
        }
        Ok(())
    }

    /// Only names that a backup has, and never a path out of the folder.
    fn begin(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.close()?;
        let name = std::str::from_utf8(name).unwrap_or_default();
        let mut parts = Path::new(name).components();
        let plain = parts.all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !plain || name.starts_with("journal") {
            let path = self.options.file.display();
            return Err(Failure::found(format!("{path} has a file of a strange name")));
        }
        let path = self.folder.join(name);
        if let Some(digits) = name.strip_prefix("snapshots/").and_then(|n| n.strip_suffix(".snap"))
        {
            self.snapshot = digits.parse().ok().map(|sequence| (sequence, path.clone()));
        }
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| not_written(&path, &error))?;
        self.file = Some((path, file));
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.file {
            Some((path, file)) => file.write_all(bytes).map_err(|error| not_written(path, &error)),
            None => Err(Failure::found("bytes of no file".to_owned())),
        }
    }

    fn close(&mut self) -> Result<(), Failure> {
        match self.file.take() {
            Some((path, file)) => file.sync_all().map_err(|error| not_written(&path, &error)),
            None => Ok(()),
        }
    }
}
