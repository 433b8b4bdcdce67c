//! A tape from a packet capture.

use super::file::{Header, Line, Side, Tape};
use super::proxy::remapped;
use super::remap::Remap;
use crate::recording::Stream;
use crate::{Endpoint, SimError};
use bytes::BytesMut;
use std::net::SocketAddr;
use std::time::Duration;

/// The conversations with one service. Gives how many pieces could not be read, too.
///
/// # Errors
/// [`SimError::Setting`] if nothing in it is a message.
pub fn of_streams(
    streams: &[Stream],
    (endpoint, header): (&Endpoint, Header),
    remap: &Remap,
) -> Result<(Tape, usize), SimError> {
    let mut terminals: Vec<String> = Vec::new();
    let (mut lines, mut unread) = (Vec::new(), 0);
    for stream in streams {
        let Some((from, to)) = stream.name.split_once(" to ") else { continue };
        let is_service = |end: &str| end.parse::<SocketAddr>().ok() == stream.service;
        let (side, terminal) =
            if is_service(to) { (Side::Terminal, from) } else { (Side::Host, to) };
        let known = terminals.iter().position(|known| known == terminal);
        let index = known.unwrap_or_else(|| {
            terminals.push(terminal.to_owned());
            terminals.len() - 1
        });
        let connection = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let mut buffer = BytesMut::from(&*stream.bytes);
        loop {
            let end = stream.bytes.len() - buffer.len();
            let frame = match endpoint.framing().next_frame(&mut buffer) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => {
                    unread += 1;
                    break;
                }
            };
            let message = match remap.replaces() {
                false => Some(frame.body.to_vec()),
                true => remapped(endpoint, &frame.body, remap),
            };
            let Some(message) = message else {
                unread += 1;
                continue;
            };
            let at_us = u64::try_from(arrival(stream, end).as_micros()).unwrap_or(u64::MAX);
            lines.push(Line { at_us, connection, from: side, message });
        }
    }
    if lines.is_empty() {
        let cause = "nothing in the capture is a message of this framing and dialect; \
                     `tamga-sim doctor` finds out how it speaks";
        return Err(SimError::Setting(cause.to_owned()));
    }
    lines.sort_by_key(|line| line.at_us);
    Ok((Tape { header, lines }, unread))
}

/// When the byte at an offset came.
fn arrival(stream: &Stream, offset: usize) -> Duration {
    let before = stream.arrivals.iter().take_while(|(begin, _)| *begin <= offset);
    before.last().map_or(Duration::ZERO, |(_, at)| *at)
}
