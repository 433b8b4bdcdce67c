//! Presentments: what a payment network says was done with our cards, for settlement.
//!
//! A presentment is a fact (TOD-1). Its reference makes it book once, however often its file is
//! read: references are remembered for [`REMEMBER_DAYS`], and an operation older than that is not
//! booked by itself, so that no reference can come back after it was forgotten.

use crate::Request;
use compact_str::CompactString;
use dense::{Chunked, Index};
use payment_types::{BusinessDate, Sequence};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How long the reference of a presentment is remembered, days.
pub const REMEMBER_DAYS: i32 = 180;

/// One record of a clearing file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentment {
    /// The file's name.
    pub file: CompactString,
    /// The line, or the number of the message, in the file, from 1.
    pub line: u32,
    /// The network's reference, which no other presentment has.
    pub reference: CompactString,
    /// The day of the operation.
    pub operation: BusinessDate,
    /// What was done, as a message says it. Its type is [`PRESENTMENT`].
    pub request: Request,
}

/// The message type that presentments are kept under: financial, notification (ISO 8583:1993 calls
/// 1240 so). None arrives over a line with it.
pub const PRESENTMENT: payment_types::Mti = match payment_types::Mti::from_digits([0, 2, 4, 0]) {
    Ok(mti) => mti,
    Err(_) => panic!("0240 is four digits"),
};

/// A presentment that was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// A digest of its reference.
    pub(crate) reference: [u8; 16],
    /// Its place in the journal.
    pub sequence: Sequence,
    /// Its amount, minor units as presented.
    pub amount: u64,
}

/// The presentments booked on a day.
#[derive(Clone, Serialize, Deserialize)]
struct Day {
    date: i32,
    rows: Chunked<Presented>,
    #[serde(skip)]
    index: Index,
}

/// The presentments that were booked, by day.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct PresentedBefore {
    days: VecDeque<Day>,
}

/// What a reference is found by. References come from the networks' files, not from terminals.
pub(crate) fn reference_digest(reference: &str) -> [u8; 16] {
    xxhash_rust::xxh3::xxh3_128(reference.as_bytes()).to_le_bytes()
}

fn hash(reference: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *reference;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

impl PresentedBefore {
    /// The presentment that was booked with a reference.
    #[must_use]
    pub fn find(&self, reference: &str) -> Option<&Presented> {
        let reference = reference_digest(reference);
        let in_day = |day: &Day| {
            let same = |at| {
                day.rows.get(crate::directory::at(at)).is_some_and(|r| r.reference == reference)
            };
            day.index.find(hash(&reference), same)
        };
        self.days.iter().rev().find_map(|day| day.rows.get(crate::directory::at(in_day(day)?)))
    }

    pub(crate) fn add(&mut self, date: BusinessDate, presented: Presented) {
        let date = date.days();
        if self.days.back().is_none_or(|day| day.date != date) {
            self.days.push_back(Day { date, rows: Chunked::new(), index: Index::new() });
        }
        if let Some(day) = self.days.back_mut() {
            let position = day.rows.push(presented);
            day.index.insert(hash(&presented.reference), position);
        }
    }

    /// Forgets what was booked more than [`REMEMBER_DAYS`] before a day.
    pub(crate) fn forget_before(&mut self, date: BusinessDate) {
        let oldest = date.plus_days(-REMEMBER_DAYS).days();
        while self.days.front().is_some_and(|day| day.date < oldest) {
            self.days.pop_front();
        }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.iter().map(|day| day.rows.len()).sum()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rebuilds the indexes after loading.
    pub(crate) fn rebuild(&mut self) {
        for day in &mut self.days {
            day.index = Index::with_capacity(day.rows.len());
            for (position, row) in (0u32..).zip(day.rows.iter()) {
                day.index.insert(hash(&row.reference), position);
            }
        }
    }
}
