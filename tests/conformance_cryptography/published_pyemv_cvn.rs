//! Published: pyemv's tests of whole cryptogram versions. Interac's is not one of ours, but is
//! built of the same parts, so its rows run through those.

use crate::published_pyemv::{characters, pan, psn};
use crate::rows::{Outcome, array, bytes, pin_of, same, tdes, text, version};
use cryptography::emv::{self, AcInput, ChipKey, CryptogramVersion, Derivation, IssuerAnswer};
use cryptography::{Padding, cipher, mac};
use serde_json::Value;

/// A card of pyemv's: its keys for cryptograms, script MACs and secrets.
fn card(row: &Value) -> [ChipKey; 3] {
    let card = &row["card"];
    ["iss_mk_ac", "iss_mk_smi", "iss_mk_smc"]
        .map(|field| emv::master_key(&tdes(card, field), Derivation::A, &pan(card), psn(card)))
}

pub(crate) fn by_version(name: &str, row: &Value) -> Outcome {
    let (class, method) = name.split_once('.').unwrap();
    if class == "InteracCVN133" {
        return interac(method, row);
    }
    let version = version(class);
    let given = &row["in"];
    let [cryptograms, macs, secrets] = card(row);
    let atc = || u16::from_be_bytes(array(given, "tag_9f36"));
    let arqc = || array(given, "tag_9f26");
    match method {
        "generate_ac" => {
            let own = application_data(version, given);
            let input = input(given, &own);
            same(row, "out", &emv::cryptogram(version, &cryptograms, &input).unwrap())
        }
        "generate_arpc" => {
            let answer = answer(given);
            // Keys that need no counter are asked without one.
            let atc = if given["tag_9f36"].is_null() { 0 } else { atc() };
            let input = AcInput { atc, ..AcInput::default() };
            let made = emv::response(version, &cryptograms, &input, arqc(), answer).unwrap();
            same(row, "out", &made[..text(row, "out").len() / 2])
        }
        "generate_command_mac" => {
            let data = bytes(given, "command_data");
            let header = array(given, "command_header");
            same(row, "out", &emv::mac(version, &macs, atc(), arqc(), header, &data))
        }
        "encrypt_command_data" => {
            let arqc = if given["tag_9f26"].is_null() { [0; 8] } else { arqc() };
            let atc = if given["tag_9f36"].is_null() { 0 } else { atc() };
            let data = bytes(given, "command_data");
            let made = emv::encrypt_data(version, &secrets, atc, arqc, &data);
            same(row, "out", &made.unwrap())
        }
        "generate_pin_change_command" => {
            let new = pin_of(&characters(&given["pin"], 12).unwrap());
            let current = characters(&given["current_pin"], 12).map(|digits| pin_of(&digits));
            let keys = [&cryptograms, &macs, &secrets];
            let pins = (&new, current.as_ref());
            let made = emv::pin_change(version, keys, (atc(), arqc()), pins, 8);
            same(row, "out", &made.unwrap())
        }
        other => Err(format!("{other} is not offered")),
    }
}

fn answer(given: &Value) -> IssuerAnswer<'static> {
    if given["csu"].is_string() {
        assert!(given["proprietary_auth_data"].is_null(), "no row has any");
        IssuerAnswer::Method2 { status_update: array(given, "csu"), proprietary: &[] }
    } else {
        IssuerAnswer::Method1 { response_code: array(given, "arpc_rc") }
    }
}

/// Tag 9F10: pyemv takes it whole for some versions and in parts for others.
fn application_data(version: CryptogramVersion, given: &Value) -> Vec<u8> {
    if given["tag_9f10"].is_string() {
        return bytes(given, "tag_9f10");
    }
    let cvr = bytes(given, "cvr");
    if version == CryptogramVersion::VisaCvn10 {
        return [&[6, 1, 0x0A][..], &cvr].concat();
    }
    let counters = given["counters"].as_str().map_or(vec![0; 8], |hex| hex::decode(hex).unwrap());
    [&[1, 0x10][..], &cvr, &[0, 0], &counters].concat()
}

fn input<'a>(given: &Value, own: &'a [u8]) -> AcInput<'a> {
    let [transaction_type] = array(given, "tag_9c");
    AcInput {
        amount_authorized: array(given, "tag_9f02"),
        amount_other: array(given, "tag_9f03"),
        terminal_country: array(given, "tag_9f1a"),
        tvr: array(given, "tag_95"),
        currency: array(given, "tag_5f2a"),
        date: array(given, "tag_9a"),
        transaction_type,
        unpredictable_number: array(given, "tag_9f37"),
        aip: array(given, "tag_82"),
        atc: u16::from_be_bytes(array(given, "tag_9f36")),
        issuer_application_data: own,
    }
}

/// Counter and unpredictable number in the session key, all of 9F10 in the data, scripts without
/// counter and cryptogram in their MAC.
fn interac(method: &str, row: &Value) -> Outcome {
    let given = &row["in"];
    let [cryptograms, macs, secrets] = card(row);
    let session = || {
        let [a, b] = array(given, "tag_9f36");
        let [c, d, e, f] = array(given, "tag_9f37");
        emv::common_session_key(&cryptograms, [a, b, 0, 0, c, d, e, f]).tdes()
    };
    let arqc = || array(given, "tag_9f26");
    let mac_of = |header: &[u8], data: &[u8]| {
        let key = emv::common_session_key(&macs, arqc()).tdes();
        mac::algorithm_3(&key, Padding::Two, &[header, data].concat())
    };
    let encrypted = |data: &[u8]| {
        let key = emv::common_session_key(&secrets, arqc()).tdes();
        cipher::tdes_cbc_encrypt(&key, [0; 8], data).unwrap()
    };
    match method {
        "generate_ac" => {
            let own = bytes(given, "tag_9f10");
            let data = input(given, &own).data(CryptogramVersion::VisaCvn18).unwrap();
            same(row, "out", &emv::application_cryptogram(&session(), Padding::Two, &data))
        }
        "generate_arpc" => {
            let made = emv::arpc_method_1(&session(), arqc(), array(given, "arpc_rc"));
            same(row, "out", &made)
        }
        "generate_command_mac" => {
            let made = mac_of(&bytes(given, "command_header"), &bytes(given, "command_data"));
            same(row, "out", &made)
        }
        "encrypt_command_data" => same(row, "out", &encrypted(&bytes(given, "command_data"))),
        "generate_pin_change_command" => {
            let new = pin_of(&characters(&given["pin"], 12).unwrap());
            let block = emv::pin_block(CryptogramVersion::MChipCvn16, &macs, &new, None).unwrap();
            let data = encrypted(&*block);
            let header = [0x84, 0x24, 0, 2, 0x10];
            let made = [&header[..], &data, &mac_of(&header, &data)].concat();
            same(row, "out", &made)
        }
        other => Err(format!("{other} is not offered")),
    }
}
