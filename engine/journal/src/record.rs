//! One record's bytes (see `FORMAT.md`): a header of 32 bytes, the payload, zeros to a multiple
//! of 8. All integers are little-endian.
//!
//! ```text
//!  0 magic "TREC"    4 version u16   6 zero u16      8 length u32     12 place u32
//! 16 sequence u64   24 previous u32 28 checksum u32  32 payload ...
//! ```
//! `place` counts from 1 within one flush: everything before the record with place 1 was on stable
//! storage when that record was written. It is how recovery tells a torn last flush (cut) from
//! damage to records that were already answered for (refused).

use crate::Damage;

/// The newest record and segment format this crate reads, and the one it writes.
pub const FORMAT_VERSION: u16 = 1;
/// The longest payload of a record: 16 MiB. In small segments less fits.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

pub(crate) const HEADER_BYTES: usize = 32;
pub(crate) const ALIGNMENT: usize = 8;
pub(crate) const MAGIC: [u8; 4] = *b"TREC";
const CHECKSUM_AT: usize = 28;

/// A record's header, its fields plausible but the checksum not yet compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: usize,
    pub(crate) place: u32,
    pub(crate) sequence: u64,
    pub(crate) previous: u32,
    pub(crate) checksum: u32,
}

/// What 32 bytes at a place where a record may begin turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// All zero: nothing was written here, or it was lost.
    Zeros,
    /// A header.
    Header(Header),
    /// The magic of a record, and a version above ours.
    Newer(u16),
    /// Something else.
    Bad(Damage),
}

impl Header {
    /// Every sequence up to this one was on stable storage when the record was written.
    pub(crate) const fn durable(&self) -> u64 {
        self.sequence - self.place as u64
    }

    /// The bytes the whole record takes.
    pub(crate) const fn span(&self) -> usize {
        span(self.length)
    }
}

/// The bytes a record with a payload of `length` takes.
pub(crate) const fn span(length: usize) -> usize {
    (HEADER_BYTES + length).next_multiple_of(ALIGNMENT)
}

/// Appends the record's bytes to `out` and gives its checksum.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    payload: &[u8],
    place: u32,
    sequence: u64,
    previous: u32,
) -> u32 {
    // The journal refuses longer payloads before it comes here.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut header = [0_u8; HEADER_BYTES];
    header[0..4].copy_from_slice(&MAGIC);
    header[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[8..12].copy_from_slice(&length.to_le_bytes());
    header[12..16].copy_from_slice(&place.to_le_bytes());
    header[16..24].copy_from_slice(&sequence.to_le_bytes());
    header[24..28].copy_from_slice(&previous.to_le_bytes());
    let checksum = checksum(&header, payload);
    header[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    checksum
}

/// CRC-32C over the header before its checksum, then the payload.
pub(crate) fn checksum(header: &[u8; HEADER_BYTES], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..CHECKSUM_AT]), payload)
}

/// Reads a header. Says nothing yet about the payload.
pub(crate) fn begin(bytes: &[u8; HEADER_BYTES]) -> Begin {
    if *bytes == [0; HEADER_BYTES] {
        return Begin::Zeros;
    }
    if bytes[0..4] != MAGIC {
        return Begin::Bad(Damage::Magic);
    }
    let version = u16::from_le_bytes([bytes[4], bytes[5]]);
    if version > FORMAT_VERSION {
        return Begin::Newer(version);
    }
    let length = crate::to_usize(u64::from(le_u32(bytes, 8)));
    let header = Header {
        length,
        place: le_u32(bytes, 12),
        sequence: u64::from(le_u32(bytes, 16)) | u64::from(le_u32(bytes, 20)) << 32,
        previous: le_u32(bytes, 24),
        checksum: le_u32(bytes, CHECKSUM_AT),
    };
    if length > MAX_RECORD_BYTES {
        return Begin::Bad(Damage::Length);
    }
    if version == 0
        || bytes[6..8] != [0, 0]
        || header.place == 0
        || u64::from(header.place) > header.sequence
    {
        return Begin::Bad(Damage::Header);
    }
    Begin::Header(header)
}

fn le_u32(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(bytes: &[u8]) -> Begin {
        begin(bytes[..HEADER_BYTES].try_into().unwrap())
    }

    #[test]
    fn encodes_what_it_reads_back() {
        let mut bytes = Vec::new();
        let checksum = encode(&mut bytes, b"hello", 2, 9, 0xdead_beef);
        assert_eq!(bytes.len(), span(5));
        let Begin::Header(header) = header_of(&bytes) else { panic!("no header") };
        assert_eq!((header.length, header.place, header.sequence), (5, 2, 9));
        assert_eq!((header.previous, header.checksum), (0xdead_beef, checksum));
        assert_eq!(header.durable(), 7);
        assert_eq!(super::checksum(bytes[..HEADER_BYTES].try_into().unwrap(), b"hello"), checksum);
    }

    #[test]
    fn tells_zeros_newer_and_nonsense_apart() {
        let mut bytes = Vec::new();
        encode(&mut bytes, b"", 1, 1, 0);
        assert_eq!(header_of(&[0; 32]), Begin::Zeros);
        let mut newer = bytes.clone();
        newer[4] = 2;
        assert_eq!(header_of(&newer), Begin::Newer(2));
        for (at, damage) in
            [(0, Damage::Magic), (6, Damage::Header), (11, Damage::Length), (12, Damage::Header)]
        {
            let mut bad = bytes.clone();
            bad[at] ^= 0x81;
            assert_eq!(header_of(&bad), Begin::Bad(damage), "byte {at}");
        }
    }
}
