//! Caps that small steps, other kinds and facts must not lead around: CTL-1 and limits on single
//! transactions with increments (TXN-4), AGT-1 and AGT-4 with completions and uploads.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::*;
use common::*;
use payment_types::*;

/// A preauthorization by tap, with or without PIN.
fn tapped(bank: &mut Bank, amount: &str, pin: PinFact) -> (Request, Decision) {
    let mut request = message("0100", PURCHASE, "POS00002", "K2", amount);
    request.entry_mode = EntryMode::from_number(71).unwrap();
    request.facts.pin = pin;
    bank.new_message(request)
}

fn more(bank: &mut Bank, of: &Request, amount: &str, pin: PinFact) -> &'static str {
    let amount = Amount::parse_major(amount, Currency::KGS).unwrap();
    let facts = SecurityFacts::of_pin(pin);
    bank.new_message(Request { rrn: of.rrn, amount, facts, ..*of }).1.result.code()
}

/// What an agent may still hand out to the holder of a card today.
fn left(bank: &mut Bank, terminal: &str, card: &str) -> String {
    let (_, declined) = bank.new_message(message("0200", CASH, terminal, card, "15000.50"));
    let (left, _) = declined.amounts.cap_left.expect("more than the cap");
    format_minor(left.into(), 2)
}

#[test]
fn ctl_1_a_tap_and_its_increments_are_one_transaction() {
    let mut bank = Bank::new();
    let (pre, decision) = tapped(&mut bank, "3000.00", PinFact::NotPresent);
    assert_eq!(decision.result.code(), "00");
    assert_eq!(more(&mut bank, &pre, "0.01", PinFact::NotPresent), "70");
    assert_eq!(more(&mut bank, &pre, "3000.00", PinFact::NotPresent), "70");
    assert_eq!(more(&mut bank, &pre, "3000.00", PinFact::OnlineVerified), "00");
    assert_eq!(bank.account("A2").1, "6000.00");

    let (pre, _) = tapped(&mut bank, "1000.00", PinFact::NotPresent);
    assert_eq!(more(&mut bank, &pre, "1999.99", PinFact::NotPresent), "00");
    assert_eq!(more(&mut bank, &pre, "0.02", PinFact::NotPresent), "70");
    assert_eq!(more(&mut bank, &pre, "0.01", PinFact::NotPresent), "00");

    let (pre, _) = tapped(&mut bank, "9000.00", PinFact::OnlineVerified);
    assert_eq!(more(&mut bank, &pre, "3000.00", PinFact::NotPresent), "00", "the PIN vouches");
    assert_eq!(more(&mut bank, &pre, "0.01", PinFact::NotPresent), "70");
}

#[test]
fn ctl_1_what_was_taken_back_makes_room_again() {
    let mut bank = Bank::new();
    let (pre, _) = tapped(&mut bank, "3000.00", PinFact::NotPresent);
    assert_eq!(bank.reverse(&pre, Some("1000.00")), "00");
    assert_eq!(more(&mut bank, &pre, "2000.01", PinFact::NotPresent), "70");
    assert_eq!(more(&mut bank, &pre, "2000.00", PinFact::NotPresent), "00");
}

const SINGLE: &str = r#"
[[limit]]
id = "single"
scope = ["card"]
counts = "purchase"
measure = "amount"
window = "transaction"
ceiling = "5000.00"
"#;

#[test]
fn lim_1_a_limit_on_single_transactions_looks_at_the_whole() {
    let mut bank = Bank::with_rules(&format!("{RULES}{SINGLE}"));
    let pin = PinFact::OnlineVerified;
    let (pre, _) = tapped(&mut bank, "3000.00", pin);
    assert_eq!(more(&mut bank, &pre, "2000.01", pin), "61");
    assert_eq!(more(&mut bank, &pre, "2000.00", pin), "00");
    assert_eq!(more(&mut bank, &pre, "0.01", pin), "61");
    assert_eq!(bank.code("0200", PURCHASE, "POS00002", "K2", "5000.00"), "00", "another one");
}

#[test]
fn sec_4_steps_do_not_lead_above_the_threshold_of_three_d_secure() {
    let mut bank =
        Bank::with_product(|product| product.security.three_d_secure_above = Some(kgs("1000.00")));
    let ask = |amount: &str| Request {
        entry_mode: EntryMode::from_number(812).unwrap(),
        condition: PosConditionCode(59),
        facts: SecurityFacts::default(),
        ..message("0100", PURCHASE, "WEB00001", "K1", amount)
    };
    let (pre, decision) = bank.new_message(ask("600.00"));
    assert_eq!(decision.result.code(), "00");
    let code = |bank: &mut Bank, amount: &str| {
        bank.new_message(Request { rrn: pre.rrn, ..ask(amount) }).1.result.code()
    };
    assert_eq!(code(&mut bank, "400.01"), "1A");
    assert_eq!(code(&mut bank, "400.00"), "00");
    assert_eq!(code(&mut bank, "0.01"), "1A");
}

#[test]
fn agt_4_a_completion_counts_the_cash_that_it_moved() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", CASH, "AGT00001", "K2", "1.00"));
    let (completion, booked) = bank.complete(&pre, "14000.00");
    assert_eq!(booked.result, ResultCode::Booked);
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "1000.00");
    // Above the cap it is booked all the same, and leaves nothing.
    let (pre, _) = bank.new_message(message("0100", CASH, "AGT00001", "K2", "1.00"));
    assert_eq!(bank.complete(&pre, "14000.00").1.result, ResultCode::Booked);
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "0.00");
    // What is taken back was counted once.
    assert_eq!(bank.reverse(&completion, None), "00");
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "1000.00");
}

#[test]
fn agt_4_a_completion_that_is_less_gives_back_and_its_reversal_the_rest() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", CASH, "AGT00001", "K2", "10000.00"));
    let (completion, _) = bank.complete(&pre, "4000.00");
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "11000.00");
    assert_eq!(bank.reverse(&completion, Some("1000.00")), "00");
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "14000.00");
    assert_eq!(bank.reverse(&completion, None), "00");
    assert_eq!(left(&mut bank, "AGT00002", "K2"), "15000.00");
}

#[test]
fn agt_4_a_completion_of_another_kind_counts_as_what_it_is() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", PURCHASE, "AGT00001", "K2", "14000.00"));
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "15000.00");
    let processing_code = ProcessingCode::from_number(CASH).unwrap();
    let as_cash = bank.reversal_of(&pre, None);
    let as_cash = Request { mti: Mti::parse("0220").unwrap(), processing_code, ..as_cash };
    assert_eq!(bank.send(&as_cash).result, ResultCode::Booked);
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "1000.00");

    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", CASH, "AGT00001", "K2", "10000.00"));
    let processing_code = ProcessingCode::from_number(PURCHASE).unwrap();
    let as_purchase = bank.reversal_of(&pre, None);
    let as_purchase = Request { mti: Mti::parse("0220").unwrap(), processing_code, ..as_purchase };
    assert_eq!(bank.send(&as_purchase).result, ResultCode::Booked);
    // It completes nothing: the hold stands, and counts, until it is released.
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "5000.00");
    assert_eq!(bank.reverse(&as_purchase, None), "00");
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "5000.00");
    assert_eq!(bank.reverse(&pre, None), "00");
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "15000.00");
}

#[test]
fn agt_4_an_upload_corrects_what_was_counted() {
    let mut bank = Bank::new();
    let (sale, _) = bank.new_message(message("0200", CASH, "AGT00001", "K2", "1.00"));
    let upload = |bank: &mut Bank, amount: &str| {
        let amount = Amount::parse_major(amount, Currency::KGS).unwrap();
        let sent = bank.reversal_of(&sale, None);
        let sent = Request { mti: Mti::parse("0320").unwrap(), amount, original: None, ..sent };
        (bank.send(&sent).result, sent)
    };
    assert_eq!(upload(&mut bank, "14000.00").0, ResultCode::Booked);
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "1000.00");
    assert_eq!(bank.available("A2"), "36000.00");
    // And again, to less and to more: the counter follows.
    assert_eq!(upload(&mut bank, "9000.00").0, ResultCode::Booked);
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "6000.00");
    let (_, last) = upload(&mut bank, "12000.00");
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "3000.00");
    assert_eq!(bank.available("A2"), "38000.00");
    let last = Request { mti: Mti::parse("0320").unwrap(), ..last };
    assert_eq!(bank.reverse(&last, None), "00");
    assert_eq!((left(&mut bank, "AGT00001", "K2"), bank.available("A2")), full());
}

fn full() -> (String, String) {
    ("15000.00".into(), "50000.00".into())
}

#[test]
fn agt_5_a_completion_above_its_hold_counts_on_its_own_day() {
    let mut bank = Bank::new();
    let (pre, _) = bank.new_message(message("0100", CASH, "AGT00001", "K2", "9000.00"));
    bank.clock("2026-11-24 09:00:00");
    let (completion, _) = bank.complete(&pre, "10000.00");
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "5000.00");
    bank.clock("2026-11-25 09:00:00");
    assert_eq!(bank.reverse(&completion, None), "00");
    assert_eq!(left(&mut bank, "AGT00001", "K2"), "15000.00", "the new day is left alone");
}

#[test]
fn lim_1_a_completion_keeps_the_pin_of_its_original() {
    let rules = RULES
        .replace("[agent_cash]\n", "[contactless.tier.low]\nper_day = \"3000.00\"\n[agent_cash]\n");
    let rules = rules.replace("name = \"76/8-2015\"", "name = \"2020-draft\"");
    let mut bank = Bank::with_rules(&rules);
    let (pre, _) = tapped(&mut bank, "2000.00", PinFact::OnlineVerified);
    let (_, booked) = bank.complete(&pre, "2900.00");
    assert_eq!(booked.result, ResultCode::Booked);
    let mut tap = |amount: &str| bank.tap("POS00002", "K2", amount, PinFact::NotPresent);
    assert_eq!((tap("3000.00"), tap("0.01")), ("00", "70"), "the completion did not count");
}

#[test]
fn txn_6_a_period_is_ended_only_by_who_belongs_to_it_and_nobody_is_remembered_for_asking() {
    let mut bank = Bank::new();
    let cut = |bank: &mut Bank, terminal: &str, acquirer: u64| {
        let mut request = message("0800", 0, "POS00001", "", "0.00");
        request.terminal = TerminalId::new(terminal.as_bytes()).unwrap_or_default();
        request.acquirer = AcquirerId(acquirer);
        bank.new_message(request).1.result
    };
    assert_eq!(bank.code("0200", PURCHASE, "POS00001", "K1", "10.00"), "00");
    let number = |bank: &Bank| bank.state.reconciliation().acquirer(417_001).open.number;
    assert_eq!(cut(&mut bank, "NOSUCH01", 417_001), ResultCode::UnknownTerminal);
    assert_eq!(cut(&mut bank, "POS00002", 417_001), ResultCode::TerminalNotPermitted);
    assert_eq!(cut(&mut bank, "POS00001", 417_002), ResultCode::TerminalNotPermitted);
    assert_eq!(number(&bank), 1);
    assert_eq!(cut(&mut bank, "POS00001", 417_001), ResultCode::CutOverDone);
    assert_eq!(number(&bank), 2);
    // The institution itself, which names no terminal: those known only.
    for acquirer in 0..100 {
        assert_eq!(cut(&mut bank, "", acquirer), ResultCode::CutOverDone);
    }
    let mut told = message("0520", 0, "POS00002", "", "0.00");
    told.extra = Some(Extra::Totals(ToldTotals::default()));
    assert_eq!(bank.new_message(told).1.result, ResultCode::TerminalNotPermitted);
    assert_eq!(bank.state.reconciliation().acquirers().count(), 1);
}

fn exchange(bank: &mut Bank, key: u8, in_use: Option<u8>) {
    let done = bank.command(Command::SetTerminalKey {
        terminal: TerminalId::new(b"POS00001").unwrap(),
        role: KeyRole::Tpk,
        sealed: vec![key],
        check_value: "000000".into(),
        entered_by: "terminal".into(),
        in_use: in_use.map(|key| vec![key]),
    });
    assert!(matches!(done, Outcome::Done(Done::TerminalKeySet)), "{done:?}");
}

/// The keys that are taken now, oldest first, without the one in use.
fn taken(bank: &Bank) -> Vec<u8> {
    let id = TerminalId::new(b"POS00001").unwrap();
    let (_, terminal) = bank.state.directory().terminal(&id).unwrap();
    let former = terminal.former_of(KeyRole::Tpk);
    let former = former.filter(|(_, until)| until.is_none_or(|until| until > bank.now.at));
    former.map(|(key, _)| key[0]).collect()
}

#[test]
fn pin_1_strangers_exchanges_do_not_take_a_terminals_key_away() {
    let mut bank = Bank::new();
    exchange(&mut bank, 1, None);
    for stranger in 100..120 {
        exchange(&mut bank, stranger, None);
        bank.now = Moment::new(bank.now.at.plus_ms(60_000), bank.now.offset);
    }
    assert_eq!(taken(&bank), [1, 116, 117, 118], "the first stays");
    // The terminal rotates and uses the new one; strangers go on.
    exchange(&mut bank, 2, None);
    exchange(&mut bank, 120, Some(2));
    assert_eq!(taken(&bank).first(), Some(&1), "messages under way for a while longer");
    bank.clock("13:00:00");
    for stranger in 121..140 {
        exchange(&mut bank, stranger, None);
    }
    assert_eq!(taken(&bank), [2, 136, 137, 138]);
}

#[test]
fn pin_1_an_old_key_ends_once_a_later_one_was_used() {
    let mut bank = Bank::new();
    exchange(&mut bank, 1, None);
    exchange(&mut bank, 2, Some(1));
    exchange(&mut bank, 3, Some(2));
    assert_eq!(taken(&bank), [1, 2]);
    bank.now = Moment::new(bank.now.at.plus_ms(KEY_OVERLAP_MINUTES * 60_000), bank.now.offset);
    assert_eq!(taken(&bank), [2]);
}
