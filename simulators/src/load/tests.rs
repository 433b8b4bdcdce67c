//! Loads played against small hosts that behave badly on purpose.

use super::*;
use crate::echo::EchoHost;
use crate::exchange::decode;
use crate::intent::encode;
use bytes::BytesMut;
use iso8583::FieldValue;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const CARD: &str =
    r#"{"type":"card","id":"K1","pan":"9417000000000016","expiry":"2912","test_pin":"1234"}"#;
const TERMINAL: &str = concat!(
    r#"{"type":"terminal","id":"POS00001","category":"merchant","listener":"pos","#,
    r#""keys":{"tpk":"0123456789ABCDEFFEDCBA9876543210"}}"#
);

pub(super) struct Bench {
    _folder: tempfile::TempDir,
    settings: Settings,
}

impl Bench {
    pub(super) fn into_parts(self) -> (tempfile::TempDir, Settings) {
        (self._folder, self.settings)
    }
}

pub(super) fn bench(target: &str) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let portfolio = folder.path().join("p.jsonl");
    std::fs::write(&portfolio, format!("{CARD}\n{TERMINAL}\n")).unwrap();
    let settings = Settings {
        endpoint: Endpoint::pos(target).unwrap(),
        chip: 0,
        first_counter: 1,
        mac: false,
        portfolio: portfolio.into(),
        listener: "pos".into(),
        connections: 2,
        in_flight: Some(1),
        shape: None,
        arrivals: Arrivals::Fixed,
        duration: None,
        count: None,
        warm_up: Duration::ZERO,
        deadline: Duration::from_secs(5),
        mix: "purchase=1,tap=1".parse().unwrap(),
        amounts: 10..=500,
        popularity: Popularity::default(),
        seed: 1,
        threads: 1,
        echo: false,
        zone: crate::moment::DEFAULT_ZONE.into(),
        stop: Stop::default(),
        judging: None,
    };
    Bench { _folder: folder, settings }
}

/// A host that answers every message with the code `reply` gives for its number on the
/// connection, or not at all; `reply` may sleep.
fn host(reply: fn(u32) -> Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let endpoint = Endpoint::pos(&target).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, endpoint) = (stream.unwrap(), endpoint.clone());
            std::thread::spawn(move || answer(stream, &endpoint, reply));
        }
    });
    target
}

fn answer(mut stream: TcpStream, endpoint: &Endpoint, reply: fn(u32) -> Option<&'static str>) {
    let (mut buffer, mut chunk, mut number) = (BytesMut::new(), [0u8; 4096], 0);
    loop {
        let count = stream.read(&mut chunk).unwrap_or_default();
        if count == 0 {
            return;
        }
        buffer.extend_from_slice(&chunk[..count]);
        while let Some(frame) = endpoint.framing().next_frame(&mut buffer).unwrap() {
            number += 1;
            let Some(code) = reply(number) else { continue };
            let (mti, mut fields) = decode(endpoint.dialect(), &frame.body).unwrap();
            fields.retain(|element, _| matches!(element, 3 | 4 | 7 | 11 | 37 | 41));
            fields.insert(39, FieldValue::Text(code.into()));
            let body = encode(endpoint.dialect(), mti.response().unwrap(), &fields).unwrap();
            let mut out = Vec::new();
            endpoint.frame(&body, &mut out).unwrap();
            if stream.write_all(&out).is_err() {
                return;
            }
        }
    }
}

#[test]
fn every_message_of_a_closed_loop_is_answered_and_its_code_counted() {
    let target = host(|number| Some(if number % 4 == 0 { "51" } else { "00" }));
    let Bench { _folder, mut settings } = bench(&target);
    (settings.count, settings.in_flight, settings.threads) = (Some(1001), Some(4), 2);
    let report = run(&settings, |_| {}).unwrap();
    assert_eq!((report.sent, report.answered), (1001, 1001));
    assert!(report.is_clean(), "{report}");
    let of = |code: &str| -> u64 {
        report.codes.iter().filter(|row| row.code == code).map(|row| row.count).sum()
    };
    assert_eq!(of("51"), 500 / 4 + 501 / 4, "each of the two connections counts by itself");
    assert_eq!(of("00") + of("51"), 1001);
    assert!((report.approved - 0.75).abs() < 0.01);
}

/// A host that stalls for 400 ms once. In an open loop all that fell due meanwhile waited, and
/// shows it; a generator that waited for the answer before sending the next would have one slow
/// message among many.
#[test]
fn a_stall_is_seen_by_everything_that_fell_due_in_it() {
    let target = host(|number| {
        if number == 100 {
            std::thread::sleep(Duration::from_millis(400));
        }
        Some("00")
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.in_flight) = (1, None);
    (settings.shape, settings.duration) =
        (Some(Shape::constant(500.0)), Some(Duration::from_secs(1)));
    let report = run(&settings, |_| {}).unwrap();
    assert!((490..=500).contains(&report.answered), "{report}");
    let latency = report.latency_ms;
    assert!(latency.max >= 390.0, "{report}");
    // 200 of 500 messages fell due in the stall and waited 200 ms on average.
    assert!(latency.p90 > 200.0, "{report}");
    assert!(latency.mean > 50.0, "{report}");

    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.count) = (1, Some(500));
    let report = run(&settings, |_| {}).unwrap();
    assert!(report.latency_ms.p90 < 100.0, "a closed loop hides the stall: {report}");
}

#[test]
fn the_stall_shows_even_where_only_one_message_may_be_on_its_way() {
    let target = host(|number| {
        if number == 20 {
            std::thread::sleep(Duration::from_millis(300));
        }
        Some("00")
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.in_flight) = (1, Some(1));
    (settings.shape, settings.duration) =
        (Some(Shape::constant(200.0)), Some(Duration::from_secs(1)));
    let report = run(&settings, |_| {}).unwrap();
    assert!(report.latency_ms.p90 > 100.0, "waiting for room counts too: {report}");
    assert!(report.sent_late_ms.unwrap().p90 > 100.0, "and is told apart: {report}");
}

/// Twenty-five a second is all a host can do that takes 40 ms each; what it still answers when nothing
/// more is asked does not make it faster.
#[test]
fn answers_that_come_after_the_end_are_no_part_of_the_rate() {
    let target = host(|_| {
        std::thread::sleep(Duration::from_millis(40));
        Some("00")
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.in_flight) = (1, None);
    (settings.shape, settings.duration) =
        (Some(Shape::constant(50.0)), Some(Duration::from_secs(1)));
    let report = run(&settings, |_| {}).unwrap();
    assert!(report.answered >= 49 && report.rate <= 25.5, "{report}");
}

#[test]
fn what_is_not_answered_is_counted_and_not_waited_for_for_ever() {
    let target = host(|number| (number % 10 != 0).then_some("00"));
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.count) = (1, Some(50));
    settings.deadline = Duration::from_millis(100);
    let report = run(&settings, |_| {}).unwrap();
    assert_eq!((report.sent, report.answered, report.timeouts), (50, 45, 5), "{report}");
    assert!(report.latency_ms.max >= 100.0 && !report.is_clean());
}

#[test]
fn a_host_that_hangs_up_is_survived() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let endpoint = Endpoint::pos(&target).unwrap();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if at == 0 {
                // Reads one message, and is gone.
                stream.read_exact(&mut [0u8; 20]).unwrap();
            } else {
                answer(stream, &endpoint, |_| Some("00"));
            }
        }
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.count) = (1, Some(20));
    let report = run(&settings, |_| {}).unwrap();
    assert_eq!((report.sent, report.answered, report.lost), (20, 19, 1), "{report}");
    assert_eq!(report.disconnects, 1);
}

/// In the middle of a run: a frame that is no message, then bytes that are no frame. What was on its
/// way is counted as lost, and the load goes on over a new connection.
#[test]
fn a_host_that_sends_garbage_is_survived() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let endpoint = Endpoint::pos(&target).unwrap();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            if at == 0 {
                stream.read_exact(&mut [0u8; 20]).unwrap();
                let mut frame = Vec::new();
                endpoint.frame(&[0xEE; 40], &mut frame).unwrap();
                stream.write_all(&frame).unwrap();
                stream.write_all(&[0; 64]).unwrap();
                // Stays open: it is the load that must give the connection up.
                stream.read_to_end(&mut Vec::new()).unwrap_or_default();
            } else {
                answer(stream, &endpoint, |_| Some("00"));
            }
        }
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.count) = (1, Some(20));
    let report = run(&settings, |_| {}).unwrap();
    assert_eq!((report.sent, report.answered, report.lost), (20, 19, 1), "{report}");
    assert_eq!((report.strange, report.disconnects), (2, 1), "{report}");
    assert!(!report.is_clean());
}

#[test]
fn warming_up_is_not_measured_and_seconds_are_told() {
    let target = host(|_| Some("00"));
    let Bench { _folder, mut settings } = bench(&target);
    (settings.shape, settings.in_flight) = (Some(Shape::constant(1000.0)), None);
    settings.warm_up = Duration::from_millis(1100);
    settings.duration = Some(Duration::from_millis(500));
    let mut seconds = 0;
    let report = run(&settings, |_| seconds += 1).unwrap();
    assert!((480..=500).contains(&report.answered), "{report}");
    assert!(seconds >= 1 && report.timeline.iter().any(|second| second.warming_up));
}

/// A host takes terminal, STAN and local time for the identity of a message; ten connections here
/// share one terminal.
#[test]
fn connections_that_share_a_terminal_do_not_share_numbers() {
    static SEEN: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let endpoint = Endpoint::pos(&target).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut link = crate::Link::over(&endpoint, stream.unwrap());
            let endpoint = endpoint.clone();
            std::thread::spawn(move || {
                let deadline = Instant::now() + Duration::from_secs(20);
                while let Ok(Some(frame)) = link.receive(deadline) {
                    let (mti, mut fields) = decode(endpoint.dialect(), &frame.body).unwrap();
                    let stan = crate::exchange::plain(&fields[&11]).parse().unwrap();
                    SEEN.lock().unwrap().push(stan);
                    fields.retain(|element, _| matches!(element, 7 | 11 | 41));
                    let mti = mti.response().unwrap();
                    link.send(&encode(endpoint.dialect(), mti, &fields).unwrap()).unwrap();
                }
            });
        }
    });
    let Bench { _folder, mut settings } = bench(&target);
    (settings.connections, settings.count, settings.in_flight) = (10, Some(3000), Some(8));
    assert_eq!(run(&settings, |_| {}).unwrap().answered, 3000);
    let mut seen = SEEN.lock().unwrap().clone();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3000);
}

#[test]
fn an_echo_host_can_be_loaded() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let framing = Endpoint::pos("x").unwrap().framing().clone();
    let host = runtime.block_on(EchoHost::bind("127.0.0.1:0", framing)).unwrap();
    let target = host.address().unwrap().to_string();
    runtime.spawn(host.serve());
    let Bench { _folder, mut settings } = bench(&target);
    (settings.echo, settings.count, settings.in_flight) = (true, Some(5000), Some(32));
    let report = run(&settings, |_| {}).unwrap();
    assert_eq!(report.answered, 5000);
    assert!(report.is_clean() && report.codes.iter().all(|row| row.code == "echo"));
}

#[test]
fn what_cannot_be_is_told() {
    let refused = |change: fn(&mut Settings)| {
        let Bench { _folder, mut settings } = bench("127.0.0.1:1");
        settings.count = Some(1);
        change(&mut settings);
        run(&settings, |_| {}).unwrap_err().to_string()
    };
    assert!(refused(|s| s.connections = 0).contains("connection"));
    assert!(refused(|s| s.count = None).contains("duration or a count"));
    assert!(refused(|s| s.shape = Some(Shape::constant(0.0))).contains("rate"));
    assert!(refused(|s| s.in_flight = Some(1_000_000)).contains("six digits"));
    assert!(refused(|s| s.amounts = 0..=5).contains("amounts"));
    assert!(refused(|s| s.mix = "cash=1".parse().unwrap()).contains("does a cash"));
    assert!(refused(|s| s.listener = "fax".into()).contains("fax"));
    assert!(refused(|s| s.threads = 2).contains("127.0.0.1:1"));
}
