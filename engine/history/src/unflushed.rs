//! The mark of a file that was written without flushing.
//!
//! While the projector writes, SQLite flushes nothing, so the file is whole as long as the system
//! that took the writes runs, and may be torn after a power cut. The mark beside it names that run
//! of the system. It is made before the first write and removed after everything was flushed at
//! the end. A file whose mark names another run is built again from the journal.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What Linux gives each run of the system a name by.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Whether the file may be torn: it was not flushed, and the system has been restarted since.
pub(crate) fn may_be_torn(file: &Path) -> bool {
    is_foreign(fs::read(mark(file)).ok().as_deref(), fs::read(BOOT).ok().as_deref())
}

/// Where nothing tells the runs of the system apart, every mark counts as another run's.
fn is_foreign(mark: Option<&[u8]>, boot: Option<&[u8]>) -> bool {
    mark.is_some() && mark != boot
}

/// Marks the file, durably.
pub(crate) fn set(file: &Path) -> io::Result<()> {
    let path = mark(file);
    let mut mark = File::create(&path)?;
    mark.write_all(&fs::read(BOOT).unwrap_or_default())?;
    mark.sync_all()?;
    sync_directory(&path)
}

/// Flushes the file, which nobody writes any more, and removes its mark.
pub(crate) fn clear(file: &Path) -> io::Result<()> {
    for suffix in ["", "-wal"] {
        match File::open(with(file, suffix)) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let path = mark(file);
    fs::remove_file(&path)?;
    sync_directory(&path)
}

fn mark(file: &Path) -> PathBuf {
    with(file, ".unflushed")
}

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn sync_directory(of: &Path) -> io::Result<()> {
    match of.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_of_another_run_makes_a_file_suspect() {
        assert!(!is_foreign(None, Some(b"today")), "flushed");
        assert!(!is_foreign(Some(b"today"), Some(b"today")), "the process was killed");
        assert!(is_foreign(Some(b"yesterday"), Some(b"today")), "the power was cut");
        assert!(is_foreign(Some(b""), None), "nobody knows");
    }

    #[test]
    fn a_mark_is_there_until_the_file_was_flushed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("history.sqlite");
        fs::write(&file, "pages").unwrap();
        set(&file).unwrap();
        assert!(!may_be_torn(&file), "of this run");
        fs::write(mark(&file), "an earlier run").unwrap();
        assert!(may_be_torn(&file));
        clear(&file).unwrap();
        assert!(!may_be_torn(&file));
    }
}
