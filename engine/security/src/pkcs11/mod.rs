//! Keys in a token that speaks PKCS#11: an HSM, or `SoftHSM`.
//!
//! Keys are token objects, sensitive and not extractable, found by label: `<usage>/<name>`, such
//! as `chip-cryptogram/elcart-1`. Working keys and test keys are stored outside, wrapped under a
//! key of the token (AES key wrap), and unwrapped straight into it when they are loaded.
//!
//! PKCS#11 has no PIN verification, no chip cryptograms and no retail MAC. They are composed of the
//! token's triple DES and AES, so **intermediate values pass through this process**: clear PIN
//! blocks, keys derived for one card or one transaction, a working key while it is made or taken
//! in. Issuer keys, base derivation keys, PIN verification keys and keys that protect others never
//! do. A payment HSM (`payshield`) keeps all of it inside.
//!
//! Keys of several versions are those that a key table names: the token has no place to say which of
//! its objects follows which. It is read once, when the module is opened.

mod data;
mod exchange;
mod keys;
mod operations;
mod steps;
mod table;
mod token;
mod vault;

use crate::composed::Composed;
use crate::reference::Kind;
use crate::versions::{self, Live};
use crate::{
    Health, HealthCheck, KeyUsage, OWN_PIN_VERIFICATION, OpenError, PinReference, SecurityError,
    SecurityModule, TestPin,
};
use core::fmt;
use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;
use hmac::{Hmac, KeyInit, Mac};
use keys::{KeyBox, MasterKeys};
use payment_types::{Pan, PanDigest, Timestamp};
use sha2::Sha256;
use std::path::PathBuf;
use std::sync::Arc;
use table::KeyTable;
use token::Token;
use zeroize::Zeroizing;

type HmacSha256 = Hmac<Sha256>;
/// What a loaded key of this module points at.
type Held = versions::Held<KeyBox>;
/// A named key with versions.
type NamedKey = versions::NamedKey<KeyBox>;

/// Which token, and how it is used.
#[derive(Clone)]
pub struct Pkcs11Settings {
    /// The token's library, such as `/usr/lib/softhsm/libsofthsm2.so`.
    pub library: PathBuf,
    /// The label the token was initialised with.
    pub token_label: String,
    /// The user PIN of the token.
    pub pin: Zeroizing<String>,
    /// How many sessions may be open at once, each of which computes one thing at a time.
    pub sessions: usize,
    /// How long a call waits for a free session.
    pub patience: Duration,
    /// Clear test keys and test PINs are accepted.
    pub test_keys: bool,
    /// The file that says which named keys have several versions.
    pub key_table: Option<PathBuf>,
}

impl Pkcs11Settings {
    /// Sessions where nothing else is said.
    pub const USUAL_SESSIONS: usize = 8;
    /// Patience where nothing else is said.
    pub const USUAL_PATIENCE: Duration = Duration::from_millis(500);
}

impl fmt::Debug for Pkcs11Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Settings({}, {:?})", self.library.display(), self.token_label)
    }
}

/// Keys in a token. See the module.
pub struct Pkcs11Module {
    token: Arc<Token>,
    master: MasterKeys,
    /// HMAC states of keys that a secret of the token gives when the module is opened. The digest
    /// of a card number is needed for every message, and must not fail.
    digest: HmacSha256,
    test_pin: HmacSha256,
    seal: HmacSha256,
    /// Of cards whose product names none: the versions of the key table, and the module's own.
    pin_verification: Held,
    table: KeyTable,
    /// The last time told, in milliseconds.
    now: Arc<AtomicI64>,
    fingerprint: [u8; 8],
    test_keys: bool,
}

impl Pkcs11Module {
    /// Opens the token. `create`: makes the module's own keys in it where they are missing, for a
    /// new installation; without, missing ones are an error, since what is stored could not be read.
    ///
    /// # Errors
    /// [`OpenError::Token`].
    pub fn open(settings: &Pkcs11Settings, create: bool) -> Result<Self, OpenError> {
        let failed = |why: String| OpenError::Token { label: settings.token_label.clone(), why };
        let token = Token::open(settings).map_err(failed)?;
        let master = MasterKeys::find(&token, create).map_err(failed)?;
        let secret = |purpose: &[u8]| {
            let key = master.derived(&token, purpose).map(Zeroizing::new);
            let key = key.map_err(|error| failed(error.to_string()))?;
            HmacSha256::new_from_slice(&key).map_err(|_| failed("no secret".to_owned()))
        };
        let digest = secret(b"tamga digest key 1")?;
        let mut name = digest.clone();
        name.update(b"tamga key set fingerprint 1");
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(name.finalize().into_bytes());
        let table = settings.key_table.as_deref().map(KeyTable::read).transpose();
        let own = Live::only(master.pin_verification(&token));
        let module = Self {
            test_pin: secret(b"tamga test PIN reference 1")?,
            seal: secret(b"tamga sealed keys 1")?,
            digest,
            fingerprint: [a, b, c, d, e, f, g, h],
            pin_verification: Held::One(own),
            table: table.map_err(failed)?.unwrap_or_default(),
            now: Arc::default(),
            test_keys: settings.test_keys,
            token,
            master,
        };
        module.with_table().map_err(failed)
    }

    /// Looks for every version that the table names, so that one which is not there is told at the
    /// start and not by a card.
    fn with_table(mut self) -> Result<Self, String> {
        for (name, usage) in self.table.names() {
            let versions = self.versions(&name, usage).map_err(|(_, why)| why)?;
            if (name.as_str(), usage) == (OWN_PIN_VERIFICATION, KeyUsage::PinVerificationVisa) {
                let own = Live::only(self.master.pin_verification(&self.token));
                let all = versions.into_iter().chain([own]).collect();
                self.pin_verification =
                    Held::Named(Arc::new(NamedKey::new(all, Arc::clone(&self.now))));
            }
        }
        Ok(self)
    }

    const fn require_test_mode(&self) -> Result<(), SecurityError> {
        if self.test_keys { Ok(()) } else { Err(SecurityError::TestKeysOff) }
    }
}

fn first_half(state: HmacSha256) -> [u8; 16] {
    let whole = <[u8; 32]>::from(state.finalize().into_bytes());
    whole.first_chunk::<16>().copied().unwrap_or_default()
}

impl SecurityModule for Pkcs11Module {
    fn pan_digest(&self, pan: &Pan) -> PanDigest {
        let mut digest = self.digest.clone();
        digest.update(pan.expose_digits());
        PanDigest::from_bytes(first_half(digest))
    }

    fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError> {
        Ok(PinReference(Kind::TestPin(self.test_pin_digest(pan, pin.pin())?)))
    }

    fn time_is(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }
}

impl HealthCheck for Pkcs11Module {
    fn health(&self) -> Health {
        match self.token.ping() {
            Ok(()) => Health::Ready,
            Err(_) => Health::Unavailable(format!("token {:?} does not answer", self.token.label)),
        }
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        format!("PKCS#11 token {:?} ({})", self.token.label, self.token.model)
    }
}

impl fmt::Debug for Pkcs11Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pkcs11Module({:?}, keys hidden)", self.token.label)
    }
}
