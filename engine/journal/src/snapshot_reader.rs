//! Finding the newest sound snapshot and reading its sections.

use crate::snapshot::{
    self, FILE_HEADER_BYTES, FRAME_HEADER_BYTES, FrameKind, SNAPSHOT_VERSION, SnapshotWarning,
};
use crate::storage::read_full;
use crate::{Disk, JournalError, SNAPSHOT_DIRECTORY, SegmentFile, Storage};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What [`SnapshotReader::newest_good`] found.
pub struct NewestSnapshot {
    /// The newest sound snapshot; none if there is none, then recovery replays from record 1.
    pub snapshot: Option<SnapshotReader>,
    /// The newer ones that were passed over.
    pub warnings: Vec<SnapshotWarning>,
}

/// Reads one snapshot, section by section. It was checked from end to end when it was opened.
///
/// Bytes come from the section entered last; it is also an [`io::Read`] for deserializers, which
/// ends with the section.
pub struct SnapshotReader {
    file: Box<dyn SegmentFile>,
    path: PathBuf,
    sequence: u64,
    size: u64,
    offset: u64,
    chain: u32,
    kind: FrameKind,
    payload: Vec<u8>,
    /// How much of `payload` was given out.
    used: usize,
    sections: u64,
    data_bytes: u64,
}

impl SnapshotReader {
    /// The newest snapshot in the data directory `dir` that is whole and undamaged, every byte
    /// checked; damaged newer ones become warnings.
    ///
    /// # Errors
    /// [`JournalError::NewerVersion`] when the newest is of a newer version (falling back would
    /// hide that the wrong program was started), or what the system refused.
    pub fn newest_good(dir: &Path) -> Result<NewestSnapshot, JournalError> {
        Self::newest_good_on(Arc::new(Disk::at(&dir.join(SNAPSHOT_DIRECTORY))))
    }

    /// As [`SnapshotReader::newest_good`] on any storage.
    ///
    /// # Errors
    /// As [`SnapshotReader::newest_good`].
    pub fn newest_good_on(storage: Arc<dyn Storage>) -> Result<NewestSnapshot, JournalError> {
        let mut warnings = Vec::new();
        for &sequence in snapshot::list(storage.as_ref())?.iter().rev() {
            match Self::open(storage.as_ref(), sequence) {
                Ok(snapshot) => return Ok(NewestSnapshot { snapshot: Some(snapshot), warnings }),
                Err(error @ JournalError::BadSnapshot { .. }) => {
                    warnings.push(SnapshotWarning { sequence, error });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(NewestSnapshot { snapshot: None, warnings })
    }

    /// The sequences of the snapshots in a folder, oldest first, sound or not.
    ///
    /// # Errors
    /// What the system refused.
    pub fn sequences_in(folder: &Path) -> Result<Vec<u64>, JournalError> {
        snapshot::list(&Disk::at(folder))
    }

    /// One snapshot of a folder, every byte checked.
    ///
    /// # Errors
    /// [`JournalError::BadSnapshot`], [`JournalError::NewerVersion`], or what the system refused.
    pub fn open_in(folder: &Path, sequence: u64) -> Result<Self, JournalError> {
        Self::open(&Disk::at(folder), sequence)
    }

    /// The state in it is the one after this record: replay goes on with the next.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Goes to the next section, past what is left of this one; `None` at the end.
    ///
    /// # Errors
    /// [`JournalError::BadSnapshot`] if the file changed since it was checked, or what the system
    /// refused.
    pub fn next_section(&mut self) -> Result<Option<String>, JournalError> {
        loop {
            if self.kind == FrameKind::End {
                return Ok(None);
            }
            self.frame()?;
            if self.kind == FrameKind::Section {
                let name = std::mem::take(&mut self.payload);
                let name = String::from_utf8(name).map_err(|_| self.bad("a name is no text"))?;
                return Ok(Some(name));
            }
        }
    }

    /// The next bytes of this section, at most 256 KiB, or what [`io::Read`] left of them; `None`
    /// at the section's end.
    ///
    /// # Errors
    /// As [`SnapshotReader::next_section`].
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, JournalError> {
        if !self.fill()? {
            return Ok(None);
        }
        let from = std::mem::replace(&mut self.used, self.payload.len());
        Ok(self.payload.get(from..))
    }

    /// Makes sure there are bytes of this section to give out.
    fn fill(&mut self) -> Result<bool, JournalError> {
        while self.kind != FrameKind::Data || self.used >= self.payload.len() {
            if self.kind == FrameKind::End || self.peek()? != FrameKind::Data {
                return Ok(false);
            }
            self.frame()?;
        }
        Ok(true)
    }

    fn open(storage: &dyn Storage, sequence: u64) -> Result<Self, JournalError> {
        let mut reader = Self::begin(storage, sequence)?;
        while reader.kind != FrameKind::End {
            reader.frame()?;
        }
        if reader.offset != reader.size {
            return Err(reader.bad("bytes follow its end"));
        }
        let totals = snapshot::totals(sequence, reader.sections, reader.data_bytes);
        if reader.payload != totals {
            return Err(reader.bad("the totals do not agree with the contents"));
        }
        Self::begin(storage, sequence)
    }

    /// Opens the file and reads its header.
    fn begin(storage: &dyn Storage, sequence: u64) -> Result<Self, JournalError> {
        let path = storage.path(&snapshot::name(sequence));
        let file = storage
            .open_read(&snapshot::name(sequence))
            .map_err(JournalError::io("open the snapshot", &path))?;
        let size = file.size().map_err(JournalError::io("read the size of", &path))?;
        let mut header = [0; FILE_HEADER_BYTES];
        read_full(file.as_ref(), &mut header, 0).map_err(JournalError::io("read", &path))?;
        let reader = Self {
            file,
            path,
            sequence,
            size,
            offset: FILE_HEADER_BYTES as u64,
            chain: snapshot::chain_start(&header),
            // As if behind a section's frame: nothing to give out yet.
            kind: FrameKind::Section,
            payload: Vec::new(),
            used: 0,
            sections: 0,
            data_bytes: 0,
        };
        match snapshot::version(&header) {
            Some(found) if found > SNAPSHOT_VERSION => Err(JournalError::NewerVersion {
                path: reader.path,
                found: found.into(),
                ours: SNAPSHOT_VERSION.into(),
            }),
            _ if header != snapshot::file_header(sequence) => {
                Err(reader.bad_at(0, "its header is damaged"))
            }
            _ => Ok(reader),
        }
    }

    fn read_head(&self) -> Result<[u8; FRAME_HEADER_BYTES], JournalError> {
        let mut head = [0; FRAME_HEADER_BYTES];
        let read = read_full(self.file.as_ref(), &mut head, self.offset)
            .map_err(JournalError::io("read", &self.path))?;
        if read < FRAME_HEADER_BYTES {
            return Err(self.bad("it ends too early"));
        }
        Ok(head)
    }

    fn peek(&self) -> Result<FrameKind, JournalError> {
        let head = self.read_head()?;
        Ok(snapshot::read_frame(&head).ok_or_else(|| self.bad("no frame begins here"))?.kind)
    }

    /// Reads the next frame into `payload` and checks it.
    fn frame(&mut self) -> Result<(), JournalError> {
        let head = self.read_head()?;
        let frame = snapshot::read_frame(&head).ok_or_else(|| self.bad("no frame begins here"))?;
        let start = self.offset + FRAME_HEADER_BYTES as u64;
        self.payload.resize(frame.length, 0);
        let read = read_full(self.file.as_ref(), &mut self.payload, start)
            .map_err(JournalError::io("read", &self.path))?;
        if read < frame.length {
            return Err(self.bad("it ends too early"));
        }
        if snapshot::frame_checksum(&head, &self.payload, self.chain) != frame.checksum {
            return Err(self.bad("a checksum does not match"));
        }
        match frame.kind {
            FrameKind::Section => self.sections += 1,
            FrameKind::Data => self.data_bytes += frame.length as u64,
            FrameKind::End => {}
        }
        self.chain = frame.checksum;
        self.kind = frame.kind;
        self.used = 0;
        self.offset = start + frame.length as u64;
        Ok(())
    }

    fn bad(&self, why: &'static str) -> JournalError {
        self.bad_at(self.offset, why)
    }

    fn bad_at(&self, offset: u64, why: &'static str) -> JournalError {
        JournalError::BadSnapshot { path: self.path.clone(), offset, why }
    }
}

impl Read for SnapshotReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.fill().map_err(io::Error::other)? {
            return Ok(0);
        }
        let rest = self.payload.get(self.used..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.used += length;
        Ok(length)
    }
}
