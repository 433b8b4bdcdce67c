//! MACs of messages (SEC-5): M6 and M8 under working keys, GW under DUKPT.

use super::module::{PayshieldModule, key_type, text_of};
use super::pins::ksn;
use super::values::Values;
use crate::{
    KeyUsage, LoadedKey, Mac, MacAlgorithm, MacDirection, MacSource, Macs, SecurityError,
    Verification,
};

/// The most bytes the device takes in one command.
const LONGEST: usize = 32_000;
/// The same of the command for DUKPT, whose length has four decimal digits.
const LONGEST_DUKPT: usize = 9_999;

const TOO_LONG: SecurityError = SecurityError::Malformed("message: longer than the module takes");

/// What M6 and M8 have in common; bytes as they are, padded with zeros (method 1).
fn session(
    key: &LoadedKey,
    algorithm: MacAlgorithm,
    size: &str,
    data: &[u8],
) -> Result<Values, SecurityError> {
    if data.len() > LONGEST {
        return Err(TOO_LONG);
    }
    let (algorithm, padding) = match algorithm {
        MacAlgorithm::Iso9797Alg1 => ("1", "1"),
        MacAlgorithm::Iso9797Alg3 => ("3", "1"),
        MacAlgorithm::CmacTdes => ("6", "4"),
        MacAlgorithm::CmacAes => return Err(SecurityError::WrongUsage),
    };
    Ok(Values::new()
        .with("mode_flag", "0")
        .with("input_format_flag", "0")
        .with("mac_size", size)
        .with("mac_algorithm", algorithm)
        .with("padding_method", padding)
        .with("key_type", key_type(key.usage())?.0)
        .with("key", text_of(key, &[KeyUsage::MacTerminal, KeyUsage::ZoneMac])?)
        .with("mac_data", data))
}

/// What both modes of GW have in common.
fn dukpt(
    base: &LoadedKey,
    serial: &[u8],
    direction: MacDirection,
    algorithm: MacAlgorithm,
    data: &[u8],
) -> Result<Values, SecurityError> {
    if base.usage() == KeyUsage::BaseDerivationAes {
        return Err(SecurityError::Unsupported("AES DUKPT needs a key block master key"));
    }
    if algorithm != MacAlgorithm::Iso9797Alg3 || direction != MacDirection::Request {
        return Err(SecurityError::Unsupported("DUKPT MACs other than a request's by algorithm 3"));
    }
    if data.len() > LONGEST_DUKPT {
        return Err(TOO_LONG);
    }
    let (descriptor, serial) = ksn(serial)?;
    Ok(Values::new()
        .with("mac_method", "1")
        .with("bdk", text_of(base, &[KeyUsage::BaseDerivationTdes])?)
        .with("ksn_descriptor", descriptor)
        .with("ksn", serial)
        .with("message_data", data))
}

fn from_hex(mac: &str) -> Result<Mac, SecurityError> {
    hex::decode(mac).map_err(|_| SecurityError::Unavailable).and_then(|mac| Mac::new(&mac))
}

impl Macs for PayshieldModule {
    fn mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
    ) -> Result<Mac, SecurityError> {
        let answer = match *source {
            MacSource::Session(key) => self.ask("M6", &session(key, algorithm, "1", data)?)?,
            MacSource::Dukpt { base, ksn, direction } => {
                let values = dukpt(base, ksn, direction, algorithm, data)?;
                self.ask("GW", &values.with("mac_mode", "4"))?
            }
        };
        from_hex(answer.text("mac"))
    }

    fn verify_mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
        given: &[u8],
    ) -> Result<Verification, SecurityError> {
        let mac = hex::encode_upper(given);
        let is_right = match (*source, given.len()) {
            (MacSource::Session(key), 4) => {
                let values = session(key, algorithm, "0", data)?.with("mac", mac);
                self.is_right("M8", &values)?
            }
            (MacSource::Session(key), 8) => {
                let values = session(key, algorithm, "1", data)?.with("mac16", mac);
                self.is_right("M8", &values)?
            }
            (MacSource::Dukpt { base, ksn, direction }, 8) => {
                let values = dukpt(base, ksn, direction, algorithm, data)?;
                self.is_right("GW", &values.with("mac_mode", "1").with("mac", mac))?
            }
            // The command verifies whole MACs only.
            (MacSource::Dukpt { .. }, 4) => {
                return Ok(self.mac(source, algorithm, data)?.begins_with(given).into());
            }
            _ => return Err(SecurityError::Malformed("MAC")),
        };
        Ok(if is_right { Verification::Right } else { Verification::Wrong })
    }
}
