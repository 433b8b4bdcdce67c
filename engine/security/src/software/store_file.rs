//! The store's file, `keys` in the data directory: text whose secrets are wrapped under the master
//! key, with a check for damage and one against changes.
//!
//! Version 2, a line each: `tamga-keys 2`; `master = ` check value of the master key; `root = ` the
//! key of which all others that seal are derived, wrapped under the master key; `own NAME = ` the
//! installation's own keys, wrapped; `key NAME USAGE ALGORITHM` followed by its versions,
//! `version NUMBER STATE CHECK-VALUE CREATED EXPIRES PVKI LENGTH WRAPPED`; `ceremony NAME USAGE
//! ALGORITHM COMPONENTS CHECK-VALUE BEGUN EXPIRES PVKI OVERLAP` followed by `component WRAPPED BY`;
//! `mac = ` HMAC-SHA-256 under a key derived from the root key, of all before; `checksum = `
//! SHA-256 of all before. Times are milliseconds since 1970, `-` stands for nothing.

use super::store::{Ceremony, OwnKeys, Store, StoredKey, StoredVersion};
use crate::key_life::{NewKey, VersionState};
use crate::{CheckValue, KeyAlgorithm, KeyUsage, OpenError, is_key_name};
use aes_kw::KwAes256;
use hmac::{Hmac, Mac};
use payment_types::{BusinessDate, Timestamp};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;
use std::str::SplitWhitespace;
use zeroize::Zeroizing;

const TITLE: &str = "tamga-keys ";
const VERSION: u32 = 2;
const MASTER: &str = "master = ";
const ROOT: &str = "root = ";
const MAC: &str = "mac = ";
const CHECKSUM: &str = "checksum = ";

/// What reads and writes the file.
pub(super) struct Sealing<'a> {
    pub(super) master: CheckValue,
    pub(super) root: &'a str,
    pub(super) wrap: &'a KwAes256,
    pub(super) mac: &'a Hmac<Sha256>,
}

/// A version as the file shows it to anybody who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStoreEntry {
    /// The key's name.
    pub name: String,
    /// Which version.
    pub version: u32,
    /// Its check value, in hex.
    pub check_value: String,
}

/// What the store of a data directory lists, without the master key: nothing of it is secret, and
/// only the checksum is checked. `None` if there is no store or it is another module's.
///
/// # Errors
/// [`OpenError`] if the file cannot be read or is damaged.
pub fn look_into_store(dir: &Path) -> Result<Option<Vec<KeyStoreEntry>>, OpenError> {
    let path = dir.join(super::STORE);
    let Some(text) = crate::files::read(&path)? else { return Ok(None) };
    let damaged = |why| OpenError::Damaged { path: path.clone(), why };
    let (body, given) =
        text.rsplit_once(CHECKSUM).ok_or_else(|| damaged("the checksum is missing"))?;
    if given.trim_end() != hex::encode(Sha256::digest(body.as_bytes())) {
        return Err(damaged("the checksum is wrong"));
    }
    let mut name = None;
    let mut found = Vec::new();
    for line in body.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("key") => name = words.next().map(str::to_owned),
            Some("version") => {
                let read = version(&mut words).zip(name.clone());
                let (version, name) = read.ok_or_else(|| damaged("a line is not understood"))?;
                let check_value = version.check_value.to_string();
                found.push(KeyStoreEntry { name, version: version.number, check_value });
            }
            _ => {}
        }
    }
    Ok(Some(found))
}

/// The wrapped root key of a store's text, whether or not it is one.
pub(super) fn root_in(text: &str) -> &str {
    text.lines().nth(2).and_then(|line| line.strip_prefix(ROOT)).unwrap_or_default()
}

/// The check value of the master key that a store's text says it is sealed under.
pub(super) fn master_in(text: &str) -> &str {
    text.lines().nth(1).and_then(|line| line.strip_prefix(MASTER)).unwrap_or_default()
}

impl Sealing<'_> {
    fn mac_of(&self, text: &str) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub(super) fn text(&self, own: &OwnKeys, store: &Store) -> String {
        let mut out = format!("{TITLE}{VERSION}\n{MASTER}{}\n{ROOT}{}\n", self.master, self.root);
        for (name, key) in [("digest", &own.digest[..]), ("pin", &own.pin_verification[..])] {
            line(&mut out, format_args!("own {name} = {}", hex::encode(self.wrapped(key))));
        }
        for (name, key) in &store.keys {
            line(&mut out, format_args!("key {name} {} {}", key.usage, key.algorithm));
            for version in &key.versions {
                put_version(&mut out, version);
            }
        }
        for (name, ceremony) in &store.ceremonies {
            put_ceremony(&mut out, name, ceremony);
        }
        let mac = hex::encode(self.mac_of(&out));
        line(&mut out, format_args!("{MAC}{mac}"));
        let checksum = hex::encode(Sha256::digest(out.as_bytes()));
        line(&mut out, format_args!("{CHECKSUM}{checksum}"));
        out
    }

    fn wrapped(&self, key: &[u8]) -> Vec<u8> {
        let mut room = [0; 40];
        // 16 or 32 bytes into 40: it cannot be too long.
        self.wrap.wrap_key(key, &mut room).map(<[u8]>::to_vec).unwrap_or_default()
    }

    fn unwrapped(&self, digits: &str, key: &mut [u8]) -> Option<()> {
        let wrapped = hex::decode(digits).ok()?;
        let mut room = Zeroizing::new([0; 32]);
        let clear = self.wrap.unwrap_key(&wrapped, &mut *room).ok()?;
        (clear.len() == key.len()).then(|| key.copy_from_slice(clear))
    }

    /// What [`Self::text`] wrote.
    pub(super) fn parse(&self, text: &str, path: &Path) -> Result<(OwnKeys, Store), OpenError> {
        let damaged = |why| OpenError::Damaged { path: path.to_owned(), why };
        let title = text.lines().next().unwrap_or_default();
        let version = title.strip_prefix(TITLE).and_then(|version| version.parse().ok());
        match version {
            Some(VERSION) => {}
            Some(found) => return Err(OpenError::Version { path: path.to_owned(), found }),
            None => return Err(damaged("it does not begin with `tamga-keys`")),
        }
        let (body, given) =
            text.rsplit_once(CHECKSUM).ok_or_else(|| damaged("the checksum is missing"))?;
        if given.trim_end() != hex::encode(Sha256::digest(body.as_bytes())) {
            return Err(damaged("the checksum is wrong"));
        }
        let mut lines = body.lines().skip(1);
        let master = lines.next().and_then(|line| line.strip_prefix(MASTER));
        if master != Some(self.master.to_string().as_str()) {
            return Err(OpenError::OtherMasterKey {
                path: path.to_owned(),
                sealed_under: master.unwrap_or("?").to_owned(),
                given: self.master,
            });
        }
        let (sealed, mac) = body.rsplit_once(MAC).ok_or_else(|| damaged("the MAC is missing"))?;
        let mut given = [0; 32];
        let right = hex::decode_to_slice(mac.trim_end(), &mut given).is_ok()
            && bool::from(subtle::ConstantTimeEq::ct_eq(&given[..], &self.mac_of(sealed)[..]));
        if !right {
            return Err(damaged("it was changed by something that does not have the master key"));
        }
        self.lines(sealed.lines().skip(3)).ok_or_else(|| damaged("a line is not understood"))
    }

    fn lines<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Option<(OwnKeys, Store)> {
        let mut own = OwnKeys { digest: [0; 32], pin_verification: [0; 16] };
        let mut store = Store::default();
        let (mut key, mut ceremony) = (None::<String>, None::<String>);
        for line in lines {
            let mut words = line.split_whitespace();
            match words.next()? {
                "own" => match (words.next()?, words.next()?, words.next()?) {
                    ("digest", "=", digits) => self.unwrapped(digits, &mut own.digest)?,
                    ("pin", "=", digits) => self.unwrapped(digits, &mut own.pin_verification)?,
                    _ => return None,
                },
                "key" => {
                    let name = name(&mut words)?;
                    let (usage, algorithm) = kind(&mut words)?;
                    key = Some(name.clone());
                    let stored = StoredKey { usage, algorithm, versions: Vec::new() };
                    store.keys.insert(name, stored);
                }
                "version" => {
                    let stored = store.keys.get_mut(key.as_ref()?)?;
                    stored.versions.push(version(&mut words)?);
                }
                "ceremony" => {
                    let begun = take_ceremony(&mut words)?;
                    ceremony = Some(begun.key.name.clone());
                    store.ceremonies.insert(begun.key.name.clone(), begun);
                }
                "component" => {
                    let begun = store.ceremonies.get_mut(ceremony.as_ref()?)?;
                    let sealed = hex::decode(words.next()?).ok()?;
                    let by = words.collect::<Vec<_>>().join(" ");
                    begun.given.push((by, sealed));
                }
                _ => return None,
            }
        }
        Some((own, store))
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(out, "{text}");
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn put_version(out: &mut String, version: &StoredVersion) {
    let state = match version.state {
        VersionState::Current => "current".to_owned(),
        VersionState::Accepted(Timestamp(until)) => format!("accepted:{until}"),
        VersionState::Retired => "retired".to_owned(),
        VersionState::Destroyed => "destroyed".to_owned(),
    };
    let sealed = Some(&version.sealed).filter(|sealed| !sealed.is_empty()).map(hex::encode);
    line(
        out,
        format_args!(
            "version {} {state} {} {} {} {} {} {}",
            version.number,
            version.check_value,
            version.created_at.0,
            or_dash(version.expires_on.map(BusinessDate::days)),
            or_dash(version.pvki),
            version.length,
            or_dash(sealed)
        ),
    );
}

fn put_ceremony(out: &mut String, name: &str, ceremony: &Ceremony) {
    let key = &ceremony.key;
    line(
        out,
        format_args!(
            "ceremony {name} {} {} {} {} {} {} {} {}",
            key.usage,
            ceremony.algorithm,
            ceremony.components,
            ceremony.check_value,
            ceremony.begun_at.0,
            or_dash(key.expires_on.map(BusinessDate::days)),
            or_dash(key.pvki),
            or_dash(key.accept_old_until.map(|until| until.0))
        ),
    );
    for (by, sealed) in &ceremony.given {
        line(out, format_args!("component {} {by}", hex::encode(sealed)));
    }
}

/// `-` or a value.
fn optional<T: std::str::FromStr>(words: &mut SplitWhitespace<'_>) -> Option<Option<T>> {
    match words.next()? {
        "-" => Some(None),
        word => word.parse().ok().map(Some),
    }
}

fn name(words: &mut SplitWhitespace<'_>) -> Option<String> {
    words.next().filter(|name| is_key_name(name)).map(str::to_owned)
}

fn kind(words: &mut SplitWhitespace<'_>) -> Option<(KeyUsage, KeyAlgorithm)> {
    Some((KeyUsage::from_name(words.next()?)?, KeyAlgorithm::from_name(words.next()?)?))
}

fn version(words: &mut SplitWhitespace<'_>) -> Option<StoredVersion> {
    let number = words.next()?.parse().ok()?;
    let state = match words.next()? {
        "current" => VersionState::Current,
        "retired" => VersionState::Retired,
        "destroyed" => VersionState::Destroyed,
        other => {
            let until = other.strip_prefix("accepted:")?.parse().ok()?;
            VersionState::Accepted(Timestamp(until))
        }
    };
    Some(StoredVersion {
        number,
        state,
        check_value: CheckValue::from_hex(words.next()?)?,
        created_at: Timestamp(words.next()?.parse().ok()?),
        expires_on: optional(words)?.map(BusinessDate::from_days),
        pvki: optional(words)?,
        length: words.next()?.parse().ok()?,
        sealed: match words.next()? {
            "-" => Vec::new(),
            digits => hex::decode(digits).ok()?,
        },
    })
}

fn take_ceremony(words: &mut SplitWhitespace<'_>) -> Option<Ceremony> {
    let name = name(words)?;
    let (usage, algorithm) = kind(words)?;
    let components = words.next()?.parse().ok()?;
    let check_value = CheckValue::from_hex(words.next()?)?;
    let begun_at = Timestamp(words.next()?.parse().ok()?);
    let expires_on = optional(words)?.map(BusinessDate::from_days);
    let pvki = optional(words)?;
    let accept_old_until = optional(words)?.map(Timestamp);
    let algorithm_wanted = Some(algorithm);
    let key =
        NewKey { name, usage, algorithm: algorithm_wanted, pvki, expires_on, accept_old_until };
    Some(Ceremony { key, algorithm, components, check_value, begun_at, given: Vec::new() })
}
