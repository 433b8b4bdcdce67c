//! Keys in key blocks: in from other parties, out to them.

use super::super::SoftwareModule;
use super::super::key_block::{self, BlockRefusal};
use super::super::material::Material;
use super::super::store::{Store, StoredKey};
use super::{Change, checked};
use crate::{
    CheckValue, KeyAction, KeyAlgorithm, KeyFacts, KeyRefusal, KeyUsage, NewKey, Prepared,
};
use payment_types::Timestamp;

impl SoftwareModule {
    /// Takes a key out of a block.
    pub(super) fn import(
        &self,
        mut work: Change,
        key: &NewKey,
        (under, block): (&str, &str),
        check_value: Option<CheckValue>,
        now: Timestamp,
    ) -> Result<Prepared, KeyRefusal> {
        let protecting = self.protecting(&work.store, under)?;
        let opened = key_block::unwrap(&protecting, key.usage, block.trim());
        let opened = opened.map_err(|refusal| refused(refusal, key, under))?;
        let key = &NewKey { algorithm: key.algorithm.or(Some(opened.algorithm)), ..key.clone() };
        let algorithm = checked(&work.store, key, now)?;
        if algorithm != opened.algorithm {
            let message = format!("the block holds a key of {}, not {algorithm}", opened.algorithm);
            return Err(KeyRefusal::invalid("algorithm", message));
        }
        let material = Material::from_bytes(algorithm, &opened.key)
            .map_err(|error| KeyRefusal::invalid("block", error.to_string()))?;
        let made = material.check_value();
        if let Some(given) = check_value.filter(|given| *given != made) {
            let message = format!("the key in the block has check value {made}, not {given}");
            return Err(KeyRefusal::invalid("check_value", message));
        }
        let version = self.add(&mut work.store, key, &material, now)?;
        let detail = format!("under {under}");
        let facts = super::facts(KeyAction::Imported, key, &material, version, detail);
        Ok(work.prepared(facts, None))
    }

    /// Puts the current version of a key into a block.
    pub(super) fn export(
        &self,
        mut work: Change,
        name: &str,
        under: &str,
    ) -> Result<Prepared, KeyRefusal> {
        let protecting = self.protecting(&work.store, under)?;
        let stored = find(&work.store, "name", name)?;
        let current = stored.current().ok_or_else(|| none_current("name", name))?;
        let (usage, algorithm) = (stored.usage, stored.algorithm);
        let material = current.open(&self.store_wrap, usage).map_err(damaged)?;
        if algorithm != KeyAlgorithm::Tdes && protecting.aes().is_err() {
            let message = format!(
                "`{name}` is a key of {algorithm}, which is stronger than the triple-DES key \
                 `{under}`; protect it with an AES key"
            );
            return Err(KeyRefusal::conflict("under", message));
        }
        if name == under {
            return Err(KeyRefusal::conflict("under", "a key cannot protect itself"));
        }
        let block = key_block::wrap(&protecting, usage, &material).map_err(damaged)?;
        let facts = KeyFacts {
            action: KeyAction::Exported,
            name: name.to_owned(),
            usage,
            algorithm,
            version: current.number,
            check_value: current.check_value,
            detail: format!("under {under}"),
            versions: Vec::new(),
        };
        work.block = Some(block);
        work.changed = false;
        Ok(work.prepared(facts, None))
    }

    fn protecting(&self, store: &Store, name: &str) -> Result<Material, KeyRefusal> {
        let stored = find(store, "under", name)?;
        if stored.usage != KeyUsage::KeyBlockProtection {
            let message = format!(
                "`{name}` is a key for {}; key blocks need one for {}",
                stored.usage,
                KeyUsage::KeyBlockProtection
            );
            return Err(KeyRefusal::conflict("under", message));
        }
        let current = stored.current().ok_or_else(|| none_current("under", name))?;
        current.open(&self.store_wrap, stored.usage).map_err(damaged)
    }
}

fn find<'s>(
    store: &'s Store,
    field: &'static str,
    name: &str,
) -> Result<&'s StoredKey, KeyRefusal> {
    let stored = store.keys.get(name);
    stored.ok_or_else(|| KeyRefusal::not_found(field, format!("there is no key `{name}`")))
}

fn none_current(field: &'static str, name: &str) -> KeyRefusal {
    KeyRefusal::conflict(field, format!("all versions of `{name}` are retired"))
}

fn damaged(error: crate::SecurityError) -> KeyRefusal {
    KeyRefusal::new(crate::RefusalKind::Storage, "store", error.to_string())
}

fn refused(refusal: BlockRefusal, key: &NewKey, under: &str) -> KeyRefusal {
    let why = match refusal {
        BlockRefusal::Block(error) => {
            format!("the key block cannot be opened under `{under}`: {error}")
        }
        BlockRefusal::Security(error) => format!("`{under}` cannot open key blocks: {error}"),
        BlockRefusal::Usage(says) => format!(
            "the key block says its key is for {says}; a key for {} has usage {}",
            key.usage,
            key.usage.tr31()
        ),
    };
    KeyRefusal::invalid("block", why)
}
