//! Hosts against terminals and against each other, over sockets.

use super::*;
use crate::card::Proof;
use crate::exchange::{Answer, exchange};
use crate::gear::Gear;
use crate::intent::{Intent, Trace};
use crate::moment::DEFAULT_ZONE;
use crate::portfolio::Source;
use crate::{Link, Portfolio};
use payment_types::{Amount, Currency, Mti};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_millis(600);

/// A host that runs until it is told to stop, and what it shows.
struct Running {
    address: String,
    runtime: Runtime,
    stop: watch::Sender<bool>,
    ran: tokio::task::JoinHandle<Result<Summary, SimError>>,
    lines: Receiver<Event>,
}

fn settings(rules: &str, target: Option<&str>, listen: bool) -> Settings {
    Settings {
        endpoint: Endpoint::network(target.unwrap_or("nobody:1")).unwrap(),
        connect: target.is_some(),
        listen: listen.then(|| "127.0.0.1:0".to_owned()),
        file: file::parse(rules, Path::new("net.toml")).unwrap(),
        seed: None,
        portfolio: Portfolio::read(Source::Demo).unwrap(),
        gear: Gear::default(),
        zone: Zone::named(DEFAULT_ZONE).unwrap(),
        duration: None,
        decode: false,
    }
}

fn running(settings: Settings) -> Running {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (told, lines) = sync_channel(10_000);
    let host = runtime.block_on(Host::new(settings, told)).unwrap();
    let address = host.address().map(|address| address.to_string()).unwrap_or_default();
    let (stop, stopped) = watch::channel(false);
    let ran = runtime.spawn(host.run(stopped));
    Running { address, runtime, stop, ran, lines }
}

fn issuer(rules: &str) -> Running {
    running(settings(rules, None, true))
}

impl Running {
    fn endpoint(&self) -> Endpoint {
        Endpoint::network(&self.address).unwrap()
    }

    fn has_signed_on(&self) {
        let _line = self.told(|line| line.what == "sign-on");
    }

    /// The first connection is the one it made itself: to the issuer.
    fn has_lost_its_issuer(&self) {
        let is_it = |note: &str| note.ends_with("side closed") || note.contains("broke");
        let _line = self.told(|line| line.connection == 1 && is_it(&line.note));
    }

    fn told(&self, is_it: impl Fn(&Event) -> bool) -> Event {
        let deadline = Instant::now() + Duration::from_secs(30);
        let left = || deadline.saturating_duration_since(Instant::now());
        loop {
            let line = self.lines.recv_timeout(left()).expect("it tells of it");
            if is_it(&line) {
                return line;
            }
        }
    }

    fn stopped(self) -> (Summary, Vec<Event>) {
        self.stop.send(true).unwrap();
        self.ended()
    }

    fn ended(self) -> (Summary, Vec<Event>) {
        let summary = self.runtime.block_on(self.ran).unwrap().unwrap();
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        (summary, self.lines.try_iter().collect())
    }
}

/// A purchase as a terminal makes it.
fn buy(link: &mut Link, mti: &str, stan: u32, amount: i64) -> Result<Answer, SimError> {
    let portfolio = Portfolio::read(Source::Demo).unwrap();
    let (card, terminal) =
        (portfolio.card("K01").unwrap(), portfolio.terminal("POS00001").unwrap());
    let trace = Trace::fresh(stan, Zone::named(DEFAULT_ZONE).unwrap().now());
    let mti = Mti::parse(mti).unwrap();
    let intent = Intent {
        card: Some(card),
        processing_code: Some("000000"),
        amount: Some(Amount::new(amount.try_into().unwrap(), Currency::KGS)),
        entry_mode: Some("051"),
        ..Intent::new(mti, terminal, &trace)
    };
    let dialect = link.endpoint().dialect().clone();
    let version = dialect.version();
    let dressed = Gear::default().dress(&intent, &crate::card::Proofs::default(), version).unwrap();
    exchange(link, &dressed.encode(&dialect).unwrap(), dressed.mti, stan, PATIENCE)
}

/// A message of a terminal that the portfolio wants a MAC of, and what its answer's proofs are.
fn sealed(link: &mut Link, terminal: &str, stan: u32, mac: Proof) -> (String, Proof) {
    sealed_by(&mut Gear::default(), link, terminal, (stan, mac))
}

fn sealed_by(
    gear: &mut Gear,
    link: &mut Link,
    terminal: &str,
    (stan, mac): (u32, Proof),
) -> (String, Proof) {
    let portfolio = Portfolio::read(Source::Demo).unwrap();
    let (card, terminal) = (portfolio.card("K01").unwrap(), portfolio.terminal(terminal).unwrap());
    let trace = Trace::fresh(stan, Zone::named(DEFAULT_ZONE).unwrap().now());
    let intent = Intent {
        card: Some(card),
        processing_code: Some("000000"),
        amount: Some(Amount::new(1000, Currency::KGS)),
        entry_mode: Some("051"),
        pin: card.pin.as_ref(),
        ..Intent::new(Mti::parse("0200").unwrap(), terminal, &trace)
    };
    let dialect = link.endpoint().dialect().clone();
    let proofs = crate::card::Proofs { mac: Some(mac), ..crate::card::Proofs::default() };
    let dressed = gear.dress(&intent, &proofs, dialect.version()).unwrap();
    let body = dressed.encode(&dialect).unwrap();
    let answer = exchange(link, &body, dressed.mti, stan, Duration::from_secs(30)).unwrap();
    let verdict = gear.hear(&dressed, &dialect, &answer).unwrap();
    (answer.code(), verdict.mac)
}

#[test]
fn sec_5_a_mac_is_checked_and_answered_with_one() {
    let host = issuer("");
    let mut link = Link::connect(&host.endpoint()).unwrap();
    for (terminal, stan) in [("ATM00006", 1), ("POS00012", 11)] {
        let mut ask = |more: u32, mac| sealed(&mut link, terminal, stan + more, mac);
        assert_eq!(ask(0, Proof::Right), ("000".to_owned(), Proof::Right), "{terminal}");
        assert_eq!(ask(1, Proof::Wrong), ("122".to_owned(), Proof::None), "{terminal}");
        assert_eq!(ask(2, Proof::None), ("122".to_owned(), Proof::None), "{terminal}");
    }
    assert!(buy(&mut link, "0200", 30, 999).unwrap().is_approved(), "others need none");
    let (summary, lines) = host.stopped();
    assert_eq!(summary.happened["messages without a right MAC"], 4);
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    for why in ["wrong MAC", "no MAC"] {
        assert_eq!(lines.iter().filter(|line| line.contains(why)).count(), 2, "{lines:#?}");
    }
}

#[test]
fn sec_5_a_stand_in_s_answer_has_a_mac_under_the_keys_that_were_exchanged_through_it() {
    let bank = issuer("");
    let rules = "[session]\npatience = \"10s\"\n[stand_in]\nper_transaction = \"100.00\"\n\
                 [[answer]]\nforward = true\n";
    let between = running(settings(rules, Some(&bank.address), true));
    between.has_signed_on();
    let portfolio = Portfolio::read(Source::Demo).unwrap();
    let (machine, zone) =
        (portfolio.terminal("ATM00006").unwrap(), Zone::named(DEFAULT_ZONE).unwrap());
    let (mut gear, old) = (Gear::default(), &mut Gear::default());
    let shown = crate::terminal::exchange_all(
        &mut gear,
        machine,
        &between.endpoint(),
        &zone,
        Duration::from_secs(30),
    );
    assert_eq!(shown.unwrap().len(), 2, "the issuer's keys, for PINs and for MACs");
    let mut link = Link::connect(&between.endpoint()).unwrap();
    let mut ask = |gear: &mut Gear, stan, mac| sealed_by(gear, &mut link, "ATM00006", (stan, mac));
    let approved = ("000".to_owned(), Proof::Right);
    assert_eq!(ask(&mut gear, 1, Proof::Right), approved, "the issuer's own");
    bank.stopped();
    // From now on nobody is waited for.
    between.has_lost_its_issuer();
    assert_eq!(ask(&mut gear, 2, Proof::Right), approved, "the stand-in's");
    for (gear, mac) in [(&mut gear, Proof::Wrong), (old, Proof::Right)] {
        assert_eq!(ask(gear, 3, mac), ("122".to_owned(), Proof::None), "nothing is granted for it");
    }
    let (summary, _) = between.stopped();
    assert_eq!(summary.happened["stood in"], 1);
    assert_eq!(summary.happened["messages without a right MAC"], 2);
}

#[test]
fn terminals_are_answered_as_the_rules_say() {
    let host = issuer(
        "[[answer]]\namount = \"1.00\"\ncode = \"51\"\n\
         [[answer]]\namount = \"2.00\"\ndrop = true\n\
         [[answer]]\namount = \"3.00\"\nduplicate = 2\n\
         [[answer]]\namount = \"4.00\"\ndelay = \"200ms\"\n\
         [[answer]]\namount = \"5.00\"\nlate = \"900ms\"\n\
         [[answer]]\namount = \"6.00\"\ngarbage = \"stray\"\n",
    );
    let mut link = Link::connect(&host.endpoint()).unwrap();
    let approved = buy(&mut link, "0100", 1, 999).unwrap();
    assert!(approved.is_approved() && approved.auth_code().is_some());
    assert_eq!(buy(&mut link, "0200", 2, 100).unwrap().code(), "116");
    assert!(matches!(buy(&mut link, "0200", 3, 200), Err(SimError::NoAnswer(_))));
    let again = buy(&mut link, "0201", 3, 200);
    assert!(matches!(again, Err(SimError::NoAnswer(_))), "the rule is for repeats as well");
    assert!(buy(&mut link, "0200", 4, 300).unwrap().is_approved());
    // The two others are there already, and answer nothing that is asked now.
    assert!(buy(&mut link, "0200", 5, 999).unwrap().is_approved());
    let slow = buy(&mut link, "0200", 6, 400).unwrap();
    assert!(slow.is_approved() && slow.took >= Duration::from_millis(190), "{:?}", slow.took);
    assert!(matches!(buy(&mut link, "0200", 7, 500), Err(SimError::NoAnswer(_))));
    let late = link.receive(Instant::now() + Duration::from_secs(2)).unwrap();
    assert!(late.is_some(), "it comes when nobody waits for it");
    assert!(matches!(buy(&mut link, "0200", 8, 600), Err(SimError::NoAnswer(_))));
    let (summary, lines) = host.stopped();
    assert_eq!(summary.codes_given["116"], 1);
    assert_eq!((summary.happened["dropped"], summary.happened["answered late"]), (2, 1));
    assert_eq!(summary.happened["answered more than once"], 1);
    assert_eq!(summary.happened["answered with garbage"], 1);
    assert_eq!(summary.came["purchase"].messages, 8);
    let shown: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(shown.iter().all(|line| !line.contains("94170000000000")), "{shown:#?}");
    assert!(shown.iter().any(|line| line.contains("3 times")), "{shown:#?}");
}

#[test]
fn garbage_and_closing_end_a_connection_and_not_the_host() {
    let host = issuer(
        "[[answer]]\namount = \"1.00\"\ngarbage = \"bytes\"\n\
         [[answer]]\namount = \"2.00\"\ngarbage = \"message\"\n\
         [[answer]]\namount = \"3.00\"\ngarbage = \"half\"\nclose = true\n\
         [[answer]]\namount = \"4.00\"\nclose = true\n",
    );
    let with_new_link = |stan, amount| {
        let mut link = Link::connect(&host.endpoint()).unwrap();
        let first = buy(&mut link, "0200", stan, amount);
        (first, link)
    };
    assert!(matches!(with_new_link(1, 100).0, Err(SimError::Frame(_))));
    assert!(matches!(with_new_link(2, 200).0, Err(SimError::Parse(_))));
    assert!(matches!(with_new_link(3, 300).0, Err(SimError::Closed(_))));
    let (answered, mut link) = with_new_link(4, 400);
    assert!(answered.unwrap().is_approved());
    assert!(matches!(
        buy(&mut link, "0200", 5, 999),
        Err(SimError::Closed(_) | SimError::Connection { .. })
    ));
    // And what comes in may be garbage, too.
    let mut noisy = std::net::TcpStream::connect(&host.address).unwrap();
    std::io::Write::write_all(&mut noisy, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut noise = std::net::TcpStream::connect(&host.address).unwrap();
    std::io::Write::write_all(&mut noise, b"\x00\x04\xFF\xFF\xFF\xFF").unwrap();
    assert!(with_new_link(6, 999).0.unwrap().is_approved());
    let deadline = Instant::now() + Duration::from_secs(5);
    while host.lines.try_iter().all(|line| !line.note.contains("no message")) {
        assert!(Instant::now() < deadline, "it tells of frames that are no message");
    }
    let (summary, _) = host.stopped();
    assert_eq!(summary.happened["frames that are no message"], 1);
}

#[test]
fn a_list_is_sent_and_judged() {
    let issuer = issuer("[[answer]]\nname = \"no\"\namount = \"7.00\"\ncode = \"51\"\n");
    let list = |expect: &str| {
        format!(
            "[[send]]\nname = \"a\"\nmessage = \"authorization\"\ncard = \"K01\"\n\
             amount = \"5.00\"\nexpect = \"00\"\n\
             [[send]]\nmessage = \"presentment\"\nof = \"a\"\nexpect = \"00\"\n\
             [[send]]\nmessage = \"repeat\"\nof = \"a\"\nexpect = \"00\"\n\
             [[send]]\nmessage = \"reversal\"\nof = \"a\"\nexpect = \"00\"\n\
             [[send]]\nmessage = \"file-action\"\naction = \"inquire\"\ncard = \"K01\"\n\
             [[send]]\nmessage = \"echo\"\ntimes = 2\nexpect = \"00\"\n\
             [[send]]\nmessage = \"financial\"\ncard = \"K01\"\namount = \"7.00\"\n\
             expect = \"{expect}\"\n"
        )
    };
    let (good, lines) = running(settings(&list("51"), Some(&issuer.address), false)).ended();
    assert!(good.is_good(), "{good}");
    let count = |what: &str| good.sent.get(what).map(|row| row.messages);
    assert_eq!(
        (count("authorization"), count("reversal"), count("echo")),
        (Some(2), Some(1), Some(2))
    );
    assert_eq!(
        (count("sign-on"), count("sign-off"), count("presentment")),
        (Some(1), Some(1), Some(1))
    );
    assert!(lines.iter().any(|line| line.to_string().contains("insufficient funds")));
    let (bad, _) = running(settings(&list("00"), Some(&issuer.address), false)).ended();
    assert!(!bad.is_good() && bad.surprised == 1, "{bad}");
    assert!(bad.surprises[0].contains("NOT AS EXPECTED: 000"), "{bad}");
    let (summary, _) = issuer.stopped();
    assert_eq!(summary.happened["repeats answered as before"], 2);
}

#[test]
fn keys_are_exchanged_both_ways() {
    let issuer = issuer("");
    let plan = "[session]\nexchange_keys = [\"ATM00006\"]\n\
                [[send]]\nmessage = \"key-exchange\"\nterminal = \"ATM00006\"\ndeliver = true\n\
                expect = \"00\"\n\
                [[send]]\nmessage = \"key-exchange\"\nterminal = \"POS00001\"\nexpect = \"63\"\n";
    let (sent, lines) = running(settings(plan, Some(&issuer.address), false)).ended();
    let told: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(sent.is_good(), "{sent}");
    assert_eq!(sent.codes_got["122"], 1, "the shop's terminal has no master key");
    let taken = told.iter().filter(|line| line.contains("ATM00006 has a new key")).count();
    assert_eq!(taken, 3, "PIN key, MAC key and the one it brought: {told:#?}");
    let (summary, _) = issuer.stopped();
    assert_eq!(summary.came["key exchange"].approved, 3);
}

#[test]
fn between_the_two_it_hands_on_and_stands_in() {
    let issuer = issuer(
        "[[answer]]\namount = \"2.00-3.00\"\nmti = \"0200\"\ndrop = true\n\
         [[answer]]\namount = \"9.00\"\ncode = \"05\"\n",
    );
    let rules = "[session]\npatience = \"300ms\"\n\
                 [stand_in]\nper_transaction = \"2.50\"\n\
                 [[answer]]\nmti = \"08xx\"\n[[answer]]\nforward = true\n";
    let switch = running(settings(rules, Some(&issuer.address), true));
    let mut link = Link::connect(&switch.endpoint()).unwrap();
    switch.has_signed_on();
    assert_eq!(buy(&mut link, "0200", 1, 900).unwrap().code(), "100", "the issuer's word");
    let granted = buy(&mut link, "0200", 2, 250).unwrap();
    assert!(granted.is_approved(), "stood in");
    assert_eq!(buy(&mut link, "0200", 3, 300).unwrap().code(), "121", "above what it may");
    let again = buy(&mut link, "0201", 2, 250).unwrap();
    assert_eq!(again.auth_code(), granted.auth_code(), "known, and not handed on");
    // Two reversals of what was not answered, and one advice.
    let (mut told, deadline) = (0, Instant::now() + Duration::from_secs(5));
    while told < 3 {
        let line = switch.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let line = line.expect("the issuer is told");
        let is_out = line.way == Some(Way::Out) && line.code.is_some();
        told += u32::from(is_out && matches!(line.what, "reversal" | "presentment"));
    }
    let (summary, _) = switch.stopped();
    assert_eq!(summary.happened["advices told later"], 1, "{summary}");
    assert_eq!(summary.happened["reversals told later"], 2, "{summary}");
    assert_eq!(summary.happened["stood in"], 2);
    let (told, _) = issuer.stopped();
    assert_eq!(told.came["presentment"].approved, 1);
    assert_eq!(told.came["reversal"].messages, 2);
}

#[test]
fn a_host_that_is_not_there_is_told_or_waited_for() {
    let nobody = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let alone = running(settings("[[send]]\nmessage = \"echo\"\n", Some(&nobody), false));
    let error = alone.runtime.block_on(alone.ran).unwrap().unwrap_err().to_string();
    assert!(error.contains(&nobody) && error.contains("refused"), "{error}");
    let rules = "[stand_in]\nper_transaction = \"100.00\"\n[[answer]]\nforward = true\n";
    let switch = running(settings(rules, Some(&nobody), true));
    let mut link = Link::connect(&switch.endpoint()).unwrap();
    assert!(buy(&mut link, "0200", 1, 100).unwrap().is_approved());
    let (summary, _) = switch.stopped();
    assert_eq!(summary.happened["the issuer was never told"], 1, "{summary}");
}

#[test]
fn a_mix_goes_out_at_its_rate_and_the_same_seed_sends_the_same() {
    let rules = "seed = 5\n[traffic]\nrate = 400.0\ncount = 200\n\
                 mix = { authorization = 5, presentment = 2, reversal = 2, file-action = 1, echo = 1 }\n";
    let kinds = || {
        let issuer = issuer("[[answer]]\nmti = \"01xx\"\nshare = \"20%\"\ncode = \"05\"\n");
        let (sent, lines) = running(settings(rules, Some(&issuer.address), false)).ended();
        assert!(sent.is_good(), "{sent}");
        // Sign-on and sign-off besides.
        assert_eq!(sent.sent.values().map(|row| row.messages).sum::<u64>(), 202, "{sent}");
        let took = lines.iter().map(|line| line.at).fold(0.0, f64::max);
        assert!(took >= 0.49, "200 at 400 a second: {took}");
        let (summary, _) = issuer.stopped();
        let refused = summary.codes_given["100"];
        assert!((10..50).contains(&refused), "{summary}");
        sent.sent.iter().map(|(what, row)| (*what, row.messages)).collect::<Vec<_>>()
    };
    let first = kinds();
    assert!(first.len() >= 6, "{first:?}");
    assert_eq!(
        first.iter().find(|(what, _)| *what == "echo"),
        kinds().iter().find(|(what, _)| *what == "echo")
    );
}
