//! What comes in from outside, and what the desk wants done: the whole of its contact with the
//! world.

use super::errand::{Errand, Report};
use super::slip::Slip;
use std::time::Duration;

/// A key, whichever keyboard it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A letter, digit or sign.
    Char(char),
    /// The green one.
    Enter,
    /// Back.
    Esc,
    /// The yellow one.
    Backspace,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// To the next part of the screen.
    Tab,
    /// To the part before.
    BackTab,
    /// A screenful.
    PageUp,
    /// A screenful.
    PageDown,
    /// Ctrl-C.
    Interrupt,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody pressed a key.
    Key(Key),
    /// An errand came back.
    Report(Box<Report>),
    /// So much time has gone by since the desk was opened.
    Clock(Duration),
}

/// Something is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// A message is to be sent; its [`Report`] comes back as an event.
    Carry(Errand),
    /// A slip is to be printed.
    Print(Slip),
    /// The person has had enough.
    Quit,
}
