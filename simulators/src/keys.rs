//! Test keys as portfolios carry them, in clear: the issuer's by product and card, the acquirer's
//! by terminal. Nothing here can be printed.

use crate::SimError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A test key in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct TestKey {
    bytes: Arc<[u8]>,
    is_aes: bool,
}

impl TestKey {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: &[u8], is_aes: bool) -> Self {
        Self { bytes: bytes.into(), is_aes }
    }

    /// As portfolios write it: hex digits, with `aes:` or `tdes:` before them where their number
    /// leaves it open. `None` for what is the name of a key.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_once(':').unwrap_or(("", text));
        let bytes = hex::decode(digits).ok().filter(|bytes| bytes.len() >= 8)?;
        match kind {
            "aes" => Some(Self::new(&bytes, true)),
            "tdes" => Some(Self::new(&bytes, false)),
            "" => Some(Self::new(&bytes, bytes.len() == 32)),
            _ => None,
        }
    }

    /// As [`Self::read`] takes it, for a file that only its owner may read.
    pub(crate) fn text(&self) -> String {
        let kind = if self.is_aes { "aes" } else { "tdes" };
        format!("{kind}:{}", hex::encode_upper(&self.bytes))
    }

    /// Whether it is a key of AES, where the name alone does not tell.
    #[must_use]
    pub const fn is_aes(&self) -> bool {
        self.is_aes
    }

    /// The bytes, for a cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestKey(hidden)")
    }
}

/// The `keys` of a product, card or terminal, by their names in the portfolio.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// `product elcart`, for messages.
    owner: Box<str>,
    keys: BTreeMap<Box<str>, Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    Clear(TestKey),
    /// The name of a key in the module's store: not for a simulator to know.
    Named,
}

impl KeySet {
    /// The keys of an owner. Hex digits are a key in clear; anything else is the name of one.
    pub(crate) fn new<'k>(
        owner: String,
        keys: impl IntoIterator<Item = (&'k str, &'k str)>,
    ) -> Self {
        let entry = |text: &str| TestKey::read(text).map_or(Entry::Named, Entry::Clear);
        let keys = keys.into_iter().map(|(name, text)| (name.into(), entry(text))).collect();
        Self { owner: owner.into(), keys }
    }

    /// These keys, and below them those of `other`.
    pub(crate) fn over(mut self, other: &Self) -> Self {
        for (name, entry) in &other.keys {
            self.keys.entry(name.clone()).or_insert_with(|| entry.clone());
        }
        self
    }

    /// Whether there is a key in clear of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        matches!(self.keys.get(name), Some(Entry::Clear(_)))
    }

    /// The key in clear of that name.
    ///
    /// # Errors
    /// [`SimError::Key`] if there is none, or only its name.
    pub fn get(&self, name: &'static str) -> Result<&TestKey, SimError> {
        let owner = if self.owner.is_empty() { "the card" } else { &self.owner };
        match self.keys.get(name) {
            Some(Entry::Clear(key)) => Ok(key),
            Some(Entry::Named) => Err(SimError::Key(format!(
                "keys.{name} of {owner} is a name in the engine's store; a simulator needs the \
                 test key itself, in hex digits"
            ))),
            None => Err(SimError::Key(format!("{owner} has no keys.{name} in the portfolio"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_clear_are_used_and_names_are_not() {
        let product = KeySet::new(
            "product p".into(),
            [("cvk", "0123456789ABCDEFFEDCBA9876543210"), ("imk_ac", "prod-imk"), ("aav", "00")],
        );
        assert!(product.has("cvk") && !product.has("imk_ac") && !product.has("pvk"));
        let error = |name| product.get(name).unwrap_err().to_string();
        assert!(error("imk_ac").contains("a name in the engine's store"), "{}", error("imk_ac"));
        assert!(error("pvk").contains("product p has no keys.pvk"));
        assert_eq!(format!("{:?}", product.get("cvk").unwrap()), "TestKey(hidden)");
        let card = KeySet::new("card K1".into(), [("cvk", "FFFFFFFFFFFFFFFF")]).over(&product);
        assert_eq!(card.get("cvk").unwrap().expose(), [0xFF; 8]);
        assert!(card.get("imk_ac").is_err());
        let aes = |text: String| TestKey::read(&text).unwrap().is_aes();
        assert!(aes(format!("aes:{}", "01".repeat(16))) && !aes("01".repeat(16)));
        assert!(aes("01".repeat(32)) && !aes(format!("tdes:{}", "01".repeat(24))));
        assert!(TestKey::read("des:0123456789ABCDEF").is_none());
    }
}
