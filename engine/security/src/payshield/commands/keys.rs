//! Making, importing, exporting and checking keys.

use super::LMK;
use crate::payshield::command::Command;
use crate::payshield::field::Field;
use Field::{Delimiter, IfMore, Key, Keys, Literal, Marked, Number, OptionalKey, Rest, Text, When};

/// A key block's own attributes, where the master key protects key blocks.
const BLOCK: Field = Marked(
    '#',
    &[
        Text("key_usage_keyblock", 2),
        Text("algorithm_keyblock", 2),
        Text("mode_of_use_keyblock", 1),
        Text("key_version_number_keyblock", 2),
        Text("exportability_keyblock", 1),
        Text("optional_blocks_count_keyblock", 2),
    ],
);

/// The attributes of a TR-31 block that a module with a variant master key is to export.
const BLOCK_TO_EXPORT: Field = Marked(
    '&',
    &[
        Text("key_usage_variant", 2),
        Text("mode_of_use_variant", 1),
        Text("key_version_number_variant", 2),
        Text("exportability_variant", 1),
        Text("optional_blocks_count_variant", 2),
    ],
);

/// The version of the TR-31 block to export.
const BLOCK_VERSION: Field = Marked('!', &[Text("key_block_version_id_variant", 1)]);

pub(super) const COMMANDS: &[Command] = &[
    Command::new(
        "A0",
        "A1",
        "generate a key, and encrypt it under a ZMK or TMK",
        &[
            Text("mode", 1),
            Text("key_type", 3),
            Text("key_scheme_lmk", 1),
            When(
                "mode",
                &["1"],
                &[
                    Delimiter("delimiter_zmk_tmk", ';'),
                    Text("key_zmk_tmk_flag", 1),
                    Key("key_zmk_tmk"),
                    Text("key_scheme_zmk_tmk", 1),
                ],
            ),
            LMK,
            BLOCK,
            BLOCK_TO_EXPORT,
            BLOCK_VERSION,
        ],
        &[Key("key"), OptionalKey("key_zmk"), Rest("kcv")],
    ),
    Command::new(
        "A4",
        "A5",
        "form a key from encrypted components",
        &[
            Number("number_of_components", 1),
            Text("key_type", 3),
            Text("key_scheme_lmk", 1),
            Keys("key_components", "number_of_components"),
            Marked('#', &[Text("key_version_number", 2), Text("optional_blocks_count", 2)]),
        ],
        &[Key("key"), Text("key_check_value", 6)],
    ),
    Command::new(
        "A6",
        "A7",
        "import a key from under a ZMK",
        &[Text("key_type", 3), Key("zmk"), Key("key"), Text("key_scheme", 1), LMK],
        &[Key("key"), Text("key_check_value", 6)],
    )
    .warns(&["01"]),
    Command::new(
        "A8",
        "A9",
        "export a key under a ZMK",
        &[
            Text("key_type", 3),
            Key("zmk"),
            Key("key"),
            Text("key_scheme", 1),
            LMK,
            Marked('&', &[Text("mod_exportability_keyblock", 1)]),
        ],
        &[Key("key"), Text("key_check_value", 6)],
    ),
    Command::new("BS", "BT", "erase the key change storage", &[], &[]),
    Command::new(
        "BU",
        "BV",
        "make a key's check value",
        &[
            Text("key_type_code", 2),
            Text("key_length_flag", 1),
            Key("key"),
            When("key_type_code", &["FF"], &[Literal(";"), Text("key_type", 3)]),
            Marked(';', &[Text("reserved", 2), Text("kcv_type", 1)]),
            LMK,
        ],
        &[Rest("kcv")],
    ),
    Command::new(
        "BW",
        "BX",
        "bring a key from the old master key to the new one",
        &[
            Text("key_type_code", 2),
            Text("key_length_flag", 1),
            Key("key"),
            Literal(";"),
            Text("key_type", 3),
            Literal(";0"),
            Text("key_scheme_lmk", 1),
            Literal("0!11"),
        ],
        &[Key("key"), IfMore(&[Text("key_check_value", 6)])],
    ),
    Command::new(
        "LO",
        "LP",
        "bring a decimalisation table from the old master key to the new one",
        &[Text("decimalisation_table", 16)],
        &[Text("decimalisation_table_translated", 16)],
    ),
];
