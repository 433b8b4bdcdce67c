//! What the module can be told to do wrong, while it runs.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// How a command is not answered as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Misbehaviour {
    /// The connection is closed instead of an answer.
    Close = 1,
    /// No answer ever comes.
    Silent = 2,
    /// Half of the answer's bytes come, and then nothing.
    Half = 3,
    /// Half of the answer's bytes come, and then the end of the connection.
    HalfAndClose = 4,
    /// Something comes that is no message.
    Garbage = 5,
    /// An answer comes with another header than the question had.
    OtherHeader = 6,
}

impl Misbehaviour {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Close,
        Self::Silent,
        Self::Half,
        Self::HalfAndClose,
        Self::Garbage,
        Self::OtherHeader,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Silent => "silent",
            Self::Half => "half",
            Self::HalfAndClose => "half-and-close",
            Self::Garbage => "garbage",
            Self::OtherHeader => "other-header",
        }
    }

    /// From [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// The switches of a running module.
#[derive(Debug, Default)]
pub struct Control {
    slow_ms: AtomicU64,
    misbehaviour: AtomicU8,
    /// Of a thousand commands.
    per_mille: AtomicU32,
    seen: AtomicU64,
}

impl Control {
    /// Every answer comes this much later.
    pub fn slow(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.slow_ms.store(ms, Ordering::Relaxed);
    }

    /// So many of a thousand commands are treated like that; `None` behaves again.
    pub fn misbehave(&self, how: Option<Misbehaviour>, per_mille: u32) {
        self.per_mille.store(per_mille.min(1000), Ordering::Relaxed);
        self.misbehaviour.store(how.map_or(0, |how| how as u8), Ordering::Relaxed);
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.slow_ms.load(Ordering::Relaxed))
    }

    /// What to do wrong with the next command. Spread evenly and the same in each run: the command
    /// at which the sum of shares passes the next whole number.
    pub(super) fn next(&self) -> Option<Misbehaviour> {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        let share = u64::from(self.per_mille.load(Ordering::Relaxed));
        if (number + 1) * share / 1000 == number * share / 1000 {
            return None;
        }
        let how = self.misbehaviour.load(Ordering::Relaxed);
        Misbehaviour::ALL.into_iter().find(|one| *one as u8 == how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_commands_goes_wrong_evenly() {
        let control = Control::default();
        assert_eq!(control.next(), None);
        control.misbehave(Some(Misbehaviour::Close), 250);
        let wrong = (0..40).filter(|_| control.next() == Some(Misbehaviour::Close)).count();
        assert_eq!(wrong, 10);
        control.misbehave(Some(Misbehaviour::Half), 1000);
        assert_eq!(control.next(), Some(Misbehaviour::Half));
        control.misbehave(None, 0);
        assert_eq!(control.next(), None);
    }

    #[test]
    fn names_come_back() {
        for how in Misbehaviour::ALL {
            assert_eq!(Misbehaviour::from_name(how.name()), Some(how));
        }
    }
}
