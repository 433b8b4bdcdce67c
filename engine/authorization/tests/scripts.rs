//! Issuer scripts: what a chip is told with its answers (SEC-2, PIN-4), and what came of it.
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

fn set(bank: &mut Bank, change: CardChange) -> Outcome {
    bank.command(Command::SetCard { card: "K1".into(), change, by: OnRequestOf::default() })
}

fn queue(bank: &mut Bank, kind: ScriptKind) -> Outcome {
    set(bank, CardChange::QueueScript { kind })
}

fn by_chip(atc: u16) -> Request {
    let mut request = message("0200", PURCHASE, "POS00001", "K1", "10.00");
    let cryptogram = Checked::Right;
    request.facts.chip = Some(ChipFact { cryptogram, atc, ..ChipFact::default() });
    request
}

fn reporting(atc: u16, identifier: u32, outcome: ScriptOutcome) -> Request {
    let mut request = by_chip(atc);
    let results = [Some(ScriptResult { identifier, outcome }), None];
    request.facts.chip = request.facts.chip.map(|c| ChipFact { script_results: results, ..c });
    request
}

fn sent(decision: &Decision) -> Vec<(u32, &'static str)> {
    decision.scripts.iter().flatten().map(|order| (order.identifier, order.kind.name())).collect()
}

fn standings(bank: &Bank) -> Vec<(u32, ScriptStanding)> {
    let slot = bank.state.directory().card_position("K1").unwrap();
    let scripts = bank.state.card_scripts(slot).iter();
    scripts.map(|script| (script.identifier, script.standing)).collect()
}

const SET: Outcome = Outcome::Done(Done::CardSet);

#[test]
fn a_script_goes_with_chip_answers_until_its_result_is_told() {
    for (told, then, again) in [
        (ScriptOutcome::Successful, ScriptStanding::Confirmed, vec![]),
        (ScriptOutcome::Failed, ScriptStanding::Failed, vec![]),
        (ScriptOutcome::NotPerformed, ScriptStanding::Sent, vec![(1, "application_block")]),
    ] {
        let mut bank = Bank::new();
        assert_eq!(queue(&mut bank, ScriptKind::ApplicationBlock), SET);
        let (request, first) = bank.new_message(by_chip(1));
        assert_eq!(sent(&first), [(1, "application_block")]);
        assert_eq!(standings(&bank), [(1, ScriptStanding::Sent)]);
        assert_eq!(bank.send(&request).scripts, first.scripts, "a repeat brings the same");
        let (_, second) = bank.new_message(by_chip(2));
        assert_eq!(sent(&second), [(1, "application_block")], "nobody said what came of it");
        let (_, third) = bank.new_message(reporting(3, 1, told));
        assert_eq!(standings(&bank), [(1, then)], "{told:?}");
        let (_, fourth) = bank.new_message(by_chip(4));
        assert_eq!(sent(&fourth), again, "{told:?}");
        assert!(sent(&third).len() <= SCRIPTS_MOST);
    }
}

#[test]
fn only_a_chip_in_contact_with_a_right_cryptogram_is_told_anything() {
    let with = |change: fn(&mut Request)| {
        let mut request = by_chip(1);
        change(&mut request);
        request
    };
    let fact = |request: &mut Request, outcome| {
        request.facts.chip = request.facts.chip.map(|c| ChipFact { cryptogram: outcome, ..c });
    };
    let mut wrong = by_chip(1);
    fact(&mut wrong, Checked::Wrong);
    let mut unverified = by_chip(1);
    fact(&mut unverified, Checked::Unverifiable);
    for (request, expected) in [
        (by_chip(1), 1),
        (with(|request| request.entry_mode = EntryMode::from_number(71).unwrap()), 0),
        (with(|request| request.facts.chip = None), 0),
        (with(|request| request.mti = Mti::parse("0220").unwrap()), 0),
        // A decline carries it too.
        (with(|request| request.amount = Amount::new(99_999_999, Currency::KGS)), 1),
        (wrong, 0),
        (unverified, 0),
    ] {
        let mut bank = Bank::new();
        queue(&mut bank, ScriptKind::PinUnblock);
        let (_, decision) = bank.new_message(request);
        assert_eq!(sent(&decision).len(), expected, "{request:?}");
    }
    // A replayed cryptogram is no chip.
    let mut bank = Bank::new();
    bank.new_message(by_chip(1));
    queue(&mut bank, ScriptKind::PinUnblock);
    let (_, replayed) = bank.new_message(by_chip(1));
    assert_eq!((replayed.result, sent(&replayed)), (ResultCode::CounterReplayed, vec![]));
}

#[test]
fn at_most_two_go_at_once_the_oldest_first() {
    let mut bank = Bank::new();
    let data = |tag| ScriptKind::PutData { tag, value: [3, 0, 0, 0, 0, 0, 0, 0], length: 1 };
    for kind in [data(0x9F58), data(0x9F59), ScriptKind::PinUnblock] {
        assert_eq!(queue(&mut bank, kind), SET);
    }
    let (_, first) = bank.new_message(by_chip(1));
    assert_eq!(sent(&first), [(1, "put_data"), (2, "put_data")]);
    let (_, second) = bank.new_message(by_chip(2));
    assert_eq!(sent(&second), [(1, "put_data"), (3, "pin_unblock")], "what never went is there");
}

#[test]
fn what_cannot_be_queued_or_taken_back_is_refused() {
    let mut bank = Bank::new();
    let is_refused = |outcome| matches!(outcome, Outcome::Refused(Refusal::Setting { .. }));
    assert!(is_refused(queue(&mut bank, ScriptKind::PinChange)), "only with its request");
    let empty = ScriptKind::PutData { tag: 0x9F58, value: [0; 8], length: 0 };
    assert!(is_refused(queue(&mut bank, empty)));
    assert_eq!(queue(&mut bank, ScriptKind::CardBlock), SET);
    assert!(is_refused(queue(&mut bank, ScriptKind::CardBlock)), "it waits already");
    assert_eq!(set(&mut bank, CardChange::CancelScript { identifier: 1 }), SET);
    assert!(is_refused(set(&mut bank, CardChange::CancelScript { identifier: 1 })));
    assert_eq!(queue(&mut bank, ScriptKind::CardBlock), SET);
    bank.new_message(by_chip(1));
    assert!(is_refused(set(&mut bank, CardChange::CancelScript { identifier: 2 })), "it has gone");
    let by = OnRequestOf::default();
    let change = CardChange::QueueScript { kind: ScriptKind::CardBlock };
    let outcome = bank.command(Command::SetCard { card: "KN".into(), change, by });
    assert!(is_refused(outcome), "a card without a chip");
}

#[test]
fn pin_4_a_change_at_a_chip_machine_tells_the_chip_in_the_same_answer() {
    let mut bank = Bank::new();
    let mut request = message("0200", 700_000, "ATM00001", "K1", "0.00");
    request.facts.new_pin = NewPin::new(&[9; 17]);
    request.facts.chip = by_chip(1).facts.chip;
    let (request, decision) = bank.new_message(request);
    assert_eq!((decision.result.code(), sent(&decision)), ("00", vec![(1, "pin_change")]));
    assert_eq!(sent(&bank.send(&request)), [(1, "pin_change")]);
    // Without the new PIN at hand it can't be said again.
    let (_, next) = bank.new_message(by_chip(2));
    assert_eq!(sent(&next), []);
    bank.new_message(reporting(3, 1, ScriptOutcome::Successful));
    assert_eq!(standings(&bank), [(1, ScriptStanding::Confirmed)]);
    let mut refused = request;
    refused.facts.pin = PinFact::OnlineWrong;
    refused.facts.chip = by_chip(4).facts.chip;
    let (_, decision) = bank.new_message(refused);
    assert_eq!((decision.result.code(), sent(&decision)), ("55", vec![]));
}

#[test]
fn sec_2_a_product_says_what_its_chips_are_told_before_their_final_cryptogram() {
    let before = ["put_data", "pin_change"];
    let before = before.iter().try_fold(ScriptsBeforeFinal::default(), |all, name| all.with(name));
    let mut bank = Bank::with_product(|product| {
        product.security.scripts_before_final = before.unwrap();
    });
    queue(&mut bank, ScriptKind::ApplicationUnblock);
    let value = [3, 0, 0, 0, 0, 0, 0, 0];
    queue(&mut bank, ScriptKind::PutData { tag: 0x9F58, value, length: 1 });
    let templates = |decision: &Decision| {
        let orders = decision.scripts.iter().flatten();
        orders.map(|order| (order.identifier, order.template.name())).collect::<Vec<_>>()
    };
    let (request, decision) = bank.new_message(by_chip(1));
    assert_eq!(templates(&decision), [(2, "71"), (1, "72")], "in the order of their templates");
    assert_eq!(bank.send(&request).scripts, decision.scripts, "a repeat brings the same");
    // A new PIN is younger than what waits, and goes before it here; also when it is asked again.
    let mut request = message("0200", 700_000, "ATM00001", "K1", "0.00");
    request.facts.new_pin = NewPin::new(&[9; 17]);
    request.facts.chip = reporting(2, 2, ScriptOutcome::Successful).facts.chip;
    let (request, decision) = bank.new_message(request);
    assert_eq!(templates(&decision), [(3, "71"), (1, "72")]);
    assert_eq!(bank.send(&request).scripts, decision.scripts);
    assert_eq!(ScriptsBeforeFinal::default().with("explode"), None);
    for name in ScriptKind::NAMES {
        assert!(ScriptsBeforeFinal::default().with(name).is_some(), "{name}");
    }
}

#[test]
fn a_lost_cards_chip_is_blocked_where_the_rule_set_says_so() {
    for (rules, expected) in [("[scripts]\nblock_lost_chips = true\n", 1), ("", 0)] {
        let mut bank = Bank::with_rules(&format!("{RULES}{rules}"));
        let (reason, by) = (BlockReason::Stolen, OnRequestOf::default());
        bank.command(Command::Block { card: "K1".into(), reason, by });
        let (_, decision) = bank.new_message(by_chip(1));
        assert_eq!((decision.result.code(), sent(&decision).len()), ("43", expected));
    }
}

#[test]
fn without_the_key_for_its_mac_a_script_waits() {
    let mut bank = Bank::new();
    let change = CardChange::QueueScript { kind: ScriptKind::CardBlock };
    let by = OnRequestOf::default();
    bank.command(Command::SetCard { card: "K2".into(), change, by });
    let mut request = by_chip(1);
    request.card = message("0200", PURCHASE, "POS00001", "K2", "10.00").card;
    let (_, decision) = bank.new_message(request);
    assert_eq!((decision.result.code(), sent(&decision)), ("00", vec![]));
}

#[test]
fn queues_are_in_the_snapshot() {
    let mut bank = Bank::new();
    queue(&mut bank, ScriptKind::ApplicationUnblock);
    bank.new_message(by_chip(1));
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let read = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(read.digest(), bank.state.digest());
    bank.state = read;
    assert_eq!(standings(&bank), [(1, ScriptStanding::Sent)]);
}
