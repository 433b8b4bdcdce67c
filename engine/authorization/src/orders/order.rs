//! One order: what it asks for, how far it has come, and who signed it.

use super::{Guard, OrderKind, Risk};
use crate::Signature;
use crate::sha256::sha256;
use compact_str::CompactString;
use limits::Setting;
use payment_types::{Moment, Sequence, Timestamp, UtcOffset};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far an order has come (SIG-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Written, and found to be possible.
    Draft,
    /// Signed by its maker.
    Signed,
    /// Signed by the checker too, and due at once.
    Approved,
    /// Signed by the checker too, and due at its moment.
    Scheduled,
    /// In force.
    Active,
    /// A later order changed all that it changed.
    Superseded,
    /// Undone.
    RolledBack,
    /// Turned down by a checker.
    Rejected,
    /// Taken back.
    Withdrawn,
    /// When it was due it could not take effect any more; nothing changed.
    Failed,
}

impl OrderStatus {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::Signed,
        Self::Approved,
        Self::Scheduled,
        Self::Active,
        Self::Superseded,
        Self::RolledBack,
        Self::Rejected,
        Self::Withdrawn,
        Self::Failed,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Signed => "signed",
            Self::Approved => "approved",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Failed => "failed",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// One change of an order: what stands at a path, and what shall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChange {
    /// Where: `limit[atm-day].ceiling`, `account[A1].overdraft_limit`, `card[K1].block.lost`.
    pub path: String,
    /// What stands there; filled by the core.
    pub from: Option<Setting>,
    /// What shall; nothing takes it away.
    pub to: Option<Setting>,
    /// Of an entry of a list its place; filled by the core, so that it can come back there.
    pub place: Option<u32>,
}

impl OrderChange {
    /// A change as it is asked for.
    #[must_use]
    pub fn new(path: impl Into<String>, to: Option<Setting>) -> Self {
        Self { path: path.into(), from: None, to, place: None }
    }

    fn setting(&self) -> Setting {
        let mut table = BTreeMap::from([("path".to_owned(), Setting::from(self.path.as_str()))]);
        table.extend(self.from.clone().map(|from| ("from".to_owned(), from)));
        table.extend(self.to.clone().map(|to| ("to".to_owned(), to)));
        Setting::Table(table)
    }
}

/// One thing that is wrong with what an order asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderProblem {
    /// Where; may be empty.
    pub path: String,
    /// The layer that would be loosened or is not held to: `regulation`, `bank`.
    pub layer: CompactString,
    /// The rule and clause, where there is one: `AGT-7, 004 §15-1`.
    pub clause: Option<CompactString>,
    /// A name for it that stays: `layer_broken`, `changed_since` ...
    pub code: CompactString,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl OrderProblem {
    /// With a name of its own.
    pub(super) fn coded(self, code: &str) -> Self {
        Self { code: code.into(), ..self }
    }
}

/// In which part somebody signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignedAs {
    /// Who wrote it.
    Maker,
    /// The second person.
    Checker,
    /// Who undid it.
    Rollback,
}

impl SignedAs {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Checker => "checker",
            Self::Rollback => "rollback",
        }
    }
}

/// A signature on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSignature {
    /// In which part.
    pub role: SignedAs,
    /// The signature.
    pub signature: Signature,
    /// When.
    pub at: Timestamp,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number, from 1.
    pub id: u64,
    /// What it is about.
    pub kind: OrderKind,
    /// In a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What it changes.
    pub changes: Vec<OrderChange>,
    /// From when.
    pub effective_at: Option<Timestamp>,
    /// When it is undone by itself.
    pub guard: Option<Guard>,
    /// Rises with each revision, from 1.
    pub revision: u32,
    /// How far it has come.
    pub status: OrderStatus,
    /// How risky it is (SIG-2).
    pub risk: Risk,
    /// Who wrote the revision.
    pub maker: CompactString,
    /// Everybody who wrote a revision, in order, each once.
    pub authors: Vec<CompactString>,
    /// Who approved or rejected it.
    pub checker: Option<CompactString>,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When the revision was written.
    pub revised_at: Timestamp,
    /// The rule set's version it was written over.
    pub base_version: CompactString,
    /// The rule set's version from it on.
    pub version: Option<CompactString>,
    /// What is signed.
    pub digest: [u8; 32],
    /// Who signed the revision, in order.
    pub signatures: Vec<OrderSignature>,
    /// When it took effect, and at which record.
    pub activated: Option<(Timestamp, Sequence)>,
    /// When it was rejected, withdrawn, rolled back or failed, by whom, and why.
    pub ended: Option<OrderEnd>,
    /// When its guard tripped and it could not be rolled back, and why.
    pub guard_stands: Option<GuardStands>,
    /// The last order that changed something of it.
    pub superseded_by: Option<u64>,
    /// Why it failed.
    pub problems: Vec<OrderProblem>,
}

/// An order that stands against its guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardStands {
    /// Since when.
    pub at: Timestamp,
    /// Why the guard tripped, and what was in the way.
    pub reason: CompactString,
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEnd {
    /// When.
    pub at: Timestamp,
    /// Who: a person, `guard`, `engine`.
    pub by: CompactString,
    /// Why.
    pub reason: CompactString,
}

impl Order {
    /// What is signed, as canonical JSON (RFC 8785); what is not told is left out.
    #[must_use]
    pub fn content(&self) -> String {
        let changes = self.changes.iter().map(OrderChange::setting).collect();
        let mut table = BTreeMap::from([
            ("order".to_owned(), whole(self.id)),
            ("revision".to_owned(), whole(u64::from(self.revision))),
            ("kind".to_owned(), Setting::from(self.kind.name())),
            ("title".to_owned(), Setting::Text(self.title.clone())),
            ("reason".to_owned(), Setting::Text(self.reason.clone())),
            ("changes".to_owned(), Setting::List(changes)),
            ("base_version".to_owned(), Setting::from(self.base_version.as_str())),
        ]);
        if let Some(at) = self.effective_at {
            table.insert("effective_at".to_owned(), Setting::Text(utc(at)));
        }
        if let Some(guard) = &self.guard {
            table.insert("guard".to_owned(), guard.setting());
        }
        Setting::Table(table).json()
    }

    /// SHA-256 of [`Order::content`].
    #[must_use]
    pub fn content_digest(&self) -> [u8; 32] {
        sha256(self.content().as_bytes())
    }

    /// What is signed to roll it back, as canonical JSON.
    #[must_use]
    pub fn rollback_content(&self) -> String {
        let table = BTreeMap::from([
            ("roll_back".to_owned(), whole(self.id)),
            ("digest".to_owned(), Setting::Text(hex(&self.digest))),
        ]);
        Setting::Table(table).json()
    }

    /// SHA-256 of [`Order::rollback_content`].
    #[must_use]
    pub fn rollback_digest(&self) -> [u8; 32] {
        sha256(self.rollback_content().as_bytes())
    }

    /// The signature in a part.
    #[must_use]
    pub fn signature(&self, role: SignedAs) -> Option<&OrderSignature> {
        self.signatures.iter().rev().find(|signed| signed.role == role)
    }
}

impl Guard {
    fn setting(&self) -> Setting {
        let percent = |value: Option<u8>| value.map(|value| whole(u64::from(value)));
        let mut table = BTreeMap::from([("minutes".to_owned(), whole(u64::from(self.minutes)))]);
        let code = self.code.as_deref().map(Setting::from);
        for (name, value) in [
            ("decline_percent", percent(self.decline_percent)),
            ("code", code),
            ("code_percent", percent(self.code_percent)),
        ] {
            table.extend(value.map(|value| (name.to_owned(), value)));
        }
        Setting::Table(table)
    }
}

/// How long the longest text of a setting may be: of all of it together.
pub(super) fn text_length(setting: &Setting) -> usize {
    setting.json().len()
}

pub(super) fn whole(number: u64) -> Setting {
    Setting::Whole(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A moment as text that does not depend on where it is read.
pub(super) fn utc(at: Timestamp) -> String {
    Moment::new(at, UtcOffset(0)).rfc3339()
}

/// Bytes in hex, small letters.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
