//! Card values and chips.

use super::LMK;
use crate::payshield::command::Command;
use crate::payshield::field::{Count, Field};
use Field::{Bytes, Counted, Digits, IfMore, Key, Literal, Text, When};

/// Cryptogram and what it was computed over.
const CHECKED: &[Field] = &[Counted("transaction_data", Count::hex(2)), Literal(";")];

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "CW",
        "CX",
        "make a CVV",
        &[
            Key("cvk"),
            Digits("pan"),
            Literal(";"),
            Text("expiration_date", 4),
            Text("service_code", 3),
            LMK,
        ],
        &[Text("cvv", 3)],
    ),
    Command::new(
        "CY",
        "CZ",
        "verify a CVV",
        &[
            Key("cvk"),
            Text("cvv", 3),
            Digits("pan"),
            Literal(";"),
            Text("expiration_date", 4),
            Text("service_code", 3),
            LMK,
        ],
        &[],
    ),
    // Schemes: 0 is Visa with the card's own key, 1 is M/Chip with its session keys.
    Command::new(
        "KQ",
        "KR",
        "verify an ARQC and make an ARPC (EMV 3.1.1)",
        &[
            Text("mode_flag", 1),
            Text("scheme_id", 1),
            Key("mkac"),
            When("mode_flag", &["3", "4"], &[Key("mksmi")]),
            Bytes("pan_seq_no", 8),
            Bytes("atc", 2),
            Bytes("unpredictable_number", 4),
            When("mode_flag", &["0", "1", "3", "4"], CHECKED),
            Bytes("arqc", 8),
            When("mode_flag", &["1", "2", "4"], &[Bytes("arc", 2)]),
            When(
                "mode_flag",
                &["3", "4"],
                &[Bytes("discretionary_data_mac", 4), Counted("discretionary_data", Count::hex(2))],
            ),
            LMK,
        ],
        &[IfMore(&[Bytes("arpc", 8)])],
    ),
    // Scheme 2 is the EMV common session key with derivation option A. Modes 3 and 4 make the
    // ARPC by method 2, from a card status update and proprietary data.
    Command::new(
        "KW",
        "KX",
        "verify an ARQC and make an ARPC (EMV 4)",
        &[
            Text("mode_flag", 1),
            Text("scheme_id", 1),
            Key("mkac"),
            Bytes("pan_seq_no", 8),
            Bytes("atc", 2),
            When("mode_flag", &["0", "1", "3"], CHECKED),
            Bytes("arqc", 8),
            When("mode_flag", &["1", "2"], &[Bytes("arc", 2)]),
            When("mode_flag", &["3", "4"], &[Bytes("csu", 4), Counted("pad", Count::hex(1))]),
            LMK,
        ],
        &[IfMore(&[Bytes("arpc", 8)])],
    ),
    // No vector is public for this one: mode 0 (a MAC, nothing encrypted) of the manual.
    Command::new(
        "KU",
        "KV",
        "make the MAC of an issuer script",
        &[
            Text("mode_flag", 1),
            Text("scheme_id", 1),
            Key("mksmi"),
            Bytes("pan_seq_no", 8),
            Bytes("integrity_session_data", 8),
            Counted("message_data", Count::hex(4)),
            Literal(";"),
            LMK,
        ],
        &[Bytes("mac", 8)],
    ),
];
