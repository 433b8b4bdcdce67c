//! SEC-1, SEC-4.

use super::{Peer, bytes, each_vector, pan};
use crate::text;
use payment_types::ExpiryDate;
use security::{CardValueInput, Derivation, ExpiryOrder, KeyUsage, SecurityError, Verification};
use serde_json::Value;

fn expiry(vector: &Value, name: &str) -> ExpiryDate {
    let number = text(vector, name).parse().ok().and_then(ExpiryDate::from_number);
    number.unwrap_or_else(|| panic!("an expiry date"))
}

fn service_code(vector: &Value) -> [u8; 3] {
    text(vector, "service_code").as_bytes().try_into().unwrap_or_default()
}

fn psn(vector: &Value) -> u8 {
    text(vector, "psn").parse().unwrap_or_default()
}

fn check(peer: &Peer<'_>, id: &str, key: &str, input: &CardValueInput<'_>, right: &str) {
    let usage = match input {
        CardValueInput::Dcvv { .. } | CardValueInput::Cvc3 { .. } => KeyUsage::CardDynamic,
        _ => KeyUsage::CardVerification,
    };
    let key = peer.key(key, usage);
    let said = |given: &[u8]| peer.module.verify_card_value(&key, input, given);
    assert_eq!(said(right.as_bytes()), Ok(Verification::Right), "{id}");
    let mut wrong = right.as_bytes().to_vec();
    for at in 0..wrong.len() {
        wrong[at] = if wrong[at] == b'9' { b'0' } else { wrong[at] + 1 };
        assert_eq!(said(&wrong), Ok(Verification::Wrong), "{id}: digit {at}");
        wrong.clone_from_slice(right.as_bytes());
    }
    for none in [&b""[..], b"12", b"1a3", b"123456"] {
        assert!(matches!(said(none), Err(SecurityError::Malformed(_))), "{id}: {none:?}");
    }
}

/// CVV, iCVV, CVV2, dCVV, CVC3, CAVV and AAV of other implementations.
pub fn card_values(peer: &Peer<'_>) {
    each_vector("cvv", |id, vector| {
        let pan = &pan(vector);
        let expiry = expiry(vector, "card_expiry_YYMM");
        let on_card = text(vector, "expiry_as_used") == text(vector, "card_expiry_YYMM");
        let order = if on_card { ExpiryOrder::YearMonth } else { ExpiryOrder::MonthYear };
        let service_code = service_code(vector);
        let input = match text(vector, "kind") {
            "icvv" => CardValueInput::Chip { pan, expiry },
            "cvv2" => CardValueInput::Printed { pan, expiry, order },
            _ => CardValueInput::Track { pan, expiry, service_code },
        };
        check(peer, id, text(vector, "cvk"), &input, text(vector, "cvv"));
    });
    each_vector("dcvv_visa", |id, vector| {
        let pan = &pan(vector);
        let derivation = match text(vector, "mk_derivation") {
            "option B" => Derivation::B,
            _ => Derivation::A,
        };
        let input = CardValueInput::Dcvv {
            pan,
            psn: psn(vector),
            derivation,
            expiry: expiry(vector, "expiry_YYMM"),
            service_code: service_code(vector),
            atc: text(vector, "atc_4_digits").parse().unwrap_or_default(),
        };
        check(peer, id, text(vector, "imk"), &input, text(vector, "dcvv"));
    });
    each_vector("cvc3_mastercard", |id, vector| {
        let pan = &pan(vector);
        let track = bytes(vector, "track_template");
        let number = |name| u32::from_str_radix(text(vector, name), 16).unwrap_or_default();
        let input = CardValueInput::Cvc3 {
            pan,
            psn: psn(vector),
            derivation: Derivation::A,
            track: &track,
            unpredictable_number: number("un"),
            atc: u16::try_from(number("atc")).unwrap_or_default(),
        };
        check(peer, id, text(vector, "imk_cvc3"), &input, text(vector, "cvc3_5digits"));
    });
    cavvs(peer);
    aavs(peer);
}

fn cavvs(peer: &Peer<'_>) {
    each_vector("cavv_visa_cvv_algorithm", |id, vector| {
        let key = peer.key(text(vector, "cvk"), KeyUsage::CardholderAuthentication);
        let digits = |name| text(vector, name).to_owned();
        // Result, second factor, key index, output, unpredictable number, tracking data.
        let packed = format!(
            "0{}{}010{}{}{:0<26}",
            digits("auth_result_code_1d"),
            digits("second_factor_auth_code_2d"),
            digits("cavv_3digits"),
            digits("unpredictable_number_4d"),
            ""
        );
        let mut cavv = super::unhex(&packed);
        let said = peer.module.verify_cavv(&key, &pan(vector), &cavv);
        assert_eq!(said, Ok(Verification::Right), "{id}");
        cavv[4] = if cavv[4] & 0xF == 9 { cavv[4] - 9 } else { cavv[4] + 1 };
        let said = peer.module.verify_cavv(&key, &pan(vector), &cavv);
        assert_eq!(said, Ok(Verification::Wrong), "{id}");
        let said = peer.module.verify_cavv(&key, &pan(vector), &cavv[1..]);
        assert_eq!(said, Err(SecurityError::Malformed("CAVV")), "{id}");
    });
}

fn aavs(peer: &Peer<'_>) {
    each_vector("aav_mastercard_spa1_hmac", |id, vector| {
        let hex = text(vector, "hmac_key");
        let key = peer.key(hex, KeyUsage::AccountholderAuthentication);
        let mut aav = bytes(vector, "aav_hex");
        let said = peer.module.verify_aav(&key, &pan(vector), &aav);
        assert_eq!(said, Ok(Verification::Right), "{id}");
        for at in 0..aav.len() {
            aav[at] ^= 1;
            let said = peer.module.verify_aav(&key, &pan(vector), &aav);
            assert_eq!(said, Ok(Verification::Wrong), "{id}: byte {at}");
            aav[at] ^= 1;
        }
        let said = peer.module.verify_aav(&key, &pan(vector), &aav[1..]);
        assert!(matches!(said, Err(SecurityError::Malformed(_))), "{id}");
    });
}
