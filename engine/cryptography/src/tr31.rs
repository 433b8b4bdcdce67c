//! Key blocks (ANSI X9.143, formerly TR-31) of versions B (triple DES) and D (AES): a key, what it
//! may be used for, and a MAC over both.
//!
//! Versions A and C authenticate by a variant of the key that encrypts, and are refused by name:
//! X9.143 has withdrawn them. Version E encrypts in counter mode under a MAC as initial value and
//! is not known here. Optional blocks are carried as they are; `PB` fills them up to whole blocks.

use crate::cipher::{aes_cbc_decrypt, aes_cbc_encrypt, tdes_cbc_decrypt, tdes_cbc_encrypt};
use crate::mac::{cmac_aes, cmac_tdes};
use crate::{AesKey, ClearKey, KeyError, TdesKey};
use core::fmt;
use core::fmt::Write as _;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key block is refused. None carries a byte of it but its version letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyBlockError {
    /// A version that is withdrawn or not known.
    #[error("key block version {0:?} is not accepted: B (triple DES) and D (AES) are")]
    Version(char),
    /// The length it states is not the length it has.
    #[error("the key block's length is not what it states")]
    Length,
    /// A part of the header that is none.
    #[error("key block header: malformed {0}")]
    Header(&'static str),
    /// The protecting key is of the other kind than the version's.
    #[error("version B is protected by a triple DES key, version D by an AES key")]
    WrongProtectingKey,
    /// It was changed on the way, or made under another protecting key.
    #[error("the key block's MAC is wrong")]
    Mac,
    /// The key inside has no length that fits.
    #[error("the key block's content is malformed")]
    Content,
    /// The protecting key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The version of a key block: under which kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// Triple DES, derived keys, CMAC.
    B,
    /// AES, derived keys, CMAC.
    D,
}

impl Version {
    const fn letter(self) -> char {
        match self {
            Self::B => 'B',
            Self::D => 'D',
        }
    }

    /// Bytes of a cipher block, which is also how long the MAC is.
    #[must_use]
    pub const fn block(self) -> usize {
        match self {
            Self::B => 8,
            Self::D => 16,
        }
    }
}

/// What a key block says about its key, in clear and authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Under which kind of key it is.
    pub version: Version,
    /// Key usage, such as `P0` for PIN encryption (table 2).
    pub usage: [u8; 2],
    /// Algorithm: `A` AES, `T` triple DES, `H` HMAC, ... (table 3).
    pub algorithm: u8,
    /// Mode of use: `E` encrypt, `N` no restriction, ... (table 4).
    pub mode: u8,
    /// Key version number, `00` for none (table 5).
    pub key_version: [u8; 2],
    /// Exportability: `E`, `N`, `S` (table 6).
    pub exportability: u8,
    /// Optional blocks: identification and data, without `PB`.
    pub optional: Vec<([u8; 2], String)>,
}

/// The fixed part: version, length, usage, algorithm, mode, key version, exportability, number of
/// optional blocks, reserved.
const FIXED: usize = 16;
/// The most characters a key block may have.
const LONGEST: usize = 9999;

impl Header {
    /// Without optional blocks. The texts are as the standard writes them: usage two characters,
    /// algorithm, mode, exportability.
    ///
    /// # Errors
    /// [`KeyBlockError::Header`] for something else than letters and digits.
    pub fn new(version: Version, text: &str) -> Result<Self, KeyBlockError> {
        let error = KeyBlockError::Header("usage, algorithm, mode, version or exportability");
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        let [u1, u2, algorithm, mode, v1, v2, exportability] = *text.as_bytes() else {
            return Err(error);
        };
        if !plain {
            return Err(error);
        }
        Ok(Self {
            version,
            usage: [u1, u2],
            algorithm,
            mode,
            key_version: [v1, v2],
            exportability,
            optional: vec![],
        })
    }

    /// The header of a key block, and how many characters it takes. The whole block's length must
    /// be what it states.
    ///
    /// # Errors
    /// [`KeyBlockError`].
    pub fn parse(text: &str) -> Result<(Self, usize), KeyBlockError> {
        let version = match text.chars().next() {
            Some('B') => Version::B,
            Some('D') => Version::D,
            other => return Err(KeyBlockError::Version(other.unwrap_or(' '))),
        };
        let error = KeyBlockError::Header("characters");
        if !text.is_ascii() {
            return Err(error);
        }
        let part = |from: usize, until: usize| text.get(from..until).ok_or(KeyBlockError::Length);
        let stated = decimal(part(1, 5)?).ok_or(KeyBlockError::Length)?;
        if stated != text.len() {
            return Err(KeyBlockError::Length);
        }
        let mut header = Self::new(version, part(5, 12)?)?;
        let count = decimal(part(12, 14)?).ok_or(KeyBlockError::Header("number of blocks"))?;
        let mut at = FIXED;
        for _ in 0..count {
            let (id, data, next) = optional_block(text, at)?;
            if id != *b"PB" {
                header.optional.push((id, data.to_owned()));
            }
            at = next;
        }
        if !at.is_multiple_of(version.block()) {
            return Err(KeyBlockError::Header("padding of optional blocks"));
        }
        Ok((header, at))
    }

    /// As text, for a key block of `body` characters after it.
    fn to_text(&self, body: usize) -> Result<String, KeyBlockError> {
        let error = KeyBlockError::Header("optional blocks");
        let mut blocks = String::new();
        let mut count = self.optional.len();
        for (id, data) in &self.optional {
            write_optional(&mut blocks, *id, data).ok_or(error)?;
        }
        let block = self.version.block();
        if !blocks.len().is_multiple_of(block) {
            // A PB block has four characters at least.
            let fill = (block - (blocks.len() + 4) % block) % block;
            write_optional(&mut blocks, *b"PB", &"0".repeat(fill)).ok_or(error)?;
            count += 1;
        }
        let whole = FIXED + blocks.len() + body;
        if whole > LONGEST || count > 99 {
            return Err(error);
        }
        let usage = String::from_utf8_lossy(&self.usage);
        let key_version = String::from_utf8_lossy(&self.key_version);
        let (letter, algorithm) = (self.version.letter(), char::from(self.algorithm));
        let (mode, exportability) = (char::from(self.mode), char::from(self.exportability));
        Ok(format!(
            "{letter}{whole:04}{usage}{algorithm}{mode}{key_version}{exportability}{count:02}00\
             {blocks}"
        ))
    }
}

fn decimal(text: &str) -> Option<usize> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

fn hexadecimal(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| usize::from_str_radix(text, 16).ok())?
}

/// Identification, data, and where the next block begins.
fn optional_block(text: &str, at: usize) -> Result<([u8; 2], &str, usize), KeyBlockError> {
    let error = KeyBlockError::Header("optional block");
    let part = |from: usize, until: usize| text.get(from..until).ok_or(error);
    let id: [u8; 2] = part(at, at + 2)?.as_bytes().try_into().map_err(|_| error)?;
    let short = hexadecimal(part(at + 2, at + 4)?).ok_or(error)?;
    let (len, data) = if short == 0 {
        // An extended length: how many digits follow (in hex, always two), then the length.
        let digits =
            hexadecimal(part(at + 4, at + 6)?).filter(|digits| *digits <= 4).ok_or(error)?;
        let data = at + 6 + digits;
        (hexadecimal(part(at + 6, data)?).ok_or(error)?, data)
    } else {
        (short, at + 4)
    };
    let next = at.checked_add(len).ok_or(error)?;
    if next < data {
        return Err(error);
    }
    Ok((id, part(data, next)?, next))
}

fn write_optional(text: &mut String, id: [u8; 2], data: &str) -> Option<()> {
    let id = core::str::from_utf8(&id).ok()?;
    let printable = data.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    if !printable {
        return None;
    }
    let short = data.len() + 4;
    if short <= 0xFF {
        write!(text, "{id}{short:02X}{data}").ok()
    } else {
        let long = data.len() + 10;
        (long <= 0xFFFF).then(|| write!(text, "{id}0004{long:04X}{data}").ok())?
    }
}

/// The two keys of a key block, derived from the protecting key (X9.143 5.3.2 and 5.3.3).
#[derive(Clone)]
pub enum BlockKeys {
    /// Of version B.
    B {
        /// Encrypts the key.
        encryption: Box<TdesKey>,
        /// Makes the MAC.
        authentication: Box<TdesKey>,
    },
    /// Of version D.
    D {
        /// Encrypts the key.
        encryption: AesKey,
        /// Makes the MAC.
        authentication: AesKey,
    },
}

impl BlockKeys {
    /// From a triple DES protecting key: version B.
    ///
    /// # Errors
    /// [`KeyBlockError::Key`] for a key of single length.
    pub fn of_tdes(protecting: &ClearKey) -> Result<Self, KeyBlockError> {
        let key = TdesKey::of_any_strength(protecting);
        Self::derive(Version::B, protecting.expose_bytes().len(), |data| {
            Ok(cmac_tdes(&key, data).to_vec())
        })
    }

    /// From an AES protecting key: version D.
    ///
    /// # Errors
    /// [`KeyBlockError::Key`] never.
    pub fn of_aes(protecting: &AesKey) -> Result<Self, KeyBlockError> {
        Self::derive(Version::D, protecting.len(), |data| Ok(cmac_aes(protecting, data).to_vec()))
    }

    /// From a protecting key of some length that is reached through its CMAC only: one that lives
    /// in an HSM.
    ///
    /// # Errors
    /// [`KeyBlockError::Key`] for a length no such key has, and whatever `cmac` refuses with.
    pub fn derive<E: From<KeyBlockError>>(
        version: Version,
        len: usize,
        mut cmac: impl FnMut(&[u8; 8]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let algorithm = match (version, len) {
            (Version::B, 16) => 0,
            (Version::B, 24) => 1,
            (Version::D, 16) => 2,
            (Version::D, 24) => 3,
            (Version::D, 32) => 4,
            _ => return Err(KeyBlockError::Key(KeyError::Length).into()),
        };
        let [low, high, ..] = (len * 8).to_le_bytes();
        let mut derived = |usage: u8| {
            let mut key = Zeroizing::new(Vec::with_capacity(32));
            for counter in 1..=3 {
                let part = cmac(&[counter, 0, usage, 0, 0, algorithm, high, low])?;
                key.extend_from_slice(&Zeroizing::new(part));
                if key.len() >= len {
                    break;
                }
            }
            key.truncate(len);
            Ok::<_, E>(key)
        };
        let (encryption, authentication) = (derived(0)?, derived(1)?);
        let bad = |error: KeyError| E::from(KeyBlockError::Key(error));
        Ok(match version {
            Version::B => {
                let key = |bytes: &[u8]| {
                    ClearKey::from_bytes(bytes).map(|key| Box::new(TdesKey::of_any_strength(&key)))
                };
                Self::B {
                    encryption: key(&encryption).map_err(bad)?,
                    authentication: key(&authentication).map_err(bad)?,
                }
            }
            Version::D => Self::D {
                encryption: AesKey::from_bytes(&encryption).map_err(bad)?,
                authentication: AesKey::from_bytes(&authentication).map_err(bad)?,
            },
        })
    }

    const fn version(&self) -> Version {
        match self {
            Self::B { .. } => Version::B,
            Self::D { .. } => Version::D,
        }
    }

    fn mac(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::B { authentication, .. } => cmac_tdes(authentication, data).to_vec(),
            Self::D { authentication, .. } => cmac_aes(authentication, data).to_vec(),
        }
    }

    fn encrypt(&self, iv: &[u8], data: &[u8]) -> Result<Vec<u8>, KeyBlockError> {
        let error = KeyBlockError::Content;
        match self {
            Self::B { encryption, .. } => {
                tdes_cbc_encrypt(encryption, iv.try_into().map_err(|_| error)?, data)
            }
            Self::D { encryption, .. } => {
                aes_cbc_encrypt(encryption, iv.try_into().map_err(|_| error)?, data)
            }
        }
        .map_err(|_| error)
    }

    fn decrypt(&self, iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyBlockError> {
        let error = KeyBlockError::Content;
        match self {
            Self::B { encryption, .. } => {
                tdes_cbc_decrypt(encryption, iv.try_into().map_err(|_| error)?, data)
            }
            Self::D { encryption, .. } => {
                aes_cbc_decrypt(encryption, iv.try_into().map_err(|_| error)?, data)
            }
        }
        .map_err(|_| error)
    }
}

impl fmt::Debug for BlockKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockKeys({:?}, hidden)", self.version())
    }
}

/// How many bytes of random padding a key of some length takes, when its true length is hidden
/// among keys up to `as_long_as` bytes.
#[must_use]
pub const fn padding_len(version: Version, key_len: usize, as_long_as: usize) -> usize {
    let shown = if key_len < as_long_as { as_long_as } else { key_len };
    (2 + shown).next_multiple_of(version.block()) - 2 - key_len
}

/// Makes a key block. `padding` is random, and long enough to fill the last cipher block (see
/// [`padding_len`]).
///
/// # Errors
/// [`KeyBlockError`] if the header is for the other version, or key and padding do not make whole
/// cipher blocks.
pub fn wrap(
    keys: &BlockKeys,
    header: &Header,
    key: &[u8],
    padding: &[u8],
) -> Result<String, KeyBlockError> {
    if keys.version() != header.version {
        return Err(KeyBlockError::WrongProtectingKey);
    }
    let bits = u16::try_from(key.len() * 8).map_err(|_| KeyBlockError::Content)?;
    let clear = Zeroizing::new([&bits.to_be_bytes()[..], key, padding].concat());
    let block = header.version.block();
    if key.is_empty() || !clear.len().is_multiple_of(block) {
        return Err(KeyBlockError::Content);
    }
    let text = header.to_text(2 * (clear.len() + block))?;
    let mac = keys.mac(&Zeroizing::new([text.as_bytes(), &clear].concat()));
    let encrypted = keys.encrypt(&mac, &clear)?;
    Ok(format!("{text}{}{}", hex::encode_upper(encrypted), hex::encode_upper(mac)))
}

/// Opens a key block: what its header says, and the key.
///
/// # Errors
/// [`KeyBlockError`].
pub fn unwrap(keys: &BlockKeys, text: &str) -> Result<(Header, Zeroizing<Vec<u8>>), KeyBlockError> {
    let (header, at) = Header::parse(text)?;
    if keys.version() != header.version {
        return Err(KeyBlockError::WrongProtectingKey);
    }
    let (head, body) = text.split_at_checked(at).ok_or(KeyBlockError::Length)?;
    let body = hex::decode(body).map_err(|_| KeyBlockError::Content)?;
    let block = header.version.block();
    let until = body.len().checked_sub(block).ok_or(KeyBlockError::Length)?;
    let (encrypted, mac) = body.split_at_checked(until).ok_or(KeyBlockError::Length)?;
    if encrypted.is_empty() || !encrypted.len().is_multiple_of(block) {
        return Err(KeyBlockError::Length);
    }
    let clear = keys.decrypt(mac, encrypted)?;
    let right = keys.mac(&Zeroizing::new([head.as_bytes(), &clear].concat()));
    if !bool::from(right.ct_eq(mac)) {
        return Err(KeyBlockError::Mac);
    }
    let (bits, rest) = clear.split_first_chunk::<2>().ok_or(KeyBlockError::Content)?;
    let bits = usize::from(u16::from_be_bytes(*bits));
    let key = rest.get(..bits / 8).filter(|key| !key.is_empty() && bits.is_multiple_of(8));
    Ok((header, Zeroizing::new(key.ok_or(KeyBlockError::Content)?.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> BlockKeys {
        BlockKeys::of_tdes(&ClearKey::from_hex("0123456789ABCDEFFEDCBA9876543210").unwrap())
            .unwrap()
    }

    #[test]
    fn optional_blocks_come_back() {
        let aes = AesKey::from_hex("00112233445566778899AABBCCDDEEFF").unwrap();
        for (keys, version) in
            [(keys(), Version::B), (BlockKeys::of_aes(&aes).unwrap(), Version::D)]
        {
            for data in ["", "A", "ABCDEF", &"X".repeat(251), &"X".repeat(252), &"X".repeat(700)] {
                let mut header = Header::new(version, "P0TE00N").unwrap();
                header.optional.push((*b"LB", data.to_owned()));
                let padding = vec![7; padding_len(version, 16, 24)];
                let text = wrap(&keys, &header, &[9; 16], &padding).unwrap();
                assert!(text.len().is_multiple_of(version.block()));
                let (found, key) = unwrap(&keys, &text).unwrap();
                assert_eq!((&found, &key[..]), (&header, &[9; 16][..]), "{}", data.len());
            }
        }
    }

    #[test]
    fn what_is_no_key_block_is_refused() {
        let header = Header::new(Version::B, "P0TE00N").unwrap();
        let good = wrap(&keys(), &header, &[9; 16], &[7; 6]).unwrap();
        let refusal = |text: &str| unwrap(&keys(), text).unwrap_err();
        assert!(unwrap(&keys(), &good).is_ok());
        for letter in ['A', 'C', 'E', 'Z'] {
            let other = format!("{letter}{}", good.get(1..).unwrap());
            assert_eq!(refusal(&other), KeyBlockError::Version(letter));
        }
        assert_eq!(refusal(""), KeyBlockError::Version(' '));
        for end in 1..good.len() {
            assert_eq!(refusal(good.get(..end).unwrap()), KeyBlockError::Length, "cut at {end}");
        }
        for at in 5..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            assert!(unwrap(&keys(), std::str::from_utf8(&bytes).unwrap()).is_err(), "at {at}");
        }
        let d = AesKey::from_hex("00112233445566778899AABBCCDDEEFF").unwrap();
        let d = BlockKeys::of_aes(&d).unwrap();
        assert_eq!(unwrap(&d, &good).unwrap_err(), KeyBlockError::WrongProtectingKey);
        assert_eq!(wrap(&keys(), &header, &[9; 16], &[7; 5]), Err(KeyBlockError::Content));
    }
}
