//! Disputes: the 45 days, the ATM's cash count, and who answers (TXN-7, BLK-6).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

mod common;

use authorization::*;
use common::*;
use payment_types::*;

/// Cash from an ATM on 2026-11-23, as the books have it.
fn operation(bank: &Bank, card: &str, account: &str, amount: &str) -> DisputedOperation {
    DisputedOperation {
        transaction: bank.state.last_sequence(),
        at: bank.now.at,
        account: account.into(),
        card: card.into(),
        terminal: "ATM00001".into(),
        amount: kgs(amount),
        issuer_liable: false,
    }
}

fn withdraw(bank: &mut Bank, card: &str, account: &str, amount: &str) -> DisputedOperation {
    assert_eq!(bank.code("0200", CASH, "ATM00001", card, amount), "00");
    operation(bank, card, account, amount)
}

fn claim(
    bank: &mut Bank,
    operation: &DisputedOperation,
    kind: ClaimKind,
    amount: &str,
) -> Result<u32, Refusal> {
    let outcome = bank.command(Command::Dispute(DisputeCommand::Claim {
        operation: operation.clone(),
        kind,
        amount: kgs(amount),
        reason: "too little came out".into(),
        by: OnRequestOf::default(),
    }));
    match outcome {
        Outcome::Done(Done::Disputes(done)) => Ok(done.disputes[0]),
        Outcome::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn count(bank: &mut Bank, surplus: &str, shortage: &str) -> DisputesDone {
    let outcome = bank.command(Command::Dispute(DisputeCommand::Count {
        terminal: "ATM00001".into(),
        surplus: kgs(surplus),
        shortage: kgs(shortage),
        by: OnRequestOf::default(),
    }));
    assert_eq!(bank.state.ledger().verify(), Ok(()));
    let Outcome::Done(Done::Disputes(done)) = outcome else { panic!("{outcome:?}") };
    *done
}

fn status(bank: &Bank, number: u32) -> DisputeStatus {
    bank.state.dispute(number).unwrap().status
}

#[test]
fn txn_7_a_claim_is_taken_within_45_calendar_days() {
    for (day, taken) in [("2026-11-23", true), ("2027-01-07", true), ("2027-01-08", false)] {
        let mut bank = Bank::new();
        let operation = withdraw(&mut bank, "K1", "A1", "1000.00");
        bank.clock(&format!("{day} 23:59:59"));
        let result = claim(&mut bank, &operation, ClaimKind::NotMine, "1000.00");
        if taken {
            assert_eq!(result, Ok(1), "{day}");
        } else {
            assert_eq!(result, Err(Refusal::Dispute(DisputeRefusal::TooLate(46))), "{day}");
        }
    }
}

#[test]
fn txn_7_a_claim_is_of_no_more_than_was_booked_and_once() {
    let mut bank = Bank::new();
    let operation = withdraw(&mut bank, "K1", "A1", "1000.00");
    let refused = |why| Err(Refusal::Dispute(why));
    for amount in ["0.00", "1000.01"] {
        let result = claim(&mut bank, &operation, ClaimKind::ShortDispense, amount);
        assert_eq!(result, refused(DisputeRefusal::Amount), "{amount}");
    }
    assert_eq!(claim(&mut bank, &operation, ClaimKind::ShortDispense, "200.00"), Ok(1));
    let again = claim(&mut bank, &operation, ClaimKind::Other, "100.00");
    assert_eq!(again, refused(DisputeRefusal::Claimed(1)));
    let at_a_shop = DisputedOperation { terminal: "POS00001".into(), ..operation };
    let at_a_shop = DisputedOperation { transaction: Sequence(1), ..at_a_shop };
    let result = claim(&mut bank, &at_a_shop, ClaimKind::ShortDispense, "200.00");
    assert_eq!(result, refused(DisputeRefusal::NotAnAtm));
}

#[test]
fn txn_7_no_surplus_no_credit() {
    let mut bank = Bank::new();
    let operation = withdraw(&mut bank, "K1", "A1", "1000.00");
    let number = claim(&mut bank, &operation, ClaimKind::ShortDispense, "500.00").unwrap();
    assert_eq!(count(&mut bank, "499.99", "0.00").transfers, []);
    assert_eq!(status(&bank, number), DisputeStatus::Rejected);
    assert_eq!(bank.available("A1"), "24000.00");
}

#[test]
fn txn_7_a_surplus_pays_the_claims_in_order_as_far_as_it_goes() {
    let mut bank = Bank::new();
    let first = withdraw(&mut bank, "K1", "A1", "1000.00");
    let second = withdraw(&mut bank, "K2", "A2", "1000.00");
    let third = withdraw(&mut bank, "K5", "A5", "1000.00");
    for (operation, amount) in [(&first, "500.00"), (&second, "700.00"), (&third, "200.00")] {
        claim(&mut bank, operation, ClaimKind::ShortDispense, amount).unwrap();
    }
    let done = count(&mut bank, "700.00", "0.00");
    assert_eq!((done.disputes, done.transfers.len()), (vec![1, 2, 3], 2));
    assert_eq!(
        [1, 2, 3].map(|number| status(&bank, number)),
        [DisputeStatus::Credited, DisputeStatus::Rejected, DisputeStatus::Credited]
    );
    assert_eq!(bank.available("A1"), "24500.00");
    assert_eq!(bank.available("A2"), "49000.00");
    assert_eq!(count(&mut bank, "700.00", "0.00").disputes, [0; 0], "decided once");
}

#[test]
fn txn_7_cash_handed_out_too_much_is_collected_back_covered_or_not() {
    let mut bank = Bank::new();
    let operation = withdraw(&mut bank, "K1", "A1", "25000.00");
    let number = claim(&mut bank, &operation, ClaimKind::OverDispense, "5000.00").unwrap();
    let done = count(&mut bank, "0.00", "5000.00");
    assert_eq!(status(&bank, number), DisputeStatus::Collected);
    assert_eq!(bank.account("A1").0, "-5000.00");
    assert!(matches!(done.notices[..], [Notice::TechnicalOverdraft { amount: 500_000, .. }]));
}

#[test]
fn txn_7_staff_decide_what_no_count_decides() {
    let mut bank = Bank::new();
    let operation = withdraw(&mut bank, "K1", "A1", "1000.00");
    let counted = claim(&mut bank, &operation, ClaimKind::ShortDispense, "100.00").unwrap();
    let other = withdraw(&mut bank, "K1", "A1", "2000.00");
    let number = claim(&mut bank, &other, ClaimKind::NotMine, "2000.00").unwrap();
    let mut decide = |dispute, accept| {
        let by = OnRequestOf { note: "seen on camera".into(), ..OnRequestOf::default() };
        bank.command(Command::Dispute(DisputeCommand::Decide { dispute, accept, by }))
    };
    let refused = |why| Outcome::Refused(Refusal::Dispute(why));
    assert_eq!(decide(counted, true), refused(DisputeRefusal::CountDecides));
    assert_eq!(decide(9, true), refused(DisputeRefusal::NotOpen));
    assert!(matches!(decide(number, true), Outcome::Done(Done::Disputes(_))));
    assert_eq!(decide(number, true), refused(DisputeRefusal::NotOpen));
    assert_eq!(bank.available("A1"), "24000.00");
    assert_eq!(bank.state.dispute(number).unwrap().why, "seen on camera");
}

#[test]
fn blk_6_the_bank_answers_from_the_moment_it_had_the_loss_report() {
    let mut bank = Bank::new();
    let before = withdraw(&mut bank, "K1", "A1", "1000.00");
    bank.clock("11:00:00");
    let by = OnRequestOf::default();
    bank.command(Command::Block { card: "K1".into(), reason: BlockReason::Lost, by });
    let slot = bank.state.directory().card_position("K1").unwrap();
    assert_eq!(bank.state.card(slot).unwrap().loss_reported_at, Some(bank.now.at));
    bank.clock("11:00:01");
    assert_eq!(bank.code("0220", PURCHASE, "POS00001", "K1", "300.00"), "00", "BLK-4");
    let after =
        DisputedOperation { terminal: "POS00001".into(), ..operation(&bank, "K1", "A1", "300.00") };
    let without_pin =
        DisputedOperation { issuer_liable: true, transaction: Sequence(1), ..before.clone() };
    for (operation, answerable) in [
        (&before, Answerable::Customer),
        (&after, Answerable::Bank),
        (&without_pin, Answerable::Bank),
    ] {
        let number = claim(&mut bank, operation, ClaimKind::NotMine, "300.00").unwrap();
        assert_eq!(bank.state.dispute(number).unwrap().answerable, answerable);
    }
}
