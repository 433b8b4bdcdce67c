//! The end of day as an engine: parts, order, progress in the state, nothing done twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{Command, DayJob, DayPart, DayStanding, Done, Outcome, Refusal, State};
use common::{Bank, PURCHASE, message};
use payment_types::BusinessDate;

fn day(text: &str) -> BusinessDate {
    BusinessDate::parse(text).unwrap()
}

fn part(bank: &mut Bank, date: &str) -> DayPart {
    match bank.command(Command::EndOfDay { date: day(date) }) {
        Outcome::Done(Done::Day(part)) => *part,
        other => panic!("{other:?}"),
    }
}

#[test]
fn days_end_in_order_and_once_and_none_is_left_out() {
    let mut bank = Bank::new();
    assert_eq!(bank.state.next_day(), Some(day("2026-11-23")));
    let to_come = bank.command(Command::EndOfDay { date: day("2026-11-24") });
    assert_eq!(to_come, Outcome::Refused(Refusal::DayToCome));
    bank.clock("2026-11-26 00:00:00");
    let skipped = bank.command(Command::EndOfDay { date: day("2026-11-25") });
    assert_eq!(skipped, Outcome::Refused(Refusal::DaysBefore(day("2026-11-23"))));
    for date in ["2026-11-23", "2026-11-24", "2026-11-25"] {
        let ended = part(&mut bank, date);
        assert_eq!(ended.standing, DayStanding::Ended);
        let jobs: Vec<_> = ended.summary.unwrap().jobs.iter().map(|done| done.job).collect();
        assert_eq!(jobs, DayJob::ALL);
    }
    let digest = |bank: &Bank| {
        // The sequence rises with every command; all else must stay.
        let mut bytes = Vec::new();
        bank.state.write_snapshot(&mut bytes).unwrap();
        bytes.len()
    };
    let before = digest(&bank);
    let again = part(&mut bank, "2026-11-24");
    assert_eq!((again.standing, again.jobs.len()), (DayStanding::EndedBefore, 0));
    assert_eq!(digest(&bank), before);
    assert_eq!(bank.state.next_day(), Some(day("2026-11-26")));
}

#[test]
fn txn_3_a_long_day_goes_on_where_it_stopped_also_from_a_snapshot() {
    let mut bank = Bank::new();
    const HOLDS: usize = 5_000;
    for _ in 0..HOLDS {
        assert_eq!(bank.code("0100", PURCHASE, "POS00001", "K1", "1.00"), "00");
    }
    bank.clock("2026-12-05 00:00:00");
    let mut date = day("2026-11-23");
    let (mut parts, mut released) = (0, 0);
    let mut twin: Option<Bank> = None;
    while date < day("2026-12-05") {
        let done = part(&mut bank, &date.to_string());
        released += done.expired.len();
        parts += 1;
        if let Some(twin) = &mut twin {
            assert_eq!(part(twin, &date.to_string()), done, "the same from a snapshot");
        }
        if done.standing == DayStanding::UnderWay {
            let progress = bank.state.day_under_way().unwrap();
            assert_eq!((progress.date, progress.job), (date, DayJob::Holds));
            // Requests are decided between two parts, and a crash goes on from the snapshot.
            let between = bank.stamp(message("0200", PURCHASE, "POS00002", "K2", "1.00"));
            assert!(bank.send(&between).result.is_approval());
            let mut bytes = Vec::new();
            bank.state.write_snapshot(&mut bytes).unwrap();
            let mut other = Bank::new();
            other.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
            other.now = bank.now;
            twin = Some(other);
            continue;
        }
        date = date.plus_days(1);
    }
    assert_eq!(released, HOLDS);
    assert!(parts > 12, "{parts} parts for 12 days");
    assert_eq!(bank.account("A1").1, "0.00");
    let summary = bank.state.last_day().unwrap();
    assert_eq!(summary.date, day("2026-12-04"));
    assert_eq!(bank.state.digest(), twin.unwrap().state.digest());
}
