//! CTL-1 to CTL-7, as days at a bank.

mod support;

use limits::{Outcome, Rule, check};
use support::{Bank, TIERS_OF_THE_DRAFT};

#[test]
fn ctl_1_without_pin_up_to_30_indicators_inclusive() {
    let mut bank = Bank::new("");
    bank.plays(
        "23 10:00 K1 POS1 buy 3000.00 tap = ok
         23 10:01 K1 POS1 buy 3000.01 tap = PIN
         23 10:02 K1 POS1 buy 3000.00     = ok      # in contact, or by stripe
         23 10:03 K1 POS1 buy 3000.01     = PIN
         23 10:04 K1 POS1 buy 3000.00 tap = ok      # per transaction: nothing adds up",
    );
}

#[test]
fn ctl_1_the_ceiling_follows_the_indicator() {
    let mut bank = Bank::new(
        "[[indicator]]\nvalue = \"100.00\"\nvalid_from = 2006-01-01\n\
         [[indicator]]\nvalue = \"150.00\"\nvalid_from = 2026-11-24\n",
    );
    bank.plays(
        "23 23:59 K1 POS1 buy 3000.01 tap = PIN
         24 00:00 K1 POS1 buy 4500.00 tap = ok
         24 00:00 K1 POS1 buy 4500.01 tap = PIN",
    );
}

#[test]
fn ctl_2_the_tiers_limits_are_per_customer() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays(
        "23 10:00 K2 POS1 buy 1000.00 tap = ok
         23 10:01 K2 POS1 buy 1000.01 tap = PIN     # low: 1000.00 a transaction
         23 10:02 K2 POS1 buy 10.00 tap   = ok
         23 10:03 K2 POS1 buy 10.00 tap   = PIN     # low: 2 in a row
         23 10:04 K1 POS1 buy 5000.00 tap = ok
         23 10:05 K5 POS1 buy 3000.00 tap = ok      # another card of the same holder
         23 10:06 K1 POS1 buy 0.01 tap    = PIN     # standard: 8000.00 in a row
         23 10:07 K4 POS1 buy 5000.00 tap = ok      # another holder
         23 10:08 K3 POS1 buy 90000.00 tap = ok     # high: nothing set, nothing limited",
    );
}

#[test]
fn ctl_2_the_sum_of_the_day_starts_anew_at_midnight_and_not_with_a_pin() {
    let mut bank = Bank::new(
        "[[edition]]\nrule = \"contactless\"\nname = \"2020-draft\"\nin_force_from = 2021-01-01\n\
         [contactless.tier.low]\nper_day = \"1500.00\"\n",
    );
    bank.plays(
        "23 10:00 K2 POS1 buy 1000.00 tap     = ok
         23 10:01 K2 POS1 buy 500.01 tap      = PIN
         23 10:02 K2 POS1 buy 500.01 tap pin  = ok
         23 10:03 K2 POS1 buy 500.01 tap      = PIN
         23 10:04 K2 POS1 buy 500.00 tap      = ok
         23 23:59 K2 POS1 buy 0.01 tap        = PIN
         24 00:00 K2 POS1 buy 1500.00 tap     = ok",
    );
}

#[test]
fn ctl_2_an_online_pin_resets_an_offline_one_does_not() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays(
        "23 10:00 K2 POS1 buy 10.00 tap     = ok
         23 10:01 K2 POS1 buy 10.00 tap     = ok
         23 10:02 K2 POS1 buy 10.00 offline = ok
         23 10:03 K2 POS1 buy 10.00 tap     = PIN
         23 10:04 K2 ATM1 ask 0.00 pin      = ok
         23 10:05 K2 POS1 buy 10.00 tap     = ok",
    );
}

#[test]
fn ctl_3_the_request_for_a_pin_names_the_rule_and_carries_the_banks_code() {
    let mut bank = Bank::new("[contactless]\npin_request_code = \"65\"\n");
    bank.plays("23 10:00 K1 POS1 buy 3000.01 tap = PIN");
    let verdict = bank.report.needs_pin().unwrap();
    assert_eq!((verdict.rule, verdict.ceiling, verdict.asked), (Rule::Ctl1, 300_000, 300_001));
    assert_eq!(verdict.code.unwrap().as_str(), "65");
    assert_eq!(verdict.rule.clause(), "004 §33");
}

#[test]
fn ctl_4_cash_never_goes_without_pin() {
    for edition in ["", TIERS_OF_THE_DRAFT] {
        let mut bank = Bank::new(edition);
        bank.plays(
            "23 10:00 K3 AGT1 cash 0.50 tap           = PIN
             23 10:01 K3 ATM1 cash 200.00 tap         = PIN
             23 10:02 K3 ATM1 cash 200.00             = PIN
             23 10:03 K3 BRN1 cash 200.00             = PIN
             23 10:03 K3 WEB1 cash 200.00             = PIN     # present or not
             23 10:04 K3 POS1 buy 100.00 back 50.00   = PIN
             23 10:05 K3 POS1 buy 100.00              = ok
             23 10:06 K3 ATM1 cash 200.00 pin         = ok
             23 10:07 K3 ATM1 cash 200.00 offline     = ok",
        );
        bank.plays("23 10:08 K3 ATM1 cash 200.00 = PIN");
        assert_eq!(bank.report.needs_pin().unwrap().rule, Rule::Ctl4);
    }
}

#[test]
fn ctl_5_an_approval_without_pin_is_the_issuers_liability() {
    let bank = Bank::new("");
    for (line, issuers) in [
        ("23 10:00 K1 POS1 buy 10.00 tap", true),
        ("23 10:00 K1 POS1 buy 10.00", true),
        ("23 10:00 K1 POS1 buy 10.00 cdcvm", true),
        ("23 10:00 K1 POS1 buy 10.00 pin", false),
        ("23 10:00 K1 POS1 buy 10.00 offline", false),
        ("23 10:00 K1 WEB1 buy 10.00", false),
        ("23 10:00 K1 POS1 refund 10.00", false),
    ] {
        let facts = bank.facts(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(bank.plan.is_without_pin(&facts), issuers, "{line}");
    }
}

#[test]
fn ctl_6_a_cdcvm_counts_as_a_pin_where_the_bank_says_so() {
    let mut bank = Bank::new("");
    bank.plays("23 10:00 K1 POS1 buy 3000.01 tap cdcvm = PIN");
    bank.rules("[contactless]\ncdcvm_counts_as_pin = true\n");
    bank.plays(
        "23 10:01 K1 POS1 buy 3000.01 tap cdcvm = ok
         23 10:02 K1 POS1 buy 3000.01 tap       = PIN",
    );
}

#[test]
fn ctl_6_where_the_card_is_not_present_there_is_no_pin_to_ask_for() {
    let mut bank = Bank::new("");
    bank.plays("23 10:00 K1 WEB1 buy 90000.00 = ok");
    assert_eq!(bank.report.verdicts()[0].outcome, Outcome::NotApplicable);
}

#[test]
fn ctl_7_counters_move_on_approval_only() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    let words: Vec<&str> = "23 10:00 K2 POS1 buy 10.00 tap".split_whitespace().collect();
    let before = bank.usage.clone();
    for _ in 0..5 {
        let facts = bank.facts(&words);
        check(&bank.plan, &bank.usage, &facts, &mut bank.report);
        assert!(bank.report.needs_pin().is_none());
    }
    assert!(bank.usage == before);
}

#[test]
fn ctl_7_a_reversal_gives_back_what_it_reverses() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays(
        "a: 23 10:00 K2 POS1 buy 1000.00 tap = ok
         b: 23 10:01 K2 POS1 buy 10.00 tap   = ok
            23 10:02 K2 POS1 buy 10.00 tap   = PIN
            23 10:03 reverse b
         c: 23 10:04 K2 POS1 buy 10.00 tap   = ok
            23 10:05 reverse a 400.00               # a part: still one of two in a row
            23 10:06 K2 POS1 buy 10.00 tap   = PIN
            23 10:07 reverse a
            23 10:08 K2 POS1 buy 10.00 tap   = ok",
    );
}

#[test]
fn ctl_7_after_a_pin_a_reversal_does_not_reach_into_the_new_row() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays(
        "a: 23 10:00 K2 POS1 buy 10.00 tap = ok
         b: 23 10:01 K2 POS1 buy 10.00 tap = ok
            23 10:02 K2 POS1 buy 10.00 pin = ok
         c: 23 10:03 K2 POS1 buy 10.00 tap = ok
            23 10:04 reverse a
            23 10:05 reverse b
            23 10:06 K2 POS1 buy 10.00 tap = ok
            23 10:07 K2 POS1 buy 10.00 tap = PIN",
    );
}

#[test]
fn ctl_7_another_tier_holds_from_the_next_request() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays("23 10:00 K2 POS1 buy 1000.01 tap = PIN");
    bank.tiers.insert("K2".to_owned(), 1);
    bank.plays("23 10:00 K2 POS1 buy 1000.01 tap = ok");
}

#[test]
fn ctl_7_a_new_edition_finds_the_days_history() {
    let mut bank = Bank::new("");
    bank.plays(
        "23 10:00 K2 POS1 buy 10.00 tap = ok
         23 10:01 K2 POS1 buy 10.00 tap = ok",
    );
    bank.rules(TIERS_OF_THE_DRAFT);
    bank.plays("23 10:02 K2 POS1 buy 10.00 tap = PIN");
}

#[test]
fn an_addition_to_a_transaction_is_no_second_one() {
    let mut bank = Bank::new(TIERS_OF_THE_DRAFT);
    bank.plays(
        "23 10:00 K2 POS1 buy 10.00 tap      = ok
         23 10:01 K2 POS1 buy 10.00 tap more = ok
         23 10:02 K2 POS1 buy 10.00 tap      = ok
         23 10:03 K2 POS1 buy 10.00 tap      = PIN",
    );
}
