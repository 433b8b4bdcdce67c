//! Commands carried out on a data directory while no engine runs on it.

use crate::clock::{Clock, ClockError};
use crate::config::Config;
use crate::failure::Failure;
use crate::storage::{self, Opened, StorageError, StorageOptions};
use authorization::{Accepted, Command, Outcome, Record, Scratch};
use journal::JournalError;
use payment_types::{Moment, Sequence, Timestamp};
use std::path::Path;

/// The shard's work without the shard: each command is journaled with its outcome.
pub struct Offline {
    /// The directory.
    pub opened: Opened,
    moment: Moment,
    scratch: Scratch,
}

impl Offline {
    /// Takes the directory's lock and recovers its state. `test_clock` is used in place of the
    /// system's time; never earlier than the last command.
    ///
    /// # Errors
    /// [`OfflineError::Locked`] while an engine runs on it, else what is wrong.
    pub fn open(
        config: &Config,
        data: &Path,
        test_clock: Option<Timestamp>,
    ) -> Result<Self, OfflineError> {
        let clock = clock(config, test_clock)?;
        let options = StorageOptions {
            segment_bytes: config.store.segment_mib.saturating_mul(1 << 20),
            security: config.security.clone(),
        };
        match storage::open(data, &options) {
            Ok(opened) => Ok(Self::on(opened, &clock)),
            Err(StorageError::Journal(error @ JournalError::Locked { .. })) => {
                Err(OfflineError::Locked(error.into()))
            }
            Err(error) => Err(OfflineError::Failed(error.into())),
        }
    }

    /// On a directory that is open already.
    #[must_use]
    pub fn on(opened: Opened, clock: &Clock) -> Self {
        let now = clock.now().at.max(opened.state.last_moment().at);
        Self { moment: clock.moment_at(now), opened, scratch: Scratch::new() }
    }

    /// When its commands are accepted.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// Carries a command out and appends it; durable after [`Self::commit`].
    ///
    /// # Errors
    /// If the journal cannot take it.
    pub fn execute(&mut self, command: Command) -> Result<Outcome, Failure> {
        let sequence = self.opened.journal.next_sequence();
        let accepted = Accepted { moment: self.moment, idempotency: None, command };
        let state = &mut self.opened.state;
        let outcome = state.execute(Sequence(sequence), &accepted, &mut self.scratch);
        let record = Record { accepted, outcome };
        let mut bytes = Vec::new();
        authorization::encode_record(&record, &mut bytes);
        self.opened.journal.append(&bytes)?;
        Ok(record.outcome)
    }

    /// Puts everything on stable storage.
    ///
    /// # Errors
    /// If that fails: what came of it shows the next start.
    pub fn commit(&mut self) -> Result<(), Failure> {
        self.opened.journal.commit().map(|_| ()).map_err(Failure::from)
    }

    /// Writes a snapshot, so that the next start is quick.
    ///
    /// # Errors
    /// If the disk refuses it; the journal has everything all the same.
    pub fn snapshot(&self) -> Result<(), Failure> {
        crate::snapshots::write(&self.opened.path, &self.opened.state)?;
        Ok(())
    }
}

/// Why a data directory could not be worked on.
#[derive(Debug)]
pub enum OfflineError {
    /// An engine, or another tool, has it.
    Locked(Failure),
    /// Anything else.
    Failed(Failure),
}

impl From<OfflineError> for Failure {
    fn from(error: OfflineError) -> Self {
        match error {
            OfflineError::Locked(failure) | OfflineError::Failed(failure) => failure,
        }
    }
}

impl From<ClockError> for OfflineError {
    fn from(error: ClockError) -> Self {
        Self::Failed(Failure::usage(error.to_string()))
    }
}

/// The clock a tool goes by.
///
/// # Errors
/// [`ClockError::UnknownZone`].
pub fn clock(config: &Config, test_clock: Option<Timestamp>) -> Result<Clock, ClockError> {
    match test_clock {
        None => Clock::system(&config.clock.zone),
        Some(start) => Clock::test(&config.clock.zone, start),
    }
}
