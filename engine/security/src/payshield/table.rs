//! Keys under the module's master key, by name: what a module of this kind has instead of a key
//! store of its own.
//!
//! A TOML file, one table per key: `usage` by its name, `key` as the module printed it, with its
//! scheme letter, and `check_value`, six hex digits. Nothing in it is secret to who has not the
//! module.

use super::field::key_length;
use super::tls::{SetupError, file};
use crate::{CheckValue, KeyUsage, is_clear};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The keys by name.
#[derive(Default)]
pub(super) struct KeyTable(BTreeMap<String, Entry>);

pub(super) struct Entry {
    pub(super) usage: KeyUsage,
    pub(super) key: String,
    pub(super) check_value: CheckValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    usage: String,
    key: String,
    check_value: String,
}

impl KeyTable {
    pub(super) fn read(path: &Path) -> Result<Self, SetupError> {
        let text = std::fs::read_to_string(path).map_err(|why| file(path, why))?;
        Self::parse(&text).map_err(|why| file(path, why))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: BTreeMap<String, Written> =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut keys = BTreeMap::new();
        for (name, entry) in written {
            let wrong = |why: &str| format!("key {name}: {why}");
            if is_clear(&name) || name.is_empty() || name.len() > 64 {
                return Err(wrong("no name a key can have"));
            }
            let usage = KeyUsage::from_name(&entry.usage).ok_or(wrong("no such usage"))?;
            if key_length("key", entry.key.as_bytes()) != Ok(entry.key.len()) {
                return Err(wrong("not a key under a master key with its scheme letter"));
            }
            let check_value = CheckValue::from_hex(&entry.check_value)
                .ok_or(wrong("the check value has six hex digits"))?;
            keys.insert(name, Entry { usage, key: entry.key, check_value });
        }
        Ok(Self(keys))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[pvk-1]\nusage = \"pin-verification-visa\"\n\
        key = \"U80AE3F8D63B08F9C13652E5416D76E8D\"\ncheck_value = \"6AE7CD\"\n";

    #[test]
    fn keys_are_found_by_name() {
        let table = KeyTable::parse(GOOD).unwrap();
        let entry = table.get("pvk-1").unwrap();
        assert_eq!(entry.usage, KeyUsage::PinVerificationVisa);
        assert!(table.get("pvk-2").is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_name() {
        for (from, to) in [
            ("pin-verification-visa", "pin"),
            ("8D\"", "8\""),
            ("U80", "080"),
            ("6AE7CD", "6AE7"),
            ("[pvk-1]", "[0123456789ABCDEFFEDCBA9876543210]"),
            ("check_value", "checkvalue"),
        ] {
            let error = KeyTable::parse(&GOOD.replace(from, to)).err();
            assert!(error.is_some_and(|error| !error.contains("80AE3F8D63B0")), "{to}");
        }
    }
}
