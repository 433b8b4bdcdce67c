//! Message authentication and encryption of data.

use super::LMK;
use crate::payshield::command::Command;
use crate::payshield::field::{Count, Field};
use Field::{Counted, Hex, IfMore, Key, Ksn, Number, Rest, Text, When};

const LENGTH: Count = Count::hex(4);
/// Modes that chain blocks begin with an initial vector.
const IV: Field = When("mode_flag", &["01", "02", "03"], &[Hex("iv", 16)]);

pub(super) const COMMANDS: &[Command] = &[
    // Sizes: 0 is 8 hex digits, 1 is 16. Algorithms and paddings are those of ISO 9797-1.
    Command::new(
        "M6",
        "M7",
        "make a MAC",
        &[
            Text("mode_flag", 1),
            Text("input_format_flag", 1),
            Text("mac_size", 1),
            Text("mac_algorithm", 1),
            Text("padding_method", 1),
            Text("key_type", 3),
            Key("key"),
            When("mode_flag", &["2", "3"], &[Hex("iv", 16)]),
            Counted("mac_data", LENGTH),
            LMK,
        ],
        &[Rest("mac")],
    ),
    Command::new(
        "M8",
        "M9",
        "verify a MAC",
        &[
            Text("mode_flag", 1),
            Text("input_format_flag", 1),
            Text("mac_size", 1),
            Text("mac_algorithm", 1),
            Text("padding_method", 1),
            Text("key_type", 3),
            Key("key"),
            When("mode_flag", &["2", "3"], &[Hex("iv", 16)]),
            Counted("mac_data", LENGTH),
            When("mac_size", &["0"], &[Hex("mac", 8)]),
            When("mac_size", &["1"], &[Hex("mac16", 16)]),
            LMK,
        ],
        &[],
    ),
    // Mode 1 verifies and mode 4 makes a MAC of 16 hex digits; method 1 is the request's key.
    Command::new(
        "GW",
        "GX",
        "make or verify a MAC under DUKPT",
        &[
            Text("mac_mode", 1),
            Text("mac_method", 1),
            Key("bdk"),
            Ksn("ksn_descriptor", "ksn"),
            When("mac_mode", &["1"], &[Hex("mac", 16)]),
            Counted("message_data", Count::decimal(4)),
            LMK,
        ],
        &[IfMore(&[Hex("mac", 16)])],
    ),
    Command::new(
        "M0",
        "M1",
        "encrypt data",
        &[
            Text("mode_flag", 2),
            Text("input_format_flag", 1),
            Text("output_format_flag", 1),
            Text("key_type", 3),
            Key("key"),
            IV,
            Counted("message_data", LENGTH),
            LMK,
        ],
        &[Counted("encrypted", LENGTH)],
    ),
    Command::new(
        "M2",
        "M3",
        "decrypt data",
        &[
            Text("mode_flag", 2),
            Text("input_format_flag", 1),
            Text("output_format_flag", 1),
            Text("key_type", 3),
            Key("key"),
            IV,
            Counted("message_data", LENGTH),
            LMK,
        ],
        &[Counted("decrypted", LENGTH)],
    ),
    Command::new(
        "M4",
        "M5",
        "bring data from one key to another",
        &[
            Text("source_mode_flag", 2),
            Text("destination_mode_flag", 2),
            Text("input_format_flag", 1),
            Text("output_format_flag", 1),
            Text("source_key_type", 3),
            Key("source_key"),
            Text("destination_key_type", 3),
            Key("destination_key"),
            Counted("message_data", LENGTH),
            LMK,
        ],
        &[Counted("encrypted", LENGTH)],
    ),
    Command::new(
        "GM",
        "GN",
        "hash data",
        &[Number("hash_id", 2), Counted("message_data", Count::decimal(5))],
        &[Rest("hash")],
    ),
];
