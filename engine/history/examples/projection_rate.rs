//! How fast the read model takes in a journal: records and rows a second, and bytes a record.
//!
//! `cargo run --release -p history --example projection_rate -- 500000`
//!
//! A journal of that many purchases, cash-outs, declines and reversals over 100 000 cards is made
//! first, with 20 limits on; then it is projected from the first record, and some searches of the
//! full file are timed.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

#[path = "../tests/common/mod.rs"]
mod common;

use authorization::{CardItem, CardNumber, Command, PortfolioItem};
use common::{Bank, purchase, reversal};
use history::{Filter, History};
use payment_types::{ExpiryDate, Pan, PanDigest, ProcessingCode, TerminalId};
use std::fmt::Write;
use std::time::Instant;

const CARDS: u64 = 100_000;
const LIMITS: usize = 20;

fn main() {
    let count: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let mut bank = bank();
    let started = Instant::now();
    for number in 0..count {
        send(&mut bank, number);
        if number % 10_000 == 0 {
            bank.commit();
        }
    }
    let watermark = bank.commit();
    println!("journal of {watermark} records made in {:.1} s", started.elapsed().as_secs_f64());

    let (history, mut projector) = History::open(bank.path()).unwrap();
    let mut parts = Vec::new();
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut last = Instant::now();
    loop {
        let taken = projector.one_batch(watermark, 4_000).unwrap();
        parts.push((taken, last.elapsed()));
        last = Instant::now();
        if taken == 0 {
            break;
        }
    }
    let (took, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let rows = rows(&bank);
    let mut batches: Vec<f64> = parts.iter().map(|part| part.1.as_secs_f64() * 1e3).collect();
    batches.sort_by(f64::total_cmp);
    let bytes = std::fs::metadata(bank.path().join(history::FILE_NAME)).unwrap().len();
    println!(
        "projected in {took:.1} s, {cpu:.1} s of it on a processor: {:.0} records/s, {:.0} rows/s \
         ({:.0} and {:.0} a processor second); batch p50 {:.1} ms max {:.1} ms; {:.0} bytes a record",
        watermark as f64 / took,
        rows as f64 / took,
        watermark as f64 / cpu,
        rows as f64 / cpu,
        batches[batches.len() / 2],
        batches[batches.len() - 1],
        bytes as f64 / watermark as f64,
    );
    search(&history, watermark);
}

fn search(history: &History, watermark: u64) {
    let card = Filter { card: Some("K77".into()), ..Filter::default() };
    let code = Filter { code: Some("61".into()), ..Filter::default() };
    let from = common::START.plus_ms(i64::try_from(watermark).unwrap() * 500);
    let span = Filter { from: Some(from), terminal: Some("POS00001".into()), ..card.clone() };
    for (name, filter) in [("card", card), ("code", code), ("card, terminal and time", span)] {
        let started = Instant::now();
        let page = history.transactions(&filter, Some(watermark / 2), 50).unwrap();
        let rows = page.items.len();
        println!(
            "search by {name}: {rows} rows in {:.2} ms",
            started.elapsed().as_secs_f64() * 1e3
        );
    }
}

/// 5 000 cards an import part, each with an account.
fn bank() -> Bank {
    let mut bank = Bank::open();
    let mut rules = common::RULES.to_owned();
    for limit in 1..LIMITS {
        let scope = ["card", "account", "customer", "merchant"][limit % 4];
        let window = ["day", "month", "rolling-24h"][limit % 3];
        write!(
            rules,
            "[[limit]]\nid = \"l{limit}\"\nscope = \"{scope}\"\ncounts = \"all\"\n\
             measure = \"amount\"\nwindow = \"{window}\"\nceiling = \"900000000.00\"\n"
        )
        .unwrap();
    }
    bank.execute(Command::InstallRules { text: rules });
    let parts = CARDS / 5_000;
    for part in 0..parts {
        let items = (part * 5_000..(part + 1) * 5_000).flat_map(|number| {
            let mut account = common::account(&format!("X{number}"));
            if let PortfolioItem::Account(account) = &mut account {
                account.balance = 1_000_000_000;
            }
            [account, card(number)]
        });
        let (part, last) = (u32::try_from(part).unwrap(), part + 1 == parts);
        bank.execute(Command::Import { part, last, items: items.collect() });
    }
    bank
}

fn card(number: u64) -> PortfolioItem {
    let CardNumber { digest, masked, leading } = card_number(number);
    PortfolioItem::Card(CardItem {
        id: format!("K{}", number + 2).into(),
        account: format!("X{number}").into(),
        holder: "C1".into(),
        digest,
        sealed_pan: b"sealed".to_vec(),
        masked,
        leading,
        expiry: ExpiryDate::from_number(2912).unwrap(),
        sequence: 1,
        service_code: 201,
        blocks: Vec::new(),
        pin_reference: Vec::new(),
        applied_on: None,
        supplementary_of: None,
        limits: Vec::new(),
        security: Default::default(),
    })
}

fn card_number(number: u64) -> CardNumber {
    let mut digest = [1; 16];
    digest[..8].copy_from_slice(&(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes());
    let masked = Pan::from_ascii(format!("94170{number:011}").as_bytes()).unwrap().masked();
    CardNumber { digest: PanDigest::from_bytes(digest), masked, leading: 94_170_000 }
}

fn send(bank: &mut Bank, number: u64) {
    let stan = u32::try_from(number % 1_000_000).unwrap();
    let mut request = purchase(stan, 10_000 + number % 90_000);
    request.card = Some(card_number(number.wrapping_mul(48_271) % CARDS));
    match number % 10 {
        // Over pos-day.
        7 => request.amount = payment_types::Amount::new(600_000, payment_types::Currency::KGS),
        8 => {
            request.processing_code = ProcessingCode::from_number(10_000).unwrap();
            request.terminal = TerminalId::new(b"AGT00001").unwrap();
        }
        9 => {
            let mut original = purchase(stan - 9, 10_000 + (number - 9) % 90_000);
            original.card = Some(card_number((number - 9).wrapping_mul(48_271) % CARDS));
            request = reversal(stan, &original);
        }
        _ => {}
    }
    bank.now = bank.now.plus_ms(-990);
    bank.send(request);
}

/// What this thread had of a processor: the machine may be busy with other things.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    ns.unwrap_or_default() / 1e9
}

fn rows(bank: &Bank) -> u64 {
    let sql = rusqlite::Connection::open(bank.path().join(history::FILE_NAME)).unwrap();
    let count = |table: &str| -> u64 {
        let count = format!("SELECT count(*) FROM {table}");
        sql.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    };
    ["transactions", "traces", "postings", "retransmissions", "accounts", "cards"]
        .into_iter()
        .map(count)
        .sum()
}
