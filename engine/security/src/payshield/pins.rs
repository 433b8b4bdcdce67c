//! PINs, verified and changed inside the device (PIN-1, PIN-4): a block goes in with the keys it
//! needs, a yes, a no or a new reference comes back.

use super::module::{PayshieldModule, key_type, text_of};
use super::values::Values;
use crate::reference::Kind;
use crate::{
    KeyUsage, LoadedKey, PinBlockFormat, PinCard, PinChange, PinData, PinOutcome, PinReference,
    PinSource, Pins, SecurityError,
};
use payment_types::Pan;
use std::sync::PoisonError;

const AES: SecurityError =
    SecurityError::Unsupported("AES PIN blocks and AES DUKPT need a key block master key");

/// What the device calls a format.
fn format_code(format: PinBlockFormat) -> Result<&'static str, SecurityError> {
    match format {
        PinBlockFormat::Iso0 => Ok("01"),
        PinBlockFormat::Iso1 => Ok("05"),
        PinBlockFormat::Iso2 => Ok("34"),
        PinBlockFormat::Iso3 => Ok("47"),
        PinBlockFormat::Iso4 => Err(AES),
    }
}

/// The twelve digits of the card number that commands take: the last ones but for the check digit.
pub(super) fn account(pan: &Pan) -> String {
    let digits = String::from_utf8_lossy(pan.expose_digits());
    let without_check = digits.get(..digits.len().saturating_sub(1)).unwrap_or_default();
    let last = without_check.get(without_check.len().saturating_sub(12)..).unwrap_or_default();
    format!("{last:0>12}")
}

fn block(pin: &PinData<'_>) -> Result<String, SecurityError> {
    match pin.block.len() {
        8 => Ok(hex::encode_upper(pin.block)),
        16 => Err(AES),
        _ => Err(SecurityError::Malformed("PIN block")),
    }
}

/// The key serial number as commands take it: ten digits that name the base key, five of the
/// device, five of the counter.
pub(super) fn ksn(ksn: &[u8]) -> Result<(&'static str, String), SecurityError> {
    match ksn.len() {
        10 => Ok(("A05", hex::encode_upper(ksn))),
        12 => Err(AES),
        _ => Err(SecurityError::Ksn),
    }
}

/// How a PIN is checked, as the commands need it.
enum Check<'a> {
    Visa {
        pvk: String,
        pvki: String,
        pvv: &'a [u8; 4],
    },
    Ibm {
        pvk: String,
        table: &'a [u8; 16],
        validation: String,
        /// Digits, filled up with `F` to twelve.
        offset: String,
        digits: usize,
    },
}

/// The commands of a way to check.
struct Commands {
    terminal: &'static str,
    zone: &'static str,
    dukpt: &'static str,
    make: &'static str,
    change: &'static str,
}

impl Check<'_> {
    const fn commands(&self) -> Commands {
        match self {
            Self::Visa { .. } => {
                Commands { terminal: "DC", zone: "EC", dukpt: "GQ", make: "FW", change: "CU" }
            }
            Self::Ibm { .. } => {
                Commands { terminal: "DA", zone: "EA", dukpt: "GO", make: "BK", change: "DU" }
            }
        }
    }

    /// What all commands need.
    fn in_all(&self, values: Values) -> Values {
        match self {
            Self::Visa { pvk, pvki, .. } => values.with("pvk", pvk).with("pvki", pvki),
            Self::Ibm { pvk, table, validation, digits, .. } => values
                .with("pvk", pvk)
                .with("maximum_pin_length", "12")
                .with("check_length", digits.to_string())
                .with("decimalisation_table", table)
                .with("pin_validation_data", validation),
        }
    }

    /// The card's own value, under the names of commands that verify and that change.
    fn with_reference(&self, values: Values) -> Values {
        match self {
            Self::Visa { pvv, .. } => values.with("pvv", pvv).with("source_pvv", pvv),
            Self::Ibm { offset, .. } => values.with("offset", offset).with("source_offset", offset),
        }
    }

    /// A new reference from the answer to a command that made one.
    fn reference(&self, values: &Values) -> Result<PinReference, SecurityError> {
        match self {
            Self::Visa { pvki, .. } => {
                PinReference::visa(pvki.parse().unwrap_or(1), values.text("pvv"))
            }
            Self::Ibm { .. } => {
                PinReference::ibm_offset(values.text("offset").trim_end_matches('F'))
            }
        }
    }
}

/// The first sixteen digits of the card number, filled up with `F`, as the software module takes
/// them; the device has the letter N where the last five of the account belong.
fn validation(pan: &Pan) -> Result<String, SecurityError> {
    let digits = String::from_utf8_lossy(pan.expose_digits());
    let unsupported =
        SecurityError::Unsupported("PIN offsets of card numbers of more than 17 digits");
    if digits.len() > 17 {
        return Err(unsupported);
    }
    let (from, until) = (digits.len() - 6, digits.len() - 1);
    let filled = format!("{digits:F<16}");
    let first = filled.get(..from).ok_or(unsupported)?;
    let last = filled.get(until..16).ok_or(unsupported)?;
    Ok(format!("{first}N{last}"))
}

impl PayshieldModule {
    fn check<'a>(&self, card: &PinCard<'a>) -> Result<Check<'a>, SecurityError> {
        match &card.reference.0 {
            Kind::Visa { pvki, pvv } => {
                let pvk = match card.key {
                    Some(key) => text_of(key, &[KeyUsage::PinVerificationVisa])?.to_owned(),
                    None => self.own_pvk()?,
                };
                Ok(Check::Visa { pvk, pvki: pvki.to_string(), pvv })
            }
            Kind::Ibm([length, digits @ ..]) => {
                let key = card.key.ok_or(SecurityError::NoSuchKey)?;
                let digits = digits.get(..usize::from(*length)).ok_or(SecurityError::NotOurs)?;
                let text = std::str::from_utf8(digits).map_err(|_| SecurityError::NotOurs)?;
                Ok(Check::Ibm {
                    pvk: text_of(key, &[KeyUsage::PinVerificationIbm])?.to_owned(),
                    table: card.decimalization,
                    validation: validation(card.pan)?,
                    offset: format!("{text:F<12}"),
                    digits: digits.len(),
                })
            }
            // Made by the software module: the device has no such thing.
            Kind::TestPin(_) => Err(SecurityError::NotOurs),
        }
    }

    fn verify_session(
        &self,
        pin: &PinData<'_>,
        key: &LoadedKey,
        card: &PinCard<'_>,
    ) -> Result<bool, SecurityError> {
        let text = text_of(key, &[KeyUsage::PinEncryption, KeyUsage::ZonePin])?;
        let is_zone = key.usage() == KeyUsage::ZonePin;
        let check = self.check(card)?;
        let commands = check.commands();
        let values = Values::new()
            .with(if is_zone { "zpk" } else { "tpk" }, text)
            .with("pin_block", block(pin)?)
            .with("pin_block_format", format_code(pin.format)?)
            .with("pan", account(card.pan));
        let values = check.with_reference(check.in_all(values));
        self.is_right(if is_zone { commands.zone } else { commands.terminal }, &values)
    }

    fn verify_dukpt(
        &self,
        pin: &PinData<'_>,
        base: &LoadedKey,
        serial: &[u8],
        card: &PinCard<'_>,
    ) -> Result<bool, SecurityError> {
        if base.usage() == KeyUsage::BaseDerivationAes {
            return Err(AES);
        }
        let (descriptor, serial) = ksn(serial)?;
        let check = self.check(card)?;
        let values = Values::new()
            .with("mode", "0")
            .with("bdk", text_of(base, &[KeyUsage::BaseDerivationTdes])?)
            .with("ksn_descriptor", descriptor)
            .with("ksn", serial)
            .with("pin_block", block(pin)?)
            .with("pin_block_format", format_code(pin.format)?)
            .with("pan", account(card.pan));
        let values = check.with_reference(check.in_all(values));
        self.is_right(check.commands().dukpt, &values)
    }

    /// Brings a DUKPT block under a PIN key that only the device knows, since the commands that
    /// change PINs take no others. Gives key and block.
    fn passed_on(
        &self,
        pin: &PinData<'_>,
        base: &LoadedKey,
        serial: &[u8],
        pan: &Pan,
    ) -> Result<(String, String), SecurityError> {
        if base.usage() == KeyUsage::BaseDerivationAes {
            return Err(AES);
        }
        let key = self.passing_key()?;
        let (descriptor, serial) = ksn(serial)?;
        let format = format_code(pin.format)?;
        let values = Values::new()
            .with("source_key", text_of(base, &[KeyUsage::BaseDerivationTdes])?)
            .with("destination_key", &key)
            .with("source_ksn_descriptor", descriptor)
            .with("source_ksn", serial)
            .with("source_pin_block", block(pin)?)
            .with("source_pin_block_format", format)
            .with("destination_pin_block_format", format)
            .with("pan", account(pan));
        let answer = self.ask("G0", &values)?;
        Ok((key, answer.text("pin_block").to_owned()))
    }

    fn passing_key(&self) -> Result<String, SecurityError> {
        let mut known = self.passing_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*known {
            return Ok(key.clone());
        }
        let values = Values::new()
            .with("mode", "0")
            .with("key_type", key_type(KeyUsage::ZonePin)?.0)
            .with("key_scheme_lmk", "U");
        let key = self.ask("A0", &values)?.text("key").to_owned();
        *known = Some(key.clone());
        Ok(key)
    }

    /// Type of key, key and block for the commands that make references.
    fn source(&self, pin: &PinData<'_>, pan: &Pan) -> Result<Source, SecurityError> {
        let (usage, key, block) = match pin.source {
            PinSource::Session(key) => {
                let text = text_of(key, &[KeyUsage::PinEncryption, KeyUsage::ZonePin])?;
                (key.usage(), text.to_owned(), block(pin)?)
            }
            PinSource::Dukpt { base, ksn } => {
                let (key, block) = self.passed_on(pin, base, ksn, pan)?;
                (KeyUsage::ZonePin, key, block)
            }
        };
        Ok(Source { key_type: key_type(usage)?.0, key, block })
    }
}

struct Source {
    key_type: [u8; 3],
    key: String,
    block: String,
}

impl Pins for PayshieldModule {
    fn verify_pin(
        &self,
        pin: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinOutcome, SecurityError> {
        let is_right = match pin.source {
            PinSource::Session(key) => self.verify_session(pin, key, card)?,
            PinSource::Dukpt { base, ksn } => self.verify_dukpt(pin, base, ksn, card)?,
        };
        Ok(if is_right { PinOutcome::Verified } else { PinOutcome::Wrong })
    }

    fn change_pin(
        &self,
        current: Option<&PinData<'_>>,
        new: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinChange, SecurityError> {
        let check = self.check(card)?;
        let format = format_code(new.format)?;
        let to = self.source(new, card.pan)?;
        let base = Values::new()
            .with("key_type", to.key_type)
            .with("key", &to.key)
            .with("pan", account(card.pan));
        let Some(current) = current else {
            let values = base.with("pin_block", &to.block).with("pin_block_format", format);
            let answer = self.ask(check.commands().make, &check.in_all(values))?;
            let new = Some(check.reference(&answer)?);
            return Ok(PinChange { outcome: PinOutcome::Verified, new });
        };
        let from = self.source(current, card.pan)?;
        if from.key != to.key || current.format != new.format {
            return Err(SecurityError::Unsupported("two PINs under different keys or formats"));
        }
        let values = base
            .with("source_pin_block", from.block)
            .with("source_pin_block_format", format)
            .with("destination_pin_block", to.block);
        let values = check.with_reference(check.in_all(values));
        let response = self.call(check.commands().change, &values)?;
        if response.is_success {
            let new = Some(check.reference(&response.values)?);
            return Ok(PinChange { outcome: PinOutcome::Verified, new });
        }
        match response.result {
            super::ResultCode::WRONG => Ok(PinChange { outcome: PinOutcome::Wrong, new: None }),
            other => Err(super::module::error(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_twelve_digits_before_the_check_digit() {
        for (pan, digits) in
            [("9417120000000013", "712000000001"), ("941712000000", "094171200000")]
        {
            let pan = Pan::from_ascii(pan.as_bytes()).unwrap();
            assert_eq!(account(&pan), digits);
        }
    }

    #[test]
    fn validation_data_leave_room_for_the_account() {
        for (pan, data) in [
            ("9417120000000013", "9417120000N3"),
            ("94171200000000123", "94171200000N"),
            ("941712000000", "941712N0FFFF"),
        ] {
            let pan = Pan::from_ascii(pan.as_bytes()).unwrap();
            assert_eq!(validation(&pan).as_deref(), Ok(data));
        }
        let long = Pan::from_ascii(b"941712000000001234").unwrap();
        assert!(validation(&long).is_err());
    }
}
