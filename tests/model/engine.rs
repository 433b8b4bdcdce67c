//! The real core, driven by the same steps; it answers in the model's words.

use crate::model::{Answer, Came, name};
use crate::step::{Action, By, Message, Pin, Step, What};
use crate::world::{
    ACCOUNTS, CARDS, MERCHANTS, PRODUCTS, Place, START, TERMINALS, TIERS, day_of, rules,
};
use authorization::{
    Accepted, AccountItem, BlockReason, CardItem, CardNumber, Command, DayStanding, Decided, Done,
    NewPin, OnRequestOf, Outcome, PinFact, PortfolioItem, ProductItem, Request, Scratch,
    SecurityFacts, State, TerminalItem, Verdict,
};
use payment_types::{
    AcceptorId, AcquirerId, Amount, BusinessDate, Currency, DeviceCategory, EntryMode, ExpiryDate,
    Moment, Mti, OriginalDataElements, Pan, PanDigest, PosConditionCode, ProcessingCode, Rrn,
    Sequence, Stan, TerminalId, Timestamp, UtcOffset, WireDateTime,
};
use std::collections::BTreeMap;

pub struct Engine {
    pub state: State,
    scratch: Scratch,
    /// Every command with its outcome, as the journal has it.
    pub journal: Vec<(Accepted, Outcome)>,
    sent: BTreeMap<u32, Request>,
}

const ZONE: UtcOffset = UtcOffset(360);

pub fn moment(at: i64) -> Moment {
    Moment::new(Timestamp(at), ZONE)
}

impl Engine {
    pub fn new() -> Self {
        let mut engine = Self {
            state: State::new(),
            scratch: Scratch::new(),
            journal: Vec::new(),
            sent: BTreeMap::new(),
        };
        let items = portfolio();
        let done = engine.command(START, Command::Import { part: 0, last: true, items });
        assert!(matches!(done, Outcome::Done(Done::Imported { .. })), "{done:?}");
        let done = engine.command(START, Command::InstallRules { text: rules(0) });
        assert!(matches!(done, Outcome::Done(Done::RulesInstalled { .. })), "{done:?}");
        engine
    }

    pub fn command(&mut self, at: i64, command: Command) -> Outcome {
        let accepted = Accepted { moment: moment(at), idempotency: None, command };
        let sequence = Sequence(self.state.last_sequence().0 + 1);
        let outcome = self.state.execute(sequence, &accepted, &mut self.scratch);
        self.journal.push((accepted, outcome.clone()));
        outcome
    }

    /// Carries a step out. Where the model found nothing to be about, nothing is sent.
    pub fn step(&mut self, step: &Step) -> Result<Came, String> {
        let (id, at) = (step.id, step.at);
        let command = match step.action {
            Action::Credit { account, amount } => Command::Credit {
                account: account_id(account).into(),
                amount,
                reference: "model".into(),
                purpose: "model".into(),
                entered_by: "model".into(),
            },
            Action::Arrest { account, on } => {
                let account = account_id(account).into();
                let (authority, document) = ("court".into(), "1".into());
                let entered_by = "model".into();
                match on {
                    true => Command::Arrest { account, authority, document, entered_by },
                    false => Command::LiftArrest { account, authority, document, entered_by },
                }
            }
            Action::Block { card, reason } => {
                Command::Block { card: card_id(card).into(), reason: block(name(reason)), by: by() }
            }
            Action::Unblock { card, reason } => Command::Unblock {
                card: card_id(card).into(),
                reason: block(name(reason)),
                by: by(),
            },
            Action::EndDay { back } => {
                let day = i32::try_from(day_of(at) - back).map_err(|error| error.to_string())?;
                return Ok(self.end_day(at, BusinessDate::from_days(day)));
            }
            Action::ExpireHolds => Command::ExpireHolds,
            Action::Rules { which } => Command::InstallRules { text: rules(which) },
            _ => {
                let Some(request) = self.request(id, at, step.action) else {
                    return Err("nothing to be about".into());
                };
                return self.send(id, at, request);
            }
        };
        Ok(match self.command(at, command) {
            Outcome::Done(Done::Credited { spent, .. }) => Came::Credited(
                [
                    spent.technical_overdraft.interest,
                    spent.technical_overdraft.fee,
                    spent.technical_overdraft.principal,
                    spent.overdraft,
                    spent.minimum_balance,
                    spent.own_use,
                ]
                .map(i128::from),
            ),
            Outcome::Done(_) => Came::Done,
            Outcome::Refused(_) => Came::Refused,
            Outcome::Decided(decided) => return Err(format!("decided: {decided:?}")),
        })
    }

    fn end_day(&mut self, at: i64, date: BusinessDate) -> Came {
        loop {
            match self.command(at, Command::EndOfDay { date }) {
                Outcome::Refused(_) => return Came::Refused,
                Outcome::Done(Done::Day(part)) if part.standing == DayStanding::UnderWay => {}
                _ => return Came::Done,
            }
        }
    }

    fn send(&mut self, id: u32, at: i64, request: Request) -> Result<Came, String> {
        self.sent.entry(id).or_insert(request);
        let available = self.available_of(&request, at);
        let Outcome::Decided(decided) = self.command(at, Command::Authorize(request)) else {
            return Err("a message that is not decided".into());
        };
        self.invariants(&request, &decided, available)?;
        let decision = &decided.decision;
        let amounts = &decision.amounts;
        let code = decision.code_override.as_ref().map_or(decision.result.code(), |c| c.as_str());
        Ok(Came::Answer(Answer {
            code: code.to_owned(),
            hand_out: amounts.hand_out.map(|(minor, _)| minor),
            cap_left: amounts.cap_left.map(|(minor, _)| minor),
            ledger: amounts.ledger.map(|(minor, _)| i128::from(minor)),
            available: amounts.available.map(|(minor, _)| i128::from(minor)),
            approved: amounts.approved,
            issuer: decision.liability == authorization::Liability::Issuer,
        }))
    }

    fn available_of(&self, request: &Request, at: i64) -> Option<i64> {
        let card = self.state.card_by_digest(&request.card?.digest)?;
        let account = self.state.card(card)?.account;
        let account = self.state.ledger().account(account)?;
        Some(account.available(moment(at).business_date()))
    }

    /// I3, I4 and BAL-7, from the decision's own record.
    fn invariants(
        &self,
        request: &Request,
        decided: &Decided,
        before: Option<i64>,
    ) -> Result<(), String> {
        let at = self.state.last_moment().at.0;
        let online = matches!(request.mti.number() % 100 / 10, 0 | 1);
        let code = decided.decision.result.code();
        if decided.decision.is_repeat || !matches!(code, "00" | "10") {
            let moved = decided.movement.transfers.iter().next();
            return match moved {
                Some(moved) => Err(format!("{code} moved {moved:?}")),
                None => Ok(()),
            };
        }
        let after = self.available_of(request, at);
        let lowered = after.zip(before).is_some_and(|(after, before)| after < before);
        let is_request = online && matches!(request.mti.number() / 100 % 10, 1 | 2);
        if is_request && lowered && after.is_some_and(|after| after < 0) {
            return Err(format!("I3: available is {after:?} after an online approval"));
        }
        let over = decided.trace.iter().find(|entry| {
            // An increment asks nothing of a count that facts may have filled (TOD-1, TXN-4).
            entry.verdict == Verdict::Pass
                && entry.asked > 0
                && (entry.rule.id().starts_with("AGT") || entry.rule.id() == "LIM-1")
                && entry.used.saturating_add(entry.asked) > entry.ceiling
        });
        match over {
            Some(entry) => Err(format!("I4: approved above a ceiling: {entry:?}")),
            None => Ok(()),
        }
    }

    /// The message of a step.
    fn request(&self, id: u32, at: i64, action: Action) -> Option<Request> {
        let now = moment(at);
        let fresh = |request: Request| Request {
            stan: Stan::new(id % 1_000_000).unwrap_or_default(),
            transmission: now.wire_utc(),
            local: now.wire_local(),
            ..request
        };
        let about = |of: u32, mti: u16| {
            let earlier = self.sent.get(&of)?;
            let pin = SecurityFacts::of_pin(PinFact::NotPresent);
            Some(fresh(Request { mti: mti_of(mti), replacement: None, facts: pin, ..*earlier }))
        };
        let amount_of = |amount| Amount::new(amount, Currency::KGS);
        Some(match action {
            Action::Message(message) => Request { rrn: rrn(id), ..fresh(made(&message)) },
            Action::Increment { of, amount } => {
                let earlier = self.sent.get(&of)?;
                let request = Request {
                    mti: mti_of(100),
                    amount: amount_of(amount),
                    original: None,
                    replacement: None,
                    ..*earlier
                };
                fresh(request)
            }
            Action::Complete { of, amount, by } => Request {
                amount: amount_of(amount),
                original: named(self.sent.get(&of)?, by),
                ..about(of, 220)?
            },
            Action::Reverse { of, stays, by } => Request {
                replacement: stays,
                original: named(self.sent.get(&of)?, by),
                ..about(of, 420)?
            },
            Action::Early { of, terminal, card, amount } => {
                let message = Message {
                    mti: 420,
                    what: What::Purchase,
                    terminal,
                    card,
                    amount,
                    entry: 51,
                    pin: Pin::None,
                };
                let later = Request {
                    mti: mti_of(200),
                    stan: Stan::new(of % 1_000_000)?,
                    ..made(&message)
                };
                let request = fresh(made(&message));
                Request { rrn: rrn(of), original: named(&later, By::Original), ..request }
            }
            Action::Repeat { of } => {
                let earlier = self.sent.get(&of)?;
                Request { mti: mti_of(earlier.mti.number() + 1), ..*earlier }
            }
            Action::Changed { of, more } => {
                let earlier = self.sent.get(&of)?;
                let amount = earlier.amount.minor() + more;
                Request { amount: amount_of(amount), ..*earlier }
            }
            _ => return None,
        })
    }
}

/// DE 90; or nothing, where the retrieval reference number alone says it.
fn named(earlier: &Request, by: By) -> Option<OriginalDataElements> {
    (by == By::Original).then_some(OriginalDataElements {
        mti: earlier.mti,
        stan: earlier.stan,
        transmission: earlier.transmission,
        acquirer: earlier.acquirer,
        forwarding: earlier.forwarding,
    })
}

fn mti_of(number: u16) -> Mti {
    Mti::parse(&format!("{number:04}")).expect("a message type")
}

fn rrn(id: u32) -> Option<Rrn> {
    Rrn::new(format!("R{id:011}").as_bytes())
}

fn made(message: &Message) -> Request {
    let (code, cash_back) = match message.what {
        What::Purchase => (0, None),
        What::CashBack(cash) => (90_000, Some(cash)),
        What::Cash => (10_000, None),
        What::Disburse => (170_000, None),
        What::Refund => (200_000, None),
        What::CashIn => (210_000, None),
        What::Balance => (310_000, None),
        What::PinChange(_) => (700_000, None),
    };
    let pin = match message.pin {
        Pin::None => PinFact::NotPresent,
        Pin::Right => PinFact::OnlineVerified,
        Pin::Wrong => PinFact::OnlineWrong,
        Pin::Unreadable => PinFact::Unverifiable,
        Pin::Offline => PinFact::OfflineVerified,
        Pin::Device => PinFact::DeviceVerified,
    };
    let new_pin = match message.what {
        What::PinChange(new) if new > 0 => NewPin::new(&[new]),
        _ => None,
    };
    Request {
        mti: mti_of(message.mti),
        processing_code: ProcessingCode::from_number(code).expect("a processing code"),
        card: Some(number(message.card)),
        amount: Amount::new(message.amount, Currency::KGS),
        cash_back,
        stan: Stan::default(),
        rrn: None,
        transmission: WireDateTime::default(),
        local: WireDateTime::default(),
        expiry: None,
        entry_mode: EntryMode::from_number(message.entry).expect("an entry mode"),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::new(TERMINALS[message.terminal].id.as_bytes()).expect("an id"),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        surcharge: None,
        sender_told: false,
        facts: SecurityFacts { new_pin, ..SecurityFacts::of_pin(pin) },
    }
}

fn number(card: usize) -> CardNumber {
    let digits = format!("9417000000{card:06}");
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(digits.bytes()) {
        *to = from.wrapping_mul(31);
    }
    let masked = Pan::from_ascii(digits.as_bytes()).expect("a card number").masked();
    CardNumber { digest: PanDigest::from_bytes(bytes), masked, leading: 94_170_000 }
}

pub fn account_id(account: usize) -> String {
    format!("A{account}")
}

pub fn card_id(card: usize) -> String {
    format!("K{card}")
}

fn block(name: &str) -> BlockReason {
    BlockReason::from_name(name).expect("a reason of the table")
}

fn by() -> OnRequestOf {
    OnRequestOf { entered_by: "model".into(), ..OnRequestOf::default() }
}

fn minor(amount: i128) -> i64 {
    i64::try_from(amount).expect("small amounts")
}

fn portfolio() -> Vec<PortfolioItem> {
    let mut items = Vec::new();
    for product in &PRODUCTS {
        items.push(PortfolioItem::Product(ProductItem {
            id: product.id.into(),
            currency: Currency::KGS,
            minimum_balance: minor(product.minimum),
            contactless: product.contactless,
            partial_approval: product.partial,
            pin_tries: 3,
            hold_days: None,
            security: Default::default(),
        }));
    }
    for (at, tier) in TIERS.iter().enumerate() {
        let (id, details) = (format!("C{at}").into(), b"sealed".to_vec());
        items.push(PortfolioItem::Customer { id, tier: (*tier).into(), details });
    }
    for (at, account) in ACCOUNTS.iter().enumerate() {
        items.push(PortfolioItem::Account(AccountItem {
            id: account_id(at).into(),
            customer: format!("C{}", account.customer).into(),
            product: PRODUCTS[account.product].id.into(),
            currency: Currency::KGS,
            balance: minor(account.balance),
            overdraft_limit: minor(account.overdraft),
            overdraft_from: None,
            overdraft_until: None,
        }));
    }
    for (at, card) in CARDS.iter().enumerate() {
        items.push(PortfolioItem::Card(CardItem {
            id: card_id(at).into(),
            account: account_id(card.account).into(),
            holder: format!("C{}", card.holder).into(),
            digest: number(at).digest,
            sealed_pan: b"sealed".to_vec(),
            masked: number(at).masked,
            leading: number(at).leading,
            expiry: ExpiryDate::from_number(card.expiry).expect("a month"),
            sequence: 1,
            service_code: card.service_code,
            blocks: if card.active { vec![] } else { vec![BlockReason::NotActivated] },
            pin_reference: Vec::new(),
            applied_on: None,
            supplementary_of: (at == 6).then(|| card_id(0).into()),
            limits: Vec::new(),
            security: Default::default(),
        }));
    }
    items.extend(places());
    items
}

/// Where terminals stand, and the terminals.
fn places() -> Vec<PortfolioItem> {
    let mut items = Vec::new();
    for (at, mcc) in MERCHANTS.iter().enumerate() {
        let (id, name) = (format!("M{at}").into(), format!("Merchant {at}").into());
        items.push(PortfolioItem::Merchant { id, name, mcc: *mcc, country: "KG".into() });
    }
    for at in 0..2 {
        let (id, name) = (format!("G{at}").into(), format!("Agent {at}").into());
        items.push(PortfolioItem::Agent { id, name });
    }
    for terminal in &TERMINALS {
        let category = match terminal.place {
            Place::Merchant => DeviceCategory::Merchant,
            Place::Agent => DeviceCategory::Agent,
            Place::Atm => DeviceCategory::Atm,
            Place::Branch => DeviceCategory::Branch,
            Place::Web => DeviceCategory::Ecommerce,
        };
        let shop = matches!(terminal.place, Place::Merchant | Place::Web);
        let agent = terminal.place == Place::Agent;
        items.push(PortfolioItem::Terminal(TerminalItem {
            id: TerminalId::new(terminal.id.as_bytes()).expect("an id"),
            category,
            merchant: shop.then(|| format!("M{}", terminal.owner).into()),
            agent: agent.then(|| format!("G{}", terminal.owner).into()),
            listener: "pos".into(),
            denominations: terminal.notes.to_vec(),
            keys: Default::default(),
            security: Default::default(),
            partial_approval: terminal.smart,
            balance_on_decline: terminal.smart,
            on_us: true,
        }));
    }
    items
}
