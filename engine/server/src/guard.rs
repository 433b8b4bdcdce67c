//! Guards: an order that was activated with one is rolled back by itself if too much is declined
//! in the minutes after.
//!
//! Counted from the read model, from the record at which the order took effect: so a restart of the
//! engine forgets nothing. Judged from [`JUDGED_FROM`] decisions on.

use crate::clock::Clock;
use crate::http::ALERTS;
use crate::keys::orders::{Keeper, NotRolledBack};
use crate::shard::{Answered, Shard, ShardError};
use authorization::{
    AlertKind, Command, Guard, OrderCommand, OrderKind, OrderRefusal, OrderStatus, Outcome,
    Refusal, RolledBackBy, State,
};
use history::{CodeCount, History};
use metrics::counter;
use payment_types::Moment;
use security::{RefusalKind, SecurityModule};
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
    /// Its minutes are over.
    over: bool,
}

/// What was counted since an order took effect.
#[derive(Debug, Clone, Default)]
struct Counted {
    /// The last record counted.
    to: u64,
    decisions: u64,
    declined: u64,
    codes: BTreeMap<String, u64>,
    /// It tripped, and what is in the way may pass: tried again until its minutes are over.
    waits: Option<String>,
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
            if counted.done {
                continue;
            }
            if guarded.over {
                counted.done = ended(&shard, guarded.order, counted).await;
            } else {
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

/// The orders whose guards watch now, or did.
fn guarded(core: &State, now: Moment) -> Vec<Guarded> {
    let watches = |order: &authorization::Order| {
        let (guard, (at, sequence)) = (order.guard.clone()?, order.activated?);
        let until = at.plus_ms(i64::from(guard.minutes).saturating_mul(60_000));
        let of_key = order.kind == OrderKind::Keys;
        let (over, activated) = (now.at > until, sequence.0);
        let guarded = Guarded { order: order.id, guard, activated, of_key, now, over };
        let watches = order.status == OrderStatus::Active && order.guard_stands.is_none();
        watches.then_some(guarded)
    };
    core.orders().iter().filter_map(watches).collect()
}

async fn look(
    (shard, security): (&Shard, &Arc<dyn SecurityModule>),
    history: &History,
    guarded: &Guarded,
    counted: &mut Counted,
) {
    let order = guarded.order;
    let (history, from) = (history.clone(), counted.to);
    let found = tokio::task::spawn_blocking(move || history.codes_after(from)).await;
    // A read model that can't be asked now is asked again in a second.
    let Ok(Ok((to, counts))) = found else { return };
    counted.to = to.max(counted.to);
    counted.add(&counts);
    let Some(why) = counted.trips(&guarded.guard) else {
        counted.waits = None;
        return;
    };
    let reason = format!("its guard: {why}");
    let told = |why_not: &str| format!("{reason}; it could not be rolled back: {why_not}");
    counted.done = match came_of(roll_back(shard, security, guarded, &reason).await, order) {
        Came::Undone => {
            warn!(order, reason, "an order was rolled back by its guard");
            tell(shard, order, true, &reason);
            true
        }
        Came::Already => true,
        Came::Stands(why_not) => stands(shard, order, &told(&why_not)).await,
        Came::Later(why_not) => {
            if counted.waits.is_none() {
                warn!(order, reason, why_not, "an order's guard tripped; it tries again");
            }
            counted.waits = Some(told(&why_not));
            false
        }
    };
}

/// Its minutes are over: an order that could not be rolled back until now stands.
async fn ended(shard: &Shard, order: u64, counted: &Counted) -> bool {
    match &counted.waits {
        Some(told) => stands(shard, order, told).await,
        None => true,
    }
}

/// An order stands though its guard tripped: kept with it and among the alerts, since whoever is
/// not there now must know later. False if this is to be tried again.
async fn stands(shard: &Shard, order: u64, told: &str) -> bool {
    let noted = OrderCommand::GuardStands { order, reason: told.into() };
    match shard.command(Command::Order(Box::new(noted)), None).await {
        // It was undone meanwhile.
        Ok(Answered { outcome: Outcome::Refused(Refusal::Order(_)), .. }) => return true,
        Ok(_) => {}
        Err(ShardError::Overloaded) => return false,
        Err(error) => error!(order, %error, "that the order stands was not journaled"),
    }
    error!(order, told, "ALARM: an order's guard tripped, and it stands");
    tell(shard, order, false, told);
    counter!(ALERTS, "kind" => AlertKind::GuardStands.name()).increment(1);
    true
}

fn tell(shard: &Shard, order: u64, rolled_back: bool, text: &str) {
    let alert = serde_json::json!({
        "kind": "guard", "order": order, "rolled_back": rolled_back, "text": text,
    });
    shard.live().tell("alert", &alert);
}

/// What came of rolling an order back.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// It is undone.
    Undone,
    /// It was before: somebody was faster.
    Already,
    /// What is in the way may pass, an overload or a key store that can't be written.
    Later(String),
    /// It stands.
    Stands(String),
}

fn came_of(answered: Result<Answered, NotRolledBack>, order: u64) -> Came {
    use NotRolledBack as N;
    match answered.map(|answered| answered.outcome) {
        Ok(Outcome::Refused(Refusal::Order(refusal)))
            if matches!(*refusal, OrderRefusal::Standing { .. }) =>
        {
            Came::Already
        }
        Ok(Outcome::Refused(refusal)) => {
            Came::Stands(crate::http::in_words(refusal, &order.to_string()))
        }
        Ok(_) => Came::Undone,
        // What is overloaded may need its guards most.
        Err(N::Shard(error @ ShardError::Overloaded)) => Came::Later(error.to_string()),
        Err(N::Shard(error)) => Came::Stands(error.to_string()),
        Err(N::Refused(refusal)) if refusal.kind == RefusalKind::Storage => {
            Came::Later(refusal.message)
        }
        Err(N::Refused(refusal)) => Came::Stands(refusal.message),
    }
}

/// Undoes an order; one about a key with the security module.
async fn roll_back(
    shard: &Shard,
    security: &Arc<dyn SecurityModule>,
    guarded: &Guarded,
    reason: &str,
) -> Result<Answered, NotRolledBack> {
    let (order, by, reason) = (guarded.order, RolledBackBy::Guard, reason.into());
    if guarded.of_key {
        let keeper = Keeper { shard, security, now: guarded.now };
        return keeper.roll_back(order, by, reason, None).await;
    }
    let command = Command::Order(Box::new(OrderCommand::RollBack { order, by, reason }));
    Ok(shard.command(command, None).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Taken;
    use crate::shard::{Shared, Work};
    use payment_types::Timestamp;
    use security::KeyRefusal;

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

    fn refused(refusal: OrderRefusal) -> Result<Answered, NotRolledBack> {
        let (sequence, moment) = (payment_types::Sequence(7), Moment::default());
        let outcome = Outcome::Refused(Refusal::Order(Box::new(refusal)));
        Ok(Answered { sequence, outcome, moment, replayed: false })
    }

    /// SIG-1: only what lasts ends a guard; what passes is tried again, and what a person undid
    /// before is nothing to tell anybody.
    #[test]
    fn a_guard_ends_by_what_lasts_and_not_by_what_passes() {
        let module = |kind| Err(KeyRefusal::new(kind, "store", "away").into());
        let overload = Err(ShardError::Overloaded.into());
        assert!(matches!(came_of(overload, 1), Came::Later(_)));
        assert_eq!(came_of(module(RefusalKind::Storage), 1), Came::Later("away".into()));
        assert_eq!(came_of(module(RefusalKind::Conflict), 1), Came::Stands("away".into()));
        let undone = OrderRefusal::Standing { status: OrderStatus::RolledBack };
        assert_eq!(came_of(refused(undone), 1), Came::Already);
        let since = OrderRefusal::ChangedSince { path: "key[zmk]".into(), order: 2 };
        let Came::Stands(why) = came_of(refused(since), 1) else { panic!("a later order stands") };
        assert!(why.contains("order 2"), "{why}");
    }

    /// The next command in the queue, answered.
    async fn answer(shard: &Shard, answer: Result<Answered, ShardError>) -> Command {
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(Work::Command { command, reply, .. }) = taken(shard).pop() {
                assert!(reply.send(answer).is_ok());
                return *command;
            }
            assert!(std::time::Instant::now() < patience, "nothing is journaled");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What waited for a passing failure is told when the minutes are over, if the order stands.
    #[tokio::test]
    async fn what_could_not_be_rolled_back_in_time_is_told_unless_it_was_undone() {
        let shard = Shard { shared: Arc::new(Shared::new(1, 0)) };
        let quiet = Counted::default();
        assert!(ended(&shard, 3, &quiet).await, "it never tripped");
        assert!(taken(&shard).is_empty(), "there is nothing to journal");
        let waits = Counted { waits: Some("the key store is away".into()), ..quiet };
        let undone =
            || refused(OrderRefusal::Standing { status: OrderStatus::RolledBack }).unwrap();
        let noted = Answered { outcome: Outcome::Done(authorization::Done::Looked), ..undone() };
        let overload = Err(ShardError::Overloaded);
        let cases = [(Ok(noted), true, 1), (Ok(undone()), true, 0), (overload, false, 0)];
        for (answered, over, alerts) in cases {
            let mut seat = shard.live().seat(None, false).unwrap();
            let (end, command) = tokio::join!(ended(&shard, 3, &waits), answer(&shard, answered));
            let reason = "the key store is away".into();
            let expected = OrderCommand::GuardStands { order: 3, reason };
            assert_eq!(command, Command::Order(Box::new(expected)));
            assert_eq!(end, over);
            shard.live().tell("mark", &());
            let mut told = Vec::new();
            while let Some(event) = seat.next().await.filter(|e| !e.starts_with(b"event: mark")) {
                told.push(event);
            }
            assert_eq!(told.len(), alerts, "{told:?}");
        }
    }
}
