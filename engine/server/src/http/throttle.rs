//! So many attempts to log in from one network in a minute, and no more: a guesser who goes through
//! many users is held up as one who stays with one.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Networks remembered; past that those of a minute ago are forgotten.
const NETWORKS_MOST: usize = 10_000;

/// The attempts of each network in its current minute.
pub(super) struct Throttle {
    most: u32,
    attempts: Mutex<BTreeMap<String, (Instant, u32)>>,
}

impl Throttle {
    pub(super) fn new(most: u32) -> Self {
        Self { most, attempts: Mutex::default() }
    }

    /// Counts an attempt; whether it may go on.
    pub(super) fn admits(&self, network: &str, now: Instant) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() > NETWORKS_MOST {
            attempts.retain(|_, (since, _)| now.duration_since(*since) < MINUTE);
        }
        let (since, count) = attempts.entry(network.to_owned()).or_insert((now, 0));
        if now.duration_since(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_up_a_network_for_the_rest_of_its_minute() {
        let (throttle, start) = (Throttle::new(3), Instant::now());
        let admitted = |network, at| (0..5).filter(|_| throttle.admits(network, at)).count();
        assert_eq!(admitted("a", start), 3);
        assert_eq!(admitted("b", start), 3);
        assert_eq!(admitted("a", start + MINUTE / 2), 0);
        assert_eq!(admitted("a", start + MINUTE), 3);
    }
}
