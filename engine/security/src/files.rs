//! Files of secrets: whole or not there, and their owner's only.

use crate::OpenError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Far more than a file of keys has; so that a wrong file is not read to its end.
const LONGEST_FILE: u64 = 16 << 20;

pub(crate) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { doing, path, source }
}

/// The text of a file, or `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, OpenError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed("open", path))?,
    };
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(OpenError::Damaged { path: path.to_owned(), why: "it is not a file" });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Permissions { path: path.to_owned(), mode });
    }
    let room = usize::try_from(metadata.len().min(LONGEST_FILE)).unwrap_or_default() + 64;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed("read", path))?;
    let text = core::str::from_utf8(&bytes)
        .map_err(|_| OpenError::Damaged { path: path.to_owned(), why: "it is not text" })?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => sync_folder(path).map_err(failed("remove", path)),
    }
}

/// Gives a durable file the name of another, in its place; durable when it returns.
pub(crate) fn replace(with: &Path, path: &Path) -> Result<(), OpenError> {
    fs::rename(with, path).and_then(|()| sync_folder(path)).map_err(failed("write", path))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    File::open(&folder).and_then(|folder| folder.sync_all())
}

/// Writes the file under another name, makes it durable, and gives it its name last, so that a
/// crash leaves either what was there before or all of the new content.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), OpenError> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("replace unfinished", &unfinished)(error));
        }
        _ => {}
    }
    let written = write_new(&unfinished, content).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // What is left would be a half-written file; the first error is the one to tell.
        drop(fs::remove_file(&unfinished));
        return Err(failed("write", path)(error));
    }
    sync_folder(path).map_err(failed("write", path))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
