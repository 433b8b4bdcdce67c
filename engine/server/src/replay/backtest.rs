//! The journal under another rule set: what would have been decided otherwise.

use super::{ReplayOptions, Replayed, Run, Step, TELL_EVERY};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::reason;
use crate::table::{Align, Table};
use authorization::{Command, Decided, Outcome, Request};
use limits::RuleSet;
use payment_types::{Currency, format_minor};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Instant;

/// Decisions that would change in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What was decided.
    pub was: &'static str,
    /// What would be.
    pub would_be: &'static str,
    /// The rule that makes the difference: the one that declines, now or then.
    pub reason: String,
    /// The currency of the messages.
    pub currency: Currency,
}

/// What would change.
#[derive(Debug, Clone, Default)]
pub struct Backtest {
    /// How many decisions were compared; answers to retransmissions are not counted.
    pub decisions: u64,
    /// How many messages and how much money (minor units) would change in which way.
    pub changes: BTreeMap<Change, (u64, u128)>,
}

impl Backtest {
    fn add(&mut self, request: &Request, was: &Decided, is: &Decided, limit: Option<&str>) {
        if was.decision.is_repeat {
            return;
        }
        self.decisions = self.decisions.saturating_add(1);
        let same = was.decision.result == is.decision.result
            && was.decision.amounts.approved == is.decision.amounts.approved;
        if same {
            return;
        }
        let declining = if is.decision.result.is_approval() { was } else { is };
        let change = Change {
            was: was.decision.result.name(),
            would_be: is.decision.result.name(),
            reason: reason::rule(declining, limit),
            currency: request.amount.currency(),
        };
        let (count, sum) = self.changes.entry(change).or_default();
        *count = count.saturating_add(1);
        *sum = sum.saturating_add(u128::from(request.amount.minor()));
    }
}

impl fmt::Display for Backtest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return writeln!(f, "none of {} decisions would change", self.decisions);
        }
        let mut table = Table::new(&[
            ("was", Align::Left),
            ("would be", Align::Left),
            ("by", Align::Left),
            ("messages", Align::Right),
            ("amount", Align::Right),
            ("", Align::Left),
        ]);
        let mut changed = 0u64;
        for (change, (count, sum)) in &self.changes {
            changed = changed.saturating_add(*count);
            let exponent = change.currency.exponent();
            let sum = i128::try_from(*sum).unwrap_or(i128::MAX);
            table.row(&[
                change.was,
                change.would_be,
                &change.reason,
                &count.to_string(),
                &format_minor(sum, exponent),
                &change.currency.to_string(),
            ]);
        }
        write!(f, "{table}")?;
        writeln!(f, "{changed} of {} decisions would change", self.decisions)
    }
}

/// Runs the journal under the rule set of a file.
pub(super) fn backtest(
    options: &ReplayOptions,
    rules: &Path,
    progress: &mut Progress,
) -> Result<Replayed, Failure> {
    let text =
        std::fs::read_to_string(rules).map_err(|error| Failure::file(rules, "read", &error))?;
    RuleSet::parse(&text, &rules.display().to_string()).map_err(|errors| Failure {
        code: 2,
        lines: errors.iter().map(ToString::to_string).collect(),
    })?;
    let started = Instant::now();
    let mut run = Run::open(&options.data, options.from_snapshot)?.under(text)?;
    let first = run.next_sequence();
    let (mut found, mut records) = (Backtest::default(), 0u64);
    progress.stage("replaying", 0);
    while let Some(Step { record, outcome, .. }) = run.step()? {
        records = records.saturating_add(1);
        if records.is_multiple_of(TELL_EVERY) {
            progress.at(records);
        }
        if let (Command::Authorize(request), Outcome::Decided(was), Outcome::Decided(is)) =
            (&record.accepted.command, &record.outcome, &outcome)
        {
            let limit = reason::limit_position(is).map(|at| run.state.plan().limit_id(at));
            found.add(request, was, is, limit);
        }
    }
    let took = started.elapsed();
    progress.finish();
    let (last, digest) = (run.next_sequence().saturating_sub(1), run.state.digest());
    Ok(Replayed { records, first, last, took, digest, backtest: Some(found) })
}
