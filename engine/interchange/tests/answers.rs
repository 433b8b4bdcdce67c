//! Decisions become answers: what is echoed, what is added, and never anything secret.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::{AnswerAmounts, Extra, ResultCode, StopListAction, StopListed, StopTerms};
use common::{
    Desk, PAN, TERMINAL_KEY, answer, body, decision, dialects, durable, fields, link, pin_block,
    purchase, read,
};
use interchange::{AnswerError, Answered, Asked, Received, Secured};
use payment_types::{Currency, Mti, ResponseCode, Rrn};
use security::SoftwareModule;

const SECRET: [u8; 5] = [2, 35, 36, 45, 52];

fn is_1987(name: &str) -> bool {
    name.starts_with("iso87")
}

#[test]
fn an_approval_echoes_and_adds() {
    for name in dialects() {
        let link = link(name);
        let mut all = purchase(link.dialect());
        let track = format!("{PAN}=29122011000000000");
        all.extend(fields(&[(35, &track), (52, &pin_block("1234", PAN, TERMINAL_KEY))]));
        all.extend(fields(&[(45, "B9417000000000009^T/TEST^2912201"), (48, "private")]));
        let request = body(link.dialect(), "0200", &all);
        let approved = decision(ResultCode::Approved);
        let (mti, found) = read(link.dialect(), &answer(&link, &request, approved));
        assert_eq!(mti, "0210", "{name}");
        let mut expected = all.clone();
        expected.retain(|de, _| [3, 4, 7, 11, 12, 13, 24, 32, 33, 37, 41, 42].contains(de));
        let code = approved.authorization_code.unwrap();
        expected.insert(38, code.as_str().to_owned());
        expected.insert(39, if is_1987(name) { "00" } else { "000" }.to_owned());
        assert_eq!(found, expected, "{name}");
        assert!(SECRET.iter().all(|de| !found.contains_key(de)), "{name}");
    }
}

#[test]
fn each_type_has_its_answer() {
    for name in dialects() {
        let link = link(name);
        for (asked, expected) in [
            ("0100", "0110"),
            ("0101", "0110"),
            ("0120", "0130"),
            ("0200", "0210"),
            ("0201", "0210"),
            ("0220", "0230"),
            ("0221", "0230"),
            ("0400", "0410"),
            ("0401", "0410"),
            ("0420", "0430"),
            ("0421", "0430"),
        ] {
            let request = body(link.dialect(), asked, &purchase(link.dialect()));
            let answer = answer(&link, &request, decision(ResultCode::Approved));
            let mti = iso8583::peek_mti(link.dialect(), &answer).unwrap();
            assert_eq!(mti.version(), link.dialect().version(), "{name} {asked}");
            assert_eq!(mti.without_version(), Mti::parse(expected).unwrap(), "{name} {asked}");
        }
    }
}

#[test]
fn amounts_are_told_in_order() {
    for name in dialects() {
        let link = link(name);
        let mut all = purchase(link.dialect());
        all.insert(3, "092000".into());
        let request = body(link.dialect(), "0200", &all);
        let mut decided = decision(ResultCode::PartiallyApproved);
        decided.amounts = AnswerAmounts {
            ledger: Some((2_500_000, Currency::KGS)),
            available: Some((-1, Currency::KGS)),
            hand_out: Some((10_050, Currency::KGS)),
            cap_left: Some((0, Currency::KGS)),
            approved: Some(40_000),
        };
        let (_, found) = read(link.dialect(), &answer(&link, &request, decided));
        let groups = concat!(
            "2001417C000002500000",
            "2002417D000000000001",
            "2040417C000000010050",
            "2044417C000000000000",
        );
        assert_eq!(found[&54], groups, "{name}");
        assert_eq!(found[&4], "000000040000", "{name}");
        assert_eq!(found[&39], if is_1987(name) { "10" } else { "002" }, "{name}");
    }
}

#[test]
fn agt_3_a_decline_over_the_cap_tells_what_is_left() {
    let link = link("iso87-bcd");
    let mut all = purchase(link.dialect());
    all.insert(3, "010000".into());
    let request = body(link.dialect(), "0200", &all);
    let mut decided = decision(ResultCode::AgentCapExceeded);
    decided.amounts.cap_left = Some((500_000, Currency::KGS));
    let (_, found) = read(link.dialect(), &answer(&link, &request, decided));
    assert_eq!((found[&39].as_str(), found[&54].as_str()), ("61", "0044417C000000500000"));
    assert!(!found.contains_key(&38));
}

#[test]
fn a_reference_number_is_made_where_there_is_none() {
    for name in dialects() {
        let link = link(name);
        for told in [None, Some("            ")] {
            let mut all = purchase(link.dialect());
            all.remove(&37);
            all.extend(told.map(|blank| (37, blank.to_owned())));
            let request = body(link.dialect(), "0200", &all);
            let mut decided = decision(ResultCode::Approved);
            decided.rrn = Rrn::from_sequence(decided.transaction);
            let (_, found) = read(link.dialect(), &answer(&link, &request, decided));
            assert_eq!(found[&37], "000000000077", "{name}");
        }
    }
}

#[test]
fn txn_1_a_repeat_gets_the_same_bytes() {
    for name in dialects() {
        let link = link(name);
        let all = purchase(link.dialect());
        let mut decided = decision(ResultCode::Approved);
        decided.amounts.hand_out = Some((10_000, Currency::KGS));
        let first = answer(&link, &body(link.dialect(), "0200", &all), decided);
        decided.is_repeat = true;
        let again = answer(&link, &body(link.dialect(), "0200", &all), decided);
        let repeat = answer(&link, &body(link.dialect(), "0201", &all), decided);
        assert_eq!((&first, &first), (&again, &repeat), "{name}");
    }
}

#[test]
fn lim_1_a_limit_may_name_its_code() {
    let code = |name: &str, result, named: &str| {
        let link = link(name);
        let request = body(link.dialect(), "0200", &purchase(link.dialect()));
        let mut decided = decision(result);
        decided.code_override = ResponseCode::new(named);
        read(link.dialect(), &answer(&link, &request, decided)).1[&39].clone()
    };
    let limit = ResultCode::AmountLimitExceeded;
    assert_eq!(code("iso87-bcd", limit, "65"), "65");
    assert_eq!(code("iso93-bcd", limit, "65"), "123", "the action code of what 65 means");
    assert_eq!(code("iso93-bcd", limit, "Q1"), "121", "nothing means Q1");
    assert_eq!(code("iso87-bcd", limit, "00"), "61", "a decline never looks like an approval");
    assert_eq!(code("iso93-bcd", limit, "00"), "121");
    assert_eq!(code("iso87-bcd", ResultCode::Approved, "65"), "00");
}

#[test]
fn without_proof_there_are_only_declines() {
    for name in dialects() {
        let link = link(name);
        let request = body(link.dialect(), "0200", &purchase(link.dialect()));
        for result in ResultCode::ALL {
            let mut out = b"before".to_vec();
            let security = SoftwareModule::ephemeral_for_tests();
            let done = link.refuse(&request, *result, &Secured::default(), &security, &mut out);
            if result.is_approval() {
                assert_eq!(done, Err(AnswerError::NotDurable(*result)), "{name}");
                assert_eq!(out, b"before", "{name}");
            } else {
                let (mti, found) = read(link.dialect(), &out[6..]);
                assert_eq!((mti.as_str(), done), ("0210", Ok(())), "{name}");
                assert_eq!(found[&37], "632710000007", "{name}");
                assert_eq!(found[&39], link.codes().code(*result).as_str(), "{name}");
                assert!(!found.contains_key(&38), "{name}");
            }
        }
    }
}

#[test]
fn what_cannot_be_answered_says_why() {
    let link = link("iso87-bcd");
    let decided = durable(decision(ResultCode::Approved));
    let (plain, security) = (Secured::default(), SoftwareModule::ephemeral_for_tests());
    let mut out = Vec::new();
    let unreadable = link.answer(b"\xFF\xFF", &decided, &plain, &security, &mut out);
    assert_eq!(unreadable, Err(AnswerError::Unreadable));
    let response = body(link.dialect(), "0210", &purchase(link.dialect()));
    let no_answer = link.answer(&response, &decided, &plain, &security, &mut out);
    assert_eq!(no_answer, Err(AnswerError::NoAnswer(Mti::parse("0210").unwrap())));
    assert!(out.is_empty());
}

#[test]
fn network_management_is_answered_at_once() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        for (code, expected, done) in [
            ("001", Answered::SignOn, true),
            ("002", Answered::SignOff, true),
            ("301", Answered::Echo, true),
            ("999", Answered::OtherNetworkManagement, false),
        ] {
            for asked in ["0800", "0801"] {
                let all = fields(&[(7, "1123040000"), (11, "000001"), (70, code)]);
                let bytes = body(link.dialect(), asked, &all);
                let Received::Answer { body, kind } = desk.receive(&link, &bytes) else {
                    panic!("{name} {code}");
                };
                assert_eq!(kind, expected, "{name} {code}");
                let (mti, mut found) = read(link.dialect(), &body);
                let answer_code = match (is_1987(name), done) {
                    (true, true) => "00",
                    (true, false) => "12",
                    (false, true) => "000",
                    (false, false) => "902",
                };
                assert_eq!(found.remove(&39).as_deref(), Some(answer_code), "{name} {code}");
                assert_eq!((mti.as_str(), found), ("0810", all), "{name} {code}");
            }
        }
    }
}

#[test]
fn the_later_editions_manage_the_network_by_function_code() {
    let desk = Desk::new();
    let link = link("iso93-bcd");
    for (function, expected) in
        [("801", Answered::SignOn), ("802", Answered::SignOff), ("831", Answered::Echo)]
    {
        let all = fields(&[(11, "000001"), (12, "261123100000"), (24, function)]);
        let bytes = body(link.dialect(), "0804", &all);
        let Received::Answer { body, kind } = desk.receive(&link, &bytes) else {
            panic!("{function}");
        };
        assert_eq!(kind, expected);
        let (mti, found) = read(link.dialect(), &body);
        assert_eq!((mti.as_str(), found[&24].as_str()), ("0814", function));
        assert_eq!(found[&7], "1123040000", "made here");
    }
}

#[test]
fn txn_6_a_cut_over_and_totals_are_for_the_core_to_decide() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let shared = [(7, "1123040000"), (11, "000001"), (32, "417001")];
        let cut = [&shared[..], &[(70, "201")]].concat();
        let totals = [&shared[..], &[(76, "0000000002"), (88, "0000000000015000")]].concat();
        for (mti, all) in [("0800", cut), ("0520", totals)] {
            let bytes = body(link.dialect(), mti, &fields(&all));
            let Received::Decide(Asked { request, .. }) = desk.receive(&link, &bytes) else {
                panic!("{name} {mti}");
            };
            assert_eq!(request.acquirer.0, 417_001, "{name} {mti}");
            if let Some(Extra::Totals(told)) = request.extra {
                assert_eq!(told.numbers, [None, None, Some(2), None], "{name}");
                assert_eq!(told.amounts, [None, None, Some(15_000), None], "{name}");
            } else {
                assert_eq!(mti, "0800", "{name}");
            }
        }
    }
}

#[test]
fn blk_5_a_file_action_says_what_and_until_when() {
    let desk = Desk::new();
    let link = link("iso87-bcd");
    let shared = [(7, "1123040000"), (11, "000001"), (41, "BRN00001"), (101, "STOPLIST")];
    let read = |more: &[(u8, &str)]| {
        let all = [&shared[..], more].concat();
        desk.receive(&link, &body(link.dialect(), "0302", &fields(&all)))
    };
    let action = |more: &[(u8, &str)]| match read(more) {
        Received::Decide(Asked { request, .. }) => match request.extra {
            Some(Extra::File(action)) => action,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let until = payment_types::BusinessDate::from_ymd(2026, 12, 31).unwrap();
    let put = action(&[(2, PAN), (73, "261231"), (91, "1")]);
    let StopListAction::Put(StopListed::Card(card), terms) = put else { panic!("{put:?}") };
    assert_eq!(
        (card.masked.as_str(), terms.until, terms.special),
        ("941700******0009", until, false)
    );
    let range = StopListed::Range { from: 94_170_000, to: 94_179_999 };
    let special = action(&[(73, "261231"), (91, "2"), (120, "9417-9417;07")]);
    assert_eq!(special, StopListAction::Put(range, StopTerms { until, special: true }));
    assert_eq!(action(&[(91, "3"), (120, "9417-9417")]), StopListAction::Remove(range));
    assert_eq!(action(&[(91, "5"), (120, "9417-9417")]), StopListAction::Inquire(range));
    for (more, wrong) in [
        (&[(2, PAN), (91, "1")][..], "DE 73 MISSING"),
        (&[(2, PAN), (73, "261231")], "DE 91 MISSING"),
        (&[(2, PAN), (73, "261231"), (91, "4")], "DE 91 MALFORMED"),
        (&[(73, "261231"), (91, "1")], "DE 2 MISSING"),
        (&[(73, "261331"), (91, "1"), (2, PAN)], "DE 73 MALFORMED"),
        (&[(73, "261231"), (91, "1"), (120, "94")], "DE 120 MALFORMED"),
    ] {
        let all = [&shared[..], more].concat();
        let bytes = body(link.dialect(), "0302", &fields(&all));
        assert_eq!(desk.fault(&link, &bytes).0.to_string(), wrong);
    }
}

#[test]
fn network_management_needs_a_code() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let bytes = body(link.dialect(), "0800", &fields(&[(7, "1123040000"), (11, "000001")]));
        let (fault, mti, answer) = desk.fault(&link, &bytes);
        assert_eq!((fault.to_string().as_str(), mti.as_str()), ("DE 70 MISSING", "0810"), "{name}");
        assert_eq!(answer[&11], "000001", "{name}");
    }
}
