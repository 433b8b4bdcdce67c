//! Every vector of `conformance/crypto` through the public door of `cryptography`: what the project
//! was given and what others have published. No row is passed over: each is counted, and one that
//! is wrong itself or out of scope is in a list with its reason and must fail.
//!
//! `published/payshield_host_commands.json` is the wire of an HSM and belongs to its client's
//! tests. Some published rows are ours to reject: see the lists in `published_*.rs`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests stand outside them")]

mod given_chips;
mod given_dukpt;
mod given_keys;
mod given_macs;
mod given_pins;
mod published_jpos;
mod published_psec;
mod published_pyemv;
mod published_pyemv_cvn;
mod published_standards;
mod rows;
