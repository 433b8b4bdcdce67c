//! SEC-5.

use super::{Peer, bytes, each_vector};
use crate::text;
use security::{KeyUsage, MacAlgorithm, MacDirection, MacSource, SecurityError, Verification};

fn check(
    peer: &Peer<'_>,
    id: &str,
    source: &MacSource<'_>,
    how: MacAlgorithm,
    pair: (&[u8], &[u8]),
) {
    let (data, expected) = pair;
    let module = peer.module;
    let made = module.mac(source, how, data).unwrap_or_else(|error| panic!("{id}: {error}"));
    assert!(made.as_bytes().starts_with(expected), "{id}");
    let said = module.verify_mac(source, how, data, &made.eight());
    assert_eq!(said, Ok(Verification::Right), "{id}");
    for at in 0..8 {
        let mut wrong = made.eight();
        wrong[at] ^= 0x10;
        let said = module.verify_mac(source, how, data, &wrong);
        assert_eq!(said, Ok(Verification::Wrong), "{id}: byte {at}");
    }
    for length in [0, 3, 5, 7, 9] {
        let said = module.verify_mac(source, how, data, &vec![0; length]);
        assert_eq!(said, Err(SecurityError::Malformed("MAC")), "{id}: {length} bytes");
    }
}

/// Algorithms 1 and 3 with zero padding, and CMAC, under a terminal's key.
pub fn macs(peer: &Peer<'_>) {
    for (name, how) in [
        ("mac_iso9797_alg1", MacAlgorithm::Iso9797Alg1),
        ("mac_iso9797_alg3", MacAlgorithm::Iso9797Alg3),
    ] {
        let mut seen = 0;
        each_vector(name, |id, vector| {
            let single = vector.get("block_cipher").and_then(|b| b.as_str()) == Some("DES");
            if vector.get("padding").and_then(serde_json::Value::as_u64) != Some(1) || single {
                return;
            }
            seen += 1;
            let key = peer.key(text(vector, "key"), KeyUsage::MacTerminal);
            let (data, mac) = (bytes(vector, "data"), bytes(vector, "mac8"));
            check(peer, id, &MacSource::Session(&key), how, (&data, &mac));
        });
        assert!(seen > 0, "{name} has vectors with zero padding");
    }
    each_vector("cmac", |id, vector| {
        let hex = text(vector, "key");
        let (key, how) = match text(vector, "cipher") {
            "AES" => (format!("aes:{hex}"), MacAlgorithm::CmacAes),
            _ => (hex.to_owned(), MacAlgorithm::CmacTdes),
        };
        let key = peer.key(&key, KeyUsage::MacTerminal);
        let (data, mac) = (bytes(vector, "data"), bytes(vector, "cmac"));
        check(peer, id, &MacSource::Session(&key), how, (&data, &mac));
    });
}

/// MACs under keys of a transaction, a key for each direction.
pub fn dukpt_macs(peer: &Peer<'_>) {
    each_vector("dukpt_tdes", |id, vector| {
        if super::is_skipped_counter(vector) {
            return;
        }
        let base = peer.key(text(vector, "bdk"), KeyUsage::BaseDerivationTdes);
        let (ksn, data) = (bytes(vector, "ksn"), bytes(vector, "mac_data"));
        for (direction, name) in
            [(MacDirection::Request, "mac_request4"), (MacDirection::Response, "mac_response4")]
        {
            let source = MacSource::Dukpt { base: &base, ksn: &ksn, direction };
            check(peer, id, &source, MacAlgorithm::Iso9797Alg3, (&data, &bytes(vector, name)));
        }
    });
    each_vector("dukpt_aes", |id, vector| {
        if !super::has_keys_of_own_length(vector) {
            return;
        }
        let base = format!("aes:{}", text(vector, "bdk"));
        let base = peer.key(&base, KeyUsage::BaseDerivationAes);
        let (ksn, data) = (bytes(vector, "ksn"), bytes(vector, "mac_data"));
        for (direction, name) in
            [(MacDirection::Request, "request_cmac"), (MacDirection::Response, "response_cmac")]
        {
            let source = MacSource::Dukpt { base: &base, ksn: &ksn, direction };
            check(peer, id, &source, MacAlgorithm::CmacAes, (&data, &bytes(vector, name)));
        }
    });
}
