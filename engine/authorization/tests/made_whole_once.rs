//! A cardholder gets his money back once, by whatever comes first: a reversal, a refund that names
//! the sale, a correction or a claim (TXN-2, TXN-5, TXN-7).
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

fn command(bank: &mut Bank, command: DisputeCommand) -> Outcome {
    let outcome = bank.command(Command::Dispute(command));
    assert_eq!(bank.state.ledger().verify(), Ok(()));
    outcome
}

/// A claim about the transaction at a place of the journal.
fn claim_at(
    bank: &mut Bank,
    at: Sequence,
    moved: &str,
    kind: ClaimKind,
    amount: &str,
) -> Option<u32> {
    let operation = DisputedOperation {
        transaction: at,
        at: bank.now.at,
        account: "A1".into(),
        card: "K1".into(),
        terminal: "ATM00001".into(),
        amount: kgs(moved),
        issuer_liable: false,
    };
    let reason = "r".into();
    let by = OnRequestOf::default();
    let amount = kgs(amount);
    match command(bank, DisputeCommand::Claim { operation, kind, amount, reason, by }) {
        Outcome::Done(Done::Disputes(done)) => Some(done.disputes[0]),
        Outcome::Refused(Refusal::Dispute(_)) => None,
        other => panic!("{other:?}"),
    }
}

fn decide(bank: &mut Bank, dispute: u32, accept: bool) {
    command(bank, DisputeCommand::Decide { dispute, accept, by: OnRequestOf::default() });
}

fn count(bank: &mut Bank, surplus: &str) {
    let by = OnRequestOf::default();
    let terminal = "ATM00001".into();
    command(bank, DisputeCommand::Count { terminal, surplus: kgs(surplus), shortage: 0, by });
}

fn balance(bank: &Bank) -> String {
    bank.account("A1").0
}

/// A purchase of 100 and its place.
fn bought(bank: &mut Bank) -> (Request, Sequence) {
    let (sent, decision) = bank.new_message(message("0200", PURCHASE, "POS00001", "K1", "100.00"));
    assert_eq!(decision.result, ResultCode::Approved);
    (sent, decision.transaction)
}

fn refund_of(bank: &mut Bank, sale: &Request, amount: &str) -> (Request, ResultCode) {
    let mut refund = bank.reversal_of(sale, None);
    refund.mti = Mti::parse("0220").unwrap();
    refund.processing_code = ProcessingCode::from_number(REFUND).unwrap();
    refund.amount = Amount::parse_major(amount, Currency::KGS).unwrap();
    let decision = bank.send(&refund);
    (refund, decision.result)
}

#[test]
fn txn_7_a_claim_and_a_reversal_give_back_once_in_any_order() {
    // What is claimed, what the reversal says stays, and what the customer has then.
    for (claimed, stays, expected) in [
        ("100.00", None, "25000.00"),
        ("100.00", Some("40.00"), "25000.00"),
        ("60.00", None, "25000.00"),
        ("60.00", Some("40.00"), "24960.00"),
        ("60.00", Some("70.00"), "24960.00"),
    ] {
        for order in ["credited, reversed", "claimed, reversed, credited"] {
            let mut bank = Bank::new();
            let (sale, at) = bought(&mut bank);
            let number = claim_at(&mut bank, at, "100.00", ClaimKind::NotMine, claimed).unwrap();
            if order == "credited, reversed" {
                decide(&mut bank, number, true);
            }
            assert_eq!(bank.reverse(&sale, stays), "00");
            if order != "credited, reversed" {
                decide(&mut bank, number, true);
            }
            assert_eq!(balance(&bank), expected, "{claimed} {stays:?} {order}");
            assert_eq!(bank.reverse(&sale, Some("0.00")), "00");
            assert_eq!(balance(&bank), "25000.00", "{claimed} {stays:?} {order}");
            let owed = bank.state.ledger().general();
            let disputes = owed.balance(Currency::KGS, ledger::GeneralAccount::Disputes);
            assert_eq!(disputes, 0, "the bank has its money back: {claimed} {stays:?} {order}");
        }
    }
}

#[test]
fn txn_7_what_was_given_back_cannot_be_claimed() {
    for (stays, most) in
        [(None, None), (Some("40.00"), Some("40.00")), (Some("100.00"), Some("100.00"))]
    {
        let mut bank = Bank::new();
        let (sale, at) = bought(&mut bank);
        assert_eq!(bank.reverse(&sale, stays), "00");
        let more = most.map_or(1, |most| kgs(most) + 1);
        let more = format_minor(i128::from(more), 2);
        assert_eq!(claim_at(&mut bank, at, "100.00", ClaimKind::NotMine, &more), None, "{stays:?}");
        if let Some(most) = most {
            let number = claim_at(&mut bank, at, "100.00", ClaimKind::NotMine, most).unwrap();
            decide(&mut bank, number, true);
            assert_eq!(balance(&bank), "25000.00");
        }
    }
}

#[test]
fn txn_7_neither_a_refund_nor_a_reversal_is_an_operation_to_claim() {
    let mut bank = Bank::new();
    let (refund, decision) = bank.new_message(message("0200", REFUND, "POS00001", "K1", "100.00"));
    let at = decision.transaction;
    assert_eq!(claim_at(&mut bank, at, "100.00", ClaimKind::Other, "100.00"), None);
    assert_eq!(bank.reverse(&refund, None), "00");
    let reversal = bank.state.last_sequence();
    assert_eq!(claim_at(&mut bank, reversal, "100.00", ClaimKind::Other, "100.00"), None);
    assert_eq!(balance(&bank), "25000.00");
}

#[test]
fn txn_7_a_claimed_completion_is_made_whole_once() {
    let mut bank = Bank::new();
    let (hold, _) = bank.new_message(message("0100", PURCHASE, "POS00001", "K1", "100.00"));
    let (completion, decision) = bank.complete(&hold, "100.00");
    let at = decision.transaction;
    let number = claim_at(&mut bank, at, "100.00", ClaimKind::NotMine, "100.00").unwrap();
    decide(&mut bank, number, true);
    assert_eq!(bank.reverse(&completion, None), "00");
    assert_eq!(balance(&bank), "25000.00");
    let settled = bank.state.dispute(number).unwrap();
    assert_eq!((settled.status, settled.taken_back), (DisputeStatus::Credited, 10_000));
}

#[test]
fn txn_7_claims_on_a_sale_and_its_correction_are_of_no_more_than_stands() {
    let mut bank = Bank::new();
    let (sale, at) = bought(&mut bank);
    let number = claim_at(&mut bank, at, "100.00", ClaimKind::NotMine, "100.00").unwrap();
    decide(&mut bank, number, true);
    let (correction, decision) = bank.complete(&sale, "60.00");
    assert_eq!(balance(&bank), "25000.00", "40 came back, and of the claim 60 stand");
    let at = decision.transaction;
    assert_eq!(claim_at(&mut bank, at, "40.00", ClaimKind::NotMine, "0.01"), None);
    assert_eq!(bank.reverse(&correction, None), "00");
    assert_eq!(balance(&bank), "25000.00");
}

#[test]
fn txn_7_a_short_dispense_that_is_reversed_too_is_paid_once() {
    for counted_first in [true, false] {
        let mut bank = Bank::new();
        let (cash, decision) = bank.new_message(message("0200", CASH, "ATM00001", "K1", "1000.00"));
        let at = decision.transaction;
        claim_at(&mut bank, at, "1000.00", ClaimKind::ShortDispense, "200.00").unwrap();
        if counted_first {
            count(&mut bank, "200.00");
            assert_eq!(balance(&bank), "24200.00");
        }
        assert_eq!(bank.reverse(&cash, Some("800.00")), "00");
        count(&mut bank, "200.00");
        assert_eq!(balance(&bank), "24200.00", "counted first: {counted_first}");
        assert_eq!(bank.reverse(&cash, None), "00");
        assert_eq!(balance(&bank), "25000.00", "counted first: {counted_first}");
    }
}

#[test]
fn txn_7_a_refund_settles_the_claim_about_its_sale() {
    for credited in [true, false] {
        let mut bank = Bank::new();
        let (sale, at) = bought(&mut bank);
        let number = claim_at(&mut bank, at, "100.00", ClaimKind::Other, "100.00").unwrap();
        if credited {
            decide(&mut bank, number, true);
        }
        assert_eq!(refund_of(&mut bank, &sale, "100.00").1, ResultCode::Booked);
        decide(&mut bank, number, true);
        assert_eq!(balance(&bank), "25000.00", "credited {credited}");
        let mut bytes = Vec::new();
        bank.state.write_snapshot(&mut bytes).unwrap();
        bank.state = State::read_snapshot(&mut bytes.as_slice()).unwrap();
        assert_eq!(bank.reverse(&sale, None), "00");
        assert_eq!(balance(&bank), "25000.00");
    }
}

/// What the slow model knows of a sale: what was moved, and what came back by each way.
#[derive(Default, Debug)]
struct Sale {
    sent: Option<Request>,
    at: Sequence,
    disputes: Vec<u32>,
}

/// Whatever comes in whatever order: nobody gets back more than was moved, and a sale reversed whole
/// costs nothing and leaves no claim paid.
#[test]
fn txn_2_5_7_never_more_comes_back_than_was_moved() {
    for seed in 1..120u64 {
        let mut bank = Bank::new();
        let mut random = seed;
        let mut below = |most: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            (random >> 33) % most
        };
        let mut sale = Sale::default();
        let (sent, at) = bought(&mut bank);
        (sale.sent, sale.at) = (Some(sent), at);
        let sent = sale.sent.unwrap();
        let mut refunds = Vec::new();
        for _ in 0..10 {
            let part = format_minor(i128::from(1 + below(10_000)), 2);
            match below(6) {
                0 => drop(bank.reverse(&sent, Some(&part))),
                1 | 2 => {
                    let (refund, result) = refund_of(&mut bank, &sent, &part);
                    refunds.extend((result == ResultCode::Booked).then_some(refund));
                }
                3 => {
                    let kind = ClaimKind::NotMine;
                    let at = sale.at;
                    sale.disputes.extend(claim_at(&mut bank, at, "100.00", kind, &part));
                }
                4 if !sale.disputes.is_empty() => {
                    let number = sale.disputes[below(sale.disputes.len() as u64) as usize];
                    decide(&mut bank, number, below(4) > 0);
                }
                _ if !refunds.is_empty() && below(2) == 0 => {
                    let refund = refunds[below(refunds.len() as u64) as usize];
                    bank.reverse(&refund, None);
                }
                _ => drop(bank.reverse(&sent, None)),
            }
            let slot = bank.state.directory().account_position("A1").unwrap();
            let has = bank.state.ledger().account(ledger::AccountSlot(slot)).unwrap().balance;
            assert!(has <= 2_500_000, "seed {seed}: {has}");
            assert!(has >= 2_490_000, "seed {seed}: {has}");
        }
    }
}
