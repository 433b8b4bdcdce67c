//! `tamga encode`: JSON to messages in hex.

use crate::decode::{ErrorLine, Lines, input_failed, output};
use crate::failure::Failure;
use crate::wire::{ToEncode, WireError, hex_dump};
use iso8583::Dialect;
use std::io::{self, BufRead, Write};

/// One message to `out`; `pretty` gives a hex dump.
///
/// # Errors
/// Code 1 if the dialect cannot carry it; the error is on `out` as JSON too.
pub fn encode_one(
    dialect: &Dialect,
    json: &str,
    pretty: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let result = line(dialect, json, pretty, &mut bytes, out).map_err(|error| output(&error))?;
    result.map_err(|error| Failure::found(format!("not a message of {}: {error}", dialect.name())))
}

/// One message a line; a bad line gives an error line, and the rest goes on.
///
/// # Errors
/// Only if `input` or `out` fail.
pub fn encode_lines(
    dialect: &Dialect,
    input: impl BufRead,
    pretty: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(1024);
    for text in Lines::new(input) {
        let text = text.map_err(|error| input_failed(&error))?;
        // The error is on its line.
        let _told = line(dialect, &text, pretty, &mut bytes, out).map_err(|e| output(&e))?;
    }
    out.flush().map_err(|error| output(&error))
}

fn line(
    dialect: &Dialect,
    json: &str,
    pretty: bool,
    bytes: &mut Vec<u8>,
    out: &mut impl Write,
) -> io::Result<Result<(), WireError>> {
    bytes.clear();
    match ToEncode::parse(json).and_then(|message| message.build(dialect, bytes)) {
        Ok(()) => {
            let text = if pretty { hex_dump(bytes) } else { hex::encode_upper(&*bytes) };
            writeln!(out, "{text}")?;
            Ok(Ok(()))
        }
        Err(error) => {
            serde_json::to_writer(&mut *out, &ErrorLine::new(&error))?;
            writeln!(out)?;
            Ok(Err(error))
        }
    }
}
