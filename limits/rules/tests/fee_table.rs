//! AMT-4: the fee table as a whole: which entry is for a request, overlaps, gaps.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use limits::{FeeOperation, FeeQuery, Plan, RuleSet};
use payment_types::DeviceCategory;
use support::Register;

fn rules(fees: &str) -> Result<RuleSet, Vec<String>> {
    let text = format!("version = \"fees\"\n{fees}");
    let parsed = RuleSet::parse(&text, "r.toml");
    parsed.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn fee(id: &str, rest: &str) -> String {
    format!("[[fee]]\nid = \"{id}\"\n{rest}\n")
}

#[test]
fn amt_4_the_narrowest_entry_holds() {
    let table = [
        fee("any", "operation = \"all\"\npercent = \"0.5\""),
        fee("atm", "operation = \"atm_cash\"\npercent = \"1.0\""),
        fee("atm-away", "operation = \"atm_cash\"\non_us = false\nfixed = \"50.00\""),
        fee("asks", "operation = \"balance_inquiry\"\nchannel = \"atm\"\nfixed = \"5.00\""),
    ];
    let rules = rules(&table.concat()).unwrap();
    let plan = Plan::compile(&rules, &Register).unwrap();
    for (operation, channel, on_us, id) in [
        (FeeOperation::AtmCash, DeviceCategory::Atm, true, "atm"),
        (FeeOperation::AtmCash, DeviceCategory::Atm, false, "atm-away"),
        (FeeOperation::Purchase, DeviceCategory::Merchant, false, "any"),
        (FeeOperation::BalanceInquiry, DeviceCategory::Atm, true, "asks"),
        (FeeOperation::BalanceInquiry, DeviceCategory::Merchant, true, ""),
        (FeeOperation::CashIn, DeviceCategory::Atm, true, ""),
    ] {
        let query =
            FeeQuery { operation, contactless: false, channel, on_us, network: None, product: 0 };
        let found = plan.fee(&query).map_or("", |(place, _)| plan.fee_id(place));
        assert_eq!(found, id, "{operation:?} at {channel:?}, on us {on_us}");
    }
}

#[test]
fn amt_4_entries_that_overlap_are_named() {
    for (first, second, both) in [
        ("operation = \"atm_cash\"", "operation = \"atm_cash\"", "atm_cash, and"),
        (
            "operation = \"balance_inquiry\"\non_us = false",
            "operation = \"balance_inquiry\"\nchannel = \"atm\"",
            "balance_inquiry, off us, at atm, and",
        ),
        ("operation = \"contactless\"", "operation = \"purchase\"", "purchase, and"),
        (
            "operation = \"all\"\nproduct = \"gold\"",
            "operation = \"ecommerce\"",
            "ecommerce, product gold, and",
        ),
    ] {
        let errors = rules(&(fee("a", first) + &fee("b", second))).unwrap_err();
        let all = errors.join("\n");
        let expected = format!("\"b\" and \"a\" (line 2) overlap: both are for {both}");
        assert!(all.contains(&expected), "{all}");
    }
    for (first, second) in [
        ("operation = \"atm_cash\"\non_us = true", "operation = \"atm_cash\"\non_us = false"),
        ("operation = \"all\"", "operation = \"cash_in\""),
        ("operation = \"all\"", "operation = \"contactless\""),
        ("operation = \"purchase\"\nproduct = \"x\"", "operation = \"purchase\"\nproduct = \"y\""),
    ] {
        let parsed = rules(&(fee("a", first) + &fee("b", second)));
        assert!(parsed.is_ok(), "{first} / {second}: {parsed:?}");
    }
}

#[test]
fn amt_4_gaps_are_named_with_the_entries_there_are() {
    let gaps = |fees: &[String]| rules(&fees.concat()).unwrap().fee_gaps();
    assert_eq!(gaps(&[]), [""; 0]);
    assert_eq!(gaps(&[fee("a", "operation = \"atm_cash\"")]), [""; 0]);
    let on_us = fee("a", "operation = \"atm_cash\"\non_us = true");
    let expected = "no fee is set for atm_cash, off us, beside \"a\"";
    assert_eq!(gaps(std::slice::from_ref(&on_us)), [expected]);
    let off_us = fee("b", "operation = \"atm_cash\"\non_us = false\nproduct = \"x\"");
    let expected = "no fee is set for atm_cash, off us, product (any other), beside \"a\", \"b\"";
    assert_eq!(gaps(&[on_us, off_us]), [expected]);
}

#[test]
fn amt_4_a_fee_for_a_product_that_is_not_there_is_refused() {
    let rules = rules(&fee("a", "operation = \"purchase\"\nproduct = \"nowhere\"")).unwrap();
    let errors = Plan::compile(&rules, &Register).unwrap_err();
    assert_eq!(errors[0].to_string(), "r.toml:2:1: fee \"a\": there is no product \"nowhere\"");
}
