//! What was done with a named key, for the journal: who did what, when, with which key. The key
//! itself is never here, only its check value, by which two people see that they mean the same.

use crate::State;
use compact_str::CompactString;
use payment_types::{BusinessDate, Timestamp};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvent {
    /// What was done: `generated`, `ceremony_begun`, `component_entered`, `ceremony_completed`,
    /// `ceremony_failed`, `ceremony_cancelled`, `imported`, `exported`, `retired`, `changed`,
    /// `destroyed`.
    pub action: CompactString,
    /// The key's name.
    pub name: CompactString,
    /// What it is for.
    pub usage: CompactString,
    /// What it computes with.
    pub algorithm: CompactString,
    /// Which version.
    pub version: u32,
    /// Of the version; of the whole key while a ceremony runs.
    pub check_value: CompactString,
    /// More, for people: which component of how many, under which key.
    pub detail: CompactString,
    /// Who did it.
    pub by: CompactString,
    /// Names the key store as it will be, where it changes: written beside the old one before this
    /// was journaled, so that a crash in between loses no key.
    pub store: CompactString,
    /// The key's versions as they are from now on, oldest first.
    pub versions: Vec<KeyVersion>,
}

impl KeyEvent {
    /// Whether the store has the version from now on.
    #[must_use]
    pub fn makes_a_version(&self) -> bool {
        matches!(self.action.as_str(), "generated" | "ceremony_completed" | "imported")
    }
}

/// A version of a named key, as the core knows it: by reference, never its material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyVersion {
    /// From 1.
    pub version: u32,
    /// For people to compare.
    pub check_value: CompactString,
    /// How it is.
    pub standing: KeyStanding,
    /// When it should have been rotated.
    pub expires_on: Option<BusinessDate>,
}

/// How a version of a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStanding {
    /// Used for everything.
    Current,
    /// Still accepted where something was made with it, until then.
    Accepted(Timestamp),
    /// Not used.
    Retired,
    /// Its material is gone.
    Destroyed,
}

impl KeyStanding {
    /// The name in the API and in orders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Accepted(_) => "accepted",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }
}

impl State {
    /// The versions of a named key, oldest first; none of one that is not known.
    #[must_use]
    pub fn key_versions(&self, name: &str) -> &[KeyVersion] {
        self.named_keys.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Keeps what was done with a key.
    pub(crate) fn note_key(&mut self, event: &KeyEvent) {
        if !event.store.is_empty() {
            self.last_key_store.clone_from(&event.store);
        }
        if !event.versions.is_empty() {
            self.named_keys.insert(event.name.clone(), event.versions.clone());
        }
    }
}
