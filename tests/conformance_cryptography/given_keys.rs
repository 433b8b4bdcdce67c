//! Given: parity, check values, components, key blocks.

use crate::rows::{aes, bytes, clear, equal, given, holds, same, text};
use cryptography::tr31::{self, BlockKeys, Header, Version};
use cryptography::{AesKey, ClearKey, components};
use serde_json::Value;

/// The keys of a block under the protecting key of a row.
pub(crate) fn block_keys(row: &Value, version: Version) -> BlockKeys {
    match version {
        Version::B => BlockKeys::of_tdes(&clear(row, "kbpk")),
        Version::D => BlockKeys::of_aes(&aes(row, "kbpk")),
    }
    .unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn version_of(text: &str) -> Option<Version> {
    match text.chars().next() {
        Some('B') => Some(Version::B),
        Some('D') => Some(Version::D),
        _ => None,
    }
}

#[test]
fn des_parity() {
    given("des_parity", |row| {
        let key = clear(row, "key");
        holds("was odd", row["was_odd"].as_bool() == Some(key.has_odd_parity()))?;
        same(row, "odd_parity_key", key.with_odd_parity().expose_bytes())
    });
}

#[test]
fn check_values() {
    given("kcv", |row| match text(row, "alg") {
        "TDES" => same(row, "kcv", &clear(row, "key").check_value().bytes()),
        "AES" => {
            same(row, "kcv_cmac", &aes(row, "key").check_value().bytes())?;
            same(row, "kcv_ecb_legacy", &aes(row, "key").legacy_check_value().bytes())
        }
        other => Err(format!("algorithm {other}")),
    });
}

#[test]
fn key_components() {
    given("key_components", |row| {
        let parts: Vec<&str> = tamga_tests::list(row, "components")
            .iter()
            .map(|part| part.as_str().unwrap())
            .collect();
        let values = tamga_tests::list(row, "component_kcvs").iter();
        let whole = if text(row, "alg") == "TDES" {
            let parts: Vec<_> =
                parts.iter().map(|part| ClearKey::from_hex(part).unwrap()).collect();
            for (part, value) in parts.iter().zip(values) {
                let ours = part.check_value().to_string();
                equal("component's check value", &ours, value.as_str().unwrap())?;
            }
            let whole = components::combine(&parts).unwrap();
            equal("check value", &whole.check_value().to_string(), text(row, "kcv"))?;
            whole.expose_bytes().to_vec()
        } else {
            let parts: Vec<_> = parts.iter().map(|part| hex::decode(part).unwrap()).collect();
            for (part, value) in parts.iter().zip(values) {
                let ours = AesKey::from_bytes(part).unwrap().check_value().to_string();
                equal("component's check value", &ours, value.as_str().unwrap())?;
            }
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let whole = components::combine_bytes(&parts).unwrap();
            let key = AesKey::from_bytes(&whole).unwrap();
            equal("check value", &key.check_value().to_string(), text(row, "kcv"))?;
            whole.to_vec()
        };
        same(row, "combined", &whole)
    });
}

#[test]
fn key_blocks_are_made() {
    given("tr31_wrap", |row| {
        let placeholder = text(row, "header_with_length_placeholder");
        let version = version_of(placeholder).unwrap();
        let header = Header::new(version, placeholder.get(5..12).unwrap()).unwrap();
        let (key, pad) = (bytes(row, "key"), bytes(row, "pad"));
        let keys = block_keys(row, version);
        let made = tr31::wrap(&keys, &header, &key, &pad).map_err(|error| error.to_string())?;
        equal("key block", &made, text(row, "key_block"))?;
        let (found, back) = tr31::unwrap(&keys, &made).map_err(|error| error.to_string())?;
        holds("header", found == header)?;
        same(row, "key", &back)
    });
}

#[test]
fn key_blocks_are_opened() {
    given("tr31_unwrap", |row| {
        let keys = block_keys(row, version_of(text(row, "version")).unwrap());
        let opened = tr31::unwrap(&keys, text(row, "key_block"));
        let (header, key) = opened.map_err(|error| error.to_string())?;
        same(row, "key", &key)?;
        let characters = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        equal("usage", &characters(&header.usage), text(row, "usage"))?;
        equal("algorithm", &characters(&[header.algorithm]), text(row, "algorithm"))?;
        equal("mode", &characters(&[header.mode]), text(row, "mode"))?;
        equal("key version", &characters(&header.key_version), text(row, "key_version"))?;
        equal("exportability", &characters(&[header.exportability]), text(row, "exportability"))?;
        let theirs = row["optional_blocks"].as_object().unwrap();
        holds("number of optional blocks", theirs.len() == header.optional.len())?;
        for (id, data) in &header.optional {
            equal("optional block", data, theirs[&characters(id)].as_str().unwrap())?;
        }
        Ok(())
    });
}

#[test]
fn key_blocks_that_are_none() {
    given("tr31_negative", |row| {
        equal("expect", text(row, "expect"), "reject")?;
        let block = text(row, "key_block");
        // Under the kind of key that fits the block; of another letter the key's length tells.
        let long = text(row, "kbpk").len() == 64;
        let by_length = if long { Version::D } else { Version::B };
        let keys = block_keys(row, version_of(block).unwrap_or(by_length));
        holds("refused", tr31::unwrap(&keys, block).is_err())
    });
}
