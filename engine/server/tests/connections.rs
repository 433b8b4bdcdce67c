//! Terminals over real TCP: good messages however they are cut, bad bytes, bounds, the end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::client::{self, Answer, Pos};
use support::{BALANCE, engine, failing_after, gated, open, open_with_bank};
use tamga::engine::{Engine, ServeError};
use tamga::storage::Opened;

struct Place {
    data: PathBuf,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { data: folder.path().join("data"), _folder: folder }
}

/// An engine with the bank, and its POS address.
async fn serving(place: &Place, extra: &str) -> (Engine, SocketAddr) {
    serving_on(open_with_bank(&place.data), extra).await
}

async fn serving_on(opened: Opened, extra: &str) -> (Engine, SocketAddr) {
    let engine = engine(opened, extra).await;
    let address = engine.address("pos").unwrap();
    (engine, address)
}

/// Runs the blocking terminal beside the engine.
async fn at_the_terminal<R: Send + 'static>(act: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(act).await.unwrap()
}

async fn balance(engine: &Engine) -> i64 {
    let look = |state: &authorization::State, _| {
        state.ledger().accounts().map(|(_, account)| account.balance).sum::<i64>()
    };
    engine.shard().query(look).await.unwrap()
}

fn codes(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(|answer| answer.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_approved_and_survives() {
    let place = place();
    let (engine, address) = serving(&place, "").await;
    let answer =
        at_the_terminal(move || Pos::connect(address).ask(&client::purchase(1, 15_000))).await;
    assert_eq!((answer.mti.as_str(), answer.stan, answer.code.as_str()), ("0210", 1, "00"));
    assert!(answer.auth_code.is_some());
    assert_eq!(balance(&engine).await, BALANCE - 15_000);
    engine.drain().await.unwrap();
    let again = open(&place.data);
    assert_eq!(again.replayed, 0, "the drain took a snapshot");
    let (engine, address) = serving_on(again, "").await;
    let repeat =
        at_the_terminal(move || Pos::connect(address).ask(&client::purchase(1, 15_000))).await;
    assert_eq!(repeat, answer, "TXN-1: the same answer after a restart");
    assert_eq!(balance(&engine).await, BALANCE - 15_000, "and no second effect");
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_in_one_segment_and_one_in_many() {
    let place = place();
    let (engine, address) = serving(&place, "").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        let burst: Vec<u8> = (1..=40).flat_map(|stan| client::purchase(stan, 1_00)).collect();
        pos.send(&burst);
        let mut stans: Vec<u64> = (1..=40)
            .map(|_| {
                let answer = pos.receive().unwrap();
                assert_eq!(answer.code, "00");
                answer.stan
            })
            .collect();
        stans.sort_unstable();
        assert_eq!(stans, (1..=40).collect::<Vec<_>>());
        for byte in client::purchase(41, 1_00) {
            pos.send(&[byte]);
        }
        assert_eq!(pos.receive().unwrap().stan, 41);
    })
    .await;
    assert_eq!(balance(&engine).await, BALANCE - 41_00);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_is_no_frame_by_closing() {
    let place = place();
    let (engine, address) = serving(&place, "").await;
    at_the_terminal(move || {
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x00\x00",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x00\x0a\x61\x00\x00\x00\x00\x02\x00\x00\x00\x00",
        ] {
            let mut pos = Pos::connect(address);
            pos.send(garbage);
            assert_eq!(pos.receive(), None, "{garbage:02x?}");
        }
        // A good message before the garbage is answered first.
        let mut pos = Pos::connect(address);
        let mut bytes = client::purchase(1, 1_00);
        bytes.extend_from_slice(b"\x00\x00");
        pos.send(&bytes);
        assert_eq!(pos.receive().unwrap().code, "00");
        assert_eq!(pos.receive(), None);
        // And the engine serves on.
        assert_eq!(Pos::connect(address).ask(&client::purchase(2, 1_00)).code, "00");
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_may_not_rest_for_ever() {
    let place = place();
    let (engine, address) = serving(&place, "half_frame_seconds = 1").await;
    at_the_terminal(move || {
        let started = Instant::now();
        let mut pos = Pos::connect(address);
        let bytes = client::purchase(1, 1_00);
        pos.send(&bytes[..20]);
        assert_eq!(pos.receive(), None);
        assert!(started.elapsed() >= Duration::from_millis(900));
        // A byte now and then does not help.
        let mut pos = Pos::connect(address);
        for byte in &bytes[..20] {
            if pos.stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("a frame may trickle in for ever");
    })
    .await;
    assert_eq!(balance(&engine).await, BALANCE);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let place = place();
    let (engine, address) = serving(&place, "idle_seconds = 1").await;
    at_the_terminal(move || {
        let mut idle = Pos::connect(address);
        let mut busy = Pos::connect(address);
        for stan in 1..=6 {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(busy.ask(&client::purchase(stan, 1_00)).code, "00");
        }
        assert_eq!(idle.receive(), None);
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_bounds_a_connection_is_answered_91_at_once() {
    let place = place();
    let mut opened = open_with_bank(&place.data);
    let gate = gated(&mut opened);
    let (engine, address) = serving_on(opened, "in_flight_per_connection = 4").await;
    gate.set(true);
    let gate_inside = gate.clone();
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        let burst: Vec<u8> = (1..=10).flat_map(|stan| client::purchase(stan, 1_00)).collect();
        pos.send(&burst);
        let shed: Vec<_> = (0..6).map(|_| pos.receive().unwrap()).collect();
        assert_eq!(codes(&shed), ["91"; 6]);
        assert!(pos.is_silent(Duration::from_millis(100)), "nothing else before the commit");
        gate_inside.set(false);
        let decided: Vec<_> = (0..4).map(|_| pos.receive().unwrap()).collect();
        assert_eq!(codes(&decided), ["00"; 4]);
        assert_eq!(pos.ask(&client::purchase(11, 1_00)).code, "00", "there is room again");
    })
    .await;
    assert_eq!(balance(&engine).await, BALANCE - 5_00);
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_listeners_bound_all_connections_are_answered_91() {
    let place = place();
    let mut opened = open_with_bank(&place.data);
    let gate = gated(&mut opened);
    let (engine, address) = serving_on(opened, "in_flight = 2").await;
    gate.set(true);
    let gate_inside = gate.clone();
    at_the_terminal(move || {
        let mut first = Pos::connect(address);
        first.send(&[client::purchase(1, 1_00), client::purchase(2, 1_00)].concat());
        assert!(first.is_silent(Duration::from_millis(100)));
        let mut second = Pos::connect(address);
        assert_eq!(second.ask(&client::purchase(3, 1_00)).code, "91");
        gate_inside.set(false);
        assert_eq!(first.receive().unwrap().code, "00");
        assert_eq!(first.receive().unwrap().code, "00");
        assert_eq!(second.ask(&client::purchase(4, 1_00)).code, "00");
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_has_no_more_connections_than_it_may() {
    let place = place();
    let (engine, address) = serving(&place, "connections_max = 1").await;
    at_the_terminal(move || {
        let mut first = Pos::connect(address);
        assert_eq!(first.ask(&client::purchase(1, 1_00)).code, "00");
        assert_eq!(Pos::connect(address).receive(), None);
        drop(first);
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let mut next = Pos::connect(address);
            next.send(&client::purchase(2, 1_00));
            if next.receive().is_some() {
                break;
            }
            assert!(Instant::now() < deadline, "the place was never given free");
        }
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_not_durable_is_never_sent() {
    let place = place();
    let mut opened = open_with_bank(&place.data);
    // One commit for the rule set, one for the first purchase.
    failing_after(&mut opened, 2);
    let (engine, address) = serving_on(opened, "").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        assert_eq!(pos.ask(&client::purchase(1, 1_00)).code, "00");
        pos.send(&client::purchase(2, 1_00));
        assert!(pos.is_silent(Duration::from_millis(200)), "nobody knows whether it stands");
        assert_eq!(pos.ask(&client::purchase(3, 1_00)).code, "91");
    })
    .await;
    let reason = engine.shard().failed().await;
    assert!(reason.contains("the disk is on fire"), "{reason}");
    let error = engine.drain().await.unwrap_err();
    assert!(matches!(error, ServeError::Stopped(_)), "{error}");
    assert_eq!(error.exit_code(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_answers_what_is_in_flight_and_takes_nothing_more() {
    let place = place();
    let mut opened = open_with_bank(&place.data);
    let gate = gated(&mut opened);
    let (engine, address) = serving_on(opened, "").await;
    gate.set(true);
    let shard = engine.shard().clone();
    let mut pos = at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        pos.send(&client::purchase(1, 1_00));
        assert!(pos.is_silent(Duration::from_millis(100)));
        pos
    })
    .await;
    let drain = tokio::spawn(engine.drain());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!drain.is_finished());
    gate.set(false);
    at_the_terminal(move || {
        assert_eq!(pos.receive().unwrap().code, "00");
        assert_eq!(pos.receive(), None);
        assert!(std::net::TcpStream::connect(address).is_err());
    })
    .await;
    drain.await.unwrap().unwrap();
    assert!(shard.query(|_, _| ()).await.is_err());
    assert_eq!(open(&place.data).replayed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_his_sending_side_still_gets_his_answers() {
    let place = place();
    let (engine, address) = serving(&place, "").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        pos.send(&client::purchase(1, 1_00));
        pos.half_close();
        assert_eq!(pos.receive().unwrap().code, "00");
        assert_eq!(pos.receive(), None);
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_not_read_from_and_harms_nobody() {
    let place = place();
    let (engine, address) = serving(&place, "").await;
    at_the_terminal(move || {
        let mut deaf = Pos::connect(address);
        deaf.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let echo = client::network(1, 301);
        let burst: Vec<u8> = echo.iter().copied().cycle().take(echo.len() * 500).collect();
        let mut sent = 0;
        // Once the engine stops reading, the socket's buffers fill and the write blocks.
        while deaf.stream.write_all(&burst).is_ok() {
            sent += burst.len();
            assert!(sent < 256 << 20, "the engine reads without end");
        }
        assert_eq!(Pos::connect(address).ask(&client::purchase(1, 1_00)).code, "00");
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_on_is_asked_for_where_the_listener_says_so() {
    let place = place();
    let (engine, address) = serving(&place, "sign_on_required = true").await;
    at_the_terminal(move || {
        let mut pos = Pos::connect(address);
        assert_eq!(pos.ask(&client::purchase(1, 1_00)).code, "91");
        let answer = pos.ask(&client::network(2, 1));
        assert_eq!((answer.mti.as_str(), answer.code.as_str()), ("0810", "00"));
        assert_eq!(pos.ask(&client::purchase(3, 1_00)).code, "00");
        assert_eq!(pos.ask(&client::network(4, 2)).code, "00");
        assert_eq!(pos.ask(&client::purchase(5, 1_00)).code, "91");
        assert_eq!(Pos::connect(address).ask(&client::purchase(6, 1_00)).code, "91");
    })
    .await;
    engine.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_refused_with_one_line() {
    let place = place();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = support::config(&place.data, "");
    config.listeners[0].bind = holder.local_addr().unwrap();
    let opened = open_with_bank(&place.data);
    let error = Engine::assemble(&config, opened, support::test_clock()).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("listener pos") && text.contains("another program"), "{text}");
    assert!(!text.contains('\n'));
    assert_eq!(error.exit_code(), 4);
    // Nothing was changed, and the directory is free.
    assert_eq!(open(&place.data).state.last_sequence().0, 1);
}
