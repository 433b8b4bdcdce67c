//! The security module: keys in the device, questions over the wire.
//!
//! The device keeps no keys but its master keys: every key is held here under them, as text, and
//! goes along with each command. Usages are kept apart by the device itself, which gives each type
//! of key another variant of its master key, and by the usage stored with the key, for types that
//! the device has only one of.
//!
//! Not in the device, since it would ask it for every look-up: the key of the card numbers' digests
//! and the keys of data at rest. These are the [`SoftwareModule`]'s, beside the data.

use super::command::{Command, Response, ResultCode};
use super::lmk::{self, KeyType};
use super::pool::Pool;
use super::settings::Settings;
use super::standing::Standing;
use super::table::KeyTable;
use super::tls::{self, SetupError};
use super::values::Values;
use crate::reference::Kind;
use crate::{
    CheckValue, ClearKey, DataProtection, Health, HealthCheck, KeyAlgorithm, KeyUsage, LoadedKey,
    PinReference, SealedKey, SecurityError, SecurityModule, SoftwareModule, TdesKey, TestKey,
    TestPin, Vault, visa_pvv,
};
use payment_types::{Pan, PanDigest, Timestamp};
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// A sealed key's first byte: what follows.
const UNDER_LMK: u8 = b'P';
/// The name of a key in the table.
const NAMED: u8 = b'N';
const VERSION: u8 = 1;

/// What PVVs are made with in test mode where the table names no key for them.
const TEST_PVK: &[u8] = b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10";

/// A payment HSM that speaks payShield's host commands.
pub struct PayshieldModule {
    pub(super) pool: Arc<Pool>,
    standing: Arc<Standing>,
    local: SoftwareModule,
    table: KeyTable,
    test_keys: bool,
    /// A PIN key of the device's own making, for changing PINs that came under DUKPT.
    pub(super) passing_key: Mutex<Option<String>>,
}

/// A key as this module's handle holds it: under the device's master key.
pub(super) struct DeviceKey {
    pub(super) text: String,
}

impl PayshieldModule {
    /// Sets up the client. The device need not be there yet; whether it is shows in its health.
    /// `local` keeps what is not in the device; `test_keys` turns test mode on: clear keys are put
    /// under the published test master key, which the device must then have.
    ///
    /// # Errors
    /// [`SetupError`] for files and settings that cannot work.
    pub fn start(
        settings: Settings,
        local: SoftwareModule,
        test_keys: bool,
    ) -> Result<Self, SetupError> {
        if settings.addresses.is_empty() || settings.connections == 0 {
            return Err(SetupError::Setting("no address, or no connection allowed".to_owned()));
        }
        let tls = settings.tls.as_ref().map(tls::client).transpose()?;
        let table = match &settings.key_table {
            Some(path) => KeyTable::read(path)?,
            None => KeyTable::default(),
        };
        let pool = Arc::new(Pool::new(settings, tls));
        let standing = Arc::new(Standing::new());
        standing.ask(&pool);
        Arc::clone(&standing).keep_asking(Arc::clone(&pool));
        Ok(Self { pool, standing, local, table, test_keys, passing_key: Mutex::new(None) })
    }

    /// Sends a command whose answers say yes or an error.
    pub(super) fn call(&self, code: &str, values: &Values) -> Result<Response, SecurityError> {
        let command = Command::by_code(code.as_bytes())
            .ok_or(SecurityError::Unsupported("no such host command"))?;
        self.pool.call(command, values)
    }

    /// As [`Self::call`], for what must succeed.
    pub(super) fn ask(&self, code: &str, values: &Values) -> Result<Values, SecurityError> {
        let response = self.call(code, values)?;
        if response.is_success { Ok(response.values) } else { Err(error(response.result)) }
    }

    /// As [`Self::call`], for verifications: 01 is an answer, too.
    pub(super) fn is_right(&self, code: &str, values: &Values) -> Result<bool, SecurityError> {
        let response = self.call(code, values)?;
        match response.result {
            _ if response.is_success => Ok(true),
            ResultCode::WRONG => Ok(false),
            other => Err(error(other)),
        }
    }

    /// The key that PVVs without a product's key are made with.
    pub(super) fn own_pvk(&self) -> Result<String, SecurityError> {
        match self.table.get(crate::OWN_PIN_VERIFICATION) {
            Some(entry) if entry.usage == KeyUsage::PinVerificationVisa => Ok(entry.key.clone()),
            Some(_) => Err(SecurityError::WrongUsage),
            None => {
                self.require_test_mode().map_err(|_| SecurityError::NoSuchKey)?;
                under_test_lmk(&ClearKey::from_bytes(TEST_PVK)?, KeyUsage::PinVerificationVisa)
            }
        }
    }

    fn require_test_mode(&self) -> Result<(), SecurityError> {
        if self.test_keys { Ok(()) } else { Err(SecurityError::TestKeysOff) }
    }
}

impl Drop for PayshieldModule {
    fn drop(&mut self) {
        self.standing.stop();
    }
}

/// What an error code of the device means to who asked.
pub(super) fn error(result: ResultCode) -> SecurityError {
    match &result.0 {
        // Parity, another master key, a key block's MAC.
        b"10" | b"11" | b"13" | b"A1" | b"A2" | b"A3" | b"A4" => SecurityError::NotOurs,
        b"20" | b"23" | b"24" => SecurityError::PinBlock,
        b"28" | b"29" | b"A6" | b"A8" | b"AA" => SecurityError::WrongUsage,
        b"15" | b"21" | b"22" | b"80" => SecurityError::Malformed("input of a host command"),
        b"25" => SecurityError::Malformed("decimalization table"),
        b"26" | b"27" | b"75" | b"A5" | b"A7" => SecurityError::Malformed("key scheme or length"),
        b"47" | b"67" | b"68" | b"69" => {
            SecurityError::Unsupported("the module has this command or format switched off")
        }
        b"17" => SecurityError::Unsupported("the module is not in the authorised state"),
        b"01" => SecurityError::Malformed("what was to be verified"),
        // Broken, tampered with, or not set up: as good as gone.
        _ => SecurityError::Unavailable,
    }
}

/// What [`Vault::load`] gets back.
pub(super) fn sealed(
    text: &str,
    usage: KeyUsage,
    check_value: CheckValue,
) -> Result<SealedKey, SecurityError> {
    let [a, b, c] = check_value.bytes();
    let mut bytes = vec![UNDER_LMK, VERSION, usage as u8, a, b, c];
    bytes.extend_from_slice(text.as_bytes());
    SealedKey::from_bytes(&bytes)
}

/// A type that a host command names.
pub(super) fn key_type(usage: KeyUsage) -> Result<KeyType, SecurityError> {
    KeyType::of(usage).ok_or(SecurityError::Unsupported(
        "the module's variant master key has no type for keys of this usage",
    ))
}

/// The text of a loaded key.
pub(super) fn text_of<'k>(
    key: &'k LoadedKey,
    usages: &[KeyUsage],
) -> Result<&'k str, SecurityError> {
    key.handle::<DeviceKey>(usages).map(|key| key.text.as_str())
}

fn under_test_lmk(key: &ClearKey, usage: KeyUsage) -> Result<String, SecurityError> {
    // Refuses what is single DES in disguise.
    TdesKey::new(key)?;
    lmk::under_test_lmk(key, key_type(usage)?)
        .map_err(|_| SecurityError::Malformed("key scheme or length"))
}

impl Vault for PayshieldModule {
    fn load(&self, key: &SealedKey, usage: KeyUsage) -> Result<LoadedKey, SecurityError> {
        if usage == KeyUsage::Data {
            return self.local.load(key, usage);
        }
        let (text, check_value) = match key.as_bytes() {
            [UNDER_LMK, VERSION, number, a, b, c, text @ ..] => {
                if KeyUsage::from_number(*number) != Some(usage) {
                    return Err(SecurityError::WrongUsage);
                }
                let text = std::str::from_utf8(text).map_err(|_| SecurityError::NotOurs)?;
                (text, CheckValue::from_bytes([*a, *b, *c]))
            }
            [NAMED, name @ ..] => {
                let name = std::str::from_utf8(name).map_err(|_| SecurityError::NotOurs)?;
                let entry = self.table.get(name).ok_or(SecurityError::NoSuchKey)?;
                if entry.usage != usage {
                    return Err(SecurityError::WrongUsage);
                }
                (entry.key.as_str(), entry.check_value)
            }
            _ => return Err(SecurityError::NotOurs),
        };
        let handle = Arc::new(DeviceKey { text: text.to_owned() });
        Ok(LoadedKey::new(usage, KeyAlgorithm::Tdes, check_value, handle))
    }

    fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        self.require_test_mode()?;
        if usage == KeyUsage::Data {
            return self.local.seal_test_key(clear, usage);
        }
        let TestKey::Tdes(clear) = clear else {
            return Err(SecurityError::Unsupported("AES and HMAC keys need key blocks"));
        };
        let key = under_test_lmk(clear, usage)?;
        sealed(&key, usage, clear.check_value())
    }

    fn named_key(&self, name: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        let entry = self.table.get(name).ok_or(SecurityError::NoSuchKey)?;
        if entry.usage != usage {
            return Err(SecurityError::WrongUsage);
        }
        SealedKey::from_bytes(&[&[NAMED], name.as_bytes()].concat())
    }
}

impl DataProtection for PayshieldModule {
    fn new_data_key(&self) -> Result<SealedKey, SecurityError> {
        self.local.new_data_key()
    }

    fn encrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SecurityError> {
        self.local.encrypt(key, context, plain)
    }

    fn decrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        self.local.decrypt(key, context, sealed)
    }
}

impl HealthCheck for PayshieldModule {
    fn health(&self) -> Health {
        self.standing.health()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        self.standing.description()
    }
}

impl SecurityModule for PayshieldModule {
    fn pan_digest(&self, pan: &Pan) -> PanDigest {
        self.local.pan_digest(pan)
    }

    fn fingerprint(&self) -> [u8; 8] {
        self.local.fingerprint()
    }

    fn time_is(&self, now: Timestamp) {
        self.local.time_is(now);
    }

    /// A PVV under the test key, which the device has, too: so that it can verify test PINs.
    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError> {
        self.require_test_mode()?;
        if self.table.get(crate::OWN_PIN_VERIFICATION).is_some() {
            return Err(SecurityError::Unsupported("test PINs with a PIN verification key"));
        }
        let key = TdesKey::new(&ClearKey::from_bytes(TEST_PVK)?)?;
        let pvv = visa_pvv(&key, 1, pan, pin).expose_digits();
        Ok(PinReference(Kind::Visa { pvki: 1, pvv }))
    }
}
