//! What the edge has to look up before the core can decide: keys, security profiles and PIN
//! references.

use arrayvec::ArrayVec;
use authorization::{FORMER_KEYS_MOST, TerminalSecurity};
use payment_types::{Moment, PanDigest, TerminalId, Timestamp};
use security::{CryptogramVersion, Derivation, LoadedKey, PinReference, USUAL_DECIMALIZATION};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A working key and those it replaced, which are taken until the device uses the new one, or their
/// time is up.
#[derive(Debug, Default)]
pub struct WorkingKeys {
    current: Option<LoadedKey>,
    former: ArrayVec<(LoadedKey, Timestamp), FORMER_KEYS_MOST>,
    used: AtomicBool,
}

impl WorkingKeys {
    /// The key in use, and those before it with the moments until which they are taken, newest
    /// first; more than [`FORMER_KEYS_MOST`] are left out.
    #[must_use]
    pub fn new(
        current: Option<LoadedKey>,
        former: impl IntoIterator<Item = (LoadedKey, Timestamp)>,
    ) -> Self {
        let former = former.into_iter().take(FORMER_KEYS_MOST).collect();
        Self { current, former, used: AtomicBool::new(false) }
    }

    /// The key in use.
    #[must_use]
    pub const fn current(&self) -> Option<&LoadedKey> {
        self.current.as_ref()
    }

    /// All that are taken now, the one in use first, each with its place.
    pub(crate) fn taken(&self, now: Moment) -> impl Iterator<Item = (u8, &LoadedKey)> {
        let is_over = self.used.load(Ordering::Relaxed);
        let former = (1u8..).zip(&self.former);
        let former = former.filter(move |(_, (_, until))| !is_over && *until > now.at);
        let former = former.map(|(place, (key, _))| (place, key));
        self.current.iter().map(|key| (0, key)).chain(former)
    }

    /// The key in use, then those before it, whatever their time.
    pub(crate) fn all(&self) -> impl Iterator<Item = &LoadedKey> {
        self.current.iter().chain(self.former.iter().map(|(key, _)| key))
    }

    /// The key at a place.
    pub(crate) fn at(&self, place: u8) -> Option<&LoadedKey> {
        match place.checked_sub(1) {
            None => self.current.as_ref(),
            Some(former) => self.former.get(usize::from(former)).map(|(key, _)| key),
        }
    }

    /// The device has used the key at this place.
    pub(crate) fn has_used(&self, place: u8) {
        if place == 0 && !self.former.is_empty() {
            self.used.store(true, Ordering::Relaxed);
        }
    }
}

/// The keys of one device, and how it uses them.
#[derive(Debug, Default)]
pub struct DeviceKeys {
    /// How it secures its messages.
    pub profile: TerminalSecurity,
    /// Its PIN blocks are under these (DE 52); none if it has no PIN pad of ours.
    pub pin: WorkingKeys,
    /// Its messages' authentication codes are under these.
    pub mac: WorkingKeys,
    /// What the keys of a DUKPT device are derived from.
    pub base: Option<LoadedKey>,
    /// Working keys travel under this one.
    pub master: Option<LoadedKey>,
}

/// The issuer's keys for a card: its own, or its product's.
#[derive(Debug, Default)]
pub struct IssuerKeys {
    /// PVV; `None` means the module's own.
    pub pvv: Option<LoadedKey>,
    /// IBM 3624.
    pub offset: Option<LoadedKey>,
    /// CVV, iCVV, CVV2.
    pub card_value: Option<LoadedKey>,
    /// CAVV.
    pub cavv: Option<LoadedKey>,
    /// AAV.
    pub aav: Option<LoadedKey>,
    /// dCVV, CVC3.
    pub dynamic: Option<LoadedKey>,
    /// Application cryptograms.
    pub cryptogram: Option<LoadedKey>,
    /// MACs of scripts.
    pub script_mac: Option<LoadedKey>,
    /// Secrets in scripts.
    pub script_secret: Option<LoadedKey>,
    /// How a card's keys come from the issuer's.
    pub derivation: Derivation,
    /// How its cards make cryptograms, where 9F10 does not say.
    pub version: Option<CryptogramVersion>,
    /// For an offset; `None` for the usual table.
    pub decimalization: Option<[u8; 16]>,
}

impl IssuerKeys {
    pub(crate) fn decimalization(&self) -> &[u8; 16] {
        self.decimalization.as_ref().unwrap_or(&USUAL_DECIMALIZATION)
    }
}

/// What a card is verified with.
#[derive(Debug, Clone)]
pub struct CardKeys {
    /// What its PIN is checked against.
    pub pin: Option<PinReference>,
    /// The issuer's keys.
    pub issuer: Arc<IssuerKeys>,
}

/// Looks up what a message is verified with. It must not decide anything: whether a device or a
/// card may do something is asked of the state, in order (BLK-1).
pub trait Register: Send + Sync {
    /// The keys of a device that is known.
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>>;

    /// What a card is verified with, if anything.
    fn card(&self, pan: &PanDigest) -> Option<CardKeys>;
}
