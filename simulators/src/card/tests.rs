//! Cards and terminals for tests.

use crate::device::SecurityProfile;
use crate::keys::KeySet;
use crate::portfolio::{Card, Issue, Terminal};
use payment_types::{DeviceCategory, Pan};
use std::sync::Arc;

/// The test issuer's keys, one for each purpose.
pub(crate) const ISSUER: [(&str, &str); 7] = [
    ("cvk", "0123456789ABCDEFFEDCBA9876543210"),
    ("cavk", "1123456789ABCDEFFEDCBA9876543210"),
    ("aav", "2123456789ABCDEFFEDCBA9876543210"),
    ("cvc3", "3123456789ABCDEFFEDCBA9876543210"),
    ("imk_ac", "4123456789ABCDEFFEDCBA9876543210"),
    ("imk_smi", "5123456789ABCDEFFEDCBA9876543210"),
    ("imk_smc", "6123456789ABCDEFFEDCBA9876543210"),
];

pub(crate) fn terminal() -> Terminal {
    Terminal {
        id: "POS00001".into(),
        category: DeviceCategory::Merchant,
        listener: "pos".into(),
        acceptor: Some("M1".into()),
        mcc: Some(5411),
        pin_key: None,
        keys: Arc::new(KeySet::new(
            "terminal POS00001".into(),
            [
                ("tpk", "0123456789ABCDEFFEDCBA9876543210"),
                ("tak", "00112233445566778899AABBCCDDEEFF"),
                ("tmk", "FEDCBA98765432100123456789ABCDEF"),
                ("bdk", "0123456789ABCDEFFEDCBA9876543210"),
            ],
        )),
        security: SecurityProfile::default(),
        reads_chip: true,
        place: "".into(),
        denominations: Vec::new(),
    }
}

pub(crate) fn card() -> Card {
    Card {
        id: "K1".into(),
        account: "A1".into(),
        holder: "C1".into(),
        pan: Pan::from_ascii(b"9417000000000016").unwrap(),
        expiry: 2912,
        sequence: 1,
        service_code: "201".into(),
        pin: None,
        status: "active".into(),
        blocks: vec![],
        issue: Arc::new(Issue {
            keys: KeySet::new("product elcart".into(), ISSUER),
            ..Issue::default()
        }),
    }
}
