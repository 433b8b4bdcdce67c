//! Storms: all connections do the same at once, at moments that all of them know.

use super::lane::{JudgedLane, Planned, Purpose};
use super::world::Household;
use crate::chaos::Storm;
use crate::load::lane::Order;
use crate::load::stats::Tally;

impl JudgedLane {
    /// Everybody takes back what they did last.
    fn reversal_storm(&mut self, now_ns: u64, tally: &mut Tally) {
        const AT_ONCE: usize = 20;
        let free = |home: &Household| !home.is_lost && home.open == 0 && !home.standing.is_empty();
        let homes = self.households.iter().enumerate().filter(|(_, home)| free(home));
        let homes: Vec<usize> = homes.map(|(at, _)| at).take(AT_ONCE).collect();
        for household in homes {
            let Some(request) = self.reversal_of(household, None) else { continue };
            if let Some(home) = self.home(&request) {
                home.open += 1;
            }
            tally.send(0);
            let (request, purpose) = (Box::new(request), Purpose::First);
            let (original, intended_ns, attempt) = (None, now_ns, 0);
            let planned = Planned { request, purpose, original, intended_ns, attempt };
            self.launch(planned, now_ns, None, tally);
        }
    }

    pub(super) fn storms(&mut self, now_ns: u64, tally: &mut Tally) {
        for at in 0..self.storms.len() {
            let Some((storm, every, next)) = self.storms.get_mut(at) else { continue };
            if now_ns < *next || *next >= self.shop.end_ns {
                continue;
            }
            *next += *every;
            let storm = *storm;
            *tally.checks.faults.entry(storm.name()).or_default() += 1;
            match storm {
                Storm::Reconnect => {
                    self.disturb_all(tally);
                    self.end(Order::HangUp);
                }
                Storm::Reversal => self.reversal_storm(now_ns, tally),
            }
        }
    }
}
