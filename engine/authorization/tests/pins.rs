//! PINs: wrong ones (PIN-2), their end (PIN-3), and changes (PIN-4) with their fee (AMT-4).
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

const PIN_CHANGE: u32 = 700_000;

const FEE: &str = "[[fee]]\nid = \"pin\"\noperation = \"pin_change\"\nfixed = \"15.00\"\n";

fn bank(fee: &str) -> Bank {
    Bank::with_rules(&format!("{RULES}{fee}"))
}

fn new_pin(byte: u8) -> NewPin {
    NewPin::new(&[byte; 17]).unwrap()
}

/// A change at a terminal, with what the security module found.
fn change(terminal: &str, card: &str, pin: PinFact, new: Option<u8>) -> Request {
    let mut request = message("0200", PIN_CHANGE, terminal, card, "0.00");
    request.facts.pin = pin;
    request.facts.new_pin = new.map(new_pin);
    request
}

fn reference(bank: &Bank, card: &str) -> Vec<u8> {
    let slot = bank.state.directory().card_position(card).unwrap();
    bank.state.card(slot).unwrap().pin_reference.to_vec()
}

const RIGHT: PinFact = PinFact::OnlineVerified;

#[test]
fn pin_4_the_new_pin_is_stored_and_the_fee_is_taken() {
    let mut bank = bank(FEE);
    let (sent, done) = bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
    assert_eq!(done.result, ResultCode::Approved);
    assert_eq!(reference(&bank, "K1"), [9; 17]);
    assert_eq!(bank.available("A1"), "24985.00");
    assert_eq!(
        bank.rules_traced(),
        [
            ("BLK-2", Verdict::Pass),
            ("PIN-2", Verdict::Pass),
            ("BAL-1", Verdict::Pass),
            ("AMT-4", Verdict::Note),
            ("PIN-4", Verdict::Pass)
        ]
    );
    assert_eq!(bank.scratch.pin_changed(), bank.state.directory().card_position("K1"));
    // The same again, though the old PIN is wrong by now: the first answer, nothing twice.
    let again =
        Request { facts: change("ATM00001", "K1", PinFact::OnlineWrong, None).facts, ..sent };
    let repeated = bank.send(&again);
    assert!(repeated.is_repeat && repeated.result == ResultCode::Approved);
    assert_eq!(bank.scratch.pin_changed(), None);
    assert_eq!((reference(&bank, "K1"), bank.available("A1")), (vec![9; 17], "24985.00".into()));
}

#[test]
fn pin_4_what_a_change_needs() {
    for (terminal, card, pin, new, code, result) in [
        ("ATM00001", "K1", RIGHT, Some(9), "00", ResultCode::Approved),
        ("BRN00001", "K1", RIGHT, Some(9), "00", ResultCode::Approved),
        ("POS00001", "K1", RIGHT, Some(9), "58", ResultCode::TerminalNotPermitted),
        ("AGT00001", "K1", RIGHT, Some(9), "58", ResultCode::TerminalNotPermitted),
        ("ATM00001", "K1", RIGHT, None, "12", ResultCode::NewPinMissing),
        ("ATM00001", "K1", PinFact::OnlineWrong, Some(9), "55", ResultCode::WrongPin),
        ("ATM00001", "K1", PinFact::NotPresent, Some(9), "70", ResultCode::PinRequired),
        ("ATM00001", "K1", PinFact::OfflineVerified, Some(9), "70", ResultCode::PinRequired),
        ("ATM00001", "K1", PinFact::DeviceVerified, Some(9), "70", ResultCode::PinRequired),
        ("ATM00001", "K1", PinFact::Unverifiable, Some(9), "63", ResultCode::PinUnverifiable),
        ("ATM00001", "K1", PinFact::Unavailable, Some(9), "91", ResultCode::SecurityUnavailable),
        ("ATM00001", "KX", RIGHT, Some(9), "54", ResultCode::CardExpired),
    ] {
        let mut bank = bank(FEE);
        let (_, done) = bank.new_message(change(terminal, card, pin, new));
        assert_eq!((done.result, done.result.code()), (result, code), "{terminal} {pin:?} {new:?}");
        let (changed, charged) = match code {
            "00" => (9, "24985.00"),
            _ => (1, "25000.00"),
        };
        assert_eq!(reference(&bank, card), [changed; 17], "{terminal} {pin:?} {new:?}");
        assert_eq!(bank.available("A1"), charged, "{terminal} {pin:?} {new:?}");
    }
}

#[test]
fn pin_4_without_funds_for_the_fee_nothing_changes() {
    let mut bank =
        bank("[[fee]]\nid = \"pin\"\noperation = \"pin_change\"\nfixed = \"30000.00\"\n");
    let (_, done) = bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
    assert_eq!(done.result, ResultCode::InsufficientFunds);
    assert_eq!((reference(&bank, "K1"), bank.available("A1")), (vec![1; 17], "25000.00".into()));
    assert_eq!(bank.scratch.pin_changed(), None);
}

#[test]
fn pin_4_wrong_old_pins_count_as_at_any_other_request() {
    let mut bank = bank("");
    let wrong = change("ATM00001", "K1", PinFact::OnlineWrong, Some(9));
    let codes = [(); 3].map(|()| bank.new_message(wrong).1.result.code());
    assert_eq!(codes, ["55", "55", "75"]);
    let right = change("ATM00001", "K1", RIGHT, Some(9));
    assert_eq!(bank.new_message(right).1.result.code(), "75");
    assert_eq!(reference(&bank, "K1"), [1; 17]);
}

#[test]
fn pin_4_a_reversal_gives_the_fee_and_the_former_pin_back() {
    for fee in [FEE, ""] {
        let mut bank = bank(fee);
        let (sent, _) = bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
        let reversal = bank.reversal_of(&sent, None);
        assert_eq!(bank.send(&reversal).result.code(), "00");
        assert!(bank.scratch.pin_changed().is_some());
        assert_eq!(
            (reference(&bank, "K1"), bank.available("A1")),
            (vec![1; 17], "25000.00".into())
        );
        assert!(bank.send(&reversal).is_repeat);
        let second = bank.reverse(&sent, None);
        assert_eq!(
            (second, reference(&bank, "K1")),
            ("00", vec![1; 17]),
            "nothing is left to undo"
        );
    }
}

#[test]
fn pin_4_a_reversal_leaves_a_newer_pin_alone() {
    let mut bank = bank(FEE);
    let (first, _) = bank.new_message(change("ATM00001", "K1", RIGHT, Some(8)));
    bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
    assert_eq!(bank.reverse(&first, None), "00");
    assert_eq!(reference(&bank, "K1"), [9; 17], "the holder knows this one");
    assert_eq!(bank.available("A1"), "24985.00", "the first fee came back");
    assert_eq!(bank.rules_traced().last(), Some(&("PIN-4", Verdict::Note)));
}

#[test]
fn pin_4_a_reversal_that_comes_first_kills_the_change() {
    let mut bank = bank(FEE);
    let sent = bank.stamp(change("ATM00001", "K1", RIGHT, Some(9)));
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(bank.send(&sent).result, ResultCode::ReversedBeforeArrival);
    assert_eq!((reference(&bank, "K1"), bank.available("A1")), (vec![1; 17], "25000.00".into()));
}

#[test]
fn pin_4_a_change_survives_a_snapshot_and_can_still_be_reversed() {
    let mut bank = bank(FEE);
    let (sent, _) = bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let read = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(read.digest(), bank.state.digest());
    bank.state = read;
    assert_eq!(reference(&bank, "K1"), [9; 17]);
    assert_eq!(bank.reverse(&sent, None), "00");
    assert_eq!(reference(&bank, "K1"), [1; 17]);
}

#[test]
fn pin_4_a_mini_statement_shows_a_change_only_where_it_cost_something() {
    for (fee, lines) in [(FEE, 1), ("", 0)] {
        let mut bank = bank(fee);
        bank.new_message(change("ATM00001", "K1", RIGHT, Some(9)));
        let asked = message("0200", 380_000, "ATM00001", "K1", "0.00");
        assert_eq!(bank.new_message(asked).1.statement.iter().count(), lines);
    }
}

#[test]
fn pin_3_the_block_ends_with_the_day_only_where_the_product_says_so() {
    for (daily, next_day) in [(true, "00"), (false, "75")] {
        let mut bank = bank("");
        let product = ProductItem {
            id: "secure".into(),
            currency: payment_types::Currency::KGS,
            minimum_balance: 0,
            contactless: true,
            partial_approval: false,
            pin_tries: 3,
            hold_days: None,
            security: ProductSecurity {
                pin_tries_reset_daily: daily,
                ..ProductSecurity::default()
            },
        };
        let items = vec![
            PortfolioItem::Product(product),
            account("AD", "C5", "secure", "1000.00", "0.00"),
            PortfolioItem::Card(card("KD", "AD", "C5")),
        ];
        bank.command(Command::Import { part: 0, last: true, items });
        let mut cash = message("0200", CASH, "ATM00001", "KD", "200.00");
        let slot = bank.state.directory().card_position("KD").unwrap();
        cash.facts.pin = PinFact::OnlineWrong;
        bank.clock("2026-11-23 23:59:00");
        let codes = [(); 3].map(|()| bank.new_message(cash).1.result.code());
        assert_eq!(codes, ["55", "55", "75"]);
        cash.facts.pin = RIGHT;
        bank.clock("2026-11-23 23:59:59");
        assert_eq!(bank.new_message(cash).1.result.code(), "75");
        bank.clock("2026-11-24 00:00:00");
        let status = bank.state.card(slot).unwrap().status(bank.now.business_date());
        assert_eq!(status, if daily { "active" } else { "pin_tries" });
        assert_eq!(bank.new_message(cash).1.result.code(), next_day);
        if daily {
            // The tries begin anew.
            cash.facts.pin = PinFact::OnlineWrong;
            let codes = [(); 3].map(|()| bank.new_message(cash).1.result.code());
            assert_eq!(codes, ["55", "55", "75"]);
            // What staff set, the next day does not lift.
            let by = OnRequestOf::default();
            let reason = BlockReason::PinTries;
            bank.command(Command::Block { card: "KD".into(), reason, by: by.clone() });
            bank.clock("2026-11-25 00:00:00");
            cash.facts.pin = RIGHT;
            assert_eq!(bank.new_message(cash).1.result.code(), "75");
            bank.command(Command::Unblock { card: "KD".into(), reason, by });
            assert_eq!(bank.new_message(cash).1.result.code(), "00");
        }
    }
}
