//! The read model's books after a random history: every statement ends at the ledger's balance, and
//! every day sums to zero.

use crate::engine::{Engine, account_id};
use crate::model::{Came, Model};
use crate::step::history;
use crate::world::ACCOUNTS;
use authorization::{Record, encode_record};
use history::{History, Period};
use journal::{Journal, Options, Recovery};
use payment_types::{BusinessDate, UtcOffset};
use std::path::Path;

/// A bank after some thousand steps, and how many records it wrote to a journal.
fn bank(path: &Path) -> (Engine, u64) {
    let (mut engine, mut model) = (Engine::new(), Model::new());
    for step in history(7, 4_000) {
        if model.step(&step) != Came::Nothing {
            engine.step(&step).unwrap();
        }
    }
    let options = Options { segment_bytes: 16 << 20, prepare_ahead: false };
    let mut journal = Recovery::open(path, options).unwrap().finish().unwrap();
    for (accepted, outcome) in &engine.journal {
        let record = Record { accepted: accepted.clone(), outcome: outcome.clone() };
        let mut bytes = Vec::new();
        encode_record(&record, &mut bytes);
        journal.append(&bytes).unwrap();
    }
    let durable = journal.commit().unwrap().durable();
    (engine, durable)
}

#[test]
fn statements_and_totals_are_the_ledgers() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, durable) = bank(directory.path());
    let (history, mut projector) = History::open(directory.path()).unwrap();
    projector.catch_up(durable).unwrap();
    let ledger = engine.state.ledger();
    let last = engine.state.last_moment().business_date();
    let first = engine.journal.first().unwrap().0.moment.business_date();
    let noon = first.plus_days((last.days() - first.days()) / 2).start(UtcOffset(360));
    for at in 0..ACCOUNTS.len() {
        let id = account_id(at);
        let slot = engine.state.directory().account_position(&id).unwrap();
        let balance = ledger.account(ledger::AccountSlot(slot)).unwrap().balance;
        let of = |period: &Period| history.statement(&id, period, 100_000).unwrap().unwrap();
        let all = of(&Period::default());
        assert_eq!((all.opening, all.closing), (0, balance), "{id}");
        assert_eq!(all.lines.last().map(|line| line.balance), Some(balance), "{id}");
        let before = of(&Period { to: Some(noon), ..Period::default() });
        let after = of(&Period { from: Some(noon), ..Period::default() });
        assert_eq!((before.closing, after.closing), (after.opening, balance), "{id}");
        assert!(before.lines.iter().all(|line| line.moment.at < noon), "{id}");
        assert!(after.lines.iter().all(|line| line.moment.at >= noon), "{id}");
        assert_eq!([before.lines, after.lines].concat(), all.lines, "{id}");
    }
    for day in first.days()..=last.days() {
        let totals = history.general_ledger(BusinessDate::from_days(day)).unwrap();
        let (debit, credit): (i64, i64) =
            totals.iter().fold((0, 0), |sum, row| (sum.0 + row.debit, sum.1 + row.credit));
        assert_eq!(debit, credit, "day {day}");
        assert_eq!(totals.iter().map(|row| row.closing).sum::<i64>(), 0, "day {day}");
    }
    let totals = history.general_ledger(last).unwrap();
    for (_, account, balance) in ledger.general().iter() {
        let row = totals.iter().find(|row| row.class == account.name());
        let closing = row.map_or(0, |row| row.closing);
        assert_eq!(i128::from(closing), balance, "{}", account.name());
    }
}
