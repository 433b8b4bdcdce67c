//! What can be done with orders, what it did, and why it was refused.

use super::{OrderChange, OrderKind, OrderProblem, OrderStatus, RegisterEntry};
use crate::{KeyEvent, Signature};
use compact_str::CompactString;
use payment_types::Timestamp;
use serde::{Deserialize, Serialize};

/// What an order asks for, as it was written. The same for a first draft and a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDraft {
    /// What it is about.
    pub kind: OrderKind,
    /// In a few words.
    pub title: String,
    /// Why.
    pub reason: String,
    /// What is to be changed, in this order.
    pub changes: Vec<OrderChange>,
    /// From when; at once when it is approved if not told.
    pub effective_at: Option<Timestamp>,
    /// When it is to be rolled back by itself.
    pub guard: Option<Guard>,
}

impl OrderDraft {
    /// Whom it is about, where it is about users.
    #[must_use]
    pub fn users(&self) -> Vec<CompactString> {
        super::things::users_of(self.kind, &self.changes)
    }
}

/// When an order is rolled back by itself: for so many minutes after it was activated, if more is
/// declined than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// For how long it watches.
    pub minutes: u32,
    /// The most declines of a hundred requests.
    pub decline_percent: Option<u8>,
    /// A code of DE 39 that is watched ...
    pub code: Option<CompactString>,
    /// ... and the most of a hundred requests that may get it.
    pub code_percent: Option<u8>,
}

/// What can be done with orders (SIG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderCommand {
    /// Write a new one.
    Draft {
        /// What it asks for.
        draft: OrderDraft,
        /// Who wrote it.
        by: CompactString,
    },
    /// Write one anew that is not approved yet. Signatures fall.
    Revise {
        /// Which.
        order: u64,
        /// The revision it was written from; refused if somebody else was quicker.
        revision: u32,
        /// What it asks for now.
        draft: OrderDraft,
        /// Who wrote it.
        by: CompactString,
    },
    /// The maker signs.
    Sign {
        /// Which.
        order: u64,
        /// The revision that was signed.
        revision: u32,
        /// The signature of its digest.
        signature: Signature,
    },
    /// The checker, another person, signs too. Without `effective_at` it is due at once.
    Approve {
        /// Which.
        order: u64,
        /// The revision that was signed.
        revision: u32,
        /// The signature of its digest.
        signature: Signature,
    },
    /// A checker turns it down.
    Reject {
        /// Which.
        order: u64,
        /// The revision that was looked at.
        revision: u32,
        /// Who.
        by: CompactString,
        /// Why.
        reason: CompactString,
    },
    /// It is taken back before it took effect.
    Withdraw {
        /// Which.
        order: u64,
        /// Who.
        by: CompactString,
        /// Why.
        reason: CompactString,
    },
    /// Put it into effect: the engine, when it is due.
    Activate {
        /// Which.
        order: u64,
    },
    /// Put an order about a key into effect: the engine's edge, which prepared the change with the
    /// security module, or learned there that it can't be.
    ActivateKey {
        /// Which.
        order: u64,
        /// What came of preparing it.
        staged: KeyStaged,
    },
    /// Undo what an order about a key did.
    RollBackKey {
        /// Which.
        order: u64,
        /// Who.
        by: RolledBackBy,
        /// Why.
        reason: CompactString,
        /// The change that undoes it, prepared with the security module.
        staged: Box<KeyEvent>,
    },
    /// Its guard tripped, and it could not be rolled back: it stands, and somebody must know.
    GuardStands {
        /// Which.
        order: u64,
        /// Why the guard tripped, and what was in the way.
        reason: CompactString,
    },
    /// Undo what it did.
    RollBack {
        /// Which.
        order: u64,
        /// Who.
        by: RolledBackBy,
        /// Why.
        reason: CompactString,
    },
}

impl OrderCommand {
    /// The order it is about; none for a new one.
    #[must_use]
    pub const fn order(&self) -> Option<u64> {
        match self {
            Self::Draft { .. } => None,
            Self::Revise { order, .. }
            | Self::Sign { order, .. }
            | Self::Approve { order, .. }
            | Self::Reject { order, .. }
            | Self::Withdraw { order, .. }
            | Self::Activate { order }
            | Self::ActivateKey { order, .. }
            | Self::RollBackKey { order, .. }
            | Self::GuardStands { order, .. }
            | Self::RollBack { order, .. } => Some(*order),
        }
    }
}

/// What came of preparing a change of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStaged {
    /// It lies beside the key store, and takes its place once this is journaled.
    Ready(Box<KeyEvent>),
    /// It can't be, and why.
    Refused(CompactString),
}

/// Who rolls an order back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolledBackBy {
    /// A person, who signs the digest of the rollback.
    Person(Signature),
    /// The order's own guard.
    Guard,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDone {
    /// With which.
    pub order: u64,
    /// What it is now.
    pub status: OrderStatus,
    /// Its revision.
    pub revision: u32,
    /// Whom it is about, where it is about users.
    pub users: Vec<CompactString>,
    /// What was written into the register, in order (SIG-3).
    pub entries: Vec<RegisterEntry>,
    /// The rule set that is in force from now on, where it changed.
    pub rules: Option<RulesPut>,
    /// Why it could not take effect, where it failed.
    pub problems: Vec<OrderProblem>,
}

/// A rule set that an order put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesPut {
    /// Its version.
    pub version: CompactString,
    /// Its text.
    pub text: String,
}

/// Why an order was refused, or something about one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderRefusal {
    /// There is none with this number.
    Unknown,
    /// It is not at the point where that can be done.
    Standing {
        /// Where it is.
        status: OrderStatus,
    },
    /// Somebody else changed it meanwhile.
    Revised {
        /// Its revision now.
        revision: u32,
        /// Who changed it.
        by: CompactString,
        /// When.
        at: Timestamp,
    },
    /// What it asks for can't be: everything that is wrong with it.
    Problems(Vec<OrderProblem>),
    /// SIG-1: the second person had a hand in it.
    SamePerson {
        /// Who.
        name: CompactString,
    },
    /// SIG-1: only who wrote the revision signs it as its maker.
    NotTheMaker {
        /// Who wrote it.
        maker: CompactString,
    },
    /// The signer does not have the role.
    MissingRole {
        /// Which.
        role: CompactString,
    },
    /// SIG-2: the signature is not worth enough.
    TooWeak {
        /// What is needed.
        needs: crate::Strength,
    },
    /// SIG-5: more than may be lent on a signature of this strength.
    AboveRemoteCeiling {
        /// The account's id.
        account: CompactString,
        /// The most, tyiyn of KGS.
        most: u64,
    },
    /// The signature is of something else.
    DigestDiffers,
    /// The statement of legal force was not confirmed.
    StatementNotConfirmed,
    /// It is not due yet.
    NotDue,
    /// SIG-1: the order is about the signer's own rights.
    AboutSigner {
        /// Who.
        name: CompactString,
    },
    /// What the order put there was changed since, by no order: undoing would write over it.
    StandsOtherwise {
        /// What.
        path: String,
        /// What stands there now, JSON; `nothing` for nothing.
        now: String,
    },
    /// A later order changed the same: that one is to be rolled back first.
    ChangedSince {
        /// What.
        path: CompactString,
        /// Which order.
        order: u64,
    },
}
