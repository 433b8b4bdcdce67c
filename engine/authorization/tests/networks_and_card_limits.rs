//! NET-1 to NET-3: registered networks and transfer operators. LIM-3, LIM-4, LIM-6: what is set for
//! single cards.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use authorization::*;
use common::*;
use payment_types::*;

fn network(rest: &str) -> String {
    format!(
        "{RULES}[[network]]\nname = \"Elcart\"\nbins = [\"9417\"]\nregistration = \"001\"\n{rest}\n"
    )
}

const LIMITS: &str = r#"
[[limit]]
id = "atm-day"
scope = "card"
counts = "atm_cash"
measure = "amount"
window = "day"
ceiling = "1000.00"
[[limit]]
id = "agent-day"
scope = "card"
counts = "agent_cash"
measure = "amount"
window = "day"
ceiling = "5000.00"
"#;

fn set(bank: &mut Bank, card: &str, change: CardChange) -> Outcome {
    let by = OnRequestOf { entered_by: "staff".into(), ..OnRequestOf::default() };
    bank.command(Command::SetCard { card: card.into(), change, by })
}

fn must_set(bank: &mut Bank, card: &str, change: CardChange) {
    assert_eq!(set(bank, card, change), Outcome::Done(Done::CardSet));
}

fn refused(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Refused(Refusal::Setting { rule, detail, .. }) => (rule.id(), detail.to_string()),
        other => panic!("{other:?}"),
    }
}

fn raise(limit: &str, ceiling: &str, until: &str) -> RaiseItem {
    RaiseItem {
        limit: limit.into(),
        ceiling: ceiling.into(),
        until: at(until).at,
        reason: "wedding".into(),
        entered_by: "staff".into(),
        approved_by: "checker".into(),
    }
}

#[test]
fn net_1_and_2_a_network_stops_at_the_second_of_its_cancellation() {
    let cancelled = "valid_from = 2006-01-01\ncancelled_at = 2026-11-23T12:00:00+06:00";
    let mut bank = Bank::with_rules(&network(cancelled));
    bank.clock("11:59:59");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "nobody's", "1.00"), "14");
    let held = bank.new_message(message("0100", PURCHASE, "POS00001", "K1", "5.00")).0;
    bank.clock("12:00:00");
    for (code, terminal) in [(PURCHASE, "POS00001"), (BALANCE, "ATM00001"), (REFUND, "POS00001")] {
        assert_eq!(bank.code("0200", code, terminal, "K1", "1.00"), "57");
        assert!(bank.rules_traced().contains(&("NET-1", Verdict::Decline)));
    }
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "nobody's", "1.00"), "57");
    // What was promised before is a fact.
    assert_eq!(bank.complete(&held, "5.00").1.result, ResultCode::Booked);
    assert!(bank.rules_traced().contains(&("NET-1", Verdict::Decline)));
}

#[test]
fn net_1_not_yet_registered_and_not_in_the_register() {
    let mut bank = Bank::with_rules(&network("valid_from = 2026-11-24"));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "57");
    bank.clock("2026-11-24 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
    let other = network("valid_from = 2006-01-01").replace("9417\"", "94170001\"");
    let mut bank = Bank::with_rules(&other);
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "57", "by eight digits");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "nobody's", "1.00"), "14");
    let mut bank = Bank::with_rules(&other.replace("94170001\"", "94170000\""));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
}

#[test]
fn net_3_a_transfer_to_a_card_needs_a_registered_operator_and_the_sender() {
    const TO_CARD: u32 = 260_000;
    let operator = "[[transfer_operator]]\nname = \"Unistream\"\nregistration = \"T-7\"\n\
                    institutions = [\"417001\"]\nvalid_from = 2026-01-01\n\
                    cancelled_at = 2026-11-23T12:00:00+06:00\n";
    let mut bank = Bank::with_rules(&format!("{RULES}{operator}"));
    let transfer = |told| {
        let request = message("0200", TO_CARD, "POS00001", "K1", "100.00");
        Request { sender_told: told, ..request }
    };
    assert_eq!(bank.new_message(transfer(false)).1.result, ResultCode::SenderMissing);
    assert_eq!(bank.new_message(transfer(true)).1.result, ResultCode::Approved);
    assert_eq!(bank.available("A1"), "25100.00");
    bank.clock("12:00:00");
    let (_, decision) = bank.new_message(transfer(true));
    assert_eq!(decision.result, ResultCode::TransferOperatorUnknown);
    assert_eq!(decision.result.code(), "57");
    let other = Request { acquirer: AcquirerId(1), forwarding: AcquirerId(2), ..transfer(true) };
    assert_eq!(bank.new_message(other).1.result, ResultCode::TransferOperatorUnknown);
    assert_eq!(bank.available("A1"), "25100.00");
}

#[test]
fn lim_6_blocked_categories_and_countries_but_for_travellers() {
    let rules = format!("{RULES}[restricted]\ncountries = [\"KG\"]\nmcc = [\"5411\"]\n");
    let mut bank = Bank::with_rules(&rules);
    // The country answers first; every terminal here is in it.
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "57");
    assert_eq!(bank.code("0200", REFUND, "POS00001", "K1", "1.00"), "00", "credits arrive");
    let mut bank = Bank::with_rules(&rules.replace("\"KG\"", "\"KP\""));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "62");
    assert!(bank.rules_traced().contains(&("LIM-6", Verdict::Decline)));
    assert_eq!(bank.code("0200", PURCHASE, "POS00002", "K1", "1.00"), "00");
    let day = |text: &str| BusinessDate::parse(text).unwrap();
    let note = |countries: &[u16]| CardChange::Travel {
        from: day("2026-11-24"),
        until: day("2026-11-25"),
        countries: countries.to_vec(),
    };
    must_set(&mut bank, "K1", note(&[398]));
    bank.clock("2026-11-24 10:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "62", "another country");
    must_set(&mut bank, "K1", note(&[]));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K2", "1.00"), "62", "another card");
    bank.clock("2026-11-26 00:00:00");
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "62", "over");
    let late = set(&mut bank, "K1", note(&[]));
    assert_eq!(refused(&late).0, "LIM-6");
}

#[test]
fn lim_6_a_travel_note_can_be_taken_back() {
    let mut bank = Bank::with_rules(&format!("{RULES}[restricted]\nmcc = [\"5411\"]\n"));
    let day = BusinessDate::parse("2026-11-23").unwrap();
    let note = CardChange::Travel { from: day, until: day, countries: vec![] };
    must_set(&mut bank, "K1", note);
    let slot = bank.state.directory().card_position("K1").unwrap();
    let id = bank.state.card_settings(slot).unwrap().travel[0].id;
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "00");
    must_set(&mut bank, "K1", CardChange::EndTravel { id });
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "1.00"), "62");
    assert_eq!(bank.state.card_settings(slot), None);
}

#[test]
fn lim_4_a_raise_ends_by_itself_and_needs_two_persons() {
    let mut bank = Bank::with_rules(&format!("{RULES}{LIMITS}"));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "1200.00"), "61");
    must_set(&mut bank, "K1", CardChange::Raise(raise("atm-day", "3000.00", "12:00:00")));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "1200.00"), "00");
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K2", "1200.00"), "61", "one card only");
    bank.clock("11:59:59");
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "200.00"), "00");
    bank.clock("12:00:00");
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "200.00"), "61");
    for (item, rule, words) in [
        (raise("atm-day", "3000.00", "12:00:00"), "LIM-4", "to come"),
        (raise("atm-day", "1000.00", "13:00:00"), "LIM-4", "no raise: the card has 1000.00"),
        (raise("atm-week", "3000.00", "13:00:00"), "LIM-4", "no limit"),
        (raise("atm-day", "many", "13:00:00"), "LIM-4", "no ceiling"),
        (raise("agent-day", "15000.01", "13:00:00"), "AGT-7", "15000.00 (AGT-7"),
        (
            RaiseItem { approved_by: "staff".into(), ..raise("atm-day", "3000.00", "13:00:00") },
            "LIM-4",
            "second person",
        ),
    ] {
        let outcome = set(&mut bank, "K1", CardChange::Raise(item));
        let (by, detail) = refused(&outcome);
        assert!(by == rule && detail.contains(words), "{by} {detail}");
    }
    must_set(&mut bank, "K1", CardChange::Raise(raise("agent-day", "15000.00", "13:00:00")));
    must_set(&mut bank, "K1", CardChange::EndRaise { limit: "agent-day".into() });
    assert_eq!(bank.code("0200", CASH, "AGT00001", "K1", "5000.50"), "61");
}

#[test]
fn lim_4_a_raise_survives_a_snapshot_and_a_new_rule_set() {
    let rules = format!("{RULES}{LIMITS}");
    let mut bank = Bank::with_rules(&rules);
    must_set(&mut bank, "K1", CardChange::Raise(raise("atm-day", "3000.00", "12:00:00")));
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    let digest = bank.state.digest();
    bank.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(bank.state.digest(), digest);
    let text = rules.replace("version = \"base\"", "version = \"next\"");
    assert!(matches!(bank.command(Command::InstallRules { text }), Outcome::Done(_)));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "1200.00"), "00");
}

#[test]
fn lim_3_the_primary_holder_sets_limits_and_switches_within_the_banks() {
    let mut bank = Bank::with_rules(&format!("{RULES}{LIMITS}"));
    let limit = |ceiling: &str| CardLimitItem {
        limit: "atm-day".into(),
        ceiling: ceiling.into(),
        valid_from: None,
        valid_until: None,
    };
    let holder = |primary: &str, ceiling: &str, off: &[Switch]| CardChange::Holder {
        primary: primary.into(),
        limits: vec![limit(ceiling)],
        off: off.to_vec(),
    };
    must_set(&mut bank, "KS", holder("K1", "400.00", &[Switch::Ecommerce]));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "KS", "500.00"), "61");
    assert_eq!(bank.code("0200", CASH, "ATM00001", "KS", "400.00"), "00");
    assert_eq!(bank.code("0200", CASH, "ATM00001", "K1", "1000.00"), "00", "his own card");
    assert_eq!(bank.code("0200", PURCHASE, "WEB00001", "KS", "1.00"), "57");
    assert!(bank.rules_traced().contains(&("LIM-3", Verdict::Decline)));
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "KS", "1.00"), "00");
    // A raise by staff does not go above what the holder set.
    must_set(&mut bank, "KS", CardChange::Raise(raise("atm-day", "2000.00", "12:00:00")));
    assert_eq!(bank.code("0200", CASH, "ATM00001", "KS", "500.00"), "61");
    for (card, change, words) in [
        ("KS", holder("K1", "1000.01", &[]), "above the bank's own 1000.00"),
        ("KS", holder("K2", "400.00", &[]), "not the card's primary"),
        ("K1", holder("K1", "400.00", &[]), "not the card's primary"),
        ("KS", holder("K1", "x", &[]), "no ceiling"),
    ] {
        let outcome = set(&mut bank, card, change);
        let (rule, detail) = refused(&outcome);
        assert!(rule == "LIM-3" && detail.contains(words), "{detail}");
    }
    let nothing = CardChange::Holder { primary: "K1".into(), limits: vec![], off: vec![] };
    must_set(&mut bank, "KS", nothing);
    assert_eq!(bank.code("0200", PURCHASE, "WEB00001", "KS", "1.00"), "00");
    for (switch, terminal, code, tap) in [
        (Switch::Cash, "ATM00001", CASH, false),
        (Switch::Cash, "AGT00001", CASH, false),
        (Switch::Contactless, "POS00001", PURCHASE, true),
    ] {
        let change = CardChange::Holder { primary: "K1".into(), limits: vec![], off: vec![switch] };
        must_set(&mut bank, "KS", change);
        let mut request = message("0200", code, terminal, "KS", "200.00");
        if tap {
            request.entry_mode = EntryMode::from_number(71).unwrap();
        }
        assert_eq!(bank.new_message(request).1.result, ResultCode::SwitchedOff, "{switch:?}");
    }
}
