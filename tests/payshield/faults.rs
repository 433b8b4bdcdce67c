//! The HSM gone, slow, silent, out of its mind; and back.

use super::bench::{KEY, hsm, load, options, settings, start};
use security::payshield::{CallOutcome, Observer, PayshieldModule};
use security::{
    Health, HealthCheck, KeyUsage, LoadedKey, MacAlgorithm, MacSource, Macs, SecurityError,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tamga_sim::hsm::{Hsm, Misbehaviour, Running};

fn ask(module: &PayshieldModule, key: &LoadedKey) -> Result<(), SecurityError> {
    let source = MacSource::Session(key);
    module.mac(&source, MacAlgorithm::Iso9797Alg3, b"a message").map(drop)
}

/// Whether it comes to be so, however busy this machine is.
fn comes(mut so: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if so() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Until it works again by itself.
fn recovered(module: &PayshieldModule, key: &LoadedKey) -> bool {
    comes(|| ask(module, key).is_ok())
}

/// At the same address, as soon as that is free.
fn again(first: Running) -> Running {
    let address = first.address().to_string();
    drop(first);
    started_at(&address)
}

fn started_at(address: &str) -> Running {
    let mut hsm = Hsm::start(address, &options());
    let started = comes(|| {
        if hsm.is_err() {
            hsm = Hsm::start(address, &options());
        }
        hsm.is_ok()
    });
    assert!(started, "{address}");
    hsm.expect("it was started")
}

#[test]
fn whatever_it_does_instead_of_answering_is_unavailable_and_passes() {
    let hsm = hsm();
    let module = start(settings(&hsm));
    let key = load(&module, KEY, KeyUsage::MacTerminal);
    for how in Misbehaviour::ALL {
        assert!(recovered(&module, &key), "before {how:?}");
        hsm.control().misbehave(Some(how), 1000);
        let started = Instant::now();
        for _ in 0..3 {
            assert_eq!(ask(&module, &key), Err(SecurityError::Unavailable), "{how:?}");
        }
        // Each within its time, with some for a busy machine; and while the address is left
        // alone, at once.
        assert!(started.elapsed() < Duration::from_millis(2 * 3 * 700), "{how:?}");
        hsm.control().misbehave(None, 0);
        assert!(recovered(&module, &key), "after {how:?}");
    }
}

#[test]
fn gone_in_the_middle_of_a_command_and_back_by_itself() {
    let first = hsm();
    let module = Arc::new(start(settings(&first)));
    let key = load(&*module, KEY, KeyUsage::MacTerminal);
    assert!(ask(&module, &key).is_ok());
    // Every question is in the middle for as long as one is asked at all, so whenever the module is
    // taken away, one is.
    first.control().slow(Duration::from_secs(60));
    let before = first.commands();
    let asking = {
        let (module, key) = (Arc::clone(&module), key.clone());
        thread::spawn(move || ask(&module, &key))
    };
    assert!(comes(|| first.commands() > before || asking.is_finished()));
    let address = first.address();
    drop(first);
    assert_eq!(asking.join().expect("no panic"), Err(SecurityError::Unavailable));
    // While it is gone nobody waits: the address is known to be down.
    let started = Instant::now();
    for _ in 0..60 {
        assert_eq!(ask(&module, &key), Err(SecurityError::Unavailable));
    }
    let took = started.elapsed();
    assert!(took < 60 * Duration::from_millis(700) / 4, "{took:?} for sixty callers");
    let down = comes(|| matches!(module.health(), Health::Unavailable(_)));
    assert!(down, "{:?}", module.health());

    let second = started_at(&address.to_string());
    assert!(recovered(&module, &key));
    let ready = comes(|| module.health() == Health::Ready);
    assert!(ready, "{:?}", module.health());
    assert!(second.commands() > 0);
}

#[test]
fn a_connection_that_the_hsm_closed_while_idle_is_no_failure() {
    let first = hsm();
    let mut settings = settings(&first);
    // Nobody but the test asks.
    settings.check_every = Duration::from_secs(600);
    let module = start(settings);
    let key = load(&module, KEY, KeyUsage::MacTerminal);
    assert!(ask(&module, &key).is_ok());
    let second = again(first);
    assert_eq!(ask(&module, &key), Ok(()), "a new connection is made");
    assert!(second.commands() >= 1);
}

#[test]
fn no_more_wait_than_may_and_none_longer_than_the_timeout() {
    let hsm = hsm();
    let mut settings = settings(&hsm);
    settings.connections = 1;
    settings.waiting = 2;
    settings.timeout = Duration::from_secs(3);
    settings.check_every = Duration::from_secs(600);
    let module = Arc::new(start(settings));
    let key = load(&*module, KEY, KeyUsage::MacTerminal);
    assert!(ask(&module, &key).is_ok());
    hsm.control().slow(Duration::from_millis(1000));
    // All at the same time, however long it takes to start their threads.
    let together = Arc::new(Barrier::new(12));
    let callers: Vec<_> = (0..12)
        .map(|_| {
            let (module, key, together) = (Arc::clone(&module), key.clone(), Arc::clone(&together));
            thread::spawn(move || {
                together.wait();
                let started = Instant::now();
                (ask(&module, &key), started.elapsed())
            })
        })
        .collect();
    let answers: Vec<_> =
        callers.into_iter().map(|caller| caller.join().expect("no panic")).collect();
    let served = answers.iter().filter(|(said, _)| said.is_ok()).count();
    let at_once = answers
        .iter()
        .filter(|(said, took)| said.is_err() && *took < Duration::from_millis(700))
        .count();
    assert!((1..=3).contains(&served), "one at a time, two waiting: {served}");
    assert!(at_once >= 12 - 3 - 1, "{at_once} were refused at once");
    for (_, took) in answers {
        assert!(took < Duration::from_millis(4500), "{took:?}");
    }
}

#[test]
fn one_of_two_addresses_may_be_gone() {
    let (first, second) = (hsm(), hsm());
    let mut settings = settings(&first);
    settings.addresses.push(second.address().to_string());
    settings.connections = 4;
    let module = start(settings);
    let key = load(&module, KEY, KeyUsage::MacTerminal);
    drop(first);
    let answered = (0..50).filter(|_| ask(&module, &key).is_ok()).count();
    assert!(answered >= 48, "{answered} of 50 with one of two gone");
    drop(second);
    assert_eq!(ask(&module, &key), Err(SecurityError::Unavailable));
}

#[derive(Default)]
struct Told {
    done: AtomicUsize,
    refused: AtomicUsize,
    unanswered: AtomicUsize,
    not_sent: AtomicUsize,
    turns: Mutex<Vec<bool>>,
}

impl Observer for Told {
    fn called(&self, command: &'static str, took: Duration, outcome: CallOutcome) {
        assert_eq!(command.len(), 2);
        assert!(took < Duration::from_secs(10), "{took:?}");
        let counter = match outcome {
            CallOutcome::Done => &self.done,
            CallOutcome::Refused => &self.refused,
            CallOutcome::Unanswered => &self.unanswered,
            CallOutcome::NotSent => &self.not_sent,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn turned(&self, is_up: bool, _why: &str) {
        self.turns.lock().expect("no panic").push(is_up);
    }
}

#[test]
fn who_measures_is_told() {
    let first = hsm();
    let told = Arc::new(Told::default());
    let mut settings = settings(&first);
    settings.observer = Some(Arc::clone(&told) as Arc<dyn Observer>);
    let module = start(settings);
    let key = load(&module, KEY, KeyUsage::MacTerminal);
    assert!(ask(&module, &key).is_ok());
    assert!(told.done.load(Ordering::Relaxed) >= 2, "NC and M6");
    let other = load(&module, KEY, KeyUsage::ZoneMac);
    let empty = module.mac(&MacSource::Session(&other), MacAlgorithm::Iso9797Alg1, b"");
    assert!(matches!(empty, Err(SecurityError::Malformed(_))), "{empty:?}");
    assert_eq!(told.refused.load(Ordering::Relaxed), 1);
    first.control().misbehave(Some(Misbehaviour::Close), 1000);
    let told_of_both = comes(|| {
        for _ in 0..20 {
            assert!(ask(&module, &key).is_err());
        }
        told.unanswered.load(Ordering::Relaxed) >= 1 && told.not_sent.load(Ordering::Relaxed) >= 1
    });
    assert!(told_of_both, "one that was not answered, and those after it that were not sent");
    first.control().misbehave(None, 0);
    let second = again(first);
    assert!(recovered(&module, &key));
    let turns = || told.turns.lock().expect("no panic").clone();
    assert_eq!(turns().first(), Some(&true));
    assert!(comes(|| turns().last() == Some(&true)), "{:?}", turns());
    drop(second);
}
