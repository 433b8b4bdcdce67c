//! One counter in its words.
//!
//! A calendar counter is one word: 16 bits of window number, 48 bits of value. It starts anew when
//! the window number is another, by comparison and not by a timer. 48 bits of tyiyn are
//! 2.8 trillion som, more than the country's yearly product; ceilings are held below that.
//! A rolling counter is a head (the newest bucket's number) and a ring of buckets.

use crate::window::{Ring, Tick, Window};

const VALUE_BITS: u32 = 48;
/// The largest value a calendar counter holds, and so the highest ceiling there may be.
pub(crate) const VALUE_MAX: u64 = (1 << VALUE_BITS) - 1;

/// The value, if the word is about this window.
pub(crate) const fn calendar_value(word: u64, window: u16) -> u64 {
    if word >> VALUE_BITS == window as u64 { word & VALUE_MAX } else { 0 }
}

/// The word with `value` more in this window.
pub(crate) const fn calendar_add(word: u64, window: u16, value: u64) -> u64 {
    let sum = calendar_value(word, window).saturating_add(value);
    let sum = if sum > VALUE_MAX { VALUE_MAX } else { sum };
    (window as u64) << VALUE_BITS | sum
}

/// The word with `value` less, if it still is about this window.
pub(crate) const fn calendar_take(word: u64, window: u16, value: u64) -> u64 {
    if word >> VALUE_BITS == window as u64 {
        word - if value < word & VALUE_MAX { value } else { word & VALUE_MAX }
    } else {
        word
    }
}

/// The words of a counter, by their place in it.
pub(crate) trait Words {
    fn word(&self, at: usize) -> u64;
    fn set(&mut self, at: usize, value: u64);
    /// The sum of neighbouring words.
    fn sum(&self, from: usize, until: usize) -> u64;
}

/// The oldest bucket that counts at `now`, given the newest one written.
fn oldest(ring: Ring, head: u32, now: u32) -> u32 {
    now.max(head).saturating_sub(ring.buckets)
}

fn place(ring: Ring, bucket: u32) -> usize {
    // The head is at 0, the ring after it.
    1 + (bucket % ring.kept()) as usize
}

fn head(words: &impl Words) -> u32 {
    u32::try_from(words.word(0)).unwrap_or_default()
}

/// What a rolling counter holds at a moment.
pub(crate) fn ring_value(words: &impl Words, ring: Ring, minute: u32) -> u64 {
    let head = head(words);
    let oldest = oldest(ring, head, ring.bucket(minute));
    if oldest > head {
        return 0;
    }
    let (first, last) = (place(ring, oldest), place(ring, head));
    if first <= last {
        words.sum(first, last + 1)
    } else {
        let turned = words.sum(first, 1 + ring.kept() as usize);
        turned.saturating_add(words.sum(1, last + 1))
    }
}

/// The minute at which the oldest entry of a rolling counter leaves it.
pub(crate) fn ring_relief(words: &impl Words, ring: Ring, minute: u32) -> Option<u64> {
    let head = head(words);
    let mut counted = oldest(ring, head, ring.bucket(minute))..=head;
    let first = counted.find(|bucket| words.word(place(ring, *bucket)) != 0)?;
    Some(u64::from(first.saturating_add(ring.kept())) * u64::from(ring.minutes))
}

/// Adds to a rolling counter, clearing the buckets passed by since the newest one.
pub(crate) fn ring_add(words: &mut impl Words, ring: Ring, minute: u32, value: u64) {
    let (head, now) = (head(words), ring.bucket(minute));
    if now > head {
        let first = head.saturating_add(1).max(now.saturating_sub(ring.buckets));
        for bucket in first..=now {
            words.set(place(ring, bucket), 0);
        }
        words.set(0, u64::from(now));
    }
    // A clock that went back counts in the oldest bucket that is still there.
    let at = place(ring, now.max(oldest(ring, head, now)));
    words.set(at, words.word(at).saturating_add(value));
}

/// Takes from the bucket a rolling counter was added to, if it is still in the window.
pub(crate) fn ring_take(words: &mut impl Words, ring: Ring, minute: u32, value: u64) {
    let (head, bucket) = (head(words), ring.bucket(minute));
    if bucket <= head && bucket >= head.saturating_sub(ring.buckets) {
        let at = place(ring, bucket);
        words.set(at, words.word(at).saturating_sub(value));
    }
}

/// Whether nothing a counter holds can still count at `now` or be given back.
pub(crate) fn is_past(words: &impl Words, window: Window, now: Tick) -> bool {
    match window.ring() {
        Some(ring) => head(words) < ring.bucket(now.minute).saturating_sub(ring.buckets),
        None => words.word(0) >> VALUE_BITS != u64::from(now.calendar(window)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Words for Vec<u64> {
        fn word(&self, at: usize) -> u64 {
            self[at]
        }
        fn set(&mut self, at: usize, value: u64) {
            self[at] = value;
        }
        fn sum(&self, from: usize, until: usize) -> u64 {
            self[from..until].iter().sum()
        }
    }

    #[test]
    fn a_calendar_counter_starts_anew_by_comparison() {
        let word = calendar_add(calendar_add(0, 7, 100), 7, 50);
        assert_eq!((calendar_value(word, 7), calendar_value(word, 8)), (150, 0));
        assert_eq!(calendar_value(calendar_take(word, 7, 30), 7), 120);
        assert_eq!(calendar_value(calendar_take(word, 7, 151), 7), 0);
        assert_eq!(calendar_take(word, 8, 30), word);
        assert_eq!(calendar_value(calendar_add(word, 8, 1), 8), 1);
        assert_eq!(calendar_value(calendar_add(word, 7, u64::MAX), 7), VALUE_MAX);
    }

    #[test]
    fn a_rolling_counter_errs_to_the_strict_side_by_one_bucket_at_most() {
        let ring = Window::Rolling24h.ring().unwrap();
        let mut words = vec![0; Window::Rolling24h.words()];
        let at = 29_000_007; // 7 minutes into its bucket
        ring_add(&mut words, ring, at, 500);
        let held = |words: &Vec<u64>, minute| ring_value(words, ring, minute);
        assert_eq!(held(&words, at), 500);
        assert_eq!(held(&words, at + 24 * 60), 500);
        assert_eq!(held(&words, at + 24 * 60 + 15), 0);
        ring_add(&mut words, ring, at + 60, 70);
        assert_eq!(held(&words, at + 24 * 60 + 15), 70);
        ring_take(&mut words, ring, at, 200);
        assert_eq!(held(&words, at + 60), 370);
        ring_add(&mut words, ring, at + 10_000, 1);
        ring_take(&mut words, ring, at + 60, 70);
        assert_eq!(held(&words, at + 10_000), 1);
    }
}
