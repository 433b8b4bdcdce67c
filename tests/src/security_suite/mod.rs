//! What every security module must do, through the trait only: the software module, a token and
//! an HSM run the same checks, with the conformance vectors.
//!
//! A module that cannot do a part of it leaves that part's function out, and says so in a test of
//! its own.

mod card_values;
mod chips;
mod exchange;
mod macs;
mod pins;

pub use card_values::card_values;
pub use chips::{cryptograms, scripts};
pub use exchange::{key_exchange, usage_is_held_to};
pub use macs::{dukpt_macs, macs};
pub use pins::{dukpt_pins, ibm_offsets, pin_blocks, pin_changes, pvvs};

use payment_types::Pan;
use security::{KeyUsage, LoadedKey, SecurityModule};
use serde_json::Value;

/// A module and a way to give it a key that the checks know in clear: hex digits as a test
/// portfolio writes them (`aes:` before AES keys).
pub struct Peer<'a> {
    /// The module.
    pub module: &'a dyn SecurityModule,
    /// Brings a key into it.
    pub key: &'a dyn Fn(&str, KeyUsage) -> LoadedKey,
}

impl Peer<'_> {
    fn key(&self, hex: &str, usage: KeyUsage) -> LoadedKey {
        (self.key)(hex, usage)
    }
}

/// All of it.
pub fn everything(peer: &Peer<'_>) {
    pin_blocks(peer);
    pvvs(peer);
    ibm_offsets(peer);
    pin_changes(peer);
    dukpt_pins(peer);
    card_values(peer);
    cryptograms(peer);
    scripts(peer);
    macs(peer);
    dukpt_macs(peer);
    key_exchange(peer);
    usage_is_held_to(peer);
}

fn each_vector(name: &str, mut check: impl FnMut(&str, &Value)) {
    let data = crate::conformance_json(&format!("crypto/given/{name}.json"));
    let vectors = crate::list(&data, "vectors");
    assert!(!vectors.is_empty(), "no vectors in {name}");
    for vector in vectors {
        check(crate::text(vector, "id"), vector);
    }
}

fn pan(vector: &Value) -> Pan {
    let digits = crate::text(vector, "pan");
    Pan::from_ascii(digits.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn bytes(vector: &Value, name: &str) -> Vec<u8> {
    unhex(crate::text(vector, name))
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn array<const N: usize>(vector: &Value, name: &str) -> [u8; N] {
    bytes(vector, name).try_into().unwrap_or_else(|_| panic!("{name} is not {N} bytes"))
}

/// X9.24-1: a terminal skips counters with more than ten one bits, so a module may refuse them.
fn is_skipped_counter(vector: &Value) -> bool {
    let counter = vector.get("counter").and_then(Value::as_u64);
    counter.is_some_and(|counter| counter.count_ones() > 10)
}

/// Modules derive working keys of the base key's own length.
fn has_keys_of_own_length(vector: &Value) -> bool {
    let own = format!("AES{}", crate::text(vector, "bdk").len() * 4);
    crate::text(vector, "working_key_type") == own
}
