//! The key store against the journal: every version in the store came in a journaled change with
//! the same check value, and every journaled one is there or was destroyed.

use authorization::{
    Command, Done, KeyEvent, KeyStaged, OrderCommand, OrderStatus, Outcome, Record,
};
use security::{KeyStoreEntry, look_into_store};
use std::collections::BTreeMap;
use std::path::Path;

/// What the journal says of keys.
#[derive(Default)]
pub(super) struct KeyBook {
    events: u64,
    versions: BTreeMap<(String, u32), KeyEvent>,
    /// Whether the journal was read from its beginning.
    whole: bool,
}

impl KeyBook {
    pub(super) fn new(whole: bool) -> Self {
        Self { whole, ..Self::default() }
    }

    pub(super) fn record(&mut self, record: &Record) {
        let Some(event) = event_of(record) else { return };
        self.events = self.events.saturating_add(1);
        if event.makes_a_version() {
            let version = (event.name.to_string(), event.version);
            self.versions.insert(version, event.clone());
        }
    }

    /// A line of what was found in order; the first difference if there is one.
    pub(super) fn against_store(&self, data: &Path) -> Result<Option<String>, String> {
        let Some(stored) = look_into_store(data).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        for entry in &stored {
            self.is_journaled(entry)?;
        }
        let there = |name: &str, version| {
            stored.iter().any(|entry| entry.name == name && entry.version == version)
        };
        for ((name, version), event) in &self.versions {
            if !there(name, *version) {
                let why = if data.join("keys.staged").exists() {
                    "a crash left it in keys.staged; the next start carries it out"
                } else {
                    "was an older store put back?"
                };
                return Err(format!(
                    "key {name} version {version} ({}, by {}) is in the journal and not in the \
                     key store: {why}",
                    event.check_value, event.by
                ));
            }
        }
        let (versions, events) = (stored.len(), self.events);
        Ok(Some(format!("{versions} versions of named keys, {events} journaled changes agree")))
    }

    fn is_journaled(&self, entry: &KeyStoreEntry) -> Result<(), String> {
        let KeyStoreEntry { name, version, check_value } = entry;
        match self.versions.get(&(name.clone(), *version)) {
            Some(event) if event.check_value == *check_value => Ok(()),
            Some(event) => Err(format!(
                "key {name} version {version} has check value {check_value} in the key store and \
                 {} in the journal",
                event.check_value
            )),
            None if self.whole => Err(format!(
                "key {name} version {version} ({check_value}) is in the key store, and nobody is \
                 known to have brought it in"
            )),
            None => Ok(()),
        }
    }
}

/// The change of a key that a record made: by itself, or by an order that took effect (SIG-1).
fn event_of(record: &Record) -> Option<&KeyEvent> {
    let command = match &record.accepted.command {
        Command::Key(event) => return Some(event),
        Command::Order(command) => command,
        _ => return None,
    };
    let Outcome::Done(Done::Order(done)) = &record.outcome else { return None };
    match (&**command, done.status) {
        (
            OrderCommand::ActivateKey { staged: KeyStaged::Ready(event), .. },
            OrderStatus::Active,
        )
        | (OrderCommand::RollBackKey { staged: event, .. }, OrderStatus::RolledBack) => Some(event),
        _ => None,
    }
}
