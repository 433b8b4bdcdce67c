//! PINs: verifying, changing, translating.

use super::LMK;
use crate::payshield::command::Command;
use crate::payshield::field::{Count, Field};
use Field::{
    Counted, Delimiter, Digits, ForBaseKey, Hex, IfDigit, IfMore, Key, Ksn, LmkPin, Marked, Number,
    Rest, Text,
};

const DECIMALISATION: Field = Text("decimalisation_table", 16);
const VALIDATION: Field = Text("pin_validation_data", 12);
const FORMAT: Field = Text("pin_block_format", 2);
const PAN: Field = Text("pan", 12);
const BLOCK: Field = Hex("pin_block", 16);
const DUKPT_MAC: Field = IfDigit(&[Text("mac_mode", 1), Text("mac_method", 1)]);
/// There whenever the MAC's mode is.
const DUKPT_MAC_DATA: Field =
    Field::IfGiven("mac_mode", &[Hex("mac", 16), Counted("message_data", Count::decimal(4))]);
const TRANSLATED: &[Field] = &[Text("check_length", 2), BLOCK, FORMAT];

macro_rules! ibm_verification {
    ($code:literal, $answer:literal, $what:literal, $key:literal) => {
        Command::new(
            $code,
            $answer,
            $what,
            &[
                Key($key),
                Key("pvk"),
                Number("maximum_pin_length", 2),
                BLOCK,
                FORMAT,
                Number("check_length", 2),
                PAN,
                DECIMALISATION,
                VALIDATION,
                Hex("offset", 12),
                LMK,
            ],
            &[],
        )
        .warns(&["02"])
    };
}

macro_rules! pvv_verification {
    ($code:literal, $answer:literal, $what:literal, $key:literal) => {
        Command::new(
            $code,
            $answer,
            $what,
            &[Key($key), Key("pvk"), BLOCK, FORMAT, PAN, Text("pvki", 1), Text("pvv", 4), LMK],
            &[],
        )
    };
}

pub(super) const COMMANDS: &[Command] = &[
    ibm_verification!("DA", "DB", "verify a terminal's PIN by the IBM 3624 offset", "tpk"),
    ibm_verification!("EA", "EB", "verify a network's PIN by the IBM 3624 offset", "zpk"),
    pvv_verification!("DC", "DD", "verify a terminal's PIN by the PVV", "tpk"),
    pvv_verification!("EC", "ED", "verify a network's PIN by the PVV", "zpk"),
    Command::new(
        "BK",
        "BL",
        "make the IBM 3624 offset of an encrypted PIN",
        &[
            Text("key_type", 3),
            Key("key"),
            Key("pvk"),
            BLOCK,
            FORMAT,
            Number("check_length", 2),
            PAN,
            DECIMALISATION,
            VALIDATION,
            LMK,
        ],
        &[Hex("offset", 12)],
    )
    .warns(&["02"]),
    Command::new(
        "DE",
        "DF",
        "make the IBM 3624 offset of a PIN under the master key",
        &[
            Key("pvk"),
            LmkPin("pin"),
            Number("check_length", 2),
            Text("account", 12),
            DECIMALISATION,
            VALIDATION,
            LMK,
        ],
        &[Hex("offset", 12)],
    )
    .warns(&["02"]),
    Command::new(
        "EE",
        "EF",
        "derive a PIN by the IBM 3624 method",
        &[
            Key("pvk"),
            Hex("offset", 12),
            Number("check_length", 2),
            Text("account", 12),
            DECIMALISATION,
            VALIDATION,
            LMK,
        ],
        &[Rest("pin")],
    )
    .warns(&["02"]),
    Command::new(
        "DG",
        "DH",
        "make the PVV of a PIN under the master key",
        &[Key("pvk"), LmkPin("pin"), Text("account", 12), Text("pvki", 1), LMK],
        &[Text("pvv", 4)],
    ),
    Command::new(
        "FW",
        "FX",
        "make the PVV of an encrypted PIN",
        &[Text("key_type", 3), Key("key"), Key("pvk"), BLOCK, FORMAT, PAN, Text("pvki", 1), LMK],
        &[Text("pvv", 4)],
    ),
    Command::new(
        "CU",
        "CV",
        "verify a PIN and make the PVV of a new one",
        &[
            Text("key_type", 3),
            Key("key"),
            Key("pvk"),
            Hex("source_pin_block", 16),
            Text("source_pin_block_format", 2),
            PAN,
            Text("pvki", 1),
            Text("source_pvv", 4),
            Hex("destination_pin_block", 16),
            LMK,
        ],
        &[Text("pvv", 4)],
    ),
    Command::new(
        "DU",
        "DV",
        "verify a PIN and make the IBM 3624 offset of a new one",
        &[
            Text("key_type", 3),
            Key("key"),
            Key("pvk"),
            Hex("source_pin_block", 16),
            Text("source_pin_block_format", 2),
            Number("check_length", 2),
            PAN,
            DECIMALISATION,
            VALIDATION,
            Hex("source_offset", 12),
            Hex("destination_pin_block", 16),
            LMK,
        ],
        &[Hex("offset", 12)],
    ),
    Command::new(
        "CA",
        "CB",
        "bring a PIN from a TPK to a ZPK or a BDK",
        &[
            Key("source_tpk"),
            Delimiter("destination_key_flag", '*'),
            Key("destination_key"),
            ForBaseKey(
                "destination_key",
                "destination_key_flag",
                &[Ksn("destination_ksn_descriptor", "destination_ksn")],
            ),
            Number("maximum_pin_length", 2),
            Hex("source_pin_block", 16),
            Text("source_pin_block_format", 2),
            Text("destination_pin_block_format", 2),
            PAN,
            LMK,
        ],
        TRANSLATED,
    ),
    Command::new(
        "CC",
        "CD",
        "bring a PIN from one ZPK to another",
        &[
            Key("source_zpk"),
            Key("destination_zpk"),
            Number("maximum_pin_length", 2),
            Hex("source_pin_block", 16),
            Text("source_pin_block_format", 2),
            Text("destination_pin_block_format", 2),
            PAN,
            LMK,
        ],
        TRANSLATED,
    ),
    Command::new(
        "G0",
        "G1",
        "bring a PIN from a BDK to a ZPK or another BDK",
        &[
            Key("source_key"),
            Delimiter("destination_key_flag", '*'),
            Key("destination_key"),
            Ksn("source_ksn_descriptor", "source_ksn"),
            ForBaseKey(
                "destination_key",
                "destination_key_flag",
                &[Ksn("destination_ksn_descriptor", "destination_ksn")],
            ),
            Hex("source_pin_block", 16),
            Text("source_pin_block_format", 2),
            Text("destination_pin_block_format", 2),
            PAN,
            LMK,
        ],
        TRANSLATED,
    ),
    Command::new(
        "GO",
        "GP",
        "verify a DUKPT PIN by the IBM 3624 offset",
        &[
            Text("mode", 1),
            DUKPT_MAC,
            Key("bdk"),
            Key("pvk"),
            Ksn("ksn_descriptor", "ksn"),
            BLOCK,
            FORMAT,
            Number("check_length", 2),
            PAN,
            DECIMALISATION,
            VALIDATION,
            Hex("offset", 12),
            DUKPT_MAC_DATA,
            LMK,
        ],
        &[IfMore(&[Text("mac_error_code", 2)])],
    ),
    Command::new(
        "GQ",
        "GR",
        "verify a DUKPT PIN by the PVV",
        &[
            Text("mode", 1),
            DUKPT_MAC,
            Key("bdk"),
            Key("pvk"),
            Ksn("ksn_descriptor", "ksn"),
            BLOCK,
            FORMAT,
            PAN,
            Marked(';', &[Digits("verification_pan"), Delimiter("delimiter", ';')]),
            Text("pvki", 1),
            Text("pvv", 4),
            DUKPT_MAC_DATA,
            LMK,
        ],
        &[IfMore(&[Text("mac_error_code", 2)])],
    ),
    Command::new(
        "JA",
        "JB",
        "make a random PIN",
        &[Text("account", 12), Number("check_length", 2), LMK],
        &[Rest("pin")],
    ),
    Command::new(
        "BG",
        "BH",
        "bring a PIN from the old master key to the new one",
        &[Text("account", 12), Digits("pin")],
        &[Rest("pin")],
    ),
    Command::new(
        "JC",
        "JD",
        "bring a PIN from a TPK to the master key",
        &[Key("tpk"), BLOCK, FORMAT, PAN, LMK],
        &[Rest("pin")],
    ),
    Command::new(
        "JE",
        "JF",
        "bring a PIN from a ZPK to the master key",
        &[Key("zpk"), BLOCK, FORMAT, PAN, LMK],
        &[Rest("pin")],
    ),
    Command::new(
        "JG",
        "JH",
        "bring a PIN from the master key to a ZPK",
        &[Key("zpk"), FORMAT, PAN, Digits("pin"), LMK],
        &[BLOCK],
    ),
    Command::new(
        "QK",
        "QL",
        "bind a PIN under the master key to another account",
        &[LmkPin("pin"), Text("old_account_number", 12), Text("new_account_number", 12)],
        &[Rest("pin")],
    ),
];
