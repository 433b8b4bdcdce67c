//! The keys of an installation, in a file of the data directory that only its owner may read.
//!
//! The file holds the keys themselves: whoever reads it can check guesses of PINs and recognise
//! card numbers, so it belongs on a disk of its owner only and in no backup that is not encrypted.
//! Sealing it under a master key that is kept elsewhere (an HSM, a key ceremony) is the next step
//! and changes the version.
//!
//! Text, version 1: a first line `tamga-keys 1`, a line `name = hex` for each key in a fixed order,
//! and `checksum = ` with the SHA-256 of all that stands before that line.

use crate::{ClearKey, OpenError, TdesKey};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FILE_NAME: &str = "keys";
const TITLE: &str = "tamga-keys ";
const VERSION: u32 = 1;
const CHECKSUM: &str = "checksum = ";
/// Far more than a keys file has; so that a wrong file is not read to its end.
const LONGEST_FILE: u64 = 4096;

/// The keys everything else is derived from.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Keys {
    /// Seals terminal keys and binds test PINs, through keys derived from it.
    pub(crate) master: [u8; 32],
    /// Makes digests of card numbers.
    pub(crate) digest: [u8; 32],
    /// The PIN verification key, double length.
    pub(crate) pin_verification: [u8; 16],
}

impl Keys {
    /// New keys from the operating system's randomness.
    pub(crate) fn random() -> Result<Self, OpenError> {
        let mut keys = Self { master: [0; 32], digest: [0; 32], pin_verification: [0; 16] };
        getrandom::fill(&mut keys.master).map_err(OpenError::Random)?;
        getrandom::fill(&mut keys.digest).map_err(OpenError::Random)?;
        getrandom::fill(&mut keys.pin_verification).map_err(OpenError::Random)?;
        if let Ok(odd) = ClearKey::from_bytes(&keys.pin_verification).map(ClearKey::with_odd_parity)
        {
            for (to, from) in keys.pin_verification.iter_mut().zip(odd.expose_bytes()) {
                *to = *from;
            }
        }
        Ok(keys)
    }

    /// Reads the keys of a data directory.
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(FILE_NAME);
        let text = read(&path)?;
        parse(&text, &path)
    }

    /// Reads the keys of a data directory, or makes them where there are none.
    pub(crate) fn open_or_create(dir: &Path) -> Result<Self, OpenError> {
        match Self::open(dir) {
            Err(OpenError::Missing { path }) => {
                let keys = Self::random()?;
                write(&path, &keys.to_text())?;
                Ok(keys)
            }
            opened => opened,
        }
    }

    fn to_text(&self) -> Zeroizing<String> {
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str(TITLE);
        text.push_str(&VERSION.to_string());
        for (name, key) in [
            ("master", &self.master[..]),
            ("digest", &self.digest[..]),
            ("pin_verification", &self.pin_verification[..]),
        ] {
            let digits = Zeroizing::new(hex::encode(key));
            text.push('\n');
            text.push_str(name);
            text.push_str(" = ");
            text.push_str(&digits);
        }
        text.push('\n');
        let checksum = checksum(&text);
        text.push_str(CHECKSUM);
        text.push_str(&checksum);
        text.push('\n');
        text
    }
}

fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { doing, path, source }
}

fn read(path: &Path) -> Result<Zeroizing<String>, OpenError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: path.to_owned() },
        _ => failed("open", path)(source),
    })?;
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(OpenError::Damaged { path: path.to_owned(), why: "it is not a file" });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Permissions { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed("read", path))?;
    let text = core::str::from_utf8(&bytes)
        .map_err(|_| OpenError::Damaged { path: path.to_owned(), why: "it is not text" })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse(text: &str, path: &Path) -> Result<Keys, OpenError> {
    let damaged = |why| OpenError::Damaged { path: path.to_owned(), why };
    let (title, rest) = text.split_once('\n').ok_or_else(|| damaged("it has no lines"))?;
    let version = title.strip_prefix(TITLE).and_then(|version| version.parse().ok());
    match version {
        Some(VERSION) => {}
        Some(found) => return Err(OpenError::Version { path: path.to_owned(), found }),
        None => return Err(damaged("it does not begin with `tamga-keys`")),
    }
    let (body, given) =
        text.rsplit_once(CHECKSUM).ok_or_else(|| damaged("the checksum is missing"))?;
    if given.trim_end() != checksum(body) {
        return Err(damaged("the checksum is wrong"));
    }
    let mut keys = Keys { master: [0; 32], digest: [0; 32], pin_verification: [0; 16] };
    let mut lines = rest.lines();
    let mut take = |name: &str, key: &mut [u8]| {
        let digits = lines
            .next()
            .and_then(|line| line.strip_prefix(name))
            .and_then(|line| line.strip_prefix(" = "));
        digits.and_then(|digits| hex::decode_to_slice(digits, key).ok())
    };
    take("master", &mut keys.master).ok_or_else(|| damaged("no key `master`"))?;
    take("digest", &mut keys.digest).ok_or_else(|| damaged("no key `digest`"))?;
    take("pin_verification", &mut keys.pin_verification)
        .ok_or_else(|| damaged("no key `pin_verification`"))?;
    let usable = ClearKey::from_bytes(&keys.pin_verification).and_then(|key| TdesKey::new(&key));
    usable.map_err(|_| damaged("the PIN verification key is single DES"))?;
    Ok(keys)
}

/// Writes the file under another name, makes it durable, and gives it its name last, so that a
/// crash leaves either no keys or whole ones.
fn write(path: &Path, text: &str) -> Result<(), OpenError> {
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("replace unfinished", &unfinished)(error));
        }
        _ => {}
    }
    let written = write_new(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // What is left would be a half-written file; the first error is the one to tell.
        drop(fs::remove_file(&unfinished));
        return Err(failed("write", path)(error));
    }
    let dir = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed("write", path))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(text: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        let message = Keys::open(dir.path()).err().unwrap().to_string();
        message.replace(dir.path().to_str().unwrap(), "D")
    }

    #[test]
    fn keys_are_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Keys::open(dir.path()), Err(OpenError::Missing { .. })));
        let made = Keys::open_or_create(dir.path()).unwrap();
        let found = Keys::open_or_create(dir.path()).unwrap();
        assert_eq!(made.to_text(), found.to_text());
        assert_ne!(made.master, made.digest);
        let path = dir.path().join(FILE_NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing unfinished stays");
    }

    #[test]
    fn an_unfinished_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("keys.new"), "half").unwrap();
        Keys::open_or_create(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn refuses_a_file_that_others_may_read() {
        let dir = tempfile::tempdir().unwrap();
        Keys::open_or_create(dir.path()).unwrap();
        let path = dir.path().join(FILE_NAME);
        for mode in [0o644, 0o640, 0o620, 0o604] {
            set_mode(&path, mode);
            let message = Keys::open(dir.path()).err().unwrap().to_string();
            assert!(message.contains(&format!("mode {mode:04o}")), "{message}");
            assert!(message.contains("chmod 600"), "{message}");
        }
        set_mode(&path, 0o400);
        assert!(Keys::open(dir.path()).is_ok());
    }

    #[test]
    fn refuses_a_damaged_file() {
        let good = Keys::random().unwrap().to_text().to_string();
        let (before, after) = good.split_once("digest = ").unwrap();
        let flipped = if after.starts_with('0') { "1" } else { "0" };
        let changed = format!("{before}digest = {flipped}{}", after.split_at(1).1);
        assert_eq!(refusal(&changed), "keys file D/keys is damaged: the checksum is wrong");
        let (half, _) = good.split_at(good.len() / 2);
        assert_eq!(refusal(half), "keys file D/keys is damaged: the checksum is missing");
        assert_eq!(refusal(""), "keys file D/keys is damaged: it has no lines");
        let begin = "keys file D/keys is damaged: it does not begin with `tamga-keys`";
        assert_eq!(refusal("-----BEGIN\n"), begin);
    }

    #[test]
    fn refuses_a_missing_key_and_a_later_version() {
        let resealed = |body: &str| format!("{body}{CHECKSUM}{}\n", checksum(body));
        let good = Keys::random().unwrap().to_text().to_string();
        let body = good.split_once(CHECKSUM).unwrap().0;
        let without = body.lines().filter(|line| !line.starts_with("digest")).collect::<Vec<_>>();
        let without = resealed(&(without.join("\n") + "\n"));
        assert_eq!(refusal(&without), "keys file D/keys is damaged: no key `digest`");
        let later = resealed(&body.replace("tamga-keys 1", "tamga-keys 2"));
        let message = "keys file D/keys has version 2; this version of tamga reads version 1";
        assert_eq!(refusal(&later), message);
    }

    #[test]
    fn tells_why_it_cannot_write() {
        let missing = Path::new("/dev/null/data");
        let message = Keys::open_or_create(missing).err().unwrap().to_string();
        assert!(message.starts_with("cannot open keys file /dev/null/data/keys: "), "{message}");
    }
}
