//! SEC-2.

use super::{Peer, array, bytes, each_vector, pan, unhex};
use crate::text;
use security::{
    ArpcInput, ChipCard, CryptogramInput, CryptogramVersion, Derivation, KeyUsage, LoadedKey,
    PinBlockFormat, PinData, PinSource, ScriptInput, ScriptKeys, SecurityError, TestPin,
    Verification,
};
use serde_json::Value;
use std::collections::BTreeMap;

fn version(vector: &Value) -> CryptogramVersion {
    match text(vector, "cvn") {
        "VisaCVN10" => CryptogramVersion::VisaCvn10,
        "VisaCVN18" => CryptogramVersion::VisaCvn18,
        "VisaCVN22" => CryptogramVersion::VisaCvn22,
        "MasterCardCVN16" => CryptogramVersion::MChipCvn16,
        "MasterCardCVN17" => CryptogramVersion::MChipCvn17,
        "MasterCardCVN20" => CryptogramVersion::MChipCvn20,
        "MasterCardCVN21" => CryptogramVersion::MChipCvn21,
        other => panic!("{other}"),
    }
}

/// In the vectors, the versions with common session keys derive card keys by option B.
fn derivation(vector: &Value) -> Derivation {
    match version(vector) {
        CryptogramVersion::VisaCvn18 | CryptogramVersion::VisaCvn22 => Derivation::B,
        _ => Derivation::A,
    }
}

/// The elements of a DE 55 with short lengths only, by tag.
fn elements(hex: &str) -> BTreeMap<u16, Vec<u8>> {
    let bytes = unhex(hex);
    let mut rest = &bytes[..];
    let mut found = BTreeMap::new();
    while let Some((first, more)) = rest.split_first() {
        let (tag, more) = if first & 0x1F == 0x1F {
            (u16::from_be_bytes([*first, more[0]]), &more[1..])
        } else {
            (u16::from(*first), more)
        };
        let length = usize::from(more[0]);
        found.insert(tag, more[1..=length].to_vec());
        rest = &more[1 + length..];
    }
    found
}

fn element<const N: usize>(all: &BTreeMap<u16, Vec<u8>>, tag: u16) -> [u8; N] {
    all.get(&tag).and_then(|value| value[..].try_into().ok()).unwrap_or([0; N])
}

/// ARQC, and the ARPC as tag 91 carries it.
pub fn cryptograms(peer: &Peer<'_>) {
    each_vector("emv_arqc_arpc_de55", |id, vector| {
        let pan = pan(vector);
        let all = elements(text(vector, "de55"));
        let own = bytes(vector, "iad_9f10");
        let psn = text(vector, "psn").parse().unwrap_or_default();
        let derivation = derivation(vector);
        let card = ChipCard { pan: &pan, psn, derivation, version: version(vector) };
        let [transaction_type] = element(&all, 0x9C);
        let input = CryptogramInput {
            card,
            amount_authorized: element(&all, 0x9F02),
            amount_other: element(&all, 0x9F03),
            terminal_country: element(&all, 0x9F1A),
            tvr: element(&all, 0x95),
            currency: element(&all, 0x5F2A),
            date: element(&all, 0x9A),
            transaction_type,
            unpredictable_number: element(&all, 0x9F37),
            aip: element(&all, 0x82),
            atc: u16::from_be_bytes(element(&all, 0x9F36)),
            issuer_application_data: &own,
            cryptogram: array(vector, "arqc"),
        };
        let key = peer.key(text(vector, "imk_ac"), KeyUsage::ChipCryptogram);
        let said = peer.module.verify_cryptogram(&key, &input);
        assert_eq!(said, Ok(Verification::Right), "{id}");
        response(peer, id, vector, &key, &input);
        let mut amount = input;
        amount.amount_authorized[5] ^= 1;
        let mut other = input;
        other.cryptogram[7] ^= 1;
        let counter = CryptogramInput { atc: input.atc ^ 1, ..input };
        for wrong in [amount, other, counter] {
            let said = peer.module.verify_cryptogram(&key, &wrong);
            assert_eq!(said, Ok(Verification::Wrong), "{id}");
        }
        let short = CryptogramInput { issuer_application_data: &own[..2], ..input };
        let said = peer.module.verify_cryptogram(&key, &short);
        assert!(matches!(said, Err(SecurityError::Malformed(_))), "{id}: {said:?}");
    });
}

fn response(
    peer: &Peer<'_>,
    id: &str,
    vector: &Value,
    key: &LoadedKey,
    input: &CryptogramInput<'_>,
) {
    let proprietary;
    let answer = if vector.get("arpc_method").and_then(Value::as_u64) == Some(1) {
        let code = if vector.get("arc").is_some() { "arc" } else { "arpc_rc" };
        ArpcInput::Method1 { response_code: array(vector, code) }
    } else {
        let name = "proprietary_auth_data";
        proprietary = vector.get(name).and_then(Value::as_str).map(unhex).unwrap_or_default();
        ArpcInput::Method2 { status_update: array(vector, "csu"), proprietary: &proprietary }
    };
    let made = peer.module.response_cryptogram(key, input, answer);
    let made = made.unwrap_or_else(|error| panic!("{id}: {error}"));
    assert_eq!(hex::encode_upper(made), text(vector, "tag_91"), "{id}");
}

/// Commands with their MAC, and a new PIN for the chip.
pub fn scripts(peer: &Peer<'_>) {
    let hex = "0123456789ABCDEFFEDCBA9876543210";
    let terminal = peer.key(hex, KeyUsage::PinEncryption);
    let clear = security::ClearKey::from_hex(hex).unwrap_or_else(|error| panic!("{error}"));
    let pad = security::TdesKey::new(&clear).unwrap_or_else(|error| panic!("{error}"));
    each_vector("emv_issuer_script", |id, vector| {
        let pan = pan(vector);
        let mac = peer.key(text(vector, "imk_smi"), KeyUsage::ChipScriptMac);
        let secrets = peer.key(text(vector, "imk_smc"), KeyUsage::ChipScriptConfidentiality);
        let cryptogram = peer.key(text(vector, "imk_ac"), KeyUsage::ChipCryptogram);
        let keys = ScriptKeys {
            mac: &mac,
            confidentiality: Some(&secrets),
            cryptogram: Some(&cryptogram),
        };
        let psn = text(vector, "psn").parse().unwrap_or_default();
        let derivation = derivation(vector);
        let [a, b, c, d, lc] = array(vector, "command_header");
        let input = ScriptInput {
            card: ChipCard { pan: &pan, psn, derivation, version: version(vector) },
            atc: u16::from_be_bytes(array(vector, "atc")),
            cryptogram: array(vector, "arqc"),
            header: [a, b, c, d],
            data: &[],
            mac_length: usize::from(lc),
        };
        let made = peer.module.script(&keys, &input);
        let made = made.unwrap_or_else(|error| panic!("{id}: {error}"));
        let whole = format!("{}{}", text(vector, "command_header"), text(vector, "command_mac"));
        assert_eq!(hex::encode_upper(made), whole, "{id}");
        let pin = TestPin::new(text(vector, "new_pin")).unwrap_or_else(|e| panic!("{e}"));
        let block = security::encrypt_pin_block_iso0(&pin, &pan, &pad).bytes();
        let source = PinSource::Session(&terminal);
        let new = PinData { block: &block, format: PinBlockFormat::Iso0, source };
        let input = ScriptInput { mac_length: 8, ..input };
        let made = peer.module.pin_script(&keys, &input, &new);
        let made = made.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(hex::encode_upper(made), text(vector, "pin_change_unblock_apdu"), "{id}");
        let odd = ScriptInput { mac_length: 5, ..input };
        assert!(peer.module.script(&keys, &odd).is_err(), "{id}: five bytes of MAC");
    });
}
