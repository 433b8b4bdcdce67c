//! MACs of messages.

use super::exchange::dukpt as working_keys;
use super::keys::{Vault, key_type};
use super::{Answer, Answered};
use cryptography::mac::{algorithm_1, algorithm_3, cmac_tdes};
use cryptography::{Padding, TdesKey};
use security::payshield::lmk::KeyType;
use security::payshield::{ResultCode, Values};
use subtle::ConstantTimeEq;

fn mac(vault: &Vault, values: &Values) -> Result<String, ResultCode> {
    // The whole message at once; parts of one chained by an initial vector are off.
    if values.text("mode_flag") != "0" {
        return Err(ResultCode(*b"02"));
    }
    let key = match key_type(values, "key_type")? {
        kind @ (KeyType::TAK | KeyType::ZAK) => vault.first(values, "key", kind)?,
        _ => return Err(ResultCode(*b"04")),
    };
    let data = values.get("mac_data").unwrap_or_default();
    let decoded;
    let data = match values.text("input_format_flag") {
        "0" | "2" => data,
        "1" => {
            decoded = hex::decode(data).map_err(|_| ResultCode::INPUT)?;
            &decoded
        }
        _ => return Err(ResultCode(*b"03")),
    };
    if data.is_empty() {
        return Err(ResultCode::DATA_LENGTH);
    }
    let whole = compute(&key, values, data)?;
    let half = if values.text("mac_size") == "0" { 4 } else { 8 };
    Ok(hex::encode_upper(whole.get(..half).unwrap_or_default()))
}

fn compute(key: &TdesKey, values: &Values, data: &[u8]) -> Result<[u8; 8], ResultCode> {
    let padding = match values.text("padding_method") {
        "1" => Padding::One,
        "2" => Padding::Two,
        "3" => Padding::Three,
        "4" if values.text("mac_algorithm") == "6" => Padding::One,
        _ => return Err(ResultCode(*b"06")),
    };
    match values.text("mac_algorithm") {
        "1" => Ok(algorithm_1(key, padding, data)),
        "3" => Ok(algorithm_3(key, padding, data)),
        "6" => Ok(cmac_tdes(key, data)),
        _ => Err(ResultCode(*b"05")),
    }
}

fn is_same(made: &str, given: &str) -> bool {
    bool::from(made.as_bytes().ct_eq(given.to_ascii_uppercase().as_bytes()))
}

/// M6.
pub(super) fn make(vault: &Vault, values: &Values) -> Answered {
    Answer::with(Values::new().with("mac", mac(vault, values)?))
}

/// M8.
pub(super) fn verify(vault: &Vault, values: &Values) -> Answered {
    let made = mac(vault, values)?;
    let field = if values.text("mac_size") == "0" { "mac" } else { "mac16" };
    Answer::verified(is_same(&made, values.text(field)))
}

/// GW: the request's key, algorithm 3.
pub(super) fn dukpt(vault: &Vault, values: &Values) -> Answered {
    if values.text("mac_method") != "1" {
        return Err(ResultCode(*b"05"));
    }
    let parity = ResultCode::SOURCE_KEY_PARITY;
    let key = working_keys(vault, values, "bdk", "ksn", parity)?.mac_request();
    let data = values.get("message_data").unwrap_or_default();
    if data.is_empty() {
        return Err(ResultCode::DATA_LENGTH);
    }
    let made = hex::encode_upper(algorithm_3(&key, Padding::One, data));
    match values.text("mac_mode") {
        "1" => Answer::verified(is_same(&made, values.text("mac"))),
        "4" => Answer::with(Values::new().with("mac", made)),
        _ => Err(ResultCode(*b"02")),
    }
}
