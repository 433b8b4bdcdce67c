//! Clearing files in parts: cut without being understood, then read record by record.
//!
//! A part is cut on the side that has the file and read on the side that has the keys, so that the
//! same code serves `tamga present` and the API of a running engine.

use super::csv::Header;
use authorization::Presentment;
use bytes::BytesMut;
use interchange::{CodeTable, Link, read_presentment};
use iso8583::{Dialect, Framing};
use payment_types::{BusinessDate, Currency, WireDateTime};
use security::SecurityModule;
use std::io::BufRead;
use std::sync::Arc;

/// Records of a part.
pub(super) const PART: u32 = 2000;
/// No line of a clearing file is nearly so long.
const LONGEST_LINE: usize = 4096;
/// No message either.
const LONGEST_FRAME: usize = 8192;

/// How a file is written.
#[derive(Clone)]
pub enum Format {
    /// A header and a record a line.
    Csv,
    /// Framed ISO 8583 messages, one after the other.
    Iso {
        /// Their dialect, and the currency of amounts without DE 49: KGS.
        link: Link,
        /// How they are cut out.
        framing: Framing,
    },
}

impl Format {
    /// Messages of a dialect in a framing.
    ///
    /// # Errors
    /// An unknown framing.
    pub fn iso(dialect: Arc<Dialect>, framing: &str) -> Result<Self, String> {
        let codes = CodeTable::default_for(dialect.version());
        let link = Link::new(dialect, codes).with_default_currency(Currency::KGS);
        let framing =
            Framing::new(framing, false, &[], LONGEST_FRAME).map_err(|error| error.to_string())?;
        Ok(Self::Iso { link, framing })
    }
}

/// A part of a file: whole records, in CSV with the header before them.
pub struct Part {
    /// The line, or the message, that its first record is, from 1.
    pub first: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where the file stands behind it.
    pub position: u64,
}

/// Cuts a file.
pub struct Cutter<R> {
    reader: R,
    format: Format,
    header: Vec<u8>,
    next: u32,
    position: u64,
    buffer: BytesMut,
}

impl<R: BufRead> Cutter<R> {
    /// Begins, with the header where there is one.
    ///
    /// # Errors
    /// The file cannot be read, or its header is wrong.
    pub fn new(reader: R, format: Format) -> Result<Self, String> {
        let mut cutter = Self {
            reader,
            format,
            header: Vec::new(),
            next: 1,
            position: 0,
            buffer: BytesMut::new(),
        };
        if matches!(cutter.format, Format::Csv) {
            let mut header = Vec::new();
            cutter.line(&mut header)?;
            Header::read(&String::from_utf8_lossy(&header))
                .map_err(|why| format!("line 1: {why}"))?;
            (cutter.header, cutter.next) = (header, 2);
        }
        Ok(cutter)
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or not be cut.
    pub fn part(&mut self) -> Result<Option<Part>, String> {
        let first = self.next;
        let mut bytes = self.header.clone();
        let empty = bytes.len();
        for _ in 0..PART {
            let more = match self.format {
                Format::Csv => self.line(&mut bytes)?,
                Format::Iso { .. } => self.frame(&mut bytes)?,
            };
            if !more {
                break;
            }
            self.next = self.next.checked_add(1).ok_or("too many records for one file")?;
        }
        let part = Part { first, bytes, position: self.position };
        Ok(Some(part).filter(|part| part.bytes.len() > empty))
    }

    /// Appends a line with its end; `false` at the end of the file.
    fn line(&mut self, to: &mut Vec<u8>) -> Result<bool, String> {
        let before = to.len();
        loop {
            let available = self.reader.fill_buf().map_err(|error| error.to_string())?;
            if available.is_empty() {
                if to.len() > before {
                    to.push(b'\n');
                }
                return Ok(to.len() > before);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end.saturating_add(1));
            to.extend_from_slice(available.get(..used).unwrap_or_default());
            self.reader.consume(used);
            self.position = self.position.saturating_add(u64::try_from(used).unwrap_or_default());
            if to.len().saturating_sub(before) > LONGEST_LINE {
                return Err(format!("line {}: is longer than {LONGEST_LINE} bytes", self.next));
            }
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// Appends a whole frame; `false` at the end of the file.
    fn frame(&mut self, to: &mut Vec<u8>) -> Result<bool, String> {
        let Format::Iso { framing, .. } = &self.format else { return Ok(false) };
        let number = self.next;
        loop {
            let mut rest = self.buffer.clone();
            match framing.next_frame(&mut rest) {
                Ok(Some(_)) => {
                    let used = self.buffer.len().saturating_sub(rest.len());
                    to.extend_from_slice(self.buffer.get(..used).unwrap_or_default());
                    self.buffer = rest;
                    return Ok(true);
                }
                Ok(None) => {}
                Err(error) => return Err(format!("message {number}: {error}")),
            }
            let available = self.reader.fill_buf().map_err(|error| error.to_string())?;
            if available.is_empty() {
                let whole = self.buffer.is_empty();
                let cut = format!("message {number}: the file ends in the middle of it");
                return if whole { Ok(false) } else { Err(cut) };
            }
            let used = available.len();
            self.buffer.extend_from_slice(available);
            self.reader.consume(used);
            self.position = self.position.saturating_add(u64::try_from(used).unwrap_or_default());
        }
    }
}

/// What a part holds.
#[derive(Default)]
pub struct Records {
    /// Its records.
    pub presentments: Vec<Presentment>,
    /// What is wrong with the others, by line or number.
    pub refused: Vec<(u32, String)>,
}

/// Reads a part. `today` gives messages, which tell no year, theirs.
#[must_use]
pub fn read(
    format: &Format,
    (file, first, bytes): (&str, u32, &[u8]),
    today: BusinessDate,
    security: &dyn SecurityModule,
) -> Records {
    match format {
        Format::Csv => read_lines(file, first, bytes, security),
        Format::Iso { link, framing } => {
            read_frames((link, framing), file, (first, bytes), today, security)
        }
    }
}

fn read_lines(file: &str, first: u32, bytes: &[u8], security: &dyn SecurityModule) -> Records {
    let mut records = Records::default();
    let Ok(text) = std::str::from_utf8(bytes) else {
        records.refused.push((first, "not UTF-8 text".to_owned()));
        return records;
    };
    let mut lines = text.split_inclusive('\n');
    let header = match Header::read(lines.next().unwrap_or_default()) {
        Ok(header) => header,
        Err(why) => {
            records.refused.push((1, why));
            return records;
        }
    };
    for (number, line) in (first..).zip(lines) {
        if line.trim().is_empty() {
            continue;
        }
        match header.record(line, (file, number), security) {
            Ok(presentment) => records.presentments.push(presentment),
            Err(wrong) => {
                records.refused.extend(wrong.into_iter().map(|why| (number, why)));
            }
        }
    }
    records
}

fn read_frames(
    (link, framing): (&Link, &Framing),
    file: &str,
    (first, bytes): (u32, &[u8]),
    today: BusinessDate,
    security: &dyn SecurityModule,
) -> Records {
    let mut records = Records::default();
    let mut rest = BytesMut::from(bytes);
    for number in first.. {
        let frame = match framing.next_frame(&mut rest) {
            Ok(Some(frame)) => frame,
            Ok(None) if rest.is_empty() => break,
            Ok(None) => {
                records.refused.push((number, "the file ends in the middle of it".to_owned()));
                break;
            }
            Err(error) => {
                records.refused.push((number, error.to_string()));
                break;
            }
        };
        let message = match read_presentment(link, &frame.body, security) {
            Ok(message) => message,
            Err(error) => {
                records.refused.push((number, error.to_string()));
                continue;
            }
        };
        let told = [message.request.local, message.request.transmission];
        let Some(operation) = told.into_iter().find_map(|time| day(time, today)) else {
            records.refused.push((number, "neither DE 13 nor DE 7 tells the day".to_owned()));
            continue;
        };
        let card = message.request.card.as_ref();
        if card.is_some_and(|card| super::holds_card_number(&message.reference, card.leading)) {
            records.refused.push((number, "DE 31 holds a card number".to_owned()));
            continue;
        }
        records.presentments.push(Presentment {
            file: file.into(),
            line: number,
            reference: message.reference.into(),
            operation,
            request: message.request,
        });
    }
    records
}

/// The latest such day that is not after tomorrow: messages tell no year, and abroad it may be
/// tomorrow already.
fn day(told: WireDateTime, today: BusinessDate) -> Option<BusinessDate> {
    let (month, day) = (told.date() / 100, told.date() % 100);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let (year, ..) = today.ymd();
    let latest = today.plus_days(1);
    // A leap day is found within eight years.
    (0..8)
        .filter_map(|ago| {
            BusinessDate::from_ymd(year.saturating_add(1).saturating_sub(ago), month, day)
        })
        .find(|date| *date <= latest)
        .map(|date| date.min(today))
}
