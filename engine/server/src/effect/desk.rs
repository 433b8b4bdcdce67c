//! Previews: one at a time, on a thread of its own, cancelled when nobody wants it, and kept with
//! the order until that is revised.

use super::compare::Limits;
use super::count::{Counter, Effect, Pair};
use super::past::{Travel, travel};
use super::shadow::Shadows;
use super::step_back;
use crate::failure::Failure;
use crate::replay::{Run, Step};
use authorization::{Command, Outcome};
use limits::RuleSet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use utoipa::ToSchema;

/// Where results are kept in the data directory.
const FOLDER: &str = "previews";

/// Rules that an order would put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The order's number.
    pub(crate) order: u64,
    /// Of what is signed, in hex: another revision has another one.
    pub(crate) digest: String,
    /// The whole rule set.
    pub(crate) rules: String,
}

/// Which part of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) days: u32,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The first record that is compared.
    pub(crate) first: u64,
    /// The last one.
    pub(crate) last: u64,
}

/// What an order would have done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Preview {
    pub(crate) order: u64,
    /// The digest of the order's revision; of another one this says nothing.
    pub(crate) digest: String,
    pub(crate) days: u32,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Records run, those before the window that lead up to it too.
    pub(crate) records: u64,
    pub(crate) took_ms: u64,
    /// Records a second.
    pub(crate) per_second: u64,
    pub(crate) effect: Effect,
}

/// A preview that runs, or did since the engine's start.
pub(crate) struct Job {
    pub(crate) candidate: Candidate,
    pub(crate) days: u32,
    /// How far it is.
    pub(crate) travel: Travel,
    state: Mutex<JobState>,
}

/// How it is.
#[derive(Debug, Clone)]
pub(crate) enum JobState {
    Running,
    Done,
    Cancelled,
    Failed(String),
}

impl Job {
    /// How it is.
    pub(crate) fn state(&self) -> JobState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, state: JobState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// All that is supposed, and not in force.
#[derive(Default)]
pub(crate) struct Desk {
    /// The last job of each order, and which one runs.
    jobs: Mutex<BTreeMap<u64, Arc<Job>>>,
    pub(crate) shadows: Shadows,
}

impl Desk {
    /// Starts a preview; `Err` with the order whose preview runs.
    ///
    /// # Errors
    /// One runs already.
    pub(crate) fn start(
        &self,
        data: &Path,
        candidate: Candidate,
        window: Window,
        done: impl FnOnce(&Job) + Send + 'static,
    ) -> Result<Arc<Job>, u64> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = |job: &&Arc<Job>| matches!(job.state(), JobState::Running);
        if let Some(running) = jobs.values().find(runs) {
            return Err(running.candidate.order);
        }
        let (order, days) = (candidate.order, window.days);
        let state = Mutex::new(JobState::Running);
        let job = Arc::new(Job { candidate, days, travel: Travel::default(), state });
        let (working, data) = (Arc::clone(&job), data.to_path_buf());
        let spawned = std::thread::Builder::new().name("preview".into()).spawn(move || {
            step_back();
            work(&data, &working, &window);
            done(&working);
        });
        if let Err(error) = spawned {
            job.end(JobState::Failed(error.to_string()));
        }
        jobs.insert(order, Arc::clone(&job));
        Ok(job)
    }

    /// The last job of an order since the engine's start.
    pub(crate) fn job(&self, order: u64) -> Option<Arc<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&order).cloned()
    }

    /// Cancels an order's preview; false if none runs.
    pub(crate) fn cancel(&self, order: u64) -> bool {
        let job = self.job(order).filter(|job| matches!(job.state(), JobState::Running));
        if let Some(job) = &job {
            job.travel.cancelled.store(true, Ordering::Relaxed);
        }
        job.is_some()
    }

    /// Ends all that runs: the engine is about to end.
    pub(crate) fn close(&self) {
        for job in self.jobs.lock().unwrap_or_else(PoisonError::into_inner).values() {
            job.travel.cancelled.store(true, Ordering::Relaxed);
        }
        self.shadows.close();
    }
}

fn work(data: &Path, job: &Job, window: &Window) {
    let ended = preview(data, &job.candidate, window, &job.travel).and_then(|preview| {
        keep(data, &preview).map_err(|error| Failure::found(format!("cannot be kept: {error}")))
    });
    job.end(match ended {
        Ok(()) => JobState::Done,
        Err(_) if job.travel.cancelled.load(Ordering::Relaxed) => JobState::Cancelled,
        Err(failure) => JobState::Failed(failure.lines.join("; ")),
    });
}

/// Runs the journal's window under the candidate rules, from the state that was, and compares with
/// what was recorded.
///
/// # Errors
/// Cancelled; the rules do not fit; or the window's beginning is not here any more.
pub(crate) fn preview(
    data: &Path,
    candidate: &Candidate,
    window: &Window,
    progress: &Travel,
) -> Result<Preview, Failure> {
    let started = Instant::now();
    progress.last.store(window.last, Ordering::Relaxed);
    let run = travel(data, window.first.saturating_sub(1), None, progress)?;
    let mut limits = Recorded(Limits::of(&run.state));
    let mut run = run.under(candidate.rules.clone())?.until(window.last);
    let supposed = Limits::of(&run.state);
    let mut counter = Counter::default();
    while let Some(step) = run.step()? {
        progress.tick(step.sequence)?;
        compare(&run, &step, (&mut limits, &supposed), &mut counter);
    }
    let first = progress.first.load(Ordering::Relaxed);
    let records = run.next_sequence().saturating_sub(first);
    let took = started.elapsed().as_millis().max(1);
    let per_second = u64::try_from(u128::from(records) * 1000 / took).unwrap_or(u64::MAX);
    Ok(Preview {
        order: candidate.order,
        digest: candidate.digest.clone(),
        days: window.days,
        from: window.from.clone(),
        to: window.to.clone(),
        first: window.first,
        last: window.last,
        records,
        took_ms: u64::try_from(took).unwrap_or(u64::MAX),
        per_second,
        effect: counter.effect(&run.state),
    })
}

/// The limits that recorded traces refer to.
pub(crate) struct Recorded(pub(crate) Limits);

/// Counts a step; what it was, if it is a decision that differs.
pub(crate) fn compare(
    run: &Run,
    step: &Step,
    (recorded, supposed): (&mut Recorded, &Limits),
    counter: &mut Counter,
) -> bool {
    if let Some(set) = step.installed.as_ref().and_then(|text| RuleSet::parse(text, "").ok()) {
        recorded.0 = Limits::of_set(&set);
    }
    let (Command::Authorize(request), Outcome::Decided(was), Outcome::Decided(is)) =
        (&step.record.accepted.command, &step.record.outcome, &step.outcome)
    else {
        return false;
    };
    let moment = step.record.accepted.moment;
    let limits = (&recorded.0, supposed);
    let pair = Pair { sequence: step.sequence, moment, request, was, is, limits };
    counter.add(&run.state, &pair)
}

fn path(data: &Path, order: u64) -> PathBuf {
    data.join(FOLDER).join(format!("order-{order}.json"))
}

/// Keeps a result in the data directory, in the place of an earlier one.
fn keep(data: &Path, preview: &Preview) -> io::Result<()> {
    fs::create_dir_all(data.join(FOLDER))?;
    let path = path(data, preview.order);
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, serde_json::to_vec(preview)?)?;
    fs::rename(unfinished, path)
}

/// The result that is kept of an order, of whichever revision.
pub(crate) fn kept(data: &Path, order: u64) -> Option<Preview> {
    serde_json::from_slice(&fs::read(path(data, order)).ok()?).ok()
}
