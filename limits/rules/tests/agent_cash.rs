//! AGT-1 to AGT-9, as days at a bank.

mod support;

use limits::{Edition, Names, Plan, Rule, RuleSet};
use support::{Bank, Register};

const DRAFT: &str = "[[edition]]\nrule = \"agent_cash\"\nname = \"2020-draft\"\n\
                     in_force_from = 2021-01-01\n";

#[test]
fn agt_1_one_cap_per_holder_over_all_cards_and_agents() {
    let mut bank = Bank::new("");
    bank.plays(
        "23 10:00 K1 AGT1 cash 10000.00 pin = ok
         23 10:01 K5 AGT3 cash 5000.50 pin  = 61 left 5000.00
         23 10:02 K5 AGT3 cash 5000.00 pin  = ok
         23 10:03 K1 AGT2 cash 0.50 pin     = 61 left 0.00
         23 10:04 K4 AGT2 cash 15000.00 pin = ok            # another holder
         23 23:59 K1 AGT1 cash 0.50 pin     = 61 left 0.00
         24 00:00 K5 AGT2 cash 15000.00 pin = ok",
    );
    bank.plays("24 00:01 K5 AGT2 cash 0.50 pin = 61 left 0.00");
    let over = bank.report.first_over().unwrap();
    assert_eq!((over.rule, over.rule.clause()), (Rule::Agt1, "004 §15-1"));
    assert_eq!((over.used, over.asked, over.ceiling), (1_500_000, 50, 1_500_000));
    assert_eq!(over.edition, Some(Edition::Regulation2015));
    assert_eq!(over.resets_at, Some(support::moment("25", "00:00").at));
}

#[test]
fn agt_2_a_cap_for_each_card_at_each_device() {
    let mut bank = Bank::new(DRAFT);
    bank.plays(
        "23 10:00 K3 AGT1 cash 15000.00 pin = ok
         23 10:01 K3 AGT1 cash 0.50 pin     = 61 left 0.00
         23 10:02 K3 AGT2 cash 15000.00 pin = ok            # the same agent's other device
         23 10:03 K5 AGT1 cash 15000.00 pin = ok
         23 10:04 K1 AGT1 cash 15000.00 pin = ok            # the same holder's other card
         24 00:00 K3 AGT1 cash 15000.00 pin = ok",
    );
}

#[test]
fn agt_3_the_cap_is_inclusive_to_the_tyiyn() {
    let mut bank = Bank::new("");
    bank.plays(
        "23 10:00 K1 AGT1 cash 15000.01 pin = 61 left 15000.00
         23 10:01 K1 AGT1 cash 14999.99 pin = ok
         23 10:02 K1 AGT1 cash 0.02 pin     = 61 left 0.01
         23 10:03 K1 AGT1 cash 0.01 pin     = ok
         23 10:04 K1 AGT1 cash 0.01 pin     = 61 left 0.00",
    );
}

#[test]
fn agt_3_the_agent_is_told_the_least_that_any_limit_leaves() {
    let mut bank = Bank::new(
        "[[limit]]\nid = \"a\"\nscope = \"card\"\ncounts = \"agent_cash\"\nwindow = \"week\"\n\
         ceiling = \"4000.00\"\n",
    );
    bank.plays(
        "23 10:00 K1 AGT1 cash 1000.00 pin  = ok
         23 10:01 K1 AGT1 cash 20000.00 pin = 61 left 3000.00",
    );
    assert_eq!(bank.report.first_over().unwrap().rule, Rule::Agt1);
    bank.plays("23 10:02 K1 AGT1 cash 3500.00 pin = 61 left 3000.00");
    // A limit on goods has no say in what cash is left.
    bank.rules(
        "[[limit]]\nid = \"g\"\nscope = \"card\"\ncounts = \"purchase\"\nwindow = \"day\"\n\
         ceiling = \"100.00\"\n",
    );
    bank.plays("23 10:03 K1 AGT1 buy 14200.00 pin back 14100.00 = 61 left 14000.00");
    bank.rules(
        "[[limit]]\nid = \"a\"\nscope = \"card\"\ncounts = \"agent_cash\"\nwindow = \"week\"\n\
         ceiling = \"100.00\"\n",
    );
    bank.plays("23 10:04 K1 AGT1 cash 3500.00 pin = 61 left 100.00");
    assert_eq!(bank.report.first_over().unwrap().rule, Rule::Lim1);
}

#[test]
fn agt_4_what_counts_and_what_does_not() {
    for edition in ["", DRAFT] {
        let mut bank = Bank::new(edition);
        bank.plays(
            "23 10:00 K1 AGT1 buy 3000.00 pin back 1000.00 = ok
             23 10:01 K1 AGT1 buy 100.00 pin              = ok    # a purchase at the agent
             23 10:02 K1 BRN1 cash 1000.00 pin            = ok
             23 10:03 K1 ATM1 cash 1000.00 pin            = ok
             23 10:04 K1 POS1 buy 500.00 pin back 100.00  = ok    # cash-back at a shop
             23 10:05 K1 AGT1 payin 700.00 pin            = ok
             23 10:06 K1 AGT1 cash 14000.50 pin           = 61 left 14000.00
             23 10:07 K1 AGT1 cash 14000.00 pin           = ok",
        );
    }
}

#[test]
fn agt_5_a_reversal_gives_back_to_the_day_it_was_counted_on() {
    let mut bank = Bank::new("");
    bank.plays(
        "a: 23 23:58 K1 AGT1 cash 15000.00 pin = ok
            24 00:01 K5 AGT1 cash 6000.00 pin  = ok
            24 00:02 reverse a
            24 00:03 K5 AGT1 cash 9000.50 pin  = 61 left 9000.00
         b: 24 00:04 K5 AGT1 cash 9000.00 pin  = ok
            24 00:05 reverse b 3000.00 back 3000.00
            24 00:06 K5 AGT1 cash 3000.50 pin  = 61 left 3000.00
            24 00:07 reverse b
            24 00:08 K5 AGT1 cash 9000.50 pin  = 61 left 9000.00",
    );
}

#[test]
fn agt_7_lower_caps_for_an_agent_a_device_a_tier_a_card() {
    let mut bank = Bank::new(
        r#"
[agent_cash]
cap_indicators = 120
[[agent_cash.lower]]
scope = "agent"
id = "G2"
cap_indicators = 50
[[agent_cash.lower]]
scope = "device"
id = "AGT2"
cap_indicators = 40
[[agent_cash.lower]]
scope = "tier"
id = "low"
cap_indicators = 30
[[agent_cash.lower]]
scope = "card"
id = "K4"
cap_indicators = 10
[[agent_cash.lower]]
scope = "product"
id = "usd"
cap_indicators = 1
"#,
    );
    bank.plays(
        "23 10:00 K1 AGT1 cash 12000.50 pin = 61 left 12000.00
         23 10:00 K1 AGT3 cash 5000.50 pin  = 61 left 5000.00
         23 10:00 K1 AGT2 cash 4000.50 pin  = 61 left 4000.00
         23 10:00 K2 AGT1 cash 3000.50 pin  = 61 left 3000.00
         23 10:00 K4 AGT2 cash 1000.50 pin  = 61 left 1000.00   # the strictest of all
         23 10:01 K1 AGT1 cash 4500.00 pin  = ok
         23 10:02 K1 AGT3 cash 500.50 pin   = 61 left 500.00    # at G2 the day counts too
         23 10:03 K1 AGT2 cash 0.50 pin     = 61 left 0.00",
    );
}

#[test]
fn agt_7_a_lower_cap_for_somebody_unknown_is_refused() {
    let text = "version = \"1\"\n[[agent_cash.lower]]\nscope = \"agent\"\nid = \"Nobody\"\n\
                cap_indicators = 1\n";
    let rules = RuleSet::parse(text, "rules.toml").unwrap();
    let errors = Plan::compile(&rules, &Register).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "rules.toml:5:18: agent_cash.lower.id: there is no agent \"Nobody\""
    );
    assert_eq!(Register.index(limits::Dimension::Agent, "Nobody"), None);
}

#[test]
fn agt_9_a_change_of_edition_measures_what_was_counted_against_the_new_cap() {
    let mut bank = Bank::new("");
    bank.plays(
        "23 10:00 K1 AGT1 cash 9000.00 pin = ok
         23 10:01 K1 AGT2 cash 5000.00 pin = ok",
    );
    bank.rules(DRAFT);
    bank.plays("23 10:02 K1 AGT1 cash 6000.50 pin = 61 left 6000.00");
    bank.rules("[agent_cash]\ncap_indicators = 140\n");
    bank.plays("23 10:03 K1 AGT1 cash 0.50 pin = 61 left 0.00");
    bank.rules("[agent_cash]\ncap_indicators = 100\n");
    bank.plays("23 10:04 K1 AGT1 cash 0.50 pin = 61 left 0.00");
    bank.rules("[[indicator]]\nvalue = \"110.00\"\nvalid_from = 2006-01-01\n");
    bank.plays("23 10:05 K1 AGT1 cash 2500.50 pin = 61 left 2500.00");
}

#[test]
fn agt_9_an_edition_takes_effect_on_its_day() {
    let from = DRAFT.replace("2021-01-01", "2026-11-24");
    let mut bank = Bank::new(&from);
    bank.plays(
        "23 10:00 K1 AGT1 cash 15000.00 pin = ok
         23 10:01 K1 AGT2 cash 0.50 pin     = 61 left 0.00
         24 10:00 K1 AGT1 cash 15000.00 pin = ok
         24 10:01 K1 AGT2 cash 15000.00 pin = ok",
    );
}
