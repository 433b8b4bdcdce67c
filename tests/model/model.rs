//! The bank by the rule book, slowly: lists and plain sums, nothing kept that can be worked out.

use crate::counters::{Counters, Operation};
use crate::debts::Debt;
use crate::fees::{Fee, cost, fee_for};
use crate::message::{Kind, Money, facts, is_contactless, kind, money, payable};
use crate::step::{Action, By, Message, Pin, Reason, Step, What};
use crate::world::{
    ACCOUNTS, CARDS, DAY_MS, PRODUCTS, Place, START, TERMINALS, Terminal, day_of, hold_days,
};
use std::collections::{BTreeMap, BTreeSet};

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub code: String,
    pub hand_out: Option<u64>,
    pub cap_left: Option<u64>,
    pub ledger: Option<i128>,
    pub available: Option<i128>,
    pub approved: Option<u64>,
    /// CTL-5.
    pub issuer: bool,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    Answer(Answer),
    /// BAL-5: interest, fees, the rest of the technical overdraft, agreed overdraft, minimum
    /// balance, own use.
    Credited([i128; 6]),
    Done,
    Refused,
    /// It was about something that is not there.
    Nothing,
}

/// What has become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Declined,
    Informed,
    Held,
    Increment,
    Posted,
    Completed,
    Reversed,
    Expired,
    Follower,
}

/// A message and what still stands of it.
pub struct Kept {
    pub answer: Answer,
    pub state: State,
    /// What was asked.
    pub message: Message,
    /// Whose RRN it carried: its own id, or the one it followed.
    pub rrn: u32,
    pub day: i64,
    /// What the account has moved by for it: debits positive.
    pub stands: i128,
    pub cash_exact: u64,
    pub cash: u64,
    /// Of a hold: how much, until when.
    pub hold: Option<(i128, i64)>,
    /// What it adds to or completes.
    pub root: Option<u32>,
    pub increments: Vec<u32>,
    pub counted: Option<usize>,
    /// AMT-4.
    pub fee: Option<Fee>,
    /// What an inquiry cost.
    pub flat: u64,
    /// The bank's account on the other side.
    pub bank: &'static str,
}

pub struct Card {
    pub blocks: BTreeSet<&'static str>,
    pub tries: u8,
    /// What stands for its PIN; 0 for the one it came with.
    pub pin: u8,
    /// PIN-4: the message that made the last change, and the PIN before it.
    pub changed: Option<(u32, u8)>,
    /// Its block for a technical overdraft is the policy's, not the staff's (TOD-5).
    pub policy: bool,
}

pub struct Account {
    pub balance: i128,
    pub arrested: bool,
    pub debt: Debt,
}

pub struct Model {
    pub accounts: Vec<Account>,
    pub cards: Vec<Card>,
    pub general: BTreeMap<&'static str, i128>,
    pub counters: Counters,
    pub rules: u8,
    pub kept: BTreeMap<u32, Kept>,
    /// Fees taken in this step.
    charged: [i128; ACCOUNTS.len()],
    /// Reversed before they came, by id and terminal, with the day of the reversal.
    killed: BTreeMap<(u32, usize), i64>,
    ended: Option<i64>,
}

impl Model {
    pub fn new() -> Self {
        let open = |account: &crate::world::Account| Account {
            balance: account.balance,
            arrested: false,
            debt: Debt::default(),
        };
        let card = |card: &crate::world::Card| Card {
            blocks: if card.active { BTreeSet::new() } else { BTreeSet::from(["not_activated"]) },
            tries: 0,
            pin: 0,
            changed: None,
            policy: false,
        };
        let opening: i128 = ACCOUNTS.iter().map(|account| account.balance).sum();
        Self {
            accounts: ACCOUNTS.iter().map(open).collect(),
            cards: CARDS.iter().map(card).collect(),
            general: BTreeMap::from([("opening", -opening)]),
            counters: Counters::default(),
            rules: 0,
            kept: BTreeMap::new(),
            charged: [0; ACCOUNTS.len()],
            killed: BTreeMap::new(),
            ended: None,
        }
    }

    pub fn holds(&self, account: usize) -> i128 {
        let its = self.kept.values().filter(|kept| {
            kept.hold.is_some()
                && CARDS.get(kept.message.card).is_some_and(|card| card.account == account)
        });
        its.filter_map(|kept| kept.hold).map(|(amount, _)| amount).sum()
    }

    /// BAL-1's formula.
    pub fn available(&self, account: usize) -> i128 {
        self.available_beside(account, self.holds(account))
    }

    pub fn available_beside(&self, account: usize, holds: i128) -> i128 {
        let terms = &ACCOUNTS[account];
        let minimum = PRODUCTS[terms.product].minimum;
        self.accounts[account].balance - holds - minimum + terms.overdraft
    }

    /// Whether the message of a step can still be meant.
    pub fn knows(&self, id: u32) -> bool {
        self.kept.contains_key(&id)
    }

    pub fn step(&mut self, step: &Step) -> Came {
        let owed: Vec<_> = (0..ACCOUNTS.len()).map(|account| self.owed(account)).collect();
        self.charged = [0; ACCOUNTS.len()];
        let came = self.act(step);
        if !matches!(step.action, Action::EndDay { .. }) {
            for (account, owed) in owed.into_iter().enumerate() {
                self.settle(account, owed, (self.charged[account], day_of(step.at)));
            }
        }
        came
    }

    fn act(&mut self, step: &Step) -> Came {
        let (id, at) = (step.id, step.at);
        match step.action {
            Action::Message(message) => Came::Answer(self.message(id, at, &message, id)),
            Action::Increment { of, amount } => self.follow(of, |model, original| {
                let message = Message { mti: 100, amount, ..original };
                let rrn = model.kept[&of].rrn;
                model.message(id, at, &message, rrn)
            }),
            Action::Complete { of, amount, by } => self.follow(of, |model, original| {
                let message = Message { mti: 220, amount, pin: Pin::None, ..original };
                model.complete(id, at, &message, of, by)
            }),
            Action::Reverse { of, stays, by } => {
                self.follow(of, |model, original| model.reverse(id, at, &original, (of, stays, by)))
            }
            Action::Early { of, terminal, card, amount } => {
                self.killed.insert((of, terminal), day_of(at));
                let original = Message { terminal, card, amount, ..EMPTY };
                Came::Answer(self.keep_follower(id, at, &original, None))
            }
            Action::Repeat { of } => match self.kept.get(&of) {
                Some(kept) => Came::Answer(kept.answer.clone()),
                None => Came::Nothing,
            },
            Action::Changed { of, .. } => match self.kept.get(&of) {
                Some(_) => Came::Answer(Answer { code: "94".into(), ..Answer::default() }),
                None => Came::Nothing,
            },
            Action::Credit { account, amount } => self.credit(account, amount),
            Action::Arrest { account, on } => {
                self.accounts[account].arrested = on;
                Came::Done
            }
            Action::Block { card, reason } => {
                self.cards[card].blocks.insert(name(reason));
                self.cards[card].policy &= reason != Reason::TechnicalOverdraft;
                Came::Done
            }
            Action::Unblock { card, reason } => self.unblock(card, reason),
            Action::EndDay { back } => self.end_day(at, day_of(at) - back),
            Action::ExpireHolds => {
                self.expire_holds(at);
                Came::Done
            }
            Action::Rules { which } => {
                self.rules = which;
                Came::Done
            }
        }
    }

    /// A message about the one of an earlier step, or nothing if that one is not known.
    fn follow(&mut self, of: u32, then: impl FnOnce(&mut Self, Message) -> Answer) -> Came {
        let Some(message) = self.kept.get(&of).map(|kept| kept.message) else {
            return Came::Nothing;
        };
        Came::Answer(then(self, message))
    }

    fn message(&mut self, id: u32, at: i64, message: &Message, rrn: u32) -> Answer {
        let mut kept = new_kept(at, message, rrn);
        let answer = match message.mti {
            120 | 220 => self.fact(at, message, None, &mut kept),
            _ => self.request(id, at, message, &mut kept),
        };
        let answer = answer.unwrap_or_else(|declined| {
            kept.state = State::Declined;
            declined
        });
        kept.answer = answer.clone();
        self.kept.insert(id, kept);
        answer
    }

    /// 0100 and 0200: what may be declined, in the order of deploy/docs/rules.md.
    fn request(
        &mut self,
        id: u32,
        at: i64,
        message: &Message,
        kept: &mut Kept,
    ) -> Result<Answer, Answer> {
        if self.killed.contains_key(&(id, message.terminal)) {
            return Err(declined("05"));
        }
        let kind = kind(message).map_err(declined)?;
        kept.bank = kind.bank;
        if kind.operation.is_none() {
            return self.inquiry(id, at, message, kept);
        }
        if kind.credit {
            return self.refund(at, message, kind, kept);
        }
        self.card_in_order(at, message).map_err(declined)?;
        self.pin(message).map_err(declined)?;
        not_fallback(message).map_err(declined)?;
        self.account_in_order(message, true).map_err(declined)?;
        let money = money(message).map_err(declined)?;
        if money.cash_exact > 0 && money.cash == 0 {
            return Err(declined("13"));
        }
        let terminal = &TERMINALS[message.terminal];
        if terminal.place == Place::Atm && !payable(terminal.notes, money.cash) {
            return Err(declined("13"));
        }
        let root = if message.mti == 100 { self.open_hold(message, kept.rrn) } else { None };
        if root.is_some_and(|root| self.kept[&root].increments.len() >= MAX_INCREMENTS) {
            return Err(declined("12"));
        }
        let mut facts = facts(at, message, kind, money);
        facts.increment = root.is_some();
        facts.before = root.map(|root| self.before(root)).unwrap_or_default();
        let fee = fee_for(kind.operation, message);
        kept.fee = if root.is_some() { fee.map(Fee::share) } else { fee };
        let verdict = self.counters.judge(&facts, self.rules);
        if let Some(code) = verdict.over {
            return Err(Answer { cap_left: verdict.cap_left, ..declined(code) });
        }
        let account = CARDS[message.card].account;
        let mut answer = Answer { code: "00".into(), ..Answer::default() };
        let granted = self.granted(account, terminal, money, kept.fee)?;
        if verdict.asks_pin {
            return Err(declined("70"));
        }
        if granted < money.amount {
            (answer.code, answer.approved) = ("10".into(), Some(granted));
            facts.amount = granted;
        }
        answer.hand_out = (money.cash_exact > 0).then_some(money.cash);
        answer.issuer = facts.without_pin();
        (kept.cash_exact, kept.cash) = (money.cash_exact, money.cash);
        kept.stands = i128::from(granted);
        kept.counted = Some(self.counters.count(facts));
        match (message.mti, root) {
            (100, root) => self.hold(id, at, root, kept),
            _ => {
                let money = Money { amount: granted, ..money };
                self.post(account, kind.bank, false, (money, kept.fee));
            }
        }
        Ok(answer)
    }

    /// BAL-1: what is asked, if there is so much; BAL-4: or what there is.
    fn granted(
        &self,
        account: usize,
        terminal: &Terminal,
        money: Money,
        fee: Option<Fee>,
    ) -> Result<u64, Answer> {
        let available = self.available(account);
        if cost(fee, money.amount) <= available {
            return Ok(money.amount);
        }
        let partial = PRODUCTS[ACCOUNTS[account].product].partial && terminal.smart;
        if partial && available > 0 && money.cash_exact == 0 {
            return Ok(available as u64);
        }
        let told = terminal.smart.then_some(available);
        Err(Answer { available: told, ..declined("51") })
    }

    /// TXN-4: money set aside, by itself or on top of what a preauthorization holds.
    fn hold(&mut self, id: u32, at: i64, root: Option<u32>, kept: &mut Kept) {
        let Some(root) = root else {
            kept.state = State::Held;
            let until = at + hold_days(&TERMINALS[kept.message.terminal]) * DAY_MS;
            kept.hold = Some((cost(kept.fee, kept.stands as u64), until));
            return;
        };
        (kept.state, kept.root) = (State::Increment, Some(root));
        let held = self.kept.get_mut(&root).expect("an open hold");
        held.increments.push(id);
        held.hold.as_mut().expect("an open hold").0 += cost(kept.fee, kept.stands as u64);
    }

    fn inquiry(
        &mut self,
        id: u32,
        at: i64,
        message: &Message,
        kept: &mut Kept,
    ) -> Result<Answer, Answer> {
        self.card_in_order(at, message).map_err(declined)?;
        self.pin(message).map_err(declined)?;
        not_fallback(message).map_err(declined)?;
        // PIN-4: the old one, online, and one to put in its place.
        let new_pin = match message.what {
            What::PinChange(_) if message.pin != Pin::Right => return Err(declined("70")),
            What::PinChange(0) => return Err(declined("12")),
            What::PinChange(new) => Some(new),
            _ => None,
        };
        self.account_in_order(message, false).map_err(declined)?;
        kept.state = State::Informed;
        let account = CARDS[message.card].account;
        if let Some(fee) = fee_for(None, message) {
            let available = self.available(account);
            if i128::from(fee.flat()) > available {
                let told = TERMINALS[message.terminal].smart.then_some(available);
                return Err(Answer { available: told, ..declined("51") });
            }
            (kept.state, kept.flat) = (State::Posted, fee.flat());
            self.charge(account, i128::from(kept.flat));
        }
        let money = Money { amount: 0, cash_exact: 0, cash: 0 };
        let about =
            Kind { operation: Some(Operation::Refund), credit: false, bank: "merchant_settlement" };
        // CTL-2: a right online PIN, whatever it was shown for.
        self.counters.show_pin(&facts(at, message, about, money));
        if let Some(new) = new_pin {
            let card = &mut self.cards[message.card];
            card.changed = Some((id, card.pin));
            card.pin = new;
            return Ok(Answer { code: "00".into(), ..Answer::default() });
        }
        // AGT-3: at an agent's device also what is left of the day's cash, asked for the least there is.
        let at_an_agent = TERMINALS[message.terminal].place == Place::Agent;
        let cash = Kind { operation: Some(Operation::Agent), ..about };
        let least = facts(at, message, cash, Money { amount: 1, cash_exact: 1, cash: 1 });
        let cap_left = self.counters.judge(&least, self.rules).left.filter(|_| at_an_agent);
        Ok(Answer {
            code: "00".into(),
            ledger: Some(self.accounts[account].balance),
            available: Some(self.available(account)),
            cap_left,
            ..Answer::default()
        })
    }

    /// BLK-4: money for the account comes through whatever the card's blocks.
    fn refund(
        &mut self,
        at: i64,
        message: &Message,
        kind: Kind,
        kept: &mut Kept,
    ) -> Result<Answer, Answer> {
        let Some(card) = CARDS.get(message.card) else { return Err(declined("14")) };
        if self.obstacle(at, message.card).is_none() {
            self.pin(message).map_err(declined)?;
        }
        if message.mti == 100 {
            return Err(declined("12"));
        }
        self.account_in_order(message, false).map_err(declined)?;
        let money = money(message).map_err(declined)?;
        let facts = facts(at, message, kind, money);
        let verdict = self.counters.judge(&facts, self.rules);
        if let Some(code) = verdict.over {
            return Err(declined(code));
        }
        kept.stands = -i128::from(money.amount);
        kept.counted = Some(self.counters.count(facts));
        self.post(card.account, kind.bank, true, (money, None));
        Ok(Answer { code: "00".into(), ..Answer::default() })
    }

    /// TOD-1: what already happened is booked, whatever the funds; `original` is what it completes.
    fn fact(
        &mut self,
        at: i64,
        message: &Message,
        original: Option<u32>,
        kept: &mut Kept,
    ) -> Result<Answer, Answer> {
        let kind = kind(message).map_err(declined)?;
        kept.bank = kind.bank;
        let Some(card) = CARDS.get(message.card) else { return Err(declined("14")) };
        if kind.operation.is_none() {
            return Err(declined("12"));
        }
        let money = match (original, message.amount) {
            (Some(_), 0) => Money { amount: 0, cash_exact: 0, cash: 0 },
            _ => money(message).map_err(declined)?,
        };
        let sign = if kind.credit { -1 } else { 1 };
        kept.stands = sign * i128::from(money.amount);
        (kept.cash_exact, kept.cash) = (money.cash_exact, money.cash);
        match original {
            None => {
                kept.fee = fee_for(kind.operation, message);
                self.post(card.account, kind.bank, kind.credit, (money, kept.fee));
                kept.counted = Some(self.counters.count(facts(at, message, kind, money)));
            }
            Some(root) => {
                kept.root = Some(root);
                let before = &self.kept[&root];
                let fee = before.fee;
                if before.state == State::Posted {
                    // The final amount in place of what was booked before.
                    let (stands, bank) = (before.stands, kind.bank);
                    let was = Money {
                        amount: stands.unsigned_abs() as u64,
                        cash_exact: before.cash_exact,
                        cash: before.cash,
                    };
                    self.post(card.account, bank, stands >= 0, (was, fee));
                }
                // By the terms of what it completes.
                kept.fee = fee;
                self.post(card.account, kind.bank, kind.credit, (money, fee));
                kept.counted = self.count_completion(root, facts(at, message, kind, money));
            }
        }
        Ok(Answer { code: "00".into(), ..Answer::default() })
    }

    /// TXN-4: finds what a 0220 completes, then it is a fact.
    fn complete(&mut self, id: u32, at: i64, message: &Message, of: u32, by: By) -> Answer {
        let rrn = self.kept[&of].rrn;
        let live = |state| {
            matches!(state, State::Held | State::Increment | State::Posted | State::Expired)
        };
        let found = match by {
            By::Original => Some(of),
            By::Rrn => {
                let is_it = |kept: &Kept| {
                    kept.rrn == rrn
                        && kept.message.card == message.card
                        && matches!(kept.message.mti, 100 | 120)
                };
                let done = |kept: &Kept| is_it(kept) && kept.state == State::Completed;
                self.newest(|kept| is_it(kept) && live(kept.state)).or_else(|| self.newest(done))
            }
        };
        let original = found.and_then(|found| {
            let kept = &self.kept[&found];
            // An increment stands for the preauthorization it was added to.
            let root = if kept.message.mti == 100 { kept.root.unwrap_or(found) } else { found };
            self.standing(root)
        });
        let mut kept = new_kept(at, message, rrn);
        let answer = self.fact(at, message, original, &mut kept).unwrap_or_else(|declined| {
            kept.state = State::Declined;
            declined
        });
        kept.answer = answer.clone();
        self.kept.insert(id, kept);
        answer
    }

    /// What stands in the place of a message now: the completion of what was completed.
    fn standing(&self, mut of: u32) -> Option<u32> {
        loop {
            match self.kept.get(&of)?.state {
                State::Held | State::Posted | State::Expired => return Some(of),
                State::Completed => {
                    of = self.newest(|kept| {
                        kept.root == Some(of)
                            && matches!(kept.state, State::Posted | State::Completed)
                            && !matches!(kept.message.mti, 100 | 200)
                    })?;
                }
                _ => return None,
            }
        }
    }

    pub fn newest(&self, is_it: impl Fn(&Kept) -> bool) -> Option<u32> {
        self.kept.iter().rev().find(|(_, kept)| is_it(kept)).map(|(id, _)| *id)
    }

    /// The open preauthorization of the same card at the same terminal with this RRN (TXN-4).
    fn open_hold(&self, message: &Message, rrn: u32) -> Option<u32> {
        self.newest(|kept| {
            let same =
                kept.message.card == message.card && kept.message.terminal == message.terminal;
            kept.rrn == rrn && kept.state == State::Held && same
        })
    }

    /// BAL-7 and AMT-1: the account moves by the exact amount, rounding is the bank's.
    pub fn post(
        &mut self,
        account: usize,
        bank: &'static str,
        credit: bool,
        (money, fee): (Money, Option<Fee>),
    ) {
        let sign = if credit { -1 } else { 1 };
        let amount = sign * i128::from(money.amount);
        self.accounts[account].balance -= amount;
        *self.general.entry(bank).or_default() += amount;
        let rounding = sign * (i128::from(money.cash_exact) - i128::from(money.cash));
        // What the customer pays more than the cash is income, what he gets more is expense.
        let income = money.cash_exact > money.cash;
        let other = if income { "rounding_income" } else { "rounding_expense" };
        *self.general.entry(bank).or_default() -= rounding;
        *self.general.entry(other).or_default() += rounding;
        self.charge(account, sign * (cost(fee, money.amount) - i128::from(money.amount)));
    }

    /// AMT-4: a fee, or one given back.
    pub fn charge(&mut self, account: usize, fee: i128) {
        self.accounts[account].balance -= fee;
        self.charged[account] += fee;
        *self.general.entry("fee_income").or_default() += fee;
    }

    fn credit(&mut self, account: usize, amount: u64) -> Came {
        let amount = i128::from(amount);
        let (technical, agreed) = (self.technical_overdraft(account), self.overdraft_used(account));
        let owed = self.parts(account, technical);
        let mut rest = amount;
        let mut spend = |debt: i128| {
            let part = debt.min(rest).max(0);
            rest -= part;
            part
        };
        let minimum = PRODUCTS[ACCOUNTS[account].product].minimum;
        let missing = (minimum - self.accounts[account].balance.max(0)).max(0);
        let [interest, fee, principal] = owed.map(&mut spend);
        let (agreed, minimum) = (spend(agreed), spend(missing));
        self.accounts[account].balance += amount;
        *self.general.entry("incoming_credits").or_default() -= amount;
        Came::Credited([interest, fee, principal, agreed, minimum, rest])
    }

    fn unblock(&mut self, card: usize, reason: Reason) -> Came {
        let lasting = matches!(reason, Reason::Lost | Reason::Stolen);
        let card = &mut self.cards[card];
        if lasting || !card.blocks.remove(name(reason)) {
            return Came::Refused;
        }
        if reason == Reason::PinTries {
            card.tries = 0;
        }
        card.policy &= reason != Reason::TechnicalOverdraft;
        Came::Done
    }

    fn expire_holds(&mut self, at: i64) {
        let over =
            self.kept.iter().filter(|(_, kept)| kept.hold.is_some_and(|(_, until)| until <= at));
        let over: Vec<u32> = over.map(|(id, _)| *id).collect();
        for id in over {
            let mut parts = self.kept[&id].increments.clone();
            parts.push(id);
            for part in parts {
                let Some(kept) = self.kept.get_mut(&part) else { continue };
                (kept.state, kept.hold) = (State::Expired, None);
            }
        }
    }

    /// Days end in order: one already ended changes nothing, one to come is refused, and so is one
    /// before which others have not been ended. What is older than eight days is forgotten, but for
    /// what still holds money.
    fn end_day(&mut self, at: i64, day: i64) -> Came {
        if day > day_of(at) {
            return Came::Refused;
        }
        let next = self.ended.map_or(day_of(START).min(day), |ended| ended + 1);
        if day < next {
            return Came::Done;
        }
        if day > next {
            return Came::Refused;
        }
        self.expire_holds(at);
        self.book_interest(day_of(at));
        self.book_penalties(day, day_of(at));
        self.block_overdue(day);
        let holding: BTreeSet<u32> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.hold.is_some())
            .flat_map(|(id, kept)| kept.increments.iter().copied().chain([*id]))
            .collect();
        self.kept.retain(|id, kept| kept.day >= day - KEEP_DAYS || holding.contains(id));
        self.killed.retain(|_, reversed| *reversed >= day - KEEP_DAYS);
        self.ended = Some(day);
        Came::Done
    }

    /// BLK-2: the most severe reason answers.
    fn obstacle(&self, at: i64, card: usize) -> Option<(&'static str, &'static str)> {
        let blocks = &self.cards[card].blocks;
        let expired = day_of(at) >= CARDS[card].expired_from;
        let order = [
            ("stolen", "43"),
            ("lost", "41"),
            ("stop_list", "04"),
            ("suspected_fraud", "59"),
            ("expired", "54"),
            ("pin_tries", "75"),
            ("technical_overdraft", "62"),
            ("holder_request", "62"),
            ("terms_breach", "62"),
            ("not_activated", "62"),
        ];
        order.into_iter().find(|(reason, _)| match *reason {
            "expired" => expired,
            reason => blocks.contains(reason),
        })
    }

    fn card_in_order(&mut self, at: i64, message: &Message) -> Result<(), &'static str> {
        if message.card >= CARDS.len() {
            return Err("14");
        }
        match self.obstacle(at, message.card) {
            None => Ok(()),
            // Activation: the first contact-chip transaction with the right PIN.
            Some(("not_activated", _)) if message.pin == Pin::Right && message.entry / 10 == 5 => {
                self.cards[message.card].blocks.remove("not_activated");
                Ok(())
            }
            Some((_, code)) => Err(code),
        }
    }

    /// PIN-2: the third wrong one in a row blocks.
    fn pin(&mut self, message: &Message) -> Result<(), &'static str> {
        let card = &mut self.cards[message.card];
        match message.pin {
            Pin::Wrong => {
                card.tries += 1;
                if card.tries < 3 {
                    return Err("55");
                }
                card.blocks.insert("pin_tries");
                Err("75")
            }
            Pin::Unreadable => Err("63"),
            Pin::Right => {
                card.tries = 0;
                Ok(())
            }
            Pin::None | Pin::Offline | Pin::Device => Ok(()),
        }
    }

    /// BAL-6, and whether the product's cards may be tapped.
    fn account_in_order(&self, message: &Message, debit: bool) -> Result<(), &'static str> {
        let account = CARDS[message.card].account;
        if debit && self.accounts[account].arrested {
            return Err("57");
        }
        let tapped = is_contactless(message);
        if tapped && !PRODUCTS[ACCOUNTS[account].product].contactless {
            return Err("57");
        }
        Ok(())
    }
}

/// Days for which a message is remembered (deploy/docs/rules.md, TXN-1).
const KEEP_DAYS: i64 = 8;
/// Increments of one hold.
const MAX_INCREMENTS: usize = 15;

/// SEC-3: the stripe of a chip card, at terminals that all read chips.
fn not_fallback(message: &Message) -> Result<(), &'static str> {
    let has_chip = matches!(CARDS[message.card].service_code / 100, 2 | 6);
    if has_chip && matches!(message.entry / 10, 2 | 90) { Err("57") } else { Ok(()) }
}

/// What is said of a message that is not there yet.
const EMPTY: Message = Message {
    mti: 0,
    what: What::Purchase,
    terminal: 0,
    card: 0,
    amount: 0,
    entry: 51,
    pin: Pin::None,
};

pub fn new_kept(at: i64, message: &Message, rrn: u32) -> Kept {
    Kept {
        answer: Answer::default(),
        state: State::Posted,
        message: *message,
        rrn,
        day: day_of(at),
        stands: 0,
        cash_exact: 0,
        cash: 0,
        hold: None,
        root: None,
        increments: Vec::new(),
        counted: None,
        fee: None,
        flat: 0,
        bank: "merchant_settlement",
    }
}

pub fn declined(code: &'static str) -> Answer {
    Answer { code: code.into(), ..Answer::default() }
}

pub fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::HolderRequest => "holder_request",
        Reason::Lost => "lost",
        Reason::Stolen => "stolen",
        Reason::SuspectedFraud => "suspected_fraud",
        Reason::TermsBreach => "terms_breach",
        Reason::StopList => "stop_list",
        Reason::PinTries => "pin_tries",
        Reason::TechnicalOverdraft => "technical_overdraft",
    }
}
