//! LIM-1, LIM-2 and LIM-5, as days at a bank.

mod support;

use limits::{Dimension, Figure, Keys, Move, NetworkStanding, Plan, Rule, RuleSet, Usage, views};
use support::{Bank, Register, moment, plan};

/// A limit in one line.
fn limit(id: &str, scope: &str, counts: &str, window: &str, ceiling: &str, rest: &str) -> String {
    let scope: Vec<String> = scope.split('×').map(|part| format!("\"{part}\"")).collect();
    format!(
        "[[limit]]\nid = \"{id}\"\nscope = [{}]\ncounts = \"{counts}\"\nwindow = \"{window}\"\n\
         ceiling = {ceiling}\n{rest}\n",
        scope.join(", ")
    )
}

#[test]
fn lim_1_every_scope_has_its_own_counter() {
    for (scope, same, other) in [
        ("card", "K1 POS2", "K5 POS1"),
        ("account", "K1 POS2", "K5 POS1"),
        ("customer", "K5 POS2", "K4 POS1"),
        ("product", "K4 POS2", ""),
        ("tier", "K4 POS2", "K2 POS1"),
        ("device", "K4 POS1", "K1 POS2"),
        ("merchant", "K4 POS1", "K1 POS2"),
        ("network", "K4 POS2", ""),
        ("country", "K4 POS2", ""),
        ("card×device", "K1 POS1", "K1 POS2"),
        ("customer×merchant", "K5 POS1", "K5 POS2"),
        ("card×tier×device×country", "K1 POS1", "K1 POS2"),
    ] {
        let mut bank = Bank::new(&limit("x", scope, "all", "day", "\"100.00\"", ""));
        bank.plays("23 10:00 K1 POS1 buy 100.00 pin = ok");
        bank.plays(&format!("23 10:01 {same} buy 0.01 pin = 61"));
        if !other.is_empty() {
            bank.plays(&format!("23 10:02 {other} buy 100.00 pin = ok"));
            bank.plays(&format!("23 10:03 {other} buy 0.01 pin = 61"));
        }
    }
}

#[test]
fn lim_1_an_agents_limit_is_about_agents_only() {
    let mut bank = Bank::new(&limit("x", "agent", "all", "day", "\"100.00\"", ""));
    bank.plays(
        "23 10:00 K1 AGT1 buy 100.00 pin   = ok
         23 10:01 K4 AGT2 buy 0.01 pin     = 61
         23 10:02 K4 AGT3 buy 100.00 pin   = ok
         23 10:03 K4 POS1 buy 90000.00 pin = ok",
    );
}

#[test]
fn lim_1_every_kind_counts_its_own() {
    let lines = [
        ("atm_cash", "K1 ATM1 cash 100.00 pin"),
        ("agent_cash", "K1 AGT1 cash 100.00 pin"),
        ("branch_cash", "K1 BRN1 cash 100.00 pin"),
        ("purchase", "K1 POS1 buy 100.00 pin"),
        ("ecommerce", "K1 WEB1 buy 100.00"),
        ("transfer", "K1 ATM1 transfer 100.00 pin"),
        ("cash_in", "K1 ATM1 payin 100.00"),
    ];
    for (counts, _) in lines {
        let mut bank = Bank::new(&limit("x", "card", counts, "day", "\"100.00\"", ""));
        for _ in 0..2 {
            for (kind, line) in lines.iter().filter(|(kind, _)| *kind != counts) {
                bank.plays(&format!("23 10:00 {line} = ok"));
                assert_ne!(*kind, counts);
            }
        }
        let (_, own) = lines.iter().find(|(kind, _)| *kind == counts).unwrap();
        bank.plays(&format!("23 10:01 {own} = ok"));
        let over = if counts == "agent_cash" { "61 left 0.00" } else { "61" };
        bank.plays(&format!("23 10:02 {own} = {over}"));
    }
    let mut bank = Bank::new(&limit("x", "card", "all", "day", "\"600.00\"", ""));
    for (kind, line) in lines {
        bank.plays(&format!("23 10:00 {line} = ok"));
        assert!(!kind.is_empty());
    }
    bank.plays(
        "23 10:01 K1 POS1 refund 50.00   = ok
         23 10:02 K1 POS1 buy 0.01 pin   = 61",
    );
    let mut bank = Bank::new(&limit("x", "card", "contactless", "day", "\"100.00\"", ""));
    bank.plays(
        "23 10:00 K1 POS1 buy 100.00         = ok
         23 10:01 K1 POS1 buy 60.00 tap      = ok
         23 10:02 K1 POS1 buy 40.00 tap pin  = ok
         23 10:03 K1 POS1 buy 0.01 tap pin   = 61",
    );
}

#[test]
fn lim_1_a_purchase_with_cash_back_is_split() {
    let rules = [
        limit("goods", "card", "purchase", "day", "\"2000.00\"", ""),
        limit("cash", "card", "agent_cash", "day", "\"1000.00\"", "code = \"57\""),
        limit("both", "card", "all", "day", "\"3500.00\"", "code = \"93\""),
    ];
    let mut bank = Bank::new(&rules.concat());
    bank.plays(
        "a: 23 10:00 K1 AGT1 buy 3000.00 pin back 1000.00 = ok
            23 10:01 K1 AGT1 buy 0.50 pin                = 61
            23 10:02 K1 AGT1 cash 0.50 pin               = 57 left 0.00
            23 10:03 K1 ATM1 cash 500.01 pin             = 93
            23 10:04 reverse a 800.00 back 300.00
            23 10:05 K1 AGT1 buy 500.01 pin              = 61
            23 10:06 K1 AGT1 cash 300.01 pin             = 57 left 300.00
            23 10:07 K1 ATM1 cash 1300.01 pin            = 93
            23 10:08 K1 ATM1 cash 1300.00 pin            = ok",
    );
}

#[test]
fn lim_1_windows_of_the_calendar() {
    // 23 November 2026 is a Monday.
    for (window, first, last, next) in [
        ("day", "23 00:00", "23 23:59:59", "24 00:00"),
        ("week", "23 00:00", "29 23:59:59", "30 00:00"),
        ("month", "01 00:00", "30 23:59:59", "31 00:00"),
    ] {
        let mut bank = Bank::new(&limit("x", "card", "all", window, "\"100.00\"", ""));
        bank.plays(&format!("{first} K1 POS1 buy 100.00 pin = ok"));
        bank.plays(&format!("{last} K1 POS1 buy 0.01 pin = 61"));
        bank.plays(&format!("{next} K1 POS1 buy 100.00 pin = ok"));
    }
    let mut bank = Bank::new(&limit("x", "card", "all", "transaction", "\"100.00\"", ""));
    bank.plays(
        "23 10:00 K1 POS1 buy 100.00 pin = ok
         23 10:01 K1 POS1 buy 100.00 pin = ok
         23 10:02 K1 POS1 buy 100.01 pin = 61",
    );
}

#[test]
fn lim_1_rolling_windows_err_to_the_strict_side() {
    for (window, in_it, out_of_it) in [
        ("rolling-1h", "10 13:00:30", "10 13:01"),
        ("rolling-24h", "11 12:14", "11 12:15"),
        ("rolling-7d", "17 12:59", "17 13:00"),
        ("rolling-30d", "40 17:59", "40 18:00"),
    ] {
        let mut bank = Bank::new(&limit("x", "card", "all", window, "\"100.00\"", ""));
        bank.plays("10 12:00:00 K1 POS1 buy 100.00 pin = ok");
        bank.plays(&format!("{in_it} K1 POS1 buy 0.01 pin = 61"));
        bank.plays(&format!("{out_of_it} K1 POS1 buy 100.00 pin = ok"));
    }
}

#[test]
fn lim_1_counts_decline_with_65_and_sums_go_first() {
    let rules = [
        limit("count", "card", "all", "day", "2", "measure = \"count\""),
        limit("sum", "card", "all", "day", "\"100.00\"", ""),
    ];
    let mut bank = Bank::new(&rules.concat());
    bank.plays(
        "a: 23 10:00 K1 POS1 buy 10.00 pin  = ok
            23 10:01 K1 POS1 buy 10.00 pin  = ok
            23 10:02 K1 POS1 buy 10.00 pin  = 65
            23 10:03 K1 POS1 buy 100.00 pin = 61
            23 10:04 reverse a 5.00
            23 10:05 K1 POS1 buy 10.00 pin  = 65
            23 10:06 reverse a
            23 10:07 K1 POS1 buy 10.00 pin  = ok",
    );
}

#[test]
fn lim_1_what_narrows_a_limit() {
    for (narrow, in_it, out_of_it) in [
        (
            "mcc = [\"7995\", \"5411\"]",
            "23 10:00 K1 POS1 buy 0.01 pin mcc 5411",
            "23 10:00 K1 POS1 buy 9.00 pin mcc 5412",
        ),
        (
            "countries = [\"KZ\"]",
            "23 10:00 K1 POS1 buy 0.01 pin in KZ",
            "23 10:00 K1 POS1 buy 9.00 pin in KG",
        ),
        (
            "hours = \"22:00-06:00\"",
            "23 05:59 K1 POS1 buy 0.01 pin",
            "23 06:00 K1 POS1 buy 9.00 pin",
        ),
        (
            "hours = \"22:00-06:00\"",
            "23 22:00 K1 POS1 buy 0.01 pin",
            "23 21:59 K1 POS1 buy 9.00 pin",
        ),
        (
            "valid_from = 2026-11-23",
            "23 00:00 K1 POS1 buy 0.01 pin",
            "22 23:59 K1 POS1 buy 9.00 pin",
        ),
        (
            "valid_until = 2026-11-23",
            "23 23:59 K1 POS1 buy 0.01 pin",
            "24 00:00 K1 POS1 buy 9.00 pin",
        ),
        (
            "tiers = [\"standard\"]",
            "23 10:00 K1 POS1 buy 0.01 pin",
            "23 10:00 K2 POS1 buy 9.00 pin",
        ),
        ("products = [\"elcart\"]", "23 10:00 K1 POS1 buy 0.01 pin", ""),
        ("agents = [\"G1\"]", "23 10:00 K1 AGT2 buy 0.01 pin", "23 10:00 K1 AGT3 buy 9.00 pin"),
        (
            "merchants = [\"M1\", \"M9\"]",
            "23 10:00 K1 POS1 buy 0.01 pin",
            "23 10:00 K1 POS2 buy 9.00 pin",
        ),
        ("cards = \"K1\"", "23 10:00 K1 POS1 buy 0.01 pin", "23 10:00 K5 POS1 buy 9.00 pin"),
    ] {
        // A network limit of one tyiyn, used up: whatever it is about is declined.
        let mut bank = Bank::new(&limit("x", "network", "all", "month", "\"0.01\"", narrow));
        if !out_of_it.is_empty() {
            bank.plays(&format!("{out_of_it} = ok"));
        }
        bank.plays(&format!("{in_it} = ok"));
        bank.plays(&format!("{in_it} = 61"));
    }
}

#[test]
fn lim_1_listed_categories_are_counted_together_unlisted_ones_apart() {
    let mut bank = Bank::new(&limit("x", "card×mcc", "all", "day", "\"100.00\"", ""));
    bank.plays(
        "23 10:00 K1 POS1 buy 100.00 pin mcc 5411 = ok
         23 10:01 K1 POS1 buy 100.00 pin mcc 5412 = ok
         23 10:02 K1 POS1 buy 0.01 pin mcc 5411   = 61
         23 10:03 K1 POS1 buy 900.00 pin          = ok",
    );
    let listed = "mcc = [\"5411-5412\"]";
    let mut bank = Bank::new(&limit("x", "card×mcc", "all", "day", "\"100.00\"", listed));
    bank.plays(
        "23 10:00 K1 POS1 buy 60.00 pin mcc 5411 = ok
         23 10:01 K1 POS1 buy 40.01 pin mcc 5412 = 61
         23 10:02 K1 POS1 buy 40.00 pin mcc 5412 = ok
         23 10:03 K4 POS1 buy 99.00 pin mcc 5412 = ok",
    );
}

#[test]
fn lim_1_an_inquiry_counts_nowhere() {
    let mut bank = Bank::new(&limit("x", "card", "all", "day", "1", "measure = \"count\""));
    bank.plays(
        "23 10:00 K1 ATM1 ask 0.00 pin  = ok
         23 10:01 K1 ATM1 ask 0.00      = ok
         23 10:02 K1 POS1 buy 1.00 pin  = ok
         23 10:03 K1 ATM1 ask 0.00 pin  = ok",
    );
}

#[test]
fn lim_1_a_limit_for_somebody_unknown_is_refused_with_its_line() {
    let rules = limit("x", "card", "all", "day", "\"1.00\"", "products = [\"elcart\", \"gold\"]");
    let rules = RuleSet::parse(&format!("version = \"1\"\n\n{rules}"), "rules.toml").unwrap();
    let errors = Plan::compile(&rules, &Register).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["rules.toml:3:1: limit \"x\": there is no product \"gold\""]);
}

#[test]
fn lim_2_a_limit_is_data_and_a_changed_ceiling_keeps_what_was_counted() {
    let rules = |ceiling: &str| limit("x", "card", "all", "day", ceiling, "");
    let second = limit("y", "card", "all", "day", "\"50.00\"", "code = \"57\"");
    let mut bank = Bank::new(&rules("\"100.00\""));
    bank.plays("a: 23 10:00 K1 POS1 buy 100.00 pin = ok");
    bank.rules(&[rules("\"150.00\""), second.clone()].concat());
    bank.plays(
        "   23 10:01 K1 POS1 buy 50.01 pin = 61
         b: 23 10:02 K1 POS1 buy 50.00 pin = ok      # the new limit begins at zero
            23 10:03 reverse a
            23 10:04 K1 POS1 buy 0.01 pin  = 57",
    );
    bank.rules(&second);
    bank.plays(
        "23 10:05 K1 POS1 buy 0.01 pin = 57
         23 10:06 reverse b
         23 10:07 K1 POS1 buy 50.00 pin = ok
         23 10:08 K1 POS1 buy 0.01 pin  = 57",
    );
}

#[test]
fn lim_2_an_addition_to_a_counted_transaction_asks_nothing_of_a_count() {
    let rules = |ceiling| limit("x", "card", "all", "day", ceiling, "measure = \"count\"");
    let mut bank = Bank::new(&rules("2"));
    bank.plays("23 10:00 K1 POS1 buy 1.00 pin = ok\n23 10:01 K1 POS1 buy 1.00 pin = ok");
    bank.rules(&rules("1"));
    bank.plays(
        "23 10:02 K1 POS1 buy 1.00 pin more = ok
         23 10:03 K1 POS1 buy 1.00 pin      = 65",
    );
}

#[test]
fn lim_2_receipts_of_a_limit_that_is_gone_do_no_harm() {
    let rules = limit("x", "card", "all", "day", "\"100.00\"", "");
    let mut bank = Bank::new(&rules);
    bank.plays("a: 23 10:00 K1 POS1 buy 60.00 pin = ok");
    bank.rules("");
    bank.rules(&rules);
    bank.plays(
        "b: 23 10:01 K1 POS1 buy 100.00 pin = ok     # it begins anew
            23 10:02 reverse a
            23 10:03 K1 POS1 buy 0.01 pin   = 61",
    );
}

#[test]
fn a_cards_own_ceiling_only_tightens() {
    let mut bank = Bank::new(&limit("x", "customer", "all", "day", "\"100.00\"", ""));
    bank.card_limit("K1", "x", "40.00", ["2026-11-23", "2026-11-24"]);
    bank.card_limit("K4", "x", "4000.00", ["", ""]);
    bank.plays(
        "22 10:00 K1 POS1 buy 100.00 pin = ok
         23 10:00 K1 POS1 buy 40.01 pin  = 61
         23 10:01 K5 POS1 buy 100.00 pin = ok
         24 10:01 K1 POS1 buy 40.00 pin  = ok
         24 10:02 K1 POS1 buy 0.01 pin   = 61
         24 10:02 K4 POS1 buy 100.01 pin = 61
         25 10:02 K1 POS1 buy 100.00 pin = ok",
    );
    assert_eq!(bank.usage.card_limits(0)[0].ceiling, 4000);
    bank.usage.set_card_limits(0, &[], &bank.plan);
    assert!(bank.usage.card_limits(0).is_empty());
}

#[test]
fn lim_5_used_ceiling_and_resets_at_can_be_seen() {
    let rules = [
        limit("day", "card", "atm_cash", "day", "\"500.00\"", ""),
        limit("ops", "account", "all", "rolling-24h", "7", "measure = \"count\""),
        limit("shop", "card×merchant", "purchase", "week", "\"900.00\"", ""),
        limit("one", "card", "purchase", "transaction", "\"800.00\"", ""),
    ];
    let mut bank = Bank::new(&rules.concat());
    bank.plays(
        "23 10:00 K1 ATM1 cash 200.00 pin = ok
         23 10:20 K1 POS2 buy 30.00 tap   = ok
         23 10:25 K1 AGT1 cash 70.00 pin  = ok",
    );
    let keys = Keys { card: Some(0), account: Some(0), customer: Some(1), ..Keys::default() };
    let seen = views(&bank.plan, &bank.usage, &keys, moment("23", "12:00"));
    let rows: Vec<_> = seen
        .iter()
        .map(|view| (view.rule, view.limit.as_deref().unwrap_or(""), view.used, view.ceiling))
        .collect();
    assert_eq!(
        rows,
        [
            (Rule::Ctl1, "", 0, 300_000),
            (Rule::Agt1, "", 7_000, 1_500_000),
            (Rule::Lim1, "day", 20_000, 50_000),
            (Rule::Lim1, "ops", 3, 7),
            (Rule::Lim1, "shop", 3_000, 90_000),
            (Rule::Lim1, "one", 0, 80_000),
        ]
    );
    assert_eq!(seen[2].resets_at, Some(moment("24", "00:00").at));
    assert_eq!(seen[3].resets_at, Some(moment("24", "10:15").at));
    assert_eq!(seen[4].of, [(Dimension::Merchant, 2)]);
    assert_eq!(seen[5].figure, Figure::Limit(3));
    let later = views(&bank.plan, &bank.usage, &keys, moment("31", "12:00"));
    assert_eq!(later.iter().map(|view| view.used).sum::<u64>(), 0);
}

#[test]
fn lim_5_agt_2_is_seen_device_by_device() {
    let draft = "[[edition]]\nrule = \"agent_cash\"\nname = \"2020-draft\"\n\
                 in_force_from = 2021-01-01\n[[agent_cash.lower]]\nscope = \"device\"\n\
                 id = \"AGT3\"\ncap_indicators = 20\n";
    let mut bank = Bank::new(draft);
    bank.plays(
        "23 10:00 K1 AGT1 cash 100.00 pin = ok
         23 10:00 K1 AGT3 cash 300.00 pin = ok
         23 10:00 K2 AGT2 cash 300.00 pin = ok",
    );
    let keys = Keys { card: Some(0), customer: Some(1), ..Keys::default() };
    let seen = views(&bank.plan, &bank.usage, &keys, moment("23", "12:00"));
    let rows: Vec<_> =
        seen.iter().skip(1).map(|v| (v.rule, v.of[0].1, v.used, v.ceiling)).collect();
    assert_eq!(rows, [(Rule::Agt2, 2, 30_000, 200_000), (Rule::Agt2, 0, 10_000, 1_500_000)]);
}

#[test]
fn lim_5_counters_and_receipts_survive_being_stored() {
    let rules = [
        limit("a", "card", "all", "day", "\"100.00\"", ""),
        limit("b", "card×device×merchant", "all", "rolling-7d", "\"300.00\"", ""),
    ];
    let mut bank = Bank::new(&rules.concat());
    bank.card_limit("K4", "a", "40.00", ["", ""]);
    bank.plays(
        "b: 21 10:00 K1 POS1 buy 100.00 pin = ok
            22 10:00 K1 POS1 buy 90.00 pin  = ok
         a: 23 10:00 K1 POS1 buy 100.00 pin = ok",
    );
    let stored = postcard::to_allocvec(&bank.usage).unwrap();
    let mut restored: Usage = postcard::from_bytes(&stored).unwrap();
    restored.install(&bank.plan);
    assert!(restored == bank.usage);
    let snapshot = bank.usage.clone();
    bank.usage = restored;
    bank.plays(
        "23 10:01 K1 POS1 buy 0.01 pin  = 61
         23 10:01 K4 POS1 buy 40.01 pin = 61
         24 10:01 K1 POS1 buy 10.01 pin = 61        # the crossing's counter is found again
         24 10:01 K1 POS2 buy 90.00 pin = ok
         24 10:02 reverse a
         25 10:03 K1 POS1 buy 100.00 pin = ok",
    );
    assert!(bank.usage != snapshot);
    bank.usage = snapshot;
    bank.plays("23 10:04 K1 POS1 buy 0.01 pin = 61");
    let stored = postcard::to_allocvec(&Vec::<Move>::new()).unwrap();
    assert_eq!(stored, [0]);
}

#[test]
fn a_card_that_wanders_leaves_no_trail_of_counters() {
    let mut bank = Bank::new(&limit("x", "card×mcc", "all", "day", "\"100.00\"", ""));
    for day in 1..60 {
        for mcc in [100 + day, 200 + day, 300 + day] {
            bank.plays(&format!("{day:02} 10:00 K1 POS1 buy 60.00 pin mcc {mcc} = ok"));
            bank.plays(&format!("{day:02} 10:00 K1 POS1 buy 60.00 pin mcc {mcc} = 61"));
        }
    }
    assert_eq!(bank.usage.size().0, 3);
}

#[test]
fn many_limits_of_one_scope_share_panels() {
    let rules: String = (0..150)
        .map(|at| limit(&format!("l{at}"), "card", "all", "day", "\"100.00\"", ""))
        .collect();
    let mut bank = Bank::new(&rules);
    bank.plays(
        "a: 23 10:00 K1 POS1 buy 100.00 pin = ok
            23 10:01 K1 POS1 buy 0.01 pin   = 61",
    );
    assert!(bank.report.verdicts().iter().skip(2).all(|verdict| verdict.used == 10_000));
    bank.plays("23 10:02 reverse a\n23 10:03 K1 POS1 buy 100.00 pin = ok");
}

#[test]
fn net_1_and_2_a_network_is_found_by_its_numbers_and_stops_to_the_second() {
    let plan = plan(
        r#"
[[network]]
name = "Elcart"
bins = ["9417"]
registration = "001"
valid_from = 2026-11-02
[[network]]
name = "Visa"
bins = ["4", "94171"]
registration = "002"
valid_from = 2006-01-01
cancelled_at = 2026-11-23T12:00:00+06:00
reason = "by the National Bank's order"
"#,
    );
    for (first_eleven, network) in [
        (94_170_000_000, Some(0)),
        (94_179_999_999, Some(0)),
        (94_171_000_000, Some(1)),
        (40_000_000_000, Some(1)),
        (49_999_999_999, Some(1)),
        (50_000_000_000, None),
        (94_180_000_000, None),
        (9_417, None),
    ] {
        assert_eq!(plan.network_of(first_eleven), network, "{first_eleven}");
    }
    for (network, day, time, standing) in [
        (0, "01", "23:59:59", NetworkStanding::NotYet),
        (0, "02", "00:00", NetworkStanding::Registered),
        (1, "23", "11:59:59", NetworkStanding::Registered),
        (1, "23", "12:00", NetworkStanding::Cancelled),
        (9, "23", "12:00", NetworkStanding::Unknown),
    ] {
        assert_eq!(plan.network_standing(network, moment(day, time)), standing, "{day} {time}");
    }
}
