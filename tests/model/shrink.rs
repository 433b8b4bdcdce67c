//! Makes a failing history short: leaves out as many steps as it can (delta debugging). Times and
//! ids are absolute, so what is left means the same.

use crate::run::{Failure, Tally, run};
use crate::step::{Action, Step};
use std::time::{Duration, Instant};

/// A long history that takes longer is kept as short as it is by then.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn shrink(mut steps: Vec<Step>, mut failure: Failure) -> (Vec<Step>, Failure) {
    // A panic of the engine is expected now, many times over.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    steps.truncate(failure.at + 1);
    // Days end in order, so a history without some of their ends is another one: those go last.
    for with_days in [false, true] {
        let mut chunk = (steps.len() / 2).max(1);
        loop {
            let is_shorter = pass(&mut steps, &mut failure, (chunk, with_days), started);
            match (chunk, is_shorter) {
                _ if started.elapsed() > PATIENCE => break,
                (1, false) => break,
                (1, true) => {}
                _ => chunk = (chunk / 2).max(1),
            }
        }
    }
    std::panic::set_hook(hook);
    (steps, failure)
}

/// Leaves out so many steps after the other wherever it still fails; whether it did anywhere.
fn pass(
    steps: &mut Vec<Step>,
    failure: &mut Failure,
    (chunk, with_days): (usize, bool),
    started: Instant,
) -> bool {
    let (mut from, mut is_shorter) = (0, false);
    while from < steps.len() && started.elapsed() < PATIENCE {
        let end = (from + chunk).min(steps.len());
        let stays = |step: &&Step| !with_days && matches!(step.action, Action::EndDay { .. });
        let middle = steps[from..end].iter().filter(stays);
        let kept = middle.clone().count();
        let fewer: Vec<Step> =
            steps[..from].iter().chain(middle).chain(&steps[end..]).copied().collect();
        let result = if fewer.len() < steps.len() { run(&fewer) } else { Ok(Tally::new()) };
        match result {
            Err(found) => {
                *steps = fewer;
                steps.truncate(found.at + 1);
                *failure = found;
                is_shorter = true;
                from += kept;
            }
            Ok(_) => from = end,
        }
    }
    is_shorter
}
