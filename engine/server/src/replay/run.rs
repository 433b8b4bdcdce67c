//! Walking the journal with the state in step.

use super::must_exist;
use crate::failure::Failure;
use crate::storage;
use authorization::{Command, Done, Outcome, Record, Scratch, State};
use journal::{JournalError, Reader};
use payment_types::Sequence;
use std::path::Path;

/// The state after the records read so far, and the way to the next one.
pub(crate) struct Run {
    /// The state.
    pub(crate) state: State,
    reader: Reader,
    scratch: Scratch,
    /// Takes the place of every recorded rule set.
    rules: Option<String>,
    /// The last record that is read.
    last: u64,
}

/// A record and what came of it this time.
pub(crate) struct Step {
    pub(crate) sequence: u64,
    pub(crate) record: Record,
    pub(crate) outcome: Outcome,
    /// The text of a rule set that was recorded here, whatever took its place.
    pub(crate) installed: Option<String>,
}

impl Run {
    /// From the first record, or from the newest good snapshot.
    pub(crate) fn open(data: &Path, from_snapshot: bool) -> Result<Self, Failure> {
        must_exist(data)?;
        let (state, from) = if from_snapshot {
            let (state, snapshot) = storage::newest_state(data, &mut Vec::new())?;
            let Some(Sequence(sequence)) = snapshot else {
                let path = data.display();
                return Err(Failure::data(format!("there is no good snapshot in {path}")));
            };
            (state, sequence.saturating_add(1))
        } else {
            (State::new(), 1)
        };
        let reader = Reader::open(data, from).map_err(|error| match error {
            JournalError::Archived { .. } if !from_snapshot => {
                let mut failure = Failure::from(error);
                failure.lines.push("older records were archived: use --from-snapshot".to_owned());
                failure
            }
            other => other.into(),
        })?;
        Ok(Self { state, reader, scratch: Scratch::new(), rules: None, last: u64::MAX })
    }

    /// From a state that was, on from its last record.
    pub(crate) fn from_state(state: State, data: &Path) -> Result<Self, Failure> {
        let reader = Reader::open(data, state.last_sequence().0.saturating_add(1))?;
        Ok(Self { state, reader, scratch: Scratch::new(), rules: None, last: u64::MAX })
    }

    /// Up to a record and no further.
    pub(crate) fn until(mut self, last: u64) -> Self {
        self.last = last;
        self
    }

    /// Under another rule set: now, and wherever one was installed.
    pub(crate) fn under(mut self, text: String) -> Result<Self, Failure> {
        if self.state.has_rules() {
            self.suppose(&text)?;
        }
        self.rules = Some(text);
        Ok(self)
    }

    fn suppose(&mut self, text: &str) -> Result<(), Failure> {
        let fits = self.state.suppose_rules(text);
        let unfit = |errors: Vec<String>| {
            Failure::usage(format!("the rule set does not fit: {}", errors.join("; ")))
        };
        fits.map_err(unfit)
    }

    /// The sequence of the next record.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.reader.position()
    }

    /// The next record, carried out; `None` at the end of the journal.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Failure> {
        self.step_while(|_| true)
    }

    /// As [`Run::step`]; `None` also before the first record that is not wanted any more, which
    /// ends the run.
    pub(crate) fn step_while(
        &mut self,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Option<Step>, Failure> {
        let Some((sequence, bytes)) = self.reader.next(self.last)? else { return Ok(None) };
        let mut record = authorization::decode_record(bytes)
            .map_err(|error| Failure::record(sequence, error))?;
        if !wanted(&record) {
            self.last = 0;
            return Ok(None);
        }
        let installed = installed(&record);
        if let (Command::InstallRules { text }, Some(rules)) =
            (&mut record.accepted.command, &self.rules)
        {
            text.clone_from(rules);
        }
        let outcome = self.state.execute(Sequence(sequence), &record.accepted, &mut self.scratch);
        if !matches!(record.accepted.command, Command::Authorize(_)) {
            self.keep_rules()?;
        }
        Ok(Some(Step { sequence, record, outcome, installed }))
    }

    /// Whatever else put rules in force, these stay.
    fn keep_rules(&mut self) -> Result<(), Failure> {
        let Some(rules) = self.rules.take() else { return Ok(()) };
        if self.state.has_rules() && self.state.rules_text() != rules {
            self.suppose(&rules)?;
        }
        self.rules = Some(rules);
        Ok(())
    }
}

/// The rule set that was in force from a record on, where it put one there.
fn installed(record: &Record) -> Option<String> {
    match (&record.accepted.command, &record.outcome) {
        (Command::InstallRules { text }, Outcome::Done(_)) => Some(text.clone()),
        (_, Outcome::Done(Done::Order(done))) => {
            done.rules.as_ref().map(|rules| rules.text.clone())
        }
        _ => None,
    }
}
