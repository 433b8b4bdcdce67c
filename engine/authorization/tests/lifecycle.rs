//! Retransmissions, reversals, preauthorizations, completions, expiry: TXN; with CTL and AGT.
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
fn txn_1_a_retransmission_gets_the_first_answer_and_has_no_second_effect() {
    let mut bank = Bank::new();
    let (sent, first) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    bank.clock("10:00:05");
    for repeat in [sent, Request { mti: sent.mti.as_repeat(), ..sent }] {
        let again = bank.send(&repeat);
        assert_eq!(again, Decision { is_repeat: true, ..first });
    }
    assert_eq!(bank.available("A1"), "24900.00");
    let declined = message("0200", PURCHASE, "POS00001", "K1", "99999.00");
    let (sent, first) = bank.new_message(declined);
    assert_eq!(bank.send(&sent), Decision { is_repeat: true, ..first });
}

#[test]
fn txn_1_a_known_key_with_other_content_is_94() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let changed = Amount::new(10_001, Currency::KGS);
    for other in [
        Request { amount: changed, ..sent },
        Request { processing_code: ProcessingCode::from_number(REFUND).unwrap(), ..sent },
        Request { card: message("0200", 0, "POS00001", "K2", "1.00").card, ..sent },
        Request { rrn: Rrn::new(b"OTHER"), ..sent },
    ] {
        assert_eq!(bank.send(&other).result, ResultCode::DuplicateDiffers);
    }
    assert_eq!(bank.available("A1"), "24900.00");
    assert!(bank.send(&sent).is_repeat, "the first one still answers for the key");
    let elsewhere = Request { terminal: TerminalId::new(b"POS00002").unwrap(), ..sent };
    assert!(!bank.send(&elsewhere).is_repeat, "another terminal's STAN is another message");
}

#[test]
fn txn_1_the_window_outlasts_a_day() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    for day in ["2026-11-24", "2026-11-25"] {
        bank.clock(&format!("{day} 09:59:59"));
        let date = BusinessDate::parse(day).unwrap().plus_days(-1);
        bank.command(Command::EndOfDay { date });
        assert!(bank.send(&sent).is_repeat, "{day}");
    }
}

#[test]
fn txn_2_a_reversal_gives_back_money_and_counters_whole_and_in_part() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", CASH, "AGT00001", "K1", "15000.00"));
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "0.50"), "61");
    assert_eq!(bank.reverse(&sent, Some("5000.00")), "00");
    assert_eq!(bank.available("A1"), "20000.00");
    let (_, declined) = bank.new_message(message("0200", CASH, "AGT00001", "K1", "10000.50"));
    assert_eq!(declined.amounts.cap_left, Some((kgs("10000.00"), Currency::KGS)));
    assert_eq!(bank.reverse(&sent, Some("6000.00")), "77", "more than is left");
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(bank.available("A1"), "25000.00");
    assert_eq!(bank.reverse(&sent, None), "00", "nothing left to do");
    assert_eq!(bank.available("A1"), "25000.00");
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "15000.00"), "00");
}

#[test]
fn txn_2_a_repeated_reversal_is_answered_the_same() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let reversal = bank.reversal_of(&sent, None);
    let first = bank.send(&reversal);
    let again = bank.send(&Request { mti: reversal.mti.as_repeat(), ..reversal });
    assert_eq!(again, Decision { is_repeat: true, ..first });
    assert_eq!(bank.available("A1"), "25000.00");
}

#[test]
fn txn_2_without_de_90_the_rrn_finds_it() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let reversal = Request { original: None, ..bank.reversal_of(&sent, None) };
    assert_eq!(bank.send(&reversal).result, ResultCode::Reversed);
    assert_eq!(bank.available("A1"), "25000.00");
}

#[test]
fn txn_2_a_reversal_that_does_not_fit_is_refused() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    let reversal = bank.reversal_of(&sent, None);
    let other_card = message("0200", 0, "POS00001", "K2", "1.00").card;
    assert_eq!(bank.send(&Request { card: other_card, ..reversal }).result.code(), "77");
    let wrong_amount =
        Request { amount: Amount::new(1, Currency::KGS), ..bank.reversal_of(&sent, None) };
    assert_eq!(bank.send(&wrong_amount).result.code(), "77");
    let dollars = Amount::new(sent.amount.minor(), Currency::USD);
    let other_currency = Request { amount: dollars, ..bank.reversal_of(&sent, None) };
    assert_eq!(bank.send(&other_currency).result.code(), "77");
    let in_part = Request { amount: dollars, ..bank.reversal_of(&sent, Some("40.00")) };
    assert_eq!(bank.send(&in_part).result.code(), "77");
    assert_eq!(bank.available("A1"), "24900.00");
}

#[test]
fn txn_2_a_reversal_that_comes_first_kills_its_original() {
    let mut bank = Bank::new();
    let ghost = bank.stamp(message("0200", PURCHASE, "POS00001", "K1", "500.00"));
    let reversal = bank.reversal_of(&ghost, None);
    assert_eq!(bank.send(&reversal).result, ResultCode::ReversalRecorded);
    assert_eq!(bank.send(&ghost).result, ResultCode::ReversedBeforeArrival);
    assert!(bank.send(&ghost).is_repeat);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "500.00"), "00", "others pass");
    assert_eq!(bank.available("A1"), "24500.00");
}

#[test]
fn txn_2_a_partial_reversal_that_comes_first_leaves_what_it_says() {
    for (mti, stays, booked) in [
        ("0200", "40.00", "40.00"),
        ("0100", "40.00", "40.00"),
        ("0220", "40.00", "40.00"),
        ("0200", "100.00", "100.00"),
        ("0200", "0.00", "0.00"),
    ] {
        let mut bank = Bank::new();
        let ghost = bank.stamp(message(mti, PURCHASE, "POS00001", "K1", "100.00"));
        let reversal = bank.reversal_of(&ghost, Some(stays));
        assert_eq!(bank.send(&reversal).result, ResultCode::ReversalRecorded);
        let decision = bank.send(&ghost);
        assert_eq!(decision.result.is_approval(), booked != "0.00", "{mti} {stays}");
        let left = format_minor(2_500_000 - i128::from(kgs(booked)), 2);
        assert_eq!(bank.available("A1"), left, "{mti} {stays}");
        assert_eq!(bank.send(&ghost), Decision { is_repeat: true, ..decision });
        if booked != "0.00" {
            assert_eq!(bank.reverse(&ghost, None), "00");
        }
        assert_eq!(bank.available("A1"), "25000.00", "{mti} {stays}");
    }
}

#[test]
fn txn_2_undoing_a_refund_takes_the_money_back() {
    let mut bank = Bank::new();
    let (sent, _) = bank.new_message(message("0200", REFUND, "POS00001", "K1", "100.00"));
    assert_eq!(bank.available("A1"), "25100.00");
    assert_eq!(bank.reverse(&sent, Some("30.00")), "00");
    assert_eq!(bank.available("A1"), "25030.00");
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(bank.available("A1"), "25000.00");
}

#[test]
fn txn_4_preauthorization_increment_completion() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", PURCHASE, "POS00002", "K1", "10000.00"));
    assert_eq!(bank.account("A1"), ("25000.00".into(), "10000.00".into(), "15000.00".into()));
    let increment =
        Request { rrn: pre.rrn, ..message("0100", PURCHASE, "POS00002", "K1", "2000.00") };
    let (increment, decision) = bank.new_message(increment);
    assert_eq!(decision.result.code(), "00");
    assert_eq!(bank.account("A1").1, "12000.00");
    let too_much =
        Request { rrn: pre.rrn, ..message("0100", PURCHASE, "POS00002", "K1", "13000.01") };
    assert_eq!(bank.new_message(too_much).1.result.code(), "51");
    assert_eq!(bank.reverse(&increment, Some("500.00")), "00");
    assert_eq!(bank.account("A1").1, "10500.00");
    let (completion, decision) = bank.complete(&pre, "11000.00");
    assert_eq!(decision.result, ResultCode::Booked);
    assert_eq!(bank.account("A1"), ("14000.00".into(), "0.00".into(), "14000.00".into()));
    assert_eq!(bank.reverse(&pre, None), "00", "the completion stands");
    assert_eq!(bank.available("A1"), "14000.00");
    assert_eq!(bank.reverse(&completion, None), "00");
    assert_eq!(bank.available("A1"), "25000.00");
}

#[test]
fn txn_4_a_preauthorization_is_voided_with_its_increments() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", PURCHASE, "POS00002", "K1", "1000.00"));
    for _ in 0..3 {
        let next =
            Request { rrn: pre.rrn, ..message("0100", PURCHASE, "POS00002", "K1", "100.00") };
        bank.new_message(next);
    }
    assert_eq!(bank.account("A1").1, "1300.00");
    assert_eq!(bank.reverse(&pre, None), "00");
    assert_eq!(bank.account("A1"), ("25000.00".into(), "0.00".into(), "25000.00".into()));
}

#[test]
fn txn_3_and_4_a_hold_expires_and_a_late_completion_is_a_fact() {
    for (terminal, days) in [("POS00001", 7), ("POS00002", 30)] {
        let mut bank = Bank::new();
        let (pre, _) = bank.new_message(message("0100", PURCHASE, terminal, "K1", "10000.00"));
        let end = bank.now.at.plus_days(days);
        for day in 0..days {
            let date = bank.now.business_date();
            bank.now = Moment::new(date.plus_days(1).start(bank.now.offset), bank.now.offset);
            bank.command(Command::EndOfDay { date });
            assert_eq!(bank.account("A1").1, "10000.00", "day {day}");
        }
        bank.now = Moment::new(end.plus_ms(-1), bank.now.offset);
        bank.command(Command::ExpireHolds);
        assert_eq!(bank.account("A1").1, "10000.00");
        bank.now = Moment::new(end, bank.now.offset);
        let Outcome::Done(Done::HoldsExpired { count, .. }) = bank.command(Command::ExpireHolds)
        else {
            panic!()
        };
        assert_eq!((count, bank.available("A1")), (1, "25000.00".into()));
        let (_, late) = bank.complete(&pre, "26000.00");
        assert_eq!((late.result, bank.available("A1")), (ResultCode::Booked, "-1000.00".into()));
    }
}

#[test]
fn txn_4_an_advice_is_booked_and_its_completion_books_the_difference() {
    let mut bank = Bank::new();
    let (advice, _) = bank.new_message(message("0120", PURCHASE, "POS00001", "K1", "100.00"));
    assert_eq!(bank.available("A1"), "24900.00");
    bank.complete(&advice, "120.00");
    assert_eq!(bank.available("A1"), "24880.00");
}

#[test]
fn ctl_the_pin_is_asked_for_only_where_nothing_else_declines() {
    let mut bank = Bank::new();
    let none = PinFact::NotPresent;
    assert_eq!(bank.tap("POS00001", "K1", "3000.00", none), "00");
    assert_eq!(bank.tap("POS00001", "K1", "3000.01", none), "70");
    assert_eq!(bank.tap("POS00001", "K1", "22000.01", none), "51");
    assert_eq!(bank.tap("POS00001", "K1", "3000.01", PinFact::OnlineVerified), "00");
    let mut cash = message("0200", CASH, "AGT00001", "K1", "100.00");
    cash.facts.pin = none;
    assert_eq!(bank.new_message(cash).1.result.code(), "70", "CTL-4");
    let mut tap = message("0200", PURCHASE, "POS00001", "K1", "1.00");
    tap.entry_mode = EntryMode::from_number(71).unwrap();
    tap.facts.pin = none;
    let (_, decision) = bank.new_message(tap);
    assert_eq!(decision.liability, Liability::Issuer, "CTL-5");
    let (_, decision) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "1.00"));
    assert_eq!(decision.liability, Liability::Unset);
}

#[test]
fn agt_4_and_5_what_counts_and_on_which_day() {
    let mut bank = Bank::new();
    bank.clock("23:58:00");
    let (late, _) = bank.new_message(message("0200", CASH, "AGT00001", "K1", "15000.00"));
    bank.clock("2026-11-24 00:01:00");
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K5", "6000.00"), "00");
    assert_eq!(bank.reverse(&late, None), "00");
    let (_, over) = bank.new_message(message("0200", DISBURSE, "AGT00001", "K5", "9000.50"));
    assert_eq!(over.amounts.cap_left, Some((kgs("9000.00"), Currency::KGS)));
    let mut cash_back = message("0200", CASH_BACK, "AGT00003", "K5", "3000.00");
    cash_back.cash_back = Some(kgs("1000.00"));
    assert_eq!(bank.new_message(cash_back).1.result.code(), "00");
    let (_, over) = bank.new_message(message("0200", CASH, "AGT00001", "K1", "15000.00"));
    assert_eq!(over.amounts.cap_left, Some((kgs("8000.00"), Currency::KGS)));
}

#[test]
fn txn_8_every_decision_says_why() {
    let mut bank = Bank::new();
    bank.code("0200", CASH, "AGT00001", "K1", "16000.00");
    let entry = bank.scratch.trace().iter().find(|entry| entry.rule == RuleId::Agt1).unwrap();
    assert_eq!(entry.verdict, Verdict::Decline);
    assert_eq!((entry.asked, entry.used, entry.ceiling), (1_600_000, 0, 1_500_000));
    bank.code("0200", PURCHASE, "POS00001", "K1", "1.00");
    let rules = bank.rules_traced();
    assert!(rules.contains(&("BAL-1", Verdict::Pass)) && rules.contains(&("BLK-2", Verdict::Pass)));
}

#[test]
fn a_replay_repeats_the_history_bit_for_bit() {
    let mut bank = Bank::new();
    let records = random_history(&mut bank, 3000);
    let mut replayed = Bank::new();
    for record in &records {
        let sequence = replayed.next();
        let again = replayed.state.execute(sequence, &record.accepted, &mut replayed.scratch);
        assert_eq!(again, record.outcome);
    }
    assert_eq!(replayed.state.digest(), bank.state.digest());
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let mut loaded = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(loaded.digest(), bank.state.digest());
    let request = bank.stamp(message("0200", PURCHASE, "POS00001", "K2", "1.00"));
    let sequence = bank.next();
    let before = loaded.authorize(sequence, bank.now, &request, &mut bank.scratch);
    assert_eq!(bank.send(&request), before);
    assert_eq!(loaded.digest(), bank.state.digest());
}

/// A seeded history of every kind of message, checked for balance after each step, with what the
/// journal would hold of it.
fn random_history(bank: &mut Bank, steps: usize) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    let mut sent: Vec<Request> = Vec::new();
    let mut seed = 7u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for step in 0..steps {
        let minutes = random(40);
        bank.now = Moment::new(
            bank.now.at.plus_ms(i64::try_from(minutes).unwrap() * 60_000),
            bank.now.offset,
        );
        let card = ["K1", "K2", "K4", "K5", "K6", "KN"][random(6) as usize];
        let amount = format!("{}.{:02}", random(900), random(100));
        let request = match random(10) {
            0..4 => bank.stamp(message("0200", PURCHASE, "POS00001", card, &amount)),
            4 => bank.stamp(message("0200", CASH, "AGT00001", card, &amount)),
            5 => bank.stamp(message("0100", PURCHASE, "POS00002", card, &amount)),
            6 if !sent.is_empty() => {
                let original = sent[random(sent.len() as u64) as usize];
                bank.reversal_of(&original, None)
            }
            7 if !sent.is_empty() => {
                let original = sent[random(sent.len() as u64) as usize];
                Request { mti: Mti::parse("0220").unwrap(), ..bank.reversal_of(&original, None) }
            }
            8 if !sent.is_empty() => sent[random(sent.len() as u64) as usize],
            _ => bank.stamp(message("0200", REFUND, "POS00001", card, &amount)),
        };
        sent.push(request);
        let command = if step % 97 == 0 {
            Command::EndOfDay { date: bank.now.business_date().plus_days(-1) }
        } else {
            Command::Authorize(request)
        };
        let accepted = Accepted { moment: bank.now, idempotency: None, command };
        let outcome = bank.state.execute(bank.next(), &accepted, &mut bank.scratch);
        if let (Command::Authorize(request), Outcome::Decided(decided)) =
            (&accepted.command, &outcome)
        {
            let (mut fast, mut whole) = (Vec::new(), Vec::new());
            let version = bank.state.rules_version();
            let decision = &decided.decision;
            encode_decided(bank.now, request, decision, &bank.scratch, version, &mut fast);
            let record = Record { accepted: accepted.clone(), outcome: outcome.clone() };
            encode_record(&record, &mut whole);
            assert_eq!(fast, whole);
            assert_eq!(decode_record(&fast), Ok(record));
        }
        records.push(Record { accepted, outcome });
        assert_eq!(bank.state.ledger().verify(), Ok(()), "step {step}");
    }
    records
}

#[test]
fn idempotency_keys_give_the_first_outcome_again() {
    let mut bank = Bank::new();
    let key = IdempotencyKey { key: [1; 16], content: [2; 16] };
    let credit = |amount| Command::Credit {
        account: "A1".into(),
        amount,
        reference: "r".into(),
        purpose: "p".into(),
        entered_by: "t".into(),
    };
    let mut execute = |idempotency, command| {
        let accepted = Accepted { moment: bank.now, idempotency: Some(idempotency), command };
        bank.state.execute(bank.next(), &accepted, &mut bank.scratch)
    };
    let first = execute(key, credit(100));
    assert_eq!(execute(key, credit(100)), first);
    let other = IdempotencyKey { content: [3; 16], ..key };
    assert_eq!(execute(other, credit(200)), Outcome::Refused(Refusal::IdempotencyDiffers));
    assert_eq!(bank.available("A1"), "25001.00");
}

#[test]
fn a_portfolio_is_taken_in_whole_or_not_at_all() {
    let mut bank = Bank::new();
    let digest = bank.state.directory().counts();
    let new = |id: &str| PortfolioItem::Card(card(id, "A1", "C1"));
    let staged = bank.command(Command::Import { part: 0, last: false, items: vec![new("N1")] });
    assert_eq!(staged, Outcome::Done(Done::ImportStaged));
    let refused = bank.command(Command::Import { part: 1, last: true, items: vec![new("K1")] });
    assert!(matches!(refused, Outcome::Refused(Refusal::Import(_))), "{refused:?}");
    assert_eq!(bank.state.directory().counts(), digest);
    let done = bank.command(Command::Import { part: 0, last: true, items: vec![new("N1")] });
    assert_eq!(done, Outcome::Done(Done::Imported { items: 1 }));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "N1", "1.00"), "00");
}
