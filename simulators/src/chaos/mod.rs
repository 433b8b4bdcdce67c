//! Faults on purpose: what happens between a terminal and its host, from a seed.
//!
//! Which message meets which fault is drawn by its number on its connection, with as many throws
//! for one kind as for another, so that the same seed does the same again. What a fault does to a
//! connection is the load's to carry out; what a terminal does about it is the oracle's lane's.

use crate::SimError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// One thing that goes wrong with a message or its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request never leaves.
    Drop,
    /// The answer never arrives.
    Lose,
    /// The request leaves late.
    Delay,
    /// The request leaves twice.
    Duplicate,
    /// The reversal of the request overtakes it.
    Reorder,
    /// The end of the request is cut off, or the connection ends in the middle of it.
    Truncate,
    /// A byte of the request is another.
    Corrupt,
    /// The terminal is gone without a word: the connection stays open, and nobody is there.
    HalfOpen,
    /// The terminal does not read for a while.
    SlowReader,
    /// The connection closes after the request.
    Disconnect,
    /// The terminal's clock is wrong, by up to a day.
    ClockSkew,
}

impl Fault {
    /// All there are.
    pub const ALL: [Self; 11] = [
        Self::Drop,
        Self::Lose,
        Self::Delay,
        Self::Duplicate,
        Self::Reorder,
        Self::Truncate,
        Self::Corrupt,
        Self::HalfOpen,
        Self::SlowReader,
        Self::Disconnect,
        Self::ClockSkew,
    ];

    /// The name in a plan.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Lose => "lose",
            Self::Delay => "delay",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Truncate => "truncate",
            Self::Corrupt => "corrupt",
            Self::HalfOpen => "half-open",
            Self::SlowReader => "slow-reader",
            Self::Disconnect => "disconnect",
            Self::ClockSkew => "clock-skew",
        }
    }

    /// What happens, in a few words.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Drop => "the request never left",
            Self::Lose => "the answer never arrived",
            Self::Delay => "the request left late",
            Self::Duplicate => "the request left twice",
            Self::Reorder => "its reversal overtook the request",
            Self::Truncate => "the request was cut short",
            Self::Corrupt => "a byte of the request was another",
            Self::HalfOpen => "the terminal was gone without a word",
            Self::SlowReader => "the terminal stopped reading for a while",
            Self::Disconnect => "the connection closed after the request",
            Self::ClockSkew => "the terminal's clock was wrong, by up to a day",
        }
    }
}

/// Everybody does the same at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storm {
    /// All connections close and come back.
    Reconnect,
    /// All terminals take back what they last did.
    Reversal,
}

impl Storm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Reconnect, Self::Reversal];

    /// The name in a plan.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect-storm",
            Self::Reversal => "reversal-storm",
        }
    }

    /// What happens on each connection, in a few words.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Reconnect => "all connections closed at once",
            Self::Reversal => "all terminals took back what they did last",
        }
    }
}

/// What a fault or a storm of that name does, in a few words.
#[must_use]
pub fn described(name: &str) -> &'static str {
    let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name).map(Fault::described);
    let storm = || Storm::ALL.into_iter().find(|storm| storm.name() == name);
    fault.or_else(|| storm().map(Storm::described)).unwrap_or_default()
}

/// What is to go wrong how often.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chaos {
    /// Shares of all messages, from 0 to 1.
    faults: Vec<(Fault, f64)>,
    /// How often the storms come.
    storms: Vec<(Storm, Duration)>,
    text: String,
    seed: u64,
}

/// Plans with names.
const PLANS: [(&str, &str); 3] = [
    (
        "mild",
        "drop=0.1%,lose=0.1%,delay=0.5%,duplicate=0.3%,clock-skew=0.5%,disconnect=0.01%,\
         reconnect-storm=20s",
    ),
    (
        "rough",
        "drop=0.5%,lose=0.5%,delay=1%,duplicate=1%,reorder=0.3%,truncate=0.2%,corrupt=0.3%,\
         half-open=0.02%,slow-reader=0.02%,disconnect=0.05%,clock-skew=1%,reconnect-storm=15s,\
         reversal-storm=12s",
    ),
    (
        "wild",
        "drop=2%,lose=2%,delay=4%,duplicate=4%,reorder=2%,truncate=1%,corrupt=2%,half-open=0.2%,\
         slow-reader=0.2%,disconnect=0.5%,clock-skew=4%,reconnect-storm=3s,reversal-storm=4s",
    ),
];

impl Chaos {
    /// Reads a plan: `mild`, `rough` or `wild`; or `drop=1%,reconnect-storm=10s`; or a file with
    /// one such word a line.
    ///
    /// # Errors
    /// [`SimError::Setting`] naming the word (and line); [`SimError::File`].
    pub fn read(text: &str, seed: u64) -> Result<Self, SimError> {
        let path = Path::new(text);
        if path.is_file() {
            let lines = std::fs::read_to_string(path).map_err(SimError::file(path))?;
            let mut words = Vec::new();
            for (number, line) in lines.lines().enumerate() {
                let line = line.split('#').next().unwrap_or_default();
                if line.trim().is_empty() {
                    continue;
                }
                let mut before = 0;
                for word in line.split(',') {
                    let column = before + word.len() - word.trim_start().len() + 1;
                    let place = format!("{text}:{}:{column}", number + 1);
                    let wrong = |error| SimError::Setting(format!("{place}: {error}"));
                    word.trim().parse::<Self>().map_err(wrong)?;
                    words.push(word.trim().to_owned());
                    before += word.len() + 1;
                }
            }
            return Ok(Self { seed, ..words.join(",").parse()? });
        }
        let plan = PLANS.iter().find(|(name, _)| *name == text);
        Ok(Self { seed, ..plan.map_or(text, |(_, plan)| plan).parse()? })
    }

    /// The seed it was made with.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How often a storm comes, if it does.
    #[must_use]
    pub fn every(&self, storm: Storm) -> Option<Duration> {
        self.storms.iter().find(|(known, _)| *known == storm).map(|(_, every)| *every)
    }

    /// The fates of one connection's messages.
    #[must_use]
    pub(crate) fn fates(&self, lane: usize) -> Fates {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed);
        dice.set_stream(u64::try_from(lane).unwrap_or_default().wrapping_add(1 << 32));
        Fates { faults: self.faults.clone(), dice }
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Chaos {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        let mut chaos = Self { text: text.to_owned(), ..Self::default() };
        for word in text.split(',').map(str::trim) {
            let wrong = |why: &str| SimError::Setting(format!("chaos: {word:?} {why}"));
            let (name, value) = word.split_once('=').ok_or_else(|| wrong("is not KIND=RATE"))?;
            let (name, value) = (name.trim(), value.trim());
            if let Some(fault) = Fault::ALL.into_iter().find(|fault| fault.name() == name) {
                let share = value.strip_suffix('%').and_then(|share| share.trim().parse().ok());
                let share = share.filter(|share: &f64| (0.0..=100.0).contains(share));
                let share = share.ok_or_else(|| wrong("is no share, as 0.5%"))?;
                if chaos.faults.iter().any(|(known, _)| *known == fault) {
                    return Err(wrong("stands there twice"));
                }
                chaos.faults.push((fault, share / 100.0));
            } else if let Some(storm) = Storm::ALL.into_iter().find(|storm| storm.name() == name) {
                let every = value.strip_suffix('s').and_then(|every| every.trim().parse().ok());
                let every = every.and_then(|every| Duration::try_from_secs_f64(every).ok());
                let every = every.filter(|every| !every.is_zero());
                chaos.storms.push((storm, every.ok_or_else(|| wrong("is no time, as 10s"))?));
            } else {
                let faults = Fault::ALL.map(Fault::name).join(", ");
                let storms = Storm::ALL.map(Storm::name).join(", ");
                return Err(wrong(&format!("is none of {faults}, {storms}")));
            }
        }
        if chaos.faults.iter().map(|(_, share)| share).sum::<f64>() > 1.0 {
            return Err(SimError::Setting("chaos: more than 100% in all".to_owned()));
        }
        Ok(chaos)
    }
}

/// What will happen to the messages of one connection, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Fates {
    faults: Vec<(Fault, f64)>,
    dice: ChaCha8Rng,
}

/// The fault a message meets, and a number for what is left to chance in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) fault: Option<Fault>,
    pub(crate) salt: u64,
}

impl Fates {
    /// The next message's fate.
    pub(crate) fn next(&mut self) -> Fate {
        let (mut throw, salt) = (self.dice.random::<f64>(), self.dice.random::<u64>());
        let fault = self.faults.iter().find(|(_, share)| {
            throw -= share;
            throw < 0.0
        });
        Fate { fault: fault.map(|(fault, _)| *fault), salt }
    }
}

impl Fate {
    /// A number from `from` to below `to`.
    pub(crate) const fn between(self, from: u64, to: u64) -> u64 {
        from + self.salt % (to - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::io::Write;

    #[test]
    fn faults_come_as_often_as_asked_and_the_same_again() {
        let chaos = Chaos::read("drop=1%,duplicate=5%,half-open=0%", 7).unwrap();
        let draw = |lane| {
            let mut fates = chaos.fates(lane);
            (0..100_000).map(|_| fates.next()).collect::<Vec<_>>()
        };
        let mut counts = BTreeMap::new();
        for fate in draw(3) {
            *counts.entry(fate.fault).or_insert(0) += 1;
        }
        assert!((900..1100).contains(&counts[&Some(Fault::Drop)]), "{counts:?}");
        assert!((4700..5300).contains(&counts[&Some(Fault::Duplicate)]), "{counts:?}");
        assert_eq!(counts.len(), 3);
        assert!(draw(3) == draw(3) && draw(3) != draw(4));
        let other = Chaos::read("drop=1%,duplicate=5%,half-open=0%", 8).unwrap();
        assert_ne!(other.fates(3).next(), chaos.fates(3).next());
    }

    #[test]
    fn plans_are_read_strictly() {
        for (name, _) in PLANS {
            let chaos = Chaos::read(name, 1).unwrap();
            assert!(!chaos.faults.is_empty() && chaos.every(Storm::Reconnect).is_some());
        }
        for (bad, why) in [
            ("drip=1%", "none of drop"),
            ("drop=1", "no share"),
            ("drop", "KIND=RATE"),
            ("drop=1%,drop=1%", "twice"),
            ("drop=60%,delay=60%", "more than 100%"),
            ("reconnect-storm=0s", "no time"),
        ] {
            let error = Chaos::read(bad, 1).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "# a plan\ndrop = 1%\nreversal-storm=5s\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let chaos = Chaos::read(&path, 1).unwrap();
        assert_eq!(chaos.every(Storm::Reversal), Some(Duration::from_secs(5)));
        writeln!(file, "delay=1%,  lose=x").unwrap();
        let error = Chaos::read(&path, 1).unwrap_err().to_string();
        assert!(error.contains(":4:12: ") && error.contains("lose=x"), "{error}");
    }
}
