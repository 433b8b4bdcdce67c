//! Taking in a portfolio: ids become positions, opening balances come by transfers.

use crate::AtcWindow;
use crate::card::{Blocks, Card, PinReferenceBytes};
use crate::command::{AccountItem, CardItem, PortfolioItem, ProductItem, TerminalItem};
use crate::directory::{Customer, Merchant, Product, Terminal};
use crate::{SealedPanBytes, State};
use compact_str::CompactString;
use ledger::{Account, AccountSlot, GeneralAccount, MOST_AT_ONCE, OverdraftCause, Party, Transfer};
use payment_types::{Balance, DeviceCategory};
use thiserror::Error;

/// A record that can't be taken in, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct ImportError {
    /// Its place among the records given, from 0.
    pub index: usize,
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// How the message of a record that was imported before ends.
const THERE: &str = "is there already";

impl ImportError {
    /// What there is already, where nothing else is wrong with the record.
    #[must_use]
    pub fn there_already(&self) -> Option<&str> {
        self.message.strip_suffix(THERE).map(str::trim_end)
    }
}

type Refused = (&'static str, String);

impl State {
    /// Takes in records, one after the other, until one is refused. Call it on a state that is
    /// thrown away if it fails: what came before the refused record has been taken in.
    ///
    /// # Errors
    /// The first record refused.
    pub fn import_items(&mut self, items: &[PortfolioItem]) -> Result<u64, ImportError> {
        for (index, item) in items.iter().enumerate() {
            self.import_item(item).map_err(|(field, message)| ImportError {
                index,
                field,
                message,
            })?;
        }
        Ok(u64::try_from(items.len()).unwrap_or(u64::MAX))
    }

    fn import_item(&mut self, item: &PortfolioItem) -> Result<(), Refused> {
        match item {
            PortfolioItem::Product(item) => self.import_product(item),
            PortfolioItem::Customer { id, tier, details } => {
                let tier = self.tier(tier);
                let row = Customer { tier, details: details.clone() };
                taken(self.directory.customers.add(id, row), id)
            }
            PortfolioItem::Account(item) => self.import_account(item),
            PortfolioItem::Card(item) => self.import_card(item),
            PortfolioItem::Agent { id, name } => {
                taken(self.directory.agents.add(id, name.clone()), id)
            }
            PortfolioItem::Merchant { id, name, mcc, country } => {
                let country = limits::country_numeric(country).ok_or_else(|| {
                    ("country", format!("{country} is no country of ISO 3166, such as KG"))
                })?;
                let row = Merchant { name: name.clone(), mcc: *mcc, country };
                taken(self.directory.merchants.add(id, row), id)
            }
            PortfolioItem::Terminal(item) => self.import_terminal(item),
        }
    }

    fn tier(&mut self, name: &CompactString) -> u32 {
        let tiers = &mut self.directory.tiers;
        tiers.find(name).or_else(|| tiers.add(name)).unwrap_or_default()
    }

    fn import_product(&mut self, item: &ProductItem) -> Result<(), Refused> {
        let row = Product {
            currency: item.currency,
            minimum_balance: item.minimum_balance,
            contactless: item.contactless,
            partial_approval: item.partial_approval,
            pin_tries: item.pin_tries,
            hold_days: item.hold_days,
            security: item.security.clone(),
        };
        taken(self.directory.products.add(&item.id, row), &item.id)
    }

    fn import_account(&mut self, item: &AccountItem) -> Result<(), Refused> {
        let directory = &self.directory;
        let customer_position =
            known(directory.customer_position(&item.customer), "customer", &item.customer)?;
        let position = known(directory.product_position(&item.product), "product", &item.product)?;
        let minimum = directory.product(position).map_or(0, |product| product.minimum_balance);
        if directory.product(position).is_some_and(|product| product.currency != item.currency) {
            return Err(("currency", format!("product {} is in another currency", item.product)));
        }
        let most = Balance::try_from(MOST_AT_ONCE).unwrap_or(Balance::MAX);
        for (field, amount) in [
            ("balance", item.balance.saturating_abs()),
            ("overdraft_limit", item.overdraft_limit),
            ("minimum_balance", minimum),
        ] {
            if !(0..=most).contains(&amount) {
                let message = format!("is above {most} minor units, the most that is taken");
                return Err((field, message));
            }
        }
        let mut account = Account::new(customer_position, position, item.currency, minimum);
        account.last_operation = self.moment.business_date();
        account.overdraft_limit = item.overdraft_limit;
        if let Some(from) = item.overdraft_from {
            account.overdraft_from = from;
        }
        if let Some(until) = item.overdraft_until {
            account.overdraft_until = until;
        }
        let slot = self.directory.accounts.add(&item.id);
        taken(slot, &item.id)?;
        let slot = self.ledger.open_account(account);
        self.accounts_of.add(customer_position);
        let (customer, opening) = (Party::Customer(slot), Party::General(GeneralAccount::Opening));
        let (debit, credit) =
            if item.balance >= 0 { (opening, customer) } else { (customer, opening) };
        let amount = item.balance.unsigned_abs();
        let transfer = Transfer { debit, credit, amount, currency: item.currency };
        if !self.ledger.fits([transfer].iter()) {
            return Err(("balance", "all balances together would not fit".to_owned()));
        }
        self.ledger.post(&transfer).map_err(|fault| ("balance", fault.to_string()))?;
        self.note_account(slot, self.moment, OverdraftCause::Opening);
        Ok(())
    }

    fn import_card(&mut self, item: &CardItem) -> Result<(), Refused> {
        let directory = &self.directory;
        let account = known(directory.account_position(&item.account), "account", &item.account)?;
        let holder = known(directory.customer_position(&item.holder), "holder", &item.holder)?;
        let supplementary_of = match &item.supplementary_of {
            Some(id) => Some(known(directory.card_position(id), "supplementary_of", id)?),
            None => None,
        };
        if self.card_by_digest(&item.digest).is_some() {
            return Err(("pan", format!("card number {} {THERE}", item.masked)));
        }
        let pin_reference = PinReferenceBytes::try_from(item.pin_reference.as_slice())
            .map_err(|_| ("pin", "the PIN reference is too long".to_owned()))?;
        let sealed_pan = SealedPanBytes::try_from(item.sealed_pan.as_slice())
            .map_err(|_| ("pan", "the sealed card number is too long".to_owned()))?;
        let mut blocks = Blocks::NONE;
        item.blocks.iter().for_each(|reason| blocks.set(*reason));
        taken(self.directory.cards.add(&item.id), &item.id)?;
        let slot = self.cards.push(Card {
            digest: item.digest,
            sealed_pan,
            masked: item.masked,
            leading: item.leading,
            account: AccountSlot(account),
            holder,
            expiry: item.expiry,
            sequence: item.sequence,
            service_code: item.service_code,
            blocks,
            ecommerce: item.security.ecommerce,
            moto: item.security.moto,
            pin_tries: 0,
            pin_tries_end: None,
            atc: AtcWindow::default(),
            pin_reference,
            supplementary_of,
            policy_block: false,
            applied_on: item.applied_on.unwrap_or(self.moment.business_date()),
            loss_reported_at: None,
            exempt_until: None,
        });
        self.cards_of.add(account);
        self.card_index.insert(item.digest.index_hash(), slot);
        if !item.security.keys.is_empty() {
            self.card_keys.insert(slot, item.security.keys.clone());
        }
        if !item.limits.is_empty() {
            self.set_card_limits(slot, &item.limits);
            self.card_limits.push((slot, item.limits.clone()));
        }
        Ok(())
    }

    fn import_terminal(&mut self, item: &TerminalItem) -> Result<(), Refused> {
        let directory = &self.directory;
        let merchant = match &item.merchant {
            Some(id) => Some(known(directory.merchant_position(id), "merchant", id)?),
            None => None,
        };
        let agent = match &item.agent {
            Some(id) => Some(known(directory.agent_position(id), "agent", id)?),
            None => None,
        };
        if item.category == DeviceCategory::Agent && agent.is_none() {
            return Err(("agent", "a device of category agent names its agent".to_owned()));
        }
        if item.denominations.contains(&0) {
            return Err(("denominations", "a note is worth more than nothing".to_owned()));
        }
        let id = CompactString::from(item.id.as_str());
        let row = Terminal {
            id: item.id,
            category: item.category,
            merchant,
            agent,
            listener: item.listener.clone(),
            on_us: item.on_us,
            denominations: item.denominations.clone(),
            keys: item.keys.clone(),
            former_keys: Vec::new(),
            security: item.security,
            partial_approval: item.partial_approval,
            balance_on_decline: item.balance_on_decline,
        };
        taken(self.directory.terminals.add(&id, row), &id)
    }
}

fn known(position: Option<u32>, field: &'static str, id: &str) -> Result<u32, Refused> {
    position.ok_or_else(|| (field, format!("there is no {field} {id} before this record")))
}

fn taken(position: Option<u32>, id: &str) -> Result<(), Refused> {
    position.map(|_| ()).ok_or_else(|| ("id", format!("{id} {THERE}")))
}
