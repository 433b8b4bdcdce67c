//! The bank's own side of every transfer.

use payment_types::Currency;
use serde::{Deserialize, Serialize};

/// An account of the bank's general ledger; there is one for every currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeneralAccount {
    /// Where opening balances of an imported portfolio come from.
    Opening,
    /// Owed to merchants for purchases.
    MerchantSettlement,
    /// Owed to agents for the cash they hand out, or by them for what they take in.
    AgentSettlement,
    /// Owed to payment networks for what was done at other banks' devices.
    NetworkSettlement,
    /// Credited to customers for disputed operations, until it is settled who pays.
    Disputes,
    /// Cash in the bank's ATMs.
    AtmCash,
    /// Cash in the bank's branches.
    BranchCash,
    /// Credits that come in: salary, transfers, cash at the desk.
    IncomingCredits,
    /// What rounding cash to halves of a som leaves with the bank (AMT-1).
    RoundingIncome,
    /// What rounding cash to halves of a som costs the bank (AMT-1).
    RoundingExpense,
    /// Fees taken.
    FeeIncome,
    /// The bank's position in a currency or metal: the other side of what was converted (AMT-3).
    Exchange,
    /// The bank's margin on conversions (AMT-3).
    ExchangeIncome,
    /// Interest on technical overdrafts (TOD-3).
    InterestIncome,
    /// Penalties on overdue service fees (TOD-7).
    PenaltyIncome,
    /// What was left on idle accounts, below 100 KGS (BLK-8).
    IdleIncome,
    /// What was left on idle accounts from 100 KGS on: customers may claim it (BLK-8).
    Unclaimed,
}

impl GeneralAccount {
    /// Every account, in the order of the chart.
    pub const ALL: [Self; 17] = [
        Self::Opening,
        Self::MerchantSettlement,
        Self::AgentSettlement,
        Self::NetworkSettlement,
        Self::Disputes,
        Self::AtmCash,
        Self::BranchCash,
        Self::IncomingCredits,
        Self::RoundingIncome,
        Self::RoundingExpense,
        Self::FeeIncome,
        Self::Exchange,
        Self::ExchangeIncome,
        Self::InterestIncome,
        Self::PenaltyIncome,
        Self::IdleIncome,
        Self::Unclaimed,
    ];

    /// The name used in the API and the read model.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::MerchantSettlement => "merchant_settlement",
            Self::AgentSettlement => "agent_settlement",
            Self::NetworkSettlement => "network_settlement",
            Self::Disputes => "disputes",
            Self::AtmCash => "atm_cash",
            Self::BranchCash => "branch_cash",
            Self::IncomingCredits => "incoming_credits",
            Self::RoundingIncome => "rounding_income",
            Self::RoundingExpense => "rounding_expense",
            Self::FeeIncome => "fee_income",
            Self::Exchange => "exchange",
            Self::ExchangeIncome => "exchange_income",
            Self::InterestIncome => "interest_income",
            Self::PenaltyIncome => "penalty_income",
            Self::IdleIncome => "idle_income",
            Self::Unclaimed => "unclaimed",
        }
    }
}

/// Balances of the bank's own accounts, sorted by currency and account. Few, so a sorted array.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GeneralLedger {
    balances: Vec<((Currency, GeneralAccount), i128)>,
}

impl GeneralLedger {
    /// The balance of an account in a currency, minor units; credits are positive.
    #[must_use]
    pub fn balance(&self, currency: Currency, account: GeneralAccount) -> i128 {
        let at = self.balances.binary_search_by_key(&(currency, account), |row| row.0);
        at.ok().and_then(|at| self.balances.get(at)).map_or(0, |row| row.1)
    }

    /// All balances that were ever moved.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, GeneralAccount, i128)> {
        self.balances.iter().map(|((currency, account), balance)| (*currency, *account, *balance))
    }

    /// Moves a balance by `minor`; `None` if the sum would not fit, and nothing has moved.
    pub(crate) fn add(
        &mut self,
        currency: Currency,
        account: GeneralAccount,
        minor: i128,
    ) -> Option<()> {
        let key = (currency, account);
        let at = match self.balances.binary_search_by_key(&key, |row| row.0) {
            Ok(at) => at,
            Err(at) => {
                self.balances.insert(at, (key, 0));
                at
            }
        };
        let row = self.balances.get_mut(at)?;
        row.1 = row.1.checked_add(minor)?;
        Some(())
    }
}
