//! Recorded conversations between terminals and a host: taken down by a proxy between the two or
//! read from a packet capture, and played again against another host.
//!
//! A tape is a text file, one JSON object a line. The first line says how the messages are to be
//! read; every other is a message. Card numbers are replaced before a message is written, so that a
//! tape may be kept and handed on.

mod compare;
mod file;
mod from_capture;
mod player;
mod proxy;
mod redress;
mod remap;
mod times;

pub use compare::{Difference, Report};
pub use file::{Header, Line, Side, Tape};
pub use from_capture::of_streams;
pub use player::{Player, Speed};
pub use proxy::{Proxy, Tally, Witness};
pub use remap::Remap;

#[cfg(test)]
mod tests;
