//! The key table: which named keys have several versions, and which objects of the token they are.
//!
//! A TOML file, one table per key: `usage`, and its versions, the current one first. Each says the
//! `object` (the token's `USAGE/object`), every one but the first until when it is accepted, a key
//! for PVVs the index that they carry. Nothing in it is secret.

use super::vault::is_object_name;
use crate::{CheckValue, KeyUsage};
use payment_types::{BusinessDate, Timestamp, UtcOffset};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::value::{Datetime, Offset};

/// The keys by name.
#[derive(Default)]
pub(super) struct KeyTable(BTreeMap<String, (KeyUsage, Vec<Row>)>);

/// A version.
pub(super) struct Row {
    pub(super) object: String,
    pub(super) pvki: Option<u8>,
    pub(super) accepted_until: Option<Timestamp>,
    pub(super) check_value: Option<CheckValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    usage: String,
    version: Vec<WrittenRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRow {
    object: String,
    pvki: Option<u8>,
    accepted_until: Option<Datetime>,
    check_value: Option<String>,
}

impl KeyTable {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|why| why.to_string());
        let table = text.and_then(|text| Self::parse(&text));
        table.map_err(|why| format!("key table {}: {why}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: BTreeMap<String, Written> =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut keys = BTreeMap::new();
        for (name, key) in written {
            let rows = rows(&name, key).map_err(|why| format!("{name}: {why}"))?;
            keys.insert(name, rows);
        }
        Ok(Self(keys))
    }

    /// The versions of a key, the current one first.
    pub(super) fn get(&self, name: &str, usage: KeyUsage) -> Option<&[Row]> {
        let (known, rows) = self.0.get(name)?;
        (*known == usage).then_some(rows)
    }

    pub(super) fn names(&self) -> Vec<(String, KeyUsage)> {
        self.0.iter().map(|(name, (usage, _))| (name.clone(), *usage)).collect()
    }
}

fn rows(name: &str, key: Written) -> Result<(KeyUsage, Vec<Row>), String> {
    if !is_object_name(name) || crate::is_clear(name) {
        return Err("no name a key can have".to_owned());
    }
    let usage = KeyUsage::from_name(&key.usage);
    let usage = usage.ok_or_else(|| format!("there is no usage `{}`", key.usage))?;
    let visa = usage == KeyUsage::PinVerificationVisa;
    let several = key.version.len() > 1;
    let (mut objects, mut indexes) = (BTreeSet::new(), BTreeSet::new());
    let mut rows = Vec::new();
    for (at, row) in key.version.into_iter().enumerate() {
        let wrong = |why: &str| Err(format!("version {}: {why}", row.object));
        if !is_object_name(&row.object) || !objects.insert(row.object.clone()) {
            return wrong("no name an object can have, or one that another version has");
        }
        if (at == 0) != row.accepted_until.is_none() {
            return wrong(
                "`accepted_until` belongs to every version but the first, the current one",
            );
        }
        if row.pvki.is_some_and(|index| !visa || index > 9) {
            return wrong("a PVKI is 0 to 9, and only of a key for pin-verification-visa");
        }
        let needed = visa && (several || name == crate::OWN_PIN_VERIFICATION);
        if needed && !row.pvki.is_some_and(|index| indexes.insert(index)) {
            return wrong("needs a `pvki` of its own, by which its PVVs are known");
        }
        let accepted_until = match row.accepted_until.map(moment) {
            None => None,
            Some(Some(at)) => Some(at),
            Some(None) => {
                return wrong("`accepted_until` is a moment: 2027-06-30T00:00:00+06:00");
            }
        };
        let check_value = match row.check_value.as_deref().map(CheckValue::from_hex) {
            Some(None) => return wrong("the check value has six hex digits"),
            given => given.flatten(),
        };
        rows.push(Row { pvki: row.pvki, accepted_until, check_value, object: row.object });
    }
    if rows.is_empty() { Err("has no version".to_owned()) } else { Ok((usage, rows)) }
}

/// Of a date, a time and an offset.
fn moment(written: Datetime) -> Option<Timestamp> {
    let (date, time) = (written.date?, written.time?);
    let minutes = match written.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => minutes,
    };
    let day = BusinessDate::from_ymd(i32::from(date.year), date.month, date.day)?;
    let seconds = u32::from(time.hour) * 3600
        + u32::from(time.minute) * 60
        + u32::from(time.second.unwrap_or_default());
    Some(day.start(UtcOffset(minutes)).plus_ms(i64::from(seconds) * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[pvk]\nusage = \"pin-verification-visa\"\n\
        version = [{ object = \"pvk-2026\", pvki = 2, check_value = \"08D7B4\" },\n\
        { object = \"pvk-2023\", pvki = 1, accepted_until = 2027-06-30T00:00:00+06:00 }]\n";

    #[test]
    fn versions_are_found_by_name_and_usage() {
        let table = KeyTable::parse(GOOD).unwrap();
        let rows = table.get("pvk", KeyUsage::PinVerificationVisa).unwrap();
        assert_eq!((rows[0].object.as_str(), rows[0].pvki), ("pvk-2026", Some(2)));
        assert_eq!(rows[0].accepted_until, None);
        let day = BusinessDate::from_ymd(2027, 6, 29).unwrap();
        let until = day.start(UtcOffset(0)).plus_ms(18 * 3_600_000);
        assert_eq!(rows[1].accepted_until, Some(until), "midnight in Bishkek");
        assert!(table.get("pvk", KeyUsage::MacTerminal).is_none());
        assert!(table.get("other", KeyUsage::PinVerificationVisa).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_name() {
        for (from, to, why) in [
            ("pin-verification-visa", "pin", "no usage `pin`"),
            ("pin-verification-visa", "card-verification", "only of a key for"),
            ("pvki = 2", "pvki = 1", "of its own"),
            ("pvki = 2, ", "", "of its own"),
            ("pvki = 2", "pvki = 10", "0 to 9"),
            ("pvk-2023", "pvk-2026", "another version has"),
            ("pvk-2023", "a/b", "no name"),
            ("2027-06-30T00:00:00+06:00", "2027-06-30", "is a moment"),
            (", accepted_until = 2027-06-30T00:00:00+06:00", "", "belongs to every"),
            ("check_value = \"08D7B4\"", "accepted_until = 2027-06-30T00:00:00Z", "belongs to"),
            ("08D7B4", "08D7", "six hex digits"),
            ("check_value", "kcv", "unknown field"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = KeyTable::parse(&GOOD.replace(from, to)).err().unwrap_or_default();
            assert!(error.contains(why), "{to}: {error}");
        }
        assert!(KeyTable::parse("[x]\nusage = \"zone-mac\"\nversion = []\n").is_err());
    }
}
