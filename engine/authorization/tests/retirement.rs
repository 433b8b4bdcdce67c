//! What the calendar ends, listed for approval: idle accounts (BLK-8), cards not collected.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::*;
use common::*;
use ledger::{GeneralAccount, Party};
use payment_types::*;

fn day(text: &str) -> BusinessDate {
    BusinessDate::parse(text).unwrap()
}

/// Ends every day up to `until`, each at the midnight after it.
fn days_until(bank: &mut Bank, until: &str) {
    while let Some(date) = bank.state.next_day().filter(|date| *date <= day(until)) {
        let midnight = date.plus_days(1).start(bank.now.offset);
        bank.now = Moment::new(Timestamp(bank.now.at.0.max(midnight.0)), bank.now.offset);
        let outcome = bank.command(Command::EndOfDay { date });
        assert!(matches!(outcome, Outcome::Done(Done::Day(_))), "{outcome:?}");
    }
}

/// Adds accounts with a card each that expires with November 2026.
fn with_accounts(accounts: &[(&str, &str)]) -> Bank {
    let mut bank = Bank::new();
    let mut items = Vec::new();
    for (id, balance) in accounts {
        let expiry = ExpiryDate::from_number(2611).unwrap();
        let name = format!("X{id}");
        items.push(account(id, "C1", "elcart", balance, "0.00"));
        items.push(PortfolioItem::Card(CardItem { expiry, ..card(&name, id, "C1") }));
    }
    let outcome = bank.command(Command::Import { part: 0, last: true, items });
    assert!(matches!(outcome, Outcome::Done(Done::Imported { .. })), "{outcome:?}");
    bank
}

fn idle(bank: &Bank) -> Vec<(String, BusinessDate)> {
    let name = |slot: ledger::AccountSlot| bank.state.directory().account_id(slot.0).to_owned();
    bank.state.idle_accounts().map(|(slot, listed)| (name(slot), listed)).collect()
}

fn close(bank: &mut Bank, account: &str) -> Outcome {
    let by = OnRequestOf::default();
    bank.command(Command::Retire(RetireCommand::CloseAccount { account: account.into(), by }))
}

fn cancel(bank: &mut Bank, card: &str) -> Outcome {
    let by = OnRequestOf::default();
    bank.command(Command::Retire(RetireCommand::CancelCard { card: card.into(), by }))
}

#[test]
fn blk_8_an_idle_account_is_listed_and_closed_only_when_approved() {
    let accounts = [("I0", "0.00"), ("I1", "99.99"), ("I2", "100.00"), ("I3", "5.00")];
    let mut bank = with_accounts(&accounts);
    // The last operation on one of them is later.
    let credit = Command::Credit {
        account: "I3".into(),
        amount: 100,
        reference: "r".into(),
        purpose: "p".into(),
        entered_by: "staff".into(),
    };
    days_until(&mut bank, "2026-12-01");
    assert!(matches!(bank.command(credit), Outcome::Done(Done::Credited { .. })));
    days_until(&mut bank, "2027-11-22");
    assert_eq!(idle(&bank), [], "a day short of 12 months");
    assert_eq!(close(&mut bank, "I1"), Outcome::Refused(Refusal::NotListed));
    days_until(&mut bank, "2027-11-23");
    let listed = day("2027-11-23");
    let expected = ["I0", "I1", "I2"].map(|id| (id.to_owned(), listed));
    assert_eq!(idle(&bank), expected, "I3 was used since; cards of the others have not expired");
    for (id, to) in [
        ("I0", None),
        ("I1", Some((GeneralAccount::IdleIncome, 9_999))),
        ("I2", Some((GeneralAccount::Unclaimed, 10_000))),
    ] {
        let outcome = close(&mut bank, id);
        let Outcome::Done(Done::Retired { transfers }) = &outcome else { panic!("{outcome:?}") };
        let moved = transfers.first().map(|transfer| match transfer.credit {
            Party::General(general) => (general, transfer.amount),
            Party::Customer(_) => panic!("{transfer:?}"),
        });
        assert_eq!(moved, to, "{id}");
        let slot = bank.state.directory().account_position(id).unwrap();
        let account = bank.state.ledger().account(ledger::AccountSlot(slot)).unwrap();
        assert_eq!((account.balance, account.closed), (0, true));
        assert_eq!(close(&mut bank, id), Outcome::Refused(Refusal::NotListed), "once");
    }
    assert_eq!(idle(&bank), []);
    assert_eq!(bank.state.ledger().verify(), Ok(()));
}

#[test]
fn blk_8_what_is_used_again_is_no_longer_idle() {
    let mut bank = with_accounts(&[("I1", "50.00")]);
    days_until(&mut bank, "2027-11-23");
    assert_eq!(idle(&bank).len(), 1);
    let credit = Command::Credit {
        account: "I1".into(),
        amount: 1,
        reference: "r".into(),
        purpose: "p".into(),
        entered_by: "staff".into(),
    };
    bank.command(credit);
    assert_eq!(close(&mut bank, "I1"), Outcome::Refused(Refusal::NotListed));
    days_until(&mut bank, "2027-11-24");
    assert_eq!(idle(&bank), []);
}

#[test]
fn a_card_that_was_not_collected_is_listed_and_cancelled_only_when_approved() {
    let mut bank = Bank::new();
    let fresh = |id: &str, applied: Option<&str>| {
        let blocks = vec![BlockReason::NotActivated];
        let applied_on = applied.map(day);
        PortfolioItem::Card(CardItem { blocks, applied_on, ..card(id, "A1", "C1") })
    };
    let items = vec![fresh("N1", Some("2026-06-30")), fresh("N2", None)];
    bank.command(Command::Import { part: 0, last: true, items });
    let listed = |bank: &Bank| -> Vec<String> {
        let cards = bank.state.uncollected_cards();
        cards.map(|(slot, _)| bank.state.directory().card_id(slot).to_owned()).collect()
    };
    days_until(&mut bank, "2026-12-29");
    assert_eq!(listed(&bank), [""; 0]);
    days_until(&mut bank, "2026-12-30");
    assert_eq!(listed(&bank), ["N1"], "six months after the application");
    assert_eq!(cancel(&mut bank, "N2"), Outcome::Refused(Refusal::NotListed));
    assert_eq!(cancel(&mut bank, "N1"), Outcome::Done(Done::Retired { transfers: vec![] }));
    let slot = bank.state.directory().card_position("N1").unwrap();
    assert!(bank.state.card(slot).unwrap().blocks.contains(BlockReason::NotCollected));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "N1", "1.00"), "14");
    days_until(&mut bank, "2027-05-23");
    assert_eq!(listed(&bank), ["KN", "N2"], "applied for on the day they were taken in");
    let slot = bank.state.directory().card_position("N2").unwrap();
    let by = OnRequestOf::default();
    let reason = BlockReason::NotActivated;
    bank.command(Command::Unblock { card: "N2".into(), reason, by });
    assert_eq!(cancel(&mut bank, "N2"), Outcome::Refused(Refusal::NotListed), "collected since");
    days_until(&mut bank, "2027-05-24");
    assert_eq!(listed(&bank), ["KN"]);
    assert!(!bank.state.card(slot).unwrap().blocks.contains(BlockReason::NotCollected));
}
