//! What the edge must know of devices and cards before the core decides: which keys a device's
//! messages are under, and what a card's PIN, values and cryptograms are checked with.
//!
//! A copy of a small part of the state, so that a PIN is verified without asking the shard. It
//! holds nothing that decides: blocks, tries and limits are only in the state (BLK-1: no cache may
//! serve an older state). It is filled when the data directory is opened and again whenever a
//! portfolio took effect.

use authorization::{Card, KeyRole, KeyScheme, ProductSecurity, SealedKeys, State, Terminal};
use dashmap::DashMap;
use interchange::{CardKeys, DeviceKeys, HandedOut, IssuerKeys, Register, WorkingKeys};
use payment_types::{Moment, PanDigest, TerminalId, Timestamp};
use security::{
    CryptogramVersion, Derivation, KeyUsage, LoadedKey, PinReference, SealedKey, SecurityModule,
};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
pub struct DeviceRegister {
    security: Arc<dyn SecurityModule>,
    terminals: DashMap<TerminalId, Device>,
    cards: DashMap<PanDigest, CardKeys, BuildHasherDefault<DigestHasher>>,
    /// The keys of each product, by its position.
    products: Mutex<Vec<(ProductSecurity, Arc<IssuerKeys>)>>,
    /// Who changes the keys of a device, one after the other; devices share the places.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

const TURNS: usize = 64;

/// A device as it was taken over, so that one that did not change is not loaded again.
struct Device {
    source: Terminal,
    keys: Arc<DeviceKeys>,
}

/// What could not be taken over from the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegisterFaults {
    /// Keys of devices that the security module does not accept: what is under them can't be
    /// verified.
    pub terminal_keys: u64,
    /// The same of products and cards.
    pub issuer_keys: u64,
    /// Cards whose PIN reference is not one: their PINs can't be verified.
    pub pin_references: u64,
}

impl DeviceRegister {
    /// An empty register.
    #[must_use]
    pub fn new(security: Arc<dyn SecurityModule>) -> Self {
        let (cards, products) = (DashMap::default(), Mutex::default());
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        Self { security, terminals: DashMap::new(), cards, products, turns }
    }

    /// The keys.
    #[must_use]
    pub fn security(&self) -> Arc<dyn SecurityModule> {
        Arc::clone(&self.security)
    }

    /// Whether a device is in it.
    #[must_use]
    pub fn knows(&self, id: &TerminalId) -> bool {
        self.terminals.contains_key(id)
    }

    /// Whether a device comes in by this listener: one that is not known, or names none, by any.
    #[must_use]
    pub fn comes_in_by(&self, id: &TerminalId, listener: &str) -> bool {
        let home = |device: &Device| {
            let home = &device.source.listener;
            home.is_empty() || *home == listener
        };
        self.terminals.get(id).is_none_or(|device| home(&device))
    }

    /// Takes over what the state has: devices and cards are added or replaced, never forgotten.
    pub fn refresh(&self, state: &State) -> RegisterFaults {
        let mut faults = RegisterFaults::default();
        for terminal in state.directory().terminals() {
            self.refresh_terminal(terminal, &mut faults);
        }
        let products = self.refresh_products(state, &mut faults);
        for (slot, card) in state.cards() {
            self.take_card(state, (slot, card), &products, &mut faults);
        }
        faults
    }

    /// The key of a device that it used last, sealed, as far as that was seen since they were loaded.
    #[must_use]
    pub fn key_in_use(&self, id: &TerminalId, role: KeyRole) -> Option<Vec<u8>> {
        let device = self.terminals.get(id)?;
        let sealed = match working(&device.keys, role).newest_used()?.checked_sub(1) {
            None => device.source.keys.get(role)?,
            Some(back) => {
                let former: Vec<_> = device.source.former_of(role).collect();
                former.iter().rev().nth(usize::from(back))?.0
            }
        };
        Some(sealed.to_vec())
    }

    /// Whether a device's key of a role is this one, sealed.
    #[must_use]
    pub fn has_current(&self, id: &TerminalId, role: KeyRole, sealed: &[u8]) -> bool {
        self.terminals.get(id).is_some_and(|device| device.source.keys.get(role) == Some(sealed))
    }

    /// Waits until nobody else changes this device's keys. Between the state and this copy of it two
    /// changes at once could come in another order, and the device's newest key be lost here.
    pub async fn turn(&self, id: &TerminalId) -> tokio::sync::MutexGuard<'_, ()> {
        let sum =
            id.as_str().bytes().fold(0usize, |sum, byte| sum * 31 % TURNS + usize::from(byte));
        self.turns[sum % TURNS].lock().await
    }

    /// The key that is answered to who asks for one now, if there is one that was not used yet.
    #[must_use]
    pub fn handed_out(
        &self,
        id: &TerminalId,
        role: KeyRole,
        now: Moment,
    ) -> Option<Arc<HandedOut>> {
        let device = self.terminals.get(id)?;
        working(&device.keys, role).again(now).cloned()
    }

    /// A key that was made for a device is handed out again until it is used, as long as it is the
    /// device's current one: one made for another message at the same time may have replaced it.
    pub fn was_handed_out(&self, id: &TerminalId, role: KeyRole, key: Option<HandedOut>) {
        if let (Some(device), Some(key)) = (self.terminals.get(id), key)
            && device.source.keys.get(role) == Some(key.sealed())
        {
            working(&device.keys, role).was_handed_out(Arc::new(key));
        }
    }

    /// Takes over one device, such as after a key exchange.
    pub fn refresh_terminal(&self, terminal: &Terminal, faults: &mut RegisterFaults) {
        if self.terminals.get(&terminal.id).is_some_and(|known| known.source == *terminal) {
            return;
        }
        let keys = Arc::new(self.device_keys(terminal, faults));
        if let Some(known) = self.terminals.get(&terminal.id) {
            keep_handed_out(&known, terminal, &keys);
        }
        self.terminals.insert(terminal.id, Device { source: terminal.clone(), keys });
    }

    /// Takes over what the PIN of one card is checked against, after a change of it (PIN-4); false
    /// if it is no reference.
    pub fn refresh_pin(&self, card: &Card) -> bool {
        let Ok(reference) = PinReference::from_bytes(&card.pin_reference) else { return false };
        if let Some(mut known) = self.cards.get_mut(&card.digest) {
            known.pin = Some(reference);
        } else {
            let keys = CardKeys { pin: Some(reference), issuer: Arc::default() };
            self.cards.insert(card.digest, keys);
        }
        true
    }

    fn device_keys(&self, terminal: &Terminal, faults: &mut RegisterFaults) -> DeviceKeys {
        let mut load = |sealed: &[u8], usage: KeyUsage| {
            let loaded = self.load(sealed, usage);
            faults.terminal_keys += u64::from(loaded.is_none());
            loaded
        };
        let profile = terminal.security;
        let of = |role| terminal.keys.get(role);
        let base_usage = match profile.keys {
            KeyScheme::DukptAes => KeyUsage::BaseDerivationAes,
            KeyScheme::DukptTdes | KeyScheme::Session => KeyUsage::BaseDerivationTdes,
        };
        let mut working = |role: KeyRole, usage: KeyUsage| {
            let current = of(role).and_then(|sealed| load(sealed, usage));
            let mut former: Vec<_> = terminal
                .former_of(role)
                .filter_map(|(key, until)| {
                    Some((load(key, usage)?, until.unwrap_or(Timestamp(i64::MAX))))
                })
                .collect();
            former.reverse();
            WorkingKeys::new(current, former)
        };
        let pin = match of(KeyRole::Tpk) {
            None if of(KeyRole::Zpk).is_some() => working(KeyRole::Zpk, KeyUsage::ZonePin),
            _ => working(KeyRole::Tpk, KeyUsage::PinEncryption),
        };
        let mac = working(KeyRole::Tak, KeyUsage::MacTerminal);
        let base = of(KeyRole::Bdk).and_then(|sealed| load(sealed, base_usage));
        let master = of(KeyRole::Tmk).and_then(|sealed| load(sealed, KeyUsage::TerminalMaster));
        DeviceKeys { profile, pin, mac, base, master }
    }

    /// The keys of all products, by position; those that did not change are kept.
    fn refresh_products(&self, state: &State, faults: &mut RegisterFaults) -> Vec<Arc<IssuerKeys>> {
        let mut known = self.products.lock().unwrap_or_else(PoisonError::into_inner);
        let positions = (0u32..).map_while(|position| state.directory().product(position));
        for (position, product) in positions.enumerate() {
            let row = known.get_mut(position);
            if row.as_ref().is_some_and(|row| row.0 == product.security) {
                continue;
            }
            let none = SealedKeys::default();
            let keys = Arc::new(self.issuer_keys(&none, &product.security, faults));
            let fresh = (product.security.clone(), keys);
            match row {
                Some(row) => *row = fresh,
                None => known.push(fresh),
            }
        }
        known.iter().map(|product| Arc::clone(&product.1)).collect()
    }

    fn issuer_keys(
        &self,
        own: &SealedKeys,
        product: &ProductSecurity,
        faults: &mut RegisterFaults,
    ) -> IssuerKeys {
        let mut key = |role: KeyRole, usage: KeyUsage| {
            let sealed = own.get(role).or_else(|| product.keys.get(role))?;
            let loaded = self.load(sealed, usage);
            faults.issuer_keys += u64::from(loaded.is_none());
            loaded
        };
        IssuerKeys {
            pvv: key(KeyRole::Pvk, KeyUsage::PinVerificationVisa),
            offset: key(KeyRole::IbmPvk, KeyUsage::PinVerificationIbm),
            card_value: key(KeyRole::Cvk, KeyUsage::CardVerification),
            cavv: key(KeyRole::Cavk, KeyUsage::CardholderAuthentication),
            aav: key(KeyRole::Aav, KeyUsage::AccountholderAuthentication),
            dynamic: key(KeyRole::Cvc3, KeyUsage::CardDynamic),
            cryptogram: key(KeyRole::ImkAc, KeyUsage::ChipCryptogram),
            script_mac: key(KeyRole::ImkSmi, KeyUsage::ChipScriptMac),
            script_secret: key(KeyRole::ImkSmc, KeyUsage::ChipScriptConfidentiality),
            derivation: match product.derivation {
                authorization::Derivation::A => Derivation::A,
                authorization::Derivation::B => Derivation::B,
            },
            version: product.cryptogram_version.and_then(version),
            decimalization: product.decimalization_table,
        }
    }

    fn take_card(
        &self,
        state: &State,
        (slot, card): (u32, &Card),
        products: &[Arc<IssuerKeys>],
        faults: &mut RegisterFaults,
    ) {
        let product = state.ledger().account(card.account).map(|account| account.product);
        let at = product.and_then(|product| usize::try_from(product).ok());
        let own = state.card_keys(slot).filter(|keys| !keys.is_empty());
        let security = product
            .and_then(|product| state.directory().product(product))
            .map(|product| &product.security);
        let issuer = match (own, security) {
            (Some(own), Some(security)) => Arc::new(self.issuer_keys(own, security, faults)),
            _ => at.and_then(|at| products.get(at)).map(Arc::clone).unwrap_or_default(),
        };
        let pin = match &*card.pin_reference {
            [] => None,
            bytes => {
                let reference = PinReference::from_bytes(bytes).ok();
                faults.pin_references += u64::from(reference.is_none());
                reference
            }
        };
        self.cards.insert(card.digest, CardKeys { pin, issuer });
    }

    fn load(&self, sealed: &[u8], usage: KeyUsage) -> Option<LoadedKey> {
        let key = SealedKey::from_bytes(sealed).ok()?;
        self.security.load(&key, usage).ok()
    }
}

/// A device's working keys of a role.
fn working(keys: &DeviceKeys, role: KeyRole) -> &WorkingKeys {
    if role == KeyRole::Tak { &keys.mac } else { &keys.pin }
}

/// What was handed out and not used yet stays so when something else of the device changed, such as
/// the key of the other role; not when it travels in another way now.
fn keep_handed_out(known: &Device, now: &Terminal, keys: &DeviceKeys) {
    let is_same = |role| known.source.keys.get(role) == now.keys.get(role);
    if known.source.security != now.security || !is_same(KeyRole::Tmk) {
        return;
    }
    for role in [KeyRole::Tpk, KeyRole::Tak].into_iter().filter(|role| is_same(*role)) {
        if let Some(key) = working(&known.keys, role).handed_out() {
            working(keys, role).was_handed_out(Arc::clone(key));
        }
    }
}

/// By the networks' numbers.
const fn version(number: u8) -> Option<CryptogramVersion> {
    match number {
        10 => Some(CryptogramVersion::VisaCvn10),
        18 => Some(CryptogramVersion::VisaCvn18),
        22 => Some(CryptogramVersion::VisaCvn22),
        16 => Some(CryptogramVersion::MChipCvn16),
        17 => Some(CryptogramVersion::MChipCvn17),
        20 => Some(CryptogramVersion::MChipCvn20),
        21 => Some(CryptogramVersion::MChipCvn21),
        _ => None,
    }
}

impl Register for DeviceRegister {
    fn terminal(&self, id: &TerminalId) -> Option<Arc<DeviceKeys>> {
        self.terminals.get(id).map(|device| Arc::clone(&device.keys))
    }

    fn card(&self, pan: &PanDigest) -> Option<CardKeys> {
        self.cards.get(pan).map(|keys| keys.clone())
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
