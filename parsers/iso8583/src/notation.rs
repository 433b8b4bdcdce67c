//! The short notation of an element's format in a dialect file: `n6`, `n..19 LL`, `ans..999 LLL`,
//! `x+n8`, `z..37 LL`, `b8`. Lengths count digits, characters or (for `b`) bytes, never bits.

use crate::charset::Alphabet;
use crate::format::Class;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, digit1, space0, space1};
use nom::combinator::{all_consuming, map, map_opt, map_res, opt, value};
use nom::multi::many1_count;
use nom::sequence::{preceded, separated_pair};
use nom::{IResult, Parser};

/// A format as written: what the value is made of, how long it may be and how many digits its length
/// prefix has (0: none, the length is fixed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notation {
    pub(crate) class: Class,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) length_digits: u8,
}

/// Reads the notation. Behind a tag (`tagged`) the length is the tag's, so there is no prefix.
///
/// # Errors
/// A sentence that says what was expected.
pub(crate) fn parse(text: &str, tagged: bool) -> Result<Notation, String> {
    let (_, (class, (min, max), length_digits)) =
        all_consuming((class, length, prefix)).parse(text.trim()).map_err(|_| {
            format!("`{text}` is not a format such as \"n6\", \"n..19 LL\", \"x+n8\" or \"b8\"")
        })?;
    let variable = min != max || text.contains("..");
    if max == 0 || min > max {
        return Err(format!("`{text}` allows no length"));
    }
    match (variable, length_digits) {
        _ if variable && class == Class::Signed => Err("x+n is always fixed".to_owned()),
        _ if tagged && class == Class::Signed => Err("x+n cannot stand behind a tag".to_owned()),
        (true, 1..) if tagged => Err(format!("`{text}` stands behind a tag; leave out the L")),
        (true, 0) if tagged => Ok(Notation { class, min, max, length_digits }),
        (true, 0) => Err(format!("`{text}` needs the digits of its length prefix, as in \"LL\"")),
        (false, 1..) => Err(format!("`{text}` is fixed, so it has no length prefix; write \"..\"")),
        // The sign is one more character.
        _ if class == Class::Signed => Ok(Notation {
            class,
            min: min.saturating_add(1),
            max: max.saturating_add(1),
            length_digits,
        }),
        _ => Ok(Notation { class, min, max, length_digits }),
    }
}

fn class(input: &str) -> IResult<&str, Class> {
    alt((
        value(Class::Signed, tag("x+n")),
        value(Class::Binary, char('b')),
        value(Class::Track2, char('z')),
        map_opt(take_while1(|c| matches!(c, 'a' | 'n' | 's' | 'p')), letters),
    ))
    .parse(input)
}

fn letters(letters: &str) -> Option<Class> {
    if letters == "n" {
        return Some(Class::Numeric);
    }
    let mut alphabet = Alphabet::default();
    for letter in letters.bytes() {
        let one = match letter {
            b'a' => Alphabet::LETTERS,
            b'n' => Alphabet::DIGITS,
            b's' => Alphabet::SPECIAL.with(Alphabet::SPACE),
            _ => Alphabet::SPACE,
        };
        if alphabet.with(one) == alphabet {
            return None;
        }
        alphabet = alphabet.with(one);
    }
    Some(Class::Text(alphabet))
}

fn length(input: &str) -> IResult<&str, (u32, u32)> {
    preceded(
        space0,
        alt((
            separated_pair(map(opt(number), Option::unwrap_or_default), tag(".."), number),
            map(number, |fixed| (fixed, fixed)),
        )),
    )
    .parse(input)
}

fn number(input: &str) -> IResult<&str, u32> {
    map_res(digit1, str::parse).parse(input)
}

fn prefix(input: &str) -> IResult<&str, u8> {
    map_opt(opt(preceded(space1, many1_count(char('L')))), |count| {
        u8::try_from(count.unwrap_or_default()).ok().filter(|digits| *digits <= 6)
    })
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_standards_formats() {
        let an = Class::Text(Alphabet::LETTERS.with(Alphabet::DIGITS));
        for (text, class, min, max, length_digits) in [
            ("n6", Class::Numeric, 6, 6, 0),
            ("n..19 LL", Class::Numeric, 0, 19, 2),
            ("n8..19 LL", Class::Numeric, 8, 19, 2),
            ("an 12", an, 12, 12, 0),
            ("ans..999 LLL", Class::Text(Alphabet::ANS), 0, 999, 3),
            ("x+n8", Class::Signed, 9, 9, 0),
            ("z..37 LL", Class::Track2, 0, 37, 2),
            ("b8", Class::Binary, 8, 8, 0),
            ("b..9999 LLLL", Class::Binary, 0, 9999, 4),
        ] {
            let expected = Notation { class, min, max, length_digits };
            assert_eq!(parse(text, false), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_format() {
        for text in [
            "",
            "n",
            "6",
            "n..19",
            "n6 LL",
            "q6",
            "n..19 LLLLLLL",
            "n0",
            "n9..3 LL",
            "n6 junk",
            "nn3",
            "x+n..8 LL",
            "n99999999999",
            "n..19LL",
        ] {
            assert!(parse(text, false).is_err(), "{text:?}");
        }
    }
}
