//! Killing the engine at random moments under load never loses an approved answer, never books one
//! twice, and never lets a cap be passed (invariants I4, I5, I6; AGT-8, TXN-1).
//!
//! Six terminals send what they can; `kill -9` comes at a random moment; the engine starts again on
//! the same data. What had no answer is sent again, byte for byte, as a terminal does. Then the
//! books must agree with the answers to the tyiyn. Fifty times; the seed is printed.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]

use payment_types::{Amount, Currency, Moment, Mti, Timestamp, UtcOffset, parse_minor};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tamga_sim::card::Proofs;
use tamga_sim::exchange::{approves, exchange};
use tamga_sim::gear::Gear;
use tamga_sim::intent::{Intent, Trace};
use tamga_sim::scenario::{Engine, Launch};
use tamga_sim::{Endpoint, Link, Portfolio};
use tamga_tests::conformance_dir;
use tamga_tests::programs::binary;

const KILLS: u32 = 50;
const CLOCK: &str = "2026-11-23T10:00:00+06:00";
const AT: Timestamp = Timestamp(1_795_406_400_000);
const PATIENCE: Duration = Duration::from_secs(5);
const CAP: i64 = 1_500_000;

/// Terminals and the cards seen at them. K1, K5 are one holder's: the cap binds both together.
const TERMINALS: [(&str, &[&str]); 6] = [
    ("AGT00001", &["K1", "K5"]),
    ("AGT00002", &["K5", "K3"]),
    ("AGT00003", &["K1", "K2"]),
    ("POS00001", &["K1", "K2", "K4"]),
    ("POS00002", &["K3", "K5", "KS"]),
    ("BRN00001", &["K2", "K4"]),
];

/// A message and what was heard of it.
#[derive(Clone)]
struct Sent {
    body: Vec<u8>,
    stan: u32,
    terminal: &'static str,
    account: String,
    holder: String,
    agent_cash: bool,
    minor: i64,
    code: Option<String>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

fn message(
    portfolio: &Portfolio,
    endpoint: &Endpoint,
    (terminal, cards): (&'static str, &[&str]),
    stan: u32,
    random: &mut Random,
) -> Sent {
    let card = portfolio.card(cards[random.below(cards.len() as u64) as usize]).unwrap();
    let agent = terminal.starts_with("AGT");
    let cash = agent || terminal.starts_with("BRN");
    let minor = 50 * (1 + random.below(120)) as i64;
    let trace = Trace::fresh(stan, Moment::new(AT, UtcOffset(360)));
    let device = portfolio.terminal(terminal).unwrap();
    let mut intent = Intent::new(Mti::parse("0200").unwrap(), device, &trace);
    intent.card = Some(card);
    intent.processing_code = Some(if cash { "010000" } else { "000000" });
    intent.amount = Some(Amount::new(minor as u64, Currency::KGS));
    intent.entry_mode = Some("051");
    intent.pin = card.pin.as_ref();
    let dialect = endpoint.dialect();
    let message = Gear::default().dress(&intent, &Proofs::default(), dialect.version()).unwrap();
    let body = message.encode(dialect).unwrap();
    Sent {
        body,
        stan,
        terminal,
        account: card.account.to_string(),
        holder: card.holder.to_string(),
        agent_cash: agent,
        minor,
        code: None,
    }
}

/// Sends until told to stop or the engine is gone; what was on the way then has no code.
fn keep_sending(
    portfolio: &Portfolio,
    endpoint: &Endpoint,
    at: usize,
    stan: &mut u32,
    mut random: Random,
    stop: &AtomicBool,
) -> Vec<Sent> {
    let mut sent = vec![];
    let Ok(mut link) = Link::connect(endpoint) else { return sent };
    while !stop.load(Ordering::Relaxed) {
        *stan += 1;
        let mut one = message(portfolio, endpoint, TERMINALS[at], *stan, &mut random);
        let answer = exchange(&mut link, &one.body, mti(), one.stan, PATIENCE);
        one.code = answer.ok().map(|answer| answer.code());
        let heard = one.code.is_some();
        sent.push(one);
        if !heard {
            break;
        }
    }
    sent
}

fn mti() -> Mti {
    Mti::parse("0200").unwrap()
}

fn again(link: &mut Link, sent: &Sent) -> String {
    let answer = exchange(link, &sent.body, mti(), sent.stan, PATIENCE);
    answer.unwrap_or_else(|error| panic!("{} {}: {error}", sent.terminal, sent.stan)).code()
}

/// The account's ledger balance, from the shard.
fn balance(engine: &Engine, account: &str) -> i64 {
    let url = format!("{}/api/v1/accounts/{account}", engine.http());
    let bearer = format!("Bearer {}", engine.token());
    let mut answer = ureq::get(&url).header("Authorization", &bearer).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    parse_minor(json["ledger_balance"].as_str().unwrap(), 2).unwrap()
}

const OPENING: [(&str, i64); 5] =
    [("A1", 2_500_000), ("A2", 5_000_000), ("A3", 10_000_000), ("A4", 100_000), ("A5", 4_000_000)];

fn check_books(engine: &Engine, history: &[Sent], round: u32) {
    let approved = |sent: &&Sent| sent.code.as_deref().is_some_and(approves);
    for (account, opening) in OPENING {
        let of_account = |sent: &&Sent| sent.account == account;
        let spent: i64 =
            history.iter().filter(approved).filter(of_account).map(|sent| sent.minor).sum();
        assert_eq!(balance(engine, account), opening - spent, "round {round}, account {account}");
    }
    for holder in ["C1", "C2", "C3"] {
        let cash = |sent: &&Sent| sent.agent_cash && sent.holder == holder;
        let sum: i64 = history.iter().filter(approved).filter(cash).map(|sent| sent.minor).sum();
        assert!(sum <= CAP, "round {round}: holder {holder} drew {sum} tyiyn at agents");
    }
}

#[test]
fn fifty_kills_lose_nothing_and_pass_no_cap() {
    let seed =
        std::env::var("CRASH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    println!("seed {seed} (set CRASH_SEED to repeat or vary)");
    let mut random = Random(seed);
    let folder = tempfile::tempdir().unwrap();
    let scenarios = conformance_dir().join("scenarios");
    let rules = std::fs::read_to_string(scenarios.join("base.rules.toml")).unwrap();
    let path = scenarios.join("base.jsonl");
    let portfolio = Portfolio::read(&path).unwrap();
    let launch = Launch {
        program: binary("tamga"),
        patience: Duration::from_secs(60),
        zone: "Asia/Bishkek".to_owned(),
    };
    let mut engine = Engine::start(&launch, folder.path(), &rules, &path, CLOCK).unwrap();
    let mut stans: Vec<u32> = (0..6).map(|at| at * 100_000).collect();
    let mut history: Vec<Sent> = vec![];
    let (mut unanswered, mut approvals) = (0, 0);
    for round in 0..KILLS {
        let endpoint = engine.listener("pos").unwrap();
        let stop = AtomicBool::new(false);
        let mut fresh: Vec<Sent> = std::thread::scope(|scope| {
            let clients: Vec<_> = stans
                .iter_mut()
                .enumerate()
                .map(|(at, stan)| {
                    let random = Random(random.below(u64::from(u32::MAX)));
                    let (portfolio, endpoint, stop) = (&portfolio, &endpoint, &stop);
                    scope.spawn(move || keep_sending(portfolio, endpoint, at, stan, random, stop))
                })
                .collect();
            std::thread::sleep(Duration::from_micros(random.below(150_000)));
            engine.restart_killed(CLOCK).unwrap();
            stop.store(true, Ordering::Relaxed);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let mut link = Link::connect(&engine.listener("pos").unwrap()).unwrap();
        for sent in &mut fresh {
            match &sent.code {
                // What was answered before the crash is answered the same after it.
                Some(code) if random.below(4) == 0 => assert_eq!(again(&mut link, sent), *code),
                Some(_) => {}
                None => {
                    unanswered += 1;
                    sent.code = Some(again(&mut link, sent));
                }
            }
            approvals += u32::from(sent.code.as_deref().is_some_and(approves));
        }
        history.append(&mut fresh);
        check_books(&engine, &history, round);
    }
    println!("{} messages, {approvals} approved, {unanswered} cut off by a kill", history.len());
    assert!(approvals > KILLS && unanswered > 0, "the load was on when the kills came");
    drop(engine);
    verify(folder.path());
}

/// `tamga verify` and `tamga replay` agree with what is on the disk in the end.
fn verify(folder: &Path) {
    let data = folder.join("data");
    for command in ["verify", "replay"] {
        let run = tamga_tests::programs::tamga(&[command, "--data", data.to_str().unwrap()]);
        println!("{}", run.good().out);
    }
}
