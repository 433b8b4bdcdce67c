//! Keys as objects of the token: found by label, made, wrapped, unwrapped.

use super::operations::{cmac_tdes, encrypt8};
use super::token::{Answer, Token};
use crate::{CheckValue, KeyAlgorithm, KeyUsage, SecurityError, TestKey};
use cryptography::{ClearKey, TdesKey, dukpt_tdes};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

const WRAP: &str = "tamga/wrap/1";
const SECRET: &str = "tamga/secret/1";
const PIN_VERIFICATION: &str = "tamga/pin-verification/1";

/// Which parts a key has in the token besides the whole: its first part thrice for algorithms on
/// single DES, its variant for deriving the right half of an initial key (DUKPT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    First,
    Variant,
}

impl Part {
    /// The part a usage needs.
    const fn of(usage: KeyUsage, algorithm: KeyAlgorithm) -> Option<Self> {
        match (usage, algorithm) {
            (
                KeyUsage::CardVerification
                | KeyUsage::CardholderAuthentication
                | KeyUsage::MacTerminal
                | KeyUsage::ZoneMac,
                KeyAlgorithm::Tdes,
            ) => Some(Self::First),
            (KeyUsage::BaseDerivationTdes, KeyAlgorithm::Tdes) => Some(Self::Variant),
            _ => None,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::First => "#first",
            Self::Variant => "#variant",
        }
    }

    fn of_key(self, key: &ClearKey) -> Result<ClearKey, SecurityError> {
        Ok(match self {
            Self::First => {
                let first = key.expose_bytes().get(..8).unwrap_or_default();
                ClearKey::from_bytes(&Zeroizing::new(first.repeat(3)))?
            }
            Self::Variant => dukpt_tdes::variant(key)?,
        })
    }
}

/// Where a key is, as long as its session lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handles {
    pub(super) whole: ObjectHandle,
    pub(super) first: Option<ObjectHandle>,
    pub(super) variant: Option<ObjectHandle>,
    generation: u64,
}

/// From where a key comes when it is needed (again).
#[derive(Clone)]
pub(super) enum Origin {
    /// An object of the token, by label.
    Label(String),
    /// Wrapped under the token's own key: the whole, then its part.
    Wrapped { whole: Vec<u8>, part: Option<Vec<u8>> },
}

/// A key of the token.
pub(crate) struct KeyBox {
    token: Arc<Token>,
    pub(super) usage: KeyUsage,
    pub(super) algorithm: KeyAlgorithm,
    /// Bytes of key.
    pub(super) len: usize,
    origin: Origin,
    handles: Mutex<Option<Handles>>,
}

impl KeyBox {
    /// Where the key is now; brought into the token if it is not there (any more).
    pub(super) fn handles(&self) -> Result<Handles, SecurityError> {
        let mut kept = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = *kept
            && handles.generation == self.token.generation()
        {
            return Ok(handles);
        }
        let handles = self.brought()?;
        *kept = Some(handles);
        Ok(handles)
    }

    fn brought(&self) -> Result<Handles, SecurityError> {
        let part = Part::of(self.usage, self.algorithm);
        let (generation, (whole, other)) = match &self.origin {
            Origin::Label(label) => {
                let (generation, found) = self.token.keep(|session| {
                    let other = part.map(|part| format!("{label}{}", part.suffix()));
                    let other = other.map(|label| find(session, &label)).transpose()?;
                    Ok((find(session, label)?, other.flatten()))
                })?;
                (generation, (found.0.ok_or(SecurityError::NoSuchKey)?, found.1))
            }
            Origin::Wrapped { whole, part } => self.token.keep(|session| {
                let wrap = wrapping(&self.token, session)?;
                let one = |wrapped: &[u8], len: usize| {
                    let template = template(self.usage, self.algorithm, len);
                    session.unwrap_key(&Mechanism::AesKeyWrap, wrap, wrapped, &template)
                };
                let other = match part {
                    Some(wrapped) => Some(one(wrapped, wrapped.len().saturating_sub(8))?),
                    None => None,
                };
                Ok((one(whole, self.len)?, other))
            })?,
        };
        let of = |wanted| if part == Some(wanted) { other } else { None };
        Ok(Handles { whole, first: of(Part::First), variant: of(Part::Variant), generation })
    }

    /// Does something with the key in a session.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Session, &Handles) -> Answer<T>,
    ) -> Result<T, SecurityError> {
        let handles = self.handles()?;
        self.token.with(|session| work(session, &handles))
    }

    /// The check value, computed by the token.
    pub(super) fn check_value(&self) -> Result<CheckValue, SecurityError> {
        let block = self.with(|session, key| match self.algorithm {
            KeyAlgorithm::Tdes => Ok(encrypt8(session, key.whole, [0; 8])?.to_vec()),
            KeyAlgorithm::Aes => session.sign(&Mechanism::AesCMac, key.whole, &[0; 16]),
            KeyAlgorithm::Hmac => session.sign(&Mechanism::Sha256Hmac, key.whole, &[]),
        })?;
        Ok(CheckValue::from_block(&block))
    }

    /// The CMAC of a few bytes under the key: how keys of key blocks are derived.
    pub(super) fn cmac(&self, data: &[u8]) -> Result<Vec<u8>, SecurityError> {
        self.with(|session, key| match self.algorithm {
            KeyAlgorithm::Aes => session.sign(&Mechanism::AesCMac, key.whole, data),
            _ => Ok(cmac_tdes(session, key.whole, data)?.to_vec()),
        })
    }
}

impl Drop for KeyBox {
    fn drop(&mut self) {
        let kept = self.handles.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(handles), Origin::Wrapped { .. }) = (kept, &self.origin) else { return };
        if handles.generation != self.token.generation() {
            return;
        }
        // If the token is gone, so are the objects.
        let gone = self.token.keep(|session| {
            for handle in [Some(handles.whole), handles.first, handles.variant] {
                handle.map(|handle| session.destroy_object(handle)).transpose()?;
            }
            Ok(())
        });
        gone.unwrap_or_default();
    }
}

/// What every key of ours is: private, sensitive, not to be taken out, and able to do only what
/// its usage needs.
fn template(usage: KeyUsage, algorithm: KeyAlgorithm, len: usize) -> Vec<Attribute> {
    let kind = match (algorithm, len) {
        (KeyAlgorithm::Tdes, 16) => KeyType::DES2,
        (KeyAlgorithm::Tdes, _) => KeyType::DES3,
        (KeyAlgorithm::Aes, _) => KeyType::AES,
        (KeyAlgorithm::Hmac, _) => KeyType::GENERIC_SECRET,
    };
    let decrypts = matches!(
        usage,
        KeyUsage::PinEncryption
            | KeyUsage::ZonePin
            | KeyUsage::TerminalMaster
            | KeyUsage::KeyBlockProtection
            | KeyUsage::Data
    );
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(kind),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(algorithm != KeyAlgorithm::Hmac),
        Attribute::Decrypt(decrypts),
        Attribute::Sign(algorithm != KeyAlgorithm::Tdes),
        Attribute::Verify(false),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ]
}

fn with(mut template: Vec<Attribute>, changes: Vec<Attribute>) -> Vec<Attribute> {
    for change in changes {
        let same = |other: &Attribute| other.attribute_type() == change.attribute_type();
        template.retain(|attribute| !same(attribute));
        template.push(change);
    }
    template
}

fn find(session: &Session, label: &str) -> Answer<Option<ObjectHandle>> {
    let wanted =
        [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(label.as_bytes().to_vec())];
    Ok(session.find_objects(&wanted)?.first().copied())
}

/// The key that wraps others, as long as sessions live: a token that went and came back has it
/// under another handle.
fn wrapping(token: &Token, session: &Session) -> Answer<ObjectHandle> {
    token.remembered(|| find(session, WRAP)?.ok_or(cryptoki::error::Error::InvalidValue))
}

/// The module's own keys in the token. The secret is needed once, when the module is opened.
pub(super) struct MasterKeys {
    secret: ObjectHandle,
}

impl MasterKeys {
    /// Finds them, or makes them where that is asked for.
    pub(super) fn find(token: &Token, create: bool) -> Result<Self, String> {
        let found = token.with(|session| {
            let all = [WRAP, SECRET, PIN_VERIFICATION].map(|label| find(session, label));
            let [wrap, secret, pin] = all;
            Ok([wrap?, secret?, pin?])
        });
        let failed = |error: SecurityError| error.to_string();
        match found.map_err(failed)? {
            [Some(_), Some(secret), Some(_)] => Ok(Self { secret }),
            [None, None, None] if create => {
                let made = token.with(|session| {
                    let own = |label: &str, kind: Vec<Attribute>| {
                        let kind = with(
                            kind,
                            vec![
                                Attribute::Token(true),
                                Attribute::Label(label.as_bytes().to_vec()),
                            ],
                        );
                        // What generating a key makes of itself.
                        let made_of_itself = |a: &Attribute| {
                            matches!(a, Attribute::KeyType(_) | Attribute::Class(_))
                        };
                        kind.into_iter().filter(|a| !made_of_itself(a)).collect::<Vec<_>>()
                    };
                    let wrap = with(
                        template(KeyUsage::Data, KeyAlgorithm::Aes, 32),
                        vec![
                            Attribute::Encrypt(false),
                            Attribute::Decrypt(false),
                            Attribute::Sign(false),
                            Attribute::Wrap(true),
                            Attribute::Unwrap(true),
                            Attribute::ValueLen(32.into()),
                        ],
                    );
                    session.generate_key(&Mechanism::AesKeyGen, &own(WRAP, wrap))?;
                    let secret = with(
                        template(KeyUsage::Data, KeyAlgorithm::Hmac, 32),
                        vec![Attribute::Decrypt(false), Attribute::ValueLen(32.into())],
                    );
                    let way = Mechanism::GenericSecretKeyGen;
                    let secret = session.generate_key(&way, &own(SECRET, secret))?;
                    let usage = KeyUsage::PinVerificationVisa;
                    let pin = own(PIN_VERIFICATION, template(usage, KeyAlgorithm::Tdes, 16));
                    session.generate_key(&Mechanism::Des2KeyGen, &pin)?;
                    Ok(Self { secret })
                });
                made.map_err(failed)
            }
            [None, None, None] => Err(format!(
                "it has none of the keys this installation was made with ({WRAP}, {SECRET}, \
                 {PIN_VERIFICATION}); without them nothing stored here can be read"
            )),
            _ => Err(format!("of its keys {WRAP}, {SECRET} and {PIN_VERIFICATION} some are gone")),
        }
    }

    /// A secret of 32 bytes for a purpose.
    pub(super) fn derived(&self, token: &Token, purpose: &[u8]) -> Result<Vec<u8>, SecurityError> {
        token.with(|session| session.sign(&Mechanism::Sha256Hmac, self.secret, purpose))
    }

    pub(super) fn pin_verification(&self, token: &Arc<Token>) -> KeyBox {
        self.boxed(
            token,
            (KeyUsage::PinVerificationVisa, KeyAlgorithm::Tdes, 16),
            Origin::Label(PIN_VERIFICATION.to_owned()),
        )
    }

    pub(super) fn boxed(
        &self,
        token: &Arc<Token>,
        (usage, algorithm, len): (KeyUsage, KeyAlgorithm, usize),
        origin: Origin,
    ) -> KeyBox {
        let token = Arc::clone(token);
        KeyBox { token, usage, algorithm, len, origin, handles: Mutex::default() }
    }

    /// Wraps a clear key and its part: it becomes an object that may be taken out, is taken out
    /// wrapped, and is destroyed.
    pub(super) fn wrapped(
        &self,
        token: &Token,
        key: &TestKey,
        usage: KeyUsage,
    ) -> Result<Origin, SecurityError> {
        let part = part_of(key, usage)?;
        let algorithm = key.algorithm();
        token.with(|session| {
            let wrap = wrapping(token, session)?;
            let one = |bytes: &[u8]| {
                let template = with(
                    template(usage, algorithm, bytes.len()),
                    vec![Attribute::Extractable(true), Attribute::Value(bytes.to_vec())],
                );
                let object = session.create_object(&template)?;
                let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrap, object);
                session.destroy_object(object)?;
                wrapped
            };
            let part = part.as_ref().map(|part| one(part.expose_bytes())).transpose()?;
            Ok(Origin::Wrapped { whole: one(&bytes_of(key))?, part })
        })
    }

    /// A new AES-256 key, generated in the token and wrapped without having been seen; and its
    /// check value.
    pub(super) fn new_data_key(
        &self,
        token: &Token,
    ) -> Result<(Vec<u8>, CheckValue), SecurityError> {
        token.with(|session| {
            let made_of_itself =
                |a: &Attribute| matches!(a, Attribute::KeyType(_) | Attribute::Class(_));
            let kind = template(KeyUsage::Data, KeyAlgorithm::Aes, 32);
            let kind =
                with(kind, vec![Attribute::Extractable(true), Attribute::ValueLen(32.into())]);
            let kind: Vec<_> = kind.into_iter().filter(|a| !made_of_itself(a)).collect();
            let object = session.generate_key(&Mechanism::AesKeyGen, &kind)?;
            let wrap = wrapping(token, session)?;
            let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrap, object);
            let check = session.sign(&Mechanism::AesCMac, object, &[0; 16]);
            session.destroy_object(object)?;
            Ok((wrapped?, CheckValue::from_block(&check?)))
        })
    }
}

/// Stores a clear key in the token for good, under `<usage>/<name>`.
pub(super) fn store(
    token: &Token,
    name: &str,
    usage: KeyUsage,
    key: &TestKey,
) -> Result<(), SecurityError> {
    let label = label(usage, name);
    let part = part_of(key, usage)?;
    let (algorithm, bytes) = (key.algorithm(), bytes_of(key));
    if token.with(|session| find(session, &label))?.is_some() {
        return Err(SecurityError::Malformed("key name: the token has a key of that name"));
    }
    token.with(|session| {
        let one = |label: &str, bytes: &[u8]| {
            session.create_object(&with(
                template(usage, algorithm, bytes.len()),
                vec![
                    Attribute::Token(true),
                    Attribute::Label(label.as_bytes().to_vec()),
                    Attribute::Value(bytes.to_vec()),
                ],
            ))
        };
        if let (Some(part), Some(kind)) = (&part, Part::of(usage, algorithm)) {
            one(&format!("{label}{}", kind.suffix()), part.expose_bytes())?;
        }
        one(&label, &bytes).map(|_| ())
    })
}

/// The label of a named key.
pub(super) fn label(usage: KeyUsage, name: &str) -> String {
    format!("{}/{name}", usage.name())
}

/// The algorithm and length of a named key, or `None` if there is no such.
pub(super) fn describe(
    token: &Token,
    label: &str,
) -> Result<Option<(KeyAlgorithm, usize)>, SecurityError> {
    token.with(|session| {
        let Some(object) = find(session, label)? else { return Ok(None) };
        let asked = [cryptoki::object::AttributeType::KeyType];
        let kind = session.get_attributes(object, &asked)?;
        let len = session.get_attributes(object, &[cryptoki::object::AttributeType::ValueLen]);
        let len = len.unwrap_or_default().into_iter().find_map(|attribute| match attribute {
            Attribute::ValueLen(len) => usize::try_from(*len).ok(),
            _ => None,
        });
        Ok(kind.into_iter().find_map(|attribute| match attribute {
            Attribute::KeyType(KeyType::DES2) => Some((KeyAlgorithm::Tdes, 16)),
            Attribute::KeyType(KeyType::DES3) => Some((KeyAlgorithm::Tdes, 24)),
            Attribute::KeyType(KeyType::AES) => Some((KeyAlgorithm::Aes, len.unwrap_or(32))),
            Attribute::KeyType(KeyType::GENERIC_SECRET) => {
                Some((KeyAlgorithm::Hmac, len.unwrap_or(20)))
            }
            _ => None,
        }))
    })
}

fn bytes_of(key: &TestKey) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(match key {
        TestKey::Tdes(key) => key.expose_bytes().to_vec(),
        TestKey::Aes(key) => key.expose_bytes().to_vec(),
        // Tokens refuse keys shorter than the hash. HMAC fills keys up with zeros (FIPS 198-1
        // step 3), so it is the same key.
        TestKey::Hmac(key) => {
            let mut filled = key.to_vec();
            filled.resize(key.len().max(32), 0);
            filled
        }
    })
}

/// The part a key needs besides itself. Refuses keys that are weak or of another kind.
fn part_of(key: &TestKey, usage: KeyUsage) -> Result<Option<ClearKey>, SecurityError> {
    if !usage.allows(key.algorithm()) {
        return Err(SecurityError::WrongUsage);
    }
    let TestKey::Tdes(clear) = key else { return Ok(None) };
    TdesKey::new(clear)?;
    Part::of(usage, KeyAlgorithm::Tdes).map(|part| part.of_key(clear)).transpose()
}
