//! Who looks at personal data more than is usual (PII-2): told to operators, not stopped.

use crate::live::Live;
use authorization::LookedAt;
use metrics::counter;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

const LOOKS: &str = "tamga_personal_data_looks_total";
const UNUSUAL: &str = "tamga_personal_data_unusual_total";

/// So many looks in clear within an hour are usual for one token.
const USUAL: u32 = 100;
const HOUR: Duration = Duration::from_secs(3600);

/// The looks in clear of each token in its current hour.
#[derive(Default)]
pub(super) struct Looks(Mutex<BTreeMap<String, (Instant, u32)>>);

impl Looks {
    /// Counts a look; whether it is one too many is told once an hour for each token.
    pub(super) fn count(&self, caller: &str, at: LookedAt, live: &Live) {
        counter!(LOOKS, "what" => at.name()).increment(1);
        if at != LookedAt::Masked && self.is_first_unusual(caller, Instant::now()) {
            counter!(UNUSUAL).increment(1);
            warn!(caller, looks = USUAL, "more looks at personal data within an hour than usual");
            let alert = json!({ "kind": "unusual_looks", "who": caller, "looks": USUAL });
            live.tell("alert", &alert);
        }
    }

    fn is_first_unusual(&self, caller: &str, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = all.entry(caller.to_owned()).or_insert((now, 0));
        if now.duration_since(*since) >= HOUR {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count == USUAL + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_once_an_hour_and_by_token() {
        let (looks, start) = (Looks::default(), Instant::now());
        let count = |caller, at: Instant, times: u32| {
            (0..times).filter(|_| looks.is_first_unusual(caller, at)).count()
        };
        assert_eq!(count("a", start, USUAL), 0);
        assert_eq!(count("b", start, 1), 0, "another's looks do not count");
        assert_eq!(count("a", start + HOUR / 2, 50), 1);
        assert_eq!(count("a", start + HOUR, USUAL), 0, "a new hour");
        assert_eq!(count("a", start + HOUR, 1), 1);
    }
}
