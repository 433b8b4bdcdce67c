//! Card values, cryptograms, script MACs.

use super::keys::{Vault, array};
use super::{Answer, Answered};
use cryptography::emv::{self, ChipKey, Derivation};
use cryptography::mac::algorithm_3;
use cryptography::{Padding, TdesKey, card_value};
use payment_types::Pan;
use security::payshield::lmk::KeyType;
use security::payshield::{ResultCode, Values};
use subtle::ConstantTimeEq;

fn cvv(vault: &Vault, values: &Values) -> Result<card_value::CardValue, ResultCode> {
    let key = vault.first(values, "cvk", KeyType::CVK)?;
    let pan = Pan::from_ascii(values.text("pan").as_bytes()).map_err(|_| ResultCode::ACCOUNT)?;
    let expiry = array(values, "expiration_date")?;
    let service_code = array(values, "service_code")?;
    card_value::cvv(&key, &pan, expiry, service_code).map_err(|_| ResultCode::INPUT)
}

/// CW.
pub(super) fn make_cvv(vault: &Vault, values: &Values) -> Answered {
    Answer::with(Values::new().with("cvv", cvv(vault, values)?.expose_digits()))
}

/// CY.
pub(super) fn verify_cvv(vault: &Vault, values: &Values) -> Answered {
    let made = cvv(vault, values)?;
    Answer::verified(bool::from(made.matches(values.text("cvv").as_bytes())))
}

/// The card's key, from the sixteen packed digits of card number and sequence number.
fn card(issuer: &TdesKey, values: &Values) -> Result<ChipKey, ResultCode> {
    let digits = hex::encode(array::<8>(values, "pan_seq_no")?);
    let (pan, sequence) = digits.split_at_checked(14).ok_or(ResultCode::INPUT)?;
    let pan = Pan::from_ascii(pan.as_bytes()).map_err(|_| ResultCode::ACCOUNT)?;
    let sequence = sequence.parse().map_err(|_| ResultCode::INPUT)?;
    Ok(emv::master_key(issuer, Derivation::A, &pan, sequence))
}

/// Whether the cryptogram is the session key's over the data, which come in whole blocks.
fn is_right(session: &ChipKey, values: &Values) -> Result<bool, ResultCode> {
    let data = values.get("transaction_data").unwrap_or_default();
    if data.is_empty() {
        return Err(ResultCode::DATA_LENGTH);
    }
    let made = emv::application_cryptogram(&session.tdes(), Padding::One, data);
    Ok(bool::from(made.ct_eq(&array::<8>(values, "arqc")?)))
}

/// KQ, schemes 0 and 1. The modes that check a MAC of discretionary data besides are off.
pub(super) fn cryptogram(vault: &Vault, values: &Values) -> Answered {
    let issuer = vault.first(values, "mkac", KeyType::MK_AC)?;
    let card = card(&issuer, values)?;
    let [a, b] = array(values, "atc")?;
    let [c, d, e, f] = array(values, "unpredictable_number")?;
    let session = match values.text("scheme_id") {
        "0" => card.clone(),
        "1" => emv::common_session_key(&card, [a, b, 0, 0, c, d, e, f]),
        _ => return Err(ResultCode(*b"03")),
    };
    let mode = values.text("mode_flag");
    if !matches!(mode, "0" | "1" | "2") {
        return Err(ResultCode(*b"04"));
    }
    if mode != "2" && !is_right(&session, values)? {
        return Err(ResultCode::WRONG);
    }
    if mode == "0" {
        return Answer::done();
    }
    let (arqc, arc) = (array(values, "arqc")?, array(values, "arc")?);
    Answer::with(Values::new().with("arpc", emv::arpc_method_1(&card.tdes(), arqc, arc)))
}

/// KW, scheme 2.
pub(super) fn cryptogram_emv4(vault: &Vault, values: &Values) -> Answered {
    let issuer = vault.first(values, "mkac", KeyType::MK_AC)?;
    if values.text("scheme_id") != "2" {
        return Err(ResultCode(*b"05"));
    }
    let card = card(&issuer, values)?;
    let [a, b] = array(values, "atc")?;
    let session = emv::common_session_key(&card, [a, b, 0, 0, 0, 0, 0, 0]);
    let mode = values.text("mode_flag");
    if !matches!(mode, "0" | "1" | "2" | "3" | "4") {
        return Err(ResultCode(*b"04"));
    }
    if matches!(mode, "0" | "1" | "3") && !is_right(&session, values)? {
        return Err(ResultCode::WRONG);
    }
    let key = session.tdes();
    let arqc = array(values, "arqc")?;
    match mode {
        "1" | "2" => {
            let arpc = emv::arpc_method_1(&key, arqc, array(values, "arc")?);
            Answer::with(Values::new().with("arpc", arpc))
        }
        "3" | "4" => {
            let proprietary = values.get("pad").unwrap_or_default();
            let arpc = emv::arpc_method_2(&key, arqc, array(values, "csu")?, proprietary)
                .map_err(|_| ResultCode::DATA_LENGTH)?;
            Answer::with(Values::new().with("arpc", [&arpc[..], &[0; 4]].concat()))
        }
        _ => Answer::done(),
    }
}

/// KU, mode 0: scheme 0 is Visa's key by the counter, scheme 1 the common one of the cryptogram.
pub(super) fn script_mac(vault: &Vault, values: &Values) -> Answered {
    let issuer = vault.first(values, "mksmi", KeyType::MK_SMI)?;
    if values.text("mode_flag") != "0" {
        return Err(ResultCode(*b"04"));
    }
    let card = card(&issuer, values)?;
    let session_data: [u8; 8] = array(values, "integrity_session_data")?;
    let session = match (values.text("scheme_id"), session_data) {
        ("0", [0, 0, 0, 0, 0, 0, a, b]) => emv::visa_script_key(&card, u16::from_be_bytes([a, b])),
        ("0", _) => return Err(ResultCode::INPUT),
        ("1", cryptogram) => emv::common_session_key(&card, cryptogram),
        _ => return Err(ResultCode(*b"03")),
    };
    let message = values.get("message_data").unwrap_or_default();
    let mac = algorithm_3(&session.tdes(), Padding::Two, message);
    Answer::with(Values::new().with("mac", mac))
}
