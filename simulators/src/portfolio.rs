//! The cards and terminals a simulator plays, from the file the engine imports.
//!
//! Only what a terminal needs to know is kept. The rules of the file are the engine's to check; a
//! key this module does not know is passed over.

use crate::SimError;
use crate::device::SecurityProfile;
use crate::keys::KeySet;
use crate::pin::{KeyRing, PinKey, TypedPin};
use payment_types::{Currency, DeviceCategory, Pan, parse_minor};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The demo's portfolio, as `tamga demo` and the demo's configuration use it.
const DEMO: &str = include_str!("../../deploy/demo/portfolio.jsonl");

/// Where cards and terminals come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The demo's, which this program carries with it, so that it is found wherever one starts it.
    Demo,
}

impl Source {
    /// The file that was named, else the one `TAMGA_PORTFOLIO` names, else the demo's.
    #[must_use]
    pub fn named(file: Option<PathBuf>) -> Self {
        let by_environment = || std::env::var_os("TAMGA_PORTFOLIO").map(PathBuf::from);
        file.or_else(by_environment).map_or(Self::Demo, Self::File)
    }

    pub(crate) fn open(&self) -> Result<Box<dyn BufRead>, SimError> {
        Ok(match self {
            Self::File(path) => {
                let file = File::open(path).map_err(SimError::file(path))?;
                Box::new(BufReader::with_capacity(1 << 18, file))
            }
            Self::Demo => Box::new(DEMO.as_bytes()),
        })
    }

    /// The whole text.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn text(&self) -> Result<String, SimError> {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut self.open()?, &mut text)
            .map_err(SimError::file(self.path()))?;
        Ok(text)
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Demo => Path::new("the demo's portfolio"),
        }
    }
}

impl<P: Into<PathBuf>> From<P> for Source {
    fn from(path: P) -> Self {
        Self::File(path.into())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// A test card: what is embossed on it and what its holder knows.
#[derive(Debug, Clone)]
pub struct Card {
    /// The portfolio's name for it.
    pub id: Box<str>,
    /// The account it spends from.
    pub account: Box<str>,
    /// The person who holds it.
    pub holder: Box<str>,
    /// Its number.
    pub pan: Pan,
    /// YYMM.
    pub expiry: u16,
    /// DE 23.
    pub sequence: u16,
    /// Three digits of track 2.
    pub service_code: Box<str>,
    /// The PIN its holder types, where the file says one.
    pub pin: Option<TypedPin>,
    /// `active`, or the reason it is not.
    pub status: Box<str>,
    /// Why it is blocked from the start, if it is.
    pub blocks: Vec<Box<str>>,
    /// What its issuer put into it.
    pub issue: Arc<Issue>,
}

/// What an issuer puts into the cards of a product, or into one card: keys, and how the chip
/// computes.
#[derive(Debug, Clone, Default)]
pub struct Issue {
    /// The issuer's test keys.
    pub keys: KeySet,
    /// The cryptogram version number of its chips.
    pub cryptogram_version: Option<u8>,
    /// Whether chip keys are derived by EMV's option B.
    pub option_b: bool,
}

/// A terminal as the register knows it.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// DE 41.
    pub id: Box<str>,
    /// What kind of device it is.
    pub category: DeviceCategory,
    /// The name of the listener it connects to.
    pub listener: Box<str>,
    /// DE 42: the merchant or agent it stands at.
    pub acceptor: Option<Box<str>>,
    /// DE 18.
    pub mcc: Option<u16>,
    /// Its PIN key, as test portfolios carry it.
    pub pin_key: Option<PinKey>,
    /// All its keys.
    pub keys: Arc<KeySet>,
    /// How it protects what it sends.
    pub security: SecurityProfile,
    /// Whether it has a chip reader.
    pub reads_chip: bool,
    /// The merchant's or agent's name, as a slip is headed; empty where the file has none.
    pub place: Box<str>,
    /// The notes an ATM hands out, minor units.
    pub denominations: Vec<u64>,
}

/// An account, as far as a simulated customer keeps count of it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its currency.
    pub currency: Currency,
    /// What can be spent at the start: balance and overdraft less minimum balance, minor units.
    pub available: i64,
}

/// Everything of a portfolio a simulator uses, by name.
#[derive(Debug, Clone, Default)]
pub struct Portfolio {
    /// By id.
    pub cards: BTreeMap<Box<str>, Card>,
    /// By DE 41.
    pub terminals: BTreeMap<Box<str>, Terminal>,
    /// By id.
    pub accounts: BTreeMap<Box<str>, Account>,
}

/// One line of the file; which of the optional keys it has depends on its type.
#[derive(Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    account: Option<Cow<'a, str>>,
    holder: Option<Cow<'a, str>>,
    pan: Option<Cow<'a, str>>,
    expiry: Option<Cow<'a, str>>,
    sequence: Option<Cow<'a, str>>,
    service_code: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    test_pin: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    denominations: Vec<Cow<'a, str>>,
    #[serde(default)]
    blocks: Vec<Cow<'a, str>>,
    category: Option<DeviceCategory>,
    listener: Option<Cow<'a, str>>,
    merchant: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
    mcc: Option<Cow<'a, str>>,
    #[serde(default)]
    keys: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    security: Option<SecurityProfile>,
    chip: Option<ChipKey<'a>>,
    product: Option<Cow<'a, str>>,
    currency: Option<Cow<'a, str>>,
    balance: Option<Cow<'a, str>>,
    overdraft_limit: Option<Cow<'a, str>>,
    minimum_balance: Option<Cow<'a, str>>,
}

/// A product says how its chips compute; a terminal, whether it reads chips.
#[derive(Deserialize)]
#[serde(untagged)]
enum ChipKey<'a> {
    Reads(bool),
    #[serde(borrow)]
    Issue(ChipLine<'a>),
}

#[derive(Deserialize)]
struct ChipLine<'a> {
    cryptogram_version: Option<u8>,
    derivation: Option<Cow<'a, str>>,
}

impl Portfolio {
    /// Reads a whole portfolio.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Portfolio`] with the line that is wrong.
    pub fn read(source: impl Into<Source>) -> Result<Self, SimError> {
        let mut reading = Reading::default();
        read_lines(&source.into(), |line| reading.take(line))?;
        Ok(reading.portfolio)
    }

    /// The card of that name.
    ///
    /// # Errors
    /// [`SimError::Unknown`].
    pub fn card(&self, id: &str) -> Result<&Card, SimError> {
        self.cards.get(id).ok_or_else(|| SimError::Unknown { kind: "card", name: id.to_owned() })
    }

    /// The first card, by name, that is active and not blocked: what is used by hand where no card
    /// is named.
    #[must_use]
    pub fn first_good_card(&self) -> Option<&Card> {
        self.cards.values().find(|card| &*card.status == "active" && card.blocks.is_empty())
    }

    /// The terminal of that DE 41.
    ///
    /// # Errors
    /// [`SimError::Unknown`].
    pub fn terminal(&self, id: &str) -> Result<&Terminal, SimError> {
        let unknown = || SimError::Unknown { kind: "terminal", name: id.to_owned() };
        self.terminals.get(id).ok_or_else(unknown)
    }

    /// The terminals of one category, in the order of their ids.
    pub fn terminals_of(&self, category: DeviceCategory) -> impl Iterator<Item = &Terminal> {
        self.terminals.values().filter(move |terminal| terminal.category == category)
    }
}

/// What has been read so far, with the names that later lines refer to.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) portfolio: Portfolio,
    minimum_by_product: BTreeMap<Box<str>, i64>,
    issue_by_product: BTreeMap<Box<str>, Arc<Issue>>,
    issue_by_account: BTreeMap<Box<str>, Arc<Issue>>,
    mcc_by_merchant: BTreeMap<Box<str>, u16>,
    place_by_acceptor: BTreeMap<Box<str>, Box<str>>,
    keys: KeyRing,
}

impl Reading {
    pub(crate) fn take(&mut self, line: &Line<'_>) -> Result<(), String> {
        let id: Box<str> = line.id.as_ref().into();
        match line.kind.as_ref() {
            "product" => {
                let minimum = money(line.minimum_balance.as_deref(), currency(line)?)?;
                let issue = line.issue(&Issue::default());
                self.minimum_by_product.insert(id.clone(), minimum);
                self.issue_by_product.insert(id, Arc::new(issue));
            }
            "merchant" | "agent" => {
                if let Some(name) = line.name.as_deref() {
                    self.place_by_acceptor.insert(id.clone(), name.into());
                }
                if let Some(mcc) = line.mcc.as_deref() {
                    let mcc = mcc.parse().map_err(|_| "mcc is not four digits".to_owned())?;
                    self.mcc_by_merchant.insert(id, mcc);
                }
            }
            "account" => {
                let account = self.account(line)?;
                let issue = line.product.as_deref().and_then(|p| self.issue_by_product.get(p));
                if let Some(issue) = issue {
                    self.issue_by_account.insert(id.clone(), issue.clone());
                }
                self.portfolio.accounts.insert(id, account);
            }
            "card" => {
                let card = self.card(line)?;
                self.portfolio.cards.insert(id, card);
            }
            "terminal" => {
                let terminal = self.terminal(line)?;
                self.portfolio.terminals.insert(id, terminal);
            }
            _ => {}
        }
        Ok(())
    }

    fn account(&self, line: &Line<'_>) -> Result<Account, String> {
        let currency = currency(line)?;
        let minimum = line.product.as_deref().and_then(|p| self.minimum_by_product.get(p));
        let available = money(line.balance.as_deref(), currency)?
            .saturating_add(money(line.overdraft_limit.as_deref(), currency)?)
            .saturating_sub(minimum.copied().unwrap_or_default());
        Ok(Account { currency, available })
    }

    pub(crate) fn terminal(&mut self, line: &Line<'_>) -> Result<Terminal, String> {
        let acceptor = line.merchant.as_deref().or(line.agent.as_deref());
        let category = line.category.ok_or("a terminal has a category")?;
        let mcc = match category {
            DeviceCategory::Agent | DeviceCategory::Branch => Some(6010),
            DeviceCategory::Atm => Some(6011),
            DeviceCategory::Merchant | DeviceCategory::Ecommerce => {
                acceptor.and_then(|merchant| self.mcc_by_merchant.get(merchant)).copied()
            }
        };
        let security = line.security.unwrap_or_default();
        let keys = KeySet::new(format!("terminal {}", line.id), line.keys());
        // Wrong test keys are told with their line, not when they are first used.
        let is_tdes = keys.get("tpk").is_ok_and(|key| !key.is_aes());
        let key = line.keys.get("tpk").filter(|_| is_tdes);
        let key = key.map(|text| self.keys.key(text.trim_start_matches("tdes:"))).transpose();
        let pin_key = key.map_err(|error| format!("keys.tpk: {error}"))?;
        let place = acceptor.and_then(|acceptor| self.place_by_acceptor.get(acceptor));
        let notes = line.denominations.iter().map(|note| money(Some(note), Currency::KGS));
        let notes = notes.collect::<Result<Vec<i64>, _>>()?.into_iter();
        let denominations = notes.filter_map(|note| u64::try_from(note).ok()).collect();
        Ok(Terminal {
            id: line.id.as_ref().into(),
            category,
            listener: line.listener.as_deref().unwrap_or("pos").into(),
            acceptor: acceptor.map(Into::into),
            mcc,
            pin_key,
            keys: Arc::new(keys),
            security,
            reads_chip: !matches!(line.chip, Some(ChipKey::Reads(false))),
            place: place.cloned().unwrap_or_default(),
            denominations,
        })
    }

    /// A card with what its product's issuer put into it.
    pub(crate) fn card(&self, line: &Line<'_>) -> Result<Card, String> {
        let by_account = line.account.as_deref().and_then(|id| self.issue_by_account.get(id));
        let product = by_account.cloned().unwrap_or_default();
        let own = line.keys.is_empty() && line.chip.is_none();
        let issue = if own { product } else { Arc::new(line.issue(&product)) };
        line.card(issue)
    }
}

impl Line<'_> {
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().map(|(name, text)| (name.as_ref(), text.as_ref()))
    }

    /// What the line says of keys and chip, over what its product says.
    fn issue(&self, product: &Issue) -> Issue {
        let owner = format!("{} {}", self.kind, self.id);
        let chip = match &self.chip {
            Some(ChipKey::Issue(chip)) => Some(chip),
            Some(ChipKey::Reads(_)) | None => None,
        };
        let derivation = chip.and_then(|chip| chip.derivation.as_deref());
        let version = chip.and_then(|chip| chip.cryptogram_version);
        Issue {
            keys: KeySet::new(owner, self.keys()).over(&product.keys),
            cryptogram_version: version.or(product.cryptogram_version),
            option_b: derivation.map_or(product.option_b, |letter| letter == "B"),
        }
    }

    fn card(&self, issue: Arc<Issue>) -> Result<Card, String> {
        let text = |value: &Option<Cow<'_, str>>| value.as_deref().unwrap_or_default().into();
        let pan = self.pan.as_deref().ok_or("a card has a pan")?;
        let expiry = self.expiry.as_deref().ok_or("a card has an expiry")?;
        let sequence = self.sequence.as_deref().unwrap_or("0");
        Ok(Card {
            id: self.id.as_ref().into(),
            account: text(&self.account),
            holder: text(&self.holder),
            pan: Pan::from_ascii(pan.as_bytes()).map_err(|error| error.to_string())?,
            expiry: expiry.parse().map_err(|_| "expiry is not YYMM".to_owned())?,
            sequence: sequence.parse().map_err(|_| "sequence is not a number".to_owned())?,
            service_code: self.service_code.as_deref().unwrap_or("201").into(),
            pin: self.test_pin.as_deref().map(TypedPin::new),
            status: self.status.as_deref().unwrap_or("active").into(),
            blocks: self.blocks.iter().map(|reason| reason.as_ref().into()).collect(),
            issue,
        })
    }
}

/// Hands every line of a portfolio to `take`, in order, without keeping the file in memory.
///
/// # Errors
/// [`SimError::File`]; [`SimError::Portfolio`] for a line that is no object or that `take` refuses.
pub(crate) fn read_lines(
    source: &Source,
    mut take: impl FnMut(&Line<'_>) -> Result<(), String>,
) -> Result<(), SimError> {
    let (mut file, path) = (source.open()?, source.path());
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        if file.read_line(&mut text).map_err(SimError::file(path))? == 0 {
            break;
        }
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |cause| SimError::Portfolio { path: path.to_owned(), line: number, cause };
        let line: Line<'_> = serde_json::from_str(&text).map_err(|error| {
            wrong(format!(
                "not a portfolio object, column {}: {}",
                error.column(),
                category(&error)
            ))
        })?;
        take(&line).map_err(wrong)?;
    }
    Ok(())
}

/// The kind of a JSON error only: its full text may quote a card number.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "syntax",
        serde_json::error::Category::Data => "a key is missing or of the wrong kind",
        serde_json::error::Category::Eof => "the line ends too early",
    }
}

fn currency(line: &Line<'_>) -> Result<Currency, String> {
    let alpha = line.currency.as_deref().unwrap_or("KGS");
    Currency::from_alpha(alpha).ok_or_else(|| format!("currency {alpha:?} is not in ISO 4217"))
}

fn money(text: Option<&str>, currency: Currency) -> Result<i64, String> {
    parse_minor(text.unwrap_or("0"), currency.exponent()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str) -> Result<Portfolio, SimError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Portfolio::read(file.path())
    }

    #[test]
    fn knows_cards_terminals_and_what_can_be_spent() {
        let portfolio = read(concat!(
            r#"{"type":"product","id":"p","currency":"KGS","minimum_balance":"350.00"}"#,
            "\n",
            r#"{"type":"account","id":"A","customer":"C","product":"p","currency":"KGS","#,
            r#""balance":"1000.00","overdraft_limit":"50.00"}"#,
            "\n\n",
            r#"{"type":"card","id":"K","account":"A","holder":"C","pan":"9417000000000016","#,
            r#""expiry":"2912","sequence":"01","test_pin":"1234"}"#,
            "\n",
            r#"{"type":"merchant","id":"M","mcc":"5411"}"#,
            "\n",
            r#"{"type":"terminal","id":"POS00001","category":"merchant","merchant":"M","#,
            r#""listener":"pos","keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#,
            "\n",
        ))
        .unwrap();
        assert_eq!(portfolio.accounts["A"].available, 70_000);
        let card = portfolio.card("K").unwrap();
        assert_eq!(
            (card.expiry, card.sequence, card.pin.clone()),
            (2912, 1, Some(TypedPin::new("1234")))
        );
        let terminal = portfolio.terminal("POS00001").unwrap();
        assert_eq!((terminal.mcc, terminal.acceptor.as_deref()), (Some(5411), Some("M")));
        assert!(terminal.pin_key.is_some());
        assert!(portfolio.card("none").is_err());
    }

    #[test]
    fn names_the_line_and_never_the_card_number() {
        let text = "{\"type\":\"agent\",\"id\":\"G\"}\n{\"type\":\"card\",\"id\":\"K\",\
                    \"pan\":\"94170000000000XX\",\"expiry\":\"2912\"}\n";
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(":2: ") && !error.contains("9417"), "{error}");
        let error =
            read("{\"type\":\"card\",\"id\":\"K\",\"pan\":9417000000000016}\n").unwrap_err();
        assert!(error.to_string().contains(":1: "), "{error}");
        assert!(!error.to_string().contains("9417000"), "{error}");
    }
}
