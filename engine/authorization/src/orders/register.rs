//! The register (SIG-3): every step of every order and every use of a code, each entry chained to
//! the one before by its hash, so that nothing can be altered, left out or put in between without
//! showing.
//!
//! An entry's hash is SHA-256 of its canonical JSON ([`RegisterEntry::json`]), which holds the hash
//! of the entry before. The export is those lines with the hash added.

use super::order::{hex, utc, whole};
use crate::sha256::sha256;
use crate::{Factor, Signature};
use compact_str::CompactString;
use dense::Chunked;
use limits::Setting;
use payment_types::{Moment, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterAct {
    /// An order was written.
    Drafted,
    /// ... written anew.
    Revised,
    /// ... signed by its maker.
    Signed,
    /// ... approved by the second person.
    Approved,
    /// ... turned down.
    Rejected,
    /// ... taken back.
    Withdrawn,
    /// ... put into effect.
    Activated,
    /// ... and could not be put into effect.
    Failed,
    /// ... undone.
    RolledBack,
    /// A later order changed all that it had changed.
    Superseded,
    /// Its guard tripped, and it could not be undone.
    GuardStands,
    /// A one-time code was used, rightly.
    CodeUsed,
    /// A one-time code was given that is not right.
    CodeRefused,
}

impl RegisterAct {
    /// The name in the register.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Revised => "revised",
            Self::Signed => "signed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Activated => "activated",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
            Self::GuardStands => "guard_stands",
            Self::CodeUsed => "code_used",
            Self::CodeRefused => "code_refused",
        }
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterEntry {
    /// From 1, without gaps.
    pub number: u64,
    /// The record of the journal it came with.
    pub sequence: Sequence,
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: RegisterAct,
    /// The order, and its revision.
    pub order: Option<(u64, u32)>,
    /// Who: a user, a token, `engine`, `guard`.
    pub by: CompactString,
    /// The signature, where there was one.
    pub signature: Option<Signature>,
    /// What is signed, as canonical JSON: with the first entry about a revision, and where
    /// something else than the order is signed.
    pub content: Option<String>,
    /// The rest, for people: a reason, a version.
    pub detail: CompactString,
    /// The hash of the entry before; zeros for the first.
    pub previous: [u8; 32],
    /// Its own.
    pub hash: [u8; 32],
}

/// An entry still without its place in the chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    pub(crate) order: Option<(u64, u32)>,
    pub(crate) by: CompactString,
    pub(crate) signature: Option<Signature>,
    pub(crate) content: Option<String>,
    pub(crate) detail: CompactString,
}

impl RegisterEntry {
    /// The entry as canonical JSON (RFC 8785) without its hash: what is hashed.
    #[must_use]
    pub fn json(&self) -> String {
        Setting::Table(self.table()).json()
    }

    /// The entry as a line of the export: with its hash.
    #[must_use]
    pub fn line(&self) -> String {
        let mut table = self.table();
        table.insert("hash".to_owned(), Setting::Text(hex(&self.hash)));
        Setting::Table(table).json()
    }

    fn table(&self) -> BTreeMap<String, Setting> {
        let text = |text: &str| Some(Setting::from(text)).filter(|_| !text.is_empty());
        let order = self.order;
        let rows = [
            ("number", Some(whole(self.number))),
            ("sequence", Some(whole(self.sequence.0))),
            ("at", Some(Setting::Text(utc(self.at)))),
            ("act", text(self.act.name())),
            ("order", order.map(|(order, _)| whole(order))),
            ("revision", order.map(|(_, revision)| whole(u64::from(revision)))),
            ("by", text(&self.by)),
            ("signature", self.signature.as_ref().map(signature)),
            ("content", self.content.clone().map(Setting::Text)),
            ("detail", text(&self.detail)),
            ("previous", Some(Setting::Text(hex(&self.previous)))),
        ];
        rows.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn signature(signature: &Signature) -> Setting {
    let roles = signature.roles.iter().map(|role| Setting::from(role.as_str())).collect();
    let mut table = BTreeMap::from([
        ("signer".to_owned(), Setting::from(signature.signer.as_str())),
        ("roles".to_owned(), Setting::List(roles)),
        ("factor".to_owned(), Setting::from(signature.factor.name())),
        ("digest".to_owned(), Setting::Text(hex(&signature.digest))),
        ("statement".to_owned(), whole(u64::from(signature.statement))),
    ]);
    match signature.factor {
        Factor::ServiceToken { test } => {
            table.insert("test".to_owned(), Setting::Flag(test));
        }
        Factor::OneTimeCode { step } => {
            table.insert("step".to_owned(), whole(step));
        }
        Factor::PersonalKey { key, signature } => {
            table.insert("key".to_owned(), Setting::Text(hex(&key)));
            table.insert("signature".to_owned(), Setting::Text(hex(signature.as_flattened())));
        }
    }
    Setting::Table(table)
}

/// The entries and the hash of the last one.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Register {
    entries: Chunked<RegisterEntry>,
    head: [u8; 32],
}

impl Register {
    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &RegisterEntry> {
        self.entries.iter()
    }

    /// The entries from a place on, counted from 0, without going through those before.
    pub fn entries_from(&self, place: usize) -> impl Iterator<Item = &RegisterEntry> {
        (place..self.entries.len()).filter_map(|at| self.entries.get(at))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hash of the last entry; zeros if there is none.
    #[must_use]
    pub const fn head(&self) -> [u8; 32] {
        self.head
    }

    pub(crate) fn add(
        &mut self,
        (sequence, moment): (Sequence, Moment),
        act: RegisterAct,
        note: Note,
    ) -> RegisterEntry {
        let number = u64::try_from(self.entries.len()).unwrap_or(u64::MAX).saturating_add(1);
        let Note { order, by, signature, content, detail } = note;
        let mut entry = RegisterEntry {
            number,
            sequence,
            at: moment.at,
            act,
            order,
            by,
            signature,
            content,
            detail,
            previous: self.head,
            hash: [0; 32],
        };
        entry.hash = sha256(entry.json().as_bytes());
        self.head = entry.hash;
        self.entries.push(entry.clone());
        entry
    }

    /// Goes along the chain.
    ///
    /// # Errors
    /// The number of the first entry that is not as it was written, and what is wrong.
    pub fn verify(&self) -> Result<(), (u64, &'static str)> {
        let mut previous = [0; 32];
        for (entry, number) in self.entries.iter().zip(1u64..) {
            if entry.number != number {
                return Err((number, "its number is another one"));
            }
            if entry.previous != previous {
                return Err((number, "it does not follow the entry before"));
            }
            if sha256(entry.json().as_bytes()) != entry.hash {
                return Err((number, "its content is not what was hashed"));
            }
            previous = entry.hash;
        }
        let last = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        if previous == self.head { Ok(()) } else { Err((last, "it is not the chain's head")) }
    }
}
