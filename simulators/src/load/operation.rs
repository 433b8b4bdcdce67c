//! What a load is mixed of.

use crate::SimError;
use payment_types::DeviceCategory;
use std::fmt;

/// One kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A purchase with chip and PIN.
    Purchase,
    /// A contactless purchase without PIN.
    Tap,
    /// A preauthorization with chip and PIN.
    Preauth,
    /// A refund.
    Refund,
    /// Cash at an ATM, agent or branch, with PIN.
    Cash,
    /// Cash paid in at an agent or branch.
    CashIn,
    /// A balance inquiry with PIN.
    Balance,
    /// Cash at an agent for cards that are near their cap (AGT): some are told there is no more.
    NearCap,
    /// A purchase with a wrong PIN. From here on only with an oracle, which remembers what was.
    WrongPin,
    /// A purchase with a chip that has not the issuer's keys.
    ClonedChip,
    /// A preauthorization is completed, perhaps with less.
    Completion,
    /// Something approved is taken back, wholly or in part.
    Reversal,
    /// A message is sent again.
    Repeat,
    /// A message is sent again with another amount.
    Changed,
    /// A network echo, 0800 with DE 70 301.
    Echo,
}

/// How an operation looks on the wire.
pub(crate) struct Shape {
    pub(crate) mti: &'static str,
    pub(crate) processing_code: Option<&'static str>,
    pub(crate) entry_mode: Option<&'static str>,
    pub(crate) with_pin: bool,
    pub(crate) with_amount: bool,
}

impl Shape {
    /// Whether a chip takes part, in contact or without.
    pub(crate) fn reads_chip(&self) -> bool {
        self.entry_mode.is_some_and(crate::intent::is_chip)
    }
}

impl Operation {
    /// All there are.
    pub const ALL: [Self; 15] = [
        Self::Purchase,
        Self::Tap,
        Self::Preauth,
        Self::Refund,
        Self::Cash,
        Self::CashIn,
        Self::Balance,
        Self::NearCap,
        Self::WrongPin,
        Self::ClonedChip,
        Self::Completion,
        Self::Reversal,
        Self::Repeat,
        Self::Changed,
        Self::Echo,
    ];

    /// The name in a mix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Tap => "tap",
            Self::Preauth => "preauth",
            Self::Refund => "refund",
            Self::Cash => "cash",
            Self::CashIn => "cash-in",
            Self::Balance => "balance",
            Self::NearCap => "near-cap",
            Self::WrongPin => "wrong-pin",
            Self::ClonedChip => "cloned-chip",
            Self::Completion => "completion",
            Self::Reversal => "reversal",
            Self::Repeat => "repeat",
            Self::Changed => "changed",
            Self::Echo => "echo",
        }
    }

    pub(crate) const fn shape(self) -> Shape {
        let (mti, code, entry, with_pin) = match self {
            Self::Purchase | Self::WrongPin | Self::ClonedChip => ("0200", "000000", "051", true),
            Self::Completion => ("0220", "000000", "051", false),
            Self::Reversal => ("0420", "000000", "051", false),
            Self::Repeat | Self::Changed => ("0201", "000000", "051", false),
            Self::Tap => ("0200", "000000", "071", false),
            Self::Preauth => ("0100", "000000", "051", true),
            Self::Refund => ("0200", "200000", "051", false),
            Self::Cash | Self::NearCap => ("0200", "010000", "051", true),
            Self::CashIn => ("0200", "210000", "051", true),
            Self::Balance => ("0200", "310000", "051", true),
            Self::Echo => {
                return Shape {
                    mti: "0800",
                    processing_code: None,
                    entry_mode: None,
                    with_pin: false,
                    with_amount: false,
                };
            }
        };
        Shape {
            mti,
            processing_code: Some(code),
            entry_mode: Some(entry),
            with_pin,
            with_amount: true,
        }
    }

    /// Whether it is about something that was before, so that only an oracle can send it.
    #[must_use]
    pub const fn needs_memory(self) -> bool {
        matches!(
            self,
            Self::WrongPin
                | Self::ClonedChip
                | Self::Completion
                | Self::Reversal
                | Self::Repeat
                | Self::Changed
        )
    }

    /// Whether a device of that category does such a thing.
    #[must_use]
    pub const fn is_done_at(self, category: DeviceCategory) -> bool {
        use DeviceCategory as At;
        match self {
            Self::Purchase
            | Self::Tap
            | Self::Preauth
            | Self::Refund
            | Self::WrongPin
            | Self::ClonedChip => {
                matches!(category, At::Merchant)
            }
            Self::Cash => matches!(category, At::Atm | At::Agent | At::Branch),
            Self::NearCap => matches!(category, At::Agent),
            Self::CashIn => matches!(category, At::Agent | At::Branch),
            Self::Completion | Self::Reversal | Self::Repeat | Self::Changed => true,
            Self::Balance | Self::Echo => !matches!(category, At::Ecommerce),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Operations with their shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Operation, u32)>);

impl Mix {
    /// What is sent where nothing is said.
    #[must_use]
    pub fn plain() -> Self {
        Self(vec![(Operation::Purchase, 70), (Operation::Tap, 30)])
    }

    /// The same where an oracle judges: some of everything.
    #[must_use]
    pub fn judged() -> Self {
        Self(vec![
            (Operation::Purchase, 36),
            (Operation::Tap, 18),
            (Operation::Preauth, 6),
            (Operation::Completion, 4),
            (Operation::Refund, 5),
            (Operation::CashIn, 2),
            (Operation::NearCap, 6),
            (Operation::Balance, 6),
            (Operation::Reversal, 7),
            (Operation::Repeat, 4),
            (Operation::Changed, 2),
            (Operation::WrongPin, 3),
            (Operation::Echo, 1),
        ])
    }

    /// The same where chips sign.
    #[must_use]
    pub fn judged_with_chips() -> Self {
        let mut mix = Self::judged();
        mix.0.push((Operation::ClonedChip, 2));
        mix
    }

    /// The operations and their shares, none of which is 0.
    #[must_use]
    pub fn shares(&self) -> &[(Operation, u32)] {
        &self.0
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = self.0.iter().map(|(operation, share)| format!("{operation}={share}"));
        f.write_str(&shares.collect::<Vec<_>>().join(","))
    }
}

impl std::str::FromStr for Mix {
    type Err = SimError;

    /// Reads `purchase=70,cash=10,balance=20`; a name alone has share 1.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let mut shares = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (name, share) = part.split_once('=').unwrap_or((part, "1"));
            let known = || Operation::ALL.map(Operation::name).join(", ");
            let operation = Operation::ALL.into_iter().find(|operation| operation.name() == name);
            let operation = operation.ok_or_else(|| {
                SimError::Setting(format!("mix: no {name:?}; there are {}", known()))
            })?;
            let share: u32 = share.parse().map_err(|_| {
                SimError::Setting(format!("mix: the share of {name} is not a whole number"))
            })?;
            if shares.iter().any(|(other, _)| *other == operation) {
                return Err(SimError::Setting(format!("mix: {name} twice")));
            }
            if share > 0 {
                shares.push((operation, share));
            }
        }
        if shares.is_empty() {
            return Err(SimError::Setting("mix: every share is 0".to_owned()));
        }
        Ok(Self(shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_strictly() {
        let mix: Mix = "purchase=70, cash=10,echo".parse().unwrap();
        assert_eq!(
            mix.shares(),
            [(Operation::Purchase, 70), (Operation::Cash, 10), (Operation::Echo, 1)]
        );
        for (bad, why) in [
            ("purchases=1", "there are purchase"),
            ("cash=1,cash=2", "twice"),
            ("cash=much", "whole number"),
            ("cash=0", "every share"),
            ("", "no \"\""),
        ] {
            let error = bad.parse::<Mix>().unwrap_err().to_string();
            assert!(error.contains(why), "{bad:?} gave {error}");
        }
    }
}
