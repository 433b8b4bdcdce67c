//! A card's keys from the issuer's master keys (annex A1.4) and session keys from a card's keys
//! (annex A1.3, and what schemes had before it).

use crate::bits::{decimalize, nibbles, pack, xor};
use crate::{ClearKey, TdesKey};
use core::fmt;
use payment_types::Pan;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// How a card's key comes from the issuer's (annex A1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Derivation {
    /// The last 16 digits of card number and sequence number, as they are.
    #[default]
    A,
    /// Card numbers of more than 16 digits hashed (SHA-1) and decimalized; shorter ones as `A`.
    B,
}

/// A double-length key of a card or of a session with it, its parity set odd.
#[derive(Clone)]
pub struct ChipKey(Zeroizing<[u8; 16]>);

impl ChipKey {
    /// Of two encrypted blocks, as they came out of the issuer's master key.
    #[must_use]
    pub fn from_blocks([left, right]: [[u8; 8]; 2]) -> Self {
        let mut key = Zeroizing::new([0; 16]);
        for (to, from) in key.iter_mut().zip(left.into_iter().chain(right)) {
            *to = from;
        }
        Self::with_odd_parity(&key)
    }

    /// Of sixteen bytes, their parity bits set right.
    #[must_use]
    pub fn with_odd_parity(key: &[u8; 16]) -> Self {
        let mut odd = Zeroizing::new(*key);
        for byte in odd.iter_mut() {
            let [ones, ..] = (*byte >> 1).count_ones().to_le_bytes();
            *byte = (*byte & 0xFE) | (!ones & 1);
        }
        Self(odd)
    }

    /// The key in clear: for personalising a test card. Every call is a place a reviewer looks at.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// Ready for use.
    #[must_use]
    pub fn tdes(&self) -> TdesKey {
        TdesKey::derived(&self.0)
    }

    fn halves(&self) -> [[u8; 8]; 2] {
        let (halves, _) = self.0.as_chunks::<8>();
        [0, 1].map(|at| halves.get(at).copied().unwrap_or_default())
    }
}

impl From<&ChipKey> for ClearKey {
    fn from(key: &ChipKey) -> Self {
        Self::double(&key.0)
    }
}

impl fmt::Debug for ChipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChipKey(hidden)")
    }
}

/// A card's key of one of the issuer's master keys. `psn` is the card sequence number, 0 to 99.
#[must_use]
pub fn master_key(issuer: &TdesKey, derivation: Derivation, pan: &Pan, psn: u8) -> ChipKey {
    ChipKey::from_blocks(master_key_blocks(derivation, pan, psn).map(|block| issuer.encrypt(block)))
}

/// What is encrypted under the issuer's master key to give the two halves of the card's: for
/// master keys that live in an HSM.
#[must_use]
pub fn master_key_blocks(derivation: Derivation, pan: &Pan, psn: u8) -> [[u8; 8]; 2] {
    let digits = pan.expose_digits();
    let psn = [psn / 10 % 10, psn % 10];
    let all = || digits.iter().map(|digit| digit & 0xF).chain(psn);
    let left = match derivation {
        Derivation::B if digits.len() > 16 => {
            let padding = (digits.len() % 2 == 1).then_some(0);
            let mut packed = Zeroizing::new(Vec::with_capacity(11));
            let mut high = None;
            for nibble in padding.into_iter().chain(all()) {
                match high.take() {
                    None => high = Some(nibble << 4),
                    Some(first) => packed.push(first | nibble),
                }
            }
            let hash: [u8; 20] = Sha1::digest(&*packed).into();
            pack(decimalize::<16>(nibbles(&hash)).into_iter())
        }
        // More than 16 digits: the leftmost fall out of the 64 bits.
        Derivation::A | Derivation::B => pack(all()),
    };
    [left.to_be_bytes(), (!left).to_be_bytes()]
}

/// The common session key of EMV (annex A1.3.1) from eight diversifying bytes, of which the third
/// is replaced.
#[must_use]
pub fn common_session_key(card: &ChipKey, diversifier: [u8; 8]) -> ChipKey {
    let [a, b, _, rest @ ..] = diversifier;
    let [d, e, f, g, h] = rest;
    let key = card.tdes();
    ChipKey::from_blocks([0xF0, 0x0F].map(|third| key.encrypt([a, b, third, d, e, f, g, h])))
}

/// Visa's session key for scripts: the counter and its complement XORed onto the card's key.
#[must_use]
pub fn visa_script_key(card: &ChipKey, atc: u16) -> ChipKey {
    let [left, right] = card.halves();
    let onto = |half: [u8; 8], value: u16| xor(half, &u64::from(value).to_be_bytes());
    ChipKey::from_blocks([onto(left, atc), onto(right, !atc)])
}

/// The session key of EMV 2000 (EMV 4.1 book 2 annex A1.3.1, since withdrawn): a tree of keys of
/// some height and branching, at whose leaves the counters are.
#[must_use]
pub fn tree_session_key(
    card: &ChipKey,
    atc: u16,
    height: u32,
    branching: u16,
    initial: [u8; 16],
) -> ChipKey {
    let branching = branching.max(2);
    let digit_at = |level: u32| {
        let below = u32::from(branching).checked_pow(height.saturating_sub(level));
        below.map_or(0, |below| u32::from(atc) / below)
    };
    let at = |level| tree_at(card, initial, level, &digit_at, branching);
    ChipKey::with_odd_parity(&Zeroizing::new(xor(*at(height), &at(height.saturating_sub(2)))))
}

/// The key of the tree at a level, on the way to the counter.
fn tree_at(
    card: &ChipKey,
    initial: [u8; 16],
    until: u32,
    digit_at: &impl Fn(u32) -> u32,
    branching: u16,
) -> Zeroizing<[u8; 16]> {
    let mut grandparent = Zeroizing::new(initial);
    let mut parent = card.0.clone();
    for level in 1..=until {
        let [.., digit] = (digit_at(level) % u32::from(branching)).to_be_bytes();
        let child = tree_child(&parent, &grandparent, digit);
        grandparent = core::mem::replace(&mut parent, child);
    }
    parent
}

/// The function Φ of the tree.
fn tree_child(parent: &[u8; 16], grandparent: &[u8; 16], digit: u8) -> Zeroizing<[u8; 16]> {
    let key = TdesKey::derived(parent);
    let (halves, _) = grandparent.as_chunks::<8>();
    let mut child = Zeroizing::new([0; 16]);
    for ((to, half), extra) in child.chunks_exact_mut(8).zip(halves).zip([0, 0xF0]) {
        let mut block = *half;
        if let Some(last) = block.last_mut() {
            *last ^= digit ^ extra;
        }
        for (to, from) in to.iter_mut().zip(key.encrypt(block)) {
            *to = from;
        }
    }
    child
}
