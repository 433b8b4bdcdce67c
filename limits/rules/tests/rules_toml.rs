//! `rules.toml`: what is read, and what every mistake is answered with.

use limits::{Counts, Dimension, Edition, Hours, Measure, RegulatedRule, RuleSet, Scope, Window};

/// The contract's example.
const CONTRACT: &str = r#"
version = "2026-11-21"
[[indicator]]
value = "100.00"
valid_from = 2006-01-01
[[edition]]                       # which edition of a regulation rule is in force from when
rule = "contactless"              # contactless | agent_cash
name = "2020-draft"               # "76/8-2015" | "2020-draft"
in_force_from = 2021-01-01
[contactless.tier.low]            # only with edition 2020-draft; each key optional
per_transaction = "1000.00"
per_day = "3000.00"
count_since_pin = 3
sum_since_pin = "3000.00"
[contactless]
cdcvm_counts_as_pin = true
[agent_cash]
cap_indicators = 150              # the bank's own, never above the regulation's
[[limit]]
id = "atm-day"
scope = "card"
counts = "atm_cash"               # LIM-1
measure = "amount"                # amount | count
window = "day"
ceiling = "50000.00"
code = "61"
[technical_overdraft]
annual_rate = "24.00"
day_count = "actual/365"
block = { amount_above = "1000.00", openings = 3, within_days = 30, lift_on_repayment = true }
[[network]]
name = "Elcart"
bins = ["9417"]
registration = "001"
valid_from = 2006-01-01
[[rate]]
from = "USD"
to = "KGS"
value = "87.4500"
margin_percent = "1.0"
valid_from = 2026-11-21T00:00:00+06:00
[[fee]]
id = "agent-cash-on-us"
operation = "agent_cash"
on_us = true
percent = "0.0"
fixed = "0.00"
[calendar]
holidays = [2026-01-01, 2026-01-07]
"#;

#[test]
fn reads_the_contracts_example() {
    let rules = RuleSet::parse(CONTRACT, "rules.toml").unwrap();
    assert_eq!((rules.version.as_str(), rules.source()), ("2026-11-21", CONTRACT));
    assert_eq!(rules.indicators.len(), 1);
    assert_eq!(rules.indicators[0].value, 10_000);
    let edition = rules.editions[0];
    assert_eq!((edition.rule, edition.edition), (RegulatedRule::Contactless, Edition::Draft2020));
    assert!(rules.contactless.cdcvm_counts_as_pin);
    let (name, low) = &rules.contactless.tiers[0];
    assert_eq!(
        (name.as_str(), low.per_transaction, low.count_since_pin),
        ("low", Some(100_000), Some(3))
    );
    let limit = &rules.limits[0];
    assert_eq!((limit.counts, limit.measure), (Counts::AtmCash, Measure::Amount));
    assert_eq!((limit.window, limit.ceiling), (Window::Day, 5_000_000));
    assert_eq!(limit.scope, Scope::of(&[Dimension::Card]));
    assert_eq!(rules.technical_overdraft.annual_rate.to_string(), "24.00");
    assert_eq!(rules.technical_overdraft.block.openings, Some(3));
    assert_eq!(rules.networks[0].bins, ["9417"]);
    assert_eq!(rules.rates[0].value.to_string(), "87.4500");
    assert_eq!(rules.rates[0].valid_from.0, 1_795_197_600_000);
    assert_eq!(rules.fees[0].on_us, Some(true));
    assert_eq!(rules.calendar.holidays().len(), 2);
    assert_eq!(
        rules.network_names().chain(rules.tier_names()).collect::<Vec<_>>(),
        ["Elcart", "low"]
    );
}

#[test]
fn reads_every_way_to_narrow_a_limit() {
    let text = r#"
version = "1"
[[mcc_group]]
id = "gambling"
codes = ["7995", "7800-7802"]
[[country_group]]
id = "neighbours"
countries = ["KZ", "UZ", "TJ", "CN"]
[[limit]]
id = "night"
scope = ["card", "mcc"]
counts = "purchase"
measure = "count"
window = "rolling-24h"
ceiling = 2
mcc = ["gambling", "5411"]
countries = ["neighbours", "KG", "840"]
hours = ["22:00-06:00", "12:00-13:30"]
valid_from = 2026-01-01
valid_until = 2026-12-31
products = ["elcart"]
tiers = "low"
layer = "card"
"#;
    let rules = RuleSet::parse(text, "rules.toml").unwrap();
    let limit = &rules.limits[0];
    assert_eq!(limit.mcc, [5411, 7800, 7801, 7802, 7995]);
    assert_eq!(limit.countries, [156, 398, 417, 762, 840, 860]);
    assert_eq!(limit.hours, [Hours { from: 1320, until: 360 }, Hours { from: 720, until: 810 }]);
    assert_eq!(limit.code.as_str(), "65");
    let only = [(Dimension::Product, vec!["elcart".into()]), (Dimension::Tier, vec!["low".into()])];
    assert_eq!(limit.only, only);
}

#[test]
fn a_rule_set_that_says_little_has_the_regulations_defaults() {
    let rules = RuleSet::parse("version = \"1\"", "rules.toml").unwrap();
    assert_eq!(rules.indicators[0].value, 10_000);
    assert_eq!(rules.indicators[0].valid_from.to_string(), "2006-01-01");
    assert_eq!(rules.agent_cash.cap_indicators, 150);
    assert!(rules.editions.is_empty() && rules.limits.is_empty());
}

/// A text that is wrong in one place: the errors must be exactly these lines.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let text = format!("version = \"1\"\n{text}");
    let Err(errors) = RuleSet::parse(&text, "r.toml") else { panic!("taken:\n{text}") };
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected, "in:\n{text}");
}

const LIMIT: &str = "[[limit]]\nid = \"a\"\nscope = \"card\"\ncounts = \"all\"\nwindow = \"day\"\n";

#[test]
fn agt_7_a_cap_above_the_regulations_is_refused_with_the_clause() {
    refused(
        "[agent_cash]\ncap_indicators = 151\n",
        &[
            "r.toml:3:18: agent_cash.cap_indicators: 151 would be above the regulation's 150; only a \
           lower cap may be set (AGT-7, 004 §15-1)",
        ],
    );
    refused(
        "[agent_cash]\ncap_indicators = 100\n[[agent_cash.lower]]\nscope = \"agent\"\nid = \"G1\"\n\
         cap_indicators = 120\n[[agent_cash.lower]]\nscope = \"card\"\nid = \"K1\"\n\
         cap_indicators = 200\n",
        &[
            "r.toml:7:18: agent_cash.lower.cap_indicators: 120 for agent \"G1\" would be above the \
             bank's own 100 (AGT-7, 004 §15-1)",
            "r.toml:11:18: agent_cash.lower.cap_indicators: 200 for card \"K1\" would be above the \
             regulation's 150 (AGT-7, 004 §15-1)",
        ],
    );
}

#[test]
fn ctl_1_a_tier_above_30_indicators_is_refused_while_only_the_2015_edition_is_in_force() {
    let tier = "[contactless.tier.high]\nper_transaction = \"3000.01\"\n";
    refused(
        tier,
        &["r.toml:3:19: contactless.tier.high.per_transaction: above 30 indicators (3000.00) \
           without PIN, while edition 76/8-2015 is the only one in force (CTL-1, 004 §33)"],
    );
    let draft = "[[edition]]\nrule = \"contactless\"\nname = \"2020-draft\"\n\
                 in_force_from = 2021-01-01\n";
    for fine in [tier.replace("3000.01", "3000.00"), format!("{tier}{draft}")] {
        RuleSet::parse(&format!("version = \"1\"\n{fine}"), "r.toml").unwrap();
    }
}

#[test]
fn unknown_keys_are_refused_with_what_could_be_meant() {
    refused(
        "[agent_cash]\ncap_indicator = 3\n",
        &["r.toml:3:1: agent_cash.cap_indicator: unknown key; did you mean \"cap_indicators\"?"],
    );
    refused("[callendar]\n", &["r.toml:2:2: callendar: unknown key; did you mean \"calendar\"?"]);
    refused(
        "[contactless.tier.low]\nzz = 3\n",
        &["r.toml:3:1: contactless.tier.low.zz: unknown key; known here are per_transaction, \
         per_day, count_since_pin, sum_since_pin"],
    );
}

#[test]
fn names_that_are_none_of_the_choices_are_refused() {
    refused(
        &format!("{}ceiling = \"1.00\"\n", LIMIT.replace("\"all\"", "\"atm_chas\"")),
        &["r.toml:5:10: limit.counts: \"atm_chas\" is none of atm_cash, agent_cash, branch_cash, \
         purchase, contactless, ecommerce, transfer, cash_in, all; did you mean \"atm_cash\"?"],
    );
    refused(
        &format!("{}ceiling = \"1.00\"\n", LIMIT.replace("\"card\"", "[\"card\", \"card\"]")),
        &["r.toml:4:18: limit.scope: \"card\" is there twice"],
    );
    refused(
        &format!("{LIMIT}ceiling = \"1.00\"\nlayer = \"regulation\"\n"),
        &[
            "r.toml:8:9: limit.layer: the regulation's limits are not entered here; they are rules CTL \
         and AGT",
        ],
    );
}

#[test]
fn sums_and_counts_must_be_above_zero_and_of_the_right_kind() {
    for (line, message) in [
        ("ceiling = \"0.00\"", "7:11: limit.ceiling: must be above zero"),
        ("ceiling = \"-5.00\"", "7:11: limit.ceiling: must not be negative"),
        ("ceiling = \"5.001\"", "7:11: limit.ceiling: more decimals than the currency has"),
        ("ceiling = \"five\"", "7:11: limit.ceiling: not a decimal amount such as 1234.50"),
        (
            "ceiling = 50000",
            "7:11: limit.ceiling: must be an amount in quotes, such as \"1000.00\", not a whole number",
        ),
        (
            "ceiling = 500.0",
            "7:11: limit.ceiling: must be an amount in quotes, such as \"1000.00\", not a number \
             with decimals",
        ),
        ("ceiling = \"9999999999999.00\"", "7:11: limit.ceiling: is more than a counter holds"),
    ] {
        refused(&format!("{LIMIT}{line}\n"), &[&format!("r.toml:{message}")]);
    }
    for (line, message) in [
        ("ceiling = 0", "8:11: limit.ceiling: must be above zero"),
        ("ceiling = -3", "8:11: limit.ceiling: must be above zero"),
        ("ceiling = \"3\"", "8:11: limit.ceiling: must be a whole number, not a text"),
    ] {
        refused(&format!("{LIMIT}measure = \"count\"\n{line}\n"), &[&format!("r.toml:{message}")]);
    }
}

#[test]
fn dates_that_overlap_or_do_not_exist_are_refused() {
    refused(
        "[[indicator]]\nvalue = \"100.00\"\nvalid_from = 2026-01-01\n\
         [[indicator]]\nvalue = \"110.00\"\nvalid_from = 2026-01-01\n",
        &["r.toml:7:14: indicator.valid_from: must be later than that of the indicator before"],
    );
    let edition = |rule: &str, from: &str| {
        format!("[[edition]]\nrule = \"{rule}\"\nname = \"2020-draft\"\nin_force_from = {from}\n")
    };
    refused(
        &[
            edition("agent_cash", "2021-01-01"),
            edition("contactless", "2020-01-01"),
            edition("agent_cash", "2020-06-01"),
        ]
        .concat(),
        &[
            "r.toml:13:17: edition.in_force_from: must be later than that of the agent_cash edition \
           before",
        ],
    );
    refused(
        &format!("{LIMIT}ceiling = \"1.00\"\nvalid_from = 2026-02-02\nvalid_until = 2026-02-01\n"),
        &["r.toml:9:15: limit.valid_until: is before valid_from"],
    );
    refused(
        "[calendar]\nholidays = [2026-01-01, \"2026-01-02\", 2026-01-01]\n",
        &[
            "r.toml:3:25: calendar.holidays: must be a date such as 2026-11-23",
            "r.toml:3:39: calendar.holidays: 2026-01-01 is there twice",
        ],
    );
    refused(
        "[[indicator]]\nvalue = \"100.00\"\nvalid_from = \"2026-01-01\"\n",
        &[
            "r.toml:4:14: indicator.valid_from: must be a date such as 2026-11-23, without quotes, not \
         a text",
        ],
    );
}

#[test]
fn a_date_no_calendar_has_is_a_clear_error() {
    let errors = RuleSet::parse("version = \"1\"\n[calendar]\nholidays = [2026-02-30]\n", "r.toml");
    let errors = errors.unwrap_err();
    assert_eq!((errors.len(), errors[0].line), (1, 3), "{errors:?}");
}

#[test]
fn ids_are_taken_once() {
    let limit = format!("{LIMIT}ceiling = \"1.00\"\n");
    refused(&format!("{limit}{limit}"), &["r.toml:9:6: limit.id: \"a\" is already on line 2"]);
    let network = |name: &str, bin: &str| {
        format!(
            "[[network]]\nname = \"{name}\"\nbins = [\"{bin}\"]\nregistration = \"1\"\n\
             valid_from = 2006-01-01\n"
        )
    };
    refused(
        &[network("E", "9417"), network("E", "9417")].concat(),
        &[
            "r.toml:8:8: network.name: \"E\" is registered already",
            "r.toml:9:9: network.bins: \"9417\" is taken already",
        ],
    );
}

#[test]
fn what_is_missing_is_named() {
    let errors = RuleSet::parse("[[limit]]\nid = \"a\"\n[[network]]\n", "r.toml").unwrap_err();
    let keys: Vec<&str> = errors.iter().map(|error| error.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "version",
            "limit.scope",
            "limit.counts",
            "limit.window",
            "limit.ceiling",
            "network.name",
            "network.bins",
            "network.registration",
            "network.valid_from"
        ]
    );
    assert!(errors.iter().all(|error| error.message == "is missing"));
    assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 3, 3, 3, 3]);
}

#[test]
fn terms_are_checked() {
    refused(
        "[technical_overdraft]\nannual_rate = \"1000.01\"\nday_count = \"30/360\"\n",
        &[
            "r.toml:3:15: technical_overdraft.annual_rate: must be from 0 to 1000",
            "r.toml:4:13: technical_overdraft.day_count: \"30/360\" is none of actual/365, actual/360",
        ],
    );
    refused(
        "[technical_overdraft]\nblock = { openings = 3 }\n",
        &["r.toml:3:22: technical_overdraft.block.openings: needs within_days beside it"],
    );
    refused(
        "[technical_overdraft]\nannual_rate = \"1.0000001\"\n\
         repayment_order = [\"fee\", \"interest\", \"fee\"]\nsweep_from = [\"a\", \"a\"]\n\
         [[technical_overdraft.product]]\nid = \"p\"\n\
         [[technical_overdraft.product]]\nid = \"p\"\nblock = { openings = 65, within_days = 367 }\n",
        &[
            "r.toml:3:15: technical_overdraft.annual_rate: has more than 6 decimals",
            "r.toml:4:19: technical_overdraft.repayment_order: must be interest, fee and principal, \
             each once, in the order of repayment",
            "r.toml:5:20: technical_overdraft.sweep_from: \"a\" is there twice",
            "r.toml:9:6: technical_overdraft.product.id: \"p\" has its terms already",
            "r.toml:10:22: technical_overdraft.product.block.openings: must be at most 64",
            "r.toml:10:40: technical_overdraft.product.block.within_days: must be at most 366",
        ],
    );
    refused(
        "[[rate]]\nfrom = \"USD\"\nto = \"SOM\"\nvalue = \"0\"\nvalid_from = 2026-11-21T00:00:00\n",
        &[
            "r.toml:4:6: rate.to: \"SOM\" is no currency such as \"USD\"",
            "r.toml:5:9: rate.value: must be above zero",
            "r.toml:6:14: rate.valid_from: must be a moment such as 2026-11-23T00:00:00+06:00, \
             without quotes",
        ],
    );
    refused(
        "[[fee]]\nid = \"f\"\noperation = \"cash\"\nmin = \"5.00\"\nmax = \"4.00\"\n",
        &[
            "r.toml:4:13: fee.operation: \"cash\" is none of atm_cash, agent_cash, branch_cash, \
             purchase, ecommerce, transfer, cash_in, balance_inquiry, mini_statement, pin_change, \
             contactless, all",
            "r.toml:6:7: fee.max: is less than min",
        ],
    );
    refused(
        &format!("{LIMIT}ceiling = \"1.00\"\ncode = \"00\"\nhours = \"9-17\"\nmcc = [\"54\"]\n"),
        &[
            "r.toml:8:8: limit.code: \"00\" approves; a limit can only decline",
            "r.toml:9:9: limit.hours: \"9-17\" are no hours such as \"22:00-06:00\"",
            "r.toml:10:8: limit.mcc: \"54\" is no category such as \"5411\", no range such as \
         \"3000-3299\" and no [[mcc_group]]",
        ],
    );
    refused(
        &format!("{LIMIT}ceiling = 3\nmeasure = \"count\"\n").replace("\"day\"", "\"transaction\""),
        &["r.toml:6:10: limit.window: one transaction is always one; count over a longer window"],
    );
}

#[test]
fn what_is_no_toml_is_all_told_at_once() {
    let errors = RuleSet::parse("version = \na = \"x\nversion = 1\n", "r.toml").unwrap_err();
    assert!(errors.len() >= 2, "{errors:?}");
    assert_eq!((errors[0].line, errors[0].key.as_str()), (1, ""));
    let text = "version = \"1\"\n[agent_cash]\ncap_indicators = 1\ncap_indicators = 2\n";
    let twice = RuleSet::parse(text, "r.toml").unwrap_err();
    assert_eq!(twice[0].line, 4, "{twice:?}");
}

#[test]
fn columns_count_characters() {
    refused(
        "[agent_cash]\n\"кап\" = 1\n",
        &["r.toml:3:1: agent_cash.кап: unknown key; known here are cap_indicators, lower, agent"],
    );
    refused(
        "agent_cash = { \"кап\" = 1, cap_indicators = 200 }\n",
        &[
            "r.toml:2:16: agent_cash.кап: unknown key; known here are cap_indicators, lower, agent",
            "r.toml:2:44: agent_cash.cap_indicators: 200 would be above the regulation's 150; only a \
         lower cap may be set (AGT-7, 004 §15-1)",
        ],
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    /// Whatever an editor or a broken transfer leaves of a rule set: a list of errors with places in
    /// it, or a rule set, and never a panic.
    #[test]
    fn a_damaged_rule_set_is_read_or_refused(
        from in 0..CONTRACT.len(),
        cut in 0..60usize,
        put in "[\\[\\]\"=.{},#\\-0-9a-zT:\n ыé]{0,12}",
    ) {
        let mut text = CONTRACT.as_bytes().to_vec();
        text.splice(from..(from + cut).min(CONTRACT.len()), put.bytes());
        let text = String::from_utf8_lossy(&text);
        if let Err(errors) = RuleSet::parse(&text, "r.toml") {
            let lines = u32::try_from(text.matches('\n').count()).unwrap() + 1;
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| (1..=lines).contains(&error.line)), "{errors:?}");
            assert!(errors.iter().all(|error| !error.message.is_empty()), "{errors:?}");
        }
    }
}

#[test]
fn sec_2_chip_checks_and_stand_in_are_read_with_their_mistakes() {
    let check = |rest: &str| format!("version = \"x\"\n[[chip_check]]\nid = \"c\"\n{rest}");
    for (text, line, message) in [
        (
            check(
                "source = \"tvr\"\nmask = \"0000800000\"\nvalue = \"00008000\"\naction = \"flag\"\n",
            ),
            6,
            "must have 5 bytes",
        ),
        (
            check(
                "source = \"tvr\"\nmask = \"00008000xx\"\nvalue = \"0000800000\"\naction = \"flag\"\n",
            ),
            5,
            "must be up to 8 bytes in hex digits, such as \"0000800000\"",
        ),
        (
            check("source = \"cvm\"\nmask = \"000000\"\nvalue = \"000000\"\naction = \"flag\"\n"),
            5,
            "looks at nothing",
        ),
        (
            check("source = \"cvr\"\nmask = \"0F\"\nvalue = \"10\"\naction = \"decline\"\n"),
            6,
            "has bits that mask leaves out, so it is never found",
        ),
        (
            check(
                "source = \"tvr\"\nmask = \"0000800000\"\nvalue = \"0000800000\"\naction = \"flag\"\ncode = \"05\"\n",
            ),
            8,
            "a check that only flags has no code",
        ),
        (
            check("source = \"tsi\"\nmask = \"00\"\nvalue = \"00\"\naction = \"flag\"\n"),
            4,
            "\"tsi\" is none of tvr, cvm, cvr",
        ),
        (
            "version = \"x\"\n[[stand_in]]\nchip = \"1.00\"\n[[stand_in]]\nchip = \"2.00\"\n"
                .into(),
            4,
            "there are terms for all products already",
        ),
        (
            "version = \"x\"\n[[stand_in]]\nchips = \"1.00\"\n".into(),
            3,
            "unknown key; did you mean \"chip\"?",
        ),
    ] {
        let errors = RuleSet::parse(&text, "rules.toml").unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| (e.line, e.message.as_str())).collect();
        assert!(
            found.iter().any(|(at, said)| *at == line && said.starts_with(message)),
            "{text}: {found:?}"
        );
    }
}
