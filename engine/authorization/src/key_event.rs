//! What was done with a named key, for the journal: who did what, when, with which key. The key
//! itself is never here, only its check value, by which two people see that they mean the same.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvent {
    /// What was done: `generated`, `ceremony_begun`, `component_entered`, `ceremony_completed`,
    /// `ceremony_failed`, `ceremony_cancelled`, `imported`, `exported`, `retired`, `destroyed`.
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
}

impl KeyEvent {
    /// Whether the store has the version from now on.
    #[must_use]
    pub fn makes_a_version(&self) -> bool {
        matches!(self.action.as_str(), "generated" | "ceremony_completed" | "imported")
    }
}
