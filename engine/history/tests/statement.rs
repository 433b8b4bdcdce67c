//! Statements and totals: every line a posting, balances as the ledger has them.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use authorization::Command;
use common::{Bank, purchase, reversal};
use history::{History, Party, Period, PostingId, Statement};
use payment_types::{Mti, ProcessingCode, TerminalId};

fn credit(account: &str, amount: u64) -> Command {
    Command::Credit {
        account: account.into(),
        amount,
        reference: "r1".into(),
        purpose: "salary".into(),
        entered_by: "acceptance".into(),
    }
}

/// Two days of postings: 3 opening, 4 purchase, 5 cash, 6 reversal of 4, 7 credit, 8 advice.
fn bank() -> (Bank, History) {
    let mut bank = Bank::open();
    let first = purchase(1, 150_000);
    assert_eq!(bank.send(first), "00");
    let mut cash = purchase(2, 10_024);
    cash.processing_code = ProcessingCode::from_number(10_000).unwrap();
    cash.terminal = TerminalId::new(b"AGT00001").unwrap();
    assert_eq!(bank.send(cash), "00");
    bank.now = bank.now.plus_days(1);
    assert_eq!(bank.send(reversal(3, &first)), "00");
    bank.execute(credit("A1", 700_000));
    let mut advice = purchase(4, 9_000_000);
    advice.mti = Mti::parse("0220").unwrap();
    assert_eq!(bank.send(advice), "00");
    let watermark = bank.commit();
    let (history, mut projector) = History::open(bank.path()).unwrap();
    projector.catch_up(watermark).unwrap();
    (bank, history)
}

fn statement(history: &History, period: &Period, most: u32) -> Statement {
    history.statement("A1", period, most).unwrap().unwrap()
}

fn balance(bank: &Bank) -> i64 {
    bank.state.ledger().account(ledger::AccountSlot(0)).unwrap().balance
}

#[test]
fn a_statement_runs_from_the_opening_to_the_ledgers_balance() {
    let (bank, history) = bank();
    let all = statement(&history, &Period::default(), 100);
    let amounts: Vec<i64> = all.lines.iter().map(|line| line.amount).collect();
    assert_eq!(amounts, [2_500_000, -150_000, -10_024, 150_000, 700_000, -9_000_000]);
    assert_eq!((all.opening, all.closing, all.count), (0, balance(&bank), 6));
    assert_eq!(all.lines.last().unwrap().balance, all.closing);
    assert_eq!((all.debits, all.credits), (9_160_024, 3_350_000));
    let opening = &all.lines[0];
    assert_eq!(opening.counterpart, Party::General("opening".into()));
    assert_eq!(opening.booking.as_deref(), Some("import"));
    let shop = &all.lines[1];
    assert_eq!((shop.posting.sequence, shop.merchant_name.as_deref()), (4, Some("Market One")));
    assert_eq!(shop.counterpart, Party::General("merchant_settlement".into()));
    assert_eq!((all.lines[3].mti, all.lines[3].original), (Some(420), Some(4)));
    let salary = &all.lines[4];
    assert_eq!(salary.booking.as_deref(), Some("credit"));
    assert!(salary.details.as_ref().unwrap().contains("salary"));
    for line in &all.lines {
        let Some(detail) = history.transaction(line.posting.sequence).unwrap() else { continue };
        assert!(detail.postings.iter().any(|posting| posting.amount == line.amount));
    }
    assert_eq!(history.statement("A9", &Period::default(), 10).unwrap(), None);
}

#[test]
fn parts_and_periods_fit_together() {
    let (bank, history) = bank();
    let all = statement(&history, &Period::default(), 100);
    for most in [1, 2, 5] {
        let (mut lines, mut after) = (Vec::new(), None);
        loop {
            let part = statement(&history, &Period { after, ..Period::default() }, most);
            assert_eq!((part.opening, part.closing), (all.opening, all.closing));
            lines.extend(part.lines);
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(lines, all.lines, "in parts of {most}");
    }
    let midnight = common::today().plus_days(1).start(payment_types::UtcOffset(360));
    let first = statement(&history, &Period { to: Some(midnight), ..Period::default() }, 100);
    let second = statement(&history, &Period { from: Some(midnight), ..Period::default() }, 100);
    assert_eq!((first.lines.len(), second.lines.len()), (3, 3));
    assert_eq!((first.closing, second.closing), (second.opening, balance(&bank)));
    assert_eq!([first.lines, second.lines].concat(), all.lines);
    let never = Some(bank.now.plus_days(1));
    let none = statement(&history, &Period { from: never, ..Period::default() }, 100);
    assert_eq!((none.count, none.opening, none.closing), (0, balance(&bank), balance(&bank)));
    assert_eq!("17-2".parse(), Ok(PostingId { sequence: 17, line: 2 }));
    assert!("17".parse::<PostingId>().is_err());
}

#[test]
fn bal_7_the_totals_of_each_day_sum_to_zero_and_close_at_the_ledger() {
    let (bank, history) = bank();
    let today = common::today();
    let mut before = Vec::new();
    for date in [today, today.plus_days(1)] {
        let totals = history.general_ledger(date).unwrap();
        let sum = |of: fn(&history::GeneralTotal) -> i64| totals.iter().map(of).sum::<i64>();
        assert_eq!(sum(|row| row.debit), sum(|row| row.credit), "{date}");
        assert_eq!(sum(|row| row.closing), 0, "{date}");
        for row in &before {
            let row: &history::GeneralTotal = row;
            let next = totals.iter().find(|next| next.class == row.class).unwrap();
            assert_eq!(next.opening, row.closing, "{}", row.class);
        }
        before = totals;
    }
    for (currency, account, balance) in bank.state.ledger().general().iter() {
        let row = before.iter().find(|row| row.class == account.name()).unwrap();
        assert_eq!((row.currency, i128::from(row.closing)), (currency, balance), "{}", row.class);
    }
    let sums = history.book_sums().unwrap();
    assert_eq!((sums.accounts[0], sums.unbalanced), (balance(&bank), None));
}
