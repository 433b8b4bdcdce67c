//! What becomes of a fault of the program, a panic: the process ends, at once and whichever thread
//! it was, and the next start recovers from the journal. A shard whose invariant broke decides
//! nothing more that way, and no thread the engine needs is missed in silence.
//!
//! Only work that merely reads along beside the engine may fail [`alone`]: a preview, a shadow, a
//! look back. It shares nothing with the engine that it could leave half changed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

// Otherwise nothing could fail alone.
const _: () = assert!(cfg!(panic = "unwind"), "the profile must unwind; see fault.rs");

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// From now on a panic ends the process, after it was reported, except where it is [`alone`].
/// Programs call this first of all.
pub fn end_the_process() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if !ALONE.get() {
            std::process::abort();
        }
    }));
}

/// Runs what may fail without the engine, on a thread of its own.
///
/// # Errors
/// It panicked; that was reported.
pub(crate) fn alone<R>(work: impl FnOnce() -> R) -> Result<R, &'static str> {
    ALONE.set(true);
    // What it worked on goes away with it.
    let ended = catch_unwind(AssertUnwindSafe(work));
    ALONE.set(false);
    ended.map_err(|_| "it ended on a fault of the program; see the log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Output};

    const CHILD: &str = "TAMGA_TEST_FAULT";
    const GOES_ON: &str = "the process goes on";

    /// This test again, in a process of its own.
    fn child(which: &str) -> Output {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "fault::tests::a_panic_ends_the_process_unless_alone"]);
        child.arg("--nocapture").env(CHILD, which).env("RUST_BACKTRACE", "0").output().unwrap()
    }

    #[test]
    fn a_panic_ends_the_process_unless_alone() {
        match std::env::var(CHILD).as_deref() {
            Ok("alone") => {
                end_the_process();
                let fails = || alone(|| assert!(!ALONE.get(), "a preview's"));
                let joined = std::thread::spawn(fails).join().unwrap();
                assert!(joined.unwrap_err().contains("fault of the program"));
                assert_eq!(alone(|| 7), Ok(7));
                println!("{GOES_ON}");
            }
            Ok("needed") => {
                end_the_process();
                assert_eq!(alone(|| 7), Ok(7), "what it is alone for ends with it");
                let ended = std::thread::spawn(|| panic!("the shard's")).join();
                println!("{GOES_ON} {}", ended.is_err());
            }
            _ => {
                let (alone, needed) = (child("alone"), child("needed"));
                let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(alone.status.success() && said(&alone).contains(GOES_ON), "{alone:?}");
                assert!(!needed.status.success() && !said(&needed).contains(GOES_ON));
                assert_eq!(needed.status.code(), None, "by a signal: {:?}", needed.status);
                assert!(
                    String::from_utf8_lossy(&needed.stderr).contains("the shard's"),
                    "reported"
                );
            }
        }
    }
}
