//! Lines, good and bad.

use super::*;
use authorization::TerminalSecurity;
use payment_types::{DeviceCategory, Pan};
use security::SoftwareModule;

fn read(line: &str) -> Result<PortfolioItem, Vec<String>> {
    read_line(line, &SoftwareModule::ephemeral_for_tests())
        .map(|line| line.item)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

const CARD: &str = r#"{"type":"card","id":"K1","account":"A1","holder":"C1","pan":"9417000000000016","expiry":"2912","sequence":"01","service_code":"201","status":"active","test_pin":"1234"}"#;

fn card_with(from: &str, to: &str) -> Result<PortfolioItem, Vec<String>> {
    assert!(CARD.contains(from), "{from}");
    read(&CARD.replace(from, to))
}

#[test]
fn reads_every_type_of_line() {
    let PortfolioItem::Product(product) = read(
        r#"{"type":"product","id":"elcart","currency":"KGS","minimum_balance":"350.00","contactless":true,"pin_tries":5,"hold_days":30,"partial_approval":true}"#,
    )
    .unwrap() else {
        panic!("a product")
    };
    assert_eq!(
        (product.minimum_balance, product.pin_tries, product.hold_days),
        (35000, 5, Some(30))
    );
    let PortfolioItem::Account(account) = read(
        r#"{"type":"account","id":"A4","customer":"C4","product":"elcart","currency":"KGS","balance":"-1000.50","overdraft_limit":"5000.00","overdraft_until":"2027-01-31"}"#,
    )
    .unwrap() else {
        panic!("an account")
    };
    assert_eq!((account.balance, account.overdraft_limit), (-100_050, 500_000));
    let PortfolioItem::Terminal(terminal) = read(
        r#"{"type":"terminal","id":"ATM00001","category":"atm","listener":"atm","keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"},"denominations":["200","500"]}"#,
    )
    .unwrap() else {
        panic!("a terminal")
    };
    assert_eq!(
        (terminal.category, terminal.denominations),
        (DeviceCategory::Atm, vec![20000, 50000])
    );
    assert!(terminal.keys.get(authorization::KeyRole::Tpk).is_some());
    for line in [
        r#"{"type":"customer","id":"C1","tier":"low","name":"Айгүл","phone":"+996555000001"}"#,
        r#"{"type":"agent","id":"G1","name":"Agent One"}"#,
        r#"{"type":"merchant","id":"M1","name":"Market One","mcc":"5411","country":"KG"}"#,
    ] {
        assert!(read(line).is_ok(), "{line}");
    }
}

#[test]
fn a_card_comes_out_without_its_number_and_pin() {
    let PortfolioItem::Card(card) = read(CARD).unwrap() else { panic!("a card") };
    let module = SoftwareModule::ephemeral_for_tests();
    let pan = Pan::from_ascii(b"9417000000000016").unwrap();
    assert_eq!(card.digest, module.pan_digest(&pan));
    assert_eq!(card.masked.as_str(), "941700******0016");
    assert_eq!((card.sequence, card.service_code, card.expiry.number()), (1, 201, 2912));
    assert_eq!(card.pin_reference.len(), security::PinReference::LEN);
    let text = format!("{card:?}");
    assert!(!text.contains("9417000000000016"), "{text}");
}

#[test]
fn a_card_may_name_blocks_limits_a_primary_card_and_a_pvv() {
    let line = CARD
        .replace(r#""status":"active""#, r#""status":"lost","blocks":["lost","stop_list"]"#)
        .replace(r#""test_pin":"1234""#, r#""pvv":"0987","pvki":2,"supplementary_of":"K0","limits":[{"limit":"atm-day","ceiling":"5000.00","valid_until":"2026-12-31"},{"limit":"count","ceiling":3}]"#);
    let PortfolioItem::Card(card) = read(&line).unwrap() else { panic!("a card") };
    let blocks: Vec<_> = card.blocks.iter().map(|block| block.name()).collect();
    assert_eq!(blocks, ["lost", "stop_list"]);
    assert_eq!(card.supplementary_of.as_deref(), Some("K0"));
    let ceilings: Vec<_> = card.limits.iter().map(|limit| limit.ceiling.as_str()).collect();
    assert_eq!(ceilings, ["5000.00", "3"]);
}

#[test]
fn each_wrong_field_is_named() {
    for (from, to, error) in [
        ("9417000000000016", "9417000000000017", "pan: 941700******0017 has a wrong check digit"),
        ("9417000000000016", "941700000000001x", "pan: a card number has digits only"),
        ("9417000000000016", "9417", "pan: a card number has 8 to 19 digits"),
        (r#""pan":"9417000000000016","#, "", "pan: is missing"),
        (r#""9417000000000016""#, "9417000000000016", "pan: expected a string, found a number"),
        ("2912", "2913", "expiry: expected year and month, as in 2912"),
        ("2912", "29-12", "expiry: expected 4 digits"),
        (r#""K1""#, r#""""#, "id: is empty"),
        (r#""K1""#, r#""K 1""#, "id: an id has 1 to 64 printable ASCII characters and no blanks"),
        ("active", "activ", "status: no such reason: `activ`"),
        ("active", "losst", "status: no such reason: `losst` (did you mean `lost`?)"),
        ("active", "expired", "status: `expired` follows from `expiry`"),
        ("1234", "12", "test_pin: a PIN has 4 to 12 digits"),
        (
            r#""test_pin""#,
            r#""pvv":"1234","test_pin""#,
            "test_pin: give only one of `test_pin`, `pvv`, `pin_offset`",
        ),
        (r#""test_pin":"1234""#, r#""pvv":"12""#, "pvv: a PVV has four digits"),
        (
            r#""test_pin":"1234""#,
            r#""pin_offset":"123x""#,
            "pin_offset: an offset has 4 to 12 digits",
        ),
        (
            "service_code",
            "servicecode",
            "servicecode: not a field of type card (did you mean `service_code`?)",
        ),
        (r#""id":"K1""#, r#""id":"K1","id":"K2""#, "id: stands twice on this line"),
        (
            r#""test_pin""#,
            r#""limits":[{"limit":"a","ceilin":"1"}],"test_pin""#,
            "limits.0.ceiling: is missing",
        ),
        (
            r#""type":"card""#,
            r#""type":"crad""#,
            "type: unknown type `crad` (did you mean `card`?)",
        ),
        (r#"{"type""#, r#"["type""#, "not JSON: expected `,` or `]` at column 8"),
    ] {
        let errors = card_with(from, to).unwrap_err();
        assert_eq!(errors.first().map(String::as_str), Some(error), "{errors:#?}");
    }
    assert_eq!(read("7").unwrap_err(), ["expected an object, found a number"]);
}

#[test]
fn other_types_are_as_strict() {
    for (line, error) in [
        (
            r#"{"type":"product","id":"p","currency":"KGZ"}"#,
            "currency: `KGZ` is no ISO 4217 currency such as KGS",
        ),
        (
            r#"{"type":"product","id":"p","currency":"KGS","minimum_balance":"-1"}"#,
            "minimum_balance: may not be negative",
        ),
        (
            r#"{"type":"product","id":"p","currency":"KGS","pin_tries":0}"#,
            "pin_tries: must be from 1 to 15",
        ),
        (
            r#"{"type":"account","id":"a","customer":"c","product":"p","currency":"KGS","balance":"1,00"}"#,
            "balance: not a decimal amount such as 1234.50",
        ),
        (
            r#"{"type":"account","id":"a","customer":"c","product":"p","currency":"KGS","balance":1}"#,
            "balance: expected a string, found a number",
        ),
        (
            r#"{"type":"account","id":"a","customer":"c","product":"p","currency":"KGS","overdraft_from":"2026-02-01","overdraft_until":"2026-01-01"}"#,
            "overdraft_until: lies before overdraft_from",
        ),
        (r#"{"type":"merchant","id":"m","mcc":"541","country":"KG"}"#, "mcc: expected 4 digits"),
        (
            r#"{"type":"merchant","id":"m","mcc":"5411","country":"kg"}"#,
            "country: expected two capital letters (ISO 3166), as in KG",
        ),
        (
            r#"{"type":"terminal","id":"POS1","category":"branch","listener":"pos"}"#,
            "id: a terminal's id is its DE41: 8 printable characters",
        ),
        (
            r#"{"type":"terminal","id":"AGT00001","category":"agent","listener":"pos"}"#,
            "agent: is missing: an agent's terminal names its agent",
        ),
        (
            r#"{"type":"terminal","id":"BRN00001","category":"bank","listener":"pos"}"#,
            "category: no such category; known are merchant, agent, atm, branch, ecommerce",
        ),
        (
            r#"{"type":"terminal","id":"BRN00001","category":"branch","listener":"pos","keys":{"tpk":"0123456789ABCDEF01"}}"#,
            "keys.tpk: a DES key has 8, 16 or 24 bytes, an AES key 16, 24 or 32",
        ),
        (
            r#"{"type":"terminal","id":"BRN00001","category":"branch","listener":"pos","keys":{"tkp":"00"}}"#,
            "keys.tkp: not a field of type terminal's keys (did you mean `tpk`?)",
        ),
    ] {
        assert_eq!(read(line).unwrap_err().first().map(String::as_str), Some(error), "{line}");
    }
}

/// PII-1: a number in the wrong place is still a number.
#[test]
fn no_error_shows_a_number() {
    for line in [
        CARD.replace("\"K1\"", "\"9417000000000016 \""),
        CARD.replace("\"test_pin\"", "\"9417000000000016\""),
        CARD.replace("active", "9417000000000016"),
        CARD.replace("\"card\"", "\"9417000000000016\""),
        CARD.replace("\"expiry\"", "9417000000000016"),
        r#"{"type":"product","id":"p","currency":"9417000000000016"}"#.to_owned(),
    ] {
        let errors = read(&line).unwrap_err().join("\n");
        assert!(!errors.contains("94170000"), "{errors}");
    }
    assert_eq!(quoted("x0123456789ABCDEFx"), "x******x");
}

#[test]
fn keys_chips_and_profiles_are_read_and_sealed() {
    use authorization::{Derivation, KeyForm, KeyRole, KeyScheme, MacScheme, MacWrong, ScriptKind};
    let PortfolioItem::Product(product) = read(
        r#"{"type":"product","id":"p","currency":"KGS","keys":{"imk_ac":"0123456789ABCDEFFEDCBA9876543210","cvk":"0123456789ABCDEFFEDCBA9876543210"},"chip":{"derivation":"B","cryptogram_version":18,"cryptogram":"if-present","scripts_before_final":["put_data"]},"fallback":true,"three_d_secure_above":"5000.00","pin_tries_reset_daily":true,"decimalization_table":"0123456789012345"}"#,
    )
    .unwrap() else {
        panic!("a product")
    };
    let terms = product.security;
    let roles: Vec<_> = terms.keys.iter().map(|key| key.0).collect();
    assert_eq!(roles, [KeyRole::Cvk, KeyRole::ImkAc]);
    assert_ne!(terms.keys.get(KeyRole::Cvk), terms.keys.get(KeyRole::ImkAc), "sealed apart");
    assert_eq!((terms.derivation, terms.cryptogram_version), (Derivation::B, Some(18)));
    assert_eq!((terms.fallback, terms.three_d_secure_above), (true, Some(500_000)));
    assert!(!terms.cryptogram_required);
    let (unblock, before) = (ScriptKind::PinUnblock, terms.scripts_before_final);
    let put = ScriptKind::PutData { tag: 0x9F58, value: [0; 8], length: 1 };
    assert_eq!([put, unblock].map(|kind| before.template(kind).name()), ["71", "72"]);
    assert!(terms.pin_tries_reset_daily && terms.decimalization_table.is_some());

    let card = CARD.replace(r#""status""#, r#""ecommerce":false,"status""#);
    let PortfolioItem::Card(card) = read(&card).unwrap() else { panic!("a card") };
    assert_eq!((card.security.ecommerce, card.security.moto), (false, true));

    let PortfolioItem::Terminal(terminal) = read(
        r#"{"type":"terminal","id":"POS00001","category":"branch","listener":"pos","chip":false,"keys":{"bdk":"0123456789ABCDEFFEDCBA9876543210"},"security":{"pin_format":3,"keys":"dukpt-tdes","mac":"required","mac_algorithm":"cmac","mac_wrong":"drop","key_form":"ecb","key_request":"open"}}"#,
    )
    .unwrap() else {
        panic!("a terminal")
    };
    let profile = terminal.security;
    assert_eq!((profile.reads_chip, profile.pin_format), (false, 3));
    assert_eq!((profile.keys, profile.mac_required), (KeyScheme::DukptTdes, true));
    assert_eq!(
        (profile.mac_algorithm, profile.mac_wrong, profile.key_form),
        (MacScheme::Cmac, MacWrong::Drop, KeyForm::Ecb)
    );
    assert!(profile.key_request_open && !TerminalSecurity::default().key_request_open);
    assert!(terminal.keys.get(KeyRole::Bdk).is_some());
}

#[test]
fn wrong_keys_and_profiles_are_named() {
    const BRANCH: &str =
        r#"{"type":"terminal","id":"BRN00001","category":"branch","listener":"pos","#;
    const PRODUCT: &str = r#"{"type":"product","id":"p","currency":"KGS","#;
    for (head, rest, error) in [
        (
            BRANCH,
            r#""security":{"pin_format":2}}"#,
            "security.pin_format: format 2 is for chips; a device has 0, 1, 3 or 4",
        ),
        (BRANCH, r#""security":{"mac":"on"}}"#, "security.mac: expected one of none, required"),
        (
            BRANCH,
            r#""security":{"key":"session"}}"#,
            "security.key: not a field of type terminal's security (did you mean `keys`?)",
        ),
        (
            BRANCH,
            r#""keys":{"imk_ac":"0123456789ABCDEFFEDCBA9876543210"}}"#,
            "keys.imk_ac: not a field of type terminal's keys",
        ),
        (PRODUCT, r#""chip":{"derivation":"C"}}"#, "chip.derivation: expected one of A, B"),
        (
            PRODUCT,
            r#""chip":{"scripts_before_final":["explode"]}}"#,
            "chip.scripts_before_final: a script is one of application_block, application_unblock",
        ),
        (
            PRODUCT,
            r#""decimalization_table":"012345678901234x"}"#,
            "decimalization_table: expected 16 digits",
        ),
        (PRODUCT, r#""three_d_secure_above":"-1"}"#, "three_d_secure_above: may not be negative"),
    ] {
        let errors = read(&format!("{head}{rest}")).unwrap_err();
        let first = errors.first().map(String::as_str).unwrap_or_default();
        assert!(first.starts_with(error), "{errors:#?}");
    }
}
