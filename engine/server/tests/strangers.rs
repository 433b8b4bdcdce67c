//! Strangers on a listener: in another terminal's name, about an acquirer's period, after a
//! terminal's keys, and with very many connections.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use authorization::{
    Command, Done, KeyRole, Outcome, PortfolioItem, SealedKeys, State, TerminalItem,
};
use iso8583::MessageBuilder;
use payment_types::{DeviceCategory, Mti, TerminalId};
use security::KeyUsage;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use support::client::{self, Pos, dialect, framed, message_from, message_of};
use support::{TERMINAL_KEY, engine, open_with_bank};
use tamga::engine::Engine;

const MASTER: &str = "0F0E0D0C0B0A09080706050403020100";

/// A bank with two more terminals: ATM00001 at a listener `atm`, and POS00077 with a master key.
async fn serving(extra: &str) -> (Engine, SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_with_bank(&folder.path().join("data"));
    let security = opened.security.clone();
    let sealed = |text, usage| security.written_key(text, usage).unwrap().as_bytes().to_vec();
    let terminal = |id: &str, listener: &str| {
        let mut keys = SealedKeys::default();
        keys.set(KeyRole::Tpk, sealed(TERMINAL_KEY, KeyUsage::PinEncryption));
        keys.set(KeyRole::Tmk, sealed(MASTER, KeyUsage::TerminalMaster));
        PortfolioItem::Terminal(TerminalItem {
            id: TerminalId::new(id.as_bytes()).unwrap(),
            category: DeviceCategory::Merchant,
            merchant: Some("M1".into()),
            agent: None,
            listener: listener.into(),
            on_us: true,
            denominations: vec![],
            keys,
            security: Default::default(),
            partial_approval: false,
            balance_on_decline: false,
        })
    };
    let items = vec![terminal("ATM00001", "atm"), terminal("POS00077", "pos")];
    let engine = engine(opened, extra).await;
    let command = Command::Import { part: 0, last: true, items };
    let done = engine.shard().command(command, None).await.unwrap();
    assert!(matches!(done.outcome, Outcome::Done(Done::Imported { .. })), "{done:?}");
    let address = engine.address("pos").unwrap();
    (engine, address, folder)
}

async fn at_the_terminal<R: Send + 'static>(act: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(act).await.unwrap()
}

fn management(terminal: Option<&str>, stan: u64, code: u64, private: Option<&str>) -> Vec<u8> {
    let dialect = dialect();
    let mut builder = MessageBuilder::new(&dialect, Mti::parse("0800").unwrap());
    builder.set_number(7, 1_123_040_000).unwrap();
    builder.set_number(11, stan).unwrap();
    builder.set_number(32, 417_001).unwrap();
    if let Some(terminal) = terminal {
        builder.set_text(41, terminal.as_bytes()).unwrap();
    }
    if let Some(private) = private {
        builder.set_text(48, private.as_bytes()).unwrap();
    }
    builder.set_number(70, code).unwrap();
    let mut body = Vec::new();
    builder.write(&mut body).unwrap();
    framed(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_comes_in_by_its_own_listener() {
    let (engine, address, _folder) = serving("").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        assert_eq!(pos.ask(&message_of("POS00077", "0200", 1, 100)).code, "00");
        assert_eq!(pos.ask(&message_of("ATM00001", "0200", 2, 100)).code, "58");
        assert_eq!(pos.ask(&message_of("ATM00001", "0420", 3, 100)).code, "58");
        assert_eq!(pos.ask(&message_of("NOSUCH01", "0200", 4, 100)).code, "58");
    })
    .await;
    // The core decided about the first and about the unknown one only.
    let decided = |core: &State, _| core.transactions().len();
    assert_eq!(engine.shard().query(decided).await.unwrap(), 2);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_take_any_terminal() {
    let (engine, address, _folder) = serving("terminals = \"any\"").await;
    let code = at_the_terminal(move || {
        Pos::connect(address).ask(&message_of("ATM00001", "0200", 1, 100)).code
    });
    assert_eq!(code.await, "00");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn txn_6_strangers_end_nobodys_period() {
    let (engine, address, _folder) = serving("").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        assert_eq!(pos.ask(&client::purchase(1, 100)).code, "00");
        let mut cut = |terminal, stan| pos.ask(&management(terminal, stan, 201, None)).code;
        assert_eq!(cut(None, 2), "58", "nobody");
        assert_eq!(cut(Some("NOSUCH01"), 3), "58");
        assert_eq!(cut(Some("ATM00001"), 4), "58", "of another listener");
        assert_eq!(cut(Some("POS00077"), 5), "58", "nothing of it is counted there");
        assert_eq!(cut(Some("POS00001"), 6), "00");
    })
    .await;
    let period = |core: &State, _| core.reconciliation().acquirer(417_001).open.number;
    assert_eq!(engine.shard().query(period).await.unwrap(), 2);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn txn_6_an_acquirer_of_another_listener_opens_no_period() {
    let (engine, address, _folder) = serving("acquirers = [\"417001\"]").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        let from = |stan, acquirer| message_from(("POS00001", acquirer), "0200", stan, 100);
        assert_eq!(pos.ask(&from(1, 417_002)).code, "58", "somebody else's");
        assert_eq!(pos.ask(&from(2, 417_001)).code, "00");
        assert_eq!(pos.ask(&management(Some("POS00001"), 3, 201, None)).code, "00");
    })
    .await;
    let known = |core: &State, _| core.reconciliation().acquirers().map(|(id, _)| id).collect();
    let known: Vec<u64> = engine.shard().query(known).await.unwrap();
    assert_eq!(known, [417_001]);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_1_strangers_push_out_no_key_that_was_not_used_yet() {
    let (engine, address, _folder) = serving("").await;
    let clock = engine.clock().clone();
    let keys = |core: &State, _| {
        let id = TerminalId::new(b"POS00077").unwrap();
        let terminal = core.directory().terminal(&id).unwrap().1;
        let former = [KeyRole::Tpk, KeyRole::Tak].map(|role| terminal.former_of(role).count());
        (terminal.keys.get(KeyRole::Tpk).map(<[u8]>::to_vec), former)
    };
    let ask = move |stan, private: &'static str| {
        let mut pos = Pos::connect(address);
        pos.send(&management(Some("POS00077"), stan, 101, Some(private)));
        let body = pos.receive_body().expect("an answer");
        let dialect = dialect();
        let message = iso8583::Message::parse(&dialect, &body).unwrap();
        let mut scratch = [0; 1000];
        message.text(48, &mut scratch).unwrap().unwrap().to_vec()
    };
    // The terminal got a key, and has nothing to say yet; whoever else asks gets the same.
    let got = at_the_terminal(move || ask(10, "KU001P")).await;
    let before = engine.shard().query(keys).await.unwrap();
    at_the_terminal(move || {
        for stan in (20..60).step_by(2) {
            assert_eq!(ask(stan, "KU001P"), got);
            ask(stan + 1, "KU001M");
        }
        clock.advance_to(clock.now().at.plus_ms(23 * 3_600_000)).unwrap();
        assert_eq!(ask(61, "KU001P"), got, "within a day");
        clock.advance_to(clock.now().at.plus_ms(3_600_000)).unwrap();
        assert_ne!(ask(62, "KU001P"), got, "a day later it is a new one");
    })
    .await;
    let after = engine.shard().query(keys).await.unwrap();
    assert_ne!(after.0, before.0);
    assert_eq!((before.1, after.1), ([1, 0], [2, 0]), "each was made once");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_1_of_keys_asked_for_at_once_the_last_one_is_handed_out_again() {
    let (engine, address, _folder) = serving("").await;
    let current = |core: &State, _| {
        let id = TerminalId::new(b"POS00077").unwrap();
        core.directory().terminal(&id).unwrap().1.keys.get(KeyRole::Tpk).map(<[u8]>::to_vec)
    };
    let ask = move |stan| {
        let mut pos = Pos::connect(address);
        assert_eq!(pos.ask(&management(Some("POS00077"), stan, 101, Some("KU001P"))).code, "00");
    };
    for round in 1..=6 {
        let together = std::sync::Arc::new(std::sync::Barrier::new(8));
        let asking = (0..8).map(|at| {
            let together = std::sync::Arc::clone(&together);
            tokio::task::spawn_blocking(move || {
                together.wait();
                ask(round * 100 + at);
            })
        });
        for asked in asking.collect::<Vec<_>>() {
            asked.await.unwrap();
        }
        let before = engine.shard().query(current).await.unwrap();
        at_the_terminal(move || ask(round * 100 + 50)).await;
        let after = engine.shard().query(current).await.unwrap();
        assert_eq!(before, after, "round {round}: not one from before it");
        let clock = engine.clock();
        clock.advance_to(clock.now().at.plus_ms(25 * 3_600_000)).unwrap();
    }
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_1_strangers_do_not_take_a_terminals_pin_key_away() {
    let (engine, address, _folder) = serving("").await;
    let clock = engine.clock().clone();
    at_the_terminal(move || {
        let pay = |stan| Pos::connect(address).ask(&message_of("POS00077", "0200", stan, 100)).code;
        assert_eq!(pay(1), "00");
        let mut stranger = Pos::connect(address);
        let mut exchange = |stan| {
            let asked = management(Some("POS00077"), stan, 101, Some("KU001P"));
            assert_eq!(stranger.ask(&asked).code, "00");
        };
        (10..20).for_each(&mut exchange);
        assert_eq!(pay(2), "00");
        for hour in 1..4i64 {
            clock.advance_to(clock.now().at.plus_ms(hour * 3_600_000)).unwrap();
            let first = 100 + u64::try_from(hour).unwrap() * 10;
            (first..first + 8).for_each(&mut exchange);
            assert_eq!(pay(first + 9), "00", "{hour}");
        }
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_no_more_connections_than_one_may() {
    let (engine, address, _folder) = serving("connections_max_per_address = 2").await;
    at_the_terminal(move || {
        let mut held = [Pos::connect(address), Pos::connect(address)];
        for (stan, pos) in (1..).zip(&mut held) {
            assert_eq!(pos.ask(&client::purchase(stan, 100)).code, "00");
        }
        assert_eq!(Pos::connect(address).receive(), None, "the third");
        drop(held);
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        loop {
            let mut next = Pos::connect(address);
            next.send(&client::purchase(9, 100));
            if next.receive().is_some() {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "the places were never given free");
        }
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machines_own_connections_have_no_bound_of_their_own() {
    let (engine, address, _folder) = serving("connections_max = 4").await;
    at_the_terminal(move || {
        let idle: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert_eq!(Pos::connect(address).ask(&client::purchase(1, 100)).code, "00");
        drop(idle);
    })
    .await;
    engine.drain().await.unwrap();
}
