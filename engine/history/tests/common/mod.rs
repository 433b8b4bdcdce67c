//! A small bank with a real core and a real journal, for the read model's tests.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use authorization::{
    Accepted, AccountItem, BlockReason, CardItem, CardNumber, Command, OnRequestOf, Outcome,
    PinFact, PortfolioItem, ProductItem, Record, Request, Scratch, SecurityFacts, State,
    TerminalItem, encode_record,
};
use journal::{Embedded, Journal, Options, Recovery};
use payment_types::{
    AcceptorId, AcquirerId, Amount, BusinessDate, Currency, DeviceCategory, EntryMode, ExpiryDate,
    Moment, Mti, OriginalDataElements, Pan, PanDigest, PosConditionCode, ProcessingCode, Rrn,
    Sequence, Stan, TerminalId, Timestamp, UtcOffset,
};
use std::path::Path;
use tempfile::TempDir;

pub const PAN: &[u8] = b"9417000000000016";

/// 2026-11-23T10:00:00+06:00, a Monday.
pub const START: Timestamp = Timestamp(1_795_406_400_000);

pub const RULES: &str = r#"
version = "test-1"
[[network]]
name = "Elcart"
bins = ["9417"]
registration = "001"
valid_from = 2006-01-01
[[limit]]
id = "pos-day"
scope = "card"
counts = "purchase"
measure = "amount"
window = "day"
ceiling = "5000.00"
code = "61"
"#;

pub struct Bank {
    pub directory: TempDir,
    pub state: State,
    pub now: Timestamp,
    scratch: Scratch,
    journal: Embedded,
}

impl Bank {
    /// With one customer, an account of 25 000.00 KGS, a card, a shop's and an agent's terminal.
    pub fn open() -> Self {
        let mut bank = Self::empty();
        let items = portfolio();
        let (first, second) = items.split_at(4);
        let import = |part, last, items: &[PortfolioItem]| Command::Import {
            part,
            last,
            items: items.to_vec(),
        };
        bank.execute(import(0, false, first));
        bank.execute(import(1, true, second));
        bank.execute(Command::InstallRules { text: RULES.to_owned() });
        bank
    }

    pub fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal_at(directory.path());
        let (state, scratch) = (State::new(), Scratch::new());
        Self { directory, state, now: START, scratch, journal }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Carries out and journals a command.
    pub fn execute(&mut self, command: Command) -> Outcome {
        self.now = self.now.plus_ms(1000);
        let moment = Moment::new(self.now, UtcOffset(360));
        let accepted = Accepted { moment, idempotency: None, command };
        let sequence = Sequence(self.journal.next_sequence());
        let outcome = self.state.execute(sequence, &accepted, &mut self.scratch);
        let mut bytes = Vec::new();
        encode_record(&Record { accepted, outcome: outcome.clone() }, &mut bytes);
        assert_eq!(self.journal.append(&bytes).unwrap(), sequence.0);
        outcome
    }

    /// Everything executed is durable afterwards; gives the watermark.
    pub fn commit(&mut self) -> u64 {
        self.journal.commit().unwrap().durable()
    }

    /// A message; gives its DE 39.
    pub fn send(&mut self, request: Request) -> &'static str {
        match self.execute(Command::Authorize(request)) {
            Outcome::Decided(decided) => decided.decision.result.code(),
            other => panic!("{other:?}"),
        }
    }
}

pub fn journal_at(path: &Path) -> Embedded {
    let options = Options { segment_bytes: 4 << 20, prepare_ahead: false };
    let recovery = Recovery::open(path, options).unwrap();
    recovery.finish().unwrap()
}

pub fn card_number() -> CardNumber {
    let masked = Pan::from_ascii(PAN).unwrap().masked();
    CardNumber { digest: PanDigest::from_bytes([7; 16]), masked, leading: 94_170_000 }
}

/// A purchase of `minor` tyiyn with PIN at the shop; alter what differs.
pub fn purchase(stan: u32, minor: u64) -> Request {
    Request {
        mti: Mti::parse("0200").unwrap(),
        processing_code: ProcessingCode::from_number(0).unwrap(),
        card: Some(card_number()),
        amount: Amount::new(minor, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::new(stan).unwrap(),
        rrn: Rrn::new(format!("{stan:012}").as_bytes()),
        transmission: payment_types::WireDateTime::from_number(1_123_040_000).unwrap(),
        local: payment_types::WireDateTime::from_number(1_123_100_000).unwrap(),
        expiry: ExpiryDate::from_number(2912),
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode(0),
        acquirer: AcquirerId(1),
        forwarding: AcquirerId(0),
        terminal: TerminalId::new(b"POS00001").unwrap(),
        acceptor: AcceptorId::new(b"M1").unwrap(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::OnlineVerified),
    }
}

/// The reversal of a message, by DE 90.
pub fn reversal(stan: u32, of: &Request) -> Request {
    let original = OriginalDataElements {
        mti: of.mti,
        stan: of.stan,
        transmission: of.transmission,
        acquirer: of.acquirer,
        forwarding: of.forwarding,
    };
    let stan = Stan::new(stan).unwrap();
    Request { mti: Mti::parse("0420").unwrap(), stan, original: Some(original), ..*of }
}

pub fn by_staff() -> OnRequestOf {
    OnRequestOf {
        entered_by: "acceptance".into(),
        requested_by: "cardholder".into(),
        identified_by: "passport".into(),
        note: "call".into(),
    }
}

pub fn block(card: &str, reason: BlockReason) -> Command {
    Command::Block { card: card.into(), reason, by: by_staff() }
}

pub fn today() -> BusinessDate {
    BusinessDate::parse("2026-11-23").unwrap()
}

pub fn account(id: &str) -> PortfolioItem {
    PortfolioItem::Account(AccountItem {
        id: id.into(),
        customer: "C1".into(),
        product: "elcart".into(),
        currency: Currency::KGS,
        balance: 2_500_000,
        overdraft_limit: 0,
        overdraft_from: None,
        overdraft_until: None,
    })
}

pub fn terminal(id: &[u8], category: DeviceCategory) -> PortfolioItem {
    let is_agent = category == DeviceCategory::Agent;
    PortfolioItem::Terminal(TerminalItem {
        id: TerminalId::new(id).unwrap(),
        category,
        merchant: (!is_agent).then(|| "M1".into()),
        agent: is_agent.then(|| "G1".into()),
        listener: "pos".into(),
        on_us: true,
        denominations: Vec::new(),
        keys: Default::default(),
        security: Default::default(),
        partial_approval: false,
        balance_on_decline: true,
    })
}

fn portfolio() -> Vec<PortfolioItem> {
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
        account("A1"),
        PortfolioItem::Card(CardItem {
            id: "K1".into(),
            account: "A1".into(),
            holder: "C1".into(),
            digest: card_number().digest,
            sealed_pan: b"sealed".to_vec(),
            masked: card_number().masked,
            leading: 94_170_000,
            expiry: ExpiryDate::from_number(2912).unwrap(),
            sequence: 1,
            service_code: 201,
            blocks: Vec::new(),
            pin_reference: Vec::new(),
            applied_on: None,
            supplementary_of: None,
            limits: Vec::new(),
            security: Default::default(),
        }),
        PortfolioItem::Merchant {
            id: "M1".into(),
            name: "Market One".into(),
            mcc: 5411,
            country: "KG".into(),
        },
        PortfolioItem::Agent { id: "G1".into(), name: "Agent One".into() },
        terminal(b"POS00001", DeviceCategory::Merchant),
        terminal(b"AGT00001", DeviceCategory::Agent),
    ]
}
