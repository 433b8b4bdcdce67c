//! What becomes of a version that is there: retired, used again, other dates, destroyed.

use super::super::store::{Store, StoredVersion};
use super::Change;
use crate::{KeyAction, KeyFacts, KeyRefusal, Prepared, SetVersion, VersionState};
use payment_types::Timestamp;

/// A version of a key, and what the journal keeps of it.
fn version<'s>(
    store: &'s mut Store,
    name: &str,
    number: u32,
    action: KeyAction,
) -> Result<(&'s mut StoredVersion, KeyFacts), KeyRefusal> {
    let stored = store.keys.get_mut(name);
    let stored =
        stored.ok_or_else(|| KeyRefusal::not_found("name", format!("there is no key `{name}`")))?;
    let (usage, algorithm) = (stored.usage, stored.algorithm);
    let found = stored.versions.iter_mut().find(|version| version.number == number);
    let found = found.ok_or_else(|| {
        KeyRefusal::not_found("version", format!("`{name}` has no version {number}"))
    })?;
    let facts = KeyFacts {
        action,
        name: name.to_owned(),
        usage,
        algorithm,
        version: number,
        check_value: found.check_value,
        detail: String::new(),
        versions: Vec::new(),
    };
    Ok((found, facts))
}

pub(super) fn retire(mut work: Change, name: &str, number: u32) -> Result<Prepared, KeyRefusal> {
    let (found, facts) = version(&mut work.store, name, number, KeyAction::Retired)?;
    match found.state {
        VersionState::Current | VersionState::Accepted(_) => found.state = VersionState::Retired,
        VersionState::Retired | VersionState::Destroyed => {
            let message = format!("version {number} of `{name}` is not in use any more");
            return Err(KeyRefusal::conflict("version", message));
        }
    }
    Ok(work.prepared(facts, None))
}

pub(super) fn destroy(
    mut work: Change,
    name: &str,
    number: u32,
    now: Timestamp,
) -> Result<Prepared, KeyRefusal> {
    let (found, facts) = version(&mut work.store, name, number, KeyAction::Destroyed)?;
    match found.state {
        VersionState::Destroyed => {
            let message = format!("version {number} of `{name}` was destroyed already");
            return Err(KeyRefusal::conflict("version", message));
        }
        VersionState::Retired => {}
        VersionState::Accepted(until) if until <= now => {}
        VersionState::Current | VersionState::Accepted(_) => {
            let message = format!("version {number} of `{name}` is in use; retire it first");
            return Err(KeyRefusal::conflict("version", message));
        }
    }
    found.state = VersionState::Destroyed;
    zeroize::Zeroize::zeroize(&mut found.sealed);
    Ok(work.prepared(facts, None))
}

/// Sets how a version is, whatever it was, but for what is gone.
pub(super) fn set(
    mut work: Change,
    wanted: &SetVersion,
    now: Timestamp,
) -> Result<Prepared, KeyRefusal> {
    let SetVersion { name, version: number, check_value, state, expires_on } = wanted;
    let others = others(&work.store, name, *number, now);
    let (found, mut facts) = version(&mut work.store, name, *number, KeyAction::Changed)?;
    if found.check_value != *check_value {
        let message = format!(
            "version {number} of `{name}` has the check value {}, not {check_value}",
            found.check_value
        );
        return Err(KeyRefusal::conflict("check_value", message));
    }
    if let Some(why) = stands_against(found, *state, &others, now) {
        let message = format!("version {number} of `{name}` {why}");
        return Err(KeyRefusal::conflict("version", message));
    }
    if *state == VersionState::Destroyed {
        return destroy(work, name, *number, now);
    }
    if *state == VersionState::Retired && found.state != VersionState::Retired {
        facts.action = KeyAction::Retired;
    }
    facts.detail = expires_on.map(|date| format!("expires on {date}")).unwrap_or_default();
    (found.state, found.expires_on) = (*state, *expires_on);
    Ok(work.prepared(facts, None))
}

/// The versions of a key beside one that are used for something.
fn others(store: &Store, name: &str, number: u32, now: Timestamp) -> Vec<StoredVersion> {
    let versions = store.keys.get(name).map(|key| key.versions.as_slice()).unwrap_or_default();
    let used = |version: &&StoredVersion| version.number != number && version.is_used(now);
    versions.iter().filter(used).cloned().collect()
}

fn stands_against(
    found: &StoredVersion,
    wanted: VersionState,
    others: &[StoredVersion],
    now: Timestamp,
) -> Option<&'static str> {
    let is_current = |version: &StoredVersion| version.state == VersionState::Current;
    let other_is_current = others.iter().any(is_current);
    let index = found.pvki.filter(|_| !found.is_used(now));
    let taken = index.is_some() && others.iter().any(|other| other.pvki == index);
    match (found.state, wanted) {
        (VersionState::Destroyed, _) => Some("was destroyed: its material is gone"),
        (_, VersionState::Retired | VersionState::Destroyed) => None,
        (_, VersionState::Current | VersionState::Accepted(_)) if taken => {
            Some("has a PVKI that another version in use has: PVVs could not be told apart")
        }
        (_, VersionState::Current) if other_is_current => {
            Some("can't be the current one again: another version is")
        }
        (VersionState::Current, VersionState::Accepted(_)) => {
            Some("is the current one: rotate the key to have it accepted only")
        }
        (_, VersionState::Accepted(until)) if until <= now => {
            Some("would be accepted until a moment that is past: retire it")
        }
        _ => None,
    }
}
