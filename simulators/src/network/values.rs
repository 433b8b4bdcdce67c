//! The values of a rules file: each is checked where it stands, so that an error has its place.

use payment_types::{Mti, parse_minor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The exponent of the som: amounts in a rules file are in it.
const EXPONENT: u8 = 2;

/// `200ms`, or `50ms-200ms` for any time between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    from: Duration,
    to: Duration,
}

impl Delay {
    /// A time between the two.
    pub(super) fn draw(self, random: &mut ChaCha8Rng) -> Duration {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(random.random_range(micros(self.from)..=micros(self.to)))
    }
}

impl FromStr for Delay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (time(from.trim())?, time(to.trim())?);
        if from > to {
            return Err(format!("{text:?}: the first time is the longer one"));
        }
        Ok(Self { from, to })
    }
}

/// A time: `200ms`, `1.5s`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub(super) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        time(text).map(Self)
    }
}

/// Reads `10s`, `1.5s`, `500ms` or `2m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..).unwrap_or_default() {
        "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        _ => return Err(format!("{text:?} is no time such as 200ms, 1.5s or 2m")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{text:?} is no time"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| format!("{text:?} is no time"))
}

/// `5%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub(super) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        percent
            .map(|percent| Self(percent / 100.0))
            .ok_or_else(|| format!("{text:?} is no share such as 5%"))
    }
}

/// `100.00-500.00`, `1000.00-`, `-20.00` or `120.00`; in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl FromStr for Amounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let from = if from.trim().is_empty() { 0 } else { minor(from.trim())? };
        let to = if to.trim().is_empty() { u64::MAX } else { minor(to.trim())? };
        if from > to {
            return Err(format!("{text:?}: the first amount is the larger one"));
        }
        Ok(Self { from, to })
    }
}

/// An amount in som.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money(pub(super) u64);

impl FromStr for Money {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        minor(text).map(Self)
    }
}

fn minor(text: &str) -> Result<u64, String> {
    let amount = parse_minor(text, EXPONENT).map_err(|error| format!("{text:?}: {error}"))?;
    u64::try_from(amount).map_err(|_| format!("{text:?} is below zero"))
}

/// `0100`, `02xx`: a message type with any digit where an `x` stands. The version digit is not
/// looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MtiPattern([Option<u8>; 3]);

impl MtiPattern {
    pub(super) fn fits(self, mti: Mti) -> bool {
        let [_, digits @ ..] = mti.digits();
        self.0.iter().zip(digits).all(|(wanted, digit)| wanted.is_none_or(|wanted| wanted == digit))
    }
}

impl FromStr for MtiPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no message type such as 0100 or 02xx");
        let places: [u8; 4] = text.as_bytes().try_into().map_err(|_| wrong())?;
        let mut read = [None; 4];
        for (place, to) in places.into_iter().zip(&mut read) {
            *to = match place {
                b'x' | b'X' => None,
                b'0'..=b'9' => Some(place - b'0'),
                _ => return Err(wrong()),
            };
        }
        let [_, rest @ ..] = read;
        Ok(Self(rest))
    }
}

/// Leading digits: of a card number, a processing code, a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn begins(&self, digits: &str) -> bool {
        digits.starts_with(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("{text:?} is not digits"));
        }
        // A whole card number has no business in a file of rules.
        if text.len() > 11 {
            return Err("more than eleven digits: only the beginning of a number is told".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A terminal's id; with `*` at its end, any that begins so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    pub(super) fn fits(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == self.0,
        }
    }
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.find('*') {
            Some(at) if at + 1 != text.len() => Err(format!("{text:?}: a * stands at the end")),
            _ if text.is_empty() => Err("an empty name".to_owned()),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// DE 70.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkCode(pub(super) u16);

impl FromStr for NetworkCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = text.parse().ok().filter(|code: &u16| *code <= 999 && text.len() == 3);
        code.map(Self).ok_or_else(|| format!("{text:?} is no network code such as 301"))
    }
}

/// DE 39: of 1987, which becomes its like of the later editions, or of a later one as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(pub(super) String);

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_1987 = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let later = matches!(text.len(), 3 | 4) && text.bytes().all(|byte| byte.is_ascii_digit());
        match of_1987 || later {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{text:?} is no response code such as 05 or 116")),
        }
    }
}

macro_rules! read_from_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

read_from_text!(
    Delay,
    Time,
    Share,
    Amounts,
    Money,
    MtiPattern,
    Prefix,
    NamePattern,
    NetworkCode,
    Code
);

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T>(pub(super) Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrList<T>(std::marker::PhantomData<T>);
        impl<'de, T: FromStr<Err = String>> Visitor<'de> for OneOrList<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes, or a list of it")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Many<T>, E> {
                Ok(Many(vec![text.parse().map_err(E::custom)?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    all.push(text.parse().map_err(de::Error::custom)?);
                }
                match all.is_empty() {
                    true => Err(de::Error::custom("an empty list fits nothing")),
                    false => Ok(Many(all)),
                }
            }
        }
        deserializer.deserialize_any(OneOrList(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn values_are_read_and_wrong_ones_told() {
        let mti = |text: &str| Mti::parse(text).unwrap();
        let pattern: MtiPattern = "02x0".parse().unwrap();
        assert!(pattern.fits(mti("0200")) && pattern.fits(mti("1220")));
        assert!(!pattern.fits(mti("0100")) && !pattern.fits(mti("0201")));
        let amounts = |text: &str| text.parse::<Amounts>().map(|range| (range.from, range.to));
        assert_eq!(amounts("100.00-500.00"), Ok((10_000, 50_000)));
        assert_eq!(amounts("1000-"), Ok((100_000, u64::MAX)));
        assert_eq!(amounts("-20.00"), Ok((0, 2_000)));
        assert_eq!(amounts("7.00"), Ok((700, 700)));
        assert!(amounts("5.00-1.00").is_err() && amounts("x").is_err());
        assert!("POS*".parse::<NamePattern>().unwrap().fits("POS00001"));
        assert!("P*S".parse::<NamePattern>().is_err());
        assert_eq!("5%".parse(), Ok(Share(0.05)));
        assert!("5".parse::<Share>().is_err() && "101%".parse::<Share>().is_err());
        assert!("941700".parse::<Prefix>().unwrap().begins("9417000000000009"));
        assert!("9417000000000009".parse::<Prefix>().unwrap_err().contains("eleven digits"));
        assert!("1A".parse::<Code>().is_ok() && "116".parse::<Code>().is_ok());
        assert!("5".parse::<Code>().is_err() && "1AB".parse::<Code>().is_err());
        assert!("301".parse::<NetworkCode>().is_ok() && "1".parse::<NetworkCode>().is_err());
    }

    #[test]
    fn a_delay_is_between_its_ends() {
        let delay: Delay = "50ms-1s".parse().unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let ends = Duration::from_millis(50)..=Duration::from_secs(1);
        assert!((0..100).all(|_| ends.contains(&delay.draw(&mut random))));
        let fixed: Delay = "2m".parse().unwrap();
        assert_eq!(fixed.draw(&mut random), Duration::from_secs(120));
        for wrong in ["10", "1s-10ms", "x", "-", "1h"] {
            assert!(wrong.parse::<Delay>().is_err(), "{wrong}");
        }
    }
}
