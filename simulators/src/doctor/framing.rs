//! How messages are cut out of a stream. Every kind of length is tried; the one that cuts the
//! streams to the last byte into things that begin like messages is the right one.

use super::{Cut, search, start};
use crate::recording::Stream;
use bytes::{Bytes, BytesMut};
use iso8583::{Framing, Tpdu};

/// As long as a frame may be here; wrong lengths should show early.
const FRAME_MAX: usize = 16 * 1024;
/// How far into a frame the message may begin.
const FRONT_MAX: usize = 40;
/// So many messages are tried on the dialects.
const TRIED: usize = 8;
/// So many messages that cannot be read on may still be messages.
const FEW: usize = 3;
/// So much of a stream is looked at to find its first frame.
const WINDOW: usize = 16 * 1024;
/// How far a capture may begin inside a message.
const SKIP_MAX: usize = 4096;

/// A way of cutting, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingGuess {
    /// The kind of length; none where each recording is one message without a length.
    pub kind: Option<&'static str>,
    /// Whether frames carry a TPDU.
    pub tpdu: bool,
    /// What stands between TPDU and message in every frame.
    pub header: Bytes,
    /// Whether that differs from frame to frame (then a listener can't check it).
    pub header_varies: bool,
    /// Frames cut.
    pub frames: usize,
    /// Of them, how many begin like a message.
    pub messages: usize,
    /// Bytes cut, of how many.
    pub covered: (usize, usize),
    /// Bytes passed over at the beginnings of streams that begin inside a message.
    pub skipped: usize,
}

/// A frame as its length cuts it.
struct Raw {
    stream: usize,
    offset: usize,
    prefix: Bytes,
    payload: Bytes,
}

/// The best way, with the messages it cuts.
pub(super) fn best(streams: &[Stream]) -> Option<(FramingGuess, Vec<Cut>)> {
    let among = |inside: bool| {
        let kinds = Framing::KINDS.iter().map(move |kind| by_length(streams, kind, inside));
        let all = kinds.chain([whole(streams)]).flatten();
        // Of equals the first: `max_by_key` would take the last.
        all.reduce(|best, other| if merit(&other.0) > merit(&best.0) { other } else { best })
    };
    let is_perfect = |guess: &FramingGuess| {
        let all = guess.covered.0 == guess.covered.1 && guess.messages == guess.frames;
        all && (guess.kind.is_some() || streams.len() > 1)
    };
    // Recordings that begin inside a message are rare, and looking for their first frame takes long.
    among(false).filter(|(guess, _)| is_perfect(guess)).or_else(|| among(true))
}

/// Messages first, then bytes explained.
fn merit(guess: &FramingGuess) -> (usize, usize, bool) {
    let covered = guess.covered.0.saturating_sub(guess.skipped);
    let share = covered.saturating_mul(1000).checked_div(guess.covered.1).unwrap_or(0);
    (share.saturating_mul(guess.messages.min(50)), guess.messages, guess.kind.is_some())
}

/// Every recording is one message, as in a file of hex lines.
fn whole(streams: &[Stream]) -> Option<(FramingGuess, Vec<Cut>)> {
    let raw = streams.iter().zip(0..).map(|(stream, index)| Raw {
        stream: index,
        offset: 0,
        prefix: Bytes::new(),
        payload: Bytes::copy_from_slice(&stream.bytes),
    });
    let total = total(streams);
    fronts(None, raw.collect(), (total, total), 0)
}

fn total(streams: &[Stream]) -> usize {
    streams.iter().map(|stream| stream.bytes.len()).sum()
}

fn by_length(
    streams: &[Stream],
    kind: &'static str,
    inside: bool,
) -> Option<(FramingGuess, Vec<Cut>)> {
    let framing = Framing::new(kind, false, &[], FRAME_MAX.min(9999)).ok()?;
    let (mut raw, mut covered, mut skipped) = (Vec::new(), 0_usize, 0_usize);
    for (stream, index) in streams.iter().zip(0..) {
        let begin = if inside { begin(&framing, &stream.bytes) } else { 0 };
        let (end, cut) = chain(&framing, &stream.bytes, begin, index);
        if cut.is_empty() {
            continue;
        }
        skipped += begin;
        covered += end;
        raw.extend(cut);
    }
    fronts(Some(kind), raw, (covered, total(streams)), skipped)
}

/// Where the first whole frame begins: at the beginning, unless the recording begins inside one. Then
/// where the most frames follow that hold a message, since one alone may be chance.
fn begin(framing: &Framing, bytes: &[u8]) -> usize {
    let window = bytes.get(..bytes.len().min(WINDOW)).unwrap_or_default();
    let merit = |begin: usize| {
        let (end, cut) = chain(framing, window, begin, 0);
        // In the right frames the messages begin at the same place.
        let mut places = [0_usize; FRONT_MAX];
        for at in cut.iter().filter_map(|frame| front(&frame.payload)) {
            if let Some(count) = places.get_mut(at) {
                *count += 1;
            }
        }
        let good = places.into_iter().max().unwrap_or(0);
        (good == cut.len() && good > 0, good, end)
    };
    if matches!(merit(0), (true, ..)) {
        return 0;
    }
    let places = 0..window.len().min(SKIP_MAX);
    places.max_by_key(|begin| (merit(*begin), std::cmp::Reverse(*begin))).unwrap_or(0)
}

/// Frames from `begin` on, as long as they go, and where that ends.
fn chain(framing: &Framing, bytes: &[u8], begin: usize, stream: usize) -> (usize, Vec<Raw>) {
    let mut buffer = BytesMut::from(bytes.get(begin..).unwrap_or_default());
    let mut offset = begin;
    let mut cut = Vec::new();
    while let Ok(Some(frame)) = framing.next_frame(&mut buffer) {
        let end = bytes.len() - buffer.len();
        let prefix = bytes.get(offset..end - frame.body.len()).unwrap_or_default();
        let prefix = Bytes::copy_from_slice(prefix);
        cut.push(Raw { stream, offset, prefix, payload: frame.body });
        offset = end;
    }
    (offset, cut)
}

/// Where in a frame the message begins.
fn front(payload: &[u8]) -> Option<usize> {
    (0..payload.len().min(FRONT_MAX))
        .find(|at| payload.get(*at..).is_some_and(|body| start::of(body).is_some()))
}

/// Where in the frames the messages begin. Bytes of a TPDU or header may look like the beginning of
/// a message by chance, so the places are tried on the dialects that are known: the right place makes
/// sense of what follows.
fn place(raw: &[Raw]) -> Option<usize> {
    let starts = |at: usize| {
        raw.iter().filter_map(move |frame| {
            let body = frame.payload.get(at..)?;
            Some((body, start::of(body)?))
        })
    };
    let counts = (0..FRONT_MAX).map(|at| (at, starts(at).count()));
    let most = counts.clone().map(|(_, count)| count).max().filter(|count| *count > 0)?;
    let places = counts.filter(|(_, count)| *count == most).map(|(at, _)| at);
    let merit = |at: usize| {
        let bodies: Vec<&[u8]> = starts(at).map(|(body, _)| body).take(TRIED).collect();
        let likeliness = starts(at).next().map_or(0, |(_, start)| start.likeliness());
        let has_tpdu = at == Tpdu::LENGTH && raw.iter().all(|frame| is_tpdu(&frame.payload));
        let is_usual = has_tpdu || at == 0;
        let best = search::best_known(&bodies);
        (best.whole, likeliness, is_usual, best.sense, std::cmp::Reverse(at))
    };
    let best = places.map(merit).max()?;
    let (whole, likeliness, _, _, std::cmp::Reverse(at)) = best;
    // One thing that looks like a beginning, and nothing that follows from it, is chance.
    (whole > 0 || likeliness > 0 || most >= FEW).then_some(at)
}

fn is_tpdu(bytes: &[u8]) -> bool {
    bytes.first_chunk().copied().and_then(Tpdu::from_bytes).is_some()
}

/// TPDU and header: what stands before the message in every frame.
fn fronts(
    kind: Option<&'static str>,
    raw: Vec<Raw>,
    covered: (usize, usize),
    skipped: usize,
) -> Option<(FramingGuess, Vec<Cut>)> {
    let at = place(&raw)?;
    let before = |frame: &Raw| frame.payload.get(..at).map(Bytes::copy_from_slice);
    let mut heads = raw.iter().filter_map(before);
    let first = heads.next()?;
    let tpdu = raw.iter().filter_map(before).all(|head| is_tpdu(&head));
    let after = if tpdu { Tpdu::LENGTH } else { 0 };
    let header = first.slice(after.min(first.len())..);
    let header_varies = heads.any(|head| head.get(after..) != Some(&*header));
    let frames = raw.len();
    let bodies: Vec<&[u8]> = raw.iter().filter_map(|frame| frame.payload.get(at..)).collect();
    let like = start::of_most(&bodies)?;
    let cut: Vec<Cut> = raw
        .into_iter()
        .filter(|frame| start::may_be(frame.payload.get(at..).unwrap_or_default(), like))
        .map(|frame| Cut {
            stream: frame.stream,
            offset: frame.offset,
            front: [&*frame.prefix, frame.payload.get(..at).unwrap_or_default()].concat().into(),
            body: frame.payload.slice(at..),
        })
        .collect();
    let messages = cut.len();
    let guess =
        FramingGuess { kind, tpdu, header, header_varies, frames, messages, covered, skipped };
    Some((guess, cut))
}
