//! Making, importing, exporting and checking keys.

use super::keys::{Vault, from_hex, key_type, seal};
use super::{Answer, Answered};
use cryptography::tr31::{self, BlockKeys, Header, Version};
use cryptography::{CheckValue, ClearKey, TdesKey, cipher};
use security::payshield::lmk::KeyType;
use security::payshield::{ResultCode, Values};

fn check(key: &ClearKey) -> String {
    hex::encode_upper(key.check_value().bytes())
}

/// A0.
pub(super) fn generate(vault: &Vault, values: &Values) -> Answered {
    let wanted = key_type(values, "key_type")?;
    if values.text("key_scheme_lmk") != "U" {
        return Err(ResultCode::KEY_SCHEME);
    }
    let transport = match values.text("mode") {
        "0" => None,
        "1" => {
            let kind = match values.text("key_zmk_tmk_flag") {
                "0" => KeyType::ZMK,
                "1" => KeyType::TPK,
                _ => return Err(ResultCode::INPUT),
            };
            let parity = ResultCode::SOURCE_KEY_PARITY;
            Some(vault.open(values, "key_zmk_tmk", kind, parity)?)
        }
        _ => return Err(ResultCode::INPUT),
    };
    let key = vault.new_key()?;
    let mut answer = Values::new().with("key", seal(&key, wanted)?).with("kcv", check(&key));
    if let Some(transport) = transport {
        let scheme = values.text("key_scheme_zmk_tmk");
        answer.set("key_zmk", wrapped(vault, &key, &transport, scheme, values)?.as_bytes());
    }
    Answer::with(answer)
}

/// A key under a ZMK or TMK, with its scheme letter: bare (X9.17) or in a key block.
fn wrapped(
    vault: &Vault,
    key: &ClearKey,
    transport: &ClearKey,
    scheme: &str,
    values: &Values,
) -> Result<String, ResultCode> {
    match scheme {
        "X" => {
            let transport = TdesKey::of_any_strength(transport);
            let bare = cipher::tdes_ecb_encrypt(&transport, key.expose_bytes())
                .map_err(|_| ResultCode::INTERNAL)?;
            Ok(format!("X{}", hex::encode_upper(bare)))
        }
        "R" => {
            if values.text("key_block_version_id_variant") != "B" {
                return Err(ResultCode(*b"B2"));
            }
            let attributes = format!(
                "{}T{}{}{}",
                values.text("key_usage_variant"),
                values.text("mode_of_use_variant"),
                values.text("key_version_number_variant"),
                values.text("exportability_variant"),
            );
            let bad = |_| ResultCode(*b"B2");
            let header = Header::new(Version::B, &attributes).map_err(bad)?;
            let keys = BlockKeys::of_tdes(transport).map_err(bad)?;
            let bytes = key.expose_bytes();
            let padding = vault.bytes();
            let length = tr31::padding_len(Version::B, bytes.len(), bytes.len());
            let padding = padding.get(..length).ok_or(ResultCode::INTERNAL)?;
            tr31::wrap(&keys, &header, bytes, padding).map(|block| format!("R{block}")).map_err(bad)
        }
        _ => Err(ResultCode::KEY_SCHEME),
    }
}

/// A6.
pub(super) fn import(vault: &Vault, values: &Values) -> Answered {
    let wanted = key_type(values, "key_type")?;
    let zmk = vault.open(values, "zmk", KeyType::ZMK, ResultCode::SOURCE_KEY_PARITY)?;
    if values.text("key_scheme") != "U" {
        return Err(ResultCode::KEY_SCHEME);
    }
    let (scheme, text) = values.text("key").split_at_checked(1).ok_or(ResultCode::INPUT)?;
    let clear = match scheme {
        "X" => {
            let bytes = hex::decode(text).map_err(|_| ResultCode::INPUT)?;
            cipher::tdes_ecb_decrypt(&TdesKey::of_any_strength(&zmk), &bytes)
                .map_err(|_| ResultCode::INPUT)?
        }
        "R" => {
            let keys = BlockKeys::of_tdes(&zmk).map_err(|_| ResultCode(*b"A4"))?;
            let (header, key) = tr31::unwrap(&keys, text).map_err(|_| ResultCode(*b"A4"))?;
            if !fits(header.usage, wanted) {
                return Err(ResultCode(*b"A6"));
            }
            key
        }
        _ => return Err(ResultCode::KEY_SCHEME),
    };
    let key = ClearKey::from_bytes(&clear).map_err(|_| ResultCode::KEY_LENGTH)?;
    TdesKey::new(&key).map_err(|_| ResultCode(*b"75"))?;
    // A warning: the key is taken in, its parity mended.
    let result = if key.has_odd_parity() { ResultCode::OK } else { ResultCode::WRONG };
    let key = key.with_odd_parity();
    let answer =
        Values::new().with("key", seal(&key, wanted)?).with("key_check_value", check(&key));
    Ok(Answer { result, values: answer })
}

/// Whether a key block's usage goes with a type.
fn fits(usage: [u8; 2], wanted: KeyType) -> bool {
    let usages: &[&[u8; 2]] = match wanted {
        KeyType::ZPK => &[b"P0"],
        KeyType::TPK => &[b"P0", b"V0", b"V1", b"V2", b"K0"],
        KeyType::TAK | KeyType::ZAK => &[b"M0", b"M1", b"M3", b"M6"],
        KeyType::ZMK => &[b"K0", b"K1"],
        KeyType::BDK => &[b"B0"],
        KeyType::CVK => &[b"C0"],
        KeyType::MK_AC => &[b"E0"],
        KeyType::MK_SMI => &[b"E2"],
        KeyType::MK_SMC => &[b"E1"],
        _ => &[],
    };
    usages.contains(&&usage)
}

/// A8. Bare only: a key block's attributes are given to A0.
pub(super) fn export(vault: &Vault, values: &Values) -> Answered {
    let kind = key_type(values, "key_type")?;
    let zmk = vault.open(values, "zmk", KeyType::ZMK, ResultCode::SOURCE_KEY_PARITY)?;
    let key = vault.open(values, "key", kind, ResultCode::DESTINATION_KEY_PARITY)?;
    if values.text("key_scheme") != "X" {
        return Err(ResultCode::KEY_SCHEME);
    }
    let exported = wrapped(vault, &key, &zmk, "X", values)?;
    Answer::with(Values::new().with("key", exported).with("key_check_value", check(&key)))
}

/// BU.
pub(super) fn check_value(vault: &Vault, values: &Values) -> Answered {
    let kind = match values.text("key_type_code") {
        "FF" => key_type(values, "key_type")?,
        code => {
            let named = Values::new().with("key_type", format!("0{code}"));
            key_type(&named, "key_type")?
        }
    };
    let key = vault.open(values, "key", kind, ResultCode::SOURCE_KEY_PARITY)?;
    let whole = TdesKey::of_any_strength(&key).encrypt([0; 8]);
    let is_short = values.text("kcv_type") == "1";
    let text = if is_short {
        hex::encode_upper(CheckValue::from_block(&whole).bytes())
    } else {
        hex::encode_upper(whole)
    };
    Answer::with(Values::new().with("kcv", text))
}

/// A serial number and the base key it belongs to.
pub(super) fn dukpt(
    vault: &Vault,
    values: &Values,
    key: &str,
    serial: &str,
    parity: ResultCode,
) -> Result<cryptography::dukpt_tdes::WorkingKeys, ResultCode> {
    use cryptography::dukpt_tdes::{BaseKey, Ksn, working_keys};
    let base = vault.open(values, key, KeyType::BDK, parity)?;
    let base = BaseKey::new(&base).map_err(|_| ResultCode::KEY_LENGTH)?;
    let bytes: [u8; 10] = from_hex(values, serial)?;
    let ksn = Ksn::new(&bytes).map_err(|_| ResultCode::INPUT)?;
    Ok(working_keys(&base, ksn))
}
