//! So many attempts to log in from one network in a minute, and no more: a guesser who goes through
//! many users is held up as one who stays with one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Networks remembered; past that the one whose minute began first is forgotten.
const NETWORKS_MOST: usize = 10_000;

/// The attempts of each network in its current minute.
pub(super) struct Throttle {
    most: u32,
    attempts: Mutex<Attempts>,
}

#[derive(Default)]
struct Attempts {
    of: BTreeMap<String, u32>,
    /// The same networks by when their minutes began, so that none is looked for.
    began: VecDeque<(Instant, String)>,
}

impl Attempts {
    fn forget_the_first(&mut self) {
        if let Some((_, network)) = self.began.pop_front() {
            self.of.remove(&network);
        }
    }
}

impl Throttle {
    pub(super) fn new(most: u32) -> Self {
        Self { most, attempts: Mutex::default() }
    }

    /// Counts an attempt; whether it may go on.
    pub(super) fn admits(&self, network: &str, now: Instant) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |(began, _): &(Instant, String)| now.duration_since(*began) >= MINUTE;
        while attempts.began.front().is_some_and(is_over) {
            attempts.forget_the_first();
        }
        if let Some(count) = attempts.of.get_mut(network) {
            *count = count.saturating_add(1);
            return *count <= self.most;
        }
        if attempts.of.len() >= NETWORKS_MOST {
            attempts.forget_the_first();
        }
        attempts.of.insert(network.to_owned(), 1);
        attempts.began.push_back((now, network.to_owned()));
        self.most > 0
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

    #[test]
    fn remembers_no_more_networks_than_it_may() {
        let (throttle, start) = (Throttle::new(1), Instant::now());
        for network in 0..3 * NETWORKS_MOST {
            assert!(throttle.admits(&network.to_string(), start));
            let attempts = throttle.attempts.lock().unwrap();
            assert!(attempts.of.len() <= NETWORKS_MOST);
            assert_eq!(attempts.of.len(), attempts.began.len());
        }
        let newest = (3 * NETWORKS_MOST - 1).to_string();
        assert!(!throttle.admits(&newest, start), "the newest are held up still");
        assert!(throttle.admits("0", start + MINUTE));
        assert_eq!(throttle.attempts.lock().unwrap().of.len(), 1, "the others' minutes are over");
    }
}
