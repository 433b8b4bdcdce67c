//! A disk in memory that fails where a test says and forgets what was not flushed.
//!
//! It keeps two pictures: what the running system sees (the page cache) and what would survive
//! a power cut. A write reaches only the first. A flush moves it to the second. A power cut keeps
//! of the unflushed writes any subset of 512-byte sectors, and of the unflushed changes of names
//! a beginning. A flush that *fails* drops some sectors silently while the running system goes on
//! seeing them and takes them for written, as Linux does.

use crate::{SegmentFile, Storage};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SECTOR_BYTES: usize = 512;

/// What the next operations run into. Counts are of operations that still succeed.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// After this many writes every write fails with `error`.
    pub writes: Option<u64>,
    /// After this many flushes (of files or names) every flush fails with `error`.
    pub flushes: Option<u64>,
    /// After this many changes of names every change fails with `error`.
    pub renames: Option<u64>,
    /// At most this many bytes are taken by one write.
    pub short_writes: Option<usize>,
    /// The kind of error; `Other` unless told.
    pub error: Option<io::ErrorKind>,
}

/// The disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<FileState>,
    /// Name to index in `files`, as the running system sees it.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    unflushed_names: Vec<NameChange>,
    faults: Faults,
    random: u64,
    /// Counts power cuts: handles from before one are dead.
    era: u64,
}

#[derive(Debug, Default, Clone)]
struct FileState {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Unflushed writes by sector, oldest first: the sector's bytes as they were then.
    unflushed: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, file) => drop(names.insert(name, file)),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(&from) {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => drop(names.remove(&name)),
        }
    }
}

impl FileState {
    /// Moves unflushed sectors to the durable picture, each if `keep` says so.
    fn settle(&mut self, mut keep: impl FnMut() -> bool) {
        for (sector, bytes) in std::mem::take(&mut self.unflushed) {
            if keep() {
                let start = sector * SECTOR_BYTES;
                let end = start + bytes.len();
                if self.durable.len() < end {
                    self.durable.resize(end, 0);
                }
                self.durable[start..end].copy_from_slice(&bytes);
            }
        }
    }

    fn write(&mut self, bytes: &[u8], at: usize) {
        let end = at + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[at..end].copy_from_slice(bytes);
        for sector in at / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let start = sector * SECTOR_BYTES;
            let sector_end = (start + SECTOR_BYTES).min(self.seen.len());
            self.unflushed.push((sector, self.seen[start..sector_end].to_vec()));
        }
    }
}

impl State {
    /// A small generator (xorshift64*): the disk's choices must follow from its seed alone.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn error(&self) -> io::Error {
        self.faults.error.unwrap_or(io::ErrorKind::Other).into()
    }

    fn file(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.unflushed_names.push(change);
    }
}

/// Takes one from a count of operations that still succeed.
fn spend(left: &mut Option<u64>) -> bool {
    match left {
        Some(0) => false,
        Some(n) => {
            *n -= 1;
            true
        }
        None => true,
    }
}

impl SimulatedDisk {
    /// An empty disk whose choices follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // The generator needs a state that is not zero.
        let state = State { random: seed ^ 0x9e37_79b9_7f4a_7c15 | 1, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// From now on these faults.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Cuts the power: what was not flushed survives in part. Open files are dead afterwards, and
    /// the faults are gone.
    pub fn cut_power(&self) {
        let mut state = self.lock();
        let mut random = state.random;
        for index in 0..state.files.len() {
            // One of: nothing more got out, everything did, each sector by itself.
            let mode = state.random() % 4;
            random ^= state.random();
            let file = &mut state.files[index];
            let mut coin = random | 1;
            file.settle(|| {
                coin ^= coin << 13;
                coin ^= coin >> 7;
                coin ^= coin << 17;
                mode == 1 || mode > 1 && coin & 1 == 1
            });
            file.seen = file.durable.clone();
        }
        let changes = std::mem::take(&mut state.unflushed_names);
        let survive = state.random() % (changes.len() as u64 + 1);
        for (change, _) in changes.into_iter().zip(0..survive) {
            change.apply(&mut state.durable_names);
        }
        state.names = state.durable_names.clone();
        state.faults = Faults::default();
        state.era += 1;
    }

    /// Ends the process but not the system: unflushed writes stay visible. Faults are gone.
    pub fn kill_process(&self) {
        let mut state = self.lock();
        state.faults = Faults::default();
        state.era += 1;
    }

    /// The bytes of a file as the running system sees them.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        state.names.get(name).map(|&file| state.files[file].seen.clone())
    }

    /// Changes a file's bytes behind the journal's back, durably: bit rot.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if let Some(&file) = state.names.get(name) {
            let file = &mut state.files[file];
            change(&mut file.seen);
            file.durable = file.seen.clone();
            file.unflushed.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, state: &State, file: usize) -> Box<dyn SegmentFile> {
        Box::new(Handle { disk: self.clone(), file, era: state.era })
    }
}

impl Storage for SimulatedDisk {
    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let mut state = self.lock();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !spend(&mut state.faults.renames) {
            return Err(state.error());
        }
        let file = state.files.len();
        state.files.push(FileState::default());
        state.change(NameChange::Create(name.into(), file));
        Ok(self.handle(&state, file))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        let state = self.lock();
        Ok(self.handle(&state, state.file(name)?))
    }

    fn open_write(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.file(from)?;
        if !spend(&mut state.faults.renames) {
            return Err(state.error());
        }
        state.change(NameChange::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.file(name)?;
        state.change(NameChange::Remove(name.into()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.lock();
        if !spend(&mut state.faults.flushes) {
            return Err(state.error());
        }
        for change in std::mem::take(&mut state.unflushed_names) {
            change.apply(&mut state.durable_names);
        }
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/simulated").join(name)
    }
}

struct Handle {
    disk: SimulatedDisk,
    file: usize,
    era: u64,
}

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.era == self.era { Ok(state) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }
}

impl SegmentFile for Handle {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        if !spend(&mut state.faults.writes) {
            return Err(state.error());
        }
        let length = state.faults.short_writes.unwrap_or(usize::MAX).min(bytes.len());
        state.files[self.file].write(&bytes[..length], crate::to_usize(offset));
        Ok(length)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let rest = state.files[self.file].seen.get(crate::to_usize(offset)..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn sync_all(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let fails = !spend(&mut state.faults.flushes);
        let mut coin = if fails { state.random() | 1 } else { 0 };
        state.files[self.file].settle(|| {
            coin ^= coin << 13;
            coin ^= coin >> 7;
            coin ^= coin << 17;
            !fails || coin & 1 == 1
        });
        if fails { Err(state.error()) } else { Ok(()) }
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state()?.files[self.file].seen.len() as u64)
    }
}
