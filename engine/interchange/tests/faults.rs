//! What can't be understood: a format error that names the element, or nothing. Never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{
    DIALECTS_1987, DIALECTS_1993, Desk, PAN, body, dialects, fields, link, purchase, read,
};
use interchange::{Answered, Asked, CodeTable, DropCause, FaultKind, Link, Received, Secured};
use proptest::prelude::*;

/// Changes the purchase of the link's edition and expects the fault.
fn refused(desk: &Desk, link: &Link, mti: &str, changes: &[(u8, &str)], element: u8) -> FaultKind {
    let mut all = purchase(link.dialect());
    all.extend(fields(changes));
    all.retain(|_, value| !value.is_empty());
    let (fault, answer_mti, answer) = desk.fault(link, &body(link.dialect(), mti, &all));
    let name = link.dialect().name();
    assert_eq!(fault.element, element, "{name} {mti} {changes:?}");
    let code = if link.dialect().version() == 0 { "30" } else { "904" };
    assert_eq!(answer.get(&39).map(String::as_str), Some(code), "{name} {changes:?}");
    assert_eq!(answer.get(&44), Some(&fault.to_string()), "{name} {changes:?}");
    assert!(fault.to_string().contains(&element.to_string()), "{name} {changes:?}");
    assert!(fault.to_string().len() <= 25, "{name} {changes:?}");
    let expected = match mti {
        "0200" => "0210",
        "0400" => "0410",
        "0420" => "0430",
        _ => "0230",
    };
    assert_eq!(answer_mti, expected, "{name} {changes:?}");
    // What is echoed is echoed as it came, and nothing secret is.
    for de in [3, 4, 7, 11, 12, 13, 24, 32, 33, 37, 41, 42] {
        let sent = all.get(&de).map(|text| text.trim_end());
        assert_eq!(answer.get(&de).map(String::as_str), sent, "{name} {changes:?} DE {de}");
    }
    assert!([2, 14, 35, 52, 54, 55].iter().all(|de| !answer.contains_key(de)), "{name}");
    fault.kind
}

#[test]
fn each_missing_element_is_named() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        for de in [2, 3, 4, 11, 41, 49] {
            let kind = refused(&desk, &link, "0200", &[(de, "")], de);
            assert_eq!(kind, FaultKind::Missing, "{name} DE {de}");
        }
        for de in [3, 11, 41, 49] {
            let kind = refused(&desk, &link, "0420", &[(de, "")], de);
            assert_eq!(kind, FaultKind::Missing, "{name} DE {de}");
        }
        let no_time = [(7, ""), (12, ""), (13, "")];
        assert_eq!(refused(&desk, &link, "0200", &no_time, 7), FaultKind::Missing, "{name}");
        assert_eq!(refused(&desk, &link, "0220", &no_time, 7), FaultKind::Missing, "{name}");
        let blank = refused(&desk, &link, "0200", &[(41, "        ")], 41);
        assert_eq!(blank, FaultKind::Missing, "{name}");
    }
}

#[test]
fn each_wrong_element_is_named() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        for (de, value) in [
            (2, "9417"),
            (7, "1332040000"),
            (7, "1123250000"),
            (14, "2913"),
            (35, "9417000000000009"),
            (35, "9417000000000009=2913"),
            (35, "94170000=291"),
            (49, "4 7"),
            (49, "XYZ"),
            (54, "0040417D00000010000"),
            (54, "0040417X000000100000"),
            (54, "0040417D0000001000000"),
            (54, "not an amount at all"),
            (55, "9F34"),
            (55, "9F34024103"),
            (55, "9F34034103029F3403410302"),
        ] {
            let kind = refused(&desk, &link, "0200", &[(de, value)], de);
            assert_eq!(kind, FaultKind::Malformed, "{name} DE {de} {value}");
        }
        for (de, value) in [
            (35, "9417000000000025=29122010"),
            (54, "0040840D000000100000"),
            (54, "0040417D0000001000000040417D000000100000"),
        ] {
            let kind = refused(&desk, &link, "0200", &[(de, value)], de);
            assert_eq!(kind, FaultKind::Contradicts, "{name} DE {de} {value}");
        }
    }
}

#[test]
fn elements_of_one_edition_are_named_too() {
    let desk = Desk::new();
    for name in DIALECTS_1987 {
        let link = link(name);
        for (mti, de, value) in [
            ("0200", 12, "250000"),
            ("0200", 12, "106000"),
            ("0200", 13, "1301"),
            ("0200", 13, "1100"),
            ("0400", 90, "020000000713230400000000041700100000000022"),
            ("0220", 90, "020000000711236400000000041700100000000022"),
            ("0420", 95, "00000002000X000000000000C00000000C00000000"),
            ("0420", 95, ""),
        ] {
            let value =
                if value.is_empty() { "            000000000000C00000000C00000000" } else { value };
            let kind = refused(&desk, &link, mti, &[(de, value)], de);
            assert_eq!(kind, FaultKind::Malformed, "{name} DE {de} {value}");
        }
    }
    for name in DIALECTS_1993 {
        let link = link(name);
        for (mti, de, value) in [
            ("0200", 12, "261323100000"),
            ("0200", 22, "5101015100"),
            ("0200", 22, "510101 10040"),
            ("0420", 56, "1200000007261323100000"),
            ("0420", 56, "12000000072611231000000841700"),
        ] {
            let kind = refused(&desk, &link, mti, &[(de, value)], de);
            assert_eq!(kind, FaultKind::Malformed, "{name} DE {de} {value}");
        }
        let kind = refused(&desk, &link, "0420", &[(24, "401")], 30);
        assert_eq!(kind, FaultKind::Missing, "{name}");
    }
}

#[test]
fn a_message_that_breaks_off_is_answered_with_what_parsed() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let whole = body(link.dialect(), "0200", &purchase(link.dialect()));
        let cut = &whole[..whole.len() - 2];
        let (fault, mti, answer) = desk.fault(&link, cut);
        assert_eq!((fault.element, mti.as_str()), (49, "0210"), "{name}");
        assert_eq!(answer.get(&11).map(String::as_str), Some("000007"), "{name}");
        assert_eq!(answer.get(&41).map(String::as_str), Some("POS00001"), "{name}");
        let mut more = whole.clone();
        more.push(0);
        let (fault, _, answer) = desk.fault(&link, &more);
        assert_eq!(fault.element, 0, "{name}");
        assert_eq!(answer.get(&44).map(String::as_str), Some("BYTES AFTER THE LAST DE"), "{name}");
        // Any shorter piece is answered or dropped, and what breaks first is named.
        for length in 0..whole.len() {
            match desk.receive(&link, &whole[..length]) {
                Received::Answer { kind: Answered::FormatError(_), .. } => {}
                Received::Drop(DropCause::Unreadable) => assert!(length < 40, "{name} {length}"),
                other => panic!("{name} {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_diagnostic_element_is_the_links() {
    let desk = Desk::new();
    let dialect = common::dialect("iso87-bcd");
    let text = "name = \"own\"\nbase = \"iso87\"\ndiagnostic_element = 63\n";
    let codes = CodeTable::from_toml(text, "own.toml").unwrap();
    let link = Link::new(dialect, codes);
    let mut all = purchase(link.dialect());
    all.remove(&11);
    let (_, _, answer) = desk.fault(&link, &body(link.dialect(), "0200", &all));
    assert_eq!(answer.get(&63).map(String::as_str), Some("DE 11 MISSING"));
    assert!(!answer.contains_key(&44));
}

#[test]
fn what_wants_no_answer_gets_none() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        let dropped = |mti| {
            let bytes = body(link.dialect(), mti, &purchase(link.dialect()));
            desk.dropped(&link, &bytes)
        };
        for mti in ["0110", "0210", "0230", "0410", "0430", "0810"] {
            assert_eq!(dropped(mti), DropCause::IsAnswer, "{name} {mti}");
        }
        for mti in ["0140", "0240", "0250", "0290", "0206"] {
            assert_eq!(dropped(mti), DropCause::WantsNoAnswer, "{name} {mti}");
        }
        for mti in ["0000", "0900"] {
            assert_eq!(dropped(mti), DropCause::UnknownType, "{name} {mti}");
        }
        for garbage in [&b""[..], b"\x02", &[0xFF; 64]] {
            assert_eq!(desk.dropped(&link, garbage), DropCause::Unreadable, "{name}");
        }
        // Packed, that is type 4745.
        let is_packed = name.ends_with("-bcd");
        let cause = if is_packed { DropCause::UnknownType } else { DropCause::Unreadable };
        assert_eq!(desk.dropped(&link, b"GET / HTTP/1.1\r\n\r\n"), cause, "{name}");
    }
    let link = link("iso87-bcd");
    let mut bytes = body(link.dialect(), "0200", &purchase(link.dialect()));
    bytes[0] = 0x92;
    assert_eq!(desk.dropped(&link, &bytes), DropCause::UnknownType);
}

#[test]
fn classes_not_done_are_declined() {
    let desk = Desk::new();
    for name in dialects() {
        let link = link(name);
        for (mti, expected) in [("0600", "0610"), ("0720", "0730")] {
            let all = fields(&[(7, "1123040000"), (11, "000009"), (41, "POS00001"), (2, PAN)]);
            let Received::Answer { body, kind: Answered::NotSupported } =
                desk.receive(&link, &body(link.dialect(), mti, &all))
            else {
                panic!("{name} {mti}");
            };
            let (answer_mti, answer) = read(link.dialect(), &body);
            let code = if link.dialect().version() == 0 { "12" } else { "902" };
            assert_eq!((answer_mti.as_str(), answer[&39].as_str()), (expected, code), "{name}");
            assert_eq!(answer.keys().copied().collect::<Vec<_>>(), [7, 11, 39, 41], "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever arrives, it is decided, answered or dropped; what is answered is a message.
    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let desk = Desk::new();
        for name in dialects().chain(["iso2003-bcd"]) {
            check(&desk, &link(name), &bytes);
        }
    }

    /// The same for messages with a few bytes changed, which get further.
    #[test]
    fn any_change_is_taken(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        mti in prop::sample::select(vec!["0100", "0200", "0220", "0420", "0800"]),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let desk = Desk::new();
        for name in dialects().chain(["iso2003-bcd"]) {
            let link = link(name);
            let mut all = purchase(link.dialect());
            all.extend(fields(&[
                (35, "9417000000000009=29122010000000000"),
                (38, "ABC123"),
                (52, "0123456789ABCDEF"),
                (55, "9F34034103029505000000800070069F3602000100"),
            ]));
            let own: &[(u8, &str)] = match link.dialect().version() {
                0 => &[
                    (54, "0040417D000000100000"),
                    (70, "301"),
                    (90, "020000000711230400000000041700100000000022"),
                    (95, "000000020000000000000000C00000000C00000000"),
                ],
                1 => &[
                    (30, "000000050000000000000000"),
                    (54, "0040417D000000100000"),
                    (56, "120000000726112310000006417001"),
                ],
                _ => &[
                    (30, "41720000000500000000000000000000"),
                    (54, "00404172D000000100000"),
                    (56, "220000000000000720261123100000417001"),
                ],
            };
            all.extend(fields(own));
            let mut bytes = body(link.dialect(), mti, &all);
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if shorten {
                bytes.truncate(cut.index(bytes.len()));
            }
            check(&desk, &link, &bytes);
        }
    }
}

fn check(desk: &Desk, link: &Link, bytes: &[u8]) {
    let mut out = Vec::new();
    let plain = Secured::default();
    let result = authorization::ResultCode::SystemError;
    let refused = link.refuse(bytes, result, &plain, &desk.security, &mut out);
    match desk.receive(link, bytes) {
        Received::Decide(Asked { request, .. }) => {
            assert!(refused.is_ok());
            read(link.dialect(), &out);
            assert_eq!(request.mti.version(), 0);
        }
        Received::Answer { body, .. } => {
            read(link.dialect(), &body);
        }
        Received::Drop(_) | Received::Exchange(_) => {}
    }
}
