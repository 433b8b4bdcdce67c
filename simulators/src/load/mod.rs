//! Load on a host, measured honestly.
//!
//! Closed loop: every connection keeps so many messages in flight, and a message's latency counts
//! from when it was sent. Open loop: messages fall due at a rate whatever the host does, and a
//! message's latency counts from when it was due, so that a host that stalls is seen to
//! (`pace`). A message that is not answered counts with the time waited for it.

mod cards;
mod digits;
mod gate;
pub mod host;
pub mod knee;
pub(crate) mod lane;
pub(crate) mod operation;
pub(crate) mod pace;
pub(crate) mod popularity;
mod proofs;
mod shape;
pub(crate) mod slots;
pub(crate) mod stats;
mod template;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod virtual_time;
mod watch;
mod worker;

pub use operation::{Mix, Operation};
pub use pace::Arrivals;
pub use popularity::{Hot, Popularity};
pub use shape::Shape;

use crate::device::{KeyScheme, MacDuty};
use crate::moment::Zone;
use crate::oracle::Judging;
use crate::portfolio::Source;
use crate::report::{LoadReport, Outcome, Second};
use crate::{Endpoint, SimError};
use cards::{Cards, Stock};
use gate::Gate;
use hdrhistogram::Histogram;
use lane::{Act, Lane, Talk};
use pace::Schedule;
use payment_types::Moment;
use popularity::Picker;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use slots::{Slots, stans_of};
use stats::{Tally, histogram};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use template::{Template, WireTime};
use watch::Watch;

/// Cash machines pay out what this note makes up.
pub(crate) const NOTE: u64 = 20_000;
const MINOR: u64 = 100;
/// One card in so many is kept near its cap.
const NEAR_CAP_ONE_IN: usize = 50;
/// In flight on a connection in an open loop where nothing else is said.
const OPEN_LOOP_IN_FLIGHT: u32 = 10_000;

/// What to load with what.
#[derive(Clone)]
pub struct Settings {
    /// The host.
    pub endpoint: Endpoint,
    /// Cards and terminals.
    pub portfolio: Source,
    /// Which listener's terminals speak.
    pub listener: String,
    /// How many connections.
    pub connections: usize,
    /// How many messages may be on their way on each; in an open loop `None` is as many as needed.
    pub in_flight: Option<u32>,
    /// Messages a second over all connections: an open loop. `None`: a closed one.
    pub shape: Option<Shape>,
    /// How an open loop spreads them.
    pub arrivals: Arrivals,
    /// How long to measure; `None` until `count` is reached.
    pub duration: Option<Duration>,
    /// How many messages to send at most.
    pub count: Option<u64>,
    /// How long to send before measuring.
    pub warm_up: Duration,
    /// When to give up on an answer.
    pub deadline: Duration,
    /// What is sent.
    pub mix: Mix,
    /// How many of a hundred messages of a chip that is read carry DE 55 with a real cryptogram.
    pub chip: u32,
    /// The first transaction counter of the chips.
    pub first_counter: u16,
    /// Only terminals whose messages carry a MAC; without, only those whose messages do not.
    pub mac: bool,
    /// Whole units of money, from and to.
    pub amounts: RangeInclusive<u64>,
    /// Which cards are used how often.
    pub popularity: Popularity,
    /// The same seed sends the same.
    pub seed: u64,
    /// Threads that drive connections.
    pub threads: usize,
    /// The host sends back what it gets, in order.
    pub echo: bool,
    /// The zone of terminals' clocks.
    pub zone: String,
    /// Ends the sending early; what was measured is reported.
    pub stop: Stop,
    /// Judges the answers.
    pub judging: Option<Judging>,
}

/// A way to end a load early.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nothing more is sent from now on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was ended early.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Settings {
    /// How long to measure: what is told, or as long as the shape is.
    #[must_use]
    pub fn measured(&self) -> Option<Duration> {
        let shape = || self.shape.as_ref().filter(|_| self.count.is_none())?.length();
        self.duration.or_else(shape)
    }
}

/// What all workers go by.
struct Plan {
    endpoint: Endpoint,
    cards: Cards,
    picker: Picker,
    zone: Zone,
    warm_up: Duration,
    duration: Option<Duration>,
    deadline_ns: u64,
    echo: bool,
    is_open_loop: bool,
    judged: bool,
    stop: Stop,
    gate: Gate,
    started: OnceLock<Instant>,
}

/// What is known so far.
struct Live {
    total: Tally,
    /// Latencies since the last look.
    recent: Histogram<u64>,
}

impl Live {
    fn add(&mut self, tally: &mut Tally) {
        // Same bounds, so nothing can be out of range.
        self.recent.add(&tally.latency).unwrap_or_default();
        self.total.take(tally);
    }
}

impl Plan {
    fn start_clock(&self) {
        self.started.get_or_init(Instant::now);
    }

    fn now_ns(&self) -> u64 {
        self.started.get().map_or(0, |started| nanoseconds(started.elapsed()))
    }

    fn warm_up_ns(&self) -> u64 {
        nanoseconds(self.warm_up)
    }

    fn end_ns(&self) -> u64 {
        self.duration.map_or(u64::MAX, |duration| nanoseconds(self.warm_up + duration))
    }

    fn wire_time(&self) -> WireTime {
        WireTime::of(self.zone.now(), self.endpoint.dialect().version())
    }
}

pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Loads the host as told; `told` hears of every second of it.
///
/// # Errors
/// [`SimError::Setting`] for settings that cannot be, [`SimError::Connection`] if the host is not
/// there, and what reading the portfolio may say.
pub fn run(settings: &Settings, mut told: impl FnMut(&Second)) -> Result<LoadReport, SimError> {
    check(settings)?;
    crate::files::allow(settings.connections)?;
    let zone = Zone::named(&settings.zone)?;
    let started_at = zone.now();
    let (dialect, today) = (settings.endpoint.dialect(), started_at.business_date());
    let stock = Stock::read(&settings.portfolio, &settings.listener, dialect, today)?;
    let mut left_out = stock.left_out;
    let threads = settings.threads.clamp(1, settings.connections);
    let (cards, lanes) = match &settings.judging {
        Some(judging) => {
            let (lanes, not_judged) = crate::oracle::lanes(settings, judging, started_at)?;
            left_out = not_judged;
            (stock.cards, lanes)
        }
        None => lanes(settings, stock, started_at)?,
    };
    let plan = Arc::new(Plan {
        endpoint: settings.endpoint.clone(),
        picker: Picker::new(cards.len(), settings.popularity),
        cards,
        zone,
        warm_up: settings.warm_up,
        duration: settings.measured(),
        deadline_ns: nanoseconds(settings.deadline),
        echo: settings.echo,
        is_open_loop: settings.shape.is_some(),
        judged: settings.judging.is_some(),
        stop: settings.stop.clone(),
        gate: Gate::new(threads),
        started: OnceLock::new(),
    });
    let live = Arc::new(Mutex::new(Live { total: Tally::new()?, recent: histogram()? }));
    let workers = start(settings, &plan, &live, lanes, threads);
    let mut timeline = Vec::new();
    let mut watch = Watch::new(settings.shape.clone());
    while workers.iter().any(|worker| !worker.is_finished()) {
        std::thread::sleep(Duration::from_millis(20));
        if let Some(second) = watch.look(&plan, &live, false) {
            told(&second);
            timeline.push(second);
        }
    }
    let mut beliefs = Vec::new();
    for worker in workers {
        let died = |_| Err(SimError::Setting("a worker thread died".to_owned()));
        let lanes = worker.join().unwrap_or_else(died)?;
        beliefs.extend(lanes.into_iter().filter_map(|lane| lane.belief()));
    }
    timeline.extend(watch.look(&plan, &live, true));
    let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
    let measured = Duration::from_nanos(plan.now_ns().saturating_sub(plan.warm_up_ns()));
    let measured = measured.min(settings.measured().unwrap_or(Duration::MAX));
    let judged = settings.judging.as_ref().map(|judging| {
        let checks = std::mem::take(&mut live.total.checks);
        crate::oracle::conclude(judging, checks, beliefs, started_at)
    });
    Ok(Outcome { tally: &live.total, measured, timeline, left_out, started_at, judged }
        .report(settings))
}

fn check(settings: &Settings) -> Result<(), SimError> {
    let wrong = |message: &str| Err(SimError::Setting(message.to_owned()));
    match settings {
        Settings { connections: 0, .. } => wrong("at least one connection"),
        Settings { count: None, .. } if settings.measured().is_none() => {
            wrong("a load has a duration or a count")
        }
        Settings { shape: None, in_flight: None, .. } => wrong("a closed loop has an in-flight"),
        Settings { shape: Some(shape), .. } if !shape.peak().is_finite() || shape.peak() <= 0.0 => {
            wrong("a rate is above 0")
        }
        Settings { judging: None, mix, .. }
            if mix.shares().iter().any(|(operation, _)| operation.needs_memory()) =>
        {
            wrong("reversals, repeats, completions, wrong PINs and cloned chips need --oracle")
        }
        Settings { popularity, .. } if !(0.0..=10.0).contains(&popularity.zipf) => {
            wrong("Zipf's exponent is from 0 to 10")
        }
        Settings { connections, in_flight: Some(in_flight), .. }
            if usize::try_from(*in_flight)
                .is_ok_and(|count| count > stans_of(0, *connections).len()) =>
        {
            let most = stans_of(0, *connections).len();
            let message = format!("six digits of STAN allow {most} in flight on each connection");
            Err(SimError::Setting(message))
        }
        Settings { chip: 101.., .. } => wrong("a share of chips is a number from 0 to 100"),
        Settings { amounts, .. } if amounts.is_empty() || *amounts.start() == 0 => {
            wrong("amounts go from at least 1 to no less")
        }
        _ => Ok(()),
    }
}

type Lanes = Vec<Box<dyn Talk>>;
type Worker = std::thread::JoinHandle<Result<Lanes, SimError>>;

fn start(
    settings: &Settings,
    plan: &Arc<Plan>,
    live: &Arc<Mutex<Live>>,
    mut lanes: Lanes,
    threads: usize,
) -> Vec<Worker> {
    let all = u64::try_from(lanes.len()).unwrap_or(u64::MAX).max(1);
    let total = settings.count.unwrap_or(u64::MAX);
    let upto = |lanes: u64| u128::from(total) * u128::from(lanes) / u128::from(all);
    let mut workers = Vec::new();
    let mut before = 0;
    for thread in 0..threads {
        let share = lanes.len().div_ceil(threads - thread);
        let own: Lanes = lanes.drain(..share).collect();
        let count = u64::try_from(own.len()).unwrap_or_default();
        let dice = dice(settings.seed, usize::MAX - thread);
        #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
        let part = count as f64 / all as f64;
        let pieces = settings.shape.as_ref().map(|shape| shape.share(part, settings.warm_up));
        let schedule = pieces.map(|pieces| Schedule::new(settings.arrivals, pieces, dice));
        // Shares that add up to the whole count.
        let budget = u64::try_from(upto(before + count) - upto(before)).unwrap_or(u64::MAX);
        before += count;
        let (plan, live) = (plan.clone(), live.clone());
        workers.push(std::thread::spawn(move || {
            let ran = worker::run(plan.clone(), live, own, schedule, budget);
            if ran.is_err() {
                // The others must not wait for a worker that could not connect.
                plan.gate.give_up();
            }
            ran
        }));
    }
    workers
}

/// Templates for every connection: its own terminals where there are enough.
fn lanes(settings: &Settings, stock: Stock, now: Moment) -> Result<(Cards, Lanes), SimError> {
    let Stock { mut cards, mut terminals, .. } = stock;
    let duty = if settings.mac { MacDuty::Required } else { MacDuty::None };
    terminals.retain(|terminal| {
        terminal.security.keys == KeyScheme::Session && terminal.security.mac == duty
    });
    if settings.chip > 0 {
        cards.prepare_chips(settings.first_counter)?;
    }
    if settings.mix.shares().iter().any(|(operation, _)| operation.shape().with_pin) {
        cards.prepare_blocks(terminals.iter().filter_map(|terminal| terminal.pin_key.as_ref()))?;
    }
    let count = settings.connections;
    let in_flight = settings.in_flight.unwrap_or(OPEN_LOOP_IN_FLIGHT);
    let step = u64::try_from(count).unwrap_or(1);
    // Twelve digits: four that differ from run to run, eight that count.
    let run = now.at.0.unsigned_abs() / 1000 % 10_000 * 100_000_000;
    let mut lanes: Lanes = Vec::with_capacity(count);
    for index in 0..count {
        let mut acts = Vec::new();
        for (operation, share) in settings.mix.shares() {
            let able: Vec<_> = terminals
                .iter()
                .filter(|terminal| operation.is_done_at(terminal.category))
                .collect();
            if able.is_empty() {
                let listener = &settings.listener;
                let message = format!("no terminal at {listener:?} does a {operation}");
                return Err(SimError::Setting(message));
            }
            let own = able.iter().skip(index % able.len()).step_by(count);
            let own: Vec<_> = own.collect();
            let chip = if operation.shape().reads_chip() { settings.chip } else { 0 };
            for (with_chip, percent) in [(true, chip), (false, 100 - chip)] {
                if percent > 0 {
                    let templates = own.iter().map(|terminal| {
                        let whose = (*operation, with_chip);
                        Template::new(whose, terminal, &cards, &settings.endpoint, now)
                    });
                    let templates = templates.collect::<Result<_, _>>()?;
                    acts.push(act(
                        settings,
                        *operation,
                        *share * percent,
                        (templates, cards.len()),
                    ));
                }
            }
        }
        let first = run + u64::try_from(index).unwrap_or_default();
        let slots = Slots::new(in_flight, stans_of(index, count));
        lanes.push(Box::new(Lane::new(acts, slots, first, step, dice(settings.seed, index))));
    }
    Ok((cards, lanes))
}

fn act(
    settings: &Settings,
    operation: Operation,
    share: u32,
    (templates, cards): (Vec<Template>, usize),
) -> Act {
    let (from, to) = (settings.amounts.start() * MINOR, settings.amounts.end() * MINOR);
    let (amounts, step) = match operation {
        Operation::Balance => (0..=0, 1),
        Operation::Cash => {
            let from = from.div_ceil(NOTE) * NOTE;
            (from..=(to / NOTE * NOTE).max(from), NOTE)
        }
        // Four or five of these reach the cap of 15 000.
        Operation::NearCap => (300_000..=400_000, 10_000),
        _ => (from..=to, MINOR),
    };
    let cards = match operation {
        Operation::NearCap => 0..cards.div_ceil(NEAR_CAP_ONE_IN),
        _ => 0..0,
    };
    Act { operation, share, templates, cards, amounts, step }
}

pub(crate) fn dice(seed: u64, stream: usize) -> ChaCha8Rng {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(u64::try_from(stream).unwrap_or_default());
    dice
}
