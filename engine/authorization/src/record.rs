//! What the journal holds for each command: when, what, and what came of it.

use crate::command::{Accepted, Outcome, Parties};
use crate::effects::Scratch;
use crate::{Decision, IdempotencyKey, Movement, Notice, Request, TraceEntry};
use payment_types::{Moment, Sequence};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The layout of a record, its first byte. A reader takes no other one: the layout is that of the
/// types, and what another one wrote would be misread. It rises with any change of them.
pub const RECORD_VERSION: u8 = 3;

/// A journaled command with its outcome. A replay carries the command out again and compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When and what.
    pub accepted: Accepted,
    /// What came of it.
    pub outcome: Outcome,
}

/// A record that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// Written by a newer version.
    #[error("record layout {0} is newer than this version reads ({RECORD_VERSION})")]
    Newer(u8),
    /// Written by an older version.
    #[error(
        "record layout {0} is older than the one this version reads ({RECORD_VERSION}): open the \
         directory with the version that wrote it, and import what is needed into a new one"
    )]
    Older(u8),
    /// Not a record.
    #[error("the bytes are no record")]
    Malformed,
}

/// The bytes of a record, appended to `out`.
///
/// # Panics
/// Never: writing to memory does not fail.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    encode(record, out);
}

/// Reads a record.
///
/// # Errors
/// [`RecordError`].
pub fn decode_record(bytes: &[u8]) -> Result<Record, RecordError> {
    let (version, rest) = bytes.split_first().ok_or(RecordError::Malformed)?;
    if *version > RECORD_VERSION {
        return Err(RecordError::Newer(*version));
    }
    if *version < RECORD_VERSION {
        return Err(RecordError::Older(*version));
    }
    match postcard::take_from_bytes(rest) {
        Ok((record, [])) => Ok(record),
        _ => Err(RecordError::Malformed),
    }
}

/// The bytes of a decided message without building a [`Record`] first: the same bytes, without an
/// allocation once `out` has grown.
pub fn encode_decided(
    moment: Moment,
    request: &Request,
    decision: &Decision,
    scratch: &Scratch,
    rules_version: &str,
    out: &mut Vec<u8>,
) {
    let record = RecordRef {
        accepted: AcceptedRef {
            moment,
            idempotency: None,
            command: CommandRef::Authorize(request),
        },
        outcome: OutcomeRef::Decided(DecidedRef {
            decision,
            movement: scratch.movement(),
            parties: scratch.parties(),
            original: scratch.original(),
            rules: rules_version,
            trace: scratch.trace(),
            notice: scratch.notice(),
        }),
    };
    encode(&record, out);
}

fn encode<T: Serialize>(record: &T, out: &mut Vec<u8>) {
    out.push(RECORD_VERSION);
    let written = postcard::serialize_with_flavor(record, Appending(out));
    assert!(written.is_ok(), "a record is made of plain values");
}

/// Appends to a buffer that is used again.
struct Appending<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct RecordRef<'a> {
    accepted: AcceptedRef<'a>,
    outcome: OutcomeRef<'a>,
}

#[derive(Serialize)]
struct AcceptedRef<'a> {
    moment: Moment,
    idempotency: Option<IdempotencyKey>,
    command: CommandRef<'a>,
}

/// The first variant of `Command`, borrowed.
#[derive(Serialize)]
enum CommandRef<'a> {
    Authorize(&'a Request),
}

/// The first variant of `Outcome`, borrowed.
#[derive(Serialize)]
enum OutcomeRef<'a> {
    Decided(DecidedRef<'a>),
}

#[derive(Serialize)]
struct DecidedRef<'a> {
    decision: &'a Decision,
    movement: &'a Movement,
    parties: Parties,
    original: Option<Sequence>,
    rules: &'a str,
    trace: &'a [TraceEntry],
    notice: Option<Notice>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_layout_is_not_misread() {
        assert_eq!(decode_record(&[1, 0, 0]), Err(RecordError::Older(1)));
        let newer = RECORD_VERSION + 1;
        assert_eq!(decode_record(&[newer, 0, 0]), Err(RecordError::Newer(newer)));
        let snapshot = |first: u8| crate::State::read_snapshot(&mut [first, 0].as_slice()).err();
        let told = |first| snapshot(first).map(|error| error.to_string()).unwrap_or_default();
        assert!(told(1).contains("older"), "{}", told(1));
        assert!(told(crate::SNAPSHOT_VERSION + 1).contains("newer"));
    }
}
