//! A terminal's secure part: its keys, how they change, and what it makes with them.
//!
//! A [`Device`] has either session keys, which the host delivers under its master key ([`mod@delivery`]),
//! or a DUKPT base key, of which every message takes a key of its own. [`MessageKeys`] are those of
//! one message: they make its PIN blocks and its MAC, and check the answer's.

mod delivery;
mod kept;
mod key_block;
mod message_keys;
mod profile;

pub use delivery::{Exchange, KeySeal, KeyUse, Pending};
pub use message_keys::MessageKeys;
pub(crate) use message_keys::{clear, tdes};
pub use profile::{KeyForm, KeyScheme, MacDuty, MacMethod, SecurityProfile};

use crate::SimError;
use crate::card::Proof;
use crate::keys::{KeySet, TestKey};
use crate::portfolio::Terminal;
use kept::Kept;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The key set of every simulated DUKPT device: the first bytes of its key serial number.
const KEY_SET: [u8; 5] = [0xFF, 0xFF, 0x94, 0x17, 0x01];

/// A terminal's keys as they stand.
#[derive(Debug)]
pub struct Device {
    profile: SecurityProfile,
    keys: Arc<KeySet>,
    /// Delivered by the host, in place of the portfolio's.
    pin_key: Option<TestKey>,
    mac_key: Option<TestKey>,
    /// Names the device among those with the same base key.
    number: u32,
    /// Transactions of a DUKPT device so far.
    counter: u32,
}

/// The devices that have been used so far, by DE 41.
#[derive(Debug, Default)]
pub struct Devices {
    by_id: BTreeMap<Box<str>, Device>,
    /// Tells the devices of several who speak for the same terminals apart.
    lane: u32,
    /// Where their keys outlive the program.
    file: Option<PathBuf>,
    /// As the file has them, by DE 41.
    kept: BTreeMap<Box<str>, Kept>,
}

impl Devices {
    /// Devices of one connection among several: no DUKPT key of theirs is another's.
    #[must_use]
    pub fn of_lane(lane: usize) -> Self {
        Self { lane: u32::try_from(lane).unwrap_or(u32::MAX), ..Self::default() }
    }

    /// The device of a terminal.
    pub fn of(&mut self, terminal: &Terminal) -> &mut Device {
        let (lane, kept) = (self.lane, &self.kept);
        let new = || Device::new(terminal, lane).with(kept.get(&terminal.id));
        self.by_id.entry(terminal.id.clone()).or_insert_with(new)
    }
}

impl Device {
    fn new(terminal: &Terminal, lane: u32) -> Self {
        let digest = Sha256::digest(terminal.id.as_bytes());
        let number = digest.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
        let number = number.wrapping_add(lane);
        Self {
            profile: terminal.security,
            keys: terminal.keys.clone(),
            pin_key: None,
            mac_key: None,
            number,
            counter: 0,
        }
    }

    /// How it protects what it sends.
    #[must_use]
    pub const fn profile(&self) -> SecurityProfile {
        self.profile
    }

    /// Whether and how a message gets a MAC: as the profile says, unless a test wants otherwise.
    #[must_use]
    pub fn mac_wish(&self, wish: Option<Proof>) -> Option<Proof> {
        let duty = (self.profile.mac == MacDuty::Required).then_some(Proof::Right);
        wish.or(duty).filter(|wish| *wish != Proof::None)
    }

    /// The keys of the next message. `told` is what a DUKPT device says its key serial number is,
    /// where that is not the truth.
    ///
    /// # Errors
    /// [`SimError::Key`].
    pub fn next_keys(&mut self, told: Option<&[u8]>) -> Result<MessageKeys, SimError> {
        match self.profile.keys {
            KeyScheme::Session => self.keys_of(None),
            KeyScheme::DukptTdes | KeyScheme::DukptAes => {
                let own = self.next_serial();
                let base = self.keys.get("bdk")?;
                MessageKeys::dukpt(self.profile, base, &own, told)
            }
        }
    }

    /// The keys of a message that somebody else's device of this kind sent, which told that key
    /// serial number; without one, those of the session.
    ///
    /// # Errors
    /// [`SimError::Key`].
    pub(crate) fn keys_of(&self, serial: Option<&[u8]>) -> Result<MessageKeys, SimError> {
        match (self.profile.keys, serial) {
            (KeyScheme::Session, _) => {
                let pin = self.session_key("tpk", self.pin_key.as_ref());
                let mac = self.session_key("tak", self.mac_key.as_ref());
                Ok(MessageKeys::session(self.profile, pin, mac))
            }
            (_, Some(serial)) => {
                MessageKeys::dukpt(self.profile, self.keys.get("bdk")?, serial, None)
            }
            (_, None) => Err(SimError::Key("no key serial number".to_owned())),
        }
    }

    fn session_key(
        &self,
        name: &'static str,
        delivered: Option<&TestKey>,
    ) -> Result<TestKey, String> {
        let own = || self.keys.get(name).cloned().map_err(|error| error.to_string());
        delivered.cloned().map_or_else(own, Ok)
    }

    /// Counts on, as the standards say: counters with too many one bits are left out.
    fn next_serial(&mut self) -> Vec<u8> {
        let is_aes = self.profile.keys == KeyScheme::DukptAes;
        let most_ones = if is_aes { 16 } else { 10 };
        loop {
            self.counter = self.counter.wrapping_add(1);
            if (1..=most_ones).contains(&self.counter.count_ones()) {
                break;
            }
        }
        let mut serial = KEY_SET.to_vec();
        if is_aes {
            // Eight bytes that name the initial key, four that count.
            let [_, device @ ..] = self.number.to_be_bytes();
            serial.extend_from_slice(&device);
            serial.extend_from_slice(&self.counter.to_be_bytes());
        } else {
            // 19 bits that name the device, 21 that count.
            let register = u64::from(self.number & 0x7_FFFF) << 21 | u64::from(self.counter);
            serial.extend(register.to_be_bytes().iter().skip(3));
        }
        serial
    }
}
