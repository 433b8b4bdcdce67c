//! The few things the journal asks of a disk, as two small traits, so that tests can fail the N-th
//! write, tear sectors and cut the power (see [`crate::simulated`]). [`Disk`] is the real one.

use crate::JournalError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// One open file, addressed by offset.
pub trait SegmentFile: Send + Sync {
    /// Writes some of `bytes` at `offset` and says how many; may be fewer than asked.
    ///
    /// # Errors
    /// As the system reports them.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Reads some bytes at `offset` and says how many; 0 only at the end of the file.
    ///
    /// # Errors
    /// As the system reports them.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Puts the written bytes on stable storage, without metadata such as times.
    ///
    /// # Errors
    /// After an error it is unknown what reached the disk.
    fn sync_data(&self) -> io::Result<()>;
    /// As [`SegmentFile::sync_data`], and the file's size and extents too.
    ///
    /// # Errors
    /// After an error it is unknown what reached the disk.
    fn sync_all(&self) -> io::Result<()>;
    /// The file's size in bytes.
    ///
    /// # Errors
    /// As the system reports them.
    fn size(&self) -> io::Result<u64>;
}

/// One directory of such files, by plain name.
pub trait Storage: Send + Sync {
    /// Makes a new empty file for reading and writing; fails if the name is taken.
    ///
    /// # Errors
    /// As the system reports them.
    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_read(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn open_write(&self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    /// Gives a file another name, replacing a file that has it. Durable after
    /// [`Storage::sync_directory`].
    ///
    /// # Errors
    /// As the system reports them.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Puts the directory's names on stable storage.
    ///
    /// # Errors
    /// After an error it is unknown which names are durable.
    fn sync_directory(&self) -> io::Result<()>;
    /// The names in the directory, in no order.
    ///
    /// # Errors
    /// As the system reports them.
    fn list(&self) -> io::Result<Vec<String>>;
    /// The file's full path, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// A directory on the local file system.
#[derive(Debug)]
pub struct Disk {
    directory: PathBuf,
}

impl Disk {
    /// The directory itself; it must exist for anything to succeed.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    fn open(&self, name: &str, options: &OpenOptions) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(options.open(self.directory.join(name))?))
    }
}

impl SegmentFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Storage for Disk {
    fn create(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.open(name, OpenOptions::new().read(true).write(true).create_new(true))
    }
    fn open_read(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.open(name, OpenOptions::new().read(true))
    }
    fn open_write(&self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        self.open(name, OpenOptions::new().read(true).write(true))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.directory.join(from), self.directory.join(to))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.directory.join(name))
    }
    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Writes all of `bytes`, going on after short writes.
pub(crate) fn write_all(file: &dyn SegmentFile, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = bytes.get(n..).unwrap_or_default();
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Fills `buffer` from `at` as far as the file goes; gives the bytes read.
pub(crate) fn read_full(
    file: &dyn SegmentFile,
    buffer: &mut [u8],
    mut at: u64,
) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(n) => {
                done += n;
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Removes a file if it is there.
pub(crate) fn remove_leftover(storage: &dyn Storage, name: &str) -> Result<(), JournalError> {
    match storage.remove(name) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::io("remove the unfinished file", &storage.path(name))(e))
        }
        _ => Ok(()),
    }
}
