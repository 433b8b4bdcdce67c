//! Previews: one at a time, on a thread of its own, cancelled when nobody wants it, and kept with
//! the order until that is revised.

use super::past::Travel;
use super::preview::{Candidate, Preview, Summary, Window, preview};
use super::shadow::Shadows;
use super::step_back;
use crate::failure::Failure;
use crate::fault::alone;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Where results are kept in the data directory.
const FOLDER: &str = "previews";

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
            if let Err(fault) = alone(|| work(&data, &working, &window)) {
                working.end(JobState::Failed(fault.to_owned()));
            }
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

fn path(data: &Path, order: u64) -> PathBuf {
    data.join(FOLDER).join(format!("order-{order}.json"))
}

/// Keeps a result in the data directory, in the place of an earlier one.
fn keep(data: &Path, preview: &Preview) -> io::Result<()> {
    fs::create_dir_all(data.join(FOLDER))?;
    let path = path(data, preview.order);
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, serde_json::to_vec(preview)?)?;
    fs::rename(unfinished, &path)?;
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, serde_json::to_vec(&Summary::of(preview))?)?;
    fs::rename(unfinished, summary_path(data, preview.order))
}

fn summary_path(data: &Path, order: u64) -> PathBuf {
    data.join(FOLDER).join(format!("order-{order}-summary.json"))
}

/// The figures alone of what is kept of an order, of whichever revision.
pub(crate) fn kept_summary(data: &Path, order: u64) -> Option<Summary> {
    serde_json::from_slice(&fs::read(summary_path(data, order)).ok()?).ok()
}

/// The result that is kept of an order, of whichever revision.
pub(crate) fn kept(data: &Path, order: u64) -> Option<Preview> {
    serde_json::from_slice(&fs::read(path(data, order)).ok()?).ok()
}
