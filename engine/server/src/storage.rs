//! Opening a data directory: lock, keys, newest good snapshot, the journal behind it.
//!
//! What it is: the way from files to a [`State`] that is exactly the one after the last durable
//! record, and to the journal that goes on from there. What it is not: the taking of snapshots
//! (`snapshots.rs`) and the serving of the state (`shard.rs`).

use crate::config::SecurityConfig;
use crate::erased;
use crate::register::{DeviceRegister, RegisterFaults};
use crate::security_module::{self, ModuleError};
use crate::snapshots::STATE_SECTION;
use authorization::{RecordError, Scratch, SnapshotError, State};
use journal::{Journal, JournalError, Options, Recovery, SnapshotReader};
use payment_types::Sequence;
use personal::{CustomerKeys, PersonalError};
use security::{KeyRefusal, SecurityModule, Settled};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// How to open a data directory.
#[derive(Debug, Clone)]
pub struct StorageOptions {
    /// Bytes of a journal segment.
    pub segment_bytes: u64,
    /// Which security module.
    pub security: SecurityConfig,
}

/// A data directory, opened for this process alone.
pub struct Opened {
    /// The state after the last durable record.
    pub state: State,
    /// Goes on after that record.
    pub journal: Box<dyn Journal>,
    /// The keys.
    pub security: Arc<dyn SecurityModule>,
    /// The keys of customers (PII-3).
    pub customer_keys: Arc<CustomerKeys>,
    /// Devices and PIN references for the edge.
    pub register: Arc<DeviceRegister>,
    /// The directory.
    pub path: PathBuf,
    /// The snapshot the state was built from; `None` if the journal was replayed from its start.
    pub snapshot: Option<Sequence>,
    /// How many records were replayed.
    pub replayed: u64,
    /// What an operator should know, in plain words.
    pub warnings: Vec<String>,
}

/// Why a data directory could not be opened.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The journal or a snapshot.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] ModuleError),
    /// A change of a key that was cut off.
    #[error("the key store: {0}")]
    KeyStore(KeyRefusal),
    /// The customers' keys.
    #[error(transparent)]
    Personal(#[from] PersonalError),
    /// The list of erased customers.
    #[error("the list of erased customers {}: {source}", .path.display())]
    Erased {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// A record or a snapshot section this program can't read.
    #[error("record {sequence} of the journal can't be read: {cause}")]
    Record {
        /// Which.
        sequence: u64,
        /// Why.
        cause: RecordError,
    },
    /// The snapshot's content does not make a state.
    #[error("snapshot {} can't be read: {cause}", .path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: SnapshotError,
    },
    /// Replaying gave something else than was recorded: the program or the data is damaged.
    #[error(
        "replaying record {sequence} gave another outcome than the one recorded; \
         run `tamga verify` and use the program version that wrote it"
    )]
    Diverged {
        /// The first record that differs.
        sequence: u64,
    },
}

/// Opens the data directory at `path`, making it if it is not there, and recovers its state.
///
/// # Errors
/// [`StorageError`]; its text is the one line an operator gets.
pub fn open(path: &Path, options: &StorageOptions) -> Result<Opened, StorageError> {
    let journal = Options { segment_bytes: options.segment_bytes, ..Options::default() };
    let recovery = Recovery::open(path, journal)?;
    let fresh = recovery.next_sequence() == 1;
    let security = security_module::open(&options.security, path, fresh)?;
    let mut warnings = Vec::new();
    let (mut state, snapshot) = newest_state(path, &mut warnings)?;
    let from = snapshot.map_or(1, |Sequence(sequence)| sequence + 1);
    let mut scratch = Scratch::new();
    let replayed = recovery
        .replay(from, |sequence, bytes| replay_one(&mut state, &mut scratch, sequence, bytes))?;
    if let Some(torn) = recovery.torn_tail() {
        warnings.push(format!(
            "the last run ended in the middle of a write: {} bytes at offset {} of {} were cut; \
             nothing of them had been answered",
            torn.bytes,
            torn.offset,
            torn.path.display()
        ));
    }
    settle_keys(security.as_ref(), &state, &mut warnings)?;
    let customer_keys = customer_keys(path, &security, &state, &mut warnings)?;
    let register = Arc::new(DeviceRegister::new(Arc::clone(&security)));
    tell(register.refresh(&state), &mut warnings);
    let journal: Box<dyn Journal> = Box::new(recovery.finish()?);
    let path = path.to_path_buf();
    Ok(Opened {
        state,
        journal,
        security,
        customer_keys,
        register,
        path,
        snapshot,
        replayed,
        warnings,
    })
}

/// The customers' keys. An erasure that ended between its record and the destruction of the key is
/// finished here (PII-3).
/// A change of a key that a crash cut off between the journal and the key store.
fn settle_keys(
    security: &dyn SecurityModule,
    state: &State,
    warnings: &mut Vec<String>,
) -> Result<(), StorageError> {
    let Some(life) = security.key_life() else { return Ok(()) };
    match life.settle(state.last_key_store()).map_err(StorageError::KeyStore)? {
        Settled::Nothing => {}
        Settled::CarriedOut => warnings.push(
            "the last run ended between the journal and the key store: the change of a key that \
             was journaled is carried out now"
                .to_owned(),
        ),
        Settled::Dropped => warnings.push(
            "the last run ended before a change of a key was journaled: it never was".to_owned(),
        ),
    }
    Ok(())
}

fn customer_keys(
    path: &Path,
    security: &Arc<dyn SecurityModule>,
    state: &State,
    warnings: &mut Vec<String>,
) -> Result<Arc<CustomerKeys>, StorageError> {
    let customers = u32::try_from(state.directory().customers()).unwrap_or(u32::MAX);
    let keys = CustomerKeys::open(path, security, customers)?;
    let list = erased::path_of(path);
    let listed = erased::read(&list).map_err(|source| not_listed(&list, source))?;
    let also = erased::meant(&listed, state);
    for customer in state.erased_customers().chain(also) {
        if keys.make_sure_destroyed(customer)? {
            let id = state.directory().customer_id(customer);
            warnings.push(format!("customer {id} was erased: the key was still here, and is not"));
        }
    }
    erased::add(&list, &erased::of(state)).map_err(|source| not_listed(&list, source))?;
    Ok(Arc::new(keys))
}

fn not_listed(path: &Path, source: std::io::Error) -> StorageError {
    StorageError::Erased { path: path.to_path_buf(), source }
}

/// The state of the newest good snapshot, or an empty one.
pub(crate) fn newest_state(
    path: &Path,
    warnings: &mut Vec<String>,
) -> Result<(State, Option<Sequence>), StorageError> {
    let newest = SnapshotReader::newest_good(path)?;
    warnings.extend(newest.warnings.iter().map(|warning| {
        format!("snapshot {} was passed over: {}", warning.sequence, warning.error)
    }));
    let Some(reader) = newest.snapshot else { return Ok((State::new(), None)) };
    let sequence = Sequence(reader.sequence());
    Ok((state_in(reader)?, Some(sequence)))
}

fn state_in(mut reader: SnapshotReader) -> Result<State, StorageError> {
    let file = reader.path().to_path_buf();
    while let Some(section) = reader.next_section()? {
        if section == STATE_SECTION {
            return State::read_snapshot(&mut reader)
                .map_err(|cause| StorageError::Snapshot { path: file, cause });
        }
    }
    let cause = SnapshotError::Malformed("it has no section with the state".to_owned());
    Err(StorageError::Snapshot { path: file, cause })
}

/// The newest sound snapshot of a folder up to a record; none if there is none, or no folder.
pub(crate) fn newest_snapshot(folder: &Path, most: u64) -> Result<Option<u64>, StorageError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    for sequence in SnapshotReader::sequences_in(folder)?.into_iter().rev() {
        // One that is removed meanwhile is as one that is damaged: the one before does.
        if sequence <= most && SnapshotReader::open_in(folder, sequence).is_ok() {
            return Ok(Some(sequence));
        }
    }
    Ok(None)
}

/// The state in a snapshot of a folder.
pub(crate) fn state_of_snapshot(folder: &Path, sequence: u64) -> Result<State, StorageError> {
    state_in(SnapshotReader::open_in(folder, sequence)?)
}

/// Carries out a record again and compares.
fn replay_one(
    state: &mut State,
    scratch: &mut Scratch,
    sequence: u64,
    bytes: &[u8],
) -> Result<(), StorageError> {
    let record = authorization::decode_record(bytes)
        .map_err(|cause| StorageError::Record { sequence, cause })?;
    let outcome = state.execute(Sequence(sequence), &record.accepted, scratch);
    if outcome == record.outcome { Ok(()) } else { Err(StorageError::Diverged { sequence }) }
}

fn tell(faults: RegisterFaults, warnings: &mut Vec<String>) {
    if faults.terminal_keys > 0 {
        warnings.push(format!(
            "{} devices have a PIN key this security module does not accept (a test key without \
             `test_keys = true`?); their PINs are answered with 63",
            faults.terminal_keys
        ));
    }
    if faults.pin_references > 0 {
        warnings.push(format!("{} cards have an unreadable PIN reference", faults.pin_references));
    }
}
