//! The security module that is a payment HSM, over a socket: the same answers as the vectors'
//! compositions give, keys held to their usage, and what it says when the HSM is gone, slow or out
//! of its mind.

#![allow(clippy::expect_used, reason = "the makers of test values stand outside `#[test]`")]

#[path = "payshield/bench.rs"]
mod bench;
#[path = "payshield/cards.rs"]
mod cards;
#[path = "payshield/faults.rs"]
mod faults;
#[path = "payshield/keys.rs"]
mod keys;
#[path = "payshield/messages.rs"]
mod messages;
#[path = "payshield/pins.rs"]
mod pins;
