//! State of the module, printing, signatures.

use super::LMK;
use crate::payshield::command::Command;
use crate::payshield::field::{Count, Field};
use Field::{Counted, Digits, Hex, Key, Literal, Marked, Number, Rest, Text};

pub(super) const COMMANDS: &[Command] = &[
    // Not in the vectors; all public peers agree on it.
    Command::new(
        "NC",
        "ND",
        "diagnose: the master key's check value and the firmware",
        &[],
        &[Hex("lmk_check_value", 16), Rest("firmware")],
    ),
    Command::new("B2", "B3", "echo", &[Counted("data", Count::hex(4))], &[Rest("data")]),
    Command::new("PA", "PB", "load a format for printing", &[Rest("data")], &[]),
    Command::new(
        "PE",
        "PF",
        "print a PIN",
        &[Text("document_type", 1), Text("account", 12), Digits("pin"), Rest("print_fields")],
        &[Rest("check_value")],
    )
    .then("PZ"),
    Command::new("TA", "TB", "print a TMK", &[Key("tmk"), Rest("print_fields")], &[]).then("TZ"),
    Command::new(
        "EI",
        "EJ",
        "make an RSA key pair",
        &[
            Text("key_type_indicator", 1),
            Literal("204801"),
            LMK,
            Marked('#', &[Text("key_version_number", 2), Text("optional_blocks_count", 2)]),
            Marked('&', &[Text("exportability", 1)]),
        ],
        // Public key in DER, then the private one under the master key, preceded by its length:
        // where the one ends only DER says.
        &[Rest("keys")],
    ),
    Command::new(
        "EW",
        "EX",
        "sign with an RSA key",
        &[
            Number("hash_identifier", 2),
            Number("signature_identifier", 2),
            Number("pad_mode_identifier", 2),
            Counted("message_data", Count::decimal(4)),
            Literal(";"),
            Text("private_key_flag", 2),
            Text("private_key_length", 4),
            Rest("private_key"),
        ],
        &[Counted("signature", Count::decimal(4))],
    ),
];
