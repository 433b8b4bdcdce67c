//! The limits with a million cards and twenty limits on: what a check, an approval and a reversal
//! cost, and how many bytes of counters a card takes.
//!
//! Cards are met in random order, so nearly every touch misses the processor's caches; the last
//! group shows one card again and again, for the work alone. `LIMITS_CARDS=10000000` for more.

use criterion::{Criterion, criterion_group, criterion_main};
use limits::{
    Dimension, Facts, Move, Moves, Names, Operation, Pin, Plan, Portion, Report, RuleSet, Usage,
    check, give_back, record,
};
use payment_types::{DeviceCategory, Moment, Timestamp, UtcOffset};
use std::hint::black_box;

struct Nobody;

impl Names for Nobody {
    fn index(&self, _: Dimension, _: &str) -> Option<u32> {
        None
    }
}

/// Scope, counts, window, measure.
const LIMITS: [(&str, &str, &str, &str); 20] = [
    ("card", "all", "transaction", "amount"),
    ("card", "atm_cash", "day", "amount"),
    ("card", "atm_cash", "day", "count"),
    ("card", "agent_cash", "week", "amount"),
    ("card", "branch_cash", "day", "amount"),
    ("card", "purchase", "day", "amount"),
    ("card", "purchase", "day", "count"),
    ("card", "purchase", "month", "amount"),
    ("card", "contactless", "day", "amount"),
    ("card", "contactless", "day", "count"),
    ("card", "ecommerce", "day", "amount"),
    ("card", "ecommerce", "day", "count"),
    ("card", "ecommerce", "month", "amount"),
    ("card", "transfer", "day", "amount"),
    ("card", "all", "day", "count"),
    ("card", "all", "month", "amount"),
    ("customer", "all", "day", "amount"),
    ("customer", "all", "month", "amount"),
    ("account", "all", "week", "amount"),
    ("device", "all", "day", "count"),
];

fn rules(limits: &[(&str, &str, &str, &str)]) -> String {
    let mut text = String::from("version = \"bench\"\n");
    for (at, (scope, counts, window, measure)) in limits.iter().enumerate() {
        let ceiling = if *measure == "amount" { "\"900000000.00\"" } else { "900000000" };
        text.push_str(&format!(
            "[[limit]]\nid = \"l{at}\"\nscope = \"{scope}\"\ncounts = \"{counts}\"\n\
             window = \"{window}\"\nmeasure = \"{measure}\"\nceiling = {ceiling}\n"
        ));
    }
    text
}

fn plan(limits: &[(&str, &str, &str, &str)]) -> Plan {
    let rules = RuleSet::parse(&rules(limits), "bench").unwrap_or_else(|e| panic!("{e:?}"));
    Plan::compile(&rules, &Nobody).unwrap_or_else(|e| panic!("{e:?}"))
}

fn facts(card: u32, operation: Operation) -> Facts {
    let moment = Moment::new(Timestamp(1_795_406_400_000), UtcOffset(360));
    let agent = operation == Operation::AgentCash;
    Facts {
        moment,
        date: moment.business_date(),
        card,
        account: card,
        customer: card,
        product: 0,
        tier: 0,
        device: card % 5_000,
        agent: agent.then_some(card % 500),
        merchant: None,
        network: Some(0),
        mcc: 5411,
        country: 417,
        category: if agent { DeviceCategory::Agent } else { DeviceCategory::Merchant },
        operation,
        contactless: card.is_multiple_of(2),
        card_present: true,
        credit: false,
        increment: false,
        before: Default::default(),
        pin: if agent || card.is_multiple_of(3) { Pin::Online } else { Pin::None },
        amount_kgs: 5_000,
        cash_kgs: if agent { 5_000 } else { 0 },
        cash_exact_kgs: if agent { 5_000 } else { 0 },
    }
}

/// Cards in an order no cache can guess.
struct Cards {
    state: u64,
    count: u64,
}

impl Cards {
    fn next(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let card = ((self.state >> 32) * self.count) >> 32;
        u32::try_from(card).unwrap_or_default()
    }
}

/// Every card with one purchase counted.
fn used(plan: &Plan, cards: u32) -> Usage {
    let (mut usage, mut moves) = (Usage::new(), Moves::default());
    usage.install(plan);
    for card in 0..cards {
        record(plan, &mut usage, &facts(card, Operation::Purchase), &mut moves);
    }
    usage
}

fn at_random(c: &mut Criterion) {
    let count: u32 =
        std::env::var("LIMITS_CARDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let plan = plan(&LIMITS);
    let mut usage = used(&plan, count);
    let (keys, bytes) = usage.size();
    println!(
        "{count} cards, {} limits: {keys} blocks of counters, {} bytes a card",
        LIMITS.len(),
        bytes / count as usize
    );
    let mut cards = Cards { state: 1, count: u64::from(count) };
    let (mut report, mut moves) = (Report::with_capacity(20), Moves::with_capacity(5));
    let mut group = c.benchmark_group(format!("limits, 20 on, {count} cards at random"));
    for (name, operation) in
        [("purchase", Operation::Purchase), ("agent cash", Operation::AgentCash)]
    {
        group.bench_function(format!("check {name}"), |b| {
            b.iter(|| {
                check(&plan, &usage, &facts(cards.next(), operation), &mut report);
                black_box(report.first_over().is_some())
            });
        });
    }
    group.bench_function("check and record purchase", |b| {
        b.iter(|| {
            let facts = facts(cards.next(), Operation::Purchase);
            check(&plan, &usage, &facts, &mut report);
            record(&plan, &mut usage, &facts, &mut moves);
            black_box(moves.as_slice().len())
        });
    });
    let receipts: Vec<Vec<Move>> = (0..100_000)
        .map(|_| {
            let facts = facts(cards.next(), Operation::Purchase);
            record(&plan, &mut usage, &facts, &mut moves);
            moves.as_slice().to_vec()
        })
        .collect();
    let mut next = receipts.iter().cycle();
    group.bench_function("give back a purchase", |b| {
        b.iter(|| {
            let moves = next.next().map(Vec::as_slice).unwrap_or_default();
            give_back(&mut usage, moves, Portion::whole(5_000, 0));
        });
    });
    group.bench_function("snapshot (clone)", |b| b.iter(|| black_box(usage.clone())));
    group.finish();
}

fn one_card(c: &mut Criterion) {
    let mut group = c.benchmark_group("limits, one card");
    let rolling = ["rolling-1h", "rolling-24h", "rolling-7d", "rolling-30d"];
    let rolling = rolling.map(|window| ("card", "all", window, "amount"));
    for (name, limits) in [("20 limits", &LIMITS[..]), ("4 rolling limits", &rolling)] {
        let plan = plan(limits);
        let mut usage = used(&plan, 1);
        let (mut report, mut moves) = (Report::with_capacity(20), Moves::with_capacity(5));
        let facts = facts(0, Operation::Purchase);
        group.bench_function(format!("check, {name}"), |b| {
            b.iter(|| {
                check(&plan, &usage, black_box(&facts), &mut report);
                black_box(report.first_over().is_some())
            });
        });
        group.bench_function(format!("check, record, give back, {name}"), |b| {
            b.iter(|| {
                check(&plan, &usage, black_box(&facts), &mut report);
                record(&plan, &mut usage, black_box(&facts), &mut moves);
                give_back(&mut usage, moves.as_slice(), Portion::whole(5_000, 0));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, at_random, one_card);
criterion_main!(benches);
