//! The fee table of these histories (AMT-4).

use crate::counters::Operation;
use crate::step::{Message, What};
use crate::world::{ACCOUNTS, CARDS, Place, TERMINALS};

/// Amounts are tyiyn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// Hundredths of a percent.
    percent: u64,
    fixed: u64,
    min: u64,
    max: u64,
}

const FREE: Fee = Fee { percent: 0, fixed: 0, min: 0, max: u64::MAX };
const ATM: Fee = Fee { percent: 100, min: 1_000, max: 10_000, ..FREE };
const AGENT: Fee = Fee { percent: 35, fixed: 200, ..FREE };
/// Purchases on accounts of the product with a minimum balance.
const PURCHASE: Fee = Fee { percent: 50, fixed: 100, ..FREE };
/// An inquiry at a cash machine.
const INQUIRY: Fee = Fee { fixed: 500, ..FREE };

/// A new PIN, wherever it can be had (PIN-4).
const NEW_PIN: Fee = Fee { fixed: 1_500, ..FREE };

/// The same for `rules.toml`.
pub const TABLE: &str = r#"
[[fee]]
id = "atm"
operation = "atm_cash"
percent = "1.00"
min = "10.00"
max = "100.00"
[[fee]]
id = "agent"
operation = "agent_cash"
percent = "0.35"
fixed = "2.00"
[[fee]]
id = "purchase"
operation = "purchase"
product = "minimum"
percent = "0.5"
fixed = "1.00"
[[fee]]
id = "inquiry"
operation = "balance_inquiry"
channel = "atm"
fixed = "5.00"
[[fee]]
id = "new-pin"
operation = "pin_change"
fixed = "15.00"
"#;

impl Fee {
    /// The percentage rounded half to even, the fixed part besides, within the least and the most;
    /// of nothing there is none.
    pub fn of(&self, amount: u64) -> u64 {
        if amount == 0 {
            return 0;
        }
        let exact = u128::from(amount) * u128::from(self.percent);
        let (low, rest) = (exact / 10_000, exact % 10_000);
        let up = rest > 5_000 || (rest == 5_000 && low % 2 == 1);
        let share = (low + u128::from(up)) as u64;
        (share + self.fixed).max(self.min).min(self.max)
    }

    /// TXN-4: what an increment adds: the percentage of its own amount.
    pub fn share(self) -> Self {
        Self { fixed: 0, min: 0, ..self }
    }

    /// What is charged where there is no amount.
    pub fn flat(&self) -> u64 {
        self.fixed
    }
}

/// What is charged for a message that does this; an inquiry has no operation.
pub fn fee_for(operation: Option<Operation>, message: &Message) -> Option<Fee> {
    let product = CARDS.get(message.card).map(|card| ACCOUNTS[card.account].product);
    match operation {
        None if matches!(message.what, What::PinChange(_)) => Some(NEW_PIN),
        None if TERMINALS[message.terminal].place == Place::Atm => Some(INQUIRY),
        Some(Operation::Atm) => Some(ATM),
        Some(Operation::Agent) => Some(AGENT),
        Some(Operation::Purchase) if product == Some(1) => Some(PURCHASE),
        _ => None,
    }
}

/// An amount with its fee.
pub fn cost(fee: Option<Fee>, amount: u64) -> i128 {
    i128::from(amount) + i128::from(fee.map_or(0, |fee| fee.of(amount)))
}
