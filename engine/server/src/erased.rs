//! The list of erased customers, beside the data directory and not in it (`data` has `data.erased`):
//! a backup taken before an erasure holds the customer's key, so what is restored from it is held
//! against this list, and the keys it names are destroyed again.
//!
//! Text: a line for each, `position id`, rewritten whole. It says who was erased and nothing else.

use authorization::State;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The list that belongs to a data directory.
pub(crate) fn path_of(data: &Path) -> PathBuf {
    let mut name = OsString::from(data.as_os_str());
    name.push(".erased");
    PathBuf::from(name)
}

/// Customers by position, with their ids.
pub(crate) type Erased = BTreeMap<u32, String>;

/// Reads a list; one that is not there is empty.
pub(crate) fn read(path: &Path) -> io::Result<Erased> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Erased::new()),
        text => text?,
    };
    let line = |line: &str| {
        let (position, id) = line.split_once(' ')?;
        Some((position.parse().ok()?, id.to_owned()))
    };
    let lines = text.lines().map(line).collect::<Option<Erased>>();
    lines
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "is no list of erased customers"))
}

/// Adds those the state knows to those on the list, which may know of later ones.
pub(crate) fn add(path: &Path, known: &Erased) -> io::Result<()> {
    // Two erasures at a time would lose one of them until the next start.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = read(path)?;
    let before = all.len();
    all.extend(known.iter().map(|(position, id)| (*position, id.clone())));
    if all.len() == before {
        return Ok(());
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let mut file = File::create(&unfinished)?;
    for (position, id) in &all {
        writeln!(file, "{position} {id}")?;
    }
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Those a state knows.
pub(crate) fn of(state: &State) -> Erased {
    let id = |position| (position, state.directory().customer_id(position).to_owned());
    state.erased_customers().map(id).collect()
}

/// Those on a list that are customers of this state: the keys that must not be there.
pub(crate) fn meant(list: &Erased, state: &State) -> Vec<u32> {
    let is_meant = |row: &(&u32, &String)| state.directory().customer_id(*row.0) == *row.1;
    list.iter().filter(is_meant).map(|row| *row.0).collect()
}
