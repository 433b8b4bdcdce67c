//! AMT-5: the monthly notification fee.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use authorization::*;
use common::*;
use payment_types::BusinessDate;

const FEE: &str = r#"
[notification_fee]
amount = "50.00"
day = 24
products = ["partial", "elcart"]
"#;

/// Ends a day, part after part; the notices of the fee's job, and what it took.
fn end(bank: &mut Bank, date: &str) -> (Vec<Notice>, i64) {
    let day = BusinessDate::parse(date).unwrap();
    bank.clock(&format!("{} 00:01:00", day.plus_days(1)));
    let mut notices = Vec::new();
    loop {
        let outcome = bank.command(Command::EndOfDay { date: day });
        let Outcome::Done(Done::Day(part)) = outcome else { panic!("{outcome:?}") };
        let of_fee = |notice: &Notice| matches!(notice, Notice::NotificationsSuspended { .. });
        notices.extend(part.notices.into_iter().filter(of_fee));
        if part.standing == DayStanding::UnderWay {
            continue;
        }
        let took = part
            .summary
            .and_then(|summary| Some(summary.job(DayJob::NotificationFees)?.amounts.first()?.1));
        return (notices, took.unwrap_or(0));
    }
}

fn service(bank: &Bank, account: &str) -> &'static str {
    let slot = bank.state.directory().account_position(account).unwrap();
    bank.state.notification_service(ledger::AccountSlot(slot)).name()
}

#[test]
fn amt_5_the_fee_is_taken_on_its_day_from_own_money_only() {
    let mut bank = Bank::with_rules(&format!("{RULES}{FEE}"));
    // A4 has an agreed overdraft, which the fee may not use.
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K4", "960.00"), "00");
    assert_eq!(end(&mut bank, "2026-11-23").1, 0, "not its day");
    let (notices, took) = end(&mut bank, "2026-11-24");
    // A1, A2, A5 and AP pay; A4 has 40 of its own; the other products have no such service.
    assert_eq!(took, 4 * 5_000);
    assert_eq!(bank.account("A1").0, "24950.00");
    assert_eq!(bank.account("A4"), ("40.00".into(), "0.00".into(), "5040.00".into()));
    assert_eq!((service(&bank, "A1"), service(&bank, "A4")), ("active", "suspended"));
    assert_eq!((service(&bank, "A6"), bank.account("A6").0), ("none", "1000.00".into()));
    let next = BusinessDate::parse("2026-12-24").unwrap();
    let [Notice::NotificationsSuspended { amount, due_on, .. }] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!((*amount, *due_on), (5_000, next));
    assert_eq!(end(&mut bank, "2026-11-24").1, 0, "a day ended is not ended again");
    assert_eq!(bank.account("A1").0, "24950.00");
    assert_eq!(bank.state.ledger().verify(), Ok(()));
}

#[test]
fn amt_5_the_service_comes_back_with_the_next_fee_that_is_covered() {
    let mut bank = Bank::with_rules(&format!("{RULES}{FEE}"));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "24990.00"), "00");
    end(&mut bank, "2026-11-23");
    end(&mut bank, "2026-11-24");
    assert_eq!(service(&bank, "A1"), "suspended");
    bank.command(Command::Credit {
        account: "A1".into(),
        amount: 100_000,
        reference: "r".into(),
        purpose: "salary".into(),
        entered_by: "staff".into(),
    });
    let mut day = BusinessDate::parse("2026-11-25").unwrap();
    while day <= BusinessDate::parse("2026-12-24").unwrap() {
        end(&mut bank, &day.to_string());
        day = day.plus_days(1);
    }
    assert_eq!((service(&bank, "A1"), bank.account("A1").0), ("active", "960.00".into()));
}
