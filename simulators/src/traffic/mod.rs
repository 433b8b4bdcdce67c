//! The demo's traffic: people shopping, drawing cash and being refused, with every answer known
//! beforehand.
//!
//! [`Demo`] plays short scenes against a running engine with the demo's portfolio and rule set
//! (`deploy/demo`), one message at a time, and tells of each in an [`Event`]. It keeps its own
//! book of what everybody can spend, so that "as expected" is a statement about the engine.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::{atomic::AtomicBool, mpsc};
//! use tamga_sim::traffic::{Demo, Settings};
//! let demo = Demo::new(Settings { limit: Some(200), ..Settings::new("portfolio.jsonl") })?;
//! let (events, seen) = mpsc::channel();
//! let printer = std::thread::spawn(move || seen.iter().for_each(|event| println!("{event}")));
//! let summary = demo.run(events, &AtomicBool::new(false))?;
//! assert!(summary.all_as_expected());
//! # printer.join().unwrap(); Ok(())
//! # }
//! ```

mod book;
mod event;
mod scenes;
mod secure;
mod stage;

pub use event::{Event, Summary, meaning};

use crate::card::Wallet;
use crate::device::Devices;
use crate::gear::Gear;
use crate::moment::{DEFAULT_ZONE, Zone};
use crate::portfolio::Source;
use crate::{Endpoint, Portfolio, SimError};
use book::Book;
use rand::SeedableRng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand_chacha::ChaCha8Rng;
use scenes::{Cast, Play, Scene};
use stage::Stage;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Where to play, how fast and how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The portfolio the engine was filled from.
    pub portfolio: Source,
    /// The listener for POS and agents: `u16be` with TPDU, `iso87-bcd`.
    pub pos: String,
    /// The listener for ATMs: `ascii4`, `iso87-ascii`.
    pub atm: String,
    /// Messages a second; 0 for as fast as answers come.
    pub per_second: f64,
    /// Stop after this many messages.
    pub limit: Option<u64>,
    /// The same seed plays the same scenes in the same order.
    pub seed: u64,
    /// The zone of terminals' clocks.
    pub zone: String,
    /// Where the chips' counters are kept, for playing on against the same engine another time.
    pub wallet: Option<PathBuf>,
    /// Where the terminals' exchanged keys are kept, for the same.
    pub terminals: Option<PathBuf>,
}

impl Settings {
    /// The demo's listeners, ten messages a second, without end.
    #[must_use]
    pub fn new(portfolio: impl Into<Source>) -> Self {
        Self {
            portfolio: portfolio.into(),
            pos: "127.0.0.1:8583".to_owned(),
            atm: "127.0.0.1:8584".to_owned(),
            per_second: 10.0,
            limit: None,
            seed: 1,
            zone: DEFAULT_ZONE.to_owned(),
            wallet: None,
            terminals: None,
        }
    }
}

/// The traffic, ready to run.
pub struct Demo {
    settings: Settings,
    portfolio: Portfolio,
    zone: Zone,
}

impl Demo {
    /// Reads the portfolio.
    ///
    /// # Errors
    /// [`SimError::File`], [`SimError::Portfolio`], [`SimError::Setting`].
    pub fn new(settings: Settings) -> Result<Self, SimError> {
        if !settings.per_second.is_finite() || settings.per_second < 0.0 {
            return Err(SimError::Setting("per_second is a number from 0".to_owned()));
        }
        let portfolio = Portfolio::read(settings.portfolio.clone())?;
        let zone = Zone::named(&settings.zone)?;
        Ok(Self { settings, portfolio, zone })
    }

    /// Plays until the limit is reached or `stop` is set; blocks. Every message is an [`Event`]; an
    /// engine that already has history is asked for balances first.
    ///
    /// # Errors
    /// [`SimError::Setting`] if the portfolio has not everybody the scenes need;
    /// [`SimError::Connection`] if the host is not there at the start. One that goes away later, or
    /// answers wrongly, is told in events and the summary.
    pub fn run(&self, events: Sender<Event>, stop: &AtomicBool) -> Result<Summary, SimError> {
        let endpoints = BTreeMap::from([
            ("pos".into(), Endpoint::pos(&self.settings.pos)?),
            ("atm".into(), Endpoint::atm(&self.settings.atm)?),
        ]);
        let wallet = self.settings.wallet.as_deref().map(Wallet::kept_in).transpose()?;
        let devices = self.settings.terminals.as_deref().map(Devices::kept_in).transpose()?;
        let gear =
            Gear { wallet: wallet.unwrap_or_default(), devices: devices.unwrap_or_default() };
        let stage = Stage::new(endpoints, self.zone.clone(), gear, events);
        let cast = Cast::of(&self.portfolio, &stage)?;
        let dice = ChaCha8Rng::seed_from_u64(self.settings.seed);
        let mut play = Play { stage, book: Book::open(&self.portfolio), cast, dice };
        play.stage.connect()?;
        let played = self.play(&mut play, stop);
        play.stage.keep()?;
        played?;
        Ok(play.stage.summary)
    }

    fn play(&self, play: &mut Play<'_>, stop: &AtomicBool) -> Result<(), SimError> {
        play.catch_up()?;
        let stopped = || stop.load(Ordering::Relaxed);
        let started = Instant::now();
        let scenes = scenes::all();
        let mut opening = scenes.iter();
        let chance = WeightedIndex::new(scenes.iter().map(|scene| scene.weight))
            .map_err(|error| SimError::Setting(error.to_string()))?;
        while !stopped() {
            let left = self
                .settings
                .limit
                .map_or(u64::MAX, |limit| limit.saturating_sub(play.stage.summary.messages));
            if left == 0 {
                break;
            }
            let scene = opening.next().or_else(|| scenes.get(chance.sample(&mut play.dice)));
            if let Some(Scene { play: act, .. }) = scene.filter(|scene| scene.messages <= left) {
                let before = play.stage.summary.messages;
                act(play)?;
                let sent = play.stage.summary.messages.saturating_sub(before);
                Stage::rest(Instant::now() + self.beat(sent), stopped);
            }
        }
        play.stage.summary.elapsed = started.elapsed();
        Ok(())
    }

    fn beat(&self, messages: u64) -> Duration {
        let per_second = self.settings.per_second;
        if per_second <= 0.0 {
            return Duration::ZERO;
        }
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        Duration::try_from_secs_f64(f64::from(messages) / per_second).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;
    use crate::exchange::decode;
    use crate::intent::encode;
    use iso8583::FieldValue;
    use std::net::TcpListener;
    use std::sync::mpsc;

    const PORTFOLIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/demo/portfolio.jsonl");

    /// A host that approves everything.
    fn yes_sayer(endpoint: fn(&str) -> Result<Endpoint, SimError>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let endpoint = endpoint(&target).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut link = Link::over(&endpoint, stream.unwrap());
                let deadline = Instant::now() + Duration::from_secs(60);
                while let Ok(Some(frame)) = link.receive(deadline) {
                    let (mti, mut fields) = decode(endpoint.dialect(), &frame.body).unwrap();
                    fields.retain(|element, _| matches!(element, 3 | 4 | 7 | 11 | 37 | 41));
                    fields.insert(39, FieldValue::Text("00".into()));
                    let mti = mti.response().unwrap();
                    link.send(&encode(endpoint.dialect(), mti, &fields).unwrap()).unwrap();
                }
            }
        });
        target
    }

    fn play(pos: String, atm: String, limit: u64) -> (Summary, Vec<Event>) {
        let settings =
            Settings { pos, atm, per_second: 0.0, limit: Some(limit), ..Settings::new(PORTFOLIO) };
        let (events, told) = mpsc::channel();
        let summary = Demo::new(settings).unwrap().run(events, &AtomicBool::new(false)).unwrap();
        (summary, told.iter().collect())
    }

    #[test]
    fn a_host_that_approves_everything_is_found_out() {
        let (summary, events) = play(yes_sayer(Endpoint::pos), yes_sayer(Endpoint::atm), 200);
        assert_eq!((summary.messages, events.len()), (200, 200));
        assert!(!summary.all_as_expected());
        let wrong: Vec<_> = events.iter().filter(|event| !event.as_expected).collect();
        for code in ["70", "61", "55", "51", "13"] {
            assert!(wrong.iter().any(|event| event.expected == code), "nothing expected {code}");
        }
        // It approves, and no chip believes it.
        assert!(wrong.iter().any(|event| event.note == "ARPC none instead of right"));
        assert!(events.iter().any(|event| event.what == "withdrawal, wrong PIN"));
        assert!(events.iter().all(|event| !event.to_string().contains("9417000000000")));
    }

    #[test]
    fn a_host_that_is_away_is_told_and_not_waited_for() {
        let nobody = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().to_string()
        };
        let settings =
            Settings { pos: nobody(), atm: nobody(), limit: Some(1), ..Settings::new(PORTFOLIO) };
        let (events, told) = mpsc::channel();
        let error = Demo::new(settings).unwrap().run(events, &AtomicBool::new(false));
        assert!(matches!(error, Err(SimError::Connection { .. })), "{error:?}");
        assert_eq!(told.iter().count(), 0);
    }
}
