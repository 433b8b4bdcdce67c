//! The 2003 edition: the same flows in its own elements.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{AnswerAmounts, PinFact, Request, ResultCode};
use common::{
    Desk, Fields, PAN, TERMINAL_KEY, answer, body, decision, fields, link, pin_block, purchase,
    read,
};
use interchange::{Answered, FaultKind, Link, Received};
use payment_types::{Amount, Currency};

const NAME: &str = "iso2003-bcd";

fn changed(link: &Link, changes: &[(u8, &str)]) -> Fields {
    let mut all = purchase(link.dialect());
    all.extend(fields(changes));
    all.retain(|_, value| !value.is_empty());
    all
}

fn request(mti: &str, changes: &[(u8, &str)]) -> Request {
    let link = link(NAME);
    Desk::new().request(&link, &body(link.dialect(), mti, &changed(&link, changes)))
}

#[test]
fn a_purchase_is_the_request_of_1987() {
    let earlier = link("iso87-bcd");
    let mut expected = Desk::new()
        .request(&earlier, &body(earlier.dialect(), "0200", &purchase(earlier.dialect())));
    let found = request("0200", &[]);
    assert_eq!((found.entry_mode.number(), found.condition.0), (50, 0));
    (expected.entry_mode, expected.condition) = (found.entry_mode, found.condition);
    assert_eq!(found, expected);
}

#[test]
fn pins_and_cash_are_read() {
    let right = pin_block("1234", PAN, TERMINAL_KEY);
    assert_eq!(request("0200", &[(52, &right)]).facts.pin, PinFact::OnlineVerified);
    let chip = request("0200", &[(55, "9F3403410302")]);
    assert_eq!(chip.facts.pin, PinFact::OfflineVerified);
    let cash = request("0200", &[(3, "090000"), (54, "00404172D000000100000")]);
    assert_eq!(cash.cash_back, Some(100_000));
}

#[test]
fn txn_2_reversals_may_be_partial() {
    let named = (56, "220000000000000720261123100000417001");
    let amounts = "41720000000500000000000000000000";
    let full = request("0420", &[named, (24, "400")]);
    assert_eq!((full.amount, full.replacement), (Amount::new(50_000, Currency::KGS), None));
    assert_eq!(full.original.unwrap().stan.number(), 7);
    let partial = request("0420", &[named, (24, "401"), (4, "4172000000020000"), (30, amounts)]);
    assert_eq!((partial.amount.minor(), partial.replacement), (50_000, Some(20_000)));
}

#[test]
fn faults_are_named_in_the_message_error_indicator() {
    let (link, desk) = (link(NAME), Desk::new());
    for (mti, element, value, kind) in [
        ("0200", 4, "", FaultKind::Missing),
        ("0200", 11, "", FaultKind::Missing),
        ("0200", 11, "000001000000", FaultKind::Malformed),
        ("0200", 4, "4173000000050000", FaultKind::Malformed),
        ("0200", 12, "20261323100000", FaultKind::Malformed),
        ("0200", 41, "TERMINAL12345678", FaultKind::Malformed),
        ("0200", 54, "0040417D000000100000", FaultKind::Malformed),
        ("0200", 54, "00404170D000000100000", FaultKind::Contradicts),
        ("0420", 56, "220000000000000720261323100000", FaultKind::Malformed),
        ("0420", 30, "84020000000500000000000000000000", FaultKind::Contradicts),
    ] {
        let bytes = body(link.dialect(), mti, &changed(&link, &[(element, value)]));
        let (fault, _, answer) = desk.fault(&link, &bytes);
        assert_eq!((fault.element, fault.kind), (element, kind), "DE {element} {value}");
        assert_eq!(answer[&39], "9100");
        assert_eq!(answer[&18], fault.to_string());
    }
}

#[test]
fn answers_speak_the_edition() {
    let link = link(NAME);
    let sent = purchase(link.dialect());
    let mut decided = decision(ResultCode::PartiallyApproved);
    decided.amounts = AnswerAmounts {
        available: Some((-7, Currency::KGS)),
        approved: Some(40_000),
        ..AnswerAmounts::default()
    };
    let bytes = answer(&link, &body(link.dialect(), "0200", &sent), decided);
    let (mti, found) = read(link.dialect(), &bytes);
    assert_eq!((mti.as_str(), found[&39].as_str()), ("0210", "0002"));
    assert_eq!(found[&4], concat!("4172", "000000040000"));
    assert_eq!(found[&54], "00024172D000000000007");
    for de in [3, 7, 11, 12, 24, 32, 33, 37, 41, 42] {
        assert_eq!(found[&de], sent[&de], "DE {de}");
    }
    assert!([2, 22, 26, 52].iter().all(|de| !found.contains_key(de)));
}

#[test]
fn the_network_is_managed_by_function_code() {
    let (link, desk) = (link(NAME), Desk::new());
    let all = fields(&[(11, "000000000001"), (24, "831")]);
    let Received::Answer { body, kind } = desk.receive(&link, &body(link.dialect(), "0800", &all))
    else {
        panic!("an echo is answered");
    };
    assert_eq!(kind, Answered::Echo);
    assert_eq!(read(link.dialect(), &body).1[&39], "0000");
}
