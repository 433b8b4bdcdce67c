//! Buffers that held messages: wiped before their memory is used for something else or given back.
//!
//! A message has the card number, perhaps a track, a CVV2, a PIN block. It is in memory in three
//! places: where it was read, in a copy of its own while it is worked on, and, in part, in its answer.
//! What was read is wiped as soon as it is copied, the copy when its last user lets go of it, an
//! answer once it is written. What TLS and the kernel keep is out of reach.

use bytes::{Bytes, BytesMut};
use zeroize::{Zeroize, Zeroizing};

/// A copy of a frame that is wiped when nobody uses it any more; the frame is wiped now.
pub(crate) fn kept(frame: &mut BytesMut) -> Bytes {
    let copy = Zeroizing::new(frame.to_vec());
    wipe(frame);
    Bytes::from_owner(copy)
}

/// Room for `more` bytes in a buffer of which a frame is half read: what moves leaves nothing behind.
pub(crate) fn grow(buffer: &mut BytesMut, more: usize) {
    if buffer.is_empty() {
        // Nothing is copied, and what was read into it before is wiped.
        return buffer.reserve(more);
    }
    let mut larger = BytesMut::with_capacity(buffer.len().saturating_add(more));
    larger.extend_from_slice(buffer);
    wipe(buffer);
    *buffer = larger;
}

/// What is in a buffer becomes zeros.
pub(crate) fn wipe(buffer: &mut BytesMut) {
    let bytes: &mut [u8] = buffer;
    bytes.zeroize();
}

/// Empties a buffer that is used again.
pub(crate) fn clear(buffer: &mut Vec<u8>) {
    buffer.as_mut_slice().zeroize();
    buffer.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_gone_when_it_is_copied() {
        let mut input = BytesMut::with_capacity(64);
        input.extend_from_slice(b"9417000000000016rest");
        let mut frame = input.split_to(16);
        let copy = kept(&mut frame);
        assert_eq!(copy.as_ref(), b"9417000000000016");
        assert_eq!(frame.as_ref(), [0; 16]);
        assert_eq!(input.as_ref(), b"rest", "the next one is not touched");
        let part = copy.slice(4..8);
        drop(copy);
        assert_eq!(part.as_ref(), b"0000", "as long as somebody uses a part of it");
    }

    #[test]
    fn growing_keeps_what_is_half_read() {
        let mut input = BytesMut::with_capacity(8);
        input.extend_from_slice(b"94170000");
        grow(&mut input, 100);
        assert_eq!(&input[..], b"94170000");
        assert!(input.capacity() >= 108);
        let mut empty = BytesMut::new();
        grow(&mut empty, 100);
        assert!(empty.capacity() >= 100);
        let mut used = b"secret".to_vec();
        clear(&mut used);
        assert!(used.is_empty() && used.capacity() >= 6);
    }
}
