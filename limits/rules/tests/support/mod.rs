//! A small bank whose days are told line by line:
//!
//! ```text
//! a: 23 10:00 K1 AGT1 cash 10000.00 pin = ok
//!    23 10:05 K5 AGT3 cash 5000.50 pin = 61 left 5000.00
//!    24 00:01 reverse a                     (or: reverse a 200.00, or: reverse a 200.00 back 50.00)
//! ```
//! Day and time are of November 2026 in Bishkek. Words after the amount: `pin`, `offline`, `cdcvm`,
//! `tap` (contactless), `back 1000.00` (cash part), `more` (adds to a transaction),
//! `stands 100.00` (what stands of that, `vouched` by a PIN), `mcc 5411`,
//! `in KZ`. Results: `ok`, `PIN`, or the code that declines.
#![allow(dead_code, clippy::unwrap_used)]

use limits::{
    Before, CardLimit, Dimension, Facts, Move, Moves, Names, Operation, Pin, Plan, Portion, Report,
    RuleSet, Usage, check, country_numeric, give_back, record,
};
use payment_types::{BusinessDate, DeviceCategory, Moment, UtcOffset, format_minor, parse_minor};
use std::collections::BTreeMap;

pub(crate) const ZONE: UtcOffset = UtcOffset(360);

/// Card, customer, tier.
const CARDS: [(&str, u32, &str); 5] = [
    ("K1", 1, "standard"),
    ("K2", 2, "low"),
    ("K3", 3, "high"),
    ("K4", 4, "standard"),
    ("K5", 1, "standard"),
];
/// Terminal, category, agent, merchant.
const DEVICES: [(&str, DeviceCategory, Option<u32>, Option<u32>); 8] = [
    ("AGT1", DeviceCategory::Agent, Some(1), None),
    ("AGT2", DeviceCategory::Agent, Some(1), None),
    ("AGT3", DeviceCategory::Agent, Some(2), None),
    ("POS1", DeviceCategory::Merchant, None, Some(1)),
    ("POS2", DeviceCategory::Merchant, None, Some(2)),
    ("ATM1", DeviceCategory::Atm, None, None),
    ("BRN1", DeviceCategory::Branch, None, None),
    ("WEB1", DeviceCategory::Ecommerce, None, Some(1)),
];
const TIERS: [&str; 3] = ["low", "standard", "high"];

pub(crate) struct Register;

fn at<T>(table: &[T], is_it: impl Fn(&T) -> bool) -> Option<u32> {
    table.iter().position(is_it).and_then(|at| u32::try_from(at).ok())
}

impl Names for Register {
    fn index(&self, dimension: Dimension, id: &str) -> Option<u32> {
        match dimension {
            Dimension::Card | Dimension::Account => at(&CARDS, |card| card.0 == id),
            Dimension::Device => at(&DEVICES, |device| device.0 == id),
            Dimension::Tier => at(&TIERS, |tier| *tier == id),
            Dimension::Agent => id.strip_prefix('G')?.parse().ok(),
            Dimension::Merchant => id.strip_prefix('M')?.parse().ok(),
            Dimension::Customer => id.strip_prefix('C')?.parse().ok(),
            Dimension::Product => at(&["elcart", "usd"], |product| *product == id),
            Dimension::Network => at(&["Elcart", "Visa"], |network| *network == id),
            Dimension::Mcc | Dimension::Country => None,
        }
    }
}

pub(crate) struct Bank {
    pub(crate) plan: Plan,
    pub(crate) usage: Usage,
    pub(crate) report: Report,
    pub(crate) tiers: BTreeMap<String, u32>,
    approved: BTreeMap<String, (Vec<Move>, u64, u64)>,
    moves: Moves,
}

pub(crate) fn plan(rules: &str) -> Plan {
    let rules = RuleSet::parse(&format!("version = \"test\"\n{rules}"), "test").unwrap();
    Plan::compile(&rules, &Register).unwrap()
}

impl Bank {
    pub(crate) fn new(rules: &str) -> Self {
        let plan = plan(rules);
        let mut usage = Usage::new();
        usage.install(&plan);
        let (report, moves) = (Report::default(), Moves::default());
        Self { plan, usage, report, tiers: BTreeMap::new(), approved: BTreeMap::new(), moves }
    }

    /// A change of the rule set.
    pub(crate) fn rules(&mut self, rules: &str) {
        self.plan = plan(rules);
        self.usage.install(&self.plan);
    }

    pub(crate) fn card_limit(&mut self, card: &str, limit: &str, ceiling: &str, valid: [&str; 2]) {
        let place = self.plan.limit_named(limit).unwrap();
        let limit = CardLimit {
            limit: limit.to_owned(),
            ceiling: self.plan.parse_ceiling(place, ceiling).unwrap(),
            valid_from: BusinessDate::parse(valid[0]).ok(),
            valid_until: BusinessDate::parse(valid[1]).ok(),
        };
        let card = Register.index(Dimension::Card, card).unwrap();
        self.usage.set_card_limits(card, &[limit], &self.plan);
    }

    /// Plays the lines and compares each result.
    #[track_caller]
    pub(crate) fn plays(&mut self, lines: &str) {
        for line in lines.lines().map(|line| line.split("  #").next().unwrap().trim()) {
            if line.is_empty() {
                continue;
            }
            let (asked, expected) = line.split_once(" = ").unwrap_or((line, ""));
            let result = self.play(asked);
            assert_eq!(result, expected.trim(), "{asked}\n{:#?}", self.report.verdicts());
        }
    }

    fn play(&mut self, line: &str) -> String {
        let (name, line) = line.split_once(": ").unwrap_or(("", line));
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[2] == "reverse" {
            self.reverse(&words[3..]);
            return String::new();
        }
        let facts = self.facts(&words);
        check(&self.plan, &self.usage, &facts, &mut self.report);
        if let Some(over) = self.report.first_over() {
            let code = over.code.unwrap();
            let left = self.report.cap_left();
            let left = left.map(|left| format!(" left {}", format_minor(i128::from(left), 2)));
            return format!("{code}{}", left.unwrap_or_default());
        }
        if self.report.needs_pin().is_some() {
            return "PIN".to_owned();
        }
        record(&self.plan, &mut self.usage, &facts, &mut self.moves);
        let receipts = self.moves.as_slice().to_vec();
        self.approved.insert(name.to_owned(), (receipts, facts.amount_kgs, facts.cash_kgs));
        "ok".to_owned()
    }

    fn reverse(&mut self, words: &[&str]) {
        let (moves, amount, cash) = self.approved.get_mut(words[0]).unwrap();
        let portion = match words {
            [_] => Portion::whole(*amount, *cash),
            [_, part] => Portion::part(minor(part), 0),
            [_, part, "back", cash] => Portion::part(minor(part), minor(cash)),
            _ => panic!("{words:?}"),
        };
        *amount -= portion.amount_kgs;
        *cash -= portion.cash_kgs.min(*cash);
        give_back(&mut self.usage, moves, portion);
    }

    pub(crate) fn facts(&self, words: &[&str]) -> Facts {
        let [day, time, card, device, what, amount] = words[..6] else { panic!("{words:?}") };
        let rest = &words[6..];
        let has = |word| rest.contains(&word);
        let after = |word| {
            let at = rest.iter().position(|other| *other == word);
            at.map(|at| rest[at + 1])
        };
        let moment = moment(day, time);
        let card_at = Register.index(Dimension::Card, card).unwrap();
        let (_, customer, tier) = CARDS[card_at as usize];
        let device_at = Register.index(Dimension::Device, device).unwrap();
        let (_, category, agent, merchant) = DEVICES[device_at as usize];
        let amount = minor(amount);
        let operation = match (what, category) {
            ("cash", DeviceCategory::Atm) => Operation::AtmCash,
            ("cash", DeviceCategory::Agent) => Operation::AgentCash,
            ("cash", _) => Operation::BranchCash,
            ("buy", DeviceCategory::Ecommerce) => Operation::Ecommerce,
            ("buy", _) => Operation::Purchase,
            ("transfer", _) => Operation::Transfer,
            ("payin", _) => Operation::CashIn,
            ("refund", _) => Operation::Refund,
            ("ask", _) => Operation::Other,
            _ => panic!("{what}"),
        };
        let tier = self.tiers.get(card).copied().or(Register.index(Dimension::Tier, tier));
        Facts {
            moment,
            date: moment.business_date(),
            card: card_at,
            account: card_at,
            customer,
            product: 0,
            tier: tier.unwrap(),
            device: device_at,
            agent,
            merchant,
            network: Some(0),
            mcc: after("mcc").map_or(0, |mcc| mcc.parse().unwrap()),
            country: country_numeric(after("in").unwrap_or("KG")).unwrap(),
            category,
            operation,
            contactless: has("tap"),
            card_present: category != DeviceCategory::Ecommerce,
            credit: matches!(operation, Operation::CashIn | Operation::Refund),
            increment: has("more"),
            before: after("stands").map_or(Before::default(), |stands| {
                let amount_kgs = minor(stands);
                let vouched = has("vouched");
                let cash = if what == "cash" { amount_kgs } else { 0 };
                Before {
                    amount_kgs,
                    no_pin_kgs: if vouched { 0 } else { amount_kgs },
                    cash_kgs: cash,
                    cash_exact_kgs: cash,
                }
            }),
            pin: match () {
                () if has("pin") => Pin::Online,
                () if has("offline") => Pin::Offline,
                () if has("cdcvm") => Pin::Cdcvm,
                () => Pin::None,
            },
            amount_kgs: amount,
            cash_kgs: after("back").map_or(if what == "cash" { amount } else { 0 }, minor),
            cash_exact_kgs: after("back").map_or(if what == "cash" { amount } else { 0 }, minor),
        }
    }
}

pub(crate) fn minor(text: &str) -> u64 {
    u64::try_from(parse_minor(text, 2).unwrap()).unwrap()
}

/// A time of November 2026; days above 30 run on into December.
pub(crate) fn moment(day: &str, time: &str) -> Moment {
    let first = BusinessDate::parse("2026-11-01").unwrap();
    let date = first.plus_days(day.parse::<i32>().unwrap() - 1);
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    let seconds = parts[0] * 3600 + parts[1] * 60 + parts.get(2).copied().unwrap_or_default();
    Moment::new(date.start(ZONE).plus_ms(seconds * 1000), ZONE)
}

pub(crate) const TIERS_OF_THE_DRAFT: &str = r#"
[[edition]]
rule = "contactless"
name = "2020-draft"
in_force_from = 2021-01-01
[contactless.tier.low]
per_transaction = "1000.00"
count_since_pin = 2
[contactless.tier.standard]
per_transaction = "5000.00"
sum_since_pin = "8000.00"
"#;
