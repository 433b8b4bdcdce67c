//! When messages are due, and waking up in time for them.
//!
//! In an open loop the moments are fixed beforehand and do not wait for answers: a host that stalls
//! gets its messages late, and each is measured from the moment it was due (no coordinated
//! omission).

use super::shape::Piece;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// How messages are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other, as many customers are.
    Poisson,
    /// Evenly.
    Fixed,
}

/// The moments messages are due, in nanoseconds since the start.
pub(crate) struct Schedule {
    arrivals: Arrivals,
    pieces: std::vec::IntoIter<Piece>,
    piece: Piece,
    /// Seconds into the piece, and of all pieces before it.
    into: f64,
    before: f64,
    dice: ChaCha8Rng,
}

impl Schedule {
    pub(crate) fn new(arrivals: Arrivals, pieces: Vec<Piece>, dice: ChaCha8Rng) -> Self {
        let piece = Piece { seconds: 0.0, from: 0.0, to: 0.0 };
        let pieces = pieces.into_iter();
        let mut schedule = Self { arrivals, pieces, piece, into: 0.0, before: 0.0, dice };
        schedule.step();
        schedule
    }

    fn step(&mut self) {
        let mut need = match self.arrivals {
            Arrivals::Fixed => 1.0,
            // 1 - u is above 0, so its logarithm is finite.
            Arrivals::Poisson => -(1.0 - self.dice.random::<f64>()).ln(),
        };
        loop {
            match self.piece.after(self.into, need) {
                Ok(more) => {
                    self.into += more;
                    return;
                }
                Err(left) => need = left,
            }
            self.before += self.piece.seconds;
            self.into = 0.0;
            match self.pieces.next() {
                Some(piece) => self.piece = piece,
                None => {
                    self.before = f64::INFINITY;
                    return;
                }
            }
        }
    }

    /// The next moment.
    pub(crate) fn next_ns(&self) -> u64 {
        whole((self.before + self.into) * 1e9)
    }

    /// The next moment if it is not after `now_ns`, and on to the one after.
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<u64> {
        let next = self.next_ns();
        if next > now_ns {
            return None;
        }
        self.step();
        Some(next)
    }
}

/// Nanoseconds of a run: from 0, and a century of them is exact enough.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit")]
fn whole(ns: f64) -> u64 {
    if (0.0..9.0e18).contains(&ns) { ns.round() as u64 } else { u64::MAX }
}

/// A timer that is precise to tens of microseconds. The runtime's own ticks in milliseconds, which
/// would be most of what a fast host's latency is made of.
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: Option<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>>,
}

impl Alarm {
    /// Inside a runtime.
    #[cfg(target_os = "linux")]
    #[expect(deprecated, reason = "its heir is unsafe; an OwnedFd keeps what `new` cannot check")]
    pub(crate) fn new() -> Self {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).ok();
        Self { timer: timer.and_then(|timer| tokio::io::unix::AsyncFd::new(timer).ok()) }
    }

    /// Inside a runtime.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Waits that long.
    #[cfg(target_os = "linux")]
    pub(crate) async fn wait(&self, time: Duration) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let Some(timer) = &self.timer else { return tokio::time::sleep(time).await };
        let spec = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                // Zero would switch the timer off.
                tv_nsec: i64::from(time.subsec_nanos().max(1)),
            },
        };
        if timerfd_settime(timer, TimerfdTimerFlags::empty(), &spec).is_err() {
            return tokio::time::sleep(time).await;
        }
        while let Ok(mut ready) = timer.readable().await {
            let mut expirations = [0u8; 8];
            let rung = rustix::io::read(timer, &mut expirations).is_ok();
            ready.clear_ready();
            if rung {
                return;
            }
        }
    }

    /// Waits that long.
    #[cfg(not(target_os = "linux"))]
    pub(crate) async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Shape;
    use rand::SeedableRng;
    use std::time::Instant;

    fn moments(arrivals: Arrivals) -> Vec<u64> {
        let dice = ChaCha8Rng::seed_from_u64(7);
        let pieces = Shape::constant(1000.0).share(1.0, Duration::ZERO);
        let mut schedule = Schedule::new(arrivals, pieces, dice);
        std::iter::from_fn(|| schedule.due(10_000_000_000)).collect()
    }

    #[test]
    fn the_rate_is_kept_whatever_the_spread() {
        let fixed = moments(Arrivals::Fixed);
        assert_eq!((fixed.len(), fixed[0], fixed[1]), (10_000, 1_000_000, 2_000_000));
        let poisson = moments(Arrivals::Poisson);
        assert!((9_700..10_300).contains(&poisson.len()), "{}", poisson.len());
        assert!(poisson.is_sorted());
        let short = poisson.windows(2).filter(|pair| pair[1] - pair[0] < 500_000).count();
        // 1 - e^-0.5 of the gaps are shorter than half the mean one.
        assert!((3_600..4_300).contains(&short), "{short}");
    }

    #[test]
    fn a_shape_is_followed() {
        let shape = Shape::read("ramp 0-1000 2s, hold 100 1s", None, None).unwrap();
        let dice = ChaCha8Rng::seed_from_u64(7);
        let pieces = shape.share(1.0, Duration::ZERO);
        let mut schedule = Schedule::new(Arrivals::Fixed, pieces, dice);
        let moments: Vec<u64> = std::iter::from_fn(|| schedule.due(3_000_000_000)).collect();
        let until = |at: u64| moments.iter().filter(|moment| **moment <= at).count();
        assert!((249..=250).contains(&until(1_000_000_000)), "{}", until(1_000_000_000));
        assert!((999..=1000).contains(&until(2_000_000_000)) && moments.is_sorted());
        assert!((1099..=1100).contains(&moments.len()), "{}", moments.len());
    }

    #[test]
    fn the_alarm_is_finer_than_a_millisecond() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let shortest = runtime.block_on(async {
            let alarm = Alarm::new();
            let mut shortest = Duration::MAX;
            for _ in 0..20 {
                let started = Instant::now();
                alarm.wait(Duration::from_micros(200)).await;
                let waited = started.elapsed();
                assert!(waited >= Duration::from_micros(200), "{waited:?}");
                shortest = shortest.min(waited);
            }
            shortest
        });
        if cfg!(target_os = "linux") {
            assert!(shortest < Duration::from_micros(900), "{shortest:?}");
        }
    }
}
