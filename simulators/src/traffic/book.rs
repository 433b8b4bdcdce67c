//! What the demo's cardholders know of their own money, so that every answer is known beforehand.
//!
//! This is deliberately not the engine's code: a second, simple account of the same facts, under
//! the demo's rule set (`deploy/demo/rules.toml`): edition `76/8-2015` of both rules, no fees.

use crate::portfolio::{Card, Portfolio};
use payment_types::BusinessDate;
use std::collections::BTreeMap;

/// CTL-1: 30 indicators of 100.00, in tyiyn.
pub(crate) const NO_PIN_LIMIT: i64 = 300_000;
/// AGT-1: 150 indicators of 100.00 a day and holder, in tyiyn.
pub(crate) const AGENT_CAP: i64 = 1_500_000;

/// What is left to spend, by account, and of the day's agent cash, by holder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    available: BTreeMap<Box<str>, i64>,
    agent_cash: BTreeMap<Box<str>, (BusinessDate, i64)>,
}

impl Book {
    pub(crate) fn open(portfolio: &Portfolio) -> Self {
        let accounts = portfolio.accounts.iter();
        let available = accounts.map(|(id, account)| (id.clone(), account.available)).collect();
        Self { available, agent_cash: BTreeMap::new() }
    }

    pub(crate) fn available(&self, card: &Card) -> i64 {
        self.available.get(&card.account).copied().unwrap_or_default()
    }

    /// Writes down what the host says is there, where it differs; whether it did.
    pub(crate) fn correct(&mut self, card: &Card, available: i64) -> bool {
        self.available.insert(card.account.clone(), available) != Some(available)
    }

    pub(crate) fn spend(&mut self, card: &Card, minor: i64) {
        *self.available.entry(card.account.clone()).or_default() -= minor;
    }

    pub(crate) fn receive(&mut self, card: &Card, minor: i64) {
        self.spend(card, -minor);
    }

    /// What the holder may still take at agents on that day.
    pub(crate) fn cap_left(&self, card: &Card, day: BusinessDate) -> i64 {
        match self.agent_cash.get(&card.holder) {
            Some((counted_on, taken)) if *counted_on == day => AGENT_CAP - taken,
            _ => AGENT_CAP,
        }
    }

    /// Writes down what the host says is left of the cap.
    pub(crate) fn correct_cap(&mut self, card: &Card, day: BusinessDate, left: i64) {
        self.agent_cash.insert(card.holder.clone(), (day, AGENT_CAP - left));
    }

    pub(crate) fn take_agent_cash(&mut self, card: &Card, day: BusinessDate, minor: i64) {
        let taken = AGENT_CAP - self.cap_left(card, day) + minor;
        self.agent_cash.insert(card.holder.clone(), (day, taken));
    }
}

/// The response code of a card that cannot pay, by the most severe of its reasons (BLK-2).
pub(crate) fn refusal(card: &Card, today: BusinessDate) -> Option<&'static str> {
    const BY_SEVERITY: &[(&str, &str)] = &[
        ("stolen", "43"),
        ("lost", "41"),
        ("stop_list", "04"),
        ("suspected_fraud", "59"),
        ("closed", "14"),
        ("agreement_ended", "14"),
    ];
    let reasons = || card.blocks.iter().chain([&card.status]).map(AsRef::as_ref);
    let severe = BY_SEVERITY.iter().find(|(reason, _)| reasons().any(|given| given == *reason));
    let expiry = payment_types::ExpiryDate::from_number(card.expiry);
    match severe {
        Some((_, code)) => Some(code),
        None if expiry.is_some_and(|expiry| expiry.is_past_on(today)) => Some("54"),
        None if reasons().any(|reason| reason != "active") => Some("62"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pin::TypedPin;

    fn card(blocks: &[&str], status: &str) -> Card {
        Card {
            pin: Some(TypedPin::new("1234")),
            status: status.into(),
            blocks: blocks.iter().map(|reason| (*reason).into()).collect(),
            ..crate::card::tests::card()
        }
    }

    #[test]
    fn the_cap_is_of_the_day_it_was_counted_on() {
        let monday = BusinessDate::parse("2026-11-23").unwrap();
        let (mut book, card) = (Book::default(), card(&[], "active"));
        book.take_agent_cash(&card, monday, 1_000_000);
        assert_eq!(book.cap_left(&card, monday), 500_000);
        assert_eq!(book.cap_left(&card, monday.plus_days(1)), AGENT_CAP);
        book.take_agent_cash(&card, monday, -400_000);
        assert_eq!(book.cap_left(&card, monday), 900_000);
    }

    #[test]
    fn the_most_severe_reason_answers() {
        let today = BusinessDate::parse("2026-11-23").unwrap();
        assert_eq!(refusal(&card(&[], "active"), today), None);
        assert_eq!(refusal(&card(&["lost", "stolen"], "active"), today), Some("43"));
        assert_eq!(refusal(&card(&["holder_request"], "active"), today), Some("62"));
        assert_eq!(refusal(&card(&[], "not_activated"), today), Some("62"));
        let later = BusinessDate::parse("2030-01-01").unwrap();
        assert_eq!(refusal(&card(&[], "active"), later), Some("54"));
        assert_eq!(refusal(&card(&["lost"], "active"), later), Some("41"));
    }
}
