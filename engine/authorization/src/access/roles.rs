//! What somebody may be.

use serde::{Deserialize, Serialize};

/// What a user or a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read, block cards, book credits, run end-of-day jobs, draft orders.
    Operator,
    /// Approve what another person entered.
    Checker,
    /// Read everything, change nothing.
    Auditor,
    /// See names and card numbers in clear, report on them, erase them (PII-2, PII-3).
    Privacy,
    /// Bring in, rotate, hand out and destroy keys.
    KeyCustodian,
    /// Users, their roles, and what they lost (SIG-4).
    SecurityOfficer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Operator,
        Self::Checker,
        Self::Auditor,
        Self::Privacy,
        Self::KeyCustodian,
        Self::SecurityOfficer,
    ];

    /// The name in files and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Checker => "checker",
            Self::Auditor => "auditor",
            Self::Privacy => "privacy",
            Self::KeyCustodian => "key_custodian",
            Self::SecurityOfficer => "security_officer",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Operator => 1,
            Self::Checker => 2,
            Self::Auditor => 4,
            Self::Privacy => 8,
            Self::KeyCustodian => 16,
            Self::SecurityOfficer => 32,
        }
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roles(u8);

impl Roles {
    /// Whether the role is among them.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether one of these is among them.
    #[must_use]
    pub fn has_any(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of the set, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// Their names.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        self.iter().map(|role| role.name().to_owned()).collect()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}
