//! Shadows: a second state that follows the journal under candidate rules, beside the live one.

use super::compare::Limits;
use super::count::{Counter, Effect};
use super::preview::{Candidate, Recorded, compare};
use super::step_back;
use crate::failure::Failure;
use crate::fault::alone;
use crate::replay::Run;
use crate::shard::Shard;
use authorization::State;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// So many at a time: each is a state in memory and a share of a processor.
const MOST: usize = 2;
/// A shadow so many records behind is stopped: it has lost the race, and costs what it cannot give.
const BEHIND_MOST: u64 = 200_000;
/// How long it waits for new records.
const PAUSE: Duration = Duration::from_millis(20);
/// How often consoles are told.
const TELL: Duration = Duration::from_secs(1);

/// One that runs, or was stopped and not taken away yet.
pub(crate) struct Shadow {
    candidate: Candidate,
    since: String,
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    counter: Counter,
    /// Ids are looked up in it: of the state a moment ago.
    effect: Effect,
    /// Decisions of this second that differ, and of the one before.
    differ: u64,
    first: u64,
    last: u64,
    behind: u64,
    stopped: Option<String>,
}

/// What it has seen.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ShadowView {
    pub(crate) order: u64,
    /// Of the order's revision.
    pub(crate) digest: String,
    pub(crate) since: String,
    pub(crate) running: bool,
    /// Why it stopped by itself.
    pub(crate) stopped: Option<String>,
    /// The first and the last record it has run.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Durable records that it has not run yet.
    pub(crate) behind: u64,
    /// Decisions that differ, all in all.
    pub(crate) differ: u64,
    pub(crate) effect: Effect,
}

/// `event: shadow`.
#[derive(Serialize)]
struct Told {
    order: u64,
    decisions: u64,
    differ: u64,
    would_decline: u64,
    would_approve: u64,
    behind: u64,
    stopped: Option<String>,
}

/// By order.
#[derive(Default)]
pub(crate) struct Shadows(Mutex<BTreeMap<u64, Arc<Shadow>>>);

/// Why none was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoShadow {
    /// As many run as may.
    TooMany,
    /// This order has one that follows the same revision.
    Runs,
    /// The system gave no thread.
    NoThread,
}

impl Shadows {
    /// Starts one from a state whose last record is durable. One of an earlier revision, or that
    /// was stopped, gives way.
    ///
    /// # Errors
    /// [`NoShadow`].
    pub(crate) fn start(
        &self,
        shard: &Shard,
        data: &Path,
        candidate: Candidate,
        state: State,
    ) -> Result<(), NoShadow> {
        let mut all = self.lock();
        if let Some(old) = all.get(&candidate.order) {
            if old.runs() && old.candidate.digest == candidate.digest {
                return Err(NoShadow::Runs);
            }
            old.stop.store(true, Ordering::Relaxed);
            all.remove(&candidate.order);
        }
        if all.values().filter(|shadow| shadow.runs()).count() >= MOST {
            return Err(NoShadow::TooMany);
        }
        let order = candidate.order;
        let first = state.last_sequence().0.saturating_add(1);
        let since = state.last_moment().rfc3339();
        let seen = Mutex::new(Seen { first, last: first.saturating_sub(1), ..Seen::default() });
        let shadow = Arc::new(Shadow { candidate, since, stop: AtomicBool::new(false), seen });
        let (working, shard, data) = (Arc::clone(&shadow), shard.clone(), data.to_path_buf());
        std::thread::Builder::new()
            .name("shadow".into())
            .spawn(move || {
                step_back();
                match alone(|| working.follow(&shard, &data, state)) {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => working.end(&shard, failure.lines.join("; ")),
                    Err(fault) => working.end(&shard, fault.to_owned()),
                }
            })
            .map_err(|_| NoShadow::NoThread)?;
        all.insert(order, shadow);
        Ok(())
    }

    /// Stops an order's and takes it away; false if there is none.
    pub(crate) fn stop(&self, order: u64) -> bool {
        let gone = self.lock().remove(&order);
        if let Some(shadow) = &gone {
            shadow.stop.store(true, Ordering::Relaxed);
        }
        gone.is_some()
    }

    /// What an order's has seen.
    pub(crate) fn view(&self, order: u64) -> Option<ShadowView> {
        let shadow = self.lock().get(&order).cloned()?;
        Some(shadow.view())
    }

    pub(crate) fn close(&self) {
        self.lock().values().for_each(|shadow| shadow.stop.store(true, Ordering::Relaxed));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Shadow>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shadow {
    fn runs(&self) -> bool {
        !self.stop.load(Ordering::Relaxed) && self.seen().stopped.is_none()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> ShadowView {
        let seen = self.seen();
        ShadowView {
            order: self.candidate.order,
            digest: self.candidate.digest.clone(),
            since: self.since.clone(),
            running: seen.stopped.is_none() && !self.stop.load(Ordering::Relaxed),
            stopped: seen.stopped.clone(),
            first: seen.first,
            last: seen.last,
            behind: seen.behind,
            differ: seen.differ,
            effect: seen.effect.clone(),
        }
    }

    fn follow(&self, shard: &Shard, data: &Path, state: State) -> Result<(), Failure> {
        let run = Run::from_state(state, data)?;
        let mut recorded = Recorded(Limits::of(&run.state));
        let mut run = run.under(self.candidate.rules.clone())?;
        let supposed = Limits::of(&run.state);
        let mut told = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            let durable = shard.durable();
            let behind = durable.saturating_sub(run.next_sequence().saturating_sub(1));
            if behind > BEHIND_MOST {
                let why = format!("it was {behind} records behind and could not catch up");
                self.end(shard, why);
                return Ok(());
            }
            let next = run.next_sequence();
            run = run.until(durable.min(next.saturating_add(1000)));
            let mut seen = self.seen();
            while let Some(step) = run.step()? {
                let differs = compare(&run, &step, (&mut recorded, &supposed), &mut seen.counter);
                seen.differ = seen.differ.saturating_add(u64::from(differs));
                seen.last = step.sequence;
            }
            seen.behind = durable.saturating_sub(seen.last);
            let is_time = told.elapsed() >= TELL;
            if is_time || behind == 0 {
                seen.effect = seen.counter.effect(&run.state);
            }
            drop(seen);
            if is_time {
                told = Instant::now();
                self.tell(shard);
            }
            if behind == 0 {
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn end(&self, shard: &Shard, why: String) {
        tracing::warn!(order = self.candidate.order, why, "a shadow was stopped");
        self.seen().stopped = Some(why);
        self.tell(shard);
    }

    fn tell(&self, shard: &Shard) {
        let view = self.view();
        let told = Told {
            order: view.order,
            decisions: view.effect.decisions,
            differ: view.differ,
            would_decline: view.effect.would_decline.count,
            would_approve: view.effect.would_approve.count,
            behind: view.behind,
            stopped: view.stopped,
        };
        shard.live().tell("shadow", &told);
    }
}
