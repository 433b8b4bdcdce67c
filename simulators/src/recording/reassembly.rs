//! The bytes of a TCP connection from its segments, in whatever order and however often they were
//! captured (RFC 9293 3.4).

use super::Stream;
use std::collections::BTreeMap;
use std::time::Duration;

/// One direction of a connection.
#[derive(Default)]
pub(super) struct Direction {
    /// The sequence number of the first byte; known from the SYN, else from the first segment.
    first: Option<u32>,
    /// Payloads by their distance from the first byte.
    pieces: BTreeMap<u32, (Duration, Vec<u8>)>,
}

impl Direction {
    /// Takes in a segment.
    pub(super) fn segment(&mut self, sequence: u32, syn: bool, at: Duration, payload: &[u8]) {
        if syn {
            // A new connection on the same ports begins anew only where nothing was sent before.
            if self.pieces.is_empty() {
                self.first = Some(sequence.wrapping_add(1));
            }
            return;
        }
        if payload.is_empty() {
            return;
        }
        let first = *self.first.get_or_insert(sequence);
        let mut distance = sequence.wrapping_sub(first);
        if distance > u32::MAX / 2 {
            // Before what was taken for the first byte: the capture began in between.
            self.rebase(first.wrapping_sub(sequence));
            self.first = Some(sequence);
            distance = 0;
        }
        let piece = self.pieces.entry(distance).or_insert_with(|| (at, Vec::new()));
        if payload.len() > piece.1.len() {
            piece.1 = payload.to_vec();
        }
    }

    fn rebase(&mut self, by: u32) {
        let pieces = std::mem::take(&mut self.pieces);
        self.pieces = pieces.into_iter().map(|(at, piece)| (at.wrapping_add(by), piece)).collect();
    }

    /// What was sent, up to the first byte that the capture lost.
    pub(super) fn stream(self, name: String) -> Stream {
        let mut stream = Stream::new(name, Vec::new());
        for (distance, (at, payload)) in self.pieces {
            let begin = usize::try_from(distance).unwrap_or(usize::MAX);
            let have = stream.bytes.len();
            if begin > have {
                stream.lost_after = Some(have);
                break;
            }
            let fresh = payload.get(have.saturating_sub(begin)..).unwrap_or_default();
            if !fresh.is_empty() {
                stream.arrivals.push((have, at));
                stream.bytes.extend_from_slice(fresh);
            }
        }
        stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(segments: &[(u32, bool, &[u8])]) -> (Vec<u8>, Option<usize>) {
        let mut direction = Direction::default();
        for (sequence, syn, payload) in segments {
            direction.segment(*sequence, *syn, Duration::ZERO, payload);
        }
        let stream = direction.stream("test".into());
        (stream.bytes, stream.lost_after)
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let whole = (b"abcdefgh".to_vec(), None);
        assert_eq!(sent(&[(9, true, b""), (10, false, b"abcd"), (14, false, b"efgh")]), whole);
        assert_eq!(sent(&[(9, true, b""), (14, false, b"efgh"), (10, false, b"abcd")]), whole);
        assert_eq!(
            sent(&[(10, false, b"abcd"), (10, false, b"ab"), (12, false, b"cdefgh")]),
            whole
        );
        assert_eq!(sent(&[(14, false, b"efgh"), (10, false, b"abcd")]), whole, "begun in between");
        let wrapped = [(u32::MAX - 1, false, &b"abcd"[..]), (2, false, &b"efgh"[..])];
        assert_eq!(sent(&wrapped), whole, "sequence numbers begin again at zero");
    }

    #[test]
    fn what_was_lost_is_said() {
        let lost = [(9, true, &b""[..]), (10, false, &b"ab"[..]), (14, false, &b"efgh"[..])];
        assert_eq!(sent(&lost), (b"ab".to_vec(), Some(2)));
        assert_eq!(sent(&[]), (vec![], None));
    }
}
