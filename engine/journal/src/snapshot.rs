//! What snapshot files have in common (see `FORMAT.md`): names, and frames.
//!
//! A snapshot is a file header, then frames: a section's name, its bytes in chunks, the next
//! section, and an end frame with the totals. Every frame's checksum continues from the frame
//! before, so that lost, doubled and exchanged frames are seen as well as damaged ones.

use crate::{JournalError, Storage};
use std::path::PathBuf;

/// The newest snapshot format this crate reads, and the one it writes.
pub(crate) const SNAPSHOT_VERSION: u16 = 1;
pub(crate) const FILE_HEADER_BYTES: usize = 32;
pub(crate) const FRAME_HEADER_BYTES: usize = 12;
/// The most payload of one frame.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// How many snapshots are kept.
pub(crate) const KEPT: usize = 2;

const MAGIC: [u8; 8] = *b"TAMGASNP";
const SUFFIX: &str = ".snap";
const UNFINISHED: &str = ".unfinished";
const DIGITS: usize = 20;

/// A finished snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The file.
    pub path: PathBuf,
    /// The state it holds is the one after this record.
    pub sequence: u64,
    /// The file's size.
    pub bytes: u64,
}

/// A snapshot that was passed over because it is damaged; worth a warning in the log.
#[derive(Debug)]
pub struct SnapshotWarning {
    /// The sequence of the snapshot.
    pub sequence: u64,
    /// What is wrong with which file.
    pub error: JournalError,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Section,
    Data,
    End,
}

impl FrameKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Section => 1,
            Self::Data => 2,
            Self::End => 3,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Section),
            2 => Some(Self::Data),
            3 => Some(Self::End),
            _ => None,
        }
    }
}

/// A frame header as read; the checksum is not yet compared.
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) length: usize,
    pub(crate) checksum: u32,
}

/// The name of the snapshot taken after record `sequence`.
pub(crate) fn name(sequence: u64) -> String {
    format!("{sequence:0DIGITS$}{SUFFIX}")
}

/// The name it has while it is being written.
pub(crate) fn unfinished_name(sequence: u64) -> String {
    format!("{sequence:0DIGITS$}{UNFINISHED}")
}

/// Whether this is the name of a snapshot being written, or abandoned by a crash.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.ends_with(UNFINISHED)
}

/// The sequences of the snapshots there are, oldest first.
pub(crate) fn list(storage: &dyn Storage) -> Result<Vec<u64>, JournalError> {
    let names =
        storage.list().map_err(JournalError::io("list the directory", &storage.path("")))?;
    let mut sequences: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_suffix(SUFFIX))
        .filter(|digits| digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|digits| digits.parse().ok())
        .collect();
    sequences.sort_unstable();
    Ok(sequences)
}

/// ```text
///  0 magic "TAMGASNP"   8 version u16   10 zeros   16 sequence u64   24 checksum u32   28 zeros
/// ```
pub(crate) fn file_header(sequence: u64) -> [u8; FILE_HEADER_BYTES] {
    let mut bytes = [0; FILE_HEADER_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&SNAPSHOT_VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&sequence.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[..24]);
    bytes[24..28].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The version of a file header, if it is one.
pub(crate) fn version(bytes: &[u8; FILE_HEADER_BYTES]) -> Option<u16> {
    (bytes[0..8] == MAGIC).then(|| u16::from_le_bytes([bytes[8], bytes[9]]))
}

/// Where the frames' chain of checksums begins: the header's own checksum.
pub(crate) fn chain_start(header: &[u8; FILE_HEADER_BYTES]) -> u32 {
    u32::from_le_bytes([header[24], header[25], header[26], header[27]])
}

/// ```text
///  0 kind u8   1 zeros   4 length u32   8 checksum u32   12 payload
/// ```
/// The checksum is CRC-32C, begun with the frame before, over bytes 0 to 8 and the payload.
pub(crate) fn frame_header(
    kind: FrameKind,
    payload: &[u8],
    chain: u32,
) -> ([u8; FRAME_HEADER_BYTES], u32) {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    bytes[0] = kind.byte();
    // Payloads are at most CHUNK_BYTES.
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    let checksum = frame_checksum(&bytes, payload, chain);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    (bytes, checksum)
}

pub(crate) fn frame_checksum(header: &[u8; FRAME_HEADER_BYTES], payload: &[u8], chain: u32) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(chain, &header[..8]), payload)
}

/// Reads a frame's header; `None` if it cannot be one.
pub(crate) fn read_frame(bytes: &[u8; FRAME_HEADER_BYTES]) -> Option<Frame> {
    let kind = FrameKind::from_byte(bytes[0])?;
    let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let length = crate::to_usize(length.into());
    let checksum = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    (bytes[1..4] == [0; 3] && length <= CHUNK_BYTES).then_some(Frame { kind, length, checksum })
}

/// The end frame's payload: sequence, count of sections, bytes of all data.
pub(crate) fn totals(sequence: u64, sections: u64, data_bytes: u64) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[0..8].copy_from_slice(&sequence.to_le_bytes());
    bytes[8..16].copy_from_slice(&sections.to_le_bytes());
    bytes[16..24].copy_from_slice(&data_bytes.to_le_bytes());
    bytes
}
