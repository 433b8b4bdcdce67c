//! Why: every rule looked at for a decision, with what it looked at and its verdict (TXN-8).

use serde::{Deserialize, Serialize};

/// A rule of the rule book, by its id.
macro_rules! rules {
    ($($variant:ident $id:literal;)+) => {
        /// The rules a trace can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum RuleId {
            $(#[doc = $id] $variant,)+
        }

        impl RuleId {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The id in the rule book.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }
        }
    };
}

rules! {
    Ctl1 "CTL-1"; Ctl2 "CTL-2"; Ctl3 "CTL-3"; Ctl4 "CTL-4"; Ctl5 "CTL-5"; Ctl6 "CTL-6"; Ctl7 "CTL-7";
    Agt1 "AGT-1"; Agt2 "AGT-2"; Agt4 "AGT-4"; Agt5 "AGT-5"; Agt7 "AGT-7";
    Bal1 "BAL-1"; Bal2 "BAL-2"; Bal3 "BAL-3"; Bal4 "BAL-4"; Bal5 "BAL-5"; Bal6 "BAL-6";
    Tod1 "TOD-1"; Tod2 "TOD-2"; Tod3 "TOD-3"; Tod4 "TOD-4"; Tod5 "TOD-5"; Tod6 "TOD-6"; Tod7 "TOD-7";
    Blk1 "BLK-1"; Blk2 "BLK-2"; Blk4 "BLK-4"; Blk5 "BLK-5"; Blk6 "BLK-6"; Blk7 "BLK-7"; Blk8 "BLK-8";
    Sec1 "SEC-1"; Sec2 "SEC-2"; Sec3 "SEC-3"; Sec4 "SEC-4"; Sec5 "SEC-5";
    Pin1 "PIN-1"; Pin2 "PIN-2"; Pin3 "PIN-3"; Pin4 "PIN-4";
    Lim1 "LIM-1"; Lim3 "LIM-3"; Lim4 "LIM-4"; Lim6 "LIM-6";
    Amt1 "AMT-1"; Amt2 "AMT-2"; Amt3 "AMT-3"; Amt4 "AMT-4"; Amt5 "AMT-5"; Amt6 "AMT-6";
    Net1 "NET-1"; Net3 "NET-3";
    Txn1 "TXN-1"; Txn2 "TXN-2"; Txn3 "TXN-3"; Txn4 "TXN-4"; Txn5 "TXN-5";
    Txn6 "TXN-6"; Txn7 "TXN-7"; Txn8 "TXN-8";
}

/// What a rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does not apply here.
    NotApplicable,
    /// It lets the transaction pass.
    Pass,
    /// It declines.
    Decline,
    /// It asks for the PIN (CTL-3).
    AskPin,
    /// It does not judge; it changed or noted something.
    Note,
}

/// One rule looked at. The meaning of the three numbers depends on the rule: for caps and limits
/// what was asked, what was used before, and the ceiling; for BAL-1 the amount, what was available,
/// and 0; for AMT-1 the amount, what is handed out, and 0. Minor units or counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// Which rule.
    pub rule: RuleId,
    /// What it said.
    pub verdict: Verdict,
    /// Which limit of the rule set, for LIM-1: its position in the rule set of that moment.
    pub limit: Option<u16>,
    /// What was asked.
    pub asked: i64,
    /// What was used, or there was.
    pub used: i64,
    /// The ceiling.
    pub ceiling: i64,
}

impl TraceEntry {
    /// An entry without numbers.
    #[must_use]
    pub const fn plain(rule: RuleId, verdict: Verdict) -> Self {
        Self { rule, verdict, limit: None, asked: 0, used: 0, ceiling: 0 }
    }

    /// An entry with numbers.
    #[must_use]
    pub const fn numbers(
        rule: RuleId,
        verdict: Verdict,
        asked: i64,
        used: i64,
        ceiling: i64,
    ) -> Self {
        Self { rule, verdict, limit: None, asked, used, ceiling }
    }
}
