//! The life of keys that have a name: made, brought in by components or in key blocks, rotated,
//! handed out under another key, retired, destroyed.
//!
//! A change has two steps, so that it can be journaled in between: [`KeyLife::prepare`] checks
//! everything and says what will be, [`KeyLife::complete`] makes it so. What is said
//! ([`KeyFacts`]) never contains key material.

use crate::{CheckValue, KeyAlgorithm, KeyUsage};
use core::any::Any;
use core::fmt;
use payment_types::{BusinessDate, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The most bytes of a key's name.
pub const KEY_NAME_MAX: usize = 40;

/// What one wants to know of a key that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name: small letters, digits, `-`, `_`, `.`; at most [`KEY_NAME_MAX`].
    pub name: String,
    /// What it is for.
    pub usage: KeyUsage,
    /// What it computes with; `None` for the usage's usual one.
    pub algorithm: Option<KeyAlgorithm>,
    /// The index that PVVs made with it carry (0 to 9); only for `PinVerificationVisa`.
    pub pvki: Option<u8>,
    /// When it should have been rotated: the engine warns before and after.
    pub expires_on: Option<BusinessDate>,
    /// For a key that exists already: makes this the next version, and the old one is accepted
    /// until then.
    pub accept_old_until: Option<Timestamp>,
}

/// A change of the store.
pub enum KeyChange {
    /// A random key.
    Generate(NewKey),
    /// Begins a ceremony: the key will be the exclusive or of so many components, and must have
    /// this check value.
    BeginCeremony {
        /// The key.
        key: NewKey,
        /// How many components, 2 to 9.
        components: u8,
        /// Of the whole key, from the sheet.
        check_value: CheckValue,
    },
    /// One custodian's component; the last one completes the ceremony.
    Component {
        /// The key's name.
        name: String,
        /// Hex digits.
        component: Zeroizing<String>,
        /// Of the component, from the custodian's sheet.
        check_value: Option<CheckValue>,
    },
    /// Ends a ceremony that was begun; its components are wiped.
    CancelCeremony {
        /// The key's name.
        name: String,
    },
    /// A key in a key block (TR-31 B or D) under a key-block protection key of the store.
    Import {
        /// The key.
        key: NewKey,
        /// The protection key's name.
        under: String,
        /// The block's text.
        block: String,
        /// Of the key, as the other side told it.
        check_value: Option<CheckValue>,
    },
    /// The current version in a key block for somebody else.
    Export {
        /// The key's name.
        name: String,
        /// The name of the key-block protection key.
        under: String,
    },
    /// Ends the use of a version; the material stays until it is destroyed.
    Retire {
        /// The key's name.
        name: String,
        /// Which version.
        version: u32,
    },
    /// Sets how a version is: its state and its date, as two people agreed on.
    Set(SetVersion),
    /// Wipes a retired version's material.
    Destroy {
        /// The key's name.
        name: String,
        /// Which version.
        version: u32,
    },
}

/// How a version shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetVersion {
    /// The key's name.
    pub name: String,
    /// Which version.
    pub version: u32,
    /// The version's, so that nobody means another one.
    pub check_value: CheckValue,
    /// Used, accepted until then, retired, destroyed.
    pub state: VersionState,
    /// When it should have been rotated.
    pub expires_on: Option<BusinessDate>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAction {
    /// A random key was made.
    Generated,
    /// A ceremony was begun.
    CeremonyBegun,
    /// A custodian gave a component.
    ComponentEntered,
    /// The last component was given and the key is in the store.
    CeremonyCompleted,
    /// The components gave another key than the check value says; they were wiped.
    CeremonyFailed,
    /// A ceremony was ended without a key.
    CeremonyCancelled,
    /// A key came in a key block.
    Imported,
    /// A key was handed out in a key block.
    Exported,
    /// A version is no longer used.
    Retired,
    /// A version's dates are others, or it is used again.
    Changed,
    /// A version's material was wiped.
    Destroyed,
}

impl KeyAction {
    /// The name in answers and lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::CeremonyBegun => "ceremony_begun",
            Self::ComponentEntered => "component_entered",
            Self::CeremonyCompleted => "ceremony_completed",
            Self::CeremonyFailed => "ceremony_failed",
            Self::CeremonyCancelled => "ceremony_cancelled",
            Self::Imported => "imported",
            Self::Exported => "exported",
            Self::Retired => "retired",
            Self::Changed => "changed",
            Self::Destroyed => "destroyed",
        }
    }
}

/// What the journal keeps of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// What was done.
    pub action: KeyAction,
    /// The key's name.
    pub name: String,
    /// What it is for.
    pub usage: KeyUsage,
    /// What it computes with.
    pub algorithm: KeyAlgorithm,
    /// Which version; the one to come while a ceremony runs.
    pub version: u32,
    /// Of the version; of the whole key while a ceremony runs.
    pub check_value: CheckValue,
    /// More, for people: which component of how many, under which key.
    pub detail: String,
    /// The key's versions as they will be, oldest first; none while its first ceremony runs.
    pub versions: Vec<VersionRecord>,
}

/// A change that was checked and can be carried out.
pub struct Prepared {
    /// What to journal before it is carried out.
    pub facts: KeyFacts,
    /// Why the custodian gets a refusal although something is carried out: a ceremony that failed.
    pub refusal: Option<KeyRefusal>,
    /// The module's own.
    pub content: Box<dyn Any + Send>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completed {
    /// The key block of an export.
    pub block: Option<String>,
}

/// How a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionState {
    /// Used for everything.
    Current,
    /// Still accepted where something was made with it, until then.
    Accepted(Timestamp),
    /// Not used.
    Retired,
    /// Its material is gone.
    Destroyed,
}

/// One version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRecord {
    /// From 1.
    pub version: u32,
    /// For people to compare.
    pub check_value: CheckValue,
    /// How it is, at the module's last known time.
    pub state: VersionState,
    /// When it came.
    pub created_at: Timestamp,
    /// When it should have been rotated.
    pub expires_on: Option<BusinessDate>,
    /// The index that PVVs carry.
    pub pvki: Option<u8>,
    /// How many bytes the key has.
    pub length: u8,
}

/// A key that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub usage: KeyUsage,
    /// What it computes with.
    pub algorithm: KeyAlgorithm,
    /// Newest last.
    pub versions: Vec<VersionRecord>,
}

impl KeyRecord {
    /// The version that is used for everything.
    #[must_use]
    pub fn current(&self) -> Option<&VersionRecord> {
        self.versions.iter().find(|version| version.state == VersionState::Current)
    }
}

/// A ceremony that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeremonyRecord {
    /// The key's name.
    pub name: String,
    /// What it will be for.
    pub usage: KeyUsage,
    /// What it will compute with.
    pub algorithm: KeyAlgorithm,
    /// How many components there will be.
    pub components: u8,
    /// Who gave one, in order.
    pub given_by: Vec<String>,
    /// The whole key must have this.
    pub check_value: CheckValue,
    /// When it was begun.
    pub begun_at: Timestamp,
}

/// What is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyList {
    /// By name.
    pub keys: Vec<KeyRecord>,
    /// By name.
    pub ceremonies: Vec<CeremonyRecord>,
}

/// Why a change is refused, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is no such key, version or ceremony.
    NotFound,
    /// It does not go with what there is.
    Conflict,
    /// What was given is wrong.
    Invalid,
    /// This person may not.
    Forbidden,
    /// The store cannot be written.
    Storage,
}

/// Why a change is refused: in which part of what was asked, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRefusal {
    /// What kind.
    pub kind: RefusalKind,
    /// Which part of what was asked: `name`, `check_value`, `component`, ...
    pub field: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for KeyRefusal {}

impl KeyRefusal {
    /// Of a kind.
    #[must_use]
    pub fn new(kind: RefusalKind, field: &'static str, message: impl Into<String>) -> Self {
        Self { kind, field, message: message.into() }
    }

    /// What was given is wrong.
    #[must_use]
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Invalid, field, message)
    }

    /// It does not go with what there is.
    #[must_use]
    pub fn conflict(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Conflict, field, message)
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(RefusalKind::NotFound, field, message)
    }
}

/// What was found of a change that a crash cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing was under way.
    Nothing,
    /// It had been journaled, and is carried out now.
    CarriedOut,
    /// It had not been journaled, so it never was; its secrets are wiped.
    Dropped,
}

/// A store of named keys. One change at a time: between [`Self::prepare`] and [`Self::complete`]
/// no other change may be made, or the second is refused.
///
/// A change is staged, then journaled under the name that staging gives, then completed. A crash at
/// any point leaves either no change or one that [`Self::settle`] carries out at the next start.
pub trait KeyLife: Send + Sync {
    /// What is there.
    fn list(&self) -> KeyList;

    /// Checks a change, for the person `by`.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    fn prepare(&self, change: &KeyChange, by: &str, now: Timestamp)
    -> Result<Prepared, KeyRefusal>;

    /// Puts a change beside the store, sealed and durable, and names it; empty if the store will
    /// not change.
    ///
    /// # Errors
    /// [`KeyRefusal`] if it cannot be written.
    fn stage(&self, prepared: &mut Prepared) -> Result<String, KeyRefusal>;

    /// After a start, with the name of the last change that was journaled: carries out the one that
    /// was staged, if it is that, and forgets it otherwise.
    ///
    /// # Errors
    /// [`KeyRefusal`] if the store cannot be read or written.
    fn settle(&self, journaled: Option<&str>) -> Result<Settled, KeyRefusal>;

    /// Carries it out; durable when it returns. Keys that are loaded change in place.
    ///
    /// # Errors
    /// [`KeyRefusal`] if the store cannot be written or was changed in between.
    fn complete(&self, prepared: Prepared) -> Result<Completed, KeyRefusal>;

    /// Tells the time, by which old versions cease to be accepted. Never goes back.
    fn advance(&self, now: Timestamp);
}

/// Whether it can be a key's name: what cannot be taken for a key in clear.
#[must_use]
pub fn is_key_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    let rest = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    first && name.len() <= KEY_NAME_MAX && name.bytes().all(rest) && !crate::is_clear(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_be_taken_for_keys() {
        for good in ["zpk-elcart", "cvk", "pvk.2026", "a1"] {
            assert!(is_key_name(good), "{good}");
        }
        for bad in ["", "1a", "CVK", "key 1", "abcdefabcdefabcd", "../keys", &"a".repeat(41)] {
            assert!(!is_key_name(bad), "{bad}");
        }
    }
}
