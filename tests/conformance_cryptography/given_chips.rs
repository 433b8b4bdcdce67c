//! Given: chips' keys, cryptograms, answers and scripts; card values; 3-D Secure.

use crate::rows::{
    array, ascii, bytes, chip, equal, given, holds, pan, pin_of, same, tdes, text, version,
};
use cryptography::emv::{self, AcInput, CryptogramVersion, Derivation, IssuerAnswer};
use cryptography::{CardValue, card_value, three_d_secure};
use serde_json::Value;
use std::collections::BTreeMap;

/// The sequence number of a row; `null` is none, which is zero.
fn psn(row: &Value) -> u8 {
    row["psn"].as_str().map_or(0, |psn| psn.parse().unwrap())
}

fn digits(value: &CardValue) -> String {
    String::from_utf8_lossy(value.expose_digits()).into_owned()
}

/// Which derivation a version's cards use in these vectors, as pyemv has it.
fn derivation(version: CryptogramVersion) -> Derivation {
    match version {
        CryptogramVersion::VisaCvn10
        | CryptogramVersion::MChipCvn16
        | CryptogramVersion::MChipCvn17
        | CryptogramVersion::MChipCvn20
        | CryptogramVersion::MChipCvn21 => Derivation::A,
        CryptogramVersion::VisaCvn18 | CryptogramVersion::VisaCvn22 => Derivation::B,
    }
}

#[test]
fn keys_of_cards_and_sessions() {
    given("emv_key_derivation", |row| {
        let (issuer, pan, psn) = (tdes(row, "imk"), pan(row), psn(row));
        let card = emv::master_key(&issuer, Derivation::A, &pan, psn);
        same(row, "icc_mk_option_a", card.expose())?;
        let by_b = emv::master_key(&issuer, Derivation::B, &pan, psn);
        same(row, "icc_mk_option_b", by_b.expose())?;
        let atc = u16::from_be_bytes(array(row, "atc"));
        let [a, b] = atc.to_be_bytes();
        let [c, d, e, f] = array(row, "un");
        let common = emv::common_session_key(&card, [a, b, 0, 0, 0, 0, 0, 0]);
        same(row, "sk_common_csk_over_option_a", common.expose())?;
        let mastercard = emv::common_session_key(&card, [a, b, 0, 0, c, d, e, f]);
        same(row, "sk_mastercard_over_option_a", mastercard.expose())?;
        same(row, "sk_visa_sm_over_option_a", emv::visa_script_key(&card, atc).expose())?;
        let tree = emv::tree_session_key(&card, atc, 8, 4, [0; 16]);
        same(row, "sk_emv2000_tree_h8_b4", tree.expose())
    });
}

/// Elements of DE 55: tags of one or two bytes, lengths below 128. A reader of its own, so that the
/// engine's is not what its own vectors are read by.
fn elements(mut data: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    while let Some(first) = data.first() {
        let tag = if first & 0x1F == 0x1F { 2 } else { 1 };
        let len = usize::from(data[tag]);
        let value = data[tag + 1..tag + 1 + len].to_vec();
        found.insert(hex::encode_upper(&data[..tag]), value);
        data = &data[tag + 1 + len..];
    }
    found
}

fn input<'a>(tags: &'a BTreeMap<String, Vec<u8>>) -> AcInput<'a> {
    fn tag<const N: usize>(tags: &BTreeMap<String, Vec<u8>>, name: &str) -> [u8; N] {
        tags[name].as_slice().try_into().unwrap_or_else(|_| panic!("tag {name}"))
    }
    let [transaction_type] = tag(tags, "9C");
    AcInput {
        amount_authorized: tag(tags, "9F02"),
        amount_other: tag(tags, "9F03"),
        terminal_country: tag(tags, "9F1A"),
        tvr: tag(tags, "95"),
        currency: tag(tags, "5F2A"),
        date: tag(tags, "9A"),
        transaction_type,
        unpredictable_number: tag(tags, "9F37"),
        aip: tag(tags, "82"),
        atc: u16::from_be_bytes(tag(tags, "9F36")),
        issuer_application_data: &tags["9F10"],
    }
}

#[test]
fn cryptograms_and_answers() {
    given("emv_arqc_arpc_de55", |row| {
        let version = version(text(row, "cvn"));
        let de55 = bytes(row, "de55");
        let tags = elements(&de55);
        let input = input(&tags);
        let stated = CryptogramVersion::of_issuer_application_data(input.issuer_application_data);
        holds("version in 9F10", stated == Some(version))?;
        same(row, "ac_input_unpadded", &input.data(version).unwrap())?;
        let issuer = tdes(row, "imk_ac");
        let card = emv::master_key(&issuer, derivation(version), &pan(row), psn(row));
        same(row, "icc_mk_ac", card.expose())?;
        let session = version.session_key(&card, input.atc, input.unpredictable_number);
        same(row, "session_key_ac", session.expose())?;
        let made = emv::cryptogram(version, &card, &input).unwrap();
        same(row, "arqc", &made)?;
        equal("9F26", &hex::encode(made), &hex::encode(&tags["9F26"]))?;
        holds("method", row["arpc_method"].as_u64() == Some(version.arpc_method().into()))?;
        let answer = if version.arpc_method() == 2 {
            IssuerAnswer::Method2 { status_update: array(row, "csu"), proprietary: &[] }
        } else {
            let field = if row["arc"].is_string() { "arc" } else { "arpc_rc" };
            IssuerAnswer::Method1 { response_code: array(row, field) }
        };
        let answer = emv::response(version, &card, &input, made, answer).unwrap();
        same(row, "tag_91", &answer)?;
        same(row, "arpc", &answer[..text(row, "arpc").len() / 2])
    });
}

#[test]
fn issuer_scripts() {
    given("emv_issuer_script", |row| {
        let version = version(text(row, "cvn"));
        let [cryptograms, macs, secrets] = ["imk_ac", "imk_smi", "imk_smc"].map(|field| {
            emv::master_key(&tdes(row, field), derivation(version), &pan(row), psn(row))
        });
        let (atc, arqc) = (u16::from_be_bytes(array(row, "atc")), array(row, "arqc"));
        let mac = emv::mac(version, &macs, atc, arqc, array(row, "command_header"), &[]);
        same(row, "command_mac", &mac)?;
        let keys = [&cryptograms, &macs, &secrets];
        let new = pin_of(text(row, "new_pin"));
        let made = emv::pin_change(version, keys, (atc, arqc), (&new, None), 8).unwrap();
        same(row, "pin_change_unblock_apdu", &made)
    });
}

#[test]
fn card_verification_values() {
    given("cvv", |row| {
        let (key, expiry) = (tdes(row, "cvk"), ascii(row, "expiry_as_used"));
        let made = match text(row, "kind") {
            "cvv1" => card_value::cvv(&key, &pan(row), expiry, ascii(row, "service_code")),
            "icvv" => card_value::icvv(&key, &pan(row), expiry),
            "cvv2" => card_value::cvv2(&key, &pan(row), expiry),
            other => return Err(format!("kind {other}")),
        };
        let made = made.unwrap();
        equal("value", &digits(&made), text(row, "cvv"))?;
        holds("matches", bool::from(made.matches(text(row, "cvv").as_bytes())))
    });
}

#[test]
fn dynamic_values() {
    given("dcvv_visa", |row| {
        let derivation = match text(row, "mk_derivation") {
            "option A" => Derivation::A,
            "option B" => Derivation::B,
            other => return Err(format!("derivation {other}")),
        };
        let card = emv::master_key(&tdes(row, "imk"), derivation, &pan(row), psn(row));
        same(row, "udk", card.expose())?;
        let (expiry, code) = (ascii(row, "expiry_YYMM"), ascii(row, "service_code"));
        let made = card_value::dcvv(&card, &pan(row), expiry, code, ascii(row, "atc_4_digits"));
        equal("value", &digits(&made.unwrap()), text(row, "dcvv"))
    });
    given("cvc3_mastercard", |row| {
        let card = emv::master_key(&tdes(row, "imk_cvc3"), Derivation::A, &pan(row), psn(row));
        same(row, "icc_mk_cvc3", card.expose())?;
        let initial = card_value::ivcvc3(&card, &bytes(row, "track_template"));
        same(row, "ivcvc3", &initial)?;
        let un = u32::from_be_bytes(array(row, "un"));
        let atc = u16::from_be_bytes(array(row, "atc"));
        let made = digits(&card_value::cvc3(&card, initial, un, atc));
        equal("value", &made, text(row, "cvc3_5digits"))?;
        // pyemv prints a number without leading zeros.
        let number = made.parse::<u32>().unwrap().to_string();
        equal("number", &number, text(row, "cvc3_as_pyemv_returns"))
    });
    holds("keys are read with odd parity", {
        let row = serde_json::json!({ "key": "00".repeat(16) });
        chip(&row, "key").expose() == &[1; 16]
    })
    .unwrap();
}

#[test]
fn three_d_secure_values() {
    given("cavv_visa_cvv_algorithm", |row| {
        let [result] = ascii(row, "auth_result_code_1d");
        let number = ascii(row, "unpredictable_number_4d");
        let factor = ascii(row, "second_factor_auth_code_2d");
        let made = three_d_secure::cavv(&tdes(row, "cvk"), &pan(row), number, result, factor);
        equal("CAVV", &digits(&made.unwrap()), text(row, "cavv_3digits"))
    });
    given("aav_mastercard_spa1_hmac", |row| {
        let (key, aav): (_, [u8; 20]) = (bytes(row, "hmac_key"), array(row, "aav_hex"));
        let (first, _) = aav.split_first_chunk::<15>().unwrap();
        same(row, "hmac_input", &three_d_secure::aav_spa1_data(&pan(row), first))?;
        same(row, "mac5", &three_d_secure::aav_spa1(&key, &pan(row), first).unwrap())?;
        let right = three_d_secure::verify_aav_spa1(&key, &pan(row), &aav).unwrap();
        let mut other = aav;
        other[3] ^= 1;
        let wrong = three_d_secure::verify_aav_spa1(&key, &pan(row), &other).unwrap();
        holds("verifies", bool::from(right & !wrong))?;
        holds("length", three_d_secure::verify_aav_spa1(&key, &pan(row), &aav[1..]).is_err())
    });
}
