//! How long an echo host waits before it answers: times whose percentiles are known beforehand, to
//! hold a load generator's against.

use crate::SimError;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Nobody waits longer for an echo.
const LONGEST_MS: f64 = 60_000.0;

/// The distribution of the wait, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(f64),
    /// Anything between the two, each as likely.
    Uniform(f64, f64),
    /// Exponential with this mean: mostly short, now and then long.
    Exponential(f64),
}

impl Delay {
    /// The wait that this share of all messages does not exceed, in milliseconds.
    #[must_use]
    pub fn quantile(self, share: f64) -> f64 {
        match self {
            Self::Fixed(ms) => ms,
            Self::Uniform(from, to) => from + (to - from) * share,
            Self::Exponential(mean) => -mean * (1.0 - share).max(f64::MIN_POSITIVE).ln(),
        }
    }

    /// One wait.
    pub(super) fn draw(self, dice: &mut ChaCha8Rng) -> Duration {
        let ms = self.quantile(dice.random::<f64>()).min(LONGEST_MS);
        Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
    }
}

impl FromStr for Delay {
    type Err = SimError;

    /// Reads `5ms`, `1ms-9ms` or `exp:5ms`.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let wrong = || SimError::Setting(format!("delay {text:?} is not 5ms, 1ms-9ms or exp:5ms"));
        let ms = |text: &str| {
            let text = text.trim();
            let (number, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
                (Some(number), _) => (number, 1.0),
                (None, Some(number)) => (number, 1000.0),
                (None, None) => return None,
            };
            let number = number.trim().parse::<f64>().ok().map(|number| number * unit);
            number.filter(|ms| (0.0..=LONGEST_MS).contains(ms))
        };
        if let Some(mean) = text.strip_prefix("exp:") {
            return ms(mean).map(Self::Exponential).ok_or_else(wrong);
        }
        match text.split_once('-') {
            Some((from, to)) => {
                let (from, to) = ms(from).zip(ms(to)).ok_or_else(wrong)?;
                if from <= to { Ok(Self::Uniform(from, to)) } else { Err(wrong()) }
            }
            None => ms(text).map(Self::Fixed).ok_or_else(wrong),
        }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => write!(f, "{ms} ms"),
            Self::Uniform(from, to) => write!(f, "{from} to {to} ms, each as likely"),
            Self::Exponential(mean) => write!(f, "exponential, {mean} ms on average"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn delays_are_read() {
        for (text, delay) in [
            ("5ms", Delay::Fixed(5.0)),
            ("1.5s", Delay::Fixed(1500.0)),
            ("1ms - 9ms", Delay::Uniform(1.0, 9.0)),
            ("exp:5ms", Delay::Exponential(5.0)),
        ] {
            assert_eq!(text.parse::<Delay>().unwrap(), delay, "{text}");
        }
        for bad in ["", "5", "-5ms", "9ms-1ms", "exp:", "exp:-1ms", "NaNms", "2h", "90s"] {
            let error = bad.parse::<Delay>().unwrap_err().to_string();
            assert!(error.contains("exp:5ms"), "{bad}: {error}");
        }
    }

    #[test]
    fn what_is_drawn_has_the_percentiles_that_are_told() {
        for delay in [Delay::Fixed(4.0), Delay::Uniform(1.0, 9.0), Delay::Exponential(5.0)] {
            let mut dice = ChaCha8Rng::seed_from_u64(3);
            let mut drawn: Vec<f64> =
                (0..100_000).map(|_| delay.draw(&mut dice).as_secs_f64() * 1000.0).collect();
            drawn.sort_by(f64::total_cmp);
            for (share, at) in [(0.5, 50_000), (0.9, 90_000), (0.99, 99_000)] {
                let (found, told) = (drawn[at], delay.quantile(share));
                assert!((found - told).abs() < 0.03 * told, "{delay}: {found} for {told}");
            }
        }
    }
}
