//! Funds, blocks, PIN, account: BAL, BLK, PIN-2, AMT.
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

#[test]
fn bal_1_to_3_funds_agreed_overdraft_minimum_balance() {
    let mut bank = Bank::new();
    for (card, amount, code) in [
        ("K4", "6000.00", "00"),
        ("K4", "0.01", "51"),
        ("K6", "650.01", "51"),
        ("K6", "650.00", "00"),
        ("K1", "25000.01", "51"),
        ("K1", "25000.00", "00"),
    ] {
        assert_eq!(bank.code("0200", PURCHASE, "POS00001", card, amount), code, "{card} {amount}");
    }
    assert_eq!(bank.account("A4"), ("-5000.00".into(), "0.00".into(), "0.00".into()));
}

#[test]
fn bal_1_the_terminal_that_asks_gets_the_available_amount() {
    let mut bank = Bank::new();
    let (_, decision) = bank.new_message(message("0200", PURCHASE, "POSBAL01", "K1", "30000.00"));
    assert_eq!(decision.amounts.available, Some((2_500_000, Currency::KGS)));
    let (_, decision) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "30000.00"));
    assert_eq!(decision.amounts.available, None);
}

#[test]
fn bal_4_partial_approval_needs_terminal_and_product() {
    let mut bank = Bank::new();
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KP", "800.00"), "51");
    assert_eq!(bank.code("0200", PURCHASE, "POSPART1", "K1", "26000.00"), "51");
    let (sent, decision) = bank.new_message(message("0200", PURCHASE, "POSPART1", "KP", "800.00"));
    assert_eq!((decision.result.code(), decision.amounts.approved), ("10", Some(50_000)));
    assert_eq!(bank.available("AP"), "0.00");
    assert_eq!(bank.code("0200", PURCHASE, "POSPART1", "KP", "800.00"), "51", "nothing left");
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(bank.available("AP"), "500.00");
}

#[test]
fn bal_6_an_arrested_account_takes_credits_and_no_debits() {
    let mut bank = Bank::new();
    let (account, by) = ("A1".into(), "court".into());
    bank.command(Command::Arrest {
        account,
        authority: by,
        document: "7".into(),
        entered_by: "t".into(),
    });
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "57");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KS", "10.00"), "57", "BLK-7: all cards");
    assert_eq!(bank.code("0200", REFUND, "POS00001", "K1", "10.00"), "00");
    assert_eq!(bank.code("0200", BALANCE, "ATM00001", "K1", "0.00"), "00");
    let (account, by) = ("A1".into(), "court".into());
    bank.command(Command::LiftArrest {
        account,
        authority: by,
        document: "8".into(),
        entered_by: "t".into(),
    });
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
}

fn block(bank: &mut Bank, card: &str, reason: BlockReason) -> Outcome {
    let by = OnRequestOf::default();
    bank.command(Command::Block { card: card.into(), reason, by })
}

fn unblock(bank: &mut Bank, card: &str, reason: BlockReason) -> Outcome {
    let by = OnRequestOf::default();
    bank.command(Command::Unblock { card: card.into(), reason, by })
}

#[test]
fn blk_1_and_2_every_reason_answers_its_code() {
    for (reason, code) in [
        (BlockReason::NotActivated, "62"),
        (BlockReason::HolderRequest, "62"),
        (BlockReason::Lost, "41"),
        (BlockReason::Stolen, "43"),
        (BlockReason::SuspectedFraud, "59"),
        (BlockReason::TermsBreach, "62"),
        (BlockReason::DocumentsMissing, "62"),
        (BlockReason::TechnicalOverdraft, "62"),
        (BlockReason::PinTries, "75"),
        (BlockReason::StopList, "04"),
        (BlockReason::AgreementEnded, "14"),
        (BlockReason::Closed, "14"),
        (BlockReason::NotCollected, "14"),
        (BlockReason::NetworkRules, "62"),
    ] {
        let mut bank = Bank::new();
        assert_eq!(block(&mut bank, "K1", reason), Outcome::Done(Done::Blocked));
        let mut request = message("0200", PURCHASE, "POS00001", "K1", "10.00");
        request.facts.pin = PinFact::NotPresent;
        assert_eq!(bank.new_message(request).1.result.code(), code, "{reason:?}");
        let lifted = unblock(&mut bank, "K1", reason);
        if reason.can_be_lifted() {
            assert_eq!(lifted, Outcome::Done(Done::Unblocked));
            assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
        } else {
            assert_eq!(lifted, Outcome::Refused(Refusal::CannotBeLifted), "{reason:?}");
        }
    }
}

#[test]
fn blk_2_reasons_are_lifted_one_by_one() {
    let mut bank = Bank::new();
    block(&mut bank, "K1", BlockReason::HolderRequest);
    block(&mut bank, "K1", BlockReason::SuspectedFraud);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "59");
    unblock(&mut bank, "K1", BlockReason::SuspectedFraud);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "62");
    let not_set = unblock(&mut bank, "K1", BlockReason::SuspectedFraud);
    assert_eq!(not_set, Outcome::Refused(Refusal::NotBlockedFor));
    assert_eq!(block(&mut bank, "K99", BlockReason::Lost), Outcome::Refused(Refusal::UnknownCard));
}

#[test]
fn blk_4_facts_and_credits_reach_a_blocked_card() {
    let mut bank = Bank::new();
    block(&mut bank, "K1", BlockReason::Stolen);
    assert_eq!(bank.code("0220", PURCHASE, "POS00001", "K1", "100.00"), "00");
    assert!(bank.rules_traced().contains(&("BLK-4", Verdict::Note)));
    assert_eq!(bank.code("0200", REFUND, "POS00001", "K1", "40.00"), "00");
    assert_eq!(bank.available("A1"), "24940.00");
}

#[test]
fn a_new_card_is_activated_by_its_first_chip_transaction_with_pin() {
    let mut bank = Bank::new();
    assert_eq!(bank.tap("POS00001", "KN", "10.00", PinFact::NotPresent), "62");
    assert_eq!(bank.tap("POS00001", "KN", "10.00", PinFact::OnlineVerified), "62");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KN", "10.00"), "00");
    assert_eq!(bank.tap("POS00001", "KN", "10.00", PinFact::NotPresent), "00");
}

#[test]
fn expiry_is_the_calendars_and_de_14_must_be_the_cards() {
    let mut bank = Bank::new();
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KX", "10.00"), "54");
    let mut request = message("0200", PURCHASE, "POS00001", "K1", "10.00");
    request.expiry = ExpiryDate::from_number(3012);
    assert_eq!(bank.new_message(request).1.result.code(), "54");
    bank.clock("2029-12-31 23:59:59");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
    bank.clock("2030-01-01 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "54");
}

#[test]
fn pin_2_the_third_wrong_pin_in_a_row_blocks() {
    let mut bank = Bank::new();
    let mut atm = |pin| {
        let mut request = message("0200", CASH, "ATM00001", "K1", "200.00");
        request.facts.pin = pin;
        bank.new_message(request).1.result.code()
    };
    assert_eq!([atm(PinFact::OnlineWrong), atm(PinFact::OnlineWrong)], ["55", "55"]);
    assert_eq!(atm(PinFact::OnlineVerified), "00", "a right one resets");
    assert_eq!(atm(PinFact::Unverifiable), "63", "an unreadable block is no try");
    assert_eq!([atm(PinFact::OnlineWrong), atm(PinFact::OnlineWrong)], ["55", "55"]);
    assert_eq!(atm(PinFact::OnlineWrong), "75");
    assert_eq!(atm(PinFact::OnlineVerified), "75");
    assert_eq!(unblock(&mut bank, "K1", BlockReason::PinTries), Outcome::Done(Done::Unblocked));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "200.00"), "00");
}

#[test]
fn txn_5_what_devices_and_products_may_do() {
    let mut bank = Bank::new();
    for (code, terminal, card, amount, expected) in [
        (CASH, "POS00001", "K1", "100.00", "58"),
        (PURCHASE, "ATM00001", "K1", "200.00", "58"),
        (CASH_IN, "POS00001", "K1", "100.00", "58"),
        (CASH_IN, "AGT00001", "K1", "100.00", "00"),
        (400_000, "ATM00001", "K1", "100.00", "12"),
        (PURCHASE, "NOWHERE1", "K1", "1.00", "58"),
        (PURCHASE, "POS00001", "K9", "1.00", "14"),
        (PURCHASE, "POS00001", "K1", "0.00", "13"),
        (CASH, "ATM00001", "K1", "150.00", "13"),
        (CASH, "ATM00001", "K1", "0.00", "13"),
        (CASH, "AGT00001", "K1", "0.24", "13"),
        (CASH_BACK, "POS00001", "K1", "100.00", "13"),
    ] {
        let got = bank.code("0200", code, terminal, card, amount);
        assert_eq!(got, expected, "{code:06} {terminal} {card} {amount}");
    }
    assert_eq!(bank.tap("POS00001", "KT", "1.00", PinFact::NotPresent), "57", "no tapping");
}

#[test]
fn amt_1_the_account_moves_exactly_and_the_bank_takes_the_rounding() {
    let mut bank = Bank::new();
    let (sent, decision) = bank.new_message(message("0200", CASH, "AGT00001", "K1", "100.24"));
    assert_eq!(decision.amounts.hand_out, Some((10_000, Currency::KGS)));
    assert_eq!(bank.account("A1").0, "24899.76");
    let rounding =
        |bank: &Bank, account| bank.state.ledger().general().balance(Currency::KGS, account);
    assert_eq!(rounding(&bank, ledger::GeneralAccount::RoundingIncome), 24);
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(rounding(&bank, ledger::GeneralAccount::RoundingIncome), 0);
    bank.code("0200", CASH, "AGT00001", "K1", "100.25");
    assert_eq!(rounding(&bank, ledger::GeneralAccount::RoundingExpense), -25);
}

#[test]
fn amt_2_and_3_other_currencies() {
    let mut bank = Bank::new();
    for (currency, code) in [(840, "12"), (1, "12")] {
        let mut request = message("0200", PURCHASE, "POS00001", "K1", "10.00");
        request.amount = Amount::new(1000, Currency::from_numeric(currency).unwrap());
        assert_eq!(bank.new_message(request).1.result.code(), code);
    }
}

#[test]
fn a_fact_without_cover_opens_a_technical_overdraft_and_tells_the_customer() {
    let mut bank = Bank::new();
    assert_eq!(bank.code("0220", PURCHASE, "POS00001", "K4", "6500.00"), "00");
    let due_on = BusinessDate::parse("2026-11-30").unwrap();
    let account = ledger::AccountSlot(bank.state.directory().account_position("A4").unwrap());
    let expected = Notice::TechnicalOverdraft { account, amount: 50_000, due_on };
    assert_eq!(bank.scratch.notice(), Some(expected));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K4", "1.00"), "51");
    let credit = Command::Credit {
        account: "A4".into(),
        amount: 70_000,
        reference: "r1".into(),
        purpose: "salary".into(),
        entered_by: "t".into(),
    };
    let Outcome::Done(Done::Credited { spent, .. }) = bank.command(credit) else { panic!() };
    let technical = spent.technical_overdraft.total();
    assert_eq!((technical, spent.overdraft, spent.own_use), (50_000, 20_000, 0));
    assert_eq!(bank.available("A4"), "200.00");
}

#[test]
fn bal_3_a_fact_that_eats_into_the_minimum_balance_is_told() {
    let mut bank = Bank::new();
    assert_eq!(bank.code("0220", PURCHASE, "POS00001", "K6", "700.00"), "00");
    let Some(Notice::MinimumBalance { missing, due_on, .. }) = bank.scratch.notice() else {
        panic!("{:?}", bank.scratch.notice())
    };
    assert_eq!((missing, due_on.to_string()), (5_000, "2026-11-26".into()));
}
