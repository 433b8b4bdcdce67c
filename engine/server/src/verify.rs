//! `tamga verify`: that the data directory says one thing and not two.
//!
//! The journal is run again from its start (or from the oldest record that is here), and what it
//! gives is held against what was recorded, against the newest snapshot, and against sums made a
//! second time from the postings alone. Reads without a lock, so an engine may be running.

mod books;
mod compare;
mod keys;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::replay::{Run, Step, TELL_EVERY, difference};
use crate::storage;
use authorization::{Command, Decided, Outcome, RuleId, State, TraceEntry, Verdict};
use books::Books;
use history::{BookSums, History, HistoryError};
use journal::JournalError;
use keys::KeyBook;
use payment_types::Sequence;
use std::path::Path;
use std::time::Instant;

/// Everything that was found in order, a line each.
#[derive(Debug, Default)]
pub struct Verified {
    /// The lines.
    pub lines: Vec<String>,
}

impl Verified {
    fn add(&mut self, what: &str, finding: impl AsRef<str>) {
        self.lines.push(format!("{what:<10} {}", finding.as_ref()));
    }
}

/// Checks a data directory.
///
/// # Errors
/// Code 1 with the first difference; code 3 if the directory cannot be read or is damaged.
pub fn verify(data: &Path, progress: &mut Progress) -> Result<Verified, Failure> {
    let started = Instant::now();
    let mut verified = Verified::default();
    crate::replay::must_exist(data)?;
    let snapshot = snapshot(data)?;
    let mut run = open(data, &mut verified)?;
    let mut check = Check::of(&run.state, snapshot);
    check.read_model = read_model(data)?;
    check.keys = KeyBook::new(run.state.last_sequence().0 == 0);
    progress.stage("verifying", 0);
    check.meet_snapshot(&run.state)?;
    while let Some(step) = run.step()? {
        check.step(&step, &run.state)?;
        if check.records.is_multiple_of(TELL_EVERY) {
            progress.at(check.records);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let records = check.records;
    verified.add("journal", format!("{records} records, the chain of checksums is unbroken"));
    verified.add("replay", format!("every outcome is as recorded ({seconds:.1} s)"));
    if let Some(line) = check.keys.against_store(data).map_err(Failure::found)? {
        verified.add("keys", line);
    }
    check.finish(&run.state, &mut verified)?;
    progress.finish();
    verified.add(
        "digest",
        format!("{:016x} at record {}", run.state.digest(), run.state.last_sequence()),
    );
    Ok(verified)
}

/// The newest snapshot. One that is damaged is a difference: a start would pass it over.
fn snapshot(data: &Path) -> Result<Option<(State, Sequence)>, Failure> {
    let mut warnings = Vec::new();
    let (state, sequence) = storage::newest_state(data, &mut warnings)?;
    if !warnings.is_empty() {
        return Err(Failure { code: 1, lines: warnings });
    }
    Ok(sequence.map(|sequence| (state, sequence)))
}

fn open(data: &Path, verified: &mut Verified) -> Result<Run, Failure> {
    match journal::Reader::open(data, 1) {
        Err(JournalError::Archived { first, .. }) => {
            let line = format!("records before {first} were archived: begun at the snapshot");
            verified.add("journal", line);
            Run::open(data, true)
        }
        _ => Run::open(data, false),
    }
}

/// The sums of the read model, where there is one.
fn read_model(data: &Path) -> Result<Option<BookSums>, Failure> {
    let failed = |error: HistoryError| Failure::data(error.to_string());
    let history = History::as_it_is(data).map_err(failed)?;
    let sums = history.map(|history| history.book_sums()).transpose().map_err(failed)?;
    Ok(sums.filter(|sums| sums.position > 0))
}

/// What is checked while the journal goes by.
struct Check {
    records: u64,
    snapshot: Option<(State, Sequence)>,
    snapshot_met: bool,
    books: Books,
    read_model: Option<BookSums>,
    read_model_met: bool,
    keys: KeyBook,
}

impl Check {
    fn of(state: &State, snapshot: Option<(State, Sequence)>) -> Self {
        let (books, read_model) = (Books::of(state), None);
        let (keys, snapshot_met, read_model_met) = (KeyBook::default(), false, false);
        Self { records: 0, snapshot, snapshot_met, books, read_model, read_model_met, keys }
    }

    fn step(&mut self, step: &Step, state: &State) -> Result<(), Failure> {
        if step.outcome != step.record.outcome {
            return Err(Failure::found(difference(step)));
        }
        self.records = self.records.saturating_add(1);
        self.books.record(&step.record);
        self.keys.record(&step.record);
        if let Some(sums) = self.read_model.as_ref().filter(|s| s.position == step.sequence) {
            self.books.equal(sums, state).map_err(Failure::found)?;
            self.read_model_met = true;
        }
        if let (Command::Authorize(_), Outcome::Decided(decided)) =
            (&step.record.accepted.command, &step.record.outcome)
            && let Some(entry) = above_ceiling(decided)
        {
            return Err(Failure::found(format!(
                "record {} was approved above a ceiling: {} asked {}, used {}, ceiling {}",
                step.sequence,
                entry.rule.id(),
                entry.asked,
                entry.used,
                entry.ceiling
            )));
        }
        self.meet_snapshot(state)
    }

    /// I8: the snapshot is the replay's state at its sequence.
    fn meet_snapshot(&mut self, state: &State) -> Result<(), Failure> {
        match &self.snapshot {
            Some((snapshot, sequence)) if *sequence == state.last_sequence() => {
                if snapshot.digest() != state.digest() {
                    let what = compare::first_difference(snapshot, state);
                    let line = format!("snapshot {sequence} is not the replay's state: {what}");
                    return Err(Failure::found(line));
                }
                self.snapshot_met = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&self, state: &State, verified: &mut Verified) -> Result<(), Failure> {
        match &self.snapshot {
            None => verified.add("snapshot", "there is none"),
            Some((_, sequence)) if self.snapshot_met => {
                verified.add("snapshot", format!("{sequence}: the replay's state, counters too"));
            }
            Some((_, sequence)) => {
                let last = state.last_sequence();
                let line =
                    format!("snapshot {sequence} is ahead of the journal, which ends at {last}");
                return Err(Failure::found(line));
            }
        }
        state.ledger().verify().map_err(|fault| Failure::found(format!("ledger: {fault}")))?;
        self.books.agree(state).map_err(Failure::found)?;
        register(state, verified)?;
        let accounts = state.ledger().account_count();
        let line = format!("{accounts} accounts, balances are the sums of postings, in all zero");
        verified.add("ledger", line);
        self.tell_read_model(verified);
        verified.add("caps", "no approval above a cap or limit it was checked for");
        Ok(())
    }
}

impl Check {
    fn tell_read_model(&self, verified: &mut Verified) {
        let line = match &self.read_model {
            None => "there is none".to_owned(),
            Some(sums) if self.read_model_met => format!(
                "its postings are the ledger's at record {}, each day's debits its credits",
                sums.position
            ),
            Some(sums) => {
                format!("it stands at record {}, which is not in this journal", sums.position)
            }
        };
        verified.add("read model", line);
    }
}

/// SIG-3: the register of orders is the chain it was written as.
fn register(state: &State, verified: &mut Verified) -> Result<(), Failure> {
    let register = state.orders().register();
    register.verify().map_err(|(entry, what)| {
        Failure::found(format!("entry {entry} of the register of orders: {what}"))
    })?;
    if !register.is_empty() {
        let head = authorization::hex(&register.head());
        let line = format!("{} entries, the chain is unbroken, head {head}", register.len());
        verified.add("register", line);
    }
    Ok(())
}

/// I4: an approval that a cap or limit let pass although it does not fit under it.
fn above_ceiling(decided: &Decided) -> Option<&TraceEntry> {
    const CAPS: [RuleId; 5] =
        [RuleId::Ctl1, RuleId::Ctl2, RuleId::Agt1, RuleId::Agt2, RuleId::Lim1];
    let over = |entry: &&TraceEntry| {
        // An increment asks nothing of a count that facts may have filled (TOD-1, TXN-4).
        entry.verdict == Verdict::Pass
            && entry.asked > 0
            && CAPS.contains(&entry.rule)
            && entry.used.saturating_add(entry.asked) > entry.ceiling
    };
    decided.decision.result.is_approval().then(|| decided.trace.iter().find(over)).flatten()
}
