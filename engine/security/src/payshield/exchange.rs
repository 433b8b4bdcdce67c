//! Working keys under a terminal's master key: made by A0, taken in by A6.

use super::module::{PayshieldModule, key_type, sealed, text_of};
use super::values::Values;
use crate::{
    CheckValue, Generated, KeyAlgorithm, KeyExchange, KeyForm, KeyUsage, LoadedKey, SealedKey,
    SecurityError, WorkingKey,
};

const UNREADABLE: SecurityError = SecurityError::Malformed("key block");

fn check(wanted: WorkingKey) -> Result<(), SecurityError> {
    let is_working = matches!(
        wanted.usage,
        KeyUsage::PinEncryption | KeyUsage::MacTerminal | KeyUsage::ZonePin | KeyUsage::ZoneMac
    );
    match wanted {
        _ if !is_working => Err(SecurityError::WrongUsage),
        WorkingKey {
            algorithm: KeyAlgorithm::Tdes, form: KeyForm::Ecb | KeyForm::Tr31B, ..
        } => Ok(()),
        _ => Err(SecurityError::Unsupported("AES working keys need a key block master key")),
    }
}

fn check_value(values: &Values, name: &str) -> Result<CheckValue, SecurityError> {
    // A longer one begins with the shorter.
    let first = values.text(name).get(..6).unwrap_or_default();
    CheckValue::from_hex(first).ok_or(SecurityError::Unavailable)
}

/// What a key of this usage may do, in a key block: PIN keys encrypt and decrypt, MAC keys make
/// and verify.
const fn mode_of_use(usage: KeyUsage) -> &'static str {
    match usage {
        KeyUsage::MacTerminal | KeyUsage::ZoneMac => "C",
        _ => "B",
    }
}

impl KeyExchange for PayshieldModule {
    fn generate_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
    ) -> Result<Generated, SecurityError> {
        check(wanted)?;
        let values = Values::new()
            .with("mode", "1")
            .with("key_type", key_type(wanted.usage)?.0)
            .with("key_scheme_lmk", "U")
            .with("delimiter_zmk_tmk", ";")
            .with("key_zmk_tmk_flag", "0")
            .with("key_zmk_tmk", text_of(master, &[KeyUsage::TerminalMaster])?);
        let values = match wanted.form {
            KeyForm::Ecb => values.with("key_scheme_zmk_tmk", "X"),
            _ => values
                .with("key_scheme_zmk_tmk", "R")
                .with("key_usage_variant", wanted.usage.tr31())
                .with("mode_of_use_variant", mode_of_use(wanted.usage))
                .with("key_version_number_variant", "00")
                .with("exportability_variant", "N")
                .with("optional_blocks_count_variant", "00")
                .with("key_block_version_id_variant", "B"),
        };
        let answer = self.ask("A0", &values)?;
        let check_value = check_value(&answer, "kcv")?;
        // The scheme letter is this module's, not the other side's.
        let delivered = answer.text("key_zmk").get(1..).ok_or(SecurityError::Unavailable)?;
        let delivered = match wanted.form {
            KeyForm::Ecb => hex::decode(delivered).map_err(|_| SecurityError::Unavailable)?,
            _ => delivered.as_bytes().to_vec(),
        };
        let sealed = sealed(answer.text("key"), wanted.usage, check_value)?;
        Ok(Generated { sealed, delivered, check_value })
    }

    fn import_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
        delivered: &[u8],
        expected: Option<CheckValue>,
    ) -> Result<SealedKey, SecurityError> {
        check(wanted)?;
        let key = match wanted.form {
            KeyForm::Ecb if delivered.len() == 16 => format!("X{}", hex::encode_upper(delivered)),
            KeyForm::Ecb => return Err(SecurityError::Malformed("key")),
            _ => {
                let block = std::str::from_utf8(delivered).map_err(|_| UNREADABLE)?;
                let usage = block.get(5..7).ok_or(UNREADABLE)?;
                if usage != wanted.usage.tr31() {
                    return Err(SecurityError::WrongUsage);
                }
                format!("R{block}")
            }
        };
        let values = Values::new()
            .with("key_type", key_type(wanted.usage)?.0)
            .with("zmk", text_of(master, &[KeyUsage::TerminalMaster])?)
            .with("key", key)
            .with("key_scheme", "U");
        let response = self.call("A6", &values)?;
        // 01 warns of a key without odd parity, which the device has mended.
        if !response.is_success {
            return Err(match super::module::error(response.result) {
                SecurityError::NotOurs => UNREADABLE,
                other => other,
            });
        }
        let check_value = check_value(&response.values, "key_check_value")?;
        if expected.is_some_and(|expected| expected != check_value) {
            return Err(SecurityError::Malformed("check value"));
        }
        sealed(response.values.text("key"), wanted.usage, check_value)
    }
}
