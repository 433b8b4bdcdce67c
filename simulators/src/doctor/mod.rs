//! Works out from bytes how somebody speaks ISO 8583: framing, TPDU and header, codings, dialect;
//! proposes a dialect file where no known one fits, and maps messages byte by byte.
//!
//! A guess is always shown with what speaks for it: how many messages it explains to the last byte.

mod candidate;
mod framing;
mod map;
mod plausible;
mod report;
mod search;
mod start;

pub use candidate::Candidate;
pub use framing::FramingGuess;
pub use report::text;
pub use search::{Fit, Known};
pub use start::{BitmapCoding, DigitCoding, Start};

use crate::recording::Stream;
use bytes::Bytes;

/// More messages than these tell nothing new.
const MESSAGES_MAX: usize = 200;

/// A message that was cut out of the streams.
#[derive(Clone)]
pub struct Cut {
    /// Which of the streams.
    pub stream: usize,
    /// Where in the stream the frame begins.
    pub offset: usize,
    /// The length, TPDU and header in front of the message.
    pub front: Bytes,
    /// The message.
    pub body: Bytes,
}

/// What was found out.
pub struct Diagnosis {
    /// How messages are cut out of the streams; none if that could not be found out.
    pub framing: Option<FramingGuess>,
    /// The messages that were looked at.
    pub messages: Vec<Cut>,
    /// How they begin.
    pub start: Option<Start>,
    /// The dialects tried, best first; a proposal of its own comes last or not at all.
    pub fits: Vec<Fit>,
}

impl Diagnosis {
    /// The dialect that explains most.
    #[must_use]
    pub fn best(&self) -> Option<&Fit> {
        self.fits.first()
    }

    /// Whether every message is understood to its last byte.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let messages = self.messages.len();
        messages > 0 && self.best().is_some_and(|fit| fit.score.whole == messages)
    }
}

/// Looks at what was sent; `known` are dialects to try beside the shipped ones.
#[must_use]
pub fn diagnose(streams: &[Stream], known: Vec<Known>) -> Diagnosis {
    let Some((framing, mut messages)) = framing::best(streams) else {
        return Diagnosis { framing: None, messages: Vec::new(), start: None, fits: Vec::new() };
    };
    messages.truncate(MESSAGES_MAX);
    let bodies: Vec<&[u8]> = messages.iter().map(|cut| &*cut.body).collect();
    let start = start::of_most(&bodies);
    let fits = match start {
        Some(start) => search::fits(&bodies, start, known),
        None => Vec::new(),
    };
    Diagnosis { framing: Some(framing), messages, start, fits }
}

#[cfg(test)]
mod tests;
