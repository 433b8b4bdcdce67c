//! What orders can be about, and how risky each kind is (SIG-2).

use serde::{Deserialize, Serialize};

/// What an order is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum OrderKind {
    /// `[[limit]]` and the groups that limits name (LIM).
    Limits,
    /// `[contactless]` (CTL-2).
    ContactlessTiers,
    /// `[agent_cash]` (AGT-7).
    AgentCaps,
    /// `[[edition]]`: which edition of the regulation is in force from when.
    Editions,
    /// `[[indicator]]`: the calculation indicator.
    Indicator,
    /// `[[fee]]`, `[notification_fee]` (AMT-4, AMT-5).
    Fees,
    /// `[[rate]]`, `[conversion]` (AMT-3).
    Rates,
    /// `[[network]]`, `[[transfer_operator]]` (NET).
    Networks,
    /// `[calendar]`: working days.
    Calendar,
    /// `[technical_overdraft]` without its block policy (TOD-3, TOD-6).
    OverdraftPolicy,
    /// `[technical_overdraft].block`, `[scripts]` (TOD-4).
    BlockPolicy,
    /// `[restricted]` and the groups it names: countries and categories (LIM-6).
    Lists,
    /// Agreed overdrafts of accounts (BAL-2, SIG-5).
    OverdraftLimits,
    /// Blocks of cards, beyond one (BLK).
    CardBlocks,
    /// Users and their roles (SIG-4).
    Users,
    /// The life of a named key: made, rotated, retired, destroyed, its dates.
    Keys,
    /// Any path of the rule set, or all of it as a text.
    Rules,
}

impl OrderKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Limits,
        Self::ContactlessTiers,
        Self::AgentCaps,
        Self::Editions,
        Self::Indicator,
        Self::Fees,
        Self::Rates,
        Self::Networks,
        Self::Calendar,
        Self::OverdraftPolicy,
        Self::BlockPolicy,
        Self::Lists,
        Self::OverdraftLimits,
        Self::CardBlocks,
        Self::Users,
        Self::Keys,
        Self::Rules,
    ];

    /// The name in the API and in `[orders.risk]`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::ContactlessTiers => "contactless_tiers",
            Self::AgentCaps => "agent_caps",
            Self::Editions => "editions",
            Self::Indicator => "indicator",
            Self::Fees => "fees",
            Self::Rates => "rates",
            Self::Networks => "networks",
            Self::Calendar => "calendar",
            Self::OverdraftPolicy => "overdraft_policy",
            Self::BlockPolicy => "block_policy",
            Self::Lists => "lists",
            Self::OverdraftLimits => "overdraft_limits",
            Self::CardBlocks => "card_blocks",
            Self::Users => "users",
            Self::Keys => "keys",
            Self::Rules => "rules",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The least risk of the kind. The bank may set a higher one, never a lower one.
    #[must_use]
    pub const fn least_risk(self) -> Risk {
        match self {
            Self::Limits
            | Self::ContactlessTiers
            | Self::AgentCaps
            | Self::Calendar
            | Self::Lists
            | Self::OverdraftLimits
            | Self::CardBlocks => Risk::Low,
            Self::Fees
            | Self::Rates
            | Self::Networks
            | Self::OverdraftPolicy
            | Self::BlockPolicy => Risk::Medium,
            Self::Editions | Self::Indicator | Self::Users | Self::Keys | Self::Rules => Risk::High,
        }
    }

    /// Whether it changes the rule set.
    #[must_use]
    pub const fn is_of_rules(self) -> bool {
        !matches!(self, Self::OverdraftLimits | Self::CardBlocks | Self::Users | Self::Keys)
    }

    /// The role that its maker needs to sign it.
    #[must_use]
    pub const fn maker_role(self) -> &'static str {
        if matches!(self, Self::Keys) { "key_custodian" } else { "operator" }
    }

    /// The first keys of the paths it may change; none for any.
    #[must_use]
    pub const fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Limits => &["limit", "mcc_group", "country_group"],
            Self::ContactlessTiers => &["contactless"],
            Self::AgentCaps => &["agent_cash"],
            Self::Editions => &["edition"],
            Self::Indicator => &["indicator"],
            Self::Fees => &["fee", "notification_fee"],
            Self::Rates => &["rate", "conversion"],
            Self::Networks => &["network", "transfer_operator"],
            Self::Calendar => &["calendar"],
            Self::OverdraftPolicy => &["technical_overdraft"],
            Self::BlockPolicy => &["technical_overdraft", "scripts"],
            Self::Lists => &["restricted", "mcc_group", "country_group"],
            Self::OverdraftLimits => &["account"],
            Self::CardBlocks => &["card"],
            Self::Users => &["user"],
            Self::Keys => &["key"],
            Self::Rules => &[],
        }
    }
}

/// How much harm a wrong order could do (SIG-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// The simple signature is enough.
    Low,
    /// Needs the strengthened one.
    Medium,
    /// Needs the strengthened one.
    High,
}

impl Risk {
    /// Every one, from the least.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The name in the API and in `[orders.risk]`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The signature it needs.
    #[must_use]
    pub const fn needs(self) -> crate::Strength {
        match self {
            Self::Low => crate::Strength::Simple,
            Self::Medium | Self::High => crate::Strength::Strengthened,
        }
    }
}
