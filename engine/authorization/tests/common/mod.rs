//! A small bank for the tests of the core: the portfolio of the rule scenarios, and words for
//! what terminals send.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use authorization::*;
use payment_types::*;

/// 2026-11-23 is a Monday.
pub fn at(text: &str) -> Moment {
    let (date, time) = text.split_once(' ').unwrap_or(("2026-11-23", text));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().unwrap());
    let mut next = || parts.next().unwrap_or(0);
    let seconds = next() * 3600 + next() * 60 + next();
    let offset = UtcOffset(360);
    let start = BusinessDate::parse(date).unwrap().start(offset);
    Moment::new(start.plus_ms(seconds * 1000), offset)
}

pub fn kgs(text: &str) -> u64 {
    Amount::parse_major(text, Currency::KGS).unwrap().minor()
}

pub struct Bank {
    pub state: State,
    pub scratch: Scratch,
    pub now: Moment,
    stan: u32,
}

pub const RULES: &str = r#"
version = "base"
[[indicator]]
value = "100.00"
valid_from = 2006-01-01
[[edition]]
rule = "contactless"
name = "76/8-2015"
in_force_from = 2015-12-09
[[edition]]
rule = "agent_cash"
name = "76/8-2015"
in_force_from = 2015-12-09
[agent_cash]
cap_indicators = 150
[technical_overdraft]
annual_rate = "24.00"
day_count = "actual/365"
block = { when_overdue = true, lift_on_repayment = true }
"#;

fn digest(card: &str) -> PanDigest {
    let mut bytes = [7u8; 16];
    for (to, from) in bytes.iter_mut().zip(card.bytes()) {
        *to = from;
    }
    PanDigest::from_bytes(bytes)
}

fn masked(card: &str) -> MaskedPan {
    let tail: u32 = card.bytes().map(u32::from).sum();
    Pan::from_ascii(format!("941700000000{tail:04}").as_bytes()).unwrap().masked()
}

fn product(id: &str, minimum: &str) -> PortfolioItem {
    PortfolioItem::Product(ProductItem {
        id: id.into(),
        currency: Currency::KGS,
        minimum_balance: i64::try_from(kgs(minimum)).unwrap(),
        contactless: id != "no-tap",
        partial_approval: id == "partial",
        pin_tries: 3,
        hold_days: None,
        security: Default::default(),
    })
}

pub fn account(
    id: &str,
    customer: &str,
    product: &str,
    balance: &str,
    overdraft: &str,
) -> PortfolioItem {
    PortfolioItem::Account(AccountItem {
        id: id.into(),
        customer: customer.into(),
        product: product.into(),
        currency: Currency::KGS,
        balance: parse_minor(balance, 2).unwrap(),
        overdraft_limit: parse_minor(overdraft, 2).unwrap(),
        overdraft_from: None,
        overdraft_until: None,
    })
}

pub fn card(id: &str, account: &str, holder: &str) -> CardItem {
    CardItem {
        id: id.into(),
        account: account.into(),
        holder: holder.into(),
        digest: digest(id),
        sealed_pan: b"sealed".to_vec(),
        masked: masked(id),
        leading: 94_170_000,
        expiry: ExpiryDate::from_number(2912).unwrap(),
        sequence: 1,
        service_code: 201,
        blocks: vec![],
        pin_reference: vec![1; 17],
        applied_on: None,
        supplementary_of: None,
        limits: vec![],
        security: Default::default(),
    }
}

fn terminal(id: &str, category: DeviceCategory, owner: &str) -> PortfolioItem {
    let is_agent = category == DeviceCategory::Agent;
    PortfolioItem::Terminal(TerminalItem {
        id: TerminalId::new(id.as_bytes()).unwrap(),
        category,
        merchant: (!is_agent && !owner.is_empty()).then(|| owner.into()),
        agent: is_agent.then(|| owner.into()),
        listener: "pos".into(),
        on_us: true,
        denominations: if category == DeviceCategory::Atm {
            vec![20_000, 50_000, 100_000, 500_000]
        } else {
            vec![]
        },
        keys: Default::default(),
        security: Default::default(),
        partial_approval: id == "POSPART1",
        balance_on_decline: id == "POSBAL01",
    })
}

pub fn customer(id: &str, tier: &str) -> PortfolioItem {
    PortfolioItem::Customer { id: id.into(), tier: tier.into(), details: b"sealed".to_vec() }
}

fn merchant(id: &str, mcc: u16, country: &str) -> PortfolioItem {
    PortfolioItem::Merchant { id: id.into(), name: id.into(), mcc, country: country.into() }
}

pub fn portfolio() -> Vec<PortfolioItem> {
    use DeviceCategory::{Agent, Atm, Branch, Ecommerce, Merchant};
    let mut items = vec![
        product("elcart", "0.00"),
        product("elcart-min", "350.00"),
        product("partial", "0.00"),
        product("no-tap", "0.00"),
        customer("C1", "standard"),
        customer("C2", "low"),
        customer("C4", "standard"),
        customer("C5", "standard"),
        account("A1", "C1", "elcart", "25000.00", "0.00"),
        account("A2", "C2", "elcart", "50000.00", "0.00"),
        account("A4", "C4", "elcart", "1000.00", "5000.00"),
        account("A5", "C1", "elcart", "40000.00", "0.00"),
        account("A6", "C5", "elcart-min", "1000.00", "0.00"),
        account("AP", "C2", "partial", "500.00", "0.00"),
        account("AN", "C2", "no-tap", "500.00", "0.00"),
    ];
    let expired =
        CardItem { expiry: ExpiryDate::from_number(2610).unwrap(), ..card("KX", "A1", "C1") };
    let fresh = CardItem {
        blocks: vec![BlockReason::NotActivated],
        service_code: 101,
        ..card("KN", "A2", "C2")
    };
    let supplementary = CardItem { supplementary_of: Some("K1".into()), ..card("KS", "A1", "C4") };
    // Its chip can be told things.
    let keys = SealedKeys::of(KeyRole::ImkSmi, &[1; 8]);
    let scripted = CardSecurity { keys, ..CardSecurity::default() };
    let cards = [
        CardItem { security: scripted, ..card("K1", "A1", "C1") },
        card("K2", "A2", "C2"),
        card("K4", "A4", "C4"),
        card("K5", "A5", "C1"),
        card("K6", "A6", "C5"),
        card("KP", "AP", "C2"),
        card("KT", "AN", "C2"),
        expired,
        fresh,
        supplementary,
    ];
    items.extend(cards.into_iter().map(PortfolioItem::Card));
    items.extend([
        merchant("M1", 5411, "KG"),
        merchant("M2", 7011, "KG"),
        PortfolioItem::Agent { id: "G1".into(), name: "Agent One".into() },
        PortfolioItem::Agent { id: "G2".into(), name: "Agent Two".into() },
        terminal("POS00001", Merchant, "M1"),
        terminal("POS00002", Merchant, "M2"),
        terminal("POSPART1", Merchant, "M1"),
        terminal("POSBAL01", Merchant, "M1"),
        terminal("AGT00001", Agent, "G1"),
        terminal("AGT00002", Agent, "G1"),
        terminal("AGT00003", Agent, "G2"),
        terminal("ATM00001", Atm, ""),
        terminal("BRN00001", Branch, ""),
        terminal("WEB00001", Ecommerce, "M1"),
    ]);
    items
}

/// What a terminal sends, in its words; change what differs.
pub fn message(mti: &str, code: u32, terminal: &str, card: &str, amount: &str) -> Request {
    Request {
        mti: Mti::parse(mti).unwrap(),
        processing_code: ProcessingCode::from_number(code).unwrap(),
        card: (!card.is_empty()).then(|| CardNumber {
            digest: digest(card),
            masked: masked(card),
            leading: 94_170_000,
        }),
        amount: Amount::parse_major(amount, Currency::KGS).unwrap(),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::default(),
        rrn: None,
        transmission: WireDateTime::default(),
        local: WireDateTime::default(),
        expiry: None,
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::new(terminal.as_bytes()).unwrap(),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::OnlineVerified),
    }
}

pub const PURCHASE: u32 = 0;
pub const CASH: u32 = 10_000;
pub const CASH_BACK: u32 = 90_000;
pub const DISBURSE: u32 = 170_000;
pub const REFUND: u32 = 200_000;
pub const CASH_IN: u32 = 210_000;
pub const BALANCE: u32 = 310_000;

impl Bank {
    pub fn new() -> Self {
        Self::with_rules(RULES)
    }

    pub fn with_rules(rules: &str) -> Self {
        Self::with(portfolio(), rules)
    }

    /// Whose products say something else.
    pub fn with_product(change: impl Fn(&mut ProductItem)) -> Self {
        let mut items = portfolio();
        for item in &mut items {
            if let PortfolioItem::Product(product) = item {
                change(product);
            }
        }
        Self::with(items, RULES)
    }

    fn with(items: Vec<PortfolioItem>, rules: &str) -> Self {
        let mut bank =
            Self { state: State::new(), scratch: Scratch::new(), now: at("10:00:00"), stan: 0 };
        let done = bank.command(Command::Import { part: 0, last: true, items });
        assert!(matches!(done, Outcome::Done(Done::Imported { .. })), "{done:?}");
        let done = bank.command(Command::InstallRules { text: rules.to_owned() });
        assert!(matches!(done, Outcome::Done(_)), "{done:?}");
        bank
    }

    pub fn clock(&mut self, text: &str) {
        self.now = at(text);
    }

    pub fn next(&self) -> Sequence {
        Sequence(self.state.last_sequence().0 + 1)
    }

    pub fn command(&mut self, command: Command) -> Outcome {
        let accepted = Accepted { moment: self.now, idempotency: None, command };
        self.state.execute(self.next(), &accepted, &mut self.scratch)
    }

    /// A fresh message gets a fresh STAN, RRN and times.
    pub fn stamp(&mut self, mut request: Request) -> Request {
        self.stan += 1;
        request.stan = Stan::new(self.stan).unwrap();
        if request.rrn.is_none() {
            request.rrn = Rrn::new(format!("R{:011}", self.stan).as_bytes());
        }
        request.transmission = self.now.wire_utc();
        request.local = self.now.wire_local();
        request
    }

    pub fn send(&mut self, request: &Request) -> Decision {
        let sequence = self.next();
        let decision = self.state.authorize(sequence, self.now, request, &mut self.scratch);
        assert_eq!(self.state.ledger().verify(), Ok(()), "after {request:?}");
        decision
    }

    /// Sends a fresh message.
    pub fn new_message(&mut self, request: Request) -> (Request, Decision) {
        let request = self.stamp(request);
        let decision = self.send(&request);
        (request, decision)
    }

    /// Sends a fresh message and gives DE 39.
    pub fn code(
        &mut self,
        mti: &str,
        code: u32,
        terminal: &str,
        card: &str,
        amount: &str,
    ) -> &'static str {
        self.new_message(message(mti, code, terminal, card, amount)).1.result.code()
    }

    /// A tap: contactless, with or without PIN.
    pub fn tap(&mut self, terminal: &str, card: &str, amount: &str, pin: PinFact) -> &'static str {
        let mut request = message("0200", PURCHASE, terminal, card, amount);
        request.entry_mode = EntryMode::from_number(71).unwrap();
        request.facts.pin = pin;
        self.new_message(request).1.result.code()
    }

    /// The reversal of a message: 0420 with DE 90.
    pub fn reversal_of(&mut self, original: &Request, stays: Option<&str>) -> Request {
        let request = Request {
            mti: Mti::parse("0420").unwrap(),
            original: Some(OriginalDataElements {
                mti: original.mti,
                stan: original.stan,
                transmission: original.transmission,
                acquirer: original.acquirer,
                forwarding: original.forwarding,
            }),
            replacement: stays.map(kgs),
            facts: SecurityFacts::default(),
            ..*original
        };
        self.stamp(request)
    }

    pub fn reverse(&mut self, original: &Request, stays: Option<&str>) -> &'static str {
        let request = self.reversal_of(original, stays);
        self.send(&request).result.code()
    }

    /// The 0220 that completes a preauthorization.
    pub fn complete(&mut self, original: &Request, amount: &str) -> (Request, Decision) {
        let mut request = self.reversal_of(original, None);
        request.mti = Mti::parse("0220").unwrap();
        request.amount = Amount::parse_major(amount, Currency::KGS).unwrap();
        let decision = self.send(&request);
        (request, decision)
    }

    /// Ledger balance, holds, available.
    pub fn account(&self, id: &str) -> (String, String, String) {
        let slot = ledger::AccountSlot(self.state.directory().account_position(id).unwrap());
        let account = self.state.ledger().account(slot).unwrap();
        let text = |minor: i64| format_minor(i128::from(minor), 2);
        let available = account.available(self.now.business_date());
        (text(account.balance), text(account.holds), text(available))
    }

    pub fn available(&self, id: &str) -> String {
        self.account(id).2
    }

    pub fn rules_traced(&self) -> Vec<(&'static str, Verdict)> {
        self.scratch.trace().iter().map(|entry| (entry.rule.id(), entry.verdict)).collect()
    }
}
