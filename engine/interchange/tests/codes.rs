//! Tables of response codes: total, of the right shape, and never a decline that looks approved.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use authorization::ResultCode;
use common::{dialect, dialects};
use interchange::{CodeTable, CodeTableMisfit};

const ISO87: &str = include_str!("../codes/iso87.toml");
const ISO93: &str = include_str!("../codes/iso93.toml");
const ISO2003: &str = include_str!("../codes/iso2003.toml");
const MASTERCARD_PIN: &str = include_str!("../codes/mastercard-pin.toml");

fn errors(text: &str) -> Vec<String> {
    let errors = CodeTable::from_toml(text, "own.toml").unwrap_err();
    errors.0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_those_of_the_wire_document() {
    let table = CodeTable::default_for(0);
    for result in ResultCode::ALL {
        assert_eq!(table.code(*result).as_str(), result.code(), "{}", result.name());
    }
    assert_eq!(CodeTable::from_toml(ISO87, "iso87.toml").unwrap(), table);
    let later = CodeTable::default_for(1);
    assert_eq!(CodeTable::from_toml(ISO93, "iso93.toml").unwrap(), later);
    let latest = CodeTable::default_for(2);
    assert_eq!(CodeTable::from_toml(ISO2003, "iso2003.toml").unwrap(), latest);
    assert_eq!(latest.code(ResultCode::InsufficientFunds).as_str(), "1016");
    assert_eq!(latest.diagnostic_element(), 18);
    for (result, code) in [
        (ResultCode::Approved, "000"),
        (ResultCode::InsufficientFunds, "116"),
        (ResultCode::WrongPin, "117"),
        (ResultCode::PinRequired, "112"),
        (ResultCode::CardStolen, "209"),
        (ResultCode::IssuerInoperative, "907"),
    ] {
        assert_eq!(later.code(result).as_str(), code);
    }
    // Outcomes that share a code of 1987 share one of 1993, but for those that 1993 has classes of
    // their own for: file actions 3xx, reconciliation 5xx, network management 8xx.
    for a in ResultCode::ALL {
        let by_class = |result: ResultCode| {
            matches!(later.code(result).as_str().as_bytes(), [b'3' | b'5' | b'8', ..])
        };
        let same = |b: &&ResultCode| b.code() == a.code() && by_class(**b) == by_class(*a);
        for b in ResultCode::ALL.iter().filter(same).filter(|_| !by_class(*a)) {
            assert_eq!(later.code(*a), later.code(*b), "{} {}", a.name(), b.name());
        }
    }
}

#[test]
fn ctl_3_a_link_may_differ_in_one_code() {
    let table = CodeTable::from_toml(MASTERCARD_PIN, "mastercard-pin.toml").unwrap();
    assert_eq!(table.name(), "mastercard-pin");
    for result in ResultCode::ALL {
        let expected = if *result == ResultCode::PinRequired { "65" } else { result.code() };
        assert_eq!(table.code(*result).as_str(), expected);
    }
}

#[test]
fn says_all_that_is_wrong_with_line() {
    let text = r#"name = "own"
base = "iso87"
[codes]
pin_requird = "65"
wrong_pin = "5"
card_lost = "00"
no_rate = "1234"
card_closed = "14"
"#;
    assert_eq!(
        errors(text),
        [
            "own.toml:4: \"pin_requird\" is not an outcome; did you mean pin_required?",
            "own.toml:5: \"5\" is not two letters or digits",
            "own.toml:6: card_lost is a decline and 00 is an approval's code",
            "own.toml:7: \"1234\" is not two letters or digits",
        ]
    );
}

#[test]
fn refuses_what_is_not_a_table() {
    let first = |text: &str| errors(text).remove(0);
    assert_eq!(first("name = 5"), "own.toml:1: invalid type: integer `5`, expected a string");
    assert!(first("name = \"a\"\nbase = \"iso99\"").starts_with("own.toml:2: base \"iso99\""));
    assert!(first("name = \"a\"\nedition = 1999").starts_with("own.toml:2: edition 1999"));
    assert!(first("name = \"a\"").starts_with("own.toml:1: name an edition"));
    let both = "name = \"a\"\nbase = \"iso87\"\nedition = 1993";
    assert_eq!(first(both), "own.toml:3: the edition is not that of the base");
    let diagnostic = "name = \"a\"\nbase = \"iso87\"\ndiagnostic_element = 52";
    assert_eq!(first(diagnostic), "own.toml:3: DE 52 cannot hold a diagnostic text");
    assert!(first("name = \"a\"\nbase = \"iso87\"\ncolour = 1").starts_with("own.toml:3: "));
    assert!(first("name = \"a\"\nbase = ").starts_with("own.toml:2: "));
    let partial = "name = \"a\"\nedition = 1987\n[codes]\napproved = \"00\"\n";
    assert!(first(partial).starts_with("own.toml:3: no code for partially_approved, booked, "));
    let later = ISO93.replace("\"907\"", "\"91\"");
    assert!(first(&later).contains("\"91\" is not three digits"));
}

#[test]
fn a_table_must_fit_its_dialect() {
    for name in dialects().chain(["iso2003-bcd"]) {
        let dialect = dialect(name);
        for version in 0..=2 {
            let fits = CodeTable::default_for(version).check_for(&dialect);
            let expected = match version == dialect.version() {
                true => Ok(()),
                false => Err(CodeTableMisfit::Edition),
            };
            assert_eq!(fits, expected, "{name} {version}");
        }
    }
    let text = "name = \"short\"\nbase = \"iso87-bcd\"\n[elements]\n39 = { format = \"n1\" }\n";
    let short = iso8583::Dialect::from_toml(text, "short.toml").unwrap();
    let misfit = CodeTable::default_for(0).check_for(&short);
    assert!(matches!(misfit, Err(CodeTableMisfit::Code { .. })), "{misfit:?}");
}
