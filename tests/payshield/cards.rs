//! SEC-1, SEC-2, SEC-4: card values, CAVV, cryptograms, scripts.

use super::bench::{KEY, OTHER_KEY, load, module, pan, tdes};
use cryptography::{card_value, emv};
use payment_types::ExpiryDate;
use security::{
    ArpcInput, CardValueInput, CardValues, ChipCard, Chips, CryptogramInput, CryptogramVersion,
    Derivation, ExpiryOrder, KeyUsage, ScriptInput, ScriptKeys, SecurityError, Verification,
};

const VERSIONS: [(CryptogramVersion, emv::CryptogramVersion, &[u8]); 7] = [
    (CryptogramVersion::VisaCvn10, emv::CryptogramVersion::VisaCvn10, &[6, 1, 0x0A, 3, 0xA0, 0, 0]),
    (CryptogramVersion::VisaCvn18, emv::CryptogramVersion::VisaCvn18, &[6, 1, 0x12, 3, 0xA0, 0, 0]),
    (CryptogramVersion::VisaCvn22, emv::CryptogramVersion::VisaCvn22, &[6, 1, 0x16, 3, 0xA0, 0, 0]),
    (CryptogramVersion::MChipCvn16, emv::CryptogramVersion::MChipCvn16, &[0x10; 18]),
    (CryptogramVersion::MChipCvn17, emv::CryptogramVersion::MChipCvn17, &[0x11; 18]),
    (CryptogramVersion::MChipCvn20, emv::CryptogramVersion::MChipCvn20, &[0x14; 18]),
    (CryptogramVersion::MChipCvn21, emv::CryptogramVersion::MChipCvn21, &[0x15; 18]),
];

#[test]
fn card_values_are_verified() {
    let (module, _hsm) = module();
    let key = load(&module, KEY, KeyUsage::CardVerification);
    let (pan, expiry) = (pan(), ExpiryDate::from_number(2912).expect("a date"));
    let cases = [
        (
            CardValueInput::Track { pan: &pan, expiry, service_code: *b"201" },
            card_value::cvv(&tdes(KEY), &pan, *b"2912", *b"201"),
        ),
        (CardValueInput::Chip { pan: &pan, expiry }, card_value::icvv(&tdes(KEY), &pan, *b"2912")),
        (
            CardValueInput::Printed { pan: &pan, expiry, order: ExpiryOrder::MonthYear },
            card_value::cvv2(&tdes(KEY), &pan, *b"1229"),
        ),
        (
            CardValueInput::Printed { pan: &pan, expiry, order: ExpiryOrder::YearMonth },
            card_value::cvv2(&tdes(KEY), &pan, *b"2912"),
        ),
    ];
    for (input, expected) in cases {
        let right = expected.expect("a value").expose_digits().to_vec();
        assert_eq!(module.verify_card_value(&key, &input, &right), Ok(Verification::Right));
        let mut wrong = right;
        wrong[2] = b'0' + (wrong[2] - b'0' + 1) % 10;
        assert_eq!(module.verify_card_value(&key, &input, &wrong), Ok(Verification::Wrong));
        let malformed = module.verify_card_value(&key, &input, b"12x");
        assert!(matches!(malformed, Err(SecurityError::Malformed(_))));
    }
    let other = load(&module, KEY, KeyUsage::ChipCryptogram);
    let input = CardValueInput::Chip { pan: &pan, expiry };
    let said = module.verify_card_value(&other, &input, b"123");
    assert_eq!(said, Err(SecurityError::WrongUsage));
}

#[test]
fn a_cavv_is_verified() {
    let (module, _hsm) = module();
    let key = load(&module, KEY, KeyUsage::CardholderAuthentication);
    let pan = pan();
    let value = card_value::cvv(&tdes(KEY), &pan, *b"5523", *b"577").expect("a value");
    let digits: Vec<u8> = value.expose_digits().iter().map(|digit| digit - b'0').collect();
    let mut cavv = [0; 20];
    cavv[..3].copy_from_slice(&[5, 0x77, 1]);
    cavv[3..7].copy_from_slice(&[digits[0], digits[1] << 4 | digits[2], 0x55, 0x23]);
    assert_eq!(module.verify_cavv(&key, &pan, &cavv), Ok(Verification::Right));
    cavv[6] = 0x24;
    assert_eq!(module.verify_cavv(&key, &pan, &cavv), Ok(Verification::Wrong));
}

fn input<'a>(
    card: ChipCard<'a>,
    data: &'static [u8],
) -> (CryptogramInput<'a>, emv::AcInput<'static>) {
    let standard = emv::AcInput {
        amount_authorized: [0, 0, 0, 1, 0x23, 0x45],
        amount_other: [0; 6],
        terminal_country: [4, 0x17],
        tvr: [0, 0, 0, 0x80, 0],
        currency: [4, 0x17],
        date: [0x26, 0x11, 0x22],
        transaction_type: 0,
        unpredictable_number: [0x12, 0x34, 0x56, 0x78],
        aip: [0x5C, 0],
        atc: 0x0042,
        issuer_application_data: data,
    };
    let input = CryptogramInput {
        card,
        amount_authorized: standard.amount_authorized,
        amount_other: standard.amount_other,
        terminal_country: standard.terminal_country,
        tvr: standard.tvr,
        currency: standard.currency,
        date: standard.date,
        transaction_type: standard.transaction_type,
        unpredictable_number: standard.unpredictable_number,
        aip: standard.aip,
        atc: standard.atc,
        issuer_application_data: standard.issuer_application_data,
        cryptogram: [0; 8],
    };
    (input, standard)
}

#[test]
fn cryptograms_of_every_version_are_verified_and_answered() {
    let (module, _hsm) = module();
    let issuer = load(&module, KEY, KeyUsage::ChipCryptogram);
    let pan = pan();
    for (version, standard, data) in VERSIONS {
        let card = ChipCard { pan: &pan, psn: 1, derivation: Derivation::A, version };
        let (mut input, made_over) = input(card, data);
        let key = emv::master_key(&tdes(KEY), emv::Derivation::A, &pan, 1);
        input.cryptogram = emv::cryptogram(standard, &key, &made_over).expect("a cryptogram");
        assert_eq!(
            module.verify_cryptogram(&issuer, &input),
            Ok(Verification::Right),
            "{version:?}"
        );

        let mut answers = vec![ArpcInput::Method1 { response_code: *b"00" }];
        if standard.arpc_method() == 2 {
            let proprietary: &[u8] = &[1, 2, 3];
            let status_update = [3, 0xA0, 0x10, 0];
            answers.push(ArpcInput::Method2 { status_update, proprietary });
        }
        for answer in answers {
            let expected = match answer {
                ArpcInput::Method1 { response_code } => {
                    emv::IssuerAnswer::Method1 { response_code }
                }
                ArpcInput::Method2 { status_update, proprietary } => {
                    emv::IssuerAnswer::Method2 { status_update, proprietary }
                }
            };
            let arqc = input.cryptogram;
            let expected = emv::response(standard, &key, &made_over, arqc, expected);
            let made = module.response_cryptogram(&issuer, &input, answer).expect("an answer");
            assert_eq!(made.to_vec(), expected.expect("an answer"), "{version:?} {answer:?}");
        }

        input.amount_authorized[5] ^= 1;
        assert_eq!(
            module.verify_cryptogram(&issuer, &input),
            Ok(Verification::Wrong),
            "{version:?}"
        );
        input.amount_authorized[5] ^= 1;
        input.atc += 1;
        assert_eq!(
            module.verify_cryptogram(&issuer, &input),
            Ok(Verification::Wrong),
            "{version:?}"
        );
    }
}

#[test]
fn scripts_get_their_mac() {
    let (module, _hsm) = module();
    let mac = load(&module, OTHER_KEY, KeyUsage::ChipScriptMac);
    let keys = ScriptKeys { mac: &mac, confidentiality: None, cryptogram: None };
    let pan = pan();
    for (version, standard, _) in VERSIONS {
        let card = ChipCard { pan: &pan, psn: 1, derivation: Derivation::A, version };
        let input = ScriptInput {
            card,
            atc: 0x42,
            cryptogram: [9, 8, 7, 6, 5, 4, 3, 2],
            header: [0x84, 0x1E, 0, 0],
            data: &[],
            mac_length: 8,
        };
        let made = module.script(&keys, &input).expect("a script");
        let key = emv::master_key(&tdes(OTHER_KEY), emv::Derivation::A, &pan, 1);
        let of = (input.atc, input.cryptogram);
        let expected = emv::command(standard, &key, of, input.header, &[], 8);
        assert_eq!(made.to_vec(), expected.expect("a script"), "{version:?}");
    }
}
