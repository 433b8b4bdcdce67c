//! What the edge has to look up before the core can decide: keys, security profiles and PIN
//! references.

use crate::{Claim, HandedOut, Trespass};
use arrayvec::ArrayVec;
use authorization::{FORMER_KEYS_MOST, TerminalSecurity};
use payment_types::{Moment, PanDigest, TerminalId, Timestamp};
use security::{CryptogramVersion, Derivation, LoadedKey, PinReference, USUAL_DECIMALIZATION};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

/// A working key and those it replaced, each of which is taken until the device uses a later one, or
/// its time is up.
#[derive(Debug)]
pub struct WorkingKeys {
    current: Option<LoadedKey>,
    former: ArrayVec<(LoadedKey, Timestamp), FORMER_KEYS_MOST>,
    /// The place of the newest that was used rightly; [`NOT_USED`] if none was.
    used: AtomicU8,
    /// The one in use as it travelled, if it was made here.
    handed_out: OnceLock<Arc<HandedOut>>,
}

/// A key that was not used for so long is not handed out again: the next is a new one.
const HANDED_OUT_AGAIN_MS: i64 = 24 * 60 * 60 * 1000;

const NOT_USED: u8 = u8::MAX;

impl Default for WorkingKeys {
    fn default() -> Self {
        Self::new(None, [])
    }
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
        let (used, handed_out) = (AtomicU8::new(NOT_USED), OnceLock::new());
        Self { current, former, used, handed_out }
    }

    /// The key in use.
    #[must_use]
    pub const fn current(&self) -> Option<&LoadedKey> {
        self.current.as_ref()
    }

    /// All that are taken now, the one in use first, each with its place.
    pub(crate) fn taken(&self, now: Moment) -> impl Iterator<Item = (u8, &LoadedKey)> {
        let used = self.used.load(Ordering::Relaxed);
        let former = (1u8..).zip(&self.former);
        let former = former.filter(move |(place, (_, until))| *place <= used && *until > now.at);
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
        if place < self.used.load(Ordering::Relaxed) {
            self.used.fetch_min(place, Ordering::Relaxed);
        }
    }

    /// The place of the newest key that the device has used, 0 for the one in use; `None` if it has
    /// used none since they were loaded.
    #[must_use]
    pub fn newest_used(&self) -> Option<u8> {
        Some(self.used.load(Ordering::Relaxed)).filter(|place| *place != NOT_USED)
    }

    /// The key in use was made here, and travelled like this.
    pub fn was_handed_out(&self, key: Arc<HandedOut>) {
        let _first = self.handed_out.set(key);
    }

    /// The key in use as it travelled, as long as the device did not use it.
    #[must_use]
    pub fn handed_out(&self) -> Option<&Arc<HandedOut>> {
        self.handed_out.get().filter(|_| self.newest_used() != Some(0))
    }

    /// What is answered to who asks for a key now: the one that was made last, until it is used or a
    /// day old. So whoever asks in the device's name pushes out no key that it got (PIN-1).
    #[must_use]
    pub fn again(&self, now: Moment) -> Option<&Arc<HandedOut>> {
        let is_young = |key: &&Arc<HandedOut>| now.at < key.at.plus_ms(HANDED_OUT_AGAIN_MS);
        self.handed_out().filter(is_young)
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

    /// Why a message is refused for whom it says to be from; `None` if it is let in.
    fn refuses(&self, _claim: &Claim) -> Option<Trespass> {
        None
    }
}
