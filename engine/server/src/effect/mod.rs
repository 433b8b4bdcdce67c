//! What is not: states that were, and what rules that are not in force would do over the last days
//! of the journal (a preview), to one transaction, and beside the live engine (a shadow).
//!
//! What it is: replays on threads of their own. The journal and the shard are only read. What it is
//! not: a second engine that answers anybody, or a place for rules: the core decides here as it
//! does there.

#[cfg(test)]
mod compare;
#[cfg(test)]
mod count;
#[cfg(test)]
#[expect(dead_code, reason = "orders come next")]
mod desk;
mod past;
#[cfg(test)]
#[expect(dead_code, reason = "orders come next")]
mod shadow;
#[cfg(test)]
mod tests;

pub(crate) use past::{Travel, travel};

/// A thread that has time: everything of the engine goes first.
pub(crate) fn step_back() {
    let thread = rustix::thread::gettid();
    // Where the system does not let us, it runs as the others do.
    let _refused = rustix::process::setpriority_process(Some(thread), 10);
}
