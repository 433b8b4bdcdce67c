//! Amounts, limits and funds.

use super::case::Case;
use super::checks::{Direction, Kind};
use super::postings::{Standing, post_change};
use super::price::Priced;
use crate::{PinFact, ResultCode, RuleId, TraceEntry, Verdict};
use ledger::{GeneralAccount, MOST_AT_ONCE, Party, Transfer};
use limits::{Facts, Figure, Outcome, Pin, Rule};
use payment_types::{Balance, Currency, DeviceCategory, Timestamp};

/// ISO 3166 numeric of Kyrgyzstan.
pub(super) const HOME_COUNTRY: u16 = 417;

/// Halves of a som, in tyiyn (AMT-1).
const CASH_UNIT: u64 = 50;

/// What a transaction moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Money {
    /// What is moved, minor units of the transaction's currency.
    pub(super) amount: Balance,
    /// The cash part as asked for.
    pub(super) cash_exact: u64,
    /// The cash part as handed out and counted.
    pub(super) cash: u64,
}

/// AMT-1: remainder 1-24 → 0, 25-49 and 50-74 → 50, 75-99 → a som. Other currencies are handed out
/// to their minor unit.
pub(super) fn round_cash(minor: u64, currency: Currency) -> u64 {
    if currency != Currency::KGS {
        return minor;
    }
    let rest = minor % 100;
    let rounded = match rest {
        0..=24 => 0,
        25..=74 => CASH_UNIT,
        _ => 100,
    };
    minor.saturating_sub(rest).saturating_add(rounded)
}

/// Whether notes of these denominations can make an amount, in any number of each. Exact: the least
/// sum for every remainder by the smallest note is found first.
pub(super) fn notes_can_pay(denominations: &[u64], amount: u64) -> bool {
    const REMAINDERS: usize = 512;
    let Some(smallest) = denominations.iter().copied().filter(|note| *note > 0).min() else {
        return true;
    };
    let unit = denominations.iter().copied().fold(smallest, gcd);
    let modulus = smallest / unit;
    let Some(count) = usize::try_from(modulus).ok().filter(|count| *count <= REMAINDERS) else {
        return amount.is_multiple_of(smallest);
    };
    if !amount.is_multiple_of(unit) {
        return false;
    }
    let mut least = [u64::MAX; REMAINDERS];
    if let Some(none) = least.first_mut() {
        *none = 0;
    }
    // At most `count` rounds: a least sum uses fewer than `count` notes beyond the smallest.
    for _ in 0..count {
        for note in denominations.iter().map(|note| note / unit) {
            for from in 0..count {
                let Some(sum) = least.get(from).and_then(|sum| sum.checked_add(note)) else {
                    continue;
                };
                let to = usize::try_from(sum % modulus).unwrap_or_default();
                if let Some(best) = least.get_mut(to).filter(|best| sum < **best) {
                    *best = sum;
                }
            }
        }
    }
    let wanted = amount / unit;
    let remainder = usize::try_from(wanted % modulus).unwrap_or_default();
    least.get(remainder).is_some_and(|least| *least <= wanted)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub(super) fn signed(minor: u64) -> Balance {
    Balance::try_from(minor).unwrap_or(Balance::MAX)
}

pub(super) fn unsigned(minor: Balance) -> u64 {
    u64::try_from(minor).unwrap_or_default()
}

impl Case<'_> {
    pub(super) fn country(&self) -> u16 {
        let merchant = self.terminal.and_then(|(_, terminal)| terminal.merchant);
        let merchant = merchant.and_then(|at| self.state.directory().merchant(at));
        merchant.map_or(HOME_COUNTRY, |merchant| merchant.country)
    }

    /// DE 18, or the register's.
    pub(super) fn mcc(&self) -> u16 {
        let told = self.request.mcc.map(|mcc| mcc.0).filter(|mcc| *mcc != 0);
        told.or_else(|| {
            let merchant = self.terminal.and_then(|(_, terminal)| terminal.merchant)?;
            self.state.directory().merchant(merchant).map(|merchant| merchant.mcc)
        })
        .unwrap_or_default()
    }

    /// The amount, and what of it is cash (AMT-1).
    pub(super) fn money(&mut self, kind: Kind) -> Result<Money, ResultCode> {
        let asked = self.request.amount.minor();
        let cash_exact = match (kind.is_cash, kind.has_cash_back) {
            (true, _) => asked,
            (_, true) => self.request.cash_back.unwrap_or(0),
            _ => 0,
        };
        let amount = Balance::try_from(asked).map_err(|_| ResultCode::InvalidAmount)?;
        let missing = kind.has_cash_back && cash_exact == 0;
        if amount == 0 || asked > MOST_AT_ONCE || missing || cash_exact > asked {
            self.trace(RuleId::Amt1, Verdict::Decline, amount, signed(cash_exact), 0);
            return Err(ResultCode::InvalidAmount);
        }
        let cash = round_cash(cash_exact, self.request.amount.currency());
        if cash_exact > 0 {
            self.trace(RuleId::Amt1, Verdict::Note, signed(cash_exact), signed(cash), 0);
            self.amounts.hand_out = Some((cash, self.request.amount.currency()));
        }
        Ok(Money { amount, cash_exact, cash })
    }

    /// AMT-1: there is something to hand out, and the ATM's notes can make it.
    pub(super) fn can_be_handed_out(&mut self, money: Money) -> Result<(), ResultCode> {
        if money.cash_exact == 0 {
            return Ok(());
        }
        if money.cash == 0 {
            self.amounts.hand_out = None;
            return Err(ResultCode::InvalidAmount);
        }
        let Some((_, terminal)) = self.terminal else { return Err(ResultCode::UnknownTerminal) };
        let currency = self.request.amount.currency();
        let is_atm = terminal.category == DeviceCategory::Atm && currency == Currency::KGS;
        if is_atm && !notes_can_pay(&terminal.denominations, money.cash) {
            self.trace(RuleId::Amt1, Verdict::Decline, money.amount, signed(money.cash), 0);
            self.amounts.hand_out = None;
            return Err(ResultCode::NotesCannotPay);
        }
        Ok(())
    }

    /// What limits look at. `None` where card or account is unknown.
    pub(super) fn facts(&self, kind: Kind, money: Money, priced: &Priced) -> Option<Facts> {
        let (card_slot, card) = self.card?;
        let (account_slot, account) = self.account?;
        let (device, terminal) = self.terminal?;
        let customer = self.state.directory().customer(card.holder)?;
        let pin = match self.request.facts.pin {
            PinFact::OnlineVerified => Pin::Online,
            PinFact::OfflineVerified => Pin::Offline,
            PinFact::DeviceVerified => Pin::Cdcvm,
            PinFact::NotPresent
            | PinFact::OnlineWrong
            | PinFact::Unverifiable
            | PinFact::Unavailable => Pin::None,
        };
        let absent = self.request.entry_mode.is_card_absent()
            || terminal.category == DeviceCategory::Ecommerce;
        Some(Facts {
            moment: self.moment,
            date: self.date,
            card: card_slot,
            account: account_slot.0,
            customer: card.holder,
            product: account.product,
            tier: customer.tier,
            device,
            agent: terminal.agent,
            merchant: terminal.merchant,
            network: self.state.network_of(card),
            mcc: self.mcc(),
            country: self.country(),
            category: terminal.category,
            operation: kind.operation,
            contactless: self.request.entry_mode.is_contactless(),
            card_present: !absent,
            credit: kind.direction == Direction::Credit,
            increment: false,
            before: limits::Before::default(),
            pin,
            amount_kgs: priced.sums.kgs,
            cash_kgs: self.cash_in_som(priced, money.cash),
            cash_exact_kgs: self.cash_in_som(priced, money.cash_exact),
        })
    }

    /// CTL, AGT and LIM: every rule is looked at and traced; the first over its ceiling answers.
    pub(super) fn limits(&mut self, facts: &Facts) -> Result<(), ResultCode> {
        let plan = self.state.plan();
        limits::check(plan, self.state.usage(), facts, &mut self.scratch.report);
        for verdict in self.scratch.report.verdicts() {
            if verdict.outcome != Outcome::NotApplicable {
                self.scratch.trace.push(entry_of(verdict));
            }
            let capped = matches!(verdict.rule, Rule::Agt1 | Rule::Agt2);
            if let Some((limit, cap)) = plan.lower_cap(facts).filter(|_| capped)
                && verdict.outcome != Outcome::NotApplicable
            {
                let (rule, verdict, ceiling) = (RuleId::Agt7, Verdict::Note, signed(cap));
                let (asked, used) = (0, 0);
                let entry = TraceEntry { rule, verdict, limit, asked, used, ceiling };
                self.scratch.trace.push(entry);
            }
        }
        let Some(over) = self.scratch.report.first_over() else { return Ok(()) };
        let (rule, code, is_count) = (over.rule, over.code, over.measure == limits::Measure::Count);
        let left = self.scratch.report.cap_left();
        self.amounts.hand_out = None;
        match rule {
            Rule::Agt1 | Rule::Agt2 => {
                self.amounts.cap_left = left.map(|left| (left, Currency::KGS));
                Err(ResultCode::AgentCapExceeded)
            }
            _ => {
                self.code_override = code;
                // An agent can offer less under any limit on amounts, not only the cap (AGT-3).
                let agent = facts.is_agent_cash() && !is_count;
                self.amounts.cap_left = left.filter(|_| agent).map(|left| (left, Currency::KGS));
                Err(if is_count {
                    ResultCode::CountLimitExceeded
                } else {
                    ResultCode::AmountLimitExceeded
                })
            }
        }
    }

    /// AGT-3: what an agent may still hand out on this card today, for one who asks beforehand. It is
    /// what a decline would tell; nothing is counted or traced.
    pub(super) fn agent_cash_left(&mut self, kind: Kind, priced: &Priced) {
        let none = Money { amount: 0, cash_exact: 0, cash: 0 };
        let Some(facts) = self.facts(kind, none, priced) else { return };
        if facts.category != DeviceCategory::Agent {
            return;
        }
        // The least cash there is.
        let (operation, least) = (limits::Operation::AgentCash, 1);
        let (amount_kgs, cash_kgs, cash_exact_kgs) = (least, least, least);
        let facts = Facts { operation, amount_kgs, cash_kgs, cash_exact_kgs, ..facts };
        let report = &mut self.scratch.report;
        limits::check(self.state.plan(), self.state.usage(), &facts, report);
        self.amounts.cap_left = report.cap_left().map(|left| (left, Currency::KGS));
        report.clear();
    }

    /// CTL-3: asked only of what nothing else declines.
    pub(super) fn pin_asked(&mut self) -> Result<(), ResultCode> {
        let Some(asks) = self.scratch.report.needs_pin() else { return Ok(()) };
        self.code_override = asks.code;
        self.amounts.hand_out = None;
        self.note(RuleId::Ctl3, Verdict::AskPin);
        Err(ResultCode::PinRequired)
    }

    /// TXN-3: how long a hold stands: the product's own, or 30 days for hotels and car rental
    /// (MCC 3351-3999, 7011, 7512, 7513), or 7.
    pub(super) fn hold_expiry(&self) -> Timestamp {
        let by_mcc = match self.mcc() {
            3351..=3999 | 7011 | 7012 | 7512 | 7513 => 30,
            _ => 7,
        };
        let days = self.product.and_then(|product| product.hold_days).unwrap_or(by_mcc);
        self.moment.at.plus_days(i64::from(days))
    }

    /// The postings of a transaction: the account moves by the exact amount, and what rounding cash
    /// leaves goes to income or comes from expense (AMT-1, BAL-7).
    pub(super) fn post(&mut self, kind: Kind, money: Money, priced: &Priced) {
        let Some((slot, _)) = self.account else { return };
        let after = (self.standing(kind, money, priced), kind.other_side());
        let transfers = &mut self.scratch.movement.transfers;
        post_change(transfers, Party::Customer(slot), None, Some(after));
    }

    /// What will stand of the transaction under decision.
    pub(super) fn standing<'p>(
        &self,
        kind: Kind,
        money: Money,
        priced: &'p Priced,
    ) -> Standing<'p> {
        Standing {
            pricing: priced.pricing.as_deref(),
            currency: self.request.amount.currency(),
            amount: unsigned(money.amount),
            credit: kind.direction == Direction::Credit,
            cash_exact: money.cash_exact,
            cash: money.cash,
        }
    }
}

/// What rounding cash leaves with the bank, or costs it.
pub(super) fn rounding(
    exact: u64,
    rounded: u64,
    bank: Party,
    currency: Currency,
) -> Option<Transfer> {
    let income = Party::General(GeneralAccount::RoundingIncome);
    let expense = Party::General(GeneralAccount::RoundingExpense);
    if exact > rounded {
        let amount = exact.saturating_sub(rounded);
        Some(Transfer { debit: bank, credit: income, amount, currency })
    } else if rounded > exact {
        let amount = rounded.saturating_sub(exact);
        Some(Transfer { debit: expense, credit: bank, amount, currency })
    } else {
        None
    }
}

/// A limit's verdict as an entry of the trace.
fn entry_of(verdict: &limits::Verdict) -> TraceEntry {
    let rule = match verdict.rule {
        Rule::Ctl1 => RuleId::Ctl1,
        Rule::Ctl2 => RuleId::Ctl2,
        Rule::Ctl4 => RuleId::Ctl4,
        Rule::Agt1 => RuleId::Agt1,
        Rule::Agt2 => RuleId::Agt2,
        Rule::Lim1 => RuleId::Lim1,
    };
    let said = match verdict.outcome {
        Outcome::Pass => Verdict::Pass,
        Outcome::Over => Verdict::Decline,
        Outcome::NeedsPin => Verdict::AskPin,
        Outcome::NotApplicable => Verdict::NotApplicable,
    };
    let limit = match verdict.figure {
        Figure::Limit(at) => Some(at),
        _ => None,
    };
    TraceEntry {
        rule,
        verdict: said,
        limit,
        asked: signed(verdict.asked),
        used: signed(verdict.used),
        ceiling: signed(verdict.ceiling),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amt_1_cash_is_settled_in_halves_of_a_som() {
        for (exact, rounded) in [
            (10_000, 10_000),
            (10_001, 10_000),
            (10_024, 10_000),
            (10_025, 10_050),
            (10_049, 10_050),
            (10_050, 10_050),
            (10_074, 10_050),
            (10_075, 10_100),
            (10_099, 10_100),
            (24, 0),
        ] {
            assert_eq!(round_cash(exact, Currency::KGS), rounded, "{exact}");
        }
    }

    #[test]
    fn amt_1_notes_that_make_the_amount() {
        let notes = [20_000, 50_000, 100_000, 500_000];
        for (amount, can) in [
            (20_000, true),
            (15_000, false),
            (30_000, false),
            (50_000, true),
            (70_000, true),
            (110_000, true),
            (10_000, false),
            (1_000_000, true),
            (20_050, false),
        ] {
            assert_eq!(notes_can_pay(&notes, amount), can, "{amount}");
        }
        assert!(notes_can_pay(&[], 1), "a machine without a list is not judged");
    }

    #[test]
    fn amt_1_notes_agree_with_trying_everything() {
        let notes = [7u64, 11, 13];
        let mut payable = [false; 200];
        payable[0] = true;
        for amount in 1..200 {
            payable[amount] = notes.iter().any(|note| {
                amount
                    .checked_sub(usize::try_from(*note).unwrap())
                    .is_some_and(|rest| payable[rest])
            });
        }
        for (amount, can) in payable.iter().enumerate().skip(1) {
            assert_eq!(notes_can_pay(&notes, amount as u64), *can, "{amount}");
        }
    }
}
