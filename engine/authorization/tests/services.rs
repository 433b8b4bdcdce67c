//! What terminals ask besides payments: mini-statement, activation, void (TXN-5); batches and totals
//! (TXN-6); the stop-list (BLK-5).
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

const STATEMENT: u32 = 380_000;
const ACTIVATION: u32 = 720_000;
const VOID: u32 = 20_000;

fn day(text: &str) -> BusinessDate {
    BusinessDate::parse(text).unwrap()
}

#[test]
fn txn_5_a_mini_statement_has_the_last_movements_newest_first() {
    let mut bank = Bank::new();
    for amount in 1..=12 {
        bank.code("0200", PURCHASE, "POS00001", "K1", &format!("{amount}.00"));
    }
    bank.code("0200", PURCHASE, "POS00001", "K1", "99999.00");
    bank.code("0100", PURCHASE, "POS00001", "K1", "500.00");
    let (reversed, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "13.00"));
    bank.reverse(&reversed, None);
    bank.code("0200", REFUND, "POS00001", "K1", "7.00");
    bank.code("0200", PURCHASE, "POS00001", "K2", "77.00");
    let (asked, answer) = bank.new_message(message("0200", STATEMENT, "ATM00001", "K1", "0.00"));
    assert_eq!(answer.result, ResultCode::Approved);
    let amounts: Vec<i64> = answer.statement.iter().map(|line| line.amount).collect();
    assert_eq!(amounts, [-700, 1200, 1100, 1000, 900, 800, 700, 600, 500, 400]);
    let newest = answer.statement.iter().next().unwrap();
    assert_eq!((newest.transaction, newest.date), (20, day("2026-11-23")));
    bank.code("0200", PURCHASE, "POS00001", "K1", "1.00");
    assert_eq!(bank.send(&asked).statement, answer.statement, "the first answer again");
}

#[test]
fn txn_5_activation_needs_the_right_pin() {
    for (pin, code, then) in [
        (PinFact::OnlineVerified, "00", "00"),
        (PinFact::NotPresent, "62", "62"),
        (PinFact::OnlineWrong, "62", "62"),
    ] {
        let mut bank = Bank::new();
        let mut ask = message("0200", ACTIVATION, "ATM00001", "KN", "0.00");
        ask.entry_mode = EntryMode::from_number(901).unwrap();
        ask.facts.pin = pin;
        assert_eq!(bank.new_message(ask).1.result.code(), code, "{pin:?}");
        let mut swipe = message("0200", PURCHASE, "POS00001", "KN", "10.00");
        swipe.entry_mode = EntryMode::from_number(901).unwrap();
        assert_eq!(bank.new_message(swipe).1.result.code(), then, "{pin:?}");
    }
}

#[test]
fn txn_5_a_void_takes_back_a_terminals_own_transaction_and_nothing_else() {
    let mut bank = Bank::new();
    let (bought, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let void = |terminal: &str, card: &str| Request {
        rrn: bought.rrn,
        ..message("0200", VOID, terminal, card, "100.00")
    };
    assert_eq!(bank.new_message(void("POS00002", "K1")).1.result.code(), "12");
    assert_eq!(bank.new_message(void("POS00001", "K2")).1.result.code(), "77");
    assert_eq!(bank.available("A1"), "24900.00");
    let (sent, done) = bank.new_message(void("POS00001", "K1"));
    assert_eq!((done.result.code(), bank.available("A1")), ("00", "25000.00".to_owned()));
    assert!(bank.send(&sent).is_repeat);
    assert_eq!(bank.new_message(void("POS00001", "K1")).1.result.code(), "12", "voided already");
    assert_eq!(bank.available("A1"), "25000.00");
}

/// 0500 or 0520: credits, their reversals, debits, their reversals, as number and amount.
fn totals(mti: &str, terminal: &str, counted: [(u64, &str); 4], uploaded: bool) -> Request {
    let told = ToldTotals {
        numbers: counted.map(|(number, _)| Some(number)),
        amounts: counted.map(|(_, amount)| Some(kgs(amount))),
        uploaded,
    };
    let empty = message(mti, 0, terminal, "", "0.00");
    Request { extra: Some(Extra::Totals(told)), ..empty }
}

fn busy_terminal(bank: &mut Bank) -> Request {
    bank.code("0200", PURCHASE, "POS00001", "K1", "100.00");
    bank.code("0200", PURCHASE, "POS00001", "K1", "50.00");
    bank.code("0200", PURCHASE, "POS00001", "K1", "99999.00");
    bank.code("0200", REFUND, "POS00001", "K1", "30.00");
    let (wrong, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "20.00"));
    bank.reverse(&wrong, None);
    let (pre, _) = bank.new_message(message("0100", PURCHASE, "POS00001", "K1", "80.00"));
    bank.complete(&pre, "85.00");
    bank.code("0200", PURCHASE, "POS00002", "K1", "1000.00");
    pre
}

const COUNTED: [(u64, &str); 4] = [(1, "30.00"), (0, "0.00"), (4, "255.00"), (1, "20.00")];

#[test]
fn txn_6_equal_totals_close_the_batch() {
    let mut bank = Bank::new();
    busy_terminal(&mut bank);
    let (sent, answer) = bank.new_message(totals("0500", "POS00001", COUNTED, false));
    assert_eq!(answer.result, ResultCode::Reconciled);
    assert!(bank.send(&sent).is_repeat);
    let none = [(0, "0.00"); 4];
    let next = bank.new_message(totals("0500", "POS00001", none, false)).1;
    assert_eq!(next.result, ResultCode::Reconciled, "a new batch has begun");
    let (terminal, _) =
        bank.state.directory().terminal(&TerminalId::new(b"POS00001").unwrap()).unwrap();
    let batches = bank.state.reconciliation().terminal(terminal);
    assert_eq!((batches.open.number, batches.closed.unwrap().number), (3, 2));
}

#[test]
fn txn_6_totals_that_differ_are_95_and_the_upload_puts_it_right() {
    let mut bank = Bank::new();
    busy_terminal(&mut bank);
    // One payment the terminal made offline never came.
    let counted = [(1, "30.00"), (0, "0.00"), (5, "267.00"), (1, "20.00")];
    let answer = bank.new_message(totals("0500", "POS00001", counted, false)).1;
    assert_eq!((answer.result.code(), answer.result), ("95", ResultCode::TotalsDiffer));
    let differing: Vec<_> = bank
        .scratch
        .trace()
        .iter()
        .filter(|entry| entry.verdict == Verdict::Decline)
        .map(|entry| (entry.asked, entry.used))
        .collect();
    assert_eq!(differing, [(5, 4), (26_700, 25_500)], "told, here");
    let before = bank.available("A1");
    let known = bank.state.transactions().len();
    let mut upload = message("0320", PURCHASE, "POS00001", "K1", "12.00");
    upload.rrn = Rrn::new(b"OFFLINE00001");
    let (sent, booked) = bank.new_message(upload);
    assert_eq!(booked.result, ResultCode::Booked);
    assert!(bank.send(&sent).is_repeat);
    let repeat = Request { rrn: sent.rrn, ..message("0320", PURCHASE, "POS00001", "K1", "12.00") };
    assert_eq!(bank.new_message(repeat).1.result, ResultCode::Booked, "known: no second effect");
    let after = bank.available("A1");
    assert_eq!((before.as_str(), after.as_str()), ("23795.00", "23783.00"));
    assert_eq!(bank.state.transactions().len(), known + 2);
    let answer = bank.new_message(totals("0500", "POS00001", counted, true)).1;
    assert_eq!(answer.result, ResultCode::Reconciled);
}

#[test]
fn txn_6_after_an_upload_a_batch_closes_whatever_it_came_to() {
    let mut bank = Bank::new();
    busy_terminal(&mut bank);
    let wrong = [(0, "0.00"), (0, "0.00"), (9, "999.00"), (0, "0.00")];
    let answer = bank.new_message(totals("0500", "POS00001", wrong, true)).1;
    assert_eq!(answer.result, ResultCode::Reconciled);
    let (terminal, _) =
        bank.state.directory().terminal(&TerminalId::new(b"POS00001").unwrap()).unwrap();
    assert!(bank.state.reconciliation().terminal(terminal).closed.unwrap().differs);
}

#[test]
fn txn_6_an_upload_with_another_amount_is_corrected() {
    let mut bank = Bank::new();
    let (bought, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let upload =
        Request { rrn: bought.rrn, ..message("0320", PURCHASE, "POS00001", "K1", "90.00") };
    assert_eq!(bank.new_message(upload).1.result, ResultCode::Booked);
    assert_eq!(bank.available("A1"), "24910.00");
    let counted = [(0, "0.00"), (0, "0.00"), (1, "90.00"), (0, "0.00")];
    let answer = bank.new_message(totals("0500", "POS00001", counted, false)).1;
    assert_eq!(answer.result, ResultCode::Reconciled);
}

#[test]
fn txn_6_an_acquirers_totals_are_those_of_its_last_period() {
    let mut bank = Bank::new();
    busy_terminal(&mut bank);
    let whole = [(1, "30.00"), (0, "0.00"), (5, "1255.00"), (1, "20.00")];
    let (_, cut) = bank.new_message(message("0800", 0, "POS00001", "", "0.00"));
    assert_eq!(cut.result, ResultCode::CutOverDone);
    bank.code("0200", PURCHASE, "POS00001", "K1", "5.00");
    let mut ask = totals("0520", "POS00001", whole, false);
    ask.terminal = TerminalId::default();
    assert_eq!(bank.new_message(ask).1.result, ResultCode::Reconciled);
    let wrong = totals("0520", "POS00001", COUNTED, false);
    assert_eq!(bank.new_message(wrong).1.result, ResultCode::TotalsDiffer);
    let state = &bank.state;
    let mut bytes = Vec::new();
    state.write_snapshot(&mut bytes).unwrap();
    let loaded = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(loaded.reconciliation().acquirer(417_001), state.reconciliation().acquirer(417_001));
}

fn listed(card: &str) -> StopListed {
    StopListed::Card(message("0302", 0, "BRN00001", card, "0.00").card.unwrap())
}

fn ask(terminal: &str, action: StopListAction) -> Request {
    Request { extra: Some(Extra::File(action)), ..message("0302", 0, terminal, "", "0.00") }
}

#[test]
fn blk_5_a_card_on_the_stop_list_is_picked_up_until_the_last_day() {
    let mut bank = Bank::new();
    let terms = StopTerms { until: day("2026-11-24"), special: false };
    let put = StopListAction::Put(listed("K1"), terms);
    assert_eq!(bank.new_message(ask("POS00001", put)).1.result.code(), "58", "not their business");
    assert_eq!(bank.new_message(ask("BRN00001", put)).1.result, ResultCode::FileActionDone);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "04");
    let inquiry = bank.new_message(ask("BRN00001", StopListAction::Inquire(listed("K1")))).1;
    assert_eq!((inquiry.result.code(), inquiry.listed), ("00", Some(terms)));
    let missing = bank.new_message(ask("BRN00001", StopListAction::Inquire(listed("K2")))).1;
    assert_eq!((missing.result.code(), missing.listed), ("25", None));
    bank.clock("2026-11-24 23:59:59");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "04");
    bank.clock("2026-11-25 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00", "its end has passed");
}

#[test]
fn blk_5_a_range_answers_07_where_it_says_so_and_a_removal_ends_it() {
    let mut bank = Bank::new();
    let range = StopListed::Range { from: 94_170_000, to: 94_179_999 };
    let terms = StopTerms { until: day("2027-01-01"), special: true };
    assert_eq!(
        bank.new_message(ask("BRN00001", StopListAction::Put(range, terms))).1.result.code(),
        "00"
    );
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "07");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "NOT-OURS", "10.00"), "07");
    let overlapping = StopListed::Range { from: 94_179_000, to: 94_180_000 };
    let conflict = bank.new_message(ask("BRN00001", StopListAction::Put(overlapping, terms))).1;
    assert_eq!(conflict.result, ResultCode::StopListConflict);
    let gone = StopListAction::Remove(range);
    assert_eq!(bank.new_message(ask("BRN00001", gone)).1.result.code(), "00");
    assert_eq!(bank.new_message(ask("BRN00001", gone)).1.result.code(), "25");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
    // BLK-4: a fact is booked all the same.
    bank.new_message(ask("BRN00001", StopListAction::Put(range, terms)));
    assert_eq!(bank.code("0220", PURCHASE, "POS00001", "K1", "10.00"), "00");
}

#[test]
fn blk_5_a_files_entries_go_on_the_list_all_or_none() {
    let mut bank = Bank::new();
    let terms = |until| StopTerms { until: day(until), special: false };
    let put = |card, until| StopListAction::Put(listed(card), terms(until));
    let file = |actions: Vec<StopListAction>| Command::StopList {
        file: "stop.csv".into(),
        actions,
        by: OnRequestOf::default(),
    };
    let refused = bank.command(file(vec![put("K1", "2026-12-31"), put("K2", "2026-11-22")]));
    assert_eq!(refused, Outcome::Refused(Refusal::StopList(1)));
    assert!(bank.state.stop_list().is_empty());
    let done = bank.command(file(vec![
        put("K1", "2026-11-23"),
        put("K1", "2026-11-24"),
        put("K2", "2026-12-31"),
        StopListAction::Remove(listed("K5")),
    ]));
    let expected = StopListDone { added: 2, replaced: 1, removed: 0, missing: 1 };
    assert_eq!(done, Outcome::Done(Done::StopListChanged(expected)));
    for date in ["2026-11-23", "2026-11-24"] {
        bank.clock(&format!("{} 00:00:00", day(date).plus_days(1)));
        bank.command(Command::EndOfDay { date: day(date) });
    }
    assert_eq!(bank.state.stop_list().len(), 1, "what has ended is taken off");
}

const TRANSFER: u32 = 400_000;

fn transfer(mti: &str, from: &str, to: &str, amount: &str) -> Request {
    let to = message(mti, TRANSFER, "ATM00001", to, amount).card;
    let ask = message(mti, TRANSFER, "ATM00001", from, amount);
    Request { extra: to.map(Extra::Receiver), ..ask }
}

#[test]
fn txn_5_card_to_card_debits_and_credits_in_one_decision() {
    let mut bank = Bank::new();
    let (sent, done) = bank.new_message(transfer("0200", "K1", "K2", "1000.00"));
    assert_eq!(done.result, ResultCode::Approved);
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("24000.00".into(), "51000.00".into())
    );
    assert!(bank.send(&sent).is_repeat);
    assert_eq!(bank.reverse(&sent, Some("400.00")), "00");
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("24600.00".into(), "50400.00".into())
    );
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("25000.00".into(), "50000.00".into())
    );
}

#[test]
fn txn_5_a_transfer_may_be_held_first_and_completed() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(transfer("0100", "K1", "K2", "1000.00"));
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("24000.00".into(), "50000.00".into())
    );
    let (_, done) = bank.complete(&sent, "1000.00");
    assert_eq!(done.result, ResultCode::Booked);
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("24000.00".into(), "51000.00".into())
    );
}

#[test]
fn txn_5_a_transfer_that_cannot_arrive_takes_nothing() {
    let mut bank = Bank::new();
    let without = message("0200", TRANSFER, "ATM00001", "K1", "10.00");
    assert_eq!(bank.new_message(without).1.result.code(), "12", "nobody to receive it");
    for (request, code) in [
        (transfer("0200", "K1", "NOBODY", "10.00"), "14"),
        (transfer("0200", "K1", "K1", "10.00"), "12"),
        (transfer("0200", "K1", "K2", "25000.01"), "51"),
    ] {
        assert_eq!(bank.new_message(request).1.result.code(), code);
    }
    let mut shop = transfer("0200", "K1", "K2", "10.00");
    shop.terminal = TerminalId::new(b"POS00001").unwrap();
    assert_eq!(bank.new_message(shop).1.result.code(), "58");
    assert_eq!(
        (bank.available("A1"), bank.available("A2")),
        ("25000.00".into(), "50000.00".into())
    );
    // BLK-4: a blocked card receives.
    let by = OnRequestOf::default();
    bank.command(Command::Block { card: "K2".into(), reason: BlockReason::Lost, by });
    assert_eq!(bank.new_message(transfer("0200", "K1", "K2", "10.00")).1.result.code(), "00");
}

#[test]
fn tod_1_a_reversed_transfer_that_was_spent_is_the_receivers_debt() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(transfer("0200", "K5", "K4", "5000.00"));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K4", "11000.00"), "00");
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(bank.account("A4").0, "-10000.00");
    let (slot, _) = bank.state.ledger().accounts().find(|(_, a)| a.balance < 0).unwrap();
    let notice = bank.scratch.notice();
    assert!(
        matches!(notice, Some(Notice::TechnicalOverdraft { account, amount: 500_000, .. }) if account == slot)
    );
}
