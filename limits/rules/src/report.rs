//! What was looked at and what came out: the part of a decision's trace that limits write (TXN-8).

use crate::{Measure, Window};
use payment_types::{ResponseCode, Timestamp};
use serde::{Deserialize, Serialize};

/// The edition of a regulation rule (rule book section 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Edition {
    /// The National Bank's regulation 76/8 of 09.12.2015.
    #[serde(rename = "76/8-2015")]
    Regulation2015,
    /// The draft of 2020.
    #[serde(rename = "2020-draft")]
    Draft2020,
}

impl Edition {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Regulation2015, Self::Draft2020];

    /// The name in `rules.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regulation2015 => "76/8-2015",
            Self::Draft2020 => "2020-draft",
        }
    }
}

/// A rule of the rule book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// No PIN, edition 76/8-2015: 30 indicators a transaction.
    #[serde(rename = "CTL-1")]
    Ctl1,
    /// No PIN, edition 2020-draft: the holder's tier.
    #[serde(rename = "CTL-2")]
    Ctl2,
    /// Cash never goes without PIN.
    #[serde(rename = "CTL-4")]
    Ctl4,
    /// Agent cash a day and cardholder.
    #[serde(rename = "AGT-1")]
    Agt1,
    /// Agent cash a day, card and device.
    #[serde(rename = "AGT-2")]
    Agt2,
    /// A limit of the rule set.
    #[serde(rename = "LIM-1")]
    Lim1,
}

impl Rule {
    /// The rule book's identifier.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Ctl1 => "CTL-1",
            Self::Ctl2 => "CTL-2",
            Self::Ctl4 => "CTL-4",
            Self::Agt1 => "AGT-1",
            Self::Agt2 => "AGT-2",
            Self::Lim1 => "LIM-1",
        }
    }

    /// The clause it comes from.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Ctl1 | Self::Ctl2 => "004 §33",
            Self::Ctl4 => "001 ch. 1; 004 §33",
            Self::Agt1 | Self::Agt2 => "004 §15-1",
            Self::Lim1 => "001 §4.10, 4.12, 4.16, 5.12",
        }
    }
}

/// What a rule made of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may go.
    Pass,
    /// It is above the ceiling.
    Over,
    /// It may go with PIN (CTL-3).
    NeedsPin,
    /// The rule is not about such a request.
    NotApplicable,
}

/// Which figure of a rule was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// The transaction by itself.
    PerTransaction,
    /// The sum of the day.
    PerDay,
    /// Transactions in a row since the last PIN.
    CountSincePin,
    /// Their sum.
    SumSincePin,
    /// The limit with this place in the plan ([`crate::Plan::limit_id`]).
    Limit(u16),
}

/// One rule's verdict. Sums are tyiyn of KGS, counts are transactions; `figure` and `measure` say
/// which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule.
    pub rule: Rule,
    /// Which of its figures.
    pub figure: Figure,
    /// What came out.
    pub outcome: Outcome,
    /// Sum or count.
    pub measure: Measure,
    /// Used before this request.
    pub used: u64,
    /// What this request asks for.
    pub asked: u64,
    /// The most there may be.
    pub ceiling: u64,
    /// The edition applied, for a regulation rule.
    pub edition: Option<Edition>,
    /// The window summed over.
    pub window: Window,
    /// When the counter starts anew, or for a rolling window when the oldest entry leaves it. Told
    /// of a limit only where it is over.
    pub resets_at: Option<Timestamp>,
    /// The answer's code where the rule set names one: over a limit, or asking for the PIN.
    pub code: Option<ResponseCode>,
}

impl Verdict {
    /// What could still be asked for.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.ceiling.saturating_sub(self.used)
    }
}

/// The verdicts on one request: first CTL, then AGT, then the limits in the order of the rule set.
/// A buffer to be used again and again: clearing keeps its room.
#[derive(Debug, Clone)]
pub struct Report {
    pub(crate) verdicts: Vec<Verdict>,
    /// The least that limits on sums with cash in them leave.
    pub(crate) limits_leave: u64,
    /// Where each panel keeps this request's counters.
    pub(crate) blocks: Vec<Option<Block>>,
    /// The calendar counters of those blocks.
    pub(crate) words: Vec<u64>,
}

/// A block of counters that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) slot: u32,
    /// Where its words begin in [`Report::words`].
    pub(crate) words_at: usize,
}

impl Report {
    /// With room for a rule set of `limits` limits.
    #[must_use]
    pub fn with_capacity(limits: usize) -> Self {
        let verdicts = Vec::with_capacity(limits.saturating_add(8));
        let words = Vec::with_capacity(limits.saturating_mul(4).saturating_add(64));
        Self { verdicts, limits_leave: u64::MAX, blocks: Vec::with_capacity(limits), words }
    }

    /// Forgets the last request.
    pub fn clear(&mut self) {
        self.verdicts.clear();
        self.blocks.clear();
        self.words.clear();
        self.limits_leave = u64::MAX;
    }

    /// All verdicts, in order.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The verdict that answers a request over a ceiling: a cap of the regulation, then limits on
    /// amounts (`61`), then limits on counts (`65`); among equals the first of the rule set.
    #[must_use]
    pub fn first_over(&self) -> Option<&Verdict> {
        let over = || self.verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Over);
        over().find(|verdict| verdict.measure == Measure::Amount).or_else(|| over().next())
    }

    /// The verdict that asks for the PIN. It answers only where nothing else declines (CTL-3).
    #[must_use]
    pub fn needs_pin(&self) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.outcome == Outcome::NeedsPin)
    }

    /// What an agent may still hand out, in tyiyn (AGT-3): the least that the cap and the limits on
    /// cash leave. `None` if the request is no agent's cash.
    #[must_use]
    pub fn cap_left(&self) -> Option<u64> {
        let cap = |verdict: &&Verdict| {
            matches!(verdict.rule, Rule::Agt1 | Rule::Agt2)
                && verdict.outcome != Outcome::NotApplicable
        };
        Some(self.verdicts.iter().find(cap)?.left().min(self.limits_leave))
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}
