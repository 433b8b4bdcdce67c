//! Messages that name another one: what they may go on with, and what they may not (TXN-4, TXN-5,
//! TXN-6, AMT-2).
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

const TRANSFER: u32 = 400_000;

/// A message of another kind that names an earlier one by DE 90.
fn about(bank: &mut Bank, original: &Request, mti: &str, code: u32, amount: &str) -> Request {
    let mut request = bank.reversal_of(original, None);
    request.mti = Mti::parse(mti).unwrap();
    request.processing_code = ProcessingCode::from_number(code).unwrap();
    request.amount = Amount::parse_major(amount, Currency::KGS).unwrap();
    request.rrn = Rrn::new(format!("N{:06}", request.stan.number()).as_bytes());
    request.extra = None;
    request
}

/// One that names it by nothing but its retrieval reference number.
fn by_rrn(bank: &mut Bank, original: &Request, mti: &str, code: u32, amount: &str) -> Request {
    let request = about(bank, original, mti, code, amount);
    Request { rrn: original.rrn, original: None, ..request }
}

fn balance(bank: &Bank, account: &str) -> String {
    bank.account(account).0
}

fn sent(bank: &mut Bank, mti: &str, code: u32, card: &str, amount: &str) -> Request {
    let terminal = if code == TRANSFER || code == CASH { "AGT00001" } else { "POS00001" };
    let mut request = message(mti, code, terminal, card, amount);
    if code == TRANSFER {
        let to = message(mti, code, terminal, "K2", amount).card.unwrap();
        request.extra = Some(Extra::Receiver(to));
    }
    let (request, decision) = bank.new_message(request);
    assert!(decision.result.is_approval(), "{decision:?}");
    request
}

fn dollars(request: Request) -> Request {
    Request { amount: Amount::new(request.amount.minor(), Currency::USD), ..request }
}

fn present(bank: &mut Bank, reference: &str, request: Request) -> Decided {
    let outcome = bank.command(Command::Present(Box::new(Presentment {
        file: "scheme.csv".into(),
        line: 1,
        reference: reference.into(),
        operation: bank.now.business_date(),
        request: Request { mti: Mti::parse("0240").unwrap(), ..request },
    })));
    assert_eq!(bank.state.ledger().verify(), Ok(()));
    let Outcome::Decided(decided) = outcome else { panic!("{outcome:?}") };
    *decided
}

const DOLLAR: &str = r#"
[[rate]]
from = "USD"
to = "KGS"
value = "87.4500"
margin_percent = "1.0"
valid_from = 2026-11-21T00:00:00+06:00
"#;

#[test]
fn txn_5_a_purchase_that_names_a_transfer_leaves_the_receiver_alone() {
    for name in [about, by_rrn] {
        for mti in ["0220", "0120", "0320"] {
            let mut bank = Bank::new();
            let transfer = sent(&mut bank, "0200", TRANSFER, "K1", "100.00");
            let purchase = name(&mut bank, &transfer, mti, PURCHASE, "30.00");
            assert_eq!(bank.send(&purchase).result, ResultCode::Booked, "{mti}");
            assert_eq!(balance(&bank, "A1"), "24870.00", "{mti}");
            assert_eq!(balance(&bank, "A2"), "50100.00", "{mti}");
        }
    }
}

#[test]
fn amt_2_a_fact_in_dollars_at_a_domestic_terminal_is_12_whatever_it_names() {
    for code in [TRANSFER, PURCHASE, CASH] {
        for mti in ["0220", "0320"] {
            let mut bank = Bank::with_rules(&format!("{RULES}{DOLLAR}"));
            let original = sent(&mut bank, "0200", code, "K1", "100.00");
            let before = (bank.account("A1"), bank.account("A2"));
            for name in [about, by_rrn] {
                let fact = dollars(name(&mut bank, &original, mti, PURCHASE, "1.00"));
                assert_eq!(bank.send(&fact).result, ResultCode::CurrencyNotPermitted);
                let again = Request { mti: fact.mti.as_repeat(), ..fact };
                assert_eq!(bank.send(&again).result, ResultCode::CurrencyNotPermitted);
            }
            assert_eq!((bank.account("A1"), bank.account("A2")), before, "{mti} {code}");
        }
    }
}

#[test]
fn amt_2_a_completion_in_another_currency_leaves_the_hold_for_the_right_one() {
    let mut bank = Bank::with_rules(&format!("{RULES}{DOLLAR}"));
    let pre = sent(&mut bank, "0100", PURCHASE, "K1", "100.00");
    let wrong = dollars(by_rrn(&mut bank, &pre, "0220", PURCHASE, "100.00"));
    assert_eq!(bank.send(&wrong).result, ResultCode::CurrencyNotPermitted);
    assert_eq!(bank.account("A1").1, "100.00");
    let right = by_rrn(&mut bank, &pre, "0220", PURCHASE, "90.00");
    assert_eq!(bank.send(&right).result, ResultCode::Booked);
    assert_eq!(bank.account("A1"), ("24910.00".into(), "0.00".into(), "24910.00".into()));
}

#[test]
fn txn_4_a_presentment_in_dollars_that_names_a_transfer_is_a_purchase_of_its_own() {
    let mut bank = Bank::with_rules(&format!("{RULES}{DOLLAR}"));
    let transfer = sent(&mut bank, "0200", TRANSFER, "K1", "100.00");
    let record = dollars(by_rrn(&mut bank, &transfer, "0240", PURCHASE, "1.00"));
    let decided = present(&mut bank, "ARN1", record);
    assert_eq!((decided.decision.result, decided.original), (ResultCode::Booked, None));
    // 87.45 and 1 % of it.
    assert_eq!(balance(&bank, "A1"), "24811.68");
    assert_eq!(balance(&bank, "A2"), "50100.00");
    // A transfer of the wire that names it is another one.
    let dollars = bank.state.last_sequence();
    let mut advice = about(&mut bank, &transfer, "0220", TRANSFER, "40.00");
    advice.original = None;
    advice.rrn = Rrn::new(b"OTHER");
    advice.extra =
        Some(Extra::Receiver(message("0200", 0, "AGT00001", "K2", "1.00").card.unwrap()));
    assert_eq!(bank.send(&advice).result, ResultCode::Booked);
    assert_ne!(bank.scratch.original(), Some(dollars));
    assert_eq!(
        (balance(&bank, "A1"), balance(&bank, "A2")),
        ("24771.68".into(), "50140.00".into())
    );
}

#[test]
fn txn_4_a_transfer_is_completed_for_its_own_receiver() {
    let mut bank = Bank::new();
    let held = sent(&mut bank, "0100", TRANSFER, "K1", "100.00");
    let completion = about(&mut bank, &held, "0220", TRANSFER, "80.00");
    assert_eq!(bank.send(&completion).result, ResultCode::Booked);
    assert_eq!(
        (balance(&bank, "A1"), balance(&bank, "A2")),
        ("24920.00".into(), "50080.00".into())
    );
    let corrected = about(&mut bank, &completion, "0220", TRANSFER, "60.00");
    assert_eq!(bank.send(&corrected).result, ResultCode::Booked);
    assert_eq!(
        (balance(&bank, "A1"), balance(&bank, "A2")),
        ("24940.00".into(), "50060.00".into())
    );
}

#[test]
fn txn_5_a_refund_that_names_its_sale_is_a_credit_of_its_own() {
    for name in [about, by_rrn] {
        for mti in ["0200", "0220", "0320"] {
            let mut bank = Bank::new();
            let sale = sent(&mut bank, "0200", PURCHASE, "K1", "100.00");
            let number = bank.state.last_sequence();
            let refund = name(&mut bank, &sale, mti, REFUND, "60.00");
            assert!(bank.send(&refund).result.is_approval(), "{mti}");
            assert_eq!(bank.scratch.original(), Some(number), "it refers to its sale");
            assert_eq!(balance(&bank, "A1"), "24960.00", "{mti}");
            let more = about(&mut bank, &sale, mti, REFUND, "40.01");
            assert_eq!(bank.send(&more).result, ResultCode::InvalidAmount, "{mti}");
            let rest = about(&mut bank, &sale, mti, REFUND, "40.00");
            assert!(bank.send(&rest).result.is_approval());
            assert_eq!(balance(&bank, "A1"), "25000.00");
            assert_eq!(bank.reverse(&sale, None), "00", "nothing of it is left to give back");
            assert_eq!(balance(&bank, "A1"), "25000.00", "{mti}");
        }
    }
}

#[test]
fn txn_2_and_5_reversals_and_refunds_together_give_back_what_was_moved() {
    // What the refund gives back, what the reversal says stays, and what the customer has then.
    for (refunded, stays, expected) in [
        ("100.00", None, "25000.00"),
        ("30.00", None, "25000.00"),
        ("30.00", Some("70.00"), "25000.00"),
        ("30.00", Some("100.00"), "24930.00"),
        ("0.01", Some("50.00"), "24950.00"),
    ] {
        let expected = match stays {
            Some("70.00") => "24930.00",
            _ => expected,
        };
        let mut bank = Bank::new();
        let sale = sent(&mut bank, "0200", PURCHASE, "K1", "100.00");
        let refund = about(&mut bank, &sale, "0220", REFUND, refunded);
        bank.send(&refund);
        assert_eq!(bank.reverse(&sale, stays), "00");
        assert_eq!(balance(&bank, "A1"), expected, "{refunded} {stays:?}");
        // Without the refund the rest of the sale stands again, and can be given back.
        assert_eq!(bank.reverse(&refund, None), "00");
        assert_eq!(bank.reverse(&sale, None), "00");
        assert_eq!(balance(&bank, "A1"), "25000.00", "{refunded} {stays:?}");
    }
}

#[test]
fn txn_5_a_reversed_sale_cannot_be_refunded_and_one_never_booked_neither() {
    let mut bank = Bank::new();
    let sale = sent(&mut bank, "0200", PURCHASE, "K1", "100.00");
    assert_eq!(bank.reverse(&sale, None), "00");
    let held = sent(&mut bank, "0100", PURCHASE, "K1", "100.00");
    for original in [&sale, &held] {
        let refund = about(&mut bank, original, "0220", REFUND, "0.01");
        assert_eq!(bank.send(&refund).result, ResultCode::InvalidAmount);
    }
    assert_eq!(bank.account("A1"), ("25000.00".into(), "100.00".into(), "24900.00".into()));
    // Of a completed one what the completion booked can be given back.
    bank.complete(&held, "70.00");
    let refund = about(&mut bank, &held, "0220", REFUND, "70.01");
    assert_eq!(bank.send(&refund).result, ResultCode::InvalidAmount);
    let refund = about(&mut bank, &held, "0220", REFUND, "70.00");
    assert_eq!(bank.send(&refund).result, ResultCode::Booked);
    assert_eq!(balance(&bank, "A1"), "25000.00");
    let less = about(&mut bank, &held, "0220", PURCHASE, "10.00");
    assert_eq!(bank.send(&less).result, ResultCode::InvalidAmount, "70 were given back");
}

#[test]
fn txn_5_a_correction_of_a_refund_counts_against_its_sale() {
    let mut bank = Bank::new();
    let sale = sent(&mut bank, "0200", PURCHASE, "K1", "100.00");
    let refund = about(&mut bank, &sale, "0220", REFUND, "40.00");
    bank.send(&refund);
    let corrected = about(&mut bank, &refund, "0220", REFUND, "100.01");
    assert_eq!(bank.send(&corrected).result, ResultCode::InvalidAmount);
    let corrected = about(&mut bank, &refund, "0220", REFUND, "90.00");
    assert_eq!(bank.send(&corrected).result, ResultCode::Booked);
    assert_eq!(balance(&bank, "A1"), "24990.00");
    assert_eq!(bank.reverse(&sale, None), "00");
    assert_eq!(balance(&bank, "A1"), "25000.00");
}

#[test]
fn txn_5_a_purchase_that_names_a_refund_is_a_purchase() {
    for name in [about, by_rrn] {
        for mti in ["0220", "0320"] {
            let mut bank = Bank::new();
            let refund = sent(&mut bank, "0200", REFUND, "K1", "100.00");
            let purchase = name(&mut bank, &refund, mti, PURCHASE, "100.00");
            assert_eq!(bank.send(&purchase).result, ResultCode::Booked);
            assert_eq!(balance(&bank, "A1"), "25000.00", "{mti}");
        }
    }
}

#[test]
fn txn_4_a_reference_number_of_another_merchants_says_nothing() {
    let mut bank = Bank::new();
    let pre = sent(&mut bank, "0100", PURCHASE, "K1", "100.00");
    let sale = sent(&mut bank, "0200", PURCHASE, "K1", "100.00");
    for (original, code) in [(&pre, PURCHASE), (&sale, REFUND)] {
        let mut elsewhere = by_rrn(&mut bank, original, "0220", code, "5.00");
        elsewhere.terminal = TerminalId::new(b"POS00002").unwrap();
        assert_eq!(bank.send(&elsewhere).result, ResultCode::Booked);
        assert_eq!(bank.scratch.original(), None);
    }
    assert_eq!(bank.account("A1").1, "100.00", "the hold stands");
    let mut beside = by_rrn(&mut bank, &pre, "0220", PURCHASE, "100.00");
    beside.terminal = TerminalId::new(b"POSBAL01").unwrap();
    assert_eq!(bank.send(&beside).result, ResultCode::Booked);
    assert_eq!(bank.account("A1").1, "0.00", "another terminal of the same shop completes it");
}

#[test]
fn txn_4_a_second_completion_corrects_the_first() {
    for name in [about, by_rrn] {
        let mut bank = Bank::new();
        let pre = sent(&mut bank, "0100", PURCHASE, "K1", "100.00");
        for amount in ["100.00", "100.00", "80.00", "0.00", "120.00"] {
            let completion = name(&mut bank, &pre, "0220", PURCHASE, amount);
            assert_eq!(bank.send(&completion).result, ResultCode::Booked);
            let expected = format_minor(2_500_000 - i128::from(kgs(amount)), 2);
            assert_eq!(bank.account("A1"), (expected.clone(), "0.00".into(), expected));
        }
        let record = by_rrn(&mut bank, &pre, "0240", PURCHASE, "110.00");
        present(&mut bank, "ARN1", record);
        assert_eq!(balance(&bank, "A1"), "24890.00", "cleared once");
        let late = name(&mut bank, &pre, "0220", PURCHASE, "110.00");
        assert_eq!(bank.send(&late).result, ResultCode::Booked);
        assert_eq!(balance(&bank, "A1"), "24890.00", "and its advice after that moves nothing");
    }
}

#[test]
fn txn_4_what_was_booked_at_another_device_is_settled_back_where_it_was() {
    let mut bank = Bank::new();
    let sale = sent(&mut bank, "0200", CASH, "K1", "100.00");
    let corrected = about(&mut bank, &sale, "0220", CASH, "60.00");
    assert_eq!(bank.send(&corrected).result, ResultCode::Booked);
    let owed = |account| bank.state.ledger().general().balance(Currency::KGS, account);
    assert_eq!(owed(ledger::GeneralAccount::AgentSettlement), 6_000);
    assert_eq!(owed(ledger::GeneralAccount::MerchantSettlement), 0);
}

/// Messages that name each other in senseless combinations: none stops the engine, and after each
/// one the books are whole.
#[test]
fn bal_7_whatever_names_whatever_the_books_stay_whole() {
    for seed in 1..9u64 {
        let mut bank = Bank::with_rules(&format!("{RULES}{DOLLAR}"));
        let mut random = seed;
        let mut below = |most: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            usize::try_from(random >> 33).unwrap() % most
        };
        let cards = ["K1", "K2", "K4", "K5", "K6"];
        let terminals = ["POS00001", "POS00002", "AGT00001", "ATM00001", "BRN00001", "WEB00001"];
        let codes =
            [PURCHASE, CASH, CASH_BACK, DISBURSE, REFUND, CASH_IN, BALANCE, TRANSFER, 20_000];
        let types = ["0100", "0200", "0120", "0220", "0320", "0400", "0420", "0221"];
        let mut kept: Vec<Request> = Vec::new();
        for _ in 0..1500 {
            let (card, code) = (cards[below(5)], codes[below(9)]);
            let mut request = message(types[below(8)], code, terminals[below(6)], card, "1.00");
            request.amount = Amount::new(below(40_000) as u64, Currency::KGS);
            if below(3) > 0 && !kept.is_empty() {
                let of = kept[below(kept.len())];
                let named = bank.reversal_of(&of, None).original;
                (request.original, request.rrn) = (named.filter(|_| below(2) == 0), of.rrn);
                (request.card, request.terminal) = (of.card, of.terminal);
                request.amount = if below(2) == 0 { of.amount } else { request.amount };
                if below(2) == 0 {
                    request.processing_code = of.processing_code;
                }
            }
            if below(12) == 0 {
                request.amount = Amount::new(request.amount.minor(), Currency::USD);
            }
            request.cash_back = (below(3) == 0).then(|| below(9_000) as u64);
            request.replacement = (below(4) == 0).then(|| below(20_000) as u64);
            let to = message("0200", 0, "POS00001", cards[below(5)], "1.00").card.unwrap();
            request.extra = (below(2) == 0).then_some(Extra::Receiver(to));
            if below(8) == 0 {
                present(&mut bank, &format!("ARN{}", kept.len()), request);
            }
            kept.push(bank.new_message(request).0);
        }
    }
}
