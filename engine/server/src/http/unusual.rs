//! Access that is out of the ordinary (PII-2): counted here, journaled as an alert, told to
//! operators by a metric, the log and the outbox. Nobody is stopped by it.
//!
//! Also the counting of refusals: the first of a kind is journaled at once, those that follow within
//! a minute together, and those of nobody known only so many of a minute whatever networks they
//! come from, so that nobody can fill the journal by asking.

use super::access::Caller;
use super::context::HttpContext;
use crate::config::AccessConfig;
use authorization::{AccessCommand, AlertKind, Command, LookedAt};
use metrics::counter;
use payment_types::Moment;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

const LOOKS: &str = "tamga_personal_data_looks_total";
/// Alerts, by kind.
pub(crate) const ALERTS: &str = "tamga_access_alerts_total";
const DENIED: &str = "tamga_access_denied_total";

const HOUR: Duration = Duration::from_secs(3600);
/// Refusals of a kind are journaled once in so long.
const TOGETHER: Duration = Duration::from_secs(60);
/// Refusals of nobody known that are journaled by themselves in so long; those beyond are one record.
const NOBODY_MOST: u32 = 60;
/// A person who looks at the same again within so long is looking still.
const SAME_LOOK: Duration = Duration::from_secs(60);
/// More different ones than anybody has in an hour; then all are forgotten.
const REMEMBERED_MOST: usize = 10_000;

/// What was counted.
#[derive(Default)]
pub(super) struct Unusual(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// Of each caller: since when, and at whose data.
    customers: BTreeMap<String, (Instant, BTreeSet<String>)>,
    /// Of each caller and network: since when, and how often.
    refusals: BTreeMap<String, (Instant, u32)>,
    /// Alerts that were told, and when.
    told: BTreeMap<(String, AlertKind), Instant>,
    /// Refusals by user, what was asked, why, and network: when journaled, and how many since.
    denied: BTreeMap<[String; 4], (Instant, u32)>,
    /// Refusals of nobody known.
    nobody: Option<Nobody>,
    /// Looks: when.
    looks: BTreeMap<(String, String), Instant>,
}

/// How often nobody known was refused.
struct Nobody {
    /// Journaled by themselves since a moment.
    since: Instant,
    journaled: u32,
    /// Beyond, since the first of them.
    beyond: Option<(Instant, u32)>,
}

impl Counts {
    /// Whether one more refusal of nobody known is journaled by itself; else it is counted.
    fn nobody_may(&mut self, now: Instant) -> bool {
        let nobody = self.nobody.get_or_insert(Nobody { since: now, journaled: 0, beyond: None });
        if now.duration_since(nobody.since) >= TOGETHER {
            (nobody.since, nobody.journaled) = (now, 0);
        }
        let may = nobody.journaled < NOBODY_MOST;
        let count = match may {
            true => &mut nobody.journaled,
            false => &mut nobody.beyond.get_or_insert((now, 0)).1,
        };
        *count = count.saturating_add(1);
        may
    }

    /// How many there were beyond, once they have waited long enough.
    fn beyond(&mut self, now: Instant) -> Option<([String; 4], u32)> {
        let waited = |(since, _): &mut (Instant, u32)| now.duration_since(*since) >= TOGETHER;
        let (_, count) = self.nobody.as_mut()?.beyond.take_if(waited)?;
        let what = ["", "requests of many kinds or networks", "many", ""].map(str::to_owned);
        Some((what, count))
    }
}

impl Unusual {
    /// Whether a look is not the same as one that was journaled just before.
    pub(super) fn is_news(&self, user: &str, subject: &str, now: Instant) -> bool {
        let last = self.counts().looks.get(&(user.to_owned(), subject.to_owned())).copied();
        last.is_none_or(|last| now.duration_since(last) >= SAME_LOOK)
    }

    /// A look is in the journal; only now, since one that could not be journaled must be next time.
    pub(super) fn journaled_look(&self, user: &str, subject: &str, now: Instant) {
        let mut counts = self.counts();
        if counts.looks.len() > REMEMBERED_MOST {
            counts.looks.clear();
        }
        counts.looks.insert((user.to_owned(), subject.to_owned()), now);
    }

    /// Counts a look at somebody's data; whether it is at more than is usual, once an hour.
    fn is_many(&self, user: &str, subject: &str, usual: u32, now: Instant) -> bool {
        let mut counts = self.counts();
        let (since, seen) =
            counts.customers.entry(user.to_owned()).or_insert_with(|| (now, BTreeSet::new()));
        if now.duration_since(*since) >= HOUR {
            *since = now;
            seen.clear();
        }
        let usual = usize::try_from(usual).unwrap_or(usize::MAX);
        seen.len() <= usual && seen.insert(subject.to_owned()) && seen.len() > usual
    }

    /// Counts a refusal; whether it is one too many, once an hour.
    fn is_refused_often(&self, whom: &str, usual: u32, now: Instant) -> bool {
        let mut counts = self.counts();
        if counts.refusals.len() > REMEMBERED_MOST {
            counts.refusals.clear();
        }
        let (since, count) = counts.refusals.entry(whom.to_owned()).or_insert((now, 0));
        if now.duration_since(*since) >= HOUR {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count == usual.saturating_add(1)
    }

    /// Whether an alert was not told within the hour.
    fn is_new_alert(&self, user: &str, kind: AlertKind, now: Instant) -> bool {
        let mut counts = self.counts();
        if counts.told.len() > REMEMBERED_MOST {
            counts.told.clear();
        }
        let last = counts.told.get(&(user.to_owned(), kind)).copied();
        let is_new = last.is_none_or(|last| now.duration_since(last) >= HOUR);
        if is_new {
            counts.told.insert((user.to_owned(), kind), now);
        }
        is_new
    }

    /// How many refusals of a kind are to be journaled now, if any.
    fn due(&self, what: [String; 4], now: Instant) -> Option<u32> {
        let mut counts = self.counts();
        if counts.denied.len() > REMEMBERED_MOST {
            counts.denied.clear();
        }
        let is_nobody = what.first().is_some_and(String::is_empty);
        let Some((last, waiting)) = counts.denied.get_mut(&what) else {
            if is_nobody && !counts.nobody_may(now) {
                return None;
            }
            counts.denied.insert(what, (now, 0));
            return Some(1);
        };
        *waiting = waiting.saturating_add(1);
        if now.duration_since(*last) < TOGETHER {
            return None;
        }
        *last = now;
        Some(std::mem::take(waiting))
    }

    /// What waits for its journal entry since longer than it may.
    fn overdue(&self, now: Instant) -> Vec<([String; 4], u32)> {
        let mut counts = self.counts();
        let mut due = Vec::new();
        counts.denied.retain(|what, (last, waiting)| {
            let over = now.duration_since(*last) >= TOGETHER;
            if over && *waiting > 0 {
                due.push((what.clone(), *waiting));
            }
            !over
        });
        due.extend(counts.beyond(now));
        due
    }

    /// Whether an attempt of nobody known is journaled by itself.
    pub(super) fn nobody_may(&self, now: Instant) -> bool {
        self.counts().nobody_may(now)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpContext {
    /// Somebody looked at personal data in clear or masked (PII-2).
    pub(super) async fn looked_at(&self, caller: &Caller, at: LookedAt, id: &str) {
        counter!(LOOKS, "what" => at.name()).increment(1);
        if at != LookedAt::Masked || caller.is_person() {
            self.looked(caller, id).await;
        }
    }

    /// Somebody looked at a customer's data: whether that was unusual.
    pub(super) async fn looked(&self, caller: &Caller, subject: &str) {
        let config = self.access();
        let usual = config.alert_customers_per_hour;
        if self.looks().is_many(&caller.name, subject, usual, Instant::now()) {
            let detail = format!("data of more than {usual} customers within an hour");
            self.alert(&caller.name, AlertKind::ManyCustomers, &detail).await;
        }
        let Some(running) = self.recovered() else { return };
        let now = running.clock.now();
        if caller.is_person() && is_night(config, now) {
            let detail = format!("{subject} at {}", now.rfc3339());
            self.alert(&caller.name, AlertKind::AtNight, &detail).await;
        }
    }

    /// Access was refused: journaled, counted, and told if it goes on. `user` may be nobody.
    pub(super) async fn denied(&self, user: &str, asked: &str, because: &str, network: &str) {
        counter!(DENIED, "because" => because.to_owned()).increment(1);
        let now = Instant::now();
        let what = [user, asked, because, network].map(str::to_owned);
        if let Some(times) = self.looks().due(what.clone(), now) {
            self.journal_denied(&what, times).await;
        }
        self.refused_once_more(user, network).await;
    }

    /// Counts a refusal of a user, or of a network where none is known.
    pub(super) async fn refused_once_more(&self, user: &str, network: &str) {
        let whom = if user.is_empty() { network } else { user };
        let usual = self.access().alert_refusals_per_hour;
        if self.looks().is_refused_often(whom, usual, Instant::now()) {
            let detail = format!("more than {usual} refusals within an hour, from {network}");
            self.alert(user, AlertKind::RepeatedRefusals, &detail).await;
        }
    }

    /// Journals refusals that wait, now and then.
    pub(super) async fn journal_waiting(&self) {
        for (what, times) in self.looks().overdue(Instant::now()) {
            self.journal_denied(&what, times).await;
        }
    }

    async fn journal_denied(&self, [user, asked, because, network]: &[String; 4], times: u32) {
        self.journal_access(AccessCommand::Denied {
            user: user.as_str().into(),
            asked: asked.as_str().into(),
            because: because.as_str().into(),
            network: network.as_str().into(),
            times,
        })
        .await;
    }

    /// Tells of unusual access, once an hour for each user and kind.
    pub(super) async fn alert(&self, user: &str, kind: AlertKind, detail: &str) {
        if !self.looks().is_new_alert(user, kind, Instant::now()) {
            return;
        }
        counter!(ALERTS, "kind" => kind.name()).increment(1);
        warn!(user, kind = kind.name(), detail, "unusual access");
        if let Some(running) = self.recovered() {
            let told = json!({ "kind": kind.name(), "user": user, "detail": detail });
            running.shard.live().tell_access(&told);
        }
        let (user, detail) = (user.into(), detail.into());
        self.journal_access(AccessCommand::Alert { user, kind, detail }).await;
    }

    /// Notes something that is refused or told in any case: while the engine recovers or stops it
    /// is in the log only.
    async fn journal_access(&self, command: AccessCommand) {
        let Some(running) = self.recovered() else { return };
        if let Err(error) = running.shard.command(Command::Access(Box::new(command)), None).await {
            warn!(%error, "what concerns access was not journaled");
        }
    }
}

/// Whether it is night in the bank's zone.
fn is_night(config: &AccessConfig, now: Moment) -> bool {
    let local = now.at.0.div_euclid(60_000).saturating_add(i64::from(now.offset.0));
    let minute = u32::try_from(local.rem_euclid(1440)).unwrap_or_default();
    let (from, until) = config.night;
    if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
}

/// Says what each figure is, for `/metrics`.
pub(super) fn describe() {
    use metrics::describe_counter;
    describe_counter!(LOOKS, "Looks at personal data, by what was looked at");
    describe_counter!(
        ALERTS,
        "Unusual access, and orders that stand against their guards, by kind"
    );
    describe_counter!(DENIED, "Access refused, by reason");
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment_types::{Timestamp, UtcOffset};

    #[test]
    fn many_customers_are_told_once_an_hour_and_by_caller() {
        let (unusual, start) = (Unusual::default(), Instant::now());
        let count = |caller, at, subjects: std::ops::Range<u32>| {
            subjects.filter(|id| unusual.is_many(caller, &id.to_string(), 100, at)).count()
        };
        assert_eq!(count("a", start, 0..100), 0);
        assert_eq!(count("a", start, 0..100), 0, "the same ones again");
        assert_eq!(count("b", start, 0..1), 0, "another's looks do not count");
        assert_eq!(count("a", start + HOUR / 2, 100..150), 1);
        assert_eq!(count("a", start + HOUR, 0..100), 0, "a new hour");
        assert_eq!(count("a", start + HOUR, 100..101), 1);
    }

    #[test]
    fn refusals_are_journaled_at_once_and_then_together() {
        let (unusual, start) = (Unusual::default(), Instant::now());
        let what = || ["aida", "GET /keys", "role", "10.0.0.0/24"].map(str::to_owned);
        assert_eq!(unusual.due(what(), start), Some(1));
        assert_eq!((0..50).filter_map(|_| unusual.due(what(), start)).sum::<u32>(), 0);
        assert_eq!(unusual.overdue(start), []);
        assert_eq!(unusual.overdue(start + TOGETHER), [(what(), 50)]);
        assert_eq!(unusual.due(what(), start + TOGETHER), Some(1));
        let often =
            |times: u32| (0..times).filter(|_| unusual.is_refused_often("aida", 10, start)).count();
        assert_eq!((often(10), often(1), often(50)), (0, 1, 0));
    }

    #[test]
    fn nobody_fills_the_journal_from_however_many_networks() {
        let (unusual, start) = (Unusual::default(), Instant::now());
        let what = |user: &str, network: u32| {
            [user, "GET /keys", "token", &format!("2001:db8:{network:x}::/64")].map(str::to_owned)
        };
        let (mut records, mut told) = (0, 0);
        for network in 0..30_000_u32 {
            let now = start + Duration::from_millis(u64::from(network) * 2);
            let due = unusual.due(what("", network), now);
            (records, told) = (records + due.iter().len(), told + due.unwrap_or_default());
            assert!(unusual.counts().denied.len() <= REMEMBERED_MOST);
        }
        assert_eq!((records, told), (60, 60), "a minute of them");
        assert_eq!(unusual.due(what("aida", 0), start), Some(1), "who is known is journaled");
        // The flood goes on, and does not keep the count from being told.
        assert_eq!(unusual.due(what("", 1), start + TOGETHER), None, "a kind that was journaled");
        let rest = unusual.overdue(start + TOGETHER + Duration::from_secs(1));
        let beyond = |(what, _): &&([String; 4], u32)| what[2] == "many";
        let rest: Vec<_> = rest.iter().filter(beyond).collect();
        assert_eq!(rest.len(), 1, "one record for the rest: {rest:?}");
        assert_eq!(rest[0].1, 30_000 - 60, "and none is left out");
        let later = start + TOGETHER + Duration::from_secs(2);
        assert_eq!(unusual.due(what("", 50_000), later), Some(1), "another minute");
    }

    #[test]
    fn night_is_by_the_bank_s_clock_also_over_midnight() {
        let at = |hours: i64| Moment::new(Timestamp(hours * 3_600_000), UtcOffset(360));
        let config = AccessConfig::default();
        let nights: Vec<i64> = (0..24).filter(|hour| is_night(&config, at(hour - 6))).collect();
        assert_eq!(nights, [0, 1, 2, 3, 4, 5, 22, 23]);
        let none = AccessConfig { night: (0, 0), ..config };
        assert!(!(0..24).any(|hour| is_night(&none, at(hour))));
    }

    #[test]
    fn the_same_look_within_a_minute_is_one() {
        let (unusual, start) = (Unusual::default(), Instant::now());
        assert!(unusual.is_news("aida", "card K1", start));
        assert!(unusual.is_news("aida", "card K1", start), "the first one was not journaled");
        unusual.journaled_look("aida", "card K1", start);
        assert!(!unusual.is_news("aida", "card K1", start + SAME_LOOK / 2));
        assert!(unusual.is_news("aida", "card K2", start));
        assert!(unusual.is_news("bakyt", "card K1", start));
        assert!(unusual.is_news("aida", "card K1", start + SAME_LOOK));
    }
}
