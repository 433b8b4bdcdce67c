//! Card numbers in texts that are not for them (PII-1). One finder for all of them: what the API is
//! sent, what a portfolio's ids and names hold, and what an error would show again.
//!
//! Whether what was found is a card number, or an account's that looks like one, says the register
//! of networks (NET-1) by its first digits. Where nobody can ask that, it is masked.

use payment_types::Pan;
use std::borrow::Cow;

/// Digits a card number has at least.
const FEWEST: usize = 13;
/// And at most.
const MOST: usize = 19;
/// Of them are shown, at the beginning and at the end.
const SHOWN: (usize, usize) = (6, 4);

/// What could be a card number: 13 to 19 digits with a right check digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its first eleven digits, by which its network is found.
    pub(crate) prefix: u64,
    /// Where in the text its digits stand, each a character.
    digits: Vec<usize>,
}

impl Found {
    /// Its first eight digits.
    pub(crate) const fn leading(&self) -> u64 {
        self.prefix / 1000
    }
}

/// A digit of a text.
struct Digit {
    at: usize,
    ascii: u8,
    /// The first of a group.
    begins: bool,
}

/// Everything in a text that could be a card number. Between its digits may stand what people put
/// between groups of digits, seen or unseen, and the digits may be wide ones; before and behind it
/// may stand other groups.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut run: Vec<Digit> = Vec::new();
    let mut begins = true;
    for (at, character) in text.char_indices() {
        if let Some(ascii) = digit(character) {
            run.push(Digit { at, ascii, begins });
            begins = false;
            continue;
        }
        begins = true;
        if !is_between(character) {
            look(&run, &mut found);
            run.clear();
        }
    }
    look(&run, &mut found);
    found
}

/// The text with all but the first six and the last four digits of each as `*`.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let mut hidden: Vec<usize> = Vec::new();
    for found in find(text) {
        let end = found.digits.len().saturating_sub(SHOWN.1);
        hidden.extend(found.digits.get(SHOWN.0..end).unwrap_or_default());
    }
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort_unstable();
    let is_hidden = |at: &usize| hidden.binary_search(at).is_ok();
    let shown = |(at, character)| if is_hidden(&at) { '*' } else { character };
    Cow::Owned(text.char_indices().map(shown).collect())
}

/// The value as an ASCII digit.
fn digit(character: char) -> Option<u8> {
    let value = match character {
        '0'..='9' => return u8::try_from(character).ok(),
        '\u{ff10}'..='\u{ff19}' => u32::from(character) - 0xff10,
        _ => return None,
    };
    u8::try_from(value).ok().map(|value| b'0' + value)
}

/// Whether it may stand between two groups of one number.
fn is_between(character: char) -> bool {
    matches!(
        character,
        '.' | '_' | '/' | '-' | '\u{ad}' | '\u{2010}'..='\u{2015}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    ) || character.is_whitespace()
}

/// Looks through every row of whole groups.
fn look(run: &[Digit], found: &mut Vec<Found>) {
    let ends_at = |end: usize| run.get(end).is_none_or(|next| next.begins);
    for first in (0..run.len()).filter(|first| run.get(*first).is_some_and(|digit| digit.begins)) {
        for end in (first + FEWEST..=first + MOST).filter(|end| ends_at(*end)) {
            let Some(digits) = run.get(first..end) else { break };
            let ascii: Vec<u8> = digits.iter().map(|digit| digit.ascii).collect();
            let pan = Pan::from_ascii(&ascii).ok().filter(Pan::has_valid_check_digit);
            let places = || digits.iter().map(|digit| digit.at).collect();
            found.extend(pan.map(|pan| Found { prefix: pan.prefix(11), digits: places() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(text: &str) -> Vec<u64> {
        find(text).into_iter().map(|found| found.prefix).collect()
    }

    #[test]
    fn pii_1_finds_what_could_be_a_card_number() {
        for hidden in [
            "9417000000000016",
            "card 9417 0000-0000 0016, please",
            "9417.0000.0000.0016",
            "9417_0000/0000\u{a0}0016",
            "9417\u{2011}0000\u{200b}00000016",
            "\u{ff19}\u{ff14}17000000000016",
            "1 9417000000000016",
            "of 2026-11-23 9417000000000016 2",
        ] {
            assert_eq!(prefixes(hidden), [94_170_000_000], "{hidden}");
        }
        for harmless in ["", "941700******0016", "9417000000000017", "2026-11-23", "+996555000001"]
        {
            assert_eq!(prefixes(harmless), [0_u64; 0], "{harmless}");
        }
        assert_eq!(prefixes("00009417000000000016"), [0_u64; 0], "no group is 20 digits");
    }

    #[test]
    fn pii_1_what_is_shown_has_the_first_six_and_the_last_four() {
        assert_eq!(masked("no card \"9417000000000016\"!"), "no card \"941700******0016\"!");
        assert_eq!(masked("9417 0000 0000 0016, 7"), "9417 00** **** 0016, 7");
        assert_eq!(masked("\u{ff19}417000000000016"), "\u{ff19}41700******0016");
        for plain in ["", "Ж", "account 12", "9417000000000017"] {
            assert!(matches!(masked(plain), Cow::Borrowed(same) if same == plain), "{plain}");
        }
    }
}
