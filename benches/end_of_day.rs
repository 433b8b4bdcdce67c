//! The end of a day over a million accounts of which 5 % are overdrawn: seconds, parts, and how
//! long a request waits that comes while it runs.
//!
//! Each part is what the shard does with it: carried out, encoded, appended, and one flush. A
//! request that comes during a part waits for its end, is decided and flushed with its like; its
//! wait is counted from the moment it came, spread evenly over the whole run.
//!
//! Run with `cargo bench -p tamga-benches --bench end_of_day`; `ACCOUNTS=100000` picks another size,
//! `TAMGA_BENCH_DIR=/some/disk` the disk. `TAMGA_BENCH_SMOKE=1` runs a small one, to see that it
//! works.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

use authorization::*;
use journal::{Journal, Options, Recovery};
use payment_types::*;
use std::time::{Duration, Instant};

const DAYS: i32 = 8;
/// One account in so many is overdrawn.
const OVERDRAWN: u64 = 20;
/// Between two requests that come while a day is ended.
const EVERY: Duration = Duration::from_micros(200);

const RULES: &str = "version = \"bench\"\n[[indicator]]\nvalue = \"100.00\"\n\
    valid_from = 2006-01-01\n[technical_overdraft]\nannual_rate = \"24.00\"\n\
    day_count = \"actual/365\"\nblock = { when_overdue = true, lift_on_repayment = true }\n\
    [calendar]\nholidays = [2027-01-01]\n";

fn items(at: u64) -> [PortfolioItem; 3] {
    let (customer, account) = (format!("C{at}"), format!("A{at}"));
    let pan = Pan::from_ascii(format!("9417{at:012}").as_bytes()).unwrap();
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&at.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    let balance = if at.is_multiple_of(OVERDRAWN) {
        -100_000 - i64::try_from(at % 7_919).unwrap()
    } else {
        500_000
    };
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
            balance,
            overdraft_limit: 0,
            overdraft_from: None,
            overdraft_until: None,
        }),
        PortfolioItem::Card(CardItem {
            id: format!("K{at}").as_str().into(),
            account: account.as_str().into(),
            holder: customer.as_str().into(),
            digest: PanDigest::from_bytes(digest),
            sealed_pan: b"sealed".to_vec(),
            masked: pan.masked(),
            leading: 94_170_000,
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

fn bank(accounts: u64) -> State {
    let mut state = State::new();
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
    for at in 0..accounts {
        state.import_items(&items(at)).unwrap();
    }
    state
}

/// The shard's work on one command; gives its outcome.
struct Shard {
    state: State,
    journal: Box<dyn Journal>,
    scratch: Scratch,
    record: Vec<u8>,
    now: Moment,
}

impl Shard {
    fn command(&mut self, command: Command) -> Outcome {
        let sequence = self.state.last_sequence().0 + 1;
        let accepted = Accepted { moment: self.now, idempotency: None, command };
        let outcome = self.state.execute(Sequence(sequence), &accepted, &mut self.scratch);
        let record = Record { accepted, outcome };
        self.record.clear();
        encode_record(&record, &mut self.record);
        self.journal.append(&self.record).unwrap();
        self.journal.commit().unwrap();
        record.outcome
    }
}

fn percentile(sorted: &[Duration], of: f64) -> f64 {
    let at = ((sorted.len() as f64 - 1.0) * of) as usize;
    sorted.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
}

fn main() {
    let smoke = std::env::var_os("TAMGA_BENCH_SMOKE").is_some();
    let told = std::env::var("ACCOUNTS").ok().and_then(|text| text.parse().ok());
    let accounts = told.unwrap_or(if smoke { 20_000 } else { 1_000_000 });
    let place = match std::env::var_os("TAMGA_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let journal =
        Recovery::open(&place.path().join("data"), Options::default()).unwrap().finish().unwrap();
    let offset = UtcOffset(360);
    let first = BusinessDate::parse("2026-11-23").unwrap();
    let now = Moment::new(first.start(offset).plus_ms(36_000_000), offset);
    let (state, scratch, record) = (bank(accounts), Scratch::new(), Vec::new());
    let mut shard = Shard { state, journal: Box::new(journal), scratch, record, now };
    shard.command(Command::InstallRules { text: RULES.to_owned() });
    println!(
        "{accounts} accounts, {} overdrawn; times with a flush for each part",
        accounts / OVERDRAWN
    );
    println!("day         parts   seconds  longest ms  wait p50 ms    p99 ms  notices  interest");
    for day in 0..DAYS {
        let date = first.plus_days(day);
        shard.now = Moment::new(date.plus_days(1).start(offset), offset);
        let (mut parts, mut notices, began) = (Vec::new(), 0, Instant::now());
        loop {
            let part_began = Instant::now();
            let Outcome::Done(Done::Day(part)) = shard.command(Command::EndOfDay { date }) else {
                panic!("the day was not ended");
            };
            parts.push(part_began.elapsed());
            notices += part.notices.len();
            if part.standing != DayStanding::UnderWay {
                break;
            }
        }
        let took = began.elapsed().as_secs_f64();
        let mut waits = Vec::new();
        for part in &parts {
            let mut left = *part;
            while left > Duration::ZERO {
                waits.push(left);
                left = left.saturating_sub(EVERY);
            }
        }
        waits.sort_unstable();
        let longest = parts.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
        let (p50, p99) = (percentile(&waits, 0.5), percentile(&waits, 0.99));
        let interest = shard.state.last_day().unwrap().job(DayJob::Interest).unwrap();
        let sum = interest.amounts.first().map_or(0, |(_, minor)| *minor);
        let booked = format_minor(i128::from(sum), 2);
        let count = parts.len();
        println!(
            "{date}  {count:>6} {took:>9.3} {longest:>11.2} {p50:>12.2} {p99:>9.2} {notices:>8}  {booked}"
        );
    }
    assert_eq!(shard.state.ledger().verify(), Ok(()));
}
