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
    /// Added to every sequence, so that a command can be slipped in before the first.
    shift: u64,
    /// Takes the place of every recorded rule set.
    rules: Option<String>,
}

/// A record and what came of it this time.
pub(crate) struct Step {
    pub(crate) sequence: u64,
    pub(crate) record: Record,
    pub(crate) outcome: Outcome,
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
        Ok(Self { state, reader, scratch: Scratch::new(), shift: 0, rules: None })
    }

    /// Under another rule set: now, and wherever one was installed.
    pub(crate) fn under(mut self, text: String) -> Result<Self, Failure> {
        if self.state.has_rules() {
            self.shift = 1;
            let next = Sequence(self.next_sequence());
            let accepted = authorization::Accepted {
                moment: self.state.last_moment(),
                idempotency: None,
                command: Command::InstallRules { text: text.clone() },
            };
            if let Outcome::Refused(refusal) =
                self.state.execute(next, &accepted, &mut self.scratch)
            {
                return Err(Failure::usage(format!("the rule set does not fit: {refusal:?}")));
            }
        }
        self.rules = Some(text);
        Ok(self)
    }

    /// The sequence of the next record.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.reader.position()
    }

    /// An order that changed the rule set did so over the one that stands in for it here.
    fn put_back(&mut self, outcome: &Outcome) {
        let changed = matches!(outcome, Outcome::Done(Done::Order(done)) if done.rules.is_some());
        let Some(text) = self.rules.clone().filter(|_| changed) else { return };
        self.shift = self.shift.saturating_add(1);
        let accepted = authorization::Accepted {
            moment: self.state.last_moment(),
            idempotency: None,
            command: Command::InstallRules { text },
        };
        let next = Sequence(self.state.last_sequence().0.saturating_add(1));
        // It was taken before, by the same names.
        let _taken = self.state.execute(next, &accepted, &mut self.scratch);
    }

    /// The next record, carried out; `None` at the end of the journal.
    pub(crate) fn step(&mut self) -> Result<Option<Step>, Failure> {
        let Some((sequence, bytes)) = self.reader.next(u64::MAX)? else { return Ok(None) };
        let mut record = authorization::decode_record(bytes)
            .map_err(|error| Failure::record(sequence, error))?;
        if let (Some(rules), Command::InstallRules { text }) =
            (&self.rules, &mut record.accepted.command)
        {
            text.clone_from(rules);
        }
        let at = Sequence(sequence.saturating_add(self.shift));
        let outcome = self.state.execute(at, &record.accepted, &mut self.scratch);
        self.put_back(&outcome);
        Ok(Some(Step { sequence, record, outcome }))
    }
}
