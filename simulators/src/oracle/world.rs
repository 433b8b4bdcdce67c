//! Who there is and what they have, as the oracle believes it.
//!
//! Cards, accounts and customers that touch each other are a *household*. Only one lane speaks for
//! a household, so that what it asks is answered in an order the lane knows.

use super::rules::What;
use crate::SimError;
use crate::gear::Seals;
use crate::intent::{Fields, Trace};
use crate::portfolio::{Card as Plastic, Portfolio, Source};
use payment_types::{BusinessDate, ExpiryDate, Mti, parse_minor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::BufRead;

/// A household and what was done to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Household {
    pub(crate) accounts: Vec<Account>,
    pub(crate) cards: Vec<Card>,
    pub(crate) customers: Vec<Customer>,
    /// Everything approved, with what still counts of it.
    pub(crate) counted: Vec<Counted>,
    /// What can be reversed or completed, newest last.
    pub(crate) standing: Vec<Standing>,
    /// The last message that was answered, for saying it again.
    pub(crate) last: Option<Said>,
    /// Several messages may be on their way at once.
    pub(crate) is_hot: bool,
    /// Of how many messages the outcome is not known yet.
    pub(crate) open: usize,
    /// It never became known what a message did.
    pub(crate) is_lost: bool,
}

/// An account in minor units.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) id: Box<str>,
    pub(crate) balance: i64,
    pub(crate) holds: i64,
    pub(crate) minimum: i64,
    pub(crate) overdraft: i64,
    /// The product's cards may be tapped.
    pub(crate) contactless: bool,
}

impl Account {
    /// BAL-1's formula.
    pub(crate) const fn available(&self) -> i64 {
        self.balance - self.holds - self.minimum + self.overdraft
    }
}

/// A card.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) plastic: Plastic,
    pub(crate) account: usize,
    pub(crate) customer: usize,
    /// What any debit is answered with, where the card is not in order (BLK-2).
    pub(crate) obstacle: Option<&'static str>,
    /// Wrong PINs in a row; three block it.
    pub(crate) tries: u8,
}

/// A customer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Customer {
    pub(crate) id: Box<str>,
    pub(crate) tier: Box<str>,
    /// How long `counted` was at the last right PIN (CTL-2).
    pub(crate) pin_at: usize,
}

/// Something approved that counts.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) card: usize,
    pub(crate) terminal: usize,
    pub(crate) what: What,
    pub(crate) without_pin: bool,
    pub(crate) amount: u64,
}

/// Something approved that can be undone.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) mti: Mti,
    pub(crate) trace: Trace,
    pub(crate) card: usize,
    pub(crate) terminal: usize,
    pub(crate) processing_code: &'static str,
    pub(crate) amount: u64,
    pub(crate) is_hold: bool,
    pub(crate) auth_code: Option<String>,
    pub(crate) counted: usize,
}

/// A message and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) mti: Mti,
    pub(crate) fields: Fields,
    pub(crate) seals: Seals,
    pub(crate) card: usize,
    pub(crate) reply: Reply,
}

/// What of an answer the oracle looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reply {
    pub(crate) code: String,
    pub(crate) auth_code: Option<String>,
    pub(crate) amounts: Option<String>,
    /// What is for the chip.
    pub(crate) chip: Option<String>,
}

/// The households of a portfolio, and how many cards were left out.
pub(crate) struct Town {
    pub(crate) households: Vec<Household>,
    pub(crate) left_out: usize,
}

/// What a line may say for the oracle to understand it.
const KNOWN: [(&str, &[&str]); 4] = [
    (
        "product",
        &["type", "id", "currency", "minimum_balance", "contactless", "name", "keys", "chip"],
    ),
    ("customer", &["type", "id", "tier", "name", "phone"]),
    ("account", &["type", "id", "customer", "product", "currency", "balance", "overdraft_limit"]),
    (
        "card",
        &[
            "type",
            "id",
            "account",
            "holder",
            "pan",
            "expiry",
            "sequence",
            "service_code",
            "status",
            "test_pin",
            "blocks",
        ],
    ),
];

#[derive(Default)]
struct Product {
    minimum: i64,
    contactless: bool,
}

/// What the file says beyond what a terminal needs to know.
#[derive(Default)]
struct Register {
    products: BTreeMap<String, Product>,
    tiers: BTreeMap<String, Box<str>>,
    accounts: BTreeMap<String, Account>,
    /// Cards the oracle understands.
    cards: Vec<String>,
    cards_seen: usize,
    /// Every message of a chip that is read has a cryptogram.
    chips_sign: bool,
}

impl Town {
    /// Reads the households of a portfolio.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Portfolio`].
    pub(crate) fn read(
        source: &Source,
        portfolio: &Portfolio,
        today: BusinessDate,
        chips_sign: bool,
    ) -> Result<Self, SimError> {
        let path = source.path();
        let mut register = Register { chips_sign, ..Register::default() };
        for (number, line) in source.open()?.lines().enumerate() {
            let line = line.map_err(SimError::file(path))?;
            let wrong =
                |cause| SimError::Portfolio { path: path.to_owned(), line: number + 1, cause };
            if let Ok(Value::Object(object)) = serde_json::from_str(&line) {
                register.take(&object).map_err(wrong)?;
            }
        }
        let mut households: Vec<Household> = Vec::new();
        let (mut by_account, mut by_customer) = (BTreeMap::new(), BTreeMap::new());
        let mut left_out = register.cards_seen - register.cards.len();
        for id in &register.cards {
            let Some(plastic) = portfolio.cards.get(id.as_str()) else { continue };
            let Some(account) = register.accounts.get(&*plastic.account) else {
                left_out += 1;
                continue;
            };
            let homes = [by_account.get(&plastic.account), by_customer.get(&plastic.holder)];
            let homes: Vec<usize> = homes.into_iter().flatten().copied().collect();
            let home = match homes.as_slice() {
                [] => {
                    households.push(Household::default());
                    households.len() - 1
                }
                [one] => *one,
                [one, other, ..] if one == other => *one,
                // Two households that turn out to be one: its card is left out instead.
                _ => {
                    left_out += 1;
                    continue;
                }
            };
            by_account.insert(plastic.account.clone(), home);
            by_customer.insert(plastic.holder.clone(), home);
            if let Some(household) = households.get_mut(home) {
                let tier = register.tiers.get(&*plastic.holder).cloned().unwrap_or_default();
                household.admit(plastic, account, tier, today);
            }
        }
        Ok(Self { households, left_out })
    }
}

impl Register {
    fn take(&mut self, object: &Map<String, Value>) -> Result<(), String> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        let Some((_, keys)) = KNOWN.iter().find(|(known, _)| *known == kind) else { return Ok(()) };
        if kind == "card" {
            self.cards_seen += 1;
        }
        // One with more to it is none the oracle can speak for.
        let is_odd = object.keys().any(|key| !keys.contains(&key.as_str()));
        // Where not all messages have chip data, a product must not insist on it.
        let wish = object.get("chip").map(|chip| chip.get("cryptogram"));
        let needs_chip = wish.is_some_and(|wish| wish.is_none_or(|wish| wish != "if-present"));
        let is_foreign = object.get("currency").is_some_and(|currency| currency != "KGS");
        if is_odd || is_foreign || (needs_chip && !self.chips_sign) {
            return Ok(());
        }
        let money = |key: &str| {
            let text = object.get(key).and_then(Value::as_str).unwrap_or("0");
            parse_minor(text, 2).map_err(|error| format!("{key}: {error}"))
        };
        let id = text("id").to_owned();
        match kind {
            "product" => {
                let contactless = object.get("contactless").and_then(Value::as_bool);
                let contactless = contactless.unwrap_or(false);
                self.products
                    .insert(id, Product { minimum: money("minimum_balance")?, contactless });
            }
            "customer" => {
                self.tiers.insert(id, text("tier").into());
            }
            "account" => {
                let Some(product) = self.products.get(text("product")) else { return Ok(()) };
                let account = Account {
                    id: id.as_str().into(),
                    balance: money("balance")?,
                    holds: 0,
                    minimum: product.minimum,
                    overdraft: money("overdraft_limit")?,
                    contactless: product.contactless,
                };
                self.accounts.insert(id, account);
            }
            _ => self.cards.push(id),
        }
        Ok(())
    }
}

impl Household {
    fn admit(&mut self, plastic: &Plastic, account: &Account, tier: Box<str>, today: BusinessDate) {
        let at = self.accounts.iter().position(|known| known.id == account.id);
        let account = at.unwrap_or_else(|| {
            self.accounts.push(account.clone());
            self.accounts.len() - 1
        });
        let at = self.customers.iter().position(|known| known.id == plastic.holder);
        let customer = at.unwrap_or_else(|| {
            self.customers.push(Customer { id: plastic.holder.clone(), tier, pin_at: 0 });
            self.customers.len() - 1
        });
        let obstacle = obstacle(plastic, today);
        let plastic = plastic.clone();
        self.cards.push(Card { plastic, account, customer, obstacle, tries: 0 });
    }

    pub(crate) fn account_of(&self, card: usize) -> Option<&Account> {
        self.accounts.get(self.cards.get(card)?.account)
    }

    pub(crate) fn account_of_mut(&mut self, card: usize) -> Option<&mut Account> {
        self.accounts.get_mut(self.cards.get(card)?.account)
    }
}

/// The most severe reason for which a card is not in order (BLK-2).
fn obstacle(card: &Plastic, today: BusinessDate) -> Option<&'static str> {
    const ORDER: [(&str, &str); 9] = [
        ("stolen", "43"),
        ("lost", "41"),
        ("stop_list", "04"),
        ("suspected_fraud", "59"),
        ("closed", "14"),
        ("expired", "54"),
        ("pin_tries", "75"),
        ("technical_overdraft", "62"),
        ("", "62"),
    ];
    let is_past =
        ExpiryDate::from_number(card.expiry).is_none_or(|expiry| expiry.is_past_on(today));
    let status = Some(&card.status).filter(|status| &***status != "active");
    let mut reasons: Vec<&str> = card.blocks.iter().chain(status).map(|reason| &**reason).collect();
    if is_past {
        reasons.push("expired");
    }
    if reasons.is_empty() {
        return None;
    }
    let found = ORDER.iter().find(|(reason, _)| reasons.contains(reason));
    Some(found.map_or("62", |(_, code)| code))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;

    pub(crate) const PORTFOLIO: &str = concat!(
        r#"{"type":"product","id":"p","currency":"KGS","minimum_balance":"100.00","contactless":true}"#,
        "\n",
        r#"{"type":"product","id":"odd","currency":"KGS","pin_tries":5}"#,
        "\n",
        r#"{"type":"customer","id":"C1","tier":"low"}"#,
        "\n",
        r#"{"type":"account","id":"A1","customer":"C1","product":"p","currency":"KGS","balance":"20000.00"}"#,
        "\n",
        r#"{"type":"account","id":"A2","customer":"C1","product":"odd","currency":"KGS","balance":"1.00"}"#,
        "\n",
        r#"{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"9417000000000016","expiry":"2912","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"card","id":"K2","account":"A1","holder":"C2","pan":"9417000000000024","expiry":"2912","test_pin":"1234","blocks":["holder_request","lost"]}"#,
        "\n",
        r#"{"type":"card","id":"K3","account":"A2","holder":"C1","pan":"9417000000000032","expiry":"2912","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"card","id":"K4","account":"A1","holder":"C1","pan":"9417000000000040","expiry":"2610","test_pin":"1234"}"#,
        "\n",
        r#"{"type":"agent","id":"G1","name":"x"}"#,
        "\n",
        r#"{"type":"merchant","id":"M1","name":"x","mcc":"5411","country":"KG"}"#,
        "\n",
        r#"{"type":"terminal","id":"AGT00001","category":"agent","agent":"G1","listener":"pos","keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#,
        "\n",
        r#"{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M1","listener":"pos","keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#,
        "\n",
    );

    pub(crate) fn town() -> (Town, Portfolio) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(PORTFOLIO.as_bytes()).unwrap();
        let portfolio = Portfolio::read(file.path()).unwrap();
        let today = BusinessDate::parse("2026-11-23").unwrap();
        (Town::read(&file.path().into(), &portfolio, today, false).unwrap(), portfolio)
    }

    #[test]
    fn a_product_may_have_chip_keys_but_not_insist_on_cryptograms() {
        for (chip, cards) in [(r#"{"cryptogram":"if-present"}"#, 4), (r#"{"derivation":"A"}"#, 3)] {
            let chip = format!(r#""keys":{{}},"chip":{chip}"#);
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write!(file, "{}", PORTFOLIO.replace(r#""pin_tries":5"#, &chip)).unwrap();
            let portfolio = Portfolio::read(file.path()).unwrap();
            let today = BusinessDate::parse("2026-11-23").unwrap();
            let town = Town::read(&file.path().into(), &portfolio, today, false).unwrap();
            let found: usize = town.households.iter().map(|home| home.cards.len()).sum();
            assert_eq!(found, cards, "{chip}");
        }
    }

    #[test]
    fn those_who_touch_each_other_are_one_household() {
        let (town, _) = town();
        assert_eq!((town.households.len(), town.left_out), (1, 1), "a product too odd is left out");
        let home = &town.households[0];
        assert_eq!((home.cards.len(), home.accounts.len(), home.customers.len()), (3, 1, 2));
        assert_eq!(home.accounts[0].available(), 1_990_000);
        let obstacles: Vec<_> = home.cards.iter().map(|card| card.obstacle).collect();
        assert_eq!(obstacles, [None, Some("41"), Some("54")]);
    }
}
