//! PINs: verifying, making references, changing, translating.

use super::exchange::dukpt;
use super::keys::{Vault, from_hex, key_type};
use super::{Answer, Answered};
use cryptography::ibm3624::{self, DecimalizationTable, NaturalPin, Offset};
use cryptography::{Pin, PinBlockFormat, TdesKey, pin_block, pvv};
use payment_types::Pan;
use security::payshield::lmk::KeyType;
use security::payshield::{ResultCode, Values};

/// A card number of which only the twelve digits before the check digit are known: that is all
/// that PIN blocks and PVVs take of it.
fn account(values: &Values) -> Result<Pan, ResultCode> {
    let digits = values.text("pan");
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ResultCode::ACCOUNT);
    }
    Pan::from_ascii(format!("{digits}0").as_bytes()).map_err(|_| ResultCode::ACCOUNT)
}

fn format(values: &Values, field: &str) -> Result<PinBlockFormat, ResultCode> {
    match values.text(field) {
        "01" => Ok(PinBlockFormat::Iso0),
        "05" => Ok(PinBlockFormat::Iso1),
        "34" => Ok(PinBlockFormat::Iso2),
        "47" => Ok(PinBlockFormat::Iso3),
        _ => Err(ResultCode::PIN_BLOCK_FORMAT),
    }
}

fn open(
    values: &Values,
    block: &str,
    format_field: &str,
    key: &TdesKey,
) -> Result<Pin, ResultCode> {
    let format = format(values, format_field)?;
    let clear = key.decrypt(from_hex(values, block)?);
    let (pin, is_one) = pin_block::decode(format, &clear, &account(values)?);
    if bool::from(is_one) { Ok(pin) } else { Err(ResultCode::PIN_BLOCK) }
}

fn pvki(values: &Values) -> Result<u8, ResultCode> {
    values.text("pvki").parse().map_err(|_| ResultCode::INPUT)
}

fn pvv_is(values: &Values, field: &str, pvk: &TdesKey, pin: &Pin) -> Result<bool, ResultCode> {
    let expected = super::keys::array(values, field)?;
    let made = pvv::pvv(pvk, pvki(values)?, &account(values)?, pin);
    Ok(bool::from(made.ct_eq(&expected)))
}

fn pvv_answer(values: &Values, pvk: &TdesKey, pin: &Pin) -> Answered {
    let made = pvv::pvv(pvk, pvki(values)?, &account(values)?, pin).expose_digits();
    Answer::with(Values::new().with("pvv", made))
}

/// The natural PIN: the table in clear, the validation data with the account's last five digits
/// in the place of the letter N.
fn natural(values: &Values, pvk: &TdesKey) -> Result<NaturalPin, ResultCode> {
    let table = DecimalizationTable::from_ascii(values.text("decimalisation_table").as_bytes())
        .map_err(|_| ResultCode::DECIMALISATION)?;
    let account = values.text("pan");
    let last = account.get(account.len().saturating_sub(5)..).unwrap_or_default();
    let data = values.text("pin_validation_data");
    if data.matches('N').count() != 1 {
        return Err(ResultCode::INPUT);
    }
    let filled = Values::new().with("data", data.replace('N', last));
    Ok(ibm3624::natural_pin(pvk, &table, &from_hex(&filled, "data")?))
}

/// The offset's digits, as many as are checked.
fn offset(values: &Values, field: &str) -> Result<Offset, ResultCode> {
    let text = values.text(field);
    let digits = text.trim_end_matches(['F', 'f']);
    let wanted: usize = values.text("check_length").parse().map_err(|_| ResultCode::INPUT)?;
    if digits.len() != wanted {
        return Err(ResultCode::INPUT);
    }
    Offset::from_ascii(digits.as_bytes()).map_err(|_| ResultCode::INPUT)
}

fn offset_is(values: &Values, field: &str, pvk: &TdesKey, pin: &Pin) -> Result<bool, ResultCode> {
    let natural = natural(values, pvk)?;
    Ok(bool::from(ibm3624::verify(&natural, &offset(values, field)?, pin)))
}

fn offset_answer(values: &Values, pvk: &TdesKey, pin: &Pin) -> Answered {
    let made = ibm3624::offset(&natural(values, pvk)?, pin);
    let digits = made.expose_digits();
    let mut text = [b'F'; 12];
    for (to, from) in text.iter_mut().zip(digits.iter()) {
        *to = *from;
    }
    Answer::with(Values::new().with("offset", text))
}

fn source(vault: &Vault, values: &Values, is_zone: bool) -> Result<TdesKey, ResultCode> {
    if is_zone {
        vault.first(values, "zpk", KeyType::ZPK)
    } else {
        vault.first(values, "tpk", KeyType::TPK)
    }
}

/// The PIN key of a command that says which type it has.
fn typed(vault: &Vault, values: &Values) -> Result<TdesKey, ResultCode> {
    match key_type(values, "key_type")? {
        kind @ (KeyType::ZPK | KeyType::TPK) => vault.first(values, "key", kind),
        _ => Err(ResultCode::KEY_TYPE),
    }
}

fn pvk(vault: &Vault, values: &Values) -> Result<TdesKey, ResultCode> {
    vault.second(values, "pvk", KeyType::TPK)
}

/// DC, EC.
pub(super) fn verify_pvv(vault: &Vault, values: &Values, is_zone: bool) -> Answered {
    let (key, pvk) = (source(vault, values, is_zone)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    Answer::verified(pvv_is(values, "pvv", &pvk, &pin)?)
}

/// DA, EA.
pub(super) fn verify_offset(vault: &Vault, values: &Values, is_zone: bool) -> Answered {
    let (key, pvk) = (source(vault, values, is_zone)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    Answer::verified(offset_is(values, "offset", &pvk, &pin)?)
}

fn dukpt_pin(vault: &Vault, values: &Values) -> Result<TdesKey, ResultCode> {
    // With a message's MAC in the same command: nothing of ours sends that.
    if values.text("mode") != "0" || values.get("mac_mode").is_some() {
        return Err(ResultCode::DISABLED);
    }
    Ok(dukpt(vault, values, "bdk", "ksn", ResultCode::SOURCE_KEY_PARITY)?.pin())
}

/// GQ.
pub(super) fn verify_dukpt_pvv(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (dukpt_pin(vault, values)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    Answer::verified(pvv_is(values, "pvv", &pvk, &pin)?)
}

/// GO.
pub(super) fn verify_dukpt_offset(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (dukpt_pin(vault, values)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    Answer::verified(offset_is(values, "offset", &pvk, &pin)?)
}

/// FW.
pub(super) fn make_pvv(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (typed(vault, values)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    pvv_answer(values, &pvk, &pin)
}

/// BK.
pub(super) fn make_offset(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (typed(vault, values)?, pvk(vault, values)?);
    let pin = open(values, "pin_block", "pin_block_format", &key)?;
    offset_answer(values, &pvk, &pin)
}

/// CU: the new PIN's block is under the same key and of the same format.
pub(super) fn change_pvv(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (typed(vault, values)?, pvk(vault, values)?);
    let current = open(values, "source_pin_block", "source_pin_block_format", &key)?;
    if !pvv_is(values, "source_pvv", &pvk, &current)? {
        return Err(ResultCode::WRONG);
    }
    let new = open(values, "destination_pin_block", "source_pin_block_format", &key)?;
    pvv_answer(values, &pvk, &new)
}

/// DU: as CU.
pub(super) fn change_offset(vault: &Vault, values: &Values) -> Answered {
    let (key, pvk) = (typed(vault, values)?, pvk(vault, values)?);
    let current = open(values, "source_pin_block", "source_pin_block_format", &key)?;
    if !offset_is(values, "source_offset", &pvk, &current)? {
        return Err(ResultCode::WRONG);
    }
    let new = open(values, "destination_pin_block", "source_pin_block_format", &key)?;
    offset_answer(values, &pvk, &new)
}

fn translate(vault: &Vault, values: &Values, from: &TdesKey, to: &TdesKey) -> Answered {
    let pin = open(values, "source_pin_block", "source_pin_block_format", from)?;
    let new = format(values, "destination_pin_block_format")?;
    let clear = pin_block::encode(new, &pin, &account(values)?, &vault.bytes())
        .map_err(|_| ResultCode::PIN_BLOCK_FORMAT)?;
    Answer::with(
        Values::new()
            .with("check_length", format!("{:02}", pin.expose_len()))
            .with("pin_block", hex::encode_upper(to.encrypt(*clear)))
            .with("pin_block_format", values.text("destination_pin_block_format")),
    )
}

/// CA, to a ZPK.
pub(super) fn translate_terminal(vault: &Vault, values: &Values) -> Answered {
    if values.get("destination_ksn").is_some() {
        return Err(ResultCode::DISABLED);
    }
    let from = vault.first(values, "source_tpk", KeyType::TPK)?;
    let to = vault.second(values, "destination_key", KeyType::ZPK)?;
    translate(vault, values, &from, &to)
}

/// CC.
pub(super) fn translate_zone(vault: &Vault, values: &Values) -> Answered {
    let from = vault.first(values, "source_zpk", KeyType::ZPK)?;
    let to = vault.second(values, "destination_zpk", KeyType::ZPK)?;
    translate(vault, values, &from, &to)
}

/// G0, to a ZPK or, flagged, to another base key.
pub(super) fn translate_dukpt(vault: &Vault, values: &Values) -> Answered {
    let parity = ResultCode::SOURCE_KEY_PARITY;
    let from = dukpt(vault, values, "source_key", "source_ksn", parity)?.pin();
    let to = if values.get("destination_ksn").is_some() {
        let parity = ResultCode::DESTINATION_KEY_PARITY;
        dukpt(vault, values, "destination_key", "destination_ksn", parity)?.pin()
    } else {
        vault.second(values, "destination_key", KeyType::ZPK)?
    };
    translate(vault, values, &from, &to)
}
