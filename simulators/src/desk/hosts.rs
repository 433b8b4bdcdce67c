//! Scripts against hosts that misbehave: over TCP, with real messages.

use super::host::Host;
use super::machine::{Desk, Fate};
use super::run::{Printer, Quiet};
use super::script::{self, Player};
use super::setup::{Face, Kind, Setup};
use crate::card::tests;
use crate::exchange::{decode, plain};
use crate::gear::Gear;
use crate::intent::{Fields, encode};
use crate::moment::{DEFAULT_ZONE, Zone};
use crate::{Endpoint, Link, Portfolio};
use iso8583::FieldValue;
use std::net::{Shutdown, TcpListener};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the host does with one connection.
#[derive(Clone, Copy)]
enum Does {
    Answers(&'static str),
    ClosesAtOnce,
    ReadsAndCloses,
    SendsGarbage,
    SaysNothing,
}

/// A host for that many connections; it ends with the messages it read.
fn host(plan: &'static [Does]) -> (Endpoint, JoinHandle<Vec<(String, Fields)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::pos(&listener.local_addr().unwrap().to_string()).unwrap();
    let own = endpoint.clone();
    let thread = std::thread::spawn(move || {
        plan.iter().filter_map(|does| serve(&listener, &own, *does)).collect()
    });
    (endpoint, thread)
}

fn serve(listener: &TcpListener, own: &Endpoint, does: Does) -> Option<(String, Fields)> {
    let stream = listener.accept().unwrap().0;
    let other = stream.try_clone().unwrap();
    if matches!(does, Does::ClosesAtOnce) {
        other.shutdown(Shutdown::Both).unwrap();
        return None;
    }
    let mut link = Link::over(own, stream);
    let frame = link.receive(Instant::now() + Duration::from_secs(20)).unwrap().unwrap();
    let (mti, fields) = decode(own.dialect(), &frame.body).unwrap();
    match does {
        Does::Answers(code) => {
            let mut answer = fields.clone();
            answer.retain(|element, _| matches!(element, 3 | 4 | 7 | 11 | 37 | 41));
            answer.insert(39, FieldValue::Text(code.into()));
            link.send(&encode(own.dialect(), mti.response().unwrap(), &answer).unwrap()).unwrap();
        }
        Does::SendsGarbage => {
            std::io::Write::write_all(&mut &other, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
        Does::SaysNothing => {
            // Until the terminal loses patience and hangs up.
            link.receive(Instant::now() + Duration::from_secs(20)).unwrap_err();
        }
        Does::ReadsAndCloses | Does::ClosesAtOnce => {}
    }
    Some((mti.to_string(), fields))
}

/// Plays a script at a shop's terminal; the desk as it is left.
fn play(endpoint: &Endpoint, text: &str) -> (Desk, Vec<String>) {
    let (terminal, card) = (tests::terminal(), tests::card());
    let setup = Setup::of(&terminal, vec![Face::of(&card)]);
    let mut portfolio = Portfolio::default();
    portfolio.cards.insert(card.id.clone(), card);
    let (gear, zone) = (Gear::default(), Zone::named(DEFAULT_ZONE).unwrap());
    let patience = Duration::from_secs(1);
    let host = Host::new(endpoint.clone(), portfolio, terminal, gear, zone, patience);
    let printer = Printer::default();
    let mut quiet = Quiet::open(Desk::open(setup), host, &printer, false).unwrap();
    let mut player = Player::new(script::read(text, Kind::Pos).unwrap());
    quiet.play(&mut player).unwrap();
    (quiet.desk, player.failures)
}

#[test]
fn a_host_that_is_not_there_gets_nothing_and_owes_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = Endpoint::pos(&free.to_string()).unwrap();
    let (desk, failures) = play(&endpoint, "purchase 10 tap\nexpect --");
    assert!(failures.is_empty(), "{failures:?}");
    assert!(!desk.is_unsettled(), "what was not sent is not reversed");
}

#[test]
fn txn_2_whatever_a_host_does_with_a_message_it_gets_the_reversal() {
    for bad in [
        &[Does::ReadsAndCloses, Does::Answers("00")] as &'static [Does],
        &[Does::SendsGarbage, Does::Answers("00")],
        &[Does::SaysNothing, Does::Answers("00")],
    ] {
        let (endpoint, thread) = host(bad);
        let (desk, failures) = play(&endpoint, "purchase 10 tap\nexpect 00");
        assert!(failures.is_empty(), "the last message is the reversal: {failures:?}");
        let heard = thread.join().unwrap();
        let kinds: Vec<&str> = heard.iter().map(|(mti, _)| mti.as_str()).collect();
        assert_eq!(kinds, ["0200", "0420"]);
        let named = plain(&heard[1].1[&90]);
        let stan = plain(&heard[0].1[&11]);
        assert!(named.starts_with(&format!("0200{stan}")), "{named} names {stan}");
        assert_eq!(plain(&heard[0].1[&37]), plain(&heard[1].1[&37]), "one reference number");
        assert_eq!(desk.deals()[0].fate, Fate::Reversed);
    }
}

#[test]
fn a_reversal_that_gets_no_answer_is_repeated_as_such() {
    const PLAN: &[Does] =
        &[Does::ClosesAtOnce, Does::ReadsAndCloses, Does::Answers("00"), Does::Answers("00")];
    let (endpoint, thread) = host(PLAN);
    let began = Instant::now();
    let (desk, _) = play(&endpoint, "purchase 10 tap\nbalance tap");
    let heard = thread.join().unwrap();
    let kinds: Vec<&str> = heard.iter().map(|(mti, _)| mti.as_str()).collect();
    assert_eq!(kinds, ["0420", "0421", "0200"], "the purchase itself was not read");
    assert_eq!(plain(&heard[0].1[&11]), plain(&heard[1].1[&11]), "the same STAN");
    assert!(began.elapsed() >= Duration::from_secs(5), "with a pause before it");
    assert_eq!(desk.deals()[0].fate, Fate::Reversed);
    assert_eq!(desk.deals().len(), 2, "and only then the next customer's");
}

#[test]
fn a_decline_is_what_a_script_may_expect() {
    let (endpoint, thread) = host(&[Does::Answers("51"), Does::Answers("70")]);
    let text = "purchase 10 tap\nexpect 51\npurchase 20 tap\nexpect 00";
    let (desk, failures) = play(&endpoint, text);
    assert_eq!(failures, ["line 4: 70 (PIN needed) instead of 00"]);
    assert_eq!(desk.deals().len(), 2);
    thread.join().unwrap();
}
