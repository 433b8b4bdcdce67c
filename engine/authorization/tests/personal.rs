//! PII-2, PII-3: when a customer may be erased, and what is left.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::*;
use common::*;
use payment_types::{BusinessDate, Sequence};

const RETENTION: &str = "[retention]\nagreement_years = 3\noperations_years = 5\n";

fn bank(rules: &str) -> Bank {
    Bank::with_rules(&format!("{RULES}{rules}"))
}

fn import(bank: &mut Bank, items: &[PortfolioItem]) {
    let items = items.to_vec();
    let done = bank.command(Command::Import { part: 0, last: true, items });
    assert!(matches!(done, Outcome::Done(Done::Imported { .. })), "{done:?}");
}

fn erase(bank: &mut Bank, customer: &str) -> Outcome {
    let by = OnRequestOf { entered_by: "dpo".into(), note: "asked".into(), ..Default::default() };
    bank.command(Command::Personal(PersonalCommand::Erase { customer: customer.into(), by }))
}

fn end(bank: &mut Bank, account: &str) -> Outcome {
    let by = OnRequestOf { entered_by: "clerk".into(), ..Default::default() };
    bank.command(Command::Retire(RetireCommand::EndAgreement { account: account.into(), by }))
}

fn hindered(outcome: &Outcome) -> &Hindrance {
    match outcome {
        Outcome::Refused(Refusal::Hindered(hindrance)) => hindrance,
        other => panic!("{other:?}"),
    }
}

#[test]
fn pii_3_refused_until_everything_is_over() {
    let mut bank = bank(RETENTION);
    import(
        &mut bank,
        &[
            customer("CX", "standard"),
            account("AX", "CX", "elcart", "0.00", "0.00"),
            PortfolioItem::Card(card("K8", "AX", "CX")),
            PortfolioItem::Card(card("K9", "A1", "CX")),
        ],
    );
    assert_eq!(hindered(&erase(&mut bank, "CX")), &Hindrance::AccountOpen("AX".into()));
    assert_eq!(end(&mut bank, "AX"), Outcome::Done(Done::Retired { transfers: vec![] }));
    assert_eq!(end(&mut bank, "AX"), Outcome::Refused(Refusal::AccountClosed));
    assert_eq!(hindered(&erase(&mut bank, "CX")), &Hindrance::CardOpen("K9".into()));
    let by = OnRequestOf::default();
    let reason = BlockReason::AgreementEnded;
    bank.command(Command::Block { card: "K9".into(), reason, by });
    let last = BusinessDate::parse("2031-11-23").unwrap();
    let kept = Hindrance::Retained(Retained::Operations, last);
    assert_eq!(hindered(&erase(&mut bank, "CX")), &kept);
    bank.clock("2031-11-23 23:59:59");
    assert_eq!(hindered(&erase(&mut bank, "CX")), &kept, "the last day still counts");
    bank.clock("2031-11-24 00:00:00");
    let position = bank.state.directory().customer_position("CX").unwrap();
    let done = Outcome::Done(Done::Erased { customer: position });
    assert_eq!(erase(&mut bank, "CX"), done);
    assert!(bank.state.directory().customer(position).unwrap().details.is_empty());
    assert!(bank.state.cards_held_by(position).all(|(_, card)| card.sealed_pan.is_empty()));
    assert_eq!(bank.state.cards_held_by(position).count(), 2);
    assert_eq!(bank.state.erased_on(position), BusinessDate::parse("2031-11-24").ok());
    bank.state.ledger().verify().unwrap();
    let digest = bank.state.digest();
    assert_eq!(erase(&mut bank, "CX"), done, "doing it again is the same");
    assert_ne!(digest, bank.state.digest(), "but for the sequence");
    assert_eq!(bank.state.erased_on(position), BusinessDate::parse("2031-11-24").ok());
    let others = bank.state.directory().customer(0).unwrap();
    assert!(!others.details.is_empty(), "others keep theirs");
}

#[test]
fn an_agreement_ends_only_with_nothing_on_it() {
    let mut bank = bank("");
    import(
        &mut bank,
        &[
            customer("CX", "standard"),
            account("AX", "CX", "elcart", "10.00", "0.00"),
            account("AY", "CX", "elcart", "-10.00", "100.00"),
            account("AZ", "CX", "elcart", "0.00", "0.00"),
        ],
    );
    assert_eq!(hindered(&end(&mut bank, "AX")), &Hindrance::Balance("AX".into()));
    assert_eq!(hindered(&end(&mut bank, "AY")), &Hindrance::Balance("AY".into()));
    let (account, authority, document) = ("AZ".into(), "court".into(), "1".into());
    let entered_by = "clerk".into();
    bank.command(Command::Arrest { account, authority, document, entered_by });
    assert_eq!(hindered(&end(&mut bank, "AZ")), &Hindrance::Arrested("AZ".into()));
    assert_eq!(end(&mut bank, "A?"), Outcome::Refused(Refusal::UnknownAccount));
}

#[test]
fn pii_3_without_a_rule_five_years() {
    let mut bank = bank("");
    let account = account("AX", "CX", "elcart", "0.00", "0.00");
    import(&mut bank, &[customer("CX", "standard"), account]);
    end(&mut bank, "AX");
    bank.clock("2031-11-23 12:00:00");
    assert!(matches!(hindered(&erase(&mut bank, "CX")), Hindrance::Retained(..)));
    bank.clock("2031-11-24 12:00:00");
    assert!(matches!(erase(&mut bank, "CX"), Outcome::Done(Done::Erased { .. })));
}

#[test]
fn pii_2_a_look_changes_nothing_but_is_a_command() {
    let mut bank = bank("");
    let look = |subject| {
        let (entered_by, reason) = ("dpo".into(), "call".into());
        let at = LookedAt::Details;
        Command::Personal(PersonalCommand::Look { subject, at, entered_by, reason })
    };
    let before = bank.state.last_sequence();
    assert_eq!(bank.command(look(Subject::Customer("C1".into()))), Outcome::Done(Done::Looked));
    assert_eq!(bank.command(look(Subject::Card("K1".into()))), Outcome::Done(Done::Looked));
    let unknown = bank.command(look(Subject::Customer("C?".into())));
    assert_eq!(unknown, Outcome::Refused(Refusal::UnknownCustomer));
    assert_eq!(
        bank.command(look(Subject::Card("K?".into()))),
        Outcome::Refused(Refusal::UnknownCard)
    );
    assert_eq!(bank.state.last_sequence(), Sequence(before.0 + 4));
}
