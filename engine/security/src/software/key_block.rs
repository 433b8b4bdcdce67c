//! Key blocks (TR-31 B and D) of this module's keys: which header a usage has, and back.

use super::material::Material;
use crate::{KeyAlgorithm, KeyUsage, SecurityError};
use cryptography::tr31::{self, BlockKeys, Header, KeyBlockError, Version};
use zeroize::Zeroizing;

/// A key that came in a block.
pub(crate) struct Unwrapped {
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

/// The keys of a block under this protecting key: version B for triple DES, D for AES.
fn block_keys(protecting: &Material) -> Result<(BlockKeys, Version), SecurityError> {
    let refused = |_| SecurityError::WrongUsage;
    match protecting {
        Material::Tdes { clear, .. } => {
            Ok((BlockKeys::of_tdes(clear).map_err(refused)?, Version::B))
        }
        Material::Aes(key) => Ok((BlockKeys::of_aes(key).map_err(refused)?, Version::D)),
        Material::Hmac(_) => Err(SecurityError::WrongUsage),
    }
}

/// Makes a key block. Its version is that of the protecting key.
pub(super) fn wrap(
    protecting: &Material,
    usage: KeyUsage,
    material: &Material,
) -> Result<String, SecurityError> {
    let (keys, version) = block_keys(protecting)?;
    wrap_with(&keys, version, usage, material.algorithm(), material.bytes())
}

/// The same under keys that are derived already.
pub(crate) fn wrap_with(
    keys: &BlockKeys,
    version: Version,
    usage: KeyUsage,
    algorithm: KeyAlgorithm,
    key: &[u8],
) -> Result<String, SecurityError> {
    let letter = match algorithm {
        KeyAlgorithm::Tdes => 'T',
        KeyAlgorithm::Aes => 'A',
        KeyAlgorithm::Hmac => 'H',
    };
    let text = format!("{}{letter}{}00E", tr31_usage(usage, algorithm), mode(usage));
    let header = Header::new(version, &text).map_err(|_| SecurityError::Malformed("key block"))?;
    let mut padding = vec![0; tr31::padding_len(version, key.len(), 24)];
    getrandom::fill(&mut padding).map_err(|_| SecurityError::Unavailable)?;
    tr31::wrap(keys, &header, key, &padding).map_err(|_| SecurityError::Malformed("key block"))
}

/// Opens a key block and holds its header to the usage.
pub(super) fn unwrap(
    protecting: &Material,
    usage: KeyUsage,
    text: &str,
) -> Result<Unwrapped, BlockRefusal> {
    let (keys, _) = block_keys(protecting).map_err(BlockRefusal::Security)?;
    unwrap_with(&keys, usage, text)
}

/// The same under keys that are derived already.
pub(crate) fn unwrap_with(
    keys: &BlockKeys,
    usage: KeyUsage,
    text: &str,
) -> Result<Unwrapped, BlockRefusal> {
    let (header, key) = tr31::unwrap(keys, text).map_err(BlockRefusal::Block)?;
    let algorithm = match header.algorithm {
        b'T' => KeyAlgorithm::Tdes,
        b'A' => KeyAlgorithm::Aes,
        b'H' => KeyAlgorithm::Hmac,
        _ => return Err(BlockRefusal::Usage(usage_of(&header))),
    };
    if !accepted_usages(usage).iter().any(|one| one.as_bytes() == header.usage)
        || !usage.allows(algorithm)
    {
        return Err(BlockRefusal::Usage(usage_of(&header)));
    }
    Ok(Unwrapped { algorithm, key })
}

/// Why a block was refused.
pub(crate) enum BlockRefusal {
    /// The protecting key cannot protect.
    Security(SecurityError),
    /// The block cannot be opened.
    Block(KeyBlockError),
    /// It says that the key is for something else.
    Usage(String),
}

impl From<BlockRefusal> for SecurityError {
    fn from(refusal: BlockRefusal) -> Self {
        match refusal {
            BlockRefusal::Security(error) => error,
            BlockRefusal::Block(KeyBlockError::Mac) => Self::Malformed("key block: wrong MAC"),
            BlockRefusal::Block(KeyBlockError::Version(_)) => {
                Self::Malformed("key block: a version that is not accepted")
            }
            BlockRefusal::Block(_) => Self::Malformed("key block"),
            BlockRefusal::Usage(_) => Self::WrongUsage,
        }
    }
}

fn usage_of(header: &Header) -> String {
    let [a, b] = header.usage;
    format!("{}{}, algorithm {}", char::from(a), char::from(b), char::from(header.algorithm))
}

/// X9.143 tells MAC algorithms apart by usage.
const fn tr31_usage(usage: KeyUsage, algorithm: KeyAlgorithm) -> &'static str {
    match (usage, algorithm) {
        (KeyUsage::MacTerminal | KeyUsage::ZoneMac, KeyAlgorithm::Aes) => "M6",
        _ => usage.tr31(),
    }
}

/// What other systems write for the same use.
const fn accepted_usages(usage: KeyUsage) -> &'static [&'static str] {
    match usage {
        KeyUsage::TerminalMaster | KeyUsage::KeyBlockProtection => &["K0", "K1"],
        KeyUsage::PinEncryption | KeyUsage::ZonePin => &["P0"],
        KeyUsage::MacTerminal | KeyUsage::ZoneMac => &["M0", "M1", "M3", "M5", "M6"],
        KeyUsage::BaseDerivationTdes | KeyUsage::BaseDerivationAes => &["B0"],
        KeyUsage::PinVerificationVisa => &["V2"],
        KeyUsage::PinVerificationIbm => &["V0", "V1"],
        KeyUsage::CardVerification => &["C0"],
        KeyUsage::CardholderAuthentication => &["C0", "E7"],
        KeyUsage::AccountholderAuthentication => &["M7"],
        KeyUsage::CardDynamic => &["E4", "C0"],
        KeyUsage::ChipCryptogram => &["E0"],
        KeyUsage::ChipScriptMac => &["E2"],
        KeyUsage::ChipScriptConfidentiality => &["E1"],
        KeyUsage::Data => &["D0"],
    }
}

/// Mode of use (X9.143 table 4): the narrowest that the usage allows.
const fn mode(usage: KeyUsage) -> char {
    match usage {
        KeyUsage::TerminalMaster
        | KeyUsage::KeyBlockProtection
        | KeyUsage::PinEncryption
        | KeyUsage::ZonePin
        | KeyUsage::Data => 'B',
        KeyUsage::MacTerminal
        | KeyUsage::ZoneMac
        | KeyUsage::CardVerification
        | KeyUsage::CardholderAuthentication
        | KeyUsage::AccountholderAuthentication => 'C',
        KeyUsage::PinVerificationVisa | KeyUsage::PinVerificationIbm => 'V',
        _ => 'X',
    }
}
