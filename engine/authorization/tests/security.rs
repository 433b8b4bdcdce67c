//! Card values (SEC-1), chips (SEC-2), fallback (SEC-3), payments without the card (SEC-4), and what
//! is approved while the security module can't be asked.
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

/// A product whose cards have chips, keys and a threshold, with two cards: KC with a chip, KM
/// without.
fn bank_with(rules: &str, product: ProductSecurity) -> Bank {
    let mut bank = Bank::new();
    let terms = ProductItem {
        id: "secure".into(),
        currency: Currency::KGS,
        minimum_balance: 0,
        contactless: true,
        partial_approval: false,
        pin_tries: 3,
        hold_days: None,
        security: product,
    };
    let account = account("AC", "C5", "secure", "100000.00", "0.00");
    let chip = CardItem { service_code: 201, ..card("KC", "AC", "C5") };
    let stripe = CardItem { service_code: 101, ..card("KM", "AC", "C5") };
    let off = CardSecurity { ecommerce: false, moto: false, ..CardSecurity::default() };
    let closed = CardItem { security: off, ..card("KO", "AC", "C5") };
    let fresh = CardItem { blocks: vec![BlockReason::NotActivated], ..card("KF", "AC", "C5") };
    let mut items = vec![PortfolioItem::Product(terms), account];
    items.extend([chip, stripe, closed, fresh].map(PortfolioItem::Card));
    items.push(PortfolioItem::Terminal(TerminalItem {
        id: TerminalId::new(b"STRIPE01").unwrap(),
        category: DeviceCategory::Merchant,
        merchant: Some("M1".into()),
        agent: None,
        listener: "pos".into(),
        on_us: true,
        denominations: vec![],
        keys: SealedKeys::default(),
        security: TerminalSecurity { reads_chip: false, ..TerminalSecurity::default() },
        partial_approval: false,
        balance_on_decline: false,
    }));
    let done = bank.command(Command::Import { part: 0, last: true, items });
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
    let done = bank.command(Command::InstallRules { text: format!("{RULES}{rules}") });
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
    bank
}

fn bank() -> Bank {
    bank_with("", ProductSecurity::default())
}

fn chip(cryptogram: Checked, atc: u16) -> Option<ChipFact> {
    Some(ChipFact { cryptogram, atc, ..ChipFact::default() })
}

fn purchase(card: &str, mode: u16, amount: &str) -> Request {
    let mut request = message("0200", PURCHASE, "POS00001", card, amount);
    request.entry_mode = EntryMode::from_number(mode).unwrap();
    request
}

fn by_chip(cryptogram: Checked, atc: u16) -> Request {
    let mut request = purchase("KC", 51, "10.00");
    request.facts.chip = chip(cryptogram, atc);
    request
}

fn result(bank: &mut Bank, request: Request) -> ResultCode {
    bank.new_message(request).1.result
}

/// What the trace says by a rule: verdict and the three figures.
fn said(bank: &Bank, rule: RuleId) -> Vec<(Verdict, i64, i64, i64)> {
    let entries = bank.scratch.trace().iter().filter(|entry| entry.rule == rule);
    entries.map(|entry| (entry.verdict, entry.asked, entry.used, entry.ceiling)).collect()
}

#[test]
fn sec_1_a_wrong_value_declines_and_only_the_trace_says_which() {
    let kinds =
        [CardValueKind::Track, CardValueKind::Chip, CardValueKind::Cvv2, CardValueKind::Dynamic];
    for (number, kind) in (1..).zip(kinds) {
        for (outcome, expected) in [
            (Checked::NotPresent, ResultCode::Approved),
            (Checked::Right, ResultCode::Approved),
            (Checked::Unverifiable, ResultCode::Approved),
            (Checked::Wrong, ResultCode::CardValueWrong),
            (Checked::Unavailable, ResultCode::SecurityUnavailable),
        ] {
            let mut bank = bank();
            let mut request = purchase("KM", 901, "10.00");
            request.facts.card_value = CardValueFact { kind, outcome };
            assert_eq!(result(&mut bank, request), expected, "{kind:?} {outcome:?}");
            if outcome == Checked::Wrong {
                assert_eq!(said(&bank, RuleId::Sec1), [(Verdict::Decline, number, 0, 0)]);
                assert_eq!(bank.available("AC"), "100000.00");
            }
        }
    }
}

#[test]
fn sec_2_cryptograms() {
    for (cryptogram, expected) in [
        (Checked::Right, ResultCode::Approved),
        (Checked::Wrong, ResultCode::CryptogramWrong),
        (Checked::Unverifiable, ResultCode::Approved),
        (Checked::NotPresent, ResultCode::Approved),
        (Checked::Unavailable, ResultCode::SecurityUnavailable),
    ] {
        let mut bank = bank();
        assert_eq!(result(&mut bank, by_chip(cryptogram, 7)), expected, "{cryptogram:?}");
    }
    let mut bank = bank();
    assert_eq!(result(&mut bank, by_chip(Checked::Right, 7)), ResultCode::Approved);
    let mut declined = by_chip(Checked::Right, 8);
    declined.facts.chip = declined.facts.chip.map(|c| ChipFact { kind: CryptogramKind::Aac, ..c });
    assert_eq!(result(&mut bank, declined), ResultCode::ChipCheckFailed, "the chip says no");
}

#[test]
fn sec_2_where_there_is_a_key_a_chip_cannot_leave_its_cryptogram_out() {
    let keys = SealedKeys::of(KeyRole::ImkAc, &[1; 8]);
    for (required, refused) in [(true, ResultCode::CryptogramWrong), (false, ResultCode::Approved)]
    {
        for fact in [None, chip(Checked::NotPresent, 0), chip(Checked::Unverifiable, 1)] {
            let terms = ProductSecurity {
                keys: keys.clone(),
                cryptogram_required: required,
                ..ProductSecurity::default()
            };
            let mut bank = bank_with("", terms);
            let mut request = purchase("KC", 51, "10.00");
            request.facts.chip = fact;
            assert_eq!(result(&mut bank, request), refused, "{fact:?}");
            // A card without a chip, read by its stripe, has none to show.
            assert_eq!(result(&mut bank, purchase("KM", 901, "10.00")), ResultCode::Approved);
        }
    }
}

#[test]
fn sec_2_a_counter_is_taken_once_whatever_came_of_it() {
    let mut bank = bank();
    for (atc, amount, expected) in [
        (10, "10.00", ResultCode::Approved),
        (10, "10.00", ResultCode::CounterReplayed),
        (12, "999999.00", ResultCode::InsufficientFunds),
        (12, "10.00", ResultCode::CounterReplayed),
        (11, "10.00", ResultCode::Approved),
        (200, "10.00", ResultCode::Approved),
        (169, "10.00", ResultCode::Approved),
        (168, "10.00", ResultCode::CounterReplayed),
    ] {
        let request = Request {
            amount: Amount::new(kgs(amount), Currency::KGS),
            ..by_chip(Checked::Right, atc)
        };
        assert_eq!(result(&mut bank, request), expected, "{atc}");
    }
    assert_eq!(said(&bank, RuleId::Sec2), [(Verdict::Decline, 168, 200, 32)]);
    // A wrong cryptogram moves nothing: else anybody could use up a card's counters.
    assert_eq!(result(&mut bank, by_chip(Checked::Wrong, 60_000)), ResultCode::CryptogramWrong);
    assert_eq!(result(&mut bank, by_chip(Checked::Right, 201)), ResultCode::Approved);
    // What was seen is in the snapshot.
    let mut bytes = Vec::new();
    bank.state.write_snapshot(&mut bytes).unwrap();
    bank.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
    assert_eq!(result(&mut bank, by_chip(Checked::Right, 201)), ResultCode::CounterReplayed);
}

#[test]
fn sec_2_the_same_message_again_is_no_replay() {
    let mut bank = bank();
    let (sent, first) = bank.new_message(by_chip(Checked::Right, 5));
    assert_eq!(first.result, ResultCode::Approved);
    let again = bank.send(&sent);
    assert!(again.is_repeat && again.result == ResultCode::Approved);
}

#[test]
fn sec_2_an_advice_is_booked_and_flagged() {
    for (cryptogram, kind, verdict) in [
        (Checked::Right, CryptogramKind::Tc, Verdict::Pass),
        (Checked::Wrong, CryptogramKind::Tc, Verdict::Note),
        (Checked::Right, CryptogramKind::Aac, Verdict::Note),
        (Checked::Unavailable, CryptogramKind::Tc, Verdict::Note),
    ] {
        let mut bank = bank();
        let request = by_chip(Checked::Right, 7);
        assert_eq!(result(&mut bank, request), ResultCode::Approved);
        let mut advice = message("0220", PURCHASE, "POS00001", "KC", "10.00");
        advice.facts = SecurityFacts::default();
        advice.facts.chip = Some(ChipFact { cryptogram, kind, atc: 7, ..ChipFact::default() });
        assert_eq!(result(&mut bank, advice), ResultCode::Booked, "{cryptogram:?} {kind:?}");
        assert_eq!(said(&bank, RuleId::Sec2), [(verdict, 7, 7, 0)], "{cryptogram:?} {kind:?}");
    }
    let mut bank = bank();
    let mut advice = message("0220", PURCHASE, "POS00001", "KC", "10.00");
    advice.facts.chip = chip(Checked::Right, 9);
    assert_eq!(result(&mut bank, advice), ResultCode::Booked);
    assert_eq!(result(&mut bank, by_chip(Checked::Right, 9)), ResultCode::CounterReplayed);
}

const CHECKS: &str = r#"
[[chip_check]]
id = "expired-application"
product = "secure"
source = "tvr"
mask = "0040000000"
value = "0040000000"
action = "decline"
code = "54"
[[chip_check]]
id = "cvm-failed"
source = "tvr"
mask = "0000800000"
value = "0000800000"
action = "pin"
[[chip_check]]
id = "new-card"
source = "tvr"
mask = "0008000000"
value = "0008000000"
action = "flag"
[[chip_check]]
id = "script-failed"
source = "cvr"
mask = "00000F"
value = "000001"
action = "decline"
"#;

#[test]
fn sec_2_the_rule_sets_checks_decline_flag_or_ask_for_the_pin() {
    let (right, none) = (PinFact::OnlineVerified, PinFact::NotPresent);
    for (tvr, cvr, pin, code, verdict) in [
        ([0; 5], [0; 8], none, "00", None),
        ([0, 0x40, 0, 0, 0], [0; 8], right, "54", Some(Verdict::Decline)),
        ([0, 0, 0x80, 0, 0], [0; 8], none, "70", Some(Verdict::AskPin)),
        ([0, 0, 0x80, 0, 0], [0; 8], right, "00", Some(Verdict::Pass)),
        ([0, 8, 0, 0, 0], [0; 8], none, "00", Some(Verdict::Note)),
        ([0; 5], [0, 0, 0xF1, 0, 0, 0, 0, 0], right, "05", Some(Verdict::Decline)),
    ] {
        let mut bank = bank_with(CHECKS, ProductSecurity::default());
        let mut request = by_chip(Checked::Right, 1);
        request.facts.pin = pin;
        request.facts.chip = request.facts.chip.map(|fact| ChipFact { tvr, cvr, ..fact });
        let (_, decision) = bank.new_message(request);
        let answered = decision.code_override.map(|code| code.to_string());
        assert_eq!(answered.as_deref().unwrap_or(decision.result.code()), code, "{tvr:02X?}");
        let checks: Vec<_> =
            bank.scratch.trace().iter().filter(|entry| entry.limit.is_some()).collect();
        assert_eq!(checks.first().map(|entry| entry.verdict), verdict, "{tvr:02X?}");
        if let Some(place) = checks.first().and_then(|entry| entry.limit) {
            assert!(!bank.state.plan().chip_check_id(place).is_empty());
        }
    }
    // Asked only of what nothing else declines, as with CTL-3.
    let mut bank = bank_with(CHECKS, ProductSecurity::default());
    let mut request = by_chip(Checked::Right, 1);
    (request.facts.pin, request.amount) = (none, Amount::new(99_999_900, Currency::KGS));
    request.facts.chip =
        request.facts.chip.map(|fact| ChipFact { tvr: [0, 0, 0x80, 0, 0], ..fact });
    assert_eq!(result(&mut bank, request), ResultCode::InsufficientFunds);
}

#[test]
fn sec_3_the_stripe_of_a_chip_card() {
    for (card, terminal, mode, fallback, expected, liability) in [
        ("KC", "POS00001", 901, true, "57", Liability::Unset),
        ("KC", "POS00001", 21, true, "57", Liability::Unset),
        ("KC", "POS00001", 801, true, "00", Liability::Unset),
        ("KC", "POS00001", 801, false, "57", Liability::Unset),
        ("KC", "STRIPE01", 901, false, "00", Liability::Acquirer),
        ("KM", "POS00001", 901, false, "00", Liability::Unset),
        ("KC", "POS00001", 911, false, "00", Liability::Unset),
    ] {
        let terms = ProductSecurity { fallback, ..ProductSecurity::default() };
        let mut bank = bank_with("", terms);
        let mut request = purchase(card, mode, "10.00");
        request.terminal = TerminalId::new(terminal.as_bytes()).unwrap();
        let (_, decision) = bank.new_message(request);
        let about = format!("{card} at {terminal} by {mode}");
        assert_eq!(decision.result.code(), expected, "{about}");
        assert_eq!(decision.liability, liability, "{about}");
    }
}

fn online(card: &str, amount: &str, mode: u16, condition: u8) -> Request {
    let mut request = purchase(card, mode, amount);
    request.terminal = TerminalId::new(b"WEB00001").unwrap();
    request.facts.pin = PinFact::NotPresent;
    request.condition = PosConditionCode(condition);
    request
}

#[test]
fn sec_4_payments_without_the_card_can_be_switched_off() {
    for (card, mode, condition, expected) in [
        ("KC", 812, 59, "00"),
        ("KC", 12, 8, "00"),
        ("KO", 812, 59, "57"),
        ("KO", 12, 8, "57"),
        ("KO", 101, 0, "57"),
        ("KO", 51, 0, "57"),
    ] {
        let mut bank = bank();
        let (_, decision) = bank.new_message(online(card, "10.00", mode, condition));
        assert_eq!(decision.result.code(), expected, "{card} {mode} {condition}");
        if expected == "57" {
            assert_eq!(decision.result, ResultCode::CardAbsentOff);
        } else {
            assert_eq!(decision.liability, Liability::Acquirer, "nobody was authenticated");
        }
    }
    // In the shop its chip goes on working.
    let mut bank = bank();
    assert_eq!(result(&mut bank, purchase("KO", 51, "10.00")), ResultCode::Approved);
}

#[test]
fn sec_4_above_the_threshold_the_holder_is_authenticated() {
    use Checked::{NotPresent, Right, Unavailable, Unverifiable, Wrong};
    let (acquirer, none) = (Liability::Acquirer, Liability::Unset);
    for (amount, told, expected, liability) in [
        ("5000.00", None, "00", acquirer),
        ("5000.01", None, "1A", none),
        ("5000.01", Some((5, Right)), "00", none),
        ("5000.01", Some((2, Right)), "00", none),
        ("5000.01", Some((6, Right)), "1A", none),
        ("5000.00", Some((6, Right)), "00", none),
        ("5000.00", Some((1, Right)), "00", none),
        ("5000.01", Some((7, NotPresent)), "1A", none),
        ("5000.00", Some((7, NotPresent)), "00", acquirer),
        ("5000.01", Some((5, Wrong)), "1A", none),
        ("1.00", Some((5, Wrong)), "1A", none),
        ("5000.01", Some((5, Unverifiable)), "1A", none),
        ("5000.01", Some((5, Unavailable)), "91", none),
        ("5000.00", Some((5, Unavailable)), "00", acquirer),
        ("999999.00", None, "51", none),
    ] {
        let terms =
            ProductSecurity { three_d_secure_above: Some(500_000), ..ProductSecurity::default() };
        let mut bank = bank_with("", terms);
        let mut request = online("KC", amount, 812, 59);
        request.facts.three_d_secure =
            told.map(|(eci, outcome)| ThreeDSecureFact { eci, outcome, version: 2 });
        let (_, decision) = bank.new_message(request);
        assert_eq!(decision.result.code(), expected, "{amount} {told:?}");
        assert_eq!(decision.liability, liability, "{amount} {told:?}");
        // By telephone nobody can be sent to an authentication.
        let order = online("KC", "5000.01", 12, 8);
        assert_eq!(result(&mut bank, order), ResultCode::Approved);
    }
}

const STAND_IN: &str = "[[stand_in]]\nproduct = \"secure\"\nchip = \"500.00\"\n\
                        contactless = \"100.00\"\n[[stand_in]]\nchip = \"1.00\"\n";

#[test]
fn without_the_security_module_the_rule_set_stands_in_or_nobody_does() {
    let away = chip(Checked::Unavailable, 3);
    for (mode, pin, amount, rules, expected) in [
        (51, PinFact::NotPresent, "500.00", STAND_IN, "00"),
        (51, PinFact::NotPresent, "500.01", STAND_IN, "91"),
        (71, PinFact::NotPresent, "100.00", STAND_IN, "00"),
        (71, PinFact::NotPresent, "100.01", STAND_IN, "91"),
        (51, PinFact::Unavailable, "1.00", STAND_IN, "91"),
        (51, PinFact::NotPresent, "1.00", "", "91"),
        (901, PinFact::NotPresent, "1.00", STAND_IN, "91"),
    ] {
        let mut bank = bank_with(rules, ProductSecurity::default());
        let mut request = purchase(if mode == 901 { "KM" } else { "KC" }, mode, amount);
        (request.facts.pin, request.facts.chip) = (pin, away);
        if mode == 901 {
            request.facts.chip = None;
            request.facts.card_value.outcome = Checked::Unavailable;
        }
        let (_, decision) = bank.new_message(request);
        assert_eq!(decision.result.code(), expected, "{mode} {amount} {pin:?}");
        assert!(decision.result != ResultCode::WrongPin);
        // What could not be checked says nothing about the chip's counter.
        let slot = bank.state.directory().card_position("KC").unwrap();
        assert_eq!(bank.state.card(slot).unwrap().atc.highest(), None);
    }
    let mut bank = bank_with(STAND_IN, ProductSecurity::default());
    let mut inquiry = message("0200", BALANCE, "ATM00001", "KC", "0.00");
    inquiry.facts.chip = away;
    assert_eq!(result(&mut bank, inquiry), ResultCode::SecurityUnavailable);
}

#[test]
fn a_new_card_is_not_activated_by_a_wrong_cryptogram() {
    let mut bank = bank();
    let fresh = |outcome, atc| {
        let mut request = purchase("KF", 51, "10.00");
        request.facts.chip = chip(outcome, atc);
        request
    };
    assert_eq!(result(&mut bank, fresh(Checked::Wrong, 1)), ResultCode::CryptogramWrong);
    let mut again = fresh(Checked::Right, 1);
    again.facts.pin = PinFact::NotPresent;
    assert_eq!(result(&mut bank, again), ResultCode::CardRestricted);
    assert_eq!(result(&mut bank, fresh(Checked::Right, 2)), ResultCode::Approved);
}

#[test]
fn the_order_is_card_then_pin_then_values_chip_and_fallback() {
    let mut bank = bank();
    let mut request = purchase("KC", 901, "999999.00");
    request.facts.card_value.outcome = Checked::Wrong;
    request.facts.chip = chip(Checked::Wrong, 1);
    request.facts.pin = PinFact::OnlineWrong;
    request.facts.mac = MacFact::Right;
    assert_eq!(result(&mut bank, request), ResultCode::WrongPin);
    request.facts.pin = PinFact::OnlineVerified;
    assert_eq!(result(&mut bank, request), ResultCode::CardValueWrong);
    request.facts.card_value.outcome = Checked::Right;
    assert_eq!(result(&mut bank, request), ResultCode::CryptogramWrong);
    request.facts.chip = chip(Checked::Right, 1);
    assert_eq!(result(&mut bank, request), ResultCode::FallbackNotPermitted);
    let rules: Vec<_> = bank.rules_traced().into_iter().map(|row| row.0).collect();
    assert_eq!(rules, ["SEC-5", "BLK-2", "PIN-2", "SEC-1", "SEC-2", "SEC-3"]);
}
