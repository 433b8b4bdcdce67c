//! What is not: states that were, and what rules that are not in force would do over the last days
//! of the journal (a preview), to one transaction, and beside the live engine (a shadow).
//!
//! What it is: replays on threads of their own. The journal and the shard are only read. What it is
//! not: a second engine that answers anybody, or a place for rules: the core decides here as it
//! does there.

mod compare;
mod count;
mod desk;
mod past;
mod preview;
mod shadow;
#[cfg(test)]
mod tests;

pub(crate) use compare::{Limits, Side, TraceStep, side};
pub(crate) use count::{Affected, Effect, Sum};
pub(crate) use desk::{Desk, Job, JobState, kept, kept_summary};
pub(crate) use past::{Travel, travel};
pub(crate) use preview::{Candidate, Preview, Summary, Window, preview};
pub(crate) use shadow::{NoShadow, ShadowView};

/// A thread that has time: everything of the engine goes first.
pub(crate) fn step_back() {
    let thread = rustix::thread::gettid();
    // Where the system does not let us, it runs as the others do.
    let _refused = rustix::process::setpriority_process(Some(thread), 10);
}
