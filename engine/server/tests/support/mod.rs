//! What the server's tests share: a small bank in a directory of its own, and journals that fail
//! or wait when told to.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod client;
pub mod desk;
pub mod people;

use authorization::{
    Accepted, AccountItem, CardItem, CardNumber, Command, KeyRole, PinFact, PortfolioItem,
    ProductItem, Record, Request, Scratch, SealedKeys, SecurityFacts, TerminalItem,
};
use journal::{Committed, Journal, JournalError};
use payment_types::{
    AcceptorId, AcquirerId, Amount, Currency, DeviceCategory, EntryMode, ExpiryDate, Mti, Pan,
    PosConditionCode, ProcessingCode, Sequence, Stan, TerminalId, Timestamp, WireDateTime,
};
use security::{KeyUsage, SecurityModule, TestPin};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use tamga::clock::{Clock, parse_rfc3339};
use tamga::config::{Config, SecurityConfig};
use tamga::engine::Engine;
use tamga::storage::{self, Opened, StorageOptions};

/// A Monday.
pub const START: &str = "2026-11-23T10:00:00+06:00";
pub const PAN: &str = "9417000000000016";
pub const PIN: &str = "1234";
pub const TERMINAL: &str = "POS00001";
pub const TERMINAL_KEY: &str = "0123456789ABCDEFFEDCBA9876543210";
/// 25 000.00
pub const BALANCE: i64 = 2_500_000;

pub fn start() -> Timestamp {
    parse_rfc3339(START).unwrap()
}

pub fn test_clock() -> Clock {
    Clock::test("Asia/Bishkek", start()).unwrap()
}

/// The software module in test mode.
pub fn test_security(path: &Path) -> SecurityConfig {
    SecurityConfig {
        module: "software".to_owned(),
        test_keys: true,
        master_key_file: path.with_extension("master.key"),
        payshield: None,
        pkcs11: None,
    }
}

pub fn open(path: &Path) -> Opened {
    let options = StorageOptions { segment_bytes: 8 << 20, security: test_security(path) };
    storage::open(path, &options).unwrap()
}

/// A bank with one customer, one card with a PIN and one POS.
pub fn open_with_bank(path: &Path) -> Opened {
    let mut opened = open(path);
    let items = bank(opened.security.as_ref());
    let command = Command::Import { part: 0, last: true, items };
    let moment = test_clock().now();
    let accepted = Accepted { moment, idempotency: None, command };
    let sequence = opened.journal.next_sequence();
    let mut scratch = Scratch::new();
    let outcome = opened.state.execute(Sequence(sequence), &accepted, &mut scratch);
    let mut bytes = Vec::new();
    authorization::encode_record(&Record { accepted, outcome }, &mut bytes);
    opened.journal.append(&bytes).unwrap();
    opened.journal.commit().unwrap();
    let faults = opened.register.refresh(&opened.state);
    assert_eq!((faults.terminal_keys, faults.pin_references), (0, 0));
    opened
}

fn bank(security: &dyn SecurityModule) -> Vec<PortfolioItem> {
    let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
    let pin = TestPin::new(PIN).unwrap();
    let key = security.written_key(TERMINAL_KEY, KeyUsage::PinEncryption).unwrap();
    vec![
        PortfolioItem::Product(ProductItem {
            id: "elcart".into(),
            currency: Currency::KGS,
            minimum_balance: 0,
            contactless: true,
            partial_approval: false,
            pin_tries: 3,
            hold_days: None,
            security: Default::default(),
        }),
        PortfolioItem::Customer {
            id: "C1".into(),
            tier: "standard".into(),
            details: b"sealed".to_vec(),
        },
        PortfolioItem::Account(AccountItem {
            id: "A1".into(),
            customer: "C1".into(),
            product: "elcart".into(),
            currency: Currency::KGS,
            balance: BALANCE,
            overdraft_limit: 0,
            overdraft_from: None,
            overdraft_until: None,
        }),
        PortfolioItem::Card(CardItem {
            id: "K1".into(),
            account: "A1".into(),
            holder: "C1".into(),
            digest: security.pan_digest(&pan),
            sealed_pan: b"sealed".to_vec(),
            masked: pan.masked(),
            leading: pan.leading(),
            expiry: ExpiryDate::from_number(2912).unwrap(),
            sequence: 1,
            service_code: 201,
            blocks: vec![],
            pin_reference: security.reference_for_test_pin(&pan, &pin).unwrap().to_bytes().into(),
            applied_on: None,
            supplementary_of: None,
            limits: vec![],
            security: Default::default(),
        }),
        PortfolioItem::Merchant {
            id: "M1".into(),
            name: "Market One".into(),
            mcc: 5411,
            country: "KG".into(),
        },
        PortfolioItem::Terminal(TerminalItem {
            id: TerminalId::new(TERMINAL.as_bytes()).unwrap(),
            category: DeviceCategory::Merchant,
            merchant: Some("M1".into()),
            agent: None,
            listener: "pos".into(),
            on_us: true,
            denominations: vec![],
            keys: SealedKeys::of(KeyRole::Tpk, key.as_bytes()),
            security: Default::default(),
            partial_approval: false,
            balance_on_decline: false,
        }),
    ]
}

/// A purchase with the right PIN, as the edge would hand it over.
pub fn purchase(security: &dyn SecurityModule, stan: u64, minor: u64) -> Request {
    let pan = Pan::from_ascii(PAN.as_bytes()).unwrap();
    Request {
        mti: Mti::parse("0200").unwrap(),
        processing_code: ProcessingCode::from_number(0).unwrap(),
        card: Some(CardNumber {
            digest: security.pan_digest(&pan),
            masked: pan.masked(),
            leading: pan.leading(),
        }),
        amount: Amount::new(minor, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::new(u32::try_from(stan).unwrap()).unwrap(),
        rrn: None,
        transmission: WireDateTime::default(),
        local: WireDateTime::default(),
        expiry: None,
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::new(TERMINAL.as_bytes()).unwrap(),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::OnlineVerified),
    }
}

/// A configuration with one POS listener on a free port; `extra` goes into its table.
pub fn config(data: &Path, extra: &str) -> Config {
    config_of(data, extra, true)
}

/// The same, in test mode or in earnest.
pub fn config_of(data: &Path, extra: &str, test_keys: bool) -> Config {
    let text = format!(
        "[http]\nbind = \"127.0.0.1:0\"\n[store]\npath = \"{}\"\nsegment_mib = 8\n\
         [security]\ntest_keys = {test_keys}\n\
         [[listener]]\nname = \"pos\"\nbind = \"127.0.0.1:0\"\nframing = \"u16be\"\ntpdu = true\n\
         dialect = \"iso87-bcd\"\n{extra}\n",
        data.display()
    );
    let folder = data.parent().unwrap_or(data);
    Config::parse(&text, Path::new("test.toml"), folder, []).unwrap_or_else(|e| panic!("{e:?}"))
}

/// An engine over `opened`, its listener's options in `extra`.
pub async fn engine(opened: Opened, extra: &str) -> Engine {
    engine_of(opened, extra, true).await
}

/// The same, in test mode or in earnest.
pub async fn engine_of(opened: Opened, extra: &str, test_keys: bool) -> Engine {
    let config = config_of(&opened.path.clone(), extra, test_keys);
    Engine::assemble(&config, opened, test_clock()).await.unwrap()
}

/// A journal whose commits wait while the gate is shut.
pub struct Gated {
    pub inner: Box<dyn Journal>,
    pub gate: Arc<Gate>,
}

#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn set(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
    }
}

impl Journal for Gated {
    fn append(&mut self, record: &[u8]) -> Result<u64, JournalError> {
        self.inner.append(record)
    }
    fn commit(&mut self) -> Result<Committed, JournalError> {
        self.gate.pass();
        self.inner.commit()
    }
    fn next_sequence(&self) -> u64 {
        self.inner.next_sequence()
    }
}

/// Puts a gate, open for now, in front of the journal's commits.
pub fn gated(opened: &mut Opened) -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    let inner = std::mem::replace(&mut opened.journal, Box::new(Nothing));
    opened.journal = Box::new(Gated { inner, gate: Arc::clone(&gate) });
    gate
}

/// A journal whose commits fail, as on a broken disk, once `left` of them have passed. What was
/// appended then never reaches the disk.
pub struct Failing {
    inner: Box<dyn Journal>,
    left: Arc<AtomicU64>,
}

impl Journal for Failing {
    fn append(&mut self, record: &[u8]) -> Result<u64, JournalError> {
        self.inner.append(record)
    }
    fn commit(&mut self) -> Result<Committed, JournalError> {
        if self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1))
            .is_err()
        {
            return Err(JournalError::Poisoned { first: "the disk is on fire".into() });
        }
        self.inner.commit()
    }
    fn next_sequence(&self) -> u64 {
        self.inner.next_sequence()
    }
}

/// Lets `commits` more commits pass and then none; the number can be changed later.
pub fn failing_after(opened: &mut Opened, commits: u64) -> Arc<AtomicU64> {
    let left = Arc::new(AtomicU64::new(commits));
    let inner = std::mem::replace(&mut opened.journal, Box::new(Nothing));
    opened.journal = Box::new(Failing { inner, left: Arc::clone(&left) });
    left
}

/// Stands where the real journal was taken out.
struct Nothing;

impl Journal for Nothing {
    fn append(&mut self, _: &[u8]) -> Result<u64, JournalError> {
        Err(JournalError::NoSection)
    }
    fn commit(&mut self) -> Result<Committed, JournalError> {
        Err(JournalError::NoSection)
    }
    fn next_sequence(&self) -> u64 {
        1
    }
}
