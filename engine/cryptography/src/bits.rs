//! Nibbles, digits and choices without branches.

/// The nibble at a place from 0 (leftmost) to 15.
pub(crate) const fn nibble(block: u64, at: usize) -> u8 {
    let [byte, ..] = (block >> (60 - 4 * at)).to_le_bytes();
    byte & 0xF
}

/// 1 if `a < b`, else 0, for values below 128, without a branch.
pub(crate) const fn less(a: u8, b: u8) -> u8 {
    a.wrapping_sub(b) >> 7
}

/// The lowest four bits.
pub(crate) const fn as_nibble(count: usize) -> u8 {
    let [byte, ..] = count.to_le_bytes();
    byte & 0xF
}

/// The lowest byte.
pub(crate) const fn low_byte(value: usize) -> u8 {
    let [byte, ..] = value.to_le_bytes();
    byte
}

/// `a` where the mask has ones, `b` elsewhere.
pub(crate) const fn select(mask: u8, a: u8, b: u8) -> u8 {
    (a & mask) | (b & !mask)
}

/// The first `N` decimal digits among `count` nibbles read from left to right; when they run out,
/// the first of `A` to `F` less ten. Both passes always run over all nibbles, so nothing but the
/// number of nibbles shows in the time taken.
pub(crate) fn decimalize<const N: usize>(nibbles: impl Iterator<Item = u8> + Clone) -> [u8; N] {
    let mut found = [0; N];
    let mut count = 0u8;
    for letters in [0u8, 1] {
        for nibble in nibbles.clone() {
            let is_letter = (nibble + 6) >> 4;
            let wanted = is_letter ^ letters ^ 1;
            let value = nibble - 10 * is_letter;
            for (at, place) in found.iter_mut().enumerate() {
                let here = wanted & equal(count, low_byte(at));
                *place = select(here.wrapping_neg(), value, *place);
            }
            count += wanted;
        }
    }
    found
}

/// 1 if equal, else 0.
pub(crate) const fn equal(a: u8, b: u8) -> u8 {
    let differing = a ^ b;
    1 ^ ((differing | differing.wrapping_neg()) >> 7)
}

/// The nibbles of some bytes, left first.
pub(crate) fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> + Clone {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF])
}

/// XORs the second into the first.
pub(crate) fn xor<const N: usize>(mut a: [u8; N], b: &[u8; N]) -> [u8; N] {
    for (to, from) in a.iter_mut().zip(b) {
        *to ^= from;
    }
    a
}

/// Eight bytes packed of sixteen nibbles.
pub(crate) fn pack(nibbles: impl Iterator<Item = u8>) -> u64 {
    nibbles.fold(0, |block, nibble| block << 4 | u64::from(nibble & 0xF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_without_branches() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(equal(a, b) == 1, a == b);
                if a < 128 && b < 128 {
                    assert_eq!(less(a, b) == 1, a < b);
                }
            }
        }
    }

    #[test]
    fn letters_serve_only_when_digits_run_out() {
        for (block, digits) in [
            (0x1234_5678_9012_3456u64, [1, 2, 3, 4]),
            (0xABCD_EF12_ABCD_EF34, [1, 2, 3, 4]),
            (0xABCD_EF12_ABCD_EFA3, [1, 2, 3, 0]),
            (0xAFCD_EFBB_ABCD_EFAA, [0, 5, 2, 3]),
            (0xFFFF_FFFF_FFFF_FFF9, [9, 5, 5, 5]),
        ] {
            let bytes = block.to_be_bytes();
            assert_eq!(decimalize::<4>(nibbles(&bytes)), digits, "{block:X}");
        }
    }
}
