//! Files: how many the system lets this process have open, since every connection is one; and
//! whether a report can be written, which is better known before a load than after it.

use crate::SimError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::OpenOptions;
use std::path::Path;

/// For what else a process has open.
const BESIDES: u64 = 64;
/// What a report needs at most, for hours second by second.
const REPORT_BYTES: u64 = 4 << 20;

/// Sees to it that so many connections can be open at a time, and as many again that are on their
/// way out, where the system lets us.
///
/// # Errors
/// [`SimError::Setting`] saying what the system allows, where that is too little.
pub fn allow(connections: usize) -> Result<(), SimError> {
    let connections = u64::try_from(connections).unwrap_or(u64::MAX);
    let least = connections.saturating_add(BESIDES);
    raise(connections.saturating_mul(2).saturating_add(BESIDES));
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < least => Err(SimError::Setting(format!(
            "{connections} connections need {least} open files, and the system allows {allowed}: \
             raise the limit (ulimit -n {least}) or take fewer"
        ))),
        _ => Ok(()),
    }
}

/// As many as the system lets us have, for one who does not know how many will come.
pub fn allow_all() {
    raise(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX));
}

/// As far as it may be: to `wanted`, else to the hard limit, which only root may move.
fn raise(wanted: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    let most = maximum.map_or(wanted, |maximum| maximum.max(wanted));
    let both = Rlimit { current: Some(wanted), maximum: maximum.map(|_| most) };
    if setrlimit(Resource::Nofile, both).is_err() {
        let current = Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        // Where not even that is allowed, the caller looks at what is.
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap_or_default();
    }
}

/// Whether a report can be written there, without changing what is in it.
///
/// # Errors
/// [`SimError::File`], also where the disk is all but full.
pub fn must_be_writable(path: &Path) -> Result<(), SimError> {
    let is_new = !path.exists();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(disk) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < REPORT_BYTES && disk.f_blocks > 0 {
            let cause = std::io::Error::from(rustix::io::Errno::NOSPC);
            return Err(SimError::file(path)(cause));
        }
    }
    OpenOptions::new().append(true).create(true).open(path).map_err(SimError::file(path))?;
    if is_new {
        std::fs::remove_file(path).map_err(SimError::file(path))?;
    }
    Ok(())
}

/// A word as part of a file's name.
#[must_use]
pub fn harmless(text: &str) -> String {
    let is_harmless = |sign: char| sign.is_ascii_alphanumeric() || "._-".contains(sign);
    text.chars().map(|sign| if is_harmless(sign) { sign } else { '_' }).collect()
}

/// Writes a report whole or not at all: it is written beside its place and then moved there.
///
/// # Errors
/// [`SimError::File`].
pub fn write(path: &Path, text: &str) -> Result<(), SimError> {
    let is_plain = std::fs::symlink_metadata(path).map_or(true, |found| found.is_file());
    let name = path.file_name().filter(|_| is_plain);
    let Some(name) = name else {
        // A device or a pipe (/dev/stdout) has no place beside it.
        return std::fs::write(path, text).map_err(SimError::file(path));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".part");
    let beside = path.with_file_name(beside);
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|cause| {
        // What was written of it is of no use; that it could not be written is what is told.
        std::fs::remove_file(&beside).unwrap_or_default();
        SimError::file(path)(cause)
    })
}

/// Writes a file whole or not at all, and so that it is there after a power cut.
///
/// # Errors
/// [`SimError::File`].
pub fn write_durably(path: &Path, text: &str) -> Result<(), SimError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(SimError::file(folder))?;
    std::io::Write::write_all(&mut new, text.as_bytes()).map_err(SimError::file(path))?;
    new.as_file().sync_all().map_err(SimError::file(path))?;
    new.persist(path).map_err(|error| SimError::file(path)(error.error))?;
    // The name is durable with its folder.
    let named = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    named.map_err(SimError::file(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_the_system_allows_are_told_before_they_fail() {
        assert!(allow(10).is_ok());
        let error = allow(usize::MAX).unwrap_err().to_string();
        assert!(error.contains("open files") && error.contains("ulimit -n"), "{error}");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        must_be_writable(&path).unwrap();
        assert!(!path.exists());
        write(&path, "old").unwrap();
        must_be_writable(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        write(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("nowhere").join("report.json");
        let error = must_be_writable(&nowhere).unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
        assert!(write(&nowhere, "x").is_err() && must_be_writable(folder.path()).is_err());
    }
}
