//! What the edge has to look up before the core can decide: keys and PIN references.

use payment_types::{PanDigest, TerminalId};
use security::{LoadedKey, PinReference};
use std::sync::Arc;

/// The keys of one device.
#[derive(Debug, Clone, Default)]
pub struct DeviceKeys {
    /// Its PIN blocks are under this key (DE 52); `None` if it has no PIN pad of ours.
    pub pin: Option<LoadedKey>,
}

/// Looks up what a PIN is verified with. It must not decide anything: whether a device or a card
/// may do something is asked of the state, in order (BLK-1).
pub trait Register: Send + Sync {
    /// The keys of a device that is known.
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>>;

    /// What the PIN of a card is checked against.
    fn pin_reference(&self, pan: &PanDigest) -> Option<PinReference>;
}
