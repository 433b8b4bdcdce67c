//! What is inside a backup: entries one behind the other, each with a kind, a number and bytes.
//! Integers are little-endian: kind 1 byte, number 8, length 4.

use std::io::{self, Read, Write};

/// Longer entries are no entries: a record of the journal has at most 16 MiB.
const LENGTH_MAX: usize = 17 << 20;

/// What an entry is. The order in a file: head, files, records, files, end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// JSON: when it was begun and by which version.
    Head = 1,
    /// A file begins: its path in the data directory.
    File = 2,
    /// Bytes of that file.
    Bytes = 3,
    /// A record of the journal; the number is its sequence.
    Record = 4,
    /// The last one; the number is the last record's sequence.
    End = 5,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        let all = [Self::Head, Self::File, Self::Bytes, Self::Record, Self::End];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Appends an entry.
pub(super) fn write(out: &mut impl Write, kind: Kind, number: u64, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    out.write_all(&[kind as u8])?;
    out.write_all(&number.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)
}

/// The next entry; its bytes go into `body`.
pub(super) fn read(source: &mut impl Read, body: &mut Vec<u8>) -> io::Result<(Kind, u64)> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "has an entry that is none");
    let (mut kind, mut number, mut length) = ([0; 1], [0; 8], [0; 4]);
    source.read_exact(&mut kind)?;
    source.read_exact(&mut number)?;
    source.read_exact(&mut length)?;
    let [kind] = kind;
    let kind = Kind::of(kind).ok_or_else(malformed)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    if length > LENGTH_MAX {
        return Err(malformed());
    }
    body.clear();
    body.resize(length, 0);
    source.read_exact(body)?;
    Ok((kind, u64::from_le_bytes(number)))
}
