//! `tamga backup` and `tamga restore` (PII-4): all of a data directory in one encrypted file, taken
//! while the engine runs, and brought back as of any record or moment in it.
//!
//! In the file: the newest snapshot, every record of the journal up to one that is on stable
//! storage, the customers' keys and the security module's key store (both wrapped or sealed). Not
//! in it: the module's master key, which is kept apart, and the read model, which is made again.
//!
//! `sealed.rs` is the encryption, `archive.rs` what is inside, `take.rs` and `restore.rs` the two
//! commands.

mod archive;
mod restore;
mod sealed;
mod take;

pub use restore::{RestoreOptions, Restored, Until, restore};
pub use take::{BackedUp, BackupOptions, backup};

use crate::failure::Failure;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Shorter ones are guessed.
const PASSPHRASE_MIN: usize = 12;

/// The first line of a file, or of standard input for `-`.
///
/// # Errors
/// Code 2 if it can't be read or is too short.
pub fn passphrase(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let read = if file == Path::new("-") {
        io::stdin().lock().take(4096).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(4096).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::file(file, "read", &error))?;
    let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
    if line.chars().count() < PASSPHRASE_MIN {
        let path = file.display();
        let line = format!("{path}: a passphrase has at least {PASSPHRASE_MIN} characters");
        return Err(Failure::usage(line));
    }
    Ok(line)
}
