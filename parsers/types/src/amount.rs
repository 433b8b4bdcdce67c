//! Exact money: an integer count of minor units and the currency they are units of.
//!
//! There is no `+`: sums are [`Amount::checked_add`], which refuses overflow and mixed currencies
//! (rule book section 0: money is never a float).

use crate::Currency;
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A non-negative sum of money in minor units (tyiyn, cents) of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    minor: u64,
    currency: Currency,
}

/// A signed balance in minor units of its account's currency.
pub type Balance = i64;

/// Why an amount could not be made or added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// The sum does not fit.
    #[error("amount out of range")]
    Overflow,
    /// A subtraction would go below zero.
    #[error("amount would be negative")]
    Negative,
    /// The two amounts are in different currencies.
    #[error("amounts in different currencies")]
    CurrencyMismatch,
    /// Not a decimal number such as `1234.50`.
    #[error("not a decimal amount such as 1234.50")]
    Malformed,
    /// More decimals than the currency has.
    #[error("more decimals than the currency has")]
    TooManyDecimals,
}

impl Amount {
    /// `minor` units of `currency`.
    #[must_use]
    pub const fn new(minor: u64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The count of minor units.
    #[must_use]
    pub const fn minor(self) -> u64 {
        self.minor
    }

    /// The currency the count is of.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether nothing is meant.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`AmountError::CurrencyMismatch`], [`AmountError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(AmountError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// What is left of `self` after `other`.
    ///
    /// # Errors
    /// [`AmountError::CurrencyMismatch`], [`AmountError::Negative`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(AmountError::Negative)?;
        Ok(Self { minor, ..self })
    }

    /// Reads a decimal string in major units (`"1234.50"`), as files and the API carry amounts.
    ///
    /// # Errors
    /// [`AmountError::Malformed`], [`AmountError::TooManyDecimals`], [`AmountError::Overflow`],
    /// [`AmountError::Negative`].
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let minor = parse_minor(text, currency.exponent())?;
        let minor = u64::try_from(minor).map_err(|_| AmountError::Negative)?;
        Ok(Self { minor, currency })
    }

    fn same_currency(self, other: Self) -> Result<(), AmountError> {
        if self.currency == other.currency { Ok(()) } else { Err(AmountError::CurrencyMismatch) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_minor(i128::from(self.minor), self.currency.exponent()))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

/// Minor units as a decimal string in major units: `format_minor(-550_000, 2)` is `"-5500.00"`.
#[must_use]
pub fn format_minor(minor: i128, exponent: u8) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let digits = minor.unsigned_abs().to_string();
    let places = usize::from(exponent);
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (major, fraction) = padded.split_at(padded.len().saturating_sub(places));
    format!("{sign}{major}.{fraction}")
}

/// Reads a decimal string in major units into minor units; the inverse of [`format_minor`].
///
/// # Errors
/// [`AmountError::Malformed`], [`AmountError::TooManyDecimals`], [`AmountError::Overflow`].
pub fn parse_minor(text: &str, exponent: u8) -> Result<i64, AmountError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (major, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(AmountError::Malformed),
        Some(parts) => parts,
        None => (digits, ""),
    };
    if major.is_empty() || !major.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(AmountError::Malformed);
    }
    let places = usize::from(exponent);
    if fraction.len() > places {
        return Err(AmountError::TooManyDecimals);
    }
    let zeros = core::iter::repeat_n(b'0', places.saturating_sub(fraction.len()));
    let mut minor: i64 = 0;
    for byte in major.bytes().chain(fraction.bytes()).chain(zeros) {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        minor = minor
            .checked_mul(10)
            .and_then(|m| m.checked_add(digit))
            .ok_or(AmountError::Overflow)?;
    }
    Ok(if negative { minor.saturating_neg() } else { minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_major_units() {
        for (text, minor) in
            [("0.00", 0), ("0.01", 1), ("15000.00", 1_500_000), ("-5500.00", -550_000)]
        {
            assert_eq!(parse_minor(text, 2), Ok(minor));
            assert_eq!(format_minor(i128::from(minor), 2), text);
        }
        assert_eq!(parse_minor("7", 2), Ok(700));
        assert_eq!(parse_minor("7.5", 2), Ok(750));
        assert_eq!(format_minor(7, 0), "7");
        assert_eq!(format_minor(7, 3), "0.007");
    }

    #[test]
    fn refuses_what_is_not_money() {
        for text in ["", ".", "1.", ".5", "1,5", "+1", "1e3", "--1", "1.2.3", " 1", "١"] {
            assert_eq!(parse_minor(text, 2), Err(AmountError::Malformed), "{text:?}");
        }
        assert_eq!(parse_minor("0.001", 2), Err(AmountError::TooManyDecimals));
        assert_eq!(parse_minor("99999999999999999999", 2), Err(AmountError::Overflow));
        assert_eq!(Amount::parse_major("-1", Currency::KGS), Err(AmountError::Negative));
    }

    #[test]
    fn sums_are_checked() {
        let som = |minor| Amount::new(minor, Currency::KGS);
        assert_eq!(som(1).checked_add(som(2)), Ok(som(3)));
        assert_eq!(som(u64::MAX).checked_add(som(1)), Err(AmountError::Overflow));
        assert_eq!(som(1).checked_sub(som(2)), Err(AmountError::Negative));
        let dollar = Amount::new(1, Currency::USD);
        assert_eq!(som(1).checked_add(dollar), Err(AmountError::CurrencyMismatch));
    }
}
