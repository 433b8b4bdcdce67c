//! Loads played in virtual time, where a second takes as long as its arithmetic: what the reported
//! percentiles must be follows from the host's behaviour by counting, and no machine is too busy.

use super::tests::bench;
use super::*;
use crate::echo::Delay;
use rand::RngExt;
use std::collections::VecDeque;

const MS: u64 = 1_000_000;
/// The host answers in a quarter of a millisecond.
const SERVICE: u64 = MS / 4;
const TICK: u64 = MS / 20;
const SECONDS: u64 = 20;

/// A host that answers after `wait` nanoseconds, one after the other, and stands still for one
/// second in the middle if told so.
struct Host<W> {
    wait: W,
    stalls: bool,
    answers: VecDeque<u64>,
}

impl<W: FnMut() -> u64> Host<W> {
    fn hear(&mut self, now: u64) {
        let stall = 10_000 * MS..11_000 * MS;
        let is_stalled = self.stalls && stall.contains(&now);
        let from = if is_stalled { stall.end } else { now };
        self.answers.push_back(from + (self.wait)());
    }
}

/// Twenty seconds at 1000 a second, or as fast as answers come; what was measured.
fn play<W: FnMut() -> u64>(open: bool, in_flight: u32, mut host: Host<W>) -> Tally {
    let (_folder, mut settings) = bench("127.0.0.1:1").into_parts();
    settings.connections = 1;
    settings.in_flight = Some(in_flight);
    settings.shape = open.then(|| Shape::constant(1000.0));
    let zone = Zone::named(&settings.zone).unwrap();
    let now = zone.parse("2026-11-23T10:00:00+06:00").unwrap();
    let dialect = settings.endpoint.dialect();
    let (source, listener) = (&settings.portfolio, &settings.listener);
    let stock = Stock::read(source, listener, dialect, now.business_date()).unwrap();
    let (cards, mut lanes) = super::lanes(&settings, stock, now).unwrap();
    let lane = &mut lanes[0];
    let picker = Picker::new(cards.len(), settings.popularity);
    let time = WireTime::of(now, dialect.version());
    let frame = lane::Frame {
        cards: &cards,
        picker: &picker,
        dialect,
        warm_up_ns: 0,
        end_ns: u64::MAX,
        echo: true,
        time,
    };
    let pieces = Shape::constant(1000.0).share(1.0, Duration::ZERO);
    let mut schedule = Schedule::new(Arrivals::Fixed, pieces, dice(1, 0));
    let mut tally = Tally::new().unwrap();
    let mut sent = 0;
    for now in (0..SECONDS * 1000 * MS).step_by(usize::try_from(TICK).unwrap()) {
        while host.answers.front().is_some_and(|at| *at <= now) {
            host.answers.pop_front();
            lane.take(b"", now, &frame, &mut tally);
        }
        if open {
            lane.catch_up(now, &frame, &mut tally);
            while let Some(due) = schedule.due(now) {
                lane.submit(due, now, &frame, &mut tally);
            }
        } else if lane.has_room() {
            lane.submit(now, now, &frame, &mut tally);
        }
        lane.out().clear();
        (sent..tally.sent).for_each(|_| host.hear(now));
        sent = tally.sent;
    }
    tally
}

fn ms(times: &Histogram<u64>, quantile: f64) -> f64 {
    let ns = u32::try_from(times.value_at_quantile(quantile) / 1000).unwrap();
    f64::from(ns) / 1000.0
}

/// 1000 of 20 000 messages fell due in the second in which the host stood still, and waited from a
/// second down to nothing: the slowest hundredth waited more than 800 ms.
#[test]
fn a_second_of_standing_still_is_in_the_99th_percentile() {
    let host = || Host { wait: || SERVICE, stalls: true, answers: VecDeque::new() };
    let open = play(true, 1000, host());
    assert!((19_990..=20_000).contains(&open.answered), "{}", open.answered);
    let (p50, p99) = (ms(&open.latency, 0.5), ms(&open.latency, 0.99));
    assert!((p99 - 800.0).abs() < 5.0, "p99 {p99}");
    assert!(p50 < 0.5, "p50 {p50}");
    assert!((ms(&open.latency, 1.0) - 1000.0).abs() < 5.0);
}

/// Who may send the next message only after the answer to the last measures one long wait; counted
/// from when the messages were due it is as above, and what caught up afterwards comes on top.
#[test]
fn it_is_there_even_where_messages_had_to_wait_for_room() {
    let host = || Host { wait: || SERVICE, stalls: true, answers: VecDeque::new() };
    let open = play(true, 1, host());
    let (due, sent) = (ms(&open.latency, 0.99), ms(&open.service, 0.99));
    assert!((800.0..=1001.0).contains(&due), "p99 since due {due}");
    assert!(sent < 0.5, "p99 since sent {sent}: one long wait hides among 20 000");
    assert!(ms(&open.lag, 0.99) > 700.0, "what it waited before it was sent is told apart");
    let closed = play(false, 1, host());
    assert!(ms(&closed.latency, 0.99) < 0.5, "a closed loop does not see it");
}

/// A host whose times are known: what is reported is what they are.
#[test]
fn percentiles_are_those_of_the_host() {
    for delay in [Delay::Fixed(4.0), Delay::Uniform(1.0, 9.0), Delay::Exponential(5.0)] {
        let mut dice = dice(7, 7);
        let wait = || {
            let us = delay.quantile(dice.random::<f64>()) * 1000.0;
            Duration::from_secs_f64(us / 1e6).as_nanos().try_into().unwrap()
        };
        // One at a time: answers of one connection wait for those before them.
        let found = play(false, 1, Host { wait, stalls: false, answers: VecDeque::new() });
        for share in [0.5, 0.9, 0.99] {
            let (found, told) = (ms(&found.latency, share), delay.quantile(share));
            assert!((found - told).abs() < 0.06 * told + 0.1, "{delay}: {found} for {told}");
        }
    }
}
