//! Published: what jPOS's security module expects. The rows name the test only; what went into each
//! is in jPOS's `JCESecurityModuleTest`: one key, two card numbers, one transaction.

use crate::rows::{Outcome, array, equal, holds, pan_of, published, same, text};
use cryptography::emv::{self, ChipKey, CryptogramVersion, Derivation};
use cryptography::{ClearKey, Padding, TdesKey, card_value, cipher, pvv, three_d_secure};
use serde_json::Value;
use tamga_tests::conformance_json;

const KEY: &str = "12345678123456781234567812345678";
const SCRIPT_KEY: &str = "2315208C9110AD402315208C9110AD40";
const PAN_A: &str = "1234567890123456";
const PAN_B: &str = "8901234567890123456";

const EXCEPTED: &[(&str, &str)] = &[(
    "dCVV option B 824",
    "jPOS hashes a card number of 12 digits; EMV book 2 annex A1.4.2 does so above 16 only",
)];

fn tdes_of(hex: &str) -> TdesKey {
    TdesKey::of_any_strength(&ClearKey::from_hex(hex).unwrap())
}

fn card(derivation: Derivation, pan: &str) -> ChipKey {
    emv::master_key(&tdes_of(KEY), derivation, &pan_of(pan), 0)
}

/// The transaction's data in the order in which a cryptogram takes them.
fn transaction() -> Vec<u8> {
    let file = conformance_json("crypto/published/jpos.json");
    let data = &file["emv_data"];
    let fields = [
        "amount",
        "other",
        "term_country",
        "tvr",
        "term_currency",
        "date",
        "type",
        "un",
        "aip",
        "atc",
        "cvr",
    ];
    let text: String = fields.iter().map(|field| text(data, field)).collect();
    hex::decode(text).unwrap()
}

#[test]
fn jpos() {
    let key = |row: &Value| format!("{} {}", text(row, "test"), text(row, "expected"));
    published("jpos", 35, EXCEPTED, key, |row| {
        let name = text(row, "test");
        match name.split(' ').next().unwrap() {
            "AC" => cryptogram(name, row),
            "ARPC1" | "ARPC2" => answer(name, row),
            "SM" => script(name, row),
            _ => others(name, row),
        }
    });
}

fn others(name: &str, row: &Value) -> Outcome {
    let ascii = |field: &str| text(row, field).as_bytes().to_vec();
    let digits = |made: card_value::CardValue| {
        equal(name, &String::from_utf8_lossy(made.expose_digits()), text(row, "expected"))
    };
    let four = |field: &str| <[u8; 4]>::try_from(ascii(field)).unwrap();
    let three = |field: &str| <[u8; 3]>::try_from(ascii(field)).unwrap();
    match name {
        "KCV of 4x12345678" => {
            let made = ClearKey::from_hex(KEY).unwrap().check_value().bytes();
            same(row, "expected", &made)
        }
        "calculateCVD" | "calculateCVD split keys" => {
            let key = tdes_of(text(row, "cvk"));
            let pan = pan_of(text(row, "pan"));
            digits(card_value::cvv(&key, &pan, four("expiry"), three("sc")).unwrap())
        }
        "calculateCAVV 0" | "calculateCAVV 1" => {
            let [result] = ascii("authrc")[..] else { return Err("authrc".to_owned()) };
            let factor = ascii("sfarc").try_into().unwrap();
            let pan = pan_of("123456789012");
            let made = three_d_secure::cavv(&tdes_of(KEY), &pan, four("upn"), result, factor);
            digits(made.unwrap())
        }
        "calculatePVV" => {
            let pin = cryptography::Pin::from_ascii(b"1234").unwrap();
            let made = pvv::pvv(&tdes_of(KEY), 0, &pan_of("1234567890123"), &pin);
            let made = made.expose_digits();
            equal(name, &String::from_utf8_lossy(&made), text(row, "expected"))
        }
        "dCVV option A" | "dCVV option B" => {
            let option = if name.ends_with('A') { Derivation::A } else { Derivation::B };
            let (pan, card) = (pan_of(text(row, "pan")), card(option, text(row, "pan")));
            digits(card_value::dcvv(&card, &pan, four("expiry"), three("sc"), four("atc")).unwrap())
        }
        "CVC3 option A" => {
            let card = card(Derivation::A, text(row, "pan"));
            let track = hex::decode(text(row, "track")).unwrap();
            let initial = card_value::ivcvc3(&card, &track);
            let un = u32::from_be_bytes(array(row, "un"));
            digits(card_value::cvc3(&card, initial, un, u16::from_be_bytes(array(row, "atc"))))
        }
        "CVC3 given IVCVC3 CD76" => {
            let card = card(Derivation::A, text(row, "pan"));
            digits(card_value::cvc3(&card, [0xCD, 0x76], 0x2710, 0x2710))
        }
        "TDES ECB" | "TDES CBC" => {
            let data = hex::decode("0011223344556677").unwrap();
            let key = tdes_of(KEY);
            if name.ends_with("ECB") {
                same(row, "expected", &cipher::tdes_ecb_encrypt(&key, &data).unwrap())
            } else {
                let twice = [&data[..], &data].concat();
                same(row, "expected", &cipher::tdes_cbc_encrypt(&key, [0; 8], &twice).unwrap())
            }
        }
        other => Err(format!("{other} is not known")),
    }
}

/// The key of the session by the test's name.
fn session(name: &str) -> ChipKey {
    let (option, pan) = if name.contains("B") && !name.contains(" b") || name.contains("optB") {
        (Derivation::B, PAN_B)
    } else {
        (Derivation::A, PAN_A)
    };
    let card = card(option, pan);
    let un = [0x11; 4];
    if name.contains("VSDC") {
        CryptogramVersion::VisaCvn10.session_key(&card, 0x3456, un)
    } else if name.contains("MCHIP") {
        CryptogramVersion::MChipCvn16.session_key(&card, 0x3456, un)
    } else {
        CryptogramVersion::MChipCvn20.session_key(&card, 0x3456, un)
    }
}

fn cryptogram(name: &str, row: &Value) -> Outcome {
    let two = name.contains("pad 2") || name.contains("pad2");
    holds("padding", two || name.contains("pad 1") || name.contains("pad1"))?;
    let padding = if two { Padding::Two } else { Padding::One };
    let key = session(name).tdes();
    same(row, "expected", &emv::application_cryptogram(&key, padding, &transaction()))
}

fn answer(name: &str, row: &Value) -> Outcome {
    let hex8 = |text: &str| <[u8; 8]>::try_from(hex::decode(text).unwrap()).unwrap();
    // The cryptogram and response code that each test hands in.
    let (arqc, code) = match name {
        "ARPC1 VSDC" => ("26C8A1042D1CAF3E", [0x30, 0x30]),
        "ARPC1 VSDC b" => ("2263CD868F3E0234", [0x30, 0x30]),
        "ARPC1 MCHIP with ICC MK" => ("AC8074C9E62EE6EF", [0x00, 0x12]),
        "ARPC1 MCHIP b" => ("9FFD1D52AE0EC0F3", [0x00, 0x12]),
        "ARPC1 CSK" | "ARPC2 CSK" => ("55BE45DD2C9E0CBF", [0x00, 0x12]),
        "ARPC1 CSK b" | "ARPC2 CSK b" => ("36DBEE15F36B1E7F", [0x00, 0x12]),
        "ARPC1 CSK optB" | "ARPC2 CSK optB" => ("FD4271966BB0E366", [0x00, 0x12]),
        "ARPC2 CSK optB b" => ("78289F2805494561", [0x00, 0x12]),
        other => return Err(format!("{other} is not known")),
    };
    // M/Chip answers under the card's key.
    let key = if name.contains("MCHIP") { card(Derivation::A, PAN_A) } else { session(name) };
    if name.starts_with("ARPC1") {
        same(row, "expected", &emv::arpc_method_1(&key.tdes(), hex8(arqc), code))
    } else {
        let made = emv::arpc_method_2(&key.tdes(), hex8(arqc), [0x00, 0x12, 0, 0], &[]);
        same(row, "expected", &made.unwrap())
    }
}

fn script(name: &str, row: &Value) -> Outcome {
    // The whole that the MAC is over: header, counter, cryptogram, data. The counter is 0002, the
    // cryptogram 4B07E35A87F27D2E.
    let whole = hex::decode(text(row, "apdu")).unwrap();
    holds("counter and cryptogram", hex::encode(&whole[5..15]) == "00024b07e35a87f27d2e")?;
    let header = whole[..5].try_into().unwrap();
    let arqc = whole[7..15].try_into().unwrap();
    let issuer = tdes_of(SCRIPT_KEY);
    let card = emv::master_key(&issuer, Derivation::A, &pan_of(PAN_A), 0);
    let version = match name {
        "SM MAC VSDC" => CryptogramVersion::VisaCvn10,
        "SM MAC MCHIP (CSK over ARQC)" => CryptogramVersion::MChipCvn16,
        other => return Err(format!("{other} is not known")),
    };
    same(row, "expected", &emv::mac(version, &card, 2, arqc, header, &whole[15..]))
}
