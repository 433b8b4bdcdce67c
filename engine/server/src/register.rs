//! What the edge must know of devices and cards before the core decides: which key a device's PIN
//! blocks are under, and what a card's PIN is checked against.
//!
//! A copy of a small part of the state, so that a PIN is verified without asking the shard. It
//! holds nothing that decides: blocks, tries and limits are only in the state (BLK-1: no cache may
//! serve an older state). It is filled when the data directory is opened and again whenever a
//! portfolio took effect.

use authorization::{Card, KeyRole, State};
use dashmap::DashMap;
use interchange::{DeviceKeys, Register};
use payment_types::{PanDigest, TerminalId};
use security::{KeyUsage, PinReference, SealedKey, SecurityModule};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// See the module.
pub struct DeviceRegister {
    security: Arc<dyn SecurityModule>,
    terminals: DashMap<TerminalId, Arc<DeviceKeys>>,
    pins: DashMap<PanDigest, PinReference, BuildHasherDefault<DigestHasher>>,
}

/// What could not be taken over from the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegisterFaults {
    /// Devices whose key the security module does not accept: their PIN blocks can't be verified.
    pub terminal_keys: u64,
    /// Cards whose PIN reference is not one: their PINs can't be verified.
    pub pin_references: u64,
}

impl DeviceRegister {
    /// An empty register.
    #[must_use]
    pub fn new(security: Arc<dyn SecurityModule>) -> Self {
        Self { security, terminals: DashMap::new(), pins: DashMap::default() }
    }

    /// The keys.
    #[must_use]
    pub fn security(&self) -> Arc<dyn SecurityModule> {
        Arc::clone(&self.security)
    }

    /// Takes over what the state has: devices and cards are added or replaced, never forgotten.
    pub fn refresh(&self, state: &State) -> RegisterFaults {
        let mut faults = RegisterFaults::default();
        for terminal in state.directory().terminals() {
            let mut keys = DeviceKeys::default();
            if let Some(sealed) = terminal.keys.get(KeyRole::Tpk) {
                let loaded = SealedKey::from_bytes(sealed)
                    .and_then(|key| self.security.load(&key, KeyUsage::PinEncryption));
                match loaded {
                    Ok(key) => keys.pin = Some(key),
                    Err(_) => faults.terminal_keys += 1,
                }
            }
            self.terminals.insert(terminal.id, Arc::new(keys));
        }
        for (_, card) in state.cards() {
            if !card.pin_reference.is_empty() && !self.refresh_pin(card) {
                faults.pin_references += 1;
            }
        }
        faults
    }

    /// PIN-4: what a card's PIN is checked against from now on; `false` if the bytes are no
    /// reference, and the one before stays.
    pub fn refresh_pin(&self, card: &Card) -> bool {
        let reference = PinReference::from_bytes(&card.pin_reference);
        reference.map(|reference| self.pins.insert(card.digest, reference)).is_ok()
    }
}

impl Register for DeviceRegister {
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>> {
        self.terminals.get(id).map(|keys| Arc::clone(&keys))
    }

    fn pin_reference(&self, pan: &PanDigest) -> Option<PinReference> {
        self.pins.get(pan).map(|reference| *reference)
    }
}

/// Digests are keyed already, so their own bytes are the hash: nobody outside can choose them.
#[derive(Default)]
pub struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    /// The length of the array, the same for all.
    fn write_usize(&mut self, _length: usize) {}
}
