//! A preview: the last days of the journal under candidate rules, beside what was recorded.

use super::compare::Limits;
use super::count::Sum;
use super::count::{Counter, Effect, Pair};
use super::past::{Travel, travel};
use crate::failure::Failure;
use crate::replay::{Run, Step};
use authorization::{Command, Outcome};
use limits::RuleSet;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;
use utoipa::ToSchema;

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

/// The figures of a preview, without whose they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) digest: String,
    pub(crate) days: u32,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) decisions: u64,
    pub(crate) would_decline: Sum,
    pub(crate) would_approve: Sum,
    pub(crate) would_differ: Sum,
    pub(crate) cards: u64,
    pub(crate) customers: u64,
    pub(crate) terminals: u64,
    pub(crate) agents: u64,
}

impl Summary {
    pub(crate) fn of(preview: &Preview) -> Self {
        let Preview { digest, days, from, to, effect, .. } = preview.clone();
        Self {
            digest,
            days,
            from,
            to,
            decisions: effect.decisions,
            would_decline: effect.would_decline,
            would_approve: effect.would_approve,
            would_differ: effect.would_differ,
            cards: effect.cards,
            customers: effect.customers,
            terminals: effect.terminals,
            agents: effect.agents,
        }
    }
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
