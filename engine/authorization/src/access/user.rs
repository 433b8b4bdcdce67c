//! Users as the state keeps them.

use super::{ALERTS_KEPT, Role, Roles};
use compact_str::CompactString;
use payment_types::{Moment, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A user. Secrets are sealed by the security module before they come here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What he may do.
    pub roles: Roles,
    /// Whether he may log in.
    pub active: bool,
    /// The sealed hash of his password.
    pub password: Vec<u8>,
    /// Whether it was given to him, and must be changed at the next login.
    pub temporary: bool,
    /// When it was set.
    pub password_set_at: Timestamp,
    /// Those before, newest first.
    pub former_passwords: Vec<Vec<u8>>,
    /// His second factor, once enrolled.
    pub one_time: Option<OneTimeSecret>,
    /// Until when he may log in to set a password or a second factor that he lacks.
    pub enrol_until: Timestamp,
    /// Keys he signs with (SIG-2).
    pub keys: Vec<PersonalKey>,
    /// Wrong attempts since the last login.
    pub failures: u32,
    /// No attempt is good before this.
    pub locked_until: Option<Timestamp>,
    /// His last login.
    pub last_login: Option<Timestamp>,
    /// Networks he logged in from, the last one last.
    pub networks: Vec<CompactString>,
    /// What a security officer asked to be reset, until another person approves it.
    pub reset_asked: Option<ResetAsked>,
    /// When he was added.
    pub added_at: Timestamp,
    /// By whom.
    pub added_by: CompactString,
}

/// The secret of a user's one-time codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeSecret {
    /// Sealed.
    pub secret: Vec<u8>,
    /// Whether a first code has shown that he has it.
    pub confirmed: bool,
    /// The step of the last code that was used: it and those before are good no more.
    pub last_step: u64,
}

/// A key a user signs with (SIG-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalKey {
    /// Ed25519, public.
    pub key: [u8; 32],
    /// What the user calls it.
    pub label: CompactString,
    /// When it was brought, with proof that he has its secret half.
    pub added_at: Timestamp,
    /// The second person; nobody yet, and it signs nothing.
    pub approved_by: Option<CompactString>,
    /// From when it is good.
    pub approved_at: Option<Timestamp>,
    /// From when it is good no more.
    pub withdrawn_at: Option<Timestamp>,
    /// By whom it was withdrawn.
    pub withdrawn_by: CompactString,
}

impl PersonalKey {
    /// Whether it signs now.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.approved_at.is_some() && self.withdrawn_at.is_none()
    }
}

/// Something that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetAsked {
    /// What is to be reset.
    pub what: super::Reset,
    /// The security officer.
    pub by: CompactString,
    /// When.
    pub at: Timestamp,
}

/// What an alert is about: access that was unusual (PII-2), or an order that stands against its
/// guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Data of many customers within an hour.
    ManyCustomers,
    /// Customers' data at night.
    AtNight,
    /// Refused again and again.
    RepeatedRefusals,
    /// A login from a network he was never seen in.
    NewNetwork,
    /// A user is locked after wrong attempts.
    Locked,
    /// A cookie that belongs to another browser, or to a session that ended.
    StolenSession,
    /// An order's guard tripped, and the order could not be rolled back (SIG-1).
    GuardStands,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ManyCustomers,
        Self::AtNight,
        Self::RepeatedRefusals,
        Self::NewNetwork,
        Self::Locked,
        Self::StolenSession,
        Self::GuardStands,
    ];

    /// The name in the API, the metric and the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ManyCustomers => "many_customers",
            Self::AtNight => "at_night",
            Self::RepeatedRefusals => "repeated_refusals",
            Self::NewNetwork => "new_network",
            Self::Locked => "locked",
            Self::StolenSession => "stolen_session",
            Self::GuardStands => "guard_stands",
        }
    }
}

/// What somebody must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its place in the journal.
    pub sequence: u64,
    /// When.
    pub at: Moment,
    /// What.
    pub kind: AlertKind,
    /// Whose access; nobody for attempts without a known user, and for orders.
    pub user: CompactString,
    /// The order it is about.
    pub order: Option<u64>,
    /// More, for people.
    pub detail: CompactString,
}

/// All users, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Users {
    pub(super) users: BTreeMap<CompactString, User>,
    pub(super) alerts: VecDeque<Alert>,
    /// Whether there ever were two people who could carry an order about users. Once set it stays:
    /// who takes everybody else's rights away does not become the first user again.
    pub(super) settled: bool,
}

impl Users {
    /// A user.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The last alerts, newest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().rev()
    }

    /// Whether users were ever enough for an order (SIG-1): before that, users are made without
    /// one, since nobody could sign it; afterwards never again.
    #[must_use]
    pub const fn are_settled(&self) -> bool {
        self.settled
    }

    /// Whether two different people can carry an order about users now (SIG-1).
    #[must_use]
    pub fn can_order(&self) -> bool {
        let of = |role| {
            let with = |(name, user): (&CompactString, &User)| {
                (user.active && user.roles.has(role)).then(|| name.clone())
            };
            self.users.iter().filter_map(with).collect::<Vec<_>>()
        };
        let (officers, checkers) = (of(Role::SecurityOfficer), of(Role::Checker));
        officers.iter().any(|officer| checkers.iter().any(|checker| checker != officer))
    }

    pub(crate) fn note(&mut self, alert: Alert) {
        self.alerts.push_back(alert);
        if self.alerts.len() > ALERTS_KEPT {
            self.alerts.pop_front();
        }
    }
}
