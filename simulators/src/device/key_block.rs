//! Key blocks (ANSI X9.143) under a device's master key: version B for triple DES, D for AES.

use super::message_keys::{aes, clear};
use crate::SimError;
use crate::keys::TestKey;
use cryptography::tr31::{self, BlockKeys, Header, KeyBlockError, Version};

/// What follows the usage in a header: mode of use, no version, not exportable.
const fn mode(usage: &str) -> &'static str {
    match usage.as_bytes() {
        // Encrypts and decrypts.
        [b'P', ..] => "B",
        // Generates and verifies.
        _ => "C",
    }
}

/// Wraps a key for that usage.
pub(super) fn wrap(master: &TestKey, key: &TestKey, usage: &str) -> Result<String, SimError> {
    let keys = block_keys(master)?;
    let version = if master.is_aes() { Version::D } else { Version::B };
    let algorithm = if key.is_aes() { "A" } else { "T" };
    let header = format!("{usage}{algorithm}{}00N", mode(usage));
    let header = Header::new(version, &header).map_err(refused)?;
    let length = key.expose().len();
    let padding = vec![0x5A; tr31::padding_len(version, length, length)];
    tr31::wrap(&keys, &header, key.expose(), &padding).map_err(refused)
}

/// Opens a block that may be of one of those usages.
pub(super) fn unwrap(master: &TestKey, text: &str, usages: &[&str]) -> Result<TestKey, SimError> {
    let (header, key) = tr31::unwrap(&block_keys(master)?, text).map_err(refused)?;
    let usage = String::from_utf8_lossy(&header.usage);
    if !usages.contains(&usage.as_ref()) {
        let wanted = usages.join(", ");
        let said = format!("the key block is for {usage}, and not for {wanted}");
        return Err(SimError::Key(said));
    }
    Ok(TestKey::new(&key, header.algorithm == b'A'))
}

fn block_keys(master: &TestKey) -> Result<BlockKeys, SimError> {
    if master.is_aes() {
        BlockKeys::of_aes(&aes(master)?).map_err(refused)
    } else {
        BlockKeys::of_tdes(&clear(master)?).map_err(refused)
    }
}

fn refused(error: KeyBlockError) -> SimError {
    SimError::Key(format!("the key block: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_out_and_for_its_usage_only() {
        let tdes = TestKey::new(&[0x23; 16], false);
        for master in [
            TestKey::new(b"0123456789ABCDEF", false),
            TestKey::new(&[7; 16], true),
            TestKey::new(&[7; 32], true),
        ] {
            let block = wrap(&master, &tdes, "P0").unwrap();
            assert!(block.starts_with(if master.is_aes() { 'D' } else { 'B' }), "{block}");
            let opened = unwrap(&master, &block, &["P0"]).unwrap();
            assert!(opened.expose() == tdes.expose() && !opened.is_aes());
            let error = unwrap(&master, &block, &["M3"]).unwrap_err().to_string();
            assert!(error.contains("is for P0"), "{error}");
            let other = TestKey::new(b"FEDCBA9876543210", false);
            assert!(unwrap(&other, &block, &["P0"]).is_err());
        }
    }
}
