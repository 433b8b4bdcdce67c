//! Presentments of clearing files: TOD-1, TXN-4, BLK-4, and that none is booked twice.
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

/// A record of a file: what differs is changed by the test.
fn presented(reference: &str, card: &str, amount: &str) -> Presentment {
    let mut request = message("0240", PURCHASE, "POS00001", card, amount);
    request.facts = SecurityFacts::default();
    Presentment {
        file: "scheme.csv".into(),
        line: 1,
        reference: reference.into(),
        operation: BusinessDate::parse("2026-11-23").unwrap(),
        request,
    }
}

fn book(bank: &mut Bank, presentment: &Presentment) -> Decided {
    let outcome = bank.command(Command::Present(Box::new(presentment.clone())));
    assert_eq!(bank.state.ledger().verify(), Ok(()), "after {presentment:?}");
    let Outcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
    *decided
}

/// A preauthorization, and a presentment that names it by its retrieval reference number.
fn hold(bank: &mut Bank, card: &str, amount: &str) -> (Request, Decision) {
    let (sent, decision) = bank.new_message(message("0100", PURCHASE, "POS00001", card, amount));
    assert_eq!(decision.result, ResultCode::Approved);
    (sent, decision)
}

#[test]
fn txn_4_a_presentment_releases_the_hold_and_books_its_own_amount() {
    for (amount, balance) in [("500.00", "24500.00"), ("575.50", "24424.50"), ("20.00", "24980.00")]
    {
        let mut bank = Bank::new();
        let (sent, approval) = hold(&mut bank, "K1", "500.00");
        let mut record = presented("ARN1", "K1", amount);
        record.request.rrn = sent.rrn;
        let decided = book(&mut bank, &record);
        assert_eq!(decided.original, Some(approval.transaction), "{amount}");
        assert_eq!(decided.decision.result, ResultCode::Booked);
        let expected = (balance.to_owned(), "0.00".to_owned(), balance.to_owned());
        assert_eq!(bank.account("A1"), expected, "{amount}");
    }
}

#[test]
fn txn_4_of_a_posting_only_the_difference_is_booked() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "500.00"));
    let mut record = presented("ARN1", "K1", "510.00");
    record.request.rrn = sent.rrn;
    let decided = book(&mut bank, &record);
    assert!(decided.original.is_some());
    assert_eq!(bank.available("A1"), "24490.00");
    record.reference = "ARN2".into();
    assert_eq!(book(&mut bank, &record).original, None, "what was presented is not found again");
    assert_eq!(bank.available("A1"), "23980.00");
}

#[test]
fn txn_4_a_completed_preauthorization_is_found_by_its_completion() {
    let mut bank = Bank::new();
    let (sent, _) = hold(&mut bank, "K1", "500.00");
    let (_, completion) = bank.complete(&sent, "480.00");
    assert_eq!(bank.available("A1"), "24520.00");
    let mut record = presented("ARN1", "K1", "480.00");
    record.request.rrn = sent.rrn;
    let decided = book(&mut bank, &record);
    assert_eq!(decided.original, Some(completion.transaction));
    assert_eq!(bank.available("A1"), "24520.00", "booked once");
}

#[test]
fn txn_4_found_by_authorization_code_within_the_tolerance() {
    for (amount, found) in
        [("600.00", true), ("400.00", true), ("600.01", false), ("399.99", false)]
    {
        let mut bank = Bank::new();
        let (_, approval) = hold(&mut bank, "K1", "500.00");
        let mut record = presented("ARN1", "K1", amount);
        record.request.authorization_code = approval.authorization_code;
        let decided = book(&mut bank, &record);
        assert_eq!(decided.original.is_some(), found, "{amount}");
        assert_eq!(bank.account("A1").1, if found { "0.00" } else { "500.00" }, "{amount}");
    }
}

#[test]
fn txn_4_without_a_reference_the_card_terminal_and_amount_say_it() {
    let mut bank = Bank::new();
    let (_, approval) = hold(&mut bank, "K1", "500.00");
    let mut elsewhere = presented("ARN0", "K1", "500.00");
    elsewhere.request.terminal = TerminalId::new(b"POS00002").unwrap();
    assert_eq!(book(&mut bank, &elsewhere).original, None);
    let decided = book(&mut bank, &presented("ARN1", "K1", "500.00"));
    assert_eq!(decided.original, Some(approval.transaction));
}

#[test]
fn txn_4_what_contradicts_is_not_matched() {
    let mut bank = Bank::new();
    let (sent, _) = hold(&mut bank, "K1", "500.00");
    let by_rrn = |reference: &str, card: &str| {
        let mut record = presented(reference, card, "500.00");
        record.request.rrn = sent.rrn;
        record
    };
    let mut other_code = by_rrn("ARN1", "K1");
    other_code.request.authorization_code = AuthorizationCode::new(b"000000");
    assert_eq!(book(&mut bank, &other_code).original, None);
    assert_eq!(book(&mut bank, &by_rrn("ARN2", "K2")).original, None, "another card's");
    let mut refund = by_rrn("ARN3", "K1");
    refund.request.processing_code = ProcessingCode::from_number(REFUND).unwrap();
    assert_eq!(book(&mut bank, &refund).original, None, "the other direction");
    assert_eq!(bank.account("A1").1, "500.00", "the hold stands");
}

#[test]
fn tod_1_a_late_presentment_books_as_a_fact_after_the_hold_has_expired() {
    let mut bank = Bank::new();
    let (sent, _) = hold(&mut bank, "K4", "5500.00");
    bank.clock("2026-11-30 10:00:01");
    bank.command(Command::ExpireHolds);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K4", "6000.00"), "00");
    let mut record = presented("ARN1", "K4", "5500.00");
    record.request.rrn = sent.rrn;
    let decided = book(&mut bank, &record);
    assert!(decided.original.is_some());
    assert_eq!(bank.account("A4").0, "-10500.00", "5000.00 agreed, the rest technical");
    assert!(matches!(decided.notice, Some(Notice::TechnicalOverdraft { amount: 550_000, .. })));
}

#[test]
fn tod_1_an_unmatched_presentment_of_a_foreign_device_is_booked_with_its_network() {
    let mut bank = Bank::new();
    let mut record = presented("ARN1", "K1", "100.00");
    record.request.terminal = TerminalId::default();
    let decided = book(&mut bank, &record);
    assert_eq!((decided.original, bank.available("A1")), (None, "24900.00".to_owned()));
    let mut refund = presented("ARN2", "K1", "40.00");
    refund.request.processing_code = ProcessingCode::from_number(REFUND).unwrap();
    refund.request.terminal = TerminalId::default();
    book(&mut bank, &refund);
    let general = bank.state.ledger().general();
    let settled = general.balance(Currency::KGS, ledger::GeneralAccount::NetworkSettlement);
    assert_eq!((settled, bank.available("A1")), (6_000, "24940.00".to_owned()));
}

#[test]
fn blk_4_a_fact_on_a_blocked_card_is_booked_and_flagged() {
    let mut bank = Bank::new();
    let by = OnRequestOf::default();
    bank.command(Command::Block { card: "K1".into(), reason: BlockReason::Stolen, by });
    let decided = book(&mut bank, &presented("ARN1", "K1", "100.00"));
    assert_eq!(decided.decision.result, ResultCode::Booked);
    assert!(decided.trace.iter().any(|entry| entry.rule == RuleId::Blk4));
    assert_eq!(bank.available("A1"), "24900.00");
}

#[test]
fn txn_1_a_reference_is_booked_once_whatever_it_says() {
    let mut bank = Bank::new();
    let record = presented("ARN1", "K1", "100.00");
    let first = book(&mut bank, &record);
    for amount in ["100.00", "200.00"] {
        let again = book(&mut bank, &presented("ARN1", "K1", amount));
        assert_eq!(again.decision.result, ResultCode::PresentedBefore);
        assert_eq!(again.original, Some(first.decision.transaction));
    }
    assert_eq!(bank.available("A1"), "24900.00");
    assert_eq!(bank.state.presented().len(), 1);
    let kept = bank.state.transactions().len();
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let mut loaded = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    let accepted = Accepted {
        moment: bank.now,
        idempotency: None,
        command: Command::Present(Box::new(record)),
    };
    let outcome = loaded.execute(bank.next(), &accepted, &mut bank.scratch);
    let Outcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
    assert_eq!(decided.decision.result, ResultCode::PresentedBefore, "after a restart too");
    assert_eq!(loaded.transactions().len(), kept);
}

#[test]
fn what_cannot_be_booked_is_refused_with_its_reason_and_can_come_again() {
    let mut bank = Bank::new();
    let change = |change: fn(&mut Presentment)| {
        let mut record = presented("ARN1", "K1", "100.00");
        change(&mut record);
        record
    };
    for (record, result) in [
        (change(|r| r.request.card = message("0240", 0, "X", "K99", "1.00").card), "unknown_card"),
        (change(|r| r.request.amount = Amount::new(100, Currency::USD)), "no_rate"),
        (change(|r| r.request.amount = Amount::new(0, Currency::KGS)), "invalid_amount"),
        (change(|r| r.operation = r.operation.plus_days(1)), "presentment_out_of_time"),
        (change(|r| r.operation = r.operation.plus_days(-180)), "presentment_out_of_time"),
        (
            change(|r| r.request.processing_code = ProcessingCode::from_number(BALANCE).unwrap()),
            "invalid_transaction",
        ),
    ] {
        assert_eq!(book(&mut bank, &record).decision.result.name(), result);
    }
    assert_eq!(bank.available("A1"), "25000.00");
    let right = presented("ARN1", "K1", "100.00");
    assert_eq!(book(&mut bank, &right).decision.result, ResultCode::Booked);
}

#[test]
fn references_are_remembered_for_as_long_as_their_operations_are_booked() {
    let mut bank = Bank::new();
    book(&mut bank, &presented("ARN1", "K1", "100.00"));
    let start = BusinessDate::parse("2026-11-23").unwrap();
    for days in 1..=182 {
        let today = start.plus_days(days);
        bank.clock(&format!("{today} 00:00:00"));
        bank.command(Command::EndOfDay { date: today.plus_days(-1) });
        let again = book(&mut bank, &presented("ARN1", "K1", "100.00"));
        assert_ne!(again.decision.result, ResultCode::Booked, "{today}");
    }
    assert!(bank.state.presented().is_empty());
}
