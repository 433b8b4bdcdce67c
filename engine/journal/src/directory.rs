//! The data directory: its lock, and the `TAMGA` file that says which format it has.
//!
//! ```text
//! TAMGA       format version and the version that made the directory, as text
//! LOCK        locked by the one process that may write here; holds its process id
//! journal/    segments          snapshots/   snapshots of the state
//! ```

use crate::JournalError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Where the segments are, under the data directory.
pub const JOURNAL_DIRECTORY: &str = "journal";
/// Where the snapshots are, under the data directory.
pub const SNAPSHOT_DIRECTORY: &str = "snapshots";

const LOCK: &str = "LOCK";
const ABOUT: &str = "TAMGA";
const DIRECTORY_FORMAT: u32 = 1;
const FIRST_LINE: &str = "tamga data directory";

/// A data directory this process has to itself for as long as this value lives.
///
/// [`crate::Recovery::open`] takes it; a tool that changes other files of the directory while no
/// engine may run takes it directly.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Takes the lock, making the directory and its files if they are not there yet.
    ///
    /// # Errors
    /// [`JournalError::Locked`], [`JournalError::NewerVersion`],
    /// [`JournalError::NotADataDirectory`], or what the system refused.
    pub fn lock(path: &Path) -> Result<Self, JournalError> {
        make_directory(path)?;
        let lock = take_lock(path)?;
        if check_about(path)?.is_none() {
            write_about(path)?;
        }
        make_directory(&path.join(JOURNAL_DIRECTORY))?;
        make_directory(&path.join(SNAPSHOT_DIRECTORY))?;
        sync_directory(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// The directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks without locking that `path` is a data directory of a format this program reads.
pub(crate) fn check_readable(path: &Path) -> Result<(), JournalError> {
    match check_about(path)? {
        Some(()) => Ok(()),
        None => Err(JournalError::NotADataDirectory {
            path: path.to_path_buf(),
            why: "it has no TAMGA file",
        }),
    }
}

fn make_directory(path: &Path) -> Result<(), JournalError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(JournalError::io("make the directory", path))?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => Ok(()),
    }
}

fn sync_directory(path: &Path) -> Result<(), JournalError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(JournalError::io("flush the directory", path))
}

fn take_lock(directory: &Path) -> Result<File, JournalError> {
    let path = directory.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(JournalError::io("open the lock file", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let owner = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(JournalError::Locked { lock: path, owner });
        }
        Err(TryLockError::Error(e)) => {
            return Err(JournalError::io("lock", &path)(e));
        }
    }
    // Only told to the next process that is refused; a stale number harms nothing.
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(JournalError::io("write", &path))?;
    Ok(file)
}

/// Reads the `TAMGA` file; `None` if there is none and the directory may become one.
fn check_about(directory: &Path) -> Result<Option<()>, JournalError> {
    let path = directory.join(ABOUT);
    let unusable =
        |why| Err(JournalError::NotADataDirectory { path: directory.to_path_buf(), why });
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            if directory.join(JOURNAL_DIRECTORY).exists() {
                return unusable("it has a journal but no TAMGA file: restore that file");
            }
            return Ok(None);
        }
        Err(e) if e.kind() == ErrorKind::InvalidData => {
            return unusable("its TAMGA file is not text");
        }
        Err(e) => return Err(JournalError::io("read", &path)(e)),
    };
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return unusable("its TAMGA file does not begin with \"tamga data directory\"");
    }
    let format = lines
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "format")
        .and_then(|(_, value)| value.trim().parse::<u32>().ok());
    match format {
        None | Some(0) => unusable("its TAMGA file has no format number"),
        Some(found) if found > DIRECTORY_FORMAT => {
            Err(JournalError::NewerVersion { path, found, ours: DIRECTORY_FORMAT })
        }
        Some(_) => Ok(Some(())),
    }
}

fn write_about(directory: &Path) -> Result<(), JournalError> {
    let path = directory.join(ABOUT);
    let unfinished = directory.join("TAMGA.unfinished");
    let text = format!(
        "{FIRST_LINE}\nformat = {DIRECTORY_FORMAT}\ncreated-by = tamga {}\n",
        env!("CARGO_PKG_VERSION")
    );
    File::create(&unfinished)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(JournalError::io("write", &unfinished))?;
    fs::rename(&unfinished, &path).map_err(JournalError::io("write", &path))?;
    sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_directory_once_and_accepts_it_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/data");
        drop(DataDirectory::lock(&path).unwrap());
        let first = fs::read_to_string(path.join(ABOUT)).unwrap();
        assert!(first.starts_with("tamga data directory\nformat = 1\ncreated-by = tamga "));
        drop(DataDirectory::lock(&path).unwrap());
        assert_eq!(fs::read_to_string(path.join(ABOUT)).unwrap(), first);
        check_readable(&path).unwrap();
    }

    #[test]
    fn refuses_a_directory_of_a_newer_version() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(ABOUT), "tamga data directory\nformat = 2\n").unwrap();
        let error = DataDirectory::lock(place.path()).unwrap_err();
        assert!(matches!(error, JournalError::NewerVersion { found: 2, ours: 1, .. }));
        assert!(error.to_string().contains("was written by a newer version"));
    }

    #[test]
    fn refuses_a_journal_whose_tamga_file_is_gone_or_garbage() {
        let place = tempfile::tempdir().unwrap();
        drop(DataDirectory::lock(place.path()).unwrap());
        for content in [&b"something else"[..], b"tamga data directory\n", b"\xff\xfe\x00"] {
            fs::write(place.path().join(ABOUT), content).unwrap();
            let error = DataDirectory::lock(place.path()).unwrap_err();
            assert!(matches!(error, JournalError::NotADataDirectory { .. }), "{error}");
        }
        fs::remove_file(place.path().join(ABOUT)).unwrap();
        let error = DataDirectory::lock(place.path()).unwrap_err();
        assert!(error.to_string().contains("no TAMGA file"), "{error}");
    }
}
