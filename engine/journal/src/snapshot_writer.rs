//! Writing a snapshot of the state: sections of bytes, streamed.

use crate::snapshot::{self, CHUNK_BYTES, FrameKind, KEPT, SnapshotInfo};
use crate::storage::{remove_leftover, write_all};
use crate::{Disk, JournalError, SNAPSHOT_DIRECTORY, SegmentFile, Storage};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Flush this often, so that the snapshot never gives the disk a queue that commits wait behind.
const FLUSH_BYTES: u64 = 4 << 20;
const NAME_BYTES_MAX: usize = 255;

/// Writes one snapshot. It has its name only once it is whole and on stable storage; dropped
/// before [`SnapshotWriter::finish`] it leaves nothing.
///
/// Bytes go into the section begun last; it is also an [`io::Write`] for serializers.
pub struct SnapshotWriter {
    storage: Arc<dyn Storage>,
    file: Option<Box<dyn SegmentFile>>,
    sequence: u64,
    offset: u64,
    flushed: u64,
    chain: u32,
    chunk: Vec<u8>,
    sections: u64,
    data_bytes: u64,
}

impl SnapshotWriter {
    /// Begins a snapshot of the state after record `sequence`, in the data directory `dir`. That
    /// record must be durable: recovery refuses a journal that ends before its snapshot.
    ///
    /// # Errors
    /// What the system refused, a full disk for instance.
    pub fn create(dir: &Path, sequence: u64) -> Result<Self, JournalError> {
        Self::create_on(Arc::new(Disk::at(&dir.join(SNAPSHOT_DIRECTORY))), sequence)
    }

    /// As [`SnapshotWriter::create`] on any storage.
    ///
    /// # Errors
    /// What the storage refused.
    pub fn create_on(storage: Arc<dyn Storage>, sequence: u64) -> Result<Self, JournalError> {
        let names =
            storage.list().map_err(JournalError::io("list the directory", &storage.path("")))?;
        for name in names.iter().filter(|name| snapshot::is_unfinished(name)) {
            remove_leftover(storage.as_ref(), name)?;
        }
        let name = snapshot::unfinished_name(sequence);
        let file = storage
            .create(&name)
            .map_err(JournalError::io("make the snapshot", &storage.path(&name)))?;
        let header = snapshot::file_header(sequence);
        let mut writer = Self {
            storage,
            file: Some(file),
            sequence,
            offset: 0,
            flushed: 0,
            chain: snapshot::chain_start(&header),
            chunk: Vec::with_capacity(CHUNK_BYTES),
            sections: 0,
            data_bytes: 0,
        };
        writer.put(&header)?;
        Ok(writer)
    }

    /// Begins a section. Names are 1 to 255 bytes; what they mean is the caller's.
    ///
    /// # Errors
    /// [`JournalError::NoSection`] for a name of another length, or what the system refused.
    pub fn section(&mut self, name: &str) -> Result<(), JournalError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(JournalError::NoSection);
        }
        self.put_chunk()?;
        self.sections += 1;
        self.frame(FrameKind::Section, name.as_bytes())
    }

    /// Adds bytes to the section.
    ///
    /// # Errors
    /// [`JournalError::NoSection`] if none was begun, or what the system refused.
    pub fn append(&mut self, mut bytes: &[u8]) -> Result<(), JournalError> {
        if self.sections == 0 {
            return Err(JournalError::NoSection);
        }
        while !bytes.is_empty() {
            let room = (CHUNK_BYTES - self.chunk.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.chunk.extend_from_slice(now);
            bytes = later;
            if self.chunk.len() == CHUNK_BYTES {
                self.put_chunk()?;
            }
        }
        Ok(())
    }

    /// Completes the snapshot, puts it on stable storage under its name, and removes all but the
    /// newest two.
    ///
    /// # Errors
    /// What the system refused; the older snapshots are untouched then.
    pub fn finish(mut self) -> Result<SnapshotInfo, JournalError> {
        self.put_chunk()?;
        let totals = snapshot::totals(self.sequence, self.sections, self.data_bytes);
        self.frame(FrameKind::End, &totals)?;
        let unfinished = snapshot::unfinished_name(self.sequence);
        let name = snapshot::name(self.sequence);
        let path = self.storage.path(&name);
        if let Some(file) = &self.file {
            file.sync_all().map_err(JournalError::io("flush the snapshot", &path))?;
        }
        self.storage
            .rename(&unfinished, &name)
            .and_then(|()| self.storage.sync_directory())
            .map_err(JournalError::io("name the snapshot", &path))?;
        self.file = None;
        let sequences = snapshot::list(self.storage.as_ref())?;
        let surplus = sequences.len().saturating_sub(KEPT);
        for old in sequences.iter().take(surplus) {
            remove_leftover(self.storage.as_ref(), &snapshot::name(*old))?;
        }
        Ok(SnapshotInfo { path, sequence: self.sequence, bytes: self.offset })
    }

    fn put_chunk(&mut self) -> Result<(), JournalError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        self.data_bytes += chunk.len() as u64;
        let result = self.frame(FrameKind::Data, &chunk);
        chunk.clear();
        self.chunk = chunk;
        result
    }

    fn frame(&mut self, kind: FrameKind, payload: &[u8]) -> Result<(), JournalError> {
        let (header, checksum) = snapshot::frame_header(kind, payload, self.chain);
        self.chain = checksum;
        self.put(&header)?;
        self.put(payload)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let Some(file) = &self.file else { return Ok(()) };
        let path = || self.storage.path(&snapshot::unfinished_name(self.sequence));
        write_all(file.as_ref(), bytes, self.offset)
            .map_err(JournalError::io("write the snapshot", &path()))?;
        self.offset += bytes.len() as u64;
        if self.offset - self.flushed >= FLUSH_BYTES {
            file.sync_data().map_err(JournalError::io("flush the snapshot", &path()))?;
            self.flushed = self.offset;
        }
        Ok(())
    }
}

impl Write for SnapshotWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    /// Does nothing: only [`SnapshotWriter::finish`] makes a snapshot durable.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // If this fails, the next snapshot removes the leftover.
            drop(self.storage.remove(&snapshot::unfinished_name(self.sequence)));
        }
    }
}
