//! Amounts as the API carries them: decimal strings in major units of their currency.

use super::problem::Problem;
use payment_types::{Amount, AmountError, Currency, format_minor};

/// Minor units as text.
pub(super) fn text(minor: i64, currency: Currency) -> String {
    format_minor(i128::from(minor), currency.exponent())
}

/// Reads the amount of a credit: above zero, with no more decimals than the currency has.
pub(super) fn read(field: &str, text: &str, currency: Currency) -> Result<u64, Problem> {
    let amount = Amount::parse_major(text, currency).map_err(|error| {
        let detail = match error {
            AmountError::TooManyDecimals => {
                format!("{currency} has {} decimals, not more", currency.exponent())
            }
            AmountError::Overflow => "too large".to_owned(),
            AmountError::Negative => "must be above zero".to_owned(),
            _ => "must be a decimal string such as \"1500.00\"".to_owned(),
        };
        Problem::field(field, detail)
    })?;
    if amount.is_zero() {
        return Err(Problem::field(field, "must be above zero"));
    }
    Ok(amount.minor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_checked() {
        assert_eq!(read("amount", "1500.5", Currency::KGS), Ok(150_050));
        for bad in ["0", "0.00", "-1.00", "1.001", "1e3", "", "99999999999999999999", "1,00"] {
            assert!(read("amount", bad, Currency::KGS).is_err(), "{bad}");
        }
        assert_eq!(text(-550_000, Currency::KGS), "-5500.00");
    }
}
