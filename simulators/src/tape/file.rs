//! The tape as a file.

use crate::{Endpoint, SimError};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What this program writes and reads.
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the form.
    pub tape: u32,
    /// When it began, RFC 3339.
    pub recorded_at: String,
    /// How messages were cut.
    pub framing: String,
    /// Whether frames had a TPDU.
    pub tpdu: bool,
    /// A shipped dialect, or the path of a file.
    pub dialect: String,
    /// Whether card numbers were replaced.
    pub remapped: bool,
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Whoever opened the connection.
    Terminal,
    /// The other.
    Host,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Microseconds since the tape began.
    pub at_us: u64,
    /// Connections are numbered in the order they were opened.
    pub connection: u32,
    /// Who sent it.
    pub from: Side,
    /// The message, without length, TPDU and header.
    #[serde(with = "hex::serde")]
    pub message: Vec<u8>,
}

/// A whole tape.
#[derive(Clone, PartialEq, Eq)]
pub struct Tape {
    /// How to read it.
    pub header: Header,
    /// In the order they were sent.
    pub lines: Vec<Line>,
}

impl Header {
    /// Of a tape that begins now.
    #[must_use]
    pub fn new(framing: &str, tpdu: bool, dialect: &str, remapped: bool) -> Self {
        Self {
            tape: VERSION,
            recorded_at: jiff::Timestamp::now().to_string(),
            framing: framing.to_owned(),
            tpdu,
            dialect: dialect.to_owned(),
            remapped,
        }
    }

    /// A host at `target` that speaks as the recorded one did.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a framing or dialect that is not there.
    pub fn endpoint(&self, target: &str) -> Result<Endpoint, SimError> {
        Endpoint::new(target, &self.framing, self.tpdu, &self.dialect)
    }
}

impl Tape {
    /// Reads a tape. A last line that was cut off, as when the recorder was killed, is left out.
    ///
    /// # Errors
    /// [`SimError::File`]; [`SimError::Setting`] with the line that is wrong.
    pub fn read(path: &Path) -> Result<Self, SimError> {
        let file = BufReader::new(File::open(path).map_err(SimError::file(path))?);
        let wrong = |number: usize, cause: &str| {
            SimError::Setting(format!("{}:{number}: {cause}", path.display()))
        };
        let mut lines = file.split(b'\n').zip(1..).peekable();
        let Some((first, _)) = lines.next() else { return Err(wrong(1, "the file is empty")) };
        let first = first.map_err(SimError::file(path))?;
        let header: Header = serde_json::from_slice(&first)
            .map_err(|_| wrong(1, "no tape: the first line says how it is to be read"))?;
        if header.tape != VERSION {
            return Err(wrong(1, &format!("a tape of version {}, not {VERSION}", header.tape)));
        }
        let mut tape = Self { header, lines: Vec::new() };
        while let Some((line, number)) = lines.next() {
            let line = line.map_err(SimError::file(path))?;
            match serde_json::from_slice(&line) {
                Ok(line) => tape.lines.push(line),
                Err(error) if error.is_eof() && lines.peek().is_none() => {}
                // Never the line itself, which may hold a card number.
                Err(error) => {
                    let cause = format!("no message of a tape (column {})", error.column());
                    return Err(wrong(number, &cause));
                }
            }
        }
        // An answer may have been written before its request, which was handed on first.
        tape.lines.sort_by_key(|line| line.at_us);
        Ok(tape)
    }
}

impl Tape {
    /// Writes a tape to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`SimError::File`]; it is not overwritten if it is there.
    pub fn write(&self, path: &Path) -> Result<(), SimError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = BufWriter::new(file.map_err(SimError::file(path))?);
        let mut write = |line: Result<String, serde_json::Error>| {
            writeln!(file, "{}", line.map_err(std::io::Error::other)?)
        };
        write(serde_json::to_string(&self.header)).map_err(SimError::file(path))?;
        for line in &self.lines {
            write(serde_json::to_string(line)).map_err(SimError::file(path))?;
        }
        file.flush().map_err(SimError::file(path))
    }
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape({:?}, {} messages)", self.header, self.lines.len())
    }
}
