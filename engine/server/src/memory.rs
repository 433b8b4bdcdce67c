//! Keeps what is in this process's memory out of files: no core dumps, no reading by others.
//!
//! Keys, and card numbers on their way to a digest, are in memory in clear. A core dump would put
//! them on a disk, so the kernel is told to make none, whatever `ulimit -c` says; a process that is
//! not dumpable can't be attached to by others of the same user either. Swap is the operator's
//! matter (deploy/docs/operations.md).

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Switches core dumps off for this process. What the system refuses is told on standard error:
/// the command goes on, since a machine without that switch is no reason not to verify a journal.
pub fn keep_private() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let done = setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    if let Err(error) = done {
        eprintln!("warning: core dumps could not be switched off: {error}");
    }
}
