//! One history on both sides, compared after every step.

use crate::counters::tier;
use crate::counters::{Before, Facts, Operation};
use crate::engine::{Engine, account_id, card_id, moment};
use crate::model::{Came, Model};
use crate::step::{Action, Step, What};
use crate::world::{ACCOUNTS, CARDS, LIMITS, TERMINALS, editions};
use authorization::{Scratch, State};
use ledger::AccountSlot;
use payment_types::{Currency, Sequence};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where and how the two differ.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which step of the list, from 0.
    pub at: usize,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after step {} of the list: {}", self.at, self.what)
    }
}

/// How often each kind of step had each outcome.
pub type Tally = BTreeMap<(&'static str, String), u64>;

/// Runs a history. A panic of the engine is a failure as any other.
pub fn run(steps: &[Step]) -> Result<Tally, Failure> {
    let (mut at, mut tally) = (0, Tally::new());
    let ran = catch_unwind(AssertUnwindSafe(|| both(steps, &mut at, &mut tally)));
    let what = match ran {
        Ok(Ok(())) => return Ok(tally),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("panicked: {}", text.unwrap_or_default())
        }
    };
    Err(Failure { at, what })
}

fn both(steps: &[Step], at: &mut usize, tally: &mut Tally) -> Result<(), String> {
    let (mut engine, mut model) = (Engine::new(), Model::new());
    for (place, step) in steps.iter().enumerate() {
        *at = place;
        let about = about(step.action);
        if about.is_some_and(|of| !model.knows(of)) {
            continue;
        }
        let expected = model.step(step);
        if expected == Came::Nothing {
            continue;
        }
        let came = engine.step(step)?;
        if came != expected {
            return Err(format!("{step:?}\n  by the rule book {expected:?}\n  engine {came:?}"));
        }
        *tally.entry((kind(step.action), outcome(&came))).or_default() += 1;
        compare(&engine.state, &model, step).map_err(|what| format!("{step:?}\n  {what}"))?;
        if place % 2_500 == 1_250 {
            engine.state = reread(&engine.state)?;
        }
    }
    replay(&engine)
}

/// A word for the tally.
fn kind(action: Action) -> &'static str {
    match action {
        Action::Message(message) => match (message.mti, message.what) {
            (120 | 220, _) => "advice",
            (100, _) => "preauthorization",
            (_, What::Purchase) => "purchase",
            (_, What::CashBack(_)) => "cash-back",
            (_, What::Cash | What::Disburse) => "cash",
            (_, What::Refund) => "refund",
            (_, What::CashIn) => "cash-in",
            (_, What::Balance) => "inquiry",
            (_, What::PinChange(_)) => "PIN change",
        },
        Action::Increment { .. } => "increment",
        Action::Complete { .. } => "completion",
        Action::Reverse { stays: None, .. } => "reversal",
        Action::Reverse { .. } => "partial reversal",
        Action::Early { .. } => "reversal of what comes",
        Action::Repeat { .. } => "repeat",
        Action::Changed { .. } => "changed",
        Action::Credit { .. } => "credit",
        Action::Arrest { .. } => "arrest",
        Action::Block { .. } => "block",
        Action::Unblock { .. } => "unblock",
        Action::EndDay { .. } => "end of day",
        Action::ExpireHolds => "expire holds",
        Action::Rules { .. } => "rules",
    }
}

fn outcome(came: &Came) -> String {
    match came {
        Came::Answer(answer) => answer.code.clone(),
        Came::Credited([interest, fee, technical, agreed, minimum, _]) => {
            let part = |name: &'static str, part: i128| if part > 0 { name } else { "" };
            let interest = format!("{}{}", part("I", *interest), part("F", *fee));
            let technical = part("T", *technical);
            let (agreed, minimum) = (part("O", *agreed), part("M", *minimum));
            format!("spent {interest}{technical}{agreed}{minimum}")
        }
        Came::Done => "done".into(),
        Came::Refused => "refused".into(),
        Came::Nothing => "nothing".into(),
    }
}

/// The earlier step that one is about.
fn about(action: Action) -> Option<u32> {
    match action {
        Action::Increment { of, .. }
        | Action::Complete { of, .. }
        | Action::Reverse { of, .. }
        | Action::Repeat { of }
        | Action::Changed { of, .. } => Some(of),
        _ => None,
    }
}

fn equal<T: PartialEq + fmt::Debug>(
    what: impl Fn() -> String,
    book: T,
    engine: T,
) -> Result<(), String> {
    if book == engine {
        return Ok(());
    }
    Err(format!("{}: by the rule book {book:?}, engine {engine:?}", what()))
}

fn compare(state: &State, model: &Model, step: &Step) -> Result<(), String> {
    state.ledger().verify().map_err(|fault| format!("I1, I2: {fault}"))?;
    let date = moment(step.at).business_date();
    for at in 0..ACCOUNTS.len() {
        let id = account_id(at);
        let slot = state.directory().account_position(&id).expect("imported");
        let account = state.ledger().account(AccountSlot(slot)).expect("imported");
        let wide = i128::from;
        let of = |what: &'static str| {
            let id = id.clone();
            move || format!("{what} of {id}")
        };
        equal(of("balance"), model.accounts[at].balance, wide(account.balance))?;
        let holds = model.holds(at);
        equal(of("holds"), holds, wide(account.holds))?;
        let available = model.available_beside(at, holds);
        equal(of("available"), available, wide(account.available(date)))?;
        let technical = account.technical_overdraft(date);
        equal(of("technical overdraft"), model.technical_overdraft(at), wide(technical))?;
        equal(of("overdraft"), model.overdraft_used(at), wide(account.overdraft_used(date)))?;
        let debt = &model.accounts[at].debt;
        let open = account.open_overdraft();
        equal(of("opening"), debt.is_open, open.is_some())?;
        let due_on = open.and_then(|open| open.due_on).map(|due| i64::from(due.days()));
        equal(of("due date"), debt.due_on, due_on)?;
        let none = ledger::Debts::default();
        let debts = account.debts.as_deref().unwrap_or(&none);
        equal(of("interest"), debt.interest, wide(debts.interest))?;
        // The engine counts millionths of a percent in years of 360 and of 365 days.
        let carried = wide(debts.interest_carried);
        equal(of("carried interest"), debt.carried * 72_000_000, carried)?;
        equal(of("fees due"), debt.fees_due(), wide(debts.fees_due()))?;
        equal(of("penalty"), debt.penalty, wide(debts.penalty))?;
        equal(of("carried penalty"), debt.penalty_carried, wide(debts.penalty_carried))?;
        equal(of("arrest"), model.accounts[at].arrested, account.arrested)?;
    }
    for (_, account, balance) in state.ledger().general().iter() {
        let book = model.general.get(account.name()).copied().unwrap_or_default();
        equal(|| account.name().to_owned(), book, balance)?;
    }
    let all = step.id.is_multiple_of(97);
    for at in 0..CARDS.len() {
        let slot = state.directory().card_position(&card_id(at)).expect("imported");
        let card = state.card(slot).expect("imported");
        let blocks = card.blocks.iter().map(|reason| reason.name()).collect();
        equal(|| format!("blocks of K{at}"), model.cards[at].blocks.clone(), blocks)?;
        let pin = card.pin_reference.first().copied().unwrap_or_default();
        equal(|| format!("PIN of K{at}"), model.cards[at].pin, pin)?;
        equal(|| format!("PIN tries of K{at}"), model.cards[at].tries, card.pin_tries)?;
        if all || step.id as usize % CARDS.len() == at {
            counters(state, model, (at, slot), step.at)?;
        }
    }
    Ok(())
}

/// LIM-5: what the API shows of a card's counters.
fn counters(
    state: &State,
    model: &Model,
    (card, slot): (usize, u32),
    at: i64,
) -> Result<(), String> {
    let editions = editions(model.rules);
    let holder = CARDS[card].holder;
    let (day, count, sum) = model.counters.no_pin(holder, at);
    for view in state.counters(slot, moment(at)) {
        let book = match (view.rule.id(), view.figure) {
            ("CTL-2", limits::Figure::PerDay) => day,
            ("CTL-2", limits::Figure::CountSincePin) => count,
            ("CTL-2", limits::Figure::SumSincePin) => sum,
            ("AGT-1", _) => model.counters.agent_cash(false, card, 0, at),
            ("AGT-2", _) => {
                let of = view.of.iter().find(|(part, _)| *part == limits::Dimension::Device);
                let Some((_, device)) = of else { continue };
                let id = state.directory().terminal_id(*device);
                let at_device = TERMINALS.iter().position(|terminal| terminal.id == id);
                let Some(terminal) = at_device else { continue };
                model.counters.agent_cash(true, card, terminal, at)
            }
            ("LIM-1", _) if view.of.is_empty() => {
                let limit = LIMITS.iter().find(|limit| Some(limit.id) == view.limit.as_deref());
                let Some(limit) = limit else { return Err("a limit nobody gave".into()) };
                let facts = Facts {
                    at,
                    card,
                    terminal: 0,
                    operation: Operation::Refund,
                    contactless: false,
                    present: true,
                    credit: false,
                    increment: false,
                    before: Before::default(),
                    vouched: true,
                    online: false,
                    amount: 0,
                    cash: 0,
                    cash_exact: 0,
                };
                model.counters.limit(limit, &facts)
            }
            _ => 0,
        };
        if view.rule.id() == "CTL-2" {
            equal(
                || format!("tier of K{card}"),
                true,
                editions.contactless && tier(holder).is_some(),
            )?;
        }
        if view.rule.id() == "LIM-1" && !view.of.is_empty() {
            continue;
        }
        let what = || format!("{} {:?} {:?} of K{card}", view.rule.id(), view.figure, view.limit);
        equal(what, book, view.used)?;
    }
    Ok(())
}

/// A snapshot holds everything: the history goes on from what was read back.
fn reread(state: &State) -> Result<State, String> {
    let mut bytes = Vec::new();
    state.write_snapshot(&mut bytes).map_err(|error| error.to_string())?;
    let read = State::read_snapshot(&mut bytes.as_slice()).map_err(|error| error.to_string())?;
    equal(|| "digest of a snapshot read back".into(), state.digest(), read.digest())?;
    Ok(read)
}

/// I8: the journal gives the same outcomes and the same state again.
fn replay(engine: &Engine) -> Result<(), String> {
    let (mut state, mut scratch) = (State::new(), Scratch::new());
    for (accepted, outcome) in &engine.journal {
        let sequence = Sequence(state.last_sequence().0 + 1);
        let again = state.execute(sequence, accepted, &mut scratch);
        equal(|| format!("I8: {:?}", accepted.command), outcome, &again)?;
    }
    equal(|| "I8: digest after the replay".into(), engine.state.digest(), state.digest())?;
    sums(engine)
}

/// BAL-7: balances are the sums of what the journal says was posted.
fn sums(engine: &Engine) -> Result<(), String> {
    let mut balances: Vec<i128> = ACCOUNTS.iter().map(|account| account.balance).collect();
    for transfer in engine.journal.iter().flat_map(|(_, outcome)| outcome.transfers()) {
        equal(|| "currency".into(), Currency::KGS, transfer.currency)?;
        let amount = i128::from(transfer.amount);
        for (party, amount) in [(transfer.debit, -amount), (transfer.credit, amount)] {
            if let ledger::Party::Customer(slot) = party {
                balances[slot.0 as usize] += amount;
            }
        }
    }
    for (slot, account) in engine.state.ledger().accounts() {
        let book = balances[slot.0 as usize];
        equal(|| format!("postings of {slot:?}"), book, i128::from(account.balance))?;
    }
    Ok(())
}
