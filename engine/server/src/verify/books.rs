//! Balances a second time, from the postings of the journal alone.

use authorization::{Command, Done, Outcome, PortfolioItem, Record, State};
use history::BookSums;
use ledger::{AccountSlot, GeneralAccount, Party};
use payment_types::{Balance, Currency};
use std::collections::BTreeMap;

/// Sums of postings.
pub(super) struct Books {
    accounts: Vec<i128>,
    general: BTreeMap<(Currency, GeneralAccount), i128>,
    /// Opening balances of a portfolio whose last part has not come.
    staged: Vec<(Balance, Currency)>,
}

impl Books {
    /// Opening balances.
    pub(super) fn of(state: &State) -> Self {
        let ledger = state.ledger();
        let accounts = ledger.accounts().map(|(_, account)| i128::from(account.balance));
        let general = ledger.general().iter();
        Self {
            accounts: accounts.collect(),
            general: general.map(|(currency, account, sum)| ((currency, account), sum)).collect(),
            staged: Vec::new(),
        }
    }

    pub(super) fn record(&mut self, record: &Record) {
        match (&record.accepted.command, &record.outcome) {
            (Command::Import { part, items, .. }, Outcome::Done(done)) => {
                if *part == 0 {
                    self.staged.clear();
                }
                let opening = items.iter().filter_map(|item| match item {
                    PortfolioItem::Account(account) => Some((account.balance, account.currency)),
                    _ => None,
                });
                self.staged.extend(opening);
                if matches!(done, Done::Imported { .. }) {
                    self.open_accounts();
                }
            }
            (_, outcome) => {
                for transfer in outcome.transfers() {
                    let amount = i128::from(transfer.amount);
                    self.post(transfer.debit, transfer.currency, -amount);
                    self.post(transfer.credit, transfer.currency, amount);
                }
            }
        }
    }

    fn open_accounts(&mut self) {
        for (balance, currency) in std::mem::take(&mut self.staged) {
            let balance = i128::from(balance);
            self.accounts.push(balance);
            self.post(Party::General(GeneralAccount::Opening), currency, -balance);
        }
    }

    fn post(&mut self, party: Party, currency: Currency, amount: i128) {
        match party {
            Party::Customer(slot) => self.post_account(slot, amount),
            Party::General(account) => {
                let sum = self.general.entry((currency, account)).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
    }

    fn post_account(&mut self, slot: AccountSlot, amount: i128) {
        let sum = usize::try_from(slot.0).ok().and_then(|at| self.accounts.get_mut(at));
        if let Some(sum) = sum {
            *sum = sum.saturating_add(amount);
        }
    }

    /// Whether the read model's postings have the same sums, account by account and class by class.
    pub(super) fn equal(&self, sums: &BookSums, state: &State) -> Result<(), String> {
        if let Some(day) = sums.unbalanced {
            return Err(format!("read model: the debits of {day} are not its credits"));
        }
        let (there, summed) = (sums.accounts.len(), self.accounts.len());
        if there != summed {
            return Err(format!("read model: {there} accounts, the journal opened {summed}"));
        }
        for (slot, (theirs, ours)) in (0u32..).zip(sums.accounts.iter().zip(&self.accounts)) {
            if i128::from(*theirs) != *ours {
                let id = state.directory().account_id(slot);
                return Err(format!("read model: account {id} is {theirs}, by the journal {ours}"));
            }
        }
        let mut customers: BTreeMap<Currency, i128> = BTreeMap::new();
        for ((_, account), sum) in state.ledger().accounts().zip(&self.accounts) {
            *customers.entry(account.currency).or_default() += sum;
        }
        for row in &sums.classes {
            let general =
                GeneralAccount::ALL.into_iter().find(|account| account.name() == row.class);
            let ours = match general {
                Some(account) => self.general.get(&(row.currency, account)),
                None => customers.get(&row.currency),
            };
            let ours = ours.copied().unwrap_or_default();
            if i128::from(row.closing) != ours {
                let (class, currency, closing) = (&row.class, row.currency, row.closing);
                return Err(format!(
                    "read model: {class} in {currency} is {closing}, by the journal {ours}"
                ));
            }
        }
        Ok(())
    }

    /// Whether the state's balances are these sums.
    pub(super) fn agree(&self, state: &State) -> Result<(), String> {
        let ledger = state.ledger();
        if ledger.account_count() != self.accounts.len() {
            let (there, summed) = (ledger.account_count(), self.accounts.len());
            return Err(format!("ledger: {there} accounts, the journal opened {summed}"));
        }
        for ((slot, account), sum) in ledger.accounts().zip(&self.accounts) {
            if i128::from(account.balance) != *sum {
                let id = state.directory().account_id(slot.0);
                let balance = account.balance;
                return Err(format!("account {id}: balance {balance}, sum of postings {sum}"));
            }
        }
        for ((currency, account), sum) in &self.general {
            let balance = ledger.general().balance(*currency, *account);
            if balance != *sum {
                let name = account.name();
                return Err(format!(
                    "{name} in {currency}: balance {balance}, sum of postings {sum}"
                ));
            }
        }
        Ok(())
    }
}
