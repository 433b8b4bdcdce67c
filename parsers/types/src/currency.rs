//! Currencies by their ISO 4217 numeric code.

use crate::currency_table::TABLE;
use core::fmt;
use serde::{Deserialize, Serialize};

/// An ISO 4217 currency. A number outside the list is still representable: a wire may carry it,
/// and a rule, not the parser, refuses it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Currency(u16);

impl Currency {
    /// The Kyrgyz som; 100 tyiyn.
    pub const KGS: Self = Self(417);
    /// The US dollar.
    pub const USD: Self = Self(840);
    /// The euro.
    pub const EUR: Self = Self(978);

    /// The currency with this numeric code; `None` above 999.
    #[must_use]
    pub const fn from_numeric(numeric: u16) -> Option<Self> {
        if numeric <= 999 { Some(Self(numeric)) } else { None }
    }

    /// The currency with this alphabetic code (`"KGS"`), if ISO 4217 lists it.
    #[must_use]
    pub fn from_alpha(alpha: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1.as_slice() == alpha.as_bytes()).map(|row| Self(row.0))
    }

    /// The numeric code.
    #[must_use]
    pub const fn numeric(self) -> u16 {
        self.0
    }

    /// Whether ISO 4217 lists the code.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.row().is_some()
    }

    /// The alphabetic code, if listed.
    #[must_use]
    pub fn alpha(self) -> Option<&'static str> {
        self.row().and_then(|row| core::str::from_utf8(&row.1).ok())
    }

    /// How many decimals the minor unit is of the major one; 2 where the code is not listed.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.row().map_or(2, |row| row.2)
    }

    /// Whether it is a precious metal, counted in grams (AMT-6).
    #[must_use]
    pub const fn is_metal(self) -> bool {
        // XAU, XPD, XPT, XAG.
        matches!(self.0, 959 | 961 | 962 | 964)
    }

    fn row(self) -> Option<&'static (u16, [u8; 3], u8)> {
        let at = TABLE.binary_search_by_key(&self.0, |row| row.0).ok()?;
        TABLE.get(at)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alpha() {
            Some(alpha) => f.write_str(alpha),
            None => write!(f, "{:03}", self.0),
        }
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_knows_its_neighbours() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(Currency::from_alpha("KGS"), Some(Currency::KGS));
        assert_eq!((Currency::KGS.exponent(), Currency::KGS.to_string()), (2, "KGS".into()));
        assert_eq!(Currency::from_alpha("JPY").map(Currency::exponent), Some(0));
        assert_eq!(Currency::from_alpha("XAU").map(Currency::exponent), Some(3));
        assert!(!Currency(1).is_known());
        assert_eq!(Currency(1).to_string(), "001");
        assert_eq!(Currency::from_numeric(1000), None);
    }
}
