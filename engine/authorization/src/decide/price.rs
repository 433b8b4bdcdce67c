//! What an amount is on the account, and what it costs: AMT-2, AMT-3, AMT-4, AMT-6, and BAL-1, which
//! looks at both together.

use super::case::Case;
use super::checks::{Direction, Kind};
use super::money::{HOME_COUNTRY, Money, signed, unsigned};
use crate::pricing::{FeeLine, MAX_FEES, Pricing, Sums, sums};
use crate::rates::{Exact, Quote};
use crate::transactions::Transaction;
use crate::{ResultCode, RuleId, TraceEntry, Verdict};
use arrayvec::ArrayVec;
use limits::{FeeOperation, FeeQuery, Operation};
use payment_types::{Balance, Currency, DeviceCategory, TransactionType};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// An amount with what it comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Priced {
    /// How it was converted and what is charged; `None` for som on an account in som without fees.
    pub(super) pricing: Option<Box<Pricing>>,
    /// What it comes to.
    pub(super) sums: Sums,
}

/// A rate in a trace: millionths of a major unit.
fn millionths(rate: Decimal) -> Balance {
    let scaled = rate.checked_mul(Decimal::from(1_000_000u32));
    scaled.and_then(|scaled| scaled.round().to_i64()).unwrap_or(Balance::MAX)
}

impl Case<'_> {
    /// AMT-2: a domestic terminal asks in KGS. AMT-6: nobody pays in metal.
    pub(super) fn currency_in_order(&mut self) -> Result<(), ResultCode> {
        let currency = self.request.amount.currency();
        let abroad = self.country() != HOME_COUNTRY;
        if !currency.is_known() || (!abroad && currency != Currency::KGS) {
            self.note(RuleId::Amt2, Verdict::Decline);
            return Err(ResultCode::CurrencyNotPermitted);
        }
        if currency.is_metal() {
            self.note(RuleId::Amt6, Verdict::Decline);
            return Err(ResultCode::CurrencyNotPermitted);
        }
        Ok(())
    }

    /// AMT-3 and AMT-4 for an amount that may still be declined. A rate that is missing or too old
    /// declines it.
    pub(super) fn price(&mut self, kind: Kind, money: Money) -> Result<Priced, ResultCode> {
        let fees = self.fees(kind, money)?;
        let pricing = self.pricing(kind, fees, None)?;
        self.priced(pricing, money.amount)
    }

    /// The same for a fact: a rate that is too old is better than none, and so is the one of the
    /// transaction it completes. A completion is charged what its original was (AMT-4).
    pub(super) fn price_fact(
        &mut self,
        kind: Kind,
        money: Money,
        original: Option<&Transaction>,
    ) -> Result<Priced, ResultCode> {
        if money.amount == 0 {
            // Nothing is charged, but a later completion is charged as the original was.
            let pricing = original.and_then(|row| row.pricing.clone());
            return Ok(Priced { pricing, ..Priced::default() });
        }
        let before = original.and_then(|row| row.pricing.as_deref());
        let fees = match (original, before) {
            (Some(_), Some(before)) => before.fees.clone(),
            (Some(_), None) => ArrayVec::new(),
            (None, _) => self.fees(kind, money)?,
        };
        let pricing = self.pricing(kind, fees, Some(before))?;
        self.priced(pricing, money.amount)
    }

    fn priced(&mut self, pricing: Option<Pricing>, amount: Balance) -> Result<Priced, ResultCode> {
        let found = sums(pricing.as_ref(), unsigned(amount), true);
        let Some(sums) = found else {
            self.trace(RuleId::Amt3, Verdict::Decline, amount, 0, 0);
            return Err(ResultCode::InvalidAmount);
        };
        Ok(Priced { pricing: pricing.map(Box::new), sums })
    }

    /// The rates for the transaction and for what limits count; `None` where there is nothing to
    /// convert and nothing to pay. `fact` is there for a fact, with its original's pricing.
    fn pricing(
        &mut self,
        kind: Kind,
        fees: ArrayVec<FeeLine, MAX_FEES>,
        fact: Option<Option<&Pricing>>,
    ) -> Result<Option<Pricing>, ResultCode> {
        let Some((_, account)) = self.account else { return Err(ResultCode::UnknownCard) };
        let account = account.currency;
        let asked = self.request.amount.currency();
        let flat = kind.direction == Direction::None;
        let only_table = fees.iter().all(|fee| fee.place.is_some());
        // An inquiry has no amount; the table's fees are in som.
        let currency = if flat && only_table { Currency::KGS } else { asked };
        if fees.is_empty() && (flat || (currency == account && currency == Currency::KGS)) {
            return Ok(None);
        }
        let quote = self.quoted(currency, account, fact.is_some());
        let to_som = self.quoted(currency, Currency::KGS, fact.is_some());
        let kept =
            fact.flatten().filter(|kept| (kept.currency, kept.account) == (currency, account));
        let (ratio, kgs, margin, quoted) = match (quote, to_som, kept) {
            (Some(quote), Some(som), _) => {
                (quote.ratio, som.ratio, quote.margin_percent, quote.quoted)
            }
            (_, _, Some(kept)) => (kept.ratio, kept.kgs, kept.margin_percent.0, Decimal::ZERO),
            _ => {
                let stale = self.state.quote(currency, account, self.moment);
                let stale = stale.map_or(0, |quote| millionths(quote.quoted));
                let amount = signed(self.request.amount.minor());
                self.trace(RuleId::Amt3, Verdict::Decline, amount, 0, stale);
                return Err(ResultCode::NoRate);
            }
        };
        let credit = kind.direction == Direction::Credit;
        let margin_percent = Exact(margin);
        let pricing = Pricing { currency, account, ratio, kgs, margin_percent, credit, flat, fees };
        if currency != account {
            self.trace_rate(&pricing, quoted);
        }
        Ok(Some(pricing))
    }

    /// A quote that may be used: a stale one for facts only.
    fn quoted(&self, from: Currency, to: Currency, is_fact: bool) -> Option<Quote> {
        self.state.quote(from, to, self.moment).filter(|quote| is_fact || !quote.stale)
    }

    /// AMT-3 in the trace: the amount asked, what it is on the account, and the rate of the table in
    /// millionths; then the margin apart.
    fn trace_rate(&mut self, pricing: &Pricing, quoted: Decimal) {
        let asked = self.request.amount.minor();
        let Some(sums) = pricing.of(asked).filter(|_| asked > 0) else { return };
        let (principal, rate) = (signed(sums.principal), millionths(quoted));
        let rule = if pricing.account.is_metal() { RuleId::Amt6 } else { RuleId::Amt3 };
        self.trace(rule, Verdict::Note, signed(asked), principal, rate);
        if sums.margin > 0 {
            self.trace(rule, Verdict::Note, signed(sums.margin), principal, 0);
        }
    }

    /// AMT-4: the table's fee for the request, and the acquirer's own (DE 28), which only a cash
    /// machine may charge, and not more than it hands out.
    fn fees(
        &mut self,
        kind: Kind,
        money: Money,
    ) -> Result<ArrayVec<FeeLine, MAX_FEES>, ResultCode> {
        let mut fees = ArrayVec::new();
        if let Some(line) = self.fee_of_table(kind) {
            fees.push(line);
        }
        let surcharge = self.request.surcharge.unwrap_or(0);
        if surcharge > 0 {
            let at = self.terminal.map(|(_, terminal)| terminal.category);
            let most = unsigned(money.amount);
            let fits = kind.direction == Direction::None || surcharge <= most;
            if at != Some(DeviceCategory::Atm) || kind.direction == Direction::Credit || !fits {
                self.trace(RuleId::Amt4, Verdict::Decline, signed(surcharge), money.amount, 0);
                return Err(ResultCode::InvalidAmount);
            }
            fees.push(FeeLine::surcharge(surcharge));
        }
        Ok(fees)
    }

    fn fee_of_table(&self, kind: Kind) -> Option<FeeLine> {
        let plan = self.state.plan();
        if !plan.has_fees() {
            return None;
        }
        let operation = match self.request.processing_code.transaction_type() {
            TransactionType::BalanceInquiry => FeeOperation::BalanceInquiry,
            TransactionType::MiniStatement => FeeOperation::MiniStatement,
            TransactionType::PinChange => FeeOperation::PinChange,
            _ => operation_of(kind.operation)?,
        };
        let ((_, terminal), (_, card)) = (self.terminal?, self.card?);
        let query = FeeQuery {
            operation,
            contactless: self.request.entry_mode.is_contactless(),
            channel: terminal.category,
            on_us: terminal.on_us,
            network: self.state.network_of(card),
            product: self.account?.1.product,
        };
        plan.fee(&query).map(|(place, terms)| FeeLine::of_table(place, terms))
    }

    /// AMT-4: each fee has a line of its own in the trace: the fee, and what it is on.
    pub(super) fn trace_fees(&mut self, priced: &Priced) {
        let Some(pricing) = &priced.pricing else { return };
        for (line, fee) in pricing.fees.iter().zip(priced.sums.fees) {
            let (asked, used) = (signed(fee), signed(priced.sums.principal));
            let (rule, verdict) = (RuleId::Amt4, Verdict::Note);
            let entry = TraceEntry::numbers(rule, verdict, asked, used, 0);
            self.scratch.trace.push(TraceEntry { limit: line.place, ..entry });
        }
    }

    /// BAL-1: `amount + fees ≤ available`; BAL-4: or what there is, where terminal and product allow
    /// it. Gives the amount that can be approved, in the transaction's currency.
    pub(super) fn funds(
        &mut self,
        kind: Kind,
        money: Money,
        priced: &Priced,
    ) -> Result<Balance, ResultCode> {
        let Some((_, account)) = self.account else { return Err(ResultCode::UnknownCard) };
        let available = account.available(self.date);
        let cost = priced.sums.cost();
        if cost <= available {
            self.trace(RuleId::Bal1, Verdict::Pass, cost, available, 0);
            return Ok(money.amount);
        }
        let Some((_, terminal)) = self.terminal else { return Err(ResultCode::UnknownTerminal) };
        let product = self.product.is_some_and(|product| product.partial_approval);
        let goods = !kind.is_cash && !kind.has_cash_back && kind.direction == Direction::Debit;
        if available > 0 && goods && product && terminal.partial_approval {
            let granted = most_within(priced.pricing.as_deref(), money.amount, available);
            if granted > 0 {
                self.trace(RuleId::Bal4, Verdict::Pass, cost, available, 0);
                return Ok(granted);
            }
        }
        self.trace(RuleId::Bal1, Verdict::Decline, cost, available, 0);
        self.amounts.hand_out = None;
        if terminal.balance_on_decline {
            self.amounts.available = Some((available, account.currency));
        }
        Err(ResultCode::InsufficientFunds)
    }

    /// A credit's fee is paid out of it and of what there is.
    pub(super) fn credit_covers_fees(&mut self, priced: &Priced) -> Result<(), ResultCode> {
        let Some((_, account)) = self.account else { return Err(ResultCode::UnknownCard) };
        let Sums { principal, margin, .. } = priced.sums;
        let fees = signed(priced.sums.fees());
        let arrives = signed(principal.saturating_sub(margin));
        let available = account.available(self.date).saturating_add(arrives);
        if fees == 0 {
            return Ok(());
        }
        let enough = fees <= available;
        let verdict = if enough { Verdict::Pass } else { Verdict::Decline };
        self.trace(RuleId::Bal1, verdict, fees, available, 0);
        if enough { Ok(()) } else { Err(ResultCode::InsufficientFunds) }
    }

    /// The same amount, priced again as a smaller one: a partial approval (BAL-4).
    pub(super) fn lowered(priced: Priced, amount: Balance) -> Result<Priced, ResultCode> {
        let found = sums(priced.pricing.as_deref(), unsigned(amount), true);
        let sums = found.ok_or(ResultCode::InvalidAmount)?;
        Ok(Priced { sums, ..priced })
    }

    /// TXN-4: an increment pays the share of its amount; what does not grow was paid before.
    pub(super) fn as_increment(priced: Priced, amount: Balance) -> Result<Priced, ResultCode> {
        let Some(mut pricing) = priced.pricing else { return Ok(priced) };
        for line in &mut pricing.fees {
            *line = line.share();
        }
        Self::lowered(Priced { pricing: Some(pricing), sums: priced.sums }, amount)
    }

    /// AGT-6: cash in som, whatever the account is in. A rate was found before, or it is in som.
    pub(super) fn cash_in_som(&self, priced: &Priced, cash: u64) -> u64 {
        let pricing = priced.pricing.as_deref();
        pricing.map_or(cash, |pricing| pricing.in_som(cash).unwrap_or(cash))
    }
}

fn operation_of(operation: Operation) -> Option<FeeOperation> {
    Some(match operation {
        Operation::AtmCash => FeeOperation::AtmCash,
        Operation::AgentCash => FeeOperation::AgentCash,
        Operation::BranchCash => FeeOperation::BranchCash,
        Operation::Purchase => FeeOperation::Purchase,
        Operation::Ecommerce => FeeOperation::Ecommerce,
        Operation::Transfer => FeeOperation::Transfer,
        Operation::CashIn => FeeOperation::CashIn,
        Operation::Refund | Operation::Other => return None,
    })
}

/// The largest amount up to `asked` that costs no more than there is. Costs rise with the amount,
/// so it is found by halving.
fn most_within(pricing: Option<&Pricing>, asked: Balance, available: Balance) -> Balance {
    let fits = |amount: Balance| {
        let sums = sums(pricing, unsigned(amount), true);
        sums.is_some_and(|sums| sums.cost() <= available)
    };
    let (mut low, mut high) = (0, asked);
    while low < high {
        let middle = high.saturating_sub(high.saturating_sub(low) / 2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    low
}

/// What a kept transaction takes from its account while so much of it stands: its part of a hold.
pub(crate) fn cost_of(row: &Transaction, stands: Balance) -> Balance {
    let sums = sums(row.pricing.as_deref(), stands.unsigned_abs(), stands != 0);
    sums.map_or(stands, |sums| sums.cost())
}

/// What a kept transaction counts for in som while so much of it stands.
pub(super) fn som_of(row: &Transaction, stands: u64) -> u64 {
    let som = row.pricing.as_deref().map(|pricing| pricing.in_som(stands));
    som.flatten().unwrap_or(stands)
}
