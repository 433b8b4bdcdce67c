//! The counters against a slow and obvious model: a list of all that was approved, summed anew for
//! every question.
#![allow(clippy::unwrap_used)]

mod support;

use limits::{
    Edition, Facts, Figure, Moves, Operation, Outcome, Pin, Plan, Portion, RegulatedRule, Report,
    Rule, Usage, Verdict, check, give_back, record,
};
use payment_types::{DeviceCategory, Moment};
use proptest::prelude::*;
use support::{moment, plan};

const LIMITS: &str = r#"
[[limit]]
id = "card-day"
scope = "card"
counts = "all"
window = "day"
ceiling = "900.00"
[[limit]]
id = "card-ops"
scope = "card"
counts = "all"
measure = "count"
window = "rolling-1h"
ceiling = 4
[[limit]]
id = "holder-week"
scope = "customer"
counts = "purchase"
window = "week"
ceiling = "2000.00"
[[limit]]
id = "atm-rolling"
scope = "card"
counts = "atm_cash"
window = "rolling-24h"
ceiling = "700.00"
[[limit]]
id = "at-agent"
scope = ["card", "agent"]
counts = "agent_cash"
window = "rolling-7d"
ceiling = "1500.00"
[[limit]]
id = "taps"
scope = ["customer", "device"]
counts = "contactless"
measure = "count"
window = "month"
ceiling = 9
[[limit]]
id = "device-30d"
scope = "device"
counts = "all"
window = "rolling-30d"
ceiling = "90000.00"
"#;

const DRAFT: &str = r#"
[[edition]]
rule = "contactless"
name = "2020-draft"
in_force_from = 2021-01-01
[[edition]]
rule = "agent_cash"
name = "2020-draft"
in_force_from = 2021-01-01
[contactless.tier.low]
per_transaction = "300.00"
per_day = "500.00"
count_since_pin = 3
sum_since_pin = "600.00"
[agent_cash]
cap_indicators = 6
"#;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Minutes go by.
    Wait(i64),
    /// A request; a fact is counted whatever the verdict.
    Request { card: u32, device: u32, amount: u64, kind: u8, pin: u8, fact: bool },
    /// A part (in percent) of an earlier approval is reversed, or all that is left.
    Reverse { which: usize, percent: u64, whole: bool },
    /// The other edition comes into force.
    ChangeRules(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let request = (0..3u32, 0..3u32, 1..40_000u64, 0..6u8, 0..4u8, prop::bool::weighted(0.2));
    let request = request.prop_map(|(card, device, amount, kind, pin, fact)| Step::Request {
        card,
        device,
        amount,
        kind,
        pin,
        fact,
    });
    let reverse = (any::<usize>(), 1..100u64, any::<bool>())
        .prop_map(|(which, percent, whole)| Step::Reverse { which, percent, whole });
    prop_oneof![
        2 => (0..90i64).prop_map(Step::Wait),
        1 => (0..3000i64).prop_map(Step::Wait),
        9 => request,
        3 => reverse,
        1 => any::<bool>().prop_map(Step::ChangeRules),
    ]
}

fn facts(at: Moment, step: (u32, u32, u64, u8, u8)) -> Facts {
    let (card, device, amount, kind, pin) = step;
    let category =
        [DeviceCategory::Agent, DeviceCategory::Merchant, DeviceCategory::Atm][device as usize];
    let (operation, cash) = match (kind, category) {
        (0, DeviceCategory::Agent) => (Operation::AgentCash, amount),
        (0, DeviceCategory::Atm) => (Operation::AtmCash, amount),
        (1, DeviceCategory::Agent) => (Operation::Purchase, amount / 3),
        (5, _) => (Operation::CashIn, 0),
        _ => (Operation::Purchase, 0),
    };
    Facts {
        moment: at,
        date: at.business_date(),
        card,
        account: card,
        customer: card / 2,
        product: 0,
        tier: 0,
        device,
        agent: (category == DeviceCategory::Agent).then_some(1),
        merchant: None,
        network: None,
        mcc: 0,
        country: 417,
        category,
        operation,
        contactless: kind >= 3,
        card_present: true,
        credit: operation == Operation::CashIn,
        increment: false,
        before: Default::default(),
        pin: [Pin::None, Pin::None, Pin::Offline, Pin::Online][pin as usize],
        amount_kgs: amount,
        cash_kgs: cash,
        cash_exact_kgs: cash,
    }
}

/// An approval and what is left of it.
struct Approved {
    facts: Facts,
    amount: u64,
    cash: u64,
    counts: bool,
    receipts: Vec<limits::Move>,
}

impl Approved {
    fn count(&self) -> u64 {
        u64::from(self.counts)
    }
}

#[derive(Default)]
struct Model {
    approved: Vec<Approved>,
    /// By customer: how many approvals there were when the last PIN came.
    pin_at: [usize; 2],
}

impl Model {
    fn sum(&self, counts: impl Fn(&Facts) -> bool, value: impl Fn(&Approved) -> u64) -> u64 {
        self.approved.iter().filter(|approved| counts(&approved.facts)).map(value).sum()
    }

    /// What a verdict must say was used.
    fn used(&self, now: &Facts, verdict: &Verdict) -> u64 {
        let same_day = |facts: &Facts| facts.date == now.date;
        let no_pin = |facts: &Facts| {
            facts.pin == Pin::None && !facts.credit && facts.customer == now.customer
        };
        let since_pin = || {
            let from = self.pin_at[now.customer as usize];
            self.approved.iter().skip(from).filter(|approved| no_pin(&approved.facts))
        };
        match (verdict.rule, verdict.figure) {
            (Rule::Agt1, _) => self.sum(
                |facts| facts.is_agent_cash() && facts.customer == now.customer && same_day(facts),
                |approved| approved.cash,
            ),
            (Rule::Agt2, _) => self.sum(
                |facts| {
                    let same = facts.card == now.card && facts.device == now.device;
                    facts.is_agent_cash() && same && same_day(facts)
                },
                |approved| approved.cash,
            ),
            (Rule::Ctl2, Figure::PerDay) => {
                self.sum(|facts| no_pin(facts) && same_day(facts), |approved| approved.amount)
            }
            (Rule::Ctl2, Figure::CountSincePin) => since_pin().map(Approved::count).sum(),
            (Rule::Ctl2, Figure::SumSincePin) => since_pin().map(|approved| approved.amount).sum(),
            (_, Figure::Limit(at)) => self.used_of_limit(now, at),
            _ => 0,
        }
    }

    /// The same for a limit, by its place in [`LIMITS`].
    fn used_of_limit(&self, now: &Facts, at: u16) -> u64 {
        let minute = |facts: &Facts| facts.moment.at.0 / 60_000;
        let within = |facts: &Facts, bucket: i64, buckets: i64| {
            minute(facts) / bucket >= minute(now) / bucket - buckets
        };
        let amount = |approved: &Approved| approved.amount;
        let cash = |approved: &Approved| approved.cash;
        let goods = |approved: &Approved| approved.amount - approved.cash;
        let same_card = |facts: &Facts| facts.card == now.card;
        match at {
            0 => self.sum(|f| !f.credit && same_card(f) && f.date == now.date, amount),
            1 => self.sum(|f| !f.credit && same_card(f) && within(f, 1, 60), Approved::count),
            2 => self.sum(
                |f| {
                    let same = f.customer == now.customer && f.date.week() == now.date.week();
                    f.operation == Operation::Purchase && same
                },
                goods,
            ),
            3 => self.sum(
                |f| f.operation == Operation::AtmCash && same_card(f) && within(f, 15, 96),
                cash,
            ),
            4 => self.sum(|f| f.is_agent_cash() && same_card(f) && within(f, 60, 168), cash),
            5 => self.sum(
                |f| {
                    let same = f.customer == now.customer && f.device == now.device;
                    let month = f.date.month() == now.date.month();
                    f.contactless && !f.credit && same && month
                },
                Approved::count,
            ),
            _ => {
                let same = |f: &Facts| !f.credit && f.device == now.device;
                self.sum(|f| same(f) && within(f, 360, 120), amount)
            }
        }
    }

    /// Which limits must have been looked at.
    fn applicable(now: &Facts) -> Vec<u16> {
        let debit = !now.credit;
        let applies = [
            debit,
            debit,
            now.operation == Operation::Purchase,
            now.operation == Operation::AtmCash,
            now.is_agent_cash(),
            debit && now.contactless,
            debit,
        ];
        (0u16..).zip(applies).filter(|(_, applies)| *applies).map(|(at, _)| at).collect()
    }
}

fn compare(model: &Model, facts: &Facts, plan: &Plan, report: &Report) {
    let mut looked_at = Vec::new();
    for verdict in report.verdicts() {
        if let Figure::Limit(at) = verdict.figure {
            looked_at.push(at);
        }
        if verdict.outcome == Outcome::NotApplicable {
            continue;
        }
        assert_eq!(verdict.used, model.used(facts, verdict), "{verdict:?}");
        if !matches!(verdict.outcome, Outcome::NeedsPin) || verdict.rule != Rule::Ctl4 {
            let over = verdict.used + verdict.asked > verdict.ceiling;
            assert_eq!(over, verdict.outcome != Outcome::Pass, "{verdict:?}");
        }
    }
    assert_eq!(looked_at, Model::applicable(facts));
    let draft = plan.edition(RegulatedRule::AgentCash, facts) == Edition::Draft2020;
    let rule = if draft { Rule::Agt2 } else { Rule::Agt1 };
    assert!(report.verdicts().iter().any(|verdict| verdict.rule == rule));
}

fn run(steps: &[Step]) {
    let plans = [plan(LIMITS), plan(&format!("{LIMITS}{DRAFT}"))];
    let mut plan = &plans[0];
    let (mut usage, mut model) = (Usage::new(), Model::default());
    let (mut report, mut moves) = (Report::default(), Moves::default());
    usage.install(plan);
    let mut now = moment("01", "09:00");
    for step in steps {
        match step {
            Step::Wait(minutes) => now.at = now.at.plus_ms(minutes * 60_000),
            Step::ChangeRules(draft) => {
                plan = &plans[usize::from(*draft)];
                usage.install(plan);
            }
            Step::Request { card, device, amount, kind, pin, fact } => {
                let facts = facts(now, (*card, *device, *amount, *kind, *pin));
                check(plan, &usage, &facts, &mut report);
                compare(&model, &facts, plan, &report);
                let passes = report.first_over().is_none() && report.needs_pin().is_none();
                if passes || *fact {
                    record(plan, &mut usage, &facts, &mut moves);
                    if facts.pin == Pin::Online {
                        model.pin_at[facts.customer as usize] = model.approved.len();
                    }
                    model.approved.push(Approved {
                        facts,
                        amount: facts.amount_kgs,
                        cash: facts.cash_kgs,
                        counts: true,
                        receipts: moves.as_slice().to_vec(),
                    });
                }
            }
            Step::Reverse { which, percent, whole } => {
                let count = model.approved.len();
                let Some(approved) = model.approved.get_mut(which % count.max(1)) else { continue };
                if !approved.counts {
                    continue;
                }
                let portion = if *whole {
                    Portion::whole(approved.amount, approved.cash)
                } else {
                    Portion::part(approved.amount * percent / 100, approved.cash * percent / 100)
                };
                give_back(&mut usage, &approved.receipts, portion);
                approved.amount -= portion.amount_kgs;
                approved.cash -= portion.cash_kgs;
                approved.counts = !portion.whole;
            }
        }
    }
    let stored = postcard::to_allocvec(&usage).unwrap();
    assert!(postcard::from_bytes::<Usage>(&stored).unwrap() == usage);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn counters_are_what_the_list_of_approvals_says(steps in prop::collection::vec(step(), 1..250)) {
        run(&steps);
    }
}
