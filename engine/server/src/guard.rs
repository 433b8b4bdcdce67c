//! Guards: an order that was activated with one is rolled back by itself if too much is declined
//! in the minutes after.
//!
//! Counted from the read model, from the record at which the order took effect: so a restart of the
//! engine forgets nothing. Judged from [`JUDGED_FROM`] decisions on.

use crate::clock::Clock;
use crate::http::ALERTS;
use crate::keys::orders::{Keeper, NotRolledBack};
use crate::shard::{Shard, ShardError};
use authorization::{
    AlertKind, Command, Guard, OrderCommand, OrderKind, OrderProblem, OrderRefusal, OrderStatus,
    Outcome, Refusal, RolledBackBy, State,
};
use history::{CodeCount, History};
use metrics::counter;
use payment_types::Moment;
use security::SecurityModule;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, warn};

/// How often guards look.
const EVERY: Duration = Duration::from_secs(1);
/// Fewer decisions say nothing about a share.
const JUDGED_FROM: u64 = 20;

/// An order whose guard watches.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Guarded {
    order: u64,
    guard: Guard,
    /// The record at which it took effect.
    activated: u64,
    /// It is about a key.
    of_key: bool,
    /// When it was looked at.
    now: Moment,
}

/// What was counted since an order took effect.
#[derive(Debug, Clone, Default)]
struct Counted {
    /// The last record counted.
    to: u64,
    decisions: u64,
    declined: u64,
    codes: BTreeMap<String, u64>,
    /// It was rolled back, or could not be: told once.
    done: bool,
}

impl Counted {
    fn add(&mut self, counts: &[CodeCount]) {
        for count in counts {
            self.decisions = self.decisions.saturating_add(count.count);
            if !count.approved {
                self.declined = self.declined.saturating_add(count.count);
            }
            let code = self.codes.entry(count.code.clone()).or_default();
            *code = code.saturating_add(count.count);
        }
    }

    /// Why the order is to be rolled back, if it is.
    fn trips(&self, guard: &Guard) -> Option<String> {
        if self.decisions < JUDGED_FROM {
            return None;
        }
        let above = |part: u64, percent: u8| {
            part.saturating_mul(100) > self.decisions.saturating_mul(u64::from(percent))
        };
        let all = self.decisions;
        if let Some(most) = guard.decline_percent.filter(|most| above(self.declined, *most)) {
            let declined = self.declined;
            return Some(format!("{declined} of {all} requests were declined, more than {most} %"));
        }
        let code = guard.code.as_deref()?;
        let count = self.codes.get(code).copied().unwrap_or_default();
        let most = guard.code_percent.filter(|most| above(count, *most))?;
        Some(format!("{count} of {all} requests got {code}, more than {most} %"))
    }
}

/// Watches as long as the engine runs.
pub(crate) async fn watch(
    shard: Shard,
    security: Arc<dyn SecurityModule>,
    history: History,
    clock: Clock,
) {
    let mut counted: BTreeMap<u64, Counted> = BTreeMap::new();
    while let Some(watched) = watched(&shard, &clock, EVERY).await {
        counted.retain(|order, _| watched.iter().any(|guarded| guarded.order == *order));
        for guarded in watched {
            let counted = counted.entry(guarded.order).or_insert_with(|| {
                let to = guarded.activated;
                Counted { to, ..Counted::default() }
            });
            if !counted.done {
                look((&shard, &security), &history, &guarded, counted).await;
            }
        }
    }
}

/// The orders whose guards watch, after a pause; `None` once the shard has stopped.
async fn watched(shard: &Shard, clock: &Clock, pause: Duration) -> Option<Vec<Guarded>> {
    loop {
        tokio::time::sleep(pause).await;
        let now = clock.now();
        match shard.query(move |core, _| guarded(core, now)).await {
            Ok(watched) => return Some(watched),
            // What is overloaded may need its guards most: they look again.
            Err(ShardError::Overloaded) => {}
            Err(ShardError::Stopped(_)) => return None,
        }
    }
}

/// The orders whose guards watch now.
fn guarded(core: &State, now: Moment) -> Vec<Guarded> {
    let watches = |order: &authorization::Order| {
        let (guard, (at, sequence)) = (order.guard.clone()?, order.activated?);
        let until = at.plus_ms(i64::from(guard.minutes).saturating_mul(60_000));
        let of_key = order.kind == OrderKind::Keys;
        let guarded = Guarded { order: order.id, guard, activated: sequence.0, of_key, now };
        let watches = order.status == OrderStatus::Active && order.guard_stands.is_none();
        (watches && now.at <= until).then_some(guarded)
    };
    core.orders().iter().filter_map(watches).collect()
}

async fn look(
    (shard, security): (&Shard, &Arc<dyn SecurityModule>),
    history: &History,
    guarded: &Guarded,
    counted: &mut Counted,
) {
    let (history, from) = (history.clone(), counted.to);
    let found = tokio::task::spawn_blocking(move || history.codes_after(from)).await;
    // A read model that can't be asked now is asked again in a second.
    let Ok(Ok((to, counts))) = found else { return };
    counted.to = to.max(counted.to);
    counted.add(&counts);
    let Some(why) = counted.trips(&guarded.guard) else { return };
    let order = guarded.order;
    let reason = format!("its guard: {why}");
    let answered = roll_back(shard, security, guarded, &reason).await;
    if answered == Err(ShardError::Overloaded) {
        return; // It trips again in a second, and what is overloaded may need it most.
    }
    counted.done = true;
    let why_not = match answered {
        Ok(Outcome::Refused(refusal)) => crate::http::in_words(refusal, &order.to_string()),
        Ok(_) => {
            warn!(order, reason, "an order was rolled back by its guard");
            return tell(shard, order, true, &reason);
        }
        Err(error) => error.to_string(),
    };
    let told = format!("{reason}; it could not be rolled back: {why_not}");
    error!(order, told, "ALARM: an order's guard tripped, and it stands");
    tell(shard, order, false, &told);
    counter!(ALERTS, "kind" => AlertKind::GuardStands.name()).increment(1);
    // Kept with the order and among the alerts: whoever is not there now must know later.
    let noted = OrderCommand::GuardStands { order, reason: told.into() };
    if let Err(error) = shard.command(Command::Order(Box::new(noted)), None).await {
        error!(order, %error, "that the order stands was not journaled");
        counted.done = error != ShardError::Overloaded;
    }
}

fn tell(shard: &Shard, order: u64, rolled_back: bool, text: &str) {
    let alert = serde_json::json!({
        "kind": "guard", "order": order, "rolled_back": rolled_back, "text": text,
    });
    shard.live().tell("alert", &alert);
}

/// Undoes an order; one about a key with the security module.
async fn roll_back(
    shard: &Shard,
    security: &Arc<dyn SecurityModule>,
    guarded: &Guarded,
    reason: &str,
) -> Result<Outcome, ShardError> {
    let (order, by, reason) = (guarded.order, RolledBackBy::Guard, reason.into());
    if guarded.of_key {
        let keeper = Keeper { shard, security, now: guarded.now };
        return match keeper.roll_back(order, by, reason, None).await {
            Ok(answered) => Ok(answered.outcome),
            Err(NotRolledBack::Shard(error)) => Err(error),
            Err(NotRolledBack::Refused(refusal)) => {
                let problem = OrderProblem {
                    path: String::new(),
                    layer: "bank".into(),
                    clause: None,
                    code: "not_possible".into(),
                    message: refusal.message,
                };
                let refused = OrderRefusal::Problems(vec![problem]);
                Ok(Outcome::Refused(Refusal::Order(Box::new(refused))))
            }
        };
    }
    let command = Command::Order(Box::new(OrderCommand::RollBack { order, by, reason }));
    Ok(shard.command(command, None).await?.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Taken;
    use crate::shard::{Shared, Work};
    use payment_types::Timestamp;

    /// What stands in a shard's queue, taken out; its thread is played by the test.
    fn taken(shard: &Shard) -> Vec<Work> {
        let mut work = Vec::new();
        match shard.shared.queue.take(&mut work, usize::MAX, Duration::from_millis(5)) {
            Taken::Items => work,
            _ => Vec::new(),
        }
    }

    #[tokio::test]
    async fn guards_outlast_an_overload_and_end_with_the_shard() {
        let clock = Clock::test("Asia/Bishkek", Timestamp(0)).unwrap();
        let shard = Shard { shared: Arc::new(Shared::new(1, 0)) };
        for _ in 0..2000 {
            let filled = shard.shared.queue.push(Work::Query(Box::new(|_, _| {})), 2000);
            assert!(filled.is_ok());
        }
        assert_eq!(shard.query(|_, _| ()).await, Err(ShardError::Overloaded));
        let pause = Duration::from_millis(1);
        let (asking, time) = (shard.clone(), clock.clone());
        let guards = tokio::spawn(async move { watched(&asking, &time, pause).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!guards.is_finished(), "an overload ended the guards");
        taken(&shard);
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        let asked = loop {
            tokio::time::sleep(pause).await;
            if let Some(work) = taken(&shard).pop() {
                break work;
            }
            assert!(std::time::Instant::now() < patience, "no guard looks again");
        };
        let Work::Query(query) = asked else { panic!("guards ask") };
        query(&State::new(), Moment::default());
        let found = tokio::time::timeout(Duration::from_secs(20), guards).await;
        assert_eq!(found.unwrap().unwrap(), Some(vec![]));
        shard.shared.stop("the test is over");
        assert_eq!(watched(&shard, &clock, pause).await, None);
    }

    fn counts(counts: &[(&str, bool, u64)]) -> Counted {
        let mut counted = Counted::default();
        let count = |(code, approved, count): &(&str, bool, u64)| CodeCount {
            code: (*code).to_owned(),
            approved: *approved,
            count: *count,
        };
        counted.add(&counts.iter().map(count).collect::<Vec<_>>());
        counted
    }

    #[test]
    fn a_guard_trips_above_its_share_and_not_on_a_few() {
        let declines =
            Guard { minutes: 5, decline_percent: Some(20), code: None, code_percent: None };
        assert_eq!(counts(&[("61", false, 19)]).trips(&declines), None, "too few to say");
        assert_eq!(counts(&[("00", true, 80), ("61", false, 20)]).trips(&declines), None, "20 %");
        let why = counts(&[("00", true, 79), ("61", false, 21)]).trips(&declines).unwrap();
        assert_eq!(why, "21 of 100 requests were declined, more than 20 %");
        let code = Guard {
            minutes: 5,
            decline_percent: None,
            code: Some("61".into()),
            code_percent: Some(10),
        };
        assert_eq!(counts(&[("00", true, 50), ("51", false, 50)]).trips(&code), None);
        let why = counts(&[("00", true, 88), ("61", false, 12)]).trips(&code).unwrap();
        assert_eq!(why, "12 of 100 requests got 61, more than 10 %");
    }
}
