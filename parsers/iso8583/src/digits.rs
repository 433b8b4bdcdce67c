//! Digits many at a time: a word of eight wire bytes is checked, expanded or summed with a handful
//! of integer operations, which is what keeps a message of twenty elements near a hundred
//! nanoseconds. Every function here has a byte-at-a-time twin in its tests.

/// A word with `byte` in each of its eight bytes.
pub(crate) const fn splat(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

const LOW: u64 = splat(0x0F);

/// The eight bytes from `at`, first byte highest; `None` past the end.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Up to eight bytes as a number, last byte lowest. Longer slices are cut to their last eight bytes.
#[inline]
pub(crate) fn tail_number(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.last_chunk() {
        return u64::from_be_bytes(*eight);
    }
    // The first and the last half overlap where the length is not a power of two, and agree there.
    let shift = |width: usize| u32::try_from(bytes.len().saturating_sub(width) * 8).unwrap_or(0);
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
        return u64::from(first) << shift(4) | u64::from(last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u16::from_be_bytes(*first), u16::from_be_bytes(*last));
        return u64::from(first) << shift(2) | u64::from(last);
    }
    bytes.first().map_or(0, |byte| u64::from(*byte))
}

/// Whether `bad` finds nothing in any byte: a word at a time, where bytes may come twice and in any
/// order, so `bad` must look at each byte for itself.
#[inline]
pub(crate) fn sweep(bytes: &[u8], bad: impl Fn(u64) -> u64) -> u64 {
    if let Some(last) = bytes.last_chunk() {
        let (words, _) = bytes.as_chunks();
        let all = words.iter().fold(0, |found, word| found | bad(u64::from_ne_bytes(*word)));
        return all | bad(u64::from_ne_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_ne_bytes(*first), u32::from_ne_bytes(*last));
        return bad(u64::from(first) << 32 | u64::from(last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u16::from_ne_bytes(*first), u16::from_ne_bytes(*last));
        return bad((u64::from(first) << 16 | u64::from(last)) * 0x1_0000_0001);
    }
    bytes.first().map_or(0, |byte| bad(splat(*byte)))
}

/// A mask of the first `bytes` bytes (at most 8) of a little-endian word.
pub(crate) const fn leading(bytes: usize) -> u64 {
    match bytes {
        0 => 0,
        1..=7 => !0 >> (64 - 8 * bytes),
        _ => !0,
    }
}

/// The top bits of the nibbles above nine.
#[inline]
pub(crate) const fn above_nine(word: u64) -> u64 {
    word & (word << 1 | word << 2) & splat(0x88)
}

/// The top bits of the nibbles that are neither a digit nor `D`, the separator of track 2.
#[inline]
pub(crate) const fn not_track2(word: u64) -> u64 {
    let separator = word & (word << 1) & !(word << 2) & (word << 3);
    above_nine(word) & !separator
}

/// Non-zero unless all eight bytes are digits of a character set whose digits start at `zero`
/// (0x30 in ASCII, 0xF0 in EBCDIC).
#[inline]
pub(crate) const fn not_digits(word: u64, zero: u8) -> u64 {
    ((word ^ splat(zero)) & splat(0xF0)) | (above_nine(word) & splat(0x08))
}

/// Non-zero unless all eight bytes are printable ASCII, 0x20 to 0x7E.
#[inline]
pub(crate) const fn not_printable(word: u64) -> u64 {
    let low = word & splat(0x7F);
    let below_space = !(low + splat(0x60));
    let delete = low + splat(0x01);
    (word | below_space | delete) & splat(0x80)
}

/// Sixteen packed digits as a number.
#[inline]
pub(crate) const fn packed_to_number(word: u64) -> u64 {
    let pairs = (word & LOW) + 10 * ((word >> 4) & LOW);
    pairs_to_number(pairs)
}

/// Eight characters whose low nibbles are digits as a number.
#[inline]
pub(crate) const fn characters_to_number(word: u64) -> u64 {
    let digits = word & LOW;
    let pairs = (digits & 0x000F_000F_000F_000F) + 10 * ((digits >> 8) & 0x000F_000F_000F_000F);
    let fours = (pairs & 0xFFFF_0000_FFFF) + 100 * ((pairs >> 16) & 0xFFFF_0000_FFFF);
    (fours & 0xFFFF_FFFF) + 10_000 * (fours >> 32)
}

/// A number below 10^16 as sixteen packed digits.
#[inline]
pub(crate) const fn number_to_packed(number: u64) -> u64 {
    let (high, low) = (number / 100_000_000, number % 100_000_000);
    eight_to_packed(high) << 32 | eight_to_packed(low)
}

/// A number below 10^8 as eight packed digits: halves, quarters, digits, each pair of which is split
/// by a multiplication that divides.
const fn eight_to_packed(number: u64) -> u64 {
    let fours = (number / 10_000) << 32 | (number % 10_000);
    let hundreds = ((fours * 5243) >> 19) & 0x7F_0000_007F;
    let pairs = hundreds << 16 | (fours - hundreds * 100);
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    let bytes = tens << 4 | (pairs - tens * 10);
    let halves = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF;
    (halves | halves >> 16) & 0xFFFF_FFFF
}

/// Eight bytes below a hundred each as a number.
const fn pairs_to_number(pairs: u64) -> u64 {
    let fours = (pairs & 0x00FF_00FF_00FF_00FF) + 100 * ((pairs >> 8) & 0x00FF_00FF_00FF_00FF);
    let eights = (fours & 0xFFFF_0000_FFFF) + 10_000 * ((fours >> 16) & 0xFFFF_0000_FFFF);
    (eights & 0xFFFF_FFFF) + 100_000_000 * (eights >> 32)
}

/// The eight nibbles of `packed` as eight bytes, first nibble highest.
#[inline]
pub(crate) const fn spread(packed: u32) -> u64 {
    let mut word = packed as u64;
    word = (word | word << 16) & 0x0000_FFFF_0000_FFFF;
    word = (word | word << 8) & 0x00FF_00FF_00FF_00FF;
    (word | word << 4) & LOW
}

/// The low nibbles of eight bytes side by side: the inverse of [`spread`].
#[inline]
pub(crate) const fn gather(bytes: u64) -> u32 {
    let mut word = bytes & LOW;
    word = (word | word >> 4) & 0x00FF_00FF_00FF_00FF;
    word = (word | word >> 8) & 0x0000_FFFF_0000_FFFF;
    ((word | word >> 16) & 0xFFFF_FFFF) as u32
}

/// Eight ASCII hex digits of either case as a number; `None` if one is not.
#[inline]
pub(crate) const fn hex_word(word: u64) -> Option<u32> {
    if not_hex(word) == 0 { Some(gather(hex_nibbles(word))) } else { None }
}

/// The values of hex digits; of no use for bytes that are not.
const fn hex_nibbles(word: u64) -> u64 {
    ((word & LOW) + ((word >> 6) & splat(0x01)) * 9) & LOW
}

/// Non-zero unless all eight bytes are ASCII hex digits: those that are not do not come back from
/// their value.
#[inline]
pub(crate) const fn not_hex(word: u64) -> u64 {
    let upper = word & !((word & splat(0x40)) >> 1);
    (word & splat(0x80)) | (hex_characters(hex_nibbles(word)) ^ upper)
}

/// The upper-case ASCII hex digits of eight nibbles, one a byte.
#[inline]
pub(crate) const fn hex_characters(nibbles: u64) -> u64 {
    let letters = ((nibbles + splat(6)) >> 4) & splat(0x01);
    nibbles + splat(b'0') + letters * 7
}

/// The value of one ASCII hex digit.
pub(crate) const fn hex_digit(ascii: u8) -> Option<u8> {
    match ascii {
        b'0'..=b'9' => Some(ascii - b'0'),
        b'A'..=b'F' => Some(ascii - b'A' + 10),
        b'a'..=b'f' => Some(ascii - b'a' + 10),
        _ => None,
    }
}

/// One nibble as an upper-case ASCII hex digit.
pub(crate) const fn hex_character(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + (nibble & 0x0F) - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nibbles(word: u64) -> impl Iterator<Item = u8> {
        word.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15])
    }

    proptest! {
        #[test]
        fn words_agree_with_bytes(word: u64, small in prop::array::uniform8(0x2Cu8..0x3E)) {
            for word in [word, u64::from_be_bytes(small), word & splat(0x77) | splat(0x20)] {
                let bytes = word.to_be_bytes();
                prop_assert_eq!(above_nine(word) == 0, nibbles(word).all(|n| n < 10));
                prop_assert_eq!(not_track2(word) == 0, nibbles(word).all(|n| n < 10 || n == 13));
                prop_assert_eq!(not_digits(word, b'0') == 0, bytes.iter().all(u8::is_ascii_digit));
                let printable = bytes.iter().all(|b| (0x20..0x7F).contains(b));
                prop_assert_eq!(not_printable(word) == 0, printable);
                let text = core::str::from_utf8(&bytes).ok();
                let strict = text.filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
                let hex = strict.and_then(|t| u32::from_str_radix(t, 16).ok());
                prop_assert_eq!(hex_word(word), hex);
            }
        }

        #[test]
        fn digits_become_numbers(number in 0u64..10_000_000_000_000_000) {
            let packed = u64::from_str_radix(&number.to_string(), 16).unwrap();
            prop_assert_eq!(packed_to_number(packed), number);
            prop_assert_eq!(number_to_packed(number), packed);
            let text = format!("{:08}", number % 100_000_000);
            let characters = word(text.as_bytes(), 0).unwrap();
            prop_assert_eq!(characters_to_number(characters), number % 100_000_000);
        }

        #[test]
        fn nibbles_spread_and_gather(packed: u32) {
            prop_assert_eq!(gather(spread(packed)), packed);
            let text = hex_characters(spread(packed)).to_be_bytes();
            prop_assert_eq!(text.to_vec(), format!("{packed:08X}").into_bytes());
        }

        #[test]
        fn short_slices_are_read_whole(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let tail = bytes.iter().rev().take(8).rev();
            let number = tail.fold(0, |number, byte| number << 8 | u64::from(*byte));
            prop_assert_eq!(tail_number(&bytes), number);
            for byte in 0..=255 {
                let found = sweep(&bytes, |word| {
                    u64::from(word.to_ne_bytes().contains(&byte))
                });
                prop_assert_eq!(found != 0, bytes.contains(&byte));
            }
        }
    }
}
