//! The file of all customers' keys, `customer-keys` in the data directory.
//!
//! A header of 512 bytes, then a slot of 128 bytes for each customer, in the order of the core's
//! directory. A slot never crosses a sector, so a write of one is whole or not there; and a key is
//! destroyed by writing over the one place it ever stood in: there is no log beside this file that
//! could keep a copy. (A disk that remaps sectors, and a file system that copies on write, may; a
//! copy is of a wrapped key, useless without the security module.)
//!
//! | header | bytes | | slot | bytes | |
//! | --- | --- | --- | --- | --- | --- |
//! | 0 | 8 | `TAMGAKEY` | 0 | 1 | 0 nothing, 1 a key, 2 destroyed |
//! | 8 | 2 | version, 1 | 1 | 1 | zero |
//! | 10 | 2 | length of the sealed master key | 2 | 2 | length of the wrapped key |
//! | 12 | 496 | the sealed master key, zeros | 4 | 120 | the wrapped key, zeros |
//! | 508 | 4 | checksum | 124 | 4 | checksum |
//!
//! Integers are little-endian, checksums CRC-32C over what stands before them.

use crate::key::context;
use crate::module::MasterKey;
use crate::{CustomerKey, PersonalError};
use security::SecurityModule;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file's name.
pub const FILE_NAME: &str = "customer-keys";
const UNFINISHED: &str = "customer-keys.new";
const MAGIC: &[u8; 8] = b"TAMGAKEY";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 512;
/// Bytes of a slot.
pub(crate) const SLOT_BYTES: usize = 128;
const MASTER_MAX: usize = 496;
const WRAPPED_MAX: usize = 120;

const NOTHING: u8 = 0;
const A_KEY: u8 = 1;
const DESTROYED: u8 = 2;

/// How a customer's key stands.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It is there.
    Held(CustomerKey),
    /// It was destroyed (PII-3).
    Destroyed,
    /// There never was one: a customer without sealed data.
    None,
}

/// The keys of all customers. Shared between threads; every method takes `&self`.
pub struct CustomerKeys {
    file: File,
    path: PathBuf,
    master: MasterKey,
}

impl CustomerKeys {
    /// Opens the keys of a data directory. They are made where there are none and there are no
    /// `customers` yet.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn open(
        dir: &Path,
        module: &Arc<dyn SecurityModule>,
        customers: u32,
    ) -> Result<Self, PersonalError> {
        let path = dir.join(FILE_NAME);
        if !path.exists() {
            if customers > 0 {
                return Err(PersonalError::Missing { path });
            }
            create(dir, module.as_ref())?;
        }
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|source| {
                PersonalError::Io { action: "open", path: path.clone(), source }
            })?;
        let sealed = read_header(&file, &path)?;
        let master = MasterKey::load(module, &sealed)?;
        let keys = Self { file, path, master };
        keys.forget_above(customers)?;
        Ok(keys)
    }

    /// The key of the customer at this position of the directory.
    ///
    /// # Errors
    /// [`PersonalError`].
    pub fn key(&self, position: u32, customer: &str) -> Result<Standing, PersonalError> {
        let mut slot = [0; SLOT_BYTES];
        match self.file.read_exact_at(&mut slot, place(position)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Standing::None);
            }
            read => read.map_err(self.io("read"))?,
        }
        match read_slot(&slot) {
            Some(Slot::Nothing) => Ok(Standing::None),
            Some(Slot::Destroyed) => Ok(Standing::Destroyed),
            Some(Slot::Key(wrapped)) => {
                let clear = self.master.unwrap(&key_context(customer), wrapped)?;
                let key = CustomerKey::from_bytes(&clear);
                key.map(Standing::Held).ok_or_else(|| self.damaged("a key has another length"))
            }
            None => Err(self.damaged("a slot's checksum is wrong")),
        }
    }

    /// Seals a secret that is no customer's, such as a user's password hash, under the master key
    /// itself. It opens as the same `kind` of the same `id` only.
    ///
    /// # Errors
    /// [`PersonalError::Module`].
    pub fn seal_secret(
        &self,
        kind: &str,
        id: &str,
        secret: &[u8],
    ) -> Result<Vec<u8>, PersonalError> {
        self.master.wrap(&context(kind, id), secret)
    }

    /// What [`Self::seal_secret`] sealed.
    ///
    /// # Errors
    /// [`PersonalError::Module`].
    pub fn open_secret(
        &self,
        kind: &str,
        id: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PersonalError> {
        self.master.unwrap(&context(kind, id), sealed)
    }

    /// Destroys a key: it is gone from the disk when this returns. Doing it again does no harm.
    ///
    /// # Errors
    /// [`PersonalError::Io`].
    pub fn destroy(&self, position: u32) -> Result<(), PersonalError> {
        let slot = slot(DESTROYED, &[]).ok_or_else(|| self.damaged("no room in a slot"))?;
        self.file.write_all_at(&slot, place(position)).map_err(self.io("write"))?;
        self.sync()
    }

    /// Destroys a key unless it has been destroyed; tells whether it was still there.
    ///
    /// # Errors
    /// [`PersonalError::Io`].
    pub fn make_sure_destroyed(&self, position: u32) -> Result<bool, PersonalError> {
        let mut bytes = [0; SLOT_BYTES];
        let read = self.file.read_exact_at(&mut bytes, place(position));
        if read.is_ok() && matches!(read_slot(&bytes), Some(Slot::Destroyed)) {
            return Ok(false);
        }
        self.destroy(position).map(|()| true)
    }

    /// A wrapped key as its slot holds it.
    pub(crate) fn wrapped(
        &self,
        customer: &str,
        key: &CustomerKey,
    ) -> Result<[u8; SLOT_BYTES], PersonalError> {
        let wrapped = self.master.wrap(&key_context(customer), key.bytes())?;
        slot(A_KEY, &wrapped).ok_or_else(|| self.damaged("a wrapped key is too long"))
    }

    pub(crate) fn write(&self, position: u32, slots: &[u8]) -> Result<(), PersonalError> {
        self.file.write_all_at(slots, place(position)).map_err(self.io("write"))
    }

    pub(crate) fn sync(&self) -> Result<(), PersonalError> {
        self.file.sync_data().map_err(self.io("flush"))
    }

    /// Keys of customers that never came to be (an import that ended early) go: what they sealed
    /// is in no state.
    pub(crate) fn forget_above(&self, customers: u32) -> Result<(), PersonalError> {
        let length = self.file.metadata().map_err(self.io("read"))?.len();
        if length > place(customers) {
            self.file.set_len(place(customers)).map_err(self.io("shorten"))?;
            self.sync()?;
        }
        Ok(())
    }

    fn io(&self, action: &'static str) -> impl FnOnce(io::Error) -> PersonalError {
        let path = self.path.clone();
        move |source| PersonalError::Io { action, path, source }
    }

    fn damaged(&self, what: &'static str) -> PersonalError {
        PersonalError::Damaged { path: self.path.clone(), what }
    }
}

/// Destroys keys in the file of a data directory that nobody has open, without the security module:
/// for a directory that is being restored.
///
/// # Errors
/// [`PersonalError::Io`].
pub fn destroy_in(dir: &Path, positions: &[u32]) -> Result<(), PersonalError> {
    let path = dir.join(FILE_NAME);
    let failed = |source| PersonalError::Io { action: "write", path: path.clone(), source };
    let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
    let what = "no room in a slot";
    let slot = slot(DESTROYED, &[]);
    let slot = slot.ok_or_else(|| PersonalError::Damaged { path: path.clone(), what })?;
    for position in positions {
        file.write_all_at(&slot, place(*position)).map_err(failed)?;
    }
    file.sync_data().map_err(failed)
}

enum Slot<'a> {
    Nothing,
    Key(&'a [u8]),
    Destroyed,
}

fn key_context(customer: &str) -> Vec<u8> {
    context("customer key", customer)
}

fn place(position: u32) -> u64 {
    HEADER_BYTES as u64 + u64::from(position) * SLOT_BYTES as u64
}

fn slot(standing: u8, wrapped: &[u8]) -> Option<[u8; SLOT_BYTES]> {
    let length = u16::try_from(wrapped.len()).ok().filter(|_| wrapped.len() <= WRAPPED_MAX)?;
    let mut bytes = [0; SLOT_BYTES];
    let (head, rest) = bytes.split_first_chunk_mut::<4>()?;
    let [low, high] = length.to_le_bytes();
    *head = [standing, 0, low, high];
    rest.get_mut(..wrapped.len())?.copy_from_slice(wrapped);
    finish(&mut bytes);
    Some(bytes)
}

fn read_slot(bytes: &[u8; SLOT_BYTES]) -> Option<Slot<'_>> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(Slot::Nothing);
    }
    if !is_whole(bytes) {
        return None;
    }
    let ([standing, _, low, high], rest) = bytes.split_first_chunk::<4>()?;
    match *standing {
        NOTHING => Some(Slot::Nothing),
        A_KEY => rest.get(..usize::from(u16::from_le_bytes([*low, *high]))).map(Slot::Key),
        DESTROYED => Some(Slot::Destroyed),
        _ => None,
    }
}

/// The last four bytes are the checksum of the others.
fn finish(bytes: &mut [u8]) {
    if let Some((body, sum)) = bytes.split_last_chunk_mut::<4>() {
        *sum = crc32c::crc32c(body).to_le_bytes();
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let parts = bytes.split_last_chunk::<4>();
    parts.is_some_and(|(body, sum)| crc32c::crc32c(body).to_le_bytes() == *sum)
}

/// Writes the file under another name first, so that it is whole or not there.
fn create(dir: &Path, module: &dyn SecurityModule) -> Result<(), PersonalError> {
    let (path, unfinished) = (dir.join(FILE_NAME), dir.join(UNFINISHED));
    let failed = |source| PersonalError::Io { action: "make", path: path.clone(), source };
    let sealed = MasterKey::create(module)?;
    let header = header(sealed.as_bytes()).ok_or_else(|| {
        let what = "the module's sealed master key is too long";
        PersonalError::Damaged { path: path.clone(), what }
    })?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished).map_err(failed)?;
    file.write_all(&header).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(&unfinished, &path).map_err(failed)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

fn header(sealed: &[u8]) -> Option<[u8; HEADER_BYTES]> {
    let length = u16::try_from(sealed.len()).ok().filter(|_| sealed.len() <= MASTER_MAX)?;
    let mut bytes = [0; HEADER_BYTES];
    let (magic, rest) = bytes.split_first_chunk_mut::<8>()?;
    *magic = *MAGIC;
    let (version, rest) = rest.split_first_chunk_mut::<2>()?;
    *version = VERSION.to_le_bytes();
    let (told, rest) = rest.split_first_chunk_mut::<2>()?;
    *told = length.to_le_bytes();
    rest.get_mut(..sealed.len())?.copy_from_slice(sealed);
    finish(&mut bytes);
    Some(bytes)
}

fn read_header(file: &File, path: &Path) -> Result<Vec<u8>, PersonalError> {
    let damaged = |what| PersonalError::Damaged { path: path.to_path_buf(), what };
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact_at(&mut bytes, 0).map_err(|_| damaged("the header is cut off"))?;
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| damaged("no header"))?;
    if magic != MAGIC {
        return Err(damaged("it does not begin with TAMGAKEY"));
    }
    if !is_whole(&bytes) {
        return Err(damaged("the header's checksum is wrong"));
    }
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(|| damaged("no header"))?;
    if u16::from_le_bytes(*version) != VERSION {
        return Err(damaged("it is of another version of tamga"));
    }
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(|| damaged("no header"))?;
    let sealed = rest.get(..usize::from(u16::from_le_bytes(*length)));
    sealed.map(<[u8]>::to_vec).ok_or_else(|| damaged("the master key's length is wrong"))
}
