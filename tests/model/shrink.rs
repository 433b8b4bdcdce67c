//! Makes a failing history short: leaves out as many steps as it can (delta debugging). Times and
//! ids are absolute, so what is left means the same.

use crate::run::{Failure, run};
use crate::step::Step;
use std::time::{Duration, Instant};

/// A long history that takes longer is kept as short as it is by then.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn shrink(mut steps: Vec<Step>, mut failure: Failure) -> (Vec<Step>, Failure) {
    // A panic of the engine is expected now, many times over.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    steps.truncate(failure.at + 1);
    let mut chunk = (steps.len() / 2).max(1);
    'outer: loop {
        let mut from = 0;
        let mut is_shorter = false;
        while from < steps.len() {
            if started.elapsed() > PATIENCE {
                break 'outer;
            }
            let end = (from + chunk).min(steps.len());
            let fewer: Vec<Step> = steps[..from].iter().chain(&steps[end..]).copied().collect();
            match run(&fewer) {
                Err(found) => {
                    steps = fewer;
                    steps.truncate(found.at + 1);
                    failure = found;
                    is_shorter = true;
                }
                Ok(_) => from = end,
            }
        }
        match (chunk, is_shorter) {
            (1, false) => break,
            (1, true) => {}
            _ => chunk = (chunk / 2).max(1),
        }
    }
    std::panic::set_hook(hook);
    (steps, failure)
}
