//! `tamga backup`.

use super::archive::{self, Kind};
use super::sealed::Sealing;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::replay::{TELL_EVERY, must_exist};
use journal::{JOURNAL_DIRECTORY, JournalError, Reader, SNAPSHOT_DIRECTORY, SnapshotReader};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What is copied as it is, if it is there. After the journal: a key is on the disk before the
/// record that needs it.
const FILES: [&str; 2] = [personal::FILE_NAME, "keys"];
const COPY_BYTES: usize = 256 << 10;

/// What `tamga backup` was told.
pub struct BackupOptions {
    /// The data directory.
    pub data: PathBuf,
    /// The file to make; it must not be there.
    pub file: PathBuf,
    /// What it is encrypted under.
    pub passphrase: Zeroizing<String>,
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// The last record in it.
    pub last: u64,
    /// The snapshot in it.
    pub snapshot: Option<u64>,
    /// Its size.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Backs a data directory up. Takes no lock: an engine may be running on it.
///
/// # Errors
/// Code 2 if the file can't be made, code 3 if the data directory can't be read.
pub fn backup(options: &BackupOptions, progress: &mut Progress) -> Result<BackedUp, Failure> {
    let started = Instant::now();
    must_exist(&options.data)?;
    let wrong = |error: io::Error| Failure::file(&options.file, "written", &error);
    if options.file.exists() {
        let path = options.file.display();
        return Err(Failure::usage(format!("{path} is there already; a backup replaces nothing")));
    }
    let mut name = options.file.clone().into_os_string();
    name.push(".unfinished");
    let unfinished = PathBuf::from(name);
    let mut made = OpenOptions::new();
    made.write(true).create(true).truncate(true).mode(0o600);
    let file = made.open(&unfinished).map_err(wrong)?;
    let out = BufWriter::with_capacity(1 << 20, file);
    let sealing = Sealing::new(out, &options.passphrase).map_err(wrong)?;
    let mut taking = Taking { options, out: sealing };
    let taken = taking.all(progress);
    let out = taking.out;
    let done = taken.and_then(|(last, snapshot)| {
        let file = out.finish().map_err(wrong)?.into_inner();
        let file = file.map_err(|error| wrong(error.into_error()))?;
        file.sync_all().map_err(wrong)?;
        fs::rename(&unfinished, &options.file).map_err(wrong)?;
        Ok((last, snapshot, file.metadata().map_err(wrong)?.len()))
    });
    if done.is_err() {
        // What is left of it is of no use to anybody.
        let _removed = fs::remove_file(&unfinished);
    }
    let (last, snapshot, bytes) = done?;
    progress.finish();
    Ok(BackedUp { last, snapshot, bytes, took: started.elapsed() })
}

struct Taking<'o> {
    options: &'o BackupOptions,
    out: Sealing<BufWriter<File>>,
}

impl Taking<'_> {
    fn all(&mut self, progress: &mut Progress) -> Result<(u64, Option<u64>), Failure> {
        let head = json!({ "program": concat!("tamga ", env!("CARGO_PKG_VERSION")) });
        self.entry(Kind::Head, 0, head.to_string().as_bytes())?;
        let data = &self.options.data;
        let newest = SnapshotReader::newest_good(data)?.snapshot;
        let snapshot = newest.as_ref().map(SnapshotReader::sequence);
        if let Some(name) = newest.as_ref().and_then(|newest| newest.path().file_name()) {
            self.file(&format!("{SNAPSHOT_DIRECTORY}/{}", name.to_string_lossy()))?;
        }
        let end = end_of(data, snapshot)?;
        progress.stage("records", end);
        let mut reader = Reader::open(data, 1).map_err(|error| match error {
            JournalError::Archived { first, .. } => Failure::data(format!(
                "records before {first} were archived: bring their segments back to back all up"
            )),
            other => other.into(),
        })?;
        let mut last = 0;
        // To where it ended when it was begun: an engine writes on meanwhile.
        while let Some((sequence, record)) = reader.next(end)? {
            let written = archive::write(&mut self.out, Kind::Record, sequence, record);
            written.map_err(|error| Failure::file(&self.options.file, "written", &error))?;
            last = sequence;
            if last.is_multiple_of(TELL_EVERY) {
                progress.at(last);
            }
        }
        flush_journal(data)?;
        for name in FILES {
            if data.join(name).exists() {
                self.file(name)?;
            }
        }
        self.entry(Kind::End, last, b"")?;
        Ok((last, snapshot))
    }

    fn entry(&mut self, kind: Kind, number: u64, body: &[u8]) -> Result<(), Failure> {
        let written = archive::write(&mut self.out, kind, number, body);
        written.map_err(|error| Failure::file(&self.options.file, "written", &error))
    }

    fn file(&mut self, name: &str) -> Result<(), Failure> {
        let path = self.options.data.join(name);
        let wrong = |error: io::Error| {
            Failure::data(format!("{}: cannot be read: {error}", path.display()))
        };
        let mut file = File::open(&path).map_err(wrong)?;
        self.entry(Kind::File, 0, name.as_bytes())?;
        let mut bytes = vec![0; COPY_BYTES];
        loop {
            let count = file.read(&mut bytes).map_err(wrong)?;
            if count == 0 {
                return Ok(());
            }
            self.entry(Kind::Bytes, 0, bytes.get(..count).unwrap_or_default())?;
        }
    }
}

/// The last record there is now.
fn end_of(data: &Path, snapshot: Option<u64>) -> Result<u64, Failure> {
    let mut reader = Reader::open(data, snapshot.unwrap_or(0).saturating_add(1))?;
    let mut end = snapshot.unwrap_or(0);
    while let Some((sequence, _)) = reader.next(u64::MAX)? {
        end = sequence;
    }
    Ok(end)
}

/// What was read may not have been flushed by the engine yet; after this it is on stable storage,
/// so the backup holds nothing that its original could lose.
fn flush_journal(data: &Path) -> Result<(), Failure> {
    let folder = data.join(JOURNAL_DIRECTORY);
    let wrong = |error: io::Error| {
        Failure::data(format!("{}: cannot be flushed: {error}", folder.display()))
    };
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "seg") {
            File::open(&path).and_then(|file| file.sync_data()).map_err(wrong)?;
        }
    }
    Ok(())
}
