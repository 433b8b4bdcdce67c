//! What a message means by the rule book: what it does, its amounts, what limits look at.

use crate::counters::{Before, Facts, Operation};
use crate::step::{Message, Pin, What};
use crate::world::{Place, TERMINALS};
use std::collections::BTreeSet;

/// What a message does, where it may (TXN-5).
#[derive(Clone, Copy)]
pub struct Kind {
    pub operation: Option<Operation>,
    pub credit: bool,
    pub bank: &'static str,
}

/// Amounts of a transaction.
#[derive(Clone, Copy)]
pub struct Money {
    pub amount: u64,
    pub cash_exact: u64,
    pub cash: u64,
}

/// AMT-1: halves of a som.
pub fn halves(minor: u64) -> u64 {
    let som = minor / 100 * 100;
    match minor % 100 {
        0..=24 => som,
        25..=74 => som + 50,
        _ => som + 100,
    }
}

pub fn is_contactless(message: &Message) -> bool {
    matches!(message.entry / 10, 7 | 91)
}

/// Keyed in, on the internet, or at a web shop.
pub fn is_absent(message: &Message) -> bool {
    matches!(message.entry / 10, 1 | 81) || TERMINALS[message.terminal].place == Place::Web
}

/// The table "What a device may do" of deploy/docs/rules.md.
pub fn kind(message: &Message) -> Result<Kind, &'static str> {
    use Place::{Agent, Atm, Branch, Merchant, Web};
    let place = TERMINALS[message.terminal].place;
    let till = match place {
        Agent => "agent_settlement",
        Atm => "atm_cash",
        Branch => "branch_cash",
        Merchant | Web => "merchant_settlement",
    };
    let shop = "merchant_settlement";
    let made = |operation, credit, bank| Ok(Kind { operation: Some(operation), credit, bank });
    match (message.what, place) {
        (What::PinChange(_), Atm | Branch) => {
            Ok(Kind { operation: None, credit: false, bank: shop })
        }
        (What::PinChange(_), _) => Err("58"),
        (What::Balance, _) => Ok(Kind { operation: None, credit: false, bank: shop }),
        (What::Purchase | What::Refund, Atm) => Err("58"),
        (What::Purchase, _) if is_absent(message) => made(Operation::Web, false, shop),
        (What::Purchase, _) => made(Operation::Purchase, false, shop),
        (What::Refund, _) => made(Operation::Refund, true, shop),
        (What::CashBack(_), Atm | Web) => Err("58"),
        (What::CashBack(_), _) => made(Operation::Purchase, false, till),
        (What::Cash | What::Disburse, Agent) => made(Operation::Agent, false, till),
        (What::Cash | What::Disburse, Atm) => made(Operation::Atm, false, till),
        (What::Cash | What::Disburse, Branch) => made(Operation::Branch, false, till),
        (What::Cash | What::Disburse, _) => Err("58"),
        (What::CashIn, Agent | Atm | Branch) => made(Operation::CashIn, true, till),
        (What::CashIn, _) => Err("58"),
    }
}

pub fn money(message: &Message) -> Result<Money, &'static str> {
    let amount = message.amount;
    let cash_exact = match message.what {
        What::Cash | What::Disburse => amount,
        What::CashBack(0) => return Err("13"),
        What::CashBack(cash) => cash,
        _ => 0,
    };
    if amount == 0 || cash_exact > amount {
        return Err("13");
    }
    Ok(Money { amount, cash_exact, cash: halves(cash_exact) })
}

/// Whether notes can make an amount: tried out, one note after the other.
pub fn payable(notes: &[u64], amount: u64) -> bool {
    if notes.is_empty() || amount == 0 {
        return true;
    }
    let mut reached = BTreeSet::from([0_u64]);
    // In steps of the greatest common measure of the notes, so that large amounts stay small.
    let Some(largest) = notes.iter().max() else { return true };
    let low = amount % largest;
    for extra in 0..=(amount / largest).min(10) {
        let target = low + extra * largest;
        reached.clear();
        reached.insert(0);
        let mut front = vec![0_u64];
        while let Some(sum) = front.pop() {
            for note in notes.iter().filter(|note| *note != largest) {
                let next = sum + note;
                if next <= target && reached.insert(next) {
                    front.push(next);
                }
            }
        }
        if reached.contains(&target) {
            return true;
        }
    }
    false
}

pub fn facts(at: i64, message: &Message, kind: Kind, money: Money) -> Facts {
    Facts {
        at,
        card: message.card,
        terminal: message.terminal,
        operation: kind.operation.unwrap_or(Operation::Refund),
        contactless: is_contactless(message),
        present: !is_absent(message),
        credit: kind.credit,
        increment: false,
        before: Before::default(),
        // CTL-6; the device's own check counts where the bank says so, which it does here.
        vouched: matches!(message.pin, Pin::Right | Pin::Offline | Pin::Device),
        online: message.pin == Pin::Right,
        amount: money.amount,
        cash: money.cash,
        cash_exact: money.cash_exact,
    }
}
