//! `decide` and `apply` over portfolios of 1 and 10 million cards with 20 limits on: time for a
//! decision, memory for a card, and that a decision allocates nothing.
//!
//! Run with `cargo bench -p tamga-benches --bench decide`; `CARDS=1000000` picks one size.
//! `TAMGA_BENCH_SMOKE=1` runs a small portfolio, to see that it works.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]

use authorization::*;
use payment_types::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocations() -> u64 {
    ALLOCATOR.stats().allocations as u64
}

/// Bytes allocated and not yet freed.
fn bytes_held() -> f64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

const TERMINALS: u32 = 1000;
const BATCH: usize = 20_000;
const ROUNDS: usize = 25;

fn digest(card: u64) -> PanDigest {
    let (a, b) = (dense_mix(card), dense_mix(card ^ 0x5DEE_CE66));
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    PanDigest::from_bytes(bytes)
}

fn dense_mix(key: u64) -> u64 {
    let a =
        (key.wrapping_add(0x9E37_79B9_7F4A_7C15) ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    b ^ (b >> 31)
}

/// Twenty limits of several scopes, measures and windows: what a bank might have on at once.
fn rules() -> String {
    let mut text = String::from(
        "version = \"bench\"\n[[indicator]]\nvalue = \"100.00\"\nvalid_from = 2006-01-01\n\
         [[edition]]\nrule = \"contactless\"\nname = \"2020-draft\"\nin_force_from = 2021-01-01\n\
         [[edition]]\nrule = \"agent_cash\"\nname = \"2020-draft\"\nin_force_from = 2021-01-01\n",
    );
    let rows = [
        ("card", "all", "amount", "day", "500000.00"),
        ("card", "all", "count", "day", "2000"),
        ("card", "purchase", "amount", "day", "400000.00"),
        ("card", "purchase", "amount", "month", "9000000.00"),
        ("card", "purchase", "count", "rolling-1h", "1000"),
        ("card", "contactless", "amount", "day", "100000.00"),
        ("card", "atm_cash", "amount", "day", "50000.00"),
        ("card", "atm_cash", "count", "day", "10"),
        ("card", "ecommerce", "amount", "day", "100000.00"),
        ("card", "all", "amount", "week", "3000000.00"),
        ("account", "all", "amount", "day", "900000.00"),
        ("account", "all", "amount", "month", "9000000.00"),
        ("account", "purchase", "amount", "rolling-24h", "900000.00"),
        ("customer", "all", "amount", "day", "900000.00"),
        ("customer", "all", "count", "day", "5000"),
        ("customer", "agent_cash", "amount", "month", "400000.00"),
        ("card", "purchase", "amount", "transaction", "200000.00"),
        ("card", "all", "amount", "transaction", "250000.00"),
        ("device", "all", "count", "day", "100000000"),
        ("device", "all", "amount", "day", "900000000.00"),
    ];
    for (at, (scope, counts, measure, window, ceiling)) in rows.into_iter().enumerate() {
        let ceiling =
            if measure == "count" { ceiling.to_owned() } else { format!("\"{ceiling}\"") };
        text += &format!(
            "[[limit]]\nid = \"l{at}\"\nscope = \"{scope}\"\ncounts = \"{counts}\"\n\
             measure = \"{measure}\"\nwindow = \"{window}\"\nceiling = {ceiling}\n"
        );
    }
    text
}

fn item(card: u64) -> [PortfolioItem; 3] {
    let (customer, account) = (format!("C{card}"), format!("A{card}"));
    let pan = Pan::from_ascii(format!("9417{card:012}").as_bytes()).unwrap();
    [
        PortfolioItem::Customer {
            id: customer.as_str().into(),
            tier: "standard".into(),
            details: b"sealed".to_vec(),
        },
        PortfolioItem::Account(AccountItem {
            id: account.as_str().into(),
            customer: customer.as_str().into(),
            product: "elcart".into(),
            currency: Currency::KGS,
            balance: 1_000_000_000_000,
            overdraft_limit: 0,
            overdraft_from: None,
            overdraft_until: None,
        }),
        PortfolioItem::Card(CardItem {
            id: format!("K{card}").as_str().into(),
            account: account.as_str().into(),
            holder: customer.as_str().into(),
            digest: digest(card),
            sealed_pan: b"sealed".to_vec(),
            masked: pan.masked(),
            leading: pan.leading(),
            expiry: ExpiryDate::from_number(3512).unwrap(),
            sequence: 1,
            service_code: 201,
            blocks: vec![],
            pin_reference: vec![1; 17],
            applied_on: None,
            supplementary_of: None,
            limits: vec![],
            security: Default::default(),
        }),
    ]
}

fn portfolio(state: &mut State, cards: u64) {
    let product = PortfolioItem::Product(ProductItem {
        id: "elcart".into(),
        currency: Currency::KGS,
        minimum_balance: 0,
        contactless: true,
        partial_approval: false,
        pin_tries: 3,
        hold_days: None,
        security: Default::default(),
    });
    state.import_items(&[product]).unwrap();
    let merchant = PortfolioItem::Merchant {
        id: "M1".into(),
        name: "Market One".into(),
        mcc: 5411,
        country: "KG".into(),
    };
    state.import_items(&[merchant]).unwrap();
    for at in 0..TERMINALS {
        let terminal = PortfolioItem::Terminal(TerminalItem {
            id: TerminalId::new(format!("P{at:07}").as_bytes()).unwrap(),
            category: DeviceCategory::Merchant,
            merchant: Some("M1".into()),
            agent: None,
            listener: "pos".into(),
            on_us: true,
            denominations: vec![],
            keys: Default::default(),
            security: Default::default(),
            partial_approval: false,
            balance_on_decline: false,
        });
        state.import_items(&[terminal]).unwrap();
    }
    for card in 0..cards {
        state.import_items(&item(card)).unwrap();
    }
}

fn request(number: u64, cards: u64) -> Request {
    let card = dense_mix(number) % cards;
    // A different terminal each time, so that terminal and STAN never meet twice.
    let terminal = u32::try_from(number * 7919 % u64::from(TERMINALS)).unwrap();
    let pan = Pan::from_ascii(format!("9417{card:012}").as_bytes()).unwrap();
    Request {
        mti: Mti::parse("0200").unwrap(),
        processing_code: ProcessingCode::default(),
        card: Some(CardNumber {
            digest: digest(card),
            masked: pan.masked(),
            leading: pan.leading(),
        }),
        amount: Amount::new(1_000 + number % 5_000, Currency::KGS),
        cash_back: None,
        surcharge: None,
        sender_told: false,
        stan: Stan::new(u32::try_from(number / u64::from(TERMINALS) % 1_000_000).unwrap()).unwrap(),
        rrn: Some(Rrn::new(format!("{:012}", number % 1_000_000_000_000).as_bytes()).unwrap()),
        transmission: WireDateTime::from_number(1_123_040_000 + number / 7_000 % 60).unwrap(),
        local: WireDateTime::from_number(1_123_100_000 + number / 7_000 % 60).unwrap(),
        expiry: None,
        entry_mode: EntryMode::from_number(51).unwrap(),
        condition: PosConditionCode::default(),
        acquirer: AcquirerId(417_001),
        forwarding: AcquirerId::default(),
        terminal: TerminalId::new(format!("P{terminal:07}").as_bytes()).unwrap(),
        acceptor: AcceptorId::default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        extra: None,
        facts: SecurityFacts::of_pin(PinFact::OnlineVerified),
    }
}

struct Figures {
    decide: Vec<f64>,
    both: Vec<f64>,
    encode: Vec<f64>,
    allocations: u64,
    record_bytes: usize,
}

fn run(state: &mut State, cards: u64, batch: usize) -> Figures {
    let mut scratch = Scratch::new();
    let mut figures =
        Figures { decide: vec![], both: vec![], encode: vec![], allocations: 0, record_bytes: 0 };
    let offset = UtcOffset(360);
    let start = BusinessDate::parse("2026-11-23").unwrap().start(offset).plus_ms(36_000_000);
    let (mut number, mut record) = (0u64, Vec::with_capacity(4096));
    let per = |seconds: f64| seconds * 1e9 / batch as f64;
    for round in 0..ROUNDS {
        let moment = Moment::new(start.plus_ms(i64::try_from(round).unwrap() * 1000), offset);
        let requests: Vec<Request> =
            (number..number + batch as u64).map(|number| request(number, cards)).collect();
        number += batch as u64;
        let began = Instant::now();
        for request in &requests {
            assert!(state.preview(moment, request, &mut scratch).result.is_approval());
        }
        figures.decide.push(per(began.elapsed().as_secs_f64()));
        let before = allocations();
        let began = Instant::now();
        for request in &requests {
            let sequence = Sequence(state.last_sequence().0 + 1);
            let decision = state.authorize(sequence, moment, request, &mut scratch);
            assert!(decision.result.is_approval());
        }
        figures.both.push(per(began.elapsed().as_secs_f64()));
        figures.allocations = allocations() - before;
        let request = &requests[0];
        let decision = state.preview(moment, &self::request(number + 9, cards), &mut scratch);
        let began = Instant::now();
        for _ in 0..batch {
            record.clear();
            let version = state.rules_version();
            encode_decided(moment, request, &decision, &scratch, version, &mut record);
        }
        figures.encode.push(per(began.elapsed().as_secs_f64()));
        figures.record_bytes = record.len();
    }
    figures
}

fn spread(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    format!("{:>7.0} {:>7.0} {:>7.0}", at(0.1), at(0.5), at(0.9))
}

fn measure(cards: u64, batch: usize) {
    let before = bytes_held();
    let mut state = State::new();
    let began = Instant::now();
    portfolio(&mut state, cards);
    let imported = began.elapsed().as_secs_f64();
    let bytes = (bytes_held() - before) / cards as f64;
    let text = rules();
    let accepted = Accepted {
        moment: Moment::default(),
        idempotency: None,
        command: Command::InstallRules { text },
    };
    let outcome = state.execute(Sequence(1), &accepted, &mut Scratch::new());
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let mut figures = run(&mut state, cards, batch);
    println!("\n{cards} cards (each with its account and customer), 20 limits on");
    println!(
        "  portfolio: {imported:.1} s in memory, {bytes:.0} bytes a card with account and customer"
    );
    println!("  {:<28}{:>7} {:>7} {:>7}  ns each", "", "p10", "median", "p90");
    println!("  {:<28}{}", "decide", spread(&mut figures.decide));
    println!("  {:<28}{}", "decide again + apply", spread(&mut figures.both));
    println!("  {:<28}{}", "encode the record", spread(&mut figures.encode));
    println!("  a record has {} bytes", figures.record_bytes);
    let each = figures.allocations as f64 / batch as f64;
    println!("  allocations in apply: {each:.3} a decision (chunks of the arrays that grow)");
    let (keys, counters) = state.usage().size();
    println!("  counters: {keys} keys, {:.0} bytes each", counters as f64 / keys.max(1) as f64);
}

fn main() {
    let smoke = std::env::var_os("TAMGA_BENCH_SMOKE").is_some();
    let chosen = std::env::var("CARDS").ok().and_then(|cards| cards.parse::<u64>().ok());
    match (smoke, chosen) {
        (true, _) => measure(10_000, 500),
        (false, Some(cards)) => measure(cards, BATCH),
        (false, None) => {
            [1_000_000, 10_000_000].into_iter().for_each(|cards| measure(cards, BATCH))
        }
    }
}
