//! How much money there may be: refused at every door, so that no sum overflows (BAL-7).
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
use ledger::{MOST_AT_ONCE, MOST_ON_ACCOUNT};
use payment_types::*;

fn present(bank: &mut Bank, reference: &str, code: u32, minor: u64) -> ResultCode {
    let mut request = message("0240", code, "POS00001", "K2", "1.00");
    request.amount = Amount::new(minor, Currency::KGS);
    let outcome = bank.command(Command::Present(Box::new(Presentment {
        file: "scheme.csv".into(),
        line: 1,
        reference: reference.into(),
        operation: bank.now.business_date(),
        request,
    })));
    assert_eq!(bank.state.ledger().verify(), Ok(()));
    let Outcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
    decided.decision.result
}

fn credit(bank: &mut Bank, account: &str, amount: u64) -> Outcome {
    bank.command(Command::Credit {
        account: account.into(),
        amount,
        reference: "r".into(),
        purpose: "p".into(),
        entered_by: "t".into(),
    })
}

fn minor(bank: &Bank, account: &str) -> i64 {
    let slot = bank.state.directory().account_position(account).unwrap();
    bank.state.ledger().account(ledger::AccountSlot(slot)).unwrap().balance
}

#[test]
fn bal_7_no_message_moves_more_than_the_most() {
    for amount in [MOST_AT_ONCE + 1, 9_000_000_000_000_000_000, i64::MAX as u64, u64::MAX] {
        let mut bank = Bank::new();
        assert_eq!(present(&mut bank, "ARN1", PURCHASE, amount), ResultCode::InvalidAmount);
        assert_eq!(present(&mut bank, "ARN2", REFUND, amount), ResultCode::InvalidAmount);
        for (mti, code) in
            [("0200", PURCHASE), ("0220", PURCHASE), ("0320", REFUND), ("0200", REFUND)]
        {
            let mut request = message(mti, code, "POS00001", "K2", "1.00");
            request.amount = Amount::new(amount, Currency::KGS);
            let (_, decision) = bank.new_message(request);
            assert_eq!(decision.result, ResultCode::InvalidAmount, "{mti} {code} {amount}");
        }
        let refused = Outcome::Refused(Refusal::AmountOutOfRange);
        assert_eq!(credit(&mut bank, "A2", amount), refused, "{amount}");
        assert_eq!(minor(&bank, "A2"), 5_000_000, "nothing moved");
    }
}

#[test]
fn bal_7_no_account_holds_more_than_the_most_and_the_engine_goes_on() {
    for (code, sign) in [(PURCHASE, -1), (REFUND, 1)] {
        let mut bank = Bank::new();
        let mut booked = 0;
        while present(&mut bank, &format!("ARN{booked}"), code, MOST_AT_ONCE) == ResultCode::Booked
        {
            booked += 1;
        }
        assert!((99..=100).contains(&booked), "{booked}");
        let balance = minor(&bank, "A2");
        assert!(balance.abs() <= MOST_ON_ACCOUNT && balance.signum() == sign);
        let wire = message("0220", code, "POS00001", "K2", "9999999999.99");
        while bank.new_message(wire).1.result == ResultCode::Booked {}
        assert_eq!(bank.new_message(wire).1.result, ResultCode::SystemError);
        assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
        // Interest, penalties, blocks and the rest of the days that follow.
        for day in 0..12 {
            let date = bank.now.business_date();
            bank.now = Moment::new(date.plus_days(1).start(bank.now.offset), bank.now.offset);
            bank.command(Command::EndOfDay { date });
            assert_eq!(bank.state.ledger().verify(), Ok(()), "day {day}");
            assert!(minor(&bank, "A2").abs() <= MOST_ON_ACCOUNT);
        }
        if sign < 0 {
            let done = credit(&mut bank, "A2", MOST_AT_ONCE);
            assert!(
                matches!(done, Outcome::Done(_)),
                "a debt at its bound can be repaid: {done:?}"
            );
        }
        // However much there is, all balances together fit a read model of 64 bits.
        let all: i128 =
            bank.state.ledger().accounts().map(|(_, a)| i128::from(a.balance).abs()).sum();
        assert!(all < i128::from(i64::MAX) / 8);
    }
}

#[test]
fn bal_7_a_portfolio_with_more_is_refused() {
    let most = format_minor(i128::from(MOST_AT_ONCE), 2);
    let more = format_minor(i128::from(MOST_AT_ONCE) + 1, 2);
    for (balance, overdraft, taken) in [
        (most.as_str(), "0.00", true),
        ("0.00", most.as_str(), true),
        (more.as_str(), "0.00", false),
        ("0.00", more.as_str(), false),
        ("92233720368547758.07", "0.00", false),
        ("-92233720368547758.07", "0.00", false),
    ] {
        let mut bank = Bank::new();
        let items = vec![account("AX", "C1", "elcart", balance, overdraft)];
        let outcome = bank.command(Command::Import { part: 0, last: true, items });
        assert_eq!(matches!(outcome, Outcome::Done(_)), taken, "{balance} {overdraft} {outcome:?}");
        assert_eq!(bank.state.ledger().verify(), Ok(()));
    }
}

#[test]
fn bal_7_whatever_is_claimed_and_converted_stays_within_bounds() {
    let mut bank = Bank::new();
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "1000.00"), "00");
    let operation = DisputedOperation {
        transaction: bank.state.last_sequence(),
        at: bank.now.at,
        account: "A1".into(),
        card: "K1".into(),
        terminal: "ATM00001".into(),
        amount: kgs("1000.00"),
        issuer_liable: false,
    };
    let outcome = bank.command(Command::Dispute(DisputeCommand::Claim {
        operation,
        kind: ClaimKind::OverDispense,
        amount: i64::MAX as u64,
        reason: "too much".into(),
        by: OnRequestOf::default(),
    }));
    assert_eq!(outcome, Outcome::Refused(Refusal::Dispute(DisputeRefusal::Amount)));
}
