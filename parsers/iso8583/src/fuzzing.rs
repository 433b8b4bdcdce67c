//! What a fuzzer calls: not part of the API. Each function takes any bytes and panics only if
//! something that must always hold does not.

use crate::dialect::Dialect;
use crate::framing::Framing;
use crate::message::Message;
use crate::parse::{fast_and_plain, parse_lenient, peek_mti};
use crate::{MessageBuilder, Subfield};
use bytes::{BufMut, BytesMut};
use std::sync::Arc;

/// A dialect by a byte.
fn dialect(choice: u8) -> Option<Arc<Dialect>> {
    let name = Dialect::SHIPPED.get(usize::from(choice) % Dialect::SHIPPED.len())?;
    Dialect::shipped(name)
}

/// The first byte chooses the dialect, the rest is the message: both passes agree, everything can be
/// read, and what is built from it reads the same.
///
/// # Panics
/// If one of these is not so.
pub fn message(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let Some(dialect) = dialect(*choice) else { return };
    message_of(&dialect, body);
}

fn message_of(dialect: &Dialect, body: &[u8]) {
    if let Some((fast, plain)) = fast_and_plain(dialect, body) {
        assert!(!fast || plain, "the fast pass accepts what the plain one refuses");
    }
    let (lenient, error) = parse_lenient(dialect, body);
    let parsed = Message::parse(dialect, body);
    assert_eq!(parsed.as_ref().err().copied(), error, "two ways to parse");
    if let Some(error) = error {
        assert!(error.offset <= body.len(), "the error is outside the message");
    }
    let Some(message) = lenient else { return };
    assert_eq!(peek_mti(dialect, body), Some(message.mti()));
    let mut scratch = [0; 2048];
    let mut builder = MessageBuilder::new(dialect, message.mti());
    for de in message.elements() {
        let read = message.text(de, &mut scratch).is_some_and(|text| text.is_ok());
        assert!(read || message.raw(de).is_some_and(|raw| raw.len() > 1024), "{de} has no text");
        let found = (message.number(de), message.binary(de, &mut scratch).map(|b| b.is_ok()));
        assert!(found.0.is_some() && found.1.is_some(), "{de} is there and is not");
        if let Some(Ok(parts)) = message.subfields(de) {
            join_again(dialect, de, &parts);
        }
        let field = message.field(de);
        assert!(field.is_some(), "{de} has no value");
        if let Some(field) = field {
            assert!(builder.set_field(de, &field).is_ok(), "{de} cannot be set to its own value");
        }
    }
    let (mut built, mut copied) = (Vec::new(), Vec::new());
    assert!(builder.write(&mut built).is_ok(), "cannot be built");
    let again = Message::parse(dialect, &built);
    assert!(again.is_ok(), "what is built does not parse: {again:?}");
    let Ok(again) = again else { return };
    assert!(again.mti() == message.mti() && again.elements().eq(message.elements()));
    for de in message.elements() {
        assert_eq!(again.field(de), message.field(de), "{de} reads differently");
    }
    let copy = builder.copy_all(&message).map(|builder| builder.write(&mut copied).is_ok());
    assert_eq!(copy, Ok(true), "cannot be copied");
    if error.is_none() {
        let same = copied == body || Message::parse(dialect, &copied).is_ok();
        assert!(same, "the copy does not parse");
    }
}

fn join_again(dialect: &Dialect, de: u8, parts: &[Subfield]) {
    let format = dialect.element(de).and_then(|format| format.subfields());
    let joined = format.map(|subfields| (subfields, subfields.join(parts)));
    let Some((subfields, joined)) = joined else { return };
    assert!(joined.is_ok(), "{de}: parts cannot be joined again");
    if let Ok(bytes) = joined {
        assert_eq!(subfields.split(&bytes).as_deref(), Ok(parts), "{de}: parts read differently");
    }
}

/// The first bytes choose a framing and where the stream is cut, the rest is the stream: it gives the
/// same frames however it is cut, and a frame encodes to the bytes it came from.
///
/// # Panics
/// If one of these is not so.
pub fn framing(data: &[u8]) {
    let Some(([kind, options, cut], stream)) = data.split_first_chunk() else { return };
    let Some(kind) = Framing::KINDS.get(usize::from(*kind) % Framing::KINDS.len()) else { return };
    let header: &[u8] = if options & 2 == 2 { b"ISO" } else { b"" };
    let max = if options & 4 == 4 { 64 } else { Framing::DEFAULT_MAX };
    let Ok(framing) = Framing::new(kind, options & 1 == 1, header, max) else { return };
    let whole = frames(&framing, [stream]);
    let pieces = frames(&framing, stream.chunks(usize::from(*cut).max(1)));
    assert_eq!(whole, pieces, "frames depend on how the stream is cut");
}

/// All frames of a stream, and whether it ended in an error.
fn frames<'s>(
    framing: &Framing,
    pieces: impl IntoIterator<Item = &'s [u8]>,
) -> (Vec<Vec<u8>>, bool) {
    let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.put_slice(piece);
        loop {
            let before = buffer.clone();
            match framing.next_frame(&mut buffer) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let mut again = Vec::new();
                    let encoded = framing.encode(frame.tpdu, &frame.body, &mut again);
                    assert_eq!(encoded, Ok(()), "a frame cannot be encoded");
                    assert!(before.starts_with(&again), "a frame encodes differently");
                    found.push(again);
                }
                Err(_) => {
                    assert_eq!(before, buffer, "an error takes bytes away");
                    return (found, true);
                }
            }
        }
        assert!(buffer.len() <= framing.max_length() + 4, "more is kept than a frame");
    }
    (found, false)
}

/// Any text as a dialect file: it is refused with places, or works.
///
/// # Panics
/// If an error has no place, or a message behaves as in [`message`] it must not.
pub fn dialect_file(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match Dialect::from_toml(text, "fuzz") {
        Ok(dialect) => message_of(&dialect, data),
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors.iter() {
                let lines = text.lines().count().max(1) + 1;
                assert!(error.line() >= 1, "an error without a line");
                assert!(error.file() != "fuzz" || error.line() <= lines, "outside the file");
            }
        }
    }
}
