//! `tamga decode`: messages in hex to JSON, or to a table for people.

use crate::failure::Failure;
use crate::wire::{self, Decoded, WireError};
use iso8583::{Dialect, Message};
use serde::Serialize;
use std::io::{self, BufRead, Write};

/// How messages are to be shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct DecodeOptions {
    /// Show card numbers, tracks and PIN blocks in clear.
    pub unmask: bool,
    /// A table for people instead of JSON.
    pub pretty: bool,
}

/// `{"error": ...}`.
#[derive(Serialize)]
pub(crate) struct ErrorLine<'e> {
    error: &'e WireError,
}

impl<'e> ErrorLine<'e> {
    pub(crate) const fn new(error: &'e WireError) -> Self {
        Self { error }
    }
}

/// One message to `out`.
///
/// # Errors
/// Code 1 if it is no message of the dialect; the error is on `out` as JSON too.
pub fn decode_one(
    dialect: &Dialect,
    digits: &str,
    options: DecodeOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let result = line(dialect, digits, options, &mut bytes, out).map_err(|error| output(&error))?;
    result.map_err(|error| Failure::found(format!("not a message of {}: {error}", dialect.name())))
}

/// One message a line; a bad line gives an error line, and the rest goes on.
///
/// # Errors
/// Only if `input` or `out` fail.
pub fn decode_lines(
    dialect: &Dialect,
    input: impl BufRead,
    options: DecodeOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(1024);
    for text in Lines::new(input) {
        let text = text.map_err(|error| input_failed(&error))?;
        // The error is on its line.
        let _told = line(dialect, &text, options, &mut bytes, out).map_err(|e| output(&e))?;
    }
    out.flush().map_err(|error| output(&error))
}

fn line(
    dialect: &Dialect,
    digits: &str,
    options: DecodeOptions,
    bytes: &mut Vec<u8>,
    out: &mut impl Write,
) -> io::Result<Result<(), WireError>> {
    let parsed = wire::parse_hex(digits, bytes)
        .and_then(|()| Message::parse(dialect, bytes).map_err(WireError::from));
    match parsed {
        Ok(message) if options.pretty => {
            out.write_all(wire::pretty(dialect, &message, bytes.len(), options.unmask).as_bytes())?;
            writeln!(out)?;
            Ok(Ok(()))
        }
        Ok(message) => {
            serde_json::to_writer(&mut *out, &Decoded::of(&message, options.unmask))?;
            writeln!(out)?;
            Ok(Ok(()))
        }
        Err(error) => {
            serde_json::to_writer(&mut *out, &ErrorLine::new(&error))?;
            writeln!(out)?;
            Ok(Err(error))
        }
    }
}

pub(crate) fn output(error: &io::Error) -> Failure {
    // Whoever closed the pipe has what it wanted.
    let code = if error.kind() == io::ErrorKind::BrokenPipe { 0 } else { 1 };
    let lines = if code == 0 { vec![] } else { vec![format!("standard output: {error}")] };
    Failure { code, lines }
}

pub(crate) fn input_failed(error: &io::Error) -> Failure {
    Failure::usage(format!("standard input: {error}"))
}

/// Lines of any bytes: what is not UTF-8 is made visible and refused by whoever reads it.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(input: R) -> Self {
        Self { input, buffer: Vec::new() }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.buffer.clear();
        match self.input.read_until(b'\n', &mut self.buffer) {
            Ok(0) => None,
            Ok(_) => Some(Ok(String::from_utf8_lossy(&self.buffer).trim().to_owned())),
            Err(error) => Some(Err(error)),
        }
    }
}
