//! Building answers.

use crate::authentication::Seal;
use crate::{Fault, NewKey, edition2003, exchange};
use authorization::{AnswerAmounts, Decision, ResultCode, Statement};
use iso8583::{BuildError, Dialect, Message, MessageBuilder};
use payment_types::{Balance, Class, Currency, Moment, Mti, ResponseCode};
use thiserror::Error;

/// What an answer repeats of its request, as it came (WIRE.md). DE 2, 35, 36, 45 and 52 are not
/// among them: a card number or a PIN never goes back.
const fn is_echoed(de: u8) -> bool {
    matches!(de, 3 | 4 | 7 | 11 | 12 | 13 | 24 | 32 | 33 | 37 | 41 | 42)
}

/// The largest sum that DE 54 has digits for.
const LARGEST: u64 = 999_999_999_999;

/// Why there is no answer. Nothing has been appended then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The request cannot be read, so nothing is known to answer to.
    #[error("the request cannot be read")]
    Unreadable,
    /// The request's type has no answer.
    #[error("a message of type {0} has no answer")]
    NoAnswer(Mti),
    /// An approval was to be sent without proof that it is on stable storage.
    #[error("{} is an approval, which needs a durable decision", .0.name())]
    NotDurable(ResultCode),
    /// The answer needs an authentication code that cannot be made now, and is not one that may go
    /// without.
    #[error("an authentication code for the answer cannot be made now")]
    NotAuthenticated,
    /// The answer does not fit the dialect.
    #[error("the answer does not fit the dialect: {0}")]
    Build(#[from] BuildError),
}

/// An answer under construction.
pub(crate) struct Answer<'d> {
    builder: MessageBuilder<'d>,
}

impl<'d> Answer<'d> {
    /// The answer's type, what it echoes and DE 39.
    pub(crate) fn new(
        dialect: &'d Dialect,
        request: &Message<'_>,
        code: &ResponseCode,
    ) -> Result<Self, AnswerError> {
        let mti = request.mti();
        let response = mti.response().ok_or(AnswerError::NoAnswer(mti))?;
        let mut builder = MessageBuilder::new(dialect, response);
        // All at once and then without the rest, which costs less than one by one.
        builder.copy_all(request)?;
        for de in request.elements().filter(|de| !is_echoed(*de)) {
            builder.unset(de);
        }
        builder.set_text(39, code.as_str().as_bytes())?;
        Ok(Self { builder })
    }

    /// DE 4, 37, 38 and 54 of a decision.
    pub(crate) fn decided(
        &mut self,
        request: &Message<'_>,
        decision: &Decision,
    ) -> Result<(), AnswerError> {
        if let Some(approved) = decision.amounts.approved {
            self.builder.set_number(4, amount(request, approved))?;
        }
        self.builder.set_text(37, decision.rrn.as_bytes())?;
        if let Some(code) = decision.authorization_code {
            self.builder.set_text(38, code.as_str().as_bytes())?;
        }
        let asked = request.number(3).and_then(Result::ok).unwrap_or(0);
        let has_exponent = edition2003::amounts_have_exponents(request.dialect());
        let groups = groups(&decision.amounts, asked / 100 % 100, has_exponent);
        if !groups.is_empty() {
            self.builder.set_text(54, &groups)?;
        }
        self.special(request, decision)
    }

    /// DE 48 of a mini-statement, DE 73 and 120 of a stop-list inquiry, DE 66 of totals.
    fn special(&mut self, request: &Message<'_>, decision: &Decision) -> Result<(), AnswerError> {
        let lines = statement(&decision.statement);
        if !lines.is_empty() {
            self.if_it_fits(48, &lines);
        }
        if let Some(terms) = decision.listed {
            let (year, month, day) = terms.until.ymd();
            let until = u64::try_from(year.rem_euclid(100)).unwrap_or_default() * 10_000
                + u64::from(month) * 100
                + u64::from(day);
            self.if_it_fits(73, format!("{until:06}").as_bytes());
            self.if_it_fits(120, if terms.special { b";07" } else { b";04" });
        }
        // In later editions DE 66 is another one, and DE 39 says it all.
        if request.mti().class() == Class::Reconciliation && request.dialect().version() == 0 {
            let settled = if decision.result == ResultCode::Reconciled { 1 } else { 2 };
            self.builder.set_number(66, settled)?;
        }
        if request.mti().class() == Class::NetworkManagement {
            self.builder.copy(request, 70)?;
        }
        Ok(())
    }

    /// An element that the dialect may have another use for.
    fn if_it_fits(&mut self, de: u8, text: &[u8]) {
        if self.builder.set_text(de, text).is_err() {
            self.builder.unset(de);
        }
    }

    /// Names the element that is wrong, if the dialect has room for it.
    pub(crate) fn diagnose(&mut self, element: u8, fault: &Fault) {
        let text = fault.to_string();
        if self.builder.set_text(element, text.as_bytes()).is_err() {
            self.builder.unset(element);
        }
    }

    /// DE 70 as it came, and DE 7 made here if the request has none.
    pub(crate) fn network(
        &mut self,
        request: &Message<'_>,
        now: Moment,
    ) -> Result<(), AnswerError> {
        self.builder.copy(request, 70)?;
        if !request.has(7) {
            self.builder.set_number(7, u64::from(now.wire_utc().number()))?;
        }
        Ok(())
    }

    /// DE 55, what goes back to the chip.
    pub(crate) fn chip(&mut self, data: &[u8]) {
        if self.builder.set_binary(55, data).is_err() {
            self.builder.unset(55);
        }
    }

    /// The new key of a key exchange, or its confirmation.
    pub(crate) fn key(
        &mut self,
        request: &Message<'_>,
        element: u8,
        key: &NewKey,
    ) -> Result<(), AnswerError> {
        exchange::put(&mut self.builder, request, element, key)
    }

    /// Appends the body without an authentication code.
    pub(crate) fn write_bare(mut self, out: &mut Vec<u8>) -> Result<(), AnswerError> {
        self.builder.write(out)?;
        Ok(())
    }

    /// Appends the body, with an authentication code if the request had one (SEC-5).
    pub(crate) fn write(
        self,
        request: &Message<'_>,
        seal: &Seal<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        seal.write(request, self.builder, out)
    }
}

/// DE 4 of a partial approval.
fn amount(request: &Message<'_>, approved: u64) -> u64 {
    if !edition2003::amounts_have_exponents(request.dialect()) {
        return approved;
    }
    let asked = request.number(4).and_then(Result::ok).unwrap_or(0);
    edition2003::with_amount(asked, approved)
}

/// DE 54: ledger balance, available balance, cash to hand out, what is left of the cap. An amount
/// of more than twelve digits is left out: half of it would be a lie.
fn groups(amounts: &AnswerAmounts, account_type: u64, has_exponent: bool) -> Vec<u8> {
    let mut text = Vec::new();
    let mut group = |kind: u64, minor: u64, sign: u8, currency: Currency| {
        if minor <= LARGEST {
            push_digits(&mut text, account_type, 2);
            push_digits(&mut text, kind, 2);
            push_digits(&mut text, u64::from(currency.numeric()), 3);
            if has_exponent {
                push_digits(&mut text, u64::from(currency.exponent()), 1);
            }
            text.push(sign);
            push_digits(&mut text, minor, 12);
        }
    };
    let signed = |balance: Balance| (balance.unsigned_abs(), if balance < 0 { b'D' } else { b'C' });
    for (kind, balance) in [(1, amounts.ledger), (2, amounts.available)] {
        if let Some((balance, currency)) = balance {
            let (minor, sign) = signed(balance);
            group(kind, minor, sign, currency);
        }
    }
    for (kind, amount) in [(40, amounts.hand_out), (44, amounts.cap_left)] {
        if let Some((minor, currency)) = amount {
            group(kind, minor, b'C', currency);
        }
    }
    text
}

/// A mini-statement as text, 22 characters a movement, newest first: month and day, DE 3's first two
/// digits, D for a payment or C for a credit, twelve digits of the amount, the currency.
fn statement(statement: &Statement) -> Vec<u8> {
    let mut text = Vec::new();
    for line in statement.iter().filter(|line| line.amount.unsigned_abs() <= LARGEST) {
        let (_, month, day) = line.date.ymd();
        push_digits(&mut text, u64::from(month) * 100 + u64::from(day), 4);
        push_digits(&mut text, u64::from(line.transaction), 2);
        text.push(if line.amount < 0 { b'C' } else { b'D' });
        push_digits(&mut text, line.amount.unsigned_abs(), 12);
        push_digits(&mut text, u64::from(line.currency.numeric()), 3);
    }
    text
}

/// The last `width` digits of a number.
fn push_digits(text: &mut Vec<u8>, number: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10u64.pow(place) % 10;
        text.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stand_in_a_fixed_order() {
        let amounts = AnswerAmounts {
            ledger: Some((-5, Currency::KGS)),
            available: Some((2_500_000, Currency::KGS)),
            hand_out: Some((10_000, Currency::KGS)),
            cap_left: Some((0, Currency::KGS)),
            approved: None,
        };
        assert_eq!(
            groups(&amounts, 20, false),
            b"2001417D0000000000052002417C0000025000002040417C0000000100002044417C000000000000"
        );
        assert_eq!(groups(&AnswerAmounts::default(), 0, false), b"");
        let huge = AnswerAmounts { ledger: Some((i64::MIN, Currency::KGS)), ..Default::default() };
        assert_eq!(groups(&huge, 0, false), b"");
    }
}
