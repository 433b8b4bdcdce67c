//! What consoles see move: figures of each second, decisions now and then, orders, alerts.
//!
//! What it is: counters that the connections raise in passing, emptied once a second by a task of
//! their own, and a bounded feed that whoever watches reads at his own speed; who is too slow
//! misses some. What it is not: a part of deciding. Nothing here is waited for, and without
//! anybody who watches no decision is looked at.

mod devices;
mod sample;
mod second;
mod tally;

pub(crate) use devices::{Devices, Heard};
pub(crate) use sample::Sample;
pub(crate) use second::{Second, share};
pub(crate) use tally::Tally;

use crate::clock::Clock;
use crate::shard::Shard;
use bytes::Bytes;
use second::{JournalSecond, ListenerSecond};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tally::Emptied;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::MissedTickBehavior;

/// So many may watch at a time.
pub(crate) const SEATS: usize = 256;
/// How far behind a watcher may be before it misses something: some ten seconds.
const FEED: usize = 128;
/// Seconds that are kept for plots.
const KEPT: usize = 3600;
/// Seconds that are sent again to who comes back.
const CAUGHT_UP: usize = 300;
/// Turns of the shard that are remembered: hours of a quiet day, a minute under full load.
const TURNS: usize = 65_536;
/// How often what happened is sent on.
const BEAT: Duration = Duration::from_millis(100);
const BEATS_OF_SECOND: u32 = 10;
/// Decisions shown in a beat: at most 20 a second.
const SAMPLES_OF_BEAT: u32 = 2;

/// See the module.
pub(crate) struct Live {
    listeners: Mutex<Vec<Arc<Tally>>>,
    /// What is known of devices.
    pub(crate) devices: Devices,
    past: Mutex<VecDeque<Second>>,
    feed: Sender<Item>,
    watchers: AtomicUsize,
    samples_left: AtomicU32,
    samples: Mutex<Vec<Sample>>,
    closed: AtomicBool,
    turns: Mutex<VecDeque<Turn>>,
}

/// How long the stages of a turn of the shard took, microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Its records.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The longest wait for it.
    pub(crate) waited_us: u64,
    pub(crate) decided_us: u64,
    pub(crate) committed_us: u64,
}

#[derive(Clone)]
enum Item {
    /// Events, ready for the wire.
    Events(Bytes),
    /// An event about who got at what: for those who may see alerts.
    OfAccess(Bytes),
    /// Nothing more comes.
    End,
}

impl Live {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            listeners: Mutex::default(),
            devices: Devices::default(),
            past: Mutex::default(),
            feed: broadcast::channel(FEED).0,
            watchers: AtomicUsize::new(0),
            samples_left: AtomicU32::new(0),
            samples: Mutex::default(),
            closed: AtomicBool::new(false),
            turns: Mutex::default(),
        })
    }

    /// The counters of a listener.
    pub(crate) fn listener(&self, name: &str) -> Arc<Tally> {
        let mut listeners = lock(&self.listeners);
        if let Some(known) = listeners.iter().find(|known| &**known.name() == name) {
            return Arc::clone(known);
        }
        let tally = Arc::new(Tally::new(name));
        listeners.push(Arc::clone(&tally));
        tally
    }

    /// A turn of the shard is on stable storage.
    pub(crate) fn turned(&self, turn: Turn) {
        let mut turns = lock(&self.turns);
        if turns.len() >= TURNS {
            turns.pop_front();
        }
        turns.push_back(turn);
    }

    /// The turn that a record was in, if it is not too long ago.
    pub(crate) fn turn_of(&self, sequence: u64) -> Option<Turn> {
        let turns = lock(&self.turns);
        let at = turns.partition_point(|turn| turn.last < sequence);
        turns.get(at).copied().filter(|turn| turn.first <= sequence)
    }

    /// Whether the next decision is to be shown. Asked by the shard for each: a look at one word
    /// where nobody watches.
    pub(crate) fn wants_sample(&self) -> bool {
        let left = self.samples_left.load(Ordering::Relaxed);
        if left == 0 {
            return false;
        }
        // The shard alone takes from it; a beat that fills it up meanwhile costs a decision more.
        self.samples_left.store(left - 1, Ordering::Relaxed);
        true
    }

    /// Decisions to be shown, which are on stable storage.
    pub(crate) fn show(&self, samples: &mut Vec<Sample>) {
        if !samples.is_empty() {
            lock(&self.samples).append(samples);
        }
    }

    /// Unusual access, to those who may know of it (PII-2).
    pub(crate) fn tell_access(&self, data: &impl Serialize) {
        // Nobody may be watching.
        let _watched = self.feed.send(Item::OfAccess(event("alert", None, data).into()));
    }

    /// An event besides those that come by themselves: `order`, `alert`.
    pub(crate) fn tell(&self, kind: &str, data: &impl Serialize) {
        self.send(event(kind, None, data));
    }

    fn send(&self, events: Vec<u8>) {
        // Nobody may be watching.
        let _watched = self.feed.send(Item::Events(events.into()));
    }

    /// The last seconds, oldest first.
    pub(crate) fn past(&self, seconds: usize) -> Vec<Second> {
        let past = lock(&self.past);
        past.iter().skip(past.len().saturating_sub(seconds)).cloned().collect()
    }

    /// A place to watch from; the seconds after `last` are told first. `None` where all are taken
    /// or the engine is about to end. `sees_access`: whether unusual access is told, too.
    pub(crate) fn seat(self: &Arc<Self>, last: Option<u64>, sees_access: bool) -> Option<Seat> {
        if self.closed.load(Ordering::Acquire) {
            return None;
        }
        let taken = self.watchers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |watchers| {
            (watchers < SEATS).then_some(watchers + 1)
        });
        taken.ok()?;
        let feed = self.feed.subscribe();
        let missed = last.map(|last| {
            let past = self.past(CAUGHT_UP);
            past.iter().filter(|second| second.tick > last).flat_map(second_event).collect()
        });
        let missed = missed.filter(|missed: &Vec<u8>| !missed.is_empty()).map(Bytes::from);
        Some(Seat { live: Arc::clone(self), feed, missed, sees_access })
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.watchers.load(Ordering::Acquire)
    }

    /// Lets every watcher go.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let _watched = self.feed.send(Item::End);
    }

    /// Sends on what happened, ten times a second, as long as the engine runs.
    pub(crate) async fn pulse(shard: Shard, clock: Clock) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = 0;
        loop {
            beat.tick().await;
            let live = shard.live();
            live.send_samples();
            let budget = if live.watchers() > 0 { SAMPLES_OF_BEAT } else { 0 };
            live.samples_left.store(budget, Ordering::Relaxed);
            beats = (beats + 1) % BEATS_OF_SECOND;
            if beats == 0 {
                live.end_second(&shard, &clock);
            }
        }
    }

    fn send_samples(&self) {
        let samples = std::mem::take(&mut *lock(&self.samples));
        if !samples.is_empty() {
            let events = samples.iter().flat_map(|s| event("decision", None, &s.shown()));
            self.send(events.collect());
        }
    }

    fn end_second(&self, shard: &Shard, clock: &Clock) {
        let second = self.second(shard, clock);
        self.send(second_event(&second));
        let mut past = lock(&self.past);
        if past.len() >= KEPT {
            past.pop_front();
        }
        past.push_back(second);
    }

    fn second(&self, shard: &Shard, clock: &Clock) -> Second {
        let (now, health) = (clock.now(), shard.health());
        let online = self.devices.online(now.at);
        let mut all = Emptied::default();
        let mut listeners = Vec::new();
        for tally in lock(&self.listeners).iter() {
            let emptied = tally.empty();
            all.add(&emptied);
            listeners.push(ListenerSecond {
                name: tally.name().to_string(),
                per_second: emptied.count(),
                p50_us: emptied.percentile(500),
                p99_us: emptied.percentile(990),
                connections: tally.connections(),
                terminals: online.get(tally.name()).copied().unwrap_or_default(),
            });
        }
        let (approved, declined, codes) = second::codes(&all);
        let commit_us = u64::try_from(health.last_commit.as_micros()).unwrap_or(u64::MAX);
        Second {
            at: now.rfc3339(),
            tick: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            per_second: all.count(),
            approved,
            declined,
            approval_share: second::share(approved, all.count()),
            codes,
            p50_us: all.percentile(500),
            p99_us: all.percentile(990),
            listeners,
            terminals_online: online.values().sum(),
            queue: health.queue_depth,
            journal: JournalSecond { durable: health.durable, commit_us },
        }
    }
}

/// Somebody who watches.
pub(crate) struct Seat {
    live: Arc<Live>,
    feed: Receiver<Item>,
    missed: Option<Bytes>,
    sees_access: bool,
}

impl Seat {
    /// The next events, ready for the wire; `None` at the end. Who was too slow is told how much
    /// he missed, and goes on with what is new.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if let Some(missed) = self.missed.take() {
            return Some(missed);
        }
        loop {
            return match self.feed.recv().await {
                Ok(Item::OfAccess(_)) if !self.sees_access => continue,
                Ok(Item::Events(events) | Item::OfAccess(events)) => Some(events),
                Ok(Item::End) | Err(RecvError::Closed) => None,
                Err(RecvError::Lagged(count)) => {
                    let missed = serde_json::json!({ "missed": count });
                    Some(event("skipped", None, &missed).into())
                }
            };
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

fn second_event(second: &Second) -> Vec<u8> {
    event("second", Some(second.tick), second)
}

/// An event as the HTML standard (9.2.6) wants it. JSON has no line breaks, so it is one line.
pub(crate) fn event(kind: &str, id: Option<u64>, data: &impl Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    if let Some(id) = id {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    out.extend_from_slice(format!("event: {kind}\ndata: ").as_bytes());
    let data = serde_json::to_vec(data).unwrap_or_default();
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\n\n");
    out
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under these locks is one call, so a panic elsewhere leaves them whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Bytes>) -> String {
        String::from_utf8(bytes.expect("an event").to_vec()).unwrap()
    }

    #[tokio::test]
    async fn who_is_slow_misses_some_and_goes_on() {
        let live = Live::new();
        let mut seat = live.seat(None, false).unwrap();
        for number in 0..FEED + 5 {
            live.tell("order", &serde_json::json!({ "id": number }));
        }
        assert_eq!(text(seat.next().await), "event: skipped\ndata: {\"missed\":5}\n\n");
        assert_eq!(text(seat.next().await), "event: order\ndata: {\"id\":5}\n\n");
    }

    #[tokio::test]
    async fn unusual_access_is_told_to_those_who_may_know_only() {
        let live = Live::new();
        let (mut anybody, mut officer) =
            (live.seat(None, false).unwrap(), live.seat(None, true).unwrap());
        live.tell_access(&1);
        live.tell("order", &2);
        assert_eq!(text(anybody.next().await), "event: order\ndata: 2\n\n");
        assert_eq!(text(officer.next().await), "event: alert\ndata: 1\n\n");
        assert_eq!(text(officer.next().await), "event: order\ndata: 2\n\n");
    }

    #[tokio::test]
    async fn seats_are_counted_and_end_with_the_engine() {
        let live = Live::new();
        let mut seats: Vec<Seat> = (0..SEATS).map(|_| live.seat(None, false).unwrap()).collect();
        assert!(live.seat(None, false).is_none(), "one too many");
        seats.pop();
        let mut last = live.seat(None, false).expect("a place that came free");
        live.close();
        assert_eq!(last.next().await, None);
        drop((seats, last));
        assert_eq!(live.watchers(), 0);
        assert!(live.seat(None, false).is_none(), "the engine is about to end");
    }

    #[test]
    fn decisions_are_looked_at_only_while_somebody_watches() {
        let live = Live::new();
        assert!(!live.wants_sample());
        live.samples_left.store(2, Ordering::Relaxed);
        assert_eq!([(); 3].map(|()| live.wants_sample()), [true, true, false]);
    }
}
